package Webhook::Backend;

# The upstream: records every request in full, then answers as the test asked for.

use v5.36;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use List::Util qw(pairkeys pairs);
use Socket qw(SOL_SOCKET SO_LINGER);
use Storable qw(nfreeze thaw);
use Time::HiRes qw(time);
use Webhook::Message;
use Webhook::Process qw(end_process fork_child);
use Webhook::Sandbox qw(address directory make_directory slurp write_file);

our @EXPORT_OK = qw(start_backend);

use constant HANG_SECONDS => 30;
use constant POLL_SECONDS => 0.005;
use constant BLOCK        => 65_536;

my @instances;

sub stop_all () { $_->stop for @instances }

sub start_backend (%options) {
    my $port = $options{port} // 9000;
    my $self = bless {
        port   => $port,
        folder => make_directory("backend-$port", 0755),
        orders => 0,
    }, __PACKAGE__;
    push @instances, $self;
    $self->behave;
    $self->start;
    return $self;
}

sub address_and_port ($self) { return address() . ":$self->{port}" }

# The socket listens before the fork, so the backend is ready when this returns.
sub start ($self) {
    my $listener = IO::Socket::INET->new(
        LocalAddr => address(), LocalPort => $self->{port}, Listen => 256, ReuseAddr => 1,
    ) or die 'backend on ' . $self->address_and_port . ": $@\n";
    my $errors = directory() . "/backend-$self->{port}.log";
    $self->{process} = fork_child(sub {
        open STDERR, '>>', $errors or die "$errors: $!";
        $self->_serve($listener);
    });
}

sub stop ($self) {
    my $process = delete $self->{process} // return;
    end_process($process, [ TERM => 2 ], [ KILL => 2 ]);
}

# One behaviour as a list, or a reference to a list of them: one per request, the last one stays.
sub behave ($self, @behaviour) {
    my $rules = ref $behaviour[0] eq 'ARRAY' ? $behaviour[0] : [ {@behaviour} ];
    my $order = { number => ++$self->{orders}, rules => $rules };
    write_file("$self->{folder}/order", nfreeze($order));
    return $self;
}

sub requests ($self) { return map { thaw(slurp($_)) } $self->_records('request') }
sub count ($self) { return scalar(() = $self->_records('request')) }

# Answers what came under this and earlier orders with hold => 1 (or this name), also what came late.
sub let_go ($self, $name = 1) {
    write_file("$self->{folder}/let_go.$name", $self->{orders});
    return $self;
}

# Requests whose sender went away before their end.
sub incomplete ($self) { return map { thaw(slurp($_)) } $self->_records('incomplete') }

sub clear ($self) {
    unlink $self->_records('request'), $self->_records('incomplete');
    return $self;
}

# Not the drafts that are being written.
sub _records ($self, $kind) {
    return grep { /\Q$kind\E\.\d+\z/ } sort glob "$self->{folder}/$kind.[0-9]*[0-9]";
}

# Below runs in the child.

sub _serve ($self, $listener) {
    local $SIG{PIPE} = 'IGNORE';
    my @numbers = map { /(\d+)$/ } $self->_records('request'), $self->_records('incomplete');
    $self->{serial} = (sort { $a <=> $b } 0, @numbers)[-1];
    $listener->blocking(0);
    my @exchanges;
    while (1) {
        my ($readable, $writable) = wait_for_events($listener, @exchanges);
        push @exchanges, accept_all($listener) if $readable->{$listener};
        for my $exchange (@exchanges) {
            $self->_receive($exchange) if $readable->{ $exchange->{socket} };
            next unless defined $exchange->{socket};
            next if $self->_held($exchange);
            answer($exchange) if $writable->{ $exchange->{socket} } || due($exchange);
        }
        @exchanges = grep { defined $_->{socket} } @exchanges;
    }
}

# Until the test lets it go, or nobody waits for it any more.
sub _held ($self, $exchange) {
    my $name = $exchange->{hold} // return 0;
    my $path = "$self->{folder}/let_go.$name";
    return 1 if !(-e $path && slurp($path) >= $exchange->{order_number}) && pending($exchange);
    delete $exchange->@{qw(hold due)};
    return 0;
}

