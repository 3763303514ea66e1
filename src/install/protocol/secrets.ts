// What the requests of one installation are known by: made once, kept sealed for what is rendered again and as hashes for what is compared.

import { createHash } from 'node:crypto';
import { assert, type Random, Secret } from '../../lib/index.ts';
import type { Vault } from '../../store/index.ts';

export interface InstallSecrets {
  /** In the mode file: the end of the answer's URL, and the second half of the token. */
  readonly answer: string;
  /** In the answer: the end of the web hook's URL, and its token. */
  readonly hook: string;
  /** In the answer: the end of the first boot's URL. */
  readonly firstBoot: string;
}

const SECRET_BYTES = 32;
const BOOT_ID_BYTES = 16;
/** As they are made here; anything else is nobody's and not looked for. */
const SECRET_FORM = /^[A-Za-z0-9_-]{43}$/;

export function newSecrets(random: Random): InstallSecrets {
  const secret = (): string => random.bytes(SECRET_BYTES).toString('base64url');
  return { answer: secret(), hook: secret(), firstBoot: secret() };
}

/** In URLs that go over plain HTTP: it opens no more than the bytes that are booted. */
export function newBootId(random: Random): string {
  return random.bytes(BOOT_ID_BYTES).toString('base64url');
}

export function isSecret(text: string): boolean {
  return SECRET_FORM.test(text);
}

/** Of 256 random bits: it needs no salt, and looking it up tells nobody how near a guess was. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The change of the store's key (store/rotate.ts) knows it too. */
function contextOf(uuid: string): string {
  return `installations/${uuid}/secrets`;
}

export function sealSecrets(vault: Pick<Vault, 'seal'>, uuid: string, secrets: InstallSecrets): string {
  return vault.seal(new Secret(JSON.stringify(secrets)), contextOf(uuid));
}

export function openSecrets(vault: Pick<Vault, 'open'>, uuid: string, sealed: string): InstallSecrets {
  const value: unknown = JSON.parse(vault.open(sealed, contextOf(uuid)).reveal());
  assert(typeof value === 'object' && value !== null, 'the secrets of an installation are no object');
  const text = (key: string): string => {
    const found: unknown = Reflect.get(value, key);
    assert(typeof found === 'string', `the secrets of an installation have no ${key}`);
    return found;
  };
  return { answer: text('answer'), hook: text('hook'), firstBoot: text('firstBoot') };
}
