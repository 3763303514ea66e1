// A raw image of the appliance onto a file in place of a disk, without its zeroes: what is put together is the image, byte for byte, and
// whatever is not as it should be leads to the whole file or to no image at all.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layoutOf } from '../../../src/agent/commands/image/sparse.ts';
import { createWriteImage } from '../../../src/agent/commands/image/write-image.ts';
import { createMapper, dataBytes, type ImageMap, placesOf } from '../../../src/install/image-map.ts';
import { fileDisk, hands, refTo } from '../../support/hands.ts';
import { type ImageServer, serveImages } from '../../support/image-server.ts';

const MIB = 2 ** 20;
const DISK = 80 * MIB;
const LIMITS = { pauseMs: 5, patienceMs: 2000, idleMs: 2000 };
const MAP = '/image?part=map';
const DATA = '/image?part=data';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-sparse-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Data in the first MiB, in a run of three, across nothing, and at an end that is no whole block. */
function sparseImage(begin = 'a boot loader'): Buffer {
  const image = Buffer.alloc(64 * MIB + 512);
  image.write(begin, 0, 'latin1');
  for (let at = 9 * MIB; at < 12 * MIB; at += 4) image.writeUInt32LE(at, at);
  image.write('in the middle', 40 * MIB + 77);
  image.write('at the end', 64 * MIB + 100);
  return image;
}

