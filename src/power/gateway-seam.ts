// How everything above asks a machine: through one gateway that queues, times, retries and gives up. Types only.

import type { Log } from '../lib/index.ts';
import type { Interface, JsonObject, Node } from '../nodes/index.ts';
import type { AgentWord, Call, DiskTouch, Driver, DriverStep, PowerReading, PowerTarget, Registry, StepOutcome, Target } from './seam.ts';

export interface Asking {
  readonly signal: AbortSignal;
  readonly log?: Log;
}

export interface Question<T> {
  readonly which: Interface;
  /** It is about this step: what else the interface lacks is no matter. */
  readonly step?: DriverStep;
  /** For messages: 'reading the boot device'. */
  readonly what: string;
  /** Reads are tried again and refused while the BMC is left alone; writes are done once, and may be what finds it well again. */
  readonly kind: 'read' | 'write';
  /** Return undefined when the driver has no such method: power.unsupported. */
  readonly ask: (driver: Driver, target: Target, call: Call) => Promise<T> | undefined;
  readonly timeoutMs?: number;
}

export interface SetPower extends Asking {
  /** Until it must be so; [power] timeout_seconds unless told. */
  readonly timeoutMs?: number | undefined;
  progress?(fraction: number, text: string): void;
}

export interface StepRequest extends Asking {
  readonly key: string;
  readonly which: Interface;
  readonly step: DriverStep;
  readonly args: JsonObject;
  readonly isResumed: boolean;
  touches?(touch: DiskTouch): Promise<void>;
  /** It had waited and goes on. */
  readonly word?: AgentWord;
  progress(fraction: number, text: string): void;
}

export interface QueueState {
  /** The BMC's address, or the node's UUID where it has none. */
  readonly key: string;
  readonly waiting: number;
  readonly isBusy: boolean;
  readonly breaker: BreakerState;
}

export interface BreakerState {
  readonly state: 'closed' | 'open' | 'probing';
  /** In a row. */
  readonly failures: number;
  /** UTC milliseconds; null unless open. */
  readonly until: number | null;
  readonly reason: string | null;
}

/** Every error it throws is a RackseedError without secrets, or the reason of the caller's own abort. */
export interface Gateway {
  readonly registry: Registry;
  /** Why this interface can't work on the node as it is described; null when it can. Asks no machine. */
  refusal(node: Node, which: Interface): Promise<string | null>;
  powerState(node: Node, asking: Asking): Promise<PowerReading>;
  /** Tells the machine and looks until it is so. What it read last: null where nobody can know. */
  setPower(node: Node, wanted: PowerTarget, asking: SetPower): Promise<PowerReading>;
  ask<T>(node: Node, question: Question<T>, asking: Asking): Promise<T>;
  /** Not timed: the step's own limit is the caller's. */
  runStep(node: Node, request: StepRequest): Promise<StepOutcome>;
  /** Those that work, wait or are left alone. */
  queues(): readonly QueueState[];
  counters(): Readonly<Record<string, number>>;
}
