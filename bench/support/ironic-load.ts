// What clients of Ironic's API do, for as long as it takes: requests over connections that stay, workers beside each other, nodes that are
// made and taken through their states. Knows the API, and no server.

import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

/** The newest that Debian's Ironic speaks. */
const VERSION = '1.82';
/** Looks at a state come apart: a quick server is seen at once, and a slow one is not kept busy with being asked. */
const POLL_MS = { first: 10, most: 320 };
/** What has not happened by then never will. */
const STATE_LIMIT_MS = 120_000;
const RETRY = { statuses: [409, 503], pauseMs: 50, times: 100 };

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface Api {
  send(method: string, path: string, body?: unknown): Promise<Reply>;
  close(): void;
}

/** By undici: what the client computes is in every figure, and Node's own takes two to three times as much a request. */
export function openApi(url: string, connections: number): Api {
  const pool = new Pool(url, { connections, pipelining: 1, headersTimeout: STATE_LIMIT_MS, bodyTimeout: STATE_LIMIT_MS });
  return {
    send: (method, path, body) => send(pool, path, method, body),
    close: () => void pool.destroy(),
  };
}

const HEADERS = { 'X-OpenStack-Ironic-API-Version': VERSION, accept: 'application/json' };
const WITH_BODY = { ...HEADERS, 'content-type': 'application/json' };

async function send(pool: Pool, path: string, method: string, body: unknown): Promise<Reply> {
  const given = body === undefined ? { headers: HEADERS } : { headers: WITH_BODY, body: JSON.stringify(body) };
  const reply = await pool.request({ path, method, ...given });
  const said = await reply.body.text();
  return { status: reply.statusCode, body: said === '' ? null : JSON.parse(said) };
}

/** Throws unless the status is this. */
export async function expecting(status: number, api: Api, method: string, path: string, body?: unknown): Promise<unknown> {
  const reply = await api.send(method, path, body);
  if (reply.status !== status) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

/** As real clients do it: who is told that a node is busy, or all workers are, tries again. */
async function patiently(status: number, api: Api, method: string, path: string, body: unknown): Promise<void> {
  for (let time = 0; ; time += 1) {
    const reply = await api.send(method, path, body);
    if (reply.status === status) return;
    if (!RETRY.statuses.includes(reply.status) || time === RETRY.times) {
      throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    }
    await pause(RETRY.pauseMs);
  }
}

/** Each item once, by so many workers. */
export async function byWorkers<Item>(items: readonly Item[], workers: number, work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

export function nodeBody(name: string): Record<string, unknown> {
  return {
    driver: 'fake-hardware',
    name,
    resource_class: 'baremetal',
    driver_info: { ipmi_address: '192.0.2.7', ipmi_username: 'admin', ipmi_password: 'secret' },
    properties: { cpus: 8, memory_mb: 16_384, local_gb: 500, cpu_arch: 'x86_64', capabilities: 'boot_mode:uefi' },
    extra: { rack: 'r1', unit: 12 },
  };
}

const WALK = [
  { target: 'manage', state: 'manageable' },
  { target: 'provide', state: 'available' },
  { target: 'active', state: 'active' },
] as const;

/** enroll → manageable → available → active, with looks at the state in between as a client's wait makes them. */
export async function walkToActive(api: Api, name: string): Promise<void> {
  for (const { target, state } of WALK) await walkTo(api, name, target, state);
}

export async function walkTo(api: Api, name: string, target: string, state: string): Promise<void> {
  await patiently(202, api, 'PUT', `/v1/nodes/${name}/states/provision`, { target });
  await untilState(api, name, state);
}

async function untilState(api: Api, name: string, wanted: string): Promise<void> {
  const ends = performance.now() + STATE_LIMIT_MS;
  for (let wait = POLL_MS.first; ; wait = Math.min(2 * wait, POLL_MS.most)) {
    const states = (await expecting(200, api, 'GET', `/v1/nodes/${name}/states`)) as Readonly<Record<string, unknown>>; // an object, by the API
    if (states.provision_state === wanted) return;
    if (String(states.provision_state).endsWith('failed') || performance.now() > ends) {
      throw new Error(`${name} is not ${wanted} but ${JSON.stringify(states)}`);
    }
    await pause(wait);
  }
}

export async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
