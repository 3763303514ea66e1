// rackseed node install: how far the unattended installation of a node has come, and what to look at when it does not go on.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderList, renderOne, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

const BAR_WIDTH = 24;

export function installCommand(node: Command, context: CliContext): void {
  node
    .command('install')
    .argument('<node>', 'UUID or name')
    .description('how far its unattended installation has come, step by step')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const path = `/api/nodes/${encodeURIComponent(id)}/installation`;
      const record = asRecord(await withClient(context, options, (client) => client.get(path)));
      if (options.output !== 'table') {
        context.out(renderValue(record, options.output));
        return;
      }
      context.out(renderOne(headOf(record), 'table'));
      context.out(`\n${renderList(asList(record.timeline), TIMELINE_COLUMNS, 'table')}`);
    });
}

function headOf(record: Row): Row {
  const stall = typeof record.stall === 'object' && record.stall !== null ? asRecord(record.stall) : undefined;
  return {
    stage: record.stage,
    progress: bar(record.fraction),
    now: record.text,
    ...(stall === undefined ? {} : { cause: stall.cause, next: stall.next }),
    ...(typeof record.needsHands === 'string' ? { 'needs hands': record.needsHands } : {}),
    name: record.fqdn,
    address: record.address ?? 'from DHCP',
    disks: record.disks,
    profile: record.profile,
    heard: time(record.heardAt),
  };
}

function bar(fraction: unknown): string {
  const share = typeof fraction === 'number' ? fraction : 0;
  const full = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)} %`;
}

const TIMELINE_COLUMNS = [
  { title: 'TIME (UTC)', value: (row: Row) => time(row.at) },
  { title: 'EVENT', value: (row: Row) => row.type },
  { title: 'MESSAGE', value: (row: Row) => row.message },
];
