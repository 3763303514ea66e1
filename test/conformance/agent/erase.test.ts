// Files in place of disks, with what real tools put on them; programs of real disks (nvme, hdparm) are played.

import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeConfigdrive } from '../../../src/agent/commands/configdrive.ts';
import { eraseDisks, eraseMetadata } from '../../../src/agent/commands/erase/erase.ts';
import { eraseBy } from '../../../src/agent/commands/erase/ways.ts';
import { createWriteImage } from '../../../src/agent/commands/image/write-image.ts';
import { stampDisks } from '../../../src/agent/commands/stamp.ts';
import { CommandRefused } from '../../../src/agent/commands/types.ts';
import type { DiskRef } from '../../../src/inspect/commands.ts';
import { contentItems } from '../../../src/inspect/disk-contents.ts';
import { type Run, runProgram } from '../../../src/lib/index.ts';
import { fileDisk, type Hands, hands, refTo } from '../../support/hands.ts';

const MIB = 2 ** 20;
const NO_IMAGE = {
  url: 'http://127.0.0.1:9/a.raw',
  checksum: null,
  isAppliance: false,
  format: 'raw',
  compression: 'none',
  grow: false,
} as const;
const SIZE = 96 * MIB;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-erase-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function tool(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram(command, args, { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
}

/** GPT, an ext4 in one partition, swap in another, and data everywhere. */
async function usedDisk(name: string): Promise<string> {
  const path = join(directory, name);
  await fileDisk(path, SIZE, true);
  const handle = await open(path, 'r+');
  await handle.write(Buffer.alloc(SIZE, 'data of somebody '), 0, SIZE, 0);
  await tool('sgdisk', '-Z', path).catch(() => undefined); // it complains of what it finds there
  await tool('sgdisk', '-n', '1:2048:+40M', '-n', '2:0:0', path);
  await tool('mkfs.ext4', '-q', '-F', '-E', `offset=${MIB}`, path, '40M');
  const swap = join(directory, `${name}.swap`);
  await fileDisk(swap, 20 * MIB);
  await tool('mkswap', '-q', swap);
  await handle.write(await readFile(swap), 0, 20 * MIB, 41 * MIB);
  // Where mkfs has discarded, or put its journal.
  await handle.write('data of somebody '.repeat(4), 30 * MIB);
  await handle.close();
  return path;
}

const sizesOf = (...paths: string[]): Map<string, number> => new Map(paths.map((path) => [path, SIZE]));

async function itemsOf(path: string): Promise<string[]> {
  const [found] = await hands({ sizes: sizesOf(path) }).resolve([refTo(path, SIZE)]);
  return found === undefined ? [] : contentItems(found.contents);
}

describe('erase_metadata', () => {
  it('leaves nothing that is recognised, and the rest as it was', async () => {
    const path = await usedDisk('meta');
    const before = await itemsOf(path);
    expect(before.join(' ')).toMatch(/table gpt .*ext4|ext4 .*table gpt/);
    const done = await eraseMetadata({ disks: [refTo(path, SIZE, before)] }, hands({ sizes: sizesOf(path) }));
    expect(done.result.disks).toEqual([expect.objectContaining({ method: 'metadata', verified: true })]);
    expect(await itemsOf(path)).toEqual(['unrecognised data']);
    const { code } = await runProgram('blkid', ['-p', path]);
    expect(code).toBe(2);
    expect((await readFile(path)).subarray(30 * MIB, 30 * MIB + 64).toString()).toContain('data of somebody');
  });

  it('touches none where one has neither serial number nor WWN, and nobody said what may be on it', async () => {
    const [one, two] = [await usedDisk('printed'), await usedDisk('bare')];
    const before = await itemsOf(one);
    const bare = { ...refTo(two, SIZE), serial: null, wwn: null, byPath: 'pci-1', expects: null };
    const disks = [refTo(one, SIZE, before), bare];
    const context = hands({ sizes: sizesOf(one, two) });
    const orders = [
      () => eraseMetadata({ disks }, context),
      () => eraseDisks({ disks, method: 'overwrite', verify: false, passes: 1 }, context),
      () => stampDisks({ disks, guids: ['a', 'b'].map((one) => `${one.repeat(8)}-0000-4000-8000-000000000000`) }, context),
      () => createWriteImage()({ ...NO_IMAGE, disk: bare }, context),
      () => writeConfigdrive({ disk: bare, path: '/api/agent/configdrive' }, context),
    ];
    for (const order of orders) {
      const refused = await order().catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(CommandRefused);
      expect(String(refused)).toContain('a disk without serial number and WWN is written only where it is said what may be on it');
    }
    expect(await itemsOf(one)).toEqual(before);
  });

  it('touches none of the disks where one holds what nobody said yes to', async () => {
    const [one, two] = [await usedDisk('first'), await usedDisk('second')];
    const before = await itemsOf(one);
    const refs = [refTo(one, SIZE, before), refTo(two, SIZE, ['table gpt other'])];
    await expect(eraseMetadata({ disks: refs }, hands({ sizes: sizesOf(one, two) }))).rejects.toThrow(
      'did not hold when somebody said yes',
    );
    expect(await itemsOf(one)).toEqual(before);
  });

  it('can be done again to what is half erased', async () => {
    const path = await usedDisk('half');
    const before = await itemsOf(path);
    const handle = await open(path, 'r+');
    await handle.write(Buffer.alloc(4 * MIB), 0, 4 * MIB, MIB);
    await handle.close();
    await eraseMetadata({ disks: [refTo(path, SIZE, before)] }, hands({ sizes: sizesOf(path), isResumed: true }));
    expect(await itemsOf(path)).toEqual(['unrecognised data']);
  });
});

/** The first look finds `path` under the name `old`; after that it has its own, and `old` is another disk's. */
function renamed(context: Hands, path: string, old: string, later: (refs: readonly DiskRef[]) => void = () => undefined): Hands {
  let isFirst = true;
  return {
    ...context,
    resolve: async (refs) => {
      const wasFirst = isFirst;
      isFirst = false;
      if (!wasFirst) later(refs);
      const found = await context.resolve(refs);
      return wasFirst ? found.map((one) => (one.path === path ? { ...one, path: old } : one)) : found;
    },
  };
}

describe('a disk that gets another name after it was found, as by a hot swap', () => {
  const all = { method: 'express', verify: true, passes: 1 } as const;

  it.each(['metadata', 'overwrite'])(
    'is erased under its new name, and the disk that has the old one now is left alone: %s',
    async (how) => {
      const [path, other, beside] = [await usedDisk(`moved-${how}`), await usedDisk(`other-${how}`), await usedDisk(`beside-${how}`)];
      const before = await readFile(other);
      const refs = [refTo(beside, SIZE), refTo(path, SIZE)];
      const context = renamed(hands({ sizes: sizesOf(path, beside) }), path, other);
      if (how === 'metadata') await eraseMetadata({ disks: refs }, context);
      else await eraseDisks({ ...all, disks: refs, method: 'overwrite' }, context);
      expect((await readFile(other)).equals(before)).toBe(true);
      expect(await itemsOf(path)).toEqual(how === 'metadata' ? ['unrecognised data'] : []);
    },
  );

  it('is not erased when it is gone, nor is what has its name now', async () => {
    const [path, other, beside] = [await usedDisk('pulled'), await usedDisk('put-in'), await usedDisk('stays')];
    const before = await readFile(other);
    const context = renamed(hands({ sizes: sizesOf(path, beside) }), path, other, (refs) => {
      if (refs.some(({ serial }) => serial === path)) throw new CommandRefused('disk pulled is not on this machine');
    });
    const work = eraseDisks({ ...all, disks: [refTo(path, SIZE), refTo(beside, SIZE)] }, context);
    await expect(work).rejects.toThrow(/1 of 2 disks are not erased: .*disk pulled is not on this machine; 1 others are erased/);
    expect((await readFile(other)).equals(before)).toBe(true);
    expect(await itemsOf(beside)).toEqual(['unrecognised data']);
  });

  it('may hold only what somebody said yes to until it is written, and anything after that', async () => {
    const path = await usedDisk('agreed');
    const before = await itemsOf(path);
    const asked: (readonly string[] | null)[] = [];
    const context = renamed(hands({ sizes: sizesOf(path) }), path, path, (refs) => void asked.push(...refs.map(({ expects }) => expects)));
    await eraseMetadata({ disks: [refTo(path, SIZE, before)] }, context);
    expect(asked[0]).toEqual(before);
    expect(asked.slice(1).length).toBeGreaterThan(0);
    expect(asked.slice(1).every((expects) => expects === null)).toBe(true);
  });

  it('is not written when what was opened is not what was found', async () => {
    const path = await usedDisk('shrunk');
    const before = await readFile(path);
    const ref = refTo(path, SIZE + MIB);
    await expect(eraseMetadata({ disks: [ref] }, hands({ sizes: new Map([[path, SIZE + MIB]]) }))).rejects.toThrow(
      'is another disk than a moment ago',
    );
    expect((await readFile(path)).equals(before)).toBe(true);
  });
});

describe('erase_disks', () => {
  it('overwrites in passes and reads back', async () => {
    const path = await usedDisk('over');
    const context = hands({ sizes: sizesOf(path) });
    const done = await eraseDisks({ disks: [refTo(path, SIZE)], method: 'overwrite', verify: true, passes: 2 }, context);
    expect(done.result.disks).toEqual([expect.objectContaining({ method: 'overwrite', verified: true })]);
    expect((await readFile(path)).every((byte) => byte === 0)).toBe(true);
    expect(context.progressed.some(({ text }) => text.includes('pass 2 of 2'))).toBe(true);
    expect(context.progressed.some(({ text }) => text.includes('reads back'))).toBe(true);
  });

  it('takes the next way where the disk can do nothing itself; express leaves its data', async () => {
    const [auto, express] = [await usedDisk('auto'), await usedDisk('express')];
    const context = hands({ sizes: sizesOf(auto, express) });
    const all = await eraseDisks({ disks: [refTo(auto, SIZE)], method: 'auto', verify: true, passes: 1 }, context);
    expect(all.result.disks[0]?.method).toBe('overwrite');
    const fast = await eraseDisks({ disks: [refTo(express, SIZE)], method: 'express', verify: true, passes: 1 }, context);
    expect(fast.result.disks[0]?.method).toBe('metadata');
    expect(await itemsOf(express)).toEqual(['unrecognised data']);
  });

  it('refuses a method that one of the disks can not do, with all of them as they were', async () => {
    const path = await usedDisk('secure');
    const before = await readFile(path);
    const disks = [refTo(path, SIZE)];
    await expect(eraseDisks({ disks, method: 'secure', verify: true, passes: 1 }, hands({ sizes: sizesOf(path) }))).rejects.toThrow(
      'it can not erase itself: it is neither NVMe nor ATA; nothing was erased',
    );
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('ends the others when one fails, and names it', async () => {
    const good = await usedDisk('good');
    const gone = join(directory, 'gone');
    await fileDisk(gone, SIZE, true);
    const real = hands({ sizes: sizesOf(good, gone) });
    let looks = 0;
    const context = {
      ...real,
      // It is pulled out after everything was asked, and before anything is written.
      progress: (fraction: number, text: string) => {
        if (looks === 0) void rm(gone, { force: true });
        looks += 1;
        real.progress(fraction, text);
      },
      resolve: async (refs: Parameters<typeof real.resolve>[0]) => {
        const found = await real.resolve(refs);
        if (found.length === 1 && found[0]?.path === gone) throw new Error('it is gone');
        return found;
      },
    };
    const work = eraseDisks({ disks: [refTo(gone, SIZE), refTo(good, SIZE)], method: 'express', verify: true, passes: 1 }, context);
    await expect(work).rejects.toThrow(/1 of 2 disks are not erased: disk gone .*; 1 others are erased/);
    expect(await itemsOf(good)).toEqual(['unrecognised data']);
  });

  it('with no disks does nothing, and says so', async () => {
    const done = await eraseDisks({ disks: [], method: 'auto', verify: true, passes: 1 }, hands({ sizes: new Map() }));
    expect(done).toMatchObject({ message: 'no disks were named: nothing was erased', result: { disks: [] } });
  });
});

const unused = (): Promise<never> => Promise.reject(new Error('closed'));

describe('an ATA disk whose secure erase fails', () => {
  it('is left without a password', async () => {
    const asked: string[][] = [];
    const run: Run = (command, args) => {
      asked.push([command, ...args]);
      return Promise.resolve({ code: command === 'hdparm' && args.includes('--security-erase') ? 5 : 0, stdout: '', stderr: 'I/O error' });
    };
    const parts = {
      disk: {
        ref: refTo('/dev/sdz', SIZE),
        now: unused,
        // Each program is given the name of its moment.
        pathToChange: () => Promise.resolve(`/dev/sd${asked.length + 1}`),
        withDevice: unused,
      },
      abilities: {
        isRotational: true,
        discards: false,
        nvme: null,
        ata: { isSupported: true, isEnabled: false, isLocked: false, isFrozen: false, isEnhanced: false, minutes: 2 },
      },
      context: hands({ run, sizes: new Map() }),
      passes: 1,
      verify: true,
      progress: () => undefined,
    };
    await expect(eraseBy('ata-secure', parts)).rejects.toThrow('I/O error');
    expect(asked.map((args) => args.at(-1))).toEqual(['/dev/sd1', '/dev/sd2', '/dev/sd3']);
    // The password is taken away again where the erasure failed: nobody is left with a locked disk.
    expect(asked.map((one) => one.find((word) => word.startsWith('--security')))).toEqual([
      '--security-set-pass',
      '--security-erase',
      '--security-disable',
    ]);
  });
});
