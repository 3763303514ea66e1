// From a list of words to the one line that sshd hands to the login shell, and what may be said of it. Pure.

import { fail } from '../errors.ts';

/** Linux takes no argument of more than 32 pages with its NUL (MAX_ARG_STRLEN), and sshd passes the line on as one: `sh -c LINE`. */
export const LINE_MAX_BYTES = 131_071;
/** In the environment of everything that a command starts: so it is found again when it has to end. */
export const MARK = 'RACKSEED_COMMAND';
/** How long after our own limit the machine itself ends a command: by then nobody of us could. */
export const LEFT_ALONE_MS = 30_000;

const MASK = '******';
const SHORTEST_SECRET = 3;
const SHOWN_MAX = 300;
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Within single quotes a POSIX shell leaves everything as it is but the single quote itself. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * `exec`, so that the command's end is the session's, signal and all; `timeout`, so that it ends when the connection broke and nobody asks
 * for it any more; C.UTF-8, so that programs speak the language that we read.
 */
export function lineOf(command: readonly string[], { id, timeoutMs }: { readonly id: string; readonly timeoutMs: number }): string {
  const [program] = command;
  if (program === undefined || program === '' || command.some((word) => word.includes('\0'))) {
    throw fail('proxmox.bad_command', {
      message: `a command has a program and words without NUL: ${JSON.stringify(command.slice(0, 3)).slice(0, SHOWN_MAX)}`,
      hint: 'Bytes are given as input of the command.',
    });
  }
  const seconds = Math.ceil((timeoutMs + LEFT_ALONE_MS) / 1000);
  const words = ['timeout', '-k', '10', String(seconds), ...command].map((word) => quoted(word)).join(' ');
  const line = `export LC_ALL=C.UTF-8 ${MARK}=${id}; exec ${words}`;
  if (Buffer.byteLength(line) <= LINE_MAX_BYTES) return line;
  throw fail('proxmox.bad_command', {
    message: `a command of ${Buffer.byteLength(line)} bytes: ${program} is given more words than a shell takes (${LINE_MAX_BYTES} bytes)`,
    hint: 'Give long texts as input of the command, or write them into a file first.',
  });
}

export type Redact = (text: string) => string;

/** Also the forms that secrets take in scripts, JSON, URLs and base64; of one with several lines each line. */
export function redactionOf(secrets: readonly string[] = []): Redact {
  const parts = secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/).filter((line) => line.length >= 8)]);
  const forms = parts
    .filter((part) => part.length >= SHORTEST_SECRET)
    .flatMap((part) => [
      part,
      part.replaceAll("'", `'\\''`),
      JSON.stringify(part).slice(1, -1),
      encodeURIComponent(part),
      Buffer.from(part).toString('base64'),
      Buffer.from(part).toString('base64url'),
    ]);
  const longestFirst = [...new Set(forms)].toSorted((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((said, form) => said.replaceAll(form, MASK), text);
}

/** For people, cut. */
export function shownCommand(command: readonly string[], redact: Redact): string {
  const text = redact(command.map((word) => (PLAIN.test(word) ? word : quoted(word))).join(' ')).replaceAll(/\s+/g, ' ');
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)} …`;
}
