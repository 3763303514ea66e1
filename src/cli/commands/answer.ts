// rackseed answer …: answer files of the Proxmox installer, checked without an appliance.

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { AnswerFault, AnswerRules, AnswerTarget } from '../../install/index.ts';
import { messageOf, systemCode } from '../../lib/index.ts';
import type { CliContext, GlobalOptions } from '../context.ts';
import { fail } from '../errors.ts';
import { harmless, renderValue } from '../output.ts';
import { answerViews } from './answer-views.ts';

type Product = AnswerTarget['product'];

const TITLES: Readonly<Record<Product, string>> = {
  pve: 'Proxmox VE',
  pbs: 'Proxmox Backup Server',
  pmg: 'Proxmox Mail Gateway',
  pdm: 'Proxmox Datacenter Manager',
};

interface CheckOptions extends GlobalOptions {
  readonly release?: string;
  readonly product: Product;
  readonly boot?: 'bios' | 'uefi';
}

/** What one release makes of the file. */
interface Verdict {
  readonly release: string;
  readonly taken: boolean;
  readonly errors: readonly AnswerFault[];
  readonly warnings: readonly AnswerFault[];
}

const TEMPLATE = 'It is a template: the answer is what it gives for a node. rackseed answer render --node NODE shows and checks that.';

const HELP = `
Without --release it is checked for every release that installs unattended, and the exit code is 1 only if none of them takes it.
Keys have their final names: a template with {{…}} in its values is checked as it stands, so check what it renders to.
`;

export function answerCommand(program: Command, context: CliContext): void {
  const answer = program.command('answer').description('answer files of the Proxmox installer');
  answerViews(answer, context);

  answer
    .command('check')
    .argument('<file>', 'the answer file as TOML; - is standard input')
    .addOption(new Option('--release <number>', 'the release that is to be installed, such as 9.1'))
    .addOption(new Option('--product <name>', 'which product').choices(Object.keys(TITLES)).default('pve'))
    .addOption(new Option('--boot <mode>', 'how the machine starts').choices(['bios', 'uefi']))
    .description('would the installer take it: what is wrong, on which line, and what to write instead; needs no appliance')
    .addHelpText('after', HELP)
    .action(async (path: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<CheckOptions>();
      const text = await textIn(path);
      // Loaded only when asked for: most commands only talk to an appliance.
      const { ANSWER_INSTALLERS, answerRules } = await import('../../install/index.ts');
      const releases = options.release === undefined ? Object.keys(ANSWER_INSTALLERS[options.product]) : [options.release];
      const verdicts = releases.map((release) =>
        verdictOf(answerRules, text, { product: options.product, release, bootMode: options.boot ?? null }),
      );
      context.out(rendered(path, options, verdicts));
      if (!verdicts.some(({ taken }) => taken)) throw refusal(path, options, verdicts, isTemplate(text));
    });
}

async function textIn(path: string): Promise<string> {
  try {
    return await readFile(path === '-' ? '/dev/stdin' : path, 'utf8');
  } catch (cause) {
    throw fail('cli.bad_file', {
      message: `${path} can not be read (${systemCode(cause) ?? messageOf(cause)})`,
      hint: 'Give the path of an answer file.',
      cause,
    });
  }
}

function verdictOf(rules: AnswerRules, text: string, target: AnswerTarget): Verdict {
  const { faults } = rules.check(text, target);
  const errors = faults.filter(({ severity }) => severity === 'error');
  const warnings = faults.filter(({ severity }) => severity === 'warning');
  return { release: target.release, taken: errors.length === 0, errors, warnings };
}

/** Of Rackseed: nothing that the installer reads. */
function isTemplate(text: string): boolean {
  return text.includes('{{') || /^(?:extends|products)\s*=/m.test(text);
}

function refusal(path: string, { product, release }: CheckOptions, verdicts: readonly Verdict[], isOurs: boolean): Error {
  const who = release === undefined ? `every release of ${TITLES[product]}` : `${TITLES[product]} ${release}`;
  const [only] = verdicts;
  const count = verdicts.length === 1 && only !== undefined ? `, for ${counted(only.errors.length, 'fault')}` : '';
  return fail('cli.answer_refused', {
    message: `${path}: the installer of ${who} would refuse it${count}`,
    hint: isOurs ? TEMPLATE : 'Put right what is listed, then check again.',
  });
}

// ---- words ----------------------------------------------------------------------------------------------------------------------

function rendered(path: string, { product, output }: CheckOptions, verdicts: readonly Verdict[]): string {
  if (output !== 'table') return renderValue({ path, product, releases: verdicts }, output);
  const lines = verdicts.map((verdict) => `${TITLES[product]} ${verdict.release}: ${summary(verdict)}\n`);
  const errors = listed('Faults', verdicts, ({ errors: list }) => list);
  const warnings = listed('Warnings, which stop no installer', verdicts, ({ warnings: list }) => list);
  return harmless([...lines, errors, warnings].join(''));
}

function summary({ taken, errors, warnings }: Verdict): string {
  const also = warnings.length === 0 ? '' : `, ${counted(warnings.length, 'warning')}`;
  return taken ? `taken${also}` : `refused, ${counted(errors.length, 'fault')}${also}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What several releases say alike stands once. */
function listed(title: string, verdicts: readonly Verdict[], pick: (verdict: Verdict) => readonly AnswerFault[]): string {
  const said = new Map<string, string[]>();
  for (const verdict of verdicts) {
    for (const fault of pick(verdict)) {
      const words = sentence(fault);
      const releases = said.get(words) ?? [];
      said.set(words, releases.includes(verdict.release) ? releases : [...releases, verdict.release]);
    }
  }
  if (said.size === 0) return '';
  const blocks = [...said].map(
    ([words, releases]) => `${words}${releases.length < verdicts.length ? `    (${releases.join(', ')})\n` : ''}`,
  );
  return `\n${title}\n${blocks.join('')}`;
}

function sentence({ key, line, message, fix }: AnswerFault): string {
  const place = [line === null ? '' : `line ${line}`, key].filter((word) => word !== '').join(', ');
  return `  ${place === '' ? '' : `${place}: `}${message}\n    ${fix}\n`;
}
