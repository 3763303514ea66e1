// erase_metadata and erase_disks: several disks at once, each to its own end; the command fails after the last when one did not make it.

import type { CommandArgs, CommandResult } from '../../../inspect/commands.ts';
import { messageOf } from '../../../lib/index.ts';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';
import { type NamedDisk, namedDisk, refuseNameless } from '../named-disk.ts';
import { type CommandContext, type CommandHandler, CommandRefused, type Done, type ResolvedDisk } from '../types.ts';
import { readAbilities } from './abilities.ts';
import { type Abilities, decideWays, type Way } from './erase-decide.ts';
import { eraseRanges, metadataRanges, remainsOf } from './metadata.ts';
import { eraseBy, samplePlaces } from './ways.ts';

type Row = CommandResult<'erase_disks'>['disks'][number];

/** A machine with 24 disks would otherwise hold 24 ioctls and as many buffers. */
const AT_ONCE = 4;
const SAMPLE_BYTES = 64 * 1024;

export const eraseMetadata: CommandHandler<'erase_metadata'> = async ({ disks }, context) => {
  refuseNameless(disks);
  const found = await context.resolve(disks);
  return eachDisk(found, context, async (one, progress) => {
    progress(0, 'erases what tells what is on it');
    const begun = context.clock.monotonic();
    await eraseTraces(one, namedDisk(one.ref, context), context);
    return {
      method: 'metadata',
      seconds: (context.clock.monotonic() - begun) / 1000,
      verified: true,
      message: 'nothing is recognised on it any more',
    };
  });
};

export const eraseDisks: CommandHandler<'erase_disks'> = async (args, context) => {
  refuseNameless(args.disks);
  const found = await context.resolve(args.disks);
  // All of them are asked before the first is touched: a method that one can not do is refused with every disk as it was.
  const planned = await Promise.all(found.map(async (one) => ({ one, plan: await planOf(one, args, context) })));
  const plans = new Map(planned.map(({ one, plan }) => [one, plan]));
  if (context.isResumed) context.log('an erasure was cut off: it is begun again, as far as a disk does not say that it has ended');
  return eachDisk(found, context, (one, progress) =>
    eraseOne({ one, disk: namedDisk(one.ref, context), args, context, progress, ...(plans.get(one) ?? NOTHING) }),
  );
};

interface Plan {
  readonly abilities: Abilities;
  readonly ways: readonly Way[];
}

const NOTHING: Plan = { abilities: { isRotational: false, discards: false, nvme: null, ata: null }, ways: [] };

async function planOf(one: ResolvedDisk, { method }: CommandArgs<'erase_disks'>, context: CommandContext): Promise<Plan> {
  const abilities = await readAbilities(one, context);
  const decided = decideWays(method, abilities);
  if ('refused' in decided)
    throw new CommandRefused(`${one.ref.title} can not be erased by ${method}: ${decided.refused}; nothing was erased`);
  for (const note of decided.notes) context.log(`${one.ref.title}: ${note}`);
  context.log(`${one.ref.title}: ${decided.ways.join(', else ')}`);
  return { abilities, ways: decided.ways };
}

interface Job extends Plan {
  /** As it was before anything was done. */
  readonly one: ResolvedDisk;
  readonly disk: NamedDisk;
  readonly args: CommandArgs<'erase_disks'>;
  readonly context: CommandContext;
  readonly progress: Progress;
}

/** The first way that works. */
async function eraseOne(job: Job): Promise<Omit<Row, 'title'>> {
  const { one, ways, context } = job;
  const failures: string[] = [];
  for (const way of ways) {
    const begun = context.clock.monotonic();
    try {
      const verified = await eraseAndLook(job, way);
      const seconds = (context.clock.monotonic() - begun) / 1000;
      const message = [...failures, verified ? 'verified' : 'not verified, as asked'].join('; ').slice(0, 1000);
      return { method: way, seconds, verified, message };
    } catch (error) {
      context.signal.throwIfAborted();
      failures.push(`${way} failed: ${messageOf(error)}`);
      context.log(`${one.ref.title}: ${way} failed: ${messageOf(error)}`, 'err');
    }
  }
  throw fail('agent.disk_failed', { message: failures.join('; ') || 'there is no way to erase it' });
}

