// install_boot: the firmware is told where the image's loader is. With BIOS there is nobody to tell: the image has boot code or it has not.

import { stat } from 'node:fs/promises';
import { arch } from 'node:os';
import type { Run } from '../../../lib/index.ts';
import { fail } from '../../errors.ts';
import { type BlockDevice, openBlockDevice } from '../../writing/block-device.ts';
import { GPT_TYPES, partitionsOf } from '../../writing/gpt-codec.ts';
import { decodeMbr, hasBootCode } from '../../writing/mbr-codec.ts';
import { readGpt } from '../../writing/tables.ts';
import { type CommandContext, type CommandHandler, CommandRefused } from '../types.ts';
import {
  chooseLoader,
  type EfiFile,
  LABEL_PREFIX,
  type Loader,
  type Order,
  orderWith,
  readBootOptions,
  staleEntries,
} from './boot-entry-decide.ts';
import { listFat } from './fat-codec.ts';

const EFI_DIRECTORY = '/sys/firmware/efi';
const ESP_IN_MBR = 0xef;
const TOOL_MS = 60_000;

export interface BootEntryParts {
  /** There when the machine was started by UEFI. */
  readonly efiDirectory: string;
}

export function createInstallBoot({ efiDirectory }: BootEntryParts = { efiDirectory: EFI_DIRECTORY }): CommandHandler<'install_boot'> {
  return async ({ disk, order }, context) => {
    const [found] = await context.resolve([disk]);
    if (found === undefined) throw new CommandRefused(`${disk.title} was not found`);
    const device = await openBlockDevice(found.path, context.run, found.disk);
    let facts: BootFacts;
    try {
      facts = await bootFacts(device);
    } finally {
      await device.close();
    }
    if (!(await isThere(efiDirectory))) return biosAnswer(disk.title, facts);
    const loader = chooseLoader(facts.files, arch() === 'arm64' ? 'aarch64' : 'x86_64');
    if (facts.esp === null || loader === undefined)
      throw fail('agent.no_boot', {
        message: `this machine was started by UEFI, and ${disk.title} has ${facts.esp === null ? 'no EFI system partition' : 'no loader in its EFI system partition'}`,
        hint: 'Use an image that starts by UEFI, or set the firmware to BIOS (CSM).',
      });
    const entry = await writeEntry({ path: found.path, partition: facts.esp, loader, order, context });
    return {
      message: `the firmware starts ${loader.path} of ${disk.title} by its entry ${entry} (${order})`,
      result: { entry, loader: loader.path },
    };
  };
}

interface BootFacts {
  readonly esp: number | null;
  readonly files: readonly EfiFile[];
  readonly hasBootCode: boolean;
}

async function bootFacts(device: BlockDevice): Promise<BootFacts> {
  const { sectorSize } = device;
  const gpt = await readGpt(device);
  const sector = await device.read(0, 512);
  const parts =
    gpt === null
      ? (decodeMbr(sector) ?? []).filter(({ type }) => type === ESP_IN_MBR)
      : partitionsOf(gpt).filter(({ type }) => type === GPT_TYPES.esp);
  const [esp] = parts;
  const files = esp === undefined ? [] : await efiFiles(device, esp.first * sectorSize);
  return { esp: esp?.number ?? null, files, hasBootCode: hasBootCode(sector) };
}

async function efiFiles(device: BlockDevice, start: number): Promise<EfiFile[]> {
  const read = (offset: number, length: number): Promise<Buffer> => device.read(start + offset, length);
  const directories = (await listFat(read, 'EFI')) ?? [];
  const lists = await Promise.all(
    directories
      .filter(({ isDirectory }) => isDirectory)
      .map(async ({ name: directory }) => {
        const files = (await listFat(read, `EFI/${directory}`)) ?? [];
        return files.filter(({ isDirectory }) => !isDirectory).map(({ name }) => ({ directory, name }));
      }),
  );
  return lists.flat();
}

function biosAnswer(title: string, { hasBootCode: starts }: BootFacts) {
  if (!starts)
    throw fail('agent.no_boot', {
      message: `this machine was started by BIOS, and ${title} has no boot code in its first sector`,
      hint: 'Use an image that starts by BIOS, or set the firmware to UEFI.',
    });
  return {
    message: `nothing to do: this machine starts by BIOS, and ${title} has its own boot code; the boot order is the firmware's`,
    result: { entry: null, loader: null },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false; // started by BIOS
  }
}

interface NewEntry {
  readonly path: string;
  readonly partition: number;
  readonly loader: Loader;
  readonly order: Order;
  readonly context: CommandContext;
}

/** Those of earlier deployments go, this one comes, and the order is read back: firmware may have its own will. */
async function writeEntry({ path, partition, loader, order, context }: NewEntry): Promise<string> {
  const ask = (args: readonly string[]): Promise<string> => efibootmgr(context.run, args, context.signal);
  const before = readBootOptions(await ask(['-v']));
  for (const number of staleEntries(before)) await ask(['-q', '-b', number, '-B']);
  const label = `${LABEL_PREFIX}${loader.system}`;
  await ask(['-q', '-C', '-d', path, '-p', String(partition), '-L', label, '-l', loader.path]);
  const now = readBootOptions(await ask(['-v']));
  const mine = now.entries.find((one) => one.label === label);
  if (mine === undefined)
    throw fail('agent.no_boot', { message: 'the firmware did not keep the new boot entry', hint: 'Set the boot order in its setup.' });
  const wanted = orderWith(mine.number, now, order);
  await ask(['-q', '-o', wanted.join(',')]);
  const { order: kept } = readBootOptions(await ask(['-v']));
  if (kept.join(',') !== wanted.join(','))
    context.log(`the firmware keeps another boot order than it was told: ${kept.join(',')} instead of ${wanted.join(',')}`, 'err');
  return `Boot${mine.number}`;
}

async function efibootmgr(run: Run, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await run('efibootmgr', args, { timeoutMs: TOOL_MS, signal });
  if (code === 0) return stdout;
  throw fail('agent.no_boot', {
    message: `the firmware's boot entries can not be changed: ${stderr.trim().slice(0, 300) || `efibootmgr ended with ${code}`}`,
    hint: 'Its memory for them may be full or locked: look in its setup.',
  });
}
