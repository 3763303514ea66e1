// Pipelines on the real appliance, over its API and command line, as services of a node in Ironic's words. The machine is one that nobody
// reaches: what steps do on machines is proven elsewhere.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Appliance, cli, makeSite, type Site, startAppliance } from '../support/appliance.ts';
import { containing } from '../support/containing.ts';

const CONFIG = `
[[profile]]
name = "pve"
os = "proxmox"
pipeline = "mine"

[[profile]]
name = "lost"
os = "proxmox"
pipeline = "nowhere"
`;
const PATIENCE = { timeout: 60_000, interval: 100 };

let site: Site;
let appliance: Appliance;
beforeAll(async () => {
  site = await makeSite(CONFIG);
  await mkdir(join(site.dataDir, 'pipelines'), { recursive: true });
  await writeFile(
    join(site.dataDir, 'pipelines', 'mine.toml'),
    'description = "Names"\n[[steps]]\nstep = "hosts-file"\n[[steps]]\nstep = "ntp"\n',
  );
  await writeFile(join(site.dataDir, 'pipelines', 'bad.toml'), '[[steps]]\nstep = "hosts-flie"\n');
  appliance = await startAppliance(site);
}, 60_000);
afterAll(async () => {
  await appliance.stop();
  await site.remove();
});

type Row = Readonly<Record<string, unknown>>;
const get = async (path: string): Promise<Row> => (await appliance.client.get(path)) as Row; // our own API
const post = async (path: string, body: object = {}): Promise<Row> => (await appliance.client.send('POST', path, body)) as Row; // our own API
/** Accepted with an empty body, which our own client takes for an answer of somebody else. */
const ironic = async (method: 'POST' | 'PUT', path: string, body: object): Promise<void> => {
  try {
    await appliance.client.send(method, path, body, { 'x-openstack-ironic-api-version': '1.95' });
  } catch (thrown) {
    if (!String(thrown).includes('HTTP 202: )')) throw thrown;
  }
};
const stateOf = async (name: string): Promise<unknown> => (await get(`/api/nodes/${name}`)).provisionState;

/** Taken over as it runs: active, of the deploy interface that runs pipelines. */
async function adopted(name: string, profile = 'pve'): Promise<void> {
  const body = { name, driver: 'fake-hardware', deploy_interface: 'proxmox', extra: { profile } };
  await ironic('POST', '/v1/nodes', body);
  for (const [verb, state] of [
    ['manage', 'manageable'],
    ['adopt', 'active'],
  ] as const) {
    await ironic('PUT', `/v1/nodes/${name}/states/provision`, { target: verb });
    await expect.poll(() => stateOf(name), PATIENCE).toBe(state);
  }
}

async function whileStopped(act: (database: Database.Database) => void): Promise<void> {
  await appliance.stop();
  const database = new Database(join(site.dataDir, 'rackseed.sqlite'));
  act(database);
  database.close();
  appliance = await startAppliance(site);
}

/** As the report of its first boot would: nothing listens at that address. */
async function reported(name: string): Promise<void> {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRXZ5c0aLrBnlRHdN7mcVfeIVJJ1hGPDgs8JXRpJkXh';
  const info = JSON.stringify({ first_boot: { reported_at: 1, hostname: name, from: '127.77.0.1', ssh_host_keys: [key] } });
  await whileStopped((database) => database.prepare('update nodes set driver_internal_info = ? where name = ?').run(info, name));
}

it('are listed, with the line of what is wrong; a profile that names none is told at the start and by config check', async () => {
  const { stdout, stderr } = await cli(site, ['pipeline', 'list']);
  expect(stdout).toMatch(/^NAME +OF +STEPS +GOOD +WHAT IT IS FOR\n/);
  expect(stdout).toMatch(/\nmine +yours +2 +yes +Names\n/);
  expect(stdout).toMatch(/\nstandalone +Rackseed +\d+ +yes +/);
  expect(stderr).toMatch(/bad\.toml:2: steps\[0\]\.step there is no step "hosts-flie"\. Did you mean "hosts-file"/);
  const { warnings } = await get('/api/status');
  const words = containing('profile[1].pipeline: there is no pipeline "nowhere" for profile lost');
  expect(warnings).toContainEqual({ code: 'pipeline.unknown', message: words, hint: containing('rackseed pipeline list') });
  const checked = await cli(site, ['config', 'check', site.configPath]);
  expect(checked.stderr).toMatch(/^warning: .*rackseed\.toml:\d+: profile\[1\]\.pipeline: there is no pipeline "nowhere"/m);
});

it('fail as service failed with the next step where it is not known where the machine is, and are given up', async () => {
  await adopted('pve1');
  const refused = await cli(site, ['pipeline', 'plan', 'pve1']);
  expect(refused.stderr).toMatch(/the address of pve1 is not known.*\n {2}Next step: Deploy it from here/);
  expect((await cli(site, ['pipeline', 'run', 'pve1'])).code).toBe(0);
  await expect.poll(() => stateOf('pve1'), PATIENCE).toBe('service failed');
  const { stdout } = await cli(site, ['pipeline', 'show', 'pve1']);
  expect(stdout).toMatch(/next +.*the address of pve1 is not known.*rackseed pipeline resume pve1.*rackseed pipeline abort pve1/);
  expect((await cli(site, ['pipeline', 'abort', 'pve1'])).code).toBe(0);
  expect(await get('/api/nodes/pve1')).toMatchObject({ provisionState: 'active', maintenance: false });
  const over = await cli(site, ['pipeline', 'abort', 'pve1']);
  expect(over.stderr).toMatch(/nothing of a pipeline is under way on pve1.*\n {2}Next step: .*\n {2}\(pipeline\.over\)/);
});

