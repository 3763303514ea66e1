// The boot files of a running appliance: the map is swapped whole when what was installed changes. A change that does not hold together
// leaves the old map in place. What is being sent keeps its bytes: contents are never written over (file-store.ts).

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Log, messageOf, RackseedError, systemCode } from '../../lib/index.ts';
import { type BootFile, type BootFiles, loadBootFiles, loadOwnFiles, MANIFEST, ownEntries } from './files.ts';

/** A request looks for changes at most this often: a `stat` costs microseconds, but hundreds of machines may ask at once. */
const LOOK_EVERY_MS = 1000;

export interface LiveBootFiles extends BootFiles {
  /** Looks for changes unless that was done within the last second; never rejects. */
  refresh(): Promise<void>;
  /** Why built or own files are not there, or not as they were installed last; they are taken as soon as they are. */
  problems(): readonly RackseedError[];
}

export interface LiveFilesOptions {
  /** Of the built files. */
  readonly directory: string;
  /** Of the operator's own. */
  readonly ownDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Never rejects for files that are not there. */
export async function openBootFiles(options: LiveFilesOptions): Promise<LiveBootFiles> {
  const files = new Live(options);
  await files.loadFirst();
  return files;
}

type Files = ReadonlyMap<string, BootFile>;

class Live implements LiveBootFiles {
  readonly #options: LiveFilesOptions;
  #built: Files = new Map();
  #own: Files = new Map();
  #all: Files = new Map();
  #stamp = '';
  #problems: readonly RackseedError[] = [];
  #lookedAt = 0;
  #looking: Promise<void> | undefined;

  constructor(options: LiveFilesOptions) {
    this.#options = options;
  }

  get(name: string): BootFile | undefined {
    void this.refresh();
    return this.#all.get(name);
  }

  has(name: string): boolean {
    void this.refresh();
    return this.#all.has(name);
  }

  keys(): Iterable<string> {
    void this.refresh();
    return this.#all.keys();
  }

  problems(): readonly RackseedError[] {
    void this.refresh();
    return this.#problems;
  }

  async loadFirst(): Promise<void> {
    this.#lookedAt = this.#options.clock.monotonic();
    this.#stamp = await this.#readStamp();
    await this.#load();
  }

  refresh(): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (this.#looking === undefined && now - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#lookedAt = now;
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    return this.#looking ?? Promise.resolve();
  }

  async #look(): Promise<void> {
    const { log } = this.#options;
    try {
      const stamp = await this.#readStamp();
      if (stamp === this.#stamp) return;
      this.#stamp = stamp; // before loading: what is broken is told once, not every second
      await this.#load();
      for (const problem of this.#problems)
        log.warn({ code: problem.code, hint: problem.hint }, `${problem.message}: what was there is kept`);
      log.info({ files: this.#all.size }, 'the boot files have changed: new requests get the new ones');
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, 'could not look for new boot files; the known ones are served on');
    }
  }

  /** Both halves by themselves: an own file that is broken must not keep new built ones out. */
  async #load(): Promise<void> {
    const problems: RackseedError[] = [];
    const attempt = async (load: Promise<Files>, kept: Files): Promise<Files> => {
      try {
        return await load;
      } catch (thrown) {
        if (!(thrown instanceof RackseedError)) throw thrown;
        problems.push(thrown);
        return kept;
      }
    };
    this.#built = await attempt(loadBootFiles(this.#options.directory), this.#built);
    this.#own = await attempt(loadOwnFiles(this.#options.ownDirectory), this.#own);
    this.#all = new Map([...this.#built, ...this.#own]);
    this.#problems = problems;
  }

  /** All are replaced by renaming: a changed one is another inode. The directory's own time is too coarse for two changes at once. */
  async #readStamp(): Promise<string> {
    const { directory, ownDirectory } = this.#options;
    const own = await ownEntries(ownDirectory).catch(() => []); // loading them says what is wrong
    return (await Promise.all([join(directory, MANIFEST), ...own.map((name) => join(ownDirectory, name))].map(stampOf))).join(' ');
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return [path, ino, size, mtimeNs].join(':');
  } catch (thrown) {
    return `${path}:${systemCode(thrown) ?? messageOf(thrown)}`; // loading it says what is wrong
  }
}
