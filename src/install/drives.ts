// The config drive of a deployment, made when the agent asks for it: nothing of it is stored on the appliance. What instance_info has is a
// finished image, a URL of one, or the parts that it is made of.

import { gunzipSync } from 'node:zlib';
import { type Clock, messageOf } from '../lib/index.ts';
import type { JsonObject, JsonValue, Node } from '../nodes/index.ts';
import { renderDrive } from './config-drive-render.ts';
import { fail } from './errors.ts';
import { type Fetch, fetchFollowing, NotFetched } from './guarded-fetch.ts';
import { buildIso } from './iso-codec.ts';

export const DRIVE_BYTES_MAX = 64 * 2 ** 20;
const FETCH_MS = 60_000;
const LABELS = ['config-2', 'CIDATA'] as const;

export interface DrivesOptions {
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** The script that tells of the first boot, with a token of its own. */
  readonly reportFor: (node: Node, url: string) => Promise<string>;
}

export interface Drives {
  /** Throws install.no_drive, install.bad_drive. */
  build(node: Node, url: string, signal: AbortSignal): Promise<Buffer>;
}

export function createDrives({ clock, fetch, reportFor }: DrivesOptions): Drives {
  return {
    async build(node, url, signal) {
      const { configdrive = null, first_boot: reports } = node.instanceInfo;
      if (configdrive === null && reports !== true) throw fail('install.no_drive', { message: 'this deployment has no config drive' });
      if (typeof configdrive === 'string')
        return /^https?:/i.test(configdrive)
          ? unpacked(await fetched(fetch, configdrive, signal))
          : unpacked(Buffer.from(configdrive, 'base64'));
      const drive = renderDrive({
        uuid: node.uuid,
        name: node.name,
        parts: objectOf(configdrive),
        networkData: node.networkData,
        report: reports === true ? await reportFor(node, url) : null,
      });
      if ('refused' in drive) throw fail('install.bad_drive', { message: `the config drive can not be made: ${drive.refused}` });
      return buildIso(drive.files, { label: labelOf(node.instanceInfo.config_drive_label), at: clock.now() });
    },
  };
}

/** Which of cloud-init's two ways finds it. */
function labelOf(value: JsonValue | undefined): string {
  return LABELS.find((one) => typeof value === 'string' && one.toLowerCase() === value.toLowerCase()) ?? LABELS[0];
}

async function fetched(fetch: Fetch, url: string, signal: AbortSignal): Promise<Buffer> {
  const where = new URL(url).origin;
  try {
    const response = await fetchFollowing(fetch, url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]) });
    if (response.status < 200 || response.status > 299) throw new Error(`HTTP ${response.status}`);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > DRIVE_BYTES_MAX) throw new Error(`it is larger than ${DRIVE_BYTES_MAX} bytes`);
      parts.push(chunk);
    }
    return Buffer.concat(parts);
  } catch (error) {
    throw fail('install.bad_drive', {
      message: `the config drive can not be fetched from ${where}: ${messageOf(error)}`,
      ...(error instanceof NotFetched && error.hint !== undefined ? { hint: error.hint } : {}),
      cause: error,
    });
  }
}

/** Ironic's clients pack it; what comes from a URL may be base64 of that. */
function unpacked(bytes: Buffer): Buffer {
  const raw = isGzip(bytes) || isIso(bytes) ? bytes : Buffer.from(bytes.toString('latin1'), 'base64');
  try {
    const image = isGzip(raw) ? gunzipSync(raw, { maxOutputLength: DRIVE_BYTES_MAX }) : raw;
    if (image.length > 0) return image;
  } catch (error) {
    throw fail('install.bad_drive', { message: `the config drive is no gzip of an image: ${messageOf(error)}`, cause: error });
  }
  throw fail('install.bad_drive', { message: 'the config drive is empty, or no base64' });
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** ISO 9660, or the boot sector of a FAT. */
function isIso(bytes: Buffer): boolean {
  return bytes.toString('latin1', 32_769, 32_774) === 'CD001' || (bytes.length >= 512 && bytes.readUInt16LE(510) === 0xaa55);
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // by the test
}
