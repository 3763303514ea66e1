// The machines in the words of other programs: Prometheus (HTTP service discovery), Ansible (inventory script), the C library (hosts(5)). Pure.

import { hostInUrl } from '../lib/index.ts';
import type { Registered } from './roster.ts';

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A group a machine, so that each has its own labels; those with __meta_ are gone unless relabelling keeps them, as Prometheus has it. */
export function prometheusTargets(machines: readonly Registered[], port: number): TargetGroup[] {
  return machines.flatMap(({ address, ...machine }) => {
    if (address === null) return [];
    const { uuid, name, fqdn, profile, cluster, state, maintenance } = machine;
    const said = { uuid, name, fqdn, profile: profile ?? '', cluster: cluster ?? '', state, maintenance: String(maintenance) };
    const labels = Object.fromEntries(Object.entries(said).map(([key, value]) => [`__meta_rackseed_${key}`, value]));
    return [{ targets: [`${hostInUrl(address)}:${port}`], labels }];
  });
}

export type HostVars = Readonly<Record<string, string | boolean | readonly string[]>>;

export interface AnsibleInventory {
  /** With it Ansible asks once, and not for each host again. */
  readonly _meta: { readonly hostvars: Readonly<Record<string, HostVars>> };
  readonly all: { readonly children: readonly string[] };
  readonly [group: string]: unknown;
}

const KINDS = ['cluster', 'profile', 'state'] as const;

export function ansibleInventory(machines: readonly Registered[]): AnsibleInventory {
  const hostvars = new Map<string, HostVars>();
  const groups = new Map<string, string[]>();
  const names = groupNames(machines);
  for (const machine of machines) {
    // Two of one name are two machines all the same.
    const host = isPlain(machine.fqdn) && !hostvars.has(machine.fqdn) ? machine.fqdn : machine.uuid;
    hostvars.set(host, varsOf(machine));
    for (const kind of KINDS) {
      const group = names.get(`${kind} ${machine[kind] ?? ''}`);
      if (group !== undefined) groups.set(group, [...(groups.get(group) ?? []), host]);
    }
  }
  const children = [...groups.keys()].toSorted();
  return {
    _meta: { hostvars: Object.fromEntries(hostvars) },
    all: { children },
    ...Object.fromEntries(children.map((group) => [group, { hosts: groups.get(group) ?? [] }])),
  };
}

function varsOf({ uuid, fqdn, name, address, profile, cluster, state, maintenance, hostKeys }: Registered): HostVars {
  const texts = { rackseed_fqdn: fqdn, rackseed_name: name, rackseed_profile: profile ?? '', rackseed_cluster: cluster ?? '' };
  return {
    ...(address === null ? {} : { ansible_host: address }),
    ansible_user: 'root',
    rackseed_uuid: uuid,
    ...Object.fromEntries(Object.entries(texts).filter(([, value]) => isPlain(value))),
    rackseed_state: state,
    rackseed_maintenance: maintenance,
    rackseed_host_keys: hostKeys,
  };
}

/** Ansible takes every text of an inventory for a template of Jinja: none goes there that has one in it. */
function isPlain(text: string): boolean {
  return !/[{}\p{Cc}]/u.test(text);
}

/** Groups are named as variables of Python are. Where two become one name, the later one gets a number. */
function groupNames(machines: readonly Registered[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const kind of KINDS) {
    const values = new Set(machines.map((machine) => machine[kind] ?? '').filter((value) => value !== ''));
    for (const value of [...values].toSorted()) {
      const plain = `${kind}_${value.replaceAll(/[^A-Za-z0-9_]/g, '_')}`;
      let name = plain;
      for (let count = 2; taken.has(name); count++) name = `${plain}_${count}`;
      taken.add(name);
      names.set(`${kind} ${value}`, name);
    }
  }
  return names;
}

export interface HostEntry {
  readonly address: string;
  /** The full name first. */
  readonly names: readonly string[];
}

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/;

export function hostEntries(machines: readonly Registered[]): HostEntry[] {
  return machines.flatMap(({ address, fqdn, name }) => {
    const names = [...new Set([fqdn, name])].filter((one) => HOST_NAME.test(one));
    return address === null || names.length === 0 ? [] : [{ address, names }];
  });
}

export function hostsFile(entries: readonly HostEntry[]): string {
  return `# The machines of this rack, by Rackseed.\n${entries.map(({ address, names }) => `${address} ${names.join(' ')}\n`).join('')}`;
}
