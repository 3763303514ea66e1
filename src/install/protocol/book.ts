// How far each installation came, in the store: a machine that forgot would install itself in a loop. Every move is one transaction with its
// event; stages go forward only, but for a new boot of the installer before its answer was served.

import { assert, type Clock, type Log, messageOf, type Random, type Vigil } from '../../lib/index.ts';
import type { Nodes } from '../../nodes/index.ts';
import type { EventInput, InstallationTable, Store, Tx } from '../../store/index.ts';
import type { Installation, InstallPlan } from '../seam.ts';
import { beginInstallation } from './begin.ts';
import { createCameBacks } from './came-back.ts';
import { fail } from './errors.ts';
import { createProgress } from './progress.ts';
import { type InstallationRecord, recordOf } from './record.ts';
import { hashOf, type InstallSecrets, isSecret, openSecrets } from './secrets.ts';
import { eventOfStage, INSTALLER_BOOTS_MAX, isBefore, waitsForAnswer } from './stages-decide.ts';

export type SecretOf = 'answer' | 'hook' | 'firstBoot';

/** What the mode file in the ISO names. */
export interface ModeFileParts {
  readonly url: string;
  /** SHA-256 of the certificate in hexadecimal; null: plain HTTP. */
  readonly fingerprint: string | null;
  readonly token: string;
}

export interface InstallBook {
  /** Called again for the same deployment it gives the same installation. Those of the node that are under way are void from now on. */
  begin(order: { readonly nodeUuid: string; readonly deployment: string; readonly plan: InstallPlan }): Promise<InstallationRecord>;
  /** From now on the machine may boot the installer. Throws install.over. */
  arm(uuid: string): Promise<InstallationRecord>;
  get(uuid: string): Promise<InstallationRecord>;
  ofDeployment(nodeUuid: string, deployment: string): Promise<InstallationRecord | undefined>;
  /** The newest of the node, also one that failed. */
  current(nodeUuid: string): Promise<InstallationRecord | undefined>;
  /** The newest of the node whose installer had its answer: its disks hold the last system, as far as it came. */
  lastAnswered(nodeUuid: string): Promise<InstallationRecord | undefined>;
  byBootId(bootId: string): Promise<InstallationRecord | undefined>;
  bySecret(which: SecretOf, secret: string): Promise<InstallationRecord | undefined>;
  /** Stored before the script goes out. A boot beyond the last that is allowed throws install.over. */
  countBoot(uuid: string): Promise<InstallationRecord>;
  /** So many bytes of a file went out. Cheap to call often. */
  fetched(bootId: string, what: 'kernel' | 'initrd' | 'iso', bytes: number, total: number): Promise<void>;
  /** How many bytes a second the ISO goes at; null: not now. */
  isoRate(uuid: string): number | null;
  /** `base`: the appliance as the machine reaches it. */
  modeFile(uuid: string, base: string): Promise<ModeFileParts>;
  secrets(uuid: string): Promise<InstallSecrets>;
  reached(uuid: string, words: string): Promise<void>;
  /** Somebody asked for a boot script in the machine's name, and there is none: it is told, and changes nothing. */
  cameBack(uuid: string, reason: string): Promise<void>;
  /** When that was last, at the stage in which it is; null: not as far as is known. */
  cameBackAt(row: InstallationRecord): Promise<number | null>;
  /** For how many milliseconds nothing was heard of the machine while we listened. */
  silence(row: Pick<InstallationRecord, 'signAt'>): number;
  /** The deployment goes no further. Not told as a failure where it had come to its end. */
  abandon(nodeUuid: string, deployment: string, reason: string): Promise<void>;
  /** Does one that is under way need this installer? */
  uses(installer: string): Promise<boolean>;
  /** One transaction on the record as it is now; `after` runs when it is stored. For whoever answers the machine. */
  change<T>(uuid: string, act: (tx: Tx, row: InstallationRecord) => Promise<Change<T>>): Promise<T>;
}

export interface Change<T> {
  readonly result: T;
  readonly set?: Partial<Omit<InstallationTable, 'uuid' | 'node_uuid' | 'deployment'>>;
  readonly events?: readonly Pick<EventInput, 'type' | 'message' | 'severity' | 'data'>[];
  /** look: the deployment may go on; sign: the machine lives. */
  readonly wake?: 'look' | 'sign';
}

