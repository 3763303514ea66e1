// A disk with an "installed system" that says so on the first serial port and then stands still: a FAT volume whose boot sector is
// the BIOS's program, and whose EFI loader is UEFI's. Both are some dozens of bytes, so that what is measured is the way to them.

import { open } from 'node:fs/promises';
import { runProgram } from '../../src/lib/index.ts';

export const OWN_DISK_SAYS = 'THIS IS THE OWN DISK';

const COM1 = 0x3f8;
const MIB = 1024 ** 2;
/** Where the BIOS part may begin: behind the FAT's own fields. */
const BOOT_CODE = 0x5a;

export interface OwnDisk {
  readonly path: string;
  /** Where its EFI loader is; the default is where firmware looks on any disk. */
  readonly efiPath?: string;
}

/** Needs mtools. */
export async function makeOwnDisk({ path, efiPath = '\\EFI\\BOOT\\BOOTX64.EFI' }: OwnDisk): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(64 * MIB);
  } finally {
    await file.close();
  }
  const loader = `${path}.efi`;
  const program = await open(loader, 'w');
  try {
    await program.write(efiProgram());
  } finally {
    await program.close();
  }
  await runProgram('mformat', ['-i', path, '-F', '::']);
  const folders = efiPath.split('\\').slice(1, -1);
  for (const depth of folders.keys()) await runProgram('mmd', ['-i', path, `::/${folders.slice(0, depth + 1).join('/')}`]);
  await runProgram('mcopy', ['-i', path, loader, `::${efiPath.replaceAll('\\', '/')}`]);
  await writeBootSector(path);
}

async function writeBootSector(path: string): Promise<void> {
  const disk = await open(path, 'r+');
  try {
    await disk.write(Buffer.from([0xeb, BOOT_CODE - 2, 0x90]), 0, 3, 0);
    const code = biosProgram();
    await disk.write(code, 0, code.length, BOOT_CODE);
    await disk.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
  } finally {
    await disk.close();
  }
}

/** The loop that both have in common, behind a pointer to the text in (r)si: byte out when the port is ready; at the end: halt for ever. */
function sayAndHalt(movDx: (port: number) => readonly number[]): number[] {
  const status = movDx(COM1 + 5);
  const data = movDx(COM1);
  const say = [0x88, 0xc4, ...status, 0xec, 0xa8, 0x20, 0x74, 0xfb, 0x88, 0xe0, ...data, 0xee]; // ah=al; wait for "empty"; out
  const body = [0xac, 0x84, 0xc0, 0x74, say.length + 2, ...say]; // lodsb; test al,al; jz behind the loop
  return [...body, 0xeb, 256 - (body.length + 2), 0xf4, 0xeb, 0xfd]; // again; hlt; for ever
}

function biosProgram(): Buffer {
  const loop = sayAndHalt((port) => [0xba, port & 0xff, port >> 8]);
  const head = [0xfa, 0xfc, 0x31, 0xc0, 0x8e, 0xd8, 0xbe]; // cli; cld; ds=0; mov si,
  const text = 0x7c00 + BOOT_CODE + head.length + 2 + loop.length;
  return Buffer.concat([Buffer.from([...head, text & 0xff, text >> 8, ...loop]), words()]);
}

function words(): Buffer {
  return Buffer.from(`\r\n${OWN_DISK_SAYS}\r\n\0`, 'latin1');
}

/** A PE32+ with one section, for x64 (PE format specification; the UEFI application subsystem is 10). */
function efiProgram(): Buffer {
  const loop = sayAndHalt((port) => [0x66, 0xba, port & 0xff, port >> 8]);
  const code = Buffer.concat([Buffer.from([0xfa, 0xfc, 0x48, 0x8d, 0x35, loop.length, 0, 0, 0, ...loop]), words()]); // lea rsi,[rip+loop]
  const image = Buffer.alloc(0x400);
  image.write('MZ', 0, 'latin1');
  image.writeUInt32LE(0x40, 0x3c);
  image.write('PE\0\0', 0x40, 'latin1');
  image.writeUInt16LE(0x8664, 0x44); // x64
  image.writeUInt16LE(1, 0x46); // sections
  image.writeUInt16LE(0xf0, 0x54); // size of the optional header
  image.writeUInt16LE(0x022e, 0x56); // executable, large addresses, no debug
  const optional = 0x58;
  image.writeUInt16LE(0x20b, optional);
  image.writeUInt32LE(0x200, optional + 4); // size of code
  image.writeUInt32LE(0x1000, optional + 16); // entry
  image.writeUInt32LE(0x1000, optional + 20);
  image.writeBigUInt64LE(0x40_0000n, optional + 24);
  image.writeUInt32LE(0x1000, optional + 32); // section alignment
  image.writeUInt32LE(0x200, optional + 36); // file alignment
  image.writeUInt32LE(0x2000, optional + 56); // size in memory
  image.writeUInt32LE(0x200, optional + 60); // size of the headers
  image.writeUInt16LE(10, optional + 68); // UEFI application
  image.writeUInt32LE(16, optional + 108); // data directories, all empty
  const section = optional + 0xf0;
  image.write('.text', section, 'latin1');
  image.writeUInt32LE(0x1000, section + 8);
  image.writeUInt32LE(0x1000, section + 12);
  image.writeUInt32LE(0x200, section + 16);
  image.writeUInt32LE(0x200, section + 20);
  image.writeUInt32LE(0x6000_0020, section + 36); // code, execute, read
  code.copy(image, 0x200);
  return image;
}
