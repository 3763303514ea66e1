// Kinds of attributes that records have beside the common ones: addresses, links to switches, steps, lists of objects. Pure.

import { Type } from 'typebox';
import { type Mac, parseMac } from '../../lib/index.ts';
import {
  isStepInterface,
  isUuid,
  type JsonObject,
  type RunbookStep,
  STEP_INTERFACES,
  type StepInterface,
  type TemplateStep,
} from '../../nodes/index.ts';
import { nullable } from '../schemas.ts';
import type { Kind } from './attributes.ts';
import { isPlain } from './json-patch.ts';
import { bad } from './query.ts';

/** Six pairs with colons between and nothing else, as Ironic takes them. */
const COLONS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
const DATAPATH = /^[0-9a-f]{2}(?::[0-9a-f]{2}){7}$/i;

export function macOf(text: string, name = 'address'): Mac {
  const mac = COLONS.test(text) ? parseMac(text) : undefined;
  if (mac === undefined) throw bad(`Expected valid MAC address for ${name}: ${text.slice(0, 80)}`);
  return mac;
}

const text = Type.String({ maxLength: 255 });

export const mac: Kind<Mac> = {
  schema: text,
  read: (value, name) => {
    if (typeof value !== 'string') throw bad(value === null ? `'${name}' is a required property` : `${name} must be a string`);
    return macOf(value, name);
  },
};

export const maybeMac: Kind<Mac | null> = {
  schema: nullable(text),
  read: (value, name) => (value === null ? null : mac.read(value, name)),
};

/** Of something that must be there; in lower case. */
export const requiredUuid: Kind<string> = {
  schema: text,
  read: (value, name) => {
    if (value === null) throw bad(`'${name}' is a required property`);
    if (typeof value !== 'string') throw bad(`${name} must be a string`);
    if (!isUuid(value)) throw bad(`Expected UUID for ${name}: ${value.slice(0, 255)}`);
    return value.toLowerCase();
  },
};

/** Empty is as good as nothing: a name to be given up. */
export const maybeName: Kind<string | null> = {
  schema: nullable(text),
  read: (value, name) => {
    if (value === null || value === '') return null;
    if (typeof value !== 'string' || value.length > 255) throw bad(`${name} must be a string of at most 255 characters`);
    return value;
  },
};

/** Below zero as well, and never in quotes. */
/** Fields younger than the clients that send words. */
export const strictFlag = (byDefault: boolean): Kind<boolean> => ({
  schema: Type.Boolean(),
  read: (value, name) => {
    if (value === null) return byDefault;
    if (typeof value !== 'boolean') throw bad(`${name} must be true or false`);
    return value;
  },
});

export const integer: Kind<number> = {
  schema: Type.Integer(),
  read: (value, name) => {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw bad(`${name} must be a whole number`);
  },
};

/** Null is what was not said. */
export const maybeInteger = (byDefault: number): Kind<number> => ({
  schema: Type.Integer({ minimum: 0 }),
  read: (value, name) => (value === null ? byDefault : integer.read(value, name)),
});

export const requiredNonEmpty = (maxLength: number, byDefault?: string): Kind<string> => ({
  schema: byDefault === undefined ? Type.String({ minLength: 1, maxLength }) : nullable(Type.String({ maxLength })),
  read: (value, name) => {
    if (value === null && byDefault !== undefined) return byDefault;
    if (typeof value === 'string' && value !== '' && value.length <= maxLength) return value;
    throw bad(
      value === null
        ? `'${name}' is a mandatory attribute and can not be removed`
        : `${name} must be a string of 1 to ${maxLength} characters`,
    );
  },
});

const LINK_KEYS = ['port_id', 'switch_id', 'hostname', 'switch_info', 'network_type', 'vtep-logical-switch', 'vtep-physical-switch'];
/** What a link says at the least: a place on a switch, a smart NIC's place, an unmanaged network, or a place behind a tunnel. */
const LINK_FORMS: readonly (readonly string[])[] = [
  ['port_id', 'switch_id'],
  ['port_id', 'hostname'],
  ['port_id', 'vtep-logical-switch', 'vtep-physical-switch'],
];

