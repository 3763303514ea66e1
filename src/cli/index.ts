// The command line.

export { askAt } from './ask.ts';
export { type Client, createClient } from './client.ts';
export { labApi, labConnection } from './commands/lab.ts';
export { CONNECTION_FILE, type Connection, findConnection, readLocal } from './connection.ts';
export { type CliContext, cacheDirectory, defaultDataDir, labDirectory } from './context.ts';
export { CLI_ERRORS } from './errors.ts';
export { EXIT, explain, runCli } from './program.ts';
