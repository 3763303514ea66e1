// Over a real store: who a machine is, and what it may do with a secret and a token.

import { describe, expect, it } from 'vitest';
import {
  createInspect,
  createOrders,
  type Inspect,
  type InspectOptions,
  type InventoryRequest,
  type MachineInventory,
  type RuleRunner,
} from '../../../src/inspect/index.ts';
import { type Mac, parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes, type Nodes } from '../../../src/nodes/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const A = mac('52:54:00:00:00:0a');
const B = mac('52:54:00:00:00:0b');
const C = mac('52:54:00:00:00:0c');
const UUID = '4c4c4544-0042-3510-8051-b4c04f4d3232';
const OTHER_UUID = '4c4c4544-0042-3510-8051-b4c04f4d9999';
const BY = { who: 'system', actor: 'test' } as const;

describe('a look-up', () => {
  it('spends the secret of the boot script for a token', async () => {
    const { inspect } = await world();
    const { token, node } = await lookup(inspect);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(node).toBeNull();
    expect(await inspect.heartbeat(token, beat())).toEqual({ waitSeconds: 30, command: null });
  });

  it('whose answer was lost may be repeated by the same agent, and only the new token counts', async () => {
    const { inspect } = await world();
    const secret = await inspect.issueSecret(A, UUID);
    const first = await inspect.lookup(request({ secret }), '10.0.0.9');
    const second = await inspect.lookup(request({ secret }), '10.0.0.9');
    await expect(inspect.heartbeat(first.token, beat())).rejects.toMatchObject({ code: 'inspect.token_refused' });
    await expect(inspect.heartbeat(second.token, beat())).resolves.toBeDefined();
  });

  it('with a spent secret by somebody else is refused, and becomes an event', async () => {
    const { inspect, store } = await world();
    const secret = await inspect.issueSecret(A, UUID);
    const { token } = await inspect.lookup(request({ secret }), '10.0.0.9');
    await expect(inspect.lookup(request({ secret, claim: 'b'.repeat(32) }), '10.0.0.66')).rejects.toMatchObject({
      code: 'inspect.secret_replayed',
    });
    expect((await events(store)).map((event) => event.type)).toContain('inspect.secret_replayed');
    await expect(inspect.heartbeat(token, beat())).resolves.toBeDefined();
  });

  it('answers alike when the secret is unknown, too old, or of another machine', async () => {
    const { inspect, clock } = await world();
    const refused = { code: 'inspect.secret_refused', message: 'this boot secret is not valid for this machine' };
    await expect(inspect.lookup(request({ secret: 'x'.repeat(43) }), '')).rejects.toMatchObject(refused);
    const ofA = await inspect.issueSecret(A, UUID);
    await expect(inspect.lookup(request({ secret: ofA, macs: [B] }), '')).rejects.toMatchObject(refused);
    await expect(inspect.lookup(request({ secret: ofA, smbiosUuid: OTHER_UUID }), '')).rejects.toMatchObject(refused);
    await expect(inspect.lookup(request({ secret: ofA, smbiosUuid: null }), '')).rejects.toMatchObject(refused);
    await clock.advance(31 * 60_000);
    await expect(inspect.lookup(request({ secret: ofA }), '')).rejects.toMatchObject(refused);
  });

  it('is void once the machine boots again: one secret and one token per boot', async () => {
    const { inspect } = await world();
    const unused = await inspect.issueSecret(A, UUID);
    const { token } = await lookup(inspect);
    await expect(inspect.lookup(request({ secret: unused }), '')).rejects.toMatchObject({ code: 'inspect.secret_refused' });
    await lookup(inspect);
    await expect(inspect.heartbeat(token, beat())).rejects.toMatchObject({ code: 'inspect.token_refused' });
  });

  it('leaves no secret, claim or token in the store', async () => {
    const { inspect, store } = await world();
    const secret = await inspect.issueSecret(A, UUID);
    const { token } = await inspect.lookup(request({ secret }), '');
    const stored = JSON.stringify([await store.db.selectFrom('boot_secrets').selectAll().execute(), await events(store)]);
    for (const hidden of [secret, token, 'a'.repeat(32)]) expect(stored).not.toContain(hidden);
  });

  it('cannot fill the store: old secrets go, and there is one open secret per machine', async () => {
    const { inspect, store, clock } = await world();
    for (let turn = 0; turn < 5; turn += 1) await inspect.issueSecret(A, null);
    expect(await store.db.selectFrom('boot_secrets').selectAll().execute()).toHaveLength(1);
    await clock.advance(31 * 60_000);
    await inspect.issueSecret(B, null);
    expect((await store.db.selectFrom('boot_secrets').select('mac').execute()).map((row) => row.mac)).toEqual([B]);
  });
});

