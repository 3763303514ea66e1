// All packages the newest of their repositories (dist-upgrade, as Proxmox VE asks), unless that takes Proxmox VE away. Proven on a shim; what
// apt says is read from the real apt of Debian 13.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { apt, fetchLists, isFresh, refuseRemovals, simulate } from '../system/apt.ts';
import { few, planned } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    max_age_hours: Type.Integer({
      description: 'Lists of packages that were fetched within that time are not fetched again.',
      minimum: 1,
      maximum: 8760,
      default: 24,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const UPGRADE_MS = 3_600_000;

export const step: PipelineStep<Args> = {
  name: 'apt-upgrade',
  title: 'Upgrade of packages',
  provenOn: 'shim',
  args: Args,
  timeoutMs: UPGRADE_MS + 1_200_000,
  // There is always something newer a week later: whether to take it is not a matter of drift.
  isOnce: true,
  describe: () => 'all packages are the newest of their repositories',
  check: look,
  apply: async (context) => {
    if (!(await isFresh(context, context.args.max_age_hours * 60))) {
      context.progress(0.05, 'fetching the lists of packages');
      await fetchLists(context);
    }
    const simulated = await simulate(context, ['dist-upgrade']);
    refuseRemovals(simulated);
    if (simulated.installs.length === 0 && !(await isHalfDone(context))) return;
    context.progress(0.2, `upgrading ${simulated.installs.length} packages`);
    await apt(context, ['-y', 'dist-upgrade'], UPGRADE_MS);
  },
};

async function look(context: StepContext<Args>): Promise<Verdict> {
  const isOld = !(await isFresh(context, context.args.max_age_hours * 60));
  const half = await isHalfDone(context);
  const { installs, removes } = await simulate(context, ['dist-upgrade']);
  const names = installs.map(({ name, from, to }) => `${name} ${from ?? 'new'} → ${to}`);
  return planned(
    [
      ...(isOld ? [`the lists of packages are fetched: they are older than ${context.args.max_age_hours} h`] : []),
      ...(half ? ['packages that were left half-installed are set up'] : []),
      ...(names.length === 0 ? [] : [`${names.length} packages: ${few(names, 20)}`]),
      ...(removes.length === 0 ? [] : [`taken away: ${few(removes, 20)}`]),
    ],
    'all packages are the newest of their repositories',
  );
}

/** dpkg has no word for it but its own report, which is empty when all is well. */
async function isHalfDone({ shell }: StepContext<Args>): Promise<boolean> {
  return (await shell.run(['dpkg', '--audit'])).out.trim() !== '';
}
