// Which host keys are believed: those of the pinned lines, known by SHA-256 as ssh-keygen -l shows them. Pure.

import { createHash } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { fail } from '../errors.ts';

export interface PinnedKeys {
  /** SHA256:… */
  readonly fingerprints: readonly string[];
  /** Asked for in this order: a server with several keys shows the first kind that both know, and that has to be a pinned one. */
  readonly algorithms: readonly ServerHostKeyAlgorithm[];
}

/** As known_hosts has it behind the name, with or without a comment. */
const LINE = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]{16,8192}={0,2})(?:\s|$)/;

/** A key of RSA signs by SHA-2 (RFC 8332); by SHA-1, as the name says, no sshd of today does. */
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
};

export function hostKeyFingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Throws where nothing is pinned: whoever answers would have to be believed. */
export function pinnedKeys(lines: readonly string[], address: string): PinnedKeys {
  const found = lines.flatMap((line) => {
    const [, kind = '', blob = ''] = LINE.exec(line.trim()) ?? [];
    return kind === '' ? [] : [{ kind, fingerprint: hostKeyFingerprint(Buffer.from(blob, 'base64')) }];
  });
  if (found.length === 0) {
    throw fail('proxmox.not_trusted', {
      message: `no SSH host key is known of ${address}: nothing was sent`,
      hint: 'The key is noted when the node reports its first boot; or give it by hand: ssh-keyscan on the node itself.',
    });
  }
  return {
    fingerprints: [...new Set(found.map(({ fingerprint }) => fingerprint))],
    algorithms: [...new Set(found.flatMap(({ kind }) => ALGORITHMS[kind] ?? []))],
  };
}