async function eraseAndLook(job: Job, way: Way): Promise<boolean> {
  const { one, disk, context, progress, args, abilities } = job;
  if (way === 'metadata') {
    await eraseTraces(one, disk, context);
    return true;
  }
  const before = args.verify && way !== 'overwrite' ? await disk.withDevice('reads', samplesOf) : undefined;
  await eraseBy(way, { disk, abilities, context, passes: args.passes, verify: args.verify, progress });
  if (before !== undefined) await disk.withDevice('reads', (device) => differs(device, before));
  // An erased disk that reads as noise (a new key) may by chance, and a RAID controller by habit, still show a table.
  await eraseTraces(one, disk, context);
  return args.verify;
}

async function samplesOf(device: BlockDevice): Promise<ReadonlyMap<number, Buffer>> {
  const samples = new Map<number, Buffer>();
  for (const place of samplePlaces(device.size)) {
    const bytes = await device.read(place, SAMPLE_BYTES);
    if (bytes.some((byte) => byte !== 0)) samples.set(place, bytes);
  }
  return samples;
}

async function differs(device: BlockDevice, before: ReadonlyMap<number, Buffer>): Promise<void> {
  for (const [place, bytes] of before) {
    if ((await device.read(place, SAMPLE_BYTES)).equals(bytes))
      throw fail('agent.disk_failed', { message: `${device.path} says that it is erased, and at byte ${place} is what was there before` });
  }
}

async function eraseTraces(one: ResolvedDisk, disk: NamedDisk, context: CommandContext): Promise<void> {
  await disk.withDevice('writes', (device) => eraseRanges(device, metadataRanges({ ...one.contents, size: device.size }), context.signal));
  // The kernel forgets the partitions; one that it can't tell so (a file) has none.
  await context.run('blockdev', ['--rereadpt', await disk.pathToChange()], { signal: context.signal });
  const now = await disk.now();
  const left = remainsOf(now.contents);
  if (left !== undefined) throw fail('agent.disk_failed', { message: `${now.path} still holds ${left}` });
}

type Progress = (fraction: number, text: string) => void;
type OneDisk = (one: ResolvedDisk, progress: Progress) => Promise<Omit<Row, 'title'>>;

async function eachDisk(found: readonly ResolvedDisk[], context: CommandContext, erase: OneDisk): Promise<Done<'erase_disks'>> {
  if (found.length === 0) return { message: 'no disks were named: nothing was erased', result: { disks: [] } };
  const shares = found.map(() => 0);
  const rows: Row[] = [];
  const failures: string[] = [];
  const queue = [...found.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, one] = next;
      const { title } = one.ref;
      try {
        const row = await erase(one, (fraction, text) => {
          shares[index] = fraction;
          context.progress(shares.reduce((sum, share) => sum + share, 0) / found.length, `${title}: ${text}`);
        });
        rows.push({ title, ...row });
        context.log(`${title}: ${row.method} in ${row.seconds.toFixed(1)} s, ${row.message}`);
      } catch (error) {
        context.signal.throwIfAborted();
        failures.push(`${title} (${one.path}): ${messageOf(error)}`);
        context.log(`${title}: ${messageOf(error)}`, 'err');
      }
      shares[index] = 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, found.length) }, worker));
  if (failures.length > 0) {
    const others = rows.length === 0 ? '' : `; ${rows.length} others are erased`;
    throw fail('agent.disk_failed', {
      message: `${failures.length} of ${found.length} disks are not erased: ${failures.join('; ')}${others}`,
    });
  }
  const names = rows.map(({ title, method }) => `${title} (${method})`).join(', ');
  return { message: `erased ${names}`.slice(0, 1000), result: { disks: rows } };
}
