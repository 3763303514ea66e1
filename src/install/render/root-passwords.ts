// The password of root of each node: the one of the configuration, or one of the node's own; sealed in the store with its hash, so that an
// answer that is rendered again says the same. Knows nothing of who may read it.

import { assert, type Random, Secret, saltOf, sha512Crypt } from '../../lib/index.ts';
import type { Store, Tx } from '../../store/index.ts';
import { fail } from '../errors.ts';

export interface RootPassword {
  readonly clear: Secret;
  /** For crypt(3). */
  readonly hashed: string;
}

export interface RootPasswords {
  /** For an installation of the node; made now where it has none yet. Throws install.weak_root_password for what the installer refuses. */
  of(nodeUuid: string): Promise<RootPassword>;
  /** What the last installation was given, told in an event. Throws install.no_root_password where there was none. */
  show(node: { readonly uuid: string; readonly title: string }, actor: string): Promise<Secret>;
}

export interface RootPasswordsOptions {
  readonly store: Store;
  readonly random: Random;
  /** Of [install] root_password; null: each node has its own. */
  readonly configured: () => Promise<Secret | null>;
}

const PREFIX = 'node-root-password/';
/** What nobody mistakes on a console, nor types otherwise on a German keyboard: no 0 1 i l o, no y z. */
const LETTERS = 'abcdefghjkmnpqrstuvwx23456789';
/** 97 bits. */
const LENGTH = 20;
const SALT_BYTES = 16;
/** Since 8.4; five before. */
const LEAST_BYTES = 8;
/** Proxmox Datacenter Manager takes no more. */
const MOST_BYTES = 64;

export function createRootPasswords({ store, random, configured }: RootPasswordsOptions): RootPasswords {
  return {
    async of(nodeUuid) {
      const wanted = await configured();
      if (wanted !== null) refuseWeak(wanted);
      const name = PREFIX + nodeUuid;
      const known = fitting(await store.vault.get(name), wanted);
      if (known !== undefined) return known;
      const made = make(wanted?.reveal() ?? generate(random), wanted !== null, random);
      return store.transaction(async (tx) => {
        const meanwhile = fitting(await store.vault.get(name, tx), wanted); // somebody else was first
        if (meanwhile !== undefined) return meanwhile;
        await removeOrphans(tx);
        await store.vault.put(tx, name, new Secret(JSON.stringify(made)));
        return passwordOf(made);
      });
    },
    async show({ uuid, title }, actor) {
      const stored = read(await store.vault.get(PREFIX + uuid));
      if (stored !== undefined) {
        const message = `${actor} read the password of root`;
        await store.transaction((tx) =>
          store.events.append(tx, { type: 'install.password_shown', nodeUuid: uuid, message, data: { actor } }),
        );
        return new Secret(stored.password);
      }
      throw fail('install.no_root_password', {
        message: `no password of root is known of ${title}: nothing was installed on it by an installer from here`,
        hint: 'It has one once its installation was prepared.',
      });
    },
  };
}

interface Stored {
  readonly password: string;
  readonly hash: string;
  readonly isConfigured: boolean;
}

/** Undefined where it is not what is wanted now. */
function fitting(sealed: Secret | undefined, wanted: Secret | null): RootPassword | undefined {
  const stored = read(sealed);
  if (stored === undefined) return undefined;
  const fits = wanted === null ? !stored.isConfigured : stored.isConfigured && wanted.equals(stored.password);
  return fits ? passwordOf(stored) : undefined;
}

function passwordOf({ password, hash }: Stored): RootPassword {
  return { clear: new Secret(password), hashed: hash };
}

function read(sealed: Secret | undefined): Stored | undefined {
  if (sealed === undefined) return undefined;
  const value: unknown = JSON.parse(sealed.reveal());
  assert(typeof value === 'object' && value !== null && 'password' in value && 'hash' in value, 'a stored root password is none');
  const { password, hash } = value;
  assert(typeof password === 'string' && typeof hash === 'string', 'a stored root password is no text');
  return { password, hash, isConfigured: 'isConfigured' in value && value.isConfigured === true };
}

function make(password: string, isConfigured: boolean, random: Random): Stored {
  return { password, hash: sha512Crypt(password, saltOf(random.bytes(SALT_BYTES))), isConfigured };
}

/** Bytes beyond the last whole round of the letters are thrown away: each letter is as likely as any other. */
function generate(random: Random): string {
  const bound = 256 - (256 % LETTERS.length);
  let text = '';
  while (text.length < LENGTH)
    for (const byte of random.bytes(LENGTH)) if (byte < bound && text.length < LENGTH) text += LETTERS[byte % LETTERS.length] ?? '';
  return text;
}

function refuseWeak(password: Secret): void {
  const text = password.reveal();
  const bytes = Buffer.byteLength(text);
  const what =
    bytes < LEAST_BYTES
      ? `has ${bytes} bytes; the installer takes ${LEAST_BYTES} or more`
      : bytes > MOST_BYTES
        ? `has ${bytes} bytes; at most ${MOST_BYTES} are taken`
        : /\p{Cc}/u.test(text)
          ? 'holds a line break or another control character'
          : undefined;
  if (what === undefined) return;
  throw fail('install.weak_root_password', {
    message: `[install] root_password ${what}`,
    hint: 'Take another one, or leave the key out: then each node gets one of its own.',
  });
}

/** Of nodes that are gone: their rows can't take along what lies among the secrets. */
async function removeOrphans(tx: Tx): Promise<void> {
  const names = await tx.selectFrom('secrets').select('name').where('name', 'like', `${PREFIX}%`).execute();
  if (names.length === 0) return;
  const nodes = new Set((await tx.selectFrom('nodes').select('uuid').execute()).map(({ uuid }) => PREFIX + uuid));
  const gone = names.map(({ name }) => name).filter((name) => !nodes.has(name));
  if (gone.length > 0) await tx.deleteFrom('secrets').where('name', 'in', gone.slice(0, 500)).execute();
}
