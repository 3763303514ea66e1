import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { describe, expect, it } from 'vitest';
import { Secret, systemClock, systemRandom } from '../../../src/lib/index.ts';
import type { Database, StoreKey } from '../../../src/store/index.ts';
import { newKey } from '../../../src/store/keys.ts';
import { keyIdOf, StoreVault } from '../../../src/store/vault.ts';

const OLD = key('old');
const NEW = key('new');

/** No query runs in these tests. */
const db = new Kysely<Database>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (inner) => new SqliteIntrospector(inner),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

describe('a sealed text', () => {
  it('opens to what was sealed, whatever it was', () => {
    const vault = vaultWith(NEW);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, context) => {
        expect(vault.open(vault.seal(new Secret(text), context), context).reveal()).toBe(text);
      }),
    );
  });

  it('is different each time, and shows nothing', () => {
    const vault = vaultWith(NEW);
    const [one, two] = [vault.seal(new Secret('geheim'), 'a'), vault.seal(new Secret('geheim'), 'a')];
    expect(one).not.toBe(two);
    expect(one).not.toContain('geheim');
  });

  it('does not open elsewhere', () => {
    const vault = vaultWith(NEW);
    const sealed = vault.seal(new Secret('geheim'), 'node/1/driver_info/password');
    expect(() => vault.open(sealed, 'node/2/driver_info/password')).toThrow(/node\/2\/driver_info\/password can't be opened/);
  });

  it('does not open when any of its characters was changed', () => {
    const vault = vaultWith(NEW);
    const sealed = vault.seal(new Secret('geheim'), 'a');
    for (let index = 0; index < sealed.length; index += 1) {
      const other = sealed[index] === 'A' ? 'Q' : 'A';
      const changed = sealed.slice(0, index) + other + sealed.slice(index + 1);
      expect(() => vault.open(changed, 'a'), changed).toThrow();
    }
  });

  it('does not open when it is cut, empty or other text', () => {
    const vault = vaultWith(NEW);
    const sealed = vault.seal(new Secret('geheim'), 'a');
    for (const wrong of ['', 'geheim', 'v1:new', 'v1:new:', sealed.slice(0, -8), `${sealed}:x`, sealed.replace('v1', 'v2')])
      expect(() => vault.open(wrong, 'a'), wrong).toThrow(expect.objectContaining({ code: 'store.sealed_invalid' }));
  });

  it('opens with an older key, and is sealed with the newest', () => {
    const sealed = vaultWith(OLD).seal(new Secret('geheim'), 'a');
    const both = vaultWith(NEW, OLD);
    expect(both.open(sealed, 'a').reveal()).toBe('geheim');
    expect(keyIdOf(both.seal(new Secret('x'), 'a'), 'a')).toBe('new');
    expect(() => vaultWith(NEW).open(sealed, 'a')).toThrow(/key old/);
  });
});

describe('a new key', () => {
  it('has an id that is a digest of it and tells nothing of it', () => {
    const made = newKey(systemRandom);
    expect(made.bytes).toHaveLength(32);
    expect(made.id).toMatch(/^[0-9a-f]{12}$/);
    expect(newKey(systemRandom).id).not.toBe(made.id);
  });
});

function vaultWith(...keys: readonly StoreKey[]): StoreVault {
  return new StoreVault({ db, keys, clock: systemClock, random: systemRandom });
}

function key(id: string): StoreKey {
  return { id, bytes: createHash('sha256').update(id).digest() };
}
