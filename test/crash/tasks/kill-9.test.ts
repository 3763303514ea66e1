// A real process, really killed: SIGKILL again and again while it works, until it has done everything. Then everything must have
// been done exactly once, and nothing that was acknowledged may be missing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { openTestStore } from '../../support/store.ts';

const CHILD = new URL('child.ts', import.meta.url).pathname;
const TASKS = 40;
const KILLS = 60;
const STEPS = ['one', 'two', 'three'];

interface Life {
  readonly lines: readonly string[];
  readonly isKilled: boolean;
}

/** Kills the child as soon as it has said `killAfter` things that no earlier life has said. */
async function live(directory: string, said: Set<string>, killAfter: number): Promise<Life> {
  const child = spawn(process.execPath, [CHILD, directory, String(TASKS)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled') },
  });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const closed = once(child, 'close');
  const lines: string[] = [];
  let news = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (!said.has(line)) news += 1;
    said.add(line);
    if (news === killAfter) child.kill('SIGKILL');
  }
  await closed;
  if (child.signalCode === null && child.exitCode !== 0) throw new Error(`the child failed: ${errors.join('')}`);
  return { lines, isKilled: child.signalCode === 'SIGKILL' };
}

it(`does everything exactly once although it is killed ${KILLS} times`, { timeout: 600_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-kill-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const said = new Set<string>();
  const acknowledged = new Map<string, string>();
  let kills = 0;
  for (let isKilled = true; isKilled; ) {
    const life = await live(directory, said, kills < KILLS ? 1 + (kills % 4) : Number.POSITIVE_INFINITY);
    for (const line of life.lines) {
      const [word, key = '', id = ''] = line.split(' ');
      if (word !== 'ack') continue;
      expect(acknowledged.get(key) ?? id).toBe(id);
      acknowledged.set(key, id);
    }
    isKilled = life.isKilled;
    if (isKilled) kills += 1;
  }
  expect(kills).toBe(KILLS);
  expect(acknowledged.size).toBe(TASKS);

  const effects = (await readFile(join(directory, 'effects'), 'utf8')).trim().split('\n');
  const store = await openTestStore({ url: `sqlite://${join(directory, 'rackseed.sqlite')}` });
  const tasks = await store.db.selectFrom('tasks').selectAll().execute();
  expect(new Map(tasks.map((task) => [task.idempotency_key, task.id]))).toEqual(acknowledged);
  expect(tasks).toHaveLength(TASKS);
  for (const task of tasks) {
    expect([task.state, task.error]).toEqual(['succeeded', null]);
    expect(effects.filter((line) => line.startsWith(task.id))).toEqual(STEPS.map((step) => `${task.id} ${step}`));
  }
  expect(await store.db.selectFrom('leases').selectAll().where('holder', 'like', 'task:%').execute()).toEqual([]);
  const seqs = await store.db.selectFrom('events').select('seq').orderBy('seq').execute();
  expect(seqs.map((row) => row.seq)).toEqual(seqs.map((_, index) => index + 1));
});
