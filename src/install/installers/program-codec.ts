// What the first bytes of a kernel, a program for UEFI and a squashfs say about them. Knows nothing of where they are from.

export const KERNEL_HEAD_BYTES = 64 * 1024;
export const SQUASHFS_HEAD_BYTES = 96;

export interface KernelHead {
  /** "6.14.8-2-pve (build@host) #1 SMP"; null: it does not say. */
  readonly version: string | null;
  /** UEFI can start it by itself; iPXE there needs that. */
  readonly hasEfiStub: boolean;
  readonly isSigned: boolean;
}

export interface PeHead {
  readonly machine: number;
  readonly isSigned: boolean;
}

const BOOT_FLAG = 0xaa55;
/** Offsets of the setup header: Linux, Documentation/arch/x86/boot.rst. */
const SETUP = { flag: 0x1fe, magic: 0x202, version: 0x20e };
const VERSION_MAX = 128;
/** PE format: signature, COFF header of 20 bytes, optional header; the certificate table is data directory 4. */
const COFF_BYTES = 24;
const [PE32, PE32_PLUS] = [0x10b, 0x20b];
const CERTIFICATE_TABLE = 4;
const SQUASHFS_COMPRESSIONS = ['none', 'gzip', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'];

/** A text says why it is no kernel that a network boot can start. */
export function readKernelHead(head: Buffer): KernelHead | string {
  if (head.length < 0x210) return `it has ${head.length} bytes only`;
  if (head.readUInt16LE(SETUP.flag) !== BOOT_FLAG || head.toString('latin1', SETUP.magic, SETUP.magic + 4) !== 'HdrS')
    return 'it does not begin as a kernel for x86 does (bzImage)';
  const pe = readPeHead(head);
  return { version: kernelVersion(head), hasEfiStub: typeof pe !== 'string', isSigned: typeof pe !== 'string' && pe.isSigned };
}

function kernelVersion(head: Buffer): string | null {
  const pointer = head.readUInt16LE(SETUP.version);
  const at = pointer + 0x200;
  if (pointer === 0 || at >= head.length) return null;
  const [text = ''] = head.toString('latin1', at, at + VERSION_MAX).split('\0');
  return /^[\x20-\x7e]+$/.test(text) ? text : null;
}

/** A text says why it is no program for UEFI. */
export function readPeHead(head: Buffer): PeHead | string {
  if (head.length < 0x40 || head.toString('latin1', 0, 2) !== 'MZ') return 'it does not begin with MZ';
  const pe = head.readUInt32LE(0x3c);
  if (pe + COFF_BYTES + 2 > head.length || head.toString('latin1', pe, pe + 4) !== 'PE\0\0') return 'it has no PE header';
  const optional = pe + COFF_BYTES;
  const magic = head.readUInt16LE(optional);
  if (magic !== PE32 && magic !== PE32_PLUS) return 'its PE header is of no known kind';
  const counted = optional + (magic === PE32_PLUS ? 108 : 92);
  const table = counted + 4 + CERTIFICATE_TABLE * 8;
  if (table + 8 > head.length) return 'its PE header is cut off';
  const isSigned = head.readUInt32LE(counted) > CERTIFICATE_TABLE && head.readUInt32LE(table) !== 0 && head.readUInt32LE(table + 4) !== 0;
  return { machine: head.readUInt16LE(pe + 4), isSigned };
}

/** A text says why it is no squashfs. Super-block: Linux, fs/squashfs/squashfs_fs.h. */
export function readSquashfsHead(head: Buffer): { readonly compression: string; readonly bytes: number } | string {
  if (head.length < SQUASHFS_HEAD_BYTES || head.toString('latin1', 0, 4) !== 'hsqs') return 'it does not begin as a squashfs does';
  const version = head.readUInt16LE(28);
  if (version !== 4) return `it is a squashfs of version ${version}`;
  const compression = head.readUInt16LE(20);
  return { compression: SQUASHFS_COMPRESSIONS[compression] ?? `number ${compression}`, bytes: Number(head.readBigUInt64LE(40)) };
}
