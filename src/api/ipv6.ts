// IPv6 text that node:net has already accepted → its 16 bytes. Pure.

export function parseIpv6(text: string): Uint8Array {
  const [withoutZone = ''] = text.split('%');
  const [head = '', tail] = withoutZone.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return Uint8Array.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

/** Two groups for a dotted quad at the end (RFC 4291 §2.2.3). */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
