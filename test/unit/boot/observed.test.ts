// Members of a running cluster that is only observed: whatever else holds, they are left alone on the way to their own disks.

import { describe, expect, it } from 'vitest';
import { FIRST_ATTEMPT } from '../../../src/boot/decide/decide-offer.ts';
import { OWN_DISK_WAYS } from '../../../src/boot/decide/own-disk-decide.ts';
import { decideOffer, decideProgram, type KnownMachine, type Situation } from '../../../src/boot/index.ts';
import { parseMac } from '../../../src/lib/index.ts';
import { STATE_NAMES } from '../../../src/nodes/index.ts';

const mac = parseMac('bc:24:11:00:00:01') ?? expect.unreachable();
const member: KnownMachine = {
  uuid: 'u',
  name: 'pve1',
  provisionState: 'active',
  ignored: false,
  observed: true,
  held: null,
  ownDisk: null,
  secureBoot: false,
};
const OPEN = { enrolmentOpen: true, rule: { name: 'all', fits: 'yes' } } as const;
const LOADERS = { has: () => true };

describe('a machine that is only observed', () => {
  it.each(STATE_NAMES)('starts its own disk by itself in the state %s, with enrolment open and a rule that fits', (provisionState) => {
    const situation: Situation = { machine: { ...member, provisionState }, ...OPEN };
    expect(decideProgram(situation)).toMatchObject({ run: 'own-disk', hands: 'off' });
  });

  it.each(OWN_DISK_WAYS)('is given no loader and no script by DHCP, whatever asks, where own_disk is %s', (way) => {
    for (const kind of ['pxe', 'http', 'ipxe', 'other'] as const)
      for (const architecture of [0, 7, 11, 16, null])
        for (const mayTurnAway of [false, true]) {
          const wish = {
            loaders: LOADERS,
            uefiLoader: 'auto',
            standing: FIRST_ATTEMPT,
            ownDisk: { way, path: null, by: 'test' },
            mayTurnAway,
          } as const;
          const offer = decideOffer({ mac, architecture, kind }, { machine: member, ...OPEN }, wish);
          expect('silent' in offer || offer.offer === 'nothing').toBe(true);
        }
  });

  it('is left alone also where it may be one of several, before any other of them counts', () => {
    const held = { ...member, observed: false, uuid: 'v', held: 'it is being replaced' };
    expect(decideProgram({ machine: undefined, rivals: [held, member], ...OPEN })).toMatchObject({ run: 'own-disk', hands: 'off' });
  });
});
