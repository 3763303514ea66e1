// The report of a first boot: a token for one deployment, spent by the one report that it is good for, and what that report pins.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../lib/index.ts';
import { isUuid, type JsonObject, type Node, type Nodes, nodeTitle } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { fail } from './errors.ts';
import { FIRST_BOOT } from './first-boot-record.ts';

export interface Report {
  readonly hostname: string;
  /** `ssh-ed25519 AAAA…` */
  readonly hostKeys: readonly string[];
}

export interface FirstBoots {
  /** A new token; the one before it is void. */
  issue(uuid: string): Promise<string>;
  /** The node that has reported. Throws install.report_refused. */
  report(token: string, report: Report, from: string): Promise<Node>;
}

export interface FirstBootsOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
}

const SECRET_BYTES = 32;
const BY = { who: 'system', actor: 'first boot' } as const;
/** Types as OpenSSH writes them into its files of public keys. */
const KEY = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{32,2048}={0,2}$/;

export function createFirstBoots({ store, nodes, clock, random }: FirstBootsOptions): FirstBoots {
  return {
    async issue(uuid) {
      const secret = random.bytes(SECRET_BYTES).toString('base64url');
      await store.transaction(async (tx) => {
        const node = await nodes.get(uuid, tx);
        const record = { token_hash: hashOf(secret), issued_at: clock.now() };
        await nodes.update(tx, node, { driverInternalInfo: { ...node.driverInternalInfo, [FIRST_BOOT]: record } }, BY);
      });
      return `${uuid}.${secret}`;
    },

    report: (token, { hostname, hostKeys }, from) =>
      store.transaction(async (tx) => {
        const dot = token.indexOf('.');
        const [uuid, secret] = [token.slice(0, dot), token.slice(dot + 1)];
        const node = isUuid(uuid) ? await nodes.find(uuid, tx) : undefined;
        if (node === undefined || !isGood(node, secret)) throw refused();
        const keys = hostKeys.map((key) => key.split(' ').slice(0, 2).join(' ')).filter((key) => KEY.test(key));
        const record: JsonObject = { reported_at: clock.now(), hostname, from, ssh_host_keys: keys };
        await store.events.append(tx, {
          type: 'node.first_boot',
          nodeUuid: node.uuid,
          message: `${nodeTitle(node)} has booted its new system and told its SSH host keys`,
          data: { hostname, from, hostKeys: keys.map(fingerprintOf) },
        });
        return nodes.update(tx, node, { driverInternalInfo: { ...node.driverInternalInfo, [FIRST_BOOT]: record } }, BY);
      }),
  };
}

function isGood({ driverInternalInfo }: Node, secret: string): boolean {
  const record = driverInternalInfo[FIRST_BOOT];
  const hash = typeof record === 'object' && record !== null && !Array.isArray(record) ? (record as JsonObject).token_hash : undefined; // by the test
  if (typeof hash !== 'string') return false;
  const [wanted, seen] = [Buffer.from(hash), Buffer.from(hashOf(secret))];
  return wanted.length === seen.length && timingSafeEqual(wanted, seen);
}

function refused(): Error {
  return fail('install.report_refused', {
    message: 'this report of a first boot has no token that is good',
    hint: 'Each deployment has its own, for one report: deploy the machine again.',
  });
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(key: string): string {
  const [type = '', blob = ''] = key.split(' ');
  return `${type} SHA256:${createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replace(/=+$/, '')}`;
}
