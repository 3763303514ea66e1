// The first boot of an installed system: gives the installer the script for it, and takes what that script reports, as often as it does.

import { type Clock, isoTime, type Log } from '../../lib/index.ts';
import { type Nodes, nodeTitle } from '../../nodes/index.ts';
import type { EventInput, Reasons, Store, Tx } from '../../store/index.ts';
import type { Change, InstallBook } from './book.ts';
import { judge } from './boot-orders.ts';
import { fail } from './errors.ts';
import { type FirstBootReport, readFirstBoot } from './first-boot-codec.ts';
import type { BootOrder, RenderFirstBoot } from './first-boot-render.ts';
import { patiently } from './patience.ts';
import { keysOfHook, pinHostKeys } from './pins.ts';
import type { InstallationRecord } from './record.ts';
import { isSecret } from './secrets.ts';
import { eventOfStage, isBefore } from './stages-decide.ts';
import { DEPLOYED } from './who-decide.ts';

export interface InstalledBoots {
  /** The text of the script. `base`: the appliance as the machine reaches it. */
  script(secret: string, base: string, from: string): Promise<string>;
  report(secret: string, body: unknown, from: string): Promise<void>;
}

export interface InstalledBootsOptions {
  readonly book: InstallBook;
  readonly store: Pick<Store, 'events'>;
  readonly nodes: Pick<Nodes, 'get' | 'update'>;
  readonly reasons: Pick<Reasons, 'note'>;
  readonly render: RenderFirstBoot;
  readonly pins: { readonly certificate: string; readonly publicKey: string } | null;
  readonly bootOrderOf: (profile: string) => BootOrder;
  readonly mayNote: (address: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A report may come again long after: the script runs at each boot until one arrived. */
const SCRIPT_STAGES = ['answered', 'installed', 'first-boot', 'reached'] as const;

export function createInstalledBoots(options: InstalledBootsOptions): InstalledBoots {
  const { book } = options;
  const known = async (secret: string, from: string): Promise<InstallationRecord> => {
    const found = isSecret(secret) ? await book.bySecret('firstBoot', secret) : undefined;
    if (found !== undefined) return found;
    if (options.mayNote(from)) options.log.warn({ peer: from }, 'a first boot came without a secret that is known: it is not believed');
    throw fail('install.unknown', { message: 'nothing is known here by that' });
  };
  const scriptFor = async (secret: string, base: string, from: string): Promise<string> => {
    const row = await known(secret, from);
    const stages: readonly string[] = SCRIPT_STAGES;
    if (!stages.includes(row.stage)) {
      note(options, row, 'no first-boot script', `asked from ${from}, and its installation is ${row.stage}`);
      throw fail('install.unknown', { message: 'nothing is known here by that' });
    }
    const bootOrder = options.bootOrderOf(row.plan.profile);
    note(options, row, 'first-boot script', `its installer has fetched it from ${from}`);
    await book.change(row.uuid, async () => ({ result: undefined, set: {}, wake: 'sign' }));
    return options.render({ url: `${base}/install/first-boot/${secret}`, pins: options.pins, bootOrder });
  };
  return {
    script: (secret, base, from) => patiently({ ...options, from }, () => scriptFor(secret, base, from)),
    async report(secret, body, from) {
      const row = await known(secret, from);
      const report = readFirstBoot(body);
      if (report === undefined) throw fail('install.bad_request', { message: 'this is no report of a first boot' });
      await book.change(row.uuid, (tx, now) => take(options, tx, now, { report, from }));
    },
  };
}

interface Told {
  readonly report: FirstBootReport;
  readonly from: string;
}

async function take(options: InstalledBootsOptions, tx: Tx, row: InstallationRecord, told: Told): Promise<Change<undefined>> {
  const { report, from } = told;
  const node = await options.nodes.get(row.nodeUuid, tx);
  const title = nodeTitle(node);
  if (row.stage === 'failed' || isBefore(row.stage, 'answered')) {
    const state = row.failure ?? 'its installer had no answer yet';
    note(options, row, 'not believed', `a first boot was reported from ${from}, and its installation is ${row.stage}: ${state}`);
    return { result: undefined };
  }
  if (row.endedAt === null && !DEPLOYED.includes(node.provisionState)) {
    note(
      options,
      row,
      'not believed',
      `a first boot was reported from ${from}, and the node is ${node.provisionState}, not being deployed`,
    );
    return { result: undefined };
  }
  const now = options.clock.now();
  const first_boot = JSON.stringify({ ...report.summary, from, at: isoTime(now) });
  if (row.firstBootAt !== null) {
    // The yes to the first one was lost, or it has booted again.
    note(options, row, 'told again', `its first boot was reported once more, from ${from}`);
    await judge(options, tx, { node, installation: row.uuid }, report.needsHands);
    return row.endedAt === null ? { result: undefined, set: { first_boot } } : { result: undefined };
  }
  const events: Event[] = [];
  const pinned = keysOfHook(row.hook);
  if (pinned.length === 0 && report.hostKeys.length > 0) {
    await pinHostKeys(options.nodes, tx, row.nodeUuid, { at: now, hostname: report.hostname, from, hostKeys: report.hostKeys });
  } else if (report.hostKeys.some((key) => !pinned.includes(key))) {
    const message = `${title} tells other SSH host keys than its installer told: those of the installer stay pinned`;
    events.push({ type: 'install.other_keys', severity: 'warning', message, data: { from } });
  }
  const without = row.installedAt === null ? '; its web hook never came' : '';
  const message = `${title} has booted its new system${without}`;
  events.push({
    type: eventOfStage('first-boot'),
    message,
    data: { from, addresses: report.addresses, bootOrder: report.summary.bootOrder },
  });
  await judge(options, tx, { node: await options.nodes.get(row.nodeUuid, tx), installation: row.uuid }, report.needsHands);
  note(options, row, 'first boot', message);
  const installed_at = row.installedAt ?? now;
  const stage = isBefore(row.stage, 'first-boot') ? { stage: 'first-boot', stage_at: now } : {};
  return { result: undefined, set: { ...stage, installed_at, first_boot_at: now, first_boot }, events, wake: 'look' };
}

type Event = Pick<EventInput, 'type' | 'message' | 'severity' | 'data'>;

function note(
  { reasons }: Pick<InstalledBootsOptions, 'reasons'>,
  { nodeUuid }: InstallationRecord,
  decision: string,
  reason: string,
): void {
  reasons.note({ subject: `node:${nodeUuid}`, area: 'install', decision, reason });
}
