// BIOS with a PXE ROM that is not iPXE: DHCP, then our loader over TFTP, then iPXE's script.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standUp, type TestLab, waitForText } from './lab.ts';
import { expectWay, miniPc, reasonsOf, tftpRequests } from './machine.ts';
import { type VendorRom, vendorRom } from './vendor-rom.ts';

const LOADER = 'undionly.kpxe';
const KERNEL_LIMIT_MS = 5 * 60_000;

describe('a machine with BIOS firmware and a PXE ROM that is not iPXE', () => {
  const spec = miniPc('bios', 9);
  let lab: TestLab;
  let rom: VendorRom;
  let sockets: string;

  beforeAll(async () => {
    sockets = await mkdtemp(join(tmpdir(), 'rackseed-rom-'));
    rom = await vendorRom(sockets, LOADER);
    lab = await standUp('boot-bios-loader');
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
    await rom.close();
    await rm(sockets, { recursive: true, force: true });
  });

  // Ends at the kernel: through the ROM's UNDI the emulator needs a minute for the rest, and the rest is as with every other iPXE.
  it('is given the BIOS loader over TFTP, and the loader its script and the kernel of the agent over HTTP', async () => {
    const log = join(lab.lab.connection.dataDir, '../appliance.log');
    await lab.lab.startMachine({ ...spec, qemu: rom.qemu });
    await waitForText(log, 'agent/vmlinuz-amd64"', KERNEL_LIMIT_MS);
    await lab.lab.stopMachine(spec.name);
    expect(rom.changed()).toBeGreaterThan(1);
    expect(new Set(tftpRequests(await readFile(log, 'utf8')))).toEqual(new Set([LOADER]));
  });

  it('left its way in the stored reasons', async () => {
    const reasons = await reasonsOf(lab, spec.mac);
    expectWay(reasons, ['dhcp offer', 'dhcp ack', 'boot script: agent']);
    const files = reasons.flatMap(({ area, reason }) => (area === 'dhcp' ? (/boots (\S+):/.exec(reason)?.[1] ?? []) : []));
    expect([...new Set(files)]).toEqual([LOADER, 'http://10.77.0.1:6386/boot/start.ipxe']);
  });
});