describe('boot secrets', () => {
  it('are given to so many machines at once and no more; a machine that asks again and one that is late enough get theirs', async () => {
    const { inspect, store, clock } = await world({ maxOpenSecrets: 2 });
    await inspect.issueSecret(A, null);
    await inspect.issueSecret(B, null);
    await expect(inspect.issueSecret(C, null)).rejects.toMatchObject({ code: 'inspect.too_many_boots' });
    await expect(inspect.issueSecret(A, null)).resolves.toBeDefined();
    await clock.advance(31 * 60_000);
    await expect(inspect.issueSecret(C, null)).resolves.toBeDefined();
    expect(await store.db.selectFrom('boot_secrets').selectAll().execute()).toHaveLength(1);
  });
});

describe('boot secrets of machines that never report', () => {
  it('count also when an agent has spent them, and are gone within half an hour', async () => {
    const { inspect, store, clock } = await world({ maxOpenSecrets: 2 });
    const { token } = await lookup(inspect, A, null);
    await lookup(inspect, B, null);
    await expect(inspect.issueSecret(C, null)).rejects.toMatchObject({ code: 'inspect.too_many_boots' });
    await clock.advance(31 * 60_000);
    await expect(inspect.heartbeat(token, beat())).rejects.toMatchObject({ code: 'inspect.token_refused' });
    await inspect.issueSecret(C, null);
    expect((await store.db.selectFrom('boot_secrets').select('mac').execute()).map((row) => row.mac)).toEqual([C]);
  });

  it('are kept for the node that their machine becomes, and then count no more', async () => {
    const { inspect, clock } = await world({ maxOpenSecrets: 1 });
    const { token } = await lookup(inspect);
    await inspect.receiveInventory(token, inventory({ macs: [A] }));
    await clock.advance(24 * 3_600_000);
    expect(await inspect.heartbeat(token, beat())).toMatchObject({ command: null });
    await expect(inspect.issueSecret(C, null)).resolves.toBeDefined();
  });
});

