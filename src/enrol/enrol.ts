// Self-enrolment as the API and the agent's reports use it: what is proposed for each machine, the yes and the no, and what rules would do.

import type { Component } from '../lib/index.ts';
import { messageOf, RackseedError } from '../lib/index.ts';
import { type By, type JsonObject, type Node, nodeTitle } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { type Approval, type Approved, approve, approveByRule, knownDisks, notReady, reject, unreject, wrongState } from './approve.ts';
import { createBook, type EnrolmentRow, type EnrolmentStateName, type ListPage } from './book.ts';
import type { Report } from './disks-decide.ts';
import { factsOf } from './machine-decide.ts';
import { type Matched, matchRules } from './match-decide.ts';
import { createNames } from './names.ts';
import type { EnrolDeps, EnrolOptions } from './parts.ts';
import { createPlans, type StoredPlan } from './plans.ts';
import { type Choice, choiceOf, look, nameOfBy, planNow, propose, type Reviewed, review, tell } from './review.ts';
import { createWatch } from './watch.ts';

export interface Proposal {
  readonly node: Node;
  /** Undefined: a node that was not discovered, or that no agent has looked at. */
  readonly row: EnrolmentRow | undefined;
  /** What waits for a yes, or what was said yes to. */
  readonly plan: StoredPlan | undefined;
  readonly matched: Matched | undefined;
  readonly isAgentThere: boolean;
}

export interface Tested extends Matched {
  /** What the machine would be called; null: it would have no name. */
  readonly name: string | null;
}

export interface Enrol extends Component {
  /** Those in one of these states, the oldest first; 1000 at most. */
  /** A page: each is made from its machine's inventory. */
  list(states: readonly EnrolmentStateName[], page?: ListPage): Promise<Proposal[]>;
  proposal(node: Node): Promise<Proposal>;
  /** Makes the plan anew with what was chosen. Throws enrol.not_ready, unknown_profile, unknown_disk, wrong_state. */
  plan(node: Node, choice: Choice, by: By): Promise<StoredPlan>;
  /** Throws enrol.*: what is in the way, and what to do about it. */
  approve(node: Node, approval: Approval, by: By): Promise<Approved>;
  reject(node: Node, reason: string, by: By): Promise<Node>;
  unreject(node: Node, by: By): Promise<Node>;
  test(report: Report, node?: Node): Promise<Tested>;
  /** A report was kept; in its transaction. In a line for the person at the screen; null: nothing that concerns enrolment. */
  reported(tx: Tx, node: Node): Promise<string | null>;
  /** One look at everything that goes on by itself. */
  tick(): Promise<void>;
}

const PAGE = 50;

export function createEnrol(options: EnrolOptions & { readonly sweepMs?: number }): Enrol {
  const { store, nodes, clock, random } = options;
  const { db } = store;
  const deps: EnrolDeps = {
    ...options,
    book: createBook({ db, clock }),
    plans: createPlans({ db, clock, random }),
    names: createNames({ db, nodes, clock }),
  };
  const fresh = (uuid: string, tx: Tx): Promise<Node> => nodes.get(uuid, tx);
  const reviewOne = (uuid: string): Promise<void> =>
    store.transaction(async (tx) => {
      const node = await nodes.find(uuid, tx);
      if (node !== undefined) await reported(deps, tx, node);
    });
  const watch = createWatch({ deps, review: reviewOne, ...(options.sweepMs === undefined ? {} : { sweepMs: options.sweepMs }) });
  return {
    ...watch,

    async list(states, page = { limit: PAGE }) {
      const rows = await deps.book.list(states, page);
      const found = new Map(
        (await Promise.all(rows.map((row) => nodes.find(row.nodeUuid)))).flatMap((node) =>
          node === undefined ? [] : [[String(node.uuid), node] as const],
        ),
      );
      const proposals: Proposal[] = [];
      for (const row of rows) {
        const node = found.get(row.nodeUuid);
        if (node !== undefined) proposals.push(await proposalOf(deps, node, row));
      }
      return proposals;
    },

    proposal: async (node) => proposalOf(deps, node, await deps.book.get(node.uuid)),

    plan: ({ uuid }, choice, by) => store.transaction(async (tx) => choosePlan(deps, tx, await fresh(uuid, tx), choice, by)),

    async approve({ uuid }, approval, by) {
      // First by itself, so that a refusal leaves the plan behind that holds now.
      await reviewOne(uuid);
      return store.transaction(async (tx) => approve(deps, tx, await fresh(uuid, tx), approval, by));
    },

    reject: ({ uuid }, reason, by) => store.transaction(async (tx) => reject(deps, tx, await fresh(uuid, tx), reason, by)),
    unreject: ({ uuid }, by) => store.transaction(async (tx) => unreject(deps, tx, await fresh(uuid, tx), by)),
    test: (report, node) => testRules(deps, report, node),
    reported: (tx, node) => reported(deps, tx, node),
  };
}

