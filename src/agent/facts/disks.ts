// Disks, from `lsblk --json --bytes` and udev's database. Pure: whatever is there, nothing is opened.

import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { cleanDmiText, cleanSerial } from '../../inspect/identity.ts';
import { type Disk, INVENTORY_LIMITS } from '../../inspect/inventory.ts';

export const LSBLK_COLUMNS = 'NAME,TYPE,SIZE,MODEL,SERIAL,WWN,ROTA,RO,RM,VENDOR,TRAN,HCTL,LOG-SEC';

const optionalText = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const LsblkSchema = Type.Object({
  blockdevices: Type.Array(
    Type.Object({
      name: Type.String({ minLength: 1, maxLength: 64 }),
      type: Type.String(),
      size: Type.Union([Type.Number(), Type.Null()]),
      rota: Type.Boolean(),
      ro: Type.Boolean(),
      rm: Type.Boolean(),
      model: optionalText,
      serial: optionalText,
      wwn: optionalText,
      vendor: optionalText,
      tran: optionalText,
      hctl: optionalText,
      'log-sec': Type.Optional(Type.Union([Type.Number(), Type.Null()])),
    }),
  ),
});
type Lsblk = Static<typeof LsblkSchema>;

/** `sequence`: the kernel's count of disks that came, which is of this disk alone until it goes (DISKSEQ, Linux 5.15); never reported. */
export type ListedDisk = Disk & { readonly sequence?: string | null };
export type Properties = ReadonlyMap<string, string>;

/** Not disks of the machine: memory, optical and floppy drives, network block devices, and the boot areas of an eMMC chip. */
const NOT_A_DISK = /^(?:loop|ram|zram|sr|fd|nbd|rbd|dm-|md)\d*|^mmcblk\d+(?:boot|rpmb)/;

export function parseLsblk(text: string): Lsblk {
  const value: unknown = JSON.parse(text);
  if (!Check(LsblkSchema, value)) throw new TypeError('lsblk gave another form than it was asked for');
  return value;
}

/** `udevadm info --export-db`: device node → properties. */
export function parseUdevDatabase(text: string): ReadonlyMap<string, Properties> {
  const nodes = new Map<string, Properties>();
  for (const stanza of text.split(/\n\s*\n/)) {
    const properties = new Map<string, string>();
    for (const line of stanza.split('\n')) {
      const [, key, value] = /^E: ([^=]+)=(.*)$/.exec(line) ?? [];
      if (key !== undefined && value !== undefined) properties.set(key, value);
    }
    const node = properties.get('DEVNAME');
    if (node !== undefined && properties.get('SUBSYSTEM') === 'block') nodes.set(node, properties);
  }
  return nodes;
}

/** By name, so that the same machine gives the same list. */
export function disksOf(lsblk: Lsblk, database: ReadonlyMap<string, Properties>): Disk[] {
  return lsblk.blockdevices
    .filter((device) => device.type === 'disk' && !NOT_A_DISK.test(device.name) && (device.size ?? 0) > 0)
    .map((device) => diskOf(device, database.get(`/dev/${device.name}`) ?? new Map()))
    .sort((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, INVENTORY_LIMITS.disks);
}

function diskOf(device: Lsblk['blockdevices'][number], properties: Properties): Disk {
  const text = (...candidates: (string | null | undefined)[]): string | null =>
    candidates.map((one) => cleanDmiText(one)).find((one) => one !== null) ?? null;
  // On SAS and SCSI disks ID_SERIAL_SHORT repeats the WWN; what is printed on the label is the unit serial.
  const serials = [properties.get('ID_SCSI_SERIAL'), properties.get('ID_SERIAL_SHORT'), device.serial];
  const sector = device['log-sec'] ?? null;
  return {
    name: `/dev/${device.name}`,
    model: text(device.model, properties.get('ID_MODEL')),
    size: device.size ?? 0,
    rotational: device.rota,
    wwn: text(wwnOf(properties.get('ID_WWN')), wwnOf(device.wwn)),
    serial: serials.map((one) => cleanSerial(one)).find((one) => one !== null) ?? virtioSerial(device.name, properties),
    vendor: text(device.vendor, properties.get('ID_VENDOR')),
    wwn_with_extension: text(wwnOf(properties.get('ID_WWN_WITH_EXTENSION'))),
    wwn_vendor_extension: text(properties.get('ID_WWN_VENDOR_EXTENSION')),
    hctl: device.hctl ?? null,
    by_path: byPath(properties),
    transport: text(device.tran, transportOf(device.name, properties)),
    removable: device.rm,
    read_only: device.ro,
    ...(sector === null ? {} : { logical_sector: sector }),
  };
}

/** Zeroes alone, or ones: a bridge or controller that has no name to give, and the same for every disk behind it. */
function wwnOf(text: string | null | undefined): string | null {
  return /^(?:0x|naa\.|eui\.|uuid\.)?(?:[0-]*|[f-]*)$/i.test((text ?? '').trim()) ? null : (text ?? null);
}

/** By name. What udev says of a disk has the number of that very disk beside its serial. */
export function sequencesOf(database: ReadonlyMap<string, Properties>): (name: string) => string | null {
  return (name) => database.get(name)?.get('DISKSEQ') ?? null;
}

/** virtio-blk has one text for a serial, in ID_SERIAL; for other disks that one begins with model or vendor. */
function virtioSerial(name: string, properties: Properties): string | null {
  return name.startsWith('vd') ? cleanSerial(properties.get('ID_SERIAL')) : null;
}

/** udev gives the links in any order; a disk behind one port may have an older and a newer name. */
function byPath(properties: Properties): string | null {
  const links = (properties.get('DEVLINKS') ?? '').split(' ').filter((link) => link.startsWith('/dev/disk/by-path/'));
  const wanted = `/dev/disk/by-path/${properties.get('ID_PATH') ?? ''}`;
  const link = links.includes(wanted) ? wanted : links.sort()[0];
  return link === undefined || link.length > INVENTORY_LIMITS.byPathLength ? null : link;
}

function transportOf(name: string, properties: Properties): string | undefined {
  if (name.startsWith('vd')) return 'virtio';
  if (name.startsWith('mmcblk')) return 'mmc';
  return properties.get('ID_BUS');
}
