// How the deploy driver of installers has the steps after an installation done: as one service step, that a desk drives from wherever it is.
// Types only; whoever serves pipelines keeps the record of runs, also over a restart of the appliance.

import type { JsonObject } from '../nodes/index.ts';

export interface PipelineOrder {
  readonly nodeUuid: string;
  /** Of the step of this service; the same gives the same run. */
  readonly service: string;
  /** `pipeline`: another one than its profile names. `run`: this one goes on. */
  readonly args: JsonObject;
  readonly signal: AbortSignal;
  progress(fraction: number, text: string): void;
  log(line: string): void;
}

export type PipelineStanding =
  | { readonly is: 'done'; readonly text: string }
  /** It is somebody else's turn till then, or until it is woken. */
  | { readonly is: 'waits'; readonly until: number; readonly text: string };

export interface PipelineDesk {
  /** Works until the run is over or has to wait; throws what a step failed with, and the next thing to do. */
  drive(order: PipelineOrder): Promise<PipelineStanding>;
  /** The machine has its new system: the pipeline of its profile is to begin once its node is active. Says which; null: none. */
  deployed(nodeUuid: string, deployment: string): Promise<string | null>;
}
