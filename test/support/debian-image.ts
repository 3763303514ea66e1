// A small Debian as a disk image, for machines that are deployed with it: it boots by BIOS and by UEFI from virtio and NVMe disks, reads its
// config drive, tells of its first boot and runs an SSH server. Made once of Debian's packages (guest/make.sh) and kept in the cache.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { tool } from './disk-images.ts';

export interface DebianImage {
  /** Raw, 160 MiB. */
  readonly path: string;
  /** The secret key that root's door opens to. */
  readonly keyFile: string;
}

/** What the machine's console says when it is up, before its host name. */
export const GUEST_UP = 'GUEST up: ';
export const GUEST_TOLD = 'GUEST told of its first boot';

const RECIPE = new URL('guest/', import.meta.url).pathname;
/** The kernel of this suite is one that QEMU's software emulation runs without a fault. */
const SUITE = 'bookworm';
const PACKAGES = `linux-image-cloud-amd64 busybox-static dash coreutils grep sed hostname libc-bin openssh-server passwd login curl
  grub-common grub-pc-bin grub-efi-amd64-bin`.split(/\s+/);

/** Needs root (chroot for GRUB's own tool), mmdebstrap, cpio, gdisk, mtools and e2fsprogs. */
export async function debianImage(): Promise<DebianImage> {
  const keyFile = await cached({ kind: 'guests', name: 'key', recipe: ['ed25519'], suffix: '' }, async (target) => {
    await tool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'rackseed test', '-f', target]);
  });
  const publicKey = await tool('ssh-keygen', ['-y', '-f', keyFile]);
  const packages = await debianPackages();
  const recipe = [packages, publicKey, await digestOf(RECIPE)];
  const path = await cached({ kind: 'guests', name: 'debian', recipe, suffix: '.img' }, (target) => make(packages, publicKey, target));
  return { path, keyFile };
}

/** Its packages unpacked, as a tar file: a kernel with its modules, a static busybox. */
export function debianPackages(): Promise<string> {
  const words = ['--variant=extract', `--include=${PACKAGES.join(',')}`, SUITE];
  return cached({ kind: 'chroots', name: `${SUITE}-guest`, recipe: words, suffix: '.tar' }, async (target) => {
    await tool('mmdebstrap', ['--quiet', '--format=tar', ...words, target]);
  });
}

async function make(packages: string, publicKey: string, target: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-guest-'));
  try {
    const tree = join(scratch, 'tree');
    await mkdir(tree);
    await tool('tar', ['--extract', '--numeric-owner', '--file', packages, '--directory', tree]);
    await tool('sh', [join(RECIPE, 'make.sh'), tree, target], publicKey);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function digestOf(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted())
    hash
      .update(`${file.slice(directory.length)}\0`)
      .update(await readFile(file))
      .update('\0');
  return hash.digest('hex');
}
