// Whether a disk holds anything at all, by samples: the whole of its ends, more thinly behind them, and here and there between. Pure.

import { isAll } from './bytes.ts';
import type { Region } from './read-at.ts';

const MIB = 2 ** 20;
const SAMPLE = 64 * 1024;
/** Where tables, labels and superblocks lie. */
const WHOLE = MIB;
const NEAR = 16 * MIB;
const BETWEEN = 32;

export interface Sampled {
  readonly isBlank: boolean;
  readonly words: string;
}

/** Erased flash reads as ones on a few devices: all of one or all of the other. `ends`: bytes at both of them that are not looked at. */
export async function sampleBlank({ read, size }: Region, ends = 0): Promise<Sampled> {
  const words = 'the first and last MiB, 64 KiB of every MiB of the first and last 16 MiB, 64 KiB at 32 places between';
  let filling: number | undefined;
  for (const sample of samples(size)) {
    const offset = Math.max(sample.offset, ends);
    const length = Math.min(sample.offset + sample.length, size - ends) - offset;
    if (length <= 0) continue;
    const bytes = await read(offset, length);
    filling ??= bytes[0];
    if (filling === undefined || (filling !== 0 && filling !== 0xff) || !isAll(bytes, filling)) return { isBlank: false, words };
  }
  return { isBlank: filling !== undefined, words };
}

function samples(size: number): readonly { readonly offset: number; readonly length: number }[] {
  const end = Math.max(0, size - WHOLE);
  const list = [
    { offset: 0, length: WHOLE },
    { offset: end, length: WHOLE },
  ];
  for (let at = WHOLE; at < NEAR; at += MIB) {
    list.push({ offset: at, length: SAMPLE });
    list.push({ offset: Math.max(0, size - at - SAMPLE), length: SAMPLE });
  }
  for (let index = 1; index <= BETWEEN; index += 1) {
    list.push({ offset: Math.floor((size * index) / (BETWEEN + 1) / SAMPLE) * SAMPLE, length: SAMPLE });
  }
  return list.filter(({ offset }) => offset < size);
}
