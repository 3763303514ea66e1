// Parameters of calls: what goes over the wire, and what is refused before anything does.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeParams } from '../../../../src/proxmox/pve/params-decide.ts';
import { PVE_CALLS } from '../../../../src/proxmox/pve/table.ts';

function encode(name: string, params: Readonly<Record<string, unknown>>) {
  const call = PVE_CALLS[name];
  if (call === undefined) throw new Error(`no ${name}`);
  return encodeParams(name, call, params);
}

const wrongs = (name: string, params: Readonly<Record<string, unknown>>): unknown => {
  try {
    encode(name, params);
    return [];
  } catch (thrown) {
    return (thrown as { detail?: { wrongs?: unknown } }).detail?.wrongs; // what it throws
  }
};

const ZFS = 'POST /nodes/{node}/disks/zfs';
const JOIN = 'POST /cluster/config/join';
const FINGERPRINT = Array(32).fill('AB').join(':');

describe('parameters', () => {
  it('go into the path and into a form; lists are joined, yes is 1', () => {
    const params = {
      node: 'pve1',
      name: 'tank',
      raidlevel: 'mirror',
      devices: ['/dev/a', '/dev/b'],
      ashift: 12,
      add_storage: true,
      compression: undefined,
    };
    expect(encode(ZFS, params)).toEqual({
      path: '/nodes/pve1/disks/zfs',
      form: [
        ['name', 'tank'],
        ['raidlevel', 'mirror'],
        ['devices', '/dev/a,/dev/b'],
        ['ashift', '12'],
        ['add_storage', '1'],
      ],
      secrets: [],
    });
  });

  it('of the type array stand there once for each part, and may be none', () => {
    const name = 'POST /cluster/notifications/matchers';
    expect(encode(name, { name: 'all', target: ['mail-to-root', 'push'] }).form).toEqual([
      ['name', 'all'],
      ['target', 'mail-to-root'],
      ['target', 'push'],
    ]);
    expect(encode(name, { name: 'all', target: [] }).form).toEqual([['name', 'all']]);
  });

  it('with parts are written as name=value, and links have numbers', () => {
    const { form, secrets } = encode(JOIN, {
      hostname: '192.0.2.1',
      fingerprint: FINGERPRINT,
      password: 'very secret',
      link1: { address: '192.0.2.2', priority: 3 },
    });
    expect(form.at(-1)).toEqual(['link1', 'address=192.0.2.2,priority=3']);
    expect(secrets).toEqual(['very secret']);
    expect(wrongs('POST /cluster/config', { clustername: 'home', link0: { address: '192.0.2.2', priority: 256 } })).toEqual([
      expect.stringMatching(/^link0: .*has priority, which is above 255$/),
    ]);
    expect(wrongs('POST /cluster/config', { clustername: 'home', link0: { address: '192.0.2.2,priority=1' } })).toEqual([
      'link0: it is no string',
    ]);
  });

  it.each([
    ['a name that is not there', ZFS, { disk: 'x' }, /^disk: this call has no such parameter$/],
    ['one that is missing', ZFS, { raidlevel: undefined }, /^raidlevel: it is missing$/],
    ['a word of no enumeration', ZFS, { raidlevel: 'raid5' }, /^raidlevel: "raid5" is none of single, mirror,/],
    ['text for a number', ZFS, { ashift: 'x' }, /^ashift: "x" is no integer$/],
    ['a number too low', ZFS, { ashift: 8 }, /^ashift: "8" is below 9$/],
    ['a number too high', ZFS, { ashift: 17 }, /^ashift: "17" is above 16$/],
    ['yes for a number', ZFS, { ashift: true }, /^ashift: it is no integer$/],
    ['no number at all', ZFS, { ashift: Number.NaN }, /^ashift: it is no integer$/],
    ['a thing for a text', ZFS, { name: { a: 1 } }, /^name: it is no string$/],
    ['nothing for a text', ZFS, { name: null }, /^name: it is no string$/],
    ['a bad name', ZFS, { name: '1tank' }, /^name: "1tank" is no pve-storage-id$/],
    ['a path for a node', ZFS, { node: '../x' }, /^node: "..\/x" is no pve-node$/],
    ['NUL', ZFS, { devices: '/dev/a\0' }, /^devices: ".*" has NUL$/],
    ['an empty part of a list', ZFS, { devices: ['/dev/a', ''] }, /^devices: it is no string$/],
    ['what the prototype has', ZFS, { constructor: 'x' }, /^constructor: this call has no such parameter$/],
  ])('are refused: %s', (_, name, more, says) => {
    const good = { node: 'pve1', name: 'tank', raidlevel: 'single', devices: '/dev/a' };
    expect(wrongs(name, { ...good, ...more })).toEqual([expect.stringMatching(says)]);
  });

  it('that ask for another are refused without it', () => {
    expect(wrongs('PUT /access/users/{userid}', { userid: 'a@pve', append: true })).toEqual(['append: it asks for groups too']);
  });

  it('that are secret are not said back', () => {
    const name = 'POST /access/users';
    expect(wrongs(name, { userid: 'a@pve', password: 'short' })).toEqual(['password: has less than 8 characters']);
    expect(encode(name, { userid: 'a@pve', password: 'long enough' }).secrets).toEqual(['long enough']);
  });

  it('never leave their place in a path', () => {
    const name = 'GET /nodes/{node}/tasks/{upid}/status';
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (upid) => {
        try {
          const { path } = encode(name, { node: 'pve1', upid });
          expect(new URL(path, 'https://sim').pathname.split('/')).toHaveLength(6);
          expect(decodeURIComponent(path)).toBe(`/nodes/pve1/tasks/${upid}/status`);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'proxmox.bad_parameters' });
        }
      }),
    );
    for (const upid of ['.', '..', '']) expect(() => encode(name, { node: 'pve1', upid })).toThrow(/upid/);
  });
});
