// From a bare machine to an installed one without a person, by an unattended installer over the network: discovered, approved by rule, cleaned,
// stamped, started with the installer's kernel, initrd and ISO, answered, installed, started from its own disks, signed in to with the host
// keys that the installer told of. Meanwhile the appliance is killed twice.
// The installer is the stand-in (test/sim/installer), or a real ISO (RACKSEED_TEST_ISO).

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabConfig, type MachineDisk, type MachineSpec, renderLabConfig } from '../../src/lab/index.ts';
import { RackseedError, type RunResult, runProgram, systemClock } from '../../src/lib/index.ts';
import { standInIso } from '../sim/installer/iso/build.ts';
import { blankDisk, MIB, put, tool, zfsMember } from '../support/disk-images.ts';
import { killAppliance, standUp, type TestLab, tailOf, until, waitForText } from './lab.ts';
import { miniPc } from './machine.ts';

const { RACKSEED_TEST_ISO: realIso, RACKSEED_TEST_ISO_MEMORY_MB: realMemory = '12288' } = process.env;
const LIMIT_MS = (realIso === undefined ? 15 : 60) * 60_000;
const MEMORY_MB = realIso === undefined ? 2048 : Number(realMemory);
const GIB = 2 ** 30;
const SIDE_DISK = 512 * MIB;

let lab: TestLab;
let scratch: string;
let keyFile: string;
let publicKey: string;
let bios: MachineSpec;
let uefi: MachineSpec;
const begun = systemClock.monotonic();
const times: string[] = [];

/** The mirror goes to the two large disks; the third one of each machine holds what others may miss. */
const config = (one: LabConfig): string => `${renderLabConfig(one)}
[lifecycle]
clean = "metadata"

[install]
domain = "lab.example.org"
root_keys = [${JSON.stringify(publicKey)}]
console = "ttyS0,115200"
min_memory_mb = ${realIso === undefined ? 1024 : 0}

[[cluster]]
name = "lab"
addresses = { network = "10.77.0.0/24", first = "10.77.0.50", last = "10.77.0.60", gateway = "10.77.0.1" }

[[profile]]
name = "pve"
os = "proxmox"
answer_template = "zfs-mirror"
cluster = "lab"
system_disks = { min_gb = 9 }

[[rule]]
name = "lab"
match = { manufacturer = "Rackseed", min_disks = 3 }
profile = "pve"
name_pattern = "pve{n}"
auto_approve = true
`;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rackseed-install-'));
  keyFile = join(scratch, 'id');
  await tool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', keyFile]);
  publicKey = (await readFile(`${keyFile}.pub`, 'utf8')).trim();
  const iso = realIso ?? (await standInIso());
  const disk = (name: string, bytes = SIDE_DISK): Promise<string> => blankDisk(join(scratch, name), bytes);
  const [files, zfs, biosSecond, uefiSecond] = [
    await disk('files'),
    await disk('zfs'),
    await disk('b2', 10 * GIB),
    await disk('u2', 10 * GIB),
  ];
  await tool('mkfs.ext4', ['-q', '-F', '-L', 'photos', '-d', new URL('../fixtures/disks', import.meta.url).pathname, files]);
  await put(zfs, await zfsMember(0, SIDE_DISK, 'tanks'));
  const common = { cpus: 1, memoryMb: MEMORY_MB, diskGb: 10 };
  const side = (bus: 'virtio' | 'nvme', second: string, third: string): readonly MachineDisk[] => [
    { bus, file: second },
    { bus: 'sata', file: third },
  ];
  bios = miniPc('bios', 1, { ...common, disks: side('virtio', biosSecond, files) });
  uefi = miniPc('uefi', 2, { ...common, diskBus: 'nvme', disks: side('nvme', uefiSecond, zfs) });
  lab = await standUp('install', { openEnrolment: false, config });
  await importIso(iso);
  mark('the ISO is imported');
});
afterAll(async () => {
  process.stdout.write(`\nfrom the beginning, in seconds:\n${times.map((line) => `  ${line}\n`).join('')}`);
  await lab.client.close();
  await lab.end();
  await rm(scratch, { recursive: true });
});

