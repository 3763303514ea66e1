// From a packet to a node record: a virtual machine boots through our own DHCP, TFTP, HTTP and iPXE, and its agent reports it.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineSpec } from '../../src/lab/index.ts';
import { standUp, type TestLab } from './lab.ts';

const DISCOVERY_LIMIT_MS = 10 * 60_000;

const machines: readonly MachineSpec[] = [
  {
    name: 'mini-bios',
    firmware: 'bios',
    mac: '52:54:00:ab:00:01',
    smbiosUuid: '4c4c4544-0042-3510-8051-b4c04f4d3201',
    cpus: 2,
    memoryMb: 1536,
    diskGb: 8,
    tap: 'tap0',
  },
  {
    name: 'mini-uefi',
    firmware: 'uefi',
    mac: '52:54:00:ab:00:02',
    smbiosUuid: '4c4c4544-0042-3510-8051-b4c04f4d3202',
    cpus: 1,
    memoryMb: 2048,
    diskGb: 5,
    tap: 'tap1',
  },
];

describe.each(machines)('a machine with $firmware firmware that boots from the network', (spec) => {
  let lab: TestLab;
  let files: { readonly serialLog: string; readonly disk: string };

  beforeAll(async () => {
    lab = await standUp(spec.name);
    files = await lab.lab.startMachine(spec);
    await discovered(lab);
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
    const { reasons } = (await lab.client.get(`/api/reasons?subject=mac:${spec.mac}`)) as {
      reasons: { area: string; decision: string; reason: string }[];
    };
    const way = reasons.toReversed().map(({ area, decision }) => `${area} ${decision}`);
    const stations = ['dhcp offer', 'dhcp ack', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored'];
    expect(way.filter((one, index) => stations.includes(one) && way.indexOf(one) === index)).toEqual(stations);
    if (spec.firmware === 'uefi') expect(reasons.some(({ reason }) => reason.includes('snponly-x86_64.efi'))).toBe(true);
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

/** Waits for the event; on failure says what the machine's screen and the appliance said last. */
async function discovered({ lab, client }: TestLab): Promise<void> {
  const signal = AbortSignal.timeout(DISCOVERY_LIMIT_MS);
  try {
    for await (const { data } of client.events('/api/events', '0', signal)) {
      if ((data as { type: string }).type === 'node.discovered') return;
    }
    throw new Error('the event stream ended before the machine was discovered');
  } catch (thrown) {
    const log = await readFile(join(lab.connection.dataDir, '../appliance.log'), 'utf8');
    throw new Error(`not discovered; the appliance said last: ${log.slice(-2000)}`, { cause: thrown });
  }
}
