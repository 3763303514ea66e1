// Whether a file can be the boot loader that it is to be: pure, from its first bytes. For a person who brings a loader of their own: a
// wrong one shows only when a machine hangs.

import { fail } from '../errors.ts';

export type LoaderKind = 'bios' | 'x64' | 'ia32' | 'arm64' | 'arm32';

/** The names that machines are given, or that loaders ask for beside themselves. */
export const LOADER_NAMES: Readonly<Record<string, { readonly kind: LoaderKind; readonly use: string }>> = {
  'undionly.kpxe': { kind: 'bios', use: 'first stage for BIOS' },
  'snponly-x86_64.efi': { kind: 'x64', use: 'first stage for UEFI x64' },
  'ipxe-x86_64.efi': { kind: 'x64', use: 'first stage for UEFI x64 HTTP Boot' },
  'shim-x86_64.efi': { kind: 'x64', use: 'first stage for UEFI x64 with Secure Boot, which starts grubx64.efi' },
  'grubx64.efi': { kind: 'x64', use: 'started by shim-x86_64.efi' },
  'mmx64.efi': { kind: 'x64', use: 'MokManager, started by shim when a key is to be enrolled' },
  'ipxe-shimx64.efi': { kind: 'x64', use: "first stage for UEFI x64 with Secure Boot: iPXE's signed shim, which starts ipxe.efi" },
  'ipxe.efi': { kind: 'x64', use: 'the signed iPXE, started by ipxe-shimx64.efi' },
  'snponly-i386.efi': { kind: 'ia32', use: 'first stage for UEFI ia32' },
  'ipxe-i386.efi': { kind: 'ia32', use: 'first stage for UEFI ia32 HTTP Boot' },
  'snponly-arm64.efi': { kind: 'arm64', use: 'first stage for UEFI arm64' },
  'ipxe-arm64.efi': { kind: 'arm64', use: 'first stage for UEFI arm64 HTTP Boot' },
  'snponly-arm32.efi': { kind: 'arm32', use: 'first stage for UEFI arm32' },
  'ipxe-arm32.efi': { kind: 'arm32', use: 'first stage for UEFI arm32 HTTP Boot' },
};

export interface LoaderFacts {
  readonly kind: LoaderKind;
  /** It carries a signature; by whom, and whether a firmware trusts them, is not looked at. */
  readonly signed: boolean;
}

/** PE/COFF specification, "Machine Types". ARM Thumb-2 (0x01c4) is what EDK2 calls its 32-bit ARM. */
const MACHINES: ReadonlyMap<number, LoaderKind> = new Map([
  [0x8664, 'x64'],
  [0x014c, 'ia32'],
  [0xaa64, 'arm64'],
  [0x01c2, 'arm32'],
  [0x01c4, 'arm32'],
]);
const EFI_APPLICATION = 10;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
/** Entry 4 of the data directories: the attribute certificate table, where Authenticode signatures are. */
const CERTIFICATE_TABLE = 4;
/** A PXE boot program is loaded at 0x7c00 and has to fit below the top of base memory (PXE 2.1 §4.4). */
const NBP_BYTES_MAX = 0xa0000 - 0x7c00;
const NBP_BYTES_MIN = 512;
/** No loader that we know has more than 4 MiB; a disk image given by mistake is refused before it is copied. */
export const LOADER_BYTES_MAX = 64 * 1024 * 1024;

/** What the file is. `head` are its first bytes: 4 KiB hold every header of a loader. */
export function inspectLoader(head: Uint8Array, size: number): LoaderFacts | { readonly bad: string } {
  if (size > LOADER_BYTES_MAX) return { bad: `has ${size} bytes: too large for a boot loader` };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < NBP_BYTES_MIN) return { bad: `has only ${size} bytes` };
  if (view.getUint16(0, false) !== 0x4d5a) return inspectNbp(view, size);
  const at = view.getUint32(0x3c, true);
  if (at + 24 + 240 > view.byteLength || view.getUint32(at, false) !== 0x50450000)
    return { bad: 'begins like an EFI program, but has no PE header' };
  const machine = view.getUint16(at + 4, true);
  const kind = MACHINES.get(machine);
  if (kind === undefined) return { bad: `is a program for a machine of type 0x${machine.toString(16)}, which is none of ours` };
  return inspectOptional(view, at + 24, kind);
}

function inspectOptional(view: DataView, at: number, kind: LoaderKind): LoaderFacts | { readonly bad: string } {
  const magic = view.getUint16(at, true);
  if (magic !== PE32 && magic !== PE32_PLUS) return { bad: 'has a PE header that is neither PE32 nor PE32+' };
  const subsystem = view.getUint16(at + 68, true);
  if (subsystem !== EFI_APPLICATION) return { bad: `is a PE program of subsystem ${subsystem}, not an EFI application (10)` };
  const table = at + (magic === PE32_PLUS ? 112 : 96) + CERTIFICATE_TABLE * 8;
  return { kind, signed: view.getUint32(table + 4, true) > 0 };
}

/** A BIOS boot program has no header: only what it is not can be told. */
function inspectNbp(view: DataView, size: number): LoaderFacts | { readonly bad: string } {
  if (size > NBP_BYTES_MAX) return { bad: `has ${size} bytes; BIOS machines have room for ${NBP_BYTES_MAX}` };
  const start = view.getUint8(0);
  // Text (#!ipxe, HTML of an error page), gzip, ELF, and nothing but zeros are what people give by mistake.
  if (start === 0x23 || start === 0x3c || start === 0x1f || start === 0x7f || start === 0) return { bad: 'is no boot program for BIOS' };
  return { kind: 'bios', signed: false };
}

export function checkLoader(name: string, path: string, head: Uint8Array, size: number): LoaderFacts {
  const wanted = Object.hasOwn(LOADER_NAMES, name) ? LOADER_NAMES[name] : undefined;
  const names = Object.keys(LOADER_NAMES).join(', ');
  if (wanted === undefined) throw refused(`${JSON.stringify(name)} is no name that a machine or a loader asks for`, `Use one of: ${names}`);
  const facts = inspectLoader(head, size);
  if ('bad' in facts) throw refused(`${path} ${facts.bad}`, `${name} is the ${wanted.use}: give such a file.`);
  if (facts.kind === wanted.kind) return facts;
  throw refused(`${path} is a boot loader for ${facts.kind}, and ${name} is the ${wanted.use}`, `See which names there are: ${names}`);
}

function refused(message: string, hint: string): Error {
  return fail('boot.loader_refused', { message, hint });
}
