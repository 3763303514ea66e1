// A fault of an answer with the file, or the part of the configuration, in which it stands.

import type { AnswerFault } from '../seam.ts';
import type { Origin } from './layers-render.ts';

export interface PlacedFault extends AnswerFault {
  /** "zfs-mirror.toml"; '' where the whole is meant. */
  readonly source: string;
}

/** Where each key of a document was written, by "disk-setup.zfs.raid". */
export type Origins = ReadonlyMap<string, Origin>;

/** Faults of a whole document, each at the place where its key, or the nearest table around it, was written. */
export function placed(faults: readonly AnswerFault[], origins: Origins): readonly PlacedFault[] {
  return faults.map((fault) => {
    const origin = originOf(fault.key, origins);
    return { ...fault, source: origin?.source ?? '', line: origin?.line ?? null };
  });
}

function originOf(key: string, origins: Origins): Origin | undefined {
  for (let rest = key; rest !== ''; rest = parentKey(rest)) {
    const origin = origins.get(rest);
    if (origin !== undefined) return origin;
  }
  return undefined;
}

function parentKey(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf('.'), key.lastIndexOf('[')));
}

/** "zfs-mirror.toml:12: disk-setup.zfs.raid: …" */
export function faultText({ source, line, key, message, fix }: PlacedFault): string {
  const place = [source, line === null ? '' : String(line)].filter((part) => part !== '').join(':');
  return `${[place, key, message].filter((part) => part !== '').join(': ')}. ${fix}`.trim();
}
