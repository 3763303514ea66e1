// A small ISO 9660 file system with Joliet names, of files given as paths and bytes. Pure: ECMA-119 and Microsoft's Joliet specification.
// Directories and files only; no boot record, no Rock Ridge: Linux, BSD and Windows all read Joliet.

const SECTOR = 2048;
/** System area, two volume descriptors, terminator, then the tables. */
const FIRST_FREE = 19;

export interface IsoFile {
  /** `openstack/latest/meta_data.json` */
  readonly path: string;
  readonly bytes: Buffer;
}

export interface IsoOptions {
  /** config-2 or CIDATA. */
  readonly label: string;
  /** UTC milliseconds. */
  readonly at: number;
}

interface Directory {
  readonly name: string;
  readonly parent: Directory | null;
  readonly directories: Directory[];
  readonly files: Entry[];
  /** Filled while it is laid out, once for each kind of name. */
  readonly sector: Record<Kind, number>;
  readonly bytes: Record<Kind, number>;
}

interface Entry {
  readonly name: string;
  readonly content: Buffer;
  sector: number;
}

/** Names of both trees: short ones of the standard, and Joliet's. */
type Kind = 'plain' | 'joliet';
const KINDS = ['plain', 'joliet'] as const;

export function buildIso(files: readonly IsoFile[], { label, at }: IsoOptions): Buffer {
  const root = treeOf(files);
  const all = breadthFirst(root);
  let next = FIRST_FREE;
  const tables = { plain: { l: 0, m: 0, bytes: 0 }, joliet: { l: 0, m: 0, bytes: 0 } };
  for (const kind of KINDS) {
    const bytes = pathTable(all, kind, 'l').length;
    const sectors = Math.ceil(bytes / SECTOR);
    tables[kind] = { l: next, m: next + sectors, bytes };
    next += 2 * sectors;
  }
  for (const kind of KINDS) {
    for (const directory of all) {
      directory.bytes[kind] = Math.ceil(directoryRecords(directory, kind, at).length / SECTOR) * SECTOR;
      directory.sector[kind] = next;
      next += directory.bytes[kind] / SECTOR;
    }
  }
  for (const file of all.flatMap((directory) => directory.files)) {
    file.sector = next;
    next += Math.ceil(file.content.length / SECTOR);
  }

  const image = Buffer.alloc(next * SECTOR);
  const put = (sector: number, bytes: Buffer): void => void bytes.copy(image, sector * SECTOR);
  put(16, descriptor(root, tables.plain, { kind: 'plain', label, at, sectors: next }));
  put(17, descriptor(root, tables.joliet, { kind: 'joliet', label, at, sectors: next }));
  put(18, Buffer.concat([Buffer.from([0xff]), Buffer.from('CD001\x01', 'latin1')]));
  for (const kind of KINDS) {
    put(tables[kind].l, pathTable(all, kind, 'l'));
    put(tables[kind].m, pathTable(all, kind, 'm'));
    for (const directory of all) put(directory.sector[kind], directoryRecords(directory, kind, at));
  }
  for (const { sector, content } of all.flatMap((directory) => directory.files)) put(sector, content);
  return image;
}

function treeOf(files: readonly IsoFile[]): Directory {
  const root = emptyDirectory('', null);
  for (const { path, bytes } of files) {
    const parts = path.split('/').filter((part) => part !== '');
    const name = parts.pop() ?? '';
    let at = root;
    for (const part of parts) {
      let below = at.directories.find((one) => one.name === part);
      if (below === undefined) {
        below = emptyDirectory(part, at);
        at.directories.push(below);
      }
      at = below;
    }
    at.files.push({ name, content: bytes, sector: 0 });
  }
  for (const directory of breadthFirst(root)) {
    directory.directories.sort(byName);
    directory.files.sort(byName);
  }
  return root;
}

