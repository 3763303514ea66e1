// rackseed setup-link: the one-time way to the first administrator.

import type { Command } from 'commander';
import { asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderOne, time } from '../output.ts';

export function setupLinkCommand(program: Command, context: CliContext): void {
  program
    .command('setup-link')
    .description('a new one-time link that makes the first administrator; the one before is void')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const record = asRecord(await withClient(context, options, (client) => client.send('POST', '/api/setup-link')));
      context.out(renderOne(options.output === 'table' ? { url: record.url, expires: time(record.expiresAt) } : record, options.output));
    });
}
