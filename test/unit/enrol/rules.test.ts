// Which rule fits a machine that the agent has looked at, why, and what it is called.

import { describe, expect, it } from 'vitest';
import { factsOf } from '../../../src/enrol/machine-decide.ts';
import { matchRules, type Rule } from '../../../src/enrol/match-decide.ts';
import { nameAgain, nameFrom } from '../../../src/enrol/names-decide.ts';
import { parseMac } from '../../../src/lib/index.ts';
import { type MachineWords, report } from './machines.ts';

const rule = (name: string, match: Rule['match']): Rule => ({
  name,
  match,
  profile: 'p',
  auto_approve: false,
  overwrite_filesystems: false,
});
const port = {
  address: parseMac('52:54:00:00:00:01') ?? expect.unreachable(),
  localLinkConnection: { switch_info: 'rack7-leaf1', port_id: 'Ethernet1/4' },
};
const facts = (words: MachineWords = {}) => factsOf(report(words), [port]);

describe('a rule', () => {
  const machine = facts({
    serial: 'CN7475',
    product: 'PowerEdge R640',
    manufacturer: 'Dell Inc.',
    disks: [{ gb: 500, model: 'Samsung SSD 980' }, { gb: 2 }],
  });

  it.each<[Rule['match']]>([
    [{ manufacturer: 'dell*' }],
    [{ product: '*R6*' }],
    [{ serial: 'CN7475' }],
    [{ mac: '52:54:00:*' }],
    [{ min_cpus: 4 }],
    [{ min_memory_mb: 16_384 }],
    [{ min_disks: 2 }],
    [{ min_disk_gb: 500 }],
    [{ disk_model: 'samsung*' }],
    [{ min_nic_mbps: 2500 }],
    [{ subnet: '10.0.0.0/24' }],
    [{ lldp_neighbour: 'rack7-*' }],
    [{ lldp_port: 'ethernet1/*' }],
  ])('fits by what the agent found: %j', (match) => expect(matchRules([rule('r', match)], machine).rule?.name).toBe('r'));

  it.each<[Rule['match'], string]>([
    [{ manufacturer: 'HP*' }, 'manufacturer is to be HP*, and is Dell Inc.'],
    [{ uuid: '4c4c4544-0042-3510-8051-b4c04f4d3232' }, 'uuid is to be 4c4c4544-0042-3510-8051-b4c04f4d3232, and is not known'],
    [{ min_cpus: 5 }, 'min_cpus is to be 5, and is 4'],
    [{ min_disks: 3, min_disk_gb: 501 }, 'min_disks is to be 3, and is 2; min_disk_gb is to be 501, and is 500'],
    [{ subnet: '10.0.1.0/24' }, 'subnet is to be 10.0.1.0/24, and is 10.0.0.10'],
    [{ lldp_port: 'Ethernet2/*' }, 'lldp_port is to be Ethernet2/*, and is Ethernet1/4'],
  ])('does not fit, and says why: %j', (match, reason) => {
    const { rule: none, traces } = matchRules([rule('r', match)], machine);
    expect([none, traces[0]?.reason]).toEqual([undefined, reason]);
  });

  it('counts when it is the first that fits, and the others are told too', () => {
    const found = matchRules(
      [rule('hp', { manufacturer: 'HP*' }), rule('dell', { manufacturer: 'Dell*' }), rule('all', { mac: '*' })],
      machine,
    );
    expect(found.rule?.name).toBe('dell');
    expect(found.reason).toBe('rule dell fits: manufacturer is Dell Inc.');
    expect(found.traces.map((trace) => [trace.rule, trace.fits])).toEqual([
      ['hp', false],
      ['dell', true],
      ['all', true],
    ]);
  });

  it('that is nearest is named when none fits', () =>
    expect(
      matchRules([rule('far', { min_cpus: 64, serial: 'X' }), rule('near', { manufacturer: 'Dell*', min_cpus: 5 })], machine).reason,
    ).toBe('no rule fits; the nearest is near: min_cpus is to be 5, and is 4'));

  it('reads what OpenStack parsed of LLDP, and survives reports of any form', () => {
    const heard = factsOf({ inventory: {}, pluginData: { parsed_lldp: { eth0: { switch_system_name: 'sw1', switch_port_id: 'Gi1' } } } });
    expect(matchRules([rule('r', { lldp_neighbour: 'sw1', lldp_port: 'gi1' })], heard).rule?.name).toBe('r');
    for (const inventory of [
      { disks: 'x', interfaces: [1, null, {}], cpu: [] },
      { system_vendor: 7, memory: null },
    ])
      expect(
        matchRules([rule('r', { min_cpus: 1 })], factsOf({ inventory, pluginData: { disk_contents: [{}], parsed_lldp: [] } })).rule,
      ).toBeUndefined();
  });
});

describe('a name', () => {
  const machine = facts({ serial: ' CN/7475.Ä ', product: 'NUC 13 Pro!' });

  it.each([
    ['pve{n}', 'pve7'],
    ['{serial}', 'cn-7475-a'],
    ['pve-{mac}', 'pve-525400000001'],
    ['{product}-{n}', 'nuc-13-pro-7'],
    ['r-{lldp_port}', 'r-ethernet1-4'],
  ])('is a host name whatever the machine calls itself: %s', (pattern, name) => expect(nameFrom(pattern, machine, 7)).toBe(name));

  it('is none when the machine does not say what it is made of', () => expect(nameFrom('pve-{serial}', facts(), 1)).toBeNull());

  it('has 63 characters at most, and never begins or ends with a dash', () => {
    const long = facts({ serial: `${'x'.repeat(62)}--y` });
    expect(nameFrom('{serial}', long, 1)).toBe('x'.repeat(62));
    expect(nameAgain('x'.repeat(63), 12)).toBe(`${'x'.repeat(60)}-12`);
    expect(nameFrom('{serial}', facts({ serial: '../..;rm -rf' }), 1)).toBe('rm-rf');
    expect(nameFrom('{serial}', facts({ serial: '///' }), 1)).toBeNull();
  });
});
