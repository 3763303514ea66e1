// What fields of several kinds of records may hold. Pure; thrown errors name the field.

import type { Reader } from '../list.ts';
import { isUuid } from '../model.ts';
import { badValue, fail } from './errors.ts';

/** RFC 3986 unreserved characters: what can stand in a path of the API. */
const LOGICAL_NAME = /^[A-Za-z0-9\-._~]{1,255}$/;

export function isLogicalName(text: string): boolean {
  return LOGICAL_NAME.test(text);
}

export function checkText(field: string, text: string | null, most: number, least = 0): void {
  if (text === null || (text.length >= least && text.length <= most)) return;
  throw badValue(`${field} has ${text.length} characters; ${least} to ${most} are taken.`);
}

export function checkLogicalName(what: string, name: string | null): void {
  if (name === null || isLogicalName(name)) return;
  throw badValue(
    `Cannot create ${what} with invalid name '${name.slice(0, 80)}'`,
    'A name holds letters, digits and - . _ ~ only, 255 at most.',
  );
}

/** A UUID that names a node which is there. */
export async function checkNode(db: Reader, uuid: string): Promise<void> {
  const found = isUuid(uuid) ? await db.selectFrom('nodes').select('uuid').where('uuid', '=', uuid).executeTakeFirst() : undefined;
  if (found === undefined) throw fail('records.no_such_reference', { message: `Node ${uuid.slice(0, 80)} could not be found.` });
}
