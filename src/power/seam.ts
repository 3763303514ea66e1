// What a driver is: the few methods behind each of Ironic's interfaces, and how hardware types are put together of them. Types only.
// Drivers know one machine at a time, nothing of stores, tasks or states; whoever calls them queues, times and retries.

import type { TSchema } from 'typebox';
import type { Log, Mac } from '../lib/index.ts';
import type { DriverInfo, Interface, JsonObject, PowerState } from '../nodes/index.ts';

/** The machine a driver acts on, its secrets opened. */
export interface Target {
  readonly uuid: string;
  readonly name: string | null;
  /** The node's hardware type. */
  readonly driver: string;
  /** Empty for drivers that do not say needsMacs. */
  readonly macs: readonly Mac[];
  readonly driverInfo: DriverInfo;
  readonly properties: JsonObject;
  readonly instanceInfo: JsonObject;
  readonly extra?: JsonObject;
  readonly internalInfo: JsonObject;
  /** What the appliance believes; for machines that remember nothing themselves. */
  readonly recorded: Recorded;
}

export interface Recorded {
  readonly powerState: PowerState | null;
  readonly bootMode: string | null;
  readonly secureBoot: boolean | null;
  readonly isConsoleOn: boolean;
  readonly targetRaidConfig: JsonObject;
}

export interface Call {
  readonly signal: AbortSignal;
  readonly log: Log;
}

export const POWER_TARGETS = ['power on', 'power off', 'rebooting', 'soft rebooting', 'soft power off'] as const;
export type PowerTarget = (typeof POWER_TARGETS)[number];

/** Null: nobody can know. */
export type PowerReading = 'power on' | 'power off' | null;

export interface PowerDriver {
  /** What it can do at all; others are refused before it is asked. */
  readonly targets: readonly PowerTarget[];
  /** How long a machine may take to get there, where that is longer than [power] timeout_seconds: a person must come. */
  readonly settleSeconds?: number;
  state(target: Target, call: Call): Promise<PowerReading>;
  /** Resolves when the machine was told; whoever called looks at state() until it is so. Throws power.* with a hint. */
  set(target: Target, wanted: PowerTarget, call: Call): Promise<void>;
}

export const BOOT_DEVICES = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'wanboot', 'floppy', 'ukiboot'] as const;
export type BootDevice = (typeof BOOT_DEVICES)[number];

export interface BootDeviceSetting {
  readonly device: BootDevice | null;
  readonly isPersistent: boolean | null;
}

/** A method that is not there is not supported, and the API says so. */
export interface ManagementDriver {
  readonly bootDevices: readonly BootDevice[];
  bootDevice(target: Target, call: Call): Promise<BootDeviceSetting>;
  setBootDevice(target: Target, setting: { readonly device: BootDevice; readonly isPersistent: boolean }, call: Call): Promise<void>;
  bootMode?(target: Target, call: Call): Promise<string | null>;
  setBootMode?(target: Target, mode: 'bios' | 'uefi', call: Call): Promise<void>;
  secureBoot?(target: Target, call: Call): Promise<boolean | null>;
  setSecureBoot?(target: Target, isOn: boolean, call: Call): Promise<void>;
  injectNmi?(target: Target, call: Call): Promise<void>;
  attachMedia?(target: Target, media: { readonly deviceType: string; readonly imageUrl: string }, call: Call): Promise<void>;
  detachMedia?(target: Target, deviceType: string, call: Call): Promise<void>;
}

export interface ConsoleDriver {
  /** What a person connects to. */
  console(target: Target, call: Call): Promise<{ readonly type: string; readonly url: string }>;
  setConsole(target: Target, isOn: boolean, call: Call): Promise<void>;
}

export interface BiosDriver {
  settings(
    target: Target,
    call: Call,
  ): Promise<readonly { readonly name: string; readonly value: string | null; readonly registry?: JsonObject }[]>;
}

export interface FirmwareDriver {
  components(target: Target, call: Call): Promise<readonly { readonly component: string; readonly version: string | null }[]>;
}

export interface InspectDriver {
  /** Facts found without booting anything; undefined: the machine must boot the agent, which reports by itself. */
  inspect(target: Target, call: Call): Promise<{ readonly properties: JsonObject; readonly inventory?: JsonObject } | undefined>;
}

export interface VendorMethod {
  readonly httpMethods: readonly string[];
  readonly description: string;
  /** Answered with 202 before it has run; unless told. */
  readonly isAsync?: boolean;
  /** Holds the node's lock; unless told. */
  readonly needsLock?: boolean;
}

export interface VendorDriver {
  readonly methods: Readonly<Record<string, VendorMethod>>;
  call(target: Target, method: string, args: JsonObject, call: Call): Promise<unknown>;
}

