// A password for a new user: out of a file, from standard input, or made here. Never from the command line, where others see it.

import { readFile } from 'node:fs/promises';
import { messageOf, systemCode } from '../lib/index.ts';
import type { CliContext } from './context.ts';
import { fail } from './errors.ts';

/** From the least to the most powerful. */
export const ROLE_NAMES = ['reader', 'member', 'operator', 'admin'] as const;

const MADE_BYTES = 15;

export async function passwordFrom(
  path: string | undefined,
  { random }: Pick<CliContext, 'random'>,
): Promise<{ readonly password: string; readonly isMade: boolean }> {
  if (path === undefined) return { password: random.bytes(MADE_BYTES).toString('base64url'), isMade: true };
  try {
    const text = await readFile(path === '-' ? '/dev/stdin' : path, 'utf8');
    return { password: text.replace(/\r?\n$/, ''), isMade: false };
  } catch (cause) {
    throw fail('cli.bad_file', {
      message: `${path} cannot be read (${systemCode(cause) ?? messageOf(cause)})`,
      hint: 'Name a file that holds the password and nothing else.',
      cause,
    });
  }
}
