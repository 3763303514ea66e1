// The yes and the no: what may be approved, by which plan, under which name; then the work is a task. Everything in one transaction with the
// check of the plan, so that a yes is never to other disks than those that were shown.

import { REJECTED } from '../boot/index.ts';
import { mayBeIn } from '../inspect/index.ts';
import type { By, Node } from '../nodes/index.ts';
import { nodeTitle } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import type { EnrolmentRow } from './book.ts';
import { isPrintedOn, refOf } from './disks-decide.ts';
import { fail } from './errors.ts';
import { type EnrolDeps, type Profile, profileNamed } from './parts.ts';
import type { StoredPlan } from './plans.ts';
import { choiceOf, type Looked, look, nameOfBy, planNow, propose, type Reviewed, tell } from './review.ts';
import { ENROL_KIND, type EnrolArgs } from './task.ts';
import { planHash, rootDeviceOf, type WipePlan } from './wipe-plan-decide.ts';

export interface Approval {
  /** Of the plan that the yes is to. */
  readonly planHash: string;
  readonly name?: string;
  /** Null: no profile at all. */
  readonly profile?: string | null;
  /** Serials or WWNs of disks that are erased whatever is on them. */
  readonly wipeSerials?: readonly string[];
}

export interface Approved {
  readonly node: Node;
  readonly plan: StoredPlan;
  readonly taskId: string;
  readonly name: string | null;
  /** What happens next, and what somebody has to do for it. */
  readonly next: string;
}

/** Where taking in may begin, or begin again. */
const FROM = ['enroll', 'manageable', 'available', 'clean failed', 'deploy failed', 'inspect failed'];

export async function approve(deps: EnrolDeps, tx: Tx, node: Node, approval: Approval, by: By): Promise<Approved> {
  refuseState(deps, node);
  const row = await deps.book.get(node.uuid, tx);
  if (row?.state === 'rejected')
    throw wrongState(node, `it was rejected: ${row.reason}`, `Take that back first: rackseed node unreject ${nodeTitle(node)}`);
  if (row?.state === 'approved') throw wrongState(node, 'it has been approved already', `Its task is ${row.taskId ?? 'not known'}.`);
  const looked = await look(deps, tx, node);
  if (looked === undefined) throw notReady(node);
  const stored = (await givenPlan(deps, tx, node, approval)) ?? (await newPlan(deps, tx, node, { approval, looked, row, by }));
  const { plan } = stored;
  const profile = plan.profile === null ? null : profileNamed(deps, plan.profile);
  const name = approval.name ?? node.name ?? (await nameFor(deps, tx, { row, looked, profile }));
  const args: EnrolArgs = { name, profile: profile?.name ?? null, by: nameOfBy(by), rootDevice: rootDeviceOf(plan) };
  const taskId = await deps.tasks.submit(tx, { kind: ENROL_KIND, subject: `node:${node.uuid}`, nodeUuid: node.uuid, locks: [], args });
  const rule = looked.matched.rule?.profile === profile?.name ? (looked.matched.rule?.name ?? null) : null;
  const decided = { state: 'approved', approvedBy: nameOfBy(by), approvedAt: deps.clock.now(), taskId } as const;
  await deps.book.write(tx, node.uuid, { ...decided, profile: profile?.name ?? null, name, rule, planUuid: stored.uuid, reason: '' });
  const what = profile === null ? 'without a profile' : `as ${profile.name}`;
  const disks = plan.disks.length === 0 ? 'no disk' : plan.erased.map(({ title }) => title).join(', ');
  await tell(deps, tx, node, {
    type: 'enrol.approved',
    message: `${nodeTitle(node)} was approved by ${nameOfBy(by)} ${what}${name === null ? '' : ` under the name ${name}`}; ${disks} may be erased`,
    data: { plan: stored.hash, profile: profile?.name ?? null },
  });
  return { node, plan: stored, taskId, name, next: nextWords(deps, node, profile) };
}

function refuseState(deps: EnrolDeps, node: Node): void {
  const observed = deps.observeOnly(node) ?? (node.observeOnly ? `node ${nodeTitle(node)} is observe-only` : undefined);
  if (observed !== undefined)
    throw fail('enrol.observe_only', {
      message: `${observed}, so ${nodeTitle(node)} is not taken in`,
      hint: 'Turn observe-only off when machines may be changed.',
    });
  if (node.ignored) throw wrongState(node, 'it is ignored', `Take that back first: rackseed node unignore ${nodeTitle(node)}`);
  if (!FROM.includes(node.provisionState))
    throw wrongState(node, `it is ${node.provisionState}`, `It can be approved in ${FROM.join(', ')}.`);
  if (node.maintenance && node.fault === null)
    throw wrongState(node, `it is in maintenance (${node.maintenanceReason ?? 'no reason given'})`, 'Take it out of maintenance first.');
}

