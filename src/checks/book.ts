// The results of tests, in the store: so many of a node are kept.

import type { SelectQueryBuilder } from 'kysely';
import type { Clock, Random } from '../lib/index.ts';
import type { Asked, Database, Tx } from '../store/index.ts';
import type { Figures } from './compare-decide.ts';

export const CHECK_KINDS = ['benchmark', 'burn-in', 'rehearse'] as const;
export type CheckKind = (typeof CHECK_KINDS)[number];
export const VERDICTS = ['good', 'warning', 'bad'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Check {
  readonly id: string;
  readonly kind: string;
  readonly verdict: string;
  readonly message: string;
  readonly figures: Figures;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** health: the quick look at each report, which nobody asks for. */
export type NewCheck = Omit<Check, 'id' | 'finishedAt' | 'kind' | 'verdict'> & {
  readonly kind: CheckKind | 'health';
  readonly verdict: Verdict;
};

const KEPT = 100;
const MESSAGE_MAX = 4000;
const OTHERS_MAX = 500;

export async function writeCheck(
  tx: Tx,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  nodeUuid: string,
  check: NewCheck,
): Promise<void> {
  const now = clock.now();
  const { kind, verdict, startedAt } = check;
  const row = { id: random.uuid(), node_uuid: nodeUuid, kind, verdict, message: check.message.slice(0, MESSAGE_MAX) };
  const times = { started_at: startedAt, finished_at: now, created_at: now, updated_at: now };
  await tx
    .insertInto('node_checks')
    .values({ ...row, ...times, figures: JSON.stringify(check.figures) })
    .execute();
  await trim(tx, tx.selectFrom('node_checks').select('id').where('node_uuid', '=', nodeUuid), KEPT);
}

/** Of one kind fewer are kept than of all. */
export async function trimKind(tx: Tx, nodeUuid: string, kind: NewCheck['kind'], kept: number): Promise<void> {
  await trim(tx, tx.selectFrom('node_checks').select('id').where('node_uuid', '=', nodeUuid).where('kind', '=', kind), kept);
}

async function trim(tx: Tx, rows: SelectQueryBuilder<Database, 'node_checks', { id: string }>, kept: number): Promise<void> {
  const old = await rows.orderBy('finished_at', 'desc').orderBy('id').offset(kept).limit(KEPT).execute();
  const ids = old.map(({ id }) => id);
  if (ids.length > 0) await tx.deleteFrom('node_checks').where('id', 'in', ids).execute();
}

export async function newestCheck(
  db: Asked,
  nodeUuid: string,
  kind: NewCheck['kind'],
): Promise<{ readonly verdict: string; readonly message: string } | null> {
  const rows = db.selectFrom('node_checks').select(['verdict', 'message']).where('node_uuid', '=', nodeUuid).where('kind', '=', kind);
  return (await rows.orderBy('finished_at', 'desc').orderBy('id').limit(1).executeTakeFirst()) ?? null;
}

/** The newest first. */
export async function checksOf(db: Asked, nodeUuid: string, limit: number): Promise<Check[]> {
  const rows = db.selectFrom('node_checks').selectAll().where('node_uuid', '=', nodeUuid);
  const found = await rows.orderBy('finished_at', 'desc').orderBy('id').limit(limit).execute();
  return found.map((row) => ({
    id: row.id,
    kind: row.kind,
    verdict: row.verdict,
    message: row.message,
    figures: figuresIn(row.figures),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }));
}

/** Of each other node its newest of that kind. */
export async function newestOfOthers(
  db: Asked,
  nodeUuid: string,
  kind: CheckKind,
): Promise<{ readonly nodeUuid: string; readonly figures: Figures }[]> {
  const rows = db.selectFrom('node_checks').select(['node_uuid', 'figures']).where('kind', '=', kind).where('node_uuid', '!=', nodeUuid);
  const newest = new Map<string, Figures>();
  for (const row of await rows.orderBy('finished_at', 'desc').limit(OTHERS_MAX).execute())
    if (!newest.has(row.node_uuid)) newest.set(row.node_uuid, figuresIn(row.figures));
  return [...newest].map(([uuid, figures]) => ({ nodeUuid: uuid, figures }));
}

function figuresIn(text: string): Figures {
  return JSON.parse(text) as Figures; // written by writeCheck
}
