// Load on the real machine, for moments: threads that compute, memory that is written and read back, a file in the place of a disk.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { readDisk } from '../../../src/agent/load/disk-reads.ts';
import { loadPart, partsIn } from '../../../src/agent/load/parts.ts';
import { runJob } from '../../../src/agent/load/workers.ts';
import { systemClock, systemRandom } from '../../../src/lib/index.ts';

const MIB = 1024 ** 2;
const never = new AbortController().signal;

it('computes the same in every round, and counts the rounds', async () => {
  const { work, faults, milliseconds } = await runJob({ kind: 'cpu', milliseconds: 50, bytes: 0 }, never);
  expect(work).toBeGreaterThan(0);
  expect(milliseconds).toBeGreaterThanOrEqual(50);
  expect(faults).toEqual([]);
});

it('writes patterns to memory and reads them back, and moves it about', async () => {
  const pattern = await runJob({ kind: 'pattern', milliseconds: 1, bytes: 80 * MIB }, never);
  expect(pattern).toMatchObject({ faults: [] });
  expect(pattern.work).toBeGreaterThanOrEqual(2 * 64 * MIB);
  expect((await runJob({ kind: 'bandwidth', milliseconds: 1, bytes: 128 * MIB }, never)).work).toBeGreaterThan(0);
});

it('ends at once when the agent ends', async () => {
  const over = new AbortController();
  const job = runJob({ kind: 'pattern', milliseconds: 600_000, bytes: 64 * MIB }, over.signal);
  over.abort(new Error('the agent ends'));
  await expect(job).rejects.toThrow('the agent ends');
});

it('reads a disk in order and here and there, and says what could not be read', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'load-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'disk');
  await writeFile(path, Buffer.alloc(4 * MIB, 7));
  const parts = { clock: systemClock, random: systemRandom };
  for (const how of ['sequential', 'random'] as const) {
    const { bytes, reads, faults } = await readDisk(parts, { path, size: 4 * MIB, how, milliseconds: 30, signal: never });
    expect(faults).toEqual([]);
    expect(bytes).toBe(reads * (how === 'random' ? 4096 : MIB));
  }
  await expect(
    readDisk(parts, { path: join(directory, 'none'), size: MIB, how: 'random', milliseconds: 30, signal: never }),
  ).rejects.toThrow(/ENOENT/);
});

it('measures the network by what comes, and tells of a connection that breaks', async () => {
  const use = {
    run: () => Promise.reject(new Error('not asked')),
    clock: systemClock,
    random: systemRandom,
    signal: never,
    progress: () => undefined,
    log: () => undefined,
  };
  const bodies = [Readable.from([Buffer.alloc(1000)]), Readable.from(broken())];
  const open = () => Promise.resolve({ status: 200, headers: {}, body: bodies.shift() ?? Readable.from([]) });
  const { failures, figures } = await loadPart({ ...use, open }, 'network', 60_000, false);
  expect(failures).toEqual(['the connection broke after 5 bytes: cut']);
  expect(figures).toHaveProperty('network_mib_s');
});

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(5);
  await Promise.resolve();
  throw new Error('cut');
}

it('takes all parts where none is named, and refuses what is none', () => {
  expect(partsIn([])).toEqual(['cpu', 'memory', 'disk', 'network']);
  expect(partsIn(['disk', 'cpu'])).toEqual(['cpu', 'disk']);
  expect(() => partsIn(['gpu'])).toThrow('no part is called gpu');
});
