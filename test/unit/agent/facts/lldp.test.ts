import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Check } from 'typebox/value';
import { expect, it, onTestFinished } from 'vitest';
import { createNeighbours } from '../../../../src/agent/facts/lldp.ts';
import { framesOf, neighbourOf } from '../../../../src/agent/facts/lldp-codec.ts';
import { NeighbourSchema } from '../../../../src/inspect/facts.ts';
import type { Run } from '../../../../src/lib/index.ts';

const text = (words: string): number[] => [...new TextEncoder().encode(words)];
const tlv = (type: number, ...value: readonly number[]): number[] => [(type << 1) | (value.length >> 8), value.length & 0xff, ...value];
const MACS = [0x01, 0x80, 0xc2, 0, 0, 0x0e, 0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc];
const FRAME = Uint8Array.from([
  ...MACS,
  0x88,
  0xcc,
  ...tlv(1, 4, 0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc),
  ...tlv(2, 5, ...text('Gi1/0/7')),
  ...tlv(3, 0, 120),
  ...tlv(4, ...text('to rack 4')),
  ...tlv(5, ...text('sw-rack4')),
  ...tlv(6, ...text('ExampleOS 1.2\nbuilt by hand')),
  ...tlv(8, 5, 1, 10, 0, 0, 2, 2, 0, 0, 0, 1, 0),
  ...tlv(127, 0x00, 0x80, 0xc2, 1, 0, 42),
  ...tlv(0),
]);

function captureOf(frames: readonly Uint8Array[], isLittle = true): Uint8Array {
  const u32 = (value: number): number[] => {
    const bytes = [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
    return isLittle ? bytes : bytes.toReversed();
  };
  const header = [...u32(0xa1b2c3d4), ...u32(0x00040002), ...u32(0), ...u32(0), ...u32(1600), ...u32(1)];
  return Uint8Array.from([
    ...header,
    ...frames.flatMap((frame) => [...u32(1), ...u32(2), ...u32(frame.length), ...u32(frame.length), ...frame]),
  ]);
}

it('reads what a switch says of itself', () => {
  const found = neighbourOf('eno1', FRAME);
  expect(found).toEqual({
    port: 'eno1',
    chassis_id: '00:1b:21:aa:bb:cc',
    port_id: 'Gi1/0/7',
    port_description: 'to rack 4',
    system_name: 'sw-rack4',
    system_description: 'ExampleOS 1.2 built by hand',
    management_address: '10.0.0.2',
    vlan: 42,
  });
  expect(Check(NeighbourSchema, found)).toBe(true);
});

it('finds the whole frames of a capture, in either byte order', () => {
  for (const isLittle of [true, false]) {
    const capture = captureOf([FRAME, FRAME], isLittle);
    expect(framesOf(capture)).toEqual([FRAME, FRAME]);
    expect(framesOf(capture.subarray(0, -1))).toEqual([FRAME]);
  }
  expect(framesOf(new Uint8Array(10))).toEqual([]);
});

it('makes of whatever a port sends a neighbour that fits, or none', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 5000; round += 1) {
    const frame = FRAME.slice(0, random(4) === 0 ? random(FRAME.length) : FRAME.length);
    for (let change = random(6); change > 0 && frame.length > 0; change -= 1) frame[random(frame.length)] = random(256);
    const found = neighbourOf('eno1', frame);
    if (found !== undefined) expect(Check(NeighbourSchema, found), JSON.stringify(found)).toBe(true);
    framesOf(frame);
  }
});

it('listens on each port beside everything else, and tells what was heard once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lldp-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const asked: string[] = [];
  const run: Run = async (_command, args) => {
    const port = String(args[1]);
    asked.push(port);
    if (port === 'eno2') throw new Error('spawn tcpdump ENOENT');
    await writeFile(String(args[args.indexOf('-w') + 1]), captureOf([FRAME, FRAME]));
    return { code: 0, stdout: '', stderr: '' };
  };
  const neighbours = createNeighbours({ run, directory, signal: new AbortController().signal });
  neighbours.listen(['eno1', 'eno2']);
  neighbours.listen(['eno1']);
  await expect.poll(() => neighbours.hasNews).toBe(true);
  expect(neighbours.take()).toMatchObject({ heard: [{ port: 'eno1', system_name: 'sw-rack4' }], problem: 'spawn tcpdump ENOENT' });
  expect(neighbours.hasNews).toBe(false);
  expect(asked).toEqual(['eno1', 'eno2']);
});
