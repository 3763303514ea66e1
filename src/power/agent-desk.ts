// How drivers have the agent on a machine do something: they place an order, and ask how it stands. Types only; whoever talks to agents
// keeps the orders, also over a restart of the appliance.

import type { JsonObject } from '../nodes/index.ts';

export interface AgentOrder {
  /**
   * Of the step that wants it (StepRun.key, and more behind it where a step places several): placing it again under the same key places
   * nothing. It begins with a task's id, and when that task has ended it is not given out any more; one that does not is given within ten
   * minutes or never.
   */
  readonly key: string;
  /** A command of the agent's, with arguments that fit it. */
  readonly name: string;
  readonly args: JsonObject;
}

export type OrderStanding =
  | { readonly state: 'waiting' }
  | { readonly state: 'given'; readonly fraction: number; readonly text: string }
  | { readonly state: 'done'; readonly message: string; readonly result: JsonObject }
  /** It failed, was refused, or was lost with a boot of the machine. `isUntouched`: nothing was done, for certain. */
  | { readonly state: 'failed'; readonly message: string; readonly isUntouched?: true };

export interface AgentDesk {
  /** The agent runs there now. */
  isBeating(nodeUuid: string): boolean;
  /** The same, but soon after a start of the appliance, when no agent had time to be heard, that of a machine that may run one is waited for. */
  seen(nodeUuid: string, signal: AbortSignal): Promise<boolean>;
  /** Stored when it resolves. The life cycle is woken when the agent has answered. Throws inspect.bad_order when the arguments do not fit. */
  place(nodeUuid: string, order: AgentOrder): Promise<OrderStanding>;
  /** Undefined: nobody placed it. */
  standing(nodeUuid: string, key: string): Promise<OrderStanding | undefined>;
  /** Waits until it is done or has failed; undefined: it was placed by nobody. Rejects with the signal's reason. */
  ended(nodeUuid: string, key: string, signal: AbortSignal): Promise<OrderStanding | undefined>;
  /**
   * What waits, or of it that key and those under it (a task's id: all of its), is not given out any more, nor given once more what the machine
   * goes away by; what runs is not stopped.
   */
  cancel(nodeUuid: string, reason: string, key?: string): Promise<void>;
  /** The last report of the disks, as inspect/disk-contents has them; null before there is one. */
  inventory(nodeUuid: string): Promise<{ readonly inventory: JsonObject; readonly pluginData: JsonObject } | null>;
}
