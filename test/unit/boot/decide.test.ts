import { describe, expect, it } from 'vitest';
import { type ClientFacts, decideOffer, decideProgram, type KnownMachine } from '../../../src/boot/index.ts';
import { parseMac } from '../../../src/lib/index.ts';
import { STATE_NAMES } from '../../../src/nodes/index.ts';
import { containing } from '../../support/containing.ts';

const mac = parseMac('52:54:00:00:00:01') ?? expect.unreachable();
const loaders = new Set(['undionly.kpxe', 'snponly-x86_64.efi', 'ipxe-x86_64.efi']);
const firmware = (architecture: number | null, kind: ClientFacts['kind'] = 'pxe'): ClientFacts => ({ mac, architecture, kind });
const machine = (provisionState: string, ignored = false): KnownMachine => ({ uuid: 'u', name: 'pve1', provisionState, ignored });
const OPEN = { machine: undefined, enrolmentOpen: true };
const CLOSED = { machine: undefined, enrolmentOpen: false };

describe('what an unknown machine runs', () => {
  it('is the agent while enrolment is open', () => expect(decideProgram(OPEN)).toMatchObject({ run: 'agent' }));
  it('is its own disk while enrolment is closed', () => expect(decideProgram(CLOSED)).toMatchObject({ run: 'own-disk' }));
});

describe('what a known machine runs', () => {
  it('is its own disk when it is ignored, whatever state it is in and though enrolment is open', () => {
    for (const state of STATE_NAMES)
      expect(decideProgram({ machine: machine(state, true), enrolmentOpen: true }), state).toMatchObject({ run: 'own-disk' });
  });

  it('is its own disk when it is active, also while enrolment is open', () => {
    expect(decideProgram({ machine: machine('active'), enrolmentOpen: true })).toMatchObject({
      run: 'own-disk',
      reason: containing('pve1'),
    });
  });

  it('is the agent when it waits for a yes and enrolment is open, and its own disk when it is closed', () => {
    expect(decideProgram({ machine: machine('enroll'), enrolmentOpen: true })).toMatchObject({ run: 'agent' });
    expect(decideProgram({ machine: machine('enroll'), enrolmentOpen: false })).toMatchObject({ run: 'own-disk' });
  });

  it('is nothing at all after a failed cleaning: never the local disk', () => {
    expect(decideProgram({ machine: machine('clean failed'), enrolmentOpen: true })).toMatchObject({ run: 'hold' });
  });

  it('is decided for every state of the table, with a reason', () => {
    for (const state of STATE_NAMES) expect(decideProgram({ machine: machine(state), enrolmentOpen: false }).reason).toContain(state);
  });
});

describe('what the DHCP answer names', () => {
  it.each([
    [0, 'undionly.kpxe', false],
    [7, 'snponly-x86_64.efi', false],
    [9, 'snponly-x86_64.efi', false],
    [16, 'ipxe-x86_64.efi', true],
  ])('is the loader of architecture %i: %s', (architecture, name, overHttp) => {
    expect(decideOffer(firmware(architecture), OPEN, loaders)).toMatchObject({ offer: 'loader', name, overHttp });
  });

  it('is the script once iPXE runs', () => expect(decideOffer(firmware(7, 'ipxe'), OPEN, loaders)).toMatchObject({ offer: 'script' }));

  it('is nothing for a client that does not boot from the network', () => {
    expect(decideOffer(firmware(null, 'other'), OPEN, loaders)).toEqual({ silent: 'not a network boot' });
  });

  it('is nothing for a machine that shall start its own disk, whatever its firmware', () => {
    for (const kind of ['pxe', 'http', 'ipxe'] as const) expect(decideOffer(firmware(7, kind), CLOSED, loaders)).toHaveProperty('silent');
  });

  it('is nothing, and says why, for an architecture we have no loader for', () => {
    expect(decideOffer(firmware(11), OPEN, loaders)).toEqual({ silent: containing('snponly-arm64.efi') });
    expect(decideOffer(firmware(4711), OPEN, loaders)).toEqual({ silent: containing('4711') });
    expect(decideOffer(firmware(null), OPEN, loaders)).toEqual({ silent: containing('option 93') });
  });
});
