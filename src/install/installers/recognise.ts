// Is this ISO an installer that machines can be installed with over the network, and which. Reads, decides, changes nothing.

import { messageOf, RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { CD_INFO_MAX_BYTES, type CdInfo, compareReleases, FIRST_AUTOMATED_PVE, parseCdInfo } from './cd-info-codec.ts';
import { type Initrd, InitrdFault, openInitrd } from './initrd.ts';
import { type IsoFile, type IsoView, textOf } from './iso-view.ts';
import { KERNEL_HEAD_BYTES, readKernelHead } from './program-codec.ts';

export const KERNEL_PATH = 'boot/linux26';
export const INITRD_PATH = 'boot/initrd.img';
/** Says that the installer in it can do without a person. */
export const CAPABLE_PATH = 'auto-installer-capable';
const CD_INFO_PATHS = ['.cd-info', '.disk/info'];
const NAMES_SHOWN = 12;

export interface Recognised {
  readonly info: CdInfo;
  readonly kernel: IsoFile;
  readonly initrd: IsoFile;
  readonly archives: Initrd;
}

/** Throws install.not_an_installer or install.installer_unfit. */
export async function recognise(view: IsoView, where: string): Promise<Recognised> {
  const info = await editionOf(view, where);
  if (typeof info === 'string') throw notAnInstaller(view, where, info);
  const title = `${info.title} ${info.release}-${info.isoRelease} (${where})`;
  await refuseOld(view, info, title);
  const [kernel, initrd] = [await view.file(KERNEL_PATH), await view.file(INITRD_PATH)];
  if (kernel === undefined || initrd === undefined) {
    throw unfit(title, `it has no /${kernel === undefined ? KERNEL_PATH : INITRD_PATH}`, OTHER_ISO);
  }
  const head = readKernelHead(await kernel.readAt(0, Math.min(kernel.bytes, KERNEL_HEAD_BYTES)));
  if (typeof head === 'string') throw unfit(title, `its /${KERNEL_PATH}: ${head}`, OTHER_ISO);
  return { info, kernel, initrd, archives: await archivesOf(initrd, title) };
}

/** A text says what is missing. */
export async function editionOf(view: IsoView, where: string): Promise<CdInfo | string> {
  const faults: string[] = [];
  for (const path of CD_INFO_PATHS) {
    const text = await textOf(view, path, CD_INFO_MAX_BYTES);
    if (text === undefined) continue;
    const info = parseCdInfo(text);
    if (typeof info !== 'string') return info;
    faults.push(`/${path} of ${where} is that of no Proxmox installer: ${info}`);
  }
  return faults[0] ?? `it has neither /${CD_INFO_PATHS.join(' nor /')}`;
}

async function refuseOld(view: IsoView, info: CdInfo, title: string): Promise<void> {
  const isOld = info.product === 'pve' && compareReleases(info.release, FIRST_AUTOMATED_PVE) < 0;
  if (!isOld && (await view.file(CAPABLE_PATH)) !== undefined) return;
  const why = isOld
    ? `unattended installation came with ${FIRST_AUTOMATED_PVE}`
    : `it has no /${CAPABLE_PATH}: its installer needs a person`;
  throw unfit(title, why, 'Import a newer release.');
}

async function archivesOf(initrd: IsoFile, title: string): Promise<Initrd> {
  try {
    return await openInitrd(initrd.readAt, initrd.bytes);
  } catch (thrown) {
    if (!(thrown instanceof InitrdFault)) throw thrown;
    throw unfit(title, `its /${INITRD_PATH}: ${thrown.message}`, OTHER_ISO);
  }
}

const OTHER_ISO = 'Load it anew and compare its SHA-256 with the one on its download page; rackseed image selftest says more.';

export function unfit(title: string, why: string, hint: string): RackseedError {
  return fail('install.installer_unfit', { message: `${title} can't be used: ${why}`, hint });
}

export function notAnInstaller({ volumeId, root }: Pick<IsoView, 'volumeId' | 'root'>, where: string, why: string): RackseedError {
  const shown = root.slice(0, NAMES_SHOWN).join(', ');
  const more = root.length > NAMES_SHOWN ? ` and ${root.length - NAMES_SHOWN} more` : '';
  return fail('install.not_an_installer', {
    message: `${where} is an ISO, but of no Proxmox installer: ${why}. Its volume is called ${JSON.stringify(volumeId)} and has ${shown === '' ? 'no files' : shown}${more}`,
    hint: 'Import the ISO of Proxmox VE, Backup Server, Mail Gateway or Datacenter Manager, as it was loaded.',
  });
}

/** A file that is no ISO at all. */
export function notAnIso(where: string, thrown: unknown): RackseedError {
  if (thrown instanceof RackseedError && thrown.code !== 'install.bad_iso') return thrown;
  return fail('install.not_an_installer', {
    message: `${where} is no ISO: ${messageOf(thrown)}`,
    hint: 'Import the ISO of a Proxmox product, as it was loaded, neither unpacked nor compressed.',
    cause: thrown,
  });
}
