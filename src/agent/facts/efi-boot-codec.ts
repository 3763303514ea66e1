// UEFI's boot entries, out of the variables themselves as efivarfs gives them: four bytes of attributes, then the data. Pure.
// UEFI 2.10 §3.1.3 (load options) and §10.3 (device paths); a variable that is cut off or nonsense is left out.

import { type BootEntry, type EfiBoot, FACT_LIMITS } from '../../inspect/facts.ts';

/** EFI_GLOBAL_VARIABLE. */
export const EFI_GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const ACTIVE = 1;
const HEADER = 4;

interface PathNode {
  readonly type: number;
  readonly subtype: number;
  readonly data: Uint8Array;
}

/** By name without the GUID: BootOrder, BootCurrent, BootNext, Boot0000 … */
export function readEfiBoot(variables: ReadonlyMap<string, Uint8Array>): EfiBoot {
  const numbers = (name: string): string[] => idsIn(variables.get(name));
  const entries = [...variables]
    .flatMap(([name, bytes]) => {
      const id = /^Boot([0-9A-F]{4})$/.exec(name)?.[1];
      const entry = id === undefined ? undefined : entryOf(id, bytes);
      return entry === undefined ? [] : [entry];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, FACT_LIMITS.bootEntries);
  return {
    order: numbers('BootOrder').slice(0, FACT_LIMITS.bootEntries),
    current: numbers('BootCurrent')[0] ?? null,
    next: numbers('BootNext')[0] ?? null,
    entries,
  };
}

function idsIn(bytes: Uint8Array | undefined): string[] {
  if (bytes === undefined || bytes.length < HEADER) return [];
  const view = viewOf(bytes.subarray(HEADER));
  return Array.from({ length: Math.floor(view.byteLength / 2) }, (_, at) => hex4(view.getUint16(at * 2, true)));
}

function entryOf(id: string, bytes: Uint8Array): BootEntry | undefined {
  const view = viewOf(bytes.subarray(HEADER));
  if (bytes.length < HEADER + 8) return undefined;
  const attributes = view.getUint32(0, true);
  const pathLength = view.getUint16(4, true);
  let at = 6;
  let title = '';
  for (; at + 1 < view.byteLength; at += 2) {
    const unit = view.getUint16(at, true);
    if (unit === 0) break;
    title += String.fromCharCode(unit);
  }
  const path = pathNodes(bytes.subarray(HEADER + at + 2, HEADER + at + 2 + pathLength));
  const words = title.replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  return { id, title: words.slice(0, 256), active: (attributes & ACTIVE) !== 0, ...startOf(path) };
}

/** What it starts from. A network entry has a MAC, an IP or a URI node among the messaging ones; BBS is how a CSM says it. */
function startOf(path: readonly PathNode[]): Pick<BootEntry, 'kind' | 'mac'> {
  const has = (type: number, ...subtypes: readonly number[]): PathNode | undefined =>
    path.find((node) => node.type === type && subtypes.includes(node.subtype));
  const card = has(3, 0x0b);
  if (card !== undefined || has(3, 0x0c, 0x0d, 0x18) !== undefined) return { kind: 'network', mac: macOf(card?.data) };
  const bbs = has(5, 1);
  if (bbs !== undefined) return { kind: BBS[bbs.data[0] ?? 0] ?? 'other', mac: null };
  // Firmware volumes (setup, shells) before hard drives, NVMe, SATA, SCSI, eMMC.
  if (has(4, 6, 7) !== undefined) return { kind: 'firmware', mac: null };
  if (has(4, 1) !== undefined || has(3, 0x17, 0x12, 0x02, 0x01, 0x1d) !== undefined) return { kind: 'disk', mac: null };
  return { kind: 'other', mac: null };
}

/** §10.3.7, BBS device types. */
const BBS: Readonly<Record<number, BootEntry['kind']>> = { 2: 'disk', 6: 'network' };

function pathNodes(bytes: Uint8Array): PathNode[] {
  const nodes: PathNode[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length && nodes.length < 64; ) {
    const length = view.getUint16(at + 2, true);
    const type = bytes[at] ?? 0;
    if (length < 4 || at + length > bytes.length || (type & 0x7f) === 0x7f) break;
    nodes.push({ type, subtype: bytes[at + 1] ?? 0, data: bytes.subarray(at + 4, at + length) });
    at += length;
  }
  return nodes;
}

function macOf(data: Uint8Array | undefined): string | null {
  if (data === undefined || data.length < 6) return null;
  return [...data.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex4(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}
