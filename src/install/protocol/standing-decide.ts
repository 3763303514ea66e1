// How an installation stands, in words: how far it is, what it waits for, and after a while without a sign what is probably wrong and what to
// do. Pure.

import { isoTime } from '../../lib/index.ts';
import type { InstallStage } from '../seam.ts';
import type { InstallationRecord } from './record.ts';
import { bytesText, durationText, isBefore } from './stages-decide.ts';

export interface Looked {
  readonly row: Pick<InstallationRecord, 'stage' | 'stageAt' | 'isoBytes' | 'isoTotal' | 'boots' | 'failure' | 'plan'>;
  /** For so long nothing was heard of it. */
  readonly silence: number;
  /** When somebody asked in its name for a boot script that it should not need; null: nobody has. */
  readonly cameBackAt: number | null;
  /** Bytes a second; null: not known. */
  readonly rate: number | null;
  readonly now: number;
  readonly stallMs: number;
}

export interface Stall {
  readonly cause: string;
  readonly next: string;
}

export interface Standing {
  readonly fraction: number;
  readonly text: string;
  /** Null: it goes on, as far as anybody knows. */
  readonly stall: Stall | null;
  /** When this may be another without a word from the machine; null: never. */
  readonly until: number | null;
}

const FRACTIONS: Readonly<Record<InstallStage, number>> = {
  prepared: 0,
  armed: 0.02,
  script: 0.04,
  kernel: 0.05,
  initrd: 0.07,
  iso: 0.1,
  answered: 0.5,
  installed: 0.9,
  'first-boot': 0.97,
  reached: 1,
  failed: 1,
};
const ISO_SHARE = 0.4;
/** From the answer to the web hook, on a machine of its day; at most nearly the whole share is taken to be over. */
const WRITING_MS = 6 * 60_000;
const WRITING_SHARE = 0.38;

export function standingOf(looked: Looked): Standing {
  const { row, silence, cameBackAt, now, stallMs } = looked;
  const isOver = row.stage === 'reached' || row.stage === 'failed';
  const stall = !isOver && silence >= stallMs ? stallOf(looked) : null;
  const again = cameBackAt === null || stall !== null ? '' : `; it asked for its boot script again at ${isoTime(cameBackAt)}`;
  const words = `${wordsOf(looked)}${again}`;
  const silent = `nothing was heard of it for ${durationText(silence)}`;
  return {
    fraction: fractionOf(looked),
    text: stall === null ? words : `${words}; ${silent}: ${stall.cause}. ${stall.next}`,
    stall,
    until: isOver ? null : now + (stall === null ? stallMs - silence : stallMs),
  };
}

function fractionOf({ row, now }: Looked): number {
  const base = FRACTIONS[row.stage];
  if (row.stage === 'iso' && row.isoTotal > 0) return base + ISO_SHARE * Math.min(1, row.isoBytes / row.isoTotal);
  if (row.stage === 'answered') return base + WRITING_SHARE * Math.min(1, Math.max(0, now - row.stageAt) / WRITING_MS);
  return base;
}

function wordsOf(looked: Looked): string {
  const { row, now } = looked;
  switch (row.stage) {
    case 'prepared':
      return 'its disks are made ready';
    case 'armed':
      return 'waits for it to boot into the installer';
    case 'script':
      return `it has its boot script (boot ${row.boots})`;
    case 'kernel':
      return 'it fetches the kernel of the installer';
    case 'initrd':
      return 'it fetches the initrd of the installer';
    case 'iso':
      return isoWords(looked);
    case 'answered':
      return `its installer writes the system, for ${durationText(now - row.stageAt)}`;
    case 'installed':
      return 'it is installed and restarts: waits for its first boot';
    case 'first-boot':
      return 'it has booted its new system: waits for SSH';
    case 'reached':
      return 'it is installed and was reached';
    case 'failed':
      return row.failure ?? 'its installation failed';
  }
}

