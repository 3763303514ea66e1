// UEFI HTTP Boot (architecture 16): from DHCP straight to HTTP. TFTP has no part in it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standUp, type TestLab } from './lab.ts';
import { bootToAgent, expectWay, miniPc, reasonsOf, tftpRequests } from './machine.ts';

describe('a machine with UEFI HTTP Boot', () => {
  let lab: TestLab;
  const spec = miniPc('uefi-http', 3);

  beforeAll(async () => {
    lab = await standUp('boot-http');
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
  });

  it('reaches the agent and is a node in enroll, without one TFTP request', async () => {
    const node = await bootToAgent(lab, spec);
    expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
    const log = await readFile(join(lab.lab.connection.dataDir, '../appliance.log'), 'utf8');
    expect(tftpRequests(log)).toEqual([]);
    expect(log).toContain('ipxe-x86_64.efi"');
  });

  it('left its way in the stored reasons', async () => {
    const reasons = await reasonsOf(lab, spec.mac);
    expectWay(reasons, ['dhcp offer', 'dhcp ack', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored']);
    // Before it may lie a silence: the appliance looks for other DHCP servers when it starts.
    expect(reasons.find(({ decision }) => decision === 'offer')?.reason).toMatch(
      /http:\/\/10\.77\.0\.1:6386\/boot\/files\/ipxe-x86_64\.efi.*UEFI x64 HTTP boot/,
    );
  });
});
