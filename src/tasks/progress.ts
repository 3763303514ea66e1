// How far a task is, written at most once per interval whatever a step reports; the last word is never lost while the step runs.

import { type Clock, type Log, messageOf } from '../lib/index.ts';

export interface ProgressMark {
  readonly progress: number;
  readonly text: string;
}

export interface ProgressOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs: number;
  readonly write: (mark: ProgressMark) => Promise<unknown>;
  /** Ends with the step. */
  readonly signal: AbortSignal;
}

const MAX_TEXT = 500;

/** `fraction` of the step at `position` as a fraction of the whole task. */
export function overallProgress(position: number, count: number, fraction: number): number {
  const part = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
  return (position + part) / count;
}

export function createProgress(options: ProgressOptions): (mark: ProgressMark) => void {
  let latest: ProgressMark | undefined;
  let isBusy = false;
  return (mark) => {
    latest = { progress: mark.progress, text: mark.text.slice(0, MAX_TEXT) };
    if (isBusy || options.signal.aborted) return;
    isBusy = true;
    void writeUntilQuiet();
  };

  async function writeUntilQuiet(): Promise<void> {
    try {
      while (latest !== undefined) {
        const mark = latest;
        latest = undefined;
        await options.write(mark);
        await options.clock.sleep(options.everyMs, options.signal);
      }
    } catch (error) {
      // The step ended (the sleep was aborted), or the store is away: the next report tries again, and no work hangs on it.
      if (!options.signal.aborted) options.log.debug({}, `progress was not written: ${messageOf(error)}`);
    } finally {
      isBusy = false;
    }
  }
}
