// The steps of fake machines: those of Ironic's fake interfaces, the core deploy steps, and the clean steps that its agent has, with
// their priorities. What they do is remembered, but there are no disks.

import type { Interface, JsonObject, JsonValue } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import type { DriverStep, StepKind, StepOutcome, StepRun, Target } from '../seam.ts';
import type { FakeMachine } from './machine.ts';

const SETTINGS = { settings: { description: 'List of settings, each with its name and value.', required: true } } as const;
const COMPONENTS = {
  settings: { description: 'List of components, each with its name and the URL of the firmware.', required: true },
} as const;
const RAID = {
  raid_config: { description: 'The RAID configuration to apply.', required: true },
  delete_existing: { description: 'Whether the arrays that are there are deleted first; true unless told.', required: false },
} as const;

const agent = { needsRamdisk: true } as const;
const wipes = { needsRamdisk: true, isDestructive: true, isAbortable: true } as const;
const burns = { needsRamdisk: true, isAbortable: true } as const;

const step = (kind: StepKind, name: string, priority: number, title: string, more: Partial<DriverStep> = {}): DriverStep => ({
  kind,
  step: name,
  priority,
  title,
  ...more,
});
const each = (kinds: readonly StepKind[], name: string, title: string, more: Partial<DriverStep> = {}): DriverStep[] =>
  kinds.map((kind) => step(kind, name, 0, title, more));

export const FAKE_STEPS: { readonly [I in Interface]?: readonly DriverStep[] } = {
  deploy: [
    step('deploy', 'deploy', 100, 'Boot the agent'),
    step('deploy', 'write_image', 80, 'Write the image', { ...agent, isDestructive: true }),
    step('deploy', 'prepare_instance_boot', 60, 'Prepare the boot of the instance', agent),
    step('deploy', 'tear_down_agent', 40, 'Shut the agent down', agent),
    step('deploy', 'switch_to_tenant_network', 30, 'Switch to the network of the instance'),
    step('deploy', 'boot_instance', 20, 'Boot the instance'),
    step('clean', 'erase_devices_metadata', 99, 'Erase partition tables and file system signatures', wipes),
    step('clean', 'erase_devices', 10, 'Erase all of the disks', wipes),
    step('clean', 'erase_devices_express', 0, 'Erase each disk the fastest way that is safe', wipes),
    step('clean', 'erase_pstore', 0, 'Erase what crashed kernels left in the firmware', agent),
    ...['cpu', 'memory', 'disk', 'network'].map((part) => step('clean', `burnin_${part}`, 0, `Burn in: ${part}`, burns)),
    step('delete', 'tear_down', 100, 'Tear down the instance'),
  ],
  bios: [
    ...each(['clean', 'deploy', 'service'], 'apply_configuration', 'Apply BIOS settings', { argsInfo: SETTINGS }),
    ...each(['clean', 'deploy', 'service'], 'factory_reset', 'Set the BIOS back to its defaults'),
    step('clean', 'cache_bios_settings', 0, 'Read the BIOS settings'),
  ],
  firmware: each(['clean', 'deploy', 'service'], 'update', 'Update firmware', { argsInfo: COMPONENTS }),
  raid: [
    step('clean', 'create_configuration', 0, 'Create the RAID arrays', { isDestructive: true }),
    step('clean', 'delete_configuration', 0, 'Delete the RAID arrays', { isDestructive: true }),
    step('deploy', 'apply_configuration', 0, 'Apply a RAID configuration', { isDestructive: true, argsInfo: RAID }),
  ],
  rescue: [step('rescue', 'rescue', 100, 'Boot the rescue system'), step('unrescue', 'unrescue', 100, 'Boot the instance again')],
  vendor: [
    step('clean', 'log_passthrough', 1, 'Write a line into the log'),
    step('service', 'log_passthrough', 0, 'Write a line into the log'),
    step('service', 'trigger_servicewait', 0, 'Wait for the agent'),
  ],
};

export async function runFakeStep(
  machine: FakeMachine,
  which: Interface,
  { step: name }: DriverStep,
  target: Target,
  run: StepRun,
): Promise<StepOutcome> {
  checkArgs(which, name, run.args);
  run.progress(0, `${which}.${name} on a fake machine`);
  const { waits } = await machine.act(target, run, which, name);
  const result = await EFFECTS[`${which}.${name}`]?.(machine, target, run.args);
  run.progress(1, `${which}.${name} is done`);
  if (waits.includes(`${which}.${name}`) || name === 'trigger_servicewait') return 'wait';
  return result === undefined ? {} : { result };
}

type Effect = (machine: FakeMachine, target: Target, args: JsonObject) => Promise<JsonObject | undefined>;

const EFFECTS: Readonly<Record<string, Effect>> = {
  'bios.apply_configuration': async (machine, target, args) => {
    const before = objectIn((await machine.recall(target)).bios);
    await machine.remember(target, { bios: { ...before, ...pairs(args.settings, 'name', 'value') } });
    return undefined;
  },
  'bios.factory_reset': async (machine, target) => {
    await machine.remember(target, { bios: {} });
    return undefined;
  },
  'firmware.update': async (machine, target, args) => {
    const before = objectIn((await machine.recall(target)).firmware);
    await machine.remember(target, { firmware: { ...before, ...pairs(args.settings, 'component', 'url') } });
    return undefined;
  },
  'raid.create_configuration': (_machine, target) => Promise.resolve({ raid_config: target.recorded.targetRaidConfig }),
  'raid.apply_configuration': (_machine, _target, args) => Promise.resolve({ raid_config: objectIn(args.raid_config) }),
  'raid.delete_configuration': () => Promise.resolve({ raid_config: {} }),
};

function checkArgs(which: Interface, name: string, args: JsonObject): void {
  const known = FAKE_STEPS[which]?.find((one) => one.step === name)?.argsInfo ?? {};
  const missing = Object.entries(known).find(([key, { required }]) => required === true && args[key] === undefined);
  if (missing === undefined) return;
  throw fail('power.bad_argument', {
    message: `the step ${which}.${name} lacks its argument ${missing[0]}: ${missing[1].description}`,
    hint: `Give it in the step's args.`,
  });
}

export function objectIn(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // by the test
}

/** Of a list of objects: the text of one key by that of another. What has neither is left out. */
function pairs(list: JsonValue | undefined, key: string, value: string): Record<string, string> {
  const rows = Array.isArray(list) ? list.map((item) => objectIn(item as JsonValue)) : []; // items of JSON are JSON
  return Object.fromEntries(
    rows.flatMap((row) => {
      const name = row[key];
      const said = row[value];
      return typeof name === 'string' && said !== undefined ? [[name, typeof said === 'string' ? said : JSON.stringify(said)]] : [];
    }),
  );
}
