// The process that is killed: an appliance with nothing but a store and a task engine. Says on stdout what it has done, as it does it.
// Run as: node child.ts DIRECTORY TASKS

import { appendFileSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { createTaskEngine, defineTask, done, type Step, waitUntil } from '../../../src/tasks/index.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const EFFECTS = join(directory, 'effects');
const AT_ONCE = 4;
const MINUTE = 60_000;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Looks, then acts, as a step must that may have been cut off. */
function effect(key: string): void {
  const isThere = readFileSync(EFFECTS, 'utf8').split('\n').includes(key);
  if (!isThere) appendFileSync(EFFECTS, `${key}\n`, { flag: 'a' });
  say(`effect ${key}`);
}

function step(name: string, more: Partial<Step<object>> = {}): Step<object> {
  const run: Step['run'] = async (context) => {
    context.log(`in ${name}`);
    effect(`${context.taskId} ${name}`);
    await context.transaction((tx) =>
      tx
        .insertInto('settings')
        .values({ key: `${context.taskId} ${name}`, value: '', updated_at: 0 })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
    return done(name);
  };
  return { name, title: name, timeoutMs: MINUTE, run, ...more };
}

const job = defineTask({
  kind: 'test.job',
  title: 'Job',
  args: Type.Object({}),
  steps: [
    step('one'),
    step('two', {
      run: async (context) => {
        if (context.woken === undefined && !context.isResumed) return waitUntil(Date.now() + 5);
        effect(`${context.taskId} two`);
        return done();
      },
    }),
    step('three', {
      destructive: true,
      recheck: async ({ taskId }) => (readFileSync(EFFECTS, 'utf8').split('\n').includes(`${taskId} three`) ? 'done' : 'redo'),
    }),
  ],
});

writeFileSync(EFFECTS, '', { flag: 'a' });
const store = await openStore({
  url: `sqlite://${join(directory, 'rackseed.sqlite')}`,
  keys: [{ id: 'test', bytes: Buffer.alloc(32, 7) }],
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
const engine = createTaskEngine({
  store,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  definitions: [job],
  holder: 'one',
  limits: { pollMs: 20 },
});
await engine.start(new AbortController().signal);

async function submitAndFinish(index: number): Promise<void> {
  const key = `job-${index}`;
  const request = { kind: 'test.job', subject: key, locks: [`node:${index % 3}`], args: {}, idempotencyKey: key };
  const id = await store.transaction((tx) => engine.submit(tx, request));
  say(`ack ${key} ${id}`);
  const { state } = await engine.finished(id, new AbortController().signal);
  say(`end ${key} ${state}`);
}

async function submitter(from: number): Promise<void> {
  for (let index = from; index < Number(count); index += AT_ONCE) await submitAndFinish(index);
}

await Promise.all(Array.from({ length: AT_ONCE }, (_, from) => submitter(from)));
say('all done');
await engine.stop();
await store.close();
