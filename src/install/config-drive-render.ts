// The files of a config drive, for both of cloud-init's ways to read one: ConfigDrive (label config-2, below openstack/latest) and NoCloud
// (label CIDATA, at the top). Pure: from instance_info's parts to paths and texts.

import type { JsonObject, JsonValue } from '../nodes/index.ts';
import type { IsoFile } from './iso-codec.ts';
import { renderNetwork } from './network-render.ts';

export interface DriveParts {
  readonly uuid: string;
  readonly name: string | null;
  /** instance_info.configdrive, as Ironic has it: meta_data, user_data, network_data, vendor_data. */
  readonly parts: JsonObject;
  /** The node's, where the parts have none. */
  readonly networkData: JsonObject;
  /** A script that tells of the first boot; null: nobody wants to know. */
  readonly report: string | null;
}

export type DriveFiles = { readonly files: readonly IsoFile[] } | { readonly refused: string };

export function renderDrive({ uuid, name, parts, networkData, report }: DriveParts): DriveFiles {
  const given = objectOf(parts.meta_data);
  const hostname = textOf(given.hostname) ?? textOf(given['local-hostname']) ?? name ?? `node-${uuid.slice(0, 8)}`;
  // Where an id stays the same, cloud-init does nothing again.
  const meta: JsonObject = { uuid, hostname, name: hostname, ...given };
  const network = objectOf(parts.network_data ?? networkData);
  const hasNetwork = Object.keys(network).length > 0;
  const rendered = hasNetwork ? renderNetwork(network) : undefined;
  if (typeof rendered === 'string') return { refused: rendered };
  const user = userText(parts.user_data);
  const files: [path: string, text: string][] = [
    ['openstack/latest/meta_data.json', JSON.stringify(meta)],
    ['meta-data', JSON.stringify(noCloudMeta(meta, hostname))],
    ['user-data', user ?? ''],
  ];
  if (user !== null) files.push(['openstack/latest/user_data', user]);
  if (rendered !== undefined) {
    files.push(['openstack/latest/network_data.json', JSON.stringify(network)]);
    // JSON is YAML; version 2 is what NoCloud is given, version 1 lies beside it for systems that know only that.
    files.push(['network-config', JSON.stringify(rendered.v2)]);
    files.push(['network-config-v1', JSON.stringify(rendered.v1)]);
  }
  const vendor = vendorOf(parts.vendor_data, report);
  if (Object.keys(vendor).length > 0) files.push(['openstack/latest/vendor_data.json', JSON.stringify(vendor)]);
  if (report !== null) files.push(['vendor-data', report]);
  return { files: files.map(([path, text]) => ({ path, bytes: Buffer.from(text, 'utf8') })) };
}

function noCloudMeta(meta: JsonObject, hostname: string): JsonObject {
  const keys = meta.public_keys;
  const list = Array.isArray(keys) ? keys : Object.values(objectOf(keys));
  return {
    'instance-id': textOf(meta.uuid) ?? '',
    'local-hostname': hostname,
    ...(list.length === 0 ? {} : { 'public-keys': list.filter((key) => typeof key === 'string') }),
  };
}

/** cloud-init takes what is below "cloud-init": one text, or several that are each done (cloudinit/sources, convert_vendordata). */
function vendorOf(given: JsonValue | undefined, report: string | null): JsonObject {
  const vendor = objectOf(given);
  if (report === null) return vendor;
  const own = vendor['cloud-init'];
  const before: JsonValue[] = Array.isArray(own) ? (own as JsonValue[]) : own === undefined || own === null ? [] : [own]; // items of JSON are JSON
  return { ...vendor, 'cloud-init': before.length === 0 ? report : [...before, report] };
}

/** Ironic's clients give it as a text, or as an object that becomes cloud-config. */
function userText(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'string') return value;
  return `#cloud-config\n${JSON.stringify(value)}\n`;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // by the test
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
