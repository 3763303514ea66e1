// What the API and others ask of the life cycle: verbs, power, boot settings, validation. Types only; how it is done is in tasks.

import type { Component } from '../lib/index.ts';
import type { By, Interface, JsonObject, Node } from '../nodes/index.ts';
import type { AgentWord, BootDevice, BootDeviceSetting, PowerTarget, VendorMethod } from '../power/index.ts';
import type { Asked, Tx } from '../store/index.ts';

/** A step as a person or a template asks for it. Checked by the API for its form only. */
export interface AskedStep {
  readonly interface: Interface;
  readonly step: string;
  readonly args?: JsonObject;
  readonly priority?: number;
  readonly order?: number;
}

export interface ProvisionRequest {
  /** A verb, or whatever a client wrote in its place: what is none is refused as one that is not possible. */
  readonly verb: string;
  readonly cleanSteps?: readonly AskedStep[];
  readonly deploySteps?: readonly AskedStep[];
  readonly serviceSteps?: readonly AskedStep[];
  /** UUID or name: its steps instead of the three above. */
  readonly runbook?: string;
  /** Base64 of a gzipped ISO, a URL, or the parts to make one of. */
  readonly configdrive?: string | JsonObject;
  readonly rescuePassword?: string;
  readonly disableRamdisk?: boolean;
}

export interface AgentProgress {
  /** Of the order. */
  readonly key: string;
  readonly fraction: number;
  readonly text: string;
  readonly log: readonly { readonly stream: 'out' | 'err'; readonly line: string }[];
  /** False: too soon after the last one to be written down; its log lines are kept all the same. */
  readonly isDue: boolean;
}

export interface Validation {
  /** Null: there is nothing to validate. */
  readonly result: boolean | null;
  readonly reason: string | null;
}

/**
 * Each throws what the caller shall be told: nodes.* (wrong state, protected, observe-only, maintenance), lifecycle.locked (409: who holds
 * the node and why), lifecycle.bad_steps, power.*. What is accepted is stored and goes on by itself, also after a restart.
 */
export interface Lifecycle extends Component {
  provision(node: Node, request: ProvisionRequest, by: By): Promise<void>;
  setPower(node: Node, wanted: PowerTarget, timeoutSeconds: number | null, by: By): Promise<void>;
  validate(node: Node): Promise<Readonly<Record<Interface, Validation>>>;
  bootDevice(node: Node): Promise<BootDeviceSetting>;
  setBootDevice(node: Node, device: BootDevice, isPersistent: boolean, by: By): Promise<void>;
  bootDevices(node: Node): Promise<readonly BootDevice[]>;
  setBootMode(node: Node, mode: 'bios' | 'uefi', by: By): Promise<void>;
  setSecureBoot(node: Node, isOn: boolean, by: By): Promise<void>;
  injectNmi(node: Node, by: By): Promise<void>;
  console(node: Node): Promise<{ readonly isEnabled: boolean; readonly info: { readonly type: string; readonly url: string } | null }>;
  setConsole(node: Node, isOn: boolean, by: By): Promise<void>;
  setTargetRaid(node: Node, config: JsonObject, by: By): Promise<void>;
  /** Both: accepted when they return; what fails at the machine after that is in last_error. */
  attachMedia(
    node: Node,
    media: { readonly deviceType: string; readonly imageUrl: string; readonly imageDownloadSource?: string | null },
    by: By,
  ): Promise<void>;
  detachMedia(node: Node, deviceTypes: readonly string[] | null, by: By): Promise<void>;
  vendorMethods(node: Node): Readonly<Record<string, VendorMethod>>;
  callVendor(node: Node, method: string, httpMethod: string, args: JsonObject, by: By): Promise<unknown>;
  /** Who works on each of these nodes now, as `reservation` shows it. Nodes that nobody holds are left out. */
  holders(uuids: readonly string[], on?: Asked): Promise<ReadonlyMap<string, string>>;
  /** The agent on the machine was heard: work that waited for it goes on. */
  agentHeard(uuid: string, word: AgentWord): Promise<void>;
  /** How far the agent is with an order: shown with the task that waits for it. */
  agentProgress(uuid: string, progress: AgentProgress): Promise<void>;
  /** For the timers: the state's time is over and the node is about to be moved; what worked on it has nothing to go on with. */
  timedOut(tx: Tx, node: Node): Promise<void>;
}
