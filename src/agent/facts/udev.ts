// udev's properties of every disk and network port, as they are, from `udevadm info --export-db`. Pure; bounded.

import { FACT_LIMITS, type Facts } from '../../inspect/facts.ts';

type Devices = NonNullable<Facts['udev']>['block'];

export interface UdevFacts {
  readonly udev: NonNullable<Facts['udev']>;
  /** What did not fit, in words. */
  readonly dropped: string | null;
}

/**
 * Whole disks and physical ports. What the kernel makes up itself (loop devices, lo, bridges) is below /devices/virtual, and so is an NVMe
 * drive that it may reach by several controllers (Linux, drivers/nvme/host/multipath.c).
 */
export function udevFacts(database: string, maxLength: number): UdevFacts {
  const block: Devices = {};
  const net: Devices = {};
  let room = maxLength;
  let dropped = 0;
  for (const stanza of database.split(/\n\s*\n/)) {
    const device = deviceIn(stanza);
    if (device === undefined) continue;
    const into = device.subsystem === 'block' ? block : net;
    const length = JSON.stringify(device.properties).length;
    if (Object.keys(into).length >= FACT_LIMITS.udevDevices || length > room) {
      dropped += 1;
      continue;
    }
    room -= length;
    into[device.name] = device.properties;
  }
  return { udev: { block, net }, dropped: dropped === 0 ? null : `properties of ${dropped} devices are too long to be reported` };
}

function deviceIn(
  stanza: string,
): { readonly subsystem: 'block' | 'net'; readonly name: string; readonly properties: Record<string, string> } | undefined {
  const path = /^P: (.*)$/m.exec(stanza)?.[1] ?? '';
  if (path.startsWith('/devices/virtual/') && !path.startsWith('/devices/virtual/nvme-subsystem/')) return undefined;
  const pairs: [string, string][] = [];
  for (const line of stanza.split('\n')) {
    const [, key, value] = /^E: ([^=]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || key.length > FACT_LIMITS.udevKey) continue;
    pairs.push([key, value.slice(0, FACT_LIMITS.udevValue)]);
  }
  const properties = Object.fromEntries(pairs.slice(0, FACT_LIMITS.udevProperties));
  const { SUBSYSTEM: subsystem, DEVTYPE: type, INTERFACE: port } = properties;
  const name = subsystem === 'net' ? port : /([^/]+)$/.exec(path)?.[1];
  if (name === undefined || name === '' || name.length > 64) return undefined;
  if (subsystem === 'net') return { subsystem, name, properties };
  return subsystem === 'block' && type === 'disk' ? { subsystem, name, properties } : undefined;
}
