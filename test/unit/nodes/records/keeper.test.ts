import { describe, expect, it } from 'vitest';
import { containing } from '../../../support/containing.ts';
import { errorOf, mac } from '../world.ts';
import { openRecords, PLAIN_GROUP, RULE, STEP } from './world.ts';

const NOWHERE = '11111111-2222-4333-8444-555555555555';
const uuids = (list: readonly { readonly uuid: string }[]): string[] => list.map(({ uuid }) => uuid);

describe('a record', () => {
  it('is made, found by UUID or name, changed and removed', async () => {
    const { records, clock, in: inTx } = await openRecords();
    const made = await inTx((tx) =>
      records.templates.create(tx, { name: 'CUSTOM_FAST', description: null, steps: [{ ...STEP, priority: 110 }], extra: { a: 1 } }),
    );
    expect(made).toMatchObject({
      name: 'CUSTOM_FAST',
      steps: [{ ...STEP, priority: 110 }],
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
    expect(await records.templates.get(made.uuid)).toEqual(made);
    expect(await records.templates.get(made.uuid.toUpperCase())).toEqual(made);
    expect(await records.templates.get('CUSTOM_FAST')).toEqual(made);
    const changed = await inTx((tx) => records.templates.update(tx, made, { name: 'HW_CPU_X86_AVX' }));
    expect(changed).toEqual({ ...made, name: 'HW_CPU_X86_AVX', updatedAt: made.createdAt + 1 });
    expect(await records.templates.find('CUSTOM_FAST')).toBeUndefined();
    expect(await records.templates.get('HW_CPU_X86_AVX')).toEqual(changed);
    await inTx((tx) => records.templates.remove(tx, changed));
    expect(await errorOf(() => records.templates.get(made.uuid))).toMatchObject({
      code: 'records.not_found',
      message: `Deploy template ${made.uuid} could not be found.`,
    });
    expect(await errorOf(() => inTx((tx) => records.templates.remove(tx, changed)))).toMatchObject({ code: 'records.not_found' });
    expect(await errorOf(() => inTx((tx) => records.templates.update(tx, changed, { extra: { b: 1 } })))).toMatchObject({
      code: 'records.not_found',
    });
  });

  it('that is changed to what it is stays as it is, also its time', async () => {
    const { records, clock, in: inTx } = await openRecords();
    const made = await inTx((tx) => records.chassis.create(tx, { description: 'left', extra: {} }));
    await clock.advance(1000);
    expect(await inTx((tx) => records.chassis.update(tx, made, { description: 'left' }))).toEqual(made);
    expect(await records.chassis.get(made.uuid)).toEqual(made);
  });

  it('refuses a UUID, name, address, identifier or boot index that another has, and says which', async () => {
    const { records, enrol, group, in: inTx } = await openRecords();
    const node = await enrol();
    const target = { nodeUuid: node.uuid, volumeType: 'iscsi', volumeId: 'v', bootIndex: 0, properties: {}, extra: {} };
    const connector = { nodeUuid: node.uuid, type: 'iqn', connectorId: 'iqn.2026-11.lan:a', extra: {} };
    const template = { name: 'CUSTOM_A', description: null, steps: [{ ...STEP, priority: 1 }], extra: {} };
    await group(node, { name: 'bond0', address: mac('52:54:00:00:00:01') });
    const rule = await inTx((tx) => records.rules.create(tx, RULE));
    await inTx((tx) => records.targets.create(tx, target));
    await inTx((tx) => records.connectors.create(tx, connector));
    await inTx((tx) => records.templates.create(tx, template));
    const rows: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => group(node, { name: 'bond0' }), 'A portgroup with name bond0 already exists.'],
      [() => group(node, { address: mac('52:54:00:00:00:01') }), 'A portgroup with MAC address 52:54:00:00:00:01 already exists.'],
      [() => inTx((tx) => records.targets.create(tx, target)), "A volume target with boot index '0' for the same node already exists."],
      [
        () => inTx((tx) => records.connectors.create(tx, connector)),
        'A volume connector with type iqn and connector ID iqn.2026-11.lan:a already exists.',
      ],
      [() => inTx((tx) => records.templates.create(tx, template)), 'A deploy template with name CUSTOM_A already exists.'],
      [() => inTx((tx) => records.rules.create(tx, RULE, rule.uuid)), `A rule with UUID ${rule.uuid} already exists.`],
    ];
    for (const [work, message] of rows) expect.soft(await errorOf(work)).toMatchObject({ code: 'records.duplicate', message });
  });

  it('of a node goes with the node, and says in its events what happened', async () => {
    const { records, nodes, enrol, group, eventTypes, in: inTx } = await openRecords();
    const node = await enrol();
    const made = await group(node);
    const changed = await inTx((tx) => records.portgroups.update(tx, made, { mode: '802.3ad' }));
    const other = await group(node);
    await inTx((tx) => records.portgroups.remove(tx, other));
    expect((await eventTypes()).filter((type) => type.includes('portgroup'))).toEqual([
      'node.portgroup_added',
      'node.portgroup_changed',
      'node.portgroup_added',
      'node.portgroup_removed',
    ]);
    await inTx((tx) => nodes.remove(tx, node, { who: 'user' }));
    expect(await records.portgroups.find(changed.uuid)).toBeUndefined();
  });

  it('is refused once there are as many as are kept', async () => {
    const { enrol, group } = await openRecords();
    const node = await enrol();
    for (let index = 0; index < 32; index += 1) await group(node);
    expect(await errorOf(() => group(node))).toMatchObject({ code: 'records.too_many', message: containing('no more than 32') });
    await group(await enrol()); // another node has room
  });

  it('is refused when a field can not be so, and nothing is stored', async () => {
    const { records, enrol, group, in: inTx } = await openRecords();
    const node = await enrol();
    const steps = [{ ...STEP, priority: 1 }];
    const runbook = { name: 'CUSTOM_R', description: null, disableRamdisk: false, public: false, owner: null, traits: [], extra: {} };
    const rule = (more: object) => inTx((tx) => records.rules.create(tx, { ...RULE, ...more }));
    const rows: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => group(node, { name: 'a b' }), "invalid name 'a b'"],
      [() => group(node, { physicalNetwork: '' }), 'physical_network'],
      [() => group(node, { mode: '' }), 'mode'],
      [() => inTx((tx) => records.chassis.create(tx, { description: 'x'.repeat(256), extra: {} })), 'description'],
      [
        () => inTx((tx) => records.templates.create(tx, { name: 'custom', description: null, steps, extra: {} })),
        "'custom' is not the name of a trait",
      ],
      [() => inTx((tx) => records.templates.create(tx, { name: 'CUSTOM_A', description: null, steps: [], extra: {} })), 'at least one'],
      [
        () => inTx((tx) => records.templates.create(tx, { name: 'CUSTOM_A', description: null, steps: [...steps, ...steps], extra: {} })),
        'Duplicate',
      ],
      [
        () =>
          inTx((tx) =>
            records.templates.create(tx, { name: 'CUSTOM_A', description: null, steps: [{ ...STEP, priority: -1 }], extra: {} }),
          ),
        'priority',
      ],
      [() => inTx((tx) => records.runbooks.create(tx, { ...runbook, steps: [{ ...STEP, order: 1.5 }] })), 'order'],
      [() => inTx((tx) => records.runbooks.create(tx, { ...runbook, steps: [{ ...STEP, order: 1 }], public: true, owner: 'p' })), 'owner'],
      [() => inTx((tx) => records.runbooks.create(tx, { ...runbook, steps: [{ ...STEP, order: 1 }], traits: ['x'] })), "'x'"],
      [() => rule({ phase: 'early' }), 'Invalid phase: early'],
      [() => rule({ priority: 10_000 }), 'Priority'],
      [() => rule({ actions: [] }), 'at least one'],
      [() => rule({ actions: [{ op: 'explode', args: {} }] }), 'Unsupported action operator: explode'],
      [() => rule({ actions: [{ op: 'fail', args: {} }] }), 'missing required argument(s): msg'],
      [() => rule({ actions: [{ op: 'fail', args: { msg: 'x', why: 'y' } }] }), 'unexpected argument(s): why'],
      [() => rule({ conditions: [{ op: '!is-odd', args: [1] }] }), 'Unsupported condition operator: !is-odd'],
      [() => rule({ conditions: [{ op: 'eq', args: 7 }] }), 'args must be'],
      [() => rule({ conditions: [{ op: 'eq', args: [[1, 1]], multiple: 'some' }] }), 'multiple'],
    ];
    for (const [work, message] of rows)
      expect.soft(await errorOf(work)).toMatchObject({ code: 'records.bad_value', message: containing(message) });
    expect(await records.portgroups.list({})).toEqual([]);
    expect(await records.templates.list({})).toEqual([]);
    expect(await records.runbooks.list({})).toEqual([]);
    expect(await records.rules.list({})).toEqual([]);
  });

  it('takes rules whose arguments come by name or in their order, turned round or in a loop', async () => {
    const { records, in: inTx } = await openRecords();
    const conditions = [
      { op: '!eq', args: { values: ['{item}', 'x'] }, loop: ['x', 'y'], multiple: 'all' },
      { op: 'in-net', args: ['{inventory[bmc_address]}', '192.0.2.0/24'] },
    ];
    const made = await inTx((tx) => records.rules.create(tx, { ...RULE, conditions, sensitive: true }));
    expect(await records.rules.get(made.uuid)).toMatchObject({ conditions, sensitive: true });
    const shown = () => inTx((tx) => records.rules.update(tx, made, { sensitive: false }));
    expect(await errorOf(shown)).toMatchObject({ code: 'records.bad_value', message: containing('sensitive flag') });
  });
});

