// Content addresses: what a part is made from, hashed.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A hash over parts of any length, in order: each is hashed first, so that no two lists run together alike. */
export function digest(parts: readonly (string | Uint8Array)[]): string {
  const all = createHash('sha256');
  for (const part of parts) all.update(createHash('sha256').update(part).digest());
  return all.digest('hex');
}

/** A hash over a directory's files: names, modes and contents. */
export async function digestDirectory(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const parts: (string | Uint8Array)[] = [];
  for (const file of files.sort()) parts.push(file.slice(directory.length), await readFile(file));
  return digest(parts);
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}
