// What a report of the agent means for a node: which rule fits, which wipe plan holds now, what became of an earlier one, and whether a rule
// says yes by itself. In the caller's transaction, so that no yes and no plan outlives the disks that it was about.

import { DISCOVERED_DRIVER } from '../inspect/index.ts';
import { bootModeOf } from '../install/index.ts';
import { type By, type JsonObject, type Node, nodeTitle } from '../nodes/index.ts';
import type { Severity, Tx } from '../store/index.ts';
import type { EnrolmentRow } from './book.ts';
import { disksOf, type Report } from './disks-decide.ts';
import { factsOf, type MachineFacts } from './machine-decide.ts';
import { type Matched, matchRules } from './match-decide.ts';
import { type EnrolDeps, profileNamed } from './parts.ts';
import type { StoredPlan } from './plans.ts';
import { planDifference, planHash, planTrouble, proposePlan, type WipePlan } from './wipe-plan-decide.ts';

export interface Looked {
  readonly report: Report;
  readonly facts: MachineFacts;
  readonly matched: Matched;
}

/** What a person chose instead of what a rule proposes. */
export interface Choice {
  /** Null: none, whatever the rules say. */
  readonly profile?: string | null;
  readonly said?: readonly string[];
}

/** Undefined: no agent has looked at it. */
export async function look(deps: EnrolDeps, tx: Tx, node: Node): Promise<Looked | undefined> {
  const report = await deps.nodes.inventory(node.uuid, tx);
  if (report === undefined) return undefined;
  const facts = factsOf(report, await deps.nodes.ports.list({ nodeUuid: node.uuid }, tx));
  return { report, facts, matched: matchRules(deps.config.rule, facts) };
}

/** The plan as it must be now, with what somebody chose for it. */
export function planNow(deps: EnrolDeps, node: Node, { report, matched }: Looked, choice: Required<Choice>): WipePlan {
  const profile = choice.profile === null ? null : profileNamed(deps, choice.profile);
  return proposePlan({
    disks: disksOf(report),
    profile,
    hints: deps.rootHints(node, report),
    said: choice.said,
    bootMode: bootModeOf(report),
    overwritesFilesystems: matched.rule?.profile === profile?.name && matched.rule?.overwrite_filesystems === true,
  });
}

/** Where nobody has chosen: as was chosen for the last proposal, else as the rule says. */
export function choiceOf(
  deps: EnrolDeps,
  { matched }: Looked,
  row: EnrolmentRow | undefined,
  before: WipePlan | undefined,
): Required<Choice> {
  const isChosen = row?.rule === null && row.profile !== null && deps.config.profile.some(({ name }) => name === row.profile);
  return { profile: isChosen ? row.profile : (matched.rule?.profile ?? null), said: before?.said ?? [] };
}

/** The plan that was proposed stays when nothing has changed. */
export async function propose(deps: EnrolDeps, tx: Tx, node: Node, plan: WipePlan): Promise<StoredPlan> {
  const before = await deps.plans.proposed(node.uuid, tx);
  if (before?.hash === planHash(plan)) return before;
  const after = await deps.plans.propose(tx, node.uuid, plan);
  if (before === undefined) return after;
  const change = planDifference(before.plan, plan);
  await deps.plans.end(tx, before, 'void', change);
  await tell(deps, tx, node, { type: 'enrol.plan_changed', message: `the wipe plan of ${nodeTitle(node)} is another one now: ${change}` });
  return after;
}

/** Voids a yes that holds no longer. True when there is one that does. */
async function checkGiven(deps: EnrolDeps, tx: Tx, node: Node, { report }: Looked): Promise<boolean> {
  const given = await deps.plans.given(node.uuid, tx);
  if (given === undefined) return false;
  const trouble = planTrouble(given.state === 'standing' ? 'standing' : 'approved', given.plan, disksOf(report));
  if (trouble === null) return true;
  await deps.plans.end(tx, given, 'void', trouble);
  const message = `the wipe plan of ${nodeTitle(node)} that ${given.approvedBy ?? 'somebody'} approved is void: ${trouble}`;
  await tell(deps, tx, node, { type: 'enrol.plan_void', severity: 'warning', message });
  return false;
}

/** States of a node in which its disks are looked at for a plan, for when somebody will want to erase them. */
const PLANNED = ['enroll', 'manageable', 'available', 'clean failed', 'deploy failed', 'inspecting', 'inspect wait', 'inspect failed'];

export interface Reviewed {
  readonly looked: Looked;
  readonly row: EnrolmentRow | undefined;
  /** What waits for a yes; undefined: an earlier yes holds. */
  readonly stored: StoredPlan | undefined;
}

export async function review(deps: EnrolDeps, tx: Tx, node: Node): Promise<Reviewed | undefined> {
  const looked = await look(deps, tx, node);
  if (looked === undefined) return undefined;
  const row = await deps.book.get(node.uuid, tx);
  if ((await checkGiven(deps, tx, node, looked)) || !PLANNED.includes(node.provisionState)) {
    // Looked at, so that nobody looks at the same report again.
    if (row !== undefined) await deps.book.write(tx, node.uuid, {});
    return { looked, row, stored: undefined };
  }
  const before = (await deps.plans.proposed(node.uuid, tx))?.plan;
  const choice = choiceOf(deps, looked, row, before);
  let plan = planNow(deps, node, looked, choice);
  // A yes to a serial was to what the disk held: with other disks it must be said again.
  if (before !== undefined && choice.said.length > 0 && planHash(before) !== planHash(plan))
    plan = planNow(deps, node, looked, { ...choice, said: [] });
  const stored = await propose(deps, tx, node, plan);
  return { looked, row: await keepRow(deps, tx, node, { looked, row, stored }), stored };
}

/** Only machines that were discovered are in the book by themselves; nodes that a person made come in when they are approved. */
async function keepRow(deps: EnrolDeps, tx: Tx, node: Node, { looked, row, stored }: Reviewed): Promise<EnrolmentRow | undefined> {
  const isDiscovered = node.provisionState === 'enroll' && node.driver === DISCOVERED_DRIVER;
  if (stored === undefined || (row === undefined && !isDiscovered)) return row;
  if (row !== undefined && row.state !== 'proposed' && row.state !== 'failed')
    return deps.book.write(tx, node.uuid, { planUuid: stored.uuid });
  const { matched, facts } = looked;
  const { profile } = stored.plan;
  const rule = matched.rule?.profile === profile ? matched.rule : undefined;
  const preview = rule?.name_pattern === undefined ? null : await deps.names.preview(rule.name_pattern, facts, tx);
  return deps.book.write(tx, node.uuid, {
    profile,
    rule: rule?.name ?? null,
    name: node.name ?? preview,
    planUuid: stored.uuid,
    ...(row?.state === 'failed' ? {} : { reason: matched.reason }),
  });
}

export interface Said {
  readonly type: string;
  readonly message: string;
  readonly severity?: Severity;
  readonly data?: JsonObject;
}

export async function tell({ store }: Pick<EnrolDeps, 'store'>, tx: Tx, node: Pick<Node, 'uuid'>, said: Said): Promise<void> {
  await store.events.append(tx, { nodeUuid: node.uuid, ...said });
  store.reasons.note({
    subject: `node:${node.uuid}`,
    area: 'enrol',
    decision: said.type.replace('enrol.', '').replaceAll('_', ' '),
    reason: said.message,
  });
}

export function nameOfBy({ who, actor }: By): string {
  return actor ?? who;
}
