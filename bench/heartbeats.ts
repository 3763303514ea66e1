// Heartbeats: a thousand agents, each of which beats once a second, while a client reads the whole list over and over. Our server alone.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './harness.ts';
import { type Agents, bringAgents } from './support/agents.ts';
import { expecting, openApi } from './support/ironic-load.ts';
import { type Server, startOurs } from './support/ironic-servers.ts';
import { quantile } from './support/quantile.ts';

const AGENTS = 1000;
const PER_SECOND = 1000;
const SECONDS = 10;
const CONNECTIONS = 16;
const MS_PER_SECOND = 1000;
const CASE = 'p99-at-1000-per-second';

let directory = '';
let server: Server | undefined;
let agents: Agents | undefined;

async function p99(): Promise<number> {
  if (server === undefined || agents === undefined) throw new Error('the server and its agents come first');
  const api = openApi(server.url, 1);
  let isOver = false;
  const lists = (async () => {
    let read = 0;
    for (; !isOver; read += 1) await expecting(200, api, 'GET', '/v1/nodes?limit=1000');
    return read;
  })();
  const began = performance.now();
  const { figures, perSecond } = await agents.beat(PER_SECOND, SECONDS);
  isOver = true;
  const listsPerSecond = (await lists) / ((performance.now() - began) / MS_PER_SECOND);
  api.close();
  const [half, most] = [quantile(figures, 0.5).toFixed(1), quantile(figures, 1).toFixed(1)];
  const found = quantile(figures, 0.99);
  process.stderr.write(
    `${Math.round(perSecond)} beats/s, ${listsPerSecond.toFixed(1)} lists/s beside them; p50 ${half}, p99 ${found.toFixed(1)}, most ${most} ms\n`,
  );
  return found;
}

export const bench: Bench = {
  name: 'heartbeats',
  unit: 'ms (p99)',
  larger: false,
  rounds: 3,
  async setup() {
    directory = await mkdtemp(join(tmpdir(), 'rackseed-beats-'));
    server = await startOurs(directory);
    const api = openApi(server.url, CONNECTIONS);
    agents = await bringAgents(server.url, api, AGENTS);
    api.close();
  },
  async teardown() {
    agents?.close();
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  },
  ours: { [CASE]: p99 },
  peers: {},
  promises: [{ case: CASE, limit: 50 }],
  note: 'Client and server share the machine. Every node waits for its agent, so that each beat may have work to wake.',
};
