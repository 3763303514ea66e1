// What the program asks of the set-up when it starts.

export { serveEntryOf } from './serve-bundle.ts';
export { type Command, serveCommand } from './serve-command.ts';
