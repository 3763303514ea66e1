// Secrets inside driver_info: sealed with the store's key and bound to the node and the key they stand at. What is read back
// stays sealed until somebody opens it, so that listing nodes never decrypts anything.

import { Secret } from '../lib/index.ts';
import { driverInfoContext, type Vault } from '../store/index.ts';
import { fail } from './errors.ts';
import { checkDepth, isJsonObject, type JsonObject, type JsonValue } from './json.ts';

/** A sealed value as it was read. Prints as `***`; open it with openDriverInfo. */
export class SealedSecret {
  readonly #sealed: string;
  /** The place it is bound to. */
  readonly context: string;

  constructor(sealed: string, context: string) {
    this.#sealed = sealed;
    this.context = context;
  }

  /** The stored text, useless without the key. */
  get text(): string {
    return this.#sealed;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }
}

export type SecretTree = string | number | boolean | null | Secret | SealedSecret | readonly SecretTree[] | DriverInfo;
export interface DriverInfo {
  readonly [key: string]: SecretTree;
}

const MARK = '$sealed';
const SECRET_KEY = /(?:password|passwd|passphrase|secret|token|community|credential|private_key|(?<!public)_key)$/i;
const MASKS = /^\*{3,6}$/;

/** Strings under such a key are sealed even when the caller did not say that they are secret. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

type Cipher = Pick<Vault, 'seal' | 'open'>;

/** Ready for the column: every secret sealed. */
export function sealDriverInfo(nodeUuid: string, info: DriverInfo, vault: Cipher): JsonObject {
  checkDepth('driver_info', info);
  return sealObject(info, driverInfoContext(nodeUuid), vault);
}

/** From the column: sealed values as SealedSecret. */
export function readDriverInfo(nodeUuid: string, stored: JsonObject): DriverInfo {
  return readObject(stored, driverInfoContext(nodeUuid));
}

/** Every sealed value opened. Only for whoever is about to talk to the machine's BMC. */
export function openDriverInfo(info: DriverInfo, vault: Cipher): DriverInfo {
  return openObject(info, vault);
}

function sealObject(info: DriverInfo, at: string, vault: Cipher): JsonObject {
  return mapObject(info, (value, key) => sealValue(value, key, `${at}/${key}`, vault));
}

function sealValue(value: SecretTree, key: string, context: string, vault: Cipher): JsonValue {
  if (value instanceof SealedSecret) {
    // Moved to another key: bound anew.
    if (value.context !== context) return { [MARK]: vault.seal(vault.open(value.text, value.context), context) };
    return { [MARK]: value.text };
  }
  if (value instanceof Secret) return { [MARK]: vault.seal(value, context) };
  if (typeof value === 'string') return isSecretKey(key) ? { [MARK]: sealText(value, context, vault) } : value;
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((inner, index) => sealValue(inner, key, `${context}/${index}`, vault));
  if (MARK in value) {
    throw fail('nodes.bad_field', {
      message: `${context} has a key called ${MARK}, which is reserved`,
      hint: 'Give the secret itself; it is sealed when it is stored.',
    });
  }
  return sealObject(value, context, vault);
}

function sealText(text: string, context: string, vault: Cipher): string {
  if (MASKS.test(text)) {
    throw fail('nodes.bad_field', {
      message: `${context} is a row of asterisks, as a secret is shown, not the secret`,
      hint: 'Leave the key out to keep the stored secret, or give the secret itself.',
    });
  }
  return vault.seal(new Secret(text), context);
}

function readObject(stored: JsonObject, at: string): DriverInfo {
  return mapObject(stored, (value, key) => readValue(value, `${at}/${key}`));
}

function readValue(value: JsonValue, context: string): SecretTree {
  if (typeof value !== 'object' || value === null) return value;
  if (!isJsonObject(value)) return value.map((inner, index) => readValue(inner, `${context}/${index}`));
  const sealed = value[MARK];
  return typeof sealed === 'string' ? new SealedSecret(sealed, context) : readObject(value, context);
}

function openObject(info: DriverInfo, vault: Cipher): DriverInfo {
  return mapObject(info, (value) => openValue(value, vault));
}

function openValue(value: SecretTree, vault: Cipher): SecretTree {
  if (value instanceof SealedSecret) return vault.open(value.text, value.context);
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  return isList(value) ? value.map((inner) => openValue(inner, vault)) : openObject(value, vault);
}

function mapObject<In, Out>(
  object: { readonly [key: string]: In },
  change: (value: In, key: string) => Out,
): { readonly [key: string]: Out } {
  // fromEntries defines own properties, so that a key called __proto__ is only a key.
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}

function isList(value: readonly SecretTree[] | DriverInfo): value is readonly SecretTree[] {
  return Array.isArray(value);
}
