// What instance_info says of the image to deploy, in Ironic's words, as the agent's order wants it; or what is missing there. Pure.

import type { JsonObject, JsonValue } from '../../nodes/index.ts';

/** Of the agent's order to write an image, what the image decides. */
export type ImageOrder = {
  readonly url: string;
  readonly checksum: string | null;
  readonly isAppliance: boolean;
  readonly format: 'raw' | 'qcow2' | 'auto';
};

export type ImageReading =
  | { readonly image: ImageOrder }
  /** A file on the appliance: its checksum is the appliance's business. */
  | { readonly file: string; readonly format: ImageOrder['format']; readonly checksum: string | null }
  | { readonly missing: readonly string[] }
  | { readonly refused: string };

const ALGORITHMS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128, sha1: 40, md5: 32 };
const FORMATS = ['raw', 'qcow2'] as const;

export function readImage(info: JsonObject): ImageReading {
  const source = textOf(info.image_source);
  if (source === undefined) return { missing: ['image_source'] };
  if (info.image_type === 'partition' || info.kernel !== undefined || info.ramdisk !== undefined)
    return { refused: 'images of a single partition are not written; use an image of a whole disk' };
  const format = formatOf(info.image_disk_format);
  if (format === undefined) return { refused: `image_disk_format is ${JSON.stringify(info.image_disk_format)}; known are raw and qcow2` };
  const sum = checksumOf(info);
  if ('refused' in sum) return sum;
  if (source.startsWith('file://')) return { file: source.slice('file://'.length), format, checksum: sum.checksum };
  if (!/^https?:\/\/[^/]/i.test(source))
    return {
      refused: `image_source is ${JSON.stringify(source.slice(0, 200))}; known are http://, https:// and file:// for a file on the appliance`,
    };
  if (sum.checksum === null) return { missing: ['image_checksum'] };
  return { image: { url: source, checksum: sum.checksum, isAppliance: false, format } };
}

/** Without one the agent looks at the first bytes. That is safe: it follows no reference out of an image. */
function formatOf(value: JsonValue | undefined): ImageOrder['format'] | undefined {
  if (value === undefined || value === null || value === 'auto') return 'auto';
  return FORMATS.find((one) => one === value);
}

function checksumOf(info: JsonObject): { readonly checksum: string | null } | { readonly refused: string } {
  const [algorithm, value] = [textOf(info.image_os_hash_algo), textOf(info.image_os_hash_value)];
  if (algorithm !== undefined && value !== undefined) return checked(algorithm.toLowerCase(), value);
  const legacy = textOf(info.image_checksum);
  if (legacy === undefined) return { checksum: null };
  if (/^https?:/i.test(legacy)) return { refused: 'image_checksum is a URL; give the checksum itself' };
  const [, prefix, rest = ''] = /^(sha256|sha512|sha1|md5):(.*)$/i.exec(legacy) ?? [];
  if (prefix !== undefined) return checked(prefix.toLowerCase(), rest);
  // Ironic tells the algorithm by the length.
  const found = Object.entries(ALGORITHMS).find(([, length]) => length === legacy.length)?.[0];
  return checked(found ?? 'unknown', legacy);
}

function checked(algorithm: string, value: string): { readonly checksum: string } | { readonly refused: string } {
  const length = ALGORITHMS[algorithm];
  if (length === undefined)
    return { refused: `the checksum of the image is of no algorithm that is known (${Object.keys(ALGORITHMS).join(', ')})` };
  if (value.length !== length || !/^[0-9a-f]+$/i.test(value))
    return { refused: `the ${algorithm} of the image is not ${length} hexadecimal digits` };
  return { checksum: `${algorithm}:${value.toLowerCase()}` };
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** In the words that Ironic's clients know. */
export function missingWords(uuid: string, missing: readonly string[]): string {
  return (
    `Cannot validate image information for node ${uuid} because one or more parameters are missing from its instance_info. ` +
    `Missing are: [${missing.map((one) => `'${one}'`).join(', ')}]`
  );
}
