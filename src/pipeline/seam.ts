// What a step of the pipeline is, and what it is given. Types only. A step looks first, changes only what is not as it shall be, and looks
// again: so it may be run as often as one likes, and be cut off anywhere.

import type { TSchema } from 'typebox';
import type { Clock, Log, Secret } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import type { Pve, RootShell } from '../proxmox/index.ts';
import type { Post } from './post.ts';
import type { Scripts } from './scripts.ts';

/** `satisfied`: nothing to do. `needed`: what would be done, a line each, in words for people. `impossible`: not from here, and what resolves it. */
export type Verdict =
  | { readonly is: 'satisfied'; readonly words: string }
  | { readonly is: 'needed'; readonly plan: readonly string[] }
  | { readonly is: 'impossible'; readonly reason: string; readonly hint: string };

/** What a step's file says of its proof: against the real program, behind a shim of the test, or against the simulator alone. */
export type ProvenOn = 'real' | 'shim' | 'simulator';

export interface PipelineStep<Args = unknown> {
  /** Lower-case words with dashes; unique. */
  readonly name: string;
  readonly title: string;
  readonly provenOn: ProvenOn;
  /** An object schema whose properties carry descriptions; every default filled by it. */
  readonly args: TSchema;
  /** What it is for, with these arguments, in one sentence. */
  describe(args: Args): string;
  /** Of the cluster while it applies: others of the same name wait. Null: none. */
  lock?(args: Args, context: StepLook): string | null;
  /** How long apply may take. */
  readonly timeoutMs: number;
  /** May be left out of the machine's life for good: a drift check does not ask for it. */
  readonly isOnce?: boolean;
  /** Changes nothing, anywhere. */
  check(context: StepContext<Args>): Promise<Verdict>;
  /** Whatever check said was needed. May be cut off at any point and is then begun anew. */
  apply(context: StepContext<Args>): Promise<void>;
  /** After apply; check itself where it is left out. */
  verify?(context: StepContext<Args>): Promise<Verdict>;
  /**
   * The cluster that the machine is a member of once this is so; null: with these arguments of none. Before apply its node becomes protected,
   * and when it is so others find it among the members.
   */
  joins?(args: Args, look: StepLook): string | null;
}

export interface MemberAddress {
  readonly name: string;
  readonly nodeUuid: string;
  readonly addresses: readonly string[];
  /** `ssh-ed25519 AAAA…`; without any it is not signed in to. */
  readonly hostKeys?: readonly string[];
  /** Nothing is written to its machine: apply does not work through it. */
  readonly isObserved?: boolean;
}

/** What is known without asking the machine. */
export interface StepLook {
  readonly node: {
    readonly uuid: string;
    /** Its host name, without domain. */
    readonly name: string;
    readonly fqdn: string;
    /** Where it is managed, without prefix. */
    readonly address: string;
    readonly bootMode: 'bios' | 'uefi' | null;
    /** The cluster that it has joined by a pipeline. */
    readonly memberOf?: string | null;
    /** `ssh-ed25519 AAAA…` */
    readonly hostKeys: readonly string[];
    readonly properties: JsonObject;
    /** The last inventory of the agent, with what it found on disks; null: none. */
    readonly inventory: JsonObject | null;
    /** The disks of the system, by serial and WWN: never touched by steps for data. */
    readonly systemDisks: readonly { readonly serial: string | null; readonly wwn: string | null; readonly title: string }[];
  };
  /** [[profile]] and [[cluster]] as they are configured; null: it joins none. */
  readonly profile: JsonObject;
  readonly cluster: JsonObject | null;
  /** Nodes of ours that are members of that cluster, without this one. */
  readonly members: readonly MemberAddress[];
}

export interface StepContext<Args = unknown> extends StepLook {
  readonly args: Args;
  /** Root on the machine, host key pinned. One session for all steps of a run. */
  readonly shell: RootShell;
  /** One more connection, to another address of the machine, under the same pinned host keys: whether it can be reached there. */
  shellAt(address: string): Promise<RootShell & { close(): Promise<void> }>;
  /** The machine is managed there from now on: written down, and `shell` is opened there when it is used next. */
  moved(address: string): Promise<void>;
  /** Root on a member of its cluster that answers; throws pipeline.no_member when none does, in apply also where that is only observed. */
  memberShell(): Promise<RootShell & { readonly name: string }>;
  /**
   * The API of a member: in apply by the appliance's own token, which is made where there is none, certificate pinned (`root`-only calls go by
   * pvesh over a shell); in check and verify by pvesh alone, so that looking leaves nothing behind.
   */
  pve(of: 'node' | 'member'): Promise<Pve>;
  secret(name: string): Promise<Secret | undefined>;
  /** HTTP to other programs, from the appliance. Never by check. */
  readonly post: Post;
  /** The operator's own programs, on the appliance. */
  readonly scripts: Scripts;
  /** Of this run of this node: survives a restart. Steps keep ids of what they began there. */
  readonly notes: { get(key: string): string | undefined; set(key: string, value: string): Promise<void> };
  progress(fraction: number, text: string): void;
  log(line: string): void;
  /** Aborted when apply takes too long, and when the appliance stops: shells and calls end by themselves then. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly trace: Log;
}

/** A step as a pipeline names it. */
export interface PipelineEntry {
  readonly step: string;
  readonly args: JsonObject;
  /** Of facts: {"cluster": true}, {"boot_mode": "uefi"}, {"min_disks": 4}; absent: always. */
  readonly when: JsonObject | null;
}

export interface Pipeline {
  readonly name: string;
  readonly entries: readonly PipelineEntry[];
}
