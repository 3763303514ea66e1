// What a node was installed as, as far as its pipeline asks for that: read from the record of installations, which others write.

import type { DiskRef } from '../inspect/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';

export interface Installed {
  readonly at: number;
  readonly fqdn: string | null;
  /** With prefix; null: from DHCP. */
  readonly cidr: string | null;
  readonly disks: readonly Pick<DiskRef, 'serial' | 'wwn' | 'title'>[];
  readonly firstBoot: JsonObject;
}

/** The newest, whatever became of it; undefined: there was none. */
export async function installedOf({ db }: Store, nodeUuid: string): Promise<Installed | undefined> {
  const rows = db.selectFrom('installations').select(['plan', 'first_boot', 'created_at']).where('node_uuid', '=', nodeUuid);
  const row = await rows.orderBy('created_at', 'desc').limit(1).executeTakeFirst();
  return row === undefined ? undefined : installedIn(row);
}

export function installedIn(row: { readonly plan: string; readonly first_boot: string | null; readonly created_at: number }): Installed {
  const plan = JSON.parse(row.plan) as JsonObject; // the book of installations writes objects alone
  const first = row.first_boot === null ? {} : (JSON.parse(row.first_boot) as JsonObject); // likewise
  const address = objectIn(plan.address);
  return {
    at: Number(row.created_at),
    fqdn: textIn(plan.fqdn),
    cidr: textIn(address.cidr),
    disks: Array.isArray(plan.disks) ? plan.disks.map((disk) => diskIn(objectIn(disk))) : [],
    firstBoot: first,
  };
}

function diskIn({ serial, wwn, title }: JsonObject): Installed['disks'][number] {
  return { serial: textIn(serial), wwn: textIn(wwn), title: textIn(title) ?? 'a disk' };
}

export function objectIn(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // an object of a JSON column
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
