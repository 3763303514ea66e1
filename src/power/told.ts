// That a running system was told to go off, so that its silence afterwards means that it is off. Anything else that is silent may also hang.

import type { Memory } from './memory.ts';

const NAME = 'told-off';

export interface ToldOff {
  read(uuid: string): Promise<boolean>;
  mark(uuid: string): Promise<void>;
  forget(uuid: string): Promise<void>;
}

export function createToldOff(memory: Memory): ToldOff {
  return {
    read: async (uuid) => (await memory.read(NAME, uuid)).isTold === true,
    mark: (uuid) => memory.write(NAME, uuid, { isTold: true }),
    forget: (uuid) => memory.write(NAME, uuid, {}),
  };
}
