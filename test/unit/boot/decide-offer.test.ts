import { describe, expect, it } from 'vitest';
import { FIRST_ATTEMPT, type LoaderWish } from '../../../src/boot/decide/decide-offer.ts';
import { type ClientFacts, decideOffer, type KnownMachine, type Situation } from '../../../src/boot/index.ts';
import { parseMac } from '../../../src/lib/index.ts';
import { containing } from '../../support/containing.ts';

const mac = parseMac('52:54:00:00:00:01') ?? expect.unreachable();
const ALL = new Set([
  'undionly.kpxe',
  'snponly-i386.efi',
  'snponly-x86_64.efi',
  'snponly-arm32.efi',
  'snponly-arm64.efi',
  'ipxe-i386.efi',
  'ipxe-x86_64.efi',
  'ipxe-arm32.efi',
  'ipxe-arm64.efi',
  'shim-x86_64.efi',
]);
const AUTO = { way: 'auto', path: null, by: 'boot.own_disk' } as const;
const wish = (change: Partial<LoaderWish> = {}): LoaderWish => ({
  loaders: ALL,
  uefiLoader: 'auto',
  standing: FIRST_ATTEMPT,
  ownDisk: AUTO,
  mayTurnAway: false,
  ...change,
});
const client = (architecture: number | null, kind: ClientFacts['kind'] = 'pxe'): ClientFacts => ({ mac, architecture, kind });
const OPEN: Situation = { machine: undefined, enrolmentOpen: true };
const CLOSED: Situation = { machine: undefined, enrolmentOpen: false };
const known = (change: Partial<KnownMachine> = {}): KnownMachine => ({
  uuid: 'u',
  name: 'pve1',
  provisionState: 'active',
  ignored: false,
  held: null,
  ownDisk: null,
  secureBoot: false,
  ...change,
});

describe('what the DHCP answer names', () => {
  it.each([
    [0, 'undionly.kpxe', false],
    [6, 'snponly-i386.efi', false],
    [7, 'snponly-x86_64.efi', false],
    [9, 'snponly-x86_64.efi', false],
    [10, 'snponly-arm32.efi', false],
    [11, 'snponly-arm64.efi', false],
    [15, 'ipxe-i386.efi', true],
    [16, 'ipxe-x86_64.efi', true],
    [18, 'ipxe-arm32.efi', true],
    [19, 'ipxe-arm64.efi', true],
  ])('is the loader of architecture %i: %s', (architecture, name, overHttp) => {
    expect(decideOffer(client(architecture), OPEN, wish())).toMatchObject({ offer: 'loader', name, overHttp });
  });

  it('is the loader with all drivers where the one with the firmware driver is not there', () => {
    const loaders = new Set(['ipxe-arm64.efi']);
    expect(decideOffer(client(11), OPEN, wish({ loaders }))).toMatchObject({ name: 'ipxe-arm64.efi', overHttp: false });
  });

  it('is the script once iPXE runs', () => expect(decideOffer(client(7, 'ipxe'), OPEN, wish())).toMatchObject({ offer: 'script' }));

  it('is nothing for a client that does not boot from the network', () => {
    expect(decideOffer(client(null, 'other'), OPEN, wish())).toEqual({ silent: 'not a network boot' });
  });

  it('is nothing for a machine that shall start its own disk, whatever its firmware', () => {
    for (const kind of ['pxe', 'http', 'ipxe'] as const) expect(decideOffer(client(7, kind), CLOSED, wish())).toHaveProperty('silent');
  });

  it('is a file that is not there, so that the firmware goes on at once, where nobody else could answer', () => {
    expect(decideOffer(client(7), CLOSED, wish({ mayTurnAway: true }))).toMatchObject({ offer: 'nothing', overHttp: false });
    expect(decideOffer(client(16, 'http'), CLOSED, wish({ mayTurnAway: true }))).toMatchObject({ offer: 'nothing', overHttp: true });
    expect(decideOffer(client(7, 'ipxe'), CLOSED, wish({ mayTurnAway: true }))).toHaveProperty('silent');
    expect(decideOffer(client(7), CLOSED, wish({ mayTurnAway: true, ownDisk: { ...AUTO, way: 'silent' } }))).toHaveProperty('silent');
  });

  it('is nothing, and says why, for an architecture we have no loader for', () => {
    expect(decideOffer(client(11), OPEN, wish({ loaders: new Set() }))).toEqual({ silent: containing('snponly-arm64.efi') });
    expect(decideOffer(client(4711), OPEN, wish())).toEqual({ silent: containing('4711') });
    expect(decideOffer(client(null), OPEN, wish())).toEqual({ silent: containing('option 93') });
  });

  it('is a loader for a machine that only iPXE can tell us about, and for one that is held', () => {
    expect(decideOffer(client(7), { ...CLOSED, rule: { name: 'r', fits: 'ask' } }, wish())).toMatchObject({ offer: 'loader' });
    expect(decideOffer(client(7), { ...CLOSED, machine: known({ provisionState: 'clean failed' }) }, wish())).toMatchObject({
      offer: 'loader',
      reason: containing('hold'),
    });
  });
});

