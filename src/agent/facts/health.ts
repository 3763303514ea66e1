// Health of a disk, from `smartctl --json --all`. Pure: one form for ATA, NVMe and SCSI.

import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import type { DiskHealth } from '../../inspect/facts.ts';
import { cleanDmiText, cleanSerial } from '../../inspect/identity.ts';

const number = Type.Optional(Type.Number());
const text = Type.Optional(Type.String());
/** What is read of it; smartctl says much more, and leaves out what a disk does not say. */
const SmartctlSchema = Type.Object({
  smartctl: Type.Optional(
    Type.Object({
      exit_status: number,
      messages: Type.Optional(Type.Array(Type.Object({ string: Type.String(), severity: text }))),
    }),
  ),
  serial_number: text,
  firmware_version: text,
  revision: text,
  smart_status: Type.Optional(Type.Object({ passed: Type.Optional(Type.Boolean()) })),
  temperature: Type.Optional(Type.Object({ current: number })),
  power_on_time: Type.Optional(Type.Object({ hours: number })),
  nvme_smart_health_information_log: Type.Optional(
    Type.Object({
      critical_warning: number,
      available_spare: number,
      available_spare_threshold: number,
      percentage_used: number,
      media_errors: number,
    }),
  ),
  ata_smart_attributes: Type.Optional(
    Type.Object({
      table: Type.Array(Type.Object({ id: Type.Number(), value: number, raw: Type.Optional(Type.Object({ value: number })) })),
    }),
  ),
  scsi_grown_defect_list: number,
  scsi_percentage_used_endurance_indicator: number,
  scsi_error_counter_log: Type.Optional(Type.Record(Type.String(), Type.Object({ total_uncorrected_errors: number }))),
});
type Smartctl = Static<typeof SmartctlSchema>;

// Attributes of ATA SMART by number, where makers agree on them (smartmontools, drivedb.h).
const REALLOCATED = 5;
const PENDING = 197;
const UNCORRECTABLE = 198;
/** Life left in per cent, as the normalised value: wear levelling count, media wearout indicator, percent lifetime, SSD life left. */
const LIFE_LEFT = [177, 202, 231, 233] as const;

export function parseSmartctl(name: string, output: string): DiskHealth {
  const value = parsed(output);
  if (value === undefined) return noHealth(name, 'smartctl gave no readable answer');
  const nvme = value.nvme_smart_health_information_log;
  const attributes = new Map((value.ata_smart_attributes?.table ?? []).map((row) => [row.id, row]));
  const raw = (id: number): number | null => bounded(attributes.get(id)?.raw?.value);
  const health: DiskHealth = {
    name: name.slice(0, 256),
    serial: cleanSerial(value.serial_number),
    passed: value.smart_status?.passed ?? null,
    temperature: bounded(value.temperature?.current),
    power_on_hours: bounded(value.power_on_time?.hours),
    percent_used: bounded(nvme?.percentage_used ?? value.scsi_percentage_used_endurance_indicator) ?? wornByAttributes(attributes),
    spare_percent: bounded(nvme?.available_spare),
    spare_threshold: bounded(nvme?.available_spare_threshold),
    critical_warning: bounded(nvme?.critical_warning),
    media_errors: bounded(nvme?.media_errors) ?? raw(UNCORRECTABLE) ?? uncorrected(value),
    reallocated: raw(REALLOCATED) ?? bounded(value.scsi_grown_defect_list),
    pending: raw(PENDING),
    firmware: cleanDmiText(value.firmware_version ?? value.revision),
    problem: null,
  };
  return { ...health, problem: saysNothing(health) ? problemOf(value) : null };
}

export function noHealth(name: string, problem: string): DiskHealth {
  const nothing = { serial: null, passed: null, temperature: null, power_on_hours: null, percent_used: null, spare_percent: null };
  const more = { spare_threshold: null, critical_warning: null, media_errors: null, reallocated: null, pending: null, firmware: null };
  return { name: name.slice(0, 256), ...nothing, ...more, problem: problem.slice(0, 256) };
}

function parsed(output: string): Smartctl | undefined {
  try {
    const value: unknown = JSON.parse(output);
    return Check(SmartctlSchema, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function saysNothing({ passed, temperature, power_on_hours: hours, critical_warning: warning }: DiskHealth): boolean {
  return passed === null && temperature === null && hours === null && warning === null;
}

function problemOf({ smartctl }: Smartctl): string {
  const said = smartctl?.messages?.map((one) => one.string.trim()).find((one) => one !== '');
  return (said ?? 'the disk says nothing about its health').slice(0, 256);
}

function wornByAttributes(attributes: ReadonlyMap<number, { readonly value?: number }>): number | null {
  const left = LIFE_LEFT.map((id) => attributes.get(id)?.value).find((one) => one !== undefined);
  // Disks of some makers count up to 200 or 253 there: that is no percentage.
  return left === undefined || left > 100 || left < 0 ? null : 100 - left;
}

function uncorrected({ scsi_error_counter_log: log }: Smartctl): number | null {
  return log === undefined ? null : bounded(Object.values(log).reduce((sum, one) => sum + (one.total_uncorrected_errors ?? 0), 0));
}

function bounded(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) || Math.abs(value) > 1e15 ? null : value;
}