/** The last three are no steps that anybody lists or asks for: what an interface does when the verb of that name comes to it. */
export const STEP_KINDS = ['verify', 'clean', 'deploy', 'service', 'delete', 'rescue', 'unrescue'] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** One step of Ironic's step model, as an interface offers it. */
export interface DriverStep {
  readonly kind: StepKind;
  readonly step: string;
  /** Higher first; 0: only when asked for. */
  readonly priority: number;
  readonly title: string;
  readonly argsInfo?: Readonly<Record<string, { readonly description: string; readonly required?: boolean }>>;
  readonly isAbortable?: boolean;
  /** The machine must run the agent for it. */
  readonly needsRamdisk?: boolean;
  /** Erases or overwrites: held to the wipe plan, and never run twice without looking. */
  readonly isDestructive?: boolean;
  /** Writes to no disk, but is given those of the wipe plan as destructive steps are. */
  readonly needsDisks?: boolean;
  /** From here on the machine starts its own disk (or its installer) when it boots, not the agent. */
  readonly leavesAgent?: boolean;
  /** The next boot is to be from the network: told before the step to what can be told so. */
  readonly bootsNetwork?: boolean;
  /** When it goes on it works again, for as long as it did at first: it waits in nobody's queue then, and has the step's own time. */
  readonly goesOnAtLength?: boolean;
  /** Asks the BMC and is over quickly: waits in its queue. Others would hold up every question to it for hours. */
  readonly isQueued?: boolean;
}

export interface StepRun extends Call {
  /** The same for the same step of the same work, whoever runs it again: what is placed under it is placed once. */
  readonly key: string;
  readonly args: JsonObject;
  /** The step was cut off by the end of a process: look at the machine before doing it again. */
  readonly isResumed: boolean;
  progress(fraction: number, text: string): void;
  /**
   * Of a destructive step, before its order is placed: what it is about to write to, so that whatever becomes of the order it is known which
   * disks may be half done. All that it was given, unless told.
   */
  touches?(touch: DiskTouch): Promise<void>;
}

export interface DiskTouch {
  /** Places in args.disks. */
  readonly at: readonly number[];
  /** By place: all that anybody recognises there when it has ended (as contentItems has it). Left out: nobody can say beforehand. */
  readonly leaves?: Readonly<Record<string, readonly string[]>>;
}

/** 'wait': the machine goes on by itself; its agent's next word (heartbeat, step result) resumes the work. StepWait: or the time does. */
export type StepOutcome =
  | {
      readonly result?: JsonObject;
      /** Of a destructive step: which of the disks that it was given it has written, by their places in args.disks. All unless told. */
      readonly wrote?: readonly number[];
    }
  | 'wait'
  | StepWait;

export interface StepWait {
  /** UTC milliseconds at which continueStep() is asked though nothing was heard. */
  readonly waitUntil: number;
}

/** What the agent on the machine said. Without a status: it lives. */
export interface AgentWord {
  readonly status?: 'start' | 'end' | 'error';
  readonly message?: string;
  /** Of the order that it speaks of. */
  readonly key?: string;
}

/** An implementation of one interface, by the name that a node chooses it with. */
export interface Driver {
  readonly interface: Interface;
  /** Unique within its interface: ipmitool, fake, no-bios, agent, … */
  readonly name: string;
  readonly title: string;
  /** driver_info that it reads: an object schema whose properties carry descriptions. Shown by /v1/drivers/NAME/properties. */
  readonly info: TSchema;
  /** Why it can't work on this machine as it is described; null when it can. Asks nobody. */
  refusal(target: Target): string | null;
  /** Instead of refusal() where only this step is to be done: cleaning needs no image. */
  stepRefusal?(step: DriverStep, target: Target): string | null;
  /** It looks at target.macs. */
  readonly needsMacs?: boolean;
  /** Machines behind one of these are asked one after the other: the BMC's address, usually. The node's UUID where it is left out. */
  queueKey?(target: Target): string;
  readonly power?: PowerDriver;
  readonly management?: ManagementDriver;
  readonly console?: ConsoleDriver;
  readonly bios?: BiosDriver;
  readonly firmware?: FirmwareDriver;
  readonly inspect?: InspectDriver;
  readonly vendor?: VendorDriver;
  readonly steps?: readonly DriverStep[];
  runStep?(step: DriverStep, target: Target, run: StepRun): Promise<StepOutcome>;
  /**
   * The step had answered 'wait' and the agent was heard: is it done now? Without this method it is. An agent that says it failed
   * fails the step without asking.
   */
  continueStep?(step: DriverStep, target: Target, run: StepRun & { readonly word: AgentWord }): Promise<StepOutcome>;
}

/** A name that nodes have as their `driver`. */
export interface HardwareType {
  readonly name: string;
  readonly title: string;
  /** For each interface the drivers that may be chosen, the default first. */
  readonly supports: Readonly<Record<Interface, readonly string[]>>;
}

export interface Registry {
  readonly hardwareTypes: readonly HardwareType[];
  /** Throws power.no_driver: no such hardware type. */
  hardwareType(name: string): HardwareType;
  /** Undefined when nobody is called so. */
  driver(which: Interface, name: string): Driver | undefined;
  /** What driver_info is read, by key, in words: that of the default of each interface. Throws power.no_driver. */
  properties(hardwareType: string): Readonly<Record<string, string>>;
  /** Of each interface the driver that such a node has: chosen, or the type's default. Throws power.no_interface with what is possible. */
  driverOf(node: { readonly driver: string; readonly interfaces: Readonly<Record<string, string | undefined>> }, which: Interface): Driver;
}
