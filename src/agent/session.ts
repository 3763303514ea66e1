// The conversation with the appliance from look-up to heartbeats without end. Everything outside is passed in; it decides what is said,
// when it is said again, and what a person at the screen reads. Commands are the runner's business.

import {
  AGENT_PATHS,
  type HeartbeatReply,
  HeartbeatReplySchema,
  type HeartbeatRequest,
  type InventoryReply,
  InventoryReplySchema,
  type InventoryRequest,
  type LookupReply,
  LookupReplySchema,
  PROTOCOL_LIMITS,
} from '../inspect/protocol.ts';
import { type Mac, Secret } from '../lib/index.ts';
import { backoffMs } from './backoff.ts';
import type { Client } from './client.ts';
import type { CommandHandlers, Download, OpenOptions } from './commands/types.ts';
import { fail } from './errors.ts';
import { type InsistParts, insist } from './insist.ts';
import { createRunner, oneWord, type Report, type Runner, type RunnerMemory, type RunnerParts } from './runner.ts';

const ASK_TIMEOUT_MS = 30_000;
/** A connection that died without a word is given up so long after its reply was due. */
const REPLY_GRACE_MS = 20_000;
/** While a command runs the appliance hears of it so often. */
const BEAT_MS = 2000;
/** At least so long from one beat without news to the next, whatever the appliance wants. */
const FLOOR_MS = 1000;
/** What runs wants to be told of soon after the network is back. */
const RUNNING_LAST_MS = 15_000;

/** A token that held so long was none that was lost at once. */
const STEADY_MS = 60_000;

/** Survives a crash of the agent, not a boot. */
export interface Memory {
  readonly claim: string;
  readonly token: string | null;
  readonly commands?: RunnerMemory | undefined;
}

export interface SessionParts extends InsistParts {
  readonly url: URL;
  readonly secret: Secret;
  readonly agentVersion: string;
  readonly client: Client;
  readonly handlers: CommandHandlers;
  readonly tools: Pick<RunnerParts['tools'], 'run' | 'resolve'>;
  readonly open: (url: string, options: OpenOptions, token: () => Secret | undefined) => Promise<Download>;
  readonly identity: () => Promise<{ readonly macs: readonly Mac[]; readonly smbiosUuid: string | null }>;
  readonly inventory: () => Promise<InventoryRequest>;
  /** Something was found out since the last inventory, by listening. */
  readonly hasNewFacts?: () => boolean;
  readonly uptimeSeconds: () => number;
  readonly memory: { load(): Promise<Memory | undefined>; save(memory: Memory): Promise<void> };
}

/** What is known of the conversation, for those who take part in it. */
interface Talk {
  readonly parts: SessionParts;
  readonly signal: AbortSignal;
  token: Secret | undefined;
  /** Resolves when there is another token than now. */
  renewed: PromiseWithResolvers<void>;
}

/** Ends only with the signal. */
export async function runSession(parts: SessionParts, signal: AbortSignal): Promise<void> {
  const loaded = await parts.memory.load();
  const talk: Talk = {
    parts,
    signal,
    token: typeof loaded?.token === 'string' ? new Secret(loaded.token) : undefined,
    renewed: Promise.withResolvers(),
  };
  const claim = loaded?.claim ?? parts.random.bytes(24).toString('hex');
  let commands = loaded?.commands;
  const save = (): Promise<void> => parts.memory.save({ claim, token: talk.token?.reveal() ?? null, ...(commands && { commands }) });
  await save();
  const runner = runnerOf(talk, loaded?.commands, (next) => {
    commands = next;
    return save();
  });
  for (let losses = 1; ; losses += 1) {
    const begun = parts.clock.monotonic();
    talk.token ??= await lookUp(parts, claim, signal);
    talk.renewed.resolve();
    talk.renewed = Promise.withResolvers();
    await save();
    await converse(talk, talk.token, runner);
    // The appliance lost our token (restored from a backup, say): the same secret and claim may still earn a new one.
    parts.say('The appliance no longer knows this machine: asking again.');
    talk.token = undefined;
    if (parts.clock.monotonic() - begun > STEADY_MS) losses = 1;
    await parts.clock.sleep(backoffMs(losses, parts.random, RUNNING_LAST_MS), signal);
  }
}

function runnerOf(talk: Talk, loaded: RunnerMemory | undefined, save: (memory: RunnerMemory) => Promise<void>): Runner {
  const { parts, signal } = talk;
  return createRunner({
    ...parts,
    tools: {
      ...parts.tools,
      random: parts.random,
      open: (url, options) => parts.open(url, options, () => talk.token),
      report: () => reportAgain(talk),
    },
    memory: { loaded, save },
    signal,
  });
}

async function lookUp(parts: SessionParts, claim: string, signal: AbortSignal): Promise<Secret> {
  const { secret, agentVersion, say, mark } = parts;
  say(`Looking for the appliance at ${parts.url.origin}`);
  const ask = async (): Promise<LookupReply> => {
    const identity = await parts.identity();
    const body = { secret: secret.reveal(), claim, ...identity, agentVersion };
    return parts.client.post({ path: AGENT_PATHS.lookup, body, reply: LookupReplySchema, timeoutMs: ASK_TIMEOUT_MS }, signal);
  };
  const reply = await insist(parts, { what: 'look-up', ask }, signal);
  // Nothing that a look-up sends could be lost there: it has no token.
  if (reply === 'token-lost') throw fail('agent.refused', { message: 'the look-up was answered as if it had a token' });
  mark(`lookup node=${reply.node?.uuid ?? 'new'}`);
  say(
    reply.node === null
      ? 'The appliance does not know this machine yet.'
      : `The appliance knows this machine as ${reply.node.name ?? reply.node.uuid}.`,
  );
  return new Secret(reply.token);
}

