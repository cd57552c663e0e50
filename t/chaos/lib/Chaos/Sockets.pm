package Chaos::Sockets;

# What the sender's and the upstream's loops share.

use v5.36;

use Exporter qw(import);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Socket qw(
    AF_INET IPPROTO_TCP SOCK_STREAM SOL_SOCKET SO_LINGER SO_REUSEADDR TCP_NODELAY inet_aton pack_sockaddr_in
);
use Time::HiRes qw(CLOCK_MONOTONIC clock_gettime);

our @EXPORT_OK = qw(make_nonblocking now reset_connection start_connection start_listener);

use constant BACKLOG => 4096;

# One clock for all processes of the machine.
sub now () { return clock_gettime(CLOCK_MONOTONIC) }

sub make_nonblocking ($handle) {
    my $flags = fcntl($handle, F_GETFL, 0) or die "fcntl: $!";
    fcntl($handle, F_SETFL, $flags | O_NONBLOCK) or die "fcntl: $!";
    return $handle;
}

# Returns nothing when it was refused at once; $! says why.
sub start_connection ($address, $port) {
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    make_nonblocking($socket);
    setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
    return $socket if connect($socket, pack_sockaddr_in($port, inet_aton($address))) || $!{EINPROGRESS};
    return;
}

sub start_listener ($address, $port) {
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($socket, pack_sockaddr_in($port, inet_aton($address))) or die "bind to $address:$port: $!";
    listen($socket, BACKLOG) or die "listen: $!";
    return make_nonblocking($socket);
}

# Closing with linger time zero sends RST instead of FIN.
sub reset_connection ($socket) {
    setsockopt($socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
    close $socket;
}

1;
