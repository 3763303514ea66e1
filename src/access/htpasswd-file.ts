// The file of users for HTTP basic: read at the start, and again when it has changed. A broken new one leaves the old in force.

import { readFile, stat } from 'node:fs/promises';
import { type Clock, type Log, messageOf, RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';
import { type HtpasswdUsers, parseHtpasswd } from './htpasswd.ts';

export interface HtpasswdFile {
  /** Who may sign in now: at most a second old. */
  users(): Promise<HtpasswdUsers>;
  /** Why the file as it is now is not in force; undefined when it is. */
  problem(): RackseedError | undefined;
}

const LOOK_EVERY_MS = 1000;

export interface HtpasswdFileOptions {
  readonly path: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Log;
}

/** Throws access.htpasswd_broken. */
export async function openHtpasswd({ path, clock, log }: HtpasswdFileOptions): Promise<HtpasswdFile> {
  let version = await versionOf(path);
  let users = await read(path);
  let lookedAt = clock.monotonic();
  let problem: RackseedError | undefined;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      const now = await versionOf(path);
      if (now === version) return;
      users = await read(path);
      version = now;
      problem = undefined;
      log.info({ path, users: users.size }, 'the users for HTTP basic were read again');
    } catch (thrown) {
      if (!(thrown instanceof RackseedError)) throw thrown;
      if (problem?.message !== thrown.message) log.error({ path, error: thrown.message }, 'the users for HTTP basic stay as they were');
      problem = thrown;
    }
  }

  return {
    problem: () => problem,
    users: async () => {
      if (clock.monotonic() - lookedAt >= LOOK_EVERY_MS) {
        looking ??= look().finally(() => {
          lookedAt = clock.monotonic();
          looking = undefined;
        });
        await looking;
      }
      return users;
    },
  };
}

async function read(path: string): Promise<HtpasswdUsers> {
  return parseHtpasswd(await reachable(path, () => readFile(path, 'utf8')), path);
}

/** Editors write beside and rename, others write in place: any of it shows here. */
async function versionOf(path: string): Promise<string> {
  const { ino, size, mtimeMs, ctimeMs } = await reachable(path, () => stat(path));
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

async function reachable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw fail('access.htpasswd_broken', {
      message: `${path} cannot be read: ${messageOf(cause)}`,
      hint: `Make it with: htpasswd -B -c ${path} NAME, readable for the user that runs Rackseed.`,
      cause,
    });
  }
}
