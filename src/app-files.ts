// Wiring of what lies on disk: the data directory, where the key and the store are, and what the CLI on this machine reads.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { ServerCertificate } from './api/index.ts';
import { type Config, parseListen, resolveSecret } from './config/index.ts';
import { defineErrors, type ErrorCatalogue, type Log, messageOf, type Random, systemCode } from './lib/index.ts';
import type { KeySource } from './store/index.ts';

export const APP_ERRORS = {
  'app.data_dir': { status: 500, about: 'The data directory cannot be made or written.' },
  'app.auth_mode': { status: 500, about: 'The configured way of authentication is not served by this version.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(APP_ERRORS);

type Settings = { readonly config: Config; readonly env: NodeJS.ProcessEnv };

export async function ensureDataDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw fail('app.data_dir', {
      message: `the data directory ${path} cannot be made: ${messageOf(thrown)}`,
      hint: 'Set server.data_dir to a directory that this user may write, or RACKSEED_SERVER_DATA_DIR.',
      cause: thrown,
    });
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
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown;
    const id = random.uuid();
    await writeFile(path, `${id}\n`);
    return id;
  }
}

export function certificateNames(config: Config): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list = []) => list.map((one) => one.address));
  const own = config.server.public_url === undefined ? [] : [new URL(config.server.public_url).hostname];
  return [hostname(), config.server.name, ...own, ...addresses];
}

/** For the CLI on this machine: where we are and whom to trust. The token lies beside it, for its owner only. */
export async function writeConnection(config: Config, certificate: ServerCertificate | null, log: Log): Promise<void> {
  const { host, port } = parseListen(config.server.listen);
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const url = `${config.server.tls ? 'https' : 'http'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
  const directory = config.server.data_dir;
  if (certificate !== null) await writeFile(join(directory, 'server.crt'), certificate.cert);
  await writeFile(join(directory, 'connection.json'), `${JSON.stringify({ url, fingerprint: certificate?.fingerprintSha256 ?? null })}\n`);
  log.info({ url, boot: config.server.boot_listen, dhcp: config.dhcp.mode, data: directory }, 'rackseed is ready');
}
