// Wiring of what lies on disk: the data directory, where the key and the store are, and what the CLI on this machine reads.

import { access, constants, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerCertificate } from './api/index.ts';
import { type Config, parseListen, resolveSecret } from './config/index.ts';
import { defineErrors, type ErrorCatalogue, type Log, messageOf, type RackseedError, type Random, systemCode } from './lib/index.ts';
import type { KeySource } from './store/index.ts';

export const APP_ERRORS = {
  'app.data_dir': { status: 500, about: 'The data directory cannot be made or written.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(APP_ERRORS);

type Settings = { readonly config: Config; readonly env: NodeJS.ProcessEnv };

/** Made when it is not there. Refused here when nothing could be kept in it: every later failure would be harder to read. */
export async function ensureDataDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw dataDirError(path, (await reasonAbove(path)) ?? thrown);
  }
}

/** mkdir says ENOENT where a directory above may not be written: the nearest one that is there says why. */
async function reasonAbove(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).isDirectory()) await access(path, constants.W_OK);
    return undefined;
  } catch (thrown) {
    const above = dirname(path);
    return systemCode(thrown) === 'ENOENT' && above !== path ? reasonAbove(above) : thrown;
  }
}

const DATA_DIR_FAULTS: Readonly<Record<string, readonly [what: string, next: string]>> = {
  EEXIST: ['is a file, not a directory', 'Move the file away, or set server.data_dir to a directory.'],
  ENOTDIR: ['lies below a file', 'Set server.data_dir to a directory.'],
  EROFS: [
    'is on a file system that is mounted read-only',
    'Mount it read-write (after an I/O error the kernel makes it read-only: see dmesg), or set server.data_dir to another directory.',
  ],
  ENOSPC: ['is on a disk that is full', 'Free space there (df -h shows it), or set server.data_dir to a directory on another disk.'],
  EDQUOT: ['is on a disk whose quota is used up', 'Free space there, or set server.data_dir to a directory on another disk.'],
};

function dataDirError(path: string, cause: unknown): RackseedError {
  const code = systemCode(cause) ?? '';
  const user = `uid ${process.getuid?.() ?? 'unknown'}`;
  const [what, next] = DATA_DIR_FAULTS[code] ?? [
    code === 'EACCES' || code === 'EPERM' ? `may not be written by this user (${user})` : `cannot be used: ${messageOf(cause)}`,
    `Give it to the user that runs Rackseed (chown; now ${user}), or set server.data_dir to a directory that this user may write.`,
  ];
  return fail('app.data_dir', { message: `the data directory ${path} ${what}`, hint: next, cause });
}

/** Beside it, then renamed: whenever we are cut off, the file is the old one or the new one, whole. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    const file = await open(draft, 'w', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (thrown) {
    throw dataDirError(dirname(path), thrown);
  }
}

export async function keySource({ config, env, random }: Settings & { readonly random: Random }): Promise<KeySource> {
  const { credential, key_file: keyFile } = config.store;
  const directory = env.CREDENTIALS_DIRECTORY;
  return {
    url: await storeUrl({ config, env }),
    keyFile,
    random,
    ...(credential === undefined ? {} : { credential: join(directory ?? '/run/credentials/rackseed.service', credential) }),
  };
}

export async function storeUrl({ config, env }: Settings): Promise<string> {
  const { url, password } = config.store;
  if (password === undefined) return url;
  const whole = new URL(url);
  whole.password = encodeURIComponent((await resolveSecret(password, { env })).reveal());
  return whole.href;
}

/** The same after a restart, unlike any other appliance's: what it was working on is its own again at once. */
export async function instanceId(dataDir: string, random: Random): Promise<string> {
  const path = join(dataDir, 'instance.id');
  const stored = (await readIfThere(path)).trim();
  if (stored !== '') return stored;
  const id = random.uuid();
  await writeWhole(path, `${id}\n`);
  return id;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return '';
    throw dataDirError(dirname(path), thrown);
  }
}

export function certificateNames(config: Config): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list = []) => list.map((one) => one.address));
  const own = config.server.public_url === undefined ? [] : [new URL(config.server.public_url).hostname];
  return [hostname(), config.server.name, ...own, ...addresses];
}

/** For the CLI on this machine: where we are and whom to trust. The token lies beside it, for its owner only. */
export async function writeConnection(config: Config, certificate: ServerCertificate | null, log: Log): Promise<void> {
  const url = localUrl(config);
  const directory = config.server.data_dir;
  if (certificate !== null) await writeWhole(join(directory, 'server.crt'), certificate.cert);
  const connection = { url, fingerprint: certificate?.fingerprintSha256 ?? null };
  await writeWhole(join(directory, 'connection.json'), `${JSON.stringify(connection)}\n`);
  log.info({ url, boot: config.server.boot_listen, dhcp: config.dhcp.mode, data: directory }, 'rackseed is ready');
}

/** Where this machine itself reaches the API. */
export function localUrl(config: Config): string {
  const { host, port } = parseListen(config.server.listen);
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${config.server.tls ? 'https' : 'http'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
