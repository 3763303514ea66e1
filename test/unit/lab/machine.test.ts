import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MachineSpec } from '../../../src/lab/index.ts';
import { prepareMachine, qemuArguments } from '../../../src/lab/machine.ts';

const spec: MachineSpec = {
  name: 'mini',
  firmware: 'uefi',
  mac: '52:54:00:00:00:01',
  smbiosUuid: '4c4c4544-0042-3510-8051-b4c04f4d3201',
  cpus: 1,
  memoryMb: 1024,
  diskGb: 2,
  tap: 'tap0',
};
const files = { disk: '/lab/mini.disk', serialLog: '/lab/mini.log', vars: '/lab/mini.vars.fd' };

function argumentsOf(change: Partial<MachineSpec> = {}): string {
  return qemuArguments({ ...spec, ...change }, files).join(' ');
}

describe('the arguments of a virtual machine', () => {
  it('leave BIOS its own iPXE ROM, and take it out of UEFI so that the firmware asks itself', () => {
    expect(argumentsOf({ firmware: 'bios' })).not.toMatch(/romfile|pflash|fw_cfg/);
    expect(argumentsOf()).toContain('mac=52:54:00:00:00:01,romfile=,bootindex=1');
  });

  it('leave PXE over IPv4 only in the boot menu of UEFI, unless asked', () => {
    expect(argumentsOf()).toMatch(/IPv4PXESupport,string=yes .*IPv6PXESupport,string=no/);
    expect(argumentsOf({ bootIpv4: false, bootIpv6: true })).toMatch(/IPv4PXESupport,string=no .*IPv6PXESupport,string=yes/);
  });

  it('leave UEFI HTTP Boot no PXE at all', () => {
    expect(argumentsOf({ firmware: 'uefi-http' })).toMatch(/IPv4PXESupport,string=no .*IPv6PXESupport,string=no/);
  });

  it('give Secure Boot its own build of the firmware, and flash that only it may write', () => {
    const words = argumentsOf({ firmware: 'uefi-secure' });
    expect(words).toContain('q35,smm=on');
    expect(words).toContain('OVMF_CODE_4M.secboot.fd');
    expect(words).toContain('driver=cfi.pflash01,property=secure,value=on');
  });

  it('try every port before the disk', () => {
    const words = argumentsOf({ nics: [{ mac: '52:54:00:00:00:02', tap: 'tap1' }] });
    expect(words).toContain('mac=52:54:00:00:00:02,romfile=,bootindex=2');
    expect(words).toContain('serial=LAB-MINI-0,bootindex=3');
  });

  it('plug further disks into buses of their own kind, by serial numbers that count up, and boot from none of them', () => {
    const words = argumentsOf({
      diskBus: 'nvme',
      disks: [
        { bus: 'sata', file: '/lab/a.disk' },
        { bus: 'virtio', file: '/lab/b.disk' },
        { bus: 'sata', file: '/lab/c.disk' },
      ],
    });
    expect(words).toContain('nvme,drive=disk0,serial=LAB-MINI-0,bootindex=2');
    expect(words).toContain('id=disk1,file=/lab/a.disk');
    expect(words).toMatch(/ide-hd,drive=disk1,serial=LAB-MINI-1,bus=ide.0 .*virtio-blk-pci,drive=disk2,serial=LAB-MINI-2 /);
    expect(words).toContain('ide-hd,drive=disk3,serial=LAB-MINI-3,bus=ide.1');
  });

  it('end the machine where it would restart, unless restarts are wanted', () => {
    expect(argumentsOf()).toContain('-no-reboot');
    expect(argumentsOf({ reboots: true })).not.toContain('-no-reboot');
  });
});

describe('the disk of a virtual machine', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rackseed-machine-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is empty, sparse and as large as asked', async () => {
    const { disk } = await prepareMachine({ ...spec, firmware: 'bios' }, directory);
    expect(await stat(disk)).toMatchObject({ size: 2 * 1024 ** 3, blocks: 0 });
  });

  it('is a copy of the image that was given, and may be that very file after a power cut', async () => {
    const image = join(directory, 'installed.raw');
    await writeFile(image, 'an installed system');
    const { disk } = await prepareMachine({ ...spec, firmware: 'bios', ownDisk: image }, directory);
    expect(await readFile(disk, 'utf8')).toBe('an installed system');
    await writeFile(join(directory, 'mini.serial.log'), 'said before');
    const { serialLog } = await prepareMachine({ ...spec, firmware: 'bios', ownDisk: disk }, directory);
    expect(await readFile(disk, 'utf8')).toBe('an installed system');
    expect(await readFile(serialLog, 'utf8')).toBe('said before');
  });
});
