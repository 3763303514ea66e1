import { describe, expect, it } from 'vitest';
import type { PortChanges } from '../../../../src/nodes/index.ts';
import { containing } from '../../../support/containing.ts';
import { errorOf, mac } from '../world.ts';
import { openRecords } from './world.ts';

const A = mac('52:54:00:00:00:0a');
const B = mac('52:54:00:00:00:0b');

describe('a port and its port group', () => {
  it('belong to one node', async () => {
    const { records, enrol, group, in: inTx } = await openRecords();
    const [one, two] = [await enrol(), await enrol()];
    const bond = await group(one);
    const wrong = () => inTx((tx) => records.ports.create(tx, two.uuid, { address: A, portgroupUuid: bond.uuid }));
    expect(await errorOf(wrong)).toMatchObject({ code: 'records.bad_value', message: containing('different node') });
    const port = await inTx((tx) => records.ports.create(tx, one.uuid, { address: A, portgroupUuid: bond.uuid }));
    expect(await errorOf(() => inTx((tx) => records.ports.update(tx, port, { nodeUuid: two.uuid })))).toMatchObject({
      message: containing('different node'),
    });
    expect(await inTx((tx) => records.ports.update(tx, port, { nodeUuid: two.uuid, portgroupUuid: null }))).toMatchObject({
      nodeUuid: two.uuid,
      portgroupUuid: null,
    });
    const nowhere = '11111111-2222-4333-8444-555555555555';
    expect(await errorOf(() => inTx((tx) => records.ports.create(tx, one.uuid, { address: B, portgroupUuid: nowhere })))).toMatchObject({
      code: 'records.no_such_reference',
    });
  });

  it('keep the group from being removed or moved', async () => {
    const { records, enrol, group, in: inTx } = await openRecords();
    const [one, two] = [await enrol(), await enrol()];
    const bond = await group(one);
    const port = await inTx((tx) => records.ports.create(tx, one.uuid, { address: A, portgroupUuid: bond.uuid }));
    expect(await errorOf(() => inTx((tx) => records.portgroups.remove(tx, bond)))).toMatchObject({
      code: 'records.not_empty',
      message: `Cannot complete the requested action because portgroup ${bond.uuid} contains ports.`,
    });
    expect(await errorOf(() => inTx((tx) => records.portgroups.update(tx, bond, { nodeUuid: two.uuid })))).toMatchObject({
      code: 'records.not_empty',
    });
    await inTx((tx) => records.ports.remove(tx, port));
    await inTx((tx) => records.portgroups.update(tx, bond, { nodeUuid: two.uuid }));
    await inTx(async (tx) => records.portgroups.remove(tx, await records.portgroups.get(bond.uuid, tx)));
  });

  it('are on one physical network, which the group passes on', async () => {
    const { records, enrol, group, in: inTx } = await openRecords();
    const node = await enrol();
    const bond = await group(node, { physicalNetwork: 'red' });
    const join = (address: typeof A, physicalNetwork: string | null) =>
      inTx((tx) => records.ports.create(tx, node.uuid, { address, portgroupUuid: bond.uuid, physicalNetwork }));
    expect(await errorOf(() => join(A, 'blue'))).toMatchObject({
      code: 'records.unlike_group',
      message: containing('physical network red'),
    });
    const port = await join(A, 'red');
    expect(await errorOf(() => join(B, null))).toMatchObject({ code: 'records.unlike_group' });
    expect(await errorOf(() => inTx((tx) => records.ports.update(tx, port, { physicalNetwork: 'blue' })))).toMatchObject({
      message: containing('cannot become a member of port group'),
    });
    await inTx((tx) => records.portgroups.update(tx, bond, { physicalNetwork: 'blue' }));
    expect(await records.ports.get(port.uuid)).toMatchObject({ physicalNetwork: 'blue' });
  });

  it('without support for ports of their own refuse one that is asked to boot', async () => {
    const { records, enrol, group, in: inTx } = await openRecords();
    const node = await enrol();
    const bond = await group(node, { standalonePortsSupported: false });
    const input = { address: A, portgroupUuid: bond.uuid };
    expect(await errorOf(() => inTx((tx) => records.ports.create(tx, node.uuid, { ...input, pxeEnabled: true })))).toMatchObject({
      code: 'records.unlike_group',
    });
    const port = await inTx((tx) => records.ports.create(tx, node.uuid, { ...input, pxeEnabled: false }));
    expect(await errorOf(() => inTx((tx) => records.ports.update(tx, port, { pxeEnabled: true })))).toMatchObject({
      code: 'records.unlike_group',
    });
  });
});

