// Makes a mirror of a system's pool on one disk: partitions, EFI partition and all. Proven on a shim; sgdisk's direction on the real one; with
// real ZFS not yet.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';
import { readBootTool } from '../zfs/boot-tool-codec.ts';
import { chooseDisks, MATCH, nameOf } from '../zfs/choose-decide.ts';
import { COPY_TABLE, OWN_NUMBERS } from '../zfs/copy-table.ts';
import { type Disk, partName, titleOf } from '../zfs/disks-codec.ts';
import { diskOfPath, lookAtDisks, lookAtPool, signaturesOn } from '../zfs/look.ts';
import { layoutOf, leavesOf, type Pool } from '../zfs/pool-codec.ts';
import { waitForScan } from '../zfs/wait.ts';

const Args = Type.Object(
  { pool: Type.String({ description: 'Name of the pool.', pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,62}$', default: 'rpool' }), ...MATCH },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

/** Serial number or WWN of the disk that this run has begun to write to. */
const NOTE = 'zfs-attach.disk';
const BOOT_UUIDS = '/etc/kernel/proxmox-boot-uuids';
const ESP = 2;
const DATA = 3;
/** A disk that copies for a week is one to look at. */
const RESILVER_MS = 7 * 24 * 3_600_000;

export const step: PipelineStep<Args> = {
  name: 'zfs-attach',
  title: 'Second disk of the system',
  provenOn: 'shim',
  args: Args,
  timeoutMs: RESILVER_MS,
  describe: ({ pool }) => `${pool} is a mirror, and the machine starts from either disk`,
  check: async (context) => (await look(context)).verdict,
  apply,
};

interface Looked {
  readonly verdict: Verdict;
  readonly pool?: Pool;
  readonly from?: Disk;
  readonly to?: Disk;
  readonly hasTable: boolean;
  readonly isAttached: boolean;
  readonly isBootable: boolean;
  readonly isGrub: boolean;
}

const NOTHING = { hasTable: false, isAttached: false, isBootable: false, isGrub: false };

async function look(context: StepContext<Args>): Promise<Looked> {
  const { args, shell, notes } = context;
  const pool = await lookAtPool(context, args.pool);
  if (pool === undefined)
    return { ...NOTHING, verdict: impossible(`the machine has no pool ${args.pool}`, 'Was it installed on another file system?') };
  const layout = layoutOf(pool);
  if (layout !== 'single' && layout !== 'mirror')
    return { ...NOTHING, verdict: impossible(`${args.pool} is laid out as ${layout}`, 'This step is for a pool on one disk.') };
  const bad = leavesOf(pool.data).find(({ state }) => state !== 'ONLINE');
  if (bad !== undefined)
    return {
      ...NOTHING,
      verdict: impossible(`${bad.path ?? bad.name} of ${args.pool} is ${bad.state}`, 'Replace that disk first: zpool status tells which.'),
    };
  const disks = await lookAtDisks(context);
  const members = leavesOf(pool.data).map(({ path }) => (path === null ? undefined : diskOfPath(disks, path)));
  const status = readBootTool((await shell.run(['proxmox-boot-tool', 'status'])).out);
  const kept = ((await shell.readFile(BOOT_UUIDS))?.toString() ?? '').toUpperCase();
  if (members.some((member) => member === undefined || member.part !== DATA) || status.uuids.length === 0)
    return {
      ...NOTHING,
      verdict: impossible(
        `${args.pool} is not on partition ${DATA} of its disks, or proxmox-boot-tool keeps no EFI partition of this machine`,
        'This step is for systems as the installer of Proxmox VE lays them out: proxmox-boot-tool status shows what it keeps.',
      ),
    };
  const on = members.flatMap((member) => (member === undefined ? [] : [member.disk]));
  const uuids = await Promise.all(on.map((disk) => espUuid(context, disk)));
  const isKept = (uuid: string): boolean => uuid !== '' && kept.includes(uuid);
  const resilvers = pool.scan?.what === 'resilver' && pool.scan.is === 'running';
  const waits = resilvers ? [`waits until ${args.pool} has copied itself to all its disks`] : [];
  if (layout === 'mirror') {
    // The one that starts the machine already is where the pool began; another is looked at by whoever added it.
    const to = on.find((_, at) => !isKept(uuids[at] ?? ''));
    const from = on.find((disk) => disk !== to);
    const esp = to?.parts.find(({ number }) => number === ESP);
    if (to !== undefined && (from === undefined || !uuids.some(isKept) || esp === undefined || esp.isMounted || !isOwn(ESP, esp.content)))
      return {
        ...NOTHING,
        verdict: impossible(
          `proxmox-boot-tool does not keep partition ${ESP} of ${titleOf(to)}, and it does not look like an EFI partition that is free`,
          'Look at proxmox-boot-tool status and lsblk on the machine.',
        ),
      };
    const plan = to === undefined ? [] : [`${titleOf(to)}: its EFI partition is formatted and kept by proxmox-boot-tool`];
    return {
      pool,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      hasTable: true,
      isAttached: true,
      isBootable: to === undefined,
      isGrub: status.isGrub,
      verdict: planned(
        [...plan, ...waits],
        `${args.pool} is a mirror of ${on.map(titleOf).join(' and ')}, each with what starts the machine`,
      ),
    };
  }
  return chosen(context, { pool, disks, from: on[0], isGrub: status.isGrub, note: notes.get(NOTE) });
}

/** What this step itself leaves on a partition when it is cut off. */
function isOwn(number: number | null, content: string | null): boolean {
  return content === null || (number === ESP && content === 'vfat') || (number === DATA && content === 'zfs_member');
}

interface Single {
  readonly pool: Pool;
  readonly disks: readonly Disk[];
  readonly from: Disk | undefined;
  readonly isGrub: boolean;
  readonly note: string | undefined;
}

function chosen({ args, node }: StepContext<Args>, { pool, disks, from, isGrub, note }: Single): Looked {
  if (from === undefined) return { ...NOTHING, verdict: impossible('the disk of the pool is not known', 'Look at lsblk on the machine.') };
  const others = disks.filter((disk) => disk !== from);
  const ours = new Set(note === undefined || note === '' ? [] : [note]);
  const choice = chooseDisks(others, { match: args, count: 1, system: node.systemDisks, ours });
  if (choice.is === 'refused') return { ...NOTHING, verdict: impossible(choice.reason, choice.hint) };
  const [to] = choice.disks;
  if (to === undefined) return { ...NOTHING, verdict: impossible('no disk fits', 'Name it by its serial number.') };
  if (to.bytes < from.bytes)
    return {
      ...NOTHING,
      verdict: impossible(`${titleOf(to)} is smaller than ${titleOf(from)}`, 'A mirror takes a disk of the same size or more.'),
    };
  if (to.sectorBytes !== from.sectorBytes)
    return {
      ...NOTHING,
      verdict: impossible(
        `${titleOf(to)} has sectors of ${to.sectorBytes} bytes, ${titleOf(from)} of ${from.sectorBytes}: a partition table can not be copied`,
        'Take a disk with the same sectors, or install the machine anew on both.',
      ),
    };
  const isBegun = note !== undefined && nameOf(to) === note;
  const foreign = to.parts.find(({ number, content }) => !isOwn(number, content));
  if (foreign !== undefined)
    return {
      ...NOTHING,
      verdict: impossible(
        `${foreign.path} of ${titleOf(to)} holds ${foreign.content ?? 'something'} by now`,
        'Look at it, and clean the disk.',
      ),
    };
  const hasTable = isBegun && to.parts.some(({ number }) => number === DATA);
  return {
    pool,
    from,
    to,
    isGrub,
    isAttached: false,
    isBootable: false,
    hasTable,
    verdict: planned(
      [
        ...(hasTable ? [] : [`${titleOf(to)} gets the partitions of ${titleOf(from)}`]),
        `${titleOf(to)}: its EFI partition is formatted and kept by proxmox-boot-tool${isGrub ? ' (GRUB)' : ''}`,
        `${args.pool} copies itself to ${titleOf(to)} and is a mirror`,
      ],
      '',
    ),
  };
}

async function apply(context: StepContext<Args>): Promise<void> {
  const { args, shell, notes } = context;
  const { verdict, from, to, hasTable, isAttached, isBootable, isGrub } = await look(context);
  if (verdict.is === 'impossible') throw refusal(verdict);
  if (verdict.is === 'satisfied') return;
  if (from !== undefined && to !== undefined && !isBootable) {
    if (!hasTable) await copyTable(context, from, to);
    // EFI first: a machine that can not start from its second disk is found out before a day of copying.
    if (!(await isKeptNow(context, to))) {
      const esp = partName(to, ESP);
      // Not of one that is in the pool already: what starts the machine may know it by its number.
      if (!isAttached) await scripted(context, OWN_NUMBERS, [to.ids[0] ?? to.path], `${titleOf(to)} got no numbers of its own`);
      await shell.must(['proxmox-boot-tool', 'format', esp, '--force'], { timeoutMs: 300_000 });
      await shell.must(['proxmox-boot-tool', 'init', esp, ...(isGrub ? ['grub'] : [])], { timeoutMs: 600_000 });
    }
  }
  if (!isAttached && from !== undefined && to !== undefined) {
    const member = leavesOf((await lookAtPool(context, args.pool))?.data ?? []);
    // By the name that the pool has it under.
    if (member.length === 1 && member[0]?.path !== null && member[0] !== undefined)
      await shell.must(['zpool', 'attach', args.pool, member[0].path, partName(to, DATA)], { timeoutMs: 300_000 });
  }
  await waitForScan(context, args.pool, 'resilver');
  await notes.set(NOTE, '');
}

async function copyTable(context: StepContext<Args>, from: Disk, to: Disk): Promise<void> {
  const { shell, notes } = context;
  const [source, target] = [from.ids[0], to.ids[0]];
  if (source === undefined || target === undefined || from.path === to.path)
    throw refusal({
      reason: `${titleOf(to)} has no name by its identity`,
      hint: 'Is udev running on the machine? Look at /dev/disk/by-id.',
    });
  const begun = notes.get(NOTE) === nameOf(to);
  // A table is what a copy that was cut off leaves.
  const found = (await signaturesOn(context, target)).filter((one) => !begun || !['gpt', 'PMBR'].includes(one));
  if (found.length > 0) throw refusal({ reason: `${titleOf(to)} is not empty: ${found.join(', ')}`, hint: 'Clean it first.' });
  await notes.set(NOTE, nameOf(to) ?? '');
  // A copy that was cut off is one of ours, and of no use.
  if (begun) await shell.must(['wipefs', '--all', '--quiet', target]);
  await scripted(
    context,
    COPY_TABLE,
    [source, target, `/var/lib/rackseed/zfs/${nameOf(from) ?? 'disk'}.gpt`],
    'the partitions were not copied',
  );
}

async function scripted({ shell }: StepContext<Args>, text: string, words: readonly string[], what: string): Promise<void> {
  const { code, err } = await shell.script(text, words, { timeoutMs: 300_000 });
  if (code !== 0) throw refusal({ reason: `${what}: ${err.trim().slice(-500)}`, hint: 'Look at sgdisk -p of both disks.' });
}

async function isKeptNow(context: StepContext<Args>, disk: Disk): Promise<boolean> {
  const kept = ((await context.shell.readFile(BOOT_UUIDS))?.toString() ?? '').toUpperCase();
  const uuid = await espUuid(context, disk);
  return uuid !== '' && kept.includes(uuid);
}

/** As vfat has it; empty where it has none. */
async function espUuid({ shell }: StepContext<Args>, disk: Disk): Promise<string> {
  return (await shell.run(['blkid', '-p', '-s', 'UUID', '-o', 'value', partName(disk, ESP)])).out.trim().toUpperCase();
}
