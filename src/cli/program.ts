// The command line as one tree. Each command is a file in commands/; this page is their table of contents.

import { Command, CommanderError, Option } from 'commander';
import { messageOf, RackseedError } from '../lib/index.ts';
import { answerCommand } from './commands/answer.ts';
import { auditCommand } from './commands/audit.ts';
import { clusterCommand } from './commands/cluster.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { enrolCommand } from './commands/enrol.ts';
import { eventCommand } from './commands/event.ts';
import { imageCommand } from './commands/image.ts';
import { inventoryCommand } from './commands/inventory.ts';
import { labCommand } from './commands/lab.ts';
import { networkCommand } from './commands/network.ts';
import { nodeCommand } from './commands/node.ts';
import { pipelineCommand } from './commands/pipeline.ts';
import { rulesCommand } from './commands/rules.ts';
import { serveCommand } from './commands/serve.ts';
import { setupLinkCommand } from './commands/setup-link.ts';
import { storeCommand } from './commands/store.ts';
import { taskCommand } from './commands/task.ts';
import { tokenCommand } from './commands/token.ts';
import { userCommand } from './commands/user.ts';
import type { CliContext } from './context.ts';
import { fail } from './errors.ts';
import { FORMATS, harmless } from './output.ts';

export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export function buildProgram(context: CliContext, asJson = false): Command {
  const program = new Command('rackseed')
    .description('Plug a machine in; it grows into a Proxmox cluster node.')
    .version(context.version, '-V, --version')
    .addOption(new Option('-o, --output <format>', 'how to print answers').choices(FORMATS).default('table'))
    .option('--url <url>', 'the appliance to talk to (RACKSEED_URL; else the one on this machine)')
    .exitOverride()
    .configureOutput({
      writeOut: context.out,
      writeErr: context.err,
      outputError: (text, write) => write(explain(usageError(text), asJson)),
    })
    .showSuggestionAfterError(true);
  for (const add of [
    serveCommand,
    configCommand,
    nodeCommand,
    enrolCommand,
    rulesCommand,
    pipelineCommand,
    clusterCommand,
    inventoryCommand,
    networkCommand,
    eventCommand,
    taskCommand,
    setupLinkCommand,
    userCommand,
    tokenCommand,
    auditCommand,
    answerCommand,
    imageCommand,
    storeCommand,
    labCommand,
    completionCommand,
  ]) {
    add(program, context);
  }
  return inheritSettings(program);
}

/** commander copies settings at creation only; a command added through .command() has them, its children too. */
function inheritSettings(command: Command): Command {
  for (const sub of command.commands) inheritSettings(sub.copyInheritedSettings(command));
  return command;
}

/** From commander's words ("error: unknown command 'noed'\n(Did you mean node?)") to ours. */
function usageError(text: string): RackseedError {
  const [first = '', ...more] = text.trim().split('\n');
  const suggestion = /^\((.*)\)$/.exec(more.join(' '))?.[1];
  return fail('cli.usage', {
    message: first.replace(/^error: /, ''),
    hint: suggestion ?? 'rackseed help, or --help after a command, says what there is.',
  });
}

/** Runs one command line; gives the exit code and never throws. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = buildProgram(context, wantsJson(args));
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (context.signal.aborted) return EXIT.interrupted;
    context.err(explain(thrown, wantsJson(args)));
    return thrown instanceof RackseedError && thrown.code === 'cli.usage' ? EXIT.usage : EXIT.failed;
  }
}

function wantsJson(args: readonly string[]): boolean {
  return args.some(
    (word, index) =>
      word === '--output=json' || word === '-ojson' || (word === 'json' && ['-o', '--output'].includes(args[index - 1] ?? '')),
  );
}

/** What, where, and the next step; programs get the same as one line of JSON. A bug shows its stack. */
export function explain(thrown: unknown, asJson: boolean): string {
  if (!(thrown instanceof RackseedError)) {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
    return asJson ? `${JSON.stringify({ code: 'bug', message: messageOf(thrown) })}\n` : `rackseed: this is a bug: ${text}\n`;
  }
  const { code, message, hint } = thrown;
  if (asJson) return `${JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) })}\n`;
  return harmless(`rackseed: ${message}\n${hint === undefined ? '' : `  Next step: ${hint}\n`}  (${code})\n`);
}
