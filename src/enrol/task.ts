// Taking a machine in, as a task: its name and what it shall be, then the verbs one after the other, each asked for once and waited for. It can
// be cut off anywhere: where the node stands says how far it came. Does nothing to a machine itself.

import { type Static, Type } from 'typebox';
import { DISCOVERED_DRIVER } from '../inspect/index.ts';
import {
  isTransient,
  type JsonObject,
  type Node,
  type NodeChanges,
  nodeTitle,
  type ProvisionState,
  stateOf,
  type Verb,
} from '../nodes/index.ts';
import { defineTask, done, type Step, type StepContext, type StepResult, type TaskDefinition, waitFor } from '../tasks/index.ts';
import { createBook } from './book.ts';
import { fail } from './errors.ts';
import { type EnrolDeps, KEEP_AGENT, type Profile, profileNamed } from './parts.ts';
import { tell } from './review.ts';

export const ENROL_KIND = 'node.enrol';
/** The wake of a task whose node has moved. */
export const MOVED = 'moved';

const maybe = Type.Union([Type.String(), Type.Null()]);
export const enrolArgs = Type.Object({
  name: maybe,
  profile: maybe,
  by: Type.String(),
  /** Hints for the one disk that the plan has for the system. */
  rootDevice: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
});
export type EnrolArgs = Static<typeof enrolArgs>;

type Context = StepContext<EnrolArgs>;
/** What the task works with; the life cycle is made after the engine that has the definitions. */
export type EnrolTaskDeps = Pick<
  EnrolDeps,
  'nodes' | 'store' | 'config' | 'registry' | 'imageInfo' | 'installRefusal' | 'clock' | 'lifecycle' | 'desk'
>;

const MINUTE = 60_000;
const BY = { who: 'system', actor: 'enrolment' } as const;
/** Looks up now and then in case that nobody woke it. */
const LOOK_MS = MINUTE;

/** A verb of the life cycle on the way: where it is asked for, and how far the node has come when it is over. */
interface Stage {
  readonly verb: Verb;
  readonly asked: string;
  readonly awaited: string;
  readonly title: string;
  readonly from: readonly ProvisionState[];
  readonly rank: number;
}

const DEPLOY = 'deploy';

const STAGES: readonly Stage[] = [
  { verb: 'manage', asked: 'manage', awaited: 'managed', title: 'Verify', from: ['enroll', 'clean failed', 'inspect failed'], rank: 1 },
  { verb: 'provide', asked: 'provide', awaited: 'available', title: 'Clean', from: ['manageable'], rank: 2 },
  { verb: 'active', asked: DEPLOY, awaited: 'active', title: 'Deploy', from: ['available', 'deploy failed'], rank: 3 },
];

/** How far a node in this state has come. What is not here is no place on this way. */
const RANK: Readonly<Partial<Record<ProvisionState, number>>> = {
  enroll: 0,
  'clean failed': 0,
  'inspect failed': 0,
  manageable: 1,
  available: 2,
  'deploy failed': 2,
  deploying: 2,
  'wait call-back': 2,
  'deploy hold': 2,
  active: 3,
  // Its pipeline goes on by itself, and has its own end.
  servicing: 3,
  'service wait': 3,
  'service hold': 3,
  'service failed': 3,
};

export function enrolDefinition(deps: () => EnrolTaskDeps): TaskDefinition {
  const stages = STAGES.flatMap((stage) => stepsOf(deps, stage));
  const prepared: Step<EnrolArgs> = {
    name: 'prepare',
    title: 'Name it and say what it shall be',
    timeoutMs: MINUTE,
    retry: { attempts: 10, firstDelayMs: 200, maxDelayMs: 5000 },
    run: (context) => prepare(deps(), context),
  };
  const last: Step<EnrolArgs> = { name: 'finish', title: 'Finish', timeoutMs: MINUTE, run: (context) => finish(deps(), context) };
  const definition = defineTask({ kind: ENROL_KIND, title: 'Take the machine in', args: enrolArgs, steps: [prepared, ...stages, last] });
  return definition as TaskDefinition; // the engine checks the arguments before any step is called
}

function stepsOf(deps: () => EnrolTaskDeps, stage: Stage): Step<EnrolArgs>[] {
  const when = (context: Context): boolean => stage.verb !== 'active' || profileOf(deps(), context) !== undefined;
  return [
    {
      name: stage.asked,
      title: `${stage.title}: ask`,
      timeoutMs: 2 * MINUTE,
      // Somebody works on the node just now.
      retry: { attempts: 100, firstDelayMs: 500, maxDelayMs: 10_000 },
      when,
      run: (context) => ask(deps(), context, stage),
    },
    {
      name: stage.awaited,
      title: stage.title,
      timeoutMs: 2 * MINUTE,
      when: (context) => when(context) && (stage.verb !== 'active' || leftOut(context) === null),
      run: (context) => reach(deps(), context, stage),
    },
  ];
}

/** Why it is not deployed: what its profile wants is not there. */
function leftOut({ results }: Context): string | null {
  const asked = results[DEPLOY];
  return typeof asked === 'object' && asked !== null && 'left' in asked && typeof asked.left === 'string' ? asked.left : null;
}

function profileOf(deps: Pick<EnrolTaskDeps, 'config'>, { args }: Context): Profile | undefined {
  return args.profile === null ? undefined : profileNamed(deps, args.profile);
}

