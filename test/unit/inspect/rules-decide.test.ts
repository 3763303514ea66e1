// Inspection rules: every operator and action, `!`, loops, what is filled in, and what a fault says.

import { describe, expect, it } from 'vitest';
import type { Subject } from '../../../src/inspect/rules-actions.ts';
import { applyRules, type Rule } from '../../../src/inspect/rules-decide.ts';
import { CONDITION_ARGS, type JsonObject, RULE_ACTION_ARGS } from '../../../src/nodes/index.ts';

const PORT = '0d1a6d4c-6c2f-4a55-9f6f-1f3e8f9b7a01';

const BEFORE: Subject = {
  node: {
    name: 'pve1',
    properties: { cpus: 8, capabilities: 'boot_mode:uefi' },
    extra: { tags: ['a'] },
    driver_info: {},
    traits: ['CUSTOM_A'],
  },
  ports: { [PORT]: { address: '52:54:00:aa:00:01', extra: {} } },
  inventory: {
    bmc_address: '192.0.2.200',
    cpu: { count: 8, architecture: 'x86_64' },
    memory: { physical_mb: 32_768 },
    disks: [{ name: '/dev/sda' }, { name: '/dev/sdb' }],
    hostname: null,
    secure: true,
  },
  pluginData: { lldp: { switch: 'tor1' }, list: [1] },
  said: [],
};

const rule = (conditions: readonly JsonObject[], actions: readonly JsonObject[], more: Partial<Rule> = {}): Rule => ({
  uuid: 'rule-1',
  description: 'the first',
  priority: 0,
  phase: 'main',
  sensitive: false,
  conditions,
  actions,
  ...more,
});

const HIT: readonly JsonObject[] = [{ op: 'set-attribute', args: { path: '/extra/hit', value: 'yes' } }];

function isHit(...conditions: readonly JsonObject[]): boolean {
  const outcome = applyRules([rule(conditions, HIT)], BEFORE);
  if ('failure' in outcome) throw new Error(outcome.failure);
  return outcome.applied.length === 1;
}

function outcomeOf(...actions: readonly JsonObject[]): Subject {
  const outcome = applyRules([rule([], actions)], BEFORE);
  if ('failure' in outcome) throw new Error(outcome.failure);
  return outcome.subject;
}

const failure = (given: Rule): unknown => {
  const outcome = applyRules([given], BEFORE);
  return 'failure' in outcome ? outcome.failure : undefined;
};

const CONDITIONS: readonly (readonly [boolean, JsonObject])[] = [
  [true, { op: 'eq', args: [['{inventory[cpu][architecture]}', 'x86_64']] }],
  [false, { op: '!eq', args: { values: ['{inventory[cpu][architecture]}', 'x86_64'] } }],
  [false, { op: 'eq', args: { values: ['{inventory[cpu][count]}', 8] } }],
  [true, { op: 'eq', args: { values: ['{inventory[cpu][count]}', 8], force_strings: true } }],
  [true, { op: 'eq', args: { values: [1] } }],
  [true, { op: 'lt', args: { values: [1, 2, 3] } }],
  [false, { op: 'gt', args: { values: [3, 2, 2] } }],
  [true, { op: 'is-empty', args: { value: '{inventory[hostname]}' } }],
  [false, { op: 'is-empty', args: ['{node.name}'] }],
  [true, { op: 'in-net', args: { address: '{inventory[bmc_address]}', subnet: '192.0.2.0/24' } }],
  [false, { op: 'in-net', args: { address: '{inventory[bmc_address]}', subnet: '2001:db8::/32' } }],
  [true, { op: 'matches', args: { value: '{plugin_data[lldp][switch]}', regex: 'tor[0-9]' } }],
  [false, { op: 'matches', args: { value: '{plugin_data[lldp][switch]}', regex: 'or' } }],
  [true, { op: 'contains', args: { value: '{plugin_data[lldp][switch]}', regex: 'or' } }],
  [true, { op: 'one-of', args: { value: '{node.name}', values: ['pve1', 'pve2'] } }],
  [true, { op: 'is-none', args: { value: '{inventory[hostname]}' } }],
  [false, { op: 'is-true', args: { value: '{inventory[hostname]}' } }],
  [true, { op: 'is-true', args: { value: '{inventory[secure]}' } }],
  [true, { op: 'is-false', args: { value: 'No' } }],
  [true, { op: '! is-false', args: { value: 1 } }],
  [true, { op: 'eq', args: { values: ['{item[name]}', '/dev/sdb'] }, loop: [{ name: '/dev/sda' }, { name: '/dev/sdb' }] }],
  [false, { op: 'eq', args: { values: ['{item}', 'b'] }, loop: ['a', 'b'], multiple: 'all' }],
  [true, { op: 'eq', args: { values: ['{item}', 'b'] }, loop: ['a', 'b'], multiple: 'last' }],
  [true, { op: 'eq', args: { values: ['{item}', 8] }, loop: ['{inventory[cpu][count]}'], multiple: 'first' }],
];

