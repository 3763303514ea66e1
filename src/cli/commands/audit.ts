// rackseed audit …: who changed what, and whether the record is whole.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, positiveInteger, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderList, renderOne, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

interface ListOptions extends GlobalOptions {
  readonly limit: number;
  readonly actor?: string;
}

const PAGE = 500;

export function auditCommand(program: Command, context: CliContext): void {
  const audit = program.command('audit').description('the record of who changed what');

  audit
    .command('list', { isDefault: true })
    .option('--limit <n>', 'so many', positiveInteger, 50)
    .option('--actor <name>', 'only what one of them did')
    .description('the newest first')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ListOptions>();
      const rows = await newest(context, options);
      context.out(renderList(rows, COLUMNS, options.output));
    });

  audit
    .command('check')
    .description('reads all of it: is each row what was written? Note the head elsewhere: against it rows cut off at the end show')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const record = asRecord(await withClient(context, options, (client) => client.get('/api/audit/check')));
      context.out(renderOne(record, options.output));
      if (record.whole === true) return;
      const hint = 'Somebody has changed the database past the appliance: compare with a backup.';
      throw fail('cli.api', { message: `the audit log is not whole: ${String(record.reason)}`, hint });
    });
}

function newest(context: CliContext, options: ListOptions): Promise<Row[]> {
  return withClient(context, options, async (client) => {
    const rows: Row[] = [];
    let next: unknown;
    do {
      const query = new URLSearchParams({ limit: String(Math.min(PAGE, options.limit - rows.length)) });
      if (options.actor !== undefined) query.set('actor', options.actor);
      if (typeof next === 'string') query.set('pageToken', next);
      const page = asRecord(await client.get(`/api/audit?${query.toString()}`));
      rows.push(...asList(page.rows));
      next = page.nextPageToken;
    } while (typeof next === 'string' && rows.length < options.limit);
    return rows;
  });
}

const COLUMNS = [
  { title: 'TIME (UTC)', value: (row: Row) => time(row.at) },
  { title: 'WHO', value: (row: Row) => row.actor },
  { title: 'ROLE', value: (row: Row) => row.role },
  { title: 'WHAT', value: (row: Row) => `${String(row.method)} ${String(row.path)}` },
  { title: 'STATUS', value: (row: Row) => row.status },
  { title: 'FROM', value: (row: Row) => row.address },
  { title: 'DETAIL', value: (row: Row) => row.detail },
];
