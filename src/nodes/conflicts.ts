// A unique index of ours refused a row: says which value is taken. Knows the columns, not the databases.

import { RackseedError } from '../lib/index.ts';
import { fail, type NODE_ERRORS } from './errors.ts';

type Taken = { readonly code: keyof typeof NODE_ERRORS; readonly what: string; readonly hint: string };

const TAKEN: Readonly<Record<string, Taken>> = {
  'nodes.name': {
    code: 'nodes.duplicate_name',
    what: 'A node with name',
    hint: 'Choose another name, or rename the other node first.',
  },
  'nodes.uuid': { code: 'nodes.duplicate_uuid', what: 'A node with UUID', hint: 'Leave the UUID out to get a new one.' },
  'nodes.instance_uuid': {
    code: 'nodes.duplicate_instance',
    what: 'A node with instance',
    hint: 'Take the instance from the other node first.',
  },
  'ports.uuid': { code: 'nodes.duplicate_uuid', what: 'A port with UUID', hint: 'Leave the UUID out to get a new one.' },
  'ports.address': {
    code: 'nodes.duplicate_mac',
    what: 'A port with MAC address',
    hint: 'Find it in the list of ports. One card belongs to one node: remove it there if it has moved.',
  },
};

/** Runs the write and translates a refused duplicate. `value` is what was to be stored, for the message. */
export async function withConflicts<T>(values: Readonly<Record<string, string | null | undefined>>, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw translated(error, values);
  }
}

function translated(error: unknown, values: Readonly<Record<string, string | null | undefined>>): unknown {
  if (!(error instanceof RackseedError) || error.code !== 'store.conflict') return error;
  const columns: unknown = error.detail?.columns;
  const refused: readonly unknown[] = Array.isArray(columns) ? columns : [];
  const column = Object.keys(TAKEN).find((name) => refused.includes(name));
  const taken = column === undefined ? undefined : TAKEN[column];
  if (taken === undefined || column === undefined) return error;
  return fail(taken.code, { message: `${taken.what} ${values[column] ?? 'unknown'} already exists.`, hint: taken.hint, cause: error });
}