describe('conditions', () => {
  it.each(CONDITIONS)('%s: %j', (expected, condition) => {
    expect(isHit(condition)).toBe(expected);
  });

  it('are tested for every operator that can be stored', () => {
    const tested = new Set(CONDITIONS.map(([, { op }]) => JSON.stringify(op).slice(1, -1).replace(/^!\s*/, '')));
    expect([...tested].sort()).toEqual(Object.keys(CONDITION_ARGS).sort());
  });

  it('must all hold', () => {
    expect(isHit({ op: 'is-true', args: ['yes'] }, { op: 'is-true', args: ['no'] })).toBe(false);
  });
});

describe('actions', () => {
  it('set, extend and delete attributes of the node', () => {
    const { node } = outcomeOf(
      { op: 'set-attribute', args: { path: 'driver_info/ipmi_address', value: '{inventory[bmc_address]}' } },
      { op: 'set-attribute', args: { path: 'resource_class', value: 'c{inventory[cpu][count]}' } },
      { op: 'extend-attribute', args: { path: '/extra/tags', value: 'a', unique: true } },
      { op: 'extend-attribute', args: ['/extra/tags', 'b'] },
      { op: 'del-attribute', args: ['properties.cpus'] },
    );
    expect(node).toMatchObject({ driver_info: { ipmi_address: '192.0.2.200' }, resource_class: 'c8', extra: { tags: ['a', 'b'] } });
    expect(node.properties).toEqual({ capabilities: 'boot_mode:uefi' });
    expect(BEFORE.node.properties).toHaveProperty('cpus');
  });

  it('set capabilities and traits', () => {
    const { node } = outcomeOf(
      { op: 'set-capability', args: ['cpu_vt', '{inventory[secure]}'] },
      { op: 'unset-capability', args: ['boot_mode'] },
      { op: 'add-trait', args: ['CUSTOM_B'] },
      { op: 'remove-trait', args: ['CUSTOM_A'] },
    );
    expect(node).toMatchObject({ properties: { capabilities: 'cpu_vt:True' }, traits: ['CUSTOM_B'] });
  });

  it('change plugin data and ports, and say something', () => {
    const { pluginData, ports, said } = outcomeOf(
      { op: 'set-plugin-data', args: { path: 'a.b', value: 1 } },
      { op: 'extend-plugin-data', args: { path: 'list', value: 1, unique: true } },
      { op: 'unset-plugin-data', args: { path: 'lldp.switch' } },
      { op: 'set-port-attribute', args: { port_id: PORT, path: 'extra/rack', value: '{node.name}' } },
      { op: 'extend-port-attribute', args: { port_id: PORT, path: 'extra/list', value: 2 } },
      { op: 'del-port-attribute', args: { port_id: PORT, path: 'extra/rack' } },
      { op: 'log', args: { msg: 'saw {node.name} {nothing.there}', level: 'warning' } },
      { op: 'log', args: { msg: 'saw {{node}} {node.name}' } },
    );
    expect(pluginData).toEqual({ a: { b: 1 }, lldp: {}, list: [1] });
    expect(ports[PORT]?.extra).toEqual({ list: [2] });
    expect(said).toEqual([
      { level: 'warning', text: 'saw {node.name} {nothing.there}' },
      { level: 'info', text: 'saw {node} pve1' },
    ]);
  });

  it('run once for each item of a loop', () => {
    const loop = [
      { path: 'extra/bmc', value: '{inventory[bmc_address]}' },
      { path: 'extra/name', value: '{node.name}' },
    ];
    const { node } = outcomeOf({ op: 'set-attribute', args: { path: '{item[path]}', value: '{item[value]}' }, loop });
    expect(node.extra).toMatchObject({ bmc: '192.0.2.200', name: 'pve1' });
  });

  it('are all known, but for calling others', () => {
    for (const op of Object.keys(RULE_ACTION_ARGS)) {
      const said = String(failure(rule([], [{ op, args: ['x', 'y', 'z'] }])));
      expect(said.includes('is not carried out by this appliance'), op).toBe(op === 'api-call');
    }
  });
});

describe('rules', () => {
  it('run by priority, and a later one sees what an earlier one did', () => {
    const first = rule([], [{ op: 'set-attribute', args: { path: 'extra/rack', value: 'r1' } }], { uuid: 'high', priority: 10 });
    const second = rule([{ op: 'eq', args: { values: ['{node.extra[rack]}', 'r1'] } }], HIT, { uuid: 'low' });
    expect(applyRules([second, first, rule([], HIT, { phase: 'early' })], BEFORE)).toMatchObject({ applied: ['high', 'low'] });
  });

  it('name themselves in a fault, and say no more when they are sensitive', () => {
    const wanted: readonly JsonObject[] = [{ op: 'fail', args: { msg: 'wrong rack' } }];
    expect(failure(rule([], wanted))).toBe('wrong rack (inspection rule rule-1 (the first))');
    expect(failure(rule([], wanted, { sensitive: true }))).toBe(
      'Inspection rule rule-1 failed; it is sensitive, so that the reason is not shown',
    );
    expect(failure(rule([{ op: 'lt', args: { values: ['{inventory[cpu][count]}', 9] } }], HIT))).toContain(
      'rule-1 (the first) failed: 8 and 9 have no order',
    );
    expect(failure(rule([{ op: 'matches', args: ['a', '('] }], HIT))).toContain('invalid regular expression');
    expect(failure(rule([], [{ op: 'set-attribute', args: ['__proto__/x', 'y'] }]))).toContain('is no path');
  });
});