export interface BookOptions {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** SHA-256 of our certificate in hexadecimal; null: plain HTTP. */
  readonly fingerprint: string | null;
  /** Who counts silence. */
  readonly vigil: Pick<Vigil, 'silence'>;
  /** After a move was stored: the deployment looks again, or its timeout starts anew. */
  readonly onMove: (nodeUuid: string, what: 'look' | 'sign') => Promise<void>;
}

const HASHES = { answer: 'answer_hash', hook: 'hook_hash', firstBoot: 'first_boot_hash' } as const;

export function createInstallBook(options: BookOptions): InstallBook {
  const { store, clock, log } = options;
  const progress = createProgress(clock);

  async function find(on: Tx | Store['db'], column: FindColumn, value: string): Promise<InstallationRecord | undefined> {
    const row = await on.selectFrom('installations').selectAll().where(column, '=', value).executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }

  async function need(on: Tx | Store['db'], uuid: string): Promise<InstallationRecord> {
    const found = await find(on, 'uuid', uuid);
    if (found !== undefined) return found;
    throw fail('install.no_installation', { message: `there is no installation ${uuid}` });
  }

  async function wake(nodeUuid: string, what: 'look' | 'sign'): Promise<void> {
    try {
      await options.onMove(nodeUuid, what);
    } catch (thrown) {
      // It is stored, and whoever waits looks again by itself.
      log.warn({ node: nodeUuid, error: messageOf(thrown) }, 'the deployment was not woken by its installation');
    }
  }

  const change: InstallBook['change'] = async (uuid, act) => {
    const { made, nodeUuid } = await store.transaction(async (tx) => {
      const row = await need(tx, uuid);
      const made = await act(tx, row);
      if (made.set !== undefined) {
        // When the machine was last heard of: what strangers ask is no sign of it.
        const values = { ...made.set, ...(made.wake === undefined ? {} : { updated_at: clock.now() }) };
        await tx.updateTable('installations').set(values).where('uuid', '=', uuid).execute();
      }
      for (const event of made.events ?? [])
        await store.events.append(tx, { ...event, nodeUuid: row.nodeUuid, data: { ...event.data, installation: uuid } });
      return { made, nodeUuid: row.nodeUuid };
    });
    // The machine has its answer before anybody goes on with that.
    if (made.wake !== undefined) void wake(nodeUuid, made.wake);
    return made.result;
  };

  const cameBacks = createCameBacks(store, clock, change);

  const book: InstallBook = {
    begin: (order) => beginInstallation(options, order),
    arm: (uuid) =>
      moved(book, uuid, async (_, row) => {
        refuseOver(row);
        if (row.stage !== 'prepared') return { result: undefined };
        const message = 'its disks are ready and its answer was proven: from now on it is booted into the installer';
        return { result: undefined, set: { stage: 'armed', stage_at: clock.now() }, events: [{ type: eventOfStage('armed'), message }] };
      }),
    get: (uuid) => need(store.db, uuid),
    ofDeployment: async (nodeUuid, deployment) => {
      const row = store.db.selectFrom('installations').selectAll().where('node_uuid', '=', nodeUuid).where('deployment', '=', deployment);
      const found = await row.executeTakeFirst();
      return found === undefined ? undefined : recordOf(found);
    },
    current: async (nodeUuid) => {
      const of = store.db.selectFrom('installations').selectAll().where('node_uuid', '=', nodeUuid);
      const rows = await of.orderBy('created_at', 'desc').limit(2).execute();
      // At most one is under way.
      const found = rows.find((row) => row.ended_at === null) ?? rows[0];
      return found === undefined ? undefined : recordOf(found);
    },
    lastAnswered: async (nodeUuid) => {
      const of = store.db.selectFrom('installations').selectAll().where('node_uuid', '=', nodeUuid).where('answered_at', 'is not', null);
      const row = await of.orderBy('answered_at', 'desc').executeTakeFirst();
      return row === undefined ? undefined : recordOf(row);
    },
    byBootId: (bootId) => find(store.db, 'boot_id', bootId),
    bySecret: async (which, secret) => (isSecret(secret) ? find(store.db, HASHES[which], hashOf(secret)) : undefined),
    countBoot: (uuid) =>
      moved(book, uuid, async (_, row) => {
        refuseOver(row);
        if (!waitsForAnswer(row.stage)) throw noMoreBoots(row);
        // Nothing was loaded by the script before: whoever asks again has booted nothing since.
        if (row.stage === 'script') return { result: undefined };
        if (row.boots >= INSTALLER_BOOTS_MAX) throw noMoreBoots(row);
        progress.forget(row.bootId);
        const boots = row.boots + 1;
        return {
          result: undefined,
          set: { stage: 'script', stage_at: clock.now(), boots, iso_bytes: 0, iso_total: 0 },
          events: [
            {
              type: eventOfStage('script'),
              message: `its installer is booted (boot ${boots} of at most ${INSTALLER_BOOTS_MAX})`,
              data: { boot: boots },
            },
          ],
          wake: 'sign',
        };
      }),
    fetched: async (bootId, what, bytes, total) => {
      if (!progress.isNews(bootId, what, bytes, total)) return;
      const found = await find(store.db, 'boot_id', bootId);
      if (found === undefined || found.endedAt !== null) return;
      await change(found.uuid, async (_, row) => progress.changeFor(row, { what, bytes, total }));
    },
    isoRate: (uuid) => progress.rateOf(uuid),
    modeFile: async (uuid, base) => {
      const { answer } = await book.secrets(uuid);
      return { url: `${base.replace(/\/$/, '')}/install/answer/${answer}`, fingerprint: options.fingerprint, token: `${uuid}:${answer}` };
    },
    secrets: async (uuid) => {
      const row = await store.db.selectFrom('installations').select(['secrets']).where('uuid', '=', uuid).executeTakeFirst();
      if (row === undefined || row.secrets === '') throw fail('install.over', { message: `installation ${uuid} is over` });
      return openSecrets(store.vault, uuid, row.secrets);
    },
    reached: async (uuid, words) => {
      await change(uuid, async (_, row) => {
        if (row.stage === 'reached') return { result: undefined };
        refuseOver(row);
        const now = clock.now();
        const message = `the installed system was reached: ${words}`;
        return {
          result: undefined,
          set: { stage: 'reached', stage_at: now, ended_at: now, secrets: '' },
          events: [{ type: eventOfStage('reached'), message }],
        };
      });
    },
    cameBack: (uuid, reason) => cameBacks.note(uuid, reason),
    cameBackAt: (row) => cameBacks.at(row),
    silence: ({ signAt }) => options.vigil.silence(signAt),
    abandon: async (nodeUuid, deployment, reason) => {
      const found = await book.ofDeployment(nodeUuid, deployment);
      if (found !== undefined) await change(found.uuid, async (_, row) => givenUp(row, reason, clock.now()));
    },
    uses: async (installer) => {
      const open = await store.db.selectFrom('installations').select('plan').where('ended_at', 'is', null).execute();
      return open.some(({ plan }) => plan.includes(`"installer":${JSON.stringify(installer)}`));
    },
    change,
  };
  return book;
}

