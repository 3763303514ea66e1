// The ways to a machine and its cluster, each opened when it is first used and once for all steps of a run. Knows no steps.

import type { Secret } from '../lib/index.ts';
import { messageOf } from '../lib/index.ts';
import type { OpenedShell, Pve, RootShell } from '../proxmox/index.ts';
import { fail } from './errors.ts';
import type { Hands, How } from './hands.ts';
import type { Post } from './post.ts';
import type { Scripts } from './scripts.ts';
import type { MemberAddress, StepLook } from './seam.ts';

/** A machine as it is signed in to. */
export interface Place {
  readonly address: string;
  /** For messages. */
  readonly title: string;
  readonly hostKeys: readonly string[];
  readonly signal: AbortSignal;
}

export interface OpenParts {
  readonly openShell: (place: Place) => Promise<OpenedShell>;
  /** The API of whoever is behind that shell. */
  readonly openPve: (order: PveOrder) => Promise<Pve & { close(): Promise<void> }>;
  readonly secret: (look: StepLook, name: string) => Promise<Secret | undefined>;
  readonly post?: Post;
  readonly scripts?: Scripts;
}

export interface PveOrder {
  readonly shell: RootShell;
  /** The machine's name among the members. */
  readonly name: string;
  /** That it is a member of. */
  readonly cluster: string | null;
  readonly nodeUuid: string;
  /** For looking nothing may be made on it. */
  readonly how: How;
  readonly signal: AbortSignal;
}

export async function openHands(parts: OpenParts, look: StepLook, signal: AbortSignal): Promise<Hands> {
  const opened = new Opened(parts, look, signal);
  return {
    shell: lazyShell(
      () => opened.address,
      () => opened.shell(),
    ),
    shellAt: (address) => opened.shellAt(address),
    sees: (seen) => opened.sees(seen),
    memberShell: (how) => opened.member(how),
    pve: (of, how) => opened.pve(of, how),
    secret: (name) => parts.secret(look, name),
    post: parts.post,
    scripts: parts.scripts,
    close: () => opened.close(),
  };
}

interface FoundMember {
  readonly shell: OpenedShell & { readonly name: string };
  readonly isObserved: boolean;
  /** Of those before it. */
  readonly failures: readonly string[];
}

class Opened {
  readonly #parts: OpenParts;
  #look: StepLook;
  readonly #signal: AbortSignal;
  readonly #toClose: (() => Promise<void>)[] = [];
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(parts: OpenParts, look: StepLook, signal: AbortSignal) {
    this.#parts = parts;
    this.#look = look;
    this.#signal = signal;
  }

  get address(): string {
    return this.#look.node.address;
  }

  shell(): Promise<OpenedShell> {
    return this.#once('node', () => this.shellAt(this.address));
  }

  shellAt(address: string): Promise<OpenedShell> {
    const { name: title, hostKeys } = this.#look.node;
    return this.#open({ address, title, hostKeys, signal: this.#signal });
  }

  /** What was opened before ends with the run: it may be needed where the machine still has both addresses. */
  sees(look: StepLook): void {
    const before = this.#look.node;
    this.#look = look;
    if (before.address !== look.node.address) this.#known.delete('node');
    if (before.address !== look.node.address || before.memberOf !== look.node.memberOf)
      for (const how of ['look', 'work'] as const) this.#known.delete(`pve node ${how}`);
  }

  async member(how: How): Promise<OpenedShell & { readonly name: string }> {
    const { shell, isObserved, failures } = await this.#once('member', () => this.#firstMember());
    if (how === 'look' || !isObserved) return shell;
    throw fail('pipeline.no_member', {
      message: `no member of the cluster ${this.#clusterName} may be worked on: ${[...failures, `${shell.name} is only observed`].join('; ')}`,
      hint: 'Let one be written to: rackseed node unobserve NODE; then: rackseed pipeline resume NODE',
    });
  }

  pve(of: 'node' | 'member', how: How): Promise<Pve> {
    return this.#once(`pve ${of} ${how}`, async () => {
      const { node, cluster } = this.#look;
      const other = of === 'member' ? await this.member(how) : undefined;
      const [shell, name] = other === undefined ? [await this.shell(), node.name] : [other, other.name];
      const joining = typeof cluster?.name === 'string' ? cluster.name : null;
      const member = of === 'node' ? (node.memberOf ?? null) : joining;
      const pve = await this.#parts.openPve({ shell, name, cluster: member, nodeUuid: node.uuid, how, signal: this.#signal });
      this.#toClose.push(() => pve.close());
      return pve;
    });
  }

  /** The last that was opened first. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#known.values());
    for (const close of this.#toClose.splice(0).toReversed()) await close();
  }

  async #open(place: Place): Promise<OpenedShell> {
    const shell = await this.#parts.openShell(place);
    this.#toClose.push(() => shell.close());
    return shell;
  }

  get #clusterName(): string {
    const { cluster } = this.#look;
    return typeof cluster?.name === 'string' ? cluster.name : 'that it joins';
  }

  /** One that is only observed when no other answers. */
  async #firstMember(): Promise<FoundMember> {
    const { members } = this.#look;
    const failures: string[] = [];
    for (const member of members.toSorted((a, b) => Number(a.isObserved === true) - Number(b.isObserved === true))) {
      const shell = await this.#tried(member, failures);
      if (shell !== undefined) return { shell: { ...shell, name: member.name }, isObserved: member.isObserved === true, failures };
    }
    throw fail('pipeline.no_member', {
      message: `no member of the cluster ${this.#clusterName} answers: ${failures.join('; ') || 'it has none that is known here'}`,
      hint: 'Look whether a member is switched on, and can be reached from the appliance.',
    });
  }

  async #tried({ name, addresses, hostKeys = [] }: MemberAddress, failures: string[]): Promise<OpenedShell | undefined> {
    if (hostKeys.length === 0) failures.push(`${name} was not installed from here, so its host keys are not known`);
    else if (addresses.length === 0) failures.push(`the address of ${name} is not known`);
    else
      for (const address of addresses) {
        try {
          return await this.#open({ address, title: name, hostKeys, signal: this.#signal });
        } catch (thrown) {
          this.#signal.throwIfAborted();
          failures.push(messageOf(thrown));
        }
      }
    return undefined;
  }

  /** What failed is tried again by whoever asks next. */
  #once<T>(key: string, open: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key);
    if (known !== undefined) return known as Promise<T>; // put there under the same key, below
    const opening = open();
    this.#known.set(key, opening);
    opening.catch(() => this.#known.delete(key));
    return opening;
  }
}

function lazyShell(address: () => string, open: () => Promise<RootShell>): RootShell {
  return {
    get address() {
      return address();
    },
    run: async (command, options) => (await open()).run(command, options),
    must: async (command, options) => (await open()).must(command, options),
    script: async (text, words, options) => (await open()).script(text, words, options),
    readFile: async (path, maxBytes) => (await open()).readFile(path, maxBytes),
    writeFile: async (path, content, mode) => (await open()).writeFile(path, content, mode),
  };
}