describe('a known machine on its way to its own disk', () => {
  const situation = { machine: known(), enrolmentOpen: false };
  const way = (name: 'auto' | 'silent' | 'exit' | 'sanboot' | 'chain'): LoaderWish => wish({ ownDisk: { ...AUTO, way: name } });

  it.each(['auto', 'silent'] as const)('is answered with silence: %s', (name) =>
    expect(decideOffer(client(7), situation, way(name))).toHaveProperty('silent'),
  );

  it.each(['exit', 'sanboot', 'chain'] as const)('is given iPXE where its model needs it: %s', (name) => {
    expect(decideOffer(client(7), situation, way(name))).toMatchObject({ offer: 'loader', reason: containing(`own disk by ${name}`) });
    expect(decideOffer(client(7, 'ipxe'), situation, way(name))).toMatchObject({ offer: 'script' });
  });

  it('is silence all the same for strangers, ignored machines and sites that only watch', () => {
    const ignored = { machine: known({ ignored: true }), enrolmentOpen: false };
    for (const one of [CLOSED, ignored, { ...situation, observeOnly: true }])
      expect(decideOffer(client(7), one, way('chain'))).toHaveProperty('silent');
  });
});

describe('the loader for UEFI', () => {
  const named = (change: Partial<LoaderWish>, machine?: KnownMachine): unknown =>
    decideOffer(client(7), { machine, enrolmentOpen: true }, wish(change));
  const again = (count: number) => ({ ...FIRST_ATTEMPT, unheard: count, unheardLately: count });
  const shim = { name: 'shim-x86_64.efi' };
  const ipxe = { name: 'snponly-x86_64.efi' };

  it('is iPXE first, and shim where iPXE never spoke', () => {
    expect(named({})).toMatchObject(ipxe);
    expect(named({ standing: again(2) })).toMatchObject({ ...shim, reason: containing('never spoke') });
    expect(named({ standing: { ...FIRST_ATTEMPT, unheardLately: 2 } })).toMatchObject(shim);
  });

  it('is shim at once for a machine that is known for Secure Boot, or that ran it before', () => {
    const enrolled = known({ provisionState: 'enroll', secureBoot: true });
    expect(named({}, enrolled)).toMatchObject({ ...shim, reason: containing('Secure Boot') });
    expect(named({ standing: { ...FIRST_ATTEMPT, ranShim: true } })).toMatchObject(shim);
  });

  it('is what the site says', () => {
    expect(named({ uefiLoader: 'shim' })).toMatchObject(shim);
    expect(named({ uefiLoader: 'ipxe', standing: again(2) })).toMatchObject(ipxe);
    expect(named({ uefiLoader: 'shim', loaders: new Set(['snponly-x86_64.efi']) })).toEqual({ silent: containing('shim-x86_64.efi') });
  });

  it('is the signed iPXE behind its own shim where an operator has brought it', () => {
    const loaders = new Set(['snponly-x86_64.efi', 'shim-x86_64.efi', 'ipxe-shimx64.efi']);
    expect(named({ loaders, standing: again(2) })).toMatchObject({ name: 'ipxe-shimx64.efi' });
  });

  it('stays iPXE where there is no shim, and for BIOS', () => {
    expect(named({ standing: again(2), loaders: new Set(['snponly-x86_64.efi']) })).toMatchObject(ipxe);
    expect(decideOffer(client(0), OPEN, wish({ standing: again(2) }))).toMatchObject({ name: 'undionly.kpxe' });
  });

  it('is the script at the third time in a minute, in case that it is an iPXE that does not say so', () =>
    expect(named({ standing: again(3) })).toMatchObject({ offer: 'script', loop: containing('none ever spoke') }));

  it('is nothing after that until the machine rests', () =>
    expect(named({ standing: again(4) })).toMatchObject({ silent: containing('rests'), loop: containing('none ever spoke') }));
});