type FindColumn = 'uuid' | 'boot_id' | 'answer_hash' | 'hook_hash' | 'first_boot_hash';

/** The record as it is after the change. */
async function moved(
  book: Pick<InstallBook, 'change' | 'get'>,
  uuid: string,
  act: (tx: Tx, row: InstallationRecord) => Promise<Change<undefined>>,
): Promise<InstallationRecord> {
  await book.change(uuid, act);
  return book.get(uuid);
}

function givenUp({ endedAt }: InstallationRecord, reason: string, now: number): Change<undefined> {
  if (endedAt !== null) return { result: undefined };
  const message = `the installation was given up: ${reason}`;
  const set = { stage: 'failed', stage_at: now, failure: message, ended_at: now, secrets: '' };
  return { result: undefined, set, events: [{ type: 'install.abandoned', message, severity: 'warning' }] };
}

export function refuseOver({ uuid, endedAt, failure }: Pick<InstallationRecord, 'uuid' | 'endedAt' | 'failure'>): void {
  if (endedAt === null) return;
  throw fail('install.over', {
    message: `installation ${uuid} is over: ${failure ?? 'the installed system was reached'}`,
    hint: 'Deploy the node again for a new one.',
  });
}

function noMoreBoots({ stage, boots }: Pick<Installation, 'stage' | 'boots'>): Error {
  assert(stage !== 'failed', 'a failed installation is over');
  const message =
    stage === 'prepared'
      ? 'the installer is not to be booted yet: its answer was not proven'
      : isBefore('iso', stage)
        ? 'its installer got its answer already: it is not installed a second time by itself'
        : `its installer was booted ${boots} times and never asked for its answer`;
  return fail('install.over', { message, hint: 'Deploy the node again for a new installation.' });
}
