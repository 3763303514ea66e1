// What a probe finds in a region: a signature without its place on the disk, which whoever asked knows. Pure.

import type { SignatureKind } from '../../inspect/disk-contents.ts';
import type { Region } from './read-at.ts';

export interface Find {
  readonly kind: SignatureKind;
  readonly type: string;
  /** Of its magic, from the start of the region. */
  readonly offset: number;
  readonly label?: string | null;
  readonly uuid?: string | null;
  readonly about: string;
  /** Null values are left out. */
  readonly ids?: Readonly<Record<string, string | null>>;
}

/** Rejects only where the disk can not be read: bytes that make no sense find nothing. */
export type Probe = (region: Region) => Promise<readonly Find[]>;

/** A text in a sentence: quoted where it is there. */
export function called(label: string | null): string {
  return label === null ? '' : ` "${label}"`;
}