function sumOf(image: Buffer, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(image).digest('hex')}`;
}

function filesOf(image: Buffer): Record<string, Buffer> {
  const mapper = createMapper();
  mapper.add(image);
  const map = mapper.map(sumOf(image)) ?? expect.unreachable();
  const data = Buffer.concat(placesOf(map, 0, dataBytes(map)).map(({ start, end }) => image.subarray(start, end)));
  return { '/image': image, [MAP]: Buffer.from(JSON.stringify({ tag: 'one', ...map })), [DATA]: data };
}

type Told = ImageMap;

function toldOtherwise(files: Map<string, Buffer>, change: (map: Told) => Told): void {
  const map = JSON.parse(files.get(MAP)?.toString() ?? '') as Told; // as it was made above
  files.set(MAP, Buffer.from(JSON.stringify(change(map))));
}

interface Wanted {
  readonly checksum?: string;
  readonly size?: number;
  readonly prepare?: (server: ImageServer) => void;
}

async function write(image: Buffer, { checksum, size = DISK, prepare }: Wanted = {}) {
  const disk = join(directory, `disk-${performance.now()}`);
  await fileDisk(disk, size, true);
  const server = await serveImages(filesOf(image));
  prepare?.(server);
  const context = hands({ sizes: new Map([[disk, size]]), appliance: server.url('/') });
  const sum = checksum ?? sumOf(image);
  const args = { disk: refTo(disk, size), url: '/image', checksum: sum, isAppliance: true } as const;
  const work = createWriteImage(LIMITS)({ ...args, format: 'auto', compression: 'auto', grow: false }, context);
  const failed = await work.then(
    () => undefined,
    (error: unknown) => String(error),
  );
  return { disk, server, context, failed, asked: server.asked.map(({ path }) => path), bytes: await readFile(disk) };
}

describe('a raw image of the appliance', () => {
  it('comes without its zeroes, and they are on the disk, over what was there', async () => {
    const image = sparseImage();
    const { failed, asked, bytes } = await write(image);
    expect(failed).toBeUndefined();
    expect(asked).toEqual([MAP, DATA]);
    expect(bytes.subarray(0, image.length).equals(image)).toBe(true);
  });

  it('is gone on with where the connection broke', async () => {
    const image = sparseImage();
    const { failed, server, bytes } = await write(image, { prepare: ({ breaks }) => void breaks.push(1_500_000, 700_000) });
    expect(failed).toBeUndefined();
    expect(server.asked.filter(({ ifRange }) => ifRange === '"one"')).toHaveLength(2);
    expect(bytes.subarray(0, image.length).equals(image)).toBe(true);
  });

  it.each([
    ['the list of its places was changed', (map: Told) => ({ ...map, runs: map.runs.with(1, [10, 3]) })],
    ['the seal is another', (map: Told) => ({ ...map, seal: 'a'.repeat(64) })],
  ])('is no image where %s', async (_why, change) => {
    const { failed, bytes } = await write(sparseImage(), { prepare: ({ files }) => toldOtherwise(files, change) });
    expect(failed).toMatch(/the data of the image, with the list of where they belong, are not what was expected/);
    expect(bytes.subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
  });

  it('is no image where a byte of the data is another', async () => {
    const { failed, bytes } = await write(sparseImage(), {
      prepare: ({ files }) => {
        const data = Buffer.from(files.get(DATA) ?? '');
        data[2 * MIB + 5] = 0xff;
        files.set(DATA, data);
      },
    });
    expect(failed).toMatch(/the data of the image, with the list of where they belong, are not what was expected/);
    expect(bytes.subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
  });

  it('of which the operator gave the checksum by another algorithm is summed up with its zeroes', async () => {
    const image = sparseImage();
    const good = await write(image, { checksum: sumOf(image, 'sha512') });
    expect([good.failed, good.asked]).toEqual([undefined, [MAP, DATA]]);
    expect(good.bytes.subarray(0, image.length).equals(image)).toBe(true);
    expect((await write(image, { checksum: `sha512:${'a'.repeat(128)}` })).failed).toMatch(/its sha512 is .* and should be a{128}/);
  });

  it('whose map is of a file with another checksum than is wanted is summed up with its zeroes', async () => {
    const image = sparseImage();
    const { failed, asked } = await write(image, { checksum: `sha256:${'a'.repeat(64)}` });
    expect(asked).toEqual([MAP, DATA]);
    expect(failed).toContain(`its sha256 is ${sumOf(image).slice(7)} and should be aaa`);
  });

  it('is summed up with its zeroes where the map is of another file: one that another map was made of is no image', async () => {
    const image = sparseImage();
    const { failed, bytes } = await write(image, {
      prepare: ({ files }) => {
        toldOtherwise(files, (map) => ({ ...map, checksum: `sha256:${'b'.repeat(64)}`, runs: map.runs.with(1, [10, 3]) }));
      },
    });
    expect(failed).toMatch(/the image is not what was expected: its sha256 is [0-9a-f]{64} and should be/);
    expect(bytes.subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ['there is no map', ({ files }: ImageServer) => void files.delete(MAP)],
    ['the map is none', ({ files }: ImageServer) => void files.set(MAP, Buffer.from('{"bytes": 1}'))],
    ['the data are of another file', ({ files }: ImageServer) => void files.set(DATA, Buffer.alloc(5 * MIB))],
    ['the data have another tag', (server: ImageServer) => void Object.assign(server, { etag: '"two"' })],
  ])('comes whole where %s', async (_why, prepare) => {
    const image = sparseImage();
    const { failed, asked, bytes } = await write(image, { prepare });
    expect(failed).toBeUndefined();
    expect(asked.at(-1)).toBe('/image');
    expect(bytes.subarray(0, image.length).equals(image)).toBe(true);
  });

  it('comes whole where it is packed', async () => {
    const { asked, failed } = await write(sparseImage('\x28\xb5\x2f\xfd'));
    expect(asked).toEqual([MAP, DATA, '/image']);
    expect(failed).toContain('unpacked as zstd');
  });

  it('that is larger than the disk is refused by its own size, with the disk as it was', async () => {
    const { failed, bytes } = await write(sparseImage(), { size: 32 * MIB });
    expect(failed).toContain(`the image has ${64 * MIB + 512} bytes`);
    expect(bytes.toString('latin1', 0, 16)).toBe('left by somebody');
  });
});

it('a map out of order, or beyond the end, is none', () => {
  const of = (...runs: [number, number][]) => layoutOf({ bytes: 10 * MIB, blockBytes: MIB, runs, checksum: '', seal: '' });
  expect(of([0, 2], [9, 1])?.runs.at(-1)).toEqual({ offset: 9 * MIB, length: MIB });
  expect(of([3, 1], [2, 1])).toBeNull();
  expect(of([0, 2], [1, 1])).toBeNull();
  expect(of([10, 1])).toBeNull();
  expect(of([8, 4])).toBeNull();
});
