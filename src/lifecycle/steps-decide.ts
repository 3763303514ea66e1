// Which steps run, in which order, with which arguments. Pure: what drivers offer, templates hold and people ask goes in.

import type { Interface, JsonObject } from '../nodes/index.ts';
import type { DriverStep } from '../power/index.ts';
import type { AskedStep } from './seam.ts';

/** The kinds of work that go through a list of steps. */
export const WALK_KINDS = ['verify', 'clean', 'deploy', 'service', 'rescue'] as const;
export type WalkKind = (typeof WALK_KINDS)[number];

/** A step that a driver of the node offers. */
export interface Offered {
  readonly interface: Interface;
  /** The driver's name. */
  readonly driver: string;
  readonly step: DriverStep;
}

/** As it is stored with the node while its work goes on, in Ironic's words. */
export interface PlannedStep {
  readonly interface: Interface;
  readonly step: string;
  readonly priority: number;
  readonly args: JsonObject;
  readonly abortable: boolean;
  readonly requires_ramdisk: boolean;
}

export type Planned = { readonly steps: readonly PlannedStep[] } | { readonly refusal: string };

/** Steps that every interface has: what they do is not the driver's. */
export const RESERVED_STEPS = ['hold', 'power_on', 'power_off', 'reboot', 'wait'] as const;
export type ReservedStep = (typeof RESERVED_STEPS)[number];

/** Which of two steps of one priority goes first, as Ironic orders them: the higher. What is not named can not have such steps. */
const TIES = {
  verify: {
    power: 13,
    management: 12,
    firmware: 11,
    inspect: 10,
    deploy: 9,
    boot: 8,
    bios: 7,
    raid: 6,
    vendor: 5,
    network: 4,
    storage: 3,
    console: 2,
    rescue: 1,
  },
  clean: { vendor: 7, power: 6, management: 5, firmware: 4, deploy: 3, bios: 2, raid: 1 },
  deploy: { vendor: 7, power: 6, management: 5, firmware: 4, deploy: 3, bios: 2, raid: 1 },
  service: { network: 8, vendor: 7, power: 6, management: 5, firmware: 4, deploy: 3, bios: 2, raid: 1 },
  rescue: { rescue: 1 },
} as const satisfies Record<WalkKind, Partial<Record<Interface, number>>>;

/** The interfaces that may have steps of this kind. */
export function stepInterfaces(kind: WalkKind): readonly string[] {
  return Object.keys(TIES[kind]);
}

export function isReserved(step: string): step is ReservedStep {
  return RESERVED_STEPS.some((name) => name === step);
}

/** What runs when nobody asked for anything: everything that is enabled, the highest priority first. */
export function enabledSteps(kind: WalkKind, offered: readonly Offered[]): PlannedStep[] {
  return sorted(
    kind,
    offered.filter(({ step }) => step.kind === kind && step.priority > 0).map((one) => planned(one, {}, one.step.priority)),
  );
}

/** What an interface does by itself when the verb of that name comes to it: steps that nobody lists. */
export function ownSteps(kind: WalkKind, offered: readonly Offered[]): PlannedStep[] {
  return sorted(
    kind,
    offered.filter(({ step }) => step.kind === kind).map((one) => planned(one, {}, one.step.priority)),
  );
}

/** What a person listed, in the order of the list, or by `order` where it is given. */
export function listedSteps(kind: WalkKind, asked: readonly AskedStep[], offered: readonly Offered[]): Planned {
  const inOrder = asked
    .map((one, at) => ({ one, at }))
    .toSorted((a, b) => (a.one.order ?? a.at) - (b.one.order ?? b.at) || a.at - b.at)
    .map(({ one }) => one);
  return allOf(inOrder.map((one) => askedStep(kind, one, offered)));
}

/**
 * A deployment: what drivers do by themselves, with templates' steps in the place of those of the same name, and a person's in the
 * place of both. Priority 0 takes a step out.
 */
