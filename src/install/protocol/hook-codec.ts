// What the post-installation web hook says, schema 1.2 and older, and how much of it is kept. Pure. Strings are cut, lists are bounded,
// what is missing is null: the installer waits for a yes, not for our opinion of its JSON.

import type { JsonObject } from '../../nodes/index.ts';

export interface HookDisk {
  /** Bytes, of what was installed on it. */
  readonly size: number | null;
  readonly isBoot: boolean;
  /** Whatever udev names it by. */
  readonly names: readonly string[];
}

export interface Hook {
  readonly token: string | null;
  readonly product: string | null;
  readonly fqdn: string | null;
  /** "zfs (RAID1)" */
  readonly filesystem: string | null;
  readonly disks: readonly HookDisk[];
  /** `ssh-ed25519 AAAA…` */
  readonly hostKeys: readonly string[];
  /** What is kept. */
  readonly summary: JsonObject;
}

const TEXT_MAX = 256;
const DISKS_MAX = 64;
const LINKS_MAX = 64;
const KEY = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{32,2048}={0,2}$/;
const DISK_NAMES = ['ID_SERIAL_SHORT', 'ID_SERIAL', 'ID_SCSI_SERIAL', 'SCSI_IDENT_SERIAL', 'ID_WWN', 'ID_WWN_WITH_EXTENSION'] as const;
const DISK_KEPT = ['DEVNAME', 'ID_MODEL', ...DISK_NAMES] as const;

/** Undefined: it is no JSON object. */
export function readHook(body: unknown): Hook | undefined {
  if (!isObject(body)) return undefined;
  const at = (key: string): unknown => body[key] ?? body[key.replaceAll('-', '_')];
  const product = part(at('product'));
  const [iso, kernel, boot, cpu] = [part(at('iso')), part(at('kernel-version')), part(at('boot-info')), part(at('cpu-info'))];
  const disks = list(at('disks')).slice(0, DISKS_MAX).map(part);
  const hostKeys = keysOf(part(at('ssh-public-host-keys')));
  const [fqdn, filesystem] = [text(at('fqdn')), text(at('filesystem'))];
  return {
    token: text(at('token')),
    product: text(product.short) ?? text(product.product),
    fqdn,
    filesystem,
    disks: disks.map(diskOf),
    hostKeys,
    summary: {
      schema: text(part(at('$schema')).version),
      product: { title: text(product.fullname), short: text(product.short), version: text(product.version) },
      iso: { release: text(iso.release), isorelease: text(iso.isorelease) },
      debian: text(at('debian-version')),
      kernel: { release: text(kernel.release), version: text(kernel.version), machine: text(kernel.machine) },
      boot: { mode: text(boot.mode), secureboot: typeof boot.secureboot === 'boolean' ? boot.secureboot : null },
      cpu: { model: text(cpu.model), cpus: count(cpu.cpus), cores: count(cpu.cores), sockets: count(cpu.sockets) },
      filesystem,
      fqdn,
      machine_id: text(at('machine-id')),
      // Of the public halves: what was pinned by it.
      host_keys: hostKeys,
      disks: disks.map(keptDisk),
      network_interfaces: list(at('network-interfaces')).slice(0, LINKS_MAX).map(part).map(keptLink),
    },
  };
}

function diskOf(disk: Part): HookDisk {
  const udev = part(disk['udev-properties'] ?? disk.udev_properties);
  const names = DISK_NAMES.flatMap((key) => text(udev[key]) ?? []);
  return { size: count(disk.size), isBoot: flagOf(disk, 'is-bootdisk'), names };
}

function keptDisk(disk: Part): JsonObject {
  const udev = part(disk['udev-properties'] ?? disk.udev_properties);
  const kept = DISK_KEPT.flatMap((key) => {
    const value = text(udev[key]);
    return value === null ? [] : [[key, value] as const];
  });
  return { size: count(disk.size), is_bootdisk: flagOf(disk, 'is-bootdisk'), udev: Object.fromEntries(kept) };
}

function keptLink(link: Part): JsonObject {
  return {
    name: text(link.name),
    mac: text(link.mac),
    address: text(link.address),
    is_management: flagOf(link, 'is-management'),
    is_pinned: flagOf(link, 'is-pinned'),
  };
}

/** The comment at a key's end names nobody that we know. */
function keysOf(keys: Part): string[] {
  return Object.values(keys)
    .slice(0, 16)
    .flatMap((key) => (typeof key === 'string' ? [key.trim().split(/\s+/).slice(0, 2).join(' ')] : []))
    .filter((key) => KEY.test(key));
}

/** As sshd keeps them: for whoever tells them one by one. */
export function hostKeysOf(lines: readonly string[]): string[] {
  return keysOf(Object.fromEntries(lines.map((line, at) => [String(at), line])));
}

type Part = Readonly<Record<string, unknown>>;

function part(value: unknown): Part {
  return isObject(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const clean = value
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, TEXT_MAX);
  return clean === '' ? null : clean;
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function flagOf(of: Part, key: string): boolean {
  return (of[key] ?? of[key.replaceAll('-', '_')]) === true;
}

function isObject(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
