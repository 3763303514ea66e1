// The system's pool: is it whole and laid out as asked for; autotrim, and the limit of ZFS's cache. Proven on a shim that answers as OpenZFS 2.2
// and 2.3 do.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { oneOf } from '../system/args.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';
import { PATH, RUNNING, readArcMax, withArcMax } from '../zfs/arc-codec.ts';
import { lookAtPool } from '../zfs/look.ts';
import { type Layout, layoutOf, leavesOf, type Pool } from '../zfs/pool-codec.ts';

const Args = Type.Object(
  {
    pool: Type.String({ description: 'Name of the pool.', pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,62}$', default: 'rpool' }),
    layout: oneOf(['profile', 'any', 'single', 'mirror', 'raid10', 'raidz1', 'raidz2', 'raidz3'], {
      description: 'How it is laid out; "profile": as system_disks of the profile says.',
      default: 'profile',
    }),
    autotrim: Type.Boolean({ description: 'Freed blocks are told to SSDs at once.', default: true }),
    arc_max_mb: Type.Integer({
      description: "Memory for ZFS's cache at most, in MiB; 0: left as it is.",
      minimum: 0,
      maximum: 16_777_216,
      default: 0,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

/** What system_disks says, in the words of a layout; auto leaves both. */
const OF_PROFILE: Readonly<Record<string, readonly Layout[]>> = {
  auto: ['single', 'mirror'],
  single: ['single'],
  raid0: ['single', 'stripe'],
  raid1: ['mirror'],
  raid10: ['raid10'],
  'raidz-1': ['raidz1'],
  'raidz-2': ['raidz2'],
  'raidz-3': ['raidz3'],
};
/** Says that the initramfs is behind: it is made of the file. */
const PENDING = '/var/lib/rackseed/initramfs-pending';
const INITRAMFS_MS = 900_000;
const MIB = 1024 * 1024;

const MARK = `# notes that the initramfs is behind
mkdir -p -- "$(dirname -- "$1")"
touch -- "$1"`;
const SET_NOW = `# tells the running module
printf '%s' "$1" >"$2"`;

interface Looked {
  readonly verdict: Verdict;
  readonly trims: boolean;
  readonly arc: { readonly text: string; readonly isWritten: boolean; readonly isRunning: boolean; readonly isPending: boolean } | null;
}

export const step: PipelineStep<Args> = {
  name: 'zfs-rpool',
  title: "The system's pool",
  provenOn: 'shim',
  args: Args,
  timeoutMs: INITRAMFS_MS + 300_000,
  describe: ({ pool, layout }) =>
    `${pool} is whole${layout === 'any' || layout === 'profile' ? '' : ` and a ${layout}`}, with autotrim and its limit of memory`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { shell, args } = context;
    const { verdict, trims, arc } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (trims) await shell.must(['zpool', 'set', `autotrim=${args.autotrim ? 'on' : 'off'}`, args.pool]);
    if (arc === null) return;
    const bytes = args.arc_max_mb * MIB;
    if (!arc.isWritten) {
      await scripted(context, MARK, [PENDING]);
      await shell.writeFile(PATH, withArcMax(arc.text, bytes), 0o644);
    }
    if (!arc.isRunning) await scripted(context, SET_NOW, [String(bytes), RUNNING]);
    if (arc.isWritten && !arc.isPending) return;
    // ZFS is loaded out of it; Proxmox VE's own hook takes it to all ESPs.
    context.progress(0.5, 'making the initramfs anew');
    await shell.must(['update-initramfs', '-u', '-k', 'all'], { timeoutMs: INITRAMFS_MS });
    await shell.must(['rm', '-f', '--', PENDING]);
  },
};

async function scripted({ shell }: StepContext<Args>, text: string, words: readonly string[]): Promise<void> {
  const { code, err } = await shell.script(text, words);
  if (code !== 0) throw refusal({ reason: `${words.join(' ')}: ${err.trim()}`, hint: 'Is the file system full, or ZFS not loaded?' });
}

async function look(context: StepContext<Args>): Promise<Looked> {
  const { shell, args } = context;
  const pool = await lookAtPool(context, args.pool);
  const trouble = troubleOf(pool, context);
  if (trouble !== null || pool === undefined) return { verdict: trouble ?? noPool(args.pool), trims: false, arc: null };
  const autotrim = (await shell.must(['zpool', 'get', '-H', '-o', 'value', 'autotrim', args.pool])).trim();
  const trims = (autotrim === 'on') !== args.autotrim;
  const arc = args.arc_max_mb === 0 ? null : await lookAtArc(context);
  const limit = `${args.arc_max_mb} MiB`;
  return {
    trims,
    arc,
    verdict: planned(
      [
        ...(trims ? [`autotrim of ${args.pool} is switched ${args.autotrim ? 'on' : 'off'}`] : []),
        ...(arc === null || arc.isWritten ? [] : [`${PATH}: ZFS's cache takes at most ${limit}`]),
        ...(arc === null || arc.isRunning ? [] : [`ZFS's cache takes at most ${limit} from now on`]),
        ...(arc?.isPending === true ? ['the initramfs is made anew'] : []),
      ],
      `${args.pool} is a ${layoutOf(pool)} of ${leavesOf(pool.data).length} and ${pool.state}`,
    ),
  };
}

function noPool(name: string): Verdict & { readonly is: 'impossible' } {
  return impossible(`the machine has no pool ${name}`, 'Was the system installed on another file system? Then leave this step out.');
}

function troubleOf(pool: Pool | undefined, { args, profile }: StepContext<Args>): (Verdict & { readonly is: 'impossible' }) | null {
  if (pool === undefined) return noPool(args.pool);
  const bad = leavesOf(pool.data).filter(({ state }) => state !== 'ONLINE');
  if (bad.length > 0 || pool.state !== 'ONLINE')
    return impossible(
      `${args.pool} is ${pool.state}: ${bad.map(({ path, name, state }) => `${path ?? name} is ${state}`).join(', ') || (pool.status ?? '')}`,
      'Replace the disk, or put it back: zpool status on the machine tells which. Then run this step again.',
    );
  const disks = profile.system_disks;
  const raid = typeof disks === 'object' && disks !== null && 'raid' in disks && typeof disks.raid === 'string' ? disks.raid : 'auto';
  const wanted: readonly string[] = args.layout === 'any' ? [] : args.layout === 'profile' ? (OF_PROFILE[raid] ?? []) : [args.layout];
  const layout = layoutOf(pool);
  if (wanted.length === 0 || wanted.includes(layout)) return null;
  return impossible(
    `${args.pool} is laid out as ${layout}; asked for is ${wanted.join(' or ')}`,
    layout === 'single' && wanted.includes('mirror')
      ? 'Put the step zfs-attach before this one: it makes a mirror of it.'
      : 'Only installing the machine anew changes that.',
  );
}

async function lookAtArc({ shell, args }: StepContext<Args>): Promise<NonNullable<Looked['arc']>> {
  const bytes = args.arc_max_mb * MIB;
  const text = (await shell.readFile(PATH))?.toString() ?? '';
  const running = (await shell.run(['cat', RUNNING])).out.trim();
  return {
    text,
    isWritten: readArcMax(text) === bytes,
    isRunning: running === String(bytes),
    isPending: (await shell.run(['test', '-e', PENDING])).code === 0,
  };
}
