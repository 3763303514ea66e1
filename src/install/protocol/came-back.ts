// Machines that ask for a boot script again when there is nothing for them to go on with. Anybody on the network can ask so in a machine's
// name, so it ends nothing: people are told, and when the installation comes to a halt it is part of the reason.

import type { Clock } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import type { InstallBook } from './book.ts';
import type { InstallationRecord } from './record.ts';
import { INSTALLER_BOOTS_MAX, waitsForAnswer } from './stages-decide.ts';

export interface CameBacks {
  note(uuid: string, reason: string): Promise<void>;
  /** When it did so last, at the stage in which it is; null: not as far as is known. */
  at(row: InstallationRecord): Promise<number | null>;
}

interface Told {
  readonly count: number;
  readonly toldAt: number;
  readonly at: number;
}

const TYPE = 'install.came_back';
/** People are told so often of one installation, and not more often than that. */
const TOLD_MAX = 5;
const EVERY_MS = 60_000;
/** Installations; beyond it the one that was heard of longest ago is told of anew. */
const FOLLOWED = 1000;
const MEANS =
  'If that was the machine, its installer failed or it was restarted: look at its screen. If it was somebody else, the installation goes on';

export function createCameBacks(store: Pick<Store, 'db'>, clock: Clock, change: InstallBook['change']): CameBacks {
  const told = new Map<string, Told>();

  function remember(uuid: string, value: Told): void {
    told.delete(uuid);
    told.set(uuid, value);
    const oldest = told.keys().next();
    if (told.size > FOLLOWED && oldest.done !== true) told.delete(oldest.value);
  }

  return {
    async note(uuid, reason) {
      const [now, before] = [clock.now(), told.get(uuid)];
      const isTold = before === undefined || (before.count < TOLD_MAX && Math.abs(now - before.toldAt) >= EVERY_MS);
      const count = (before?.count ?? 0) + (isTold ? 1 : 0);
      remember(uuid, { count, toldAt: isTold ? now : before.toldAt, at: now });
      if (!isTold) return;
      const message = `it asked for its boot script again: ${reason}. ${MEANS}`;
      const event = { type: TYPE, severity: 'warning', message, data: { at: now } } as const;
      await change(uuid, async (_, row) => ({ result: undefined, events: row.endedAt === null ? [event] : [] }));
    },
    async at(row) {
      const mayBe = row.stage === 'answered' || (waitsForAnswer(row.stage) && row.boots >= INSTALLER_BOOTS_MAX);
      if (!mayBe) return null;
      const at = told.get(row.uuid)?.at ?? (await lastTold(store, row));
      return at === null || (row.stage === 'answered' && at < row.stageAt) ? null : at;
    },
  };
}

/** Over a restart. */
async function lastTold({ db }: Pick<Store, 'db'>, { uuid, nodeUuid }: InstallationRecord): Promise<number | null> {
  const of = db.selectFrom('events').select('data').where('node_uuid', '=', nodeUuid).where('type', '=', TYPE);
  const rows = await of.orderBy('seq', 'desc').limit(TOLD_MAX).execute();
  const last = rows.find(({ data }) => data.includes(`"installation":"${uuid}"`));
  const { at } = JSON.parse(last?.data ?? '{}') as { readonly at?: unknown }; // written above
  return typeof at === 'number' ? at : null;
}
