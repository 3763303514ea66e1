// rackseed user …: the people who may sign in.

import type { Command } from 'commander';
import { Option } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderList, renderOne, time } from '../output.ts';
import { passwordFrom, ROLE_NAMES } from '../password.ts';

type Row = Readonly<Record<string, unknown>>;

interface PasswordOptions extends GlobalOptions {
  readonly passwordFile?: string;
}

interface AddOptions extends PasswordOptions {
  readonly role: string;
}

interface ChangeOptions extends GlobalOptions {
  readonly role?: string;
  readonly disable?: true;
  readonly enable?: true;
}

const FILE_HELP = 'read the password from a file, or from standard input (-); without it one is made and shown';

export function userCommand(program: Command, context: CliContext): void {
  const user = program.command('user').description('the people who may sign in');

  user
    .command('list')
    .description('all of them')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get('/api/users'))).users);
      context.out(renderList(rows, COLUMNS, options.output));
      if (rows.length === 0 && options.output === 'table')
        context.err('Nobody can sign in yet. Next step: rackseed setup-link, or rackseed user add NAME.\n');
    });

  user
    .command('add')
    .argument('<name>', 'letters, digits and . _ @ -')
    .addOption(new Option('--role <role>', 'what the user may do').choices(ROLE_NAMES).default('operator'))
    .option('--password-file <path>', FILE_HELP)
    .description('a new user')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<AddOptions>();
      const { password, isMade } = await passwordFrom(options.passwordFile, context);
      const body = { name, role: options.role, password };
      const record = asRecord(await withClient(context, options, (client) => client.send('POST', '/api/users', body)));
      show(context, options, record, isMade ? password : undefined);
    });

  user
    .command('change')
    .argument('<name>', 'whom')
    .addOption(new Option('--role <role>', 'what the user may do').choices(ROLE_NAMES))
    .addOption(new Option('--disable', 'cannot sign in any more').conflicts('enable'))
    .option('--enable', 'can sign in again')
    .description('another role, or disabled; ends the sessions of the user')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ChangeOptions>();
      const { role, disable, enable } = options;
      if (role === undefined && disable === undefined && enable === undefined)
        throw fail('cli.usage', { message: 'nothing to change', hint: 'Name --role, --disable or --enable.' });
      const isSwitched = disable === true || enable === true;
      const body = { ...(role === undefined ? {} : { role }), ...(isSwitched ? { disabled: disable === true } : {}) };
      const path = `/api/users/${encodeURIComponent(name)}`;
      const record = asRecord(await withClient(context, options, (client) => client.send('PATCH', path, body)));
      context.out(renderList([record], COLUMNS, options.output));
    });

  user
    .command('password')
    .argument('<name>', 'whose')
    .option('--password-file <path>', FILE_HELP)
    .description('a new password; ends the sessions of the user')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<PasswordOptions>();
      const { password, isMade } = await passwordFrom(options.passwordFile, context);
      const path = `/api/users/${encodeURIComponent(name)}`;
      const record = asRecord(await withClient(context, options, (client) => client.send('PATCH', path, { password })));
      show(context, options, record, isMade ? password : undefined);
    });

  user
    .command('remove')
    .argument('<name>', 'whom')
    .description('away, with the sessions and the API tokens of the user')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      await withClient(context, options, (client) => client.send('DELETE', `/api/users/${encodeURIComponent(name)}`));
      context.err(`${name} is removed.\n`);
    });
}

/** The made password is part of the answer: it is shown here and never again. */
function show(context: CliContext, { output }: GlobalOptions, record: Row, made: string | undefined): void {
  const shown = { name: record.name, role: record.role, ...(made === undefined ? {} : { password: made }) };
  context.out(renderOne(output === 'table' ? shown : { ...record, ...shown }, output));
}

const COLUMNS = [
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'ROLE', value: (row: Row) => row.role },
  { title: 'DISABLED', value: (row: Row) => (row.disabled === true ? 'yes' : 'no') },
  { title: 'WRONG PASSWORDS', value: (row: Row) => row.failures },
  { title: 'LAST SIGN-IN (UTC)', value: (row: Row) => time(row.lastLoginAt) },
];