function emptyDirectory(name: string, parent: Directory | null): Directory {
  return { name, parent, directories: [], files: [], sector: { plain: 0, joliet: 0 }, bytes: { plain: 0, joliet: 0 } };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** The order of path tables (ECMA-119 §6.9.1). */
function breadthFirst(root: Directory): Directory[] {
  const all = [root];
  for (const directory of all) all.push(...directory.directories);
  return all;
}

function nameBytes(name: string, kind: Kind, isFile: boolean): Buffer {
  if (kind === 'joliet') return Buffer.from(isFile ? `${name};1` : name, 'utf16le').swap16();
  const plain = name.toUpperCase().replaceAll(/[^A-Z0-9_.]/g, '_');
  return Buffer.from(isFile ? `${plain.includes('.') ? plain : `${plain}.`};1` : plain.replaceAll('.', '_'), 'latin1');
}

function pathTable(all: readonly Directory[], kind: Kind, order: 'l' | 'm'): Buffer {
  const numbers = new Map(all.map((directory, index) => [directory, index + 1]));
  return Buffer.concat(
    all.map((directory) => {
      const name = directory.parent === null ? Buffer.from([0]) : nameBytes(directory.name, kind, false);
      const record = Buffer.alloc(8 + name.length + (name.length % 2));
      record[0] = name.length;
      const parent = directory.parent === null ? 1 : (numbers.get(directory.parent) ?? 1);
      if (order === 'l') {
        record.writeUInt32LE(directory.sector[kind], 2);
        record.writeUInt16LE(parent, 6);
      } else {
        record.writeUInt32BE(directory.sector[kind], 2);
        record.writeUInt16BE(parent, 6);
      }
      name.copy(record, 8);
      return record;
    }),
  );
}

/** No record crosses a sector (ECMA-119 §6.8.1.1). */
function directoryRecords(directory: Directory, kind: Kind, at: number): Buffer {
  const parent = directory.parent ?? directory;
  const records = [
    record(Buffer.from([0]), { sector: directory.sector[kind], bytes: directory.bytes[kind], isDirectory: true, at }),
    record(Buffer.from([1]), { sector: parent.sector[kind], bytes: parent.bytes[kind], isDirectory: true, at }),
    ...directory.directories.map((one) =>
      record(nameBytes(one.name, kind, false), { sector: one.sector[kind], bytes: one.bytes[kind], isDirectory: true, at }),
    ),
    ...directory.files.map((one) =>
      record(nameBytes(one.name, kind, true), { sector: one.sector, bytes: one.content.length, isDirectory: false, at }),
    ),
  ];
  const parts: Buffer[] = [];
  let used = 0;
  for (const one of records) {
    const left = SECTOR - (used % SECTOR);
    if (one.length > left) {
      parts.push(Buffer.alloc(left));
      used += left;
    }
    parts.push(one);
    used += one.length;
  }
  return Buffer.concat(parts);
}

interface Extent {
  readonly sector: number;
  readonly bytes: number;
  readonly isDirectory: boolean;
  readonly at: number;
}

function record(name: Buffer, { sector, bytes, isDirectory, at }: Extent): Buffer {
  const length = 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
  const one = Buffer.alloc(length);
  one[0] = length;
  both32(one, 2, sector);
  both32(one, 10, bytes);
  shortTime(one, 18, at);
  one[25] = isDirectory ? 2 : 0;
  both16(one, 28, 1);
  one[32] = name.length;
  name.copy(one, 33);
  return one;
}

interface Volume {
  readonly kind: Kind;
  readonly label: string;
  readonly at: number;
  readonly sectors: number;
}

function descriptor(root: Directory, table: { readonly l: number; readonly m: number; readonly bytes: number }, volume: Volume): Buffer {
  const { kind, at, sectors } = volume;
  const bytes = Buffer.alloc(SECTOR);
  const padded = (text: string, length: number): Buffer =>
    kind === 'joliet' ? Buffer.from(text.padEnd(length / 2), 'utf16le').swap16() : Buffer.from(text.padEnd(length), 'latin1');
  bytes[0] = kind === 'joliet' ? 2 : 1;
  bytes.write('CD001\x01', 1, 'latin1');
  padded('', 32).copy(bytes, 8);
  // As it is, though the standard would have capitals only: it is what cloud-init looks for.
  padded(volume.label, 32).copy(bytes, 40);
  both32(bytes, 80, sectors);
  // Joliet level 3 (UCS-2).
  if (kind === 'joliet') bytes.write('%/E', 88, 'latin1');
  both16(bytes, 120, 1);
  both16(bytes, 124, 1);
  both16(bytes, 128, SECTOR);
  both32(bytes, 132, table.bytes);
  bytes.writeUInt32LE(table.l, 140);
  bytes.writeUInt32BE(table.m, 148);
  record(Buffer.from([0]), { sector: root.sector[kind], bytes: root.bytes[kind], isDirectory: true, at }).copy(bytes, 156);
  for (const [offset, length] of TEXT_FIELDS) padded('', length).copy(bytes, offset);
  for (const offset of [813, 830]) longTime(bytes, offset, at);
  for (const offset of [847, 864]) bytes.write('0000000000000000', offset, 'latin1');
  bytes[881] = 1;
  return bytes;
}

/** Publisher and the like: nobody. The last three are names of files, 37 bytes each: of Joliet the odd one stays zero. */
const TEXT_FIELDS = [
  [190, 128],
  [318, 128],
  [446, 128],
  [574, 128],
  [702, 36],
  [739, 36],
  [776, 36],
] as const;

function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}

function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

function shortTime(bytes: Buffer, at: number, ms: number): void {
  const time = new Date(ms);
  bytes.set(
    [
      time.getUTCFullYear() - 1900,
      time.getUTCMonth() + 1,
      time.getUTCDate(),
      time.getUTCHours(),
      time.getUTCMinutes(),
      time.getUTCSeconds(),
      0,
    ],
    at,
  );
}

function longTime(bytes: Buffer, at: number, ms: number): void {
  bytes.write(`${new Date(ms).toISOString().replaceAll(/\D/g, '').slice(0, 14)}00`, at, 'latin1');
}
