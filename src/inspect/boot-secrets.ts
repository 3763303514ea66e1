// One-time secrets that bind a boot to a machine, and the tokens that agents get for them. Only hashes are kept.

import { createHash } from 'node:crypto';
import type { Clock, Mac, Random } from '../lib/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { cleanSmbiosUuid } from './identity.ts';
import type { LookupRequest } from './protocol.ts';

/** From the boot script to the agent's look-up: the download of the RAM system lies between. */
const SECRET_TTL_MS = 30 * 60_000;
/** A token dies with the boot; this is for machines that are switched off without a word. Of one that is no node it lives as long as a secret. */
const TOKEN_TTL_MS = 7 * 24 * 3_600_000;
const BYTES = 32;
/** Boots of machines that are no node yet: a network full of invented MACs must not fill the store. Old ones make room within half an hour. */
const MAX_OPEN = 10_000;

export interface AgentSession {
  readonly hash: string;
  readonly mac: Mac;
  readonly smbiosUuid: string | null;
  readonly nodeUuid: string | null;
}

export interface BootSecrets {
  issue(mac: Mac, smbiosUuid: string | null): Promise<string>;
  spend(request: LookupRequest): Promise<{ readonly token: string; readonly session: AgentSession }>;
  sessionOf(token: string): Promise<AgentSession>;
  bindNode(tx: Tx, session: AgentSession, nodeUuid: string): Promise<void>;
}

export interface BootSecretsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly maxOpenSecrets?: number;
}

export function createBootSecrets({ store, clock, random, maxOpenSecrets = MAX_OPEN }: BootSecretsOptions): BootSecrets {
  const fresh = (): string => random.bytes(BYTES).toString('base64url');

  async function refuseReplay(mac: string): Promise<never> {
    const message = `a second look-up with the spent boot secret of ${mac}: somebody else has read its boot script`;
    await store.transaction((tx) =>
      store.events.append(tx, { type: 'inspect.secret_replayed', severity: 'warning', message, data: { mac } }),
    );
    throw fail('inspect.secret_replayed', {
      message,
      hint: 'If this is the machine itself, boot it again. If it is not, look for a strange machine on the provisioning network.',
    });
  }

  return {
    async issue(mac, smbiosUuid) {
      const secret = fresh();
      const now = clock.now();
      const row = { hash: sha256(secret), mac, smbios_uuid: smbiosUuid, created_at: now, expires_at: now + SECRET_TTL_MS };
      await store.transaction(async (tx) => {
        await tx.deleteFrom('boot_secrets').where('expires_at', '<=', now).execute();
        // A machine boots once at a time: a secret that was never spent is void when it asks again. This also bounds the table.
        await tx.deleteFrom('boot_secrets').where('mac', '=', mac).where('spent_at', 'is', null).execute();
        await checkRoom(tx, maxOpenSecrets);
        await tx
          .insertInto('boot_secrets')
          .values({ ...row, spent_at: null, claim_hash: null, token_hash: null, node_uuid: null })
          .execute();
      });
      return secret;
    },

    async spend({ secret, claim, macs, smbiosUuid }) {
      const hash = sha256(secret);
      const now = clock.now();
      const token = fresh();
      const outcome = await store.transaction(async (tx) => {
        const row = await tx.selectFrom('boot_secrets').selectAll().where('hash', '=', hash).executeTakeFirst();
        if (row === undefined || row.expires_at <= now || !macs.includes(row.mac)) return 'unknown' as const;
        // Both ends clean what firmware says by the same rules.
        if (row.smbios_uuid !== null && row.smbios_uuid !== cleanSmbiosUuid(smbiosUuid)) return 'unknown' as const;
        if (row.spent_at !== null && row.claim_hash !== sha256(claim)) return { replayed: row.mac };
        const lives = row.node_uuid === null ? SECRET_TTL_MS : TOKEN_TTL_MS;
        const set = { spent_at: row.spent_at ?? now, claim_hash: sha256(claim), token_hash: sha256(token), expires_at: now + lives };
        await tx.updateTable('boot_secrets').set(set).where('hash', '=', hash).execute();
        await tx.deleteFrom('boot_secrets').where('mac', '=', row.mac).where('hash', '!=', hash).execute();
        return { session: sessionFrom(row) };
      });
      if (outcome === 'unknown') throw secretRefused();
      if ('replayed' in outcome) return refuseReplay(outcome.replayed);
      return { token, session: outcome.session };
    },

    async sessionOf(token) {
      const row = await store.db.selectFrom('boot_secrets').selectAll().where('token_hash', '=', sha256(token)).executeTakeFirst();
      if (row === undefined || row.expires_at <= clock.now()) {
        throw fail('inspect.token_refused', {
          message: 'this agent token is not (or no longer) valid',
          hint: 'Boot the machine again: each boot gets its own token.',
        });
      }
      return sessionFrom(row);
    },

    async bindNode(tx, session, nodeUuid) {
      // A machine runs one agent: those of its boots before, by whichever port, have nothing more to say.
      await tx
        .deleteFrom('boot_secrets')
        .where('node_uuid', '=', nodeUuid)
        .where('hash', '!=', session.hash)
        .where('token_hash', 'is not', null)
        .execute();
      await tx
        .updateTable('boot_secrets')
        .set({ node_uuid: nodeUuid, expires_at: clock.now() + TOKEN_TTL_MS })
        .where('hash', '=', session.hash)
        .execute();
    },
  };
}

async function checkRoom(tx: Tx, max: number): Promise<void> {
  const { open } = await tx
    .selectFrom('boot_secrets')
    .select((eb) => eb.fn.countAll<number>().as('open'))
    .where('node_uuid', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(open) < max) return;
  throw fail('inspect.too_many_boots', {
    message: `${open} machines have asked for the agent within half an hour and not reported: more are not remembered`,
    hint: 'If they are not yours, somebody invents MACs on the provisioning network: rackseed enrol close. Otherwise wait and boot again.',
  });
}

function secretRefused(): Error {
  return fail('inspect.secret_refused', {
    message: 'this boot secret is not valid for this machine',
    hint: 'Boot the machine again: each boot gets its own secret, valid for 30 minutes.',
  });
}

function sessionFrom(row: { hash: string; mac: string; smbios_uuid: string | null; node_uuid: string | null }): AgentSession {
  return { hash: row.hash, mac: row.mac as Mac, smbiosUuid: row.smbios_uuid, nodeUuid: row.node_uuid }; // issue() stored a Mac
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
