// An ignored machine boots network-first beside an appliance that would take anybody else in: it must come up from its own disk, without
// one byte of ours on the way, and a person must be told why.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineSpec } from '../../src/lab/index.ts';
import { type RunResult, runProgram } from '../../src/lib/index.ts';
import { makeOwnDisk, OWN_DISK_SAYS } from '../support/own-disk.ts';
import { standUp, type TestLab, waitForText } from './lab.ts';
import { miniPc, plantNodes, type Reason, reasonsOf, tftpRequests } from './machine.ts';

const LIMIT_MS = 5 * 60_000;
const main = join(import.meta.dirname, '../../src/main.ts');

let lab: TestLab;
let disks: string;
let directory: string;

beforeAll(async () => {
  disks = await mkdtemp(join(tmpdir(), 'rackseed-ignored-'));
  await makeOwnDisk({ path: join(disks, 'installed.img') });
  lab = await standUp('ignored-machine');
  directory = join(lab.lab.connection.dataDir, '..');
});
afterAll(async () => {
  await lab.client.close();
  await lab.end();
  await rm(disks, { recursive: true });
});

function why(subject: string): Promise<RunResult> {
  return runProgram(process.execPath, [main, 'node', 'why', subject, '-o', 'json'], {
    env: { ...process.env, RACKSEED_LAB_DIR: directory },
  });
}

describe('an ignored machine with a system on its disk', () => {
  const spec: MachineSpec = miniPc('bios', 1, { cpus: 1, memoryMb: 256, ownDisk: '' });

  it('comes up from it though enrolment is open and its model would be helped to it, and is never given a loader', async () => {
    await plantNodes(lab, [{ spec, driverInfo: { own_disk: 'sanboot' }, ignored: true }]);
    const { serialLog } = await lab.lab.startMachine({ ...spec, ownDisk: join(disks, 'installed.img') });
    await waitForText(serialLog, OWN_DISK_SAYS, LIMIT_MS);
    await lab.lab.stopMachine(spec.name);
    expect(tftpRequests(await readFile(join(directory, 'appliance.log'), 'utf8'))).toEqual([]);
    const reasons = await reasonsOf(lab, spec.mac);
    // It was heard, and answered with an address alone: no script was asked for, no boot file named.
    expect(reasons.map(({ area }) => area)).toContain('dhcp');
    expect(reasons.filter(({ area, reason }) => area === 'boot' || reason.includes('; boots '))).toEqual([]);
  });

  it.each([
    ['its name', spec.name],
    ['its MAC', spec.mac],
  ])('is explained by "rackseed node why" with %s', async (_, subject) => {
    const { code, stdout } = await why(subject);
    expect(code).toBe(0);
    const said = (JSON.parse(stdout) as Reason[]).map(({ reason }) => reason);
    expect(said).toContainEqual(expect.stringContaining(`${spec.name} is ignored; its own disk`));
  });
});
