// The life of a node as data: every provision state and every move between two of them, in Ironic's names.
// Everything else (verbs, buttons, guards, timers, resume policy, the diagram, the tests) is read from here.
// Knows nothing of stores, tasks or clocks. Longer than other files because a table is only readable whole.

/** Who pulls a move. `user`: a person, or a rule or lease that acts in a person's name (the actor says which). */
export const WHO = ['user', 'system', 'timer'] as const;
export type Who = (typeof WHO)[number];

/** What a state works at. Within one work the target state is kept, so a manual clean ends where it began. */
export type Work = 'verify' | 'inspect' | 'clean' | 'deploy' | 'delete' | 'adopt' | 'rescue' | 'unrescue' | 'service';

/**
 * After a restart: `resume` lets the task go on at its unfinished step (without such a task the node fails, with the reason);
 * `wait` goes on waiting for whom the node waits: its agent, or a person.
 */
export type OnResume = 'resume' | 'wait';

/** For colours and badges. */
export type Tone = 'new' | 'ready' | 'good' | 'busy' | 'waiting' | 'attention' | 'bad';

interface StateBase {
  /** At most 15 characters, as wide as Ironic's column. */
  readonly name: string;
  readonly label: string;
  readonly tone: Tone;
  /** Column and row in the diagram. */
  readonly at: readonly [column: number, row: number];
}

/** Stays until somebody asks for something. */
interface StableState extends StateBase {
  readonly kind: 'stable';
  readonly target: null;
}

/** `working`: a task of ours acts. `waiting`: the machine has the turn. Both end by a timer when nothing is heard for so long. */
interface TransientState extends StateBase {
  readonly kind: 'working' | 'waiting';
  readonly work: Work;
  readonly target: string;
  readonly timeout: { readonly seconds: number; readonly event: string };
  readonly onResume: OnResume;
}

/** `held`: a step asked for a person's eyes. `failed`: a person decides how it goes on. Neither ends by itself, so neither has a timer. */
interface PausedState extends StateBase {
  readonly kind: 'held' | 'failed';
  readonly work: Work;
  readonly target: string;
}

export type StateRow = StableState | TransientState | PausedState;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
// How long an agent may stay silent: Ironic's callback timeouts, all 1800 s.
const SILENCE = { seconds: 30 * MINUTE, event: 'fail' } as const;
// Working states: the last resort behind the steps' own timeouts, counted from the last sign of life.
const SHORT = { seconds: 10 * MINUTE, event: 'fail' } as const;
const MEDIUM = { seconds: 2 * HOUR, event: 'fail' } as const;
// Overwriting a large disk, or draining and re-joining a Ceph host, takes many hours.
const LONG = { seconds: 24 * HOUR, event: 'fail' } as const;

const STABLE = { kind: 'stable', target: null } as const;
const WORKING = { kind: 'working', tone: 'busy', onResume: 'resume' } as const;
const WAITING = { kind: 'waiting', tone: 'waiting', timeout: SILENCE, onResume: 'wait' } as const;
const HELD = { kind: 'held', tone: 'attention' } as const;
const FAILED = { kind: 'failed', tone: 'bad' } as const;

