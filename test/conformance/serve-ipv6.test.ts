// DHCPv6 that nobody wrote into the config: it goes with [dhcp], and the appliance starts whatever the machine lets it have of IPv6.

import { describe, expect, it } from 'vitest';
import { holdNamespace, type RunOptions, serveToEnd, temporarySite } from '../support/appliance.ts';

/** Two interfaces with a link each; then what else the machine is like. */
const TWO_INTERFACES = [
  'ip link set lo up',
  ...['prov0', 'prov1'].flatMap((name, index) => [
    `ip link add ${name} type veth peer name far${index}`,
    `ip addr add 10.9${index}.0.1/24 dev ${name}`,
    `ip link set ${name} up`,
    `ip link set far${index} up`,
    `ip addr add fd00:9${index}::1/64 dev ${name} nodad`,
  ]),
].join('; ');
const CONFIG = '[dhcp]\nmode = "proxy"\ninterfaces = ["prov0", "prov1"]\nallow_other_servers = true\n[tftp]\nenabled = false\n';

function disableIpv6(name: string): string {
  return `echo 1 > /proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
}

interface Line {
  readonly level: string;
  readonly code?: string;
  readonly interface?: string;
  readonly msg: string;
}

/** What it says of DHCPv6 from its start to its end. */
async function saidIn(script: string, config = CONFIG, options: RunOptions = {}): Promise<{ heard: unknown[]; without: string[] }> {
  const site = await temporarySite(config);
  const { before } = await holdNamespace(site, '--net', `${TWO_INTERFACES}; ${script}`);
  const { code, stdout, stderr } = await serveToEnd(site, { before, ...options });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line); // written by our own logger
  return {
    heard: lines.flatMap(({ msg, interface: name }) => (msg.startsWith('DHCPv6: ') ? [name] : [])),
    without: lines.flatMap(({ msg }) => (msg.startsWith('Without DHCPv6') ? [msg] : [])),
  };
}

describe('an appliance with [dhcp] and nothing said of DHCPv6', () => {
  it('answers it on the same interfaces', async () => {
    expect(await saidIn('echo held; exec cat')).toEqual({ heard: ['prov0', 'prov1'], without: [] });
  });

  it('does without an interface that has IPv6 switched off, and says so', async () => {
    const { heard, without } = await saidIn(`${disableIpv6('prov1')}; echo held; exec cat`);
    expect(heard).toEqual(['prov0']);
    expect(without).toEqual(['Without DHCPv6: The network interface prov1 has no IPv6 address.']);
  });

  it('starts on a machine without any IPv6, loopback included, and says so', async () => {
    const all = CONFIG.replace(/^interfaces.*\n/m, '');
    const { heard, without } = await saidIn(`${disableIpv6('all')}; ${disableIpv6('lo')}; echo held; exec cat`, all);
    expect(heard).toEqual([]);
    expect(without).toEqual(['Without DHCPv6: no interface of this machine has IPv6']);
  });

  it('leaves the port to another DHCPv6 server of this machine, and says so', async () => {
    const holder =
      'socket(S, PF_INET6, SOCK_DGRAM, 0) && bind(S, pack_sockaddr_in6(547, inet_pton(AF_INET6, "::"))) or die $!; $| = 1; print "held"; <STDIN>';
    const { heard, without } = await saidIn(`exec perl -MSocket=:all -e '${holder}'`);
    expect(heard).toEqual([]);
    expect(without).toHaveLength(2);
    expect(without[0]).toContain('UDP [ff02::1:2%prov0]:547 on prov0 is already in use by another program.');
  });
});
