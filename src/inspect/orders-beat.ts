// One heartbeat of our agent: answers are taken, progress is passed on, and the next order goes out with the reply, which is held until
// there is one.

import { messageOf } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { NOTES_AN_HOUR } from './notes-budget.ts';
import type { OrderDeps, Sender } from './orders.ts';
import { markGiven, markProgress, type OrderRow, openArgs, openOrders, orderById, UNTOUCHED, unfinishedTasks } from './orders-book.ts';
import { answerEnd, answerRefusal, givenVerdict, type OrderEnd, staleReason, taskOf, titleOf } from './orders-decide.ts';
import {
  type Answer,
  type Command,
  type HeartbeatReply,
  type HeartbeatRequest,
  type Note,
  PROTOCOL_LIMITS,
  type Running,
} from './protocol.ts';

/** For agents that do not want to be held, and when nobody can be. */
const IDLE_SECONDS = 30;
/** Too many are held: it comes again soon, as its orders wait for that. */
const CROWDED_SECONDS = 5;
const RUNNING_SECONDS = 2;
const PROGRESS_MS = 1000;

export async function beatOf(
  deps: OrderDeps,
  from: Sender,
  request: HeartbeatRequest,
  signal: AbortSignal,
  onAlive: (isBusy: boolean) => void,
): Promise<HeartbeatReply> {
  const running = request.running ?? null;
  const isOver = request.answers.some(({ commandId }) => commandId === running?.commandId);
  // The last lines of its log come before its end; a repeated beat has nothing new.
  if (running !== null && isOver) await passOn(deps, from, await openOrders(deps.store.db, from.nodeUuid), running, isOver);
  for (const answer of request.answers) await take(deps, from, answer);
  await keepNotes(deps, from, request.notes ?? []);
  // It has just said that it goes.
  if (!deps.heardAt.has(from.nodeUuid)) return { waitSeconds: IDLE_SECONDS, command: null };
  const open = await openOrders(deps.store.db, from.nodeUuid);
  onAlive(open.length > 0);
  if (running !== null && !isOver) {
    await passOn(deps, from, open, running, isOver);
    return { waitSeconds: RUNNING_SECONDS, command: null };
  }
  const command = open.length === 0 ? null : await give(deps, from);
  if (command !== null) return { waitSeconds: 0, command };
  const { holdSeconds = 0 } = request;
  if (holdSeconds === 0) return { waitSeconds: IDLE_SECONDS, command: null };
  return hold(deps, from, Math.min(holdSeconds, PROTOCOL_LIMITS.holdSecondsMax) * 1000, signal);
}

async function hold(deps: OrderDeps, from: Sender, ms: number, signal: AbortSignal): Promise<HeartbeatReply> {
  const held = deps.holds.begin(from.nodeUuid, ms, signal);
  if (held === undefined) return { waitSeconds: CROWDED_SECONDS, command: null };
  try {
    // What came between the look before and the begin of the hold.
    let command = (await openOrders(deps.store.db, from.nodeUuid)).length === 0 ? null : await give(deps, from);
    while (command === null && (await held.wait()) === 'work') command = await give(deps, from);
    // Nobody reads the reply of one that is gone: what it was given is given again to its next heartbeat.
    return { waitSeconds: 0, command };
  } finally {
    held.end();
  }
}

/** An answer is taken once; the same again is told on again, in case we were killed before that. */
async function take(deps: OrderDeps, from: Sender, answer: Answer): Promise<void> {
  const order = await orderById(deps.store.db, answer.commandId);
  const refusal = answerRefusal(order, from);
  if (order === undefined || refusal !== undefined) {
    const why = `${answer.outcome} to ${answer.commandId}: ${refusal ?? 'no order has that id'}`;
    deps.log.warn({ node: from.nodeUuid, mac: from.mac, command: answer.commandId }, `an answer does not count: ${why}`);
    deps.store.reasons.note({ subject: `mac:${from.mac}`, area: 'inspect', decision: 'answer refused', reason: why });
    return;
  }
  if (order.state === 'given') {
    const result = (answer.result ?? {}) as JsonObject; // it came as JSON
    const bytes = Buffer.byteLength(JSON.stringify(result));
    const end = answerEnd(order, answer, bytes, PROTOCOL_LIMITS.resultBytes);
    // A refusal says that nothing was done.
    return deps.end(order, end, end.state === 'done' ? result : answer.outcome === 'refused' ? UNTOUCHED : {});
  }
  if (order.state === 'cancelled') return;
  const status = order.state === 'done' ? 'end' : 'error';
  await deps.listener().ended(order.nodeUuid, { key: order.key, status, message: order.message });
  deps.untold.delete(order.id);
}