export function wrongState(node: Node, why: string, hint: string): Error {
  return fail('enrol.wrong_state', {
    message: `node ${nodeTitle(node)}: ${why}`,
    hint,
    detail: { node: node.uuid, state: node.provisionState },
  });
}

/** The yes was given before, and what it was to is used already or still the same: taking in goes on by it. */
async function givenPlan(
  deps: EnrolDeps,
  tx: Tx,
  node: Node,
  { planHash: hash, profile, wipeSerials }: Approval,
): Promise<StoredPlan | undefined> {
  const given = await deps.plans.given(node.uuid, tx);
  if (given?.hash !== hash || (profile !== undefined && profile !== given.plan.profile)) return undefined;
  return wipeSerials === undefined || wipeSerials.every((one) => given.plan.said.includes(one)) ? given : undefined;
}

interface Wanting {
  readonly approval: Approval;
  readonly looked: Looked;
  readonly row: EnrolmentRow | undefined;
  readonly by: By;
}

/** Throws unless the hash is that of the plan as it is now, or of the one that was shown and nothing but disks named one by one is new. */
async function newPlan(deps: EnrolDeps, tx: Tx, node: Node, { approval, looked, row, by }: Wanting): Promise<StoredPlan> {
  const shown = await deps.plans.proposed(node.uuid, tx);
  const before = choiceOf(deps, looked, row, shown?.plan);
  const named = approval.wipeSerials ?? [];
  const said = [...new Set([...before.said, ...knownDisks(node, looked, named)])];
  const choice = { profile: approval.profile === undefined ? before.profile : approval.profile, said };
  const plan = planNow(deps, node, looked, choice);
  const isShown = shown?.hash === approval.planHash && isCovered(plan, shown.plan, refsNamed(looked, named));
  if (approval.planHash !== planHash(plan) && !isShown) throw planChanged(node, planHash(plan));
  const needed = plan.refused.filter(({ isNeeded }) => isNeeded);
  if (needed.length > 0) throw disksRefused(node, needed);
  const stored = await propose(deps, tx, node, plan);
  await deps.plans.approve(tx, stored, nameOfBy(by));
  return stored;
}

/** The disks that are named, each by a name that no other disk of the machine has. */
function refsNamed({ facts }: Looked, named: readonly string[]): ReadonlySet<string> {
  return new Set(facts.disks.flatMap((disk) => (disk.name !== null && named.includes(disk.name) ? JSON.stringify(refOf(disk)) : [])));
}

/** Does the plan erase nothing but what the other one does, and disks that were named? */
function isCovered(plan: WipePlan, shown: WipePlan, named: ReadonlySet<string>): boolean {
  const known = new Set(shown.disks.map((ref) => JSON.stringify(ref)));
  const isSpared = (title: string): boolean =>
    shown.refused.some((disk) => disk.title === title) || shown.kept.some((disk) => disk.title === title);
  return plan.disks.every((ref) => known.has(JSON.stringify(ref)) || (named.has(JSON.stringify(ref)) && isSpared(ref.title)));
}

export function knownDisks(node: Node, { facts }: Looked, named: readonly string[]): readonly string[] {
  const names = facts.disks.flatMap(({ name }) => name ?? []);
  const strange = named.find((one) => !names.includes(one));
  if (strange === undefined) return named;
  const sharing = facts.disks.filter((disk) => isPrintedOn(strange, disk));
  const called = JSON.stringify(strange.slice(0, 80));
  const titles = sharing.map(({ title }) => title).join('; ');
  throw fail('enrol.unknown_disk', {
    message:
      sharing.length > 1
        ? `${called} is no name of one disk: ${sharing.length} disks of ${nodeTitle(node)} have it (${titles})`
        : `no disk of ${nodeTitle(node)} is called ${called}`,
    hint: names.length === 0 ? 'None of its disks has a serial number or WWN of its own.' : `Its disks are ${names.join(', ')}.`,
    detail: { node: node.uuid },
  });
}

export function notReady(node: Node): Error {
  return fail('enrol.not_ready', {
    message: `the agent has not looked at ${nodeTitle(node)} yet, so that nobody knows which disks it has`,
    hint: 'Boot it from the network while enrolment is open (rackseed enrol open), or inspect it.',
    detail: { node: node.uuid },
  });
}

function planChanged(node: Node, hash: string): Error {
  return fail('enrol.plan_changed', {
    message: `the yes was to another wipe plan of ${nodeTitle(node)} than the one that holds now (${hash.slice(0, 12)})`,
    hint: `Look at the plan and say yes to it: rackseed node plan ${nodeTitle(node)}`,
    detail: { node: node.uuid, planHash: hash },
  });
}

