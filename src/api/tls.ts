// The appliance's TLS key and certificate: made once, kept in the store (and so in its backup), never silently replaced,
// because installers and agents pin it. Knows nothing of the HTTP server.

import { createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { type Clock, messageOf, RackseedError, type Random, Secret } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { selfSignedCertificate } from './certificate.ts';
import { fail } from './errors.ts';

export interface ServerCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS 8. */
  readonly key: Secret;
  /** Of the DER certificate, lower-case hex without colons: what is pinned. */
  readonly fingerprintSha256: string;
  /** Names asked for that the certificate, made earlier, does not hold: clients that go by name will complain about them. */
  readonly missingNames: readonly string[];
}

export interface ServerCertificateOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Host name and addresses under which the appliance is reached; localhost is always added. */
  readonly names: readonly string[];
}

const KEY_SECRET = 'tls.key';
const CERTIFICATE_SETTING = 'tls.certificate';
const MAX_NAMES = 64;
const DNS_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;
/** Long before now: a machine whose clock battery is empty must not refuse us, and our own clock may be wrong as well. */
const NOT_BEFORE = Date.UTC(2020, 0, 1);
const VALID_YEARS = 30;
const YEAR_MS = 365.25 * 24 * 3600 * 1000;

const generateKey = promisify(generateKeyPair);

export async function ensureServerCertificate(options: ServerCertificateOptions): Promise<ServerCertificate> {
  const names = certificateNames(options.names);
  const stored = (await load(options.store)) ?? (await create(options, names));
  return verified(stored, names);
}

interface Material {
  readonly cert: string;
  readonly key: Secret;
}

/** localhost, then what was given, without doubles and without what no certificate can hold. */
export function certificateNames(given: readonly string[]): string[] {
  const wanted = ['localhost', '127.0.0.1', '::1', ...given.map((name) => name.trim().toLowerCase())];
  const usable = wanted.filter((name) => isIP(name) !== 0 || DNS_NAME.test(name));
  return [...new Set(usable)].slice(0, MAX_NAMES);
}

async function load(store: Store): Promise<Material | undefined> {
  const row = await store.db.selectFrom('settings').select('value').where('key', '=', CERTIFICATE_SETTING).executeTakeFirst();
  const key = await loadKey(store);
  if (row === undefined && key === undefined) return undefined;
  if (row === undefined) throw broken('the store holds a TLS key but no certificate for it');
  if (key === undefined) throw broken('the store holds a TLS certificate but not its key');
  return { cert: row.value, key };
}

async function loadKey(store: Store): Promise<Secret | undefined> {
  try {
    return await store.vault.get(KEY_SECRET);
  } catch (thrown) {
    if (thrown instanceof RackseedError) throw thrown; // says itself which key is missing
    throw broken(`the TLS key in the store cannot be opened: ${messageOf(thrown)}`, thrown);
  }
}

async function create({ store, clock, random }: ServerCertificateOptions, names: readonly string[]): Promise<Material> {
  const { privateKey } = await generateKey('ec', { namedCurve: 'P-256' });
  const cert = selfSignedCertificate({
    privateKey,
    serial: random.bytes(16),
    commonName: 'Rackseed appliance',
    names,
    notBefore: NOT_BEFORE,
    notAfter: clock.now() + VALID_YEARS * YEAR_MS,
  });
  const key = new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const isOurs = await store.transaction(async (tx) => {
    const row = { key: CERTIFICATE_SETTING, value: cert, updated_at: clock.now() };
    const insert = tx
      .insertInto('settings')
      .values(row)
      .onConflict((conflict) => conflict.column('key').doNothing());
    const { numInsertedOrUpdatedRows } = await insert.executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows !== 1n) return false; // another appliance on the same store was first: its pair counts
    await store.vault.put(tx, KEY_SECRET, key);
    await store.events.append(tx, { type: 'tls.created', message: 'the TLS key of the appliance was made', data: { names } });
    return true;
  });
  if (isOurs) return { cert, key };
  const theirs = await load(store);
  if (theirs === undefined) throw broken('the TLS certificate vanished from the store while it was being made');
  return theirs;
}

function verified({ cert, key }: Material, names: readonly string[]): ServerCertificate {
  const parsed = parse(cert, key);
  return {
    cert,
    key,
    fingerprintSha256: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    missingNames: names.filter((name) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) === undefined),
  };
}

function parse(cert: string, key: Secret): X509Certificate {
  let matches: boolean;
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
    matches = parsed.checkPrivateKey(createPrivateKey(key.reveal()));
  } catch (thrown) {
    throw broken(`the TLS key or certificate in the store is damaged: ${messageOf(thrown)}`, thrown);
  }
  if (!matches) throw broken('the TLS key in the store does not belong to the certificate');
  return parsed;
}

function broken(message: string, cause?: unknown): RackseedError {
  return fail('api.tls_material_broken', {
    message,
    hint: 'Restore the store from a backup. A new key would lock out every installer and agent that pins the old one, so none is made.',
    ...(cause === undefined ? {} : { cause }),
  });
}
