// What the stand-in for Proxmox VE makes of parameters, by the published schema.

import { describe, expect, it } from 'vitest';
import { findMethod, methodsOf, type Release } from '../../../sim/pve/schema/index.ts';
import { wrongsOf } from '../../../sim/pve/schema/verify.ts';

function wrongs(verb: string, path: string, given: Record<string, string>, release: Release = '9.1'): Record<string, string> {
  const found = findMethod(methodsOf(release), verb, path);
  if (found === undefined) throw new Error(`${verb} ${path} is not there`);
  return wrongsOf(found.method, { ...given, ...found.inPath });
}

const JOIN = { hostname: '192.0.2.11', fingerprint: Array(32).fill('AB').join(':'), password: 'secret' };

describe('the schema', () => {
  it('takes what is right', () => {
    expect(wrongs('POST', '/cluster/config/join', { ...JOIN, link0: 'address=192.0.2.12,priority=20', link1: '198.51.100.2' })).toEqual({});
    expect(
      wrongs('POST', '/nodes/pve1/disks/zfs', { name: 'tank', raidlevel: 'mirror', devices: '/dev/sda,/dev/sdb', ashift: '12' }),
    ).toEqual({});
    expect(wrongs('PUT', '/access/acl', { path: '/', roles: 'Administrator', tokens: 'a@pve!b', propagate: '1' })).toEqual({});
    expect(wrongs('POST', '/access/users/a@pve/token/seed', { privsep: '0' })).toEqual({});
  });

  it.each([
    [
      'a name that is too long',
      'POST',
      '/cluster/config',
      { clustername: 'a'.repeat(16) },
      'clustername',
      'value may only be 15 characters long',
    ],
    [
      'a name that is none',
      'POST',
      '/cluster/config',
      { clustername: 'a_b' },
      'clustername',
      'invalid format - value does not look like a valid node name',
    ],
    ['no name', 'POST', '/cluster/config', {}, 'clustername', 'property is missing and it is not optional'],
    ['a property that is not there', 'POST', '/cluster/config/join', { ...JOIN, use_ssh: '1' }, 'use_ssh', /not defined in schema/],
    [
      'a bad fingerprint',
      'POST',
      '/cluster/config/join',
      { ...JOIN, fingerprint: 'ab' },
      'fingerprint',
      'value does not match the regex pattern',
    ],
    ['a priority too high', 'POST', '/cluster/config/join', { ...JOIN, link0: '192.0.2.2,priority=256' }, 'link0', /maximum value of 255/],
    [
      'a word of no enumeration',
      'POST',
      '/nodes/pve1/disks/zfs',
      { name: 'a1', raidlevel: 'raid5', devices: '/dev/sda' },
      'raidlevel',
      /enumeration/,
    ],
    ['text for a number', 'POST', '/nodes/pve1/ceph/init', { size: 'x' }, 'size', "type check ('integer') failed - got 'x'"],
    ['a number too low', 'POST', '/nodes/pve1/ceph/init', { size: '0' }, 'size', 'value must have a minimum value of 1'],
    ['text for a yes', 'POST', '/cluster/config/join', { ...JOIN, force: 'maybe' }, 'force', "type check ('boolean') failed - got 'maybe'"],
  ] as const)('refuses %s', (_, verb, path, given, name, says) => {
    expect(wrongs(verb, path, given)[name]).toMatch(says);
  });

  it('has no rules of the HA stack in 8.4, and no coefficient of the token', () => {
    expect(findMethod(methodsOf('8.4'), 'GET', '/cluster/ha/rules')).toBeUndefined();
    expect(findMethod(methodsOf('9.1'), 'GET', '/cluster/ha/rules')).toBeDefined();
    expect(wrongs('POST', '/cluster/config', { clustername: 'home', 'token-coefficient': '200' }, '8.4')).toHaveProperty(
      'token-coefficient',
    );
    expect(wrongs('POST', '/cluster/config', { clustername: 'home', 'token-coefficient': '200' })).toEqual({});
  });

  it('knows each pattern and format that it is asked for', () => {
    for (const { parameters } of methodsOf('9.1'))
      for (const { pattern } of Object.values(parameters))
        if (pattern !== undefined)
          expect(() => wrongsOf({ path: '', method: 'GET', permissions: 'all', parameters: { a: { pattern } } }, { a: 'a' })).not.toThrow();
  });
});
