// How a disk is erased: from what it says of itself to ways in the order in which they are tried, or why there is none. Pure. The reading
// of what nvme-cli and hdparm print is here too, since what they say decides.

import type { CommandArgs } from '../../../inspect/commands.ts';

export type Method = CommandArgs<'erase_disks'>['method'];

export const WAYS = ['nvme-crypto', 'nvme-format', 'nvme-sanitize', 'ata-secure', 'discard', 'overwrite', 'metadata'] as const;
export type Way = (typeof WAYS)[number];

export interface NvmeAbilities {
  readonly formats: boolean;
  readonly cryptoErases: boolean;
  /** A format erases every namespace of the controller. */
  readonly formatIsForAll: boolean;
  readonly sanitizes: 'crypto' | 'block' | null;
  readonly namespaces: number;
  /** The format that it has, for the new one to be the same. */
  readonly lbaFormat: number;
}

export interface AtaSecurity {
  readonly isSupported: boolean;
  readonly isEnabled: boolean;
  readonly isLocked: boolean;
  readonly isFrozen: boolean;
  readonly isEnhanced: boolean;
  /** What the disk says it takes, in minutes. */
  readonly minutes: number;
}

export interface Abilities {
  readonly isRotational: boolean;
  readonly discards: boolean;
  readonly nvme: NvmeAbilities | null;
  readonly ata: AtaSecurity | null;
}

export type Ways = { readonly ways: readonly Way[]; readonly notes: readonly string[] } | { readonly refused: string };

export function decideWays(method: Method, disk: Abilities): Ways {
  const hardware = hardwareWays(disk);
  const discard: readonly Way[] = disk.discards && !disk.isRotational ? ['discard'] : [];
  switch (method) {
    case 'secure':
      return hardware.ways.length > 0 ? hardware : { refused: `it can not erase itself: ${hardware.notes.join('; ')}` };
    case 'discard':
      return disk.discards ? { ways: ['discard'], notes: [] } : { refused: 'it takes no discards' };
    case 'overwrite':
      return { ways: ['overwrite'], notes: [] };
    case 'auto':
      return { ways: [...hardware.ways, ...discard, 'overwrite'], notes: hardware.notes };
    case 'express':
      // An ATA disk that is overwritten by its own firmware takes as long as one that is overwritten by us.
      return { ways: [...hardware.ways.filter((way) => way !== 'ata-secure'), ...discard, 'metadata'], notes: hardware.notes };
  }
}

function hardwareWays({ nvme, ata }: Abilities): { readonly ways: readonly Way[]; readonly notes: readonly string[] } {
  if (nvme !== null) return nvmeWays(nvme);
  if (ata !== null) return ataWays(ata);
  return { ways: [], notes: ['it is neither NVMe nor ATA'] };
}

function nvmeWays(nvme: NvmeAbilities): { readonly ways: readonly Way[]; readonly notes: readonly string[] } {
  const ways: Way[] = [];
  const notes: string[] = [];
  const isShared = nvme.namespaces > 1;
  if (!nvme.formats) notes.push('its controller has no format command');
  else if (isShared && nvme.formatIsForAll) notes.push(`a format would erase all ${nvme.namespaces} namespaces of its controller`);
  else ways.push(...(nvme.cryptoErases ? (['nvme-crypto'] as const) : []), 'nvme-format');
  if (nvme.sanitizes === null) notes.push('its controller does not sanitize');
  else if (isShared) notes.push(`a sanitize would erase all ${nvme.namespaces} namespaces of its controller`);
  else ways.push('nvme-sanitize');
  return { ways, notes };
}

function ataWays(ata: AtaSecurity): { readonly ways: readonly Way[]; readonly notes: readonly string[] } {
  const why = ataRefusal(ata);
  return why === undefined ? { ways: ['ata-secure'], notes: [] } : { ways: [], notes: [why] };
}

/** A locked one is tried with our own password: an erasure that lost power leaves it so. */
function ataRefusal({ isSupported, isFrozen }: AtaSecurity): string | undefined {
  if (!isSupported) return 'it has no ATA security';
  return isFrozen ? 'the firmware froze its security at boot (suspend and wake, or plug it in again, thaws it)' : undefined;
}

/** `nvme id-ctrl -o json` and `nvme id-ns -o json`. NVMe base specification 2.0, figures 275 (OACS, FNA, SANICAP) and 280 (FLBAS). */
export function readNvme(idCtrl: unknown, idNs: unknown): NvmeAbilities {
  const [oacs, fna, sanicap] = ['oacs', 'fna', 'sanicap'].map((key) => numberOf(idCtrl, key));
  const [sanitize = 0, format = 0] = [sanicap, fna];
  return {
    formats: ((oacs ?? 0) & 2) !== 0,
    formatIsForAll: (format & 3) !== 0,
    cryptoErases: (format & 4) !== 0,
    sanitizes: (sanitize & 1) !== 0 ? 'crypto' : (sanitize & 2) !== 0 ? 'block' : null,
    namespaces: Math.max(1, numberOf(idCtrl, 'nn')),
    lbaFormat: (numberOf(idNs, 'flbas') & 0xf) | ((numberOf(idNs, 'flbas') & 0x60) >> 1),
  };
}

function numberOf(value: unknown, key: string): number {
  if (typeof value !== 'object' || value === null || !(key in value)) return 0;
  const one = (value as Readonly<Record<string, unknown>>)[key]; // any JSON object
  return typeof one === 'number' ? one : 0;
}

/** The Security part of `hdparm -I`; null: there is none, as with disks behind USB and RAID controllers. */
export function readAtaSecurity(text: string): AtaSecurity | null {
  const start = text.indexOf('\nSecurity:');
  if (start < 0) return null;
  const lines = text
    .slice(start + 1)
    .split('\n')
    .slice(1)
    .filter((_, index, all) => all.slice(0, index + 1).every((one) => /^\s/.test(one)));
  const is = (word: string): boolean => lines.some((line) => new RegExp(`^\\s+${word}\\b`).test(line));
  const times = [...lines.join('\n').matchAll(/(\d+)min for (?:ENHANCED )?SECURITY ERASE/g)].map(([, minutes]) => Number(minutes));
  return {
    isSupported: is('supported'),
    isEnabled: is('enabled'),
    isLocked: is('locked'),
    isFrozen: is('frozen'),
    isEnhanced: is('supported: enhanced erase'),
    minutes: Math.max(2, ...times),
  };
}
