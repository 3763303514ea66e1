// Heartbeats: a thousand agents, each of which beats once a second, while a client reads the whole list over and over. Our server alone.

import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from './harness.ts';
import { byWorkers, expecting, openApi } from './support/ironic-load.ts';
import { type Server, startOurs } from './support/ironic-servers.ts';

const AGENTS = 1000;
const PER_SECOND = 1000;
const SECONDS = 10;
const WORKERS = 16;
/** Addresses of this machine's loopback from which the agents speak: each has its share of what one address may send. */
const PEERS = 250;
const MS_PER_SECOND = 1000;
const P99 = 0.99;
const HEADERS = { 'X-OpenStack-Ironic-API-Version': '1.68', 'content-type': 'application/json' };

interface Beating {
  readonly path: string;
  readonly peer: string;
  readonly body: string;
}

let directory = '';
let server: Server | undefined;
let agents: Beating[] = [];
const connections = new Map<string, Agent>();

function url(): string {
  if (server === undefined) throw new Error('the server comes first');
  return server.url;
}

function say(method: string, path: string, peer: string, body?: string): Promise<{ readonly status: number; readonly text: string }> {
  const agent = connections.get(peer) ?? new Agent({ keepAlive: true, maxSockets: 4, localAddress: peer });
  connections.set(peer, agent);
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url()), { agent, method, headers: HEADERS }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      reply.on('error', reject).on('end', () => resolve({ status: reply.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A machine that waits for its agent, and the agent that has looked itself up. */
async function bring(number: number): Promise<Beating> {
  const api = openApi(url(), 1);
  const name = `beat-${number}`;
  const peer = `127.0.1.${(number % PEERS) + 1}`;
  const address = `52:54:01:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`;
  try {
    const made = await expecting(201, api, 'POST', '/v1/nodes', { name, driver: 'fake-hardware', inspect_interface: 'agent' });
    const uuid = String(field(made, 'uuid'));
    await expecting(201, api, 'POST', '/v1/ports', { node_uuid: uuid, address });
    await walk(api, name, 'manage', 'manageable');
    await walk(api, name, 'inspect', 'inspect wait');
    const found = await say('GET', `/v1/lookup?addresses=${address}`, peer);
    const known: unknown = JSON.parse(found.text);
    const token = field(field(known, 'config'), 'agent_token');
    const body = JSON.stringify({ callback_url: `http://${peer}:9999`, agent_token: token, agent_version: '11.0.1' });
    return { path: `/v1/heartbeat/${uuid}`, peer, body };
  } finally {
    api.close();
  }
}

async function walk(api: ReturnType<typeof openApi>, name: string, target: string, state: string): Promise<void> {
  await expecting(202, api, 'PUT', `/v1/nodes/${name}/states/provision`, { target });
  for (;;) {
    const now = field(await expecting(200, api, 'GET', `/v1/nodes/${name}/states`), 'provision_state');
    if (now === state) return;
    await pause(20);
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}

async function p99(): Promise<number> {
  const figures: number[] = [];
  const inFlight: Promise<void>[] = [];
  const api = openApi(url(), 1);
  let isOver = false;
  const lists = (async () => {
    let read = 0;
    for (; !isOver; read += 1) await expecting(200, api, 'GET', '/v1/nodes?limit=1000');
    return read;
  })();
  const began = performance.now();
  for (let sent = 0; sent < PER_SECOND * SECONDS; ) {
    // As many as should have been sent by now: a late timer is made up for, so that the rate is what it says.
    const due = Math.min(PER_SECOND * SECONDS, Math.floor(((performance.now() - began) / MS_PER_SECOND) * PER_SECOND));
    for (; sent < due; sent += 1) inFlight.push(beat(agents[sent % agents.length], figures));
    await pause(1);
  }
  await Promise.all(inFlight);
  const took = (performance.now() - began) / MS_PER_SECOND;
  isOver = true;
  const read = await lists;
  api.close();
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const words = `${Math.round(figures.length / took)} beats/s, ${(read / took).toFixed(1)} lists/s beside them; p50 ${at(0.5).toFixed(1)}, p99 ${at(P99).toFixed(1)}, most ${at(0.99999).toFixed(1)} ms\n`;
  process.stderr.write(words);
  return at(P99);
}

async function beat(agent: Beating | undefined, figures: number[]): Promise<void> {
  if (agent === undefined) throw new Error('no agents');
  const began = performance.now();
  const { status, text } = await say('POST', agent.path, agent.peer, agent.body);
  if (status !== 202) throw new Error(`a heartbeat was answered ${status}: ${text}`);
  figures.push(performance.now() - began);
}

export const bench: Bench = {
  name: 'heartbeats',
  unit: 'ms (p99)',
  larger: false,
  rounds: 3,
  async setup() {
    directory = await mkdtemp(join(tmpdir(), 'rackseed-beats-'));
    server = await startOurs(directory);
    agents = [];
    await byWorkers(
      Array.from({ length: AGENTS }, (_, number) => number),
      WORKERS,
      async (number) => void agents.push(await bring(number)),
    );
    for (const agent of agents) await beat(agent, []);
  },
  async teardown() {
    for (const agent of connections.values()) agent.destroy();
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  },
  ours: { 'p99-at-1000-per-second': p99 },
  peers: {},
  promises: [{ case: 'p99-at-1000-per-second', limit: 50 }],
  note: 'Client and server share the machine. Every node waits for its agent, so that each beat may have work to wake.',
};
