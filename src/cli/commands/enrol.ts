// rackseed enrol …: may unknown machines boot the agent?

import type { Command } from 'commander';
import { asRecord, type CliContext, type GlobalOptions, positiveInteger, withClient } from '../context.ts';
import { renderOne, time } from '../output.ts';

interface OpenOptions extends GlobalOptions {
  readonly minutes?: number;
}

export function enrolCommand(program: Command, context: CliContext): void {
  const enrol = program.command('enrol').description('whether unknown machines boot the agent');

  const show = (answer: unknown, options: GlobalOptions): void => {
    const state = asRecord(answer);
    context.out(
      options.output === 'table' ? renderOne({ mode: state.mode, until: time(state.until) }, 'table') : renderOne(state, options.output),
    );
  };

  enrol
    .command('status')
    .description('open or closed, and until when')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      show(await withClient(context, options, (client) => client.get('/api/enrolment')), options);
    });

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
