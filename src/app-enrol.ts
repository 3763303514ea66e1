// Wiring of self-enrolment: its task in the engine, which is made before it, and what it asks of the parts below. Has no rules of its own.

import { observeOnly } from './app-lifecycle.ts';
import type { Config } from './config/index.ts';
import {
  carefully,
  createEnrol,
  type Enrol,
  type EnrolOptions,
  type EnrolTaskDeps,
  enrolDefinition,
  type Report,
  type RootHints,
} from './enrol/index.ts';
import type { InspectOptions } from './inspect/index.ts';
import { imageInstanceInfo } from './install/index.ts';
import type { JsonObject, Node } from './nodes/index.ts';
import { chooseRootDisk, type InstallDesk, seenDisks } from './power/index.ts';
import type { TaskDefinition } from './tasks/index.ts';

export interface Taking {
  /** For the engine. */
  readonly definition: TaskDefinition;
  /** Before the engine starts. */
  bind(deps: EnrolTaskDeps): void;
}

export function createTaking(): Taking {
  let bound: EnrolTaskDeps | undefined;
  const deps = (): EnrolTaskDeps => {
    if (bound === undefined) throw new TypeError('the task of enrolment is run before it was wired');
    return bound;
  };
  return {
    definition: enrolDefinition(deps),
    bind: (given) => {
      bound = given;
    },
  };
}

export interface EnrolPartsOptions extends Omit<EnrolOptions, 'config' | 'observeOnly' | 'imageInfo' | 'rootHints' | 'installRefusal'> {
  readonly installs: Pick<InstallDesk, 'refusal'>;
  readonly config: Config;
  readonly taking: Taking;
}

export interface EnrolParts {
  readonly enrol: Enrol;
  /** A report is kept also when what follows from it could not be decided: the next look does that. */
  readonly onStored: NonNullable<InspectOptions['onStored']>;
}

export function enrolParts({ taking, installs, ...options }: EnrolPartsOptions): EnrolParts {
  const own = {
    ...options,
    observeOnly: observeOnly(options.config),
    imageInfo: imageInstanceInfo,
    rootHints,
    installRefusal: (node) => installs.refusal(node),
  } satisfies EnrolOptions;
  taking.bind(own);
  const enrol = createEnrol(own);
  const log = options.log.child({ part: 'enrol' });
  return { enrol, onStored: carefully(enrol, (message, fields) => log.warn(fields, message)) };
}

/** By the same choice that a deployment makes. */
function rootHints(node: Node, report: Report): RootHints {
  const wanted = node.instanceInfo.root_device ?? node.properties.root_device;
  if (wanted === undefined || wanted === null) return { none: true };
  if (typeof wanted !== 'object' || Array.isArray(wanted)) return { refusal: 'root_device is no object of hints' };
  const choice = chooseRootDisk(seenDisks(report), { hints: wanted as JsonObject, plan: [] }); // by the tests
  return 'disk' in choice ? { disk: choice.disk, text: JSON.stringify(wanted) } : { refusal: choice.refused };
}
