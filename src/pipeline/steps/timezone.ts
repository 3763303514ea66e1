// Time zone of the machine: /etc/localtime, and /etc/timezone where Debian has it still. Proven on a real tree of Debian 13 (tzdata), by a
// simulator of the shell for the cuts.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    zone: Type.String({
      description: 'Name of the time zone, as in /usr/share/zoneinfo.',
      pattern: '^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}$',
      maxLength: 64,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const ZONES = '/usr/share/zoneinfo';
const LINK = '/etc/localtime';
const NAME = '/etc/timezone';

/** A link is replaced by renaming: there is always one. */
const SET = `# sets the time zone
ln -sfn -- "$1" /etc/.localtime.new
mv -fT -- /etc/.localtime.new /etc/localtime`;

export const step: PipelineStep<Args> = {
  name: 'timezone',
  title: 'Time zone',
  provenOn: 'real',
  args: Args,
  timeoutMs: 60_000,
  describe: ({ zone }) => `the time zone is ${zone}`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, isNamed } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'satisfied') return;
    const { shell, args } = context;
    if (isNamed) await shell.writeFile(NAME, `${args.zone}\n`);
    const { code, err } = await shell.script(SET, [`${ZONES}/${args.zone}`]);
    if (code !== 0) throw refusal({ reason: `${LINK} could not be set: ${err.trim()}`, hint: 'Is /etc writable there?' });
  },
};

async function look({ shell, args }: StepContext<Args>): Promise<{ readonly verdict: Verdict; readonly isNamed: boolean }> {
  const target = `${ZONES}/${args.zone}`;
  const file = (await shell.readFile(NAME))?.toString().trim();
  const isNamed = file !== undefined;
  if ((await shell.run(['test', '-f', target])).code !== 0)
    return { isNamed, verdict: impossible(`the machine has no time zone ${args.zone}`, `Names are those below ${ZONES}: Europe/Berlin.`) };
  // Not where it leads in the end: zones are links to each other (Etc/UTC and UTC).
  const link = (await shell.run(['readlink', '--', LINK])).out.trim().replace(/^\.\.\//, '/');
  const plan = [
    ...(link === target ? [] : [`${LINK} shows ${args.zone} instead of ${link === '' ? 'no zone' : link.replace(`${ZONES}/`, '')}`]),
    ...(!isNamed || file === args.zone ? [] : [`${NAME} says ${args.zone} instead of ${file}`]),
  ];
  return { isNamed, verdict: planned(plan, args.zone) };
}
