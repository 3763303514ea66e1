// How far the installation of a node came, in the store: it must outlive us, since a counter that forgets lets a machine install itself
// in a loop. One row per node; a new deployment begins it anew.

import type { Clock } from '../lib/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { type InstallProgress, NOT_BEGUN } from './decide/install-decide.ts';

export interface InstallBook {
  get(nodeUuid: string, deployment: string): Promise<InstallProgress>;
  /** Counts a boot of the installer, before it is sent. Gives the progress with it. */
  countBoot(nodeUuid: string, deployment: string): Promise<InstallProgress>;
  mark(tx: Tx, nodeUuid: string, deployment: string, what: 'answerServed' | 'done'): Promise<void>;
}

type Row = InstallProgress & { readonly deployment: string };

export function createInstallBook({ store, clock }: { readonly store: Store; readonly clock: Clock }): InstallBook {
  const keyOf = (nodeUuid: string): string => `install.${nodeUuid}`;

  async function read(on: Tx | Store['db'], nodeUuid: string, deployment: string): Promise<InstallProgress> {
    const row = await on.selectFrom('settings').select('value').where('key', '=', keyOf(nodeUuid)).executeTakeFirst();
    const stored = row === undefined ? undefined : parseRow(row.value);
    if (stored?.deployment !== deployment) return NOT_BEGUN;
    return { boots: stored.boots, answerServed: stored.answerServed, done: stored.done };
  }

  async function write(tx: Tx, nodeUuid: string, row: Row): Promise<void> {
    const values = { key: keyOf(nodeUuid), value: JSON.stringify(row), updated_at: clock.now() };
    await tx
      .insertInto('settings')
      .values(values)
      .onConflict((c) => c.column('key').doUpdateSet({ value: values.value, updated_at: values.updated_at }))
      .execute();
  }

  return {
    get: (nodeUuid, deployment) => read(store.db, nodeUuid, deployment),
    countBoot: (nodeUuid, deployment) =>
      store.transaction(async (tx) => {
        const before = await read(tx, nodeUuid, deployment);
        const progress = { ...before, boots: before.boots + 1 };
        await write(tx, nodeUuid, { ...progress, deployment });
        return progress;
      }),
    async mark(tx, nodeUuid, deployment, what) {
      await write(tx, nodeUuid, { ...(await read(tx, nodeUuid, deployment)), [what]: true, deployment });
    },
  };
}

/** Only write() above makes these rows; one that cannot be read counts as used up, since to forget is the dangerous side. */
function parseRow(text: string): Row | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('deployment' in value) || typeof value.deployment !== 'string') return undefined;
  const boots = 'boots' in value && typeof value.boots === 'number' ? value.boots : Number.MAX_SAFE_INTEGER;
  return {
    deployment: value.deployment,
    boots,
    answerServed: 'answerServed' in value && value.answerServed === true,
    done: 'done' in value && value.done === true,
  };
}
