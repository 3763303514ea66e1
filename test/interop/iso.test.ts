// One more file in ISO images that others made, read by others: xorriso (libisofs), bsdtar (libarchive) and 7-Zip find every file as it
// was, and the new one.

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addFile } from '../../src/install/iso/add-file.ts';
import { openIso } from '../../src/install/iso/iso.ts';
import { remaster } from '../../src/install/iso/remaster.ts';
import { openIsoFile, readsOf } from '../../src/install/iso/sources.ts';
import type { TreeKind } from '../../src/install/iso/tree.ts';
import { runProgram } from '../../src/lib/index.ts';
import { tool } from '../support/disk-images.ts';
import { installerIso } from '../support/installer-iso.ts';
import {
  DEEP,
  type Files,
  isoWithSlack,
  joinParts,
  type Maker,
  MODE_FILE,
  makeIso,
  many,
  movedRoots,
  noise,
  rootStates,
  SMALL,
} from './iso/images.ts';
import { type Contents, FORWARD_READERS, isoFile, READER_NAMES, readBy, sha256, writeServed } from './iso/readers.ts';

const XORRISO: Maker = { program: 'xorriso', words: ['-R', '-J', '-joliet-long'] };
const ROCK_RIDGE: Maker = { program: 'genisoimage', words: ['-R'] };
const BOTH: Maker = { program: 'genisoimage', words: ['-R', '-J', '-joliet-long'] };
const PLAIN: Maker = { program: 'genisoimage', words: [] };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rackseed-iso-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
/** What every reader finds in the served image: what it found in the pristine one, and the new file. */
async function expectServed(pristine: string, blind: readonly string[] = []): Promise<string> {
  const file = await isoFile(pristine);
  const served = await writeServed(await addFile(file, MODE_FILE), `${pristine}.served`);
  expect((await stat(served)).size % 2048).toBe(0);
  for (const reader of READER_NAMES.filter((name) => !blind.includes(name)))
    expectOneMore(reader, await readBy(reader, pristine), await readBy(reader, served));
  return served;
}

/** One new file, or one of that name with new content; all else as it was. */
function expectOneMore(reader: string, before: Contents, after: Contents): void {
  const others = Object.keys(after).filter((name) => after[name] !== before[name]);
  expect(others, reader).toHaveLength(1);
  const [fresh = ''] = others;
  expect(after[fresh], reader).toBe(sha256(MODE_FILE.content));
  expect(after, reader).toEqual({ ...before, [fresh]: sha256(MODE_FILE.content) });
}

async function namesIn(path: string, tree?: TreeKind): Promise<string[]> {
  const { size } = await stat(path);
  const source = await openIsoFile({ path, bytes: size });
  try {
    const iso = await openIso(readsOf(source), size, tree === undefined ? {} : { tree });
    const paths: string[] = [];
    for await (const entry of iso.files()) paths.push(entry.path);
    return paths;
  } finally {
    await source.close();
  }
}

