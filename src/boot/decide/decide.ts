// What a machine is to run: a pure function from what we know of it to an answer. Every answer and every silence carries its reason.
// Knows no sockets, no store, no clock, and not which loader gets the machine there (decide-offer.ts).

import type { InstallVerdict } from './install-decide.ts';
import type { OwnDiskAsk } from './own-disk-decide.ts';
import type { RuleFit } from './rules-decide.ts';

/** What we know about a machine that is one of our nodes. */
export interface KnownMachine {
  readonly uuid: string;
  readonly name: string | null;
  readonly provisionState: string;
  readonly ignored: boolean;
  /** A member of a cluster that is only observed; absent: it is not. */
  readonly observed?: boolean;
  /** Why it may start nothing at all, set while it is being replaced; null otherwise. */
  readonly held: string | null;
  /** Its own way to its own disk. */
  readonly ownDisk: OwnDiskAsk['own'];
  /** By whom and why it was rejected while it waited for a yes; null or absent: it was not. */
  readonly rejected?: string | null;
  /** It has been seen to run with Secure Boot on. */
  readonly secureBoot: boolean;
  /** What our agent has to do on it beside what its state says; absent: nothing. */
  readonly agent?: AgentPart;
}

export interface AgentPart {
  /** The agent deploys it, to the end. */
  readonly deploys: boolean;
  /** The agent prepares it, and an installer does the rest; absent: none does. */
  readonly installs?: boolean;
  /** The agent runs the steps of its service. */
  readonly serves: boolean;
  /** It has done its part: what the machine holds now is what it shall start. */
  readonly left: boolean;
}

export interface Situation {
  readonly machine: KnownMachine | undefined;
  /** Nodes that each have a part of its identity, when they are several: then it is none of them for sure. */
  readonly rivals?: readonly KnownMachine[];
  readonly enrolmentOpen: boolean;
  /** The rule that fits what is known of an unknown machine. */
  readonly rule?: RuleFit | undefined;
  /** The minutes for which it has waited for a yes, once they are more than it shall wait. */
  readonly waitedMinutes?: number | null;
  /** What its installation says, for a node that is being deployed. */
  readonly install?: InstallVerdict;
  /** Why the agent cannot be had for this machine. */
  readonly noAgent?: string | null;
  /** The site only watches: no machine is booted by us. */
  readonly observeOnly?: boolean;
}

/** What the machine is to run next. `ask`: only iPXE can tell us enough to decide. */
export type Program = {
  readonly run: 'agent' | 'own-disk' | 'hold' | 'installer' | 'ask';
  readonly reason: string;
  /** The machine is to be left alone altogether: no loader is to help it to its disk. */
  readonly hands?: 'off';
  /** It asks again after its installer, with nothing to go on with. */
  readonly isBack?: true;
};

/** States in which our agent works on the machine, so that it must be booted whoever opened enrolment. */
const AGENT_STATES: ReadonlySet<string> = new Set([
  'inspecting',
  'inspect wait',
  'cleaning',
  'clean wait',
  'rescuing',
  'rescue wait',
  'rescue',
]);
/** Where the agent is cleaning: when it cannot be had, the machine waits; its disk is no alternative. */
const CLEANING_STATES: ReadonlySet<string> = new Set(['cleaning', 'clean wait']);
const INSTALL_STATES: ReadonlySet<string> = new Set(['deploying', 'wait call-back']);
const SERVICE_STATES: ReadonlySet<string> = new Set(['servicing', 'service wait']);
/** States in which the machine may start neither our programs nor its own disk: what is on the disk is to be gone, or half there. */
const HOLD_STATES: Readonly<Record<string, string>> = {
  'clean failed': 'its disks were not cleaned to the end',
  'clean hold': 'its cleaning waits for a person',
  'deploy hold': 'its deployment waits for a person',
  'deploy failed': 'what its disk holds is not whole, or is the system that was to be replaced',
  deleting: 'it is being torn down, and its old system must not come back',
  error: 'its tear-down failed, and its old system must not come back',
};

export function decideProgram(situation: Situation): Program {
  const program = decideWanted(situation);
  const { noAgent = null } = situation;
  if (program.run !== 'agent' || noAgent === null) return program;
  const reason = `${program.reason}, but ${noAgent}`;
  return isHalfDone(situation) ? { run: 'hold', reason } : { run: 'own-disk', reason, hands: 'off' };
}

function decideWanted(situation: Situation): Program {
  const { machine, rivals = [], observeOnly = false } = situation;
  if (observeOnly) return { run: 'own-disk', reason: 'this site is observe-only', hands: 'off' };
  if (machine !== undefined) return decideKnown(machine, situation);
  const watched = rivals.find((one) => one.observed === true);
  if (watched !== undefined) return { run: 'own-disk', reason: `it may be ${titleOf(watched)}, which is only observed`, hands: 'off' };
  const held = rivals.find((one) => decideKnown(one, situation).run === 'hold');
  if (held !== undefined)
    return { run: 'hold', reason: `it may be ${titleOf(held)}, which is held: ${decideKnown(held, situation).reason}` };
  if (rivals.some((one) => one.ignored))
    return { run: 'own-disk', reason: `it may be ${rivals.map(titleOf).join(' or ')}, and one of them is ignored`, hands: 'off' };
  const what = rivals.length === 0 ? 'unknown machine' : `may be ${rivals.map(titleOf).join(' or ')}, so none of them for sure`;
  return decideUnknown(what, situation);
}

