import { describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../../src/store/migrations/index.ts';
import { pendingMigrations } from '../../../src/store/migrations/runner.ts';
import type { Migration } from '../../../src/store/migrations/types.ts';

const KNOWN: readonly Migration[] = ['one', 'two', 'three'].map((name, index) => ({ version: index + 1, name, up: async () => undefined }));

describe('the list of migrations', () => {
  it('is numbered from 1 without gaps', () => {
    expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });
});

describe('what is left to migrate', () => {
  it('is everything for a new database, and nothing for one of this version', () => {
    expect(pendingMigrations([], KNOWN, 'db')).toEqual(KNOWN);
    expect(pendingMigrations(applied('one', 'two', 'three'), KNOWN, 'db')).toEqual([]);
  });

  it('is the later ones for an older database', () => {
    expect(pendingMigrations(applied('one'), KNOWN, 'db').map((migration) => migration.name)).toEqual(['two', 'three']);
  });

  it('is nobody’s business when the database is newer', () => {
    expect(() => pendingMigrations(applied('one', 'two', 'three', 'four'), KNOWN, 'db')).toThrow(
      'db has version 4, and this Rackseed knows versions up to 3',
    );
  });

  it('is not guessed when a number stands for something else', () => {
    expect(() => pendingMigrations(applied('one', 'zwei'), KNOWN, 'db')).toThrow('version 2 is "zwei" there and "two" in this Rackseed');
  });
});

function applied(...names: readonly string[]) {
  return names.map((name, index) => ({ version: index + 1, name }));
}
