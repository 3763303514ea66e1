// `zpool status` of OpenZFS: as JSON (2.3 and newer, -j) and as text (2.1, 2.2), to one shape. Pure.

export interface Vdev {
  readonly name: string;
  /** disk, file, mirror, raidz1, raidz2, raidz3, draid1, replacing, spare */
  readonly kind: string;
  readonly state: string;
  /** Of a disk or file, as the pool opens it. */
  readonly path: string | null;
  readonly children: readonly Vdev[];
}

export interface Scan {
  readonly what: 'scrub' | 'resilver';
  readonly is: 'running' | 'finished' | 'cancelled';
  /** 0…1 */
  readonly fraction: number | null;
  readonly errors: number | null;
  readonly endedMs: number | null;
}

export interface Pool {
  readonly name: string;
  readonly state: string;
  readonly scan: Scan | null;
  /** What holds its data; logs, caches, spares and special devices apart. */
  readonly data: readonly Vdev[];
  /** What it complains of. */
  readonly status: string | null;
}

export type Layout = 'single' | 'stripe' | 'mirror' | 'raid10' | 'raidz1' | 'raidz2' | 'raidz3' | 'mixed';

export function layoutOf({ data }: Pool): Layout {
  const kinds = [...new Set(data.map(({ kind }) => (kind === 'mirror' || /^raidz[123]$/.test(kind) ? kind : 'disk')))];
  const [kind] = kinds;
  if (kinds.length !== 1) return 'mixed';
  if (kind === 'disk') return data.length === 1 ? 'single' : 'stripe';
  if (kind === 'mirror') return data.length === 1 ? 'mirror' : 'raid10';
  return data.length > 1 ? 'mixed' : kind === 'raidz1' ? 'raidz1' : kind === 'raidz2' ? 'raidz2' : 'raidz3';
}

export function leavesOf(vdevs: readonly Vdev[]): Vdev[] {
  return vdevs.flatMap((one) => (one.children.length === 0 ? [one] : leavesOf(one.children)));
}

/** Not with pools that are not there: that ends with an error before anything is said. */
export function readPoolJson(text: string, name: string): Pool | undefined {
  const parsed: unknown = JSON.parse(text);
  const pool = objectAt(objectAt(parsed, 'pools'), name);
  const root = objectAt(objectAt(pool, 'vdevs'), name);
  if (pool === undefined || root === undefined) return undefined;
  return {
    name,
    state: textAt(pool, 'state') ?? 'UNKNOWN',
    scan: scanOfJson(objectAt(pool, 'scan_stats')),
    data: vdevsOfJson(objectAt(root, 'vdevs')),
    status: textAt(pool, 'status')?.replaceAll(/\s+/g, ' ').trim() ?? null,
  };
}

function vdevsOfJson(vdevs: Readonly<Record<string, unknown>> | undefined): Vdev[] {
  return Object.keys(vdevs ?? {}).flatMap((name) => {
    const one = objectAt(vdevs, name);
    if (one === undefined) return [];
    const kind = textAt(one, 'vdev_type') ?? 'disk';
    const shown = textAt(one, 'name') ?? name;
    return {
      name: shown,
      // raidz of any parity is one type; the name tells which.
      kind: kind === 'raidz' || kind === 'draid' ? (/^(?:raidz|draid)\d?/.exec(shown)?.[0] ?? kind) : kind,
      state: textAt(one, 'state') ?? 'UNKNOWN',
      path: textAt(one, 'path') ?? null,
      children: vdevsOfJson(objectAt(one, 'vdevs')),
    };
  });
}

const JSON_STATES: Readonly<Record<string, Scan['is']>> = { SCANNING: 'running', FINISHED: 'finished', CANCELED: 'cancelled' };

function scanOfJson(stats: Readonly<Record<string, unknown>> | undefined): Scan | null {
  const [what, is] = [textAt(stats, 'function'), JSON_STATES[textAt(stats, 'state') ?? '']];
  if (is === undefined || (what !== 'SCRUB' && what !== 'RESILVER')) return null;
  const [issued, total] = [numberAt(stats, 'issued'), numberAt(stats, 'to_examine')];
  return {
    what: what === 'SCRUB' ? 'scrub' : 'resilver',
    is,
    fraction: issued === null || total === null || total === 0 ? null : Math.min(1, issued / total),
    errors: numberAt(stats, 'errors'),
    endedMs: is === 'finished' ? timeOf(textAt(stats, 'end_time') ?? '') : null,
  };
}

