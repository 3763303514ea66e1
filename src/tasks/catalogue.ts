// The kinds of task this version knows, and the check of their arguments against their schemas.

import { assert, nearest } from '../lib/index.ts';
import type { TaskDefinition } from './define.ts';
import { fail } from './errors.ts';
import { schemaErrors } from './schema-errors.ts';

const SHOWN_ERRORS = 5;

export interface TaskCatalogue {
  find(kind: string): TaskDefinition | undefined;
  /** Throws tasks.unknown_kind. */
  get(kind: string): TaskDefinition;
}

export function createCatalogue(definitions: readonly TaskDefinition[]): TaskCatalogue {
  const byKind = new Map(definitions.map((definition) => [definition.kind, definition]));
  assert(byKind.size === definitions.length, 'two task definitions have the same kind');
  return {
    find: (kind) => byKind.get(kind),
    get(kind) {
      const definition = byKind.get(kind);
      if (definition !== undefined) return definition;
      const near = nearest(kind, [...byKind.keys()]);
      throw fail('tasks.unknown_kind', {
        message: `no task of kind ${JSON.stringify(kind)} is known`,
        hint: near === undefined ? 'Look at the list of task kinds.' : `Did you mean ${near}?`,
      });
    },
  };
}

/** Throws tasks.bad_args that names each wrong place. */
export function checkArgs(definition: TaskDefinition, args: unknown): void {
  const [first, ...others] = schemaErrors(definition.args, args);
  if (first === undefined) return;
  const places = [first, ...others].slice(0, SHOWN_ERRORS).map((error) => `${error.instancePath || '/'} ${error.message}`);
  throw fail('tasks.bad_args', {
    message: `arguments of task ${definition.kind}: ${places.join('; ')}`,
    hint: 'Submit the task again with arguments of the right form.',
  });
}
