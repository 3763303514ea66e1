// Which certificate a member's API shows, read over the shell of any member of its cluster: /etc/pve has those of all.

import { X509Certificate } from 'node:crypto';
import { isNodeName } from '../address-decide.ts';
import { fail } from '../errors.ts';
import type { RootShell } from '../seam.ts';

/** An own one, and one by ACME, goes before the cluster's (pveproxy(8)). */
const FILES = ['pveproxy-ssl.pem', 'pve-ssl.pem'] as const;
const MAX_BYTES = 256 * 1024;

/** AA:BB:…, SHA-256. Undefined: it has none yet, as a member that has just joined. Throws proxmox.bad_answer for a file that holds none. */
export async function memberFingerprint(shell: RootShell, member: string): Promise<string | undefined> {
  if (!isNodeName(member)) throw bad(shell, `a member called ${JSON.stringify(member.slice(0, 80))}`);
  for (const file of FILES) {
    const path = `/etc/pve/nodes/${member}/${file}`;
    const pem = await shell.readFile(path, MAX_BYTES);
    if (pem !== undefined) return fingerprintIn(pem, path, shell);
  }
  return undefined;
}

/** The first of a chain is the server's own. */
function fingerprintIn(pem: Buffer, path: string, shell: RootShell): string {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch (cause) {
    throw bad(shell, `${path}, which is no certificate`, cause);
  }
}

function bad({ address }: RootShell, what: string, cause?: unknown): Error {
  return fail('proxmox.bad_answer', { message: `${address} has ${what}`, hint: 'Look at it there: pvenode cert info', cause });
}
