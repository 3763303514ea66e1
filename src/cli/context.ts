// What every command is given: where to print, what surrounds it, and the way to the appliance.

import { InvalidArgumentError } from 'commander';
import type { Clock, Random, Run } from '../lib/index.ts';
import type { Ask } from './ask.ts';
import { type Client, createClient } from './client.ts';
import { findConnection } from './connection.ts';
import type { Format } from './output.ts';

export interface CliContext {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly isTerminal: boolean;
  /** Undefined where nobody is there to be asked. */
  readonly ask?: Ask | undefined;
  readonly isRoot: boolean;
  readonly home: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly run: Run;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** How to run this program again, for example [node, src/main.ts]. */
  readonly self: readonly [string, ...string[]];
  readonly version: string;
  /** What runs in this process instead of over the API. */
  readonly appliance: Appliance;
}

export interface Appliance {
  serve(configPath: string | undefined, signal: AbortSignal): Promise<void>;
  rotateStoreKey(configPath: string | undefined): Promise<void>;
}

export interface GlobalOptions {
  readonly output: Format;
  readonly url?: string;
}

/** Where an appliance keeps its data when nothing else is said. */
export function defaultDataDir({ isRoot, home }: Pick<CliContext, 'isRoot' | 'home'>): string {
  return isRoot ? '/var/lib/rackseed' : `${home}/.local/share/rackseed`;
}

export function labDirectory(context: Pick<CliContext, 'isRoot' | 'home' | 'env'>): string {
  return context.env.RACKSEED_LAB_DIR ?? `${defaultDataDir(context)}-lab`;
}

export function cacheDirectory({ env, home }: Pick<CliContext, 'env' | 'home'>): string {
  return env.RACKSEED_CACHE_DIR ?? `${env.XDG_CACHE_HOME ?? `${home}/.cache`}/rackseed`;
}

/** Opens the client, does the work, closes it. */
export async function withClient<T>(context: CliContext, options: GlobalOptions, work: (client: Client) => Promise<T>): Promise<T> {
  const directories = [context.env.RACKSEED_SERVER_DATA_DIR, labDirectory(context), defaultDataDir(context)].filter(
    (one) => one !== undefined,
  );
  const client = createClient(await findConnection({ url: options.url, env: context.env, directories }), context.signal);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number from 1 is expected.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('A whole number is expected.');
  return value;
}

/** For answers of our own API: an object, or an error that says so. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // an object by the check
}

export function asList(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(asRecord) : [];
}

/** Every page of a list of our API. */
export async function allPages(client: Client, path: string, key: string): Promise<Readonly<Record<string, unknown>>[]> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  let next: unknown = null;
  do {
    const page = asRecord(await client.get(typeof next === 'string' ? `${path}&pageToken=${encodeURIComponent(next)}` : path));
    rows.push(...asList(page[key]));
    next = page.nextPageToken;
  } while (typeof next === 'string');
  return rows;
}
