import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createCopies } from '../../../../src/install/installers/copies.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

async function site(most = 2) {
  const folder = await mkdtemp(join(tmpdir(), 'rackseed-copies-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clock = createFakeClock();
  const copies = createCopies(most, clock);
  const made: string[] = [];
  const want = (key: string) =>
    copies.of(key, join(folder, key), async () => {
      made.push(key);
      await writeFile(join(folder, key), key);
      return { bytes: key.length, tag: key };
    });
  return { clock, made, want, files: async () => (await readdir(folder)).toSorted() };
}

async function read(iso: Awaited<ReturnType<Awaited<ReturnType<typeof site>>['want']>>): Promise<void> {
  const source = await iso.open();
  await source.read(Buffer.alloc(1), 0);
  await source.close();
}

it('makes a copy once for all who want it, and drops the one that was wanted longest ago', async () => {
  const the = await site();
  const [one, same] = await Promise.all([the.want('a'), the.want('a')]);
  expect(same).toBe(one);
  await read(one);
  await read(await the.want('b'));
  await the.want('a');
  await read(await the.want('c'));
  expect([the.made, await the.files()]).toEqual([
    ['a', 'b', 'c'],
    ['a', 'c'],
  ]);
});

it('lets whoever wants one more wait while all are read, and never has more than it may', async () => {
  const the = await site();
  const sources = [await (await the.want('a')).open(), await (await the.want('b')).open()];
  const third = the.want('c');
  const fourth = the.want('d');
  await the.clock.advance(60_000);
  expect([the.made, await the.files()]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  for (const source of sources) {
    await source.close();
    await source.close();
  }
  for (const waiting of [third, fourth]) {
    await the.clock.advance(5000);
    await read(await waiting);
  }
  expect(await the.files()).toEqual(['c', 'd']);
});

it('keeps one that nobody has read yet for whoever is about to, and not for ever', async () => {
  const the = await site(1);
  await the.want('a');
  const other = the.want('b');
  await the.clock.advance(55_000);
  expect(await the.files()).toEqual(['a']);
  await the.clock.advance(5000);
  await other;
  expect(await the.files()).toEqual(['b']);
});

it('tells whoever waited too long why', async () => {
  const the = await site(1);
  const source = await (await the.want('a')).open();
  onTestFinished(() => source.close());
  await expect(the.clock.until(the.want('b'))).rejects.toMatchObject({
    code: 'install.no_space',
    message: expect.stringContaining('no more than 1') as string,
  });
});

it('gives the place of one that could not be made to the next', async () => {
  const copies = createCopies(1, createFakeClock());
  await expect(copies.of('a', '/nowhere/a', () => Promise.reject(new Error('the disk is full')))).rejects.toThrow('full');
  expect(await copies.of('b', '/nowhere/b', () => Promise.resolve({ bytes: 1, tag: 'b' }))).toMatchObject({ tag: 'b' });
});
