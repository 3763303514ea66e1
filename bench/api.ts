// Our API against Debian's Ironic 21 (API and conductor): the same requests to both, in turns, on the same machine. Memory too.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bench, type Measure, median } from './harness.ts';
import { type Api, byWorkers, expecting, nodeBody, openApi, timed, walkToActive } from './support/ironic-load.ts';
import { type Server, startIronic, startOurs } from './support/ironic-servers.ts';

const NODES = 1000;
const WORKERS = 16;
const WALKED = 200;
/** Before anything is measured: whoever was just started compiles, imports and connects with its first requests. */
const WARM = { made: 400, walked: 60 };
const LISTS = 5;
/** Before memory is looked at: what work leaves behind for good counts, not what is under way. */
const REST_MS = 15_000;
/** Of each node: once alone is over in a quarter of a second, of which one collection of the lists' garbage is a large part. */
const GETS = 3;
const MS_PER_SECOND = 1000;

const CREATE = 'create-1000';
const ONE_BY_ONE = 'create-one-by-one';
const LIST = 'list-detail-1000';
const GET = 'get-one';
const WALK = 'walk-200';
const MEMORY = 'memory';

let directory = '';
const stops = new Set<() => Promise<void>>();

/** One of the two, and the nodes it has now. It is started anew, with an empty store, each time that nodes are made. */
class Subject {
  readonly #start: (directory: string) => Promise<Server>;
  #server: Server | undefined;
  #api: Api | undefined;
  #walked = 0;

  constructor(start: (directory: string) => Promise<Server>) {
    this.#start = start;
  }

  readonly stop = async (): Promise<void> => {
    this.#api?.close();
    await this.#server?.stop();
    this.#server = undefined;
    this.#api = undefined;
  };

  async #fresh(): Promise<Api> {
    await this.stop();
    stops.add(this.stop);
    this.#server = await this.#start(await mkdtemp(join(directory, 'server-')));
    this.#api = openApi(this.#server.url, WORKERS);
    this.#walked = 0;
    await warmUp(this.#api);
    return this.#api;
  }

  get #running(): Api {
    if (this.#api === undefined) throw new Error('nodes come first');
    return this.#api;
  }

  readonly create: Measure = async () => {
    const api = await this.#fresh();
    return (await timed(() => byWorkers(names(), WORKERS, (name) => make(api, name)))) / MS_PER_SECOND;
  };

  /** With a tenth of the nodes, and gone before anything else is measured. */
  readonly createOneByOne: Measure = async () => {
    const api = this.#running;
    const some = names('single').slice(0, NODES / 10);
    const took = await timed(() => byWorkers(some, 1, (name) => make(api, name)));
    await byWorkers(some, 1, async (name) => void (await expecting(204, api, 'DELETE', `/v1/nodes/${name}`)));
    return (took / some.length) * (NODES / MS_PER_SECOND);
  };

  readonly list: Measure = async () => {
    const figures: number[] = [];
    for (let time = 0; time < LISTS; time += 1) {
      figures.push(await timed(async () => expectAll(await expecting(200, this.#running, 'GET', `/v1/nodes/detail?limit=${NODES}`))));
    }
    return median(figures) / MS_PER_SECOND;
  };

  readonly get: Measure = async () => {
    const api = this.#running;
    const some = Array.from({ length: GETS }, () => names()).flat();
    return (await timed(() => getEach(api, some))) / some.length / MS_PER_SECOND;
  };

  /** Other nodes in each round. */
  readonly walk: Measure = async () => {
    const api = this.#running;
    const some = names().slice(this.#walked, this.#walked + WALKED);
    this.#walked += WALKED;
    return (await timed(() => byWorkers(some, WORKERS, (name) => walkToActive(api, name)))) / MS_PER_SECOND;
  };

  readonly memory: Measure = async () => {
    if (this.#server === undefined) throw new Error('nodes come first');
    await pause(REST_MS);
    return this.#server.memory();
  };

  cases(): Readonly<Record<string, Measure>> {
    const { create, createOneByOne, list, get, walk, memory } = this;
    return { [CREATE]: create, [LIST]: list, [GET]: get, [WALK]: walk, [ONE_BY_ONE]: createOneByOne, [MEMORY]: memory };
  }
}

function names(prefix = 'node'): string[] {
  return Array.from({ length: NODES }, (_, index) => `${prefix}-${index}`);
}

/** Those that were walked stay. */
async function warmUp(api: Api): Promise<void> {
  const some = names('warm').slice(0, WARM.made);
  await byWorkers(some, WORKERS, (name) => make(api, name));
  await byWorkers(some.slice(0, WARM.walked), WORKERS, (name) => walkToActive(api, name));
  await getEach(api, some);
  for (let time = 0; time < LISTS; time += 1) await expecting(200, api, 'GET', `/v1/nodes/detail?limit=${NODES}`);
  await byWorkers(some.slice(WARM.walked), WORKERS, async (name) => void (await expecting(204, api, 'DELETE', `/v1/nodes/${name}`)));
}

async function make(api: Api, name: string): Promise<void> {
  await expecting(201, api, 'POST', '/v1/nodes', nodeBody(name));
}

async function getEach(api: Api, some: readonly string[]): Promise<void> {
  await byWorkers(some, 1, async (name) => void (await expecting(200, api, 'GET', `/v1/nodes/${name}`)));
}

async function expectAll(body: unknown): Promise<void> {
  const { nodes } = body as { readonly nodes: readonly unknown[] }; // a list of nodes, by the API
  if (nodes.length !== NODES) throw new Error(`${nodes.length} nodes came, not ${NODES}`);
}

const ours = new Subject(startOurs);
const ironic = new Subject(startIronic);

export const bench: Bench = {
  name: 'api',
  unit: 's, memory: MB',
  larger: false,
  rounds: 3,
  async setup() {
    directory = await mkdtemp(join(tmpdir(), 'rackseed-bench-api-'));
  },
  async teardown() {
    for (const stop of stops) await stop();
    await rm(directory, { recursive: true, force: true });
  },
  ours: ours.cases(),
  peers: { ironic: ironic.cases() },
  note:
    `Both on loopback, plain HTTP, no authentication, SQLite, fake-hardware without delays, no automated cleaning, no power sync, one client ` +
    `process whose CPU time is in every figure. ${CREATE} and ${WALK}: by ${WORKERS} workers, each with a connection that stays; ` +
    `${ONE_BY_ONE}: one worker, the time for 1,000 from 100; ${LIST}: 1,000 nodes in one page; ${GET}: one request, of each node ${GETS} times, one after another; ` +
    `${WALK}: ${WALKED} nodes enroll, manageable, available, active, states looked at after 10 ms, then after twice as long each time, up to 320 ms; memory: proportional set size ${REST_MS / MS_PER_SECOND} seconds after the last of these, ` +
    `of API (one worker) and conductor together. Each starts with an empty store and is warmed up alike: ${WARM.made} nodes made, ${WARM.walked} of them walked, each ` +
    `looked at, all listed, the others removed. Cold, ours needs up to twice as long for the first 1,000 nodes, half as long again for the first 200 walks, ` +
    `and twice as long for the first 1,000 looks at one.`,
};
