// rackseed enrol …: may unknown machines boot the agent?

import { type Command, Option } from 'commander';
import type { Client } from '../client.ts';
import { asList, asRecord, type CliContext, type GlobalOptions, positiveInteger, withClient } from '../context.ts';
import { renderList, renderOne, time } from '../output.ts';

interface OpenOptions extends GlobalOptions {
  readonly minutes?: number;
}

type Row = Readonly<Record<string, unknown>>;

export function enrolCommand(program: Command, context: CliContext): void {
  const enrol = program.command('enrol').description('whether unknown machines boot the agent');

  const show = (answer: unknown, options: GlobalOptions): void => {
    const state = asRecord(answer);
    const shown = { mode: state.mode, until: time(state.until), ...leftUntil(state.until, context.clock.now()) };
    context.out(options.output === 'table' ? renderOne(shown, 'table') : renderOne(state, options.output));
  };

  enrol
    .command('status')
    .description('open or closed, and until when')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      show(await withClient(context, options, (client) => client.get('/api/enrolment')), options);
    });

  listCommand(enrol, context);

  enrol
    .command('open')
    .description('unknown machines that boot from the network run the agent in RAM and appear as discovered; no disk is written')
    .option('--minutes <n>', 'close by itself after so many minutes', positiveInteger)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<OpenOptions>();
      const body = { mode: 'open', ...(options.minutes === undefined ? {} : { minutes: options.minutes }) };
      show(await withClient(context, options, (client) => client.send('PUT', '/api/enrolment', body)), options);
    });

  enrol
    .command('close')
    .description('unknown machines start their own disk')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      show(await withClient(context, options, (client) => client.send('PUT', '/api/enrolment', { mode: 'closed' })), options);
    });
}

interface ListOptions extends GlobalOptions {
  readonly state?: string;
}

/** Those that wait, are being taken in, or stopped. */
function listCommand(enrol: Command, context: CliContext): void {
  enrol
    .command('list')
    .addOption(new Option('--state <state>', 'only those').choices(['proposed', 'approved', 'done', 'failed', 'rejected', 'all']))
    .description('machines that were discovered, with what is proposed for each')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ListOptions>();
      const rows = await withClient(context, options, (client) => everyPage(client, options.state));
      context.out(renderList(rows, COLUMNS, options.output));
      if (rows.length === 0 && options.output === 'table')
        context.err('Nothing waits. Next step: rackseed enrol open, then switch a machine on that boots from the network.\n');
    });
}

async function everyPage(client: Client, state: string | undefined): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | undefined; ; ) {
    const query = new URLSearchParams({ ...(state === undefined ? {} : { state }), ...(after === undefined ? {} : { after }) });
    const page = asRecord(await client.get(`/api/enrolments?${query.toString()}`));
    rows.push(...asList(page.enrolments));
    if (typeof page.next !== 'string') return rows;
    after = page.next;
  }
}

const COLUMNS = [
  { title: 'NODE', value: (row: Row) => row.node },
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'STATE', value: (row: Row) => row.state },
  { title: 'PROFILE', value: (row: Row) => row.profile },
  { title: 'RULE', value: (row: Row) => row.rule },
  { title: 'AGENT', value: (row: Row) => (row.isAgentThere === true ? 'yes' : 'no') },
  { title: 'REASON', value: (row: Row) => row.reason },
];

const MINUTE_MS = 60_000;

/** How long it stays open: a person thinks in minutes. */
function leftUntil(until: unknown, now: number): { readonly left?: string } {
  const end = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(end)) return {};
  const minutes = Math.max(0, Math.ceil((end - now) / MINUTE_MS));
  return { left: minutes === 1 ? '1 minute' : `${minutes} minutes` };
}
