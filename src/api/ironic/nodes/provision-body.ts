// The body of PUT …/states/provision: its form, from which version on each key may come, and what it becomes. Pure.

import { type Static, Type } from 'typebox';
import type { AskedStep, ProvisionRequest, WalkKind } from '../../../lifecycle/index.ts';
import { stepInterfaces } from '../../../lifecycle/index.ts';
import type { JsonObject } from '../../../nodes/index.ts';
import { closed } from '../../schemas.ts';
import { bad, booleanOf } from '../query.ts';
import type { Minor } from '../version.ts';
import { newerField } from '../view.ts';

const listed = Type.Optional(Type.Union([Type.Null(), Type.Array(Type.Unknown(), { maxItems: 255 })]));
const maybe = (max: number) => Type.Optional(Type.Union([Type.Null(), Type.String({ maxLength: max })]));

export const provisionBody = Type.Object(
  {
    target: Type.String({ minLength: 1, maxLength: 64 }),
    configdrive: Type.Optional(Type.Union([Type.Null(), Type.String(), Type.Record(Type.String(), Type.Unknown())])),
    clean_steps: listed,
    deploy_steps: listed,
    service_steps: listed,
    rescue_password: maybe(1024),
    runbook: maybe(255),
    disable_ramdisk: Type.Optional(Type.Union([Type.Null(), Type.Boolean(), Type.String({ maxLength: 8 })])),
  },
  closed,
);
export type ProvisionBody = Static<typeof provisionBody>;

const VERB_SINCE: Readonly<Record<string, Minor>> = {
  manage: 4,
  provide: 4,
  inspect: 6,
  abort: 13,
  clean: 15,
  adopt: 17,
  rescue: 38,
  unrescue: 38,
  deploy: 73,
  undeploy: 73,
  unhold: 85,
  service: 87,
};

/** Ending a wait came later than the verb itself for two of the states. */
const ABORT_SINCE: Readonly<Record<string, Minor>> = { 'inspect wait': 41, 'wait call-back': 110 };

export function readProvision(body: ProvisionBody, minor: Minor, state: string): ProvisionRequest {
  const { target } = body;
  needs(target, VERB_SINCE[target], minor);
  if (target === 'abort') needs(`abort in ${state}`, ABORT_SINCE[state], minor);
  const cleanSteps = stepsOf('clean', body.clean_steps);
  const deploySteps = stepsOf('deploy', body.deploy_steps);
  const serviceSteps = stepsOf('service', body.service_steps);
  if (deploySteps !== undefined) needs('deploy_steps', 69, minor);
  if (given(body.runbook)) needs('runbook', 92, minor);
  const disableRamdisk = flagOf(body.disable_ramdisk);
  if (disableRamdisk !== undefined && target === 'clean') needs('disable_ramdisk', 70, minor);
  if (disableRamdisk !== undefined && target === 'service') needs('disable_ramdisk', 108, minor);
  const configdrive = configdriveOf(body.configdrive, target, minor);
  return {
    verb: target,
    ...(cleanSteps === undefined ? {} : { cleanSteps }),
    ...(deploySteps === undefined ? {} : { deploySteps }),
    ...(serviceSteps === undefined ? {} : { serviceSteps }),
    ...(given(body.runbook) ? { runbook: body.runbook } : {}),
    ...(typeof body.rescue_password === 'string' ? { rescuePassword: body.rescue_password } : {}),
    ...(disableRamdisk === undefined ? {} : { disableRamdisk }),
    ...(configdrive === undefined ? {} : { configdrive }),
  };
}

function needs(what: string, since: Minor | undefined, minor: Minor): void {
  if (since !== undefined && minor < since) throw newerField(what, since, minor);
}

function given(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== '';
}

function flagOf(value: ProvisionBody['disable_ramdisk']): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'boolean' ? value : booleanOf('disable_ramdisk', value);
}

const STEP_KEYS = ['interface', 'step', 'args', 'priority', 'order', 'execute_on_child_nodes', 'limit_child_node_execution'];
const DEPLOY_KEYS = ['interface', 'step', 'args', 'priority'];

function stepsOf(kind: WalkKind, list: readonly unknown[] | null | undefined): AskedStep[] | undefined {
  if (list === undefined || list === null || list.length === 0) return undefined;
  return list.map((item, at) => stepOf(kind, item, `Invalid ${kind}_steps: item ${at}`));
}

function stepOf(kind: WalkKind, item: unknown, where: string): AskedStep {
  if (!isObject(item)) throw bad(`${where} is not an object.`);
  const keys = kind === 'deploy' ? DEPLOY_KEYS : STEP_KEYS.filter((key) => key !== 'priority');
  const unknown = Object.keys(item).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    throw bad(`${where} has the key ${JSON.stringify(unknown.slice(0, 100))}, which a step has not: ${keys.join(', ')}.`);
  const { interface: which, step, args, priority, order } = item;
  if (typeof which !== 'string' || !stepInterfaces(kind).includes(which))
    throw bad(`${where}: interface is one of ${stepInterfaces(kind).join(', ')}.`);
  if (typeof step !== 'string' || step === '' || step.length > 255) throw bad(`${where}: step is a name.`);
  if (args !== undefined && !isObject(args)) throw bad(`${where}: args is an object.`);
  if (kind === 'deploy' && (args === undefined || priority === undefined)) throw bad(`${where}: args and priority are required.`);
  if (item.execute_on_child_nodes === true) throw bad(`${where}: steps are not executed on child nodes by this version.`);
  return {
    interface: which as AskedStep['interface'], // it is in the list of them
    step,
    ...(args === undefined ? {} : { args: args as JsonObject }), // it came as JSON
    ...(priority === undefined ? {} : { priority: wholeOf(priority, `${where}: priority`) }),
    ...(order === undefined ? {} : { order: wholeOf(order, `${where}: order`) }),
  };
}

const MAX_WHOLE = 2_147_483_647;

function wholeOf(value: unknown, what: string): number {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= MAX_WHOLE) return number;
  throw bad(`${what} is a whole number that is not negative.`);
}

const DRIVE_KEYS: Readonly<Record<string, readonly string[]>> = {
  meta_data: ['object'],
  network_data: ['object'],
  user_data: ['object', 'array', 'string', 'null'],
  vendor_data: ['object'],
};
const BASE64 = /^[A-Za-z0-9+/=\s]*$/;

function configdriveOf(drive: ProvisionBody['configdrive'], target: string, minor: Minor): string | JsonObject | undefined {
  if (drive === undefined || drive === null || drive === '') return undefined;
  if (target === 'rebuild' && minor < 35) throw bad('Adding a config drive is only supported when setting provision state to active');
  if (typeof drive === 'string') {
    if (drive.includes('://') || BASE64.test(drive)) return drive;
    throw bad('Invalid configdrive format: it is neither a JSON, nor a URL, nor a base64 string');
  }
  if (Object.keys(drive).length === 0) return undefined;
  for (const [key, value] of Object.entries(drive)) {
    if (DRIVE_KEYS[key]?.includes(kindOf(value)) !== true)
      throw bad(`Invalid configdrive format: ${JSON.stringify(key.slice(0, 100))} is none of its parts, or has the wrong type`);
  }
  if (minor < 56) throw bad('Providing a JSON object for configdrive is only supported starting with API version 1.56');
  if (Object.hasOwn(drive, 'vendor_data') && minor < 59)
    throw bad('Providing vendor_data in configdrive is only supported starting with API version 1.59');
  return drive as JsonObject; // it came as JSON
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
