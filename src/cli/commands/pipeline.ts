// rackseed pipeline …: what follows an installation, step by step.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderList, renderOne, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

interface NamedOptions extends GlobalOptions {
  readonly pipeline?: string;
}

interface SkipOptions extends GlobalOptions {
  readonly reason: string;
  readonly stay?: true;
}

const NODE = ['<node>', 'UUID or name'] as const;
const OTHER = ['--pipeline <name>', 'another one than that of its profile'] as const;

export function pipelineCommand(program: Command, context: CliContext): void {
  const pipeline = program.command('pipeline').description('what follows an installation, step by step');

  pipeline
    .command('list')
    .description('the pipelines there are: those that came along, and your own')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get('/api/pipelines'))).pipelines);
      context.out(renderList(rows, FILE_COLUMNS, options.output));
      for (const { path, faults } of rows)
        for (const { line, key, message } of asList(faults))
          context.err(`${String(path)}${typeof line === 'number' ? `:${line}` : ''}: ${String(key)} ${String(message)}\n`);
    });

  pipeline
    .command('show')
    .argument(...NODE)
    .description('how the newest run on the node stands')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      show(context, options, asRecord(await withClient(context, options, (client) => client.get(pathOf(id)))));
    });

  pipeline
    .command('plan')
    .argument(...NODE)
    .option(...OTHER)
    .description('what a run would do; looks at the machine and changes nothing')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<NamedOptions>();
      const path = `${pathOf(id)}/plan`;
      const found = asRecord(await withClient(context, options, (client) => client.send('POST', path, nameOf(options))));
      if (options.output !== 'table') return context.out(renderValue(found, options.output));
      context.out(renderList(asList(found.steps), PLAN_COLUMNS, 'table'));
    });

  pipeline
    .command('run')
    .argument(...NODE)
    .option(...OTHER)
    .description('begin a run: what is so already is left as it is')
    .action((id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<NamedOptions>();
      return say(context, options, `${pathOf(id)}/run`, nameOf(options));
    });

  goingOn(pipeline, context);
}

function goingOn(pipeline: Command, context: CliContext): void {
  pipeline
    .command('resume')
    .argument(...NODE)
    .description('go on with the run that failed, at its step')
    .action((id: string, _: unknown, command: Command) =>
      say(context, command.optsWithGlobals<GlobalOptions>(), `${pathOf(id)}/resume`, {}),
    );

  pipeline
    .command('retry')
    .argument(...NODE)
    .argument('<step>', 'as "pipeline show" names it')
    .description('look at a step anew, and go on')
    .action((id: string, step: string, _: unknown, command: Command) =>
      say(context, command.optsWithGlobals<GlobalOptions>(), `${pathOf(id)}/steps/${encodeURIComponent(step)}/retry`, {}),
    );

  pipeline
    .command('skip')
    .argument(...NODE)
    .argument('<step>', 'as "pipeline show" names it')
    .requiredOption('--reason <text>', 'why it is left out; kept with the run')
    .option('--stay', 'the run does not go on yet')
    .description('leave a step out, and go on')
    .action((id: string, step: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<SkipOptions>();
      const body = { reason: options.reason, ...(options.stay === true ? { stay: true } : {}) };
      return say(context, options, `${pathOf(id)}/steps/${encodeURIComponent(step)}/skip`, body);
    });

  pipeline
    .command('abort')
    .argument(...NODE)
    .description('end the run before its next step: the node is active again, and what was done stays')
    .action((id: string, _: unknown, command: Command) =>
      say(context, command.optsWithGlobals<GlobalOptions>(), `${pathOf(id)}/abort`, {}),
    );
}

/** rackseed node verify: beside the other questions about a machine. */
export function verifyCommand(node: Command, context: CliContext): void {
  node
    .command('verify')
    .argument(...NODE)
    .description('is it still as its pipeline left it: what has drifted; looks at the machine and changes nothing')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const found = asRecord(await withClient(context, options, (client) => client.send('POST', `${pathOf(id)}/verify`, {})));
      if (options.output !== 'table') return context.out(renderValue(found, options.output));
      context.out(renderList(asList(found.steps), PLAN_COLUMNS, 'table'));
      context.err(`${id}: ${DRIFT[String(found.drift)] ?? String(found.drift)}\n`);
    });
}

const DRIFT: Readonly<Record<string, string>> = {
  none: 'all is as its pipeline left it.',
  drift: 'it is not as its pipeline left it. Next step: rackseed pipeline run NODE, or put the pipeline right.',
  unknown: 'not all of it could be looked at.',
};

async function say(context: CliContext, options: GlobalOptions, path: string, body: Row): Promise<void> {
  show(context, options, asRecord(await withClient(context, options, (client) => client.send('POST', path, body))));
}

function show(context: CliContext, options: GlobalOptions, view: Row): void {
  if (options.output !== 'table') {
    context.out(renderValue(view, options.output));
    return;
  }
  const run = asRecord(view.run);
  const head = { node: view.nodeState, pipeline: run.pipeline ?? view.pipeline, run: run.state ?? 'none', started: time(run.startedAt) };
  context.out(renderOne({ ...head, next: view.next }, 'table'));
  const steps = asList(run.steps);
  if (steps.length > 0) context.out(`\n${renderList(steps, STEP_COLUMNS, 'table')}`);
}

function nameOf({ pipeline }: NamedOptions): Row {
  return pipeline === undefined ? {} : { pipeline };
}

function pathOf(id: string): string {
  return `/api/nodes/${encodeURIComponent(id)}/pipeline`;
}

const FILE_COLUMNS = [
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'OF', value: (row: Row) => (row.own === true ? 'yours' : 'Rackseed') },
  { title: 'STEPS', value: (row: Row) => (Array.isArray(row.steps) ? row.steps.length : null) },
  { title: 'GOOD', value: (row: Row) => (asList(row.faults).length === 0 ? 'yes' : 'no') },
  { title: 'WHAT IT IS FOR', value: (row: Row) => row.description },
];

const STEP_COLUMNS = [
  { title: 'STEP', value: (row: Row) => row.id },
  { title: 'STATE', value: (row: Row) => row.state },
  { title: 'STARTED (UTC)', value: (row: Row) => time(row.startedAt) },
  { title: 'ENDED (UTC)', value: (row: Row) => time(row.endedAt) },
  { title: 'WORDS', value: (row: Row) => row.words },
];

const PLAN_COLUMNS = [
  { title: 'STEP', value: (row: Row) => row.id },
  { title: 'IS', value: (row: Row) => row.is },
  { title: 'WHAT', value: (row: Row) => (Array.isArray(row.words) ? row.words.join('; ') : row.words) },
  { title: 'WHAT TO DO', value: (row: Row) => row.hint },
];
