// What lsblk tells of the machine's disks, and their names by identity. Pure.

export interface Part {
  readonly path: string;
  readonly number: number | null;
  readonly content: string | null;
  readonly isMounted: boolean;
}

export interface Disk {
  /** Of now: /dev/sda. It is never kept. */
  readonly path: string;
  readonly bytes: number;
  readonly serial: string | null;
  readonly wwn: string | null;
  readonly model: string;
  readonly transport: string;
  readonly isRotational: boolean;
  readonly isRemovable: boolean;
  readonly sectorBytes: number;
  readonly table: string | null;
  readonly content: string | null;
  readonly parts: readonly Part[];
  /** /dev/disk/by-id/…, the one for people first. */
  readonly ids: readonly string[];
}

export const LSBLK = ['lsblk', '-J', '-b', '-p', '-o', 'PATH,TYPE,SIZE,SERIAL,WWN,MODEL,TRAN,ROTA,RM,LOG-SEC,PTTYPE,FSTYPE,MOUNTPOINTS'];

/** What lsblk calls a disk too: volumes of ZFS and Ceph, disks over the network, memory, and boot areas of eMMC. */
const NO_DISK = /^\/dev\/(?:zd|rbd|nbd|drbd|ram|zram|loop|dm-|md|mmcblk\d+(?:boot|rpmb))/;

/** `links`: lines of DEVICE, tab, LINK. */
export function readDisks(json: string, links: string): Disk[] {
  const parsed: unknown = JSON.parse(json);
  const names = links
    .split('\n')
    .map((line) => line.split('\t'))
    .filter((words): words is [string, string] => words.length === 2);
  const idsOf = (path: string): string[] =>
    names
      .filter(([device]) => device === path)
      .map(([, link]) => link)
      .toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return listAt(parsed, 'blockdevices')
    .filter((one) => textAt(one, 'type') === 'disk' && !NO_DISK.test(textAt(one, 'path') ?? ''))
    .map((one) => {
      const path = textAt(one, 'path') ?? '';
      return {
        path,
        bytes: Number(textAt(one, 'size') ?? 0),
        serial: textAt(one, 'serial')?.trim() || null,
        wwn: textAt(one, 'wwn')?.trim() || null,
        model: textAt(one, 'model')?.trim() ?? '',
        transport: textAt(one, 'tran') ?? '',
        isRotational: flagAt(one, 'rota'),
        isRemovable: flagAt(one, 'rm'),
        sectorBytes: Number(textAt(one, 'log-sec') ?? 512),
        table: textAt(one, 'pttype') ?? null,
        content: textAt(one, 'fstype') ?? null,
        parts: listAt(one, 'children').map((part) => partOf(part)),
        ids: idsOf(path),
      };
    });
}

/** Names of model and serial number before those of numbers alone: they are what is printed on the disk. */
function rank(link: string): number {
  const name = link.replace('/dev/disk/by-id/', '');
  if (/^(?:wwn-|nvme-eui\.|nvme-nvme\.|scsi-[0-9a-f]{16,})/.test(name)) return 2;
  // udev has a second name with the namespace behind.
  if (/^nvme-.*_\d+$/.test(name)) return 1;
  return 0;
}

function partOf(part: unknown): Part {
  const path = textAt(part, 'path') ?? '';
  const number = /(\d+)$/.exec(path)?.[1];
  return {
    path,
    number: number === undefined ? null : Number(number),
    content: textAt(part, 'fstype') ?? null,
    isMounted: listAt(part, 'mountpoints').some((one) => one !== null),
  };
}

/** What is on it, in a few words; null: nothing that anybody knows. */
export function contentsOf({ table, content, parts }: Disk): string | null {
  const found = [
    ...(content === null ? [] : [content]),
    ...(table === null ? [] : [`a partition table (${table})`]),
    ...parts.map((part) => `${part.path}: ${part.content ?? 'unknown'}${part.isMounted ? ', mounted' : ''}`),
  ];
  return found.length === 0 ? null : found.join(', ');
}

export function titleOf({ model, serial, wwn, bytes }: Disk): string {
  return `${model || 'disk'} ${serial ?? wwn ?? 'without a name'} (${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB)`;
}

/** The first name of a disk's partition by identity; lsblk's where there is none. */
export function partName(disk: Disk, number: number): string {
  const [id] = disk.ids;
  if (id !== undefined) return `${id}-part${number}`;
  return /\d$/.test(disk.path) ? `${disk.path}p${number}` : `${disk.path}${number}`;
}

function listAt(value: unknown, key: string): unknown[] {
  const found = at(value, key);
  return Array.isArray(found) ? found : [];
}

function textAt(value: unknown, key: string): string | undefined {
  const found = at(value, key);
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : undefined;
}

/** Booleans since util-linux 2.33, "0" and "1" before. */
function flagAt(value: unknown, key: string): boolean {
  const found = at(value, key);
  return found === true || found === '1' || found === 1;
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
}
