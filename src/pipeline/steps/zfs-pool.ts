// A pool for data on disks by their identity, the same name on each node. Proven on a shim that answers as OpenZFS 2.2 and 2.3 do; with real ZFS
// not yet.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { oneOf } from '../system/args.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';
import { chooseDisks, MATCH, nameOf } from '../zfs/choose-decide.ts';
import { contentsOf, type Disk, titleOf } from '../zfs/disks-codec.ts';
import { readImportable } from '../zfs/import-codec.ts';
import { lookAtDisks, lookAtPool, signaturesOn } from '../zfs/look.ts';
import { layoutOf, leavesOf, type Pool } from '../zfs/pool-codec.ts';

const LEAST = { single: 1, mirror: 2, raid10: 4, raidz1: 3, raidz2: 4, raidz3: 5 } as const;
type Layout = keyof typeof LEAST;

const Args = Type.Object(
  {
    // As `zpool create` takes them: words of its own are no names.
    name: Type.String({
      description: 'Name of the pool.',
      pattern: '^(?!mirror|raidz|draid|spare|log$|rpool$)[A-Za-z][A-Za-z0-9_.-]{0,62}$',
      default: 'tank',
    }),
    layout: oneOf(['single', 'mirror', 'raid10', 'raidz1', 'raidz2', 'raidz3'], {
      description: 'mirror: one mirror of all its disks; raid10: mirrors of two each.',
      default: 'mirror',
    }),
    count: Type.Integer({ description: 'How many disks; 0: the least that the layout takes.', minimum: 0, maximum: 64, default: 0 }),
    ...MATCH,
    ashift: Type.Integer({ description: 'Sector size of the pool as a power of two; 12: 4 KiB.', minimum: 9, maximum: 16, default: 12 }),
    compression: Type.String({ description: 'Compression of its data.', pattern: '^[a-z0-9-]{1,32}$', default: 'on' }),
    autotrim: Type.Boolean({ description: 'Freed blocks are told to SSDs at once.', default: true }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

type Looked = { readonly verdict: Verdict; readonly disks: readonly Disk[]; readonly trims: boolean };

export const step: PipelineStep<Args> = {
  name: 'zfs-pool',
  title: 'Pool for data',
  provenOn: 'shim',
  args: Args,
  timeoutMs: 900_000,
  describe: ({ name, layout }) => `${name} is a ${layout} of its own disks`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { shell, args } = context;
    const { verdict, disks, trims } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (trims) await shell.must(['zpool', 'set', `autotrim=${args.autotrim ? 'on' : 'off'}`, args.name]);
    if (disks.length === 0) return;
    for (const disk of disks) await stillEmpty(context, disk);
    const options = [
      '-o',
      `ashift=${args.ashift}`,
      '-o',
      `autotrim=${args.autotrim ? 'on' : 'off'}`,
      '-O',
      `compression=${args.compression}`,
    ];
    const paths = disks.map(({ ids, path }) => ids[0] ?? path);
    // Never -f: zpool refuses by itself what is in use, whatever was seen here.
    await shell.must(['zpool', 'create', ...options, args.name, ...vdevsOf(args.layout, paths)], { timeoutMs: 600_000 });
  },
};

async function look(context: StepContext<Args>): Promise<Looked> {
  const { args, shell, node } = context;
  const pool = await lookAtPool(context, args.name);
  if (pool !== undefined) return there(context, pool);
  const surviving = readImportable((await shell.run(['zpool', 'import'], { timeoutMs: 300_000 })).out).find(
    ({ name }) => name === args.name,
  );
  if (surviving !== undefined)
    return only(
      impossible(
        `there is a pool ${args.name} already on its disks (${surviving.guid}), which is not imported`,
        'Put the step zfs-import before this one, or clean its disks if nobody needs it.',
      ),
    );
  const least: number = LEAST[args.layout];
  const count = args.count === 0 ? least : args.count;
  if (count < least || (args.layout === 'raid10' && count % 2 !== 0) || (args.layout === 'single' && count !== 1))
    return only(
      impossible(
        `a ${args.layout} is not made of ${count} disks`,
        `It takes ${least}${args.layout === 'single' ? '' : ' or more'}${args.layout === 'raid10' ? ', an even number' : ''}.`,
      ),
    );
  const choice = chooseDisks(await lookAtDisks(context), { match: args, count, system: node.systemDisks });
  if (choice.is === 'refused') return only(impossible(choice.reason, choice.hint));
  const nameless = choice.disks.find(({ ids }) => ids.length === 0);
  if (nameless !== undefined)
    return only(impossible(`${titleOf(nameless)} has no name by its identity`, 'Is udev running on the machine? Look at /dev/disk/by-id.'));
  const smallest = Math.min(...choice.disks.map(({ bytes }) => bytes));
  const largest = Math.max(...choice.disks.map(({ bytes }) => bytes));
  if (largest > smallest * 1.1)
    return only(
      impossible(
        `its disks differ in size by more than a tenth: ${choice.disks.map(titleOf).join(', ')}`,
        'Name them by serials, models or sizes: the space of the larger ones would be lost.',
      ),
    );
  return {
    disks: choice.disks,
    trims: false,
    verdict: planned([`${args.name} is made, a ${args.layout} of ${choice.disks.map(titleOf).join(', ')}: all of each disk`], ''),
  };
}

async function there({ args, shell }: StepContext<Args>, pool: Pool): Promise<Looked> {
  const layout = layoutOf(pool);
  const leaves = leavesOf(pool.data);
  const bad = leaves.filter(({ state }) => state !== 'ONLINE');
  if (layout !== args.layout && leaves.length > 0 && !(args.layout === 'single' && layout === 'single'))
    return only(
      impossible(
        `${args.name} is laid out as ${layout}; asked for is ${args.layout}`,
        'Give the pool another name, or the step its layout.',
      ),
    );
  if (bad.length > 0)
    return only(
      impossible(
        `${args.name} is ${pool.state}: ${bad.map(({ path, name, state }) => `${path ?? name} is ${state}`).join(', ')}`,
        'Replace the disk: zpool status on the machine tells which.',
      ),
    );
  const autotrim = (await shell.must(['zpool', 'get', '-H', '-o', 'value', 'autotrim', args.name])).trim();
  const trims = (autotrim === 'on') !== args.autotrim;
  return {
    disks: [],
    trims,
    verdict: planned(
      trims ? [`autotrim of ${args.name} is switched ${args.autotrim ? 'on' : 'off'}`] : [],
      `${args.name} is a ${layout} of ${leaves.length} and ${pool.state}`,
    ),
  };
}

function only(verdict: Verdict): Looked {
  return { verdict, disks: [], trims: false };
}

/** Right before: the disk of that name is still the one that was seen, and still empty. */
async function stillEmpty(context: StepContext<Args>, seen: Disk): Promise<void> {
  const [id = seen.path] = seen.ids;
  const now = (await lookAtDisks(context)).find(({ ids }) => ids.includes(id));
  const found = now === undefined ? [] : await signaturesOn(context, id);
  const contents = now === undefined ? null : contentsOf(now);
  if (now !== undefined && nameOf(now) === nameOf(seen) && now.bytes === seen.bytes && found.length === 0 && contents === null) return;
  throw refusal({
    reason: `${titleOf(seen)} is not as it was a moment ago: ${now === undefined ? 'it is gone' : (contents ?? (found.join(', ') || titleOf(now)))}`,
    hint: 'Look at the disk, then run the step again.',
  });
}

function vdevsOf(layout: Layout, paths: readonly string[]): string[] {
  if (layout === 'single') return [...paths];
  if (layout !== 'raid10') return [layout, ...paths];
  return paths.flatMap((path, at) => (at % 2 === 0 ? ['mirror', path] : [path]));
}
