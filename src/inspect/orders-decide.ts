// What becomes of an order to an agent: given, given again, over, or nobody's any more. Pure: rows and readings go in, verdicts come out.

import { Check, Errors } from 'typebox/value';
import { COMMANDS, isCommandName } from './commands.ts';
import type { Answer, Running } from './protocol.ts';

export type OrderState = 'waiting' | 'given' | 'done' | 'failed' | 'cancelled';

export interface OrderFacts {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly state: string;
  readonly session: string | null;
  readonly attempts: number;
  readonly createdAt: number;
}

/** How an order ends. */
export interface OrderEnd {
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly message: string;
}

/** Boots of a machine that an order is carried into. More, and the order itself is what the machine dies of. */
export const ATTEMPTS_MAX = 3;
/** An order that no task stands behind is meant for now: later than this it surprises whoever has booted the machine meanwhile. */
export const LOOSE_MS = 10 * 60_000;
/** A server's firmware takes up to ten minutes to come back; the states' own timeouts (30 minutes) are behind this one. */
export const SILENT_MS = 15 * 60_000;
/** It was told to go away: silence says that it did. */
export const GONE_MS = 95_000;

/** What an agent's beat means for the order that was given to its machine. */
export type GivenVerdict =
  | { readonly is: 'running' }
  /** The reply that carried it was lost: the agent has never seen it, or it would say so. */
  | { readonly is: 'unseen' }
  | { readonly is: 'again' }
  | { readonly is: 'over'; readonly end: OrderEnd };

export function givenVerdict(order: OrderFacts, session: string, running: Pick<Running, 'commandId'> | null): GivenVerdict {
  if (order.session === session) return running === null ? { is: 'unseen' } : { is: 'running' };
  if (endsByBoot(order)) return { is: 'over', end: { state: 'done', message: 'the machine has booted anew' } };
  if (order.attempts < ATTEMPTS_MAX) return { is: 'again' };
  const message = `the machine booted anew ${order.attempts} times while its agent was at "${titleOf(order)}": it is not tried again. Look at its screen, its power supply and its log`;
  return { is: 'over', end: { state: 'failed', message } };
}

/** Nothing was heard of the agent since `heardAt` while it had this order. Undefined: it has time. */
export function silenceVerdict(order: OrderFacts, silentMs: number): OrderEnd | undefined {
  if (endsByBoot(order))
    return silentMs < GONE_MS ? undefined : { state: 'done', message: 'the agent went away without an answer, as it was told to go' };
  if (silentMs < SILENT_MS) return undefined;
  const minutes = Math.floor(silentMs / 60_000);
  const message = `nothing was heard of the agent for ${minutes} minutes while it was at "${titleOf(order)}". Look whether the machine is on, what its screen says and whether it reaches the appliance`;
  return { state: 'failed', message };
}

/** Why this one is not given out any more. `isWanted`: its task has not ended; null: it has none. */
export function staleReason(order: OrderFacts, now: number, isWanted: boolean | null): string | undefined {
  if (isWanted === false) return 'the work that wanted it is over';
  if (isWanted === null && now - order.createdAt > LOOSE_MS) return `no agent took it within ${LOOSE_MS / 60_000} minutes`;
  return undefined;
}

/** What a task's steps place their orders under begins with its id. Null: not a task's. */
export function taskOf(key: string): string | null {
  return /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):/.exec(key)?.[1] ?? null;
}

/** Why an order may not be placed: in words that name the key. */
export function badOrder(name: string, args: unknown): string | undefined {
  if (!isCommandName(name)) return `no agent knows the command "${name.slice(0, 64)}"`;
  return misfit(COMMANDS[name].args, args);
}

/** What an answer ends its order with. */
export function answerEnd(order: OrderFacts, answer: Answer, resultBytes: number, maxBytes: number): OrderEnd {
  const message = answer.message.slice(0, 1024);
  if (answer.outcome !== 'done')
    return { state: 'failed', message: message === '' ? `the agent ${answer.outcome} it and did not say why` : message };
  if (resultBytes > maxBytes)
    return { state: 'failed', message: `what it found is ${resultBytes} bytes long, and at most ${maxBytes} are kept` };
  const wrong = isCommandName(order.name) ? misfit(COMMANDS[order.name].result, answer.result ?? {}) : undefined;
  if (wrong !== undefined) return { state: 'failed', message: `it says that it is done, but its result is not in the protocol: ${wrong}` };
  return { state: 'done', message };
}

/** Why an answer does not count; undefined: it does. */
export function answerRefusal(
  order: (OrderFacts & { readonly nodeUuid: string }) | undefined,
  from: { readonly nodeUuid: string; readonly session: string },
): string | undefined {
  if (order === undefined) return 'no order has that id';
  if (order.nodeUuid !== from.nodeUuid) return 'that order is of another machine';
  if (order.state === 'waiting') return 'that order has not been given to the agent of this boot';
  if (order.session !== from.session) return 'that order was given to the agent of another boot';
  return undefined;
}

export function titleOf({ name }: Pick<OrderFacts, 'name'>): string {
  return isCommandName(name) ? COMMANDS[name].title : name;
}

export function endsByBoot({ name }: Pick<OrderFacts, 'name'>): boolean {
  return isCommandName(name) && 'ends' in COMMANDS[name];
}

function misfit(schema: (typeof COMMANDS)[keyof typeof COMMANDS]['args' | 'result'], value: unknown): string | undefined {
  if (Check(schema, value)) return undefined;
  const [first] = Errors(schema, value);
  const at = first?.instancePath === undefined || first.instancePath === '' ? 'it' : first.instancePath.slice(1).replaceAll('/', '.');
  // TypeBox's words for a key that is none of its object's.
  if (first?.message === 'schema is false') return `${at} is not known to it`;
  return `${at} ${first?.message ?? 'does not fit'}`.slice(0, 300);
}
