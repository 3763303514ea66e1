// What is known of the agent that runs on a machine, under Ironic's names in the node's driver_internal_info. The token is there as its
// hash only, and shows as asterisks. It belongs to one boot: whoever switches or restarts the machine forgets it. Pure.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { JsonObject, JsonValue } from '../nodes/index.ts';

const TOKEN = 'agent_secret_token';
const URL_KEY = 'agent_url';
const VERSION = 'agent_version';
const CERTIFICATE = 'agent_verify_ca';
const KEYS: readonly string[] = [TOKEN, URL_KEY, VERSION, CERTIFICATE];

export interface AgentRecord {
  /** Null: none was given in this boot. */
  readonly tokenHash: string | null;
  /** Where it listens, as its first heartbeat said. An agent that does not listen says ''. */
  readonly url: string | null;
  readonly version: string | null;
  readonly certificate: string | null;
}

export function agentOf(info: JsonObject): AgentRecord {
  return { tokenHash: text(info[TOKEN]), url: text(info[URL_KEY]), version: text(info[VERSION]), certificate: text(info[CERTIFICATE]) };
}

export function withAgent(info: JsonObject, record: AgentRecord): JsonObject {
  const said = { [TOKEN]: record.tokenHash, [URL_KEY]: record.url, [VERSION]: record.version, [CERTIFICATE]: record.certificate };
  return { ...info, ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null)) };
}

/** The machine is about to be switched or restarted, and its agent with it. Undefined: nothing was known of one. */
export function withoutAgent(info: JsonObject): JsonObject | undefined {
  if (!KEYS.some((key) => key in info)) return undefined;
  return Object.fromEntries(Object.entries(info).filter(([key]) => !KEYS.includes(key)));
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Hashes have one length, so the comparison takes the same time for every guess. */
export function isTokenOf({ tokenHash }: AgentRecord, token: string): boolean {
  const given = Buffer.from(hashOf(token), 'hex');
  const kept = Buffer.from(tokenHash ?? '', 'hex');
  return kept.length === given.length && timingSafeEqual(kept, given);
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
