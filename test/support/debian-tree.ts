// Root on a small Debian of its own, by a real OpenSSH server that changes its root into it: the programs there are real, the kernel is ours.
// For steps that work on files and packages; nothing there may touch devices or the network.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, Secret, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { type OpenedShell, openShell } from '../../src/proxmox/index.ts';
import { startRootSshd } from '../interop/root-shell/sshd.ts';
import { cached } from './cache.ts';
import { tool } from './disk-images.ts';

/** Busy machines take three minutes. */
const MAKE_MS = 540_000;

export interface DebianTree {
  readonly shell: OpenedShell;
  readonly root: string;
  close(): Promise<void>;
}

/** Needs root and mmdebstrap. `namespace`: commands run in that network namespace, with its own /sys and /proc. */
export async function debianTree(suite: string, packages: readonly string[], namespace?: string): Promise<DebianTree> {
  const words = ['--variant=apt', `--include=${packages.join(',')}`, suite];
  const tar = await cached({ kind: 'chroots', name: `${suite}-steps`, recipe: words, suffix: '.tar' }, async (target) => {
    const { code, stderr } = await runProgram('mmdebstrap', ['--quiet', '--format=tar', ...words, target], { timeoutMs: MAKE_MS });
    if (code !== 0) throw new Error(`mmdebstrap ended with code ${code}: ${stderr}`);
  });
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-tree-'));
  const root = join(scratch, 'root');
  await mkdir(root, { mode: 0o755 });
  await tool('tar', ['--extract', '--numeric-owner', '--file', tar, '--directory', root]);
  // ChrootDirectory would ask that nobody else may write above it, as everybody may in /tmp.
  const enter = join(scratch, 'enter');
  const mounts = `mount -t sysfs sysfs ${root}/sys; mount -t proc proc ${root}/proc; `;
  const inside = `${namespace === undefined ? '' : mounts}exec chroot ${root} sh -c "$SSH_ORIGINAL_COMMAND"`;
  await writeFile(enter, `#!/bin/sh\n${namespace === undefined ? inside : `exec ip netns exec ${namespace} sh -c '${inside}'`}\n`, {
    mode: 0o755,
  });
  const sshd = await startRootSshd(`ForceCommand ${enter}`);
  const shell = await openShell({
    address: '127.0.0.1',
    port: sshd.port,
    hostKeys: [sshd.hostKeys.ed25519],
    key: () => Promise.resolve(new Secret(sshd.privateKey)),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: new AbortController().signal,
  });
  return {
    shell,
    root,
    close: async () => {
      await shell.close();
      await sshd.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
