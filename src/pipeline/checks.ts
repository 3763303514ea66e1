// Looks at a machine by all checks of its pipeline, and changes nothing: before a run for what it would do, after one for what has drifted.

import type { Clock, Log } from '../lib/index.ts';
import type { Node } from '../nodes/index.ts';
import { noPipeline } from './desk.ts';
import type { PipelineFiles } from './files.ts';
import { planOf } from './plan.ts';
import type { Planned } from './plan-decide.ts';
import type { RunnerParts } from './runner.ts';

export interface Looked {
  readonly pipeline: string;
  readonly steps: readonly Planned[];
}

export interface CheckParts extends Pick<RunnerParts, 'steps' | 'look' | 'open'> {
  readonly files: Pick<PipelineFiles, 'get'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly pipelineOf: (node: { readonly extra?: unknown }) => string | undefined;
}

export interface CheckOrder {
  readonly pipeline?: string | undefined;
  readonly isDrift: boolean;
  /** Steps that were not looked at by then are told as unknown. */
  readonly limitMs: number;
}

export async function checkNode(parts: CheckParts, node: Node, { pipeline: asked, isDrift, limitMs }: CheckOrder): Promise<Looked> {
  const name = asked ?? parts.pipelineOf(node);
  if (name === undefined) throw noPipeline(node);
  const pipeline = await parts.files.get(name);
  const look = await parts.look(node.uuid);
  const over = new AbortController();
  const hands = await parts.open(look, over.signal);
  const deadline = parts.clock.monotonic() + limitMs;
  try {
    return { pipeline: name, steps: await planOf({ ...parts, look, hands, deadline, signal: over.signal, isDrift }, pipeline) };
  } finally {
    over.abort(LOOKED);
    await hands.close();
  }
}

const LOOKED = new Error('looked at');