describe('an ISO with one more file', () => {
  const cases: Readonly<Record<string, readonly [Files, Maker]>> = {
    'by xorriso, Rock Ridge and Joliet': [SMALL, XORRISO],
    'by xorriso, Rock Ridge alone': [SMALL, { program: 'xorriso', words: ['-R'] }],
    'by xorriso, deep directories and continuation areas': [DEEP, XORRISO],
    'by xorriso, relocated directories': [DEEP, { program: 'xorriso', words: ['-R', '-rr_reloc_dir', 'rr_moved'] }],
    'by xorriso, links': [
      { ...SMALL, 'boot/link': '-> linux26', absolute: '-> /etc/../x/y', up: '-> ../..' },
      { program: 'xorriso', words: ['-R'] },
    ],
    'by genisoimage, Rock Ridge and Joliet': [SMALL, BOTH],
    'by genisoimage, relocated directories and continuation areas': [DEEP, BOTH],
    'by genisoimage, with an enhanced volume descriptor': [
      SMALL,
      { program: 'genisoimage', words: ['-R', '-J', '-joliet-long', '-iso-level', '4'] },
    ],
    'by genisoimage, Joliet alone': [SMALL, { program: 'genisoimage', words: ['-J', '-joliet-long'] }],
    'by genisoimage, names of the standard alone': [{ 'README.TXT': 'read\n', 'BOOT/LINUX26': noise(3, 9000), EMPTY: '' }, PLAIN],
    'by genisoimage, names without versions': [SMALL, { program: 'genisoimage', words: ['-R', '-N'] }],
    'by genisoimage, one file alone': [{ only: 'one\n' }, BOTH],
    'by genisoimage, a root of several sectors': [{ ...SMALL, ...many(120) }, BOTH],
    'by xorriso, a root of several sectors': [{ ...SMALL, ...many(120) }, XORRISO],
    'a file of that name is there already': [{ ...SMALL, [MODE_FILE.name]: 'mode = "iso"\n' }, BOTH],
    'a file with the same plain name is there': [
      { ...SMALL, 'auto_installer+mode.toml': 'x\n' },
      { program: 'genisoimage', words: ['-R', '-l'] },
    ],
  };
  for (const [name, [files, maker]] of Object.entries(cases))
    it(`is read by others: ${name}`, async () => {
      const iso = await makeIso(at('case.iso'), files, maker);
      const isMoved = (await movedRoots(iso)).length > 0;
      const isRelocated = files === DEEP && maker.program === 'genisoimage';
      await expectServed(iso, isMoved || isRelocated ? FORWARD_READERS : []);
    });

  it('is read by others: the layout of an installer', async () => {
    const iso = await installerIso(at('installer.iso'));
    const served = await expectServed(iso);
    expect(await namesIn(served)).toContain('/auto-installer-mode.toml');
  });

  it('is read by others: a file in several parts', async () => {
    const parts = { 'a.bin': noise(4, 3 * 2048), 'b.bin': noise(5, 1234) };
    const iso = await makeIso(at('parts.iso'), parts, { program: 'genisoimage', words: ['-R'] });
    await joinParts(iso);
    const served = await expectServed(iso);
    const { size } = await stat(served);
    const source = await openIsoFile({ path: served, bytes: size });
    const whole = await (await openIso(readsOf(source), size)).read('/a.bin', 10_000);
    await source.close();
    expect(whole.equals(Buffer.concat([parts['a.bin'], parts['b.bin']]))).toBe(true);
  });

  it('has all files of the tree it was made of, in the names that Linux shows', async () => {
    const iso = await makeIso(at('deep.iso'), DEEP, BOTH);
    const served = await writeServed(await addFile(await isoFile(iso), MODE_FILE), at('deep.served'));
    const found = await readBy('bsdtar', served);
    for (const [name, content] of Object.entries({ ...DEEP, [MODE_FILE.name]: MODE_FILE.content }))
      expect(found[name], name).toBe(sha256(content));
    expect(await namesIn(served)).toEqual(expect.arrayContaining(Object.keys(DEEP).map((name) => `/${name}`)));
  });
});

describe('a root directory', () => {
  const makers: Readonly<Record<string, { maker: Maker; kind: TreeKind }>> = {
    'Rock Ridge by genisoimage': { maker: ROCK_RIDGE, kind: 'rock-ridge' },
    'Rock Ridge by xorriso': { maker: { program: 'xorriso', words: ['-R'] }, kind: 'rock-ridge' },
    'Joliet by genisoimage': { maker: { program: 'genisoimage', words: ['-J', '-joliet-long'] }, kind: 'joliet' },
  };
  for (const [name, { maker, kind }] of Object.entries(makers))
    it(`stays where the record just fits, and moves when it does not: ${name}`, async () => {
      const need = await recordBytes(maker, kind);
      const exact = await isoWithSlack(at('exact.iso'), maker, { kind, slack: need, least: 3 });
      expect(await movedRoots(exact)).toEqual([]);
      const served = await expectServed(exact);
      expect((await rootStates(served)).get(kind)).toEqual({ slack: 0, sectors: 1 });
      // Records have an even length: two bytes are the least that can be missing.
      const short = await isoWithSlack(at('short.iso'), maker, { kind, slack: need - 2, least: 3 });
      expect(await movedRoots(short)).toEqual([kind]);
      expect((await rootStates(await expectServed(short, FORWARD_READERS))).get(kind)?.sectors).toBe(2);
    });

  it('moves when it is full to the last byte, and all that points to it moves along', async () => {
    const iso = await isoWithSlack(at('full.iso'), { program: 'xorriso', words: ['-R'] }, { kind: 'rock-ridge', slack: 0, least: 3 });
    expect(await movedRoots(iso)).toEqual(['rock-ridge']);
    const served = await expectServed(iso, FORWARD_READERS);
    // Another reader of path tables than ours: where it says that the root is, there the root is.
    const [, block] = /^\s*1:\s+1\s+([0-9a-f]+)/m.exec(await tool('isoinfo', ['-p', '-i', served])) ?? [];
    const bytes = await readFile(served);
    const root = Number.parseInt(block ?? '', 16) * 2048;
    expect(bytes.readUInt32LE(root + 2) * 2048).toBe(root);
    expect(root).toBeGreaterThanOrEqual((await stat(iso)).size);
    expect(await tool('isoinfo', ['-l', '-R', '-i', served])).toContain(MODE_FILE.name);
  });

  it('moves in both trees', async () => {
    // Each tree has names that the other does not show, so that both can be filled.
    const words = ['-R', '-J', '-joliet-long', '-hide-joliet', 'rr*', '-hide', 'jo*'];
    const files = async (rr: number, joliet: number): Promise<readonly TreeKind[]> => {
      await makeIso(at('both.iso'), { ...DEEP, ...many(rr, 'rr'), ...many(joliet, 'jo') }, { program: 'genisoimage', words });
      return movedRoots(at('both.iso'));
    };
    let [rr, joliet] = [0, 0];
    while (!(await files(rr, joliet)).includes('rock-ridge')) rr += 1;
    while (!(await files(rr, joliet)).includes('joliet')) joliet += 1;
    expect(await files(rr, joliet)).toEqual(['rock-ridge', 'joliet']);
    await expectServed(at('both.iso'), FORWARD_READERS);
  });
});

