// The images of test/fixtures/iso, and others made of them, as bytes that are read like a file.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { OverlayPlan } from '../../../../src/install/iso/overlay.ts';
import { readOverlay } from '../../../../src/install/iso/sources.ts';
import type { ReadAt } from '../../../../src/install/iso/tree.ts';
import type { IsoSource } from '../../../../src/install/seam.ts';

export async function fixture(name: 'genisoimage' | 'xorriso' | 'full-root'): Promise<Buffer> {
  return gunzipSync(await readFile(new URL(`../../../fixtures/iso/${name}.iso.gz`, import.meta.url)));
}

export function sourceOf(bytes: Buffer): IsoSource {
  return {
    read: (into, position) => {
      if (position + into.length > bytes.length) return Promise.reject(new Error(`read beyond the end, at ${position}`));
      bytes.copy(into, 0, position);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

export interface CountedReads {
  readonly readAt: ReadAt;
  bytes: number;
}

export function readsOfBytes(bytes: Buffer): CountedReads {
  const counted: CountedReads = {
    bytes: 0,
    readAt: (offset, length) => {
      counted.bytes += length;
      if (offset < 0 || offset + length > bytes.length) return Promise.reject(new Error(`read beyond the end, at ${offset}`));
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
  return counted;
}

/** As a machine gets it. */
export async function served(bytes: Buffer, plan: OverlayPlan): Promise<Buffer> {
  const out = Buffer.alloc(plan.bytes, 0xee);
  await readOverlay(sourceOf(bytes), plan, out, 0);
  return out;
}

/** Turns or sets some bytes that mean something, in the sectors of descriptors, tables and directories. */
export function damage(bytes: Buffer, changes: number, random: () => number): void {
  const [FIRST, LAST] = [16 * 2048, 60 * 2048];
  for (let change = 0; change < changes; change += 1) {
    const from = Math.min(FIRST + Math.floor(random() * (LAST - FIRST)), bytes.length);
    const ahead = random() < 0.8 ? bytes.subarray(from).findIndex((byte) => byte !== 0) : 0;
    const at = from + Math.max(0, ahead);
    if (at < bytes.length) bytes[at] = random() < 0.3 ? Math.floor(random() * 256) : (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  }
}
