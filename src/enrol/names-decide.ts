// Names for machines out of a rule's pattern: a host name whatever the machine calls itself. Pure; the counter is kept by whoever asks.

import type { MachineFacts } from './machine-decide.ts';

const MAX_LENGTH = 63;

export type NameParts = Pick<MachineFacts, 'serial' | 'macs' | 'product' | 'neighbours'>;

export function asksForCount(pattern: string): boolean {
  return pattern.includes('{n}');
}

/** What a part that is not known leaves is nothing: "pve-{serial}" of a machine without one has no name (null) rather than half of one. */
export function nameFrom(pattern: string, parts: NameParts, count: number): string | null {
  const values: Readonly<Record<string, string | null>> = {
    n: String(count),
    serial: parts.serial,
    mac: parts.macs[0]?.replaceAll(':', '') ?? null,
    product: parts.product,
    lldp_port: parts.neighbours.find(({ port }) => port !== null)?.port ?? null,
  };
  let isWhole = true;
  const filled = pattern.replaceAll(/\{([a-z_]+)\}/g, (_, word: string) => {
    const value = hostPart(values[word] ?? '');
    if (value === '') isWhole = false;
    return value;
  });
  const name = hostPart(filled);
  return isWhole && name !== '' ? name : null;
}

/** The same name for the `turn`th machine that would have it: none of the text is lost where there is room. */
export function nameAgain(name: string, turn: number): string {
  const tail = `-${turn}`;
  return `${trimmed(name.slice(0, MAX_LENGTH - tail.length))}${tail}`;
}

/** Letters, digits and "-" (RFC 1123 §2.1), at most 63, in lower case. */
function hostPart(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  return trimmed(trimmed(plain).slice(0, MAX_LENGTH));
}

function trimmed(text: string): string {
  return text.replace(/^-+/, '').replace(/-+$/, '');
}
