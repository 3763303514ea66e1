// An ISO of the disk, opened for the import. The only file here that knows the reader of ISOs.

import { open, stat } from 'node:fs/promises';
import { type Iso, type IsoEntry, openIso } from '../iso/iso.ts';
import { readAtOf } from './disk-files.ts';
import type { ReadAt } from './initrd-codec.ts';
import type { IsoFile, IsoView } from './iso-view.ts';
import { notAnIso } from './recognise.ts';

const ROOT_MAX = 200;

/** Opens, works, closes. Throws install.not_an_installer for what is no ISO. */
export async function withIso<T>(path: string, where: string, work: (view: IsoView, bytes: number) => Promise<T>): Promise<T> {
  // Before it is opened: a pipe would keep us waiting for its other end.
  const stats = await stat(path);
  if (!stats.isFile()) throw notAnIso(where, new Error('it is no file'));
  const handle = await open(path, 'r');
  try {
    const readAt = readAtOf(handle, path);
    const iso = await openIso(readAt, stats.size, { name: where }).catch((thrown: unknown) => {
      throw notAnIso(where, thrown);
    });
    return await work(await viewOf(iso, readAt), stats.size);
  } finally {
    await handle.close();
  }
}

async function viewOf(iso: Iso, readAt: ReadAt): Promise<IsoView> {
  const root: string[] = [];
  for await (const { path } of iso.files()) {
    // The root's own entries come first.
    if (path.lastIndexOf('/') > 0 || root.length >= ROOT_MAX) break;
    root.push(path.slice(1));
  }
  return {
    volumeId: iso.volumeId,
    hasRockRidge: iso.trees.includes('rock-ridge'),
    hasJoliet: iso.trees.includes('joliet'),
    root,
    paths: () => pathsOf(iso),
    file: async (path) => {
      const entry = await iso.find(`/${path}`);
      return entry?.kind === 'file' ? fileOf(entry, readAt) : undefined;
    },
  };
}

async function* pathsOf(iso: Iso): AsyncGenerator<string> {
  for await (const { path, kind } of iso.files()) if (kind === 'file') yield path.slice(1);
}

/** Its extents as one run of bytes. */
function fileOf({ bytes, extents }: IsoEntry, readAt: ReadAt): IsoFile {
  return {
    bytes,
    readAt: async (offset, length) => {
      if (offset + length > bytes) throw new RangeError(`byte ${offset + length} of a file that has ${bytes}`);
      const parts: Buffer[] = [];
      let start = 0;
      for (const extent of extents) {
        const [from, to] = [Math.max(offset, start), Math.min(offset + length, start + extent.bytes)];
        if (from < to) parts.push(await readAt(extent.offset + from - start, to - from));
        start += extent.bytes;
      }
      return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
    },
  };
}
