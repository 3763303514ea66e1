// A key and a certificate that nobody has signed, by Debian's openssl.

import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../../src/lib/index.ts';

export interface TlsPair {
  readonly key: string;
  readonly cert: string;
  readonly fingerprint: string;
}

export async function certificateFor(name: string): Promise<TlsPair> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-tls-'));
  try {
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`];
    const { code, stderr } = await runProgram('openssl', ['req', ...kind, '-keyout', key, '-out', cert]);
    if (code !== 0) throw new Error(`openssl: ${stderr}`);
    const pem = await readFile(cert, 'utf8');
    return { key: await readFile(key, 'utf8'), cert: pem, fingerprint: new X509Certificate(pem).fingerprint256 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
