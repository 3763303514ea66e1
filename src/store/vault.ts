// Sealed text: AES-256-GCM with a key that is never in the database. The context (table, row, field) is authenticated, so a
// value copied elsewhere does not open. The key's id is in the text, so that old values open while keys are changed.

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { assert, type Clock, type Random, Secret } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { Database } from './schema.ts';
import type { StoreKey, Tx, Vault } from './types.ts';

const CIPHER = 'aes-256-gcm';
const FORMAT = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface VaultOptions {
  readonly db: Kysely<Database>;
  /** The first one seals, all of them open. */
  readonly keys: readonly StoreKey[];
  readonly clock: Clock;
  readonly random: Random;
}

export class StoreVault implements Vault {
  readonly #db: Kysely<Database>;
  readonly #clock: Clock;
  readonly #random: Random;
  #keys: readonly StoreKey[];
  /** As OpenSSL takes them: made of bytes for each call they cost six times what sealing does (17 µs, 2.6). */
  readonly #made = new WeakMap<StoreKey, KeyObject>();

  constructor({ db, keys, clock, random }: VaultOptions) {
    assert(keys.length > 0, 'a store was opened without a key');
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
    this.#keys = keys;
  }

  /** The key that seals. */
  get keyId(): string {
    const [key] = this.#keys;
    assert(key, 'a store without a key');
    return key.id;
  }

  /** From now on the first of these seals; used by the rotation of keys. */
  useKeys(keys: readonly StoreKey[]): void {
    assert(keys.length > 0, 'a store cannot be left without a key');
    this.#keys = keys;
  }

  seal(secret: Secret, context: string): string {
    const [key] = this.#keys;
    assert(key, 'a store without a key');
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#keyOf(key), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(authenticated(key.id, context));
    const sealed = Buffer.concat([nonce, cipher.update(secret.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${FORMAT}:${key.id}:${sealed.toString('base64url')}`;
  }

  open(sealed: string, context: string): Secret {
    const { keyId, bytes } = parseSealed(sealed, context);
    const key = this.#keys.find((candidate) => candidate.id === keyId);
    if (key === undefined)
      throw fail('store.sealed_invalid', {
        message: `${context} was sealed with the key ${keyId}, which is not among the store's keys`,
        hint: 'put that key back into the key file',
      });
    const decipher = createDecipheriv(CIPHER, this.#keyOf(key), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(authenticated(keyId, context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      return new Secret(text.toString('utf8'));
    } catch (cause) {
      throw unopenable(context, 'it is damaged, belongs to another row, or the key is not the one it was sealed with', cause);
    }
  }

  #keyOf(key: StoreKey): KeyObject {
    const made = this.#made.get(key) ?? createSecretKey(key.bytes);
    this.#made.set(key, made);
    return made;
  }

  async get(name: string, on: Pick<Tx, 'selectFrom'> = this.#db): Promise<Secret | undefined> {
    const row = await on.selectFrom('secrets').select('sealed').where('name', '=', name).executeTakeFirst();
    return row === undefined ? undefined : this.open(row.sealed, secretContext(name));
  }

  async put(tx: Tx, name: string, secret: Secret): Promise<void> {
    const sealed = this.seal(secret, secretContext(name));
    await tx
      .insertInto('secrets')
      .values({ name, sealed, updated_at: this.#clock.now() })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet({ sealed: sql.ref('excluded.sealed'), updated_at: sql.ref('excluded.updated_at') }),
      )
      .execute();
  }
}

export function secretContext(name: string): string {
  return `secrets/${name}`;
}

/**
 * Where {"$sealed": …} inside a node's driver_info is bound to: this, then /KEY and /INDEX for each level down. The change of
 * keys walks the same way.
 */
export function driverInfoContext(nodeUuid: string): string {
  return `node/${nodeUuid}/driver_info`;
}

/** Which key a sealed text needs. */
export function keyIdOf(sealed: string, context: string): string {
  return parseSealed(sealed, context).keyId;
}

function parseSealed(sealed: string, context: string): { keyId: string; bytes: Buffer } {
  const [format, keyId, text, ...rest] = sealed.split(':');
  if (format !== FORMAT || keyId === undefined || text === undefined || rest.length > 0)
    throw unopenable(context, 'it is not a sealed text');
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw unopenable(context, 'it is cut short');
  return { keyId, bytes };
}

/** Length first: no pair of key id and context can be written as another pair. */
function authenticated(keyId: string, context: string): Buffer {
  return Buffer.from(`rackseed ${FORMAT} ${keyId.length} ${keyId} ${context}`);
}

function unopenable(context: string, why: string, cause?: unknown) {
  return fail('store.sealed_invalid', {
    message: `the sealed value of ${context} can't be opened: ${why}`,
    hint: 'set the secret again',
    cause,
  });
}
