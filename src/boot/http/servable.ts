// Bytes that can be served by ranges: a file of the disk, or anything that can fill a buffer from a position (an image made of parts).
// Knows nothing of HTTP.

import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../../lib/index.ts';
import { fail } from '../errors.ts';

export interface Servable {
  /** For logs and progress. */
  readonly name: string;
  readonly size: number;
  /** A strong validator: the same for the same bytes only. A SHA-256 where it is known. */
  readonly etag: string;
  readonly contentType: string;
  /** Where a web server in front of us finds the same bytes as one file; null when there is no such file. */
  readonly path: string | null;
  open(): Promise<ByteSource>;
}

export interface ByteSource {
  /** Fills the buffer from this position on, wholly, or fails: the caller never asks beyond the size. */
  read(into: Buffer, position: number): Promise<void>;
  close(): Promise<void>;
}

/** EDK2 takes the image type from the content type, compared as a whole, and only then from the name (HttpBootSupport.c). */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  efi: 'application/efi',
  iso: 'application/vnd.efi-iso',
  img: 'application/vnd.efi-img',
};

export function contentTypeOf(name: string): string {
  return CONTENT_TYPES[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
}

export interface StoredFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export function fileServable({ name, path, size, sha256 }: StoredFile): Servable {
  return { name, size, etag: sha256, contentType: contentTypeOf(name), path, open: () => openFile(name, path, size) };
}

/** The open handle keeps the bytes that the name meant now, also when the file is replaced during the download. */
async function openFile(name: string, path: string, size: number): Promise<ByteSource> {
  const handle = await open(path, 'r').catch((thrown: unknown) => {
    throw gone(name, messageOf(thrown), thrown);
  });
  const found = await handle.stat();
  if (found.size !== size) {
    await handle.close();
    throw gone(name, `${path} has ${found.size} bytes where ${size} were promised`);
  }
  return { read: (into, position) => readFully(handle, path, into, position), close: () => handle.close() };
}

async function readFully(handle: FileHandle, path: string, into: Buffer, position: number): Promise<void> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`${path} ends at byte ${position + filled}, while it is being sent`);
    filled += bytesRead;
  }
}

function gone(name: string, message: string, cause?: unknown) {
  return fail('boot.artefacts_missing', {
    message: `${name}: ${message}`,
    hint: 'Build the boot files anew with: rackseed image build',
    cause,
  });
}
