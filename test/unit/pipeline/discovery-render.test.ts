// The machines in the words of Prometheus, Ansible and the C library.

import { expect, it } from 'vitest';
import { ansibleInventory, hostEntries, hostsFile, prometheusTargets, type Registered } from '../../../src/pipeline/index.ts';

const PVE1: Registered = {
  uuid: '11111111-2222-4333-8444-555555555555',
  name: 'pve1',
  fqdn: 'pve1.home.arpa',
  address: '10.0.0.11',
  profile: 'pve',
  cluster: 'home-1',
  state: 'active',
  maintenance: false,
  hostKeys: ['ssh-ed25519 AAAA'],
};
const machine = (more: Partial<Registered>): Registered => ({ ...PVE1, ...more });

it('Prometheus is given a group a machine: address and port, labels of text alone', () => {
  expect(prometheusTargets([PVE1], 9100)).toEqual([
    {
      targets: ['10.0.0.11:9100'],
      labels: {
        __meta_rackseed_uuid: PVE1.uuid,
        __meta_rackseed_name: 'pve1',
        __meta_rackseed_fqdn: 'pve1.home.arpa',
        __meta_rackseed_profile: 'pve',
        __meta_rackseed_cluster: 'home-1',
        __meta_rackseed_state: 'active',
        __meta_rackseed_maintenance: 'false',
      },
    },
  ]);
});

it('Prometheus is given IPv6 in brackets, and nothing where there is no address', () => {
  const found = prometheusTargets([machine({ address: 'fd00::7' }), machine({ address: null, cluster: null })], 9221);
  expect(found.map(({ targets }) => targets)).toEqual([['[fd00::7]:9221']]);
  expect(prometheusTargets([], 9100)).toEqual([]);
});

it('Ansible is given hosts by their full name, in groups of what they are, with all variables at once', () => {
  const alone = machine({ uuid: 'u2', fqdn: 'pve2.home.arpa', address: null, cluster: null });
  expect(ansibleInventory([PVE1, alone])).toMatchObject({
    _meta: {
      hostvars: {
        'pve1.home.arpa': {
          ansible_host: '10.0.0.11',
          ansible_user: 'root',
          rackseed_uuid: PVE1.uuid,
          rackseed_host_keys: ['ssh-ed25519 AAAA'],
        },
      },
    },
    all: { children: ['cluster_home_1', 'profile_pve', 'state_active'] },
    cluster_home_1: { hosts: ['pve1.home.arpa'] },
    profile_pve: { hosts: ['pve1.home.arpa', 'pve2.home.arpa'] },
  });
  expect(ansibleInventory([alone])._meta.hostvars['pve2.home.arpa']).not.toHaveProperty('ansible_host');
});

it('Ansible is given two machines for two of one name, and two groups for two clusters whose names look alike to it', () => {
  const found = ansibleInventory([PVE1, machine({ uuid: 'u2', cluster: 'home_1' })]);
  expect(found).toMatchObject({ cluster_home_1: { hosts: ['pve1.home.arpa'] }, cluster_home_1_2: { hosts: ['u2'] } });
});

it('Ansible is given no text that it would carry out', () => {
  const evil = "{{ lookup('pipe', 'id') }}";
  const found = ansibleInventory([machine({ fqdn: `${evil}.home.arpa`, name: evil, profile: evil, cluster: '{% x %}' })]);
  expect(JSON.stringify(found)).not.toContain('{{');
  expect(JSON.stringify(found)).not.toContain('{%');
  expect(Object.keys(found._meta.hostvars)).toEqual([PVE1.uuid]);
});

it('a hosts file has the full name first, and no line without an address or with a name that is none', () => {
  const entries = hostEntries([PVE1, machine({ fqdn: 'a b', name: 'a b' }), machine({ address: null })]);
  expect(hostsFile(entries)).toBe('# The machines of this rack, by Rackseed.\n10.0.0.11 pve1.home.arpa pve1\n');
  expect(hostsFile([])).toBe('# The machines of this rack, by Rackseed.\n');
});
