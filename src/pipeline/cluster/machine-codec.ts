// What one machine says of itself where clusters are concerned: one fixed script, and how its lines are read. Pure: it runs nothing.

import { fail } from '../errors.ts';
import { addressesOf } from './links-decide.ts';

export interface MachineFacts {
  /** Of the cluster file system: it is in a cluster, whose name that is. */
  readonly cluster: string | null;
  /** What a join wrote on the machine's own disk: corosync's configuration, its key; whether the old database is there still. */
  readonly localCluster: string | null;
  readonly hasAuthkey: boolean;
  readonly hasDatabase: boolean;
  readonly isCorosyncUp: boolean;
  /** The cluster that this very system began to join from here: what is half done is ours. */
  readonly begun: string | null;
  readonly guests: readonly string[];
  /** `9.1.4`; null: Proxmox VE is not installed. */
  readonly release: string | null;
  /** Of ceph-mon, where it is installed: `19.2.3-pve1`. */
  readonly ceph: string | null;
  readonly addresses: readonly string[];
  /** By its clock, milliseconds. */
  readonly now: number;
}

/** The name of the cluster; there from before the first change until nothing is left to do. A new installation has none. */
export const BEGUN = '/var/lib/rackseed/cluster-join';

/** $1: where the root directory is ("" on a machine). Nothing in it changes anything, or waits for the cluster file system. */
export const MACHINE_FACTS = `# looks at the machine for what concerns clusters
root=$1
name_in() { sed -n 's/^[[:space:]]*cluster_name[[:space:]]*:[[:space:]]*//p' "$1" | head -n 1; }
version_of() { dpkg-query -W -f '\${db:Status-Abbrev} \${Version}\\n' "$1" 2>/dev/null | sed -n 's/^ii *//p'; }
if [ -e "$root/etc/pve/corosync.conf" ]; then echo "cluster=$(name_in "$root/etc/pve/corosync.conf")"; fi
if [ -e "$root/etc/corosync/corosync.conf" ]; then echo "local=$(name_in "$root/etc/corosync/corosync.conf")"; fi
if [ -e "$root/etc/corosync/authkey" ]; then echo authkey=1; fi
if [ -e "$root/var/lib/pve-cluster/config.db" ]; then echo database=1; fi
if [ "$(systemctl is-active corosync 2>/dev/null || :)" = active ]; then echo corosync=1; fi
if [ -e "$root${BEGUN}" ]; then echo "begun=$(head -c 64 "$root${BEGUN}")"; fi
for guest in "$root"/etc/pve/nodes/*/qemu-server/*.conf "$root"/etc/pve/nodes/*/lxc/*.conf; do
  if [ -e "$guest" ]; then echo "guest=$(basename "$guest" .conf)"; fi
done
echo "pve=$(version_of pve-manager)"
echo "ceph=$(version_of ceph-mon)"
echo "addresses=$(ip -json address show | tr -d '\\n')"
echo "now=$(date +%s%3N)"`;

export function parseMachine(text: string, address: string): MachineFacts {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), [...(values.get(line.slice(0, at)) ?? []), line.slice(at + 1)]);
  }
  const only = (key: string): string | undefined => values.get(key)?.[0];
  const now = Number(only('now'));
  const addresses = only('addresses');
  if (!Number.isSafeInteger(now) || now <= 0 || addresses === undefined) throw unreadable(text, address);
  return {
    cluster: only('cluster') ?? null,
    localCluster: only('local') ?? null,
    hasAuthkey: values.has('authkey'),
    hasDatabase: values.has('database'),
    isCorosyncUp: values.has('corosync'),
    begun: only('begun') ?? null,
    guests: values.get('guest') ?? [],
    release: only('pve') || null,
    ceph: only('ceph') || null,
    addresses: readAddresses(addresses, text, address),
    now,
  };
}

function readAddresses(json: string, text: string, address: string): readonly string[] {
  try {
    return addressesOf(json);
  } catch {
    throw unreadable(text, address);
  }
}

function unreadable(text: string, address: string): Error {
  return fail('pipeline.step_failed', {
    message: `${address} does not say what concerns clusters in a form that is known here: ${text.slice(-200) || 'nothing'}`,
    hint: 'Is it a Debian system with Proxmox VE, with ip and date where they belong?',
  });
}

/** The number that has to be the same in a cluster: 9 of 9.1.4, 19 of 1:19.2.3. */
export function majorOf(version: string): string {
  return /^(?:\d+:)?(\d+)/.exec(version)?.[1] ?? version;
}
