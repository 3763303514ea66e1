// Which appliance to talk to: said by option or environment, or found in the connection file that an appliance on this machine wrote.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, type RackseedError, Secret, systemCode } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Connection {
  readonly url: string;
  readonly token: Secret | undefined;
  /** PEM of the certificate to trust; the system's authorities otherwise. */
  readonly ca: string | undefined;
  /** A unix socket to go through instead of the URL's address. */
  readonly socketPath: string | undefined;
}

/** Written by `rackseed serve` into its data directory; holds no secret itself. */
export const CONNECTION_FILE = 'connection.json';

export interface ConnectionOptions {
  readonly url: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Where connection files may lie, first found first: data directories, and the lab's. */
  readonly directories: readonly string[];
}

export async function findConnection({ url, env, directories }: ConnectionOptions): Promise<Connection> {
  const given = url ?? env.RACKSEED_URL;
  const token = env.RACKSEED_TOKEN;
  const closed: string[] = [];
  for (const directory of directories) {
    const local = await readLocal(directory, (path) => closed.push(path));
    if (local === undefined) continue;
    const ownToken = token === undefined ? local.token : new Secret(token);
    if (given === undefined || isSame(given, local.url)) return { ...local, token: ownToken };
  }
  if (given === undefined && closed[0] !== undefined) {
    throw fail('cli.no_connection', {
      message: `${closed[0]} belongs to another user: the appliance of this machine may be used by that user and by root`,
      hint: 'Run the command with sudo, or name the appliance with RACKSEED_URL and RACKSEED_TOKEN.',
    });
  }
  if (given === undefined) {
    throw fail('cli.no_connection', {
      message: `no appliance found on this machine (looked in ${directories.join(', ')})`,
      hint: 'Start one with "rackseed serve", or name one with RACKSEED_URL and RACKSEED_TOKEN.',
    });
  }
  if (originOf(given) === undefined) {
    throw fail('cli.usage', { message: `${JSON.stringify(given)} is no URL of an appliance`, hint: 'Write it as https://HOST:6385' });
  }
  return {
    url: given,
    token: token === undefined ? undefined : new Secret(token),
    ca: env.RACKSEED_CA === undefined ? undefined : await readCertificate(env.RACKSEED_CA),
    socketPath: undefined,
  };
}

function originOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed?.protocol === 'https:' || parsed?.protocol === 'http:' ? parsed.origin : undefined;
}

function isSame(url: string, other: string): boolean {
  const origin = originOf(url);
  return origin !== undefined && origin === originOf(other);
}

async function readCertificate(path: string): Promise<string> {
  const refuse = (what: string, cause?: unknown): RackseedError =>
    fail('cli.bad_certificate', {
      message: `RACKSEED_CA: ${path} ${what}`,
      hint: "Name a copy of the file server.crt from the appliance's data directory.",
      cause,
    });
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    throw refuse(`cannot be read (${systemCode(thrown) ?? messageOf(thrown)})`, thrown);
  });
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw refuse('holds no certificate in PEM form');
  return text;
}

/** Undefined when there is no connection file in the directory, or none that we may read. */
export async function readLocal(directory: string, onClosed: (path: string) => void = () => undefined): Promise<Connection | undefined> {
  const path = join(directory, CONNECTION_FILE);
  const text = await readIfThere(path, onClosed);
  if (text === undefined) return undefined;
  const record = recordIn(text);
  if (!('url' in record) || typeof record.url !== 'string') {
    throw fail('cli.no_connection', { message: `${path} names no url`, hint: 'Start the appliance again: it writes the file anew.' });
  }
  // The lab's file lies beside the data directory, and says where that is.
  const dataDir = 'dataDir' in record && typeof record.dataDir === 'string' ? record.dataDir : directory;
  const token = await readIfThere(join(dataDir, 'admin.token'));
  return {
    url: record.url,
    ca: await readIfThere(join(dataDir, 'server.crt')),
    token: token === undefined ? undefined : new Secret(token.trim()),
    socketPath: undefined,
  };
}

function recordIn(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {}; // as bad as one without a url, and said so by the caller
  }
}

async function readIfThere(path: string, onClosed: (path: string) => void = () => undefined): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'EACCES') onClosed(path);
    if (systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'EACCES' || systemCode(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}
