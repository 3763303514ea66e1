// Deployments in a real process that is really killed, again and again: each goes on at the step that was cut off, no other step runs
// twice, and none is lost.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { openTestStore } from '../../support/store.ts';

const CHILD = new URL('child.ts', import.meta.url).pathname;
const NODES = 12;
const KILLS = 25;
const STEPS = ['one', 'two', 'three', 'four'];

/** Kills the child as soon as it has said so many things that no earlier life has said. True when it was killed. */
async function live(directory: string, said: Set<string>, killAfter: number): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, directory, String(NODES)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled') },
  });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const closed = once(child, 'close');
  let news = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!said.has(line)) news += 1;
    said.add(line);
    if (news === killAfter) child.kill('SIGKILL');
  }
  await closed;
  if (child.signalCode === null && child.exitCode !== 0) throw new Error(`the child failed: ${errors.join('')}`);
  return child.signalCode === 'SIGKILL';
}

it(`resumes deployments at the step that was cut off, although it is killed ${KILLS} times`, { timeout: 600_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-life-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const heard = new Set<string>();
  let kills = 0;
  for (let isKilled = true; isKilled; ) {
    isKilled = await live(directory, heard, kills < KILLS ? 1 + (kills % 3) : Number.POSITIVE_INFINITY);
    if (isKilled) kills += 1;
  }
  const said = (await readFile(join(directory, 'said'), 'utf8')).trim().split('\n');
  let repeats = 0;
  for (let at = 0; at < NODES; at += 1) {
    const name = `pve${at}`;
    const begun = said.map((line) => line.split(' ')).filter(([who, what]) => who === name && STEPS.includes(what ?? ''));
    let last = -1;
    for (const [, step = '', how] of begun) {
      const index = STEPS.indexOf(step);
      if (index === last) {
        expect([name, step, how]).toEqual([name, step, 'resumed']);
        repeats += 1;
      } else {
        expect([name, step, index]).toEqual([name, step, last + 1]);
      }
      last = index;
    }
    expect([name, last]).toEqual([name, STEPS.length - 1]);
    expect(said).toContain(`${name} is active`);
  }
  // Else this test would have shown nothing.
  expect(repeats).toBeGreaterThan(0);
  const store = await openTestStore({ url: `sqlite://${join(directory, 'rackseed.sqlite')}` });
  const open = await store.db.selectFrom('tasks').select('kind').where('state', '!=', 'succeeded').execute();
  expect(open).toEqual([]);
  expect(await store.db.selectFrom('leases').selectAll().where('key', 'like', 'node:%').execute()).toEqual([]);
});
