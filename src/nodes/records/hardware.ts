// What was last read from, or put into, a node's machine: BIOS settings, firmware versions, virtual media. Written by whoever asked the
// machine; here it is only kept.

import type { BiosSettingTable, FirmwareComponentTable, Tx, VirtualMediaTable } from '../../store/index.ts';
import { type JsonObject, parseJsonColumn } from '../json.ts';
import type { Reader } from '../list.ts';
import { fail } from './errors.ts';

/** Servers have some 300 settings and 60 components; a BMC that tells of more than this is broken. */
const MAX_ROWS = 4000;
const MAX_REGISTRY_BYTES = 16 * 1024;

interface Times {
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface BiosSetting extends Times {
  readonly name: string;
  readonly value: string | null;
  /** What the firmware says of it: attribute_type, allowable_values, bounds, read_only, … */
  readonly registry: JsonObject;
}

export interface FirmwareComponent extends Times {
  readonly component: string;
  readonly initialVersion: string | null;
  readonly currentVersion: string | null;
  readonly lastVersionFlashed: string | null;
}

export interface VirtualMedium {
  readonly deviceType: string;
  readonly imageUrl: string;
  readonly imageDownloadSource: string | null;
  readonly insertedAt: number;
}

export interface HardwareRecords {
  /** By name. */
  bios(nodeUuid: string, on?: Reader): Promise<BiosSetting[]>;
  /** All that the machine has now; what it has no more goes. */
  saveBios(tx: Tx, nodeUuid: string, settings: readonly Pick<BiosSetting, 'name' | 'value' | 'registry'>[]): Promise<void>;
  firmware(nodeUuid: string, on?: Reader): Promise<FirmwareComponent[]>;
  /** A version other than the one known has been flashed. */
  saveFirmware(tx: Tx, nodeUuid: string, found: readonly { readonly component: string; readonly version: string | null }[]): Promise<void>;
  media(nodeUuid: string, on?: Reader): Promise<VirtualMedium[]>;
  /** In the place of what was in that device. */
  inserted(tx: Tx, nodeUuid: string, medium: Omit<VirtualMedium, 'insertedAt'>): Promise<void>;
  /** Null: out of every device. */
  ejected(tx: Tx, nodeUuid: string, deviceTypes: readonly string[] | null): Promise<void>;
}

export function createHardwareRecords({ db, now }: { readonly db: Reader; readonly now: () => number }): HardwareRecords {
  return {
    bios: (node, on) => listBios(on ?? db, node),
    saveBios: (tx, node, settings) => saveBios(tx, node, settings, now()),
    firmware: (node, on) => listFirmware(on ?? db, node),
    saveFirmware: (tx, node, found) => saveFirmware(tx, node, found, now()),
    media: async (node, on) => {
      const rows = await (on ?? db).selectFrom('virtual_media').selectAll().where('node_uuid', '=', node).orderBy('device_type').execute();
      return rows.map(mediumOf);
    },
    inserted: async (tx, node, { deviceType, imageUrl, imageDownloadSource }) => {
      const content = { image_url: imageUrl, image_download_source: imageDownloadSource, inserted_at: now() };
      await tx
        .insertInto('virtual_media')
        .values({ node_uuid: node, device_type: deviceType, ...content })
        .onConflict((conflict) => conflict.columns(['node_uuid', 'device_type']).doUpdateSet(content))
        .execute();
    },
    ejected: async (tx, node, deviceTypes) => {
      const all = tx.deleteFrom('virtual_media').where('node_uuid', '=', node);
      await (deviceTypes === null ? all : all.where('device_type', 'in', deviceTypes)).execute();
    },
  };
}

async function listBios(db: Reader, node: string): Promise<BiosSetting[]> {
  const rows = await db.selectFrom('bios_settings').selectAll().where('node_uuid', '=', node).orderBy('name').execute();
  return rows.map(biosOf);
}

async function saveBios(
  tx: Tx,
  node: string,
  settings: readonly Pick<BiosSetting, 'name' | 'value' | 'registry'>[],
  at: number,
): Promise<void> {
  checkCount('BIOS settings', settings.length);
  const known = new Map((await listBios(tx, node)).map((one) => [one.name, one]));
  for (const { name, value, registry } of new Map(settings.map((one) => [one.name, one])).values()) {
    const before = known.get(name);
    known.delete(name);
    const text = registryText(name, registry);
    if (before === undefined) {
      const row = { node_uuid: node, name, value, registry: text, created_at: at, updated_at: at };
      await tx.insertInto('bios_settings').values(row).execute();
    } else if (before.value !== value || JSON.stringify(before.registry) !== text) {
      const change = { value, registry: text, updated_at: at };
      await tx.updateTable('bios_settings').set(change).where('node_uuid', '=', node).where('name', '=', name).execute();
    }
  }
  for (const gone of known.keys()) await tx.deleteFrom('bios_settings').where('node_uuid', '=', node).where('name', '=', gone).execute();
}

async function listFirmware(db: Reader, node: string): Promise<FirmwareComponent[]> {
  const rows = await db.selectFrom('firmware_components').selectAll().where('node_uuid', '=', node).orderBy('component').execute();
  return rows.map(componentOf);
}

async function saveFirmware(
  tx: Tx,
  node: string,
  found: readonly { readonly component: string; readonly version: string | null }[],
  at: number,
): Promise<void> {
  checkCount('firmware components', found.length);
  const known = new Map((await listFirmware(tx, node)).map((one) => [one.component, one]));
  for (const [component, version] of new Map(found.map((one) => [one.component, one.version]))) {
    const before = known.get(component);
    known.delete(component);
    if (before === undefined) {
      const versions = { initial_version: version, current_version: version, last_version_flashed: null };
      await tx
        .insertInto('firmware_components')
        .values({ node_uuid: node, component, ...versions, created_at: at, updated_at: at })
        .execute();
    } else if (before.currentVersion !== version) {
      const change = { current_version: version, last_version_flashed: version, updated_at: at };
      await tx.updateTable('firmware_components').set(change).where('node_uuid', '=', node).where('component', '=', component).execute();
    }
  }
  for (const gone of known.keys())
    await tx.deleteFrom('firmware_components').where('node_uuid', '=', node).where('component', '=', gone).execute();
}

function checkCount(what: string, count: number): void {
  if (count <= MAX_ROWS) return;
  throw fail('records.too_large', {
    message: `the machine tells of ${count} ${what}; at most ${MAX_ROWS} are kept`,
    hint: 'Look at its BMC.',
  });
}

function registryText(name: string, registry: JsonObject): string {
  const text = JSON.stringify(registry);
  if (Buffer.byteLength(text) <= MAX_REGISTRY_BYTES) return text;
  throw fail('records.too_large', {
    message: `the firmware says more than ${MAX_REGISTRY_BYTES} bytes of its setting ${name.slice(0, 80)}`,
  });
}

function biosOf(row: BiosSettingTable): BiosSetting {
  const where = `BIOS setting ${row.name} of node ${row.node_uuid}`;
  const registry = parseJsonColumn('internal_info', row.registry, where);
  return { name: row.name, value: row.value, registry, createdAt: row.created_at, updatedAt: row.updated_at };
}

function componentOf(row: FirmwareComponentTable): FirmwareComponent {
  return {
    component: row.component,
    initialVersion: row.initial_version,
    currentVersion: row.current_version,
    lastVersionFlashed: row.last_version_flashed,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function mediumOf(row: VirtualMediaTable): VirtualMedium {
  return {
    deviceType: row.device_type,
    imageUrl: row.image_url,
    imageDownloadSource: row.image_download_source,
    insertedAt: row.inserted_at,
  };
}
