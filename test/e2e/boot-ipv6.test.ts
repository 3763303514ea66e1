// Network boot without any IPv4 on the wire: firmware, loader, scripts, kernel and agent over IPv6. The router only advertises the prefix.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standUp, type TestLab } from './lab.ts';
import { bootToAgent, expectWay, miniPc, type Reason, reasonsOf, tftpRequests } from './machine.ts';
import { ipv6Config, PREFIX, startAdvertiser } from './router6.ts';

describe('a machine in a network of IPv6 alone', () => {
  let lab: TestLab;

  beforeAll(async () => {
    lab = await standUp('boot-ipv6', { config: ipv6Config, before: startAdvertiser });
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
  });

  it('reaches the agent from UEFI PXE: loader by TFTP, all else by HTTP', async () => {
    const spec = miniPc('uefi', 61, { bootIpv4: false, bootIpv6: true });
    const node = await bootToAgent(lab, spec);
    expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
    expect(tftpRequests(await log(lab))).toContain('snponly-x86_64.efi');
    const reasons = await reasonsOf(lab, spec.mac);
    expectWay(reasons, ['dhcp advertise', 'dhcp reply', 'boot script: agent', 'inspect look-up accepted']);
    // Its stack asks for an address of its own, too, since the router said so; the boot file goes to the one that boots.
    expect(said(reasons)).toMatch(/boots tftp:\/\/\[fd00:77::[0-9a-f:]+\]\/snponly-x86_64\.efi/);
    expect(said(reasons)).toMatch(/boots http:\/\/\[fd00:77::[0-9a-f:]+\]:6386\/boot\/start\.ipxe/);
  });

  it('reaches the agent from UEFI HTTP Boot, without TFTP', async () => {
    const before = tftpRequests(await log(lab)).length;
    const spec = miniPc('uefi-http', 62, { bootIpv4: false });
    const node = await bootToAgent(lab, spec);
    expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
    expect(tftpRequests(await log(lab)).slice(before)).toEqual([]);
    const reasons = await reasonsOf(lab, spec.mac);
    expect(said(reasons)).toMatch(/boots http:\/\/\[fd00:77::[0-9a-f:]+\]:6386\/boot\/files\/ipxe-x86_64\.efi/);
  });

  it('never heard an IPv4 answer', async () => {
    const text = await log(lab);
    expect(text).toContain(PREFIX);
    expect(text).not.toMatch(/"part":"dhcp"[,}]/);
  });
});

function said(reasons: readonly Reason[]): string {
  return reasons.map(({ reason }) => reason).join('\n');
}

function log(lab: TestLab): Promise<string> {
  return readFile(join(lab.lab.connection.dataDir, '../appliance.log'), 'utf8');
}
