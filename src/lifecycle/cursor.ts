// How far the steps of a node are: kept in its driver_internal_info under Ironic's names, so that every client sees it and a crash
// loses nothing. Pure.

import type { JsonObject, JsonValue, Node, NodeChanges } from '../nodes/index.ts';
import { INTERFACES } from '../nodes/index.ts';
import type { PlannedStep, WalkKind } from './steps-decide.ts';
import { BOOTS_OWN_DISK, without } from './work.ts';

export interface Cursor {
  readonly steps: readonly PlannedStep[];
  /** The step under way; null: the machine is brought up for the first; as many as there are steps: all are done. */
  readonly index: number | null;
  /** The agent was booted for it, so at the end the machine is given back. */
  readonly usesRamdisk: boolean;
  /** UTC milliseconds at which a `wait` of so many seconds ends. */
  readonly waitUntil: number | null;
  /** UTC milliseconds at which a step that waits for the machine looks again by itself; null or absent: when something is heard. */
  readonly lookAt?: number | null;
}

const FIELDS = { verify: undefined, clean: 'cleanStep', deploy: 'deployStep', service: 'serviceStep', rescue: undefined } as const;

/** Undefined: the steps were not worked out yet. */
export function cursorOf(node: Pick<Node, 'driverInternalInfo'>, kind: WalkKind): Cursor | undefined {
  const info = node.driverInternalInfo;
  const steps = info[`${kind}_steps`];
  if (!Array.isArray(steps)) return undefined;
  const index = info[`${kind}_step_index`];
  const until = info[`${kind}_wait_until`];
  const look = info[`${kind}_look_at`];
  return {
    steps: steps.map(stepOf),
    index: typeof index === 'number' ? index : null,
    usesRamdisk: info[`${kind}_ramdisk`] === true,
    waitUntil: typeof until === 'number' ? until : null,
    lookAt: typeof look === 'number' ? look : null,
  };
}

export function withCursor(node: Pick<Node, 'driverInternalInfo'>, kind: WalkKind, cursor: Cursor): NodeChanges {
  const step = cursor.index === null ? undefined : cursor.steps[cursor.index];
  const kept = cleared(node.driverInternalInfo, kind);
  const info: Record<string, JsonValue> = {
    // Brought up for its first step, the agent is what the machine is to start.
    ...(cursor.index === null ? without(kept, BOOTS_OWN_DISK) : kept),
    [`${kind}_steps`]: cursor.steps.map((one) => ({ ...one })),
    [`${kind}_ramdisk`]: cursor.usesRamdisk,
  };
  if (cursor.index !== null) info[`${kind}_step_index`] = cursor.index;
  if (cursor.waitUntil !== null) info[`${kind}_wait_until`] = cursor.waitUntil;
  if (typeof cursor.lookAt === 'number') info[`${kind}_look_at`] = cursor.lookAt;
  return { driverInternalInfo: info, ...fieldChange(kind, step === undefined ? {} : { ...step }) };
}

export function withoutCursor(node: Pick<Node, 'driverInternalInfo'>, kind: WalkKind): NodeChanges {
  return { driverInternalInfo: without(cleared(node.driverInternalInfo, kind), BOOTS_OWN_DISK), ...fieldChange(kind, {}) };
}

/** The step that is shown as under way. */
export function shownStep(node: Node, kind: WalkKind): JsonObject {
  const field = FIELDS[kind];
  return field === undefined ? {} : node[field];
}

/** deploy.write_image; undefined where no step is shown. */
export function shownName(step: JsonObject): string | undefined {
  const { interface: which, step: name } = step;
  return typeof which === 'string' && typeof name === 'string' ? `${which}.${name}` : undefined;
}

function cleared(info: JsonObject, kind: WalkKind): JsonObject {
  return without(info, `${kind}_steps`, `${kind}_step_index`, `${kind}_ramdisk`, `${kind}_wait_until`, `${kind}_look_at`);
}

function fieldChange(kind: WalkKind, step: JsonObject): NodeChanges {
  const field = FIELDS[kind];
  return field === undefined ? {} : { [field]: step };
}

function stepOf(stored: JsonValue): PlannedStep {
  const step = isObject(stored) ? stored : {};
  const which = INTERFACES.find((name) => name === step.interface);
  if (which === undefined || typeof step.step !== 'string')
    throw new TypeError(`a stored step is none: ${JSON.stringify(stored).slice(0, 200)}`);
  return {
    interface: which,
    step: step.step,
    priority: Number(step.priority ?? 0),
    args: isObject(step.args) ? step.args : {},
    abortable: step.abortable === true,
    requires_ramdisk: step.requires_ramdisk === true,
  };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
