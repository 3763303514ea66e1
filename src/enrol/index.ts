// The door of self-enrolment: which machines are taken in, by whose yes, with which disks. Knows nothing of HTTP.

export type { Approval, Approved } from './approve.ts';
export { ENROLMENT_STATES, type EnrolmentRow, type EnrolmentStateName } from './book.ts';
export type { Report } from './disks-decide.ts';
export { carefully, createEnrol, type Enrol, type Proposal, type Tested } from './enrol.ts';
export { ENROL_ERRORS } from './errors.ts';
export type { Matched, RuleTrace } from './match-decide.ts';
export type { EnrolOptions, Profile } from './parts.ts';
export type { PlanState, StoredPlan } from './plans.ts';
export { ENROL_KIND, type EnrolTaskDeps, enrolDefinition } from './task.ts';
export type { RootHints } from './wanted-decide.ts';
export { linesOf, type WipePlan } from './wipe-plan-decide.ts';
