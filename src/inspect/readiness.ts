// The report of readiness beside the inventory that it was made of: what was remembered of earlier boots comes from the report before, and who
// shares the machine's names from the store.

import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import type { JsonObject, Node, Nodes } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import type { InventoryRequest } from './protocol.ts';
import { decideReadiness, type ReadinessReport, type SeenBoot } from './readiness-decide.ts';

const LEVEL = Type.Enum(['green', 'yellow', 'red']);
const maybe = Type.Union([Type.String(), Type.Null()]);
export const ReadinessItemSchema = Type.Object({ id: Type.String(), level: LEVEL, text: Type.String(), fix: maybe, setting: maybe });
const SeenBootSchema = Type.Object({ id: Type.String(), first: maybe });
/** As it is stored in plugin_data.readiness. */
const StoredSchema = Type.Object({ level: LEVEL, items: Type.Array(ReadinessItemSchema), boots: Type.Array(SeenBootSchema) });

const SHARED_MAX = 5;

export async function readinessOf(
  nodes: Pick<Nodes, 'inventory'>,
  tx: Tx,
  node: Pick<Node, 'uuid' | 'smbiosUuid' | 'smbiosSerial'>,
  { inventory, pluginData }: InventoryRequest,
): Promise<ReadinessReport> {
  const before = await nodes.inventory(node.uuid, tx);
  const boots = storedReadiness(before?.pluginData)?.boots ?? [];
  return decideReadiness({ inventory, facts: pluginData.facts ?? {}, gaps: pluginData.gaps, boots, sharedBy: await sharedBy(tx, node) });
}

/** As the store takes it. */
export function jsonOf({ level, items, boots }: ReadinessReport): JsonObject {
  return { level, items: items.map((item) => ({ ...item })), boots: boots.map((boot) => ({ ...boot })) };
}

/** Undefined where none was made: an agent of OpenStack's reported, or one of before this. */
export function storedReadiness(
  pluginData: JsonObject | undefined,
):
  | { readonly level: Static<typeof LEVEL>; readonly items: Static<typeof ReadinessItemSchema>[]; readonly boots: readonly SeenBoot[] }
  | undefined {
  const stored: unknown = pluginData?.readiness;
  return Check(StoredSchema, stored) ? stored : undefined;
}

/** The kind of what the firmware tries first, as it was at the boot of the last report; null: that did not tell. */
export function firstAtThisBoot(pluginData: JsonObject | undefined): string | null {
  const facts = pluginData?.facts;
  const bootId = typeof facts === 'object' && facts !== null && 'boot_id' in facts ? facts.boot_id : undefined;
  const last = storedReadiness(pluginData)?.boots.at(-1);
  return last !== undefined && last.id === bootId ? last.first : null;
}

/** For the list of reasons: what is not green, the worst first. */
export function readinessWords({ items }: Pick<ReadinessReport, 'items'>): string {
  const open = ['red', 'yellow'].flatMap((level) => items.filter((item) => item.level === level).map((item) => `${item.text} (${level})`));
  return open.length === 0 ? 'everything that was looked at is as it should be' : open.join('; ').slice(0, 1000);
}

async function sharedBy(tx: Tx, { uuid, smbiosUuid, smbiosSerial }: Pick<Node, 'uuid' | 'smbiosUuid' | 'smbiosSerial'>): Promise<string[]> {
  if (smbiosUuid === null && smbiosSerial === null) return [];
  const rows = await tx
    .selectFrom('nodes')
    .select(['uuid', 'name'])
    .where('uuid', '!=', uuid)
    .where((eb) =>
      eb.or([
        ...(smbiosUuid === null ? [] : [eb('smbios_uuid', '=', smbiosUuid)]),
        ...(smbiosSerial === null ? [] : [eb('smbios_serial', '=', smbiosSerial)]),
      ]),
    )
    .limit(SHARED_MAX)
    .execute();
  return rows.map((row) => row.name ?? row.uuid);
}
