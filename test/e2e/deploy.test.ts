// From a bare machine to a running Debian without a person: discovered, approved by rule, cleaned, written, started from its own disk, told of
// its first boot. Meanwhile the appliance is killed twice, and a cable is out for half a minute. Disks outside the plan stay as they are.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabConfig, type MachineSpec, renderLabConfig } from '../../src/lab/index.ts';
import { RackseedError, type RunResult, runProgram, systemClock } from '../../src/lib/index.ts';
import { type DebianImage, debianImage, GUEST_TOLD, GUEST_UP } from '../support/debian-image.ts';
import { blankDisk, MIB, mdMember, put, recorded, tool, zfsMember } from '../support/disk-images.ts';
import { killAppliance, setCable, standUp, type TestLab, tailOf, until, waitForText } from './lab.ts';
import { miniPc } from './machine.ts';

const LIMIT_MS = 15 * 60_000;
const CABLE_OUT_MS = 30_000;
const SIDE_DISK = 512 * MIB;
const GIB = 2 ** 30;

let lab: TestLab;
let scratch: string;
let image: DebianImage;
let bios: MachineSpec;
let uefi: MachineSpec;
const begun = systemClock.monotonic();
const times: string[] = [];

/** The image goes to the smallest disk that is large enough: the first one of each machine. */
const config = (one: LabConfig): string => `${renderLabConfig(one)}
[[profile]]
name = "debian"
os = "image"
image = "${image.path}"
first_boot = true

[[rule]]
name = "lab"
match = { manufacturer = "Rackseed", min_disks = 4 }
profile = "debian"
name_pattern = "debian{n}"
auto_approve = true
`;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rackseed-deploy-'));
  image = await debianImage();
  const disk = (name: string, bytes = SIDE_DISK): Promise<string> => blankDisk(join(scratch, name), bytes);
  const [zfs, files, spare, md, lvm, second] = [
    await disk('zfs'),
    await disk('files'),
    await disk('spare', 5 * GIB),
    await disk('md'),
    await disk('lvm'),
    await disk('second', 5 * GIB),
  ];
  await put(zfs, await zfsMember(0, SIDE_DISK));
  await tool('mkfs.ext4', ['-q', '-F', '-L', 'photos', '-d', new URL('../fixtures/disks', import.meta.url).pathname, files]);
  await put(md, mdMember('nas:backup'));
  await put(lvm, [{ at: 0, bytes: await recorded('lvm-pv') }]);
  const common = { cpus: 1, memoryMb: 1536, diskGb: 4 };
  bios = miniPc('bios', 1, {
    ...common,
    disks: [
      { bus: 'sata', file: zfs },
      { bus: 'sata', file: files },
      { bus: 'nvme', file: spare },
    ],
  });
  uefi = miniPc('uefi', 2, {
    ...common,
    memoryMb: 2048,
    diskBus: 'nvme',
    disks: [
      { bus: 'sata', file: md },
      { bus: 'sata', file: lvm },
      { bus: 'virtio', file: second },
    ],
  });
  lab = await standUp('deploy', { openEnrolment: false, config });
});
afterAll(async () => {
  process.stdout.write(`\nfrom power on, in seconds:\n${times.map((line) => `  ${line}\n`).join('')}`);
  await lab.client.close();
  await lab.end();
  await rm(scratch, { recursive: true });
});

function mark(what: string): void {
  times.push(`${((systemClock.monotonic() - begun) / 1000).toFixed(1).padStart(6)}  ${what}`);
}

interface FirstBoot {
  readonly from: string;
  readonly hostname: string;
  readonly ssh_host_keys: readonly string[];
}

interface Node {
  readonly uuid: string;
  readonly name: string | null;
  readonly provision_state: string;
  readonly last_error: string | null;
  readonly driver_internal_info: { readonly first_boot?: FirstBoot };
}

interface Task {
  readonly progressText: string | null;
}

const IRONIC = { 'x-openstack-ironic-api-version': '1.90' };

async function nodeOf({ mac }: MachineSpec): Promise<Node | undefined> {
  const { ports } = (await lab.client.get(`/v1/ports?address=${mac}&fields=node_uuid`, IRONIC)) as { ports: { node_uuid: string }[] };
  const [port] = ports;
  return port && ((await lab.client.get(`/v1/nodes/${port.node_uuid}`, IRONIC)) as Node); // the API's own form
}

/** The appliance is away now and then. */
async function perhaps<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof RackseedError && thrown.code === 'cli.no_appliance') return undefined;
    throw thrown;
  }
}

/** Fails at once when the machine has failed. */
async function inState(spec: MachineSpec, states: readonly string[]): Promise<Node> {
  const look = async (): Promise<Node | undefined> => {
    const node = await perhaps(nodeOf(spec));
    if (node?.provision_state.includes('failed') === true) throw await trouble(spec, `${node.provision_state}: ${node.last_error}`);
    return node !== undefined && states.includes(node.provision_state) ? node : undefined;
  };
  try {
    return await until(`${spec.name} in ${states.join(' or ')}`, look, LIMIT_MS);
  } catch (thrown) {
    throw thrown instanceof Error ? await trouble(spec, thrown.message) : thrown;
  }
}

async function trouble({ name }: MachineSpec, what: string): Promise<Error> {
  const directory = join(lab.lab.connection.dataDir, '..');
  const [said, shown] = [await tailOf(join(directory, 'appliance.log'), 30), await tailOf(join(directory, `${name}.serial.log`), 30)];
  return new Error(`${name}: ${what}\nThe appliance said last:\n${said}\nIts console said last:\n${shown}`);
}

