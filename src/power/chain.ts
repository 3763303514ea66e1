// chain: several ways to switch one machine, tried in order until it is as wanted. What was tried, and why the next one was, is noted.

import { Type } from 'typebox';
import { type Clock, messageOf } from '../lib/index.ts';
import { fail } from './errors.ts';
import { ABANDONED_MS, goalOf, isReboot, PERSON_SECONDS, type People } from './people.ts';
import { type Call, type Driver, POWER_TARGETS, type PowerReading, type PowerTarget, type Target } from './seam.ts';
import type { Sightings } from './sightings.ts';
import type { ToldOff } from './told.ts';

export interface ChainParts {
  readonly clock: Clock;
  readonly sightings: Sightings;
  readonly toldOff: ToldOff;
  readonly people: People;
  /** The ways there are, by name. */
  readonly links: readonly Driver[];
}

const LINKS = ['agent', 'ssh', 'wol', 'http', 'manual'] as const;

export const CHAIN_INFO = Type.Object({
  power_chain: Type.Optional(
    Type.Array(Type.Enum(LINKS), {
      description:
        'Ways to switch it, in the order in which they are tried: agent, ssh, wol, http, manual. Unless told, all that driver_info describes. Optional.',
      minItems: 1,
      maxItems: LINKS.length,
      uniqueItems: true,
    }),
  ),
});

/** How long a machine may take after it was told that way, before the next way is tried. */
const PATIENCE_MS: Readonly<Record<string, number>> = { agent: 180_000, ssh: 300_000, wol: 150_000, http: 60_000 };
const LONGEST_MS = PERSON_SECONDS * 1000;

interface Pending {
  readonly wanted: PowerTarget;
  readonly rest: Driver[];
  readonly tried: string[];
  readonly since: number;
  now: Driver;
  toldAt: number;
  lookedAt: number;
}

export function chainDriver(parts: ChainParts): Driver {
  const pending = new Map<string, Pending>();
  const { clock } = parts;
  return {
    interface: 'power',
    name: 'chain',
    title: 'several ways, tried in order',
    info: describing(parts.links),
    needsMacs: true,
    refusal: (target) => refusalOf(parts, target),
    power: {
      targets: POWER_TARGETS,
      settleSeconds: PERSON_SECONDS,
      state: (target, call) => {
        const wish = pending.get(target.uuid);
        if (wish === undefined) return readingOf(linksOf(parts, target), target, call);
        if (clock.monotonic() - wish.lookedAt > ABANDONED_MS) {
          pending.delete(target.uuid);
          return readingOf(linksOf(parts, target), target, call);
        }
        wish.lookedAt = clock.monotonic();
        return follow(parts, pending, wish, target, call);
      },
      set: async (target, wanted, call) => {
        call.signal.throwIfAborted();
        const rest = linksOf(parts, target).filter(({ power }) => power?.targets.includes(wanted) === true);
        const at = clock.monotonic();
        const [first] = rest;
        if (first === undefined) throw exhausted(target, wanted, ['no way of the chain can do that']);
        const wish: Pending = { wanted, rest, tried: [], since: at, now: first, toldAt: at, lookedAt: at };
        await tellNext(parts, wish, target, call);
        pending.set(target.uuid, wish);
      },
    },
  };
}

/** Every key that one of the ways reads, none of them required. */
function describing(links: readonly Driver[]) {
  const keys = links.flatMap(({ info }) => (Type.IsObject(info) ? Object.entries(info.properties) : []));
  return Type.Object({ ...CHAIN_INFO.properties, ...Object.fromEntries(keys.map(([key, schema]) => [key, Type.Optional(schema)])) });
}

function chosen({ driverInfo }: Target): readonly string[] | undefined {
  const chain: unknown = driverInfo.power_chain;
  return Array.isArray(chain) ? chain.filter((name) => typeof name === 'string') : undefined;
}

function linksOf({ links }: Pick<ChainParts, 'links'>, target: Target): Driver[] {
  const names = chosen(target) ?? LINKS;
  return names.flatMap((name) => links.filter((link) => link.name === name && link.refusal(target) === null));
}

function refusalOf({ links }: ChainParts, target: Target): string | null {
  const { power_chain: chain } = target.driverInfo;
  if (chain === undefined) return null;
  if (!Array.isArray(chain) || chain.length === 0 || new Set(chain).size !== chain.length)
    return `driver_info/power_chain is no list of different ways: ${LINKS.join(', ')}`;
  for (const name of chain) {
    const link = links.find((one) => one.name === name);
    if (link === undefined) return `driver_info/power_chain: there are only ${LINKS.join(', ')}`;
    const refusal = link.refusal(target);
    if (refusal !== null) return `driver_info/power_chain: ${link.name}: ${refusal}`;
  }
  return null;
}

