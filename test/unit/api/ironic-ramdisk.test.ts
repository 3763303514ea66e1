// OpenStack's own agent: look-up, heartbeat, report. A stand-in that keeps to its real behaviour drives a deployment.

import { expect, it } from 'vitest';
import { type Mac, parseMac, Secret } from '../../../src/lib/index.ts';
import type { Node, ProvisionState } from '../../../src/nodes/index.ts';
import { instead } from '../lifecycle/world.ts';
import { parsed } from './harness.ts';
import { ASKING, CALLBACK, MAC, openRamdisk, PEER, type RamdiskWorld } from './ramdisk-client.ts';

const V = { version: '1.68' } as const;
const LOOKUP = `/v1/lookup?addresses=${MAC}`;

async function waiting(site: RamdiskWorld, state: ProvisionState = 'wait call-back'): Promise<Node> {
  const node = await site.world.enrol('pve1', {
    ports: [{ address: macOf(MAC) }],
    instanceInfo: { image_source: 'http://x/y', configdrive: 'c2VjcmV0' },
  });
  return site.world.put(node, state, 'active');
}

function macOf(text: string): Mac {
  const mac = parseMac(text);
  if (mac === undefined) throw new Error(text);
  return mac;
}

const faultOf = (body: string): unknown => parsed(String(parsed(body).error_message)).faultstring;

it('a deployment is driven by the agent: it looks up, beats, and each step goes on as it is heard', async () => {
  let heard = 0;
  const site = await openRamdisk({
    drivers: instead('deploy', () => ({
      steps: [{ kind: 'deploy', step: 'write_image', priority: 80, title: 'write' }],
      runStep: () => Promise.resolve('wait'),
      continueStep: () => Promise.resolve(++heard < 3 ? 'wait' : {}),
    })),
  });
  const { uuid } = await site.world.put(await site.world.enrol('pve1', { ports: [{ address: macOf(MAC) }] }), 'available');
  await site.world.ask('pve1', 'active');
  const agent = await site.agent();
  expect(agent).toMatchObject({ version: '1.68', node: { uuid }, config: { heartbeat_timeout: 300, agent_token_required: true } });
  const off = new AbortController();
  const life = agent.live(off.signal);
  await site.world.reaches('pve1', 'active');
  off.abort();
  expect(await life).toBeGreaterThanOrEqual(3);
  expect(heard).toBe(3);
});

it('the token is given once, is kept as a hash, and shows as asterisks', async () => {
  const site = await openRamdisk();
  const { uuid } = await waiting(site);
  const first = parsed((await site.send('GET', LOOKUP, V)).body);
  const { agent_token: token } = first.config as { readonly agent_token: string }; // checked by the next line
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(first.node).toMatchObject({
    uuid,
    instance_info: { configdrive: '******' },
    driver_internal_info: { agent_secret_token: '******' },
  });
  expect(Object.keys({ ...(first.node as object) }).sort()).toEqual([
    'driver_internal_info',
    'instance_info',
    'links',
    'properties',
    'uuid',
  ]); // an object, as seen above
  expect(parsed((await site.send('GET', LOOKUP, V)).body).config).toMatchObject({ agent_token: '******' });
  const row = await site.world.store.db.selectFrom('nodes').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow();
  expect(JSON.stringify(row)).not.toContain(token);
  expect(parsed((await site.send('GET', `/v1/nodes/${uuid}`, ASKING)).body).driver_internal_info).toMatchObject({
    agent_secret_token: '******',
  });
});

it('a look-up in another state and one for nobody get the same answer', async () => {
  const site = await openRamdisk();
  await waiting(site, 'active');
  const wrongState = await site.send('GET', LOOKUP, V);
  const nobody = await site.send('GET', '/v1/lookup?addresses=52:54:00:ff:ff:ff', V);
  const noUuid = await site.send('GET', '/v1/lookup?node_uuid=00000000-0000-4000-8000-000000000000', V);
  expect([wrongState.status, nobody.status, noUuid.status]).toEqual([404, 404, 404]);
  expect(new Set([wrongState.body, nobody.body, noUuid.body]).size).toBe(1);
  expect((await site.send('GET', '/v1/lookup', V)).status).toBe(400);
  expect((await site.send('GET', '/v1/lookup?addresses=junk', V)).status).toBe(400);
  expect((await site.send('GET', LOOKUP, { version: '1.21' })).status).toBe(404);
});

