// Of an installer ISO: its loaders for UEFI, and whether they carry the signatures that Secure Boot wants.

import { type FatFile, readFat } from './fat-codec.ts';
import type { IsoView } from './iso-view.ts';
import { readPeHead } from './program-codec.ts';
import { type Put, pathsIn, some } from './selftest.ts';

const IMAGES = ['efi.img', 'boot/grub/efi.img', 'EFI/efi.img'];
const IMAGE_MAX_BYTES = 64 * 1024 * 1024;
const HEAD_BYTES = 4096;

export async function efiFindings(view: IsoView, put: Put): Promise<void> {
  const found = await loadersOf(view);
  const loaders = typeof found === 'string' ? [] : found;
  put({
    id: 'efi-image',
    assumption: 'it has an EFI image (FAT) with a loader for x86-64',
    holds: typeof found === 'string' ? null : loaders.some(({ path }) => path.endsWith('BOOTX64.EFI')),
    found: typeof found === 'string' ? found : some(loaders.map(({ path }) => path)),
    otherwise: 'Nothing over the network rests on it: iPXE starts the kernel itself.',
    isNeeded: false,
  });
  const signed = loaders.filter(({ head }) => isSigned(head)).map(({ path }) => path);
  const [hasShim, hasGrub] = [/(?:BOOTX64|SHIMX64)\.EFI$/, /GRUBX64\.EFI$/].map((name) => signed.some((path) => name.test(path)));
  put({
    id: 'secure-boot-loaders',
    assumption: 'its shim and its GRUB carry signatures, so that they could start its kernel under Secure Boot',
    holds: loaders.length === 0 ? null : hasShim === true && hasGrub === true,
    found:
      loaders.length === 0
        ? 'no loaders were found'
        : `signed: ${some(signed)}; not signed: ${some(loaders.filter(({ head }) => !isSigned(head)).map(({ path }) => path))}`,
    otherwise: 'Machines with Secure Boot on are not installed over the network either way; whose signatures they are, this does not say.',
    isNeeded: false,
  });
}

/** A text says why there are none. */
async function loadersOf(view: IsoView): Promise<readonly FatFile[] | string> {
  const faults: string[] = [];
  for (const path of [...IMAGES, ...(await pathsIn(view, /efi\.img$/i))]) {
    const file = await view.file(path);
    if (file === undefined || file.bytes > IMAGE_MAX_BYTES) continue;
    const files = readFat(await file.readAt(0, file.bytes), HEAD_BYTES);
    if (typeof files !== 'string') return files.filter((one) => one.path.endsWith('.EFI'));
    faults.push(`/${path}: ${files}`);
  }
  return faults[0] ?? 'no EFI image among its files: it may be outside of them, as a partition';
}

function isSigned(head: Buffer): boolean {
  const pe = readPeHead(head);
  return typeof pe !== 'string' && pe.isSigned;
}
