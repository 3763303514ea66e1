// Of an installer ISO: where its files lie, what it says it is, its kernel, its squashfs images, its boot menu, and the memory that it takes.

import { leastMemoryMb } from '../gates-decide.ts';
import { assignmentsIn, CD_INFO_MAX_BYTES, parseCdInfo } from './cd-info-codec.ts';
import { type IsoView, textOf } from './iso-view.ts';
import { MODE_FILE } from './mode-files.ts';
import { KERNEL_HEAD_BYTES, readKernelHead, readSquashfsHead, SQUASHFS_HEAD_BYTES } from './program-codec.ts';
import { CAPABLE_PATH, editionOf, KERNEL_PATH } from './recognise.ts';
import { type Put, pathsIn, some } from './selftest.ts';

const NO_IMPORT = 'It is not imported.';
const GRUB_CFG = /^boot\/grub\/.*\.cfg$/;
const TEXT_MAX = 256 * 1024;
/** The word by which the installer starts by itself. */
const START_WORD = 'proxmox-start-auto-installer';

export async function layoutFindings(view: IsoView, bytes: number, put: Put): Promise<void> {
  put({
    id: 'rock-ridge',
    assumption: 'its names are in Rock Ridge, which Linux prefers: the mode file keeps its long name in small letters',
    holds: view.hasRockRidge,
    found: `volume ${JSON.stringify(view.volumeId)}; Rock Ridge: ${view.hasRockRidge ? 'yes' : 'no'}, Joliet: ${view.hasJoliet ? 'yes' : 'no'}`,
    otherwise: 'The installer would see another name of the mode file and ask a person.',
    isNeeded: true,
  });
  await identity(view, put);
  await kernel(view, put);
  await squashfs(view, put);
  await bootMenu(view, put);
  const packages = await pathsIn(view, /^proxmox\/packages\/[^/]*\.deb$/);
  put({
    id: 'packages',
    assumption: 'what gets installed lies in /proxmox/packages',
    holds: packages.length > 0,
    found: `${packages.length} packages`,
    otherwise: 'Nothing of ours rests on it.',
    isNeeded: false,
  });
  put({
    id: 'memory',
    assumption: 'the least memory of a machine follows from the size of the ISO',
    holds: null,
    found: `${leastMemoryMb({ isoBytes: bytes, minMemoryMb: 0 })} MiB for an ISO of ${Math.ceil(bytes / 1e6)} MB`,
    otherwise: 'Settled by an installation on a machine with little more than that; [install] min_memory_mb sets another.',
    isNeeded: false,
  });
}

async function identity(view: IsoView, put: Put): Promise<void> {
  const info = await editionOf(view, 'it');
  put({
    id: 'cd-info',
    assumption: '/.cd-info (or /.disk/info) says product and release in shell assignments',
    holds: typeof info !== 'string',
    found: typeof info === 'string' ? info : `${info.title} ${info.release}-${info.isoRelease} (${info.product}, ${info.isoName})`,
    otherwise: NO_IMPORT,
    isNeeded: true,
  });
  const [first, second] = [await textOf(view, '.cd-info', CD_INFO_MAX_BYTES), await textOf(view, '.disk/info', CD_INFO_MAX_BYTES)];
  put({
    id: 'disk-info',
    assumption: '/.disk/info says the same as /.cd-info',
    holds: first !== undefined && second !== undefined && sameAssignments(first, second),
    found: `/.cd-info is ${first === undefined ? 'not ' : ''}there, /.disk/info is ${second === undefined ? 'not ' : ''}there`,
    otherwise: 'The first one that is there is believed.',
    isNeeded: false,
  });
  const id = (await textOf(view, '.pve-cd-id.txt', CD_INFO_MAX_BYTES))?.trim();
  put({
    id: 'cd-id',
    assumption: 'it has an id in /.pve-cd-id.txt, by which an installer that is started from a stick finds its ISO',
    holds: id !== undefined && id !== '',
    found: id === undefined ? 'not there' : JSON.stringify(id.slice(0, 64)),
    otherwise: 'Nothing over the network rests on it: an ISO in the RAM system is taken without a look at its id.',
    isNeeded: false,
  });
  const isCapable = (await view.file(CAPABLE_PATH)) !== undefined;
  put({
    id: 'auto-installer-capable',
    assumption: `/${CAPABLE_PATH} is there when its installer can do without a person`,
    holds: isCapable,
    found: isCapable ? 'there' : 'not there',
    otherwise: NO_IMPORT,
    isNeeded: true,
  });
  const isPrepared = (await view.file(MODE_FILE)) !== undefined;
  put({
    id: 'mode-file-absent',
    assumption: `it has no /${MODE_FILE} of its own`,
    holds: !isPrepared,
    found: isPrepared ? 'there: it was prepared for other answers' : 'not there',
    otherwise: 'Ours takes its place for every machine.',
    isNeeded: false,
  });
}

