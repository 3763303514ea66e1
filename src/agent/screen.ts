// Lines on every console of the machine: the screen and the serial line. A console that does not take them (Scroll Lock, a serial line
// held by flow control) loses lines; it must never hold up the agent.

import { constants, openSync, writeSync } from 'node:fs';
import { messageOf } from '../lib/index.ts';

export interface Screen {
  /** For people. */
  readonly say: (line: string) => void;
  /** For programs that watch the console: `RACKSEED-MARK <words>`, listed in docs/decisions/0008-ram-system.md. */
  readonly mark: (words: string) => void;
}

export function openScreen(consoles: readonly string[], fallback: (line: string) => void): Screen {
  const descriptors = consoles.flatMap((path) => {
    try {
      return [openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)];
    } catch (error) {
      fallback(`${path}: ${messageOf(error)}`);
      return [];
    }
  });
  const print = (line: string): void => {
    const bytes = Buffer.from(`${printable(line)}\n`);
    if (descriptors.length === 0) fallback(printable(line));
    for (const descriptor of descriptors) tryWrite(descriptor, bytes);
  };
  return { say: print, mark: (words) => print(`RACKSEED-MARK ${words}`) };
}

/** What the appliance says is shown, but may not steer a terminal. */
export function printable(line: string): string {
  return line.replaceAll(/\p{Cc}+/gu, ' ');
}

function tryWrite(descriptor: number, bytes: Buffer): void {
  try {
    writeSync(descriptor, bytes);
  } catch {
    // EAGAIN, EIO: this console does not take lines now, and there is no other place to say so.
  }
}
