import { describe, expect, it } from 'vitest';
import { linesOf, load } from './load-text.ts';

const pool = (more: Record<string, string> = {}) => {
  const keys = { network: '10.0.0.0/24', first: '10.0.0.11', last: '10.0.0.99', gateway: '10.0.0.1', ...more };
  const pairs = Object.entries(keys).map(([key, value]) => `${key} = "${value}"`);
  return `[[cluster]]\nname = "home"\naddresses = { ${pairs.join(', ')} }\n`;
};
const SUBNET = '[[dhcp.subnet]]\nsubnet = "10.0.0.0/24"\n';

describe('addresses of a cluster', () => {
  it('are taken outside of all that DHCP lends', async () => {
    expect(await linesOf(`${pool()}${SUBNET}ranges = ["10.0.0.100-10.0.0.200"]`)).toEqual([]);
    expect(await linesOf(pool({ dns: '10.0.0.12' }))).toEqual([]);
    expect(await linesOf('[[cluster]]\nname = "home"\ndhcp_addresses = true')).toEqual([]);
  });

  it.each([
    [
      'a range of DHCP in it',
      `${pool()}${SUBNET}ranges = ["10.0.0.90-10.0.0.200"]`,
      'rackseed.toml:3: cluster[0].addresses: 10.0.0.11-10.0.0.99 overlaps the addresses "10.0.0.90-10.0.0.200" that dhcp.subnet[0].ranges[0] (line 6) lends',
    ],
    [
      'a reservation in it',
      `${pool()}${SUBNET}[[dhcp.reservation]]\nmac = "52:54:00:00:00:01"\naddress = "10.0.0.50"`,
      'rackseed.toml:3: cluster[0].addresses: 10.0.0.11-10.0.0.99 holds 10.0.0.50, which dhcp.reservation[0] (line 6) keeps for a machine',
    ],
    [
      'an end before its beginning',
      pool({ last: '10.0.0.2' }),
      'rackseed.toml:3: cluster[0].addresses.last: 10.0.0.2 comes before 10.0.0.11',
    ],
    [
      'an end outside of its network',
      pool({ last: '10.0.1.2' }),
      'rackseed.toml:3: cluster[0].addresses.last: 10.0.1.2 is no host address of 10.0.0.0/24',
    ],
    [
      'a broadcast address',
      pool({ last: '10.0.0.255' }),
      'rackseed.toml:3: cluster[0].addresses.last: 10.0.0.255 is no host address of 10.0.0.0/24',
    ],
    [
      'a gateway elsewhere',
      pool({ gateway: '192.168.0.1' }),
      'rackseed.toml:3: cluster[0].addresses.gateway: 192.168.0.1 is no host address of 10.0.0.0/24',
    ],
    ['IPv6, which is not given', pool({ first: 'fd00::1' }), 'rackseed.toml:3: cluster[0].addresses.first: expected an IPv4 address'],
  ])('are refused with %s', async (_what, text, line) => {
    expect(await linesOf(text)).toEqual([expect.stringContaining(line)]);
  });

  it('and DHCP addresses at once: the word for the latter is not used', async () => {
    const { warnings } = await load(`${pool()}dhcp_addresses = true`);
    expect(warnings.map(({ message }) => message)).toEqual(['is not used: the addresses of the cluster are given']);
  });
});
