# Opens UDP sockets that Node cannot (SO_BINDTODEVICE), then becomes the program named after "--", which inherits them by systemd's
# LISTEN_FDS protocol. Usage: perl listen.pl eth0:67 eth0:4011 eth0:68:broadcast -- node main.ts serve
# Or: perl listen.pl --segments COUNT BYTES: the kernel cuts what leaves by the COUNT sockets from descriptor 3 on (UDP_SEGMENT), for TFTP.
use strict;
use warnings;
use Socket;
use POSIX ();
use constant SO_BINDTODEVICE => 25;    # <asm-generic/socket.h>: the same on x86-64 and arm64
my (@wanted, @sockets, @names, @refused);
sub cut { my $socket; open($socket, '+<&=', $_[0]) and setsockopt($socket, 17, 103, pack('i', $_[1])) or die "UDP_SEGMENT: $!\n" }
if ($ARGV[0] eq '--segments') { cut($_, $ARGV[2]) for 3 .. 2 + $ARGV[1]; exit }
while (@ARGV && (my $word = shift) ne '--') { push @wanted, $word }
$^F = 65535;    # perl shall mark no descriptor close-on-exec

# Undefined, or the step that failed; the number of the error is in $!.
sub listen_on {
    my ($interface, $port, $is_broadcast) = @_;
    socket(my $socket, PF_INET, SOCK_DGRAM, 0) or return 'socket';
    setsockopt($socket, SOL_SOCKET, SO_BROADCAST, 1) or return 'broadcast';
    # Hearing broadcasts shares the port with a DHCP client. Else no reuse: a second DHCP server on the interface would go unnoticed.
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) or return 'reuse' if $is_broadcast;
    setsockopt($socket, SOL_SOCKET, SO_BINDTODEVICE, pack('Z*', $interface)) or return 'device';
    bind($socket, pack_sockaddr_in($port, $is_broadcast ? INADDR_BROADCAST : INADDR_ANY)) or return 'bind';
    push @sockets, $socket;
    push @names, "dhcp-$port-$interface";
    return;
}
for my $one (@wanted) {    # Node says in its own words what could not be had, and whether it matters
    my ($interface, $port, $is_broadcast) = $one =~ /^(.+?):(\d+)(:broadcast)?$/ or die "listen.pl: $one is not interface:port\n";
    my $step = listen_on($interface, $port, $is_broadcast);
    push @refused, join ' ', $interface, $port, $step, $! + 0 if defined $step;
}
for my $i (0 .. $#sockets) {    # the protocol counts from 3 without gaps
    next if fileno($sockets[$i]) == 3 + $i;
    defined POSIX::dup2(fileno($sockets[$i]), 3 + $i) or die "listen.pl: dup2: $!\n";
    close $sockets[$i];
}
$ENV{RACKSEED_LISTEN_ERROR} = join ';', @refused if @refused;
@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, scalar @sockets, join ':', @names);
exec { $ARGV[0] } @ARGV or die "listen.pl: cannot run $ARGV[0]: $!\n";
