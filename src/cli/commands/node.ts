// rackseed node …: the machines we know.

import type { Command } from 'commander';
import { allPages, asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderList, renderOne, renderValue, time } from '../output.ts';
import { approveCommands } from './approve.ts';
import { checkCommands } from './checks.ts';
import { identityCommands } from './node-identity.ts';
import { installCommand } from './node-install.ts';
import { nodePassword } from './node-password.ts';
import { verifyCommand } from './pipeline.ts';

type Row = Readonly<Record<string, unknown>>;

export function nodeCommand(program: Command, context: CliContext): void {
  const node = program.command('node').description('the machines we know');

  node
    .command('list')
    .description('all of them, with their state')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = await withClient(context, options, (client) => allPages(client, '/api/nodes?limit=500', 'nodes'));
      context.out(renderList(rows, NODE_COLUMNS, options.output));
      if (rows.length === 0 && options.output === 'table') {
        context.err('No machine is known yet. Next step: rackseed enrol open, then switch one on that boots from the network.\n');
      }
    });

  node
    .command('show')
    .argument('<node>', 'UUID or name')
    .description('one machine with everything known about it')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const record = asRecord(await withClient(context, options, (client) => client.get(`/api/nodes/${encodeURIComponent(id)}`)));
      context.out(options.output === 'table' ? renderOne(record, 'table') : renderValue(record, options.output));
    });

  node
    .command('why')
    .argument('<node>', 'UUID or name; or a MAC, which need not be of a known machine')
    .description('why it did (not) get an address, boot, match, install: the stored reasons')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const isMac = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(id);
      const path = isMac
        ? `/api/reasons?subject=${encodeURIComponent(`mac:${id.toLowerCase().replaceAll('-', ':')}`)}`
        : `/api/nodes/${encodeURIComponent(id)}/reasons`;
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get(path))).reasons);
      context.out(renderList(rows, REASON_COLUMNS, options.output));
    });

  node
    .command('history')
    .argument('<node>', 'UUID or name')
    .description('its moves from state to state')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(
        asRecord(await withClient(context, options, (client) => client.get(`/api/nodes/${encodeURIComponent(id)}/history`))).history,
      );
      context.out(renderList(rows, HISTORY_COLUMNS, options.output));
    });

  const setMark = (verb: string, method: 'PUT' | 'DELETE', mark: 'ignored' | 'observed', description: string): void => {
    node
      .command(verb)
      .argument('<node>', 'UUID or name')
      .description(description)
      .action(async (id: string, _: unknown, command: Command) => {
        const options = command.optsWithGlobals<GlobalOptions>();
        const path = `/api/nodes/${encodeURIComponent(id)}/${mark}`;
        const { uuid, name, ignored, observeOnly } = asRecord(await withClient(context, options, (client) => client.send(method, path)));
        context.out(renderOne({ uuid, name, ignored, observeOnly }, options.output));
      });
  };
  approveCommands(node, context);
  checkCommands(node, context);
  installCommand(node, context);
  verifyCommand(node, context);
  nodePassword(node, context);
  identityCommands(node, context);
  setMark('ignore', 'PUT', 'ignored', 'leave a machine alone: it starts its own disk and is never touched');
  setMark('unignore', 'DELETE', 'ignored', 'no longer leave it alone');
  setMark('observe', 'PUT', 'observed', 'only watch a node: every write to it is refused, and it starts its own disk');
  setMark('unobserve', 'DELETE', 'observed', 'no longer only watch it');
}

const NODE_COLUMNS = [
  { title: 'UUID', value: (row: Row) => row.uuid },
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'STATE', value: (row: Row) => row.provisionState },
  { title: 'POWER', value: (row: Row) => row.powerState },
  { title: 'CPUS', value: (row: Row) => asRecord(row.properties).cpus },
  { title: 'MEMORY MB', value: (row: Row) => asRecord(row.properties).memory_mb },
  { title: 'DISK GB', value: (row: Row) => asRecord(row.properties).local_gb },
  { title: 'MAINTENANCE', value: (row: Row) => (row.maintenance === true ? 'yes' : 'no') },
];

const REASON_COLUMNS = [
  { title: 'TIME (UTC)', value: (row: Row) => time(row.at) },
  { title: 'AREA', value: (row: Row) => row.area },
  { title: 'DECISION', value: (row: Row) => row.decision },
  { title: 'REASON', value: (row: Row) => row.reason },
];

const HISTORY_COLUMNS = [
  { title: 'TIME (UTC)', value: (row: Row) => time(row.at) },
  { title: 'EVENT', value: (row: Row) => row.event },
  { title: 'FROM', value: (row: Row) => row.fromState },
  { title: 'TO', value: (row: Row) => row.toState },
  { title: 'WHO', value: (row: Row) => row.who },
  { title: 'REASON', value: (row: Row) => row.reason },
];
