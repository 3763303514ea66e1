// Takes the post-installation web hook: once it counts, and every time it gets its yes, since an installer that gets none stays in a shell.

import { type Clock, type Log, messageOf, Secret } from '../../lib/index.ts';
import { type Nodes, nodeTitle } from '../../nodes/index.ts';
import type { EventInput, Reasons, Tx } from '../../store/index.ts';
import { fingerprintOf } from '../first-boot.ts';
import type { Change, InstallBook } from './book.ts';
import { fail } from './errors.ts';
import { type Hook, readHook } from './hook-codec.ts';
import { hookFaults } from './hook-decide.ts';
import { patiently } from './patience.ts';
import { pinHostKeys } from './pins.ts';
import type { InstallationRecord } from './record.ts';
import { hashOf } from './secrets.ts';
import { eventOfStage, isBefore } from './stages-decide.ts';
import { DEPLOYED } from './who-decide.ts';

export interface DoneRequest {
  /** Of the path; null: it is in the body, as releases that know tokens send it. */
  readonly secret: string | null;
  readonly body: unknown;
  readonly from: string;
}

export interface Hooks {
  /** Throws install.unknown for what is nobody's. */
  done(request: DoneRequest): Promise<void>;
}

export interface HooksOptions {
  readonly book: InstallBook;
  readonly nodes: Pick<Nodes, 'get' | 'update'>;
  readonly reasons: Pick<Reasons, 'note'>;
  /** pve, pbs, …; null: nobody knows. */
  readonly productOf: (installer: string) => Promise<string | null>;
  readonly mayNote: (address: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export function createHooks(options: HooksOptions): Hooks {
  const { book, log, clock, mayNote } = options;

  async function take({ secret, body, from }: DoneRequest): Promise<void> {
    const hook = readHook(body);
    const given = secret ?? hook?.token ?? null;
    const found = given === null ? undefined : await book.bySecret('hook', given);
    if (found === undefined || isForged(given, hook)) {
      if (mayNote(from)) log.warn({ peer: from }, 'a web hook of an installer came without a secret that is known: it is not believed');
      throw fail('install.unknown', { message: 'nothing is known here by that' });
    }
    const product = await productOf(options, found);
    await book.change(found.uuid, (tx, row) => takeHook(options, tx, row, { hook, from, product }));
  }

  return { done: (request) => patiently({ clock, log, from: request.from }, () => take(request)) };
}

/** Where both are given they are the same: the token is in the answer as the path is. */
function isForged(given: string | null, hook: Hook | undefined): boolean {
  const token = hook?.token ?? null;
  return given !== null && token !== null && !new Secret(hashOf(given)).equals(hashOf(token));
}

async function productOf({ productOf: find, log }: HooksOptions, { plan }: InstallationRecord): Promise<string | null> {
  try {
    return await find(plan.installer);
  } catch (thrown) {
    log.debug({ installer: plan.installer, error: messageOf(thrown) }, 'the product of an installer is not known any more');
    return null;
  }
}

interface Told {
  readonly hook: Hook | undefined;
  readonly from: string;
  readonly product: string | null;
}

async function takeHook(options: HooksOptions, tx: Tx, row: InstallationRecord, told: Told): Promise<Change<undefined>> {
  const { hook, from } = told;
  const node = await options.nodes.get(row.nodeUuid, tx);
  const title = nodeTitle(node);
  const only = (type: string, message: string, severity: 'info' | 'warning'): Change<undefined> => {
    note(options, row, type === 'install.hook_again' ? 'told again' : 'told too late', message);
    return { result: undefined, events: [{ type, message, severity, data: { from } }] };
  };
  if (!isBefore(row.stage, 'installed') && row.stage !== 'failed') {
    // Sent again because our yes was lost, or by somebody who saw it: it has its effect once.
    if (row.hook !== null) {
      note(options, row, 'told again', `its web hook came once more, from ${from}`);
      return { result: undefined };
    }
    const late = only('install.hook_late', `${title}: the web hook of its installer came after its first boot, from ${from}`, 'info');
    return { ...late, set: { hook: JSON.stringify(hook?.summary ?? {}) } };
  }
  if (row.endedAt !== null) {
    if (row.hook !== null) return { result: undefined };
    const late = only(
      'install.hook_late',
      `${title}: an installer tells that it has finished, from ${from}, and its installation is over: ${row.failure}`,
      'warning',
    );
    return { ...late, set: { hook: JSON.stringify(hook?.summary ?? {}) } };
  }
  if (row.stage !== 'answered') {
    return only(
      'install.hook_early',
      `${title}: a web hook came from ${from} before the installer had its answer: it is not believed`,
      'warning',
    );
  }
  // Aborted, or failed, and its record does not say so yet: what was written there is nobody's system.
  if (!DEPLOYED.includes(node.provisionState)) {
    const state = `its node is ${node.provisionState}, not being deployed`;
    return only(
      'install.hook_late',
      `${title}: an installer tells that it has finished, from ${from}: it is not believed, ${state}`,
      'warning',
    );
  }
  return accept(options, tx, row, { ...told, title });
}

async function accept(
  options: HooksOptions,
  tx: Tx,
  row: InstallationRecord,
  { hook, from, product, title }: Told & { readonly title: string },
): Promise<Change<undefined>> {
  const now = options.clock.now();
  const faults = hook === undefined ? ['what its installer told is not readable'] : hookFaults(hook, { plan: row.plan, product });
  const set = { stage_at: now, installed_at: now, hook: JSON.stringify(hook?.summary ?? {}) };
  if (faults.length > 0 || hook === undefined) {
    const message = `${title} was not installed as agreed: ${faults.join('; ')}`;
    note(options, row, 'not as agreed', message);
    const event: EventInput = { type: eventOfStage('failed'), severity: 'error', message, data: { from, faults } };
    return {
      result: undefined,
      set: { ...set, stage: 'failed', failure: message, ended_at: now, secrets: '' },
      events: [event],
      wake: 'look',
    };
  }
  const hostname = hook.fqdn ?? row.plan.fqdn;
  if (hook.hostKeys.length > 0) await pinHostKeys(options.nodes, tx, row.nodeUuid, { at: now, hostname, from, hostKeys: hook.hostKeys });
  const without = hook.hostKeys.length > 0 ? '' : '; it told no SSH host keys, its first boot will';
  const event: EventInput = {
    type: eventOfStage('installed'),
    message: `${title} is installed and restarts into its new system${without}`,
    data: { from, hostKeys: hook.hostKeys.map(fingerprintOf), filesystem: hook.filesystem },
  };
  note(options, row, 'installed', event.message);
  return { result: undefined, set: { ...set, stage: 'installed' }, events: [event], wake: 'look' };
}

function note({ reasons }: HooksOptions, { nodeUuid }: InstallationRecord, decision: string, reason: string): void {
  reasons.note({ subject: `node:${nodeUuid}`, area: 'install', decision, reason });
}