describe('an inventory', () => {
  it('of an unknown machine becomes a node in enroll, with its ports, properties and the event', async () => {
    const { inspect, nodes, store } = await world();
    const reply = await report(inspect, inventory({ macs: [A, B] }));
    const node = await nodes.get(reply.node.uuid);
    expect(node).toMatchObject({ provisionState: 'enroll', smbiosUuid: UUID, smbiosSerial: 'SN-0042', driver: 'manual-management' });
    expect(node.properties).toMatchObject({ cpus: 4, cpu_arch: 'x86_64', memory_mb: 16_384, local_gb: 8, capabilities: 'boot_mode:uefi' });
    const ports = await nodes.ports.list({ nodeUuid: node.uuid });
    expect(new Map(ports.map((port) => [port.address, port.pxeEnabled]))).toEqual(
      new Map([
        [A, true],
        [B, false],
      ]),
    );
    expect((await nodes.inventory(node.uuid))?.inventory).toEqual(inventory({ macs: [A, B] }).inventory);
    expect((await events(store)).map((event) => event.type)).toContain('node.discovered');
  });

  it('of a known machine refreshes it, adds new ports, and makes no second node', async () => {
    const { inspect, nodes } = await world();
    const first = await report(inspect, inventory({ macs: [A] }));
    const second = await report(inspect, inventory({ macs: [A, C], cpus: 8 }));
    expect(second.node.uuid).toBe(first.node.uuid);
    expect((await nodes.get(first.node.uuid)).properties.cpus).toBe(8);
    expect((await nodes.ports.list({})).map((port) => port.address).toSorted()).toEqual([A, C]);
    expect(await nodes.list({})).toHaveLength(1);
  });

  it('of a machine whose only network card was replaced finds it by its SMBIOS UUID', async () => {
    const { inspect, nodes } = await world();
    const first = await report(inspect, inventory({ macs: [A] }));
    const second = await report(inspect, inventory({ macs: [B] }), B);
    expect(second.node.uuid).toBe(first.node.uuid);
    expect(await nodes.list({})).toHaveLength(1);
  });

  it('with a USB network card of another machine is of the machine that it is in, and the port stays where it was', async () => {
    const { inspect, nodes, store } = await world();
    const first = await report(inspect, inventory({ macs: [A] }));
    const second = await report(inspect, inventory({ macs: [A, B], uuid: OTHER_UUID }), B, OTHER_UUID);
    expect(second.node.uuid).not.toBe(first.node.uuid);
    expect(new Map((await nodes.ports.list({})).map(({ nodeUuid, address }) => [address, String(nodeUuid)]))).toEqual(
      new Map([
        [A, first.node.uuid],
        [B, second.node.uuid],
      ]),
    );
    const [event] = await store.events.list({ after: 0, limit: 5, type: 'inspect.mac_shared' });
    expect(event).toMatchObject({ severity: 'warning', nodeUuid: first.node.uuid, data: { mac: A } });
  });

  it('of a stranger that only names the port of a node at work takes nothing over', async () => {
    const { inspect, nodes, store } = await world();
    const node = await store.transaction((tx) =>
      nodes.create(tx, { name: 'pve1', driver: 'manual-management', smbiosUuid: UUID, ports: [{ address: A }] }, BY),
    );
    await store.db.updateTable('nodes').set({ provision_state: 'active' }).where('uuid', '=', node.uuid).execute();
    const { token } = await lookup(inspect, B, null);
    const claimed = inventory({ macs: [B, A], uuid: '00000000-0000-0000-0000-000000000000' });
    await expect(inspect.receiveInventory(token, claimed)).rejects.toMatchObject({
      code: 'inspect.identity_conflict',
      message: expect.stringContaining(`it booted by ${B}, which is no port of pve1`) as unknown,
    });
    expect((await nodes.get(node.uuid)).smbiosUuid).toBe(UUID);
    expect((await nodes.ports.list({ nodeUuid: node.uuid })).map((port) => port.address)).toEqual([A]);
  });

  it('of another UUID than the look-up was answered for is refused', async () => {
    const { inspect } = await world();
    await expect(report(inspect, inventory({ macs: [A], uuid: OTHER_UUID }), A, UUID)).rejects.toMatchObject({
      code: 'inspect.identity_conflict',
      message: expect.stringContaining(OTHER_UUID) as unknown,
    });
  });

  it('without a UUID leaves the one that was known', async () => {
    const { inspect, nodes } = await world();
    const { node } = await report(inspect, inventory({ macs: [A] }));
    await report(inspect, inventory({ macs: [A], uuid: '00000000-0000-0000-0000-000000000000' }), A, null);
    expect((await nodes.get(node.uuid)).smbiosUuid).toBe(UUID);
  });

  it('with ports of two nodes is refused', async () => {
    const { inspect, nodes, store } = await world();
    await store.transaction((tx) => nodes.create(tx, { name: 'pve1', driver: 'manual-management', ports: [{ address: A }] }, BY));
    await store.transaction((tx) => nodes.create(tx, { name: 'pve2', driver: 'manual-management', ports: [{ address: B }] }, BY));
    await expect(report(inspect, inventory({ macs: [A, B] }))).rejects.toMatchObject({ code: 'inspect.identity_conflict' });
  });

  it('of two machines with the same junk UUID makes two nodes', async () => {
    const { inspect, nodes } = await world();
    const junk = '03000200-0400-0500-0006-000700080009';
    await report(inspect, inventory({ macs: [A], uuid: junk }), A, null);
    await report(inspect, inventory({ macs: [B], uuid: junk }), B, null);
    expect(await nodes.list({})).toHaveLength(2);
  });

  it('without the port that booted is refused', async () => {
    const { inspect } = await world();
    await expect(report(inspect, inventory({ macs: [B] }))).rejects.toMatchObject({ code: 'inspect.mac_mismatch' });
  });

  it('is refused once as many machines wait as we remember, and nothing of it is kept', async () => {
    const { inspect, nodes } = await world({ maxDiscovered: 1 });
    await report(inspect, inventory({ macs: [A] }));
    await expect(report(inspect, inventory({ macs: [B], uuid: OTHER_UUID }), B, OTHER_UUID)).rejects.toMatchObject({
      code: 'inspect.too_many_machines',
    });
    expect(await nodes.ports.list({})).toHaveLength(1);
  });

  it('leaves its reason with the machine', async () => {
    const { inspect, store } = await world();
    await report(inspect, inventory({ macs: [A] }));
    await store.reasons.flush();
    expect((await store.reasons.list(`mac:${A}`, 10)).map((one) => one.decision).toSorted()).toEqual([
      'inventory stored',
      'look-up accepted',
    ]);
  });
});

