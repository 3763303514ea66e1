// Pipelines as people ask for them: what there is, what one would do, how a run stands; and the words by which it begins, goes on or ends. The
// work itself is a service of the life cycle.

import type { Clock } from '../lib/index.ts';
import type { By, Interface, JsonObject, Node, Nodes, ProvisionState } from '../nodes/index.ts';
import { RUN_PIPELINE } from '../power/index.ts';
import type { Store } from '../store/index.ts';
import type { PipelineRun, RunBook, RunState } from './book.ts';
import { type CheckParts, checkNode, type Looked } from './checks.ts';
import type { RunStep } from './cursor-decide.ts';
import { noPipeline } from './desk.ts';
import { type Drift, driftOf } from './drift-decide.ts';
import { fail } from './errors.ts';
import type { PipelineFile, PipelineFiles } from './files.ts';
import type { PipelineStep } from './seam.ts';

/** What of the life cycle is asked. */
export interface Serving {
  provision(node: Node, request: ServiceRequest, by: By): Promise<void>;
  agentHeard(uuid: string, word: { readonly status: 'end' }): Promise<void>;
}

interface ServiceRequest {
  readonly verb: string;
  readonly serviceSteps?: readonly { readonly interface: Interface; readonly step: string; readonly args: JsonObject }[];
}

export interface RunView {
  readonly uuid: string;
  readonly pipeline: string;
  readonly state: RunState;
  readonly steps: readonly (RunStep & { readonly title: string })[];
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
}

export interface PipelineView {
  /** That of its profile; null: it names none. */
  readonly pipeline: string | null;
  readonly nodeState: ProvisionState;
  /** The newest; null: there was none. */
  readonly run: RunView | null;
  /** What to do now, where a person is to do something. */
  readonly next: string | null;
}

export interface Pipelines {
  list(): Promise<readonly PipelineFile[]>;
  show(node: Node): Promise<PipelineView>;
  /** Both only look. */
  plan(node: Node, pipeline: string | undefined): Promise<Looked>;
  verify(node: Node): Promise<Looked & { readonly drift: Drift }>;
  /** Accepted when they return; each throws what refuses it. */
  run(node: Node, pipeline: string | undefined, by: By): Promise<void>;
  resume(node: Node, by: By): Promise<void>;
  retry(node: Node, step: string, by: By): Promise<void>;
  /** `stays`: the run does not go on by it. */
  skip(node: Node, step: string, how: { readonly reason: string; readonly stays: boolean }, by: By): Promise<void>;
  abort(node: Node, by: By): Promise<void>;
}

export interface PipelinesParts extends CheckParts {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get' | 'update'>;
  readonly book: RunBook;
  readonly steps: ReadonlyMap<string, PipelineStep>;
  readonly files: PipelineFiles;
  readonly clock: Clock;
  readonly lifecycle: Serving;
  /** Does its deploy interface run pipelines? */
  readonly canRun: (node: Node) => boolean;
}

const IN_SERVICE: readonly ProvisionState[] = ['servicing', 'service wait', 'service hold'];
/** What the life cycle writes into `fault` when a service has failed: whoever goes on takes the node out of maintenance by that. */
const SERVICE_FAULT = 'service failure';
/** Less than a client waits for an answer of our API. */
const LOOK_MS = 24_000;

export function createPipelines(parts: PipelinesParts): Pipelines {
  const { book, files } = parts;
  return {
    list: () => files.list(),
    show: (node) => show(parts, node),
    plan: (node, pipeline) => checkNode(parts, node, { pipeline, isDrift: false, limitMs: LOOK_MS }),
    verify: async (node) => {
      const looked = await checkNode(parts, node, { isDrift: true, limitMs: LOOK_MS });
      return { ...looked, drift: driftOf(looked.steps) };
    },
    run: async (node, asked, by) => {
      const pipeline = asked ?? parts.pipelineOf(node);
      if (pipeline === undefined) throw noPipeline(node);
      await files.get(pipeline); // what is wrong with its file is better heard now
      await serve(parts, node, { pipeline }, by);
    },
    resume: async (node, by) => goOn(parts, await stoppedRun(parts, node), node, by),
    retry: async (node, step, by) => goOn(parts, await book.retry((await stoppedRun(parts, node)).uuid, step), node, by),
    skip: async (node, step, { reason, stays }, by) => {
      const run = await book.skip((await stoppedRun(parts, node)).uuid, step, reason);
      if (!stays) await goOn(parts, run, node, by);
    },
    abort: (node, by) => abort(parts, node, by),
  };
}