export const STATES = [
  { name: 'enroll', ...STABLE, label: 'Enrolled', tone: 'new', at: [0, 0] },
  { name: 'verifying', ...WORKING, work: 'verify', target: 'manageable', label: 'Verifying', timeout: SHORT, at: [1, 0] },
  { name: 'manageable', ...STABLE, label: 'Manageable', tone: 'ready', at: [2, 0] },

  { name: 'inspecting', ...WORKING, work: 'inspect', target: 'manageable', label: 'Inspecting', timeout: MEDIUM, at: [3, 0] },
  { name: 'inspect wait', ...WAITING, work: 'inspect', target: 'manageable', label: 'Waiting for inspection', at: [5, 0] },
  { name: 'inspect failed', ...FAILED, work: 'inspect', target: 'manageable', label: 'Inspection failed', at: [4, 1] },

  { name: 'cleaning', ...WORKING, work: 'clean', target: 'available', label: 'Cleaning', timeout: LONG, at: [3, 2] },
  { name: 'clean wait', ...WAITING, work: 'clean', target: 'available', label: 'Waiting for cleaning', at: [5, 2] },
  { name: 'clean hold', ...HELD, work: 'clean', target: 'available', label: 'Cleaning held', at: [5, 3] },
  { name: 'clean failed', ...FAILED, work: 'clean', target: 'available', label: 'Cleaning failed', at: [3, 3] },

  { name: 'available', ...STABLE, label: 'Available', tone: 'ready', at: [2, 3] },

  { name: 'deploying', ...WORKING, work: 'deploy', target: 'active', label: 'Deploying', timeout: MEDIUM, at: [3, 4] },
  { name: 'wait call-back', ...WAITING, work: 'deploy', target: 'active', label: 'Waiting for the machine', at: [5, 4] },
  { name: 'deploy hold', ...HELD, work: 'deploy', target: 'active', label: 'Deployment held', at: [5, 5] },
  { name: 'deploy failed', ...FAILED, work: 'deploy', target: 'active', label: 'Deployment failed', at: [3, 5] },

  { name: 'active', ...STABLE, label: 'Active', tone: 'good', at: [2, 5] },

  { name: 'deleting', ...WORKING, work: 'delete', target: 'available', label: 'Deleting', timeout: MEDIUM, at: [1, 5] },
  { name: 'error', ...STABLE, label: 'Error', tone: 'bad', at: [0, 5] },

  { name: 'adopting', ...WORKING, work: 'adopt', target: 'active', label: 'Adopting', timeout: SHORT, at: [1, 3] },
  { name: 'adopt failed', ...FAILED, work: 'adopt', target: 'active', label: 'Adoption failed', at: [0, 3] },

  { name: 'servicing', ...WORKING, work: 'service', target: 'active', label: 'Servicing', timeout: LONG, at: [2, 7] },
  { name: 'service wait', ...WAITING, work: 'service', target: 'active', label: 'Waiting for service', at: [0, 7] },
  { name: 'service hold', ...HELD, work: 'service', target: 'active', label: 'Service held', at: [0, 8] },
  { name: 'service failed', ...FAILED, work: 'service', target: 'active', label: 'Service failed', at: [2, 8] },

  { name: 'rescuing', ...WORKING, work: 'rescue', target: 'rescue', label: 'Rescuing', timeout: MEDIUM, at: [3, 6] },
  { name: 'rescue wait', ...WAITING, work: 'rescue', target: 'rescue', label: 'Waiting for rescue', at: [5, 6] },
  { name: 'rescue', ...STABLE, label: 'Rescue', tone: 'attention', at: [3, 7] },
  { name: 'rescue failed', ...FAILED, work: 'rescue', target: 'rescue', label: 'Rescue failed', at: [5, 7] },
  { name: 'unrescuing', ...WORKING, work: 'unrescue', target: 'active', label: 'Leaving rescue', timeout: MEDIUM, at: [3, 8] },
  { name: 'unrescue failed', ...FAILED, work: 'unrescue', target: 'active', label: 'Leaving rescue failed', at: [5, 8] },
] as const satisfies readonly StateRow[];

export type ProvisionState = (typeof STATES)[number]['name'];
export const STATE_NAMES: readonly ProvisionState[] = STATES.map((state) => state.name);

/** Why a move may be refused though the table has it: guards.ts says what each looks at. */
export type Guard = 'protected' | 'maintenance' | 'ignored' | 'automatic_clean';

export interface MoveRow {
  readonly from: ProvisionState;
  readonly event: string;
  readonly to: ProvisionState;
  readonly who: readonly Who[];
  readonly guards?: readonly Guard[];
  /** The target while under way, where it is not the state's own. */
  readonly target?: ProvisionState;
}

const USER = ['user'] as const;
const SYSTEM = ['system'] as const;
const FAILS = ['system', 'timer'] as const;
// An ignored machine is never touched. Maintenance refuses what Ironic refuses in it: deploying, rescuing, manual cleaning,
// servicing; and lets the rest through, so that a broken node can still be taken apart.
const TOUCHES = ['ignored'] as const;
const STARTS = ['ignored', 'maintenance'] as const;
const WIPES = ['ignored', 'protected'] as const;
const REINSTALLS = ['ignored', 'maintenance', 'protected'] as const;

