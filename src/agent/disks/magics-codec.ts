// File systems and volumes that are known by a word at a place and have little more to say: as data. Pure.

import type { SignatureKind } from '../../inspect/disk-contents.ts';
import { hasBytes, textAt, uuidAt } from './bytes.ts';
import { called, type Find, type Probe } from './probe.ts';

interface Magic {
  readonly kind: SignatureKind;
  readonly type: string;
  readonly offset: number;
  readonly bytes: readonly number[];
  readonly about: string;
  readonly label?: { readonly at: number; readonly length: number };
  readonly uuidAt?: number;
}

const letters = (text: string): readonly number[] => [...Buffer.from(text, 'latin1')];

/** Places as in util-linux, libblkid/src/superblocks. */
const MAGICS: readonly Magic[] = [
  { kind: 'filesystem', type: 'squashfs', offset: 0, bytes: letters('hsqs'), about: 'squashfs file system' },
  {
    kind: 'filesystem',
    type: 'iso9660',
    offset: 0x8001,
    bytes: letters('CD001'),
    about: 'image of a CD or an installer',
    label: { at: 0x8028, length: 32 },
  },
  { kind: 'filesystem', type: 'udf', offset: 0x8001, bytes: letters('BEA01'), about: 'UDF file system' },
  {
    kind: 'filesystem',
    type: 'f2fs',
    offset: 0x400,
    bytes: [0x10, 0x20, 0xf5, 0xf2],
    about: 'f2fs file system',
    uuidAt: 0x46c,
  },
  { kind: 'filesystem', type: 'reiserfs', offset: 0x1_0034, bytes: letters('ReIsEr'), about: 'ReiserFS file system', uuidAt: 0x1_0054 },
  { kind: 'filesystem', type: 'jfs', offset: 0x8000, bytes: letters('JFS1'), about: 'JFS file system', uuidAt: 0x8088 },
  { kind: 'filesystem', type: 'ufs', offset: 0x1_055c, bytes: [0x19, 0x01, 0x54, 0x19], about: 'UFS2 file system (FreeBSD)' },
  { kind: 'filesystem', type: 'apfs', offset: 32, bytes: letters('NXSB'), about: 'APFS container (macOS)', uuidAt: 72 },
  { kind: 'filesystem', type: 'hfsplus', offset: 0x400, bytes: [0x48, 0x2b, 0x00, 0x04], about: 'HFS+ file system (macOS)' },
  { kind: 'filesystem', type: 'erofs', offset: 0x400, bytes: [0xe2, 0xe1, 0xf5, 0xe0], about: 'EROFS file system', uuidAt: 0x430 },
  { kind: 'filesystem', type: 'ocfs2', offset: 0x2000, bytes: letters('OCFSV2'), about: 'OCFS2 cluster file system' },
  { kind: 'filesystem', type: 'gfs2', offset: 0x1_0000, bytes: [0x01, 0x16, 0x19, 0x70], about: 'GFS2 cluster file system' },
  { kind: 'other', type: 'VMFS_volume_member', offset: 0x10_0000, bytes: [0x0d, 0xd0, 0x01, 0xc0], about: 'VMFS volume (VMware ESXi)' },
  { kind: 'filesystem', type: 'VMFS', offset: 0x20_0000, bytes: [0x5e, 0xf1, 0xab, 0x2f], about: 'VMFS file system (VMware ESXi)' },
  { kind: 'other', type: 'stratis', offset: 0x204, bytes: letters('!Stra0tis'), about: 'Stratis pool member' },
  { kind: 'other', type: 'vdo', offset: 0, bytes: letters('dmvdo001'), about: 'VDO volume' },
];

export const probeMagics: Probe = async ({ read }) => {
  const finds: Find[] = [];
  for (const { kind, type, offset, bytes, about, label, uuidAt: uuidPlace } of MAGICS) {
    if (!hasBytes(await read(offset, bytes.length), 0, bytes)) continue;
    const name = label === undefined ? null : textAt(await read(label.at, label.length), 0, label.length);
    const uuid = uuidPlace === undefined ? null : uuidAt(await read(uuidPlace, 16), 0);
    finds.push({ kind, type, offset, label: name, uuid, about: `${about}${called(name)}` });
  }
  return finds;
};
