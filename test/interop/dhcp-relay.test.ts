import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Lab, type Leaf, openLab, type Program } from './dhcp/lab.ts';

const ADDRESS = /10\.77\.1\.\d+/;
const POOLS = [
  ['10.0.1.0', '10.0.9.255'],
  ['10.77.1.0', '10.77.9.255'],
] as const;

interface Site {
  readonly lab: Lab;
  readonly leaf: Leaf;
  readonly server: Program;
  /** tcpdump between relay and server. */
  readonly wire: Program;
}

/** server s0 - c0 relay r0 - l0 client; the relay routes too. */
async function openSite(startRelay: (lab: Lab) => Program): Promise<Site> {
  const lab = await openLab();
  const leaf = await lab.openLeaf();
  await lab.inClient('ip', 'addr', 'add', '10.0.0.2/16', 'dev', 'c0');
  await lab.inClient('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await lab.inServer('ip', 'route', 'add', '10.77.0.0/16', 'via', '10.0.0.2');
  const server = await lab.serve({ pools: POOLS, leaseSeconds: 16 });
  const wire = lab.startInClient('tcpdump', '-l', '-n', '-vvv', '-i', 'c0', 'udp port 67');
  await wire.until(/listening on c0/);
  startRelay(lab);
  return { lab, leaf, server, wire };
}

/** Obtains through the relay, renews, comes back through the relay when the server no longer hears its unicast, releases. */
async function wholeLife({ lab, leaf, server }: Site, how: (client: Program) => Promise<unknown>): Promise<void> {
  const client = leaf.startInLeaf('busybox', 'udhcpc', '-f', '-i', 'l0', '-s', lab.script, '-t', '40', '-T', '1', '-R');
  const address = ADDRESS.exec(await client.until(/lease of .* obtained/))?.[0] ?? '';
  expect(await server.until(/"ack".*selected/)).toContain(address);
  await expect.poll(() => leaf.inLeaf('ip', '-4', 'addr', 'show', 'l0'), { timeout: 30_000 }).toContain(address);
  await leaf.inLeaf('ip', 'route', 'add', '10.0.0.0/16', 'via', '10.77.0.1');
  const extended = (): number => server.lines.filter((line) => /"ack".*extended/.test(line)).length;
  client.child.kill('SIGUSR1');
  await expect.poll(extended, { timeout: 60_000 }).toBeGreaterThan(0);
  await lab.inServer('nft', 'add table ip deaf; add chain ip deaf in { type filter hook input priority 0; }');
  await lab.inServer('nft', `add rule ip deaf in ip saddr ${address} udp dport 67 drop`);
  const before = extended();
  await how(client); // at half of the lease
  await expect.poll(extended, { timeout: 60_000 }).toBeGreaterThan(before);
  await lab.inServer('nft', 'flush ruleset');
  client.child.kill('SIGUSR2');
  expect(await server.until(/"end".*released/)).toContain(address);
}

describe('a client behind a relay obtains, renews, rebinds and releases an address of its own network', () => {
  it('by dhcrelay, whose option 82 comes back as it went', async () => {
    const site = await openSite((lab) => lab.startInClient('dhcrelay', '-4', '-d', '-a', '-D', '-id', 'r0', '-iu', 'c0', '10.0.0.1'));
    // It relays the client's unicast too, so that this one has no need to broadcast.
    await wholeLife(site, (client) => client.until(/sending renew to server 10\.0\.0\.1/));
    // Each of the server's answers carries what the relay put in: the name of the port.
    const text = site.wire.lines.join('\n').split(/(?=^\d\d:\d\d:\d\d)/m);
    const replies = text.filter((packet) => packet.includes('BOOTP/DHCP, Reply') && packet.includes('Gateway-IP 10.77.0.1'));
    expect(replies.length).toBeGreaterThanOrEqual(2);
    for (const reply of replies) expect(reply).toMatch(/Agent-Information[\s\S]*Circuit-ID SubOption 1, length 2: r0/);
  });

  it('by dnsmasq', async () => {
    const files = ['--conf-file=/dev/null', '--pid-file=', '--user=root', '--port=0', '--log-facility=-'];
    const site = await openSite((lab) => {
      const leases = `--dhcp-leasefile=${join(lab.directory, 'relay.leases')}`;
      return lab.startInClient('dnsmasq', '--keep-in-foreground', ...files, leases, '--dhcp-relay=10.77.0.1,10.0.0.1');
    });
    await wholeLife(site, (client) => client.until(/broadcasting renew/));
  });
});
