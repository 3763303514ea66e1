// A virtual mini-PC on the lab's bridge: QEMU with a disk, that boots from the network first. Its serial console goes to a file.
// Software emulation only: hardware acceleration may be there, and yet not work, in nested machines.

import { constants, copyFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Firmware, firmwareArguments, networkArguments, VARS_TEMPLATES } from './firmware.ts';

export interface MachineNic {
  readonly mac: string;
  readonly tap: string;
}

export type DiskBus = 'virtio' | 'sata' | 'nvme';

/** A further disk: a raw image that is used as it is, not copied. */
export interface MachineDisk {
  readonly bus: DiskBus;
  readonly file: string;
}

export interface MachineSpec extends MachineNic {
  readonly name: string;
  readonly firmware: Firmware;
  readonly smbiosUuid: string;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly diskGb: number;
  /** Further ports, tried after the first one and before the disk, as firmware with "network first" does. */
  readonly nics?: readonly MachineNic[];
  /** A raw image that is copied to be the disk, in place of an empty one of `diskGb`. */
  readonly ownDisk?: string;
  /** What that disk is plugged into: virtio, unless told otherwise. */
  readonly diskBus?: DiskBus;
  /** Their serial numbers end in -1, -2 …, in this order. The firmware does not boot from them. */
  readonly disks?: readonly MachineDisk[];
  /** Whether UEFI tries PXE over IPv6: not unless asked for, since each try costs a minute where nobody answers it. */
  readonly bootIpv6?: boolean;
  /** Whether UEFI tries PXE over IPv4: yes unless told otherwise. */
  readonly bootIpv4?: boolean;
  /** Where its ports are plugged in, when not on the lab's own bridge. */
  readonly bridge?: string;
  readonly namespace?: string;
  /** Whether it may restart by itself: by default it ends instead, so that a loop is seen as an end. */
  readonly reboots?: boolean;
  /** Further words for QEMU's command line. */
  readonly qemu?: readonly string[];
}

export interface MachineFiles {
  readonly serialLog: string;
  readonly disk: string;
  readonly arguments: readonly string[];
}

/**
 * Makes the disk and firmware files in `directory` and gives QEMU's arguments. A machine whose `ownDisk` is the very disk that it had goes on:
 * with what its firmware has stored, and its console behind what it has said.
 */
export async function prepareMachine(spec: MachineSpec, directory: string): Promise<MachineFiles> {
  const disk = join(directory, `${spec.name}.disk`);
  const serialLog = join(directory, `${spec.name}.serial.log`);
  const vars = join(directory, `${spec.name}.vars.fd`);
  if (spec.ownDisk !== disk) {
    await makeDisk(spec, disk);
    await writeFile(serialLog, '');
    const template = VARS_TEMPLATES[spec.firmware];
    if (template !== null) await copyFile(template, vars);
  }
  return { serialLog, disk, arguments: qemuArguments(spec, { disk, serialLog, vars }) };
}

async function makeDisk({ ownDisk, diskGb }: MachineSpec, disk: string): Promise<void> {
  if (ownDisk !== undefined) return copyFile(ownDisk, disk, constants.COPYFILE_FICLONE);
  await writeFile(disk, '');
  await truncate(disk, diskGb * 1024 ** 3);
}

export function portsOf(spec: MachineSpec): readonly MachineNic[] {
  return [{ mac: spec.mac, tap: spec.tap }, ...(spec.nics ?? [])];
}

export function qemuArguments(
  spec: MachineSpec,
  files: { readonly disk: string; readonly serialLog: string; readonly vars: string },
): readonly string[] {
  const serial = `LAB-${spec.name.toUpperCase()}`;
  const ports = portsOf(spec);
  const disks = [{ bus: spec.diskBus ?? 'virtio', file: files.disk }, ...(spec.disks ?? [])];
  return [
    ['-name', spec.name],
    ['-accel', 'tcg'],
    ['-cpu', 'max'],
    ['-smp', String(spec.cpus)],
    ['-m', String(spec.memoryMb)],
    ['-nodefaults'],
    spec.reboots === true ? [] : ['-no-reboot'],
    ['-display', 'none'],
    ['-chardev', `file,id=serial,path=${files.serialLog},append=on`],
    ['-serial', 'chardev:serial'],
    ['-uuid', spec.smbiosUuid],
    ['-smbios', `type=1,manufacturer=Rackseed,product=Virtual mini-PC,serial=${serial},uuid=${spec.smbiosUuid}`],
    ['-device', 'virtio-rng-pci'],
    ...diskArguments(disks, { serial, bootIndex: ports.length + 1 }),
    ...firmwareArguments(spec.firmware, files.vars),
    ...networkArguments(spec),
    ...ports.flatMap((port, index) => portArguments(spec.firmware, port, index)),
    spec.qemu ?? [],
  ].flat();
}

const DISK_DEVICES: Readonly<Record<DiskBus, string>> = { virtio: 'virtio-blk-pci', sata: 'ide-hd', nvme: 'nvme' };

/** The first one is what the firmware boots from, after the ports. Each SATA port has a bus of its own. */
function diskArguments(
  disks: readonly MachineDisk[],
  { serial, bootIndex }: { readonly serial: string; readonly bootIndex: number },
): readonly string[][] {
  return disks.flatMap(({ bus, file }, index) => {
    const port = disks.slice(0, index).filter((one) => one.bus === 'sata').length;
    const more = `${bus === 'sata' ? `,bus=ide.${port}` : ''}${index === 0 ? `,bootindex=${bootIndex}` : ''}`;
    return [
      ['-drive', `if=none,id=disk${index},file=${file},format=raw,cache=unsafe,discard=unmap`],
      ['-device', `${DISK_DEVICES[bus]},drive=disk${index},serial=${serial}-${index}${more}`],
    ];
  });
}

/** romfile= keeps QEMU's own iPXE out of UEFI machines, so that the firmware's PXE asks and our loader comes over TFTP. */
function portArguments(firmware: Firmware, { mac, tap }: MachineNic, index: number): readonly string[][] {
  const rom = firmware === 'bios' ? '' : 'romfile=,';
  return [
    ['-netdev', `tap,id=net${index},ifname=${tap},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=net${index},mac=${mac},${rom}bootindex=${index + 1}`],
  ];
}
