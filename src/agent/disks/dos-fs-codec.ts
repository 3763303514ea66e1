// File systems that begin with a boot sector: FAT, exFAT, NTFS, BitLocker. Pure.

import { hasText, textAt, u8, u16le, u32le, u64le } from './bytes.ts';
import { called, type Find, type Probe } from './probe.ts';
import type { Region } from './read-at.ts';

const SECTOR = 512;
const DIRECTORY_ENTRY = 32;
const ROOT_BYTES = 64 * 1024;
const VOLUME_LABEL = 0x08;
const LONG_NAME = 0x0f;

export const probeDosFs: Probe = async (region) => {
  const boot = await region.read(0, SECTOR);
  if (boot.length < SECTOR) return [];
  if (hasText(boot, 3, 'NTFS    ')) return [ntfs(boot)];
  if (hasText(boot, 3, 'EXFAT   ')) return [await exfat(region, boot)];
  if (hasText(boot, 3, '-FVE-FS-')) {
    return [{ kind: 'filesystem', type: 'BitLocker', offset: 3, about: 'encrypted Windows volume (BitLocker)' }];
  }
  const found = fatLayout(boot);
  return found === undefined ? [] : [await fat(region, boot, found)];
};

function ntfs(boot: Uint8Array): Find {
  const serial = u64le(boot, 72).toString(16).toUpperCase().padStart(16, '0');
  return { kind: 'filesystem', type: 'ntfs', offset: 3, uuid: serial, about: 'NTFS file system (Windows)' };
}

/** exFAT specification §3.1, §7.3. */
async function exfat({ read }: Region, boot: Uint8Array): Promise<Find> {
  const sector = 1 << Math.min(u8(boot, 108), 12);
  const cluster = sector * (1 << Math.min(u8(boot, 109), 25));
  const root = u32le(boot, 88) * sector + (u32le(boot, 96) - 2) * cluster;
  const entries = root > 0 ? await read(root, 4096) : new Uint8Array(0);
  let label: string | null = null;
  for (let at = 0; at + DIRECTORY_ENTRY <= entries.length && label === null; at += DIRECTORY_ENTRY) {
    if (u8(entries, at) === 0x83) label = textAt(entries, at + 2, Math.min(u8(entries, at + 1), 11) * 2, 'utf16le');
  }
  return {
    kind: 'filesystem',
    type: 'exfat',
    offset: 3,
    label,
    uuid: serialOf(u32le(boot, 100)),
    about: `exFAT file system${called(label)}`,
  };
}

interface FatLayout {
  readonly bits: 12 | 16 | 32;
  /** Of the root directory, from the start of the file system. */
  readonly root: number;
  readonly rootBytes: number;
}

/** Microsoft, FAT specification 1.03: the BPB, and the kind of FAT by the number of clusters alone. */
export function fatLayout(boot: Uint8Array): FatLayout | undefined {
  const [bytesPerSector, perCluster, reserved, fats] = [u16le(boot, 11), u8(boot, 13), u16le(boot, 14), u8(boot, 16)];
  const isJump = (u8(boot, 0) === 0xeb && u8(boot, 2) === 0x90) || u8(boot, 0) === 0xe9;
  const media = u8(boot, 21);
  if (u16le(boot, 510) !== 0xaa55 || !isJump || !isPower(bytesPerSector) || bytesPerSector < 512 || bytesPerSector > 4096) return undefined;
  if (!isPower(perCluster) || reserved === 0 || fats === 0 || fats > 2 || (media !== 0xf0 && media < 0xf8)) return undefined;
  const fatSectors = u16le(boot, 22) === 0 ? u32le(boot, 36) : u16le(boot, 22);
  const total = u16le(boot, 19) === 0 ? u32le(boot, 32) : u16le(boot, 19);
  const rootSectors = Math.ceil((u16le(boot, 17) * DIRECTORY_ENTRY) / bytesPerSector);
  const first = reserved + fats * fatSectors + rootSectors;
  if (fatSectors === 0 || total <= first) return undefined;
  const clusters = Math.floor((total - first) / perCluster);
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;
  const root = bits === 32 ? first + (Math.max(2, u32le(boot, 44)) - 2) * perCluster : reserved + fats * fatSectors;
  const rootBytes = (bits === 32 ? perCluster : rootSectors) * bytesPerSector;
  return { bits, root: root * bytesPerSector, rootBytes: Math.min(rootBytes, ROOT_BYTES) };
}

async function fat({ read }: Region, boot: Uint8Array, { bits, root, rootBytes }: FatLayout): Promise<Find> {
  const extended = bits === 32 ? 64 : 36;
  const label = labelIn(await read(root, rootBytes)) ?? noName(textAt(boot, extended + 7, 11, 'latin1'));
  return {
    kind: 'filesystem',
    type: 'vfat',
    offset: 510,
    label,
    uuid: serialOf(u32le(boot, extended + 3)),
    about: `FAT${bits} file system${called(label)}`,
  };
}

function labelIn(entries: Uint8Array): string | null {
  for (let at = 0; at + DIRECTORY_ENTRY <= entries.length && u8(entries, at) !== 0; at += DIRECTORY_ENTRY) {
    const attributes = u8(entries, at + 11);
    if (u8(entries, at) === 0xe5 || (attributes & LONG_NAME) === LONG_NAME || (attributes & 0x18) !== VOLUME_LABEL) continue;
    return textAt(entries, at, 11, 'latin1');
  }
  return null;
}

function noName(label: string | null): string | null {
  return label === 'NO NAME' ? null : label;
}

/** As people know it from `dir` and /dev/disk/by-uuid. */
function serialOf(serial: number): string | null {
  const hex = serial.toString(16).toUpperCase().padStart(8, '0');
  return serial === 0 ? null : `${hex.slice(0, 4)}-${hex.slice(4)}`;
}

function isPower(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
