package Webhook::Dns;

# A name server of the test's own, for nginx' `resolver`: it knows the names that the test gives it, and can be silent.

use v5.36;

use Exporter qw(import);
use IO::Socket::INET;
use Socket qw(inet_aton);
use Storable qw(nfreeze thaw);
use Webhook::Process qw(end_process fork_child);
use Webhook::Sandbox qw(address directory slurp write_file);

our @EXPORT_OK = qw(start_dns);

use constant {
    NAME_ERROR => 3,
    TYPE_A     => 1,
    TTL        => 1,
};

my @instances;

sub stop_all () { $_->stop for @instances }

# names: { name => [addresses] }
sub start_dns (%options) {
    my $self = bless { port => 5353, queries => 0, %options }, __PACKAGE__;
    my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => address(), LocalPort => $self->{port})
        or die "name server: $@\n";
    $self->know($options{names} // {});
    $self->{process} = fork_child(sub { $self->_serve($socket) });
    push @instances, $self;
    return $self;
}

sub stop ($self) { end_process(delete $self->{process} // return, [ TERM => 2 ], [ KILL => 2 ]) }

# Instead of what it knew; undef: it is silent.
sub know ($self, $names) { write_file('dns.names', nfreeze([$names])); return $self }

# How often it was asked for a name.
sub asked ($self, $name) {
    my $path = directory() . '/dns.asked';
    return -e $path ? scalar(grep { $_ eq $name } split /\n/, slurp($path)) : 0;
}

sub _serve ($self, $socket) {
    open my $asked, '>>', directory() . '/dns.asked' or die "dns.asked: $!";
    $asked->autoflush;
    while (defined $socket->recv(my $query, 512)) {
        my ($id, $name, $type, $question) = parse($query) or next;
        print {$asked} "$name\n" if $type == TYPE_A;
        my $names = thaw(slurp(directory() . '/dns.names'))->[0] // next;
        my $known = $names->{$name};
        my @addresses = $type == TYPE_A ? @{ $known // [] } : ();
        $socket->send(pack('n6', $id, 0x8180 | ($known ? 0 : NAME_ERROR), 1, scalar @addresses, 0, 0) . $question
                . join '', map { pack 'n3Nna4', 0xC00C, TYPE_A, 1, TTL, 4, inet_aton($_) } @addresses);
    }
}

sub parse ($query) {
    return if length $query < 17;
    my $id = unpack 'n', $query;
    my ($position, @labels) = (12);
    while (my $length = unpack 'C', substr $query, $position, 1) {
        push @labels, substr $query, $position + 1, $length;
        $position += 1 + $length;
        return if $position >= length $query;
    }
    my $type = unpack 'n', substr $query, $position + 1, 2;
    return ($id, lc join('.', @labels), $type, substr $query, 12, $position + 5 - 12);
}

1;
