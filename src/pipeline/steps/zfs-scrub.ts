// When a pool is read through (scrub), and that the last time is not long ago and found nothing. Proven on a shim; with real ZFS not yet.

import { type Static, Type } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { oneOf } from '../system/args.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';
import { lookAtPool } from '../zfs/look.ts';
import type { Pool } from '../zfs/pool-codec.ts';
import { waitForScan } from '../zfs/wait.ts';

const Args = Type.Object(
  {
    pool: Type.String({ description: 'Name of the pool.', pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,62}$', default: 'rpool' }),
    schedule: oneOf(['monthly', 'weekly', 'never', 'leave'], {
      description: '"monthly": Debian\'s own, the second Sunday; "weekly": a timer besides; "never": neither.',
      default: 'monthly',
    }),
    max_age_days: Type.Integer({
      description: 'Reads the pool through where that was not done for so many days; 0: does not.',
      minimum: 0,
      maximum: 3650,
      default: 0,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

/** Of zfsutils-linux: a script of the second Sunday, for pools that this property does not leave out. */
const CRON = '/etc/cron.d/zfsutils-linux';
const PROPERTY = 'org.debian:periodic-scrub';
const SCRUB_MS = 14 * 24 * 3_600_000;
const DAY_MS = 86_400_000;

interface Looked {
  readonly verdict: Verdict;
  readonly property: 'enable' | 'disable' | null;
  readonly timer: 'enable' | 'disable' | null;
  readonly scrub: 'start' | 'wait' | null;
}

export const step: PipelineStep<Args> = {
  name: 'zfs-scrub',
  title: 'Reading a pool through',
  provenOn: 'shim',
  args: Args,
  timeoutMs: SCRUB_MS,
  describe: ({ pool, schedule }) => `${pool} is read through ${schedule === 'leave' ? 'as it was' : schedule}`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { shell, args } = context;
    const { verdict, property, timer, scrub } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (property !== null) await shell.must(['zfs', 'set', `${PROPERTY}=${property}`, args.pool]);
    if (timer !== null) await shell.must(['systemctl', timer, '--now', timerOf(args.pool)]);
    if (scrub === 'start') await shell.must(['zpool', 'scrub', args.pool]);
    if (scrub === null) return;
    const { scan } = await waitForScan(context, args.pool, 'scrub');
    if (scan?.errors === 0 || scan === null) return;
    throw fail('pipeline.step_failed', {
      message: `the scrub of ${args.pool} ended with ${scan.errors ?? 'an unknown number of'} errors`,
      hint: 'zpool status -v on the machine names the files; then zpool clear.',
    });
  },
};

function timerOf(pool: string): string {
  return `zfs-scrub-weekly@${pool}.timer`;
}

async function look(context: StepContext<Args>): Promise<Looked> {
  const { args, shell } = context;
  const none = { property: null, timer: null, scrub: null };
  const pool = await lookAtPool(context, args.pool);
  if (pool === undefined) return { ...none, verdict: impossible(`the machine has no pool ${args.pool}`, 'Make or import it first.') };
  const { schedule } = args;
  const property = (await shell.must(['zfs', 'get', '-H', '-o', 'value', PROPERTY, args.pool])).trim();
  const isOff = property === 'disable';
  const isWeekly = (await shell.run(['systemctl', 'is-enabled', timerOf(args.pool)])).out.trim() === 'enabled';
  if (schedule === 'monthly' && (await shell.run(['test', '-e', CRON])).code !== 0)
    return { ...none, verdict: impossible(`${CRON} is not there`, 'It comes with zfsutils-linux. Take schedule = "weekly".') };
  // Weekly makes the monthly one needless.
  const changes = {
    property: schedule === 'leave' || (schedule === 'monthly') === !isOff ? null : isOff ? ('enable' as const) : ('disable' as const),
    timer: schedule === 'leave' || (schedule === 'weekly') === isWeekly ? null : isWeekly ? ('disable' as const) : ('enable' as const),
    scrub: scrubOf(pool, args, context.clock.now()),
  };
  return {
    ...changes,
    verdict: planned(
      [
        ...(changes.property === null
          ? []
          : [`the monthly scrub of ${args.pool} is switched ${changes.property === 'enable' ? 'on' : 'off'}`]),
        ...(changes.timer === null ? [] : [`the weekly scrub of ${args.pool} is switched ${changes.timer === 'enable' ? 'on' : 'off'}`]),
        ...(changes.scrub === null ? [] : [`${args.pool} is read through: ${lastOf(pool)}`]),
      ],
      `${schedule}; ${lastOf(pool)}`,
    ),
  };
}

function scrubOf({ scan }: Pool, { max_age_days: days }: Args, now: number): Looked['scrub'] {
  if (days === 0) return null;
  if (scan?.is === 'running') return scan.what === 'scrub' ? 'wait' : null;
  const isFresh =
    scan?.what === 'scrub' && scan.is === 'finished' && scan.errors === 0 && scan.endedMs !== null && now - scan.endedMs < days * DAY_MS;
  return isFresh ? null : 'start';
}

function lastOf({ scan }: Pool): string {
  if (scan?.what !== 'scrub') return 'when that was done last, it does not tell';
  if (scan.is === 'running') return 'it is being done';
  const when = scan.endedMs === null ? '' : ` on ${isoTime(scan.endedMs).slice(0, 10)}`;
  return scan.is === 'cancelled'
    ? 'the last time was cancelled'
    : `the last time was${when}, with ${scan.errors ?? 'an unknown number of'} errors`;
}
