// Who a machine is, on the real appliance: a swapped mainboard, a card that goes from machine to machine, a disk that fails; over API and
// command line.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InventoryRequest } from '../../src/inspect/index.ts';
import { bootOwnAgent, type Deed, type OwnAgent } from '../sim/own-agent.ts';
import { fetchSecret, writeBootFiles } from '../support/agent.ts';
import { type Appliance, cli, makeSite, type Site, startAppliance } from '../support/appliance.ts';
import { containing } from '../support/containing.ts';
import { overNetwork } from '../support/orders.ts';
import { report } from '../unit/enrol/machines.ts';

const CONFIG = `
[enrol]
mode = "open"

[[profile]]
name = "web"
os = "image"
image = "http://127.0.0.1:9/web.raw"
image_checksum = "sha256:${'ab'.repeat(32)}"

[[rule]]
name = "racks"
match = { manufacturer = "Rack*" }
profile = "web"
auto_approve = true
`;

let site: Site;
let appliance: Appliance;
beforeAll(async () => {
  site = await makeSite(CONFIG);
  await writeBootFiles(join(site.dataDir, 'artefacts'));
  appliance = await startAppliance(site);
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
});

type Row = Readonly<Record<string, unknown>>;
const get = async (path: string): Promise<Row> => (await appliance.client.get(path)) as Row; // our own API

interface Box {
  readonly macs: readonly [string, ...string[]];
  readonly uuid: string;
  readonly disk: string;
  readonly manufacturer?: string;
  /** Sectors that its disk had to replace. */
  reallocated?: number;
}

async function boot(box: Box): Promise<string> {
  return (await started(box)).node.uuid;
}

/** Its agent reports what the box is by then. */
async function started(box: Box): Promise<OwnAgent> {
  const [mac] = box.macs;
  const end: Deed = { does: 'work', beats: 1, end: { does: 'succeed', result: {} } };
  const options = { send: overNetwork(site), macs: [...box.macs], smbiosUuid: box.uuid, inventory: () => reportOf(box), script: () => end };
  return bootOwnAgent(await fetchSecret(site.bootPort, { mac, uuid: box.uuid }), options);
}

function reportOf({ macs, uuid, disk, manufacturer = 'Example', reallocated = 0 }: Box): InventoryRequest {
  const [mac] = macs;
  const body = report({ mac, uuid, manufacturer, disks: [{ serial: disk, holds: null }] });
  const interfaces = macs.flatMap((address, at) =>
    body.inventory.interfaces.map((card) => ({ ...card, name: `eth${at}`, mac_address: address })),
  );
  const health = {
    name: '/dev/sda',
    serial: disk,
    passed: true,
    temperature: 30,
    power_on_hours: 1000,
    percent_used: null,
    spare_percent: null,
    spare_threshold: null,
    critical_warning: null,
    media_errors: null,
    reallocated,
    pending: 0,
    firmware: null,
    problem: null,
  };
  return {
    inventory: { ...body.inventory, interfaces },
    pluginData: { ...body.pluginData, facts: { disk_health: [health] } },
  };
}

it('shows that a machine may be a node, lets no rule say yes to it, and merges them when a person says so', async () => {
  const node = await boot({ macs: ['52:54:00:00:07:01'], uuid: '4c4c4544-0001-3510-8051-b4c04f4d3230', disk: 'DISK-0701' });
  const swapped: Box = {
    macs: ['52:54:00:00:07:02'],
    uuid: '4c4c4544-0002-3510-8051-b4c04f4d3230',
    disk: 'DISK-0701',
    manufacturer: 'Rack 1',
  };
  const found = await boot(swapped);
  expect(await get(`/api/nodes/${found}/identity`)).toMatchObject({
    mayBe: [{ uuid: node, reason: containing('DISK-0701') }],
    sharedMacs: [],
  });
  expect((await get(`/api/nodes/${found}`)).provisionState).toBe('enroll');
  const { enrolments } = (await get('/api/enrolments')) as { enrolments: Row[] };
  expect(enrolments.find((one) => one.node === found)).toMatchObject({ state: 'proposed' });
  expect((await cli(site, ['node', 'identity', found])).stdout).toMatch(/DISK-0701/);
  expect((await cli(site, ['node', 'why', found])).stdout).toContain(`rackseed node merge ${found} ${node}`);

  const unsaid = await cli(site, ['node', 'merge', found, node]);
  expect(unsaid).toMatchObject({ code: 2, stderr: containing('--yes') });
  const { stdout } = await cli(site, ['node', 'merge', found, node, '--yes', '--drop-ports']);
  expect(stdout).toMatch(/smbiosUuid +4c4c4544-0002-/);
  await expect(get(`/api/nodes/${found}`)).rejects.toThrow(/no node/);
  expect(await get(`/api/nodes/${node}/identity`)).toMatchObject({ macs: ['52:54:00:00:07:02'], mayBe: [] });
});

it('says of a card that was in two machines that it identifies none, until a person gives it its place', async () => {
  const dongle = '00:e0:4c:00:07:99';
  const first = await boot({ macs: ['52:54:00:00:07:11', dongle], uuid: '4c4c4544-0011-3510-8051-b4c04f4d3230', disk: 'DISK-0711' });
  const second = await boot({ macs: [dongle, '52:54:00:00:07:12'], uuid: '4c4c4544-0012-3510-8051-b4c04f4d3230', disk: 'DISK-0712' });
  expect(second).not.toBe(first);
  expect(await get('/api/shared-macs')).toMatchObject({ macs: [{ mac: dongle, node: first, seen: [{}, {}] }] });
  expect((await cli(site, ['node', 'why', dongle])).stdout).toMatch(/identifies nobody/);
  expect(await cli(site, ['node', 'forget-mac', dongle, '--to', second])).toMatchObject({ code: 0 });
  expect(await get('/api/shared-macs')).toEqual({ macs: [] });
  expect((await get(`/api/nodes/${second}/identity`)).macs).toContain(dongle);
  expect((await cli(site, ['node', 'forget-mac', '52:54:00:00:07:77'])).stderr).toContain('was not seen');
});

it('keeps what a report says of failing disks among the tests, when that changes', async () => {
  const box: Box = { macs: ['52:54:00:00:07:21'], uuid: '4c4c4544-0021-3510-8051-b4c04f4d3230', disk: 'DISK-0721' };
  const agent = await started(box);
  const node = agent.node.uuid;
  const checks = async (): Promise<unknown> => (await get(`/api/nodes/${node}/checks`)).checks;
  expect(await checks()).toEqual([]);
  const look = async (reallocated: number): Promise<void> => {
    box.reallocated = reallocated;
    await agent.report();
  };
  for (const sectors of [5, 6, 6]) await look(sectors);
  expect(await checks()).toMatchObject([{ kind: 'health', verdict: 'warning', message: containing('5 sectors were replaced') }]);
  await look(0);
  expect(await checks()).toMatchObject([{ kind: 'health', verdict: 'good' }, { verdict: 'warning' }]);
  expect((await cli(site, ['node', 'checks', node])).stdout).toMatch(/health +warning +.*sectors were replaced/);
});