describe('who boots', () => {
  it('is the node with that port, or with that UUID where the port is unknown', async () => {
    const { inspect } = await world();
    const { node } = await report(inspect, inventory({ macs: [A] }));
    expect(await inspect.findMachine(A, null)).toMatchObject({ is: 'known', node: { uuid: node.uuid } });
    expect(await inspect.findMachine(B, UUID)).toMatchObject({ is: 'known', node: { uuid: node.uuid } });
    expect(await inspect.findMachine(B, null)).toMatchObject({ is: 'new' });
    expect(await inspect.findMachine(A, OTHER_UUID)).toMatchObject({ is: 'unclear', nodes: [{ uuid: node.uuid }] });
  });

  it('is told with the maker, product and serial that the agent found', async () => {
    const { inspect, nodes } = await world();
    const { node } = await report(inspect, inventory({ macs: [A] }));
    const { uuid } = await nodes.get(node.uuid);
    const { system_vendor: vendor } = inventory({ macs: [A] }).inventory;
    expect(await inspect.hardwareOf(uuid)).toEqual({
      manufacturer: vendor.manufacturer,
      product: vendor.product_name,
      serial: vendor.serial_number,
    });
  });
});

describe('a report of a node that is inspected', () => {
  it('ends the inspection, and any other only says that the agent lives', async () => {
    const told: unknown[] = [];
    const { inspect, nodes, store } = await world({
      onBeat: (uuid) => told.push(['beat', uuid]),
      onInventory: async (uuid, failure) => void told.push(['end', uuid, failure]),
    });
    const { node } = await report(inspect, inventory({ macs: [A] }));
    const { token } = await lookup(inspect);
    await store.db.updateTable('nodes').set({ provision_state: 'inspect wait' }).where('uuid', '=', node.uuid).execute();
    await inspect.receiveInventory(token, inventory({ macs: [A] }));
    await inspect.heartbeat(token, beat());
    expect(told).toEqual([
      ['beat', node.uuid],
      ['end', node.uuid, null],
      ['beat', node.uuid],
    ]);
    expect((await nodes.get(node.uuid)).provisionState).toBe('inspect wait');
  });

  it('goes through the rules, whose failure is passed on', async () => {
    const told: unknown[] = [];
    const rules: RuleRunner = {
      run: (_, node, { pluginData }) =>
        Promise.resolve({
          pluginData: { ...pluginData, ruled: true },
          failure: node.provisionState === 'enroll' ? 'no room' : 'wrong rack',
        }),
    };
    const { inspect, nodes, store } = await world({ rules, onInventory: async (_, failure) => void told.push(failure) });
    const { node } = await report(inspect, inventory({ macs: [A] }));
    expect((await nodes.get(node.uuid)).lastError).toBe('no room');
    await report(inspect, inventory({ macs: [A] }));
    await store.db.updateTable('nodes').set({ provision_state: 'inspect wait' }).where('uuid', '=', node.uuid).execute();
    await report(inspect, inventory({ macs: [A] }));
    expect(told).toEqual(['wrong rack']);
    const { uuid } = await nodes.get(node.uuid);
    expect((await nodes.inventory(uuid))?.pluginData).toMatchObject({ ruled: true });
  });
});

