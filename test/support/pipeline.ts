// What a step of a pipeline is tried on: a machine that answers as it is told to, keeps what was asked, and dies where it is told to; and
// the proof that a step may be repeated and cut off anywhere. Not the real thing: quoting, sshd and programs are proven elsewhere.

import { Ajv } from 'ajv';
import { RackseedError, Secret, silentLog } from '../../src/lib/index.ts';
import type { MemberAddress, PipelineStep, Post, PostRequest, Scripts, StepContext, StepLook, Verdict } from '../../src/pipeline/index.ts';
import { NO_SCRIPTS } from '../../src/pipeline/scripts.ts';
import type { Pve, PveMethod, Ran, RootShell, RunOptions } from '../../src/proxmox/index.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** A text is what the command says on out, ending with 0. */
export type Answer = string | Partial<Ran>;

export interface Rule {
  /** The first words of the command, or a look at all of it. A script is ['sh', '-eu', text, …words]. */
  readonly when: readonly string[] | ((command: readonly string[]) => boolean);
  readonly answer: Answer | ((command: readonly string[], machine: FakeMachine, options: RunOptions) => Answer);
}

export interface FakeMachine extends RootShell {
  readonly name: string;
  /** All that was asked, in order; files as ['#read', path] and ['#write', path]. */
  readonly commands: readonly (readonly string[])[];
  readonly files: Map<string, string>;
  /** What the rules of the test keep: it counts as the machine's state. */
  readonly state: Record<string, unknown>;
  /** Asked before those that are there already. */
  on(when: Rule['when'], answer: Rule['answer']): void;
}

export interface MachineOptions {
  readonly name?: string;
  readonly address?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly state?: Record<string, unknown>;
  readonly rules?: readonly Rule[];
}

/** The n-th thing asked of any machine or API of a world is still done, but nobody hears of it, and nothing after it is. */
class Cut {
  left = Number.POSITIVE_INFINITY;
  count = 0;

  /** Throws when the connection is gone, before and after the act. */
  async around<T>(what: string, act: () => T | Promise<T>): Promise<T> {
    if (this.left <= 0) throw broke(what);
    this.count += 1;
    this.left -= 1;
    const result = await act();
    if (this.left <= 0) throw broke(what);
    return result;
  }
}

function broke(what: string): RackseedError {
  const spec = { status: 502, about: 'the connection broke', retryable: true };
  return new RackseedError('proxmox.shell_broke', spec, { message: `the connection broke at: ${what}` });
}

export function fakeMachine(options: MachineOptions = {}, cut: Cut = new Cut()): FakeMachine {
  const rules = [...(options.rules ?? [])];
  const commands: (readonly string[])[] = [];
  const asked = <T>(command: readonly string[], act: () => T): Promise<T> => {
    commands.push(command);
    return cut.around(command.join(' '), act);
  };
  const run = (command: readonly string[], more: RunOptions = {}): Promise<Ran> =>
    asked(command, () => {
      const rule = rules.find(({ when }) => (typeof when === 'function' ? when(command) : when.every((word, at) => command[at] === word)));
      if (rule === undefined) throw new Error(`the test tells nobody what ${JSON.stringify(command)} answers`);
      const answer = typeof rule.answer === 'function' ? rule.answer(command, machine, more) : rule.answer;
      const ran = { code: 0, signal: null, out: '', err: '', ...(typeof answer === 'string' ? { out: answer } : answer) };
      for (const stream of ['out', 'err'] as const)
        for (const line of ran[stream].split('\n').filter((one) => one !== '')) more.onLine?.(line, stream);
      return ran;
    });
  const machine: FakeMachine = {
    name: options.name ?? 'pve1',
    address: options.address ?? '10.0.0.11',
    commands,
    files: new Map(Object.entries(options.files ?? {})),
    state: options.state ?? {},
    on: (when, answer) => {
      rules.unshift({ when, answer });
    },
    run,
    must: async (command, more) => {
      const { code, out, err } = await run(command, more);
      if (code === 0) return out;
      const spec = { status: 502, about: 'a command failed' };
      throw new RackseedError('proxmox.command_failed', spec, {
        message: `${command.join(' ')} ended with ${String(code)}: ${err || out}`,
      });
    },
    script: (text, words, more) => run(['sh', '-eu', text, ...words], more),
    readFile: (path) =>
      asked(['#read', path], () => {
        const text = machine.files.get(path);
        return text === undefined ? undefined : Buffer.from(text);
      }),
    writeFile: (path, content) =>
      asked(['#write', path], () => {
        machine.files.set(path, content.toString());
      }),
  };
  return machine;
}

