// rackseed event …: what happened, and what is happening.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, positiveInteger, withClient } from '../context.ts';
import { renderList, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

interface ListOptions extends GlobalOptions {
  readonly after?: number;
  readonly limit: number;
}

const COLUMNS = [
  { title: 'SEQ', value: (row: Row) => row.seq },
  { title: 'TIME (UTC)', value: (row: Row) => time(row.at) },
  { title: 'TYPE', value: (row: Row) => row.type },
  { title: 'MESSAGE', value: (row: Row) => row.message },
];

export function eventCommand(program: Command, context: CliContext): void {
  const event = program.command('event').description('what happened, and what is happening');

  event
    .command('list')
    .description('stored events, oldest first')
    .option('--after <seq>', 'only those after this one', positiveInteger)
    .option('--limit <n>', 'at most so many', positiveInteger, 100)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ListOptions>();
      const path = `/api/events?after=${options.after ?? 0}&limit=${options.limit}`;
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get(path))).events);
      context.out(renderList(rows, COLUMNS, options.output));
    });

  event
    .command('watch')
    .description('events as they happen, a line each; goes on by itself after a lost connection; Ctrl-C ends it')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      await withClient(context, options, async (client) => {
        let last: string | undefined;
        while (!context.signal.aborted) {
          for await (const { id, data } of client.events('/api/events', last, context.signal)) {
            last = id;
            const row = asRecord(data);
            context.out(
              options.output === 'table'
                ? `${time(row.at)}  ${String(row.type)}  ${String(row.message)}\n`
                : renderValue(row, options.output),
            );
          }
          await context.clock.sleep(1000, context.signal);
        }
      });
    });
}
