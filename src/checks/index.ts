// Tests of machines: benchmark, burn-in and rehearsal, as tasks, and their results.

import { type By, isTransient, type Node, nodeTitle, stateOf } from '../nodes/index.ts';
import type { TaskDefinition } from '../tasks/index.ts';
import { type Check, checksOf } from './book.ts';
import { fail } from './errors.ts';
import { MEASURE_KIND, measureDefinition } from './measure-task.ts';
import type { CheckDeps } from './parts.ts';
import { REHEARSE_KIND, rehearseDefinition } from './rehearse-task.ts';

export { CHECK_KINDS, type Check, type CheckKind, VERDICTS } from './book.ts';
export { CHECK_ERRORS } from './errors.ts';
export { noteHealth } from './health.ts';
export type { CheckDeps } from './parts.ts';

export interface Measurement {
  readonly kind: 'benchmark' | 'burn-in';
  readonly seconds: number;
  /** None: all. */
  readonly parts: readonly string[];
}

export interface Checks {
  /** The newest first. */
  list(node: Node, limit: number): Promise<Check[]>;
  /** The id of the task. Throws checks.no_agent. */
  measure(node: Node, measurement: Measurement): Promise<string>;
  /** Throws checks.wrong_state, checks.needs_person unless a person may be asked. */
  rehearse(node: Node, mayAskPerson: boolean, by: By): Promise<string>;
}

/** For the engine, which is made before what the tasks work with. */
export function createCheckTasks(): { readonly definitions: readonly TaskDefinition[]; bind(deps: CheckDeps): Checks } {
  let bound: CheckDeps | undefined;
  const deps = (): CheckDeps => {
    if (bound === undefined) throw new TypeError('a test of a machine is run before it was wired');
    return bound;
  };
  return {
    definitions: [measureDefinition(deps), rehearseDefinition(deps)],
    bind: (given) => {
      bound = given;
      return createChecks(given);
    },
  };
}

function createChecks(deps: CheckDeps): Checks {
  const { store, tasks } = deps;
  const submit = (node: Node, kind: string, args: unknown, locks: readonly string[]): Promise<string> =>
    store.transaction((tx) => tasks.submit(tx, { kind, subject: `node:${node.uuid}`, nodeUuid: node.uuid, locks, args }));
  return {
    list: ({ uuid }, limit) => checksOf(store.db, uuid, limit),

    async measure(node, { kind, seconds, parts }) {
      if (!deps.desk.isBeating(node.uuid)) {
        throw fail('checks.no_agent', {
          message: `no agent runs on ${nodeTitle(node)}, and a ${kind} is its work`,
          hint: 'Boot the agent there first: rackseed node inspect, or by a service step burnin_*.',
        });
      }
      return submit(node, MEASURE_KIND, { kind, seconds, parts }, [`node:${node.uuid}`]);
    },

    async rehearse(node, mayAskPerson, by) {
      refuseState(node);
      if (!mayAskPerson && deps.registry.driverOf(node, 'power').name === 'manual') {
        throw fail('checks.needs_person', {
          message: `${nodeTitle(node)} is switched by a person only, and a rehearsal restarts it twice`,
          hint: 'Say --ask when somebody stands beside it.',
        });
      }
      return submit(node, REHEARSE_KIND, { by: by.who === 'user' ? by.actor : by.who }, []);
    },
  };
}

function refuseState(node: Node): void {
  const state = node.provisionState;
  const why =
    isTransient(state) || stateOf(state).kind === 'held'
      ? `it is ${state}`
      : state === 'active' && !node.maintenance
        ? 'it is active, and people may use it'
        : undefined;
  if (why === undefined) return;
  throw fail('checks.wrong_state', {
    message: `${nodeTitle(node)} is not restarted for a rehearsal: ${why}`,
    hint: state === 'active' ? 'Put it into maintenance first.' : 'Wait until what goes on has ended.',
  });
}