export function deploySteps(offered: readonly Offered[], templates: readonly AskedStep[], asked: readonly AskedStep[]): Planned {
  const wanted = [...templates.filter((one) => !asked.some((other) => isSame(one, other))), ...asked];
  const own = enabledSteps('deploy', offered).filter((one) => !wanted.some((other) => isSame(one, other)));
  const extra = allOf(wanted.filter((one) => one.priority !== 0).map((one) => askedStep('deploy', one, offered)));
  return 'refusal' in extra ? extra : { steps: sorted('deploy', [...own, ...extra.steps]) };
}

function askedStep(kind: WalkKind, asked: AskedStep, offered: readonly Offered[]): PlannedStep | string {
  const args = asked.args ?? {};
  if (!stepInterfaces(kind).includes(asked.interface)) return `the interface ${asked.interface} has no ${kind} steps`;
  if (isReserved(asked.step)) return reservedStep(asked, asked.step, args);
  const mine = offered.filter((one) => one.step.kind === kind && one.interface === asked.interface);
  const found = mine.find((one) => one.step.step === asked.step);
  if (found === undefined) {
    const known = mine.map((one) => one.step.step).join(', ') || 'none';
    return `node does not support this ${kind} step: ${asked.interface}.${asked.step}; ${asked.interface} offers ${known}`;
  }
  return argsRefusal(found, args) ?? planned(found, args, asked.priority ?? found.step.priority);
}

const MAX_WAIT_SECONDS = 86_400;

function reservedStep(asked: AskedStep, step: ReservedStep, args: JsonObject): PlannedStep | string {
  const { seconds, ...others } = args;
  const unknown = Object.keys(step === 'wait' ? others : args);
  if (unknown.length > 0) return `the step ${step} has no argument ${unknown.join(', ')}`;
  if (seconds !== undefined && !(Number(seconds) >= 0 && Number(seconds) <= MAX_WAIT_SECONDS))
    return `the step wait takes 0 to ${MAX_WAIT_SECONDS} seconds, not ${JSON.stringify(seconds)}`;
  return { interface: asked.interface, step, priority: asked.priority ?? 0, args, abortable: true, requires_ramdisk: false };
}

/** What the life cycle itself gives to destructive steps, or reads from them. */
const OWN_ARGS: readonly string[] = ['confirm'];

function argsRefusal({ step }: Offered, args: JsonObject): string | undefined {
  const known = step.argsInfo ?? {};
  const unexpected = Object.keys(args).filter(
    (name) => !Object.hasOwn(known, name) && !(step.isDestructive === true && OWN_ARGS.includes(name)),
  );
  if (unexpected.length > 0) return `the step ${step.step} has these unexpected arguments: ${unexpected.join(', ')}`;
  const missing = Object.entries(known)
    .filter(([name, info]) => info.required === true && !Object.hasOwn(args, name))
    .map(([name]) => name);
  return missing.length > 0 ? `the step ${step.step} is missing these required arguments: ${missing.join(', ')}` : undefined;
}

function planned({ interface: which, step }: Offered, args: JsonObject, priority: number): PlannedStep {
  return {
    interface: which,
    step: step.step,
    priority,
    args,
    abortable: step.isAbortable === true,
    requires_ramdisk: step.needsRamdisk === true,
  };
}

function allOf(all: readonly (PlannedStep | string)[]): Planned {
  const refusal = all.find((one) => typeof one === 'string');
  if (refusal !== undefined) return { refusal };
  return { steps: all.filter((one) => typeof one !== 'string') };
}

function sorted(kind: WalkKind, steps: readonly PlannedStep[]): PlannedStep[] {
  const ties: Partial<Record<Interface, number>> = TIES[kind];
  return steps.toSorted((a, b) => b.priority - a.priority || (ties[b.interface] ?? 0) - (ties[a.interface] ?? 0));
}

function isSame(a: Pick<AskedStep, 'interface' | 'step'>, b: Pick<AskedStep, 'interface' | 'step'>): boolean {
  return a.interface === b.interface && a.step === b.step;
}
