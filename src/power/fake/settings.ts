// How a fake machine behaves, as its driver_info says: how slow it is, what fails, what waits. Pure.

import { type TProperties, Type } from 'typebox';
import { type DriverInfo, INTERFACES, type Interface, type JsonObject, type SecretTree } from '../../nodes/index.ts';

/** Seconds, at the least and at the most. */
type Delay = readonly [from: number, to: number];

interface Failure {
  /** "power.set", or "power" for everything of the interface. */
  readonly at: string;
  /** As it was written: what it is counted by. */
  readonly text: string;
  /** Null: every time. */
  readonly times: number | null;
}

export interface FakeSettings {
  readonly delays: ReadonlyMap<string, Delay>;
  readonly failures: readonly Failure[];
  readonly waits: readonly string[];
  readonly stuckPower: 'power on' | 'power off' | null;
  readonly inventory: JsonObject | null;
}

const MAX_SECONDS = 86_400;
const PLAIN: FakeSettings = { delays: new Map(), failures: [], waits: [], stuckPower: null, inventory: null };
const SECONDS = 'seconds (fractions allowed), or "from,to" for a time between them by chance. Optional.';

/** What each fake interface reads. */
export function fakeInfo(which: Interface, more: TProperties = {}) {
  return Type.Object({
    fake_delay: Type.Optional(Type.Unknown({ description: `How long everything takes: ${SECONDS}` })),
    [`fake_${which}_delay`]: Type.Optional(
      Type.Unknown({ description: `How long everything of the ${which} interface takes: ${SECONDS}` }),
    ),
    fake_step_delays: Type.Optional(
      Type.Unknown({ description: 'How long single things take, as an object: {"deploy.write_image": 2.5}. Optional.' }),
    ),
    fake_fail: Type.Optional(
      Type.Unknown({
        description:
          'What fails: a list such as ["power.set", "deploy.write_image:2"], or the same with commas. With :2 it fails twice only. Optional.',
      }),
    ),
    fake_wait: Type.Optional(Type.Unknown({ description: 'Steps that wait for the agent: a list such as ["deploy.deploy"]. Optional.' })),
    ...more,
  });
}

export const STUCK_POWER = Type.Optional(
  Type.Unknown({ description: 'The power state that the machine stays in whatever it is told: "power on" or "power off". Optional.' }),
);
export const FAKE_INVENTORY = Type.Optional(
  Type.Unknown({ description: "What inspection finds, as an object in the form of the agent's inventory. Optional." }),
);

/** The settings, or why they are none, naming the key. */
export function readFakeSettings(info: DriverInfo): FakeSettings | { readonly refusal: string } {
  const keys = Object.keys(info).filter((key) => key.startsWith('fake_'));
  if (keys.length === 0) return PLAIN;
  try {
    return {
      delays: new Map([...interfaceDelays(info), ...stepDelays(info.fake_step_delays)]),
      failures: listIn('fake_fail', info.fake_fail).map(failureOf),
      waits: listIn('fake_wait', info.fake_wait),
      stuckPower: stuckIn(info.fake_stuck_power),
      inventory: objectIn('fake_inventory', info.fake_inventory),
    };
  } catch (thrown) {
    if (thrown instanceof Malformed) return { refusal: thrown.message };
    throw thrown;
  }
}

/** How long this takes, in milliseconds. `chance` in [0, 1). */
export function delayOf({ delays }: FakeSettings, which: Interface, what: string, chance: number): number {
  const [from, to] = delays.get(`${which}.${what}`) ?? delays.get(which) ?? delays.get('') ?? [0, 0];
  return Math.round((from + (to - from) * chance) * 1000);
}

export function failureAt({ failures }: FakeSettings, which: Interface, what: string): Failure | undefined {
  return failures.find(({ at }) => at === which || at === `${which}.${what}`);
}

class Malformed extends Error {}

function interfaceDelays(info: DriverInfo): [string, Delay][] {
  const keys: readonly (readonly [name: string, key: string])[] = [
    ['', 'fake_delay'],
    ...INTERFACES.map((name) => [name, `fake_${name}_delay`] as const),
  ];
  return keys.flatMap(([name, key]) => {
    const value = info[key];
    return value === undefined ? [] : [[name, delayIn(key, value)]];
  });
}

function stepDelays(value: SecretTree | undefined): [string, Delay][] {
  const steps = objectIn('fake_step_delays', value) ?? {};
  return Object.entries(steps).map(([at, seconds]) => [at, delayIn(`fake_step_delays/${at}`, seconds)]);
}

function delayIn(key: string, value: unknown): Delay {
  const parts = typeof value === 'number' ? [value] : typeof value === 'string' ? value.split(',').map(numberIn) : [];
  const [from, to = from] = parts;
  const isRange = from !== undefined && to !== undefined && parts.length <= 2 && from >= 0 && to >= from && to <= MAX_SECONDS;
  if (!isRange) throw new Malformed(`driver_info/${key} is no time: give seconds from 0 to ${MAX_SECONDS}, or "from,to"`);
  return [from, to];
}

function numberIn(text: string): number {
  return /^\s*\d{1,6}(?:\.\d{1,6})?\s*$/.test(text) ? Number(text) : Number.NaN;
}

function listIn(key: string, value: SecretTree | undefined): string[] {
  if (value === undefined || value === null) return [];
  const items: readonly unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [undefined];
  return items.map((item) => {
    if (typeof item !== 'string' || !/^\s*[a-z]+(?:\.[a-z0-9_]+)?(?::\d{1,4})?\s*$/.test(item))
      throw new Malformed(`driver_info/${key} is no list of names such as "power.set" or "deploy.write_image:2"`);
    return item.trim();
  });
}

function failureOf(text: string): Failure {
  const [at = '', times] = text.split(':');
  return { at, text, times: times === undefined ? null : Number(times) };
}

function stuckIn(value: SecretTree | undefined): FakeSettings['stuckPower'] {
  if (value === undefined || value === null) return null;
  if (value === 'power on' || value === 'power off') return value;
  throw new Malformed('driver_info/fake_stuck_power is neither "power on" nor "power off"');
}

function objectIn(key: string, value: SecretTree | undefined): JsonObject | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) throw new Malformed(`driver_info/${key} is no object`);
  // Through its text: whatever was sealed in it stays ***.
  return JSON.parse(JSON.stringify(value)) as JsonObject; // an object's JSON is an object
}
