// File systems of Linux, and swap: what their superblocks call themselves. Pure.

import { hasText, textAt, u16be, u16le, u32be, u32le, u64le, uuidAt } from './bytes.ts';
import { called, type Find, type Probe } from './probe.ts';

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = KIB * MIB;

/** Linux, Documentation/filesystems/ext4/super.rst. */
export const probeExt: Probe = async ({ read }) => {
  const at = await read(KIB, KIB);
  const [compat, incompat, roCompat] = [u32le(at, 0x5c), u32le(at, 0x60), u32le(at, 0x64)];
  if (at.length < KIB || u16le(at, 0x38) !== 0xef53 || u32le(at, 0x18) > 6 || u32le(at, 4) === 0) return [];
  const label = textAt(at, 0x78, 16);
  const mounted = textAt(at, 0x88, 64);
  const type = extType(compat, incompat, roCompat);
  const about = type === 'jbd' ? 'journal of an ext4 file system' : `${type} file system${called(label)}`;
  return [
    {
      kind: 'filesystem',
      type,
      offset: KIB + 0x38,
      label,
      uuid: uuidAt(at, 0x68),
      about: mounted === null ? about : `${about}, last mounted at ${mounted}`,
      ids: { last_mounted: mounted },
    },
  ];
};

function extType(compat: number, incompat: number, roCompat: number): string {
  if ((incompat & 0x8) !== 0) return 'jbd';
  // What ext3 does not know: all but filetype, recover and meta_bg; sparse_super, large_file and btree_dir.
  if ((incompat & ~0x16) !== 0 || (roCompat & ~0x7) !== 0) return 'ext4';
  return (compat & 0x4) !== 0 ? 'ext3' : 'ext2';
}

/** xfs_format.h: xfs_dsb, big-endian. */
export const probeXfs: Probe = async ({ read }) => {
  const at = await read(0, 512);
  const block = u32be(at, 4);
  const sector = u16be(at, 102);
  if (!hasText(at, 0, 'XFSB') || !isPower(block, 512, 65_536) || !isPower(sector, 512, 32_768)) return [];
  const label = textAt(at, 108, 12);
  return [{ kind: 'filesystem', type: 'xfs', offset: 0, label, uuid: uuidAt(at, 32), about: `xfs file system${called(label)}` }];
};

/** Linux, fs/btrfs/disk-io.h: the superblock and its mirrors. */
export const probeBtrfs: Probe = async ({ read }) => {
  const finds: Find[] = [];
  for (const [mirror, offset] of [64 * KIB, 64 * MIB, 256 * GIB].entries()) {
    const at = await read(offset, 4 * KIB);
    if (!hasText(at, 0x40, '_BHRfS_M') || u64le(at, 0x30) !== BigInt(offset)) continue;
    const label = textAt(at, 0x12b, 256);
    const devices = u64le(at, 0x88).toString();
    const copy = mirror === 0 ? '' : `, copy ${mirror} of its superblock`;
    finds.push({
      kind: 'filesystem',
      type: 'btrfs',
      offset: offset + 0x40,
      label,
      uuid: uuidAt(at, 0x20),
      about: `btrfs file system${called(label)}${devices === '1' ? '' : ` on ${devices} devices`}${copy}`,
      ids: { devices, device_uuid: uuidAt(at, 0xc9 + 66) },
    });
  }
  return finds;
};

const SWAP = new Map([
  ['SWAPSPACE2', 'swap'],
  ['SWAP-SPACE', 'swap'],
  ['S1SUSPEND', 'swsuspend'],
  ['S2SUSPEND', 'swsuspend'],
  ['ULSUSPEND', 'swsuspend'],
  ['LINHIB0001', 'swsuspend'],
]);
const PAGES = [4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB] as const;

/** The last ten bytes of a page, whose size is the machine's. */
export const probeSwap: Probe = async ({ read }) => {
  for (const page of PAGES) {
    const tail = await read(page - 10, 10);
    const known = [...SWAP].find(([magic]) => hasText(tail, 0, magic));
    if (known === undefined) continue;
    const head = await read(KIB, KIB);
    const [, type] = known;
    const about = type === 'swap' ? 'swap space' : 'swap space with the memory of a machine that sleeps';
    return [{ kind: 'swap', type, offset: page - 10, label: textAt(head, 28, 16), uuid: uuidAt(head, 12), about }];
  }
  return [];
};

function isPower(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && (value & (value - 1)) === 0;
}
