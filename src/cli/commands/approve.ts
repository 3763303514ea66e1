// rackseed node plan | approve | reject | unreject: the yes and the no to a machine, and what a yes would erase.

import type { Command } from 'commander';
import type { Client } from '../client.ts';
import { asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { harmless, renderOne, renderValue } from '../output.ts';

interface PlanOptions extends GlobalOptions {
  readonly profile?: string;
  readonly wipeSerial?: readonly string[];
}

interface ApproveOptions extends PlanOptions {
  readonly plan?: string;
  readonly yes?: true;
  readonly name?: string;
}

interface RejectOptions extends GlobalOptions {
  readonly reason?: string;
}

type Row = Readonly<Record<string, unknown>>;

const PROFILE = ['--profile <name>', 'what it shall become, instead of what a rule proposes'] as const;
const SERIAL = ['--wipe-serial <serial...>', 'say yes to erasing this very disk, whatever is on it'] as const;

export function approveCommands(node: Command, context: CliContext): void {
  node
    .command('plan')
    .argument('<node>', 'UUID or name')
    .option(...PROFILE)
    .option(...SERIAL)
    .description('which disks a yes to this machine would erase, and which it would not, with reasons')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<PlanOptions>();
      const plan = await withClient(context, options, (client) => planOf(client, id, options));
      if (options.output !== 'table') return context.out(renderValue(plan, options.output));
      context.out(`${wordsOf(plan)}plan ${String(plan.hash)} (${String(plan.state)})\n`);
    });

  node
    .command('approve')
    .argument('<node...>', 'UUID or name')
    .option('--plan <hash>', 'the yes is to this plan and no other')
    .option('--yes', 'do not ask')
    .option('--name <name>', 'how it shall be called')
    .option(...PROFILE)
    .option(...SERIAL)
    .description('take a machine in: its disks are erased by the plan that is shown, and it becomes what its profile says')
    .action(async (ids: readonly string[], _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ApproveOptions>();
      refuseSeveral(ids, options);
      await withClient(context, options, async (client) => {
        for (const id of ids) await approveOne(context, client, id, options);
      });
    });

  node
    .command('reject')
    .argument('<node...>', 'UUID or name')
    .option('--reason <text>', 'for those who ask later')
    .description('say no to a machine that was discovered: it starts its own disk and stays in the list')
    .action(async (ids: readonly string[], _: unknown, command: Command) => {
      const options = command.optsWithGlobals<RejectOptions>();
      const body = options.reason === undefined ? {} : { reason: options.reason };
      await decide(context, options, ids, (client, path) => client.send('POST', `${path}/reject`, body));
    });

  node
    .command('unreject')
    .argument('<node...>', 'UUID or name')
    .description('take a no back')
    .action(async (ids: readonly string[], _: unknown, command: Command) => {
      await decide(context, command.optsWithGlobals<GlobalOptions>(), ids, (client, path) => client.send('POST', `${path}/unreject`, {}));
    });
}

async function decide(
  context: CliContext,
  options: GlobalOptions,
  ids: readonly string[],
  ask: (client: Client, path: string) => Promise<unknown>,
): Promise<void> {
  await withClient(context, options, async (client) => {
    for (const id of ids) {
      const { node, name, state, reason } = asRecord(await ask(client, pathOf(id)));
      context.out(renderOne({ node, name, state, reason }, options.output));
    }
  });
}

function refuseSeveral(ids: readonly string[], { plan, name, wipeSerial }: ApproveOptions): void {
  const only = plan !== undefined ? '--plan' : name !== undefined ? '--name' : wipeSerial !== undefined ? '--wipe-serial' : undefined;
  if (ids.length === 1 || only === undefined) return;
  throw fail('cli.usage', { message: `${only} goes with one machine only`, hint: 'Approve them one by one.' });
}

async function approveOne(context: CliContext, client: Client, id: string, options: ApproveOptions): Promise<void> {
  const planHash = options.plan ?? (await shownPlan(context, client, id, options));
  if (planHash === undefined) return;
  const body = { planHash, ...choiceOf(options), ...(options.name === undefined ? {} : { name: options.name }) };
  const answer = asRecord(await client.send('POST', `${pathOf(id)}/approve`, body));
  const { node, name, planHash: hash, taskId, next } = answer;
  context.out(
    options.output === 'table' ? renderOne({ node, name, plan: hash, task: taskId, next }, 'table') : renderValue(answer, options.output),
  );
}

/** Undefined: the person said no. */
async function shownPlan(context: CliContext, client: Client, id: string, options: ApproveOptions): Promise<string | undefined> {
  if (options.yes !== true && context.ask === undefined) {
    throw fail('cli.usage', {
      message: 'nobody is there to be asked, and erasing disks needs a yes',
      hint: `Look at the plan with rackseed node plan ${id}, then say --plan HASH; or --yes for whatever it holds.`,
    });
  }
  const plan = await planOf(client, id, options);
  context.err(`${id}:\n${wordsOf(plan)}`);
  if (options.yes !== true) {
    const said = (await context.ask?.('Type yes to take it in so: ')) ?? '';
    if (said.trim().toLowerCase() !== 'yes') {
      context.err('Not approved: nothing was done.\n');
      return undefined;
    }
  }
  return String(plan.hash);
}

/** Made anew where something was chosen for it. */
async function planOf(client: Client, id: string, options: PlanOptions): Promise<Row> {
  const choice = choiceOf(options);
  if (Object.keys(choice).length > 0) return asRecord(await client.send('POST', `${pathOf(id)}/wipe-plan`, choice));
  const { plan } = asRecord(await client.get(`${pathOf(id)}/wipe-plan`));
  if (plan !== null) return asRecord(plan);
  throw fail('cli.no_plan', {
    message: `there is no wipe plan of ${id}: the agent has not looked at its disks yet`,
    hint: 'Boot it from the network while enrolment is open: rackseed enrol open',
  });
}

function choiceOf({ profile, wipeSerial }: PlanOptions): Row {
  return { ...(profile === undefined ? {} : { profile }), ...(wipeSerial === undefined ? {} : { wipeSerials: wipeSerial }) };
}

function wordsOf({ lines, profile }: Row): string {
  const texts = Array.isArray(lines) ? lines.map(String) : [];
  const what = typeof profile === 'string' ? `becomes ${profile}` : 'has no profile: it is made available';
  return harmless([what, ...texts].map((line) => `  ${line}\n`).join(''));
}

function pathOf(id: string): string {
  return `/api/nodes/${encodeURIComponent(id)}`;
}
