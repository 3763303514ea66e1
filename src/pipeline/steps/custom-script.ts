// Runs a program of the operator on the appliance, with what is known of the machine. Proven on real programs and files.

import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { fail } from '../errors.ts';
import type { FoundScript } from '../scripts.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { impossible, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    script: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
      maxLength: 128,
      description: 'Name of a file in DATA_DIR/scripts. It gets the facts as JSON on its input, and the most used as RACKSEED_… variables.',
    }),
    words: Type.Array(Type.String({ maxLength: 1024, pattern: '^[^\\u0000]*$' }), {
      description: 'What it is called with.',
      maxItems: 64,
      default: [],
    }),
    check: Type.Boolean({
      description:
        'It knows --check as its first word: ends with 0 where nothing is to be done, with 1 where something is, which it says line by line, and changes nothing. Without it it runs once in each run.',
      default: false,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const LIMIT_MS = 1_800_000;
const CHECK_LIMIT_MS = 60_000;
/** Of what it says, in messages and in the log. */
const LINES = 20;
const LINE = 300;

export const step: PipelineStep<Args> = {
  name: 'custom-script',
  title: 'Program of the operator',
  provenOn: 'real',
  args: Args,
  timeoutMs: LIMIT_MS + 30_000,
  describe: ({ script, words }) => `runs ${[script, ...words].join(' ')} on the appliance`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, found } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'satisfied' || found === undefined) return;
    await carryOut(context, found);
  },
};

interface Looked {
  readonly verdict: Verdict;
  readonly found?: FoundScript;
}

async function look(context: StepContext<Args>): Promise<Looked> {
  const { args, scripts, notes } = context;
  const found = await scripts.find(args.script);
  if (found === undefined)
    return {
      verdict: impossible(
        `there is no ${args.script} in ${scripts.directory}`,
        'Put it there, executable, and writable by its owner alone.',
      ),
    };
  if (found.problem !== null) return { verdict: impossible(found.problem.reason, found.problem.hint) };
  if (args.check) return { found, verdict: await asked(context, found) };
  const done = notes.get(noteOf(args));
  if (done !== undefined) return { found, verdict: { is: 'satisfied', words: `${args.script} ran (SHA-256 ${done})` } };
  return { found, verdict: { is: 'needed', plan: [`${[found.path, ...args.words].join(' ')} runs (SHA-256 ${found.sha256})`] } };
}

async function asked(context: StepContext<Args>, found: FoundScript): Promise<Verdict> {
  const { code, stdout, stderr } = await run(context, found, ['--check', ...context.args.words], CHECK_LIMIT_MS);
  const said = linesOf(stdout);
  const name = context.args.script;
  if (code === 0) return { is: 'satisfied', words: said[0] ?? `${name} --check says that nothing is to be done` };
  if (code === 1) return { is: 'needed', plan: said.length > 0 ? said : [`${name} runs: its --check says that something is to be done`] };
  const last = linesOf(stderr).at(-1) ?? 'it said nothing';
  return impossible(
    `${name} --check ended with ${String(code)}: ${last}`,
    'It shall end with 0 or 1. Look at it, or leave out check = true.',
  );
}

async function carryOut(context: StepContext<Args>, found: FoundScript): Promise<void> {
  const { args, notes } = context;
  context.log(`${args.script} begins: SHA-256 ${found.sha256}`);
  const { code, stdout, stderr } = await run(context, found, args.words, LIMIT_MS);
  for (const line of [...linesOf(stdout), ...linesOf(stderr)]) context.log(`${args.script}: ${line}`);
  if (code !== 0)
    throw fail('pipeline.step_failed', {
      message: `${args.script} ended with ${String(code)}: ${linesOf(stderr).at(-1) ?? linesOf(stdout).at(-1) ?? 'it said nothing'}`,
      hint: `Look at ${found.path} and at the log of the run. It is run anew from its beginning.`,
    });
  await notes.set(noteOf(args), found.sha256);
}

/** Notes are of a run, which may have several such steps. */
function noteOf({ script, words }: Args): string {
  return `script.${createHash('sha256')
    .update(JSON.stringify([script, words]))
    .digest('hex')
    .slice(0, 16)}`;
}

function run(
  context: StepContext<Args>,
  found: FoundScript,
  words: readonly string[],
  timeoutMs: number,
): ReturnType<StepContext['scripts']['run']> {
  const { node, profile, cluster, members, scripts, signal } = context;
  const env = {
    RACKSEED_NODE_UUID: node.uuid,
    RACKSEED_NODE_NAME: node.name,
    RACKSEED_NODE_FQDN: node.fqdn,
    RACKSEED_NODE_ADDRESS: node.address,
    RACKSEED_PROFILE: typeof profile.name === 'string' ? profile.name : '',
    RACKSEED_CLUSTER: typeof cluster?.name === 'string' ? cluster.name : '',
  };
  return scripts.run(found, { words, input: JSON.stringify({ node, profile, cluster, members }), env, timeoutMs, signal });
}

/** The last ones, harmless to a terminal. */
function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) =>
    line
      .replaceAll(/\p{Cc}+/gu, ' ')
      .trim()
      .slice(0, LINE),
  );
  return lines.filter((line) => line !== '').slice(-LINES);
}
