package Chaos::Sender;

# A provider: one process, one loop. It delivers each event until it sees a 2xx, gives up on slow
# answers, sends twins, and sends events again which it has seen acknowledged.
#
# Its record has a line for each attempt:
#     start end event attempt kind location outcome status
# A 2xx counts as seen when its whole head has been read, and "end" is the time after that reading.

use v5.36;

use Chaos::Choice;
use Chaos::Sockets qw(make_nonblocking now start_connection);
use Webhook::Sign qw(github_headers);

use constant {
    BLOCK         => 65_536,
    TICK          => 0.005,
    PATIENCE      => 15,      # far above the gate's wait= and the proxy's time-outs together
    MOST_OPEN     => 256,
    MOST_IDLE     => 64,
    MOST_AT_ONCE  => 100,     # deliveries begun in one turn
    FIRST_PAUSE   => 0.03,    # before a retry; it doubles
    LONGEST_PAUSE => 1,
    IN_FLIGHT     => 0.1,     # Retry-After says a second, of a run that is a thousand times too fast
    REPORT_EVERY  => 0.1,
};

# seed, choice, deliveries, address, ports (of one node each), secret, record_path; orders, reports: ends of pipes
sub run (%options) {
    my $self = bless {
        %options,
        connections => {}, idle => [], due => {}, ready => [], reading => '', writing => '',
        acknowledged => [], attempts => [], open => [], later => [],
        begun => 0, awaited => 0, unfinished => 0, events => 0, order_text => '',
        remaining => undef, allowed => 0, allowance => 0, finishing => 0,
    }, __PACKAGE__;
    local $SIG{PIPE} = 'IGNORE';
    make_nonblocking($self->{orders});
    open $self->{record}, '>', $options{record_path} or die "$options{record_path}: $!";
    $self->{record}->autoflush;
    $self->{turned}   = $self->{reported} = now();
    $self->{tick}     = int($self->{turned} / TICK);
    $self->{expected} = $options{deliveries} / Chaos::Choice::deliveries_per_event();
    $self->_turn until $self->{ended};
    close $self->{record} or die "$options{record_path}: $!";
}