export const localLink: Kind<JsonObject> = {
  schema: Type.Unsafe<unknown>({ type: ['object', 'null'] }),
  read: (value, name) => {
    if (value === null) return {};
    if (!isPlain(value)) throw bad(`${name} must be a JSON object`);
    const link = new Map<string, string>();
    for (const [key, inner] of Object.entries(value)) {
      if (!LINK_KEYS.includes(key))
        throw bad(`Schema error for ${name}: ${JSON.stringify(key.slice(0, 80))} is none of ${LINK_KEYS.join(', ')}`);
      if (typeof inner !== 'string') throw bad(`Schema error for ${name}: ${key} must be a string`);
      link.set(key, inner);
    }
    checkLink(link, name);
    const id = link.get('switch_id');
    if (id !== undefined) link.set('switch_id', switchOf(id));
    return Object.fromEntries(link);
  },
};

function checkLink(link: ReadonlyMap<string, string>, name: string): void {
  const type = link.get('network_type');
  if (type !== undefined && type !== 'managed' && type !== 'unmanaged')
    throw bad(`Schema error for ${name}: network_type is neither managed nor unmanaged`);
  if (link.has('vtep-logical-switch') !== link.has('vtep-physical-switch'))
    throw bad(`Schema error for ${name}: vtep-logical-switch and vtep-physical-switch come together`);
  if (link.size === 0 || type === 'unmanaged' || LINK_FORMS.some((form) => form.every((key) => link.has(key)))) return;
  throw bad(`Schema error for ${name}: it needs ${LINK_FORMS.map((form) => form.join(' and ')).join(', or ')}, or network_type unmanaged`);
}

function switchOf(id: string): string {
  if (COLONS.test(id) || DATAPATH.test(id)) return id.toLowerCase();
  throw bad(`Expected a MAC address or OpenFlow datapath ID but received ${id.slice(0, 80)}.`);
}

const rank = Type.Unsafe<unknown>({ type: ['integer', 'string'], minimum: 0, pattern: '^[0-9]{1,10}$' });
const stepSchema = (rankName: 'priority' | 'order') =>
  Type.Array(
    Type.Object(
      {
        interface: Type.Enum([...STEP_INTERFACES]),
        step: Type.String({ minLength: 1, maxLength: 255 }),
        args:
          rankName === 'priority' ? Type.Record(Type.String(), Type.Unknown()) : Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        [rankName]: rank,
      },
      { additionalProperties: false },
    ),
    { minItems: 1, maxItems: 1000 },
  );

export const templateSteps: Kind<readonly TemplateStep[]> = {
  schema: stepSchema('priority'),
  read: (value, name) => readSteps(value, name, 'priority').map(({ rank: priority, ...step }) => ({ ...step, priority })),
};

export const runbookSteps: Kind<readonly RunbookStep[]> = {
  schema: stepSchema('order'),
  read: (value, name) => readSteps(value, name, 'order').map(({ rank: order, ...step }) => ({ ...step, order })),
};

interface ReadStep {
  readonly interface: StepInterface;
  readonly step: string;
  readonly args: JsonObject;
  readonly rank: number;
}

function readSteps(value: unknown, name: string, rankName: 'priority' | 'order'): ReadStep[] {
  return listOf(value, name).map((said) => {
    const { interface: part, step, args, [rankName]: given, ...others } = said;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) throw bad(`Schema error for ${name}: a step has no ${JSON.stringify(unknown.slice(0, 80))}`);
    if (typeof part !== 'string' || !isStepInterface(part))
      throw bad(`Schema error for ${name}: ${JSON.stringify(part)?.slice(0, 80)} is not one of ${STEP_INTERFACES.join(', ')}`);
    if (typeof step !== 'string') throw bad(`Schema error for ${name}: 'step' is a required property`);
    if (!isPlain(args) && !(args === undefined && rankName === 'order'))
      throw bad(`Schema error for ${name}: 'args' is a required property`);
    const number = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : given;
    if (typeof number !== 'number') throw bad(`Schema error for ${name}: '${rankName}' must be a whole number from 0 on`);
    return { interface: part, step, args: (args ?? {}) as JsonObject, rank: number }; // from a parsed body
  });
}

/** Objects whose inside the domain checks. Null is an empty list. */
export const objects = (minItems: number): Kind<readonly JsonObject[]> => ({
  schema: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems, maxItems: 1000 }),
  read: (value, name) => (value === null ? [] : listOf(value, name).map((one) => one as JsonObject)), // from a parsed body
});

function listOf(value: unknown, name: string): Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) throw bad(value === null ? `'${name}' is a required property` : `${name} must be a list`);
  return value.map((one: unknown) => {
    if (isPlain(one)) return one;
    throw bad(`${name} must be a list of objects`);
  });
}
