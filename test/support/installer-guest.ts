// A virtual machine that an installer ISO is tried on, without an appliance: started by its kernel and two initrds as iPXE does it, and
// afterwards from its own disks. QEMU's own network stack is its only neighbour; the host is 10.0.2.2 there.

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Firmware, firmwareArguments, VARS_TEMPLATES } from '../../src/lab/firmware.ts';
import { systemClock } from '../../src/lib/index.ts';
import { tool } from './disk-images.ts';
import { cpio } from './installer-iso.ts';

/** The host, as the guest sees it. */
export const HOST = '10.0.2.2';

export interface GuestOptions {
  readonly directory: string;
  readonly firmware: Extract<Firmware, 'bios' | 'uefi'>;
  /** Raw images; virtio, unless their name ends in .nvme. */
  readonly disks: readonly string[];
  /** Where the host listens for the guest's SSH. */
  readonly sshPort: number;
}

export interface Guest {
  readonly console: () => Promise<string>;
  /** Loads kernel, initrd and ISO into RAM, with these words for the kernel. */
  bootInstaller(iso: string, words?: string): Promise<void>;
  bootDisk(): Promise<void>;
  /** Waits until the console says it; fails when the machine ends before, or the installer gives up. */
  says(text: string | RegExp, limitMs?: number): Promise<void>;
  /** Waits until it has switched itself off or restarted. */
  ended(limitMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const LIMIT_MS = 5 * 60_000;
const LOOK_MS = 200;
const WORDS = 'ramdisk_size=16777216 rw quiet splash=silent console=ttyS0,115200 proxmox-start-auto-installer';

export async function createGuest({ directory, firmware, disks, sshPort }: GuestOptions): Promise<Guest> {
  const log = join(directory, 'console.log');
  const vars = join(directory, 'vars.fd');
  const template = VARS_TEMPLATES[firmware];
  if (template !== null) await copyFile(template, vars);
  await writeFile(log, '');
  let running: { readonly child: ChildProcess; readonly gone: Promise<unknown> } | undefined;
  const start = (more: readonly string[]): void => {
    const child = spawn('qemu-system-x86_64', [...common(firmware, vars, log), ...diskWords(disks), ...netWords(sshPort), ...more], {
      stdio: 'ignore',
    });
    running = { child, gone: new Promise((resolve) => child.once('exit', resolve)) };
  };
  const isOver = (): boolean => running === undefined || running.child.exitCode !== null || running.child.signalCode !== null;
  const said = (): Promise<string> => readFile(log, 'utf8');
  const until = async (what: string, holds: () => boolean | Promise<boolean>, limitMs: number): Promise<void> => {
    const end = systemClock.monotonic() + limitMs;
    for (;;) {
      const isLast = isOver() || systemClock.monotonic() > end || (await said()).includes(': FAILED ');
      if (await holds()) return;
      if (isLast) throw new Error(`no ${what}; the console said:\n${(await said()).slice(-4000)}`);
      await systemClock.sleep(LOOK_MS);
    }
  };
  return {
    console: said,
    async bootInstaller(iso, words = WORDS) {
      const { kernel, initrd } = await takeApart(iso, directory);
      start(['-kernel', kernel, '-initrd', initrd, '-append', words]);
    },
    bootDisk: async () => start([]),
    says: (text, limitMs = LIMIT_MS) =>
      until(String(text), async () => (typeof text === 'string' ? (await said()).includes(text) : text.test(await said())), limitMs),
    ended: (limitMs = LIMIT_MS) => until('end', isOver, limitMs),
    async stop() {
      running?.child.kill('SIGKILL');
      await running?.gone;
    },
  };
}

function common(firmware: Firmware, vars: string, log: string): readonly string[] {
  const machine = ['-accel', 'tcg', '-cpu', 'max', '-smp', '2', '-m', '2048', '-nodefaults', '-no-reboot', '-display', 'none'];
  const serial = ['-chardev', `file,id=serial,path=${log},append=on`, '-serial', 'chardev:serial', '-device', 'virtio-rng-pci'];
  const smbios = ['-uuid', '4c4c4544-0042-3510-8051-b4c04f4d3201', '-smbios', 'type=1,manufacturer=Rackseed,product=Guest,serial=GUEST-1'];
  return [...machine, ...serial, ...smbios, ...firmwareArguments(firmware, vars).flat()];
}

function diskWords(disks: readonly string[]): readonly string[] {
  return disks.flatMap((file, index) => {
    const device = file.endsWith('.nvme') ? 'nvme' : 'virtio-blk-pci';
    const drive = `if=none,id=disk${index},file=${file},format=raw,cache=unsafe,discard=unmap`;
    return ['-drive', drive, '-device', `${device},drive=disk${index},serial=GUEST-DISK-${index},bootindex=${index + 1}`];
  });
}

function netWords(sshPort: number): readonly string[] {
  return [
    '-netdev',
    `user,id=net0,hostfwd=tcp:127.0.0.1:${sshPort}-:22`,
    '-device',
    'virtio-net-pci,netdev=net0,mac=52:54:00:ab:0d:01,romfile=',
  ];
}

/** The initrd as the kernel gets it: the ISO's own, and behind it the ISO as a file. */
async function takeApart(iso: string, directory: string): Promise<{ readonly kernel: string; readonly initrd: string }> {
  const [kernel, first, initrd] = [join(directory, 'linux26'), join(directory, 'first.img'), join(directory, 'initrd.img')];
  const copy = ['-extract', '/boot/linux26', kernel, '-extract', '/boot/initrd.img', first];
  await tool('rm', ['-f', kernel, first]);
  await tool('xorriso', ['-osirrox', 'on', '-indev', iso, ...copy]);
  const second = cpio([{ name: 'proxmox.iso', mode: 0o100644, content: await readFile(iso) }]);
  const own = await readFile(first);
  await writeFile(initrd, Buffer.concat([own, Buffer.alloc((4 - (own.length % 4)) % 4), second]));
  return { kernel, initrd };
}
