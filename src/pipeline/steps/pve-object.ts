// An entry of Proxmox VE's configuration that shall be there with these properties: looked up, made, or changed where it differs. What is not named is
// left as it is. Against the simulator.

import type { Pve } from '../../proxmox/index.ts';
import { fail } from '../errors.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';

export type Value = string | number | boolean | readonly string[];
export type Properties = Readonly<Record<string, Value | undefined>>;
type Found = Readonly<Record<string, unknown>>;

export interface PveObject {
  /** For people: the storage data */
  readonly what: string;
  readonly pve: Pve;
  /** Undefined: it is not there. */
  readonly find: () => Promise<Found | undefined>;
  readonly wanted: Properties;
  /** Those which the API sets once and for all. */
  readonly fixed?: readonly string[];
  /** Not to be read back: sent when it is made, and with other changes. */
  readonly secret?: Properties;
  readonly create: { readonly method: 'POST' | 'PUT'; readonly path: string; readonly params?: Properties };
  /** `always`: properties that a change names whether or not they differ. */
  readonly update: { readonly path: string; readonly params: Properties; readonly always?: readonly string[] };
}

export interface ObjectStep<Args> extends Pick<PipelineStep<Args>, 'name' | 'title' | 'args' | 'describe'> {
  /** A verdict where it cannot be so, or is nothing to do. */
  readonly object: (context: StepContext<Args>) => Promise<PveObject | Verdict>;
}

/** Two machines of a cluster that make the same entry would get in each other's way. */
export function objectStep<Args>({ object, ...about }: ObjectStep<Args>): PipelineStep<Args> {
  return {
    ...about,
    provenOn: 'simulator',
    timeoutMs: 180_000,
    lock: (_, { cluster }) => (typeof cluster?.name === 'string' ? `cluster:${cluster.name}` : null),
    check: async (context) => {
      const wanted = await object(context);
      return 'is' in wanted ? wanted : checkObject(wanted);
    },
    apply: async (context) => {
      const wanted = await object(context);
      if (!('is' in wanted)) return applyObject(wanted);
      if (wanted.is === 'impossible') throw fail('pipeline.impossible', { message: wanted.reason, hint: wanted.hint });
    },
  };
}

async function checkObject({ what, find, wanted, fixed = [] }: PveObject): Promise<Verdict> {
  const found = await find();
  if (found === undefined) return { is: 'needed', plan: [`makes ${what}: ${shown(wanted)}`] };
  const other = differing(wanted, found);
  const stuck = other.find((name) => fixed.includes(name));
  if (stuck !== undefined) {
    return {
      is: 'impossible',
      reason: `${what} is there already, with ${stuck} ${textOf(found[stuck]) || 'unset'} instead of ${textOf(wanted[stuck])}, which cannot be changed`,
      hint: 'Give this one another name in the pipeline, or remove that one by hand if nothing uses it.',
    };
  }
  if (other.length === 0) return { is: 'satisfied', words: `${what} is as it shall be` };
  return {
    is: 'needed',
    plan: other.map((name) => `${what}: ${name} ${textOf(found[name]) || 'unset'} becomes ${textOf(wanted[name]) || 'unset'}`),
  };
}

async function applyObject({ pve, find, wanted, secret, create, update }: PveObject): Promise<void> {
  const found = await find();
  if (found === undefined) {
    await pve.call(create.method, create.path, { ...create.params, ...sent(wanted), ...secret });
    return;
  }
  const other = differing(wanted, found);
  if (other.length === 0) return;
  const named = Object.entries(wanted).filter(([name]) => other.includes(name) || update.always?.includes(name) === true);
  await pve.call('PUT', update.path, { ...update.params, ...sent(Object.fromEntries(named)), ...secret });
}

function differing(wanted: Properties, found: Found): readonly string[] {
  return Object.keys(wanted).filter((name) => wanted[name] !== undefined && !isSame(wanted[name], found[name]));
}

/** Perl gives numbers as texts, and leaves out what is unset; the order of lists says nothing. */
function isSame(wanted: Value | undefined, found: unknown): boolean {
  if (typeof wanted === 'boolean') return wanted === ['1', 'true'].includes(textOf(found));
  return partsOf(wanted).join() === partsOf(found).join();
}

function partsOf(value: unknown): readonly string[] {
  const parts = Array.isArray(value) ? value.map((one) => textOf(one)) : textOf(value).split(/[,;]\s*/);
  return [...new Set(parts.filter((part) => part !== ''))].toSorted();
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => textOf(one)).join(',');
  // Property strings are answered with as objects by some calls.
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([name, one]) => `${name}=${textOf(one)}`)
      .join(',');
  return value === undefined || value === null ? '' : String(value as string | number | boolean); // what JSON has beside those
}

/** Lists go over as they are: the call knows how they are written. */
function sent(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

function shown(properties: Properties): string {
  const named = Object.entries(properties).filter(([, value]) => value !== undefined);
  return named.map(([name, value]) => `${name} ${textOf(value)}`).join(', ') || 'without properties';
}

/** In a list that a call answers with. */
export async function listed(pve: Pve, path: string, key: string, id: string): Promise<Found | undefined> {
  const rows = await pve.call('GET', path);
  if (!Array.isArray(rows)) return undefined;
  return rows.find((row: Found): row is Found => typeof row === 'object' && row !== null && row[key] === id);
}

export function impossible(reason: string, hint: string): Verdict {
  return { is: 'impossible', reason, hint };
}

/** Of [[pipeline.secret]]; a verdict where none is known by that name. */
export async function secretCalled(context: StepContext, name: string | undefined): Promise<string | undefined | Verdict> {
  if (name === undefined) return undefined;
  const secret = await context.secret(name);
  return (
    secret?.reveal() ??
    impossible(
      `no secret called ${name} is known`,
      `Add to rackseed.toml: [[pipeline.secret]] with name = "${name}" and its value by reference.`,
    )
  );
}

/** The major of the node's Proxmox VE: 8 or 9. */
export async function majorOf(pve: Pve): Promise<number> {
  const { release } = Object(await pve.call('GET', '/version')) as { readonly release?: unknown }; // whatever it was, it may be asked for that
  return Number.parseInt(typeof release === 'string' ? release : '', 10);
}
