import { describe, expect, it } from 'vitest';
import { cleanName, namesOfQuery } from '../../../src/boot/decide/facts.ts';
import { globFits } from '../../../src/boot/decide/glob.ts';
import { ruleAtBoot } from '../../../src/boot/decide/rules-decide.ts';
import { readMachineAsk } from '../../../src/boot/machine-ask.ts';
import type { Config } from '../../../src/config/index.ts';
import { parseMac } from '../../../src/lib/index.ts';

type Match = Config['rule'][number]['match'];
const rule = (match: Match, name = 'r'): Config['rule'][number] => ({
  name,
  match,
  profile: 'p',
  auto_approve: false,
  overwrite_filesystems: false,
});
const mac = parseMac('52:54:00:12:34:56') ?? expect.unreachable();
const uuid = '4c4c4544-0042-3510-8051-b4c04f4d3232';
const facts = { mac, smbiosUuid: uuid, manufacturer: 'Dell Inc.', product: 'PowerEdge R640', serial: 'CN747512345' };
const atDhcp = { ...facts, manufacturer: null, product: null, serial: null };

describe('a rule at boot', () => {
  it.each<[string, Match]>([
    ['a MAC', { mac: '52:54:00:12:34:56' }],
    ['the beginning of a MAC', { mac: '52:54:00:*' }],
    ['a UUID in capitals', { uuid: uuid.toUpperCase() }],
    ['maker, model and serial', { manufacturer: 'dell*', product: '*R6*', serial: 'CN7475*' }],
    ['more than is known at boot', { manufacturer: 'Dell*', min_disks: 2, min_cpus: 4, lldp_neighbour: 'rack7-*' }],
  ])('fits by %s', (_, match) => expect(ruleAtBoot([rule(match)], facts, true)).toEqual({ name: 'r', fits: 'yes' }));

  it.each<[string, Match]>([
    ['another MAC', { mac: '52:54:00:12:34:57' }],
    ['another UUID', { uuid: '00000000-0000-0000-0000-000000000001' }],
    ['another serial', { manufacturer: 'Dell*', serial: 'XX*' }],
    ['nothing that is known at boot', { min_disks: 1, min_memory_mb: 1024, lldp_port: '*' }],
  ])('does not fit by %s', (_, match) => expect(ruleAtBoot([rule(match)], facts, true)).toBeUndefined());

  it('may fit while iPXE has not told the names, unless something else speaks against it', () => {
    expect(ruleAtBoot([rule({ manufacturer: 'Dell*' })], atDhcp, false)).toEqual({ name: 'r', fits: 'ask' });
    expect(ruleAtBoot([rule({ manufacturer: 'Dell*', mac: '00:*' })], atDhcp, false)).toBeUndefined();
    expect(ruleAtBoot([rule({ mac: '52:54:*' })], atDhcp, false)).toEqual({ name: 'r', fits: 'yes' });
  });

  it('does not fit a machine that has no such name', () => expect(ruleAtBoot([rule({ manufacturer: '*' })], atDhcp, true)).toBeUndefined());

  it('is the first that fits, and one that fits comes before one that may', () => {
    const rules = [rule({ mac: '00:*' }, 'a'), rule({ serial: 'x' }, 'b'), rule({ mac: '52:*' }, 'c'), rule({ mac: '*' as never }, 'd')];
    expect(ruleAtBoot(rules, atDhcp, false)).toEqual({ name: 'c', fits: 'yes' });
  });
});

describe('a pattern with stars', () => {
  it.each([
    ['a*c', 'abc', true],
    ['A*C', 'aBBc', true],
    ['*', '', true],
    ['a*b*c', 'axbxc', true],
    ['a*b*c', 'axc', false],
    ['ab*ba', 'aba', false],
    ['*aa*aa*', 'aaa', false],
    ['abc', 'abcd', false],
    ['.*', 'x', false],
  ])('%s and %s: %s', (pattern, text, expected) => expect(globFits(pattern, text)).toBe(expected));

  it('cannot be made slow', () => {
    const started = performance.now();
    expect(globFits(`${'a*'.repeat(500)}b`, 'a'.repeat(100_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('what a machine says of itself', () => {
  it('is cut, and cleaned of what is no text', () => {
    expect(cleanName(' Dell\n\0  Inc.\u202e ')).toBe('Dell Inc.');
    expect(cleanName('x'.repeat(1_000_000))).toHaveLength(64);
    expect([cleanName(''), cleanName(' \t'), cleanName(null)]).toEqual([null, null, null]);
  });

  it('is read from a query as iPXE writes it', () => {
    const query = new URLSearchParams(
      'mac=52-54-00-12-34-56&uuid=&platform=efi&arch=arm64&manufacturer=Dell%20Inc.&product=&serial=A&serial=B',
    );
    expect(readMachineAsk(query)).toEqual({
      mac,
      smbiosUuid: null,
      platform: 'efi',
      processor: 'arm64',
      names: { manufacturer: 'Dell Inc.', product: null, serial: 'A' },
      loader: 'ipxe',
    });
    expect(namesOfQuery(new URLSearchParams())).toEqual({ manufacturer: null, product: null, serial: null });
  });

  it('is less from GRUB, which knows no names', () =>
    expect(readMachineAsk(new URLSearchParams({ mac, uuid }))).toEqual({
      mac,
      smbiosUuid: uuid,
      platform: null,
      processor: null,
      names: null,
      loader: 'grub',
    }));

  it('is refused without a MAC, in a message that is not as long as what was sent', () => {
    for (const bad of ['', 'x', 'x'.repeat(100_000)])
      expect(() => readMachineAsk(new URLSearchParams({ mac: bad }))).toThrow(/^.{0,140}no MAC address$/);
  });
});