function disksRefused(node: Node, disks: WipePlan['refused']): Error {
  const names = disks.flatMap(({ name }) => name ?? []);
  return fail('enrol.disks_refused', {
    message: `${nodeTitle(node)} needs disks that are not erased just so: ${disks.map(({ title, why }) => `${title}: ${why}`).join('; ')}`,
    hint:
      names.length < disks.length
        ? 'Take out the disks that no serial number or WWN tells from the others, or choose another disk by root device hints.'
        : `If nothing on them is wanted any more, say so: rackseed node approve ${nodeTitle(node)} ${names.map((name) => `--wipe-serial ${name}`).join(' ')}`,
    detail: { node: node.uuid, disks: names },
  });
}

interface Naming {
  readonly row: EnrolmentRow | undefined;
  readonly looked: Looked;
  readonly profile: Profile | null;
}

async function nameFor(deps: EnrolDeps, tx: Tx, { row, looked, profile }: Naming): Promise<string | null> {
  // Approved before, and stopped before it had its name: it was given one then.
  const earlier = row === undefined || row.approvedAt === null ? null : row.name;
  if (earlier !== null && (await deps.nodes.find(earlier, tx)) === undefined) return earlier;
  const { rule } = looked.matched;
  if (rule?.name_pattern === undefined || rule.profile !== profile?.name) return null;
  return deps.names.give(tx, rule.name_pattern, looked.facts);
}

function nextWords({ desk }: Pick<EnrolDeps, 'desk'>, node: Node, profile: Profile | null): string {
  const goal = profile?.os === 'image' ? 'cleaned, and its image is written' : 'cleaned';
  if (desk.isBeating(node.uuid)) return `The agent runs on it: it is ${goal} now.`;
  return `The agent does not run on it: boot it again, from the network, and it is ${goal}. Where its power can be switched this is done for you.`;
}

/** The no: it starts its own disk, and stays in the list, so that it is not discovered anew. */
export async function reject(deps: EnrolDeps, tx: Tx, node: Node, reason: string, by: By): Promise<Node> {
  const row = await deps.book.get(node.uuid, tx);
  if (node.provisionState !== 'enroll' || row?.state === 'approved')
    throw wrongState(
      node,
      `it is ${row?.state === 'approved' ? 'being taken in' : node.provisionState}`,
      'Only a machine that waits for a yes can be rejected.',
    );
  const words = `rejected by ${nameOfBy(by)}${reason === '' ? '' : `: ${reason}`}`;
  const driverInternalInfo = { ...node.driverInternalInfo, [REJECTED]: words };
  const changed = await deps.nodes.update(tx, node, { driverInternalInfo }, by);
  await deps.book.write(tx, node.uuid, { state: 'rejected', reason: words });
  await tell(deps, tx, node, { type: 'enrol.rejected', message: `${nodeTitle(node)} was ${words}; it starts its own disk` });
  return changed;
}

export async function unreject(deps: EnrolDeps, tx: Tx, node: Node, by: By): Promise<Node> {
  const row = await deps.book.get(node.uuid, tx);
  if (row?.state !== 'rejected') throw wrongState(node, 'it is not rejected', 'rackseed enrol list shows what is.');
  const { [REJECTED]: _, ...driverInternalInfo } = node.driverInternalInfo;
  const changed = await deps.nodes.update(tx, node, { driverInternalInfo }, by);
  await deps.book.write(tx, node.uuid, { state: 'proposed', reason: `taken back by ${nameOfBy(by)}` });
  await tell(deps, tx, node, { type: 'enrol.unrejected', message: `${nodeTitle(node)} is no longer rejected, by ${nameOfBy(by)}` });
  return changed;
}

/** The rule says yes by itself; null, or why it does not. */
export async function approveByRule(
  deps: EnrolDeps,
  tx: Tx,
  node: Node,
  { looked, row, stored }: Reviewed,
): Promise<Approved | string | null> {
  const { rule } = looked.matched;
  if (rule?.auto_approve !== true || row?.state !== 'proposed' || stored === undefined || node.provisionState !== 'enroll') return null;
  if (stored.plan.profile !== rule.profile) return null;
  const { refused, problem, said } = stored.plan;
  const [same] = mayBeIn(node.driverInternalInfo);
  if (same !== undefined) return `it may be the node ${same.uuid} (${same.reason}): a person decides`;
  // A person is at it: what they looked at is theirs to say yes to.
  if (said.length > 0) return `a person has asked for a plan with ${said.join(', ')}`;
  if (refused.length > 0) return `${refused.map(({ title, why }) => `${title}: ${why}`).join('; ')}`;
  if (problem !== null) return problem;
  if (node.ignored) return 'it is ignored';
  const observed = deps.observeOnly(node);
  if (observed !== undefined || node.maintenance || node.observeOnly) return observed ?? 'it is in maintenance or observe-only';
  return approve(deps, tx, node, { planHash: stored.hash }, { who: 'user', actor: `rule ${rule.name}` });
}
