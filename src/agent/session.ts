// The conversation with the appliance from look-up to heartbeats without end. Everything outside is passed in; it decides what is said,
// when it is said again, and what a person at the screen reads.

import {
  AGENT_PATHS,
  type Answer,
  type Command,
  type HeartbeatReply,
  HeartbeatReplySchema,
  type InventoryReply,
  InventoryReplySchema,
  type InventoryRequest,
  type LookupReply,
  LookupReplySchema,
  PROTOCOL_LIMITS,
} from '../inspect/protocol.ts';
import { type Clock, type Mac, messageOf, RackseedError, type Random, Secret } from '../lib/index.ts';
import { backoffMs } from './backoff.ts';
import type { Client } from './client.ts';

const ASK_TIMEOUT_MS = 30_000;
/** A heartbeat may be held by the server until it has something to say. */
const HEARTBEAT_TIMEOUT_MS = 120_000;
const REFUSED_WAIT_MS = 60_000;
const SEEN_COMMANDS_MAX = 1000;

/** Survives a crash of the agent, not a boot. */
export interface Memory {
  readonly claim: string;
  readonly token: string | null;
}

export interface SessionParts {
  readonly url: URL;
  readonly secret: Secret;
  readonly agentVersion: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** A line for the person at the screen. */
  readonly say: (line: string) => void;
  /** A line for a program that watches the console: RACKSEED-MARK and words. */
  readonly mark: (words: string) => void;
  readonly identity: () => Promise<{ readonly macs: readonly Mac[]; readonly smbiosUuid: string | null }>;
  readonly inventory: () => Promise<InventoryRequest>;
  readonly uptimeSeconds: () => number;
  readonly memory: { load(): Promise<Memory | undefined>; save(memory: Memory): Promise<void> };
}

/** Ends only with the signal. */
export async function runSession(parts: SessionParts, signal: AbortSignal): Promise<void> {
  const memory = (await parts.memory.load()) ?? { claim: parts.random.bytes(24).toString('hex'), token: null };
  await parts.memory.save(memory);
  let token = memory.token === null ? undefined : new Secret(memory.token);
  for (;;) {
    token ??= await lookUp(parts, memory.claim, signal);
    await parts.memory.save({ claim: memory.claim, token: token.reveal() });
    const report = await reportInventory(parts, token, signal);
    if (report !== 'token-lost') await beat(parts, token, signal);
    // The appliance lost our token (restored from a backup, say): the same secret and claim may still earn a new one.
    parts.say('The appliance no longer knows this machine: asking again.');
    token = undefined;
  }
}

async function lookUp(parts: SessionParts, claim: string, signal: AbortSignal): Promise<Secret> {
  const { secret, agentVersion, say, mark } = parts;
  say(`Looking for the appliance at ${parts.url.origin}`);
  const reply = await insist(parts, 'look-up', signal, async (): Promise<LookupReply> => {
    const identity = await parts.identity();
    const body = { secret: secret.reveal(), claim, ...identity, agentVersion };
    return parts.client.post({ path: AGENT_PATHS.lookup, body, reply: LookupReplySchema, timeoutMs: ASK_TIMEOUT_MS }, signal);
  });
  mark(`lookup node=${reply.node?.uuid ?? 'new'}`);
  say(
    reply.node === null
      ? 'The appliance does not know this machine yet.'
      : `The appliance knows this machine as ${reply.node.name ?? reply.node.uuid}.`,
  );
  return new Secret(reply.token);
}

async function reportInventory(parts: SessionParts, token: Secret, signal: AbortSignal): Promise<InventoryReply | 'token-lost'> {
  parts.say('Taking the inventory of this machine. Nothing is written to its disks.');
  const body = await parts.inventory();
  const { inventory } = body;
  parts.say(
    `Found ${inventory.cpu.count} CPUs, ${Math.round(inventory.memory.total / 2 ** 20)} MB memory, ${inventory.disks.length} disks, ${inventory.interfaces.length} network ports.`,
  );
  const reply = await untilTokenLost(() =>
    insist(parts, 'inventory', signal, () =>
      parts.client.post({ path: AGENT_PATHS.inventory, body, reply: InventoryReplySchema, token, timeoutMs: ASK_TIMEOUT_MS }, signal),
    ),
  );
  if (reply === 'token-lost') return reply;
  const { node, message } = reply;
  const called = node.name === null ? node.uuid : `${node.uuid} (${node.name})`;
  parts.mark(`discovered node=${node.uuid} state=${oneWord(node.provisionState)}`);
  const then = node.provisionState === 'enroll' ? `waiting for a yes at ${parts.url.origin}` : `it is ${node.provisionState}`;
  parts.say(`RACKSEED discovered: node ${called}; ${then}`);
  if (message !== '') parts.say(message);
  return reply;
}

