package Chaos::Upstream;

# The backend behind the gate: one process, one loop. It fails, hangs and resets as chance wants, and
# is killed and started again by the conductor.
#
# Its ledger outlives it: every line is in the file before the answer leaves.
#     R time event attempt action accepted status gate   a complete request was read
#     A time event attempt status                        it was accepted later than that
#     B time event attempt other                         the other attempt was still under way beside it
#
# When a request was received is compared with when the sender saw the event's first 2xx. So no request
# may lie unread while a later one of the same event is answered: else what nginx sent long before the
# acknowledgement (for a sender that gave up, by a worker that was killed) would look like a repetition.
# nginx sends a later one only after it has done with the earlier, whose bytes are in one of our sockets
# or in the listener's queue by then. An answer therefore leaves only after one more round of accepting
# and reading everything that there is, which began after its request had been read. The same makes
# sure of attempts beside each other: when nginx has done with one, it has closed the connection.

use v5.36;

use Chaos::Sockets qw(make_nonblocking now reset_connection start_listener);
use Errno;
use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use Socket qw(MSG_PEEK);

use constant {
    BLOCK     => 65_536,
    REST      => 1,        # seconds, when there is nothing to do
    CUT_AFTER => 100,      # bytes promised by an answer that is cut
};

# Whoever is started leaves the last one's torn line behind.
sub serve (%options) {
    my $self = bless {
        %options, connections => {}, under_way => {}, delayed => [], lines => '', reading => '',
    }, __PACKAGE__;
    local $SIG{PIPE} = 'IGNORE';
    sysopen $self->{ledger}, $options{ledger_path}, O_WRONLY | O_APPEND | O_CREAT or die "$options{ledger_path}: $!";
    syswrite $self->{ledger}, "\n" or die "ledger: $!";
    $self->{listener} = start_listener($options{address}, $options{port});
    vec($self->{reading}, fileno $self->{listener}, 1) = 1;
    my @read_before;
    @read_before = $self->_turn(@read_before) while 1;
}

# Returns the requests that it read. Those of the turn before are answered.
sub _turn ($self, @read_before) {
    my $next = $self->{delayed}[0];
    my $rest = @read_before ? 0 : $next ? $next->{due} - now() : REST;
    select(my $readable = $self->{reading}, undef, undef, $rest > 0 ? $rest : 0);
    my @requests = map { $self->_read($_) } grep { vec $readable, $_->{number}, 1 } values %{ $self->{connections} };
    push @requests, $self->_accept_all if vec $readable, fileno $self->{listener}, 1;
    $self->_note_receipt($_) for @requests;
    $self->_note_others($_) for grep { $_->{alive} } @read_before;
    $self->_write_lines;
    $self->_answer($_) for grep { $_->{alive} } @read_before;
    $self->_answer_delayed;
    return @requests;
}

sub _accept_all ($self) {
    my @requests;
    while (accept my $socket, $self->{listener}) {
        make_nonblocking($socket);
        my $number     = fileno $socket;
        my $connection = { socket => $socket, number => $number, input => '' };
        $self->{connections}{$number} = $connection;
        vec($self->{reading}, $number, 1) = 1;
        push @requests, $self->_read($connection);
    }
    return @requests;
}

# The request that is complete now, if there is one.
sub _read ($self, $connection) {
    my $count = sysread $connection->{socket}, $connection->{input}, BLOCK, length $connection->{input};
    return if !defined $count && $!{EAGAIN};
    if (!$count) {
        $self->_close($connection);
        return;
    }
    return unless $connection->{input} =~ /\r\n\r\n/;
    my ($head_size, $head) = ($+[0], substr $connection->{input}, 0, $+[0]);
    my ($length) = $head =~ /^Content-Length: (\d+)\r$/mi or die "a request without length:\n$head";
    return if length $connection->{input} < $head_size + $length;
    my $body = substr $connection->{input}, $head_size, $length;
    substr $connection->{input}, 0, $head_size + $length, '';
    return $self->_request($connection, $head, $body);
}

