// Boot attempts per machine, in memory: which loaders were taken, when something of ours last spoke, how often scripts were fetched.
// Bounded: at the cap the machine that was silent longest is forgotten, so that its loop is seen some rounds later. Knows no answers.

import type { Clock, Mac } from '../lib/index.ts';
import { LOOP_AT, type Standing } from './decide/decide-offer.ts';
import type { HardwareNames } from './decide/facts.ts';

const MACHINES_MAX = 8192;
const ASKS_KEPT = 8;
const SCRIPTS_KEPT = 12;
const LOOP_MS = 60_000;
/** Firmware that refused a loader tries its other entries first, which may take minutes. */
const REFUSED_MS = 900_000;
/** EDK2 repeats a DISCOVER after 4, 8, 16 and 32 s (PXE 2.1 §2.2.2's figures): all one attempt. */
const ATTEMPT_MS = 64_000;
/** Where a client has no transaction number: what follows so soon is the same attempt. */
const SAME_MS = 4000;

export interface Ask {
  readonly mac: Mac;
  /** What tells one attempt from the next: DHCP's xid. */
  readonly transaction: number | null;
  /** The client has chosen: in its attempt no further question can come. */
  readonly isRequest: boolean;
}

export interface Attempts {
  /** A firmware asks what to load. Repeats and the REQUEST of one attempt count once. */
  asked(ask: Ask): Standing;
  /** Something of ours runs on the machine. */
  spoke(mac: Mac, what: 'ipxe' | 'grub'): void;
  /** A machine's script was fetched: how often within a minute, this time too. */
  scripted(mac: Mac): number;
  /** A loop was seen. True when that is news: once a minute for each machine. Scripts are counted anew from here. */
  looped(mac: Mac): boolean;
  remember(mac: Mac, names: HardwareNames): void;
  names(mac: Mac): HardwareNames | undefined;
  readonly size: number;
}

interface Attempt {
  transaction: number | null;
  at: number;
  isChosen: boolean;
}

interface Machine {
  attempts: Attempt[];
  /** While it rests from a loop, nothing is counted; then everything begins anew. */
  restsUntil: number | null;
  loopTold: number | null;
  scripts: number[];
  ranShim: boolean;
  names: HardwareNames | undefined;
}

export function createAttempts(clock: Pick<Clock, 'monotonic'>, max = MACHINES_MAX): Attempts {
  /** In the order of being heard: the first is the one that was silent longest. */
  const machines = new Map<Mac, Machine>();

  function heard(mac: Mac): Machine {
    const machine = machines.get(mac) ?? { attempts: [], restsUntil: null, loopTold: null, scripts: [], ranShim: false, names: undefined };
    machines.delete(mac);
    machines.set(mac, machine);
    if (machines.size > max) for (const oldest of machines.keys()) return forget(oldest, machine);
    return machine;
  }

  function forget(oldest: Mac, machine: Machine): Machine {
    machines.delete(oldest);
    return machine;
  }

  return {
    asked(ask) {
      const now = clock.monotonic();
      const machine = heard(ask.mac);
      if (machine.restsUntil !== null && now < machine.restsUntil) return standingOf(machine, now);
      if (machine.restsUntil !== null) Object.assign(machine, { attempts: [], restsUntil: null });
      count(machine, ask, now);
      const standing = standingOf(machine, now);
      if (standing.unheard > LOOP_AT) machine.restsUntil = now + LOOP_MS;
      return standing;
    },
    spoke(mac, what) {
      const machine = heard(mac);
      machine.attempts = [];
      machine.restsUntil = null;
      machine.ranShim = what === 'grub';
    },
    scripted(mac) {
      const now = clock.monotonic();
      const machine = heard(mac);
      machine.scripts = [...machine.scripts.filter((at) => now - at < LOOP_MS), now].slice(-SCRIPTS_KEPT);
      return machine.scripts.length;
    },
    looped(mac) {
      const now = clock.monotonic();
      const machine = heard(mac);
      machine.scripts = [];
      if (machine.loopTold !== null && now - machine.loopTold < LOOP_MS) return false;
      machine.loopTold = now;
      return true;
    },
    remember(mac, names) {
      heard(mac).names = names;
    },
    names: (mac) => machines.get(mac)?.names,
    get size() {
      return machines.size;
    },
  };
}

function count(machine: Machine, ask: Ask, now: number): void {
  const last = machine.attempts.at(-1);
  if (last !== undefined && isSameAttempt(last, ask, now)) {
    last.at = now;
    last.transaction = ask.transaction;
    last.isChosen ||= ask.isRequest;
  } else {
    machine.attempts = [...machine.attempts, { transaction: ask.transaction, at: now, isChosen: ask.isRequest }].slice(-ASKS_KEPT);
  }
}

function standingOf(machine: Machine, now: number): Standing {
  if (machine.restsUntil !== null) return { unheard: LOOP_AT + 1, unheardLately: machine.attempts.length, ranShim: machine.ranShim };
  const within = (ms: number): number => machine.attempts.filter(({ at }) => now - at < ms).length;
  return { unheard: within(LOOP_MS), unheardLately: within(REFUSED_MS), ranShim: machine.ranShim };
}

/**
 * A ROM may use one transaction number for ever (some make it of their MAC): a new question after the choice is a new attempt, but
 * the choice may be repeated. EDK2 makes a new number for the question on port 4011: a first choice belongs to the question before it.
 */
function isSameAttempt(last: Attempt, ask: Ask, now: number): boolean {
  if (last.isChosen && !ask.isRequest) return false;
  const isSoon = now - last.at < (ask.transaction === null ? SAME_MS : ATTEMPT_MS);
  const isFirstChoice = ask.isRequest && !last.isChosen;
  return isSoon && (isFirstChoice || last.transaction === ask.transaction);
}
