// How far long work is: a line that moves on a terminal, else a line now and then. Words go to stderr.

import type { CliContext } from '../context.ts';
import { harmless } from '../output.ts';

export interface ProgressLine {
  /** `fraction` from 0 to 1. */
  show(fraction: number, text: string): void;
  /** Nothing of it stays on a terminal. */
  clear(): void;
}

const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\x1b[K';
/** Without a terminal: what is read in a log. */
const STEPS = 10;

export function progressLine({ err, isTerminal }: Pick<CliContext, 'err' | 'isTerminal'>): ProgressLine {
  let told = -1;
  let isShown = false;
  return {
    show(fraction, text) {
      const share = Math.min(1, Math.max(0, fraction));
      if (isTerminal) {
        const full = Math.round(share * BAR_WIDTH);
        err(`${CLEAR_LINE}[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)} % ${harmless(text)}`);
        isShown = true;
        return;
      }
      const step = Math.floor(share * STEPS);
      if (step <= told) return;
      told = step;
      err(`${Math.floor(share * 100)} % ${harmless(text)}\n`);
    },
    clear() {
      if (isShown) err(CLEAR_LINE);
      isShown = false;
      told = -1;
    },
  };
}
