// What other programs find in an ISO image: every file they take out of it, by its SHA-256. Each kind of names is asked for apart.

import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IsoFile } from '../../../src/install/iso/sources.ts';
import type { VirtualIso } from '../../../src/install/seam.ts';
import { runProgram } from '../../../src/lib/index.ts';
import { tool } from '../../support/disk-images.ts';

/** Path → SHA-256, or what it is. */
export type Contents = Readonly<Record<string, string>>;

const READERS: Readonly<Record<string, (iso: string, into: string) => Promise<string>>> = {
  xorriso: (iso, into) => xorriso(iso, into, 'any'),
  'xorriso, Joliet first': (iso, into) => xorriso(iso, into, 'norock'),
  'xorriso, plain names': (iso, into) => xorriso(iso, into, 'ecma119'),
  bsdtar: (iso, into) => bsdtar(iso, into, ''),
  'bsdtar, without Rock Ridge': (iso, into) => bsdtar(iso, into, '!rockridge'),
  'bsdtar, plain names': (iso, into) => bsdtar(iso, into, '!rockridge,!joliet'),
  '7z': sevenZip,
};
export const READER_NAMES = Object.keys(READERS);
/** libarchive reads forwards only: a directory, or a continuation area, that stands in front of its parent is left out. */
export const FORWARD_READERS = READER_NAMES.filter((name) => name.startsWith('bsdtar'));

export async function readBy(reader: string, iso: string): Promise<Contents> {
  const into = await mkdtemp(join(tmpdir(), 'rackseed-iso-read-'));
  try {
    const read = READERS[reader];
    if (read === undefined) throw new Error(`no reader is called ${reader}`);
    await read(iso, into);
    return await contentsOf(into);
  } finally {
    await tool('chmod', ['-R', 'u+rwx', into]);
    await rm(into, { recursive: true, force: true });
  }
}

function xorriso(iso: string, into: string, names: 'any' | 'norock' | 'ecma119'): Promise<string> {
  return tool('xorriso', ['-read_fs', names, '-osirrox', 'on', '-indev', `stdio:${iso}`, '-extract', '/', into]);
}

function bsdtar(iso: string, into: string, options: string): Promise<string> {
  const words = options === '' ? [] : ['--options', options.replaceAll('!', 'iso9660:!')];
  return tool('bsdtar', ['-x', ...words, '-f', iso, '-C', into]);
}

/** It leaves out links that lead out of where it writes, and those that it takes for such ones; anything else is a failure. */
async function sevenZip(iso: string, into: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram('7z', ['x', '-y', '-bso0', '-bsp0', `-o${into}`, iso]);
  const complaints = stderr.split('\n').filter((line) => line.trim() !== '' && !line.includes('Dangerous link path was ignored'));
  if (code !== 0 && (code !== 2 || complaints.some((line) => line.startsWith('ERROR'))))
    throw new Error(`7z ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

async function contentsOf(root: string): Promise<Contents> {
  const found: Record<string, string> = {};
  // With their kinds, because otherwise Node follows links to directories, also out of here.
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (entry.isDirectory()) found[name] = 'directory';
    else if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else found[name] = sha256(await readFile(path));
  }
  return found;
}

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function isoFile(path: string): Promise<IsoFile> {
  const { size } = await stat(path);
  return { path, bytes: size, sha256: sha256(await readFile(path)) };
}

/** As a machine gets it: piece by piece, of a size that falls across sectors. */
export async function writeServed(virtual: VirtualIso, path: string, pieceBytes = 100_003): Promise<string> {
  const [source, out] = [await virtual.open(), await open(path, 'w')];
  try {
    for (let at = 0; at < virtual.bytes; at += pieceBytes) {
      const piece = Buffer.alloc(Math.min(pieceBytes, virtual.bytes - at), 0xee);
      await source.read(piece, at);
      await out.write(piece, 0, piece.length, at);
    }
  } finally {
    await out.close();
    await source.close();
  }
  return path;
}
