// Boots the RAM system straight from its kernel and initrd in a virtual machine without KVM, against a stand-in appliance on loopback.
// Network boot is not part of this: see the lab's own test.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARTEFACT_NAMES, type Artefacts, ensureArtefacts } from '../../images/index.ts';
import type { Answer, Command } from '../../src/inspect/protocol.ts';
import { runProgram } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { blankDisk, put, recorded, zfsMember } from '../support/disk-images.ts';
import { STAND_IN_NODE, type StandIn, startStandIn } from './agent-stand-in.ts';

const MAC = '52:54:00:12:34:56';
const UUID = 'a1b2c3d4-1122-3344-5566-77889900aabb';
const DISK_BYTES = 2 * 2 ** 30;
const BOOT_TIMEOUT_MS = 8 * 60_000;
const SERIAL_LOGS = new URL('../../.artefacts/agent-boot/', import.meta.url).pathname;

let artefacts: Artefacts;
let directory: string;
const machines: ChildProcess[] = [];
const standIns: StandIn[] = [];

beforeAll(async () => {
  const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rackseed');
  artefacts = await ensureArtefacts({ cacheDir, run: runProgram, log: (line) => void process.stdout.write(`${line}\n`) });
  directory = await mkdtemp(join(tmpdir(), 'rackseed-agent-boot-'));
  await mkdir(SERIAL_LOGS, { recursive: true });
});

afterAll(async () => {
  for (const machine of machines) machine.kill('SIGKILL');
  for (const standIn of standIns) await standIn.stop();
  await rm(directory, { recursive: true, force: true });
});

function pathOf(name: string): string {
  const found = artefacts.files.find((file) => file.name === name);
  if (found === undefined) throw new Error(`no artefact ${name}`);
  return found.path;
}

async function disk(name: string, pieces: Parameters<typeof put>[1] = []): Promise<string> {
  const path = await blankDisk(join(directory, name), DISK_BYTES);
  await put(path, pieces);
  return `if=none,id=${name},file=${path},format=raw,file.locking=off`;
}

interface Machine {
  /** Everything the serial console said. */
  readonly serial: () => string;
  /** Resolves with the milliseconds since power-on at which the console said the words. */
  readonly says: (words: string) => Promise<number>;
  readonly process: ChildProcess;
}

function powerOn(
  name: string,
  standIn: StandIn,
  args: readonly (readonly string[])[],
  initrd: string = pathOf(ARTEFACT_NAMES.initrd),
): Machine {
  const words = `rackseed.url=https://10.0.2.2:${standIn.port} rackseed.fp=${standIn.fingerprint} rackseed.secret=${standIn.secret} rackseed.mac=${MAC}`;
  const begun = performance.now();
  const common = [
    ['-accel', 'tcg', '-machine', 'q35', '-cpu', 'max', '-smp', '2', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
    ['-uuid', UUID, '-smbios', 'type=1,manufacturer=Acme,product=Mini 3000,serial=SN-0042'],
    ['-kernel', pathOf(ARTEFACT_NAMES.kernel), '-initrd', initrd],
    ['-append', `console=tty0 console=ttyS0,115200 quiet ${words}`],
    ['-netdev', 'user,id=n0,ipv6=off', '-device', `virtio-net-pci,netdev=n0,mac=${MAC},romfile=`, '-device', 'virtio-rng-pci'],
  ];
  const machine = spawn('qemu-system-x86_64', [...common, ...args].flat(), { stdio: ['ignore', 'pipe', 'pipe'] });
  machines.push(machine);
  const log = createWriteStream(join(SERIAL_LOGS, `${name}.serial.log`));
  let text = '';
  const listeners = new Set<() => void>();
  const hear = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
    log.write(chunk);
    for (const listener of listeners) listener();
  };
  machine.stdout.on('data', hear);
  machine.stderr.on('data', hear);
  const says = (wanted: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (text.includes(wanted)) resolve(performance.now() - begun);
      };
      listeners.add(look);
      machine.once('error', reject);
      machine.once('close', (code) =>
        reject(new Error(`the machine ended (code ${code}) without saying "${wanted}"; it said:\n${text.slice(-2000)}`)),
      );
      AbortSignal.timeout(BOOT_TIMEOUT_MS).addEventListener('abort', () =>
        reject(new Error(`never said "${wanted}"; it said:\n${text.slice(-2000)}`)),
      );
      look();
    });
  return { serial: () => text, says, process: machine };
}