sub _request ($self, $connection, $head, $body) {
    my ($event, $attempt) = $head =~ /^X-Attempt: (\d+)\.(\d+)\r$/mi or die "a request without attempt:\n$head";
    my ($gate) = $head =~ /^X-Gate: (.*)\r$/mi;
    $body =~ /^\{"event":$event,/ or die "the body of another event:\n$head$body";
    return {
        %{ $self->{choice}->upstream($event, $attempt) },
        event => $event, attempt => $attempt, time => now(), gate => $gate // '-',
        connection => $connection, kept => scalar($head =~ m{^POST \S+ HTTP/1\.1\r}), alive => 1,
    };
}

# Of the slow answers, some accept the event at once and some at their end, if nginx is still there.
sub _note_receipt ($self, $request) {
    my $action   = $request->{action};
    my $accepted = $action =~ /^accept/ || $action eq 'slow' && $request->{first} ? 1 : 0;
    $accepted = 0 if $self->_forgets($request);
    $request->{accepts_late} = $action eq 'slow' && !$request->{first};
    $request->{connection}{request} = $request;
    $self->{under_way}{ $request->{event} }{ $request->{attempt} } = $request->{connection};
    $self->{lines} .= sprintf "R %.6f %d %d %s %d %d %s\n",
        @$request{qw(time event attempt action)}, $accepted, @$request{qw(status gate)};
}

sub _note_others ($self, $request) {
    my ($event, $attempt) = @$request{qw(event attempt)};
    my $under_way = $self->{under_way}{$event};
    for my $other (grep { $_ != $attempt && !_has_left($under_way->{$_}) } keys %$under_way) {
        $self->{lines} .= sprintf "B %.6f %d %d %d\n", now(), $event, $attempt, $other;
    }
}

# Whether nginx has closed the connection, which may not have been read to its end.
sub _has_left ($connection) {
    my $peer = recv $connection->{socket}, my $next, 1, MSG_PEEK;
    return defined $peer ? !length $next : !$!{EAGAIN};
}

# The sabotage by which the harness itself is tested.
sub _forgets ($self, $request) { return $self->{forgetful} && $request->{event} % 100 == 7 }

sub _write_lines ($self) {
    return unless length $self->{lines};
    my $count = syswrite $self->{ledger}, $self->{lines};
    die "ledger: $!" unless defined $count && $count == length $self->{lines};
    $self->{lines} = '';
}

sub _answer ($self, $request) {
    my $action = $request->{action};
    if ($action eq 'slow') {
        $request->{due} = $request->{time} + $request->{delay};
        @{ $self->{delayed} } = sort { $a->{due} <=> $b->{due} } @{ $self->{delayed} }, $request;
    } elsif ($action =~ /reset/) {
        $self->_close($request->{connection}, 'reset');
    } elsif ($action =~ /half/) {
        $self->_send_half($request);
    } elsif ($action !~ /hang/) {
        $self->_send($request);
    }
}

sub _answer_delayed ($self) {
    while (@{ $self->{delayed} } && $self->{delayed}[0]{due} <= now()) {
        my $request = shift @{ $self->{delayed} };
        next unless $request->{alive};
        if ($request->{accepts_late} && !$self->_forgets($request)) {
            $self->{lines} .= sprintf "A %.6f %d %d %d\n", now(), @$request{qw(event attempt status)};
            $self->_write_lines;
        }
        $self->_send($request);
    }
}

sub _head ($request, $length) {
    my $head = "HTTP/1.1 $request->{status} Answer\r\nX-Upstream: $request->{event}.$request->{attempt}\r\n";
    $head .= "Content-Length: $length\r\n" unless $request->{status} == 204;
    $head .= "Connection: close\r\n"       unless $request->{kept};
    return "$head\r\n";
}

sub _send ($self, $request) {
    my $body       = $request->{status} == 204 ? '' : "ok\n";
    my $connection = $request->{connection};
    my $bytes      = _head($request, length $body) . $body;
    my $count      = syswrite $connection->{socket}, $bytes;
    my $whole      = defined $count && $count == length $bytes;
    return $self->_close($connection) unless $whole && $request->{kept};
    $self->_end_request($connection);
}

sub _send_half ($self, $request) {
    my $whole = _head($request, CUT_AFTER);
    my $half  = $request->{action} eq 'accept_half_head' ? substr $whole, 0, length($whole) / 2 : "${whole}half";
    syswrite $request->{connection}{socket}, $half;
    $self->_close($request->{connection}, $request->{first} ? 'reset' : '');
}

sub _end_request ($self, $connection) {
    my $request = delete $connection->{request} // return;
    my ($event, $attempt) = @$request{qw(event attempt)};
    $request->{alive} = 0;
    delete $self->{under_way}{$event}{$attempt};
    delete $self->{under_way}{$event} unless %{ $self->{under_way}{$event} };
}

sub _close ($self, $connection, $reset = '') {
    $self->_end_request($connection);
    delete $self->{connections}{ $connection->{number} };
    vec($self->{reading}, $connection->{number}, 1) = 0;
    $reset ? reset_connection($connection->{socket}) : close $connection->{socket};
}

1;
