// The process that is killed: nodes, a task engine and deployments on fake machines. Writes down which step it begins, as it begins it.
// Run as: node child.ts DIRECTORY NODES

import { appendFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { createLifecycle, lifecycleTasks } from '../../../src/lifecycle/index.ts';
import { createNodes, createRecords } from '../../../src/nodes/index.ts';
import { createDrivers, createGateway, createMemory, createRegistry, type Driver, NO_DESK } from '../../../src/power/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { createTaskEngine } from '../../../src/tasks/index.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const STEPS = ['one', 'two', 'three', 'four'];
const FOREVER = new AbortController().signal;
const OLGA = { who: 'user', actor: 'olga' } as const;

function say(line: string): void {
  appendFileSync(join(directory, 'said'), `${line}\n`);
  writeSync(1, `${line}\n`);
}

const store = await openStore({
  url: `sqlite://${join(directory, 'rackseed.sqlite')}`,
  keys: [{ id: 'test', bytes: Buffer.alloc(32, 7) }],
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
const nodes = createNodes(common);

const deploy = (fake: Driver): Driver => ({
  ...fake,
  steps: STEPS.map((step, at) => ({ kind: 'deploy', step, priority: 90 - at, title: step, isDestructive: at === 1 })),
  runStep: async ({ step }, { name }, { isResumed }) => {
    say(`${name} ${step} ${isResumed ? 'resumed' : 'fresh'}`);
    await systemClock.sleep(2);
    // The second waits for the agent, which is heard below.
    return step === 'two' ? 'wait' : {};
  },
});

const fakes = createDrivers({ ...common, memory: createMemory(common) });
const registry = createRegistry(fakes.map((one) => (one.interface === 'deploy' && one.name === 'fake' ? deploy(one) : one)));
const gateway = createGateway({ ...common, registry, nodes, limits: { workers: 8, callTimeoutMs: 30_000, powerTimeoutMs: 60_000 } });
const config = {
  automatedClean: true,
  fastTrack: true,
  softPowerOffMs: 600_000,
  disallowedSteps: { clean: [], deploy: [], service: [] },
  maxDeploys: 6,
  maxCleans: 6,
  host: 'one',
};
const parts = {
  ...common,
  nodes,
  records: createRecords({ ...common, nodes }),
  gateway,
  config,
  desk: NO_DESK,
  observeOnly: () => undefined,
};
const tasks = createTaskEngine({ ...common, definitions: lifecycleTasks(parts), holder: 'one', limits: { pollMs: 20, workers: 4 } });
const life = createLifecycle({ ...parts, tasks });
await gateway.start(FOREVER);
await tasks.start(FOREVER);

/** Made, asked for, and seen through to the end, from wherever an earlier life left it. */
async function seeThrough(name: string): Promise<void> {
  const known = await nodes.find(name);
  const fields = { driver: 'fake-hardware', name };
  const { uuid } = known ?? (await store.transaction((tx) => nodes.create(tx, fields, OLGA)));
  for (;;) {
    const node = await nodes.get(uuid);
    const isHeld = (await life.holders([uuid])).has(uuid);
    if (node.provisionState === 'active' || node.provisionState.endsWith('failed')) return say(`${name} is ${node.provisionState}`);
    const verb = { enroll: 'manage', manageable: 'provide', available: 'active' }[node.provisionState as string];
    if (verb !== undefined && !isHeld) await life.provision(node, { verb }, OLGA);
    if (node.provisionState === 'wait call-back' && !isHeld) await life.agentHeard(uuid, {});
    await systemClock.sleep(10);
  }
}

const names = Array.from({ length: Number(count) }, (_, at) => `pve${at}`);
await Promise.all(names.map((name) => seeThrough(name)));
say('all done');
await tasks.stop();
await gateway.stop();
await store.close();
