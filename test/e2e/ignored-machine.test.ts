// An ignored machine boots network-first beside an appliance that would take anybody else in: it must come up from its own disk without a
// loader or a script of ours, and a person must be told why.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineSpec } from '../../src/lab/index.ts';
import { type RunResult, runProgram } from '../../src/lib/index.ts';
import { makeOwnDisk, OWN_DISK_SAYS } from '../support/own-disk.ts';
import { standUp, type TestLab, waitForText } from './lab.ts';
import { miniPc, plantNodes, type Reason, reasonsOf, tftpRequests } from './machine.ts';
import { type VendorRom, vendorRom } from './vendor-rom.ts';

const LIMIT_MS = 3 * 60_000;
const main = join(import.meta.dirname, '../../src/main.ts');

describe('an ignored machine with a system on its disk, while enrolment is open', () => {
  let lab: TestLab;
  let scratch: string;
  let rom: VendorRom;
  const bios = (number: number): MachineSpec => miniPc('bios', number, { cpus: 1, memoryMb: 256 });
  const [withIpxe, withPxe] = [bios(1), bios(2)];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'rackseed-ignored-'));
    await makeOwnDisk({ path: join(scratch, 'installed.img') });
    rom = await vendorRom(scratch, 'undionly.kpxe');
    lab = await standUp('ignored-machine');
    // A known machine with this way would be helped to its disk by a loader; being ignored comes first.
    await plantNodes(
      lab,
      [withIpxe, withPxe].map((spec) => ({ spec, driverInfo: { own_disk: 'sanboot' } })),
    );
    for (const { name } of [withIpxe, withPxe]) expect((await rackseed('node', 'ignore', name)).code).toBe(0);
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
    await rom.close();
    await rm(scratch, { recursive: true });
  });

  async function bootToDisk(spec: MachineSpec): Promise<readonly Reason[]> {
    const { serialLog } = await lab.lab.startMachine({ ...spec, ownDisk: join(scratch, 'installed.img') });
    try {
      await waitForText(serialLog, OWN_DISK_SAYS, LIMIT_MS);
    } finally {
      await lab.lab.stopMachine(spec.name);
    }
    return reasonsOf(lab, spec.mac);
  }

  /** As a person does at the appliance. */
  function rackseed(...words: readonly string[]): Promise<RunResult> {
    const { network, connection } = lab.lab;
    const command = [process.execPath, main, ...words, '-o', 'json'];
    return runProgram('ip', ['netns', 'exec', network.namespace, ...command], {
      env: { ...process.env, RACKSEED_SERVER_DATA_DIR: connection.dataDir },
    });
  }

  it('comes up from it when its ROM is iPXE: it gets an address, and no script', async () => {
    const reasons = await bootToDisk(withIpxe);
    expect(reasons.map(({ area, decision }) => `${area} ${decision}`)).toContain('dhcp ack');
    expect(reasons.filter(({ area, reason }) => area === 'boot' || reason.includes('; boots '))).toEqual([]);
    expect(await filesAsked()).toEqual([]);
  });

  it('comes up from it when its ROM is any other: the file that it is told of is not there', async () => {
    const reasons = await bootToDisk({ ...withPxe, qemu: rom.qemu });
    expect(rom.changed()).toBeGreaterThan(0);
    expect(reasons.filter(({ area }) => area === 'boot')).toEqual([]);
    const files = reasons.flatMap(({ reason }) => /; boots ([^:]+):/.exec(reason)?.[1] ?? []);
    expect([...new Set(files)]).toEqual(['nothing-to-boot-here']);
    expect([...new Set(await filesAsked())]).toEqual(['nothing-to-boot-here']);
    expect(await applianceLog()).not.toMatch(/"fileName":[^\n]*"decision":"(sent|probed)"/);
  });

  it.each([
    ['its name', withIpxe.name, `${withIpxe.name} is ignored; its own disk`],
    ['its MAC', withPxe.mac, `${withPxe.name} is ignored; its own disk, and told so at once`],
  ])('is explained by "rackseed node why" with %s', async (_, subject, reason) => {
    const { code, stdout, stderr } = await rackseed('node', 'why', subject);
    expect([code, stderr]).toEqual([0, '']);
    const said = (JSON.parse(stdout) as Reason[]).map((one) => one.reason);
    expect(said).toContainEqual(expect.stringContaining(reason));
  });

  const applianceLog = (): Promise<string> => readFile(join(lab.lab.connection.dataDir, '../appliance.log'), 'utf8');
  const filesAsked = async (): Promise<readonly string[]> => tftpRequests(await applianceLog());
});