function isoWords({ row, rate }: Looked): string {
  const { isoBytes, isoTotal } = row;
  if (isoTotal === 0) return 'it fetches the ISO';
  if (isoBytes >= isoTotal) return `it has the ISO (${bytesText(isoTotal)}): waits for its installer to ask for the answer`;
  const share = `${Math.floor((isoBytes / isoTotal) * 100)} % of ${bytesText(isoTotal)}`;
  if (rate === null || rate <= 0) return `it fetches the ISO: ${share}`;
  return `it fetches the ISO: ${share}, ${bytesText(rate)}/s, ${durationText(((isoTotal - isoBytes) / rate) * 1000)} left`;
}

const SCREEN = 'Look at its screen';
const LOGS = 'Alt+F3 there is a shell';

function stallOf({ row, cameBackAt }: Looked): Stall {
  if (cameBackAt !== null) return cameBackStall(row, isoTime(cameBackAt));
  const hasIso = row.isoTotal > 0 && row.isoBytes >= row.isoTotal;
  switch (row.stage) {
    case 'prepared':
      return { cause: 'its agent does not go on', next: 'Look at the log of the deployment: rackseed task list.' };
    case 'armed':
      return {
        cause: 'it did not restart, or it boots something else than the network',
        next: 'Switch it off and on, with the network first in its boot order; rackseed node why says what it was answered.',
      };
    case 'script':
      return {
        cause:
          'the files of the installer do not reach it: a firewall before the boot listener, or another network than the one it booted from',
        next: `${SCREEN}: iPXE names the URL that failed.`,
      };
    case 'kernel':
      return {
        cause: 'it got the kernel and not the initrd: the network broke, or its memory is short',
        next: `${SCREEN}, and start it again.`,
      };
    case 'initrd':
      return {
        cause: 'it got kernel and initrd and not the ISO: the network broke, or its memory is too small for it',
        next: `${SCREEN}, and start it again.`,
      };
    case 'iso':
      return hasIso
        ? {
            cause:
              'its installer did not ask for its answer: too little memory for the ISO ("no device with valid ISO found"), no driver or no DHCP for its network card, or a proxy before the appliance that shows another certificate',
            next: `${SCREEN}; ${LOGS}, and /tmp/fetch_answer.log says what it tried.`,
          }
        : {
            cause: 'the ISO came to a halt: the network broke, it was switched off, or its memory is full',
            next: `${SCREEN}, and start it again.`,
          };
    case 'answered':
      return {
        cause: 'its installer stopped with an error, or could not tell that it has finished',
        next: `${SCREEN}; ${LOGS}, and /tmp/auto_installer.log and /tmp/install-low-level.log say what failed. Do not start it again before you have looked: it would be held.`,
      };
    case 'installed':
      return {
        cause:
          'it does not start its own disk (its firmware tries something else first), or its new system can not reach the appliance with the address it was given',
        next: `${SCREEN}: if the system is up, compare its address (${row.plan.address?.cidr ?? 'from DHCP'}) with its network; rackseed node why says how it booted.`,
      };
    case 'first-boot':
      return {
        cause: 'SSH does not answer with the keys that its installer told, or root may not sign in',
        next: 'ssh root@ADDRESS by hand says why.',
      };
    case 'reached':
    case 'failed':
      return { cause: 'it is over', next: 'Nothing is to be done.' };
  }
}

function cameBackStall({ stage, boots }: Looked['row'], at: string): Stall {
  const next = `${SCREEN}: it is held there with the reason; then deploy it again.`;
  if (stage === 'answered')
    return { cause: `its installer failed, or the machine was restarted: it asked for its boot script again at ${at}`, next };
  const cause = `its installer was booted ${boots} times and never asked for its answer, and it asked for its boot script again at ${at}`;
  return { cause, next: `${next} Too little memory for the ISO and a network card without a driver are the usual reasons.` };
}

/** Has it come as far as that? */
export function hasCome({ stage }: Pick<InstallationRecord, 'stage'>, goal: 'installed' | 'first-boot'): boolean {
  return stage !== 'failed' && !isBefore(stage, goal);
}
