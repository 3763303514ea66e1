// Linux's own reader of ISO images: a machine without disks whose initrd holds the images, as an installer's does. It mounts each through a
// loop device and says the SHA-256 of every file on its serial line.

import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runProgram } from '../../../src/lib/index.ts';
import { debianPackages } from '../../support/debian-image.ts';
import { tool } from '../../support/disk-images.ts';
import type { Contents } from './readers.ts';

/** What Linux prefers, what is left without Rock Ridge, and the names of the standard. */
export const MOUNT_OPTIONS = ['ro', 'ro,norock', 'ro,norock,nojoliet'] as const;

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /mnt /usr/bin
/bin/busybox --install -s /usr/bin
export PATH=/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in cdrom isofs loop; do insmod /modules/$module.ko; done
for iso in /images/*.iso; do
  for options in ${MOUNT_OPTIONS.join(' ')}; do
    echo "MOUNT $(basename "$iso") $options"
    mount -t iso9660 -o "loop,$options" "$iso" /mnt || echo "FAILED"
    cd /mnt
    find . -type f | while read -r file; do echo "FILE $(sha256sum "$file")"; done
    cd /
    umount /mnt
  done
done
echo 'MOUNTED ALL'
poweroff -f
`;

/** By the image's name and the options. Resolves when the machine has gone. */
export async function mountInLinux(images: readonly string[], limitMs: number): Promise<ReadonlyMap<string, Contents>> {
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-iso-guest-'));
  try {
    const kernel = await makeRoot(scratch, images);
    const initrd = join(scratch, 'initrd');
    await tool('sh', ['-c', 'cd "$1" && find . | cpio --quiet -o -H newc --owner 0:0 >"$2"', 'pack', join(scratch, 'root'), initrd]);
    return said(await boot(kernel, initrd, limitMs));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Returns the kernel's path. */
async function makeRoot(scratch: string, images: readonly string[]): Promise<string> {
  const [tree, root] = [join(scratch, 'tree'), join(scratch, 'root')];
  for (const path of [tree, join(root, 'bin'), join(root, 'modules'), join(root, 'images')]) await mkdir(path, { recursive: true });
  const wanted = ['./boot/vmlinuz-*', '*/busybox', '*/drivers/block/loop.ko', '*/cdrom/cdrom.ko', '*/isofs/isofs.ko'];
  await tool('tar', ['--extract', '--file', await debianPackages(), '--directory', tree, '--wildcards', ...wanted]);
  const found = async (name: string, kind = 'f'): Promise<string> => {
    const path = (await tool('find', [tree, '-type', kind, '-name', name])).split('\n')[0] ?? '';
    if (path === '') throw new Error(`the packages have no ${name}`);
    return path;
  };
  for (const module of ['loop', 'cdrom', 'isofs']) await copyFile(await found(`${module}.ko`), join(root, 'modules', `${module}.ko`));
  await copyFile(await busybox(tree), join(root, 'bin/busybox'));
  for (const image of images) await copyFile(image, join(root, 'images', basename(image)));
  await writeFile(join(root, 'init'), INIT);
  for (const path of ['init', 'bin/busybox']) await chmod(join(root, path), 0o755);
  await rename(await found('vmlinuz-*'), join(scratch, 'kernel'));
  return join(scratch, 'kernel');
}

async function busybox(tree: string): Promise<string> {
  const all = (await tool('find', [tree, '-type', 'f', '-name', 'busybox', '-size', '+500k'])).split('\n');
  if (all[0] === undefined || all[0] === '') throw new Error('the packages have no busybox');
  return all[0];
}

async function boot(kernel: string, initrd: string, limitMs: number): Promise<string> {
  const args = [
    ['-accel', 'tcg', '-machine', 'q35', '-cpu', 'max', '-smp', '1', '-m', '512', '-nodefaults', '-display', 'none', '-no-reboot'],
    ['-serial', 'stdio', '-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0,115200 quiet panic=-1'],
  ].flat();
  const { stdout, stderr } = await runProgram('qemu-system-x86_64', args, { timeoutMs: limitMs });
  if (!stdout.includes('MOUNTED ALL')) throw new Error(`the machine did not mount all; it said:\n${stdout.slice(-3000)}${stderr}`);
  return stdout;
}

function said(text: string): ReadonlyMap<string, Contents> {
  const mounts = new Map<string, Record<string, string>>();
  let current: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const [, mount] = /^MOUNT (.*)$/.exec(line) ?? [];
    const [, hash, name] = /^FILE ([0-9a-f]{64}) +\.\/(.*)$/.exec(line) ?? [];
    if (mount !== undefined) {
      current = {};
      mounts.set(mount, current);
    } else if (hash !== undefined && name !== undefined) current[name] = hash;
    else if (line.startsWith('FAILED')) throw new Error(`an image can not be mounted:\n${text.slice(-3000)}`);
  }
  return mounts;
}
