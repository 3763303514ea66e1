// A lease book in front of another: what is saved is on disk in an append-only file at once, and in the book behind soon after.
// Why: SQLite's fsync stops the event loop; a file's is done by a thread, so packets go on being read (docs/decisions/0015-leases-under-load.md).

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Ipv4, type Log, messageOf } from '../../../lib/index.ts';
import type { LeaseBook } from './lease-book.ts';
import { decodeJournal, encodeJournal } from './lease-journal-codec.ts';
import type { DhcpLease } from './lease-table.ts';

export interface JournalOptions {
  /** Where the leases go in the end. */
  readonly book: LeaseBook;
  /** Of ours alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}

const NAME = /^leases-(\d{1,15})\.journal$/;
/** How long leases wait in the journal: long enough for a renewal storm to share transactions. */
const FOLD_MS = 1000;
const RETRY_MS = 10_000;
/**
 * One transaction of the book behind: it holds up the event loop for some milliseconds, of which the kernel's buffer for what comes in
 * must hold all (about 10 ms of a storm). Each ends in a flush, so smaller ones hold it up longer in sum.
 */
const FOLD_ROWS = 500;
/**
 * Handing a write to a thread and hearing of its end costs the event loop as much as answering a machine. Under load that is paid once in
 * so long, for all who ask meanwhile; a single machine does not wait.
 */
const WRITE_EVERY_MS = 2;
/** Zeros are written ahead: flushing a file that does not grow is 6 times as fast (1.4 → 0.24 ms, ext4 on a virtual disk, Nov 2026). */
const AHEAD_BYTES = 256 * 1024;

export function createJournaledLeaseBook(options: JournalOptions): LeaseBook {
  return new JournaledLeaseBook(options);
}

class JournaledLeaseBook implements LeaseBook {
  readonly #options: JournalOptions;
  readonly #closing = new AbortController();
  /** Saved here, not yet in the book behind. Bounded by the number of addresses there are to lease. */
  #pending = new Map<Ipv4, DhcpLease>();
  #file: JournalFile | undefined;
  /** Written to the end; deleted when the book behind has what is in them. */
  #full: string[] = [];
  #number = 1;
  #wroteAt = Number.NEGATIVE_INFINITY;
  #turn: Promise<unknown> = Promise.resolve();
  #folding: Promise<void> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** What a crash left in the journal goes into the book first. */
  async load(): Promise<DhcpLease[]> {
    const { book, directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const numbers = (await readdir(directory)).flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
    numbers.sort((a, b) => a - b);
    for (const number of numbers) await this.#read(fileName(directory, number));
    this.#number = (numbers.at(-1) ?? 0) + 1;
    await this.#fold();
    return book.load();
  }

  ready(): Promise<void> | undefined {
    const leftMs = this.#wroteAt + WRITE_EVERY_MS - this.#options.clock.monotonic();
    return leftMs > 0 ? this.#options.clock.sleep(leftMs) : undefined;
  }

  save(leases: readonly DhcpLease[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#wroteAt = this.#options.clock.monotonic();
      await this.#append(encodeJournal(leases));
      for (const lease of leases) this.#pending.set(lease.address, lease);
      this.#folding ??= this.#foldSoon().finally(() => {
        this.#folding = undefined;
      });
    });
  }

  /** Leaves nothing in the journal, unless the book behind fails: then it is read at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#folding;
    try {
      await this.#fold();
    } catch (thrown) {
      this.#options.log.warn({ error: messageOf(thrown) }, 'leases stay in their journal: the store does not take them');
    }
    await this.#inTurn(() => this.#putAside());
    await this.#options.book.close?.();
  }

  async #read(path: string): Promise<void> {
    const { leases, tornAt } = decodeJournal(await readFile(path));
    // Never acknowledged: an ACK waits for the whole line to be on disk.
    if (tornAt !== undefined) this.#options.log.warn({ path, tornAt }, 'the lease journal ends in a torn line, as after a power cut');
    for (const lease of leases) this.#pending.set(lease.address, lease);
    this.#full.push(path);
  }

  async #append(bytes: Buffer): Promise<void> {
    try {
      this.#file ??= await openJournal(fileName(this.#options.directory, this.#number++), this.#options.directory);
      await this.#file.append(bytes);
    } catch (thrown) {
      // After a failed flush nobody knows what of the file is on disk: the next lease starts a new one.
      await this.#putAside();
      throw thrown;
    }
  }

  async #putAside(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    this.#full.push(file.path);
    await file.close();
  }

  /** Until nothing is left. Never rejects. */
  async #foldSoon(): Promise<void> {
    const { clock, log } = this.#options;
    let waitMs = FOLD_MS;
    do {
      try {
        await clock.sleep(waitMs, this.#closing.signal);
      } catch {
        return; // closing: close() does the rest
      }
      try {
        await this.#fold();
        waitMs = FOLD_MS;
      } catch (thrown) {
        log.warn({ error: messageOf(thrown), leases: this.#pending.size }, 'the store does not take leases: they stay in their journal');
        waitMs = RETRY_MS;
      }
    } while (this.#pending.size > 0);
  }

  async #fold(): Promise<void> {
    const { moving, files } = await this.#inTurn(async () => {
      await this.#putAside();
      const taken = { moving: this.#pending, files: this.#full };
      this.#pending = new Map();
      this.#full = [];
      return taken;
    });
    try {
      const leases = [...moving.values()];
      for (let at = 0; at < leases.length; at += FOLD_ROWS) {
        if (at > 0) await this.#options.clock.sleep(1); // packets first
        await this.#options.book.save(leases.slice(at, at + FOLD_ROWS));
      }
      for (const path of files) await unlink(path);
    } catch (thrown) {
      this.#full = [...files, ...this.#full];
      for (const [address, lease] of moving) if (!this.#pending.has(address)) this.#pending.set(address, lease);
      throw thrown;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined); // whoever asked for it gets its failure; the next turn only needs to know that it is over
    return done;
  }
}

interface JournalFile {
  readonly path: string;
  /** On disk when it resolves. */
  append(bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** Each write comes back when its bytes are on disk (O_DSYNC): one trip to a thread where a write and a flush would be two. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC;

async function openJournal(path: string, directory: string): Promise<JournalFile> {
  const handle = await open(path, FLAGS, 0o600);
  await syncDirectory(directory);
  let [written, ahead] = [0, 0];
  return {
    path,
    append: async (bytes) => {
      const isLonger = written + bytes.length > ahead;
      const data = isLonger ? Buffer.concat([bytes, Buffer.alloc(AHEAD_BYTES)]) : bytes;
      await writeAll(handle, data, written);
      if (isLonger) ahead = written + data.length;
      written += bytes.length;
    },
    close: () => handle.close(),
  };
}

/** A write may take less than it was given, on a full disk for one: the next then says why. */
async function writeAll(handle: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await handle.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

/** Else a power cut could take the name of a file whose bytes are safe. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function fileName(directory: string, number: number): string {
  return join(directory, `leases-${number}.journal`);
}