async function importIso(path: string): Promise<void> {
  const { taskId } = (await lab.client.send('POST', '/api/installers', { path })) as { taskId: string }; // the API's own form
  const done = async (): Promise<true | undefined> => {
    const { state, error } = (await lab.client.get(`/api/tasks/${taskId}`)) as { state: string; error?: unknown };
    if (state === 'failed') throw new Error(`the ISO was not imported: ${JSON.stringify(error)}`);
    return state === 'succeeded' || undefined;
  };
  await until('imported ISO', done, LIMIT_MS);
}

function mark(what: string): void {
  times.push(`${((systemClock.monotonic() - begun) / 1000).toFixed(1).padStart(6)}  ${what}`);
}

interface Node {
  readonly uuid: string;
  readonly name: string | null;
  readonly provision_state: string;
  readonly last_error: string | null;
  readonly driver_internal_info: { readonly first_boot?: { readonly from: string; readonly ssh_host_keys: readonly string[] } };
}

interface Installation {
  readonly stage: string;
  readonly text: string;
  readonly failure: string | null;
  readonly boots: number;
  readonly address: string | null;
}

const IRONIC = { 'x-openstack-ironic-api-version': '1.90' };

async function nodeOf({ mac }: MachineSpec): Promise<Node | undefined> {
  const { ports } = (await lab.client.get(`/v1/ports?address=${mac}&fields=node_uuid`, IRONIC)) as { ports: { node_uuid: string }[] };
  const [port] = ports;
  return port && ((await lab.client.get(`/v1/nodes/${port.node_uuid}`, IRONIC)) as Node); // the API's own form
}

/** The appliance is away now and then; and what is asked for is not there yet. */
async function perhaps<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof RackseedError && ['cli.no_appliance', 'install.no_installation'].includes(thrown.code)) return undefined;
    throw thrown;
  }
}

