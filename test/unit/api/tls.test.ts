import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../../../src/api/certificate.ts';
import { parseIpv6 } from '../../../src/api/ipv6.ts';
import { certificateNames, ensureServerCertificate } from '../../../src/api/tls.ts';
import { systemRandom as random, Secret } from '../../../src/lib/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore, temporaryUrl } from '../../support/store.ts';

const clock = createFakeClock(Date.UTC(2026, 10, 21));
const names = ['Appliance.lan', '192.168.7.2', 'fd00::2'];

function ensure(store: Store, wanted: readonly string[] = names) {
  return ensureServerCertificate({ store, clock, random, names: wanted });
}

function anotherKey(): Secret {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

const alter = (store: Store, value: string) =>
  store.db.updateTable('settings').set({ value }).where('key', '=', 'tls.certificate').execute();

describe('the TLS certificate', () => {
  it('names the appliance, lasts 30 years from long ago, and fits its key', async () => {
    const { cert, key, fingerprintSha256, missingNames } = await ensure(await openTestStore());
    const parsed = new X509Certificate(cert);
    for (const host of ['localhost', 'appliance.lan']) expect(parsed.checkHost(host)).toBe(host);
    for (const address of ['127.0.0.1', '::1', '192.168.7.2', 'fd00::2']) expect(parsed.checkIP(address)).toBeDefined();
    expect(parsed.checkHost('other.lan')).toBeUndefined();
    expect(missingNames).toEqual([]);
    expect(parsed.ca).toBe(false);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(parsed.publicKey.equals(createPublicKey(key.reveal()))).toBe(true);
    expect(parsed.validFromDate).toEqual(new Date('2020-01-01T00:00:00Z'));
    expect(parsed.validToDate.getUTCFullYear()).toBe(2056);
    expect(fingerprintSha256).toBe(createHash('sha256').update(parsed.raw).digest('hex'));
  });

  it('is the same after a restart, also under other names, and says which names it lacks', async () => {
    const url = await temporaryUrl();
    const before = await openTestStore({ url });
    const first = await ensure(before);
    await before.close();
    const after = await openTestStore({ url });
    const second = await ensure(after, ['new.lan', 'appliance.lan', '10.0.0.9', 'fd00:0::0:2']);
    expect(second.cert).toBe(first.cert);
    expect(second.key.reveal()).toBe(first.key.reveal());
    expect(second.missingNames).toEqual(['new.lan', '10.0.0.9']);
  });

  it('keeps its key sealed in the store, and unseen in everything printed', async () => {
    const store = await openTestStore();
    const made = await ensure(store);
    const { sealed } = await store.db.selectFrom('secrets').select('sealed').where('name', '=', 'tls.key').executeTakeFirstOrThrow();
    const body = made.key.reveal().split('\n')[1] ?? '?';
    expect(sealed).not.toContain(body);
    expect(JSON.stringify(made)).not.toContain(body);
    expect((await store.events.list({ after: 0, limit: 10 })).map((event) => event.type)).toEqual(['tls.created']);
  });

  it('is one and the same when two starts race', async () => {
    const store = await openTestStore();
    const [one, two] = await Promise.all([ensure(store), ensure(store)]);
    expect(one.cert).toBe(two.cert);
    expect(one.key.reveal()).toBe(two.key.reveal());
  });

  const damage: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
    ['the certificate is cut off', (store) => alter(store, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')],
    ['the certificate is empty', (store) => alter(store, '')],
    ['the certificate is gone', (store) => store.db.deleteFrom('settings').where('key', '=', 'tls.certificate').execute()],
    ['the key is gone', (store) => store.db.deleteFrom('secrets').where('name', '=', 'tls.key').execute()],
    ['the key is another', (store) => store.transaction((tx) => store.vault.put(tx, 'tls.key', anotherKey()))],
    ['the key is no key', (store) => store.transaction((tx) => store.vault.put(tx, 'tls.key', new Secret('hello')))],
  ];

  it.each(damage)('is an error, never a new key, when %s', async (_what, harm) => {
    const store = await openTestStore();
    await ensure(store);
    await harm(store);
    const rows = () =>
      Promise.all([store.db.selectFrom('settings').selectAll().execute(), store.db.selectFrom('secrets').selectAll().execute()]);
    const before = await rows();
    await expect(ensure(store)).rejects.toMatchObject({ code: 'api.tls_material_broken', hint: containing('backup') });
    expect(await rows()).toEqual(before);
  });

  it('is an error when the sealed key was tampered with', async () => {
    const store = await openTestStore();
    await ensure(store);
    await store.db.updateTable('secrets').set({ sealed: 'v1.test.AAAA' }).execute();
    await expect(ensure(store)).rejects.toMatchObject({ name: 'RackseedError' });
  });
});

describe('names for a certificate', () => {
  it('always hold this machine, each once, and nothing a certificate cannot hold', () => {
    expect(certificateNames(['A.lan', 'a.lan ', '127.0.0.1', 'two words', '', '*', '-x', `${'a'.repeat(64)}.lan`, 'ü.lan'])).toEqual([
      'localhost',
      '127.0.0.1',
      '::1',
      'a.lan',
    ]);
  });

  it('are at most 64', () => {
    expect(certificateNames(Array.from({ length: 500 }, (_, i) => `n${i}.lan`))).toHaveLength(64);
  });
});

describe('the certificate writer', () => {
  it('writes what OpenSSL reads back, for any names and serial', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const host = fc.array(fc.stringMatching(/^[a-z0-9]{1,20}$/), { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    const anyName = fc.oneof(
      host,
      fc.ipV4(),
      fc.ipV6().filter((ip) => !ip.includes('%')),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 16 }), fc.array(anyName, { minLength: 1, maxLength: 64 }), (serial, sans) => {
        const pem = selfSignedCertificate({
          privateKey,
          serial,
          commonName: 'x',
          names: sans,
          notBefore: 0,
          notAfter: Date.UTC(2050, 0, 1),
        });
        const parsed = new X509Certificate(pem);
        expect(parsed.verify(parsed.publicKey)).toBe(true);
        expect(BigInt(`0x${parsed.serialNumber}`)).toBe(BigInt(`0x${Buffer.from(serial).toString('hex')}`));
        expect((parsed.subjectAltName ?? '').split(', ')).toHaveLength(sans.length);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::1:2', 'fe800000000000000000000000010002'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['2001:db8::', '20010db8000000000000000000000000'],
  ])('knows the bytes of %s', (text, hex) => {
    expect(Buffer.from(parseIpv6(text)).toString('hex')).toBe(hex);
  });
});
