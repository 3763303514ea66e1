// The text of /auto-installer-mode.toml: where the installer asks for its answer, and whom it believes. Pure. The installer refuses a file
// with a key that it does not know, so each release gets no more than its own.

import { assert } from '../../lib/index.ts';

export interface ModeFileOrder {
  readonly url: string;
  /** SHA-256 of the certificate in hexadecimal; null: plain HTTP. */
  readonly fingerprint: string | null;
  readonly token: string;
  /** Of the installer: "9.1". */
  readonly release: string;
}

/** proxmox-fetch-answer knows `token` in its HTTP settings from here on; before, the secret in the URL is all there is. */
const TOKEN_SINCE = [9, 2] as const;

/** What occurs in URLs, digests and secrets of ours; none of it needs escaping in a TOML basic string. */
const PLAIN = /^[A-Za-z0-9._:/?=&%+,@[\]~-]+$/;
const DIGEST = /^[0-9a-f]{64}$/;

export function renderModeFile({ url, fingerprint, token, release }: ModeFileOrder): string {
  assert(PLAIN.test(url) && PLAIN.test(token), 'the URL or the token of a mode file has characters that have to be escaped');
  const lines = ['mode = "http"', '', '[http]', `url = "${url}"`];
  if (fingerprint !== null) lines.push(`cert_fingerprint = "${withColons(fingerprint)}"`);
  if (knowsToken(release)) lines.push(`token = "${token}"`);
  return `${lines.join('\n')}\n`;
}

export function knowsToken(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > TOKEN_SINCE[0] || (major === TOKEN_SINCE[0] && minor >= TOKEN_SINCE[1]);
}

function withColons(digest: string): string {
  assert(DIGEST.test(digest), 'the fingerprint of a mode file is no SHA-256 in hexadecimal digits');
  return (digest.match(/../g) ?? []).join(':');
}