async function show({ book, steps, pipelineOf }: PipelinesParts, node: Node): Promise<PipelineView> {
  const newest = await book.newest(node.uuid);
  const pipeline = pipelineOf(node) ?? null;
  const due = await dueOf(book, node);
  const run = newest === undefined ? null : viewOf(newest, steps, node);
  const next = due === undefined ? nextStep(node, run, pipeline) : `${due.pipeline} begins by itself once the node is active`;
  return { pipeline, nodeState: node.provisionState, run, next };
}

async function dueOf(book: RunBook, { uuid }: Node): Promise<PipelineRun | undefined> {
  return (await book.dues()).find(({ nodeUuid }) => nodeUuid === uuid);
}

/** One that is written down as under way, and whose node is not in service, was cut off by other words. */
function viewOf(run: PipelineRun, steps: ReadonlyMap<string, PipelineStep>, node: Node): RunView {
  const { uuid, pipeline, cursor, createdAt, updatedAt, endedAt } = run;
  const state = isCutOff(run, node) ? 'failed' : run.state;
  const named = cursor.map((step) => ({ ...step, title: steps.get(step.step)?.title ?? step.step }));
  return { uuid, pipeline, state, steps: named, startedAt: createdAt, updatedAt, endedAt };
}

function isCutOff({ state }: PipelineRun, { provisionState }: Node): boolean {
  return state === 'running' && !IN_SERVICE.includes(provisionState);
}

function nextStep(node: Node, run: RunView | null, pipeline: string | null): string | null {
  const title = node.name ?? node.uuid;
  if (run === null) {
    if (node.provisionState === 'service failed')
      return `${node.lastError ?? 'its service failed'}. To give it up: rackseed pipeline abort ${title}`;
    return pipeline === null || node.provisionState !== 'active'
      ? null
      : `rackseed pipeline plan ${title}, then: rackseed pipeline run ${title}`;
  }
  if (run.state !== 'failed') return null;
  const stuck = run.steps.find(({ state }) => state === 'failed');
  // Without a step it failed before it came to one.
  const why = stuck === undefined ? node.lastError : stuck.hint;
  const hint = why === null ? '' : `${why} `;
  const skip = stuck === undefined ? '' : `, or leave the step out: rackseed pipeline skip ${title} ${stuck.id} --reason WHY`;
  return `${hint}Then: rackseed pipeline resume ${title}${skip}, or give it up: rackseed pipeline abort ${title}`;
}

/** The newest, failed; what was cut off counts as that. */
async function stoppedRun({ book, nodes }: PipelinesParts, node: Node): Promise<PipelineRun> {
  const run = await book.newest(node.uuid);
  const title = node.name ?? node.uuid;
  if (run === undefined)
    throw fail('pipeline.unknown', { message: `no pipeline was run on ${title}`, hint: `Begin one: rackseed pipeline run ${title}` });
  if (isCutOff(run, await nodes.get(node.uuid)))
    return book.stopped(run.uuid, `the pipeline ${run.pipeline} was cut off: its node is no longer in service`);
  if (run.state === 'failed') return run;
  throw fail('pipeline.under_way', {
    message: `the run of ${run.pipeline} on ${title} is ${run.state}`,
    hint: run.state === 'running' ? `Wait, or end it: rackseed pipeline abort ${title}` : `Begin a new one: rackseed pipeline run ${title}`,
  });
}

async function goOn(parts: PipelinesParts, { uuid }: PipelineRun, node: Node, by: By): Promise<void> {
  await serve(parts, node, { run: uuid }, by);
}

