// What the installer sends by HTTP, what it takes for an answer, and which certificate it trusts. Opens no connection.

import { createHash } from 'node:crypto';
import { atLeast } from './release.ts';
import { Refused } from './section.ts';

export interface SystemInformation {
  readonly product: { readonly fullname: string; readonly product: string; readonly enable_btrfs: boolean };
  readonly iso: { readonly release: string; readonly isorelease: string };
  /** By folder and file of sysfs; only what is there. */
  readonly dmi: Readonly<Record<'system' | 'baseboard' | 'chassis', Readonly<Record<string, string>>>>;
  readonly links: readonly { readonly link: string; readonly mac: string }[];
}

/** A file below /sys/class/dmi/id by the name that it has in the body. */
export const DMI_FILES = {
  system: { serial: 'product_serial', sku: 'product_sku', uuid: 'product_uuid', name: 'product_name' },
  baseboard: { asset_tag: 'board_asset_tag', serial: 'board_serial', name: 'board_name' },
  chassis: { serial: 'chassis_serial', sku: 'chassis_sku', asset_tag: 'chassis_asset_tag' },
} as const;

export function requestBody({ product, iso, dmi, links }: SystemInformation): string {
  const network = links.map(({ link, mac }) => ({ link, mac: mac.toLowerCase() }));
  const body = { product, iso, dmi, network_interfaces: network };
  return JSON.stringify(atLeast(iso.release, '8.3') ? { $schema: { version: '1.0' }, ...body } : body);
}

export function requestHeaders(release: string, token: string | null): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  if (!atLeast(release, '9.2')) return headers;
  headers.accept = 'application/json, application/toml;q=0.5';
  if (token !== null) headers.authorization = `Bearer ${token}`;
  return headers;
}

export interface Response {
  readonly status: number;
  readonly contentType: string | null;
  readonly body: Buffer;
}

const MAX_ANSWER = 10 * 1024 * 1024;

/** Which form the answer has. Throws Refused for what is none. */
export function answerForm({ status, contentType, body }: Response, release: string): 'json' | 'toml' {
  if (status !== 200 && status !== 201) throw new Refused(`the server answered ${status}`);
  if (body.length > MAX_ANSWER) throw new Refused(`the answer has ${body.length} bytes`);
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  return type === 'application/json' && atLeast(release, '9.2') ? 'json' : 'toml';
}

/** Only the leaf's own bytes count: not its names, its dates or who signed it. */
export function isPinned(leaf: Buffer, fingerprint: string): boolean {
  const wanted = fingerprint.replaceAll(':', '').toLowerCase();
  return createHash('sha256').update(leaf).digest('hex') === wanted;
}
