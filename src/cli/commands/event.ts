// rackseed event …: what happened, and what is happening.

import type { Command } from 'commander';
import { RackseedError } from '../../lib/index.ts';
import type { Client } from '../client.ts';
import { asList, asRecord, type CliContext, type GlobalOptions, positiveInteger, wholeNumber, withClient } from '../context.ts';
import { renderLine, renderList, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

interface WatchOptions extends GlobalOptions {
  readonly after?: number;
}

interface ListOptions extends GlobalOptions {
  readonly after?: number;
  readonly limit: number;
}

const RETRY_MS = 1000;

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
    .option('--after <seq>', 'only those after this one', wholeNumber)
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
    .option('--after <seq>', 'begin with what happened after this one', wholeNumber)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<WatchOptions>();
      const show = lineWriter(context, options);
      await withClient(context, options, (client) => follow(client, options.after, context, show));
    });
}

/** Ends only by the signal, or when the appliance can't be reached at all or refuses us. */
async function follow(
  client: Client,
  after: number | undefined,
  { clock, err, signal }: CliContext,
  show: (row: Row) => void,
): Promise<void> {
  // The number of the newest event, so that none is missed between a lost connection and the next, not even the first.
  let last = String(after ?? asRecord(await client.get('/api/events?limit=1')).lastSeq);
  let isLost = false;
  for (;;) {
    try {
      for await (const { id, data } of client.events('/api/events', last, signal)) {
        isLost = false;
        last = id;
        show(asRecord(data));
      }
    } catch (thrown) {
      if (signal.aborted || !isPassing(thrown)) throw thrown;
    }
    if (!isLost) err('The connection was lost; trying again each second.\n');
    isLost = true;
    await clock.sleep(RETRY_MS, signal);
  }
}

function isPassing(thrown: unknown): boolean {
  return thrown instanceof RackseedError && (thrown.code === 'cli.no_appliance' || thrown.status === 503);
}

/** A line each also for programs: one JSON object a line, or one YAML document each. */
function lineWriter({ out }: CliContext, { output }: GlobalOptions): (row: Row) => void {
  if (output === 'json') return (row) => out(`${JSON.stringify(row)}\n`);
  if (output === 'yaml') return (row) => out(`---\n${renderValue(row, 'yaml')}`);
  return (row) => out(`${renderLine([time(row.at), row.type, row.message])}\n`);
}
