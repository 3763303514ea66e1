// Damaged datagrams for the codecs, the same ones each run: bits turned, bytes set to edges, pieces cut, doubled, swapped, pure noise.

/** mulberry32: a few lines, well enough mixed, and seeded. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const EDGES = [0, 1, 2, 3, 4, 52, 53, 63, 82, 97, 127, 128, 192, 254, 255];

export function* mutations(corpus: readonly Uint8Array[], count: number, seed = 1): Generator<Buffer> {
  const random = seeded(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let made = 0; made < count; made += 1) {
    let datagram: Buffer = Buffer.from(corpus[below(corpus.length)] ?? []);
    for (let change = below(6); change >= 0; change -= 1) datagram = damage(datagram, below);
    yield datagram;
  }
}

function noise(length: number, below: (limit: number) => number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) bytes[at] = below(256);
  return bytes;
}

function damage(datagram: Buffer, below: (limit: number) => number): Buffer {
  const at = below(datagram.length + 1);
  switch (below(8)) {
    case 0:
      return datagram.subarray(0, at);
    case 1:
      return Buffer.concat([datagram.subarray(0, at), datagram.subarray(below(datagram.length + 1))]);
    case 2:
      return noise(below(80), below);
    case 3:
      return Buffer.concat([datagram, noise(below(100), below)]);
    case 4:
    case 5:
      if (at < datagram.length) datagram[at] = EDGES[below(EDGES.length)] ?? 0;
      return datagram;
    default:
      if (at < datagram.length) datagram[at] = (datagram[at] ?? 0) ^ (1 << below(8));
      return datagram;
  }
}
