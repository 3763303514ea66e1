// Which parts of an image file are not zero: machines fetch only those. Found while the file is read for its checksum. Pure.

/** Disks zero such pieces at once, and file systems leave free space in larger ones. */
const BLOCK_BYTES = 1024 * 1024;
/** An image in more pieces is given whole: a list of this length is what is kept and sent at most. */
const MAX_RUNS = 16_384;
/** With fewer zeroes than one block in eight nothing is gained. */
const WORTH = 7 / 8;
const ZEROES = Buffer.alloc(BLOCK_BYTES);

export interface ImageMap {
  /** Of the whole file. */
  readonly bytes: number;
  readonly blockBytes: number;
  /** First block and number of blocks, in order; the last block may be cut off by the end of the file. */
  readonly runs: readonly (readonly [first: number, count: number])[];
}

export interface Mapper {
  /** What follows in the file. */
  add(chunk: Buffer): void;
  /** Null: nothing is gained by one. */
  map(): ImageMap | null;
}

export function createMapper(): Mapper {
  const runs: [number, number][] = [];
  let at = 0;
  const mark = (block: number): void => {
    const last = runs.at(-1);
    if (last === undefined || last[0] + last[1] < block) runs.push([block, 1]);
    else if (last[0] + last[1] === block) last[1] += 1;
  };
  return {
    add: (chunk) => {
      for (let done = 0; done < chunk.length; ) {
        const count = Math.min(BLOCK_BYTES - (at % BLOCK_BYTES), chunk.length - done);
        if (runs.length <= MAX_RUNS && chunk.compare(ZEROES, 0, count, done, done + count) !== 0) mark(Math.floor(at / BLOCK_BYTES));
        at += count;
        done += count;
      }
    },
    map: () => {
      const map = { bytes: at, blockBytes: BLOCK_BYTES, runs };
      return runs.length === 0 || runs.length > MAX_RUNS || dataBytes(map) > at * WORTH ? null : map;
    },
  };
}

interface Range {
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

function rangesOf({ bytes, blockBytes, runs }: ImageMap): Range[] {
  return runs.map(([first, count]) => ({ start: first * blockBytes, end: Math.min(bytes, (first + count) * blockBytes) }));
}

/** What is not zero, one after the other, has so many bytes. */
export function dataBytes(map: ImageMap): number {
  return rangesOf(map).reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Where in the file the bytes of its data from `from` to before `to` are. */
export function placesOf(map: ImageMap, from: number, to: number): Range[] {
  const places: Range[] = [];
  let before = 0;
  for (const { start, end } of rangesOf(map)) {
    const length = end - start;
    const first = Math.max(from - before, 0);
    const last = Math.min(to - before, length);
    if (first < last) places.push({ start: start + first, end: start + last });
    before += length;
  }
  return places;
}
