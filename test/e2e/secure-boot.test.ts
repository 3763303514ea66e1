// UEFI with Secure Boot on: the firmware refuses iPXE, is given the signed chain instead, and the agent runs on Debian's signed kernel.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standUp, type TestLab, waitForText } from './lab.ts';
import { bootToAgent, expectWay, miniPc, type Reason, reasonsOf, tftpRequests, waitForReason } from './machine.ts';

const REFUSED_LIMIT_MS = 5 * 60_000;
const AGENT_LIMIT_MS = 10 * 60_000;

describe('a machine with Secure Boot on', () => {
  let lab: TestLab;
  const spec = miniPc('uefi-secure', 4);
  const log = (): string => join(lab.lab.connection.dataDir, '../appliance.log');

  beforeAll(async () => {
    lab = await standUp('secure-boot');
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
  });

  it('refuses the unsigned iPXE, and is given the signed chain on its next try', async () => {
    await bootToAgent(lab, spec);
    const offers = (await reasonsOf(lab, spec.mac)).filter(({ decision }) => decision === 'offer');
    expect(offers[0]?.reason).toContain('snponly-x86_64.efi');
    // The last offers are for the agent, which is told no boot file.
    const shim = offers.findLast(({ reason }) => reason.includes('.efi'));
    expect(shim?.reason).toMatch(/shim-x86_64\.efi.*iPXE never spoke on it/);
    const serial = await readFile(join(lab.lab.connection.dataDir, `../${spec.name}.serial.log`), 'utf8');
    expect(serial).toMatch(/failed to load Boot\d+ "UEFI PXEv4.*(?:Access Denied|Security Violation)/);
    // Had iPXE run, it would have asked for its script.
    expect(await readFile(log(), 'utf8')).not.toMatch(/start\.ipxe|autoexec\.ipxe/);
  });

  it('is known to have Secure Boot on, and to have come through shim and GRUB', async () => {
    const { nodes } = (await lab.client.get('/v1/nodes/detail')) as { nodes: { uuid: string; properties: { capabilities: string } }[] };
    expect(nodes[0]?.properties.capabilities).toBe('boot_mode:uefi,secure_boot:true');
    const { inventory } = (await lab.client.get(`/v1/nodes/${nodes[0]?.uuid}/inventory`, { 'x-openstack-ironic-api-version': '1.81' })) as {
      inventory: { boot: unknown };
    };
    expect(inventory.boot).toEqual({ current_boot_mode: 'uefi', pxe_interface: spec.mac, secure_boot: true, chain: 'shim-grub' });
    expectWay(await reasonsOf(lab, spec.mac), ['dhcp offer', 'dhcp ack', 'boot script: agent', 'inspect look-up accepted']);
  });

  it('gets the signed chain at once when it boots again, by TFTP, with kernel and RAM system over HTTP', async () => {
    const before = (await readFile(log(), 'utf8')).length;
    const { serialLog } = await lab.lab.startMachine(spec);
    try {
      const isShim = ({ decision, reason }: Reason): boolean => decision === 'offer' && reason.includes('it has Secure Boot on');
      await waitForReason(lab, spec.mac, isShim, REFUSED_LIMIT_MS);
      await waitForText(log(), /"part":"boot-http".*vmlinuz-amd64/, AGENT_LIMIT_MS, before);
      await waitForText(serialLog, 'RACKSEED-MARK heartbeat', AGENT_LIMIT_MS);
    } finally {
      await lab.lab.stopMachine(spec.name);
    }
    const asked = tftpRequests((await readFile(log(), 'utf8')).slice(before));
    expect(asked).toEqual(expect.arrayContaining(['shim-x86_64.efi', 'grubx64.efi', '/grub/grub.cfg']));
    expect(asked).not.toEqual(expect.arrayContaining([expect.stringContaining('vmlinuz')]));
  });
});
