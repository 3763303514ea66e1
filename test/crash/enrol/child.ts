// The process that is killed: machines are discovered, approved by a rule and taken in, on a played deploy interface. Says what it begins, as
// it begins it. Run as: node child.ts DIRECTORY MACHINES

import { appendFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createTaking } from '../../../src/app-enrol.ts';
import { createEnrol, type EnrolOptions } from '../../../src/enrol/index.ts';
import { parseMac, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { createLifecycle, lifecycleTasks } from '../../../src/lifecycle/index.ts';
import { createNodes, createRecords } from '../../../src/nodes/index.ts';
import { createDrivers, createGateway, createMemory, createRegistry, type Driver, NO_DESK } from '../../../src/power/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { createTaskEngine } from '../../../src/tasks/index.ts';
import { report } from '../../unit/enrol/machines.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const FOREVER = new AbortController().signal;

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
const steps = [
  { kind: 'clean', step: 'erase', priority: 10, title: 'Erase', isDestructive: true },
  { kind: 'deploy', step: 'write', priority: 80, title: 'Write', isDestructive: true },
] as const;
const direct = (driver: Driver): Driver => ({
  ...driver,
  refusal: () => null,
  steps,
  runStep: async ({ step }, { uuid }, { isResumed, args }) => {
    say(`${uuid} ${step} ${isResumed ? 'resumed' : 'fresh'} ${JSON.stringify(args.disks)}`);
    await systemClock.sleep(3);
    return {};
  },
});
const fakes = createDrivers({ ...common, memory: createMemory(common) });
const registry = createRegistry(fakes.map((one) => (one.interface === 'deploy' && one.name === 'direct' ? direct(one) : one)));
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
const taking = createTaking();
const definitions = [...lifecycleTasks(parts), taking.definition];
const tasks = createTaskEngine({ ...common, definitions, holder: 'one', limits: { pollMs: 20, workers: 8 } });
const lifecycle = createLifecycle({ ...parts, tasks, observeOnly: () => undefined });
const own: EnrolOptions & { readonly sweepMs: number } = {
  ...common,
  nodes,
  tasks,
  lifecycle,
  registry,
  desk: NO_DESK,
  config: {
    rule: [
      {
        name: 'all',
        match: { manufacturer: 'Example' },
        profile: 'web',
        name_pattern: 'web{n}',
        auto_approve: true,
        overwrite_filesystems: false,
      },
    ],
    profile: [{ name: 'web', os: 'image', image: '/web.raw', wipe: 'os', boot_order: 'network-first', first_boot: false, variables: {} }],
    enrol: { mode: 'open', window_minutes: 60, wait_minutes: 10 },
  },
  window: { get: () => Promise.resolve({ mode: 'open', since: null }) },
  observeOnly: () => undefined,
  imageInfo: () => ({ image_source: 'file:///web.raw' }),
  rootHints: () => ({ none: true }),
  installRefusal: () => null,
  sweepMs: 50,
};
taking.bind(own);
const enrol = createEnrol(own);
await gateway.start(FOREVER);
await tasks.start(FOREVER);
await enrol.start(FOREVER);

/** As an agent does: its report is sent until the appliance has kept it. */
async function discover(at: number): Promise<string> {
  const mac = parseMac(`52:54:00:00:02:${at.toString(16).padStart(2, '0')}`);
  if (mac === undefined) throw new Error('no MAC');
  const [known] = await nodes.findByAddresses([mac]);
  if (known !== undefined) return known.node.uuid;
  const { inventory, pluginData } = report({ mac, disks: [{ serial: `S${at}`, holds: null }] });
  return store.transaction(async (tx) => {
    const input = {
      driver: 'manual-management',
      interfaces: { power: 'fake' },
      powerState: 'power on',
      ports: [{ address: mac }],
    } as const;
    const node = await nodes.create(tx, input, { who: 'system', actor: 'discovery' });
    await nodes.saveInventory(tx, node.uuid, { inventory: { ...inventory }, pluginData: { ...pluginData } });
    await enrol.reported(tx, node);
    return node.uuid;
  });
}

async function seeThrough(at: number): Promise<void> {
  const uuid = await discover(at);
  for (;;) {
    const row = await store.db.selectFrom('enrolments').select(['state', 'reason']).where('node_uuid', '=', uuid).executeTakeFirst();
    const { name, provisionState } = await nodes.get(uuid);
    if (row?.state === 'done' || row?.state === 'failed')
      return say(`${uuid} is ${row.state} ${name ?? '-'} ${provisionState} ${row.reason}`);
    await systemClock.sleep(10);
  }
}

await Promise.all(Array.from({ length: Number(count) }, (_, at) => seeThrough(at)));
say('all done');
await enrol.stop();
await tasks.stop();
await gateway.stop();
await store.close();