export const MOVES = [
  { from: 'enroll', event: 'manage', to: 'verifying', who: USER, guards: TOUCHES },
  { from: 'verifying', event: 'done', to: 'manageable', who: SYSTEM },
  // Ironic has no "verify failed": the reason is in last_error only.
  { from: 'verifying', event: 'fail', to: 'enroll', who: FAILS },

  { from: 'manageable', event: 'inspect', to: 'inspecting', who: USER, guards: TOUCHES },
  { from: 'inspecting', event: 'done', to: 'manageable', who: SYSTEM },
  { from: 'inspecting', event: 'wait', to: 'inspect wait', who: SYSTEM },
  { from: 'inspecting', event: 'fail', to: 'inspect failed', who: FAILS },
  { from: 'inspect wait', event: 'done', to: 'manageable', who: SYSTEM },
  { from: 'inspect wait', event: 'resume', to: 'inspecting', who: SYSTEM },
  { from: 'inspect wait', event: 'fail', to: 'inspect failed', who: FAILS },
  { from: 'inspect wait', event: 'abort', to: 'inspect failed', who: USER },
  { from: 'inspect failed', event: 'manage', to: 'manageable', who: USER },
  { from: 'inspect failed', event: 'inspect', to: 'inspecting', who: USER, guards: TOUCHES },

  { from: 'manageable', event: 'provide', to: 'cleaning', who: USER, guards: TOUCHES },
  { from: 'manageable', event: 'clean', to: 'cleaning', who: USER, guards: STARTS, target: 'manageable' },
  { from: 'cleaning', event: 'done', to: 'available', who: SYSTEM, guards: ['automatic_clean'] },
  { from: 'cleaning', event: 'manage', to: 'manageable', who: SYSTEM },
  { from: 'cleaning', event: 'wait', to: 'clean wait', who: SYSTEM },
  { from: 'cleaning', event: 'hold', to: 'clean hold', who: SYSTEM },
  { from: 'cleaning', event: 'fail', to: 'clean failed', who: FAILS },
  { from: 'clean wait', event: 'resume', to: 'cleaning', who: SYSTEM },
  { from: 'clean wait', event: 'hold', to: 'clean hold', who: SYSTEM },
  { from: 'clean wait', event: 'fail', to: 'clean failed', who: FAILS },
  { from: 'clean wait', event: 'abort', to: 'clean failed', who: USER },
  { from: 'clean hold', event: 'unhold', to: 'clean wait', who: USER, guards: TOUCHES },
  { from: 'clean hold', event: 'abort', to: 'clean failed', who: USER },
  { from: 'clean failed', event: 'manage', to: 'manageable', who: USER },

  { from: 'available', event: 'deploy', to: 'deploying', who: USER, guards: STARTS },
  { from: 'available', event: 'manage', to: 'manageable', who: USER },
  { from: 'deploying', event: 'wait', to: 'wait call-back', who: SYSTEM },
  { from: 'deploying', event: 'hold', to: 'deploy hold', who: SYSTEM },
  { from: 'deploying', event: 'done', to: 'active', who: SYSTEM },
  { from: 'deploying', event: 'fail', to: 'deploy failed', who: FAILS },
  { from: 'wait call-back', event: 'resume', to: 'deploying', who: SYSTEM },
  { from: 'wait call-back', event: 'hold', to: 'deploy hold', who: SYSTEM },
  { from: 'wait call-back', event: 'fail', to: 'deploy failed', who: FAILS },
  { from: 'wait call-back', event: 'abort', to: 'deploy failed', who: USER },
  { from: 'wait call-back', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'deploy hold', event: 'unhold', to: 'wait call-back', who: USER, guards: TOUCHES },
  { from: 'deploy hold', event: 'abort', to: 'deploy failed', who: USER },
  { from: 'deploy failed', event: 'deploy', to: 'deploying', who: USER, guards: STARTS },
  { from: 'deploy failed', event: 'rebuild', to: 'deploying', who: USER, guards: REINSTALLS },
  { from: 'deploy failed', event: 'delete', to: 'deleting', who: USER, guards: WIPES },

  { from: 'active', event: 'rebuild', to: 'deploying', who: USER, guards: REINSTALLS },
  { from: 'active', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'active', event: 'rescue', to: 'rescuing', who: USER, guards: STARTS },
  { from: 'active', event: 'service', to: 'servicing', who: USER, guards: STARTS },

  { from: 'deleting', event: 'clean', to: 'cleaning', who: SYSTEM },
  { from: 'deleting', event: 'fail', to: 'error', who: FAILS },
  { from: 'error', event: 'rebuild', to: 'deploying', who: USER, guards: REINSTALLS },
  { from: 'error', event: 'delete', to: 'deleting', who: USER, guards: WIPES },

  { from: 'manageable', event: 'adopt', to: 'adopting', who: USER, guards: TOUCHES },
  { from: 'adopting', event: 'done', to: 'active', who: SYSTEM },
  { from: 'adopting', event: 'fail', to: 'adopt failed', who: FAILS },
  { from: 'adopt failed', event: 'adopt', to: 'adopting', who: USER, guards: TOUCHES },
  { from: 'adopt failed', event: 'manage', to: 'manageable', who: USER },

  { from: 'servicing', event: 'done', to: 'active', who: SYSTEM },
  { from: 'servicing', event: 'wait', to: 'service wait', who: SYSTEM },
  { from: 'servicing', event: 'hold', to: 'service hold', who: SYSTEM },
  { from: 'servicing', event: 'fail', to: 'service failed', who: FAILS },
  { from: 'service wait', event: 'resume', to: 'servicing', who: SYSTEM },
  { from: 'service wait', event: 'hold', to: 'service hold', who: SYSTEM },
  { from: 'service wait', event: 'fail', to: 'service failed', who: FAILS },
  { from: 'service wait', event: 'abort', to: 'service failed', who: USER },
  { from: 'service wait', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'service hold', event: 'service', to: 'servicing', who: USER, guards: STARTS },
  { from: 'service hold', event: 'unhold', to: 'service wait', who: USER, guards: TOUCHES },
  { from: 'service hold', event: 'fail', to: 'service failed', who: SYSTEM },
  { from: 'service hold', event: 'abort', to: 'service failed', who: USER },
  { from: 'service failed', event: 'service', to: 'servicing', who: USER, guards: STARTS },
  { from: 'service failed', event: 'rescue', to: 'rescuing', who: USER, guards: STARTS },
  { from: 'service failed', event: 'wait', to: 'service wait', who: SYSTEM },
  { from: 'service failed', event: 'hold', to: 'service hold', who: SYSTEM },
  { from: 'service failed', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'service failed', event: 'abort', to: 'active', who: USER, guards: ['maintenance'] },

  { from: 'rescuing', event: 'wait', to: 'rescue wait', who: SYSTEM },
  { from: 'rescuing', event: 'done', to: 'rescue', who: SYSTEM },
  { from: 'rescuing', event: 'fail', to: 'rescue failed', who: FAILS },
  { from: 'rescue wait', event: 'resume', to: 'rescuing', who: SYSTEM },
  { from: 'rescue wait', event: 'fail', to: 'rescue failed', who: FAILS },
  { from: 'rescue wait', event: 'abort', to: 'rescue failed', who: USER },
  { from: 'rescue wait', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'rescue', event: 'rescue', to: 'rescuing', who: USER, guards: STARTS },
  { from: 'rescue', event: 'unrescue', to: 'unrescuing', who: USER, guards: STARTS },
  { from: 'rescue', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'rescue failed', event: 'rescue', to: 'rescuing', who: USER, guards: STARTS },
  { from: 'rescue failed', event: 'unrescue', to: 'unrescuing', who: USER, guards: STARTS },
  { from: 'rescue failed', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
  { from: 'unrescuing', event: 'done', to: 'active', who: SYSTEM },
  { from: 'unrescuing', event: 'fail', to: 'unrescue failed', who: FAILS },
  { from: 'unrescue failed', event: 'rescue', to: 'rescuing', who: USER, guards: STARTS },
  { from: 'unrescue failed', event: 'unrescue', to: 'unrescuing', who: USER, guards: STARTS },
  { from: 'unrescue failed', event: 'delete', to: 'deleting', who: USER, guards: WIPES },
] as const satisfies readonly MoveRow[];

export type ProvisionEvent = (typeof MOVES)[number]['event'];
export type Move = MoveRow & { readonly event: ProvisionEvent };

/** The words an API client may ask for, and the event each pulls. `of` marks a synonym. */
export const VERBS = [
  { verb: 'manage', event: 'manage', label: 'Manage' },
  { verb: 'inspect', event: 'inspect', label: 'Inspect' },
  { verb: 'provide', event: 'provide', label: 'Make available' },
  { verb: 'clean', event: 'clean', label: 'Clean' },
  { verb: 'adopt', event: 'adopt', label: 'Take over as it runs' },
  { verb: 'active', event: 'deploy', label: 'Deploy' },
  { verb: 'deploy', event: 'deploy', label: 'Deploy', of: 'active' },
  { verb: 'rebuild', event: 'rebuild', label: 'Re-image' },
  { verb: 'deleted', event: 'delete', label: 'Tear down' },
  { verb: 'undeploy', event: 'delete', label: 'Tear down', of: 'deleted' },
  { verb: 'service', event: 'service', label: 'Service' },
  { verb: 'rescue', event: 'rescue', label: 'Rescue' },
  { verb: 'unrescue', event: 'unrescue', label: 'Leave rescue' },
  { verb: 'unhold', event: 'unhold', label: 'Go on' },
  { verb: 'abort', event: 'abort', label: 'Abort' },
] as const satisfies readonly { verb: string; event: ProvisionEvent; label: string; of?: string }[];

export type Verb = (typeof VERBS)[number]['verb'];

/** Where a node may be deleted without maintenance. `available` as in Ironic's default configuration. */
export const DELETABLE_STATES: readonly ProvisionState[] = ['enroll', 'manageable', 'available', 'adopt failed'];

/**
 * States under way in which a user may still change the node. Ironic lists `inspecting` too, but refuses it from API 1.39 on,
 * and no client older than that is served.
 */
export const UPDATE_ALLOWED_STATES: readonly ProvisionState[] = [
  'verifying',
  'inspect wait',
  'inspect failed',
  'clean failed',
  'deploy failed',
  'error',
  'adopt failed',
  'rescue failed',
  'unrescue failed',
  'service hold',
  'service failed',
];

/** The one state a node may be made in. */
export const FIRST_STATE: ProvisionState = 'enroll';
