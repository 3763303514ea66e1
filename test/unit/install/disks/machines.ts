// Machines in few words, as the agent's report has them: disks with their udev properties, and ports.

import type { MachineReport, ProofAsk } from '../../../../src/install/index.ts';
import { bootModeOf, machineDisks, udevOf } from '../../../../src/install/index.ts';

export interface DiskWords {
  readonly name: string;
  readonly serial?: string | null;
  readonly wwn?: string | null;
  readonly gb?: number;
  readonly bytes?: number;
  readonly model?: string;
  readonly transport?: string;
  readonly rotational?: boolean;
  readonly removable?: boolean;
  readonly readOnly?: boolean;
  readonly sector?: number;
  /** Undefined: nobody looked. */
  readonly isBlank?: boolean;
  readonly isMedium?: boolean;
  readonly table?: string | undefined;
  /** Beside those that follow from the rest. */
  readonly udev?: Readonly<Record<string, string>>;
}

export interface MachineWords {
  readonly disks: readonly DiskWords[];
  readonly ports?: readonly { readonly name: string; readonly mac: string; readonly udev?: Readonly<Record<string, string>> }[];
  readonly bootMode?: 'bios' | 'uefi';
  /** In udev alone: loop devices, optical drives. */
  readonly others?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const sizeOf = ({ gb = 500, bytes }: DiskWords): number => bytes ?? gb * 1e9;

export function reportOf({ disks, ports = [], bootMode = 'uefi', others = {} }: MachineWords): MachineReport {
  const contents = disks.filter(({ isBlank, isMedium }) => isBlank !== undefined || isMedium === true);
  return {
    inventory: {
      boot: { current_boot_mode: bootMode },
      disks: disks.map((disk) => ({
        name: `/dev/${disk.name}`,
        model: disk.model ?? 'SSD',
        serial: disk.serial ?? null,
        wwn: disk.wwn ?? null,
        size: sizeOf(disk),
        by_path: null,
        transport: disk.transport ?? 'ata',
        rotational: disk.rotational ?? false,
        removable: disk.removable ?? false,
        read_only: disk.readOnly ?? false,
        ...(disk.sector === undefined ? {} : { logical_sector: disk.sector }),
      })),
      interfaces: ports.map(({ name, mac }) => ({ name, mac_address: mac })),
    },
    pluginData: {
      disk_contents: contents.map((disk) => ({
        name: `/dev/${disk.name}`,
        serial: disk.serial ?? null,
        size: sizeOf(disk),
        isBlank: disk.isBlank ?? false,
        unread: null,
        signatures: disk.isMedium === true ? [{ type: 'iso9660', partition: null }] : [],
      })),
      facts: {
        udev: {
          block: { ...Object.fromEntries(disks.map((disk) => [disk.name, udevOfDisk(disk)])), ...others },
          net: Object.fromEntries(ports.map((port) => [port.name, udevOfPort(port)])),
        },
      },
    },
  };
}

function udevOfDisk({ name, serial, wwn, table, isMedium, udev }: DiskWords): Record<string, string> {
  return {
    DEVNAME: `/dev/${name}`,
    DEVTYPE: 'disk',
    SUBSYSTEM: 'block',
    ...(typeof serial === 'string' ? { ID_SERIAL_SHORT: serial, ID_SERIAL: `SSD_${serial}` } : {}),
    ...(typeof wwn === 'string' ? { ID_WWN: wwn } : {}),
    ...(table === undefined ? {} : { ID_PART_TABLE_TYPE: 'gpt', ID_PART_TABLE_UUID: table }),
    ...(isMedium === true ? { ID_FS_TYPE: 'iso9660' } : {}),
    ...udev,
  };
}

function udevOfPort({ name, mac, udev }: NonNullable<MachineWords['ports']>[number]): Record<string, string> {
  return { INTERFACE: name, SUBSYSTEM: 'net', ID_NET_NAME_MAC: `enx${mac.replaceAll(':', '')}`, ...udev };
}

/** Of the report whatever the rest says. */
export function askOf(words: MachineWords, rest: Pick<ProofAsk, 'selection' | 'expected'> & Partial<ProofAsk>): ProofAsk {
  const report = reportOf(words);
  return {
    filesystem: 'zfs',
    raid: rest.expected.length === 1 ? 'single' : 'raid1',
    bootMode: bootModeOf(report),
    stamps: null,
    disks: machineDisks(report),
    udev: udevOf(report),
    network: null,
    ports: (words.ports ?? []).map(({ name, mac }) => ({ name, mac })),
    ...rest,
  };
}
