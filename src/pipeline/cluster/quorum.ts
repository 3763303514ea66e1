// Waits: for a quorum, for a newcomer to be heard of, for a command that goes on without us. By looking again and again, with an end.

import { messageOf, RackseedError } from '../../lib/index.ts';
import type { RootShell } from '../../proxmox/index.ts';
import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { quorumWords } from './corosync-codec.ts';
import { onlineOf, quorumOf } from './corosync-conf.ts';
import { type Job, lookAtJob } from './job.ts';

type Waiter = Pick<StepContext, 'clock' | 'signal' | 'log'>;

export interface Until {
  readonly what: string;
  readonly hint: string;
  readonly limitMs: number;
}

const POLL_MS = 2000;

/**
 * Until `look` gives something. It may fail on the way, as a member does whose corosync forms a new membership. Throws pipeline.not_reached
 * with what it saw last.
 */
export async function waitFor<T>(
  { clock, signal, log }: Waiter,
  { what, hint, limitMs }: Until,
  look: () => Promise<{ readonly found: T } | string>,
): Promise<T> {
  const end = clock.monotonic() + limitMs;
  let last = '';
  for (;;) {
    signal.throwIfAborted();
    const seen = await lookOnce(look, signal);
    if (typeof seen !== 'string') return seen.found;
    if (seen !== last) log(`waits for ${what}: ${seen}`);
    last = seen;
    if (clock.monotonic() >= end)
      throw fail('pipeline.not_reached', { message: `${what}: not within ${limitMs / 1000} s; last: ${last}`, hint });
    await clock.sleep(POLL_MS, signal);
  }
}

async function lookOnce<T>(
  look: () => Promise<{ readonly found: T } | string>,
  signal: AbortSignal,
): Promise<{ readonly found: T } | string> {
  try {
    return await look();
  } catch (thrown) {
    // A connection that breaks and a member that cannot say are what is waited out here; mistakes of ours are not.
    if (signal.aborted || !(thrown instanceof RackseedError)) throw thrown;
    return messageOf(thrown);
  }
}

const QUORUM_HINT = 'On a member: pvecm status; journalctl -u corosync. Do all members reach each other on all links (UDP 5405-5412)?';

/** Until the member is quorate, and hears of `name` where one is named. */
export async function waitForQuorum(waiter: Waiter, member: () => Promise<RootShell>, limitMs: number, name?: string): Promise<void> {
  const what = name === undefined ? 'a quorum' : `a quorum with ${name}`;
  await waitFor(waiter, { what, hint: QUORUM_HINT, limitMs }, async () => {
    const shell = await member();
    const quorum = await quorumOf(shell);
    if (quorum === null) return 'corosync does not answer';
    if (!quorum.isQuorate) return quorumWords(quorum);
    if (name === undefined || (await onlineOf(shell)).includes(name)) return { found: undefined };
    return `${quorumWords(quorum)}; ${name} is not heard of yet`;
  });
}

export interface JobEnd {
  readonly code: number | null;
  readonly log: string;
}

/** What it says is told as it comes. It stays on the machine, with what it said, until it is forgotten. */
export async function waitForJob(
  waiter: Waiter & Pick<StepContext, 'shell'>,
  { dir, what, limitMs }: { readonly dir: string; readonly what: string; readonly limitMs: number },
): Promise<JobEnd> {
  const { shell, log } = waiter;
  let told = '';
  const tell = (job: Exclude<Job, { readonly is: 'none' }>): void => {
    // Whole lines; what was said before stays the beginning, unless its end alone is kept.
    const whole = job.is === 'running' ? job.log.slice(0, job.log.lastIndexOf('\n') + 1) : job.log;
    const fresh = whole.startsWith(told) ? whole.slice(told.length) : whole;
    for (const line of fresh.split('\n')) if (line.trim() !== '') log(line);
    told = whole;
  };
  return waitFor(waiter, { what, hint: `It may go on: its words are in ${dir}/log on the machine.`, limitMs }, async () => {
    const job = await lookAtJob(shell, dir);
    if (job.is === 'none') return { found: { code: null, log: told } };
    tell(job);
    if (job.is === 'running') return 'it goes on';
    return { found: { code: job.is === 'ended' ? job.code : null, log: job.log } };
  });
}
