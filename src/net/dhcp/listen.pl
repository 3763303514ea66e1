# Opens UDP sockets that Node cannot (SO_BINDTODEVICE), then becomes the program named after "--", which inherits them by systemd's
# LISTEN_FDS protocol. Usage: perl listen.pl eth0:67 eth0:4011 -- node main.ts serve
use strict;
use warnings;
use Socket;
use POSIX ();
use constant SO_BINDTODEVICE => 25;    # <asm-generic/socket.h>: the same on x86-64 and arm64

my (@wanted, @sockets, @names);
while (@ARGV && (my $word = shift) ne '--') { push @wanted, $word }

sub become {
    exec { $ARGV[0] } @ARGV or die "listen.pl: cannot run $ARGV[0]: $!\n";
}

# Node says it in its own words; here only: interface, port, step, number of the error.
sub refuse {
    $ENV{RACKSEED_LISTEN_ERROR} = join ' ', @_, $! + 0;
    become();
}

$^F = 65535;    # perl shall mark no descriptor close-on-exec
# No SO_REUSEADDR: with it a second DHCP server on the same interface would go unnoticed. Bound devices keep our own sockets apart.
for my $one (@wanted) {
    my ($interface, $port) = $one =~ /^(.+):(\d+)$/ or die "listen.pl: $one is not interface:port\n";
    socket(my $socket, PF_INET, SOCK_DGRAM, 0) or refuse($interface, $port, 'socket');
    setsockopt($socket, SOL_SOCKET, SO_BROADCAST, 1) or refuse($interface, $port, 'broadcast');
    setsockopt($socket, SOL_SOCKET, SO_BINDTODEVICE, pack('Z*', $interface)) or refuse($interface, $port, 'device');
    bind($socket, pack_sockaddr_in($port, INADDR_ANY)) or refuse($interface, $port, 'bind');
    push @sockets, $socket;
    push @names, "dhcp-$port-$interface";
}
for my $i (0 .. $#sockets) {    # the protocol counts from 3 without gaps
    next if fileno($sockets[$i]) == 3 + $i;
    defined POSIX::dup2(fileno($sockets[$i]), 3 + $i) or refuse('-', 0, 'dup2');
    close $sockets[$i];
}
@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, scalar @sockets, join ':', @names);
become();
