// Our agent as an appliance sees it, without a machine: looks up, reports, beats, and carries out commands by a script. What it does in
// between is what src/agent does: one command at a time, none twice in one boot, answers repeated until a beat with them got its reply.

import { createHash } from 'node:crypto';
import {
  AGENT_PATHS,
  type HeartbeatReply,
  type HeartbeatRequest,
  type InventoryReply,
  type InventoryRequest,
  type LookupReply,
} from '../../src/inspect/index.ts';

export interface AgentReply {
  readonly status: number;
  readonly body: string;
}

/** How it reaches the appliance: over a network, or into it. Rejects when nobody is there. */
export type SendToAppliance = (
  path: string,
  body: object,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<AgentReply>;

export type Answer = HeartbeatRequest['answers'][number];
export type Command = NonNullable<HeartbeatReply['command']>;
export type Running = NonNullable<HeartbeatRequest['running']>;

/** What the machine does for a command. */
export type Deed =
  | { readonly does: 'succeed'; readonly result?: Record<string, unknown>; readonly message?: string }
  | { readonly does: 'fail'; readonly message: string }
  | { readonly does: 'refuse'; readonly message: string }
  /** Beats so often with progress and a log line before it ends with `end`. */
  | { readonly does: 'work'; readonly beats: number; readonly end: Deed }
  /** Reports its inventory anew, then succeeds. */
  | { readonly does: 'report' }
  /** Answers and goes: the machine is off, or boots (live() ends). */
  | { readonly does: 'go'; readonly message?: string }
  /** Goes without an answer, after so many beats. */
  | { readonly does: 'die'; readonly beats?: number }
  /** Stays at it until the deed is given. */
  | { readonly does: 'stay'; readonly until: Promise<Deed> };

export interface OwnAgentOptions {
  readonly send: SendToAppliance;
  readonly macs: readonly string[];
  readonly smbiosUuid: string | null;
  readonly inventory: InventoryRequest | (() => InventoryRequest);
  /** For each command what the machine does; without it reboot, power_off and boot_disk go, inventory reports, and the rest succeeds. */
  readonly script?: (command: Command) => Deed;
  readonly holdSeconds?: number;
  /** Between beats of a command that runs, and tries that failed. */
  readonly pause?: () => Promise<void>;
}

export interface OwnAgent {
  readonly token: string;
  readonly node: InventoryReply['node'];
  /** What it was given, in order, with those that came again. */
  readonly given: readonly Command[];
  readonly answered: readonly Answer[];
  report(signal?: AbortSignal): Promise<InventoryReply>;
  /** One heartbeat as it is, whatever the script says. Throws unless the reply is 200. */
  beat(more?: Partial<HeartbeatRequest>, signal?: AbortSignal): Promise<HeartbeatReply>;
  /** Until the machine goes away by a command ('gone', 'died'), or the signal ('stopped'). Lost connections are tried again. */
  live(signal: AbortSignal): Promise<'gone' | 'died' | 'stopped'>;
}

const VERSION = '0.1.0';
const NEVER = new AbortController().signal;

/** From the boot script's secret to the first report. Rejects with what the appliance said when it refuses. */
export async function bootOwnAgent(secret: string, options: OwnAgentOptions): Promise<OwnAgent> {
  const { send, macs, smbiosUuid } = options;
  const claim = createHash('sha256').update(`${macs.join()} ${secret}`).digest('base64url');
  const { token } = await post<LookupReply>(
    send,
    AGENT_PATHS.lookup,
    { secret, claim, macs, smbiosUuid, agentVersion: VERSION },
    {},
    NEVER,
  );
  const headers = { authorization: `Bearer ${token}` };
  const report: OwnAgent['report'] = (signal = NEVER) => {
    const body = typeof options.inventory === 'function' ? options.inventory() : options.inventory;
    return post<InventoryReply>(send, AGENT_PATHS.inventory, body, headers, signal);
  };
  const beat: OwnAgent['beat'] = (more = {}, signal = NEVER) =>
    post<HeartbeatReply>(send, AGENT_PATHS.heartbeat, { uptimeSeconds: 60, agentVersion: VERSION, answers: [], ...more }, headers, signal);
  const { node } = await report();
  const life = new Life(options, beat, report);
  return { token, node, given: life.given, answered: life.answered, report, beat, live: (signal) => life.run(signal) };
}

class Life {
  readonly given: Command[] = [];
  readonly answered: Answer[] = [];
  readonly #options: OwnAgentOptions;
  readonly #beat: OwnAgent['beat'];
  readonly #report: OwnAgent['report'];
  readonly #seen = new Set<string>();

  constructor(options: OwnAgentOptions, beat: OwnAgent['beat'], report: OwnAgent['report']) {
    this.#options = options;
    this.#beat = beat;
    this.#report = report;
  }

  async run(signal: AbortSignal): Promise<'gone' | 'died' | 'stopped'> {
    let answers: Answer[] = [];
    while (!signal.aborted) {
      const { holdSeconds = 25 } = this.#options;
      const reply = await this.#insist({ answers, holdSeconds }, signal);
      if (reply === undefined) break;
      answers = [];
      if (reply.command === null) {
        // As the agent does: a beat that brought nothing is not followed by the next at once.
        if (holdSeconds === 0) await this.#pause();
        continue;
      }
      const end = await this.#carryOut(reply.command, signal);
      if (end === 'died' || end === undefined) return end ?? 'stopped';
      answers = [end.answer];
      this.answered.push(end.answer);
      if (!end.goes) continue;
      await this.#insist({ answers }, signal);
      return 'gone';
    }
    return 'stopped';
  }

  async #carryOut(
    command: Command,
    signal: AbortSignal,
  ): Promise<{ readonly answer: Answer; readonly goes: boolean } | 'died' | undefined> {
    this.given.push(command);
    const { id: commandId } = command;
    if (this.#seen.has(commandId))
      return { answer: { commandId, outcome: 'refused', message: 'it was given before and is not carried out twice' }, goes: false };
    this.#seen.add(commandId);
    let deed = (this.#options.script ?? usual)(command);
    for (;;) {
      switch (deed.does) {
        case 'work':
          for (let at = 1; at <= deed.beats; at += 1) if (!(await this.#tell(command, at / deed.beats, signal))) return undefined;
          deed = deed.end;
          break;
        case 'stay': {
          let next: Deed | undefined;
          deed.until.then(
            (one) => (next = one),
            (error: unknown) => (next = { does: 'fail', message: String(error) }),
          );
          while (next === undefined) if (!(await this.#tell(command, 0.5, signal))) return undefined;
          deed = next;
          break;
        }
        case 'die':
          for (let at = 0; at < (deed.beats ?? 0); at += 1) if (!(await this.#tell(command, 0.5, signal))) return undefined;
          return 'died';
        case 'report':
          await this.#report(signal);
          return { answer: { commandId, outcome: 'done', message: 'reported' }, goes: false };
        case 'go':
          return { answer: { commandId, outcome: 'done', message: deed.message ?? 'it goes' }, goes: true };
        case 'succeed': {
          const result = deed.result === undefined ? {} : { result: deed.result };
          return { answer: { commandId, outcome: 'done', message: deed.message ?? 'done', ...result }, goes: false };
        }
        case 'fail':
          return { answer: { commandId, outcome: 'failed', message: deed.message }, goes: false };
        case 'refuse':
          return { answer: { commandId, outcome: 'refused', message: deed.message }, goes: false };
      }
    }
  }

  /** False: it was stopped. */
  async #tell({ id: commandId, name }: Command, fraction: number, signal: AbortSignal): Promise<boolean> {
    const text = `${name} ${Math.round(100 * fraction)}%`;
    const reply = await this.#insist({ running: { commandId, fraction, text, log: [{ stream: 'out', line: `${text} done` }] } }, signal);
    await this.#pause();
    return reply !== undefined;
  }

  /** Undefined: it was stopped. */
  async #insist(more: Partial<HeartbeatRequest>, signal: AbortSignal): Promise<HeartbeatReply | undefined> {
    while (!signal.aborted) {
      try {
        return await this.#beat(more, signal);
      } catch (error) {
        // A refusal stands; a lost connection and a server that is busy pass.
        if (error instanceof Refused && error.status < 500 && error.status !== 429) throw error;
        await this.#pause();
      }
    }
    return undefined;
  }

  #pause(): Promise<void> {
    return (this.#options.pause ?? soon)();
  }
}

function usual({ name, arguments: args }: Command): Deed {
  if (['reboot', 'power_off', 'boot_disk'].includes(name)) return { does: 'go' };
  if (name === 'inventory') return { does: 'report' };
  return { does: 'succeed', result: usualResult(name, args ?? {}) };
}

/** What the command would find where all goes well. */
export function usualResult(name: string, args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const disks = Array.isArray(args.disks) ? (args.disks as { title: string }[]) : []; // checked by the appliance
  switch (name) {
    case 'erase_metadata':
    case 'erase_disks':
      return { disks: disks.map(({ title }) => ({ title, method: 'played', seconds: 1, verified: true, message: '' })) };
    case 'write_image':
      return { bytes: 1024, written: 512, seconds: 1, disk: titleOf(args.disk), rootUuid: null };
    case 'write_configdrive':
      return { partition: '/dev/played2' };
    case 'install_boot':
      return { entry: 'Boot0001', loader: '\\EFI\\debian\\shimx64.efi' };
    case 'rescue':
      return { addresses: ['10.0.0.10'], hostKeys: ['ssh-ed25519 AAAA played'] };
    case 'health':
      return { items: [] };
    case 'benchmark':
      return { figures: {} };
    case 'burn_in':
      return { figures: {}, failures: [] };
    default:
      return {};
  }
}

function titleOf(disk: unknown): string {
  return typeof disk === 'object' && disk !== null && 'title' in disk ? String(disk.title) : 'disk';
}

export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, body: string) {
    super(`HTTP ${status}: ${body.slice(0, 500)}`);
    this.status = status;
  }
}

async function post<T>(
  send: SendToAppliance,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<T> {
  const reply = await send(path, body, headers, signal);
  if (reply.status !== 200) throw new Refused(reply.status, reply.body);
  return JSON.parse(reply.body) as T; // our own API, held to its schema there
}

function soon(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