describe('the RAM system', () => {
  it('boots in 1 GB, finds every disk and port, reports them over pinned TLS, and keeps beating', async () => {
    const standIn = await startStandIn(1);
    standIns.push(standIn);
    const machine = powerOn('discover', standIn, [
      ['-m', '1024', '-netdev', 'user,id=n1,ipv6=off,net=10.0.3.0/24', '-device', 'e1000e,netdev=n1,mac=52:54:00:12:34:57,romfile='],
      ['-drive', await disk('virtio'), '-device', 'virtio-blk-pci,drive=virtio,serial=VIRT-0001'],
      [
        '-drive',
        await disk('sata', [{ at: 0, bytes: await recorded('lvm-pv') }]),
        '-device',
        'ide-hd,drive=sata,bus=ide.1,serial=ATA-0002,wwn=0x5000c50012345678',
      ],
      ['-drive', await disk('nvme', await zfsMember(0, DISK_BYTES)), '-device', 'nvme,drive=nvme,serial=NVME-0003'],
    ]);
    const initMs = await machine.says('RACKSEED-MARK init');
    await machine.says(`RACKSEED discovered: node ${STAND_IN_NODE.uuid}`);
    const heartbeatMs = await machine.says('RACKSEED-MARK heartbeat');
    process.stdout.write(
      `power-on to init ${(initMs / 1000).toFixed(1)} s, to first heartbeat ${(heartbeatMs / 1000).toFixed(1)} s (no KVM)\n`,
    );

    const [report] = standIn.inventories;
    expect(report?.pluginData.gaps).toEqual([]);
    expect(report?.inventory).toMatchObject({
      cpu: { count: 2, architecture: 'x86_64' },
      memory: { physical_mb: 1024 },
      system_vendor: { manufacturer: 'Acme', product_name: 'Mini 3000', serial_number: 'SN-0042', uuid: UUID },
      boot: { current_boot_mode: 'bios', pxe_interface: MAC },
    });
    const found = report?.inventory.disks.map(({ serial, size, transport }) => ({ serial, size, transport }));
    expect(found).toEqual(
      expect.arrayContaining([
        { serial: 'VIRT-0001', size: DISK_BYTES, transport: 'virtio' },
        { serial: 'ATA-0002', size: DISK_BYTES, transport: 'sata' },
        { serial: 'NVME-0003', size: DISK_BYTES, transport: 'nvme' },
      ]),
    );
    expect(found).toHaveLength(3);
    expect(report?.inventory.interfaces.map((port) => [port.mac_address, port.driver])).toEqual(
      expect.arrayContaining([
        [MAC, 'virtio_net'],
        ['52:54:00:12:34:57', 'e1000e'],
      ]),
    );
    expect(standIn.lookups[0]).toMatchObject({ smbiosUuid: UUID });

    expect(report?.pluginData.disk_contents?.map(({ serial, isBlank, system, unread }) => ({ serial, isBlank, system, unread }))).toEqual(
      expect.arrayContaining([
        { serial: 'VIRT-0001', isBlank: true, system: null, unread: null },
        { serial: 'ATA-0002', isBlank: false, system: 'Proxmox VE on LVM group pve', unread: null },
        { serial: 'NVME-0003', isBlank: false, system: containing('ZFS pool rpool of host vm'), unread: null },
      ]),
    );

    const answered = async (command: Command): Promise<unknown> => {
      const isIt = (answer: Answer): boolean => answer.commandId === command.id;
      standIn.command(command);
      await standIn.until(`an answer to ${command.name}`, ({ answers }) => answers.some(isIt), AbortSignal.timeout(240_000));
      return standIn.answers.find(isIt);
    };
    expect(await answered({ id: 'c1', name: 'dance' })).toMatchObject({ outcome: 'refused' });
    expect(await answered({ id: 'c2', name: 'inventory' })).toMatchObject({ outcome: 'done' });
    expect(standIn.inventories).toHaveLength(2);
    expect(standIn.inventories[1]?.pluginData.disk_contents).toEqual(report?.pluginData.disk_contents);
    expect(machine.serial()).not.toContain(standIn.secret);

    // QEMU runs with -no-reboot: it ends where a machine would restart.
    const ended = once(machine.process, 'exit', { signal: AbortSignal.timeout(240_000) });
    expect(await answered({ id: 'c3', name: 'reboot' })).toMatchObject({ outcome: 'done' });
    expect(await ended).toEqual([0, null]);
  });

  it('says on the screen when the machine has too little memory to unpack it', async () => {
    const standIn = await startStandIn(1);
    standIns.push(standIn);
    const machine = powerOn('too-small', standIn, [['-m', '300']]);
    await machine.says('memory is too small for the discovery system');
    expect(machine.serial()).toContain('RACKSEED-MARK truncated');
  });

  it('says on the screen when it did not arrive whole', async () => {
    const standIn = await startStandIn(1);
    standIns.push(standIn);
    const cut = join(directory, 'cut-initrd');
    await copyFile(pathOf(ARTEFACT_NAMES.initrd), cut);
    await truncate(cut, (await stat(cut)).size - 1000);
    const machine = powerOn('cut-off', standIn, [['-m', '1024']], cut);
    await machine.says('did not arrive whole');
    expect(machine.serial()).toContain('RACKSEED-MARK truncated');
  });

  it('starts an agent that ends again, less and less often, and shows its last words', async () => {
    const standIn = await startStandIn(1);
    standIns.push(standIn);
    const broken = join(directory, 'broken-initrd');
    await copyFile(pathOf(ARTEFACT_NAMES.initrd), broken);
    await writeFile(join(directory, 'agent.mjs'), `throw new Error('no such luck');\n`);
    const member = join(directory, 'agent-member');
    const env = { ...process.env, TMP: join(directory, 'recipe') };
    const recipe = fileURLToPath(new URL('../../images/agent/recipe.sh', import.meta.url));
    const packed = await runProgram(recipe, ['agent', join(directory, 'agent.mjs'), 'broken', member], { env });
    expect(packed).toMatchObject({ code: 0 });
    // A later member's file takes the place of one of the same name.
    await appendFile(broken, await readFile(member));
    const machine = powerOn('broken', standIn, [['-m', '1024']], broken);
    for (const seconds of [1, 2, 4]) await machine.says(`The agent ended (code 1). It starts again in ${seconds} s.`);
    expect(machine.serial()).toContain('no such luck');
    expect(machine.serial().split('RACKSEED-MARK agent-ended code=1')).toHaveLength(4);
  });
});
