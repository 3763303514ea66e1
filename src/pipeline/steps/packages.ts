// Packages that a node shall have beside those of the installer. What dpkg and apt say is read from the real ones of Debian 13; installing is
// proven on a shim.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext } from '../seam.ts';
import { apt, fetchLists, isFresh, refuseRemovals, simulate } from '../system/apt.ts';
import { installedOf } from '../system/apt-codec.ts';
import { few, planned } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    install: Type.Array(Type.String({ pattern: '^[a-z0-9][a-z0-9+.-]+$', maxLength: 128 }), {
      description: 'Names of Debian packages.',
      minItems: 1,
      maxItems: 256,
    }),
    recommends: Type.Boolean({ description: 'Also what they recommend.', default: false }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const INSTALL_MS = 1_800_000;
const LISTS_MINUTES = 1440;
/** Fields of dpkg's own. */
const FORMAT = ['Package', 'db:Status-Status']
  .map((field) => `\${${field}}`)
  .join('\\t')
  .concat('\\n');

export const step: PipelineStep<Args> = {
  name: 'packages',
  title: 'Packages',
  provenOn: 'shim',
  args: Args,
  timeoutMs: INSTALL_MS + 1_200_000,
  describe: ({ install }) => `has the packages ${install.join(', ')}`,
  check: async (context) => {
    const missing = await missingOf(context);
    return planned(missing.length === 0 ? [] : [`installs ${few(missing, 40)}`], `${few(context.args.install, 40)}: installed`);
  },
  apply: async (context) => {
    const missing = await missingOf(context);
    if (missing.length === 0) return;
    if (!(await isFresh(context, LISTS_MINUTES))) await fetchLists(context);
    const words = [context.args.recommends ? '--install-recommends' : '--no-install-recommends', 'install', ...missing];
    refuseRemovals(await simulate(context, words));
    context.progress(0.3, `installing ${few(missing)}`);
    await apt(context, ['-y', ...words], INSTALL_MS);
  },
};

async function missingOf({ shell, args }: StepContext<Args>): Promise<string[]> {
  const names = [...new Set(args.install)];
  // It ends with 1 when one of them is unknown to it, and tells of the others.
  const { out } = await shell.run(['dpkg-query', '-W', `-f=${FORMAT}`, '--', ...names]);
  const there = installedOf(out);
  return names.filter((name) => !there.has(name));
}
