// Writes the self-signed certificate of the appliance (RFC 5280, ECDSA P-256). Pure but for the signature's own randomness.

import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { bits, boolean, der, integer, octets, oid, sequence, set, time, utf8 } from './der.ts';
import { parseIpv6 } from './ipv6.ts';

export interface CertificateRequest {
  readonly privateKey: KeyObject;
  /** 8 to 20 random bytes. */
  readonly serial: Uint8Array;
  readonly commonName: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;
const VERSION_3 = der(0xa0, integer(Uint8Array.of(2)));

/** The certificate as PEM. */
export function selfSignedCertificate(request: CertificateRequest): string {
  const name = sequence(set(sequence(oid(OID.commonName), utf8(request.commonName))));
  const publicKey = createPublicKey(request.privateKey).export({ type: 'spki', format: 'der' });
  const body = sequence(
    VERSION_3,
    integer(request.serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(request.notBefore), time(request.notAfter)),
    name,
    publicKey,
    der(0xa3, sequence(...extensions(request.names, publicKey))),
  );
  const signature = sign('sha256', body, { key: request.privateKey, dsaEncoding: 'der' });
  return pem(sequence(body, ECDSA_WITH_SHA256, bits(signature)));
}

function extensions(names: readonly string[], publicKey: Uint8Array): Buffer[] {
  const digitalSignature = bits(Uint8Array.of(0x80), 7);
  return [
    // Not an authority: whoever imports this certificate must not thereby trust our key to sign for other names.
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.keyUsage, true, digitalSignature),
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
    extension(OID.subjectKeyIdentifier, false, octets(createHash('sha1').update(publicKey).digest())),
    extension(OID.subjectAltName, false, sequence(...names.map(alternativeName))),
  ];
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function alternativeName(name: string): Buffer {
  switch (isIP(name)) {
    case 4:
      return der(0x87, Uint8Array.from(name.split('.'), Number));
    case 6:
      return der(0x87, parseIpv6(name));
    default:
      return der(0x82, Buffer.from(name, 'ascii'));
  }
}

function pem(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
