// LVM2: a label in one of the first four sectors, and the volume group as text in a ring behind it (lvm2, lib/format_text/layout.h). Pure.

import { hasText, place, shown, u32le, u64le } from './bytes.ts';
import { osdsOf, type Volume } from './ceph-volume-codec.ts';
import { countOf, type LvmSection, listOf, parseLvmText, sectionOf, sectionsOf, stringOf } from './lvm-text-codec.ts';
import type { Find, Probe } from './probe.ts';
import type { Region } from './read-at.ts';

const SECTOR = 512;
const LABEL_SECTORS = 4;
const AREA_MAGIC = ' LVM2 x[5A%r0N*>';
const AREA_HEADER = 512;
const TEXT_MAX = 8 * 1024 * 1024;
const AREAS_MAX = 16;
const NAMED_MAX = 12;

export const probeLvm: Probe = async (region) => {
  const head = await region.read(0, LABEL_SECTORS * SECTOR);
  for (let offset = 0; offset + SECTOR <= head.length; offset += SECTOR) {
    const sector = head.subarray(offset, offset + SECTOR);
    if (!hasText(sector, 0, 'LABELONE') || !hasText(sector, 24, 'LVM2 001')) continue;
    return findsOf(region, sector, offset);
  }
  return [];
};

async function findsOf(region: Region, sector: Uint8Array, offset: number): Promise<readonly Find[]> {
  const { uuid, areas } = decodeHeader(sector);
  let group: Group | undefined;
  for (const area of areas) group ??= await groupAt(region, area);
  const volumes = group === undefined ? [] : volumesOf(group, uuid);
  const names = volumes.map(({ name }) => name);
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  const words = names.length === 0 ? '' : `, with ${names.slice(0, NAMED_MAX).join(', ')}${more}`;
  const member: Find = {
    kind: 'lvm',
    type: 'LVM2_member',
    offset,
    label: group?.name ?? null,
    uuid,
    about: group === undefined ? 'LVM physical volume of no group' : `LVM physical volume of group ${group.name}${words}`,
    ids: { vg: group?.name ?? null, vg_uuid: group?.uuid ?? null, lvs: names.length === 0 ? null : names.join(' ').slice(0, 256) },
  };
  return [member, ...(await osdsOf(region, volumes))];
}

interface Area {
  readonly start: number;
  readonly size: number;
}

/** pv_header: uuid (32 characters), size, then data areas and metadata areas, each list ended by an empty one. */
function decodeHeader(sector: Uint8Array): { readonly uuid: string | null; readonly areas: readonly Area[] } {
  const at = u32le(sector, 20);
  const areas: Area[] = [];
  let lists = 0;
  for (let entry = at + 40; entry + 16 <= sector.length && lists < 2; entry += 16) {
    const [start, size] = [place(u64le(sector, entry)), place(u64le(sector, entry + 8))];
    if (start === 0) lists += 1;
    else if (lists === 1 && start > 0 && size > AREA_HEADER && areas.length < AREAS_MAX) areas.push({ start, size });
  }
  const raw = Buffer.from(sector.subarray(at, at + 32)).toString('latin1');
  return { uuid: /^[0-9A-Za-z]{32}$/.test(raw) ? dashed(raw) : null, areas };
}

interface Group {
  readonly name: string;
  readonly uuid: string | null;
  readonly section: LvmSection;
}

/** mda_header: checksum, magic, version, place and size of the ring, then where in it the newest text is. The text may go over its end. */
async function groupAt({ read }: Region, area: Area): Promise<Group | undefined> {
  const header = await read(area.start, AREA_HEADER);
  if (!hasText(header, 4, AREA_MAGIC)) return undefined;
  const [offset, size] = [place(u64le(header, 40)), place(u64le(header, 48))];
  if (offset < AREA_HEADER || size <= 0 || offset >= area.size || size > Math.min(TEXT_MAX, area.size)) return undefined;
  const first = await read(area.start + offset, Math.min(size, area.size - offset));
  const rest = size > area.size - offset ? await read(area.start + AREA_HEADER, size - (area.size - offset)) : new Uint8Array(0);
  const text = Buffer.concat([first, rest]).toString('utf8');
  const end = text.indexOf('\0');
  const [group] = sectionsOf(parseLvmText(end < 0 ? text : text.slice(0, end)) ?? {});
  if (group === undefined) return undefined;
  const [name, section] = group;
  return { name: shown(name, 128) ?? '', uuid: stringOf(section, 'id'), section };
}

/** Those with a part on this physical volume. */
function volumesOf({ section }: Group, uuid: string | null): readonly Volume[] {
  const pv = sectionsOf(sectionOf(section, 'physical_volumes')).find(([, one]) => stringOf(one, 'id') === uuid);
  const extent = (countOf(section, 'extent_size') ?? 0) * SECTOR;
  const data = (pv === undefined ? 0 : (countOf(pv[1], 'pe_start') ?? 0)) * SECTOR;
  return sectionsOf(sectionOf(section, 'logical_volumes')).flatMap(([name, volume]) => {
    const segments = sectionsOf(volume).filter(([key]) => key.startsWith('segment'));
    const stripes = segments.map(([, segment]) => ({ from: countOf(segment, 'start_extent'), stripes: listOf(segment, 'stripes') }));
    // Thin volumes, mirrors and caches have none of their own: they are made of other volumes, which do.
    if (pv !== undefined && stripes.some((one) => one.stripes.length > 0) && !stripes.some((one) => one.stripes.includes(pv[0]))) return [];
    const head = stripes.find(({ from }) => from === 0);
    const [first, at] = head?.stripes ?? [];
    const start = pv !== undefined && first === pv[0] && typeof at === 'number' && extent > 0 ? data + at * extent : null;
    return [{ name: shown(name, 128) ?? '', tags: tagsOf(volume), start }];
  });
}

function tagsOf(volume: LvmSection): ReadonlyMap<string, string> {
  const tags = listOf(volume, 'tags').filter((tag) => typeof tag === 'string');
  return new Map(
    tags.flatMap((tag) => (tag.includes('=') ? [[tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)] as const] : [])),
  );
}

/** As LVM's own tools show it: 6-4-4-4-4-4-6. */
function dashed(raw: string): string {
  return [
    raw.slice(0, 6),
    raw.slice(6, 10),
    raw.slice(10, 14),
    raw.slice(14, 18),
    raw.slice(18, 22),
    raw.slice(22, 26),
    raw.slice(26),
  ].join('-');
}
