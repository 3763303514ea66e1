// rackseed token …: API tokens, for programs.

import type { Command } from 'commander';
import { Option } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, positiveInteger, withClient } from '../context.ts';
import { renderList, renderOne, time } from '../output.ts';
import { ROLE_NAMES } from '../password.ts';

type Row = Readonly<Record<string, unknown>>;

interface CreateOptions extends GlobalOptions {
  readonly role: string;
  readonly scope?: readonly string[];
  readonly project?: string;
  readonly days?: number;
}

const SCOPE_NAMES = ['read', 'nodes', 'power', 'allocations', 'enrolment', 'metrics'] as const;

export function tokenCommand(program: Command, context: CliContext): void {
  const token = program.command('token').description('API tokens, for programs');

  token
    .command('list')
    .description('all of them; the tokens themselves are not kept')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get('/api/tokens'))).tokens);
      context.out(renderList(rows, COLUMNS, options.output));
    });

  token
    .command('create')
    .argument('<name>', 'what it is for')
    .addOption(new Option('--role <role>', 'what its bearer may do').choices(ROLE_NAMES).default('reader'))
    .addOption(new Option('--scope <scope...>', 'limit it to these; without, all that the role may').choices(SCOPE_NAMES))
    .option('--project <name>', 'only nodes that have it as owner or lessee')
    .option('--days <n>', 'ends by itself after so many days', positiveInteger)
    .description('a new one; the token is shown once')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<CreateOptions>();
      const { role, scope, project, days } = options;
      const limits = {
        ...(scope === undefined ? {} : { scopes: scope }),
        ...(project === undefined ? {} : { project }),
        ...(days === undefined ? {} : { days }),
      };
      const record = asRecord(
        await withClient(context, options, (client) => client.send('POST', '/api/tokens', { name, role, ...limits })),
      );
      context.out(
        options.output === 'table'
          ? renderOne({ id: record.id, name, role, expires: time(record.expiresAt), token: record.token }, 'table')
          : renderOne(record, options.output),
      );
    });

  token
    .command('remove')
    .argument('<id>', 'as token list shows it')
    .description('it lets nobody in any more')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      await withClient(context, options, (client) => client.send('DELETE', `/api/tokens/${encodeURIComponent(id)}`));
      context.err(`The token ${id} is removed.\n`);
    });
}

const COLUMNS = [
  { title: 'ID', value: (row: Row) => row.id },
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'ROLE', value: (row: Row) => row.role },
  { title: 'SCOPES', value: (row: Row) => (Array.isArray(row.scopes) ? row.scopes.join(',') : null) },
  { title: 'PROJECT', value: (row: Row) => row.project },
  { title: 'MADE BY', value: (row: Row) => row.createdBy },
  { title: 'EXPIRES (UTC)', value: (row: Row) => time(row.expiresAt) },
  { title: 'LAST USED (UTC)', value: (row: Row) => time(row.usedAt) },
];