/** Reports and beats until the token is lost. What is on the disks is not looked at in the middle of a command that changes it. */
async function converse(talk: Talk, token: Secret, runner: Runner): Promise<void> {
  let isReported = false;
  for (let count = 1; ; count += 1) {
    if ((!isReported || talk.parts.hasNewFacts?.() === true) && !runner.isRunning) {
      if ((await report(talk, token)) === 'token-lost') return;
      isReported = true;
    }
    const begun = talk.parts.clock.monotonic();
    const reply = await beat(talk, token, runner);
    if (reply === 'token-lost') return;
    if (count === 1) talk.parts.mark(`heartbeat uptime=${Math.floor(talk.parts.uptimeSeconds())}`);
    if (reply.command !== null) await runner.accept(reply.command);
    await pause(talk, runner, reply, begun);
  }
}

/** `told`: answers or notes were among what was said, so that nothing was waited for. */
type Heard = HeartbeatReply & { readonly told: boolean };

async function beat({ parts, signal }: Talk, token: Secret, runner: Runner): Promise<Heard | 'token-lost'> {
  let said: Report = runner.report();
  const ask = (): Promise<HeartbeatReply> => {
    // Anew at each try: what runs goes on while nobody hears.
    said = runner.report();
    const body = bodyOf(said, parts, runner);
    const timeoutMs = (body.holdSeconds ?? 0) * 1000 + REPLY_GRACE_MS;
    return parts.client.post({ path: AGENT_PATHS.heartbeat, body, reply: HeartbeatReplySchema, token, timeoutMs }, signal);
  };
  const lastMs = (): number | undefined => (runner.isRunning || runner.hasNews ? RUNNING_LAST_MS : undefined);
  const reply = await insist(parts, { what: 'heartbeat', ask, lastMs }, signal);
  if (reply === 'token-lost') return reply;
  await runner.heard(said);
  return { ...reply, told: said.answers.length > 0 || said.notes.length > 0 };
}

function bodyOf({ answers, running, notes }: Report, parts: SessionParts, runner: Runner): HeartbeatRequest {
  const isIdle = !runner.isRunning && !runner.hasNews;
  return {
    uptimeSeconds: Math.floor(parts.uptimeSeconds()),
    agentVersion: parts.agentVersion,
    answers: [...answers],
    running,
    ...(notes.length > 0 ? { notes: [...notes] } : {}),
    ...(isIdle ? { holdSeconds: PROTOCOL_LIMITS.holdSecondsMax } : {}),
  };
}

/** An answer is told at once, and the next order asked for; otherwise the appliance says when it wants to hear from us. */
async function pause({ parts, signal }: Talk, runner: Runner, { waitSeconds, told }: Heard, begun: number): Promise<void> {
  if (runner.hasNews || (told && !runner.isRunning)) return;
  const took = parts.clock.monotonic() - begun;
  const wanted = Math.min(waitSeconds, PROTOCOL_LIMITS.heartbeatSecondsMax) * 1000;
  const ms = runner.isRunning ? BEAT_MS : Math.max(wanted, FLOOR_MS - took);
  if (ms <= 0) return;
  const over = new AbortController();
  const slept = parts.clock.sleep(ms, AbortSignal.any([signal, over.signal])).catch((error: unknown) => {
    if (signal.aborted) throw error;
  });
  await (runner.isRunning ? Promise.race([slept, runner.ended(over.signal)]) : slept);
  over.abort();
}

async function report({ parts, signal }: Talk, token: Secret): Promise<InventoryReply | 'token-lost'> {
  parts.say('Taking the inventory of this machine. Nothing is written to its disks.');
  const body = await parts.inventory();
  const { inventory } = body;
  parts.say(
    `Found ${inventory.cpu.count} CPUs, ${Math.round(inventory.memory.total / 2 ** 20)} MB memory, ${inventory.disks.length} disks, ${inventory.interfaces.length} network ports.`,
  );
  const ask = (): Promise<InventoryReply> =>
    parts.client.post({ path: AGENT_PATHS.inventory, body, reply: InventoryReplySchema, token, timeoutMs: ASK_TIMEOUT_MS }, signal);
  const reply = await insist(parts, { what: 'inventory', ask }, signal);
  if (reply === 'token-lost') return reply;
  const { node, message } = reply;
  const called = node.name === null ? node.uuid : `${node.uuid} (${node.name})`;
  parts.mark(`discovered node=${node.uuid} state=${oneWord(node.provisionState)}`);
  const then = node.provisionState === 'enroll' ? `waiting for a yes at ${parts.url.origin}` : `it is ${node.provisionState}`;
  parts.say(`RACKSEED discovered: node ${called}; ${then}`);
  if (message !== '') parts.say(message);
  return reply;
}

/** For a command: with the token that there is when the appliance takes it. */
async function reportAgain(talk: Talk): Promise<InventoryReply> {
  for (;;) {
    const { token, renewed } = talk;
    if (token === undefined) {
      await renewed.promise;
      continue;
    }
    const reply = await report(talk, token);
    if (reply !== 'token-lost') return reply;
    // The beats lose it as well, and look up again.
    if (talk.token === token) await renewed.promise;
  }
}
