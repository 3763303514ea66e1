// The names that rules give: a counter for each pattern that survives restarts and never gives a number twice, and no name that is in use.

import type { Clock } from '../lib/index.ts';
import { type Nodes, nameRefusal, type Reader } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { asksForCount, type NameParts, nameAgain, nameFrom } from './names-decide.ts';

export interface Names {
  /** What the next machine would be called; nothing is used up. Null: its name can not be made. */
  preview(pattern: string, parts: NameParts, on?: Reader): Promise<string | null>;
  /** Used up with the transaction. Throws enrol.no_name. */
  give(tx: Tx, pattern: string, parts: NameParts): Promise<string>;
}

export interface NamesOptions {
  readonly db: Reader;
  readonly nodes: Pick<Nodes, 'find'>;
  readonly clock: Clock;
}

/** Names in a row that are in use: then something is wrong with the pattern. */
const MAX_TRIES = 10_000;
/** For a name that is only shown: each try is a question to the store, and every report asks. */
const PREVIEW_TRIES = 32;
const MAX_COUNT = 999_999_999;

export function createNames({ db, nodes, clock }: NamesOptions): Names {
  async function nextCount(on: Reader, pattern: string): Promise<number> {
    const row = await on.selectFrom('settings').select('value').where('key', '=', keyOf(pattern)).executeTakeFirst();
    const next: unknown = row === undefined ? 1 : JSON.parse(row.value); // written by give()
    return typeof next === 'number' && Number.isSafeInteger(next) && next >= 1 ? next : 1;
  }

  async function isFree(name: string, on: Reader): Promise<boolean> {
    return nameRefusal(name) === undefined && (await nodes.find(name, on)) === undefined;
  }

  async function counted(
    on: Reader,
    pattern: string,
    parts: NameParts,
    tries = MAX_TRIES,
  ): Promise<{ readonly name: string; readonly count: number } | null> {
    const first = await nextCount(on, pattern);
    for (let count = first; count < first + tries && count <= MAX_COUNT; count += 1) {
      const name = nameFrom(pattern, parts, count);
      if (name === null) return null;
      if (await isFree(name, on)) return { name, count };
    }
    return null;
  }

  async function uncounted(on: Reader, pattern: string, parts: NameParts, tries = MAX_TRIES): Promise<string | null> {
    const name = nameFrom(pattern, parts, 0);
    if (name === null || (await isFree(name, on))) return name;
    for (let turn = 2; turn < tries; turn += 1) if (await isFree(nameAgain(name, turn), on)) return nameAgain(name, turn);
    return null;
  }

  return {
    preview: async (pattern, parts, on = db) =>
      asksForCount(pattern)
        ? ((await counted(on, pattern, parts, PREVIEW_TRIES))?.name ?? null)
        : uncounted(on, pattern, parts, PREVIEW_TRIES),

    async give(tx, pattern, parts) {
      if (!asksForCount(pattern)) return (await uncounted(tx, pattern, parts)) ?? noName(pattern);
      const found = await counted(tx, pattern, parts);
      if (found === null) return noName(pattern);
      const set = { value: JSON.stringify(found.count + 1), updated_at: clock.now() };
      await tx
        .insertInto('settings')
        .values({ key: keyOf(pattern), ...set })
        .onConflict((conflict) => conflict.column('key').doUpdateSet(set))
        .execute();
      return found.name;
    },
  };
}

function keyOf(pattern: string): string {
  return `enrol.count:${pattern}`;
}

function noName(pattern: string): never {
  throw fail('enrol.no_name', {
    message: `no name can be made of the pattern ${JSON.stringify(pattern)}: the machine lacks what it asks for, or every name is taken`,
    hint: 'Give the machine a name: rackseed node approve NODE --name NAME',
  });
}
