import { describe, expect, it } from 'vitest';
import { oneRange } from '../../../src/api/native/range-decide.ts';
import { renderDrive } from '../../../src/install/config-drive-render.ts';
import { renderNetwork } from '../../../src/install/network-render.ts';
import { imageInstanceInfo } from '../../../src/install/profile.ts';
import type { JsonObject } from '../../../src/nodes/index.ts';

const BOND: JsonObject = {
  links: [
    { id: 'e0', type: 'phy', ethernet_mac_address: '52:54:00:00:00:01' },
    { id: 'e1', type: 'phy', ethernet_mac_address: '52:54:00:00:00:02' },
    { id: 'b0', type: 'bond', bond_links: ['e0', 'e1'], bond_mode: '802.3ad', bond_miimon: 50 },
    { id: 'v5', type: 'vlan', vlan_link: 'b0', vlan_id: 5, mtu: 9000 },
  ],
  networks: [
    {
      link: 'v5',
      type: 'ipv4',
      ip_address: '10.0.0.5',
      netmask: '255.255.254.0',
      routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' }],
    },
    { link: 'b0', type: 'ipv4_dhcp' },
  ],
  services: [{ type: 'dns', address: '9.9.9.9' }],
};

describe('network data', () => {
  it('becomes version 2, with bonds and VLANs', () => {
    const found = renderNetwork(BOND);
    expect(found).toMatchObject({
      v2: {
        version: 2,
        ethernets: { e0: { match: { macaddress: '52:54:00:00:00:01' }, 'set-name': 'e0' } },
        bonds: { b0: { interfaces: ['e0', 'e1'], parameters: { mode: '802.3ad', 'mii-monitor-interval': 50 }, dhcp4: true } },
        vlans: {
          v5: {
            id: 5,
            link: 'b0',
            mtu: 9000,
            addresses: ['10.0.0.5/23'],
            routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
            nameservers: { addresses: ['9.9.9.9'] },
          },
        },
      },
    });
  });

  it('becomes version 1, with bonds and VLANs', () => {
    const found = renderNetwork(BOND);
    const config = typeof found === 'string' ? [] : found.v1.config;
    expect(config).toMatchObject([
      { type: 'physical', name: 'e0', mac_address: '52:54:00:00:00:01' },
      { type: 'physical', name: 'e1' },
      { type: 'bond', name: 'b0', bond_interfaces: ['e0', 'e1'], subnets: [{ type: 'dhcp4' }] },
      { type: 'vlan', name: 'v5', vlan_link: 'b0', vlan_id: 5, subnets: [{ type: 'static', address: '10.0.0.5/23' }] },
      { type: 'nameserver', address: ['9.9.9.9'] },
    ]);
  });

  it.each<[JsonObject, string]>([
    [{ links: [{ id: 'a', type: 'bond', bond_links: ['x'] }] }, 'has the link x, which is not there'],
    [{ links: [{ id: 'a', type: 'vlan', vlan_id: 5000, vlan_link: 'a' }] }, 'no vlan_id from 1 to 4094'],
    [{ links: [{ id: 'a', type: 'phy' }] }, 'has no ethernet_mac_address'],
    [{ links: [], networks: [{ link: 'z' }] }, 'on the link z'],
  ])('that makes no sense is refused: %j', (data, words) => {
    expect(renderNetwork(data)).toContain(words);
  });
});

describe('a config drive', () => {
  const texts = (parts: JsonObject, report: string | null = null): Record<string, string> => {
    const drive = renderDrive({ uuid: '4c4c4544-0042-3510-8051-b4c04f4d3232', name: 'pve1', parts, networkData: {}, report });
    if ('refused' in drive) throw new Error(drive.refused);
    return Object.fromEntries(drive.files.map(({ path, bytes }) => [path, bytes.toString()]));
  };

  it('has both forms of what was given', () => {
    const files = texts({ meta_data: { public_keys: { me: 'ssh-ed25519 AAAA' } }, user_data: '#cloud-config\n{}' });
    expect(JSON.parse(files['openstack/latest/meta_data.json'] ?? '')).toMatchObject({ hostname: 'pve1' });
    expect(JSON.parse(files['meta-data'] ?? '')).toMatchObject({ 'local-hostname': 'pve1', 'public-keys': ['ssh-ed25519 AAAA'] });
    expect(files['user-data']).toBe(files['openstack/latest/user_data']);
    expect(files['vendor-data']).toBeUndefined();
  });

  it("carries the report of the first boot beside the vendor's own data", () => {
    const files = texts({ vendor_data: { 'cloud-init': '#cloud-config\n{}', other: 1 } }, '#!/bin/sh');
    expect(JSON.parse(files['openstack/latest/vendor_data.json'] ?? '')).toEqual({
      'cloud-init': ['#cloud-config\n{}', '#!/bin/sh'],
      other: 1,
    });
    expect(files['vendor-data']).toBe('#!/bin/sh');
  });
});

it('a profile with an image says where it is, in words of instance_info', () => {
  expect(imageInstanceInfo({ image: '/srv/a.raw', first_boot: true })).toEqual({ image_source: 'file:///srv/a.raw', first_boot: true });
  expect(imageInstanceInfo({ image: 'https://x/a', image_checksum: 'sha256:ab', image_format: 'qcow2' })).toEqual({
    image_source: 'https://x/a',
    image_checksum: 'sha256:ab',
    image_disk_format: 'qcow2',
  });
});

it.each([
  [undefined, 'all'],
  ['bytes=0-', { start: 0, end: 99 }],
  ['bytes=10-19', { start: 10, end: 19 }],
  ['bytes=-5', { start: 95, end: 99 }],
  ['bytes=90-200', { start: 90, end: 99 }],
  ['bytes=100-', 'none'],
  ['bytes=1-2,4-5', 'all'],
  ['lines=1-2', 'all'],
])('a range %j of 100 bytes is %j', (header, wanted) => {
  expect(oneRange(header, 100)).toEqual(wanted);
});
