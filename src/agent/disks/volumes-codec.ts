// What makes volumes of disks beside LVM, ZFS and md: raid of mainboards and controllers, LUKS, bcache. Pure.

import { hasBytes, hasText, shown, textAt, u16be, u32be, u32le, uuidAt } from './bytes.ts';
import { called, type Find, type Probe } from './probe.ts';

const SECTOR = 512;

/** SNIA DDF 2.0 §4: the anchor header in the last sector; some controllers leave 128 KiB behind it. */
const DDF_MAGIC = 0xde11_de11;
const DDF_BEHIND = [0, 256] as const;
/** Intel's metadata in the sector before the last (mdadm, super-intel.c). */
const IMSM = 'Intel Raid ISM Cfg Sig. ';

export const probeHardwareRaid: Probe = async ({ read, size }) => {
  const finds: Find[] = [];
  const add = (type: string, offset: number, about: string, uuid: string | null = null): void => {
    finds.push({ kind: 'hardware-raid', type, offset, about, uuid });
  };
  const last = Math.floor(size / SECTOR) * SECTOR - SECTOR;
  for (const behind of DDF_BEHIND) {
    const offset = last - behind * SECTOR;
    const sector = await read(offset, SECTOR);
    if (sector.length < SECTOR || (u32be(sector, 0) !== DDF_MAGIC && u32le(sector, 0) !== DDF_MAGIC)) continue;
    const guid = Buffer.from(sector.subarray(8, 32)).toString('hex');
    add('ddf_raid_member', offset, `disk of a raid controller (DDF${called(textAt(sector, 8, 8, 'latin1'))})`, guid);
  }
  const intel = await read(last - SECTOR, SECTOR);
  if (hasText(intel, 0, IMSM)) {
    add('isw_raid_member', last - SECTOR, `disk of an Intel firmware raid (version ${textAt(intel, IMSM.length, 6, 'latin1') ?? '?'})`);
  }
  if (hasText(intel, 0, 'NVIDIA')) add('nvidia_raid_member', last - SECTOR, 'disk of an NVIDIA firmware raid');
  const promise = last - 62 * SECTOR;
  if (hasText(await read(promise, 32), 0, 'Promise Technology, Inc.')) {
    add('promise_fasttrack_raid_member', promise, 'disk of a Promise firmware raid');
  }
  return finds;
};

/** LUKS on-disk format 1 §2.1 and 2 §2.1; the second header of version 2 lies at one of the sizes that the first may have. */
const LUKS = [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe] as const;
const LUKS_SECOND = [0x53, 0x4b, 0x55, 0x4c, 0xba, 0xbe] as const;
const LUKS_SECOND_AT = [0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000] as const;

export const probeLuks: Probe = async ({ read }) => {
  const finds: Find[] = [];
  const look = async (offset: number, magic: readonly number[]): Promise<void> => {
    const head = await read(offset, SECTOR);
    const version = u16be(head, 6);
    if (!hasBytes(head, 0, magic) || (version !== 1 && version !== 2)) return;
    const label = version === 2 ? textAt(head, 24, 48) : null;
    const copy = offset === 0 ? '' : ', second header';
    finds.push({
      kind: 'luks',
      type: 'crypto_LUKS',
      offset,
      label,
      uuid: textAt(head, 168, 40),
      about: `encrypted volume${called(label)} (LUKS${version}${copy})`,
      ids: { version: String(version) },
    });
  };
  await look(0, LUKS);
  for (const offset of LUKS_SECOND_AT) await look(offset, LUKS_SECOND);
  return finds;
};

/** Linux, include/uapi/linux/bcache.h: the superblock of 4 KiB at 4 KiB; bcachefs took its place and form over. */
const BCACHE = [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81] as const;
const BCACHEFS = [0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9, 0xd9, 0x6a, 0x60, 0xcf, 0x80, 0x3d, 0xf7, 0xef] as const;
const BCACHE_AT = 4096;

export const probeBcache: Probe = async ({ read }) => {
  const head = await read(BCACHE_AT, SECTOR);
  const isFs = hasBytes(head, 24, BCACHEFS);
  if (!isFs && !hasBytes(head, 24, BCACHE)) return [];
  const label = textAt(head, 72, 32);
  const uuid = uuidAt(head, isFs ? 56 : 40);
  const about = isFs ? `bcachefs file system${called(label)}` : `bcache device${called(label)}`;
  return [
    {
      kind: isFs ? 'filesystem' : 'bcache',
      type: isFs ? 'bcachefs' : 'bcache',
      offset: BCACHE_AT + 24,
      label,
      uuid,
      about,
      ids: isFs ? {} : { set_uuid: shown(uuidAt(head, 56) ?? '') },
    },
  ];
};
