// Ours alone with many machines: a page of a long list against the same page of a short one, a thousand heartbeats a second while lists go
// on, and a thousand deployments at once, none of which may be lost.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from './harness.ts';
import { bringAgents } from './support/agents.ts';
import { type Api, byWorkers, expecting, nodeBody, openApi, timed, walkToActive } from './support/ironic-load.ts';
import { type Server, startOurs } from './support/ironic-servers.ts';
import { quantile } from './support/quantile.ts';

const FEW = 1000;
const MANY = 10_000;
const PAGE = 1000;
const PAGES = 100;
const WORKERS = 16;
const CONNECTIONS = 64;
const MS_PER_SECOND = 1000;

const AGENTS = 1000;
const BEATS_PER_SECOND = 1000;
const BEAT_SECONDS = 60;
const LATE_SHARE = 0.05;

const DEPLOYS = 1000;

const PAGE_RATIO = 'page-ratio';
const PAGE_MANY = 'page-p99-10000';
const BEAT = 'heartbeat-p99';
const DEPLOY = 'deploys-1000';

let directory = '';
const started: { readonly server: Server; readonly api: Api }[] = [];
let few: Api;
let many: Api;

async function open(name: string, nodes: number): Promise<Api> {
  const server = await startOurs(join(directory, name), '[tasks]\nworkers = 64\n');
  const api = openApi(server.url, CONNECTIONS);
  started.push({ server, api });
  await byWorkers(names(nodes), WORKERS, async (node) => void (await expecting(201, api, 'POST', '/v1/nodes', nodeBody(node))));
  return api;
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node-${index}`);
}

function p99(figures: readonly number[]): number {
  return quantile(
    figures.toSorted((a, b) => a - b),
    0.99,
  );
}

/** The last page that is full: whoever counts rows from the beginning is slowest there. */
async function lastPage(api: Api, nodes: number): Promise<string> {
  let marker = '';
  for (let skipped = 0; skipped + PAGE < nodes; skipped += PAGE) {
    const { nodes: page } = (await expecting(200, api, 'GET', `/v1/nodes?limit=${PAGE}${marker}`)) as { nodes: { uuid: string }[] }; // by the API
    marker = `&marker=${page.at(-1)?.uuid}`;
  }
  return `/v1/nodes?limit=${PAGE}${marker}`;
}

let pages: { readonly few: number; readonly many: number } | undefined;

/** In turns, so that what else the machine does hits both. */
async function measurePages(): Promise<{ readonly few: number; readonly many: number }> {
  const [ofFew, ofMany] = [await lastPage(few, FEW), await lastPage(many, MANY)];
  const took = { few: [] as number[], many: [] as number[] };
  for (let time = 0; time < PAGES; time += 1) {
    took.few.push(await timed(async () => void (await expecting(200, few, 'GET', ofFew))));
    took.many.push(await timed(async () => void (await expecting(200, many, 'GET', ofMany))));
  }
  return { few: p99(took.few), many: p99(took.many) };
}

async function heartbeats(): Promise<number> {
  const { server } = started.find(({ api }) => api === many) ?? {};
  if (server === undefined) throw new Error('the server comes first');
  const agents = await bringAgents(server.url, many, AGENTS);
  const lists = new AbortController();
  const listing = listUntil(lists.signal);
  const { figures, perSecond } = await agents.beat(BEATS_PER_SECOND, BEAT_SECONDS);
  lists.abort();
  const took = (await listing).toSorted((a, b) => a - b);
  agents.close();
  const words = [0.5, 0.99, 1].map((share) => quantile(figures, share).toFixed(1)).join(', ');
  process.stderr.write(
    `${perSecond.toFixed(0)} beats/s; p50, p99, most ${words} ms; ${took.length} lists, half within ${quantile(took, 0.5).toFixed(0)} ms\n`,
  );
  if (perSecond < BEATS_PER_SECOND * (1 - LATE_SHARE)) throw new Error(`only ${perSecond.toFixed(0)} heartbeats a second were answered`);
  return quantile(figures, 0.99);
}

/** Page after page of all nodes, so that the server can't have them ready. What each took, in ms. */
async function listUntil(signal: AbortSignal): Promise<number[]> {
  const took: number[] = [];
  for (let marker = ''; !signal.aborted; ) {
    took.push(
      await timed(async () => {
        const { nodes: page } = (await expecting(200, many, 'GET', `/v1/nodes?limit=${PAGE}${marker}`)) as { nodes: { uuid: string }[] }; // by the API
        marker = page.length < PAGE ? '' : `&marker=${page.at(-1)?.uuid}`;
      }),
    );
    await pause(MS_PER_SECOND / 2);
  }
  return took;
}

/** Each asked for at once; every one of them must become active. */
async function deploys(): Promise<number> {
  const some = names(DEPLOYS);
  const ms = await timed(() => byWorkers(some, DEPLOYS, (name) => walkToActive(few, name)));
  const { nodes } = (await expecting(200, few, 'GET', `/v1/nodes?provision_state=active&limit=${DEPLOYS}`)) as { nodes: unknown[] }; // by the API
  if (nodes.length !== DEPLOYS) throw new Error(`${DEPLOYS - nodes.length} of ${DEPLOYS} deployments were lost`);
  return ms / MS_PER_SECOND;
}

export const bench: Bench = {
  name: 'scale',
  unit: 'page-ratio: times, p99: ms, deploys: s',
  larger: false,
  rounds: 1,
  async setup() {
    directory = await mkdtemp(join(tmpdir(), 'rackseed-bench-scale-'));
    few = await open('few', FEW);
    many = await open('many', MANY);
  },
  async teardown() {
    for (const { server, api } of started) {
      api.close();
      await server.stop();
    }
    await rm(directory, { recursive: true, force: true });
  },
  ours: {
    async [PAGE_RATIO]() {
      pages = await measurePages();
      return pages.many / pages.few;
    },
    async [PAGE_MANY]() {
      pages ??= await measurePages();
      return pages.many;
    },
    [DEPLOY]: deploys,
    [BEAT]: heartbeats,
  },
  peers: {},
  promises: [
    { case: PAGE_RATIO, limit: 5 },
    { case: BEAT, limit: 50 },
  ],
  note:
    `One client process, whose CPU time is in every figure. ${PAGE_RATIO}: p99 of ${PAGES} looks at the last full page of ${PAGE} with ${MANY} nodes ` +
    `in store, divided by that with ${FEW}. ${BEAT}: ${BEATS_PER_SECOND} a second for ${BEAT_SECONDS} s, of as many machines that wait for their agent, ` +
    `while all nodes are listed page by page of ${PAGE}, two a second. ${DEPLOY}: ${DEPLOYS} machines enroll to active, all at the same time.`,
};