/** Kills the appliance while the machine is in one of these states, and starts it again. */
async function killIn(spec: MachineSpec, states: readonly string[], what: string): Promise<void> {
  await killAppliance(lab);
  mark(`the appliance is killed: ${spec.name} ${what}`);
  await lab.lab.startAppliance();
  expect(states).toContain((await nodeOf(spec))?.provision_state);
}

const CLEANING = ['cleaning', 'clean wait'];
const DEPLOYING = ['deploying', 'wait call-back'];

/** Waits until the image is on its way to the disk. */
async function writing(spec: MachineSpec): Promise<void> {
  const { uuid } = await inState(spec, DEPLOYING);
  const look = async (): Promise<true | undefined> => {
    const { tasks = [] } = ((await perhaps(lab.client.get(`/api/tasks?node=${uuid}`))) ?? {}) as { tasks?: Task[] }; // the API's own form
    return tasks.some(({ progressText }) => /^[1-9]\d* of \d+ MiB/.test(progressText ?? '')) || undefined;
  };
  await until(`image on its way to ${spec.name}`, look, LIMIT_MS);
}

/**
 * Starts it again when it has restarted itself: a new process, since QEMU's emulation takes minutes to overwrite memory in which the last
 * kernel's code was.
 */
async function goOnAfterRestart({ name, ...spec }: MachineSpec, disk: string): Promise<void> {
  const ended = async (): Promise<true | undefined> => {
    const { processes } = await lab.lab.status();
    return processes.some(({ role, running }) => role === `machine-${name}` && !running) || undefined;
  };
  await until(`restart of ${name}`, ended, LIMIT_MS);
  mark(`${name} restarts`);
  await lab.lab.stopMachine(name);
  await lab.lab.startMachine({ name, ...spec, ownDisk: disk });
}

/** From the appliance's side of the lab's network. */
async function ssh({ driver_internal_info: info }: Node, command: string): Promise<RunResult> {
  const { from = '', ssh_host_keys: keys = [] } = info.first_boot ?? {};
  const known = join(scratch, `known-${from}`);
  await writeFile(known, keys.map((key) => `${from} ${key}\n`).join(''));
  const door = ['-i', image.keyFile, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=60'];
  const host = ['-o', `UserKnownHostsFile=${known}`, '-o', 'StrictHostKeyChecking=yes'];
  const args = ['netns', 'exec', lab.lab.network.namespace, 'ssh', '-F', 'none', ...door, ...host, `root@${from}`, command];
  return runProgram('ip', args, { timeoutMs: 120_000 });
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MIB }) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

/** Large disks here are empty, so that any byte written to one shows in its blocks. */
async function stateOf(specs: readonly MachineSpec[]): Promise<readonly string[]> {
  const files = specs.flatMap(({ disks = [] }) => disks.map(({ file }) => file));
  return Promise.all(files.map(async (file) => ((await stat(file)).size > GIB ? `${(await stat(file)).blocks}` : digestOf(file))));
}

describe('two machines with four disks each that a rule takes in', () => {
  it('come to run Debian from their own disks, through two kills and a pulled cable', { timeout: 2 * LIMIT_MS }, async () => {
    const before = await stateOf([bios, uefi]);
    const [onBios, onUefi] = [await lab.lab.startMachine(bios), await lab.lab.startMachine(uefi)];
    const [biosLog, uefiLog] = [onBios.serialLog, onUefi.serialLog];
    mark('power on');

    const withoutCable = async (): Promise<void> => {
      await writing(bios);
      mark('the cable of the BIOS machine is out');
      await setCable(lab, bios.tap, 'down');
      await systemClock.sleep(CABLE_OUT_MS); // what is tested is this half minute
      await setCable(lab, bios.tap, 'up');
      mark('the cable is in again');
    };
    const killed = async (): Promise<void> => {
      await waitForText(uefiLog, 'Order from the appliance: Erase', LIMIT_MS);
      await killIn(uefi, CLEANING, 'is being cleaned');
      await writing(uefi);
      await killIn(uefi, DEPLOYING, 'is being written');
    };
    const active = async (spec: MachineSpec): Promise<Node> => {
      const node = await inState(spec, ['active']);
      mark(`${spec.name} is active`);
      return node;
    };
    const restarts = Promise.all([goOnAfterRestart(bios, onBios.disk), goOnAfterRestart(uefi, onUefi.disk)]);
    const [, , , biosNode, uefiNode] = await Promise.all([restarts, withoutCable(), killed(), active(bios), active(uefi)]);

    for (const [node, log] of [
      [biosNode, biosLog],
      [uefiNode, uefiLog],
    ] as const) {
      await waitForText(log, GUEST_TOLD, LIMIT_MS);
      expect(await readFile(log, 'utf8')).toContain(`${GUEST_UP}${node.name}`);
      expect(node.name).toMatch(/^debian\d$/);
      expect(node.driver_internal_info.first_boot).toMatchObject({
        hostname: node.name,
        ssh_host_keys: [expect.stringContaining('ed25519')],
      });
      const inside = await ssh(
        node,
        'busybox hostname; df -m / | busybox tail -n 1; [ -d /sys/firmware/efi ] && echo by UEFI || echo by BIOS',
      );
      expect(inside).toMatchObject({ code: 0 });
      const [hostname, root = '', firmware] = inside.stdout.trim().split('\n');
      expect(hostname).toBe(node.name);
      expect(firmware).toBe(node === uefiNode ? 'by UEFI' : 'by BIOS');
      expect(root).toContain(node === uefiNode ? '/dev/nvme0n1p3' : '/dev/vda3');
      expect(Number(root.split(/\s+/)[1])).toBeGreaterThan(3500); // MiB: it was grown with the disk
    }
    expect(await stateOf([bios, uefi])).toEqual(before);
    mark('all looked at');
  });
});
