// A raw image of the appliance without its zeroes: where it is not zero, and the bytes of those places alone. Whatever is not as it should be
// is no error: then the whole file is fetched.

import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { messageOf } from '../../../lib/index.ts';
import type { Download } from '../types.ts';
import type { Layout } from './blocks.ts';
import { type OpenUrl, openSource, type Source, type SourceParts } from './source.ts';

const MAX_MAP_BYTES = 2 ** 20;
const MIB = 2 ** 20;

const MapSchema = Type.Object({
  /** Of the data. */
  tag: Type.String({ maxLength: 256 }),
  bytes: Type.Integer({ minimum: 1 }),
  /** Whole multiples of what disks are written in. */
  blockBytes: Type.Integer({ minimum: MIB, maximum: 1024 * MIB, multipleOf: MIB }),
  checksum: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
  seal: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  runs: Type.Array(Type.Tuple([Type.Integer({ minimum: 0 }), Type.Integer({ minimum: 1 })]), { minItems: 1, maxItems: 65_536 }),
});

export interface Sparse {
  /** Of the data alone. */
  readonly source: Source;
  readonly layout: Layout & { readonly bytes: number };
}

export type OpenPart = (part: 'map' | 'data', ...rest: Parameters<OpenUrl>) => Promise<Download>;

export async function openSparse(open: OpenPart, parts: Omit<SourceParts, 'open'>): Promise<Sparse | null> {
  const { signal, log } = parts;
  try {
    const map = await mapOf(await open('map', { accept: 'application/json' }, signal));
    const layout = map === null ? null : layoutOf(map);
    if (map === null || layout === null) return null;
    const source = await openSource({ ...parts, open: (headers, until) => open('data', headers, until) });
    const wanted = layout.runs.reduce((sum, { length }) => sum + length, 0);
    if (source.length === wanted && source.validator === `"${map.tag}"` && source.takesRanges) return { source, layout };
    source.close();
    log('the data of the image are of another file than the list of its zeroes; fetching all of it');
  } catch (error) {
    signal.throwIfAborted();
    log(`which parts of the image are zero is not known (${messageOf(error)}); fetching all of it`);
  }
  return null;
}

/** Null: the appliance has none of this image. */
async function mapOf({ status, body }: Download): Promise<Static<typeof MapSchema> | null> {
  try {
    if (status !== 200) return null;
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body) {
      chunks.push(Buffer.from(chunk)); // see OpenOptions.isReused
      length += chunk.length;
      if (length > MAX_MAP_BYTES) return null; // an appliance that has no maps gives the image
    }
    const map: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return Check(MapSchema, map) ? map : null;
  } finally {
    body.destroy();
  }
}

/** Null: its places do not follow each other, or lie beyond its end. */
export function layoutOf({ bytes, blockBytes, runs, checksum, seal }: Omit<Static<typeof MapSchema>, 'tag'>): Sparse['layout'] | null {
  let end = 0;
  const places = runs.map(([first, count]) => {
    const offset = first * blockBytes;
    const isInOrder = offset >= end && offset < bytes;
    end = isInOrder ? offset + count * blockBytes : Number.POSITIVE_INFINITY;
    return { offset, length: Math.min(end, bytes) - offset };
  });
  const text = JSON.stringify([checksum, bytes, blockBytes, runs]);
  return end - blockBytes < bytes ? { runs: places, bytes, sealed: { checksum, seal, text } } : null;
}