/** Of the new file in that tree. */
async function recordBytes(maker: Maker, kind: TreeKind): Promise<number> {
  const iso = await makeIso(at('need.iso'), SMALL, maker);
  const before = (await rootStates(iso)).get(kind);
  const served = await writeServed(await addFile(await isoFile(iso), MODE_FILE), at('need.served'));
  return (before?.slack ?? 0) - ((await rootStates(served)).get(kind)?.slack ?? 0);
}

describe('a hybrid image', () => {
  it('keeps its partition tables where they are, byte by byte', async () => {
    const efi = at('efi.img');
    await tool('truncate', ['-s', '1M', efi]);
    await tool('mkfs.vfat', [efi]);
    const words = [
      '-R',
      '-append_partition',
      '2',
      '0xef',
      efi,
      '-appended_part_as_gpt',
      '-partition_offset',
      '16',
      '-partition_cyl_align',
      'off',
    ];
    const iso = await makeIso(at('hybrid.iso'), DEEP, { program: 'xorriso', words });
    const before = await readFile(iso);
    expect(before.indexOf('EFI PART', before.length - 2048)).toBeGreaterThan(0);
    const after = await readFile(await expectServed(iso));
    expect(after.subarray(0, 16 * 2048).equals(before.subarray(0, 16 * 2048))).toBe(true);
    expect(after.subarray(before.length - 64 * 2048, before.length).equals(before.subarray(before.length - 64 * 2048))).toBe(true);
    // Nothing else than the size of the volume and the root directory is another.
    const differing = new Set<number>();
    for (let offset = 0; offset < before.length; offset += 1)
      if (before[offset] !== after[offset]) differing.add(Math.floor(offset / 2048));
    expect(differing.size).toBeLessThanOrEqual(2);
  });
});

describe('a copy with one more file', () => {
  it('is made by xorriso with the same UUID, and read by others', async () => {
    const iso = await installerIso(at('master.iso'));
    const bytes = (await stat(iso)).size;
    await remaster({ isoPath: iso, bytes, added: MODE_FILE, outPath: at('copy.iso'), run: runProgram });
    const uuid = (path: string): Promise<string> => tool('xorriso', ['-indev', `stdio:${path}`, '-pvd_info']);
    const line = (text: string): string | undefined => /^Modif\. *Time *: .*$/m.exec(text)?.[0];
    expect(line(await uuid(at('copy.iso')))).toBe(line(await uuid(iso)));
    expect(line(await uuid(iso))).toBeDefined();
    // xorriso keeps the names of Rock Ridge alone; libarchive does not read a copy whose root stands behind what it points to.
    for (const reader of ['xorriso', '7z']) {
      const [before, after] = [await readBy(reader, iso), await readBy(reader, at('copy.iso'))];
      expectOneMore(reader, before, after);
    }
  });

  it('needs xorriso, and says how to get it', async () => {
    const iso = await makeIso(at('master.iso'), SMALL, XORRISO);
    const gone = Object.assign(new Error('spawn xorriso ENOENT'), { code: 'ENOENT' });
    const bytes = (await stat(iso)).size;
    await expect(
      remaster({ isoPath: iso, bytes, added: MODE_FILE, outPath: at('none.iso'), run: () => Promise.reject(gone) }),
    ).rejects.toMatchObject({
      code: 'install.remaster_failed',
      hint: 'Install it: apt install xorriso',
    });
    await expect(stat(at('none.iso'))).rejects.toThrow('ENOENT');
  });
});
