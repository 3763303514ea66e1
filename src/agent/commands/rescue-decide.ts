// What a rescue shell is made of and what its server says, as text: keys, the password file, the log, what must be unmounted. Pure.

/** RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4 and OpenSSH's PROTOCOL.u2f: what dropbear can check. */
const KEY_TYPES = ['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'];
const SECURITY_KEY_TYPES = ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'];
/** crypt(5): SHA-256, SHA-512, yescrypt, bcrypt. Nothing that could begin another field or line. */
const HASH = /^\$(?:5|6|y|2[aby])\$[A-Za-z0-9./$=]{8,480}$/;

/** Why it is no key that a person may be let in by; null when it is. Options before it are refused: they are commands. */
export function keyFault(key: string): string | null {
  if (/[^\t\x20-\x7e\xa0-\u{10ffff}]/u.test(key)) return 'it is more than one line, or has control characters';
  const [type = '', blob = ''] = key.trim().split(/[ \t]+/);
  if (![...KEY_TYPES, ...SECURITY_KEY_TYPES].includes(type)) return `it begins with "${type.slice(0, 40)}", not with the type of a key`;
  if (!/^[A-Za-z0-9+/]{40,8000}={0,2}$/.test(blob)) return 'what follows its type is not base64';
  // The blob says its type again (RFC 4253 §6.6).
  const bytes = Buffer.from(blob, 'base64');
  const length = bytes.length < 4 ? 0 : bytes.readUInt32BE(0);
  return bytes.subarray(4, 4 + length).toString('latin1') === type ? null : `its data is not that of a key of type ${type}`;
}

/** shadow(5). Without a hash nobody gets in by a password, and expiry is not looked at. */
export function shadowText(hash: string | null): string {
  return `root:${hash ?? '*'}:20000::::::\n`;
}

export function isPasswordHash(text: string): boolean {
  return HASH.test(text);
}

/** One line of dropbear's log as we pass it on; null: nobody needs it. `failed`: somebody was not let in, as often as they like. */
export function parseLog(line: string): { readonly text: string; readonly isFailure: boolean } | null {
  const text = line.replace(/^\[\d+\] \w{3} +\d+ [\d:]+ /, '').trim();
  const opened = /^(Password|Pubkey) auth succeeded for 'root' (?:with (\S+) key (\S+) )?from (\S+)$/.exec(text);
  if (opened !== null) {
    const [, how, type, fingerprint, from = ''] = opened;
    const by = how === 'Password' ? 'the password' : `the ${type ?? ''} key ${fingerprint ?? ''}`;
    return { text: `session opened from ${bare(from)} with ${by}`, isFailure: false };
  }
  const closed = /^Exit \(root\) from (\S+): (.+)$/.exec(text);
  if (closed !== null) return { text: `session from ${bare(closed[1] ?? '')} closed: ${closed[2] ?? ''}`, isFailure: false };
  const failed = /^(?:Bad password attempt|Login attempt|Exit before auth|Max auth tries|Pubkey auth attempt)/.test(text);
  return failed ? { text: `nobody was let in: ${text.slice(0, 300)}`, isFailure: true } : null;
}

function bare(from: string): string {
  return from.replaceAll(/[<>]/g, '');
}

/** Mount points of disks, the last one mounted first (proc(5) mounts; blanks are octal there). */
export function mountedDisks(mounts: string): readonly string[] {
  return mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([device = '', point]) => device.startsWith('/dev/') && point !== undefined)
    .map(([, point = '']) => point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .reverse();
}

export interface Address {
  readonly family: string;
  readonly address: string;
  readonly internal: boolean;
}

/** Where a person can reach it: IPv4 first, no addresses that need a port's name. */
export function reachable(addresses: readonly Address[]): readonly string[] {
  const outside = addresses.filter(({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'));
  const [four, six] = ['IPv4', 'IPv6'].map((family) => outside.filter((one) => one.family === family).map(({ address }) => address));
  return [...new Set([...(four ?? []), ...(six ?? [])])];
}
