package Webhook::Proxy;

# Stands between nginx and Redis, and does to their connections what the test wants: delays them, holds their bytes
# back, swallows them, refuses and cuts them. It counts the commands that it sees.
#
# The test gives each order over a socket, and the order is in force when the method returns.

use v5.36;

use Exporter qw(import);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json encode_json);
use POSIX ();
use Socket qw(AF_UNIX IPPROTO_TCP PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(time);
use Webhook::Process qw(end_process fork_child);
use Webhook::Sandbox qw(address directory);

our @EXPORT_OK = qw(start_proxy);

use constant {
    BLOCK        => 65_536,
    MOST_SECONDS => 900,      # then it ends by itself
    MOST_NAMES   => 100_000,
    REST         => 1,
};

my @instances;

sub stop_all () { $_->stop for @instances }

# port or unix: where it listens; to: a port, or the path of a socket
sub start_proxy (%options) {
    my $self = bless { port => 6380, to => 6379, %options }, __PACKAGE__;
    socketpair $self->{orders}, my $orders_end, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    my $listener = $self->_listen;
    $self->{process} = fork_child(sub {
        close $self->{orders};
        alarm MOST_SECONDS;
        $self->_serve($listener, $orders_end);
    });
    # Else it could not refuse connections.
    close $_ for $orders_end, $listener;
    push @instances, $self;
    return $self;
}

sub stop ($self) {
    my $process = delete $self->{process} // return;
    close $self->{orders};
    end_process($process, [ TERM => 2 ], [ KILL => 2 ]);
}

sub address_and_port ($self) { return address() . ":$self->{port}" }

# -- orders

# All that an earlier order changed is as at first. What was held back goes on; what was swallowed does not.
sub pass ($self) { return $self->_order('pass') }
# Seconds, for each direction: up is towards Redis.
sub delay ($self, $up, $down = $up) { return $self->_order('delay', $up, $down) }
# Connections are accepted, and no byte of theirs goes on until they may pass.
sub freeze ($self) { return $self->_order('freeze') }
# The same, but nothing of them ever goes on, nor of the connections that there are.
sub swallow ($self) { return $self->_order('swallow') }
# New connections are refused, those that there are go on.
sub refuse ($self) { return $self->_order('refuse') }
# All connections end; with a reset, if so wished.
sub cut ($self, $reset = 0) { return $self->_order('cut', $reset) }
# A connection ends after so many bytes from now; so many connections do.
sub cut_after ($self, $direction, $bytes, $times = 1) { return $self->_order('cut_after', $direction, $bytes, $times) }
# Another Redis, for new connections.
sub lead_to ($self, $to) { return $self->_order('lead_to', $to) }
# What was counted is forgotten.
sub clear ($self) { return $self->_order('clear') }

# connections: accepted in all; open; up, down: bytes; commands: how many of each name; sequence: the names in order,
# those of scripts with the count of their arguments; cuts: connections that cut_after ended
sub told ($self) { return decode_json($self->_ask('tell')) }

sub commands ($self, @names) {
    my $commands = $self->told->{commands};
    my $sum      = 0;
    $sum += $commands->{$_} // 0 for @names ? @names : keys %$commands;
    return $sum;
}

sub scripts ($self) { return $self->commands(qw(EVAL EVALSHA)) }

sub _order ($self, @words) {
    $self->_ask(@words);
    return $self;
}

sub _ask ($self, @words) {
    my $bytes = encode_json(\@words) . "\n";
    local $SIG{PIPE} = 'IGNORE';
    syswrite $self->{orders}, $bytes or die "proxy: $!\n";
    my $answer = '';
    until ($answer =~ /\n\z/) {
        sysread $self->{orders}, $answer, BLOCK, length $answer or die "the proxy has ended\n";
    }
    return $answer;
}

# -- below runs in the child

sub _listen ($self) {
    my $listener;
    if ($self->{unix}) {
        unlink $self->{unix};
        $listener = IO::Socket::UNIX->new(Local => $self->{unix}, Listen => 128);
        chmod 0777, $self->{unix};
    } else {
        $listener = IO::Socket::INET->new(
            LocalAddr => address(), LocalPort => $self->{port}, Listen => 128, ReuseAddr => 1,
        );
    }
    $listener or die 'proxy on ' . ($self->{unix} // $self->address_and_port) . ": $@$!\n";
    $listener->blocking(0);
    return $listener;
}

sub _serve ($self, $listener, $orders) {
    local $SIG{PIPE} = 'IGNORE';
    @$self{qw(listener order_text pairs mode delays)} = ($listener, '', {}, 'pass', { up => 0, down => 0 });
    $self->_forget_counts;
    while (1) {
        my ($readable, $writable) = $self->_wait($orders);
        last if vec($readable, fileno $orders, 1) && !$self->_obey($orders);
        $self->_accept if $self->{listener} && vec $readable, fileno $self->{listener}, 1;
        for my $pair (values %{ $self->{pairs} }) {
            $self->_carry($pair, $_, $readable, $writable) for qw(up down);
        }
    }
}

sub _forget_counts ($self) {
    $self->{counts} = { connections => 0, up => 0, down => 0, commands => {}, sequence => [], cuts => 0 };
}

# A pair has two sockets, and for each direction what was read and when that is due.
sub _wait ($self, $orders) {
    my ($reading, $writing) = ('', '');
    my $now     = time;
    my $soonest = REST;
    vec($reading, fileno $orders, 1) = 1;
    vec($reading, fileno $self->{listener}, 1) = 1 if $self->{listener};
    for my $pair (values %{ $self->{pairs} }) {
        for my $direction (qw(up down)) {
            my $way = $pair->{$direction};
            vec($reading, fileno $way->{from}, 1) = 1 unless $way->{ended} || $self->{mode} eq 'freeze';
            my $next = $way->{queue}[0] // next;
            next if $self->{mode} eq 'freeze';
            my $left = $next->{due} - $now;
            vec($writing, fileno $way->{to}, 1) = 1 if $left <= 0;
            $soonest = $left if $left > 0 && $left < $soonest;
        }
    }
    select $reading, $writing, undef, $soonest;
    return ($reading, $writing);
}

# False when the test has gone.
sub _obey ($self, $orders) {
    sysread $orders, $self->{order_text}, BLOCK, length $self->{order_text} or return '';
    while ($self->{order_text} =~ s/^(.*)\n//) {
        my ($order, @values) = @{ decode_json($1) };
        my $method = "_on_$order";
        my $answer = $self->$method(@values);
        syswrite $orders, encode_json(ref $answer eq 'HASH' ? $answer : []) . "\n";
    }
    return 1;
}

sub _on_pass ($self) {
    @$self{qw(mode delays cut)} = ('pass', { up => 0, down => 0 }, undef);
    $_->{due} = 0 for map { @{ $_->{up}{queue} }, @{ $_->{down}{queue} } } values %{ $self->{pairs} };
    $self->{listener} //= $self->_listen;
}

sub _on_delay ($self, $up, $down) { $self->{delays} = { up => $up, down => $down } }
sub _on_freeze ($self) { $self->{mode} = 'freeze' }
sub _on_lead_to ($self, $to) { $self->{to} = $to }
sub _on_clear ($self) { $self->_forget_counts }
sub _on_cut ($self, $reset) { $self->_close($_, $reset) for values %{ $self->{pairs} } }

sub _on_swallow ($self) {
    $self->{mode} = 'swallow';
    $self->_bury($_) for values %{ $self->{pairs} };
}

sub _on_refuse ($self) {
    close delete $self->{listener} if $self->{listener};
    unlink $self->{unix} if $self->{unix};
}

sub _on_cut_after ($self, $direction, $bytes, $times) {
    $self->{cut} = { direction => $direction, bytes => $bytes, left => $bytes, times => $times };
}

sub _on_tell ($self) { return { %{ $self->{counts} }, open => scalar keys %{ $self->{pairs} } } }

# What it sends is read, and that is all.
sub _bury ($self, $pair) {
    $pair->{buried} = 1;
    $_->{queue} = [] for @$pair{qw(up down)};
}

sub _accept ($self) {
    while (my $client = $self->{listener}->accept) {
        ++$self->{counts}{connections};
        my $server = $self->{to} =~ m{^/}
            ? IO::Socket::UNIX->new(Peer => $self->{to})
            : IO::Socket::INET->new(PeerAddr => address(), PeerPort => $self->{to}, Timeout => 2);
        close $client, next unless $server;
        for my $socket ($client, $server) {
            $socket->blocking(0);
            setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
        }
        my $pair = {
            id   => fileno $client,
            up   => { from => $client, to => $server, queue => [], unread => '' },
            down => { from => $server, to => $client, queue => [] },
        };
        $self->{pairs}{ $pair->{id} } = $pair;
        $self->_bury($pair) if $self->{mode} eq 'swallow';
    }
}

sub _carry ($self, $pair, $direction, $readable, $writable) {
    return if $pair->{closed};
    my $way = $pair->{$direction};
    $self->_read($pair, $direction) if !$way->{ended} && vec $readable, fileno $way->{from}, 1;
    return if $pair->{closed} || $self->{mode} eq 'freeze';
    $self->_write($pair, $way);
}

sub _read ($self, $pair, $direction) {
    my $way   = $pair->{$direction};
    my $count = sysread $way->{from}, my $bytes, BLOCK;
    return if !defined $count && $!{EAGAIN};
    if (!$count) {
        # A connection that swallows is left only by who made it.
        return if $pair->{buried} && $direction eq 'down' && ($way->{ended} = 1);
        return $self->_close($pair) if $pair->{buried};
        $way->{ended} = 1;
        push @{ $way->{queue} }, { due => time + $self->{delays}{$direction}, end => 1 };
        return;
    }
    return if $pair->{buried};
    my $cuts = $self->_shorten($direction, \$bytes);
    $self->{counts}{$direction} += length $bytes;
    $self->_count($way, $bytes) if $direction eq 'up';
    push @{ $way->{queue} }, { due => time + $self->{delays}{$direction}, bytes => $bytes } if length $bytes;
    push @{ $way->{queue} }, { due => time + $self->{delays}{$direction}, cut   => 1 } if $cuts;
}

# True when the connection is to end behind these bytes.
sub _shorten ($self, $direction, $bytes) {
    my $cut = $self->{cut} // return '';
    return '' if $cut->{direction} ne $direction;
    if (length $$bytes <= $cut->{left} && $cut->{left} > 0) {
        $cut->{left} -= length $$bytes;
        return '' if $cut->{left};
    } else {
        $$bytes = substr $$bytes, 0, $cut->{left};
    }
    ++$self->{counts}{cuts};
    $cut->{left}  = $cut->{bytes};
    $self->{cut} = undef if --$cut->{times} <= 0;
    return 1;
}

# RESP: an array of bulk strings. Whatever else it is (TLS) has no names.
sub _count ($self, $way, $bytes) {
    $way->{unread} .= $bytes;
    while ($way->{unread} =~ /\A\*(\d+)\r\n/) {
        my ($words, $position) = ($1, $+[0]);
        my @words;
        for (1 .. $words) {
            return unless substr($way->{unread}, $position, 32) =~ /\A\$(\d+)\r\n/;
            my $length = $1;
            $position += $+[0];
            return if length $way->{unread} < $position + $length + 2;
            push @words, substr $way->{unread}, $position, $length;
            $position += $length + 2;
        }
        substr $way->{unread}, 0, $position, '';
        $self->_count_command(@words);
    }
    $way->{unread} = '' if $way->{unread} !~ /\A\*/;
}

sub _count_command ($self, $name, @arguments) {
    my $counts = $self->{counts};
    $name = uc $name;
    ++$counts->{commands}{$name};
    $name .= ' ' . ($#arguments - 1 - $arguments[1]) if $name =~ /^EVAL/;
    push @{ $counts->{sequence} }, $name if @{ $counts->{sequence} } < MOST_NAMES;
}

sub _write ($self, $pair, $way) {
    my $now = time;
    while (my $next = $way->{queue}[0]) {
        return if $next->{due} > $now;
        return $self->_close($pair) if $next->{cut} || $next->{end};
        my $count = syswrite $way->{to}, $next->{bytes};
        return if !defined $count && $!{EAGAIN};
        return $self->_close($pair) unless defined $count;
        substr $next->{bytes}, 0, $count, '';
        return if length $next->{bytes};
        shift @{ $way->{queue} };
    }
}

sub _close ($self, $pair, $reset = 0) {
    return if $pair->{closed}++;
    delete $self->{pairs}{ $pair->{id} };
    for my $socket (map { $_->{from} } @$pair{qw(up down)}) {
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset;
        close $socket;
    }
}

1;
