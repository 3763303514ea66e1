// A virtual mini-PC on the lab's bridge: QEMU with a disk, that boots from the network first. Its serial console goes to a file.
// Software emulation only: hardware acceleration may be there, and yet not work, in nested machines.

import { constants, copyFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Firmware, firmwareArguments, networkArguments, VARS_TEMPLATES } from './firmware.ts';

export interface MachineNic {
  readonly mac: string;
  readonly tap: string;
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

/** Makes the disk and firmware files in `directory` and gives QEMU's arguments. */
export async function prepareMachine(spec: MachineSpec, directory: string): Promise<MachineFiles> {
  const disk = join(directory, `${spec.name}.disk`);
  const serialLog = join(directory, `${spec.name}.serial.log`);
  const vars = join(directory, `${spec.name}.vars.fd`);
  if (spec.ownDisk === undefined) {
    await writeFile(disk, '');
    await truncate(disk, spec.diskGb * 1024 ** 3);
  } else {
    await copyFile(spec.ownDisk, disk, constants.COPYFILE_FICLONE);
  }
  await writeFile(serialLog, '');
  const template = VARS_TEMPLATES[spec.firmware];
  if (template !== null) await copyFile(template, vars);
  return { serialLog, disk, arguments: qemuArguments(spec, { disk, serialLog, vars }) };
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
    ['-drive', `if=none,id=disk0,file=${files.disk},format=raw,cache=unsafe,discard=unmap`],
    ['-device', `virtio-blk-pci,drive=disk0,serial=${serial}-0,bootindex=${ports.length + 1}`],
    ...firmwareArguments(spec.firmware, files.vars),
    ...networkArguments(spec),
    ...ports.flatMap((port, index) => portArguments(spec.firmware, port, index)),
    spec.qemu ?? [],
  ].flat();
}

/** romfile= keeps QEMU's own iPXE out of UEFI machines, so that the firmware's PXE asks and our loader comes over TFTP. */
function portArguments(firmware: Firmware, { mac, tap }: MachineNic, index: number): readonly string[][] {
  const rom = firmware === 'bios' ? '' : 'romfile=,';
  return [
    ['-netdev', `tap,id=net${index},ifname=${tap},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=net${index},mac=${mac},${rom}bootindex=${index + 1}`],
  ];
}
