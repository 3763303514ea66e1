import { describe, expect, it } from 'vitest';
import { installerGate, leastMemoryMb, memoryGate, secureBootGate } from '../../../src/install/gates-decide.ts';
import { containing, matching } from '../../support/containing.ts';

const title = 'Proxmox VE 9.2-1';
const ask = { memoryMb: 16_000, isoBytes: 1_800_000_000, minMemoryMb: 0, title };
/** What the kernel of a machine with so many GiB of modules can use, roughly. */
const usable = (gib: number): number => Math.round(gib * 1024 * 0.955);

describe('the memory that an installer over the network needs', () => {
  it.each([
    ['4 GiB and an old ISO, which fail', 4, 1_300_000_000, 'refused'],
    ['7 GiB and a new ISO, which fail', 7, 1_800_000_000, 'refused'],
    ['8 GiB and a new ISO, which just work', 8, 1_800_000_000, 'warning'],
    ['12 GiB and a new ISO, which work', 12, 1_800_000_000, 'ok'],
    ['16 GiB and a new ISO', 16, 1_800_000_000, 'ok'],
    ['8 GiB and an old ISO', 8, 1_300_000_000, 'warning'],
    ['4 GiB and an ISO of 400 MB', 4, 400_000_000, 'ok'],
  ])('is judged by the size of the ISO: %s', (_, gib, isoBytes, level) =>
    expect(memoryGate({ ...ask, memoryMb: usable(gib), isoBytes })).toMatchObject({ level }),
  );

  it('is refused with what is there, what is needed, why, and each other way', () => {
    const verdict = memoryGate({ ...ask, memoryMb: 3900 });
    expect(verdict.message).toMatch(/^3900 MiB .* needs 7379 MiB, since its ISO of 1800 MB is in memory up to four times/);
    expect(verdict).toHaveProperty('hint', matching(/Add memory.*USB stick.*prepare-iso.*spare disk.*min_memory_mb/));
  });

  it('is what a person has set, where one has', () => {
    expect(memoryGate({ ...ask, memoryMb: 2900, minMemoryMb: 3000 })).toMatchObject({
      level: 'refused',
      message: containing('min_memory_mb'),
    });
    expect(memoryGate({ ...ask, memoryMb: 3000, minMemoryMb: 3000 }).level).toBe('ok');
    expect(leastMemoryMb({ isoBytes: 1_800_000_000, minMemoryMb: 2048 })).toBe(2048);
  });

  it('never falls as ISOs grow', () => {
    const least = [0.4, 1.3, 1.8, 2.5, 4].map((gb) => leastMemoryMb({ isoBytes: gb * 1e9, minMemoryMb: 0 }));
    expect(least).toEqual(least.toSorted((one, other) => one - other));
  });
});

describe('an installer and the firmware', () => {
  it.each([
    [true, 'ipxe', 'refused'],
    [true, 'shim-grub', 'refused'],
    [true, null, 'refused'],
    [false, 'ipxe', 'ok'],
    [false, 'shim-grub', 'refused'],
    [null, 'shim-grub', 'refused'],
    [null, null, 'ok'],
  ] as const)('with Secure Boot %s, by %s: %s', (secureBoot, loader, level) =>
    expect(secureBootGate({ secureBoot, loader, title }).level).toBe(level),
  );

  it('stops with both ways on', () =>
    expect(secureBootGate({ secureBoot: true, loader: null, title })).toHaveProperty(
      'hint',
      matching(/^Switch Secure Boot off.*USB stick/),
    ));
});

describe('an installer and a profile', () => {
  const product = { product: 'pve', title, carrier: 'overlay', problem: null, filesystem: 'zfs', profile: 'pve' };

  it('fit, unless nothing can be put into its ISO, or it has no such file system', () => {
    expect(installerGate(product).level).toBe('ok');
    expect(installerGate({ ...product, filesystem: 'btrfs' }).level).toBe('ok');
    expect(installerGate({ ...product, product: 'pbs', filesystem: 'btrfs' })).toMatchObject({
      level: 'refused',
      message: containing('btrfs'),
    });
    expect(installerGate({ ...product, carrier: null, problem: 'its root is full' })).toMatchObject({
      level: 'refused',
      message: containing('its root is full'),
    });
  });
});
