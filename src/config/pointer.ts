// JSON pointers (RFC 6901) name places inside; people see keys as they would write them: dhcp.subnet[0].ranges.

export type Segment = string | number;

/** ['dhcp', 'subnet', 0] → /dhcp/subnet/0 */
export function toPointer(segments: readonly Segment[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function childPointer(pointer: string, segment: Segment): string {
  return pointer + toPointer([segment]);
}

export function pointerSegments(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** /dhcp/subnet/0 → dhcp.subnet[0] */
export function keyOfPointer(pointer: string): string {
  let key = '';
  for (const segment of pointerSegments(pointer)) {
    if (/^\d{1,9}$/.test(segment)) key += `[${segment}]`;
    else key += (key === '' ? '' : '.') + (/^[A-Za-z0-9_-]{1,64}$/.test(segment) ? segment : JSON.stringify(shortened(segment)));
  }
  return key;
}

function shortened(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}

export function parentPointer(pointer: string): string {
  return pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')));
}

/** The value at a pointer, or undefined when there is none. */
export function valueAt(tree: unknown, pointer: string): unknown {
  let value = tree;
  for (const segment of pointerSegments(pointer)) {
    if (Array.isArray(value)) value = (value as unknown[])[Number(segment)];
    else if (isTable(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

export type Table = Record<string, unknown>;

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Sets the value at a pointer, making tables on the way. Leaves the tree alone where something else than a table is in the way. */
export function putAt(tree: Table, pointer: string, value: unknown): void {
  const segments = pointerSegments(pointer);
  const last = segments.pop();
  let table = tree;
  for (const segment of segments) {
    if (!Object.hasOwn(table, segment)) table[segment] = {};
    const next = table[segment];
    if (!isTable(next)) return;
    table = next;
  }
  if (last !== undefined) table[last] = value;
}
