// rackseed task …: long work and its steps.

import type { Command } from 'commander';
import { allPages, asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderList, renderOne, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

export function taskCommand(program: Command, context: CliContext): void {
  const task = program.command('task').description('long work and its steps');

  task
    .command('list')
    .description('newest first')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = await withClient(context, options, (client) => allPages(client, '/api/tasks?limit=500', 'tasks'));
      context.out(renderList(rows, TASK_COLUMNS, options.output));
    });

  task
    .command('show')
    .argument('<task>', 'id')
    .description('one task with its steps')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const record = asRecord(await withClient(context, options, (client) => client.get(`/api/tasks/${encodeURIComponent(id)}`)));
      if (options.output !== 'table') {
        context.out(renderValue(record, options.output));
        return;
      }
      const { steps, ...fields } = record;
      context.out(renderOne(fields, 'table'));
      context.out(`\n${renderList(asList(steps), STEP_COLUMNS, 'table')}`);
    });

  task
    .command('logs')
    .argument('<task>', 'id')
    .description('what its steps wrote')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(
        asRecord(await withClient(context, options, (client) => client.get(`/api/tasks/${encodeURIComponent(id)}/logs?limit=1000`))).lines,
      );
      context.out(renderList(rows, LOG_COLUMNS, options.output));
    });

  task
    .command('cancel')
    .argument('<task>', 'id')
    .description('stop it; the step under way is aborted')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const record = asRecord(
        await withClient(context, options, (client) => client.send('POST', `/api/tasks/${encodeURIComponent(id)}/cancel`, {})),
      );
      context.out(renderOne(record, options.output));
    });
}

const TASK_COLUMNS = [
  { title: 'ID', value: (row: Row) => row.id },
  { title: 'KIND', value: (row: Row) => row.kind },
  { title: 'SUBJECT', value: (row: Row) => row.subject },
  { title: 'STATE', value: (row: Row) => row.state },
  { title: 'PROGRESS', value: (row: Row) => (typeof row.progress === 'number' ? `${Math.round(row.progress * 100)} %` : null) },
  { title: 'CREATED (UTC)', value: (row: Row) => time(row.createdAt) },
];

const STEP_COLUMNS = [
  { title: 'STEP', value: (row: Row) => row.name },
  { title: 'STATE', value: (row: Row) => row.state },
  { title: 'ATTEMPT', value: (row: Row) => row.attempt },
  { title: 'STARTED (UTC)', value: (row: Row) => time(row.startedAt) },
  { title: 'FINISHED (UTC)', value: (row: Row) => time(row.finishedAt) },
  { title: 'ERROR', value: (row: Row) => row.error },
];

const LOG_COLUMNS = [
  { title: 'TIME (UTC)', value: (row: Row) => time(row.at) },
  { title: 'STEP', value: (row: Row) => row.position },
  { title: 'LINE', value: (row: Row) => row.line },
];
