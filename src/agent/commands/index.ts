// Every command that this agent carries out. One that is not here is refused by name.

import type { CommandHandlers } from './types.ts';

export const HANDLERS: CommandHandlers = {};
