// Which parts of an image file are not zero: machines fetch only those. Found, with a checksum of those parts, while the file is read for its
// own. Touches no files.

import { createHash } from 'node:crypto';

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
  /** Of the whole file, of which this is the map: `sha256:…`. */
  readonly checksum: string;
  /** SHA-256 of what is not zero, one after the other, and of what this map says (see sealOf): whoever has both need not sum up zeroes. */
  readonly seal: string;
}

export interface Mapper {
  /** What follows in the file. */
  add(chunk: Buffer): void;
  /** At the end of the file, whose checksum it is; null: nothing is gained by a map. */
  map(checksum: string): ImageMap | null;
}

/** What the seal is of, after the data: a map that was mixed up has another. */
export function sealOf({ checksum, bytes, blockBytes, runs }: Omit<ImageMap, 'seal'>): string {
  return JSON.stringify([checksum, bytes, blockBytes, runs]);
}

export function createMapper(maxRuns = MAX_RUNS): Mapper {
  const runs: [number, number][] = [];
  const hash = createHash('sha256');
  let at = 0;
  const isMarked = (block: number): boolean => {
    const [first = 0, count = 0] = runs.at(-1) ?? [];
    return block < first + count;
  };
  const mark = (block: number): void => {
    const last = runs.at(-1);
    if (last === undefined || last[0] + last[1] < block) runs.push([block, 1]);
    else if (last[0] + last[1] === block) last[1] += 1;
  };
  /** Of one block at most. */
  const look = (piece: Buffer): void => {
    const block = Math.floor(at / BLOCK_BYTES);
    if (!isMarked(block)) {
      if (piece.compare(ZEROES, 0, piece.length) === 0) return;
      mark(block);
      hash.update(ZEROES.subarray(0, at % BLOCK_BYTES)); // what came of it before
    }
    hash.update(piece);
  };
  return {
    add: (chunk) => {
      for (let done = 0; done < chunk.length; ) {
        const count = Math.min(BLOCK_BYTES - (at % BLOCK_BYTES), chunk.length - done);
        if (runs.length <= maxRuns) look(chunk.subarray(done, done + count));
        at += count;
        done += count;
      }
    },
    map: (checksum) => {
      const map = { bytes: at, blockBytes: BLOCK_BYTES, runs, checksum };
      if (runs.length === 0 || runs.length > maxRuns || dataBytes(map) > at * WORTH) return null;
      return { ...map, seal: hash.copy().update(sealOf(map)).digest('hex') };
    },
  };
}

type Places = Pick<ImageMap, 'bytes' | 'blockBytes' | 'runs'>;

interface Range {
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

function rangesOf({ bytes, blockBytes, runs }: Places): Range[] {
  return runs.map(([first, count]) => ({ start: first * blockBytes, end: Math.min(bytes, (first + count) * blockBytes) }));
}

/** What is not zero, one after the other, has so many bytes. */
export function dataBytes(map: Places): number {
  return rangesOf(map).reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Where in the file the bytes of its data from `from` to before `to` are. */
export function placesOf(map: Places, from: number, to: number): Range[] {
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
