// An installation as people see it: where it stands, and its timeline from the event log. Has no secrets in it.

import type { Clock } from '../../lib/index.ts';
import type { JsonObject, Nodes } from '../../nodes/index.ts';
import type { Store } from '../../store/index.ts';
import type { InstallBook } from './book.ts';
import { handsOf } from './boot-orders.ts';
import { fail } from './errors.ts';
import { standingOf } from './standing-decide.ts';

export interface InstallationView {
  readonly uuid: string;
  readonly nodeUuid: string;
  readonly stage: string;
  readonly stageAt: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly heardAt: number;
  readonly profile: string;
  readonly installer: string;
  readonly fqdn: string;
  readonly address: string | null;
  readonly filesystem: string;
  readonly raid: string;
  readonly disks: readonly string[];
  readonly boots: number;
  readonly isoBytes: number;
  readonly isoTotal: number;
  readonly isoBytesPerSecond: number | null;
  readonly fraction: number;
  readonly text: string;
  readonly stall: { readonly cause: string; readonly next: string } | null;
  readonly failure: string | null;
  /** What somebody has to do on the machine itself; null: nothing. */
  readonly needsHands: string | null;
  readonly installed: JsonObject | null;
  readonly firstBoot: JsonObject | null;
  readonly timeline: readonly TimelineEntry[];
}

export interface TimelineEntry {
  readonly at: number;
  readonly type: string;
  readonly severity: string;
  readonly message: string;
}

export interface ViewOptions {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get'>;
  readonly book: InstallBook;
  readonly clock: Clock;
  readonly stallMs: number;
}

const TIMELINE = 200;

export function createViews({ store, nodes, book, clock, stallMs }: ViewOptions): (nodeUuid: string) => Promise<InstallationView> {
  return async (nodeUuid) => {
    const row = await book.current(nodeUuid);
    if (row === undefined)
      throw fail('install.no_installation', {
        message: 'no installer was ever prepared for this node',
        hint: 'Its deployment does that, when its profile is os = "proxmox".',
      });
    const rate = row.stage === 'iso' ? book.isoRate(row.uuid) : null;
    const [silence, cameBackAt] = [book.silence(row), await book.cameBackAt(row)];
    const { fraction, text, stall } = standingOf({ row, rate, silence, cameBackAt, now: clock.now(), stallMs });
    return {
      uuid: row.uuid,
      nodeUuid: row.nodeUuid,
      stage: row.stage,
      stageAt: row.stageAt,
      startedAt: row.createdAt,
      endedAt: row.endedAt,
      heardAt: row.signAt,
      profile: row.plan.profile,
      installer: row.plan.installer,
      fqdn: row.plan.fqdn,
      address: row.plan.address?.cidr ?? null,
      filesystem: row.plan.filesystem,
      raid: row.plan.raid,
      disks: row.plan.disks.map(({ title }) => title),
      boots: row.boots,
      isoBytes: row.isoBytes,
      isoTotal: row.isoTotal,
      isoBytesPerSecond: rate,
      fraction,
      text,
      stall,
      failure: row.failure,
      needsHands: handsOf(await nodes.get(nodeUuid)),
      installed: row.hook,
      firstBoot: row.firstBoot,
      timeline: await timelineOf(store, nodeUuid, row.uuid, row.createdAt),
    };
  };
}

async function timelineOf({ db }: Store, nodeUuid: string, installation: string, since: number): Promise<TimelineEntry[]> {
  const rows = await db
    .selectFrom('events')
    .select(['at', 'type', 'severity', 'message', 'data'])
    .where('node_uuid', '=', nodeUuid)
    .where('type', 'like', 'install.%')
    .where('at', '>=', since)
    .orderBy('seq', 'desc')
    .limit(TIMELINE)
    .execute();
  const own = rows.filter(({ data }) => data.includes(`"installation":"${installation}"`));
  return own.toReversed().map(({ at, type, severity, message }) => ({ at, type, severity, message }));
}
