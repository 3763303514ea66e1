// The OSDs that ceph-volume made of logical volumes: their ids stand in the volumes' tags, and a label at the volume's start. Pure.

import { shown } from './bytes.ts';
import { type BluestoreLabel, cephFind, decodeBluestore } from './ceph-codec.ts';
import type { Find } from './probe.ts';
import type { Region } from './read-at.ts';

const VOLUMES_MAX = 32;

export interface Volume {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Of its first byte in the physical volume; null where that lies elsewhere. */
  readonly start: number | null;
}

export async function osdsOf(region: Region, volumes: readonly Volume[]): Promise<readonly Find[]> {
  const finds: Find[] = [];
  for (const { tags, start } of volumes.slice(0, VOLUMES_MAX)) {
    const label = start === null ? undefined : decodeBluestore(await region.read(start, 4096));
    const tagged = labelOfTags(tags);
    if (label === undefined && tagged === undefined) continue;
    const { osdId = null, osdUuid = null, fsid = null, part = null } = tagged ?? {};
    const both = {
      osdId: osdId ?? label?.osdId ?? null,
      osdUuid: osdUuid ?? label?.osdUuid ?? null,
      fsid: fsid ?? label?.fsid ?? null,
      part: part ?? label?.part ?? null,
    };
    // The same finding whether label and tags are there or one of them: an erased half is no news.
    finds.push(cephFind(both, start ?? 0));
  }
  return finds;
}

/** ceph-volume, api/lvm.py: tags of the volumes it makes; what is encrypted has them too. */
function labelOfTags(tags: ReadonlyMap<string, string>): BluestoreLabel | undefined {
  if (!tags.has('ceph.osd_fsid') && !tags.has('ceph.osd_id')) return undefined;
  const tag = (name: string): string | null => shown(tags.get(name) ?? '', 64);
  return { osdId: tag('ceph.osd_id'), osdUuid: tag('ceph.osd_fsid'), fsid: tag('ceph.cluster_fsid'), part: tag('ceph.type') };
}
