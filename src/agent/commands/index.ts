// Every command that this agent carries out. One that is not here is refused by name.

import type { CommandHandlers } from './types.ts';

/** Once in the agent's life: what a handler keeps between commands lives in its own factory. */
export function createHandlers(): CommandHandlers {
  return {};
}