async function nodeOf({ nodes }: Pick<EnrolTaskDeps, 'nodes'>, { nodeUuid }: Context): Promise<Node> {
  const node = await nodes.find(nodeUuid ?? '');
  if (node !== undefined) return node;
  throw fail('enrol.failed', {
    message: `the node ${nodeUuid ?? ''} was removed while it was taken in`,
    hint: 'Boot the machine again to discover it anew.',
  });
}

async function prepare(deps: EnrolTaskDeps, context: Context): Promise<StepResult> {
  const profile = profileOf(deps, context);
  await nodeOf(deps, context);
  await context.transaction(async (tx) => {
    const node = await deps.nodes.get(context.nodeUuid ?? '', tx);
    const changes = changesFor(deps, node, context.args, profile);
    // Throws with what there is to choose from when the node's hardware type does not have it.
    deps.registry.driverOf({ driver: node.driver, interfaces: changes.interfaces ?? node.interfaces }, 'deploy');
    await deps.nodes.update(tx, node, changes, BY);
  });
  return done();
}

/** What a person has chosen for the node stays. */
function changesFor(deps: EnrolTaskDeps, node: Node, { name, rootDevice }: EnrolArgs, profile: Profile | undefined): NodeChanges {
  const isHinted = rootDevice === null || node.properties.root_device !== undefined;
  const root: JsonObject = isHinted ? {} : { root_device: { ...rootDevice } };
  const info: JsonObject = profile?.os === 'image' ? { ...deps.imageInfo(profile), ...root } : {};
  const deploy = node.interfaces.deploy ?? (profile === undefined ? undefined : profile.os === 'image' ? 'direct' : 'proxmox');
  // The agent on it can switch it as long as it runs; a person is asked where nothing else can.
  const power = node.interfaces.power ?? (node.driver === DISCOVERED_DRIVER ? 'chain' : undefined);
  const chosen = { ...(deploy === undefined ? {} : { deploy }), ...(power === undefined ? {} : { power }) };
  const marks =
    profile === undefined ? {} : { profile: profile.name, ...(profile.cluster === undefined ? {} : { cluster: profile.cluster }) };
  return {
    ...(name === null ? {} : { name }),
    // Nobody may have asked yet; a machine whose agent speaks is on.
    ...(deps.desk.isBeating(node.uuid) ? { powerState: 'power on' as const } : {}),
    interfaces: { ...node.interfaces, ...chosen },
    ...(profile?.resource_class === undefined ? {} : { resourceClass: profile.resource_class }),
    ...(node.maintenance && node.fault !== null ? { maintenance: false } : {}),
    instanceInfo: { ...node.instanceInfo, ...info },
    extra: { ...node.extra, ...marks },
    driverInternalInfo: { ...node.driverInternalInfo, [KEEP_AGENT]: true },
    lastError: null,
  };
}

async function ask(deps: EnrolTaskDeps, context: Context, { verb, from, title }: Stage): Promise<StepResult> {
  const node = await nodeOf(deps, context);
  // Under way or past it: it was asked for before this step was cut off, or a person did it.
  if (!from.includes(node.provisionState)) return done();
  const refusal = verb === 'active' && profileOf(deps, context)?.os === 'proxmox' ? deps.installRefusal(node) : null;
  if (refusal !== null) {
    context.log(`it is not deployed: ${refusal}`);
    return done({ left: refusal });
  }
  context.progress(0, `${title.toLowerCase()}: asked for`);
  await deps.lifecycle.provision(node, { verb }, { who: 'user', actor: context.args.by });
  return done();
}

async function reach(deps: EnrolTaskDeps, context: Context, { rank, title }: Stage): Promise<StepResult> {
  const node = await nodeOf(deps, context);
  const { provisionState: state } = node;
  const reached = RANK[state];
  if (reached !== undefined && reached >= rank) return done();
  context.progress(0.5, `${title.toLowerCase()}: ${stateOf(state).label.toLowerCase()}`);
  if (isTransient(state) || stateOf(state).kind === 'held') return waitFor(MOVED, deps.clock.now() + LOOK_MS);
  throw fail('enrol.failed', {
    message: `${title} did not come to its end: node ${nodeTitle(node)} is ${state}${node.lastError === null ? '' : `: ${node.lastError}`}`,
    hint: `Put right what it names, then approve it again: rackseed node approve ${nodeTitle(node)}`,
    detail: { node: node.uuid, state },
  });
}

async function finish(deps: EnrolTaskDeps, context: Context): Promise<StepResult> {
  const profile = profileOf(deps, context);
  await nodeOf(deps, context);
  return context.finish(async (tx) => {
    const node = await deps.nodes.get(context.nodeUuid ?? '', tx);
    const { [KEEP_AGENT]: _, ...driverInternalInfo } = node.driverInternalInfo;
    await deps.nodes.update(tx, node, { driverInternalInfo }, BY);
    const reason = endWords(node, profile, leftOut(context));
    await createBook({ db: deps.store.db, clock: deps.clock }).write(tx, node.uuid, { state: 'done', reason });
    await tell(deps, tx, node, { type: 'enrol.done', message: `${nodeTitle(node)} is taken in: ${reason}` });
  });
}

function endWords(node: Node, profile: Profile | undefined, left: string | null): string {
  if (left !== null) return `it is ${node.provisionState}, and not installed: ${left}; deploy it when that is put right`;
  if (profile === undefined) return `it is ${node.provisionState}, without a profile`;
  const next = profile.os === 'proxmox' && profile.pipeline !== undefined ? `; its pipeline ${profile.pipeline} follows` : '';
  return `it is ${node.provisionState}, as profile ${profile.name} says${next}`;
}
