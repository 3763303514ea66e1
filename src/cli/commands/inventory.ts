// rackseed inventory …: the machines in the words of other programs. `inventory ansible` speaks as an inventory script of Ansible does.

import { type Command, Option } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderLine, renderList, renderValue } from '../output.ts';

interface FilterOptions extends GlobalOptions {
  readonly cluster?: string;
  readonly profile?: string;
}

interface AnsibleOptions extends FilterOptions {
  readonly list?: true;
  readonly host?: string;
}

type Row = Readonly<Record<string, unknown>>;

const CLUSTER = ['--cluster <name>', 'only members of that cluster'] as const;
const PROFILE = ['--profile <name>', 'only those of that profile'] as const;

export function inventoryCommand(program: Command, context: CliContext): void {
  const inventory = program.command('inventory').description('the machines that have a system, in the words of other programs');

  inventory
    .command('ansible')
    .addOption(new Option('--list', 'everything, as Ansible asks').conflicts('host'))
    .option('--host <name>', 'the variables of one host, as Ansible asks')
    .option(...CLUSTER)
    .option(...PROFILE)
    .description('an inventory script for Ansible in two lines: #!/bin/sh, and exec rackseed inventory ansible "$@"')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<AnsibleOptions>();
      if (options.list !== true && options.host === undefined)
        throw fail('cli.usage', {
          message: 'neither --list nor --host is said',
          hint: 'Ansible says one of them: rackseed inventory ansible --list',
        });
      const found = asRecord(await ask(context, options, 'ansible'));
      // To Ansible no answer is one without variables, and never an error: inventory scripts are asked for hosts of other inventories too.
      const vars = asRecord(asRecord(found._meta).hostvars)[options.host ?? ''];
      const value = options.host === undefined ? found : asRecord(vars);
      context.out(renderValue(value, options.output === 'yaml' ? 'yaml' : 'json'));
    });

  inventory
    .command('hosts')
    .option(...CLUSTER)
    .option(...PROFILE)
    .description('lines for a hosts file')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<FilterOptions>();
      const hosts = asList(asRecord(await ask(context, options, 'hosts')).hosts);
      if (options.output !== 'table') return context.out(renderValue(hosts, options.output));
      for (const { address, names } of hosts) {
        const words: readonly unknown[] = Array.isArray(names) ? names : [];
        context.out(`${renderLine([address, ...words])}\n`);
      }
    });

  inventory
    .command('prometheus')
    .option(...CLUSTER)
    .option(...PROFILE)
    .description('what Prometheus finds at /api/discovery/prometheus')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<FilterOptions>();
      const groups = asList(await ask(context, options, 'prometheus'));
      context.out(renderList(groups, TARGET_COLUMNS, options.output));
    });
}

function ask(context: CliContext, { cluster, profile, ...options }: FilterOptions, what: string): Promise<unknown> {
  const query = new URLSearchParams({ ...(cluster === undefined ? {} : { cluster }), ...(profile === undefined ? {} : { profile }) });
  const path = `/api/discovery/${what}${query.size === 0 ? '' : `?${query.toString()}`}`;
  return withClient(context, options, (client) => client.get(path));
}

const label = (name: string) => (row: Row) => asRecord(row.labels)[`__meta_rackseed_${name}`];
const TARGET_COLUMNS = [
  { title: 'TARGET', value: (row: Row) => (Array.isArray(row.targets) ? row.targets.join(' ') : row.targets) },
  { title: 'NAME', value: label('fqdn') },
  { title: 'CLUSTER', value: label('cluster') },
  { title: 'PROFILE', value: label('profile') },
  { title: 'STATE', value: label('state') },
];
