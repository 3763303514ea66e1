// stamp_disks: an empty partition table with a given id on each disk, by which an installer is told of exactly these. What the disk held
// before goes with it, as far as anything recognises it: an id beside old labels is one that udev may not show. Knows no installer.

import type { DiskRef } from '../../inspect/commands.ts';
import { fail } from '../errors.ts';
import type { BlockDevice } from '../writing/block-device.ts';
import { decodeGpt, emptyGpt, encodeGpt, gptPlace, protectiveMbr } from '../writing/gpt-codec.ts';
import { eraseRanges, metadataRanges, remainsOf } from './erase/metadata.ts';
import { rereadTable } from './image/layout.ts';
import { type NamedDisk, namedDisk, refuseNameless } from './named-disk.ts';
import { type CommandContext, type CommandHandler, CommandRefused, type ResolvedDisk } from './types.ts';

const SETTLE_SECONDS = 30;

interface Job {
  readonly disk: NamedDisk;
  readonly guid: string;
}

interface Stamped {
  readonly title: string;
  readonly guid: string;
  readonly udev: string | null;
}

export const stampDisks: CommandHandler<'stamp_disks'> = async ({ disks, guids }, context) => {
  if (disks.length !== guids.length) throw new CommandRefused(`${guids.length} ids are given for ${disks.length} disks`);
  if (new Set(guids).size < guids.length) throw new CommandRefused('two disks would get the same id');
  refuseNameless(disks);
  // One that was stamped by this very order before holds what it shall.
  const refs = disks.map((ref, at) => withItem(ref, `table gpt ${guids[at]}`));
  // All of them, before the first is touched.
  await context.resolve(refs);
  const jobs = refs.map((ref, at) => ({ disk: namedDisk(ref, context), guid: guids[at] ?? '' }));
  const rows: Stamped[] = [];
  for (const [at, job] of jobs.entries()) {
    const { title } = job.disk.ref;
    context.progress(at / jobs.length, `${title}: gets an empty partition table`);
    const udev = await stampOne(job, context);
    context.log(`${title}: partition table ${job.guid}${udev === null ? '' : ', and udev says so'}`);
    rows.push({ title, guid: job.guid, udev });
  }
  const names = rows.map(({ title }) => title).join(', ');
  return {
    message: rows.length === 0 ? 'no disks were named: nothing was stamped' : `empty partition tables are on ${names}`.slice(0, 1000),
    result: { disks: rows },
  };
};

function withItem(ref: DiskRef, item: string): DiskRef {
  return ref.expects === null ? ref : { ...ref, expects: [...ref.expects, item] };
}

/** What udev calls the table now; null: it is no block device. */
async function stampOne({ disk, guid }: Job, context: CommandContext): Promise<string | null> {
  const isBlock = await disk.withDevice('writes', async (device, found) => {
    await eraseOld(device, found, context.signal);
    await writeStamp(device, guid);
    return device.isBlock;
  });
  if (isBlock) await rereadTable(context, await disk.pathToChange());
  const { path, contents } = await disk.now();
  const left = remainsOf({ ...contents, table: null });
  if (left !== undefined) throw fail('agent.disk_failed', { message: `${path} still holds ${left} beside its new partition table` });
  if (contents.table !== 'gpt' || contents.tableUuid !== guid)
    throw fail('agent.disk_failed', {
      message: `${path} was given the partition table ${guid}, and shows ${contents.tableUuid ?? 'none'}`,
    });
  return isBlock ? seenByUdev(path, guid, context) : null;
}

async function eraseOld(device: BlockDevice, { contents }: ResolvedDisk, signal: AbortSignal): Promise<void> {
  if (contents.isBlank) return;
  await eraseRanges(device, metadataRanges({ ...contents, size: device.size }), signal);
}

/** Both copies are written, synced, and read back. */
export async function writeStamp(device: BlockDevice, guid: string): Promise<void> {
  const { sectorSize, size } = device;
  const sectors = Math.floor(size / sectorSize);
  const table = emptyGpt(guid, sectors, sectorSize);
  for (const { offset, bytes } of encodeGpt(table, sectors, protectiveMbr(sectorSize))) await device.write(offset, bytes);
  await device.sync();
  for (const at of [1, sectors - 1]) {
    const header = await device.read(at * sectorSize, sectorSize);
    const place = gptPlace(header, sectorSize);
    const entries = place === null ? null : await device.read(place.entriesOffset, place.entriesBytes);
    if (entries === null || decodeGpt(header, entries, sectorSize)?.diskGuid !== guid)
      throw fail('agent.disk_failed', { message: `${device.path} took a partition table at sector ${at} and gives something else back` });
  }
}

/** blkid runs within udev's rules when it hears of a change: what it found is what an installer's filter meets. */
export async function seenByUdev(path: string, guid: string, { run, signal }: Pick<CommandContext, 'run' | 'signal'>): Promise<string> {
  await run('udevadm', ['trigger', '--action=change', `--name-match=${path}`], { signal });
  await run('udevadm', ['settle', `--timeout=${SETTLE_SECONDS}`], { timeoutMs: (SETTLE_SECONDS + 5) * 1000, signal });
  const { code, stdout, stderr } = await run('udevadm', ['info', '--query=property', `--name=${path}`], { signal });
  if (code !== 0) throw fail('agent.disk_failed', { message: `udev says nothing of ${path}: ${stderr.trim()}` });
  const seen = /^ID_PART_TABLE_UUID=(.*)$/m.exec(stdout)?.[1];
  if (seen === guid) return seen;
  throw fail('agent.disk_failed', {
    message: `${path} has the partition table ${guid}, but udev sees ${seen ?? 'none'}`,
    hint: 'Something else is on the disk that hides its partition table from udev: erase it whole.',
  });
}
