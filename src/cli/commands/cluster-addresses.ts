// rackseed cluster addresses: which node has which address of a cluster for good.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderList, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

const COLUMNS = [
  { title: 'ADDRESS', value: (row: Row) => `${String(row.address)}/${String(row.prefix)}` },
  { title: 'CLUSTER', value: (row: Row) => row.cluster },
  { title: 'NODE', value: (row: Row) => row.node },
  { title: 'FOR', value: (row: Row) => row.purpose },
  { title: 'GIVEN', value: (row: Row) => time(row.givenAt) },
  { title: 'ASKED FOR', value: (row: Row) => (row.probedAt === null ? 'no' : time(row.probedAt)) },
  { title: 'PASSED OVER', value: (row: Row) => row.conflict ?? '' },
];

export function clusterAddresses(cluster: Command, context: CliContext): void {
  cluster
    .command('addresses')
    .argument('[name]', 'of this cluster only')
    .description('addresses that nodes of a [[cluster]] have for good')
    .action(async (name: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const path = `/api/addresses${name === undefined ? '' : `?cluster=${encodeURIComponent(name)}`}`;
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get(path))).addresses);
      context.out(renderList(rows, COLUMNS, options.output));
      if (rows.length === 0 && options.output === 'table')
        context.err('No address was given yet: nodes get theirs when they are installed, from addresses of their [[cluster]].\n');
    });
}
