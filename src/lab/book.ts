// What a lab has started, in a file: whoever takes it down later finds it there.

import { readFile, writeFile } from 'node:fs/promises';
import { systemCode } from '../lib/index.ts';
import type { MachineSpec } from './machine.ts';
import type { LabNetwork } from './network.ts';
import type { LabProcess } from './processes.ts';

export interface LabState {
  readonly network: LabNetwork;
  /** Further ones, which go with the lab. */
  readonly namespaces: readonly string[];
  readonly processes: readonly LabProcess[];
  readonly machines: readonly MachineSpec[];
}

export interface Book {
  look(): Promise<LabState>;
  change(to: (state: LabState) => LabState): Promise<void>;
}

/** `empty` is what a lab has of which nothing is written. */
export function createBook(file: string, empty: LabState): Book {
  let lastTurn: Promise<unknown> = Promise.resolve();

  /** The file is read and written whole, and machines start and end side by side. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = lastTurn.then(work);
    lastTurn = turn.catch(() => undefined); // told to whoever waits for it
    return turn;
  }

  async function read(): Promise<LabState> {
    try {
      return { ...empty, ...(JSON.parse(await readFile(file, 'utf8')) as LabState) }; // only change() writes it, perhaps an older one
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return empty;
      throw thrown;
    }
  }

  return {
    look: () => inTurn(read),
    change: (to) => inTurn(async () => writeFile(file, JSON.stringify(to(await read()), null, 2))),
  };
}