describe('a list of records', () => {
  it('goes page by page in order of making, or by a column and either way', async () => {
    const { records, clock, in: inTx } = await openRecords();
    const made: string[] = [];
    for (const description of ['b', null, 'a', 'b']) {
      made.push((await inTx((tx) => records.chassis.create(tx, { description, extra: {} }))).uuid);
      await clock.advance(10);
    }
    expect(uuids(await records.chassis.list({}))).toEqual(made);
    const first = await records.chassis.list({ limit: 3 });
    expect(uuids(first)).toEqual(made.slice(0, 3));
    expect(uuids(await records.chassis.list({ limit: 3, marker: made[2] ?? '' }))).toEqual(made.slice(3));
    for (const descending of [false, true]) {
      const sort = { key: 'description', descending };
      const all = uuids(await records.chassis.list({ sort }));
      const paged: string[] = [];
      for (let marker: string | undefined; ; marker = paged.at(-1)) {
        const page = uuids(await records.chassis.list({ sort, limit: 1, ...(marker === undefined ? {} : { marker }) }));
        if (page.length === 0) break;
        paged.push(...page);
      }
      expect(paged).toEqual(all);
      expect(new Set(paged)).toEqual(new Set(made));
    }
    expect(await errorOf(() => records.chassis.list({ sort: { key: 'extra' } }))).toMatchObject({ code: 'records.bad_query' });
    expect(await errorOf(() => records.chassis.list({ sort: { key: 'constructor' } }))).toMatchObject({ code: 'records.bad_query' });
    expect(await errorOf(() => records.chassis.list({ marker: NOWHERE }))).toMatchObject({ code: 'records.not_found' });
  });

  it('holds only what belongs to the node, its shard, its group or its project', async () => {
    const { records, enrol, group } = await openRecords();
    const one = await enrol({ shard: 'east', conductorGroup: 'lab', owner: 'p1' });
    const two = await enrol({ shard: 'west', lessee: 'p1' });
    const ofOne = await group(one);
    const ofTwo = await group(two);
    const list = async (query: Parameters<typeof records.portgroups.list>[0]) => uuids(await records.portgroups.list(query));
    expect(await list({ where: { nodeUuid: one.uuid } })).toEqual([ofOne.uuid]);
    expect(await list({ ofNodes: { shards: ['west', 'north'] } })).toEqual([ofTwo.uuid]);
    expect(await list({ ofNodes: { shards: [] } })).toEqual([]);
    expect(await list({ ofNodes: { conductorGroups: ['lab'] } })).toEqual([ofOne.uuid]);
    expect(new Set(await list({ ofNodes: { project: 'p1' } }))).toEqual(new Set([ofOne.uuid, ofTwo.uuid]));
    expect(await list({ ofNodes: { project: 'p2' } })).toEqual([]);
  });

  it('of runbooks shows a project its own and the public ones', async () => {
    const { records, in: inTx } = await openRecords();
    const base = { description: null, disableRamdisk: false, traits: ['CUSTOM_B', 'CUSTOM_A', 'CUSTOM_B'], extra: {} };
    const make = (name: string, owner: string | null, isPublic: boolean) =>
      inTx((tx) => records.runbooks.create(tx, { ...base, name, owner, public: isPublic, steps: [{ ...STEP, order: 1 }] }));
    await make('CUSTOM_MINE', 'p1', false);
    await make('CUSTOM_ALL', null, true);
    await make('CUSTOM_THEIRS', 'p2', false);
    const names = async (project?: string) =>
      (await records.runbooks.list(project === undefined ? {} : { project })).map(({ name }) => name).toSorted();
    expect(await names()).toEqual(['CUSTOM_ALL', 'CUSTOM_MINE', 'CUSTOM_THEIRS']);
    expect(await names('p1')).toEqual(['CUSTOM_ALL', 'CUSTOM_MINE']);
    expect((await records.runbooks.get('CUSTOM_MINE')).traits).toEqual(['CUSTOM_A', 'CUSTOM_B']);
  });
});

