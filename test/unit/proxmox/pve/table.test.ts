// What we know of the API: the same facts as the stand-in has, every form of a value known, and no privilege more than is needed.

import { describe, expect, it } from 'vitest';
import { PVE_ANSWERS } from '../../../../src/proxmox/pve/answers.ts';
import { formatCalled } from '../../../../src/proxmox/pve/formats.ts';
import { fromPerl } from '../../../../src/proxmox/pve/params-decide.ts';
import { PVE_CALLS, privilegesIn } from '../../../../src/proxmox/pve/table.ts';
import type { PveParam } from '../../../../src/proxmox/pve/table-types.ts';
import { TOKEN_PRIVILEGES } from '../../../../src/proxmox/pve/token.ts';
import { methodsOf } from '../../../sim/pve/schema/index.ts';

function* paramsIn(parameters: Readonly<Record<string, PveParam>>): Generator<PveParam> {
  for (const param of Object.values(parameters)) {
    yield param;
    if (param.items !== undefined) yield param.items;
    if (typeof param.format === 'object') yield* paramsIn(param.format);
  }
}

const all = Object.values(PVE_CALLS).flatMap(({ parameters }) => [...paramsIn(parameters)]);
const privileges = new Set(Object.values(PVE_CALLS).flatMap(({ needs }) => (typeof needs === 'string' ? [] : privilegesIn(needs))));

describe('the table of calls', () => {
  it('says of each call what the stand-in says', () => {
    const known = new Map(
      methodsOf('9.1').map(({ method, path, permissions, parameters }) => [`${method} ${path}`, { permissions, parameters }]),
    );
    for (const [name, { needs, parameters }] of Object.entries(PVE_CALLS))
      expect({ name, permissions: needs, parameters }).toEqual({ name, ...known.get(name) });
  });

  it('has each of its calls once', () => {
    expect(Object.keys(PVE_CALLS)).toHaveLength(227);
  });

  it('has the parameters that stand in a path', () => {
    for (const [name, { parameters }] of Object.entries(PVE_CALLS))
      for (const [, key = ''] of name.matchAll(/\{(\w+)\}/g))
        expect([name, Object.keys(parameters)]).toEqual([name, expect.arrayContaining([key])]);
  });

  it('has no format and no pattern that we do not know', () => {
    const names = all.flatMap(({ format }) => (typeof format === 'string' ? [format] : []));
    expect([...new Set(names)].filter((name) => formatCalled(name) === undefined)).toEqual([]);
    for (const { pattern } of all) if (pattern !== undefined) expect(() => fromPerl(pattern)).not.toThrow();
  });

  it('has a call for each answer that is checked', () => {
    expect(Object.keys(PVE_ANSWERS).filter((name) => !Object.hasOwn(PVE_CALLS, name))).toEqual([]);
  });

  it('names those that are for root alone', () => {
    const names = Object.entries(PVE_CALLS).flatMap(([name, { needs }]) => (needs === 'root' ? [name] : []));
    expect(names.toSorted()).toEqual([
      'DELETE /cluster/config/nodes/{node}',
      'DELETE /nodes/{node}/ceph/osd/{osdid}',
      'POST /cluster/config',
      'POST /cluster/config/join',
      'POST /cluster/config/nodes/{node}',
      'POST /nodes/{node}/ceph/osd',
      'POST /nodes/{node}/execute',
      'PUT /nodes/{node}/disks/wipedisk',
    ]);
  });
});

describe('the privileges of our token', () => {
  const RAISES = /^(?:Permissions|User|Realm|Group)\./;
  /** Of calls that the schema lets everybody make, and that then show only what one may see; and of what a backup job names. */
  const INSIDE = ['Datastore.AllocateSpace', 'VM.Audit'];
  /** Another privilege does, or no step of ours does it by the API. */
  const LEFT_OUT = ['Mapping.Use', 'Sys.AccessNetwork', 'Sys.PowerMgmt', 'Sys.Syslog'];

  it('are those that our calls ask for, without those that give themselves more', () => {
    const wanted = [...privileges].filter((one) => !RAISES.test(one) && !LEFT_OUT.includes(one));
    expect([...TOKEN_PRIVILEGES].toSorted()).toEqual([...new Set([...wanted, ...INSIDE])].toSorted());
    expect(TOKEN_PRIVILEGES.filter((one) => RAISES.test(one))).toEqual([]);
  });
});
