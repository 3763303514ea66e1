// How far long work is, for people at a terminal and for logs; and how large the next part of an upload is.

import { expect, it } from 'vitest';
import { nextSize } from '../../../src/cli/commands/image-upload.ts';
import { progressLine } from '../../../src/cli/commands/progress.ts';

const MIB = 2 ** 20;

function shown(isTerminal: boolean): { readonly said: string[]; readonly line: ReturnType<typeof progressLine> } {
  const said: string[] = [];
  return { said, line: progressLine({ err: (text) => void said.push(text), isTerminal }) };
}

it('is one line that moves at a terminal, and is gone at the end', () => {
  const { said, line } = shown(true);
  line.show(0.5, 'half\u001b[2J');
  line.show(7, 'over');
  line.clear();
  line.clear();
  expect(said).toEqual(['\r\x1b[K[############............] 50 % half [2J', '\r\x1b[K[########################] 100 % over', '\r\x1b[K']);
});

it('is a line for each tenth elsewhere, however often it is told', () => {
  const { said, line } = shown(false);
  for (let at = 0; at <= 1000; at += 1) line.show(at / 1000, `${at}`);
  line.clear();
  expect(said).toHaveLength(11);
  expect(said.at(0)).toBe('0 % 0\n');
  expect(said.at(-1)).toBe('100 % 1000\n');
});

it('sends larger parts on fast ways and smaller ones on slow ways, between fixed bounds', () => {
  expect(nextSize(4 * MIB, 100)).toBe(8 * MIB);
  expect(nextSize(4 * MIB, 6000)).toBe(2 * MIB);
  expect(nextSize(4 * MIB, 600_000)).toBe(MIB);
  expect(nextSize(4 * MIB, 0)).toBe(8 * MIB);
});
