// BIOS with a PXE ROM that is not iPXE: DHCP, then our loader over TFTP, then iPXE's script.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standUp, type TestLab } from './lab.ts';
import { bootToAgent, expectWay, miniPc, reasonsOf, tftpRequests } from './machine.ts';
import { type VendorRom, vendorRom } from './vendor-rom.ts';

const LOADER = 'undionly.kpxe';

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

  it('is given the BIOS loader over TFTP, and the loader the script over HTTP', async () => {
    const node = await bootToAgent(lab, { ...spec, qemu: rom.qemu });
    expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
    expect(rom.changed()).toBeGreaterThan(1);
    const log = await readFile(join(lab.lab.connection.dataDir, '../appliance.log'), 'utf8');
    expect(new Set(tftpRequests(log))).toEqual(new Set([LOADER]));
  });

  it('left its way in the stored reasons', async () => {
    const reasons = await reasonsOf(lab, spec.mac);
    expectWay(reasons, ['dhcp offer', 'dhcp ack', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored']);
    const files = reasons.flatMap(({ area, reason }) => (area === 'dhcp' ? (/boots (\S+):/.exec(reason)?.[1] ?? []) : []));
    expect([...new Set(files)]).toEqual([LOADER, 'http://10.77.0.1:6386/boot/start.ipxe']);
  });
});
