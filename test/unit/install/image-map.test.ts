import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createMapper, dataBytes, placesOf, sealOf } from '../../../src/install/image-map.ts';

const MIB = 2 ** 20;
const CHECKSUM = `sha256:${'a'.repeat(64)}`;

function mapOf(chunks: readonly Buffer[]) {
  const mapper = createMapper();
  for (const chunk of chunks) mapper.add(chunk);
  return mapper.map(CHECKSUM);
}

function oneByteAt(bytes: number, ...places: number[]): Buffer {
  const image = Buffer.alloc(bytes);
  for (const at of places) image[at] = 1;
  return image;
}

it('the blocks that are not zero are in the map, whatever the pieces that the file is read in', () => {
  const image = oneByteAt(20 * MIB + 5, 0, 2 * MIB - 1, 7 * MIB, 20 * MIB + 4);
  const pieces = Array.from({ length: Math.ceil(image.length / 700_001) }, (_, at) => image.subarray(at * 700_001, (at + 1) * 700_001));
  const expected = {
    bytes: 20 * MIB + 5,
    blockBytes: MIB,
    runs: [
      [0, 2],
      [7, 1],
      [20, 1],
    ],
  };
  expect(mapOf([image])).toMatchObject(expected);
  expect(mapOf(pieces)).toMatchObject(expected);
});

it('its seal is of what is not zero and of what the map says, whatever the pieces that the file is read in', () => {
  const image = oneByteAt(20 * MIB + 5, 5, 2 * MIB - 1, 7 * MIB, 20 * MIB + 4);
  const map = mapOf([image]) ?? expect.unreachable();
  const hash = createHash('sha256');
  for (const { start, end } of placesOf(map, 0, dataBytes(map))) hash.update(image.subarray(start, end));
  expect(map.seal).toBe(hash.update(sealOf(map)).digest('hex'));
  for (const size of [700_001, 65_536, MIB, 3 * MIB]) {
    const pieces = Array.from({ length: Math.ceil(image.length / size) }, (_, at) => image.subarray(at * size, (at + 1) * size));
    expect(mapOf(pieces)).toEqual(map);
  }
  for (const change of [{ bytes: map.bytes + 1 }, { runs: [[0, 2] as const, [8, 1] as const] }, { checksum: 'sha256:b' }])
    expect(sealOf({ ...map, ...change })).not.toBe(sealOf(map));
});

it('there is none of an image that is nearly full, nor of one that is all zero', () => {
  expect(mapOf([Buffer.alloc(10 * MIB, 1)])).toBeNull();
  expect(mapOf([Buffer.alloc(10 * MIB)])).toBeNull();
});

it('there is none of an image in more pieces than are told', () => {
  const mapper = createMapper(32);
  const [full, empty] = [Buffer.alloc(MIB, 1), Buffer.alloc(MIB)];
  for (let count = 0; count < 32; count += 1) for (const block of [full, empty]) mapper.add(block);
  expect(mapper.map(CHECKSUM)?.runs).toHaveLength(32);
  mapper.add(full);
  expect(mapper.map(CHECKSUM)).toBeNull();
});

it('bytes of the data are found at their places in the file, also across a gap and at its end', () => {
  const map = mapOf([oneByteAt(20 * MIB + 5, 0, 7 * MIB, 20 * MIB + 4)]) ?? expect.unreachable();
  expect(dataBytes(map)).toBe(2 * MIB + 5);
  expect(placesOf(map, MIB - 3, MIB + 2)).toEqual([
    { start: MIB - 3, end: MIB },
    { start: 7 * MIB, end: 7 * MIB + 2 },
  ]);
  expect(placesOf(map, 2 * MIB + 4, 2 * MIB + 5)).toEqual([{ start: 20 * MIB + 4, end: 20 * MIB + 5 }]);
  expect(placesOf(map, 0, 0)).toEqual([]);
});
