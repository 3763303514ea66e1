import { describe, expect, it } from 'vitest';
import { openLab } from './dhcp/lab.ts';

/**
 * What systemd does for a service with two socket units (BindToDevice=, Broadcast=yes, FileDescriptorName=): opens, names, hands over from
 * descriptor 3 on, and becomes the service. Its own descriptors come in another order than ours, and not all of them are for DHCP.
 */
const SYSTEMD = `
use strict; use Socket; use POSIX ();
$^F = 65535;
sub udp {
    my ($device, $port) = @_;
    socket(my $one, PF_INET, SOCK_DGRAM, 0) or die $!;
    setsockopt($one, SOL_SOCKET, SO_BROADCAST, 1) or die $!;
    setsockopt($one, SOL_SOCKET, 25, pack 'Z*', $device) or die $! if $device;
    bind($one, pack_sockaddr_in($port, INADDR_ANY)) or die $!;
    return $one;
}
my @units = (['dhcp-67-s1', udp('s1', 67)], ['metrics', udp('', 9999)], ['dhcp-67-s0', udp('s0', 67)]);
POSIX::dup2(fileno $units[$_][1], 100 + $_) for 0 .. 2;
close $_->[1] for @units;
for (0 .. 2) { POSIX::dup2(100 + $_, 3 + $_); POSIX::close(100 + $_) }
@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, scalar @units, join ':', map { $_->[0] } @units);
exec @ARGV or die $!;
`;

describe('sockets handed over by systemd', () => {
  it('serve each interface its own subnet, and answers leave by the right one', async () => {
    const lab = await openLab(2);
    const server = await lab.serve({}, ['perl', '-e', SYSTEMD]);
    expect(server.said()[0]).toMatchObject({ ready: true, isCloseOnExec: true });
    const wires = [0, 1].map((cable) => lab.startInClient('tcpdump', '-l', '-n', '-i', `c${cable}`, 'udp src port 67'));
    for (const wire of wires) await wire.until(/listening on/);
    for (const cable of [1, 0]) {
      const client = lab.startInClient('busybox', 'udhcpc', '-f', '-q', '-i', `c${cable}`, '-s', lab.script, '-t', '10', '-T', '1');
      expect(await client.until(/lease of .* obtained/)).toContain(`10.${cable}.1.`);
    }
    for (const [cable, wire] of wires.entries()) {
      await wire.until(/> 255\.255\.255\.255\.68/);
      const senders = new Set(wire.lines.flatMap((line) => /IP (10\.\d+\.0\.1)\.67 >/.exec(line)?.[1] ?? []));
      expect([...senders]).toEqual([`10.${cable}.0.1`]);
    }
  });
});

describe('the client’s port', () => {
  it('stays free for a DHCP client of this machine', async () => {
    const lab = await openLab(2);
    const server = await lab.serve();
    // The upstream network of our own machine: a dnsmasq at the other end of s1, where we serve too.
    await lab.inServer('ip', 'addr', 'flush', 'dev', 's1');
    await lab.inClient('ip', 'addr', 'add', '10.9.0.254/16', 'dev', 'c1');
    const options = ['--conf-file=/dev/null', '--pid-file=', '--user=root', '--port=0', '--no-ping', '--log-facility=-', '--interface=c1'];
    const leases = `--dhcp-leasefile=${lab.directory}/upstream.leases`;
    const range = '--dhcp-range=10.9.1.1,10.9.1.9,255.255.0.0,1h';
    await lab.startInClient('dnsmasq', '--keep-in-foreground', ...options, leases, range).until(/DHCP, IP range/);
    const files = ['-lf', `${lab.directory}/own.leases`, '-pf', `${lab.directory}/own.pid`, '-cf', '/dev/null', '-sf', lab.script];
    const client = lab.startInServer('dhclient', '-4', '-d', ...files, 's1');
    expect(await client.until(/bound to/)).toContain('10.9.1.');
    expect(server.child.exitCode).toBeNull();
    const other = lab.startInClient('busybox', 'udhcpc', '-f', '-q', '-i', 'c0', '-s', lab.script, '-t', '10', '-T', '1');
    expect(await other.until(/lease of .* obtained/)).toContain('10.0.1.');
  });
});
