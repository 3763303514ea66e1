// What a disk can do to erase itself, asked of the disk: nvme-cli for NVMe, hdparm for ATA, the kernel for the rest. Changes nothing.

import { basename } from 'node:path';
import { openBlockDevice } from '../../writing/block-device.ts';
import type { CommandContext, ResolvedDisk } from '../types.ts';
import { type Abilities, type AtaSecurity, type NvmeAbilities, readAtaSecurity, readNvme } from './erase-decide.ts';

const ASK_MS = 30_000;

export async function readAbilities({ path, disk }: Pick<ResolvedDisk, 'path' | 'disk'>, context: CommandContext): Promise<Abilities> {
  const device = await openBlockDevice(path, context.run, disk);
  const { isRotational, discards } = device;
  await device.close();
  const name = basename(path);
  const nvme = /^nvme\d+n\d+$/.test(name) ? await askNvme(path, context) : null;
  const ata = /^sd[a-z]+$/.test(name) ? await askAta(path, context) : null;
  return { isRotational, discards, nvme, ata };
}

async function askNvme(path: string, { run, signal, log }: CommandContext): Promise<NvmeAbilities | null> {
  const controller = path.replace(/n\d+$/, '');
  const [ctrl, ns] = await Promise.all([
    run('nvme', ['id-ctrl', controller, '-o', 'json'], { timeoutMs: ASK_MS, signal }),
    run('nvme', ['id-ns', path, '-o', 'json'], { timeoutMs: ASK_MS, signal }),
  ]);
  try {
    return readNvme(JSON.parse(ctrl.stdout), JSON.parse(ns.stdout));
  } catch {
    log(`${path}: nvme-cli can not say what it can do (${ctrl.stderr.trim().slice(0, 200)})`);
    return null; // erased as any other disk
  }
}

/** A disk behind USB or a RAID controller may not answer at all: then it is erased as any other. */
async function askAta(path: string, { run, signal }: CommandContext): Promise<AtaSecurity | null> {
  const { code, stdout } = await run('hdparm', ['-I', path], { timeoutMs: ASK_MS, signal });
  return code === 0 ? readAtaSecurity(stdout) : null;
}
