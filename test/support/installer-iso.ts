// An installer ISO with the layout of Proxmox's own, made by xorriso: the same files in the same places, small contents unless others are
// given. What is in it is ours; nothing of a real one is needed.

import { copyFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import type { Edition, Product } from '../../src/install/seam.ts';
import { tool } from './disk-images.ts';

/** Bytes, or the path of a file that has them. */
export type Content = Buffer | string;

export interface InstallerIsoOptions {
  readonly product?: Product;
  readonly release?: string;
  readonly isoRelease?: string;
  readonly kernel?: Content;
  /** As it shall lie there: compressed. */
  readonly initrd?: Content;
  /** By path below the root, without a slash at the beginning; null leaves out one that would be there. */
  readonly files?: Readonly<Record<string, Content | null>>;
  readonly volumeId?: string;
  /** The real ones have it off. */
  readonly joliet?: boolean;
  /** More words for xorriso's mkisofs emulation. */
  readonly more?: readonly string[];
  /** Whether shim and GRUB on the EFI image carry signatures. */
  readonly isSigned?: boolean;
}

export const PRODUCT_NAMES: Readonly<Record<Product, Pick<Edition, 'title'> & { readonly isoName: string }>> = {
  pve: { title: 'Proxmox VE', isoName: 'proxmox-ve' },
  pbs: { title: 'Proxmox Backup Server', isoName: 'proxmox-backup-server' },
  pmg: { title: 'Proxmox Mail Gateway', isoName: 'proxmox-mail-gateway' },
  pdm: { title: 'Proxmox Datacenter Manager', isoName: 'proxmox-datacenter-manager' },
};

/** The same for all. */
export const CD_ID = '0f1e2d3c-4b5a-4968-8776-655443322110';
const MADE_AT = '2025112000000000';
const MOUNT_POINTS = ['.base', '.installer', '.installer-mp', '.workdir'];

/** Needs xorriso, mtools and dosfstools. Returns the path. */
export async function installerIso(path: string, options: InstallerIsoOptions = {}): Promise<string> {
  const { product = 'pve', joliet = false, more = [] } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-installer-iso-'));
  try {
    const tree = join(scratch, 'tree');
    for (const name of MOUNT_POINTS) await mkdir(join(tree, name), { recursive: true });
    const efi = await efiImage(scratch, options.isSigned ?? true);
    for (const [name, content] of Object.entries({ ...standardFiles(options, efi), ...options.files }))
      if (content !== null) await put(join(tree, name), content);
    await symlink('./', join(tree, 'debian'));
    const words = ['-V', options.volumeId ?? product.toUpperCase(), '-R', ...(joliet ? ['-J', '-joliet-long'] : [])];
    const dates = [`--modification-date=${MADE_AT}`, '--set_all_file_dates', MADE_AT];
    await rm(path, { force: true });
    await tool('xorriso', ['-as', 'mkisofs', '-quiet', ...words, ...dates, ...more, '-o', resolve(path), tree]);
    return path;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What `.cd-info` says: shell assignments, as the initrd sources them. */
export function cdInfo({ product = 'pve', release = '9.1', isoRelease = '1' }: InstallerIsoOptions = {}): Buffer {
  const { title, isoName } = PRODUCT_NAMES[product];
  const lines = [`RELEASE='${release}'`, `ISORELEASE='${isoRelease}'`, `ISONAME='${isoName}'`, `PRODUCT='${product}'`];
  return Buffer.from(`${[...lines, `PRODUCTLONG='${title}'`].join('\n')}\n`);
}

function standardFiles(options: InstallerIsoOptions, efi: string): Readonly<Record<string, Content>> {
  const { product = 'pve' } = options;
  const initrd = options.initrd ?? zstdCompressSync(Buffer.from(smallInitrd(options)));
  return {
    '.cd-info': cdInfo(options),
    '.disk/info': cdInfo(options),
    '.pve-cd-id.txt': Buffer.from(`${CD_ID}\n`),
    'auto-installer-capable': Buffer.alloc(0),
    'boot/linux26': options.kernel ?? smallKernel(),
    'boot/initrd.img': initrd,
    'boot/grub/grub.cfg': Buffer.from(GRUB_CFG),
    [`${product}-base.squashfs`]: smallSquashfs(200_000),
    [`${product}-installer.squashfs`]: smallSquashfs(300_000),
    'proxmox/packages/hello_1.0_all.deb': Buffer.from('!<arch>\n'),
    'proxmox/country.dat': Buffer.from('{}\n'),
    'EFI/BOOT/BOOTX64.EFI': smallPe(options.isSigned ?? true),
    'efi.img': efi,
    EULA: Buffer.from('None.\n'),
    COPYING: Buffer.from('None.\n'),
  };
}

/** As the real menu has it: the automated entry is there when the mode file is. */
const GRUB_CFG = `set timeout_style=menu
if [ -f auto-installer-mode.toml ]; then
    menuentry 'Install (Automated)' {
        linux /boot/linux26 ro ramdisk_size=16777216 rw quiet splash=silent proxmox-start-auto-installer
        initrd /boot/initrd.img
    }
fi
menuentry 'Install (Graphical)' {
    linux /boot/linux26 ro ramdisk_size=16777216 rw quiet splash=silent
    initrd /boot/initrd.img
}
`;

/** What of the real /init the boot over the network rests on. */
const INIT = `#!/bin/sh
. /.cd-info
initrdisoimage="/proxmox.iso"
if [ -f $initrdisoimage ]; then
    mount -t iso9660 -o loop,ro $initrdisoimage /mnt
else
    reqid="$(cat /.pve-cd-id.txt)"
fi
mount -t squashfs -o ro,loop /mnt/pve-installer.squashfs /mnt/.installer
mount -t overlay -o lowerdir=/mnt/.installer:/mnt/.base,upperdir=/mnt/.workdir none /mnt/.installer-mp
exec switch_root /mnt/.installer-mp /sbin/unconfigured.sh
`;

/** An uncompressed archive. */
export function smallInitrd(options: InstallerIsoOptions = {}, init = INIT): Buffer {
  return cpio([
    { name: 'init', mode: 0o100755, content: Buffer.from(init) },
    { name: '.cd-info', mode: 0o100644, content: cdInfo(options) },
    { name: '.pve-cd-id.txt', mode: 0o100644, content: Buffer.from(`${CD_ID}\n`) },
  ]);
}

export interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** newc (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { name: 'TRAILER!!!', mode: 0, content: Buffer.alloc(0) }];
  const parts = all.flatMap(({ name, mode, content }, index) => {
    const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
    const head = `070701${fields.map((one) => one.toString(16).padStart(8, '0')).join('')}${name}\0`;
    return [pad4(Buffer.from(head, 'latin1')), pad4(content)];
  });
  return Buffer.concat(parts);
}

function pad4(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** Begins as a Linux kernel does (Documentation/arch/x86/boot.rst), with an EFI stub; it runs nowhere. */
export function smallKernel(version = '6.14.8-2-pve (build@host) #1 SMP', isSigned = true): Buffer {
  const kernel = Buffer.alloc(64 * 1024);
  smallPe(isSigned).copy(kernel);
  kernel.writeUInt16LE(0xaa55, 0x1fe);
  kernel.write('HdrS', 0x202, 'latin1');
  kernel.writeUInt16LE(0x020f, 0x206);
  kernel.writeUInt16LE(0x1000, 0x20e);
  kernel.write(`${version}\0`, 0x1200, 'latin1');
  return kernel;
}

/** The headers of a program for UEFI on x86-64, with or without a certificate table (PE format: optional header, data directories). */
export function smallPe(isSigned: boolean): Buffer {
  const bytes = Buffer.alloc(512);
  const pe = 0x80;
  bytes.write('MZ', 0, 'latin1');
  bytes.writeUInt32LE(pe, 0x3c);
  bytes.write('PE\0\0', pe, 'latin1');
  bytes.writeUInt16LE(0x8664, pe + 4);
  bytes.writeUInt16LE(0xf0, pe + 20);
  bytes.writeUInt16LE(0x20b, pe + 24);
  bytes.writeUInt32LE(16, pe + 24 + 108);
  if (isSigned) {
    bytes.writeUInt32LE(480, pe + 24 + 112 + 32);
    bytes.writeUInt32LE(32, pe + 24 + 112 + 36);
  }
  return bytes;
}

/** A super-block of version 4 with zstd, and then noise that does not repeat. */
export function smallSquashfs(bytes: number): Buffer {
  const image = Buffer.alloc(bytes);
  for (let at = 96, word = bytes; at + 4 <= bytes; at += 4) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    image.writeUInt32LE(word, at);
  }
  image.write('hsqs', 0, 'latin1');
  image.writeUInt16LE(6, 20);
  image.writeUInt16LE(4, 28);
  image.writeBigUInt64LE(BigInt(bytes), 40);
  return image;
}

async function efiImage(scratch: string, isSigned: boolean): Promise<string> {
  const image = join(scratch, 'efi.img');
  const program = join(scratch, 'program.efi');
  await writeFile(image, '');
  await truncate(image, 2_949_120);
  await writeFile(program, smallPe(isSigned));
  await tool('mkfs.vfat', ['-n', 'EFI', '-i', '12345678', image]);
  await tool('mmd', ['-i', image, '::EFI', '::EFI/BOOT']);
  for (const name of ['BOOTx64.EFI', 'grubx64.efi', 'mmx64.efi']) await tool('mcopy', ['-i', image, program, `::EFI/BOOT/${name}`]);
  return image;
}

async function put(target: string, content: Content): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await (typeof content === 'string' ? copyFile(content, target) : writeFile(target, content));
}
