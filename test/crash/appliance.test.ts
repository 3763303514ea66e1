// The whole appliance, killed again and again (kill -9) while an operator opens and closes enrolment and machines boot and report over
// the network. Whoever got no answer repeats what was asked, as real agents do. After each restart everything that was acknowledged is
// there, once, and the appliance is the same one to those that pinned it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../src/lib/index.ts';
import { claimOf, fetchSecret, lookUp, type Machine, NoSecret, namesOf, postInventory, writeBootFiles } from '../support/agent.ts';
import { type Appliance, run, type Site, startAppliance, temporarySite, withClient } from '../support/appliance.ts';

const KILLS = 16;
const MACHINES = 6;
/** Acknowledged requests of all clients together before a kill: sometimes the first, sometimes in a busy time. */
const MOST_REQUESTS = 50;
const FIRST_STARTS = 6;
const START_MS = 700;
const INVENTORIES_PER_BOOT = 3;
const RATE_LIMITED = 429;

interface Event {
  readonly seq: number;
  readonly type: string;
  readonly nodeUuid: string | null;
}

interface Node {
  readonly uuid: string;
  readonly macs: readonly string[];
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Somebody who works over the network until the appliance is gone, and goes on where the answer was missing after the restart. */
interface Worker {
  step(site: Site): Promise<void>;
  check(appliance: Appliance, world: { readonly events: readonly Event[]; readonly nodes: readonly Node[] }): Promise<void>;
}

describe('kill -9 of the whole appliance', () => {
  it(`loses nothing acknowledged although it happens ${KILLS} times`, { timeout: 600_000 }, async () => {
    const site = await temporarySite('[enrol]\nmode = "open"\n');
    await writeBootFiles(join(site.dataDir, 'artefacts'));
    const workers = [operator(), ...Array.from({ length: MACHINES }, (_, index) => machineAtWork(index + 1))];
    let identity: readonly string[] | undefined;
    let known: readonly Event[] = [];
    for (let round = 0; round <= KILLS; round += 1) {
      const appliance = await startAppliance(site);
      identity ??= await identityOf(site);
      expect(await identityOf(site)).toEqual(identity);
      known = await checkWorld(appliance, workers, known);
      if (round === KILLS) expect((await appliance.stop()).code).toBe(0);
      else await workUntilKilled(appliance, workers, 1 + Math.floor(Math.random() * MOST_REQUESTS));
    }
    expect(known.length).toBeGreaterThan(KILLS);
  });

  it('at any moment of the first start leaves nothing that the next start stumbles over', { timeout: 300_000 }, async () => {
    for (let count = 0; count < FIRST_STARTS; count += 1) {
      const site = await temporarySite();
      const first = run(site, ['serve', '--config', site.configPath]);
      const timer = setTimeout(() => first.child.kill('SIGKILL'), Math.random() * START_MS);
      // On a quick machine it may be ready before its end comes.
      await first.line('rackseed is ready').catch(() => undefined);
      clearTimeout(timer);
      first.child.kill('SIGKILL');
      await first.end;
      const appliance = await startAppliance(site);
      const identity = await identityOf(site);
      await appliance.client.send('PUT', '/api/enrolment', { mode: 'open' });
      await appliance.kill9();
      const again = await startAppliance(site);
      expect(await identityOf(site)).toEqual(identity);
      expect(await again.client.get('/api/enrolment')).toMatchObject({ mode: 'open' });
      expect((await again.stop()).code).toBe(0);
      await site.remove();
    }
  });
});

async function workUntilKilled(appliance: Appliance, workers: readonly Worker[], requests: number): Promise<void> {
  let left = requests;
  const isKilled = (): boolean => left <= 0;
  const spend = (): void => {
    left -= 1;
    if (isKilled()) appliance.child.kill('SIGKILL');
  };
  const work = async (worker: Worker): Promise<void> => {
    while (!isKilled()) {
      try {
        await worker.step(appliance.site);
      } catch (thrown) {
        if (isKilled()) return; // no answer: the next life repeats the step
        if (!isLater(thrown)) {
          left = 0;
          appliance.child.kill('SIGKILL');
          throw thrown;
        }
      }
      spend();
    }
  };
  const results = await Promise.allSettled(workers.map(work));
  expect((await appliance.kill9()).signal).toBe('SIGKILL');
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Refused for now, and rightly: enrolment is closed, or an address asks too often. */
function isLater(thrown: unknown): boolean {
  return thrown instanceof NoSecret || (thrown instanceof RackseedError && thrown.status === RATE_LIMITED);
}

/** Opens and closes enrolment; each acknowledged change is an event, and the last one holds. */
function operator(): Worker {
  let changes = 0;
  let acknowledged = 0;
  let unanswered = 0;
  let last: unknown;
  let wanted: string | undefined;
  return {
    async step(site) {
      changes += 1;
      const mode = changes % 5 === 0 ? 'closed' : 'open';
      wanted = mode;
      const body = mode === 'open' ? { mode, minutes: 60 + (changes % 1000) } : { mode };
      last = await withClient(site, (client) => client.send('PUT', '/api/enrolment', body));
      wanted = undefined;
      acknowledged += 1;
    },
    async check({ client }, { events }) {
      const state = await client.get('/api/enrolment');
      if (wanted === undefined) expect(state).toEqual(last ?? { mode: 'open', until: null });
      else {
        unanswered += 1;
        const isOld = JSON.stringify(state) === JSON.stringify(last ?? { mode: 'open', until: null });
        if (!isOld) expect(state).toMatchObject({ mode: wanted });
        last = state;
        wanted = undefined;
      }
      const stored = events.filter((event) => event.type.startsWith('enrolment.')).length;
      expect(stored).toBeGreaterThanOrEqual(acknowledged);
      expect(stored).toBeLessThanOrEqual(acknowledged + unanswered);
    },
  };
}

/** Boots, looks up, reports a few times, boots again. A step without an answer is repeated with the same words and must succeed. */
function machineAtWork(index: number): Worker {
  const mac = `52:54:00:00:01:${index.toString(16).padStart(2, '0')}`;
  const uuid = `5f4d3c2b-0000-4000-8000-0000000000${index.toString(16).padStart(2, '0')}`;
  let secret: string | undefined;
  let token: string | undefined;
  let reports = 0;
  let memoryMb = 1024;
  let stored = new Set<number>();
  let nodeUuid: string | undefined;

  return {
    async step(site) {
      const machine: Machine = { mac, uuid, memoryMb };
      if (secret === undefined) {
        secret = await fetchSecret(site.bootPort, machine);
      } else if (token === undefined) {
        ({ token } = await lookUp(site, { secret, claim: claimOf(machine, secret), ...namesOf(machine) }));
      } else {
        stored.add(memoryMb);
        const { node } = await postInventory(site, token, machine);
        stored = new Set([memoryMb]);
        nodeUuid ??= node.uuid;
        expect(node.uuid).toBe(nodeUuid);
        memoryMb += 1;
        reports += 1;
        if (reports % INVENTORIES_PER_BOOT === 0) [secret, token] = [undefined, undefined];
      }
    },
    async check(_, { nodes, events }) {
      const mine = nodes.filter((node) => node.macs.includes(mac));
      expect(mine.length).toBeLessThanOrEqual(1);
      const [node] = mine;
      if (nodeUuid !== undefined) expect(node?.uuid).toBe(nodeUuid);
      if (node === undefined) return;
      expect([...stored]).toContain(Number(node.properties.memory_mb));
      expect(events.filter((event) => event.type === 'node.discovered' && event.nodeUuid === node.uuid)).toHaveLength(1);
    },
  };
}

/** Gives all events, after having looked at everything. */
async function checkWorld(appliance: Appliance, workers: readonly Worker[], known: readonly Event[]): Promise<readonly Event[]> {
  const [events, nodes] = [await allEvents(appliance), await allNodes(appliance)];
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.slice(0, known.length)).toEqual(known);
  expect(new Set(nodes.flatMap((node) => node.macs)).size).toBe(nodes.length);
  for (const worker of workers) await worker.check(appliance, { events, nodes });
  return events;
}

async function allEvents({ client }: Appliance): Promise<Event[]> {
  const all: Event[] = [];
  for (;;) {
    const { events } = (await client.get(`/api/events?limit=1000&after=${all.length}`)) as { events: Event[] }; // our own API
    all.push(...events);
    if (events.length === 0) return all;
  }
}

async function allNodes({ client }: Appliance): Promise<Node[]> {
  return ((await client.get('/api/nodes?limit=500')) as { nodes: Node[] }).nodes; // our own API; there are fewer
}

/** What installers and agents pin, what opens the secrets, and what the command line is let in by. */
async function identityOf(site: Site): Promise<string[]> {
  const names = ['connection.json', 'server.crt', 'store.key', 'admin.token', 'instance.id'];
  return Promise.all(names.map((name) => readFile(join(site.dataDir, name), 'utf8')));
}
