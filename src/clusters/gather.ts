// Asks a running Proxmox VE cluster who its members are and by which network cards each is recognised. Reads, and stores nothing.

import { RackseedError } from '../lib/index.ts';
import { cardsIn, type Proxmox } from '../proxmox/index.ts';
import { fail } from './errors.ts';
import type { SeenCluster, SeenMember } from './model.ts';

export const MAX_MEMBERS = 64;
/** Each report keeps a node busy for seconds. */
const AT_ONCE = 8;
const MIB = 1024 * 1024;

export interface Source {
  readonly apiUrl: string;
  readonly fingerprint: string;
}

export async function gatherCluster(proxmox: Proxmox, { apiUrl, fingerprint }: Source): Promise<SeenCluster> {
  const { version } = await proxmox.version();
  const status = await proxmox.clusterStatus();
  const nodes = status.filter((entry) => entry.type === 'node');
  if (nodes.length > MAX_MEMBERS)
    throw fail('clusters.too_many', {
      message: `the cluster has ${nodes.length} members, more than ${MAX_MEMBERS}`,
      hint: 'Import it by CSV, in parts.',
    });
  const members: SeenMember[] = [];
  for (let at = 0; at < nodes.length; at += AT_ONCE) {
    const some = nodes.slice(at, at + AT_ONCE);
    members.push(
      ...(await Promise.all(
        some.map(async ({ name, ip, online }) => {
          const addresses = ip === undefined ? [] : [ip];
          if (!isOn(online)) return nobody(name, addresses, 'it is offline: its network cards cannot be asked for');
          return lookAt(proxmox, name, addresses);
        }),
      )),
    );
  }
  const name = status.find((entry) => entry.type === 'cluster')?.name ?? null;
  return { name, origin: 'proxmox-api', apiUrl, fingerprint, version, members: members.toSorted((a, b) => a.name.localeCompare(b.name)) };
}

/** One member that does not answer is no reason to give up on the others; a refusal holds for all of them. */
async function lookAt(proxmox: Proxmox, name: string, addresses: readonly string[]): Promise<SeenMember> {
  try {
    const [network, status, report] = await Promise.all([proxmox.network(name), proxmox.status(name), proxmox.report(name)]);
    const named = network.filter(({ type }) => type === 'eth').map(({ iface }) => iface);
    const macs = cardsIn(report, named).map(({ mac }) => mac);
    const { memory, cpuinfo } = status;
    const mode = status['boot-info']?.mode;
    return {
      name,
      macs,
      smbiosUuid: null,
      addresses,
      memoryMb: memory === undefined ? null : Math.floor(memory.total / MIB),
      cpus: cpuinfo?.cpus ?? null,
      bootMode: mode === 'efi' ? 'uefi' : mode === 'legacy-bios' ? 'bios' : null,
      problem: macs.length === 0 ? 'its system report names no network card' : null,
    };
  } catch (thrown) {
    const isItsOwn = thrown instanceof RackseedError && (thrown.code === 'proxmox.node_unreachable' || thrown.code === 'proxmox.failed');
    if (!isItsOwn) throw thrown;
    return nobody(name, addresses, thrown.message);
  }
}

function nobody(name: string, addresses: readonly string[], problem: string): SeenMember {
  return { name, macs: [], smbiosUuid: null, addresses, memoryMb: null, cpus: null, bootMode: null, problem };
}

function isOn(value: boolean | number | undefined): boolean {
  return value === true || value === 1;
}
