// What a node's fields may hold. Pure; thrown errors name the field.

import { type Mac, macToBytes } from '../lib/index.ts';
import type { NodeChanges } from './columns.ts';
import { fail } from './errors.ts';
import type { NodeFields } from './model.ts';
import { isUuid } from './model.ts';

// RFC 3986 unreserved characters, as Ironic takes since API 1.10: Metal3 names nodes NAMESPACE~NAME.
const NAME = /^(?!\.{1,2}$)[a-z0-9._~-]{1,255}$/i;
/** Words that stand where a name stands in a path of the API. */
const RESERVED = ['detail', 'maintenance', 'management', 'states', 'vendor_passthru', 'ports', 'portgroups', 'validate', 'none', 'null'];

/** As many as a node may have in Ironic. */
const MAX_TRAITS = 50;

// Characters. The widths Ironic has where it has the field.
const TEXT_CAPS: { readonly [F in keyof NodeFields]?: number } = {
  description: 4096,
  driver: 255,
  resourceClass: 80,
  instanceUuid: 255,
  owner: 255,
  lessee: 255,
  maintenanceReason: 4096,
  protectedReason: 4096,
  fault: 255,
  retiredReason: 4096,
  instanceName: 255,
  conductorGroup: 255,
  shard: 255,
  smbiosUuid: 64,
  smbiosSerial: 255,
  lastError: 16_384,
};

/** Why this is no node name; undefined when it is one. */
export function nameRefusal(name: string): string | undefined {
  if (!NAME.test(name)) return 'a name holds letters, digits and - . _ ~ only, 255 at most';
  if (isUuid(name)) return 'a name may not look like a UUID';
  if (RESERVED.includes(name.toLowerCase())) return 'the word is reserved';
  return undefined;
}

export function checkFields(fields: NodeChanges): void {
  if (typeof fields.name === 'string') checkName(fields.name);
  if (fields.driver === '') throw badField('driver', 'it is empty');
  const values: Readonly<Record<string, unknown>> = { ...fields };
  for (const [field, cap] of Object.entries(TEXT_CAPS)) {
    const value = values[field];
    if (typeof value === 'string' && value.length > cap)
      throw badField(field, `it has ${value.length} characters, at most ${cap} are taken`);
  }
  if (typeof fields.instanceUuid === 'string' && !isUuid(fields.instanceUuid)) throw badField('instanceUuid', 'it is no UUID');
  if ((fields.traits?.length ?? 0) > MAX_TRAITS) throw badField('traits', `a node has at most ${MAX_TRAITS} traits`);
}

/** A MAC a network card can have: not a group address, not all zeros. */
export function checkUnicast(mac: Mac): void {
  const bytes = macToBytes(mac);
  const isGroup = ((bytes[0] ?? 0) & 1) === 1;
  if (!isGroup && bytes.some((byte) => byte !== 0)) return;
  throw fail('nodes.bad_mac', {
    message: `${mac} is ${isGroup ? 'a group address' : 'no address'}, not the address of a network card`,
    hint: 'Give the address printed on the card or shown by the firmware.',
  });
}

export function badField(field: string, why: string): Error {
  return fail('nodes.bad_field', {
    message: `the field ${field} can not have this value: ${why}`,
    hint: 'Correct the value and send it again.',
    detail: { field },
  });
}

function checkName(name: string): void {
  const refusal = nameRefusal(name);
  if (refusal === undefined) return;
  throw fail('nodes.bad_name', {
    message: `${JSON.stringify(name.slice(0, 80))} is no node name: ${refusal}`,
    hint: 'Choose another name; a host name is always good.',
  });
}