describe('a chassis', () => {
  it('with nodes in it stays', async () => {
    const { records, nodes, enrol, in: inTx } = await openRecords();
    const chassis = await inTx((tx) => records.chassis.create(tx, { description: null, extra: {} }));
    const node = await enrol({ chassisUuid: chassis.uuid });
    expect(await errorOf(() => inTx((tx) => records.chassis.remove(tx, chassis)))).toMatchObject({
      code: 'records.not_empty',
      message: `Cannot complete the requested action because chassis ${chassis.uuid} contains nodes.`,
    });
    await inTx((tx) => nodes.remove(tx, node, { who: 'user' }));
    await inTx((tx) => records.chassis.remove(tx, chassis));
  });
});

describe('volume records', () => {
  it('change only while the node is off, and go also while it is not in use', async () => {
    const { records, enrol, put, in: inTx } = await openRecords();
    const node = await enrol({ powerState: 'power on' });
    const content = { nodeUuid: node.uuid, type: 'ip', connectorId: '192.0.2.7', extra: {} };
    const made = await inTx((tx) => records.connectors.create(tx, content));
    const change = () => inTx((tx) => records.connectors.update(tx, made, { connectorId: '192.0.2.8' }));
    expect(await errorOf(change)).toMatchObject({
      code: 'records.node_power',
      message: `The requested action "volume connector update" can not be performed on node "${node.uuid}" while it is in state "power on".`,
    });
    await put(node, 'active');
    expect(await errorOf(() => inTx((tx) => records.connectors.remove(tx, made)))).toMatchObject({ code: 'records.node_power' });
    await put(node, 'manageable');
    await inTx((tx) => records.connectors.remove(tx, made));
    const off = await enrol({ powerState: 'power off' });
    const second = await inTx((tx) => records.connectors.create(tx, { ...content, nodeUuid: off.uuid }));
    expect(await inTx((tx) => records.connectors.update(tx, second, { connectorId: 'x' }))).toMatchObject({ connectorId: 'x' });
  });

  it('of a node that is not there are refused', async () => {
    const { records, in: inTx } = await openRecords();
    const content = { nodeUuid: NOWHERE, type: 'ip', connectorId: '192.0.2.7', extra: {} };
    expect(await errorOf(() => inTx((tx) => records.connectors.create(tx, content)))).toMatchObject({
      code: 'records.no_such_reference',
      message: `Node ${NOWHERE} could not be found.`,
    });
    expect(await errorOf(() => inTx((tx) => records.portgroups.create(tx, { ...PLAIN_GROUP, nodeUuid: 'x' })))).toMatchObject({
      code: 'records.no_such_reference',
    });
  });
});