/** By method and path as the schema writes it: 'GET /nodes/{node}/disks/list'. Throw to refuse; a task is what is answered with nothing. */
export type PveAnswers = Readonly<Record<string, unknown>>;
type PveAnswer = (params: Readonly<Record<string, unknown>>, machine: FakeMachine) => unknown;

export interface WorldOptions {
  readonly node?: Partial<StepLook['node']>;
  readonly profile?: StepLook['profile'];
  readonly cluster?: StepLook['cluster'];
  readonly machine?: MachineOptions;
  /** The member that answers; without it there is none. */
  readonly member?: MachineOptions;
  readonly members?: readonly MemberAddress[];
  readonly pve?: PveAnswers;
  readonly secrets?: Readonly<Record<string, string>>;
  /** What another program answers; status 200 unless told. */
  readonly post?: Post;
  /** The operator's own programs; none unless told. */
  readonly scripts?: Scripts;
  /** Can the machine be reached there now? Everywhere unless told. */
  readonly answersAt?: (address: string, machine: FakeMachine) => boolean;
}

export interface StepWorld {
  readonly machine: FakeMachine;
  readonly member: FakeMachine | undefined;
  readonly clock: FakeClock;
  readonly logs: string[];
  /** Calls of the API: method, path, parameters. */
  readonly calls: { readonly of: 'node' | 'member'; readonly method: PveMethod; readonly path: string; readonly params: unknown }[];
  readonly notes: Map<string, string>;
  /** What other programs were sent. */
  readonly posted: PostRequest[];
  /** Where the step said that the machine is managed from now on. */
  readonly moves: string[];
  readonly abort: AbortController;
  /** How many things were asked of machines and APIs. */
  readonly asked: number;
  /** The n-th thing asked from now on is the last that is done; then all is broken until mend(). */
  dieAfter(count: number): void;
  mend(): void;
  /** What the machines are like now: files and kept state. */
  picture(): string;
  /** Defaults of the step's schema are filled; throws where it refuses the arguments. */
  context<Args>(step: PipelineStep<Args>, args: Readonly<Record<string, unknown>>): StepContext<Args>;
}

