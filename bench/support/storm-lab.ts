// Two namespaces joined by a cable: the servers in one, the simulated machines in the other, each with the address that it was lent. Knows
// how the appliance and its peers are started with the same files; judges nothing.

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startNginxProgram } from './http-lab.ts';
import { cpuSeconds, type Program, startProgram } from './programs.ts';

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '../../src/main.ts');
const MACHINES = join(import.meta.dirname, 'storm-machines.ts');
const SERVER = '10.78.0.1';
const RELAY = '10.78.0.2';
/** The addresses that are lent, and the block of them that the machines' namespace takes for its own. */
const POOL = { network: '10.78.0.0/16', first: '10.78.64.10', last: '10.78.79.250', mask: '255.255.0.0', block: '10.78.64.0/20' };
const BOOT_PORT = 8080;
const KIB = 1024;
const MIB = KIB * KIB;
const LOADER = 'snponly-x86_64.efi';
const [KERNEL, INITRD] = ['agent/vmlinuz-amd64', 'agent/initrd-amd64'];
/** The loader and the kernel as they are; of the RAM system a part, so that 500 of them pass through the cable within a minute. */
const SIZES: Readonly<Record<string, number>> = { [LOADER]: 230 * KIB, [KERNEL]: 8 * MIB, [INITRD]: 10 * MIB };

export type StormServers = 'ours' | 'dnsmasq + nginx';

export interface Storm {
  readonly seconds: number;
  readonly failed: number;
  readonly failures: readonly string[];
  readonly repeats: number;
  /** Of the simulated machines. */
  readonly cpuSeconds: number;
  /** When the last machine had reached each phase. */
  readonly last: Readonly<Record<string, number>>;
}

export interface StormLab {
  /** Fresh servers, then so many machines at once. */
  boot(who: StormServers, machines: number): Promise<Storm & { readonly serverCpuSeconds: number }>;
  remove(): Promise<void>;
}

export async function openStormLab(): Promise<StormLab> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-bench-storm-'));
  const [inside, outside] = [`rs-storm-s${process.pid}`, `rs-storm-c${process.pid}`];
  await wire(inside, outside);
  const files = join(directory, 'files');
  await makeFiles(files);
  let made = 0;
  return {
    async boot(who, machines) {
      const place = join(directory, `run-${made++}`);
      await mkdir(place);
      const enter = ['ip', 'netns', 'exec', inside];
      const programs = who === 'ours' ? await startOurs(enter, place, files) : await startPeers(enter, place, files);
      try {
        const before = await cpuOf(programs);
        const words = [MACHINES, String(machines), SERVER, RELAY, String(SIZES[KERNEL]), String(SIZES[INITRD])];
        const simulation = await run('ip', ['netns', 'exec', outside, process.execPath, ...words], { maxBuffer: MIB });
        const storm = JSON.parse(simulation.stdout.trim().split('\n').at(-1) ?? '') as Storm; // our own program's last line
        return { ...storm, serverCpuSeconds: (await cpuOf(programs)) - before };
      } finally {
        for (const program of programs) await program.stop();
        await rm(place, { recursive: true, force: true });
      }
    },
    async remove() {
      for (const name of [inside, outside]) await run('ip', ['netns', 'del', name]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function cpuOf(programs: readonly Program[]): Promise<number> {
  const each = await Promise.all(programs.map(({ child }) => cpuSeconds(child.pid ?? 0)));
  return each.reduce((sum, one) => sum + one, 0);
}

async function wire(inside: string, outside: string): Promise<void> {
  for (const name of [inside, outside]) await run('ip', ['netns', 'add', name]);
  for (const name of [inside, outside]) await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  await run('ip', ['-n', inside, 'link', 'add', 's0', 'type', 'veth', 'peer', 'name', 'c0', 'netns', outside]);
  for (const [name, device, address] of [
    [inside, 's0', SERVER],
    [outside, 'c0', RELAY],
  ] as const) {
    await run('ip', ['-n', name, 'addr', 'add', `${address}/16`, 'dev', device]);
    await run('ip', ['-n', name, 'link', 'set', device, 'up']);
  }
  // Every address of the block is the machines' own: their sockets bind to what they were lent, and ARP for it is answered.
  await run('ip', ['-n', outside, 'route', 'add', 'local', POOL.block, 'dev', 'c0']);
}

async function makeFiles(directory: string): Promise<void> {
  const artefacts = [];
  for (const [name, size] of Object.entries(SIZES)) {
    const bytes = randomBytes(size);
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), bytes);
    artefacts.push({ name, size, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  await writeFile(join(directory, 'manifest.json'), JSON.stringify({ artefacts }));
}

/** The whole appliance as a person starts it, with enrolment open: every machine is unknown and gets the agent. */
async function startOurs(enter: readonly string[], place: string, files: string): Promise<Program[]> {
  const config = join(place, 'rackseed.toml');
  const lines = [
    '[server]',
    'listen = "127.0.0.1:6385"',
    `boot_listen = "0.0.0.0:${BOOT_PORT}"`,
    `data_dir = "${join(place, 'data')}"`,
    `artefacts_dir = "${files}"`,
    '[enrol]',
    'mode = "open"',
    '[dhcp]',
    'mode = "full"',
    'interfaces = ["s0"]',
    // dnsmasq runs with --no-ping; and the machines' namespace has all addresses at once, so that a probe would find each in use.
    'conflict_probe = false',
    '[[dhcp.subnet]]',
    `subnet = "${POOL.network}"`,
    `ranges = ["${POOL.first}-${POOL.last}"]`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return [await startProgram([...enter, process.execPath, MAIN, 'serve', '--config', config], /rackseed is ready/)];
}

async function startPeers(enter: readonly string[], place: string, files: string): Promise<Program[]> {
  const web = join(place, 'web');
  await mkdir(web);
  await symlink(files, join(web, 'files'));
  const base = `http://${SERVER}:${BOOT_PORT}`;
  await writeFile(join(web, 'boot.ipxe'), `#!ipxe\nkernel ${base}/files/${KERNEL}\ninitrd ${base}/files/${INITRD}\nboot\n`);
  const dnsmasq = await startProgram(
    [
      ...enter,
      'dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --port=0 --interface=s0 --bind-interfaces'.split(' '),
      '--log-facility=- --quiet-dhcp --quiet-tftp --no-ping --dhcp-authoritative --dhcp-lease-max=10000'.split(' '),
      `--dhcp-leasefile=${join(place, 'leases')}`,
      `--pid-file=${join(place, 'pid')}`,
      `--dhcp-range=${POOL.first},${POOL.last},${POOL.mask},3600`,
      ['--enable-tftp', `--tftp-root=${files}`, '--tftp-max=2000', '--dhcp-userclass=set:ipxe,iPXE', '--dhcp-match=set:ipxe,175'],
      `--dhcp-boot=tag:!ipxe,${LOADER},,${SERVER}`,
      `--dhcp-boot=tag:ipxe,${base}/boot.ipxe`,
    ].flat(),
    /TFTP root is/,
  );
  const nginx = await startNginxProgram(place, `server { listen ${SERVER}:${BOOT_PORT}; root ${web}; }`, enter);
  return [dnsmasq, nginx];
}
