// ISO images as the programs that make them leave them: each of a tree of files that the test chooses, with the words it chooses.

import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openVolumes } from '../../../src/install/iso/iso.ts';
import type { AddedFile } from '../../../src/install/iso/overlay.ts';
import { planOverlay } from '../../../src/install/iso/overlay.ts';
import { openIsoFile, readsOf } from '../../../src/install/iso/sources.ts';
import { newBudget, type TreeKind } from '../../../src/install/iso/tree.ts';
import { tool } from '../../support/disk-images.ts';

export type Files = Readonly<Record<string, string | Buffer>>;

/** With the last word missing: where the result goes. */
export interface Maker {
  readonly program: 'xorriso' | 'genisoimage';
  readonly words: readonly string[];
}

export const MODE_FILE: AddedFile = { name: 'auto-installer-mode.toml', content: Buffer.from(`${'mode = "http"\n'.repeat(200)}`) };

/** Bytes that are not alike anywhere, and the same in every run. */
export function noise(seed: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  let state = seed + 1;
  for (let at = 0; at < bytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[at] = state >>> 24;
  }
  return out;
}

export const SMALL: Files = {
  '.cd-info': "PRODUCT='pve'\n",
  'boot/linux26': noise(1, 5000),
  'boot/initrd.img': noise(2, 70_000),
  'boot/empty': '',
  EULA: 'terms\n',
  [`${'long-name-'.repeat(15)}.txt`]: 'long\n',
};

export const DEEP: Files = {
  ...SMALL,
  'a/b/c/d/e/f/g/h/i/j/leaf.txt': 'leaf\n',
  'a/b/c/d/e/f/g/other/k/l/m/n': 'other\n',
  [`a/${'continued-'.repeat(20)}/${'x'.repeat(240)}`]: 'in a continuation area\n',
};

/** Numbered files for the root directory. */
export function many(count: number, prefix = 'file'): Files {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${String(index).padStart(3, '0')}`, `${index}\n`]));
}

export async function makeIso(path: string, files: Files, { program, words }: Maker): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-iso-'));
  try {
    const tree = join(scratch, 'tree');
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(tree, name)), { recursive: true });
      if (typeof content === 'string' && content.startsWith('-> ')) await symlink(content.slice(3), join(tree, name));
      else await writeFile(join(tree, name), content);
    }
    await rm(path, { force: true });
    await tool(program, [...(program === 'xorriso' ? ['-as', 'mkisofs'] : []), '-quiet', '-V', 'TEST_1', ...words, '-o', path, tree]);
    return path;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

export interface RootState {
  /** Bytes free behind the last record of its root directory. */
  readonly slack: number;
  readonly sectors: number;
}

export async function rootStates(path: string): Promise<ReadonlyMap<TreeKind, RootState>> {
  const { size } = await stat(path);
  const source = await openIsoFile({ path, bytes: size });
  try {
    const { trees } = await openVolumes(readsOf(source), size, path);
    const states = new Map<TreeKind, RootState>();
    for (const tree of trees) {
      const { bytes, records } = await tree.directory(tree.root, newBudget());
      const last = records.at(-1);
      states.set(tree.kind, { slack: bytes.length - (last === undefined ? 0 : last.at + last.raw.length), sectors: bytes.length / 2048 });
    }
    return states;
  } finally {
    await source.close();
  }
}

/** Which roots would have to move. */
export async function movedRoots(path: string, added = MODE_FILE): Promise<readonly TreeKind[]> {
  const { size } = await stat(path);
  const source = await openIsoFile({ path, bytes: size });
  try {
    return (await planOverlay(await openVolumes(readsOf(source), size, path), size, added)).moved;
  } finally {
    await source.close();
  }
}

/** Makes images with more and longer names in the root until its directory has exactly so many bytes left in the tree of that kind. */
export async function isoWithSlack(path: string, maker: Maker, want: { kind: TreeKind; slack: number; least: number }): Promise<string> {
  // Longer than what is cut off for the standard's own names, so that only one name grows; shorter than what needs a continuation area.
  const [LEAST_NAME, GROWTH] = [40, 55];
  const slackWith = async (count: number, other: number, length: number): Promise<number> => {
    const names = { [`y${'-'.repeat(other)}`]: 'y\n', ['z'.repeat(length)]: 'z\n' };
    await makeIso(path, { ...SMALL, ...many(count), ...names }, maker);
    return (await rootStates(path)).get(want.kind)?.slack ?? 0;
  };
  for (let count = want.least; count < want.least + 40; count += 1)
    for (const other of [LEAST_NAME, LEAST_NAME + GROWTH]) {
      const tooMuch = (await slackWith(count, other, LEAST_NAME)) - want.slack;
      const length = LEAST_NAME + (want.kind === 'joliet' ? tooMuch / 2 : tooMuch);
      if (tooMuch < 0 || length > LEAST_NAME + GROWTH) continue;
      for (const one of [length, length + 1, length - 1]) if ((await slackWith(count, other, one)) === want.slack) return path;
    }
  throw new Error(`no names leave ${want.slack} bytes`);
}

/**
 * A file in two parts, as files above 4 GiB are: the records of two neighbours are made to be of one file. The first one's name is `a.bin`,
 * the second's `b.bin`; the first fills its sectors.
 */
export async function joinParts(path: string): Promise<void> {
  const bytes = await readFile(path);
  const rename = (from: string, to: string): number[] => {
    const found: number[] = [];
    for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + 1)) {
      bytes.write(to, at, 'latin1');
      found.push(at);
    }
    return found;
  };
  const firsts: number[] = [];
  for (let at = bytes.indexOf('A.BIN;1'); at !== -1; at = bytes.indexOf('A.BIN;1', at + 1)) firsts.push(at);
  if (firsts.length !== 1 || rename('B.BIN;1', 'A.BIN;1').length !== 1 || rename('b.bin', 'a.bin').length !== 1)
    throw new Error('the image has not exactly one a.bin and one b.bin');
  const flagsAt = (firsts[0] ?? 0) - 33 + 25;
  bytes.writeUInt8(bytes.readUInt8(flagsAt) | 0x80, flagsAt);
  await writeFile(path, bytes);
}