it.each(['deploying', 'wait call-back', 'clean wait', 'inspect wait', 'rescue wait', 'service wait'] as const)(
  'a look-up is answered in %s, before tokens without one',
  async (state) => {
    const site = await openRamdisk();
    await waiting(site, state);
    const { status, body } = await site.send('GET', LOOKUP, { version: '1.50' });
    expect(status).toBe(200);
    expect(parsed(body).config).toMatchObject({ agent_token: null });
  },
);

it('a heartbeat needs its token, and one callback URL on the address that it comes from', async () => {
  const site = await openRamdisk();
  const { uuid } = await waiting(site);
  const { token } = await site.agent();
  const beat = (body: object, options: { readonly peer?: string; readonly version?: string } = {}) =>
    site.send('POST', `/v1/heartbeat/${uuid}`, { ...V, ...options, body: { callback_url: CALLBACK, agent_token: token, ...body } });
  const refused = async (body: object, options = {}) => {
    const reply = await beat(body, options);
    return [reply.status, faultOf(reply.body)];
  };
  expect(await refused({ agent_token: null })).toEqual([400, 'Agent token is required for heartbeat processing.']);
  expect(await refused({ agent_token: 'x'.repeat(43) })).toEqual([400, 'Invalid or missing agent token received.']);
  expect(await refused({ callback_url: 'http://192.0.2.99:9999' })).toEqual([400, expect.stringContaining('callback_url')]);
  expect(await refused({}, { peer: '192.0.2.99' })).toEqual([400, expect.stringContaining('callback_url')]);
  expect(await refused({ callback_url: 'ftp://192.0.2.50/' })).toEqual([400, expect.stringContaining('callback_url')]);
  expect(await refused({ agent_status: 'great' }, { version: '1.72' })).toEqual([
    400,
    'Agent status is invalid. Valid states are start,end,error.',
  ]);
  expect(await refused({ agent_status: 'end' })).toEqual([400, 'Fields "agent_status" and "agent_status_message" not recognised.']);
  expect((await beat({ colour: 'blue' })).status).toBe(400);
  const good = await beat({ agent_version: '11.0.1', agent_verify_ca: 'PEM' });
  expect(good).toEqual({ status: 202, body: '' });
  expect((await beat({})).status).toBe(202);
  expect(await refused({ callback_url: `http://${PEER}:9998` })).toEqual([400, 'Detected change in ramdisk provided "callback_url"']);
  expect((await site.world.nodes.get(uuid)).driverInternalInfo).toMatchObject({
    agent_url: CALLBACK,
    agent_version: '11.0.1',
    agent_verify_ca: 'PEM',
  });
  expect((await site.send('POST', '/v1/heartbeat/nobody', { ...V, body: { callback_url: CALLBACK, agent_token: token } })).status).toBe(
    404,
  );
});

it('another node’s token is no token', async () => {
  const site = await openRamdisk();
  await waiting(site);
  const { token } = await site.agent();
  const other = await site.world.put(await site.world.enrol('pve2', { ports: [{ address: macOf('52:54:00:aa:00:09') }] }), 'clean wait');
  const beat = { callback_url: CALLBACK, agent_token: token };
  expect((await site.send('POST', `/v1/heartbeat/${other.uuid}`, { ...V, body: beat })).status).toBe(400);
  await site.send('GET', '/v1/lookup?addresses=52:54:00:aa:00:09', V);
  expect((await site.send('POST', `/v1/heartbeat/${other.uuid}`, { ...V, body: beat })).status).toBe(400);
});

it('a restart of the machine ends the token, and the next boot gets its own', async () => {
  const site = await openRamdisk();
  const node = await waiting(site);
  const before = await site.agent();
  await before.beat();
  await site.world.life.setPower(node, 'rebooting', null, { who: 'user', actor: 'olga' });
  expect((await before.beat()).status).toBe(400);
  const after = await site.agent();
  expect(after.token).not.toBe(before.token);
  expect((await after.beat()).status).toBe(202);
});

