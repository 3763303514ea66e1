// Readiness and tests of machines on the real appliance: a machine reports, is measured by a stand-in agent, and is held against others.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bootOwnAgent, type Deed, type OwnAgent } from '../sim/own-agent.ts';
import { fetchSecret, writeBootFiles } from '../support/agent.ts';
import { type Appliance, cli, makeSite, type Site, startAppliance } from '../support/appliance.ts';
import { containing, matching } from '../support/containing.ts';
import { overNetwork } from '../support/orders.ts';
import { report } from '../unit/enrol/machines.ts';

let site: Site;
let appliance: Appliance;
const over = new AbortController();
beforeAll(async () => {
  site = await makeSite('[enrol]\nmode = "open"\n');
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  appliance = await startAppliance(site);
});
afterAll(async () => {
  over.abort();
  await appliance.stop();
  await site.remove();
});

type Row = Readonly<Record<string, unknown>>;
const get = async (path: string): Promise<Row> => (await appliance.client.get(path)) as Row; // our own API
let machines = 0;

async function boot(figures: Readonly<Record<string, number>>, failures: readonly string[] = []): Promise<OwnAgent> {
  machines += 1;
  const mac = `52:54:00:00:06:${machines.toString(16).padStart(2, '0')}`;
  const body = report({ mac, serial: `SER${machines}`, disks: [{ serial: `S${machines}`, holds: null }] });
  const facts = { boot_id: `boot-${machines}`, clock: { ahead_seconds: 5000 } };
  const inventory = { ...body, pluginData: { ...body.pluginData, facts } };
  const deed: Deed = { does: 'work', beats: 1, end: { does: 'succeed', result: { figures, failures } } };
  const agent = await bootOwnAgent(await fetchSecret(site.bootPort, { mac }), {
    send: overNetwork(site),
    macs: [mac],
    smbiosUuid: null,
    inventory,
    script: () => deed,
  });
  void agent.live(over.signal).catch(() => undefined); // the appliance ends before it
  return agent;
}

async function tested(node: string, body: object): Promise<Row> {
  const before = ((await get(`/api/nodes/${node}/checks`)).checks as Row[]).length; // our own API
  await appliance.client.send('POST', `/api/nodes/${node}/checks`, body);
  const all = async (): Promise<Row[]> => (await get(`/api/nodes/${node}/checks`)).checks as Row[]; // our own API
  await expect.poll(async () => (await all()).length, { timeout: 60_000, interval: 100 }).toBe(before + 1);
  return (await all())[0] ?? {};
}

it('says how ready a machine is, with what to do, over API and command line', async () => {
  const { node } = await boot({});
  const readiness = await get(`/api/nodes/${node.uuid}/readiness`);
  expect(readiness).toMatchObject({ level: 'yellow' });
  expect(readiness.items).toContainEqual({
    id: 'clock',
    level: 'yellow',
    text: 'its clock is 5000 s ahead',
    fix: containing('UTC'),
    setting: null,
  });
  const { stdout } = await cli(site, ['node', 'readiness', node.uuid]);
  expect(stdout).toMatch(/^LEVEL +ITEM +FOUND +WHAT TO DO +SETTING\n/);
  expect(stdout).toMatch(/yellow +clock +its clock is 5000 s ahead +Set it to UTC/);
  const { reasons } = (await get(`/api/nodes/${node.uuid}/reasons`)) as { reasons: Row[] };
  expect(reasons.find((one) => one.area === 'readiness')).toMatchObject({ decision: 'yellow', reason: containing('5000 s ahead') });
});

it('measures machines, and tells the one that is slower than its kind', async () => {
  for (const cpu of [100, 101, 99]) {
    const { node } = await boot({ cpu_all: cpu });
    expect(await tested(node.uuid, { kind: 'benchmark', seconds: 1 })).toMatchObject({
      kind: 'benchmark',
      verdict: 'good',
      figures: { cpu_all: cpu },
    });
  }
  const { node, given } = await boot({ cpu_all: 50 });
  expect(await tested(node.uuid, { kind: 'benchmark', seconds: 7, parts: ['cpu'] })).toMatchObject({
    verdict: 'warning',
    message: 'cpu_all is 50, 50 % below the 100 of 3 machines of its kind',
  });
  expect(given.map(({ name, arguments: args }) => ({ name, args }))).toEqual([{ name: 'benchmark', args: { seconds: 7, parts: ['cpu'] } }]);
  const { stdout } = await cli(site, ['node', 'checks', node.uuid]);
  expect(stdout).toMatch(/benchmark +warning +cpu_all is 50, 50 % below.*cpu_all 50\n$/);
});

it('burns machines in, and keeps what broke', async () => {
  const { node } = await boot({ cpu_threads: 4 }, ['memory: block 0, word 9 is 1, not 2']);
  const { stdout } = await cli(site, ['node', 'burn-in', node.uuid, '--seconds', '5', '--part', 'memory']);
  expect(stdout).toMatch(/task +[0-9a-f-]{36}/);
  const checks = async (): Promise<unknown> => (await get(`/api/nodes/${node.uuid}/checks`)).checks;
  await expect
    .poll(checks, { timeout: 60_000, interval: 100 })
    .toMatchObject([{ kind: 'burn-in', verdict: 'bad', message: matching(/^memory: block 0/) }]);
});

it('refuses what no agent could do, and rehearsals that need a person', async () => {
  const { node } = await boot({});
  const refused = (body: object) => appliance.client.send('POST', `/api/nodes/${node.uuid}/checks`, body);
  await expect(refused({ kind: 'benchmark', parts: ['gpu'] })).rejects.toThrow(/parts/);
  await expect(refused({ kind: 'dance' })).rejects.toThrow(/kind/);
  await expect(refused({ kind: 'rehearse' })).rejects.toThrow(/switched by a person only|needs_person/);
});

it('gives agents bytes to measure the network with, and nobody else', async () => {
  await expect(appliance.client.get('/api/agent/noise?bytes=10')).rejects.toThrow();
});