async function serve(parts: PipelinesParts, { uuid }: Node, args: JsonObject, by: By): Promise<void> {
  const node = await parts.nodes.get(uuid);
  if (!parts.canRun(node))
    throw fail('pipeline.impossible', {
      message: `the deploy interface of ${node.name ?? node.uuid} runs no pipelines`,
      hint: 'They follow installations of Proxmox VE: set its deploy_interface to "proxmox".',
    });
  await outOfFault(parts, uuid, { verb: 'service', serviceSteps: [{ interface: 'deploy', step: RUN_PIPELINE, args }] }, by);
}

/**
 * A failed service leaves its node in maintenance, as in Ironic; who goes on, or gives it up, has looked. Other reasons stay, and where it is
 * refused all is as it was.
 */
async function outOfFault({ store, nodes, lifecycle }: PipelinesParts, uuid: string, request: ServiceRequest, by: By): Promise<void> {
  const system = { who: 'system', actor: 'pipeline' } as const;
  const [before, node] = await store.transaction(async (tx) => {
    const was = await nodes.get(uuid, tx);
    const isFault = was.maintenance && was.fault === SERVICE_FAULT && was.provisionState === 'service failed';
    return isFault ? [was, await nodes.update(tx, was, { maintenance: false }, system)] : [undefined, was];
  });
  try {
    await lifecycle.provision(node, request, by);
  } catch (refusal) {
    if (before !== undefined)
      await store.transaction(async (tx) => {
        const now = await nodes.get(uuid, tx);
        if (now.maintenance || now.provisionState !== 'service failed') return;
        const { maintenanceReason, fault } = before;
        await nodes.update(tx, now, { maintenance: true, maintenanceReason, fault }, system);
      });
    throw refusal;
  }
}

/** What was due is not any more; false: nothing was. */
async function callOff({ book, nodes }: PipelinesParts, uuid: string): Promise<boolean> {
  if ((await dueOf(book, await nodes.get(uuid))) === undefined) return false;
  await book.noLongerDue(uuid);
  return true;
}

/** What is due stays so until its run has begun: the service that is under way may be the one that begins it. */
function beginning({ name, uuid, provisionState }: Node): Error {
  const title = name ?? uuid;
  return fail('pipeline.under_way', {
    message: `what was due on ${title} is called off, but ${title} is ${provisionState} already, and that may begin it`,
    hint: `Look at: rackseed pipeline show ${title}; where it shows a run that is under way: rackseed pipeline abort ${title}`,
  });
}

async function abort(parts: PipelinesParts, { uuid }: Node, by: By): Promise<void> {
  const { book, lifecycle } = parts;
  const isCalledOff = await callOff(parts, uuid);
  // After that: a service that was accepted before may have begun it meanwhile.
  const node = await parts.nodes.get(uuid);
  const run = await book.newest(uuid);
  if (isCalledOff && node.provisionState !== 'service failed' && !IN_SERVICE.includes(node.provisionState)) return;
  if (run?.state === 'running' && IN_SERVICE.includes(node.provisionState)) {
    await book.abort(run.uuid);
    // One that waits looks now; one at work ends before its next step.
    await lifecycle.agentHeard(uuid, { status: 'end' });
    return;
  }
  if (isCalledOff && node.provisionState !== 'service failed') throw beginning(node);
  if (run !== undefined && isCutOff(run, node)) await book.stopped(run.uuid, `the pipeline ${run.pipeline} was cut off`);
  const newest = await book.newest(uuid);
  if (newest?.state === 'failed') await book.abort(newest.uuid);
  if (node.provisionState === 'service failed') await outOfFault(parts, uuid, { verb: 'abort' }, by);
  else if (newest?.state !== 'failed')
    throw fail('pipeline.over', {
      message: `nothing of a pipeline is under way on ${node.name ?? node.uuid}: it is ${node.provisionState}`,
      hint: `Look at: rackseed pipeline show ${node.name ?? node.uuid}`,
    });
}