export function stepWorld(options: WorldOptions = {}): StepWorld {
  const cut = new Cut();
  const machine = fakeMachine(options.machine, cut);
  const member = options.member === undefined ? undefined : fakeMachine({ name: 'pve0', address: '10.0.0.10', ...options.member }, cut);
  const clock = createFakeClock();
  const logs: string[] = [];
  const notes = new Map<string, string>();
  const moves: string[] = [];
  const posted: PostRequest[] = [];
  const abort = new AbortController();
  const calls: StepWorld['calls'] = [];
  const look = lookOf(options, machine);
  const memberOrNone = (): FakeMachine => member ?? missingMember();
  const pve = (of: 'node' | 'member'): Pve =>
    fakePve(options.pve ?? {}, { of, calls, cut, machine: of === 'node' ? machine : memberOrNone() });
  return {
    machine,
    member,
    clock,
    logs,
    notes,
    moves,
    posted,
    calls,
    abort,
    get asked() {
      return cut.count;
    },
    dieAfter: (count) => {
      cut.left = count;
    },
    mend: () => {
      cut.left = Number.POSITIVE_INFINITY;
    },
    picture: () => JSON.stringify([machine, member].flatMap((one) => (one === undefined ? [] : [pictureOf(one)]))),
    context: (step, args) => ({
      ...look,
      args: filledArgs(step, args),
      shell: machine,
      shellAt: (address) => Promise.resolve().then(() => machineAt(machine, address, options)),
      moved: (address) => {
        moves.push(address);
        return Promise.resolve();
      },
      memberShell: () => Promise.resolve().then(memberOrNone),
      pve: (of) => Promise.resolve().then(() => pve(of)),
      secret: (name) => Promise.resolve(secretOf(options.secrets?.[name])),
      scripts: scriptsOf(options.scripts ?? NO_SCRIPTS, cut),
      post: (request) =>
        cut.around(`POST ${request.url}`, () => {
          posted.push(request);
          return options.post?.(request) ?? { status: 200 };
        }),
      notes: {
        get: (key) => notes.get(key),
        set: (key, value) => {
          notes.set(key, value);
          return Promise.resolve();
        },
      },
      progress: () => undefined,
      log: (line) => {
        logs.push(line);
      },
      signal: abort.signal,
      clock,
      trace: silentLog,
    }),
  };
}

/** To run one is an act, which may be cut off. */
function scriptsOf(scripts: Scripts, cut: Cut): Scripts {
  return { ...scripts, run: (script, order) => cut.around(`run ${script.path}`, () => scripts.run(script, order)) };
}

function machineAt(machine: FakeMachine, address: string, { answersAt }: WorldOptions): FakeMachine & { close(): Promise<void> } {
  if (answersAt?.(address, machine) !== false) return { ...machine, address, close: () => Promise.resolve() };
  const spec = { status: 502, about: 'nothing answers', retryable: true };
  throw new RackseedError('proxmox.shell_unreachable', spec, { message: `no SSH connection to ${address} could be made` });
}

function secretOf(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text);
}

function missingMember(): never {
  const spec = { status: 502, about: 'no member answers' };
  throw new RackseedError('pipeline.no_member', spec, { message: 'no member of the cluster answers' });
}

function pictureOf({ name, files, state }: FakeMachine): unknown {
  return { name, files: [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)), state };
}

function lookOf(options: WorldOptions, { name, address }: FakeMachine): StepLook {
  return {
    node: {
      uuid: '6f1b4c1e-0000-4000-8000-000000000001',
      name,
      fqdn: `${name}.home.arpa`,
      address,
      bootMode: 'uefi',
      hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRXZ5c0aLrBnlRHdN7mcVfeIVJJ1hGPDgs8JXRpJkXh'],
      properties: {},
      inventory: null,
      systemDisks: [],
      ...options.node,
    },
    profile: options.profile ?? { name: 'pve' },
    cluster: options.cluster ?? null,
    members: options.members ?? [],
  };
}

interface PveParts {
  readonly of: 'node' | 'member';
  readonly calls: StepWorld['calls'];
  readonly cut: Cut;
  readonly machine: FakeMachine;
}

function fakePve(answers: PveAnswers, { of, calls, cut, machine }: PveParts): Pve {
  const call: Pve['call'] = (method, path, params = {}) => {
    calls.push({ of, method, path, params });
    const key = `${method} ${path}`;
    return cut.around(key, () => {
      if (!(key in answers)) throw new Error(`the test tells nobody what ${key} answers`);
      const answer = answers[key];
      return typeof answer === 'function' ? (answer as PveAnswer)(params, machine) : answer; // the only kind of function that is written there
    });
  };
  return {
    address: machine.address,
    call,
    task: async (method, path, params) => {
      await call(method, path, params);
    },
  };
}

