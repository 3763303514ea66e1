// ZFS labels: four on each member, two at the start and two at the end (OpenZFS, include/sys/vdev_impl.h: vdev_label_t). Each has the pool's
// name and guid, the host that used it last, and its own guid. Pure.

import { shown, u64be, u64le } from './bytes.ts';
import { decimalOf, decodeNvlist, decodeNvlistHeader, type NvList, numberOf, textOf } from './nvlist-codec.ts';
import type { Find, Probe } from './probe.ts';
import type { Region } from './read-at.ts';

const LABEL = 256 * 1024;
const NVLIST_AT = 16 * 1024;
const NVLIST_SIZE = 112 * 1024;
/** zio_eck_t: a magic and a checksum in the last 40 bytes of the list's place. */
const TRAILER_SIZE = 40;
const TRAILER_MAGIC = 0x0210_da7a_b10c_7a11n;
/** pool_state_t. */
const STATES: Readonly<Record<number, string>> = { 1: 'exported', 2: 'destroyed', 3: 'a spare', 4: 'a cache device' };

export const probeZfs: Probe = async (region) => {
  const finds: Find[] = [];
  for (const [index, offset] of labelOffsets(region.size).entries()) {
    const list = await labelAt(region, offset);
    if (list !== undefined) finds.push(findOf(list, offset + NVLIST_AT, index));
  }
  return finds;
};

/** The end is counted in whole labels. */
export function labelOffsets(size: number): readonly number[] {
  const end = Math.floor(size / LABEL) * LABEL;
  return end < 4 * LABEL ? [] : [0, LABEL, end - 2 * LABEL, end - LABEL];
}

async function labelAt({ read }: Region, offset: number): Promise<NvList | undefined> {
  // Most disks have none: the first bytes tell.
  if (decodeNvlistHeader(await read(offset + NVLIST_AT, 12)) === undefined) return undefined;
  const bytes = await read(offset + NVLIST_AT, NVLIST_SIZE);
  if (bytes.length < NVLIST_SIZE) return undefined;
  const list = decodeNvlist(bytes);
  if (list === undefined) return undefined;
  // A label torn by a crash has its names all the same: the trailer only has to be there where the names are not.
  const magic = bytes.length - TRAILER_SIZE;
  const isSealed = u64le(bytes, magic) === TRAILER_MAGIC || u64be(bytes, magic) === TRAILER_MAGIC;
  const isNamed = list.has('guid') || list.has('pool_guid');
  return isNamed || (isSealed && list.has('version')) ? list : undefined;
}

function findOf(list: NvList, offset: number, index: number): Find {
  const pool = shown(textOf(list, 'name') ?? '');
  const hostname = shown(textOf(list, 'hostname') ?? '');
  const poolGuid = decimalOf(list, 'pool_guid');
  const guid = decimalOf(list, 'guid');
  const state = STATES[numberOf(list, 'state') ?? 0];
  const words = [
    pool === null ? 'ZFS member of no pool' : `member of ZFS pool ${pool}`,
    poolGuid === null ? '' : ` (guid ${poolGuid})`,
    hostname === null ? '' : ` of host ${hostname}`,
    state === undefined ? '' : `, ${state}`,
    `, label ${index + 1} of 4`,
  ];
  return {
    kind: 'zfs',
    type: 'zfs_member',
    offset,
    label: pool,
    uuid: poolGuid ?? guid,
    about: words.join(''),
    ids: {
      pool,
      pool_guid: poolGuid,
      hostname,
      hostid: decimalOf(list, 'hostid'),
      txg: decimalOf(list, 'txg'),
      vdev_guid: guid,
      top_guid: decimalOf(list, 'top_guid'),
      state: state ?? 'in use',
    },
  };
}