function decideUnknown(what: string, { enrolmentOpen, rule }: Situation): Program {
  if (enrolmentOpen) return { run: 'agent', reason: `${what}, and enrolment is open` };
  if (rule?.fits === 'yes') return { run: 'agent', reason: `${what}, which rule ${rule.name} fits` };
  if (rule?.fits === 'ask')
    return { run: 'ask', reason: `${what}, which rule ${rule.name} may fit: iPXE is to say maker, product and serial` };
  return { run: 'own-disk', reason: `${what}, and enrolment is closed`, hands: 'off' };
}

function decideKnown(machine: KnownMachine, situation: Situation): Program {
  const who = titleOf(machine);
  const { provisionState: state } = machine;
  if (machine.observed === true) return { run: 'own-disk', reason: `${who} is only observed: a member of a running cluster`, hands: 'off' };
  if (machine.ignored) return { run: 'own-disk', reason: `${who} is ignored`, hands: 'off' };
  if (machine.held !== null) return { run: 'hold', reason: `${who} is held: ${machine.held}` };
  const why = HOLD_STATES[state];
  if (why !== undefined) return { run: 'hold', reason: `${who} is in "${state}": ${why}` };
  if (AGENT_STATES.has(state)) return { run: 'agent', reason: `${who} is in "${state}", which the agent does` };
  const ofAgent = decideByPart(machine);
  if (ofAgent !== undefined) return ofAgent;
  if (INSTALL_STATES.has(state)) return decideDeployed(machine, situation.install);
  if (state === 'enroll' && typeof machine.rejected === 'string')
    return { run: 'own-disk', reason: `${who} is ${machine.rejected}`, hands: 'off' };
  if (state === 'enroll') return decideWaiting(who, situation);
  return { run: 'own-disk', reason: `${who} is in "${state}": nothing for us to do` };
}

function decideByPart({ agent, ...machine }: KnownMachine): Program | undefined {
  const { provisionState: state } = machine;
  const isInstalled = INSTALL_STATES.has(state) && agent?.installs === true;
  const isOurs = (INSTALL_STATES.has(state) && agent?.deploys === true) || (SERVICE_STATES.has(state) && agent?.serves === true);
  if (!isOurs && !(isInstalled && agent?.left !== true)) return undefined;
  const who = `${titleOf(machine)} is in "${state}"`;
  if (agent?.left === true) return { run: 'own-disk', reason: `${who}, and the agent has done its part: now its own system starts` };
  return { run: 'agent', reason: `${who}, and the agent does that` };
}

function decideDeployed(machine: KnownMachine, install: InstallVerdict | undefined): Program {
  const who = `${titleOf(machine)} is in "${machine.provisionState}"`;
  if (install === undefined) return { run: 'hold', reason: `${who}, and how far its installation came is not known` };
  return { ...install, reason: `${who}: ${install.reason}` };
}

function decideWaiting(who: string, { enrolmentOpen, rule, waitedMinutes = null }: Situation): Program {
  const waits = `${who} is in "enroll"`;
  if (waitedMinutes !== null)
    return { run: 'own-disk', reason: `${waits} and has waited ${waitedMinutes} minutes for a yes: give one, or open enrolment again` };
  if (enrolmentOpen) return { run: 'agent', reason: `${waits} and waits for a yes, and enrolment is open` };
  if (rule?.fits === 'yes') return { run: 'agent', reason: `${waits} and waits for a yes, and rule ${rule.name} fits it` };
  if (rule?.fits === 'ask') return { run: 'ask', reason: `${waits}, and rule ${rule.name} may fit it: iPXE is to say more` };
  return { run: 'own-disk', reason: `${waits}, and enrolment is closed` };
}

/** Whether the machine may start its disk when its program cannot be had. */
export function mayStartDisk(situation: Situation): boolean {
  const { run } = decideProgram(situation);
  return run !== 'hold' && run !== 'installer' && !isHalfDone(situation);
}

/** Its disks are being erased or written. */
function isHalfDone({ machine }: Situation): boolean {
  const state = machine?.provisionState ?? '';
  const { deploys = false, installs = false, left = false } = machine?.agent ?? {};
  return CLEANING_STATES.has(state) || (INSTALL_STATES.has(state) && (deploys || installs) && !left);
}

export function titleOf(machine: Pick<KnownMachine, 'name' | 'uuid'>): string {
  return machine.name ?? machine.uuid;
}