/** The first that knows. */
async function readingOf(links: readonly Driver[], target: Target, call: Call): Promise<PowerReading> {
  call.signal.throwIfAborted();
  const failures: unknown[] = [];
  let isUnknown = links.length === 0;
  for (const link of links) {
    try {
      const reading = await link.power?.state(target, call);
      if (reading === 'power on' || reading === 'power off') return reading;
      isUnknown = true;
    } catch (thrown) {
      call.signal.throwIfAborted();
      failures.push(thrown);
    }
  }
  if (isUnknown) return null;
  throw failures[0];
}

/** Is it so now? Else: is it time for the next way? */
async function follow(parts: ChainParts, pending: Map<string, Pending>, wish: Pending, target: Target, call: Call): Promise<PowerReading> {
  const goal = goalOf(wish.wanted);
  const reading = await readingNow(parts, wish, target, call);
  if (reading === goal || (reading === null && isSettled(wish))) {
    pending.delete(target.uuid);
    parts.people.note(target, wish.wanted, `it is so, told through ${wish.now.name}${triedBefore(wish)}`);
    return reading;
  }
  const isOver = parts.clock.monotonic() - wish.toldAt > (PATIENCE_MS[wish.now.name] ?? LONGEST_MS);
  if (isOver) {
    wish.tried.push(`${wish.now.name}: told, and the machine did not get there`);
    if (wish.now.name === 'wol' && wish.rest.length === 0) {
      pending.delete(target.uuid);
      return reading; // woken, and nobody can know
    }
    try {
      await tellNext(parts, wish, target, call);
    } catch (thrown) {
      call.signal.throwIfAborted();
      pending.delete(target.uuid);
      throw thrown;
    }
  }
  return goal === 'power on' ? 'power off' : 'power on';
}

/** A way that was heard and can not see has done what it can; a magic packet was heard by nobody, and a person has not come yet. */
function isSettled({ now }: Pending): boolean {
  return now.name !== 'wol' && now.name !== 'manual';
}

async function readingNow({ sightings, links }: ChainParts, wish: Pending, target: Target, call: Call): Promise<PowerReading> {
  const goal = goalOf(wish.wanted);
  const how = isReboot(wish.wanted) ? 'boot' : 'alive';
  if (goal === 'power on' && sightings.wasSeen([target.uuid, ...target.macs], how, wish.since)) {
    await wish.now.power?.state(target, call); // a person who was asked needs not come
    return 'power on';
  }
  // That a machine is on says nothing of whether it was restarted, unless the one who was told says so.
  const askable = isReboot(wish.wanted) ? [wish.now] : [wish.now, ...linksOf({ links }, target).filter((link) => link !== wish.now)];
  return readingOf(
    askable.filter((link) => link === wish.now || link.name !== 'manual'),
    target,
    call,
  );
}

async function tellNext(parts: ChainParts, wish: Pending, target: Target, call: Call): Promise<void> {
  const { clock, people, toldOff } = parts;
  for (let link = wish.rest.shift(); link !== undefined; link = wish.rest.shift()) {
    try {
      await link.power?.set(target, wish.wanted, call);
    } catch (thrown) {
      call.signal.throwIfAborted();
      wish.tried.push(`${link.name}: ${messageOf(thrown)}`);
      continue;
    }
    wish.now = link;
    wish.toldAt = clock.monotonic();
    wish.lookedAt = wish.toldAt;
    // From here its silence does not mean that it is off any more.
    if (goalOf(wish.wanted) === 'power on') await toldOff.forget(target.uuid);
    people.note(target, wish.wanted, `told through ${link.name}${triedBefore(wish)}`);
    return;
  }
  throw exhausted(target, wish.wanted, wish.tried);
}

function triedBefore({ tried }: Pending): string {
  return tried.length === 0 ? '' : ` (before: ${tried.join('; ')})`;
}

function exhausted({ name, uuid }: Target, wanted: PowerTarget, tried: readonly string[]): Error {
  return fail('power.chain_failed', {
    message: `node ${name ?? uuid} can not be told "${wanted}": ${tried.join('; ')}`,
    hint: 'Put what is missing into driver_info, or add manual to power_chain: then a person is asked.',
    detail: { wanted },
  });
}