/** As the engine fills and checks them. */
export function filledArgs<Args>(step: PipelineStep<Args>, args: Readonly<Record<string, unknown>>): Args {
  const filled = structuredClone(args);
  const ajv = new Ajv({ useDefaults: true, allowUnionTypes: true, validateSchema: false, allErrors: true });
  if (!ajv.validate(step.args, filled)) throw new Error(`arguments of ${step.name}: ${ajv.errorsText()}`);
  return filled as Args; // just checked by its schema
}

export interface Proof {
  /** What check said before anything was done. */
  readonly first: Verdict;
  /** So many places at which apply was cut off and begun anew. */
  readonly cuts: number;
}

/** More than any sound apply asks. */
const MAX_CUTS = 500;

/**
 * Check, apply, check: satisfied. Check changes nothing. Cut off after each thing that apply asks and begun anew, the machine ends the same.
 * `world` makes a fresh one each time. Where a cut leaves other traces on purpose, `picture` says what is compared.
 */
export async function provesIdempotence<Args>(
  step: PipelineStep<Args>,
  args: Readonly<Record<string, unknown>>,
  world: () => StepWorld,
  picture: (world: StepWorld) => string = (one) => one.picture(),
): Promise<Proof> {
  const whole = world();
  const first = await untouched(step, args, whole);
  if (first.is !== 'needed') throw new Error(`${step.name}: there is nothing to prove, check says ${JSON.stringify(first)}`);
  const before = whole.asked;
  await whole.clock.until(step.apply(whole.context(step, args)));
  const length = whole.asked - before;
  await mustBeSatisfied(step, args, whole, 'after apply');
  const wanted = picture(whole);
  await whole.clock.until(step.apply(whole.context(step, args)));
  if (picture(whole) !== wanted) throw new Error(`${step.name}: applied twice it leaves\n${picture(whole)}\nnot\n${wanted}`);
  if (length > MAX_CUTS) throw new Error(`${step.name}: apply asks ${length} things; at most ${MAX_CUTS} cuts are tried`);
  for (let count = 1; count <= length; count += 1) await provesCut(step, args, world(), { count, wanted, picture });
  return { first, cuts: length };
}

interface CutTo {
  readonly count: number;
  readonly wanted: string;
  readonly picture: (world: StepWorld) => string;
}

async function provesCut<Args>(
  step: PipelineStep<Args>,
  args: Readonly<Record<string, unknown>>,
  one: StepWorld,
  to: CutTo,
): Promise<void> {
  const where = `cut off after ${to.count} of what apply asks`;
  one.dieAfter(to.count);
  await one.clock.until(step.apply(one.context(step, args))).catch(() => undefined); // what it says then is nobody's
  one.mend();
  const verdict = await untouched(step, args, one);
  if (verdict.is === 'impossible') throw new Error(`${step.name}: ${where}, check says impossible: ${verdict.reason}`);
  if (verdict.is === 'needed') await one.clock.until(step.apply(one.context(step, args)));
  await mustBeSatisfied(step, args, one, where);
  if (to.picture(one) !== to.wanted) throw new Error(`${step.name}: ${where}, it ends with\n${to.picture(one)}\nnot\n${to.wanted}`);
}

async function untouched<Args>(step: PipelineStep<Args>, args: Readonly<Record<string, unknown>>, one: StepWorld): Promise<Verdict> {
  const before = one.picture();
  const verdict = await one.clock.until(step.check(one.context(step, args)));
  if (one.picture() !== before) throw new Error(`${step.name}: check changed something:\n${before}\n${one.picture()}`);
  return verdict;
}

async function mustBeSatisfied<Args>(
  step: PipelineStep<Args>,
  args: Readonly<Record<string, unknown>>,
  one: StepWorld,
  where: string,
): Promise<void> {
  const context = one.context(step, args);
  for (const verdict of [await one.clock.until(step.verify?.(context) ?? step.check(context)), await untouched(step, args, one)])
    if (verdict.is !== 'satisfied') throw new Error(`${step.name}: ${where}, it says ${JSON.stringify(verdict)}`);
}
