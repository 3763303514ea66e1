// A RAID configuration as Ironic takes it: the logical disks that shall be. Pure.

const LEVELS = ['JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0'];
const MAX_DISKS = 255;

/** Undefined: it can be stored. An empty one takes the wish back. */
export function raidRefusal(config: Readonly<Record<string, unknown>>): string | undefined {
  if (Object.keys(config).length === 0) return undefined;
  const { logical_disks: disks, ...others } = config;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    return `RAID config validation error: ${JSON.stringify(unknown.slice(0, 100))} is not expected; it has logical_disks only`;
  if (!Array.isArray(disks) || disks.length > MAX_DISKS)
    return "RAID config validation error: 'logical_disks' is a required property, a list";
  for (const [at, disk] of disks.entries()) {
    const refusal = diskRefusal(disk);
    if (refusal !== undefined) return `RAID config validation error: logical_disks ${at}: ${refusal}`;
  }
  return disks.filter((disk) => isObject(disk) && disk.is_root_volume === true).length > 1
    ? 'Multiple root volumes specified: only one logical disk may be the root volume'
    : undefined;
}

function diskRefusal(disk: unknown): string | undefined {
  if (!isObject(disk)) return 'it is not an object';
  const { size_gb: size, raid_level: level } = disk;
  if (size !== 'MAX' && !(typeof size === 'number' && Number.isInteger(size) && size >= 0))
    return 'size_gb is a whole number of GiB, or "MAX"';
  if (typeof level !== 'string' || !LEVELS.includes(level)) return `raid_level is one of ${LEVELS.join(', ')}`;
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
