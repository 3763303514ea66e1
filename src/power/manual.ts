// manual: asks a person to press the button, and goes on by itself when the machine is seen. Nobody else can know whether it was done.

import { Type } from 'typebox';
import type { Clock } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { Memory } from './memory.ts';
import { ABANDONED_MS, goalOf, isReboot, PERSON_SECONDS, type People } from './people.ts';
import { type Driver, POWER_TARGETS, type PowerReading, type PowerTarget, type Target } from './seam.ts';
import type { Sightings } from './sightings.ts';

export interface ManualParts {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly people: People;
  readonly sightings: Sightings;
}

export interface ManualDriver extends Driver {
  /** The person says that it is done. Throws power.nothing_asked. */
  confirm(uuid: string): void;
}

interface Wish {
  readonly wanted: PowerTarget;
  /** Of the monotonic clock. */
  readonly since: number;
  lookedAt: number;
  isConfirmed: boolean;
}

const NAME = 'manual';
/** Whoever was asked so recently need not be asked again. */
const ASKED_AGAIN_MS = 600_000;

export function manualDriver({ clock, memory, people, sightings }: ManualParts): ManualDriver {
  /** Those that somebody waits for in this process. What is stored beside says only that the person was asked already. */
  const wishes = new Map<string, Wish>();

  const settle = async (target: Target, end: 'done' | 'withdrawn', why: string): Promise<void> => {
    wishes.delete(target.uuid);
    await memory.write(NAME, target.uuid, {});
    await people.settle(target, end, why);
  };

  const state = async (target: Target): Promise<PowerReading> => {
    const wish = wishes.get(target.uuid);
    if (wish === undefined) return null;
    const now = clock.monotonic();
    if (now - wish.lookedAt > ABANDONED_MS) {
      await settle(target, 'withdrawn', 'nobody waits for it any more');
      return null;
    }
    wish.lookedAt = now;
    const goal = goalOf(wish.wanted);
    const why = whyDone(wish, goal, target, sightings);
    if (why === undefined) return goal === 'power on' ? 'power off' : 'power on';
    await settle(target, 'done', why);
    return goal;
  };

  return {
    interface: 'power',
    name: NAME,
    title: 'a person is asked',
    info: Type.Object({}),
    needsMacs: true,
    refusal: () => null,
    power: {
      targets: POWER_TARGETS,
      settleSeconds: PERSON_SECONDS,
      state: (target, call) => {
        call.signal.throwIfAborted();
        return state(target);
      },
      set: async (target, wanted, call) => {
        call.signal.throwIfAborted();
        const now = clock.monotonic();
        wishes.set(target.uuid, { wanted, since: now, lookedAt: now, isConfirmed: false });
        const asked = await memory.read(NAME, target.uuid);
        const isFresh = typeof asked.at === 'number' && clock.now() - asked.at < ASKED_AGAIN_MS;
        if (asked.wanted === wanted && isFresh) return; // before a restart of the appliance
        await memory.write(NAME, target.uuid, { wanted, at: clock.now() });
        await people.ask(target, wanted, whatToDo(target, wanted));
      },
    },
    confirm: (uuid) => {
      const wish = wishes.get(uuid);
      if (wish === undefined) {
        throw fail('power.nothing_asked', {
          message: `nobody was asked to switch node ${uuid}`,
          hint: 'Look at its events: what was asked may be done already, or not be wanted any more.',
        });
      }
      wish.isConfirmed = true;
    },
  };
}

function whyDone(wish: Wish, goal: PowerReading, { uuid, macs }: Target, sightings: Sightings): string | undefined {
  if (wish.isConfirmed) return 'the person said so';
  if (goal === 'power off') return undefined; // silence proves nothing
  const how = isReboot(wish.wanted) ? 'boot' : 'alive';
  return sightings.wasSeen([uuid, ...macs], how, wish.since) ? 'the machine was seen on the network' : undefined;
}

function whatToDo({ name, uuid }: Target, wanted: PowerTarget): string {
  const machine = name ?? uuid;
  if (wanted === 'power on') return `Press the power button of ${machine}: it shall start.`;
  if (goalOf(wanted) === 'power off') return `Switch ${machine} off, and say so when it is off.`;
  return `Restart ${machine}; where the firmware does not boot from the network by itself, choose that in its boot menu.`;
}
