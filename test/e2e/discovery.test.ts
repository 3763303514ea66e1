// From a packet to a node record: a virtual machine boots through our own DHCP, TFTP, HTTP and iPXE, and its agent reports it.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineSpec } from '../../src/lab/index.ts';
import { standUp, type TestLab } from './lab.ts';
import { discovered, expectWay, miniPc, reasonsOf, tftpRequests } from './machine.ts';

const machines: readonly MachineSpec[] = [
  miniPc('bios', 1, { name: 'mini-bios', diskGb: 8 }),
  miniPc('uefi', 2, { name: 'mini-uefi', diskGb: 5, cpus: 1 }),
];

describe.each(machines)('a machine with $firmware firmware that boots from the network', (spec) => {
  let lab: TestLab;
  let files: { readonly serialLog: string; readonly disk: string };

  beforeAll(async () => {
    lab = await standUp(spec.name);
    files = await lab.lab.startMachine(spec);
    await discovered(lab, spec, files.serialLog);
  });

  afterAll(async () => {
    await lab.client.close();
    await lab.end();
  });

  it('is a node in enroll, with what the agent found, in /v1/nodes', async () => {
    const { nodes } = (await lab.client.get('/v1/nodes/detail')) as { nodes: Record<string, unknown>[] };
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({
      provision_state: 'enroll',
      driver: 'manual-management',
      properties: {
        cpus: spec.cpus,
        cpu_arch: 'x86_64',
        memory_mb: spec.memoryMb,
        local_gb: spec.diskGb,
        capabilities: `boot_mode:${spec.firmware}`,
      },
    });
  });

  it('is known by its MAC and SMBIOS UUID, and its disk by size and serial', async () => {
    const [node] = ((await lab.client.get('/api/nodes')) as { nodes: { uuid: string; macs: string[]; smbiosUuid: string }[] }).nodes;
    expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid });
    const { ports } = (await lab.client.get('/v1/ports')) as { ports: { address: string }[] };
    expect(ports.map((port) => port.address)).toEqual([spec.mac]);
    const { inventory } = (await lab.client.get(`/v1/nodes/${node?.uuid}/inventory`, { 'x-openstack-ironic-api-version': '1.81' })) as {
      inventory: { disks: unknown[]; boot: unknown; system_vendor: unknown };
    };
    expect(inventory.disks).toEqual([
      expect.objectContaining({ size: spec.diskGb * 1024 ** 3, serial: `LAB-${spec.name.toUpperCase()}-0` }),
    ]);
    expect(inventory.system_vendor).toMatchObject({ uuid: spec.smbiosUuid, serial_number: `LAB-${spec.name.toUpperCase()}` });
    expect(inventory.boot).toMatchObject({ current_boot_mode: spec.firmware, pxe_interface: spec.mac });
  });

  it('left its way in the stored reasons, from the first packet on', async () => {
    const reasons = await reasonsOf(lab, spec.mac);
    expectWay(reasons, ['dhcp offer', 'dhcp ack', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored']);
    const log = await readFile(join(lab.lab.connection.dataDir, '../appliance.log'), 'utf8');
    // QEMU's ROM for BIOS is iPXE already, and goes straight to HTTP.
    expect(tftpRequests(log).includes('snponly-x86_64.efi')).toBe(spec.firmware === 'uefi');
    expect(reasons.some(({ reason }) => reason.includes('snponly-x86_64.efi'))).toBe(spec.firmware === 'uefi');
  });

  it('has a disk that nobody has written to', async () => {
    expect((await stat(files.disk)).blocks).toBe(0);
  });

  it('shows its person what happens', async () => {
    const screen = (): Promise<string> => readFile(files.serialLog, 'utf8');
    // The appliance knows before the answer has reached the machine's screen.
    await expect.poll(screen, { timeout: 120_000 }).toMatch(/RACKSEED discovered: node [0-9a-f-]{36}/);
    expect(await screen()).toContain('Its disks are not touched');
  });
});
