// Who has a token: the admin token of the appliance, kept as a file for its owner and as a hash here. Knows nothing of routes.

import { createHash, timingSafeEqual } from 'node:crypto';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokens } from '../access/index.ts';
import { messageOf, type RackseedError, type Random, systemCode } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { AuthService, Identity } from './services.ts';

export interface AdminToken {
  readonly path: string;
  /** True at the first start only. */
  readonly created: boolean;
  readonly sha256: Buffer;
}

const FILE = 'admin.token';
const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
/** Others may not read it, and nobody but the owner may change it; a group may be let in to read on purpose. */
const FORBIDDEN_MODE = 0o027;

const ADMIN: Identity = { name: 'admin', role: 'admin', by: 'admin-token' };

/** The token in `<dataDir>/admin.token`: made at the first start, the same ever after. */
export async function ensureAdminToken(options: { readonly dataDir: string; readonly random: Random }): Promise<AdminToken> {
  const path = join(options.dataDir, FILE);
  const existing = await read(path);
  if (existing !== undefined) return { path, created: false, sha256: sha256(existing) };
  const token = options.random.bytes(TOKEN_BYTES).toString('base64url');
  await write(path, token);
  return { path, created: true, sha256: sha256(token) };
}

/** The appliance's own token, then those that people made. */
export function createTokenAuth(admin: AdminToken, tokens: Pick<Tokens, 'verify'>): AuthService {
  return {
    // Hashes have one length, so the comparison takes the same time for every guess.
    verify: async (token) => (timingSafeEqual(sha256(token), admin.sha256) ? ADMIN : tokens.verify(token)),
  };
}

async function read(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & FORBIDDEN_MODE) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw broken(path, `has mode ${octal}: others can read or change it`, `Run: chmod 600 ${path}`);
    }
    const token = (await readFile(path, 'utf8')).trim();
    if (!TOKEN.test(token)) throw broken(path, 'does not hold a token', 'Delete the file: the next start makes a new token.');
    return token;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    if (systemCode(thrown)?.startsWith('E') === true) throw unreachableFile(path, 'cannot be read', thrown);
    throw thrown;
  }
}

/** Written beside and renamed, so that a crash never leaves half a token. */
async function write(path: string, token: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await file.chmod(0o600); // a draft left over from a crash keeps its own mode
      await file.writeFile(`${token}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (thrown) {
    throw unreachableFile(path, 'cannot be written', thrown);
  }
}

function unreachableFile(path: string, what: string, cause: unknown): RackseedError {
  return broken(path, `${what}: ${messageOf(cause)}`, 'Give the user that runs Rackseed the data directory (server.data_dir).', cause);
}

function broken(path: string, what: string, hint: string, cause?: unknown): RackseedError {
  return fail('api.admin_token_broken', { message: `${path} ${what}`, hint, ...(cause === undefined ? {} : { cause }) });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
