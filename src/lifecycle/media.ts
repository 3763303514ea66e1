// Virtual media of a node. As with Ironic a request is accepted as soon as the node can be worked on: what goes wrong at the machine
// then is told by last_error. What is in which drive is remembered.

import { messageOf } from '../lib/index.ts';
import type { Node } from '../nodes/index.ts';
import type { Question } from '../power/index.ts';
import { underLock } from './calls.ts';
import { fail } from './errors.ts';
import { writeRefusal } from './power.ts';
import type { DoorDeps } from './provision.ts';
import type { Lifecycle } from './seam.ts';
import { errorText, SYSTEM } from './work.ts';

/** So long the answer waits, so that whoever asks next finds it done: a BMC takes a second or two, one that is away half a minute. */
const ANSWER_MS = 5000;
const DEVICES: readonly string[] = ['cdrom', 'floppy', 'disk'];

export function mediaCalls(deps: DoorDeps): Pick<Lifecycle, 'attachMedia' | 'detachMedia'> {
  const { hardware } = deps.records;
  return {
    attachMedia: (node, { imageDownloadSource = null, ...media }) =>
      accepted(deps, node, 'attaching virtual media', async (what) => {
        await ask(deps, node, what, (driver, target, call) => driver.management?.attachMedia?.(target, media, call));
        await deps.store.transaction((tx) => hardware.inserted(tx, node.uuid, { ...media, imageDownloadSource }));
      }),
    detachMedia: (node, deviceTypes) =>
      accepted(deps, node, 'detaching virtual media', async (what) => {
        for (const deviceType of deviceTypes ?? DEVICES) {
          await ask(deps, node, what, (driver, target, call) => driver.management?.detachMedia?.(target, deviceType, call));
          await deps.store.transaction((tx) => hardware.ejected(tx, node.uuid, [deviceType]));
        }
      }),
  };
}

/** Throws why it can't begin. The node stays locked until it has ended, also when the answer went out before. */
async function accepted(deps: DoorDeps, node: Node, what: string, work: (what: string) => Promise<void>): Promise<void> {
  const refusal = writeRefusal(deps, node, what);
  if (refusal !== undefined) throw refusal;
  const invalid = await deps.gateway.refusal(node, 'management');
  if (invalid !== null) throw fail('lifecycle.not_valid', { message: invalid, detail: { node: node.uuid, interface: 'management' } });
  let isAnswered = false;
  const ended = underLock(deps, node, what, async () => {
    const lastError = await errorOf(() => work(what));
    await keep(deps, node.uuid, lastError === null ? null : `${what} failed: ${lastError}`);
  });
  ended.catch((error: unknown) => {
    if (isAnswered) deps.log.error({ node: node.uuid, err: error }, `${what} ended badly: ${messageOf(error)}`); // else the caller is told
  });
  const answer = new AbortController();
  try {
    await Promise.race([ended, deps.clock.sleep(ANSWER_MS, answer.signal)]);
  } finally {
    isAnswered = true;
    answer.abort();
  }
}

async function ask(deps: DoorDeps, node: Node, what: string, how: Question<void>['ask']): Promise<void> {
  const asking = { signal: new AbortController().signal, log: deps.log };
  await deps.gateway.ask(node, { which: 'management', what, kind: 'write', ask: how }, asking);
}

async function errorOf(work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return errorText(error);
  }
}

async function keep({ store, nodes }: DoorDeps, uuid: string, lastError: string | null): Promise<void> {
  await store.transaction(async (tx) => {
    const node = await nodes.find(uuid, tx);
    if (node !== undefined && node.lastError !== lastError) await nodes.update(tx, node, { lastError }, SYSTEM);
  });
}