const INVENTORY = {
  interfaces: [
    { name: 'eth0', mac_address: MAC.toUpperCase(), ipv4_address: PEER, has_carrier: true, lldp: [] },
    { name: 'eth1', mac_address: '52:54:00:aa:00:02', ipv4_address: null, has_carrier: false },
  ],
  cpu: { model_name: 'Xeon', frequency: '2400', count: 8, architecture: 'x86_64', flags: [] },
  memory: { total: 34_359_738_368, physical_mb: 32_768 },
  disks: [
    { name: '/dev/sda', size: 512_110_190_592 },
    { name: '/dev/sdb', size: 1_000_204_886_016 },
  ],
  bmc_address: '192.0.2.200',
  system_vendor: { product_name: 'R640', serial_number: 'ABC1234', manufacturer: 'Dell' },
  boot: { current_boot_mode: 'uefi', pxe_interface: '01-52-54-00-aa-00-01' },
  hostname: 'localhost',
};

it('a report ends the inspection: inventory, properties, ports', async () => {
  const site = await openRamdisk();
  await site.world.put(
    await site.world.enrol('pve1', {
      ports: [{ address: macOf(MAC) }],
      interfaces: { inspect: 'agent', power: 'fake' },
      properties: { capabilities: 'iommu:true,boot_mode:bios', colour: 'red' },
    }),
    'manageable',
  );
  const node = await site.world.ask('pve1', 'inspect');
  expect(node.provisionState).toBe('inspect wait');
  const body = { inventory: INVENTORY, root_disk: { name: '/dev/sda' }, logs: 'H4sI', pci_devices: [] };
  const reply = await site.send('POST', '/v1/continue_inspection', { version: '1.84', body });
  expect(reply.status).toBe(202);
  expect(parsed(reply.body)).toMatchObject({
    node: { uuid: node.uuid },
    config: { heartbeat_timeout: 300, agent_token_required: true },
  });
  const after = await site.world.reaches('pve1', 'manageable');
  expect(after.properties).toEqual({
    cpus: 8,
    cpu_arch: 'x86_64',
    memory_mb: 32_768,
    local_gb: 476,
    vendor: 'Dell',
    capabilities: 'boot_mode:uefi,iommu:true',
    colour: 'red',
  });
  const stored = parsed((await site.send('GET', `/v1/nodes/${node.uuid}/inventory`, ASKING)).body);
  expect(stored).toEqual({ inventory: INVENTORY, plugin_data: { root_disk: { name: '/dev/sda' }, pci_devices: [] } });
  const ports = await site.world.nodes.ports.list({ nodeUuid: node.uuid });
  expect(ports.map((port) => port.address)).toEqual([MAC]);
  expect((await site.send('POST', '/v1/continue_inspection', { version: '1.84', body })).status).toBe(404);
});

it('a report finds its node by UUID or BMC as well, and by nothing that contradicts', async () => {
  const site = await openRamdisk();
  const node = await site.world.enrol('pve1', { driver: 'ipmi', driverInfo: { ipmi_address: '192.0.2.200' } });
  await site.world.put(node, 'inspect wait', 'manageable');
  const other = await site.world.enrol('pve2', { ports: [{ address: macOf('52:54:00:aa:00:07') }] });
  await site.world.put(other, 'inspect wait', 'manageable');
  const report = (inventory: object, query = '') =>
    site.send('POST', `/v1/continue_inspection${query}`, { version: '1.84', body: { inventory: { ...INVENTORY, ...inventory } } });
  const foreign = { interfaces: [{ mac_address: '52:54:00:aa:00:07' }] };
  expect((await report(foreign)).status).toBe(404);
  expect((await report({ bmc_address: null })).status).toBe(404);
  expect((await report(foreign, `?node_uuid=${node.uuid}`)).status).toBe(404);
  expect((await report({ interfaces: [] })).status).toBe(400);
  expect((await report({}, '?node_uuid=junk')).status).toBe(400);
  expect(parsed((await report({})).body).node).toMatchObject({ uuid: node.uuid });
});