interface World {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly inspect: Inspect;
  readonly clock: ReturnType<typeof createFakeClock>;
}

async function world(options: Partial<InspectOptions> = {}): Promise<World> {
  const clock = createFakeClock(1_800_000_000_000);
  const store = await openTestStore({ clock });
  const nodes = createNodes({ store, clock, random: systemRandom, log: silentLog });
  const common = { store, nodes, clock, random: systemRandom, log: silentLog };
  return { store, nodes, clock, inspect: createInspect({ orders: createOrders(common), ...common, ...options }) };
}

function mac(text: string): Mac {
  return parseMac(text) ?? expect.unreachable();
}

function request(parts: { secret: string; claim?: string; macs?: string[]; smbiosUuid?: string | null }) {
  return { claim: 'a'.repeat(32), macs: [A], smbiosUuid: UUID, agentVersion: 'test', ...parts };
}

function beat() {
  return { uptimeSeconds: 1, agentVersion: 'test', answers: [] };
}

async function lookup(inspect: Inspect, bootMac = A, smbiosUuid: string | null = UUID) {
  const secret = await inspect.issueSecret(bootMac, smbiosUuid);
  return inspect.lookup(request({ secret, macs: [bootMac], smbiosUuid }), '10.0.0.9');
}

async function report(inspect: Inspect, body: InventoryRequest, bootMac = A, smbiosUuid: string | null = UUID) {
  const { token } = await lookup(inspect, bootMac, smbiosUuid);
  return inspect.receiveInventory(token, body);
}

function events(store: Store) {
  return store.events.list({ after: 0, limit: 1000 });
}

function inventory({ macs, uuid = UUID, cpus = 4 }: { macs: Mac[]; uuid?: string; cpus?: number }): InventoryRequest {
  const disk = (name: string, size: number, removable = false): MachineInventory['disks'][number] => ({
    name,
    size,
    removable,
    model: null,
    rotational: false,
    wwn: null,
    serial: name,
    vendor: null,
    wwn_with_extension: null,
    wwn_vendor_extension: null,
    hctl: null,
    by_path: null,
    transport: null,
    read_only: false,
  });
  const GIB = 1024 ** 3;
  return {
    inventory: {
      cpu: { model_name: 'Test', frequency: null, count: cpus, architecture: 'x86_64', flags: [], socket_count: 1 },
      memory: { total: 15 * GIB, physical_mb: 16_384 },
      disks: [disk('/dev/sda', 20 * GIB), disk('/dev/sdb', 8 * GIB), disk('/dev/sdc', 1 * GIB), disk('/dev/sdd', 5 * GIB, true)],
      interfaces: macs.map((address, index) => ({
        name: `eth${index}`,
        mac_address: address,
        ipv4_address: null,
        ipv6_address: null,
        has_carrier: true,
        vendor: null,
        product: null,
        speed_mbps: null,
        driver: null,
      })),
      system_vendor: {
        manufacturer: 'Acme',
        product_name: 'Mini',
        serial_number: 'SN-0042',
        uuid,
        firmware: { vendor: null, version: null, build_date: null },
      },
      boot: { current_boot_mode: 'uefi', pxe_interface: macs[0] ?? null },
      hostname: null,
      bmc_address: null,
    },
    pluginData: { pci_devices: [], kernel: null, gaps: [] },
  };
}
