// What agents say, where somebody waits for it: a beat of whoever runs there, the end of an order, how far one is.

import { taskOfOrder } from '../inspect/index.ts';
import { isTransient, type Node, stateOf } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { cursorOf } from './cursor.ts';
import { type DoorDeps, waitingTask } from './provision.ts';
import type { AgentProgress } from './seam.ts';
import { WALK_KINDS } from './steps-decide.ts';
import { type AgentGo, GO } from './work.ts';

/** A sign of life is not written down more often than this: agents beat every few seconds when something goes on. */
const SIGN_MS = 10_000;

/** Nothing in a state where nobody waits for it: an agent that beats on an active node costs one read. */
export async function agentHeard(deps: DoorDeps, uuid: string, go: AgentGo): Promise<void> {
  if (go.key !== undefined) return orderEnded(deps, uuid, go, go.key);
  const seen = await deps.nodes.get(uuid);
  if (!isTransient(seen.provisionState)) return;
  if (!isAwaited(seen, go) && deps.clock.now() - (seen.provisionUpdatedAt ?? 0) < SIGN_MS) return;
  await deps.store.transaction(async (tx: Tx) => {
    const node = await deps.nodes.get(uuid, tx);
    await deps.nodes.signOfLife(tx, node.uuid);
    if (!isAwaited(node, go)) return;
    const task = await waitingTask(tx, uuid);
    if (task !== undefined) await deps.tasks.wake(tx, task, GO, go);
  });
}

/** Does the word end a wait? That work has begun never does, and an inspection waits for its report, not for a beat. */
function isAwaited({ provisionState }: Node, { status }: AgentGo): boolean {
  if (status === 'start') return false;
  // Where the agent ran already its report may come before the task waits for it.
  if (provisionState === 'inspecting') return status !== undefined;
  if (stateOf(provisionState).kind !== 'waiting') return false;
  return provisionState !== 'inspect wait' || status !== undefined;
}

/** Told to the task that placed it, also when it does not wait yet. An inspection ends by its report, not by the order for one. */
async function orderEnded(deps: DoorDeps, uuid: string, go: AgentGo, key: string): Promise<void> {
  const task = taskOfOrder(key);
  if (task === null) return;
  await deps.store.transaction(async (tx) => {
    const node = await deps.nodes.find(uuid, tx);
    if (node === undefined) return;
    const isInspecting = node.provisionState === 'inspecting' || node.provisionState === 'inspect wait';
    if (isInspecting && go.status === 'end') return;
    const row = await tx.selectFrom('tasks').select('state').where('id', '=', task).where('node_uuid', '=', uuid).executeTakeFirst();
    if (row?.state === 'waiting' || row?.state === 'running') await deps.tasks.wake(tx, task, GO, go);
  });
}

/** The task is written to without its lock, as nobody has it: it waits. */
export async function agentProgress({ store, nodes }: DoorDeps, uuid: string, progress: AgentProgress): Promise<void> {
  const task = taskOfOrder(progress.key);
  if (task === null || (!progress.isDue && progress.log.length === 0)) return;
  for (const { stream, line } of progress.log) store.taskLogs.append({ taskId: task, position: 0, stream, line });
  if (!progress.isDue) return;
  const node = await nodes.find(uuid);
  const share = node === undefined ? undefined : shareOf(node, task, progress);
  if (share === undefined) return;
  const text = progress.text.slice(0, MAX_TEXT);
  await store.transaction(async (tx) => {
    const row = tx.updateTable('tasks').set({ progress: share, progress_text: text });
    await row.where('id', '=', task).where('node_uuid', '=', uuid).where('state', '=', 'waiting').execute();
  });
}

const MAX_TEXT = 500;

function shareOf(node: Node, task: string, { key, fraction }: AgentProgress): number | undefined {
  for (const kind of WALK_KINDS) {
    const cursor = cursorOf(node, kind);
    if (cursor === undefined || cursor.index === null || cursor.steps.length === 0) continue;
    if (isOfStep(key, `${task}:${cursor.index}`)) return Math.min(1, (cursor.index + fraction) / cursor.steps.length);
  }
  return undefined;
}

/** A step may place several orders: each under its key and more. */
export function isOfStep(key: string, stepKey: string): boolean {
  return key === stepKey || key.startsWith(`${stepKey}:`);
}