/** Heartbeats until the token is lost. */
async function beat(parts: SessionParts, token: Secret, signal: AbortSignal): Promise<void> {
  const seen = new Set<string>();
  let answers: readonly Answer[] = [];
  for (let count = 1; ; count += 1) {
    const sent = answers;
    const body = { uptimeSeconds: Math.floor(parts.uptimeSeconds()), agentVersion: parts.agentVersion, answers: sent };
    const reply: HeartbeatReply | 'token-lost' = await untilTokenLost(() =>
      insist(parts, 'heartbeat', signal, () =>
        parts.client.post(
          { path: AGENT_PATHS.heartbeat, body, reply: HeartbeatReplySchema, token, timeoutMs: HEARTBEAT_TIMEOUT_MS },
          signal,
        ),
      ),
    );
    if (reply === 'token-lost') return;
    if (count === 1) parts.mark(`heartbeat uptime=${body.uptimeSeconds}`);
    answers = reply.command === null ? [] : [answerCommand(reply.command, seen, parts)];
    // An answer is told at once; otherwise the appliance says when it wants to hear from us.
    if (answers.length === 0) await parts.clock.sleep(Math.min(reply.waitSeconds, PROTOCOL_LIMITS.heartbeatSecondsMax) * 1000, signal);
  }
}

/** This agent carries out no commands: it only looks. Each is answered, so that the appliance need not guess. */
function answerCommand(command: Command, seen: Set<string>, parts: SessionParts): Answer {
  const again = seen.has(command.id);
  if (seen.size >= SEEN_COMMANDS_MAX) seen.clear();
  seen.add(command.id);
  const message = again
    ? `command ${command.id} was given before and is not carried out twice`
    : `agent ${parts.agentVersion} knows no command "${command.name}"`;
  parts.mark(`refused command=${oneWord(command.name)}`);
  parts.say(`Refused: ${message}`);
  return { commandId: command.id, outcome: 'refused', message };
}

/** Asks until there is an answer. Says the first failure and every change of reason; silence while a reason stays the same. */
async function insist<T>(parts: SessionParts, what: string, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  let lastReason = '';
  for (let failures = 0; ; ) {
    try {
      const answer = await ask();
      if (failures > 0) parts.say(`The appliance answers (${what}, after ${failures} failed tries).`);
      return answer;
    } catch (error) {
      if (signal.aborted || codeOf(error) === 'agent.token_lost') throw error;
      failures += 1;
      const reason = messageOf(error);
      if (reason !== lastReason) parts.say(`${what}: ${reason}${hintOf(error)}. Trying again.`);
      lastReason = reason;
      const isFinal = codeOf(error) === 'agent.refused';
      if (isFinal) parts.mark(`refused-by-appliance step=${what}`);
      await parts.clock.sleep(isFinal ? REFUSED_WAIT_MS : backoffMs(failures, parts.random), signal);
    }
  }
}

async function untilTokenLost<T>(ask: () => Promise<T>): Promise<T | 'token-lost'> {
  try {
    return await ask();
  } catch (error) {
    if (codeOf(error) === 'agent.token_lost') return 'token-lost';
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof RackseedError ? error.code : undefined;
}

function hintOf(error: unknown): string {
  return error instanceof RackseedError && error.hint !== undefined ? ` (${error.hint})` : '';
}

/** Text of the appliance in a line of ours: without blanks it can't look like further words. */
function oneWord(text: string): string {
  return text.replaceAll(/[\p{Cc}\s=]+/gu, '_').slice(0, 64);
}
