// What drivers remember, in a Map: for tests that have no store.

import type { JsonObject } from '../../../src/nodes/index.ts';
import type { Memory } from '../../../src/power/index.ts';

export function mapMemory(): Memory {
  const values = new Map<string, JsonObject>();
  return {
    read: (driver, uuid) => Promise.resolve(values.get(`${driver}:${uuid}`) ?? {}),
    write: (driver, uuid, value) => {
      values.set(`${driver}:${uuid}`, value);
      return Promise.resolve();
    },
  };
}
