// Lines of authorized_keys (sshd(8)): who may sign in for how long and from where. Pure.

/** In the comment of the key that one attempt to join is made with. */
const MARK = 'rackseed-join-';
const DAY_MS = 86_400_000;
const KEY = /(?:^|\s)((?:ssh|ecdsa|sk)-[\w@.-]+\s+[A-Za-z0-9+/]+=*)(?:\s|$)/;

/** `ssh-ed25519 AAAA…`, without options and comment. */
export function keyOf(line: string): string | undefined {
  return line.trimStart().startsWith('#') ? undefined : KEY.exec(line)?.[1]?.replace(/\s+/, ' ');
}

/** Those of the first that the second lacks. */
export function missingKeys(wanted: readonly string[], text: string): readonly string[] {
  const there = new Set(text.split('\n').map((line) => keyOf(line)));
  return wanted.filter((line) => !there.has(keyOf(line)));
}

export function withLines(text: string, lines: readonly string[]): string {
  const kept = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${kept}${lines.map((line) => `${line}\n`).join('')}`;
}

export interface Attempt {
  readonly node: string;
  /** `ssh-ed25519 AAAA…` */
  readonly key: string;
  /** Where it may come from. */
  readonly from: readonly string[];
  readonly now: number;
}

/**
 * Not the node's own RSA key: Proxmox VE merges that into the same file and drops a line that has the key already, so that ours would take
 * its place, and with it go. Ends by itself too, should nobody come to take it away: a day of slack for the peer's time zone.
 */
export function attemptLine({ node, key, from, now }: Attempt): string {
  const until = new Date(now + 2 * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
  return `from="${from.join(',')}",expiry-time="${until}",restrict ${key} ${attemptComment(node)}`;
}

export function attemptComment(node: string): string {
  return `${MARK}${node}`;
}

export function hasAttempt(text: string, node: string): boolean {
  return withoutAttempts(text, node) !== text;
}

export function withoutAttempts(text: string, node: string): string {
  return text
    .split('\n')
    .filter((line) => !line.endsWith(` ${attemptComment(node)}`))
    .join('\n');
}
