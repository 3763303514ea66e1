// Takes secrets out of what is said: whatever a BMC, a program or a library puts into its error, the node's secrets do not leave in it.

import { RackseedError, Secret } from '../lib/index.ts';
import type { DriverInfo, SecretTree } from '../nodes/index.ts';

export type Scrub = (text: string) => string;

const MASK = '***';
/** Shorter ones would take every letter of that kind out; nobody learns a secret from one or two letters. */
const SHORTEST = 3;

/** For one machine. Also covers the forms in which secrets travel: in URLs, base64, and a user's base64 as HTTP basic has it. */
export function scrubberOf(info: DriverInfo): Scrub {
  const secrets = secretsIn(info).filter((text) => text.length >= SHORTEST);
  if (secrets.length === 0) return (text) => text;
  const users = textsIn(info);
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    base64(secret),
    ...users.map((user) => base64(`${user}:${secret}`)),
  ]);
  const longestFirst = [...new Set(forms)].toSorted((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((said, form) => said.replaceAll(form, MASK), text);
}

/** The same error without them. Its cause is kept in words only: it may hold a whole request. */
export function scrubbedError(error: RackseedError, scrub: Scrub): RackseedError {
  const { code, status, retryable, message, hint, detail, cause } = error;
  const text = JSON.stringify(detail ?? {});
  const clean = scrub(text);
  return new RackseedError(
    code,
    { status, retryable, about: '' },
    {
      message: scrub(message),
      ...(hint === undefined ? {} : { hint: scrub(hint) }),
      ...(detail === undefined ? {} : { detail: clean === text ? detail : { withheld: 'it held a secret of the node' } }),
      ...(cause instanceof Error ? { cause: new Error(scrub(cause.message)) } : {}),
    },
  );
}

function secretsIn(tree: SecretTree): string[] {
  if (tree instanceof Secret) return [tree.reveal()];
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.values(tree).flatMap((inner) => secretsIn(inner as SecretTree)); // what a SecretTree holds is one
}

/** Short plain texts at the top: one of them is the user's name. */
function textsIn(info: DriverInfo): string[] {
  return Object.values(info).filter((value): value is string => typeof value === 'string' && value.length <= 64);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
