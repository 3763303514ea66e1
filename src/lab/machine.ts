// A virtual mini-PC on the lab's bridge: QEMU with an empty disk that boots from the network. Its serial console goes to a file.

import { copyFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const FIRMWARES = ['bios', 'uefi'] as const;
export type Firmware = (typeof FIRMWARES)[number];

export interface MachineSpec {
  readonly name: string;
  readonly firmware: Firmware;
  readonly mac: string;
  readonly smbiosUuid: string;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly tap: string;
}

export interface MachineFiles {
  readonly serialLog: string;
  readonly disk: string;
  readonly arguments: readonly string[];
}

const OVMF_CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const OVMF_VARS = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** Makes the disk and firmware files in `directory` and gives QEMU's arguments. */
export async function prepareMachine(spec: MachineSpec, directory: string): Promise<MachineFiles> {
  const disk = join(directory, `${spec.name}.disk`);
  const serialLog = join(directory, `${spec.name}.serial.log`);
  await writeFile(disk, '');
  await truncate(disk, spec.diskGb * 1024 ** 3);
  await writeFile(serialLog, '');
  const vars = join(directory, `${spec.name}.vars.fd`);
  if (spec.firmware === 'uefi') await copyFile(OVMF_VARS, vars);
  return { serialLog, disk, arguments: qemuArguments(spec, { disk, serialLog, vars }) };
}

/** Software emulation only: hardware acceleration may be there, and yet not work, in nested machines. */
function qemuArguments(
  spec: MachineSpec,
  files: { readonly disk: string; readonly serialLog: string; readonly vars: string },
): readonly string[] {
  const serial = `LAB-${spec.name.toUpperCase()}`;
  return [
    ['-name', spec.name],
    ['-machine', 'q35'],
    ['-accel', 'tcg'],
    ['-cpu', 'max'],
    ['-smp', String(spec.cpus)],
    ['-m', String(spec.memoryMb)],
    ['-nodefaults', '-no-reboot'],
    ['-display', 'none'],
    ['-chardev', `file,id=serial,path=${files.serialLog},append=on`],
    ['-serial', 'chardev:serial'],
    ['-uuid', spec.smbiosUuid],
    ['-smbios', `type=1,manufacturer=Rackseed,product=Virtual mini-PC,serial=${serial},uuid=${spec.smbiosUuid}`],
    ['-device', 'virtio-rng-pci'],
    ['-drive', `if=none,id=disk0,file=${files.disk},format=raw,cache=unsafe,discard=unmap`],
    ['-device', `virtio-blk-pci,drive=disk0,serial=${serial}-0,bootindex=2`],
    ['-netdev', `tap,id=net0,ifname=${spec.tap},script=no,downscript=no`],
    ...(spec.firmware === 'uefi'
      ? uefiArguments(spec, files.vars)
      : [['-device', `virtio-net-pci,netdev=net0,mac=${spec.mac},bootindex=1`]]),
  ].flat();
}

/** romfile= keeps QEMU's own iPXE out, so that the firmware's PXE asks and our loader comes over TFTP. */
function uefiArguments(spec: MachineSpec, vars: string): readonly string[][] {
  return [
    ['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${OVMF_CODE}`],
    ['-drive', `if=pflash,format=raw,unit=1,file=${vars}`],
    ['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=no'],
    ['-device', `virtio-net-pci,netdev=net0,mac=${spec.mac},romfile=,bootindex=1`],
  ];
}
