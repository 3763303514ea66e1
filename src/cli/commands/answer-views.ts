// rackseed answer render|diff|templates: the answer that a node would get, and what another profile, release or time makes of it. The
// appliance renders; secrets never leave it for this.

import type { Command } from 'commander';
import type { PlacedFault } from '../../install/index.ts';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { unifiedDiff } from '../diff-render.ts';
import { fail } from '../errors.ts';
import { harmless, renderList, renderValue } from '../output.ts';

interface RenderOptions extends GlobalOptions {
  readonly node: string;
  readonly profile?: string;
  readonly release?: string;
  readonly last?: true;
}

interface DiffOptions extends RenderOptions {
  readonly against?: string;
  readonly againstRelease?: string;
}

type Answer = Readonly<Record<string, unknown>>;

export function answerViews(answer: Command, context: CliContext): void {
  answer
    .command('render')
    .requiredOption('--node <node>', 'UUID or name of the node')
    .option('--profile <name>', 'another [[profile]] than its own')
    .option('--release <number>', 'another release of the installer, such as 9.1')
    .option('--last', 'as it was agreed to for the last installation')
    .description('the answer that the installer of the node would get, checked; secrets are masked')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<RenderOptions>();
      const got = await fetched(context, options, options);
      if (options.output !== 'table') context.out(renderValue(got, options.output));
      else context.out(harmless(textOf(got)));
      tell(context, got);
      if (got.text === null) throw refused(got, options.node);
    });

  answer
    .command('diff')
    .requiredOption('--node <node>', 'UUID or name of the node')
    .option('--against <profile>', 'what this [[profile]] would make of it; without it, what the last installation was agreed to with')
    .option('--profile <name>', 'another [[profile]] than its own to begin with')
    .option('--release <number>', 'another release of the installer')
    .option('--against-release <number>', 'what this release of the installer would get')
    .description('what would change in the answer: since the last installation, or with another profile or release')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<DiffOptions>();
      const { before, after } = await both(context, options);
      for (const one of [before, after]) if (one.text === null) throw refused(one, options.node);
      const diff = unifiedDiff({ name: nameOf(before), text: textOf(before) }, { name: nameOf(after), text: textOf(after) });
      if (options.output !== 'table') context.out(renderValue({ diff, before, after }, options.output));
      else if (diff === '') context.err(`The answers of ${nameOf(before)} and ${nameOf(after)} are the same.\n`);
      else context.out(harmless(diff));
    });

  answer
    .command('templates')
    .description('answer templates: those that come along, and your own')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get('/api/answer-templates'))).templates);
      context.out(renderList(rows, TEMPLATES, options.output));
    });
}

const TEMPLATES = [
  { title: 'NAME', value: (row: Answer) => row.name },
  { title: 'EXTENDS', value: (row: Answer) => row.extends ?? '' },
  { title: 'OWN', value: (row: Answer) => (row.isOwn === true ? 'yes' : '') },
  { title: 'DESCRIPTION', value: (row: Answer) => firstFault(row) ?? row.description },
];

function firstFault(row: Answer): string | undefined {
  const [first] = faultsOf(row);
  return first === undefined ? undefined : faultLine(first);
}

/** Which two: the first is what was, or what is the node's own. */
async function both(context: CliContext, options: DiffOptions): Promise<{ readonly before: Answer; readonly after: Answer }> {
  const { node, profile, release, against, againstRelease } = options;
  const own = { node, ...(profile === undefined ? {} : { profile }), ...(release === undefined ? {} : { release }) };
  if (against === undefined && againstRelease === undefined)
    return { before: await fetched(context, options, { node, last: true }), after: await fetched(context, options, own) };
  const other = {
    ...own,
    ...(against === undefined ? {} : { profile: against }),
    ...(againstRelease === undefined ? {} : { release: againstRelease }),
  };
  return { before: await fetched(context, options, own), after: await fetched(context, options, other) };
}

async function fetched(context: CliContext, options: GlobalOptions, wanted: Omit<RenderOptions, 'output'>): Promise<Answer> {
  const { node, profile, release, last } = wanted;
  const query = new URLSearchParams({
    ...(profile === undefined ? {} : { profile }),
    ...(release === undefined ? {} : { release }),
    ...(last === true ? { last: 'true' } : {}),
  });
  const path = `/api/nodes/${encodeURIComponent(node)}/answer?${query.toString()}`;
  return asRecord(await withClient(context, options, (client) => client.get(path)));
}

function textOf({ text }: Answer): string {
  return typeof text === 'string' ? text : '';
}

function nameOf({ profile, product, release, template }: Answer): string {
  return `${template === null ? 'the last installation' : String(profile)} (${String(product)} ${String(release)})`;
}

function faultsOf({ faults }: Answer): readonly PlacedFault[] {
  return asList(faults) as unknown as readonly PlacedFault[]; // as the API declares them
}

/** "zfs-mirror.toml:12: disk-setup.zfs.raid: …" */
function faultLine({ source, line, key, message }: PlacedFault): string {
  const place = [source, line === null ? '' : String(line)].filter((part) => part !== '').join(':');
  return [place, key, message].filter((part) => part !== '').join(': ');
}

/** Beside the answer, so that this can go into a file. */
function tell(context: CliContext, answer: Answer): void {
  const notes = Array.isArray(answer.notes) ? answer.notes.map(String) : [];
  for (const note of notes) context.err(harmless(`# ${note}\n`));
  for (const fault of faultsOf(answer)) context.err(harmless(`${fault.severity}: ${faultLine(fault)}. ${fault.fix}\n`));
}

function refused(answer: Answer, node: string): Error {
  const errors = faultsOf(answer).filter(({ severity }) => severity === 'error');
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return fail('cli.answer_refused', {
    message: `${nameOf(answer)} makes no answer for ${node} that the installer would take${first === undefined ? '' : `: ${faultLine(first)}`}${more}`,
    hint: first?.fix ?? 'rackseed answer render says why.',
  });
}