describe('a change of a port', () => {
  const CHANGES: readonly (readonly [PortChanges, readonly string[]])[] = [
    [{ address: B }, ['active', 'inspecting']],
    [{ pxeEnabled: false }, ['active', 'available', 'inspecting']],
    [{ localLinkConnection: { switch_id: '00:00:00:00:00:01', port_id: '7' } }, ['active', 'available', 'inspecting']],
    [{ physicalNetwork: 'red' }, ['active', 'available', 'inspecting']],
    [{ extra: { a: 1 } }, ['inspecting']],
    [{ name: 'eth0', pxeEnabled: true }, ['inspecting']],
  ];

  it('is refused in states in which the machine is in use, unless it is in maintenance', async () => {
    const { records, nodes, enrol, put, in: inTx } = await openRecords();
    const node = await enrol({ ports: [{ address: A }] });
    const [port = expect.unreachable()] = await records.ports.list({ where: { nodeUuid: node.uuid } });
    for (const state of ['enroll', 'manageable', 'available', 'active', 'inspecting'] as const) {
      await put(node, state);
      for (const [changes, refused] of CHANGES) {
        const what = `${state} ${Object.keys(changes).join()}`;
        const work = inTx(async (tx) => {
          await records.ports.update(tx, port, changes);
          throw new Error('undo');
        });
        const { code, message } = await errorOf(() => work);
        expect.soft(code ?? message, what).toBe(refused.includes(state) ? 'records.node_state' : 'undo');
      }
    }
    await put(node, 'active');
    await inTx(async (tx) => nodes.update(tx, await nodes.get(node.uuid, tx), { maintenance: true }, { who: 'user' }));
    expect(await inTx((tx) => records.ports.update(tx, port, { address: B, pxeEnabled: false }))).toMatchObject({ address: B });
  });

  it('is refused when it leaves a smart NIC without its place, the network empty, or takes a name', async () => {
    const { records, enrol, in: inTx } = await openRecords();
    const node = await enrol();
    const port = await inTx((tx) => records.ports.create(tx, node.uuid, { address: A, name: 'eth0' }));
    const smart = { isSmartnic: true, localLinkConnection: { port_id: 'p', hostname: 'h' } };
    const nic = await inTx((tx) => records.ports.create(tx, node.uuid, { address: B, ...smart }));
    const change = (what: PortChanges, of = port) => errorOf(() => inTx((tx) => records.ports.update(tx, of, what)));
    expect(await change({ isSmartnic: true })).toMatchObject({ message: containing('port_id and hostname') });
    expect(await change({ localLinkConnection: {} }, nic)).toMatchObject({ message: containing('port_id and hostname') });
    expect(await change({ physicalNetwork: '' })).toMatchObject({ message: containing('non-empty') });
    expect(await change({ name: 'eth0' }, nic)).toMatchObject({ message: 'A port with name eth0 already exists.' });
    expect(await inTx((tx) => records.ports.update(tx, port, { name: 'eth0', extra: { a: 1 } }))).toMatchObject({ name: 'eth0' });
    expect(await records.ports.get('eth0')).toMatchObject({ uuid: port.uuid });
  });
});

