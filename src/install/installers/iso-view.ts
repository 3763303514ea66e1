// What the import needs of an ISO: files by their path. The reader of ISOs is behind it.

import type { ReadAt } from './initrd-codec.ts';

export interface IsoFile {
  readonly bytes: number;
  readonly readAt: ReadAt;
}

export interface IsoView {
  readonly volumeId: string;
  readonly hasRockRidge: boolean;
  readonly hasJoliet: boolean;
  /** Names in the root directory. */
  readonly root: readonly string[];
  /** By path without a slash at the beginning. */
  file(path: string): Promise<IsoFile | undefined>;
  /** Paths of all files, as for `file`. */
  paths(): AsyncIterable<string>;
}

export async function textOf(view: IsoView, path: string, maxBytes: number): Promise<string | undefined> {
  const file = await view.file(path);
  return file === undefined ? undefined : (await file.readAt(0, Math.min(file.bytes, maxBytes))).toString('utf8');
}
