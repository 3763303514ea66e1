// A process that opens a store, to be started where a test can't go itself (another mount namespace) or to be killed.
// Says what happened in lines of JSON.

import { RackseedError, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { loadStoreKeys, openStore, ROTATION_STEPS, type RotationStep, rotateStoreKey, type Store } from '../../../src/store/index.ts';
import { KEY } from './fixture.ts';

const [action, url = '', argument = ''] = process.argv.slice(2);

try {
  await act();
} catch (thrown) {
  if (!(thrown instanceof RackseedError)) throw thrown;
  say({ code: thrown.code, message: thrown.message, hint: thrown.hint });
}

async function act(): Promise<void> {
  if (action === 'rotate') return rotateForEver();
  const store = await openStore({ url, keys: [KEY], clock: systemClock, random: systemRandom, log: silentLog });
  say({ opened: true });
  switch (action) {
    case 'open':
      say({ events: await store.events.lastSeq() });
      return store.close();
    case 'fill':
      return fill(store);
    case 'commit':
      return commitForEver(store, Number(argument));
    default:
      throw new Error(`no such action: ${action}`);
  }
}

/** Until the disk is full; then shows that reads go on and that the store says it can't commit. */
async function fill(store: Store): Promise<void> {
  let acknowledged = 0;
  try {
    for (;;) acknowledged = await append(store, 'x'.repeat(3000));
  } catch (thrown) {
    if (!(thrown instanceof RackseedError)) throw thrown;
    say({ acknowledged, code: thrown.code, message: thrown.message, hint: thrown.hint });
  }
  const events = await store.events.list({ after: 0, limit: 1000 });
  say({ readable: events.length, last: await store.events.lastSeq() });
  // Large enough to need new pages.
  const code = await append(store, 'y'.repeat(100_000)).then(
    () => 'committed',
    (thrown: unknown) => (thrown instanceof RackseedError ? thrown.code : String(thrown)),
  );
  say({ again: code });
  await store.close();
}

/** `lanes` writers at once, each telling what was acknowledged; until killed. */
async function commitForEver(store: Store, lanes: number): Promise<void> {
  const lane = async (): Promise<void> => {
    for (;;) say({ seq: await append(store, 'm') });
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Changes the key again and again; until killed. */
async function rotateForEver(): Promise<void> {
  const keyFile = argument;
  const keys = await loadStoreKeys({ url, keyFile, random: systemRandom });
  const store = await openStore({ url, keys, clock: systemClock, random: systemRandom, log: silentLog });
  const clock = { ...systemClock, sleep: async () => undefined };
  const onStep = (step: RotationStep): void => say({ step: ROTATION_STEPS.indexOf(step) });
  for (;;) await rotateStoreKey(store, { keyFile, clock, random: systemRandom, onStep });
}

function append(store: Store, text: string): Promise<number> {
  return store.transaction((tx) => store.events.append(tx, { type: 'test.event', message: '', data: { text } }));
}

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
