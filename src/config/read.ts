// Reads files of configuration with a cap, or says why not. The only file in here that touches the disk.

import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { messageOf, type RackseedError, systemCode } from '../lib/index.ts';
import type { CONFIG_ERRORS } from './errors.ts';
import { type Problem, problemsError } from './problem.ts';

export type ReadFile = (path: string) => Promise<Uint8Array>;

/** A large site with a thousand rules needs about 300 KiB; more than this is a wrong file. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** Reads at most one byte more than allowed, so that a device that never ends does not fill the memory. */
export async function readCapped(path: string, cap: number): Promise<Uint8Array> {
  await using handle = await open(path, 'r');
  const bytes = Buffer.alloc(cap + 1);
  let length = 0;
  while (length <= cap) {
    const { bytesRead } = await handle.read(bytes, length, cap + 1 - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

/** The text of the configuration file. Throws config.not_found and its like, each with the next step. */
export async function readConfigText(path: string, readFile: ReadFile = (name) => readCapped(name, MAX_CONFIG_BYTES)): Promise<string> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw unreadable(path, thrown);
  });
  if (bytes.length > MAX_CONFIG_BYTES)
    throw fileError(
      'config.too_large',
      { file: path, message: 'is larger than 1 MiB' },
      'Give --config the path of rackseed.toml, not of an image or a database.',
    );
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw notText(path, bytes, zero, 'holds a NUL byte');
  if (!isUtf8(bytes)) throw notText(path, bytes, firstBadByte(bytes), 'is not UTF-8');
  return new TextDecoder('utf-8').decode(bytes); // drops a byte order mark
}

function unreadable(path: string, thrown: unknown): RackseedError {
  const code = systemCode(thrown);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return fileError(
        'config.not_found',
        { file: path, message: 'does not exist' },
        `Make one with: rackseed config init > ${path}`,
        thrown,
      );
    case 'EISDIR':
      return fileError(
        'config.not_a_file',
        { file: path, message: 'is a directory' },
        `Name the file in it: --config ${path.replace(/\/+$/, '')}/rackseed.toml`,
        thrown,
      );
    case 'ENXIO':
      return fileError(
        'config.not_a_file',
        { file: path, message: 'is a socket or a device' },
        'Give --config the path of an ordinary file.',
        thrown,
      );
    case 'EACCES':
    case 'EPERM':
      return fileError(
        'config.not_readable',
        { file: path, message: 'may not be read by this user' },
        `Look at its owner and mode: ls -l ${path}`,
        thrown,
      );
    default:
      return fileError('config.not_readable', { file: path, message: `cannot be read: ${messageOf(thrown)}` }, `Try: head ${path}`, thrown);
  }
}

function fileError(code: keyof typeof CONFIG_ERRORS, problem: Omit<Problem, 'key'>, hint: string, cause?: unknown): RackseedError {
  return problemsError(code, [{ key: '', ...problem }], hint, cause);
}

function notText(path: string, bytes: Uint8Array, at: number, what: string): RackseedError {
  const before = Buffer.from(bytes.subarray(0, at)).toString('latin1').split('\n');
  const place = { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  const message = `${what} (byte ${at})`;
  return fileError(
    'config.not_text',
    { file: path, ...place, message },
    'Save the file as UTF-8 text, without NUL bytes. `file` tells what it is now.',
  );
}

/** Halves the search: the longest beginning that can still become UTF-8. */
function firstBadByte(bytes: Uint8Array): number {
  const isSound = (length: number): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false; // the decoder says no by throwing; that is the answer
    }
  };
  let sound = 0;
  let broken = bytes.length + 1;
  while (broken - sound > 1) {
    const middle = Math.floor((sound + broken) / 2);
    if (isSound(middle)) sound = middle;
    else broken = middle;
  }
  return Math.min(sound, bytes.length - 1);
}