/** Fails at once when the machine has failed, unless that is waited for. */
async function inState(spec: MachineSpec, wanted: string): Promise<Node> {
  const look = async (): Promise<Node | undefined> => {
    const node = await perhaps(nodeOf(spec));
    if (node?.provision_state === wanted) return node;
    if (node?.provision_state.includes('failed') === true) throw new Error(`${node.provision_state}: ${node.last_error}`);
    return undefined;
  };
  try {
    return await until(`${spec.name} in ${wanted}`, look, LIMIT_MS);
  } catch (thrown) {
    throw await trouble(spec, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

async function inStage(spec: MachineSpec, stages: readonly string[]): Promise<Installation> {
  const look = async (): Promise<Installation | undefined> => {
    const node = await perhaps(nodeOf(spec));
    if (node === undefined) return undefined;
    const installation = (await perhaps(lab.client.get(`/api/nodes/${node.uuid}/installation`))) as Installation | undefined;
    return installation !== undefined && stages.includes(installation.stage) ? installation : undefined;
  };
  return until(`${spec.name} in stage ${stages.join(' or ')}`, look, LIMIT_MS);
}

async function trouble({ name }: MachineSpec, what: string): Promise<Error> {
  const directory = join(lab.lab.connection.dataDir, '..');
  const [said, shown] = [await tailOf(join(directory, 'appliance.log'), 30), await tailOf(join(directory, `${name}.serial.log`), 40)];
  return new Error(`${name}: ${what}\nThe appliance said last:\n${said}\nIts console said last:\n${shown}`);
}

/** Whenever the machine has restarted itself it goes on as a new process, which is quicker under emulation, until the signal. */
async function keepRunning({ name, ...spec }: MachineSpec, disk: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { processes } = await lab.lab.status();
    if (processes.some(({ role, running }) => role === `machine-${name}` && !running)) {
      await lab.lab.stopMachine(name);
      await lab.lab.startMachine({ name, ...spec, ownDisk: disk });
      mark(`${name} restarts`);
    }
    await systemClock.sleep(500);
  }
}

/** From the appliance's side of the lab's network, with the host key that the installer told of. */
async function ssh({ driver_internal_info: info }: Node, address: string, command: string): Promise<RunResult> {
  const known = join(scratch, `known-${address}`);
  await writeFile(known, (info.first_boot?.ssh_host_keys ?? []).map((key) => `${address} ${key}\n`).join(''));
  const door = ['-i', keyFile, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=60'];
  const host = ['-o', `UserKnownHostsFile=${known}`, '-o', 'StrictHostKeyChecking=yes'];
  const args = ['netns', 'exec', lab.lab.network.namespace, 'ssh', '-F', 'none', ...door, ...host, `root@${address}`, command];
  return runProgram('ip', args, { timeoutMs: 120_000 });
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MIB }) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

const foreign = (): Promise<readonly string[]> => Promise.all(['files', 'zfs'].map((name) => digestOf(join(scratch, name))));

/** Kills the appliance in this stage of the machine's installation, and starts it again: nothing that was written down is lost. */
async function killIn(spec: MachineSpec, stages: readonly string[], what: string): Promise<void> {
  await inStage(spec, stages);
  await killAppliance(lab);
  mark(`the appliance is killed: ${spec.name} ${what}`);
  await lab.lab.startAppliance();
  await inStage(spec, [...stages, ...LATER]);
}

const LATER = ['script', 'kernel', 'initrd', 'iso', 'answered', 'installed', 'first-boot', 'reached'];

/** What the installed system says of itself. */
async function lookInside(spec: MachineSpec, node: Node): Promise<void> {
  const { address, boots } = await inStage(spec, ['reached']);
  expect(boots).toBeLessThanOrEqual(2); // once more where the appliance was killed while it loaded
  const inside = await ssh(
    node,
    address?.split('/')[0] ?? '',
    '[ -d /sys/firmware/efi ] && echo by UEFI || echo by BIOS; hostname; cat /etc/hosts',
  );
  expect(inside).toMatchObject({ code: 0 });
  const [firmware, hostname, ...hosts] = inside.stdout.trim().split('\n');
  expect([firmware, hostname]).toEqual([spec.firmware === 'uefi' ? 'by UEFI' : 'by BIOS', node.name]);
  expect(hosts.join('\n')).toContain(`${node.name}.lab.example.org`);
}

describe('two machines with two blank disks and a foreign one each', () => {
  it('come to run what the installer puts on their blank disks, through two kills of the appliance, and nothing else is touched', {
    timeout: 2 * LIMIT_MS,
  }, async () => {
    const before = await foreign();
    const over = new AbortController();
    const kept: Promise<void>[] = [];
    const powerOn = async (spec: MachineSpec): Promise<string> => {
      const { serialLog, disk } = await lab.lab.startMachine(spec);
      mark(`${spec.name}: power on`);
      kept.push(keepRunning(spec, disk, over.signal));
      return serialLog;
    };
    const active = async (spec: MachineSpec): Promise<Node> => {
      const node = await inState(spec, 'active');
      mark(`${spec.name} is active`);
      return node;
    };
    /**
     * An installer fetches its first-boot program once, right after its answer, and gives up when nobody has it; so it does with its web hook.
     * The appliance is killed when neither machine is about to ask for one: the second machine starts when the first one writes to its disks.
     */
    const throughKills = async (biosLog: string): Promise<Node> => {
      await waitForText(biosLog, 'installer: partitioned', LIMIT_MS);
      const uefiLog = await powerOn(uefi);
      await waitForText(biosLog, 'installer: hook told', LIMIT_MS);
      await killIn(uefi, ['iso'], 'loads the ISO');
      await waitForText(uefiLog, 'installer: partitioned', LIMIT_MS);
      await killIn(uefi, ['answered'], 'is being installed');
      return active(uefi);
    };
    /** A real installer says nothing here, and needs the memory of both. */
    const oneByOne = async (): Promise<readonly [Node, Node]> => {
      await powerOn(bios);
      const biosNode = await active(bios);
      await powerOn(uefi);
      return [biosNode, await active(uefi)];
    };
    const sideBySide = async (): Promise<readonly [Node, Node]> => {
      const biosLog = await powerOn(bios);
      return Promise.all([active(bios), throughKills(biosLog)]);
    };
    try {
      const [biosNode, uefiNode] = await (realIso === undefined ? sideBySide() : oneByOne());
      await lookInside(bios, biosNode);
      await lookInside(uefi, uefiNode);
    } finally {
      over.abort();
      await Promise.all(kept);
    }
    expect(await foreign()).toEqual(before);
    mark('all looked at');
  });
});
