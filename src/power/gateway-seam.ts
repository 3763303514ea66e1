// How everything above asks a machine: through one gateway that queues, times, retries and gives up. Types only.

import type { Interface, Node } from '../nodes/index.ts';
import type { Call, Driver, PowerReading, PowerTarget, Registry, Target } from './seam.ts';

export interface RunCall extends Call {
  /** What is done, for logs and errors: 'reading the boot device', 'deploy step write_image'. */
  readonly what: string;
  /** Null: ended by the signal only. Left out: as long as a question may take. */
  readonly timeoutMs?: number | null;
  /**
   * `read`: tried again where that can help, and refused while the BMC is left alone. `write`: done once, and may be what finds the BMC
   * well again. `step`: may take hours, so it neither waits in the BMC's queue nor takes one of the workers. `write` unless told; `step`
   * where there is no timeout.
   */
  readonly kind?: 'read' | 'write' | 'step';
}

export interface SetPowerCall extends Call {
  /** Until it must be so; null or left out: [power] timeout_seconds, or longer where the driver needs longer. */
  readonly timeoutMs?: number | null;
  progress?(fraction: number, text: string): void;
}

export interface BreakerState {
  readonly state: 'closed' | 'open' | 'probing';
  /** In a row. */
  readonly failures: number;
  /** UTC milliseconds: reads are refused until then; null unless open. */
  readonly until: number | null;
  /** The last failure, in words. */
  readonly reason: string | null;
}

export interface QueueState {
  /** The BMC's address, or the node's UUID where it has none. */
  readonly key: string;
  readonly waiting: number;
  readonly isBusy: boolean;
  readonly breaker: BreakerState;
}

/** Every error it throws is a RackseedError without secrets, or the reason of the caller's own abort. */
export interface Gateway {
  readonly registry: Registry;
  /** The machine with its secrets opened. */
  target(node: Node): Promise<Target>;
  /** Why this interface can't work on the node as it is described; null when it can. Asks no machine. */
  refusal(node: Node, which: Interface): Promise<string | null>;
  readPower(node: Node, call: Call): Promise<PowerReading>;
  /** Tells the machine and looks until it is so. What was read last: null where nobody can know. */
  setPower(node: Node, wanted: PowerTarget, call: SetPowerCall): Promise<PowerReading>;
  /** Hands the node's driver of that interface to `work`, in its turn. */
  run<T>(node: Node, which: Interface, call: RunCall, work: (driver: Driver, target: Target, call: Call) => Promise<T>): Promise<T>;
  /** Those that work, wait or are left alone. */
  queues(): readonly QueueState[];
  counters(): Readonly<Record<string, number>>;
}