it('an unknown machine becomes a node only while enrolment is open; without a version the old inspector’s answer', async () => {
  const site = await openRamdisk();
  const body = { inventory: INVENTORY, pci_devices: [] };
  expect((await site.send('POST', '/v1/continue_inspection', { version: '1.84', body })).status).toBe(404);
  expect((await site.send('POST', '/v1/continue_inspection', { version: '1.50', body })).status).toBe(404);
  expect(await site.world.nodes.list({})).toEqual([]);
  site.enrolment.mode = 'open';
  const reply = await site.send('POST', '/v1/continue_inspection', { body });
  const { uuid } = parsed(reply.body) as { readonly uuid: string }; // compared in whole below
  expect(reply).toEqual({ status: 202, body: JSON.stringify({ uuid }) });
  expect(await site.world.nodes.get(uuid)).toMatchObject({ provisionState: 'enroll', smbiosSerial: 'ABC1234', properties: { cpus: 8 } });
  expect(parsed((await site.send('GET', `/v1/nodes/${uuid}/inventory`, ASKING)).body).plugin_data).toMatchObject({ auto_discovered: true });
});

it('whoever asks too often is told to wait', async () => {
  const site = await openRamdisk();
  const replies = await Promise.all(Array.from({ length: 1100 }, () => site.send('GET', '/v1/lookup?addresses=junk', V)));
  expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([400, 429]));
});

async function inspecting(site: RamdiskWorld): Promise<Node> {
  const fields = { ports: [{ address: macOf(MAC) }], driverInfo: { fake_password: 'hunter2' } };
  return site.world.put(await site.world.enrol('pve1', { ...fields, interfaces: { inspect: 'agent', power: 'fake' } }), 'manageable');
}

async function addRule(site: RamdiskWorld, actions: readonly object[], more: object = {}): Promise<void> {
  const reply = await site.send('POST', '/v1/inspection_rules', { ...ASKING, body: { actions, ...more } });
  expect(reply.status, reply.body).toBe(201);
}

const REPORT = { version: '1.84', body: { inventory: INVENTORY, lldp_raw: {} } } as const;

it('inspection rules shape the node that reported', async () => {
  const site = await openRamdisk();
  const node = await inspecting(site);
  const [port] = await site.world.nodes.ports.list({ nodeUuid: node.uuid });
  const dell = { conditions: [{ op: 'eq', args: { values: ['{inventory[system_vendor][manufacturer]}', 'Dell'] } }] };
  await addRule(
    site,
    [
      { op: 'set-attribute', args: { path: 'driver_info/ipmi_address', value: '{inventory[bmc_address]}' } },
      { op: 'set-attribute', args: { path: 'extra/seen', value: '{node.driver_info[fake_password]}' } },
      { op: 'add-trait', args: { name: 'CUSTOM_DELL' } },
      { op: 'set-port-attribute', args: { port_id: port?.uuid, path: 'physical_network', value: 'lab' } },
      { op: 'set-plugin-data', args: { path: 'ruled', value: true } },
    ],
    dell,
  );
  await addRule(site, [{ op: 'fail', args: { msg: 'no HP wanted' } }], { conditions: [{ ...dell.conditions[0], op: '!eq' }] });
  await site.world.ask('pve1', 'inspect');
  expect((await site.send('POST', '/v1/continue_inspection', REPORT)).status).toBe(202);
  const after = await site.world.reaches('pve1', 'manageable');
  expect(after).toMatchObject({ driverInfo: { ipmi_address: '192.0.2.200' }, extra: { seen: '******' }, traits: ['CUSTOM_DELL'] });
  const { fake_password: secret } = site.world.nodes.openDriverInfo(after);
  expect(secret instanceof Secret && secret.reveal()).toBe('hunter2');
  expect(await site.world.nodes.ports.list({ nodeUuid: node.uuid })).toMatchObject([{ physicalNetwork: 'lab' }]);
  expect((await site.world.nodes.inventory(node.uuid))?.pluginData).toEqual({ lldp_raw: {}, ruled: true });
});

it('an inspection rule that fails fails the inspection by its name, and the inventory is kept', async () => {
  const site = await openRamdisk();
  const node = await inspecting(site);
  await addRule(site, [{ op: 'set-attribute', args: ['extra/rack', 'r1'] }], { priority: 5 });
  await addRule(site, [{ op: 'fail', args: { msg: 'wrong rack' } }], { description: 'racks' });
  await site.world.ask('pve1', 'inspect');
  expect((await site.send('POST', '/v1/continue_inspection', REPORT)).status).toBe(202);
  const failed = await site.world.reaches('pve1', 'inspect failed');
  expect(failed.lastError).toContain('wrong rack (inspection rule');
  expect(failed.extra).toEqual({});
  expect((await site.world.nodes.inventory(node.uuid))?.inventory).toEqual(INVENTORY);
});
