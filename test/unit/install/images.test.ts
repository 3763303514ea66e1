import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { createImageFiles, type ImageFiles } from '../../../src/install/index.ts';
import { renderReport } from '../../../src/install/report-render.ts';
import { containing } from '../../support/containing.ts';

const never = new AbortController().signal;

async function open(): Promise<{
  readonly images: ImageFiles;
  readonly directory: string;
  readonly path: string;
  readonly outside: string;
}> {
  const root = await mkdtemp(join(tmpdir(), 'rackseed-images-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const directory = join(root, 'images');
  await mkdir(directory);
  const [path, outside, named] = [join(directory, 'a.raw'), join(root, 'secret'), join(root, 'named.raw')];
  await Promise.all([path, outside, named].map((file) => writeFile(file, 'content')));
  return { images: createImageFiles({ directory, named: [named] }), directory, path, outside };
}

it('only what is below the directory, or is named, is given; no way leads out', async () => {
  const { images, directory, path, outside } = await open();
  await symlink(outside, join(directory, 'link'));
  expect(await images.find(path)).toMatchObject({ bytes: 7 });
  expect(await images.find(join(outside, '../named.raw').replace('/secret/..', ''))).toMatchObject({ bytes: 7 });
  for (const bad of [
    outside,
    `${directory}/link`,
    `${directory}/../secret`,
    directory,
    `${directory}/`,
    'a.raw',
    `${directory}/gone`,
    `${directory}/a\0b`,
  ])
    await expect(images.find(bad), bad).rejects.toMatchObject({ code: 'install.no_image' });
});

it('a file that was put in the place of the one that was found is not read for it', async () => {
  const { images, directory, path } = await open();
  const found = await images.find(path);
  expect(await text(images.read(found, 0, 6))).toBe('content');
  await writeFile(join(directory, 'b.raw'), 'CONTENT');
  await rename(join(directory, 'b.raw'), path);
  await expect(text(images.read(found, 0, 6))).rejects.toMatchObject({ code: 'install.bad_image', message: containing('changed') });
  await rm(path);
  await expect(text(images.read(found, 0, 6))).rejects.toMatchObject({ code: 'install.bad_image', message: containing('ENOENT') });
});

it('a file that shrinks while it is read breaks the stream off', async () => {
  const { images, path } = await open();
  await writeFile(path, Buffer.alloc(16 * 2 ** 20));
  const stream = images.read(await images.find(path), 0, 16 * 2 ** 20 - 1);
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  await truncate(path, 2 ** 20);
  const rest = async (): Promise<void> => {
    while ((await chunks.next()).done !== true);
  };
  await expect(rest()).rejects.toMatchObject({ code: 'install.bad_image', message: containing('shorter') });
});

it('whoever gives up, before the file is open, while it opens or after that, leaves no handle', async () => {
  const { images, path } = await open();
  const found = await images.find(path);
  const handles = async (): Promise<string[]> => {
    const all = await readdir('/proc/self/fd');
    return (await Promise.all(all.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))).filter((name) => name === found.path);
  };
  Readable.from(images.read(found, 0, 6)).destroy();
  expect(await handles()).toEqual([]);
  for (const when of ['while it opens', 'after that']) {
    const stream = Readable.from(images.read(found, 0, 6));
    const over = new Promise((resolve) => {
      stream.once('close', resolve);
    });
    stream.read(); // begins it
    if (when === 'after that') await new Promise((resolve) => stream.once('readable', resolve));
    stream.destroy();
    await over;
    expect([when, await handles()]).toEqual([when, []]);
  }
});

it('the checksum is of the file as it is now', async () => {
  const { images, path } = await open();
  const before = await images.describe(path, never);
  expect(before).toEqual({ checksum: 'sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73', bytes: 7 });
  await writeFile(path, 'other');
  expect(await images.describe(path, never)).not.toEqual(before);
  await rm(path);
  await expect(images.describe(path, never)).rejects.toMatchObject({ code: 'install.no_image' });
});

it('the report of a first boot reaches an appliance by IPv6, from curl and from Python', () => {
  const script = renderReport({ url: 'https://[fd00::2]:6385', token: 't', pins: { certificate: 'c', publicKey: 'k' } });
  expect(script).toContain("'https://[fd00::2]:6385/api/agent/first-boot'");
  expect(script).toContain("HTTPSConnection('fd00::2', 6385,");
});

it('which parts of it are zero is known, also to an appliance that was started anew meanwhile, as long as it is that file', async () => {
  const { images, path } = await open();
  const mib = 2 ** 20;
  const image = Buffer.alloc(16 * mib);
  image.write('begin');
  image.write('end', 15 * mib);
  await writeFile(path, image);
  const file = await images.find(path);
  // Nobody has asked this one for the checksum.
  const map = (await images.map(file)) ?? expect.unreachable();
  expect(map.runs).toEqual([
    [0, 1],
    [15, 1],
  ]);
  const parts = await Readable.from(images.readData(file, map, mib - 2, mib + 2)).toArray();
  expect(Buffer.concat(parts as Buffer[]).toString('latin1')).toBe('\0\0end'); // what it gives
  await truncate(path, 2 * mib);
  expect(await images.map(await images.find(path))).toMatchObject({ bytes: 2 * mib, runs: [[0, 1]] });
  await expect(Readable.from(images.readData(file, map, 0, 1)).toArray()).rejects.toMatchObject({ code: 'install.bad_image' });
});
