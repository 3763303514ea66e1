// A thousand agents as OpenStack has them: machines that wait for their agent, each of which has looked itself up from an address of its
// own and beats. Knows the API, and no server.

import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Api, byWorkers, expecting, nodeBody, walkTo } from './ironic-load.ts';

const WORKERS = 16;
/** Addresses of this machine's loopback from which the agents speak: each has its share of what one address may send. */
const PEERS = 250;
const CONNECTIONS_PER_PEER = 4;
const MS_PER_SECOND = 1000;
const HEADERS = { 'X-OpenStack-Ironic-API-Version': '1.68', 'content-type': 'application/json' };

interface Beating {
  readonly path: string;
  readonly peer: string;
  readonly body: string;
}

export interface Beaten {
  /** What each beat took, in ms, from the shortest to the longest. */
  readonly figures: readonly number[];
  readonly perSecond: number;
}

export interface Agents {
  /** Each beat is sent when it is due, whatever became of those before it; a late timer is made up for. */
  beat(perSecond: number, seconds: number): Promise<Beaten>;
  close(): void;
}

/** Makes the nodes through `api`, and lets each of their agents beat once, so that the server knows where they are. */
export async function bringAgents(url: string, api: Api, count: number): Promise<Agents> {
  const speak = speaker(url);
  const agents: Beating[] = [];
  await byWorkers(
    Array.from({ length: count }, (_, number) => number),
    WORKERS,
    async (number) => {
      const agent = await bring(api, speak.say, number);
      await beatOnce(speak.say, agent);
      agents.push(agent);
    },
  );
  return {
    close: speak.close,
    async beat(perSecond, seconds) {
      const figures: number[] = [];
      const inFlight: Promise<unknown>[] = [];
      const began = performance.now();
      for (let sent = 0; sent < perSecond * seconds; ) {
        const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - began) / MS_PER_SECOND) * perSecond));
        for (; sent < due; sent += 1) inFlight.push(beatOnce(speak.say, agents[sent % agents.length]).then((ms) => figures.push(ms)));
        await pause(1);
      }
      await Promise.all(inFlight);
      const took = (performance.now() - began) / MS_PER_SECOND;
      return { figures: figures.toSorted((a, b) => a - b), perSecond: figures.length / took };
    },
  };
}

type Say = (method: string, path: string, peer: string, body?: string) => Promise<{ readonly status: number; readonly text: string }>;

function speaker(url: string): { readonly say: Say; readonly close: () => void } {
  const connections = new Map<string, Agent>();
  const connectionsOf = (peer: string): Agent => {
    const known = connections.get(peer);
    if (known !== undefined) return known;
    const made = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_PER_PEER, localAddress: peer });
    connections.set(peer, made);
    return made;
  };
  const say: Say = (method, path, peer, body) =>
    new Promise((resolve, reject) => {
      const sent = request(new URL(path, url), { agent: connectionsOf(peer), method, headers: HEADERS }, (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        reply.on('error', reject).on('end', () => resolve({ status: reply.statusCode ?? 0, text }));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const close = (): void => {
    for (const agent of connections.values()) agent.destroy();
  };
  return { say, close };
}

/** A machine that waits for its agent, and the agent that has looked itself up. */
async function bring(api: Api, say: Say, number: number): Promise<Beating> {
  const name = `agent-${number}`;
  const peer = `127.0.1.${(number % PEERS) + 1}`;
  const address = `52:54:01:00:${hex(number >> 8)}:${hex(number & 255)}`;
  // Only a machine whose agent is expected may look itself up: here it is inspected by one.
  const made = await expecting(201, api, 'POST', '/v1/nodes', { ...nodeBody(name), inspect_interface: 'agent' });
  const uuid = String(field(made, 'uuid'));
  await expecting(201, api, 'POST', '/v1/ports', { node_uuid: uuid, address });
  await walkTo(api, name, 'manage', 'manageable');
  await walkTo(api, name, 'inspect', 'inspect wait');
  const found = await say('GET', `/v1/lookup?addresses=${address}`, peer);
  const token = field(field(JSON.parse(found.text), 'config'), 'agent_token');
  const body = JSON.stringify({ callback_url: `http://${peer}:9999`, agent_token: token, agent_version: '11.0.1' });
  return { path: `/v1/heartbeat/${uuid}`, peer, body };
}

async function beatOnce(say: Say, agent: Beating | undefined): Promise<number> {
  if (agent === undefined) throw new Error('no agents');
  const began = performance.now();
  const { status, text } = await say('POST', agent.path, agent.peer, agent.body);
  if (status !== 202) throw new Error(`a heartbeat was answered ${status}: ${text}`);
  return performance.now() - began;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}
