// HTTP basic: name and password in each request, as Ironic's http_basic takes them. What was right is remembered for a while, as a keyed
// hash, so that a client that sends them with each request waits for bcrypt once.

import { createHmac } from 'node:crypto';
import type { Clock, Random } from '../lib/index.ts';
import type { Bcrypt } from './bcrypt.ts';
import { fail } from './errors.ts';
import type { HtpasswdFile } from './htpasswd-file.ts';
import type { Identity } from './identity.ts';
import type { Throttle } from './throttle.ts';

export interface BasicCredentials {
  readonly name: string;
  readonly password: string;
}

export interface BasicAuth {
  /** Throws access.wrong_credentials and access.too_many_attempts. */
  verify(credentials: BasicCredentials, address: string): Promise<Identity>;
}

export interface BasicOptions {
  readonly file: HtpasswdFile;
  readonly bcrypt: Pick<Bcrypt, 'isRight'>;
  readonly throttle: Throttle;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly random: Random;
  /** What a user of the file may. */
  readonly identityOf: (name: string) => Identity;
}

const REMEMBERED = 256;
const REMEMBERED_MS = 600_000;
const KEY_BYTES = 32;
const MAX_NAME = 255;
/** Of nobody's password. */
const NOBODY = '$2b$10$abcdefghijklmnopqrstuu5Lsz0xSF5kOR3T1xR7j8WqTtbSUmZ3C';

/** `name:password` in base64; undefined for anything else. */
export function parseBasic(encoded: string): BasicCredentials | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const text = utf8(Buffer.from(encoded, 'base64'));
  const colon = text?.indexOf(':') ?? -1;
  return text === undefined || colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

export function createBasicAuth({ file, bcrypt, throttle, clock, random, identityOf }: BasicOptions): BasicAuth {
  const key = random.bytes(KEY_BYTES);
  const right = new Map<string, number>();
  const underWay = new Map<string, Promise<boolean>>();

  async function check(name: string, password: string, hash: string | undefined, address: string): Promise<boolean> {
    throttle.attempt(name.slice(0, MAX_NAME), address);
    // An unknown name takes as long as a known one: the cost is that of the file.
    const [anybody = NOBODY] = (await file.users()).values();
    const isRight = (await bcrypt.isRight(password, hash ?? anybody)) && hash !== undefined;
    if (isRight) throttle.succeeded(name.slice(0, MAX_NAME), address);
    return isRight;
  }

  return {
    verify: async ({ name, password }, address) => {
      const hash = (await file.users()).get(name);
      // The hash is part of it: a changed or removed line of the file forgets at once.
      const proof = createHmac('sha256', key)
        .update(JSON.stringify([name, password, hash ?? null]))
        .digest('base64');
      const until = right.get(proof);
      if (hash !== undefined && until !== undefined && until > clock.monotonic()) return identityOf(name);
      // A client that opens with twenty requests at once is checked once.
      const asked = `${proof} ${address}`;
      const checking =
        underWay.get(asked) ??
        check(name, password, hash, address).finally(() => {
          underWay.delete(asked);
        });
      underWay.set(asked, checking);
      if (!(await checking)) throw fail('access.wrong_credentials', { message: 'Incorrect username or password' });
      remember(right, proof, clock.monotonic() + REMEMBERED_MS);
      return identityOf(name);
    },
  };
}

function remember(right: Map<string, number>, proof: string, until: number): void {
  right.delete(proof);
  right.set(proof, until);
  const oldest = right.keys().next();
  if (right.size > REMEMBERED && oldest.done !== true) right.delete(oldest.value);
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // as bad as no base64, and said so by the caller
  }
}