describe('virtual interfaces', () => {
  it('go to groups first, then to ports that boot, then to others, and are shown on them', async () => {
    const { records, nodes, enrol, group, eventTypes, in: inTx } = await openRecords();
    const node = await enrol({ interfaces: { network: 'flat' } });
    const bond = await group(node);
    const empty = await group(node);
    const add = (last: string, more: object) =>
      inTx((tx) => records.ports.create(tx, node.uuid, { address: mac(`52:54:00:00:01:${last}`), ...more }));
    const quiet = await add('01', { pxeEnabled: false });
    const booting = await add('02', {});
    const member = await add('03', { portgroupUuid: bond.uuid });
    const attach = (id: string, more = {}) => inTx((tx) => records.vifs.attach(tx, node, { id, ...more }));
    expect(await attach('v1')).toEqual({ id: 'v1', portUuid: null, portgroupUuid: bond.uuid });
    expect((await records.portgroups.get(bond.uuid)).internalInfo).toEqual({ tenant_vif_port_id: 'v1' });
    expect(await attach('v2')).toEqual({ id: 'v2', portUuid: booting.uuid, portgroupUuid: null });
    expect((await nodes.ports.get(booting.uuid)).internalInfo).toEqual({ tenant_vif_port_id: 'v2' });
    expect(await attach('v3')).toEqual({ id: 'v3', portUuid: quiet.uuid, portgroupUuid: null });
    expect(await errorOf(() => attach('v4'))).toMatchObject({ code: 'records.no_free_port' });
    expect(await errorOf(() => attach('v1'))).toMatchObject({
      code: 'records.vif_attached',
      message: `Unable to attach VIF because VIF v1 is already attached to Ironic Portgroup ${bond.uuid}`,
    });
    expect(await errorOf(() => attach('v5', { portUuid: booting.uuid }))).toMatchObject({ code: 'records.no_free_port' });
    expect(await errorOf(() => attach('v5', { portgroupUuid: empty.uuid }))).toMatchObject({ code: 'records.no_free_port' });
    expect(await attach('v5', { portUuid: member.uuid })).toMatchObject({ portUuid: member.uuid });
    expect((await records.vifs.list(node)).map(({ id }) => id).toSorted()).toEqual(['v1', 'v2', 'v3', 'v5']);
    await inTx((tx) => records.vifs.detach(tx, node, 'v2'));
    expect((await nodes.ports.get(booting.uuid)).internalInfo).toEqual({});
    expect(await errorOf(() => inTx((tx) => records.vifs.detach(tx, node, 'v2')))).toMatchObject({
      code: 'records.vif_not_attached',
      message: `Unable to detach VIF v2 from node ${node.uuid} because it is not attached to it.`,
    });
    expect(await eventTypes()).toContain('node.vif_detached');
    await inTx((tx) => records.vifs.clear(tx, node));
    expect(await records.vifs.list(node)).toEqual([]);
    expect((await records.portgroups.get(bond.uuid)).internalInfo).toEqual({});
  });

  it('need a free port when the node has a network to plug into', async () => {
    const { records, enrol, in: inTx } = await openRecords();
    const node = await enrol({ interfaces: { network: 'flat' } });
    expect(await errorOf(() => inTx((tx) => records.vifs.attach(tx, node, { id: 'v' })))).toMatchObject({
      code: 'records.no_free_port',
      message: 'Unable to attach VIF v, not enough free physical ports.',
    });
  });

  it('of a node without a network to plug into hang on the node where no port is free, and nothing is refused', async () => {
    const { records, enrol, in: inTx } = await openRecords();
    const node = await enrol();
    const attach = (of = node) => inTx((tx) => records.vifs.attach(tx, of, { id: 'v' }));
    expect(await attach()).toEqual({ id: 'v', portUuid: null, portgroupUuid: null });
    expect(await attach()).toEqual({ id: 'v', portUuid: null, portgroupUuid: null });
    const other = await enrol();
    expect(await errorOf(() => attach(other))).toMatchObject({ code: 'records.vif_attached', message: containing(`Node ${node.uuid}`) });
    for (let twice = 0; twice < 2; twice += 1) await inTx((tx) => records.vifs.detach(tx, node, 'v'));
    expect(await records.vifs.list(node)).toEqual([]);
  });

  it('hold their port, until maintenance', async () => {
    const { records, nodes, enrol, in: inTx } = await openRecords();
    const node = await enrol({ ports: [{ address: A }] });
    const [port = expect.unreachable()] = await records.ports.list({});
    await inTx((tx) => records.vifs.attach(tx, node, { id: 'v' }));
    expect(await errorOf(() => inTx((tx) => records.ports.remove(tx, port)))).toMatchObject({
      code: 'records.node_state',
      message: `Cannot delete the port ${port.uuid} as it is bound to VIF v for use.`,
    });
    await inTx((tx) => nodes.update(tx, node, { maintenance: true }, { who: 'user' }));
    await inTx((tx) => records.ports.remove(tx, port));
    expect(await records.vifs.list(node)).toEqual([]);
  });
});
