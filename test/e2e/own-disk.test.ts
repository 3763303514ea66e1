// A machine that boots network-first and is none of ours must come up from its own disk by itself: with the appliance there and silent,
// absent, hanging in the middle, or with iPXE running already. The seconds it loses on the way are measured and printed.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, type LabConfig, labDhcp, labServer, labTftp, type MachineSpec } from '../../src/lab/index.ts';
import { runProgram, systemClock } from '../../src/lib/index.ts';
import { makeOwnDisk, OWN_DISK_SAYS } from '../support/own-disk.ts';
import { standUp, type TestLab, waitForText } from './lab.ts';
import { miniPc, plantNodes, reasonsOf } from './machine.ts';

const LIMIT_MS = 5 * 60_000;
const INSTALLED = '\\EFI\\debian\\grubx64.efi';

let lab: TestLab;
let disks: string;
let applianceLog: string;
const lost: string[] = [];

const config = (one: LabConfig): string => [labServer(one), labDhcp(one), labTftp(one)].join('\n');

beforeAll(async () => {
  disks = await mkdtemp(join(tmpdir(), 'rackseed-own-disk-'));
  await makeOwnDisk({ path: join(disks, 'fallback.img') });
  await makeOwnDisk({ path: join(disks, 'installed.img'), efiPath: INSTALLED });
  lab = await standUp('own-disk', { openEnrolment: false, config, before: keepLink });
  applianceLog = join(lab.lab.connection.dataDir, '../appliance.log');
});
afterAll(async () => {
  process.stdout.write(`\nfrom the first try of the network to the own disk:\n${lost.map((line) => `  ${line}\n`).join('')}`);
  await lab.client.close();
  await lab.end();
  await rm(disks, { recursive: true });
});

/** A bridge without a running machine has no link, and the appliance takes some seconds to hear on one that gets it back. */
async function keepLink({ network: { namespace, bridge } }: Lab): Promise<void> {
  await runProgram('ip', ['-n', namespace, 'link', 'add', 'keep0', 'type', 'veth', 'peer', 'name', 'keep1']);
  await runProgram('ip', ['-n', namespace, 'link', 'set', 'keep0', 'master', bridge, 'up']);
  await runProgram('ip', ['-n', namespace, 'link', 'set', 'keep1', 'up']);
}

interface Boot {
  readonly spec: MachineSpec;
  readonly what: string;
  /** What its console says when it first tries the network; without it the time counts from power on. */
  readonly begin?: string;
  /** Runs while it boots. */
  readonly meanwhile?: () => Promise<void>;
}

/** Boots it until its own disk says so; gives the seconds from the beginning to that. */
async function bootToDisk({ spec, what, begin, meanwhile }: Boot): Promise<number> {
  const { serialLog } = await lab.lab.startMachine(spec);
  try {
    if (begin !== undefined) await waitForText(serialLog, begin, LIMIT_MS);
    const from = systemClock.monotonic();
    await Promise.all([waitForText(serialLog, OWN_DISK_SAYS, LIMIT_MS), meanwhile?.()]);
    const seconds = (systemClock.monotonic() - from) / 1000;
    lost.push(`${seconds.toFixed(1).padStart(6)} s  ${what}`);
    return seconds;
  } finally {
    await lab.lab.stopMachine(spec.name);
  }
}

const bios = (number: number): MachineSpec => miniPc('bios', number, { cpus: 1, memoryMb: 256, ownDisk: join(disks, 'fallback.img') });
const uefi = (number: number, change: Partial<MachineSpec> = {}): MachineSpec =>
  miniPc('uefi', number, { cpus: 1, memoryMb: 512, ownDisk: join(disks, 'fallback.img'), ...change });
const twoPorts = (number: number, change: Partial<MachineSpec> = {}): MachineSpec =>
  uefi(number, { nics: [{ mac: `52:54:00:ab:01:0${number}`, tap: `tapb${number}` }], bootIpv6: true, ...change });
const PXE = 'Start PXE over IPv4';

describe('a BIOS machine with a system on its disk', () => {
  it('comes up from it beside an appliance that is silent to it', async () => {
    const spec = bios(1);
    expect(await bootToDisk({ spec, what: 'BIOS, appliance silent' })).toBeLessThan(60);
    expect((await reasonsOf(lab, spec.mac)).map((one) => one.reason).join()).toContain('unknown machine, and enrolment is closed');
  });

  it('comes up from it when iPXE runs already and its script sends it there', async () => {
    const spec = bios(2);
    await plantNodes(lab, [{ spec, driverInfo: { own_disk: 'sanboot' } }]);
    await bootToDisk({ spec, what: 'BIOS, known: iPXE, then sanboot' });
    expect((await reasonsOf(lab, spec.mac)).map((one) => one.decision)).toContain('script: own-disk');
  });
});

describe('a UEFI machine with two ports, all network entries first, and a system on its disk', () => {
  it('comes up from it beside an appliance that is silent to it', async () => {
    const spec = twoPorts(3);
    expect(await bootToDisk({ spec, begin: PXE, what: 'UEFI, two ports, eight entries, told that there is nothing' })).toBeLessThan(150); // four minutes for IPv6 alone where nobody answers
    expect((await reasonsOf(lab, spec.mac)).map((one) => one.reason).join()).toContain('told so at once');
  });

  it('comes up at once by the loader that its system installed, when its model needs that', async () => {
    const spec = twoPorts(4, { ownDisk: join(disks, 'installed.img') });
    await plantNodes(lab, [{ spec, driverInfo: { own_disk: 'chain' } }]);
    await bootToDisk({ spec, begin: PXE, what: 'UEFI, two ports, known: iPXE, then its installed loader' });
    expect((await reasonsOf(lab, spec.mac)).map((one) => one.decision)).toContain('script: own-disk');
  });
});

describe('without an appliance', () => {
  it('a BIOS machine comes up from its disk', async () => {
    await lab.lab.stopAppliance();
    await bootToDisk({ spec: bios(5), what: 'BIOS, no DHCP server at all' });
    await lab.lab.startAppliance();
  });

  it('a UEFI machine comes up from its disk, also when the appliance goes away in the middle', async () => {
    const spec = uefi(6);
    await plantNodes(lab, [{ spec, driverInfo: { own_disk: 'chain' } }]);
    const from = (await readFile(applianceLog, 'utf8')).length;
    const meanwhile = async (): Promise<void> => {
      await waitForText(applianceLog, /"fileName":"snponly[^\n]*"decision":"sent"/, LIMIT_MS, from);
      await lab.lab.stopAppliance();
    };
    await bootToDisk({ spec, begin: PXE, meanwhile, what: 'UEFI, one port, the appliance ends after the loader' });
  });
});
