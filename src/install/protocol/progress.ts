// What was fetched of an installer: which of the many words about it are worth a write, and what it means for the record. Of the bytes of an
// ISO a word is stored every two seconds or every twentieth of it.

import type { Clock } from '../../lib/index.ts';
import type { Change } from './book.ts';
import type { InstallationRecord } from './record.ts';
import { bytesText, durationText, eventOfStage, isBefore, waitsForAnswer } from './stages-decide.ts';

export interface Fetched {
  readonly what: 'kernel' | 'initrd' | 'iso';
  readonly bytes: number;
  readonly total: number;
}

export interface Progress {
  isNews(bootId: string, what: Fetched['what'], bytes: number, total: number): boolean;
  changeFor(row: InstallationRecord, fetched: Fetched): Change<undefined>;
  rateOf(uuid: string): number | null;
  /** Another boot begins. */
  forget(bootId: string): void;
}

interface Told {
  readonly at: number;
  readonly bytes: number;
}

const EVERY_MS = 2000;
const EVERY_SHARE = 0.05;
/** Downloads that are followed at once; the one that was heard of longest ago goes first, and is then written once too often. */
const FOLLOWED = 2048;
/** A rate that is older says nothing any more. */
const RATE_MS = 15_000;

const NAMES: Readonly<Record<Fetched['what'], string>> = { kernel: 'kernel', initrd: 'initrd', iso: 'ISO' };

export function createProgress(clock: Clock): Progress {
  const told = new Map<string, Told>();
  const rates = new Map<string, { readonly at: number; readonly bytesPerSecond: number }>();
  return {
    isNews: (bootId, what, bytes, total) => {
      const now = clock.monotonic();
      const key = `${bootId} ${what}`;
      const last = told.get(key);
      const isEnd = bytes >= total && last?.bytes !== bytes;
      const isDue = last === undefined || now - last.at >= EVERY_MS || Math.abs(bytes - last.bytes) >= total * EVERY_SHARE;
      if (!isEnd && !isDue) return false;
      remember(told, key, { at: now, bytes });
      return true;
    },
    changeFor: (row, { what, bytes, total }) => {
      // Once the installer has its answer, who fetches is somebody else.
      if (!waitsForAnswer(row.stage) || row.stage === 'armed') return { result: undefined };
      const begins = isBefore(row.stage, what);
      const event = { type: eventOfStage(what), message: `it fetches the ${NAMES[what]} of the installer`, data: { total } };
      const set = begins ? { stage: what, stage_at: clock.now() } : {};
      if (what !== 'iso') return { result: undefined, set, events: begins ? [event] : [], wake: 'sign' };
      const [seconds, more] = [(clock.now() - row.signAt) / 1000, bytes - row.isoBytes];
      if (!begins && seconds > 0 && more >= 0) remember(rates, row.uuid, { at: clock.monotonic(), bytesPerSecond: more / seconds });
      const isWhole = bytes >= total && row.isoBytes < total && total > 0;
      const took = begins ? 0 : clock.now() - row.stageAt;
      const whole = { type: 'install.iso_fetched', message: `it has the whole ISO: ${bytesText(total)} in ${durationText(took)}` };
      const events = [...(begins ? [event] : []), ...(isWhole ? [{ ...whole, data: { bytes, milliseconds: took } }] : [])];
      return { result: undefined, set: { ...set, iso_bytes: bytes, iso_total: total }, events, wake: 'sign' };
    },
    rateOf: (uuid) => {
      const rate = rates.get(uuid);
      return rate === undefined || clock.monotonic() - rate.at > RATE_MS ? null : rate.bytesPerSecond;
    },
    forget: (bootId) => {
      for (const what of ['kernel', 'initrd', 'iso']) told.delete(`${bootId} ${what}`);
    },
  };
}

function remember<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size <= FOLLOWED) return;
  const oldest = kept.keys().next();
  if (oldest.done !== true) kept.delete(oldest.value);
}