sub _turn ($self) {
    my $writable = $self->{writing};
    vec(my $readable = $self->{reading}, fileno $self->{orders}, 1) = 1;
    select $readable, $writable, undef, TICK;
    my $time = now();
    $self->_read_orders if vec $readable, fileno $self->{orders}, 1;
    for my $connection (values %{ $self->{connections} }) {
        my $number = $connection->{number};
        $self->_write($connection) if vec $writable, $number, 1;
        $self->_read($connection)  if vec $readable, $number, 1;
        $self->_time_out($connection) if ($connection->{deadline} // $time) < $time;
    }
    $self->_take_due($time);
    $self->_begin_deliveries($time);
    $self->_attempt(shift @{ $self->{ready} }) while @{ $self->{ready} } && $self->_open_attempts < MOST_OPEN;
    $self->_report($time);
}

# -- the conductor

# "pace COUNT SECONDS": so many may be begun, the rest of the run is expected to last so long.
sub _read_orders ($self) {
    my $count = sysread $self->{orders}, $self->{order_text}, BLOCK, length $self->{order_text};
    return if !defined $count && $!{EAGAIN};
    die "the conductor has gone\n" unless $count;
    while ($self->{order_text} =~ s/^(.*)\n//) {
        my ($order, @values) = split ' ', $1;
        if ($order eq 'pace') {
            @$self{qw(allowed remaining)} = @values;
        } elsif ($order eq 'finish') {
            $self->{finishing} = 1;
        } elsif ($order eq 'end') {
            $self->{ended} = 1;
        }
    }
}

sub _report ($self, $time) {
    return if $time < $self->{reported} + REPORT_EVERY;
    $self->{reported} = $time;
    syswrite $self->{reports}, "$self->{begun} $self->{unfinished} " . ($self->_all_begun ? 1 : 0) . "\n";
}

# -- deliveries

sub _all_begun ($self) { return $self->{begun} >= $self->{deliveries} && !$self->{awaited} }

sub _begin_deliveries ($self, $time) {
    my $count = $self->_budget($time);
    while ($count-- > 0 && $self->_open_attempts + @{ $self->{ready} } < MOST_OPEN) {
        my $again = shift @{ $self->{later}[ $self->{events} ] // [] };
        if (!defined $again && $self->{begun} + $self->{awaited} >= $self->{deliveries}) {
            $again = $self->_next_later // last;
        }
        defined $again ? $self->_begin_again($again) : $self->_begin_event;
    }
}

# How many deliveries may be begun now, so that they are spread over what remains of the run.
sub _budget ($self, $time) {
    my $passed = $time - $self->{turned};
    $self->{turned} = $time;
    return MOST_AT_ONCE if $self->{finishing};
    return 0 unless $self->{remaining};
    my $left = $self->{deliveries} - $self->{begun};
    $self->{allowance} += $left * $passed / $self->{remaining} if $left > 0;
    my $cap = $self->{allowed} - $self->{begun};
    $cap = MOST_AT_ONCE if $cap > MOST_AT_ONCE;
    $self->{allowance} = $cap if $self->{allowance} > $cap;
    return 0 if $self->{allowance} < 1;
    my $whole = int $self->{allowance};
    $self->{allowance} -= $whole;
    return $whole;
}

sub _begin_event ($self) {
    my $event  = $self->{events}++;
    my $choice = $self->{choice}->event($event);
    $self->{acknowledged}[$event] = undef;
    $self->{attempts}[$event]     = 0;
    $self->{open}[$event]         = 0;
    $self->_schedule({ event => $event, kind => 'first', again => $choice }, 0);
    $self->_schedule({ event => $event, kind => 'twin' }, $choice->{twin}) if defined $choice->{twin};
}

sub _begin_again ($self, $event) {
    --$self->{awaited};
    $self->_schedule({ event => $event, kind => 'again' }, 0);
}

# What was to be sent again after events that will not come any more.
sub _next_later ($self) {
    return unless $self->{awaited};
    for my $list (splice @{ $self->{later} }) {
        push @{ $self->{leftovers} }, @{ $list // [] };
    }
    return shift @{ $self->{leftovers} };
}

sub _schedule ($self, $delivery, $seconds) {
    ++$self->{begun}, ++$self->{unfinished} unless $delivery->{begun}++;
    return push @{ $self->{ready} }, $delivery unless $seconds;
    push @{ $self->{due}{ 1 + int((now() + $seconds) / TICK) } }, $delivery;
}

sub _take_due ($self, $time) {
    my $now = int($time / TICK);
    while ($self->{tick} < $now) {
        push @{ $self->{ready} }, @{ delete $self->{due}{ ++$self->{tick} } // [] };
    }
}

# -- attempts

sub _open_attempts ($self) { return keys(%{ $self->{connections} }) - @{ $self->{idle} } }

sub _attempt ($self, $delivery) {
    my $event   = $delivery->{event};
    my $number  = $self->{attempts}[$event]++;
    my $choice  = $self->{choice}->attempt($event, $number);
    my $kind    = $delivery->{tries}++ ? 'retry' : $delivery->{kind};
    # A twin is one only while the other is under way.
    $kind = 'late_twin' if $kind eq 'twin' && !$self->{open}[$event];
    my $attempt = { delivery => $delivery, number => $number, choice => $choice, kind => $kind, start => now() };
    ++$self->{open}[$event];
    my $ports = $self->{ports};
    my $port  = @$ports > 1 ? $ports->[ $self->{choice}->node($event, $number, scalar @$ports) ] : $ports->[0];
    my $connection = $self->_connection($port, $choice->{reuses});
    return $self->_conclude($attempt, 'refused') unless $connection;
    $connection->{attempt}  = $attempt;
    $connection->{deadline} = $attempt->{start} + ($choice->{patience} // PATIENCE);
    $connection->{output}   = $self->_request($event, $number, $choice);
    $self->_write($connection);
}

sub _request ($self, $event, $number, $choice) {
    my $size    = $self->{sizes}[$event] //= $self->{choice}->event($event)->{size};
    my $body    = qq({"event":$event,"filler":") . 'x' x $size . '"}';
    my @headers = github_headers($self->{secret}, $body, delivery => "event-$self->{seed}-$event");
    my $lines   = '';
    while (my ($name, $value) = splice @headers, 0, 2) { $lines .= "$name: $value\r\n" }
    return "POST $choice->{location} HTTP/1.1\r\nHost: localhost\r\n${lines}X-Attempt: $event.$number\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

sub _connection ($self, $port, $reuses) {
    my $idle = $self->{idle};
    for my $index ($reuses ? reverse 0 .. $#$idle : ()) {
        return splice @$idle, $index, 1 if $idle->[$index]{port} == $port;
    }
    my $socket = start_connection($self->{address}, $port) // return;
    my $number = fileno $socket;
    vec($self->{reading}, $number, 1) = 1;
    return $self->{connections}{$number} = { socket => $socket, number => $number, port => $port, input => '' };
}

sub _write ($self, $connection) {
    my $number = $connection->{number};
    vec($self->{writing}, $number, 1) = 0;
    return unless length($connection->{output} // '');
    my $count = syswrite $connection->{socket}, $connection->{output};
    if (defined $count) {
        substr $connection->{output}, 0, $count, '';
    } elsif (!$!{EAGAIN} && !$!{ENOTCONN}) {
        return $self->_fail($connection, $!{ECONNREFUSED} ? 'refused' : 'reset');
    }
    vec($self->{writing}, $number, 1) = 1 if length $connection->{output};
}

sub _read ($self, $connection) {
    return unless $self->{connections}{ $connection->{number} };
    my $count = sysread $connection->{socket}, $connection->{input}, BLOCK, length $connection->{input};
    return if !defined $count && $!{EAGAIN};
    return $self->_look($connection) if $count;
    return $self->_fail($connection, !defined $count ? $!{ECONNREFUSED} ? 'refused' : 'reset' : 'closed');
}

# The head is all that matters; the body only has to be out of the way before the next request.
sub _look ($self, $connection) {
    return $self->_refuse_unasked($connection) unless $connection->{attempt} || $connection->{skips};
    if (my $attempt = $connection->{attempt}) {
        return unless $connection->{input} =~ /\r\n\r\n/;
        my $head = substr $connection->{input}, 0, $+[0], '';
        my ($length) = $head =~ /^Content-Length: (\d+)\r$/mi;
        $connection->{ends}  = !defined $length && $head !~ m{^HTTP/1\.1 204 } || $head =~ /^Connection: close\r$/mi;
        $connection->{skips} = $length // 0;
        delete @$connection{qw(attempt)};
        $self->_take_answer($attempt, $head);
    }
    my $skipped = length $connection->{input};
    $skipped = $connection->{skips} if $skipped > $connection->{skips};
    substr $connection->{input}, 0, $skipped, '';
    $connection->{skips} -= $skipped;
    return if $connection->{skips} && !$connection->{ends};
    return $self->_close($connection) if $connection->{ends} || @{ $self->{idle} } >= MOST_IDLE;
    delete $connection->{deadline};
    push @{ $self->{idle} }, $connection;
}

# An answer that nobody waits for is never right.
sub _refuse_unasked ($self, $connection) {
    my $time = now();
    print { $self->{record} } "$time $time -1 0 idle - strange 0\n";
    $self->_close($connection);
}

sub _take_answer ($self, $attempt, $head) {
    my ($status) = $head =~ m{^HTTP/1\.1 (\d{3}) } or return $self->_conclude($attempt, 'strange');
    my ($reason) = $head =~ /^Webhook-Reason: (\w+)\r$/mi;
    my ($answer) = $head =~ /^X-Upstream: (\S+)\r$/mi;
    $self->_conclude($attempt, $self->_outcome($attempt, $status, $reason, $answer), $status);
}

sub _outcome ($self, $attempt, $status, $reason, $answer) {
    if (defined $answer) {
        return 'answer_to_another' unless $answer eq "$attempt->{delivery}{event}.$attempt->{number}";
        return 'strange' if defined $reason;
        return $status =~ /^2/ ? 'accepted' : $status =~ /^4/ ? 'upstream_4xx' : 'upstream_5xx';
    }
    return "gate_$reason" if defined $reason;
    return $status == 502 ? 'bad_gateway' : $status == 504 ? 'gateway_timeout' : 'strange';
}

sub _time_out ($self, $connection) {
    my $attempt = $connection->{attempt} // return $self->_fail($connection);
    $self->_fail($connection, defined $attempt->{choice}{patience} ? 'gave_up' : 'timed_out');
}

sub _fail ($self, $connection, $outcome = 'closed') {
    my $attempt = delete $connection->{attempt};
    my $began   = length $connection->{input};
    $self->_close($connection);
    $self->_conclude($attempt, $began ? 'half_head' : $outcome) if $attempt;
}

sub _close ($self, $connection) {
    my $number = $connection->{number};
    vec($self->{reading}, $number, 1) = 0;
    vec($self->{writing}, $number, 1) = 0;
    delete $self->{connections}{$number};
    @{ $self->{idle} } = grep { $_ != $connection } @{ $self->{idle} };
    close $connection->{socket};
}

# -- what became of it

sub _conclude ($self, $attempt, $outcome, $status = 0) {
    my $time     = now();
    my $delivery = $attempt->{delivery};
    my $event    = $delivery->{event};
    --$self->{open}[$event];
    print { $self->{record} } sprintf "%.6f %.6f %d %d %s %s %s %d\n", $attempt->{start}, $time, $event,
        @$attempt{qw(number kind)}, $attempt->{choice}{location}, $outcome, $status;
    return $self->_retry($attempt, $outcome) unless $status =~ /^2/;
    --$self->{unfinished};
    $self->{acknowledged}[$event] //= $time;
    $self->_plan_again($event, $delivery->{again}) if $delivery->{again};
}

sub _plan_again ($self, $event, $choice) {
    if (defined $choice->{soon}) {
        $self->_schedule({ event => $event, kind => 'again' }, $choice->{soon});
    }
    if (defined $choice->{later}) {
        my $left = $self->{expected} - $self->{events};
        my $when = $self->{events} + int($choice->{later} * ($left > 1 ? $left : 1));
        push @{ $self->{later}[$when] }, $event;
        ++$self->{awaited};
    }
}

sub _retry ($self, $attempt, $outcome) {
    my $delivery = $attempt->{delivery};
    my $pause    = FIRST_PAUSE * 2**($delivery->{tries} < 7 ? $delivery->{tries} - 1 : 6);
    $pause = LONGEST_PAUSE if $pause > LONGEST_PAUSE;
    $pause = IN_FLIGHT     if $outcome eq 'gate_in_flight';
    $self->_schedule($delivery, $pause * (0.5 + $attempt->{choice}{jitter}));
}

1;
