// Machines that a rule takes in, in a real process that is really killed at every turn: each gets there once, under a name of its own, and no
// disk is touched but its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { openTestStore } from '../../support/store.ts';

const CHILD = new URL('child.ts', import.meta.url).pathname;
const MACHINES = 8;
const KILLS = 20;

/** Kills the child as soon as it has said so many things that no earlier life has said, or after so long without a word. True when it was killed. */
async function live(
  directory: string,
  said: Set<string>,
  kill: { readonly afterLines: number; readonly afterMs: number } | undefined,
): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, directory, String(MACHINES)], {
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
    // Between what it says too: verbs are asked for and waited for without a word.
    if (kill !== undefined && news >= kill.afterLines) setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
  }
  await closed;
  if (child.signalCode === null && child.exitCode !== 0) throw new Error(`the child failed: ${errors.join('')}`);
  return child.signalCode === 'SIGKILL';
}

it(`takes machines in although it is killed ${KILLS} times on the way`, { timeout: 600_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-enrol-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const heard = new Set<string>();
  let kills = 0;
  for (let isKilled = true; isKilled; ) {
    const kill = kills < KILLS ? { afterLines: 1 + (kills % 2), afterMs: (kills * 7) % 40 } : undefined;
    isKilled = await live(directory, heard, kill);
    if (isKilled) kills += 1;
  }
  const said = (await readFile(join(directory, 'said'), 'utf8')).trim().split('\n');
  const ends = new Set(said.filter((line) => line.includes(' is ')));
  expect([...ends].map((line) => line.split(' ').slice(2, 5).join(' ')).sort()).toEqual(
    Array.from({ length: MACHINES }, (_, at) => `done web${at + 1} active`).sort(),
  );
  const store = await openTestStore({ url: `sqlite://${join(directory, 'rackseed.sqlite')}` });
  const serials = await store.db.selectFrom('inventories').select(['node_uuid', 'inventory']).execute();
  expect(serials).toHaveLength(MACHINES);
  for (const { node_uuid: uuid, inventory } of serials) {
    const [serial = ''] = /"serial":"S\d+"/.exec(inventory) ?? [];
    const begun = said.filter((line) => line.startsWith(`${uuid} erase`) || line.startsWith(`${uuid} write`));
    expect(begun.length).toBeGreaterThanOrEqual(2);
    for (const line of begun) expect(line).toContain(serial);
    // Each step begins afresh once at most (killed before it said so, it is resumed); and never the first again after the second.
    const steps = begun.map((line) => line.split(' ').slice(1, 3).join(' '));
    expect(steps.join(', ')).toMatch(/^erase (fresh|resumed)(, erase resumed)*, write (fresh|resumed)(, write resumed)*$/);
  }
  const verbs = await store.db.selectFrom('node_history').select(['node_uuid', 'event']).where('who', '=', 'user:rule all').execute();
  expect(verbs.map(({ event }) => event).sort()).toEqual([
    ...Array.from({ length: MACHINES }, () => 'deploy'),
    ...Array.from({ length: MACHINES }, () => 'manage'),
    ...Array.from({ length: MACHINES }, () => 'provide'),
  ]);
});
