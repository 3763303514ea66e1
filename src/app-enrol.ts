// Wiring of self-enrolment: its task in the engine, which is made before it, and what it asks of the parts below. Has no rules of its own.

import { observeOnly } from './app-lifecycle.ts';
import type { Config } from './config/index.ts';
import { carefully, createEnrol, type Enrol, type EnrolOptions, type EnrolTaskDeps, enrolDefinition } from './enrol/index.ts';
import type { InspectOptions } from './inspect/index.ts';
import type { Log } from './lib/index.ts';
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

export interface EnrolPartsOptions extends Omit<EnrolOptions, 'config' | 'observeOnly' | 'imageInfo' | 'rootHints'> {
  readonly config: Config;
  readonly taking: Taking;
}

export function enrolParts({ taking, ...options }: EnrolPartsOptions): Enrol {
  const own = {
    ...options,
    observeOnly: observeOnly(options.config),
    imageInfo: ({ image }) => (image === undefined ? {} : { image_source: image }),
    rootHints: () => ({ none: true }),
  } satisfies EnrolOptions;
  taking.bind(own);
  return createEnrol(own);
}

/** A report is kept also when what follows from it could not be decided: the next look does that. */
export function afterReport(enrol: Enrol, log: Log): NonNullable<InspectOptions['onStored']> {
  return carefully(enrol, (message, fields) => log.warn(fields, message));
}
