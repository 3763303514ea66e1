// The end of a task on a node: its log as it grows, and whether anybody can still say how it ended. A task that was begun is never begun again.

import { type Clock, messageOf, RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { Pve } from '../seam.ts';
import { readPve } from './answers.ts';
import { parseUpid, type Upid } from './upid-codec.ts';

export interface TaskOptions {
  readonly pve: Pick<Pve, 'address' | 'call'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What was asked, for people. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly onLine: ((line: string) => void) | undefined;
}

const FIRST_POLL_MS = 250;
const POLL_MAX_MS = 2000;
const POLL_GROWS = 1.5;
/** A member that is being restarted is back within it. */
const PATIENCE_MS = 60_000;
const LOG_PART = 500;
const LINES_KEPT = 20;
const LINE_MAX = 4096;
/** PVE::Tools::dump_logfile says this of an empty file. */
const EMPTY = 'no content';
/** What upid_read_status says of a log without a last word: the worker was killed, or the machine went down. */
const NO_LAST_WORD = /^(?:unexpected status|unable to (?:read tail|open file|extract last line))/;
/** The task's node is asked by somebody else now, or under another name: nothing that waiting mends. */
const IN_VAIN = new Set([
  'proxmox.not_trusted',
  'proxmox.refused',
  'proxmox.no_permission',
  'proxmox.bad_parameters',
  'proxmox.bad_answer',
]);

interface Heard {
  next: number;
  /** The last of them. */
  readonly lines: string[];
}

/** Throws proxmox.task_failed, .task_lost, .task_timeout. */
export async function followTask(answer: unknown, options: TaskOptions): Promise<void> {
  const upid = parseUpid(answer);
  if (upid === undefined) throw lost(options, 'the answer names no task');
  const heard: Heard = { next: 0, lines: [] };
  const exitstatus = await endOf(upid, heard, options);
  if (exitstatus === 'OK') return;
  if (/^WARNINGS: \d+$/.test(exitstatus)) {
    options.onLine?.(`${upid.type} ended with ${exitstatus}`);
    return;
  }
  if (NO_LAST_WORD.test(exitstatus)) throw lost(options, `its log has no end (${exitstatus}): it was killed, or the node went down`);
  const last = heard.lines.slice(-LINES_KEPT);
  throw fail('proxmox.task_failed', {
    message: `${options.name} failed on ${upid.node}: ${exitstatus.slice(0, LINE_MAX)}${last.length > 0 ? `\n${last.join('\n')}` : ''}`,
    hint: `All of its log: pvesh get /nodes/${upid.node}/tasks/${upid.text}/log`,
    detail: { upid: upid.text, exitstatus: exitstatus.slice(0, LINE_MAX) },
  });
}

async function endOf(upid: Upid, heard: Heard, options: TaskOptions): Promise<string> {
  const { clock, signal, timeoutMs } = options;
  const until = clock.monotonic() + timeoutMs;
  let patience = clock.monotonic() + PATIENCE_MS;
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * POLL_GROWS, POLL_MAX_MS)) {
    try {
      const exitstatus = await look(upid, heard, options);
      if (exitstatus !== undefined) return exitstatus;
      patience = clock.monotonic() + PATIENCE_MS;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      if (isInVain(thrown) || clock.monotonic() >= patience) throw lost(options, messageOf(thrown), thrown);
    }
    if (clock.monotonic() >= until) throw late(upid, options);
    await clock.sleep(wait, signal);
  }
}

/** The state is asked first: a log that is read after the end is whole. */
async function look(upid: Upid, heard: Heard, options: TaskOptions): Promise<string | undefined> {
  const params = { node: upid.node, upid: upid.text };
  const { status, exitstatus } = await readPve(options.pve, 'GET /nodes/{node}/tasks/{upid}/status', params);
  await readLog(upid, heard, options);
  return status === 'stopped' ? (exitstatus ?? 'unexpected status') : undefined;
}

async function readLog(upid: Upid, heard: Heard, { pve, onLine }: TaskOptions): Promise<void> {
  for (;;) {
    const params = { node: upid.node, upid: upid.text, start: heard.next, limit: LOG_PART };
    const part = await readPve(pve, 'GET /nodes/{node}/tasks/{upid}/log', params);
    const isEmpty = heard.next === 0 && part.length === 1 && part[0]?.t === EMPTY;
    if (isEmpty) return;
    heard.next += part.length;
    for (const { t } of part) {
      const line = t.slice(0, LINE_MAX);
      heard.lines.push(line);
      onLine?.(line);
    }
    heard.lines.splice(0, heard.lines.length - LINES_KEPT);
    if (part.length < LOG_PART) return;
  }
}

function isInVain(thrown: unknown): boolean {
  if (!(thrown instanceof RackseedError)) return true;
  return IN_VAIN.has(thrown.code);
}

function lost({ name, pve }: TaskOptions, why: string, cause?: unknown): RackseedError {
  return fail('proxmox.task_lost', {
    message: `how ${name} ended on ${pve.address} is not known: ${why}`,
    hint: 'It may have been done, or go on: look at the node, then ask again.',
    cause,
  });
}

/** The answer to the call itself was lost, so its task has no name for us. */
export function asLost(thrown: unknown, options: TaskOptions): unknown {
  const isLost = thrown instanceof RackseedError && thrown.code === 'proxmox.answer_lost';
  return isLost ? lost(options, thrown.message, thrown) : thrown;
}

function late(upid: Upid, { name, timeoutMs }: TaskOptions): RackseedError {
  return fail('proxmox.task_timeout', {
    message: `${name} did not end on ${upid.node} within ${Math.round(timeoutMs / 1000)} s`,
    hint: `It goes on there. Its log: pvesh get /nodes/${upid.node}/tasks/${upid.text}/log`,
    detail: { upid: upid.text },
  });
}
