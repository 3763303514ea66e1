// rackseed node readiness | checks | benchmark | burn-in | rehearse: is a machine ready, and what tests of it measured.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderList, renderOne, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

interface LoadOptions extends GlobalOptions {
  readonly seconds?: string;
  readonly part?: readonly string[];
}

interface RehearseOptions extends GlobalOptions {
  readonly ask?: true;
}

const NODE = ['<node>', 'UUID or name'] as const;

export function checkCommands(node: Command, context: CliContext): void {
  node
    .command('readiness')
    .argument(...NODE)
    .description('is it ready for what it shall become: what is not, how to put it right, and what the setting is called')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const report = asRecord(await withClient(context, options, (client) => client.get(`${pathOf(id)}/readiness`)));
      if (options.output !== 'table') return context.out(renderValue(report, options.output));
      context.out(renderList(asList(report.items), ITEM_COLUMNS, 'table'));
      if (report.level === null) context.err(`Nothing is known of ${id} yet: its agent has not reported. Boot it from the network.\n`);
    });

  node
    .command('checks')
    .argument(...NODE)
    .description('what tests of it measured, the newest first')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get(`${pathOf(id)}/checks`))).checks);
      context.out(renderList(rows, CHECK_COLUMNS, options.output));
    });

  const load = (name: string, kind: string, description: string): void => {
    node
      .command(name)
      .argument(...NODE)
      .option('--seconds <number>', 'how long in all')
      .option('--part <part...>', 'cpu, memory, disk or network; without it all of them')
      .description(description)
      .action(async (id: string, _: unknown, command: Command) => {
        const options = command.optsWithGlobals<LoadOptions>();
        const seconds = secondsOf(options.seconds);
        const more = { ...(seconds === undefined ? {} : { seconds }), ...(options.part === undefined ? {} : { parts: options.part }) };
        await start(context, options, id, { kind, ...more });
      });
  };
  load('benchmark', 'benchmark', 'measure how fast it is, against others of its kind; its agent must run, its disks are only read');
  load('burn-in', 'burn-in', 'put it under load and look for faults; its agent must run, its disks are only read');

  node
    .command('rehearse')
    .argument(...NODE)
    .option('--ask', 'a person may be asked to switch it')
    .description('restart it twice over the network to its own disk, touching nothing, and say how long it took')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<RehearseOptions>();
      await start(context, options, id, { kind: 'rehearse', ...(options.ask === true ? { ask: true } : {}) });
    });
}

async function start(context: CliContext, options: GlobalOptions, id: string, body: Row): Promise<void> {
  const { taskId } = asRecord(await withClient(context, options, (client) => client.send('POST', `${pathOf(id)}/checks`, body)));
  context.out(
    renderOne({ task: taskId, next: `rackseed task show ${String(taskId)}; the result: rackseed node checks ${id}` }, options.output),
  );
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  throw fail('cli.usage', { message: `--seconds ${text} is no whole number above 0`, hint: 'For example --seconds 600.' });
}

function pathOf(id: string): string {
  return `/api/nodes/${encodeURIComponent(id)}`;
}

const ITEM_COLUMNS = [
  { title: 'LEVEL', value: (row: Row) => row.level },
  { title: 'ITEM', value: (row: Row) => row.id },
  { title: 'FOUND', value: (row: Row) => row.text },
  { title: 'WHAT TO DO', value: (row: Row) => row.fix },
  { title: 'SETTING', value: (row: Row) => row.setting },
];

const CHECK_COLUMNS = [
  { title: 'TIME (UTC)', value: (row: Row) => time(row.finishedAt) },
  { title: 'TEST', value: (row: Row) => row.kind },
  { title: 'VERDICT', value: (row: Row) => row.verdict },
  { title: 'RESULT', value: (row: Row) => row.message },
  { title: 'FIGURES', value: (row: Row) => figureWords(row.figures) },
];

function figureWords(figures: unknown): string {
  return Object.entries(asRecord(figures))
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}