# All is looked at as it was at one time: what falls due in between would be waited for in vain.
sub wait_for_events ($listener, @exchanges) {
    my $now       = time;
    my @writers   = grep { exists $_->{output} && !pending($_, $now) } @exchanges;
    my ($soonest) = sort { $a <=> $b } map { $_->{due} - $now } grep { pending($_, $now) } @exchanges;
    $soonest = POLL_SECONDS if grep { defined $_->{hold} } @exchanges;
    my ($readable, $writable) = IO::Select->select(
        IO::Select->new($listener, map { $_->{socket} } @exchanges),
        IO::Select->new(map { $_->{socket} } @writers),
        undef, $soonest,
    );
    return map { { map { $_ => 1 } @{ $_ // [] } } } $readable, $writable;
}

sub accept_all ($listener) {
    my @accepted;
    while (my $socket = $listener->accept) {
        $socket->blocking(0);
        push @accepted, { socket => $socket, message => Webhook::Message->new(role => 'request') };
    }
    return @accepted;
}

sub pending ($exchange, $now = time) { return defined $exchange->{due} && $exchange->{due} > $now }
sub due ($exchange) { return defined $exchange->{due} && !pending($exchange) }

sub _receive ($self, $exchange) {
    my $count = sysread $exchange->{socket}, my $bytes, BLOCK;
    return if !defined $count && $!{EAGAIN};
    return $self->_peer_left($exchange) unless $count;
    my $message = $exchange->{message};
    return if $message->complete;
    $message->feed($bytes);
    return unless $message->complete;
    # Before the test can see the request, and give another order.
    prepare_answer($exchange, $self->_next_rule);
    $exchange->{order_number} = $self->{order_number};
    $self->_record('request', $message);
}

sub _peer_left ($self, $exchange) {
    my $message = $exchange->{message};
    if (!$message->complete && length $message->{raw}) {
        $message->feed_end;
        $self->_record('incomplete', $message);
    }
    close delete $exchange->{socket};
}

sub _record ($self, $kind, $message) {
    my $head = $message->{head} // Webhook::Message::parse_head('');
    my ($method, $uri, $protocol) = split / /, $head->{first_line}, 3;
    write_file(sprintf('%s/%s.%06d', $self->{folder}, $kind, ++$self->{serial}), nfreeze({
        method => $method, uri => $uri, protocol => $protocol,
        headers => $head->{headers}, header_list => $head->{header_list},
        body => $message->{body}, raw => $message->{raw},
    }));
}

sub _next_rule ($self) {
    my $order = thaw(slurp("$self->{folder}/order"));
    if ($order->{number} != ($self->{order_number} // -1)) {
        $self->{order_number} = $order->{number};
        $self->{rule_index}   = 0;
    }
    my $rules = $order->{rules};
    my $index = $self->{rule_index}++;
    return $rules->[$index] // $rules->[-1] // {};
}

sub prepare_answer ($exchange, $rule) {
    $exchange->{reset}  = $rule->{reset};
    $exchange->{output} = $rule->{hang} || $rule->{close} || $rule->{reset} ? '' : format_answer($rule);
    my $delay = $rule->{hang} || $rule->{hold} ? HANG_SECONDS : $rule->{delay};
    $exchange->{due}  = time + $delay if $delay;
    $exchange->{hold} = $rule->{hold};
}

sub format_answer ($rule) {
    return $rule->{raw} if defined $rule->{raw};
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Part" if $rule->{partial};
    my $status = $rule->{status} // 200;
    my $body   = $status =~ /^(?:204|304)$/ ? '' : $rule->{body} // "ok\n";
    my @pairs  = @{ $rule->{headers} // [] };
    my %given  = map { lc $_ => 1 } pairkeys @pairs;
    my $length = length($body) + ($rule->{truncated} ? 100 : 0);
    push @pairs, 'Content-Type'   => 'text/plain' unless $given{'content-type'};
    push @pairs, 'Content-Length' => $length unless $given{'content-length'} || $status == 204;
    push @pairs, 'Connection'     => 'close';
    my $head = "HTTP/1.1 $status " . ($rule->{reason} // 'Answer') . "\r\n";
    $head .= "$_->[0]: $_->[1]\r\n" for pairs @pairs;
    return "$head\r\n$body";
}

sub answer ($exchange) {
    if (length $exchange->{output}) {
        my $count = syswrite $exchange->{socket}, $exchange->{output}, BLOCK;
        return if !defined $count && $!{EAGAIN};
        substr $exchange->{output}, 0, $count, '' if $count;
        return if $count && length $exchange->{output};
    }
    # Closing with linger time zero sends RST instead of FIN.
    setsockopt $exchange->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $exchange->{reset};
    close delete $exchange->{socket};
}

1;
