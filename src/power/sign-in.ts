// Signs in to a new system as root with the appliance's key, and believes nobody but who has one of the host keys that its installation told.
// Knows no nodes.

import { assert, type ErrorDetails } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { ApplianceKey } from './ssh.ts';
import { type AskSsh, fingerprintOfLine, type SshEnd } from './ssh-session.ts';

export interface SignInOrder {
  /** For messages. */
  readonly title: string;
  /** Tried in this order. */
  readonly addresses: readonly string[];
  /** As a known_hosts file has them behind the name: "ssh-ed25519 AAAA…". */
  readonly hostKeys: readonly string[];
  readonly port?: number;
  readonly signal: AbortSignal;
}

export type SignIn = (order: SignInOrder) => Promise<{ readonly address: string; readonly system: string }>;

/** Fixed. Of systems other than Proxmox VE the second one is not there. */
const WHAT_RUNS = 'uname -srm; pveversion 2>/dev/null || true';
const TIMEOUT_MS = 10_000;
const ADDRESSES_MAX = 8;
const SYSTEM_MAX = 200;

export function createSignIn({ key, ask }: { readonly key: ApplianceKey; readonly ask: AskSsh }): SignIn {
  return async ({ title, addresses, hostKeys, port = 22, signal }) => {
    const trusted = hostKeys.flatMap((line) => fingerprintOfLine(line) ?? []);
    if (trusted.length === 0) throw noKeys(title);
    if (addresses.length === 0) throw noAddress(title);
    const privateKey = (await key.privateKey()).reveal();
    const failures: Failure[] = [];
    for (const host of addresses.slice(0, ADDRESSES_MAX)) {
      const session = { host, port, username: 'root', privateKey, password: undefined, hostKey: trusted };
      const end = await ask({ ...session, command: WHAT_RUNS, timeoutMs: TIMEOUT_MS, signal });
      if (end.is === 'done') return { address: host, system: systemIn(end.said) };
      failures.push(await failureOf(end, `${title} at ${host}`, key));
    }
    throw worstOf(failures);
  };
}

function systemIn(said: string): string {
  const lines = said.split('\n').map((line) => line.replaceAll(/[^\x20-\x7e]/g, '').trim());
  return lines
    .filter((line) => line !== '')
    .join(', ')
    .slice(0, SYSTEM_MAX);
}

interface Failure extends ErrorDetails {
  readonly code: (typeof RANKS)[number];
}

/** What is nearest to success first. One that may be another machine counts only when the right one can appear at no other address. */
const RANKS = ['power.refused', 'power.unreachable', 'power.not_trusted'] as const;

async function failureOf(end: Exclude<SshEnd, { is: 'done' }>, who: string, key: ApplianceKey): Promise<Failure> {
  switch (end.is) {
    case 'other-key':
      return {
        code: 'power.not_trusted',
        message: `who answers SSH for ${who} has none of the host keys that its installation told: ${end.hostKey}`,
        hint: 'Somebody else has its address, or its system was installed again by other hands: look who answers there.',
        detail: { hostKey: end.hostKey },
      };
    case 'denied':
      return {
        code: 'power.refused',
        message: `${who} has the right host key and did not let us in: ${end.said.slice(0, 200)}`,
        hint: `Put this line into /root/.ssh/authorized_keys: ${await key.publicLine()}`,
      };
    default:
      return {
        code: 'power.unreachable',
        message: `${who} does not answer SSH: ${end.said.slice(0, 200)}`,
        hint: 'Look whether its address can be reached from the appliance, and sshd runs.',
      };
  }
}

function worstOf(failures: readonly Failure[]): Error {
  const [first, ...others] = failures.toSorted((one, other) => RANKS.indexOf(one.code) - RANKS.indexOf(other.code));
  assert(first !== undefined, 'no address was tried');
  const { code, ...details } = first;
  return fail(code, { ...details, message: [first, ...others].map(({ message }) => message).join('; ') });
}

function noKeys(title: string): Error {
  return fail('power.not_trusted', {
    message: `no SSH host keys of ${title} are known, so that nobody could be told from it`,
    hint: 'Its installer or its first boot should have told them: look at its installation with: rackseed node install NODE',
  });
}

function noAddress(title: string): Error {
  return fail('power.unreachable', {
    message: `no address of ${title} is known: neither its plan nor its first boot told one`,
    hint: 'Look at its screen for the address that it has.',
  });
}