async function passOn(deps: OrderDeps, from: Sender, open: readonly OrderRow[], running: Running, isOver: boolean): Promise<void> {
  const order = open.find(({ id, state, session }) => id === running.commandId && state === 'given' && session === from.session);
  if (order === undefined) {
    if (isOver) return;
    // It was given up, or is of a boot before: the agent is left to end it, and gets nothing else meanwhile.
    const reason = `its agent is at ${running.commandId}, which nobody waits for any more: ${running.text}`;
    deps.store.reasons.note({ subject: `mac:${from.mac}`, area: 'inspect', decision: 'nothing to do', reason });
    return;
  }
  const now = deps.clock.now();
  const isDue = order.progressText === '' || now - (order.heardAt ?? 0) >= PROGRESS_MS;
  const { fraction, text, log } = running;
  if (isDue) await deps.store.transaction((tx) => markProgress(tx, order.id, { fraction, text, now }));
  await deps.listener().progress(order.nodeUuid, { key: order.key, fraction, text, log, isDue });
}

type Given = { readonly command: Command } | { readonly over: readonly (readonly [OrderRow, OrderEnd])[] } | null;

/** The oldest that is still wanted, or what was given before and has not been seen. Null: nothing. */
async function give(deps: OrderDeps, from: Sender): Promise<Command | null> {
  for (;;) {
    const given = await deps.store.transaction((tx) => giveIn(deps, tx, from));
    if (given === null) return null;
    if ('command' in given) return given.command;
    for (const [order, end] of given.over) await deps.end(order, end);
  }
}

async function giveIn(deps: OrderDeps, tx: Tx, from: Sender): Promise<Given> {
  const open = await openOrders(tx, from.nodeUuid);
  const wanted = await unfinishedTasks(
    tx,
    open.flatMap(({ key }) => taskOf(key) ?? []),
  );
  const stale = (order: OrderRow): string | undefined => {
    const task = taskOf(order.key);
    return staleReason(order, deps.clock.now(), task === null ? null : wanted.has(task));
  };
  const given = open.find(({ state }) => state === 'given');
  const verdict = given === undefined ? undefined : givenVerdict(given, from.session, null);
  if (given !== undefined && verdict !== undefined) {
    if (verdict.is === 'running') return null;
    if (verdict.is === 'over') return { over: [[given, verdict.end]] };
    const reason = stale(given);
    // What was never seen goes out again as it did, and what a boot cut off too: only while somebody wants it.
    if (verdict.is === 'unseen') {
      if (reason !== undefined) return { over: [[given, { state: 'cancelled', message: `the agent never saw it, and ${reason}` }]] };
      return { command: commandOf(deps, given, given.attempts > 1) };
    }
    if (reason !== undefined) return { over: [[given, { state: 'failed', message: `the machine booted anew, and ${reason}` }]] };
    return hand(deps, tx, given, from);
  }
  const over = open.flatMap((order) => {
    const reason = stale(order);
    return reason === undefined ? [] : [[order, { state: 'cancelled', message: reason } as const] as const];
  });
  if (over.length > 0) return { over };
  const [next] = open;
  return next === undefined ? null : hand(deps, tx, next, from);
}

async function hand(deps: OrderDeps, tx: Tx, order: OrderRow, from: Sender): Promise<Given> {
  let command: Command;
  try {
    command = commandOf(deps, order, order.attempts > 0);
  } catch (error) {
    // Sealed with a key that is lost: no later heartbeat can change that.
    return { over: [[order, { state: 'failed', message: messageOf(error) }]] };
  }
  await markGiven(tx, order, from.session, deps.clock.now());
  const again = order.attempts === 0 ? '' : `, for the ${order.attempts + 1}. time: the machine has booted anew meanwhile`;
  await deps.store.events.append(tx, {
    type: 'agent.order_given',
    nodeUuid: order.nodeUuid,
    message: `${titleOf(order)}: given to the agent${again}`,
    data: { order: order.id, name: order.name, attempt: order.attempts + 1 },
  });
  return { command };
}

function commandOf({ store }: OrderDeps, order: OrderRow, isResumed: boolean): Command {
  return { id: order.id, name: order.name, arguments: openArgs(store.vault, order), ...(isResumed ? { isResumed } : {}) };
}

/** In one transaction, and so many an hour: a machine that is not ours any more may send 50 a beat, beat after beat. */
async function keepNotes({ store, budget }: OrderDeps, { nodeUuid }: Sender, notes: readonly Note[]): Promise<void> {
  if (notes.length === 0) return;
  const taken = budget.take(nodeUuid, notes.length);
  if (taken.kept === 0 && !taken.isFirstOver) return;
  try {
    await store.transaction(async (tx) => {
      for (const { kind, line } of notes.slice(0, taken.kept))
        await store.events.append(tx, { type: `agent.${kind}`, nodeUuid, message: line });
      if (!taken.isFirstOver) return;
      const message = `the agent noted more than ${NOTES_AN_HOUR} things within an hour: what it notes until that is over is left out`;
      await store.events.append(tx, { type: 'agent.notes_left_out', severity: 'warning', nodeUuid, message });
    });
  } catch (error) {
    budget.giveBack(nodeUuid, taken); // the agent repeats them
    throw error;
  }
}