async function proposalOf(deps: EnrolDeps, node: Node, row: EnrolmentRow | undefined): Promise<Proposal> {
  const report = await deps.nodes.inventory(node.uuid);
  const ports = await deps.nodes.ports.list({ nodeUuid: node.uuid });
  const plan = (await deps.plans.given(node.uuid)) ?? (await deps.plans.proposed(node.uuid));
  const matched = report === undefined ? undefined : matchRules(deps.config.rule, factsOf(report, ports));
  return { node, row, plan, matched, isAgentThere: deps.desk.isBeating(node.uuid) };
}

async function choosePlan(deps: EnrolDeps, tx: Tx, node: Node, choice: Choice, by: By): Promise<StoredPlan> {
  const row = await deps.book.get(node.uuid, tx);
  if (row?.state === 'approved')
    throw wrongState(node, 'it is being taken in by the plan that was approved', `Its task is ${row.taskId ?? 'not known'}.`);
  const looked = await look(deps, tx, node);
  if (looked === undefined) throw notReady(node);
  const before = choiceOf(deps, looked, row, (await deps.plans.proposed(node.uuid, tx))?.plan);
  const said = choice.said === undefined ? before.said : knownDisks(node, looked, choice.said);
  const profile = choice.profile === undefined ? before.profile : choice.profile;
  const stored = await propose(deps, tx, node, planNow(deps, node, looked, { profile, said }));
  const rule = looked.matched.rule?.profile === profile ? (looked.matched.rule?.name ?? null) : null;
  if (row !== undefined) await deps.book.write(tx, node.uuid, { profile, rule, planUuid: stored.uuid });
  if (said.length > before.said.length)
    await tell(deps, tx, node, {
      type: 'enrol.plan_chosen',
      message: `${nameOfBy(by)} asked for a wipe plan of ${nodeTitle(node)} with ${said.join(', ')}`,
    });
  return stored;
}

async function testRules(deps: EnrolDeps, report: Report, node: Node | undefined): Promise<Tested> {
  const ports = node === undefined ? [] : await deps.nodes.ports.list({ nodeUuid: node.uuid });
  const facts = factsOf(report, ports);
  const matched = matchRules(deps.config.rule, facts);
  const pattern = matched.rule?.name_pattern;
  return { ...matched, name: pattern === undefined ? null : await deps.names.preview(pattern, facts) };
}

async function reported(deps: EnrolDeps, tx: Tx, node: Node): Promise<string | null> {
  const reviewed = await review(deps, tx, node);
  if (reviewed === undefined || node.provisionState !== 'enroll') return null;
  const approved = await approveByRule(deps, tx, node, reviewed);
  if (approved === null || typeof approved === 'string') return waitingWords(deps, tx, node, reviewed, approved);
  return `${approved.name ?? nodeTitle(node)}: approved by ${reviewed.looked.matched.rule?.name ?? 'a rule'}; it is taken in now`;
}

/** A rule that would say yes and can not is told once for each reason. */
async function waitingWords(
  deps: EnrolDeps,
  tx: Tx,
  node: Node,
  { looked, row }: Reviewed,
  obstacle: string | null,
): Promise<string | null> {
  if (row === undefined) return null;
  const { rule } = looked.matched;
  if (row.state === 'rejected') return `node ${nodeTitle(node)} is ${row.reason}; it goes on to its own disk`;
  if (obstacle !== null) {
    const reason = `rule ${rule?.name ?? ''} would say yes, but ${obstacle}`;
    if (row.reason !== reason) {
      await deps.book.write(tx, node.uuid, { reason });
      await tell(deps, tx, node, { type: 'enrol.needs_a_person', severity: 'warning', message: `${nodeTitle(node)}: ${reason}` });
    }
  }
  const minutes = deps.config.enrol.wait_minutes;
  const fits = rule === undefined ? 'no rule fits it' : `rule ${rule.name} fits it`;
  return `discovered as node ${nodeTitle(node)}; ${fits}; waits ${minutes} minutes for a yes, then it starts its own disk`;
}

/** For a hook that must not fail the report that it hangs on. */
export function carefully(enrol: Pick<Enrol, 'reported'>, say: (message: string, fields: JsonObject) => void): Enrol['reported'] {
  return async (tx, node) => {
    try {
      return await enrol.reported(tx, node);
    } catch (error) {
      // What the database refused must end the transaction; what we refuse ourselves waits for the next look.
      if (!(error instanceof RackseedError) || error.code.startsWith('store.')) throw error;
      say(`what follows from the report of a machine could not be decided: ${messageOf(error)}`, { node: node.uuid, code: error.code });
      return null;
    }
  };
}