/** Of `zpool status -P NAME`. */
export function readPoolText(text: string, name: string): Pool | undefined {
  if (!new RegExp(`^\\s*pool:\\s+${name.replaceAll(/[.:-]/g, '\\$&')}\\s*$`, 'm').test(text)) return undefined;
  return {
    name,
    state: /^\s*state:\s+(\S+)/m.exec(text)?.[1] ?? 'UNKNOWN',
    scan: scanOfText(/^\s*scan:\s+((?:.*\n)(?:\t.*\n|\s{4,}\S.*\n)*)/m.exec(text)?.[1] ?? ''),
    data: vdevsOfText(text, name),
    status: /^status:\s+((?:.*\n)(?:\t.*\n)*)/m.exec(text)?.[1]?.replaceAll(/\s+/g, ' ').trim() ?? null,
  };
}

interface Row {
  readonly depth: number;
  readonly name: string;
  readonly state: string;
}

/** Two spaces deeper for each level, behind a tab. The pool's own children are its data; `logs` and the like stand beside the pool. */
function vdevsOfText(text: string, name: string): Vdev[] {
  const [, config = ''] = text.split(/^config:\s*$/m);
  const rows = [...config.matchAll(/^\t( *)(\S+)(?:[ \t]+(\S+).*)?$/gm)].map(
    ([, indent = '', word = '', state = '']): Row => ({ depth: indent.length / 2, name: word, state }),
  );
  const start = rows.findIndex((row) => row.depth === 0 && row.name === name);
  const rest = rows.slice(start + 1);
  const end = rest.findIndex(({ depth }) => depth === 0);
  return childrenAt(end < 0 ? rest : rest.slice(0, end), 1);
}

function childrenAt(rows: readonly Row[], depth: number): Vdev[] {
  const starts = rows.flatMap((row, at) => (row.depth === depth ? [at] : []));
  return starts.map((at, index) => {
    const { name, state } = rows[at] ?? { name: '', state: '' };
    const children = childrenAt(rows.slice(at + 1, starts[index + 1] ?? rows.length), depth + 1);
    const group = /^(mirror|raidz[123]|draid\d|replacing|spare)(?:[:-].*)?$/.exec(name)?.[1];
    const isLeaf = group === undefined || name.startsWith('/');
    return { name: name.replace(/^.*\//, ''), kind: isLeaf ? 'disk' : group, state, path: isLeaf ? name : null, children };
  });
}

function scanOfText(scan: string): Scan | null {
  const what = /^(?:scrub|resilver)/.exec(scan)?.[0];
  if (what !== 'scrub' && what !== 'resilver') return null;
  const done = /([\d.]+)% done/.exec(scan)?.[1];
  const errors = /with (\d+) errors/.exec(scan)?.[1];
  const is = scan.includes('in progress') ? 'running' : scan.includes('canceled') ? 'cancelled' : 'finished';
  return {
    what,
    is,
    fraction: done === undefined ? null : Number(done) / 100,
    errors: errors === undefined ? null : Number(errors),
    endedMs: is === 'finished' ? timeOf(/ on (\S.*)$/m.exec(scan)?.[1] ?? '') : null,
  };
}

/** Seconds, or a date in the machine's own zone, which is taken for UTC: it is asked for to the day. */
function timeOf(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const parts = /^\w{3} (\w{3}) +(\d+) (\d\d:\d\d:\d\d)(?: (AM|PM))?(?: [A-Z]+)? (\d{4})/.exec(text.trim());
  if (parts === null) return null;
  const [, month, day, time, half = '', year] = parts;
  const ms = Date.parse(`${day} ${month} ${year} ${time} ${half} UTC`.replaceAll(/ +/g, ' '));
  return Number.isNaN(ms) ? null : ms;
}

function objectAt(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.fromEntries(Object.entries(found)) : undefined;
}

function textAt(value: Readonly<Record<string, unknown>> | undefined, key: string): string | undefined {
  const found = value?.[key];
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : undefined;
}

function numberAt(value: Readonly<Record<string, unknown>> | undefined, key: string): number | null {
  const text = textAt(value, key);
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : null;
}