it('are services in the words of Ironic: they wait for a machine that is away, through a kill, and leave a step out', async () => {
  await adopted('pve2');
  await reported('pve2');
  const plan = await post('/api/nodes/pve2/pipeline/plan');
  expect(plan).toMatchObject({
    pipeline: 'mine',
    steps: [
      { id: 'hosts-file', is: 'unknown' },
      { id: 'ntp', is: 'unknown' },
    ],
  });
  expect(await post('/api/nodes/pve2/pipeline/verify')).toMatchObject({ drift: 'unknown' });
  expect((await cli(site, ['node', 'verify', 'pve2'])).stderr).toBe('pve2: not all of it could be looked at.\n');
  const target = { target: 'service', service_steps: [{ interface: 'deploy', step: 'run_pipeline', args: {} }] };
  await ironic('PUT', '/v1/nodes/pve2/states/provision', target);
  // By its attempts it waits; where some sshd listens there, its key is another one and it fails at once.
  const rests = async (): Promise<boolean> => ['service wait', 'service failed'].includes(String(await stateOf('pve2')));
  await expect.poll(rests, PATIENCE).toBe(true);
  await appliance.kill9();
  appliance = await startAppliance(site);
  await expect.poll(rests, PATIENCE).toBe(true);
  const view = await get('/api/nodes/pve2/pipeline');
  expect(view).toMatchObject({
    pipeline: 'mine',
    run: { pipeline: 'mine', steps: [{ id: 'hosts-file' }, { id: 'ntp', state: 'pending' }] },
  });
  await ironic('PUT', '/v1/nodes/pve2/states/provision', { target: 'abort' }).catch(() => undefined); // fails at once: there is nothing to abort
  await expect.poll(() => stateOf('pve2'), PATIENCE).toMatch(/^(?:service failed|active)$/);
  const skipped = await post('/api/nodes/pve2/pipeline/steps/hosts-file/skip', { reason: 'by hand', stay: true });
  expect(skipped).toMatchObject({ run: { steps: [{ state: 'skipped', words: 'by hand' }, { state: 'pending' }] } });
  const second = await post('/api/nodes/pve2/pipeline/steps/ntp/skip', { reason: 'by hand' });
  expect(second).toMatchObject({ run: { steps: [{ state: 'skipped' }, { state: 'skipped' }] } });
  await expect.poll(async () => (await get('/api/nodes/pve2/pipeline')).run, PATIENCE).toMatchObject({ state: 'done' });
  await expect.poll(() => stateOf('pve2'), PATIENCE).toBe('active');
  const events = (await get('/api/events?limit=500')).events as Row[]; // our own API
  const types = events.filter(({ nodeUuid, type }) => nodeUuid !== null && String(type).startsWith('pipeline.')).map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(['pipeline.begun', 'pipeline.skipped', 'pipeline.done']));
});

it('begin by themselves when their machine was installed, also when the appliance was started in between', async () => {
  await adopted('pve4');
  const { uuid } = await get('/api/nodes/pve4');
  await whileStopped((database) => {
    const columns = 'uuid, node_uuid, pipeline, state, cursor, notes, task, epoch, abort_asked, created_at, updated_at';
    const row = "'7d3c2a10-0000-4000-8000-000000000001', ?, 'mine', 'due', '[]', '{}', 'deployed:task-1', 0, 0, 1, 1";
    database.prepare(`insert into pipeline_runs (${columns}) values (${row})`).run(uuid);
  });
  expect(await get('/api/nodes/pve4/pipeline')).toMatchObject({ run: null, next: 'mine begins by itself once the node is active' });
  await expect.poll(async () => (await get('/api/nodes/pve4/pipeline')).run, PATIENCE).toMatchObject({ pipeline: 'mine' });
  await expect.poll(() => stateOf('pve4'), PATIENCE).toBe('service failed');
}, 90_000);

it('are refused with what is wrong: bodies, steps, runs', async () => {
  await adopted('pve3', 'none');
  await expect(post('/api/nodes/pve3/pipeline/run')).rejects.toThrow('the profile of pve3 names no pipeline');
  await expect(post('/api/nodes/pve3/pipeline/run', { pipeline: 'bad' })).rejects.toThrow(
    'line 2: steps[0].step there is no step "hosts-flie"',
  );
  await expect(post('/api/nodes/pve3/pipeline/resume')).rejects.toThrow('no pipeline was run on pve3');
  await expect(post('/api/nodes/pve3/pipeline/steps/ntp/skip', {})).rejects.toThrow('reason');
  await expect(post('/api/nodes/nobody/pipeline/run')).rejects.toThrow('nobody');
});
