// What the parts of enrolment have at hand, and the few questions that several of them ask.

import type { Config } from '../config/index.ts';
import type { Clock, Log, Random } from '../lib/index.ts';
import type { Lifecycle } from '../lifecycle/index.ts';
import type { JsonObject, Node, Nodes } from '../nodes/index.ts';
import type { AgentDesk, Registry } from '../power/index.ts';
import type { Store } from '../store/index.ts';
import type { TaskEngine } from '../tasks/index.ts';
import type { Book } from './book.ts';
import type { Report } from './disks-decide.ts';
import { fail } from './errors.ts';
import type { Names } from './names.ts';
import type { Plans } from './plans.ts';
import type { RootHints } from './wanted-decide.ts';

export type Profile = Config['profile'][number];

export interface EnrolOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly tasks: Pick<TaskEngine, 'submit' | 'wake'>;
  readonly lifecycle: Pick<Lifecycle, 'provision'>;
  readonly registry: Pick<Registry, 'driverOf'>;
  readonly desk: Pick<AgentDesk, 'isBeating' | 'place'>;
  readonly config: Pick<Config, 'rule' | 'profile' | 'enrol'>;
  /** May unknown machines boot the agent, and since when. */
  readonly window: { get(): Promise<{ readonly mode: 'open' | 'closed'; readonly since: number | null }> };
  /** Why nothing may be written to this node's machine. */
  readonly observeOnly: (node: Node) => string | undefined;
  /** Of a profile with a disk image: what the node's instance_info must say for it to be written. */
  readonly imageInfo: (profile: Profile) => JsonObject;
  /** Why no installer can be booted on the node, as far as that is known without its machine; null: one can. */
  readonly installRefusal: (node: Node) => string | null;
  /** The disk that the node's root device hints name. */
  readonly rootHints: (node: Node, report: Report) => RootHints;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface EnrolDeps extends EnrolOptions {
  readonly book: Book;
  readonly plans: Plans;
  readonly names: Names;
}

/** In driver_internal_info. The life cycle leaves the agent on the machine after cleaning, as more is to come. */
export const KEEP_AGENT = 'keep_agent';

export function profileNamed({ config }: Pick<EnrolOptions, 'config'>, name: string): Profile {
  const profile = config.profile.find((one) => one.name === name);
  if (profile !== undefined) return profile;
  const names = config.profile.map((one) => one.name).join(', ');
  throw fail('enrol.unknown_profile', {
    message: `no [[profile]] is named ${JSON.stringify(name.slice(0, 80))}`,
    hint: names === '' ? 'Write one into rackseed.toml.' : `There are ${names}.`,
  });
}