function sameAssignments(a: string, b: string): boolean {
  const [one, other] = [parseCdInfo(a), parseCdInfo(b)];
  if (typeof one === 'string' || typeof other === 'string') return false;
  const sorted = (text: string): string => JSON.stringify([...assignmentsIn(text)].map(([key, value]) => `${key}=${value}`).toSorted());
  return sorted(a) === sorted(b);
}

async function kernel(view: IsoView, put: Put): Promise<void> {
  const file = await view.file(KERNEL_PATH);
  const head = file === undefined ? `no /${KERNEL_PATH}` : readKernelHead(await file.readAt(0, Math.min(file.bytes, KERNEL_HEAD_BYTES)));
  const isKernel = typeof head !== 'string';
  put({
    id: 'kernel',
    assumption: `/${KERNEL_PATH} is a kernel for x86 that BIOS loaders start`,
    holds: isKernel,
    found: isKernel ? (head.version ?? 'a kernel that does not tell its version') : head,
    otherwise: NO_IMPORT,
    isNeeded: true,
  });
  put({
    id: 'kernel-efi-stub',
    assumption: 'UEFI can start it by itself, as iPXE does there',
    holds: isKernel && head.hasEfiStub,
    found: isKernel && head.hasEfiStub ? `a program for UEFI, ${head.isSigned ? 'signed' : 'not signed'}` : 'no program for UEFI',
    otherwise: 'Only machines that start by BIOS can be installed with it.',
    isNeeded: true,
  });
}

async function squashfs(view: IsoView, put: Put): Promise<void> {
  for (const part of ['base', 'installer']) {
    const [name] = view.root.filter((one) => one.endsWith(`-${part}.squashfs`));
    const file = name === undefined ? undefined : await view.file(name);
    const head = file === undefined ? 'not there' : readSquashfsHead(await file.readAt(0, Math.min(file.bytes, SQUASHFS_HEAD_BYTES)));
    put({
      id: `squashfs-${part}`,
      assumption: `/…-${part}.squashfs is a squashfs 4`,
      holds: typeof head !== 'string',
      found:
        typeof head === 'string' ? `${name ?? 'no such file'}: ${head}` : `${name}: packed with ${head.compression}, ${head.bytes} bytes`,
      otherwise: 'The installer would find no system to start; compare the ISO with its checksum.',
      isNeeded: true,
    });
  }
}

async function bootMenu(view: IsoView, put: Put): Promise<void> {
  const paths = await pathsIn(view, GRUB_CFG);
  const texts = await Promise.all(paths.map((path) => textOf(view, path, TEXT_MAX)));
  const all = texts.join('\n');
  const says = (word: string): boolean => all.includes(word);
  put({
    id: 'mode-file-name',
    assumption: `its own boot menu looks for ${MODE_FILE} in the root of the ISO`,
    holds: paths.length === 0 ? null : says(MODE_FILE),
    found: paths.length === 0 ? 'no boot menu was found' : says(MODE_FILE) ? `named in ${some(paths)}` : `not named in ${some(paths)}`,
    otherwise: 'The file may have another name in this release: look at its notes before an installation.',
    isNeeded: false,
  });
  const words = [START_WORD, 'ramdisk_size=16777216', 'rw', 'quiet', 'splash=silent'].filter(
    (word) => !new RegExp(`(?:^|\\s)${word}(?:\\s|$)`, 'm').test(all),
  );
  put({
    id: 'kernel-arguments',
    assumption: 'its own boot menu starts the unattended installer with the kernel arguments that we use',
    holds: paths.length === 0 ? null : words.length === 0,
    found: paths.length === 0 ? 'no boot menu was found' : words.length === 0 ? 'all of them are there' : `not there: ${words.join(' ')}`,
    otherwise: 'The installer may wait for a person: look at the screen of the first machine.',
    isNeeded: false,
  });
}
