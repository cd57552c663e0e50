package Webhook::Connection;

# A client socket on which every byte, packet and pause is the test's choice.

use v5.36;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use List::Util qw(pairkeys pairs);
use Scalar::Util qw(refaddr weaken);
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(sleep time);
use Webhook::Message;
use Webhook::Process qw(in_children);
use Webhook::Response;
use Webhook::Sandbox qw(address);

use constant BLOCK            => 65_536;
use constant CONTINUE_SECONDS => 3;
use constant PAUSE            => 0.001;

my %open;

# A copy of the socket in a child would keep the connection open when the test closes it.
in_children(\&close_all);

sub close_all () {
    $_->close for grep { defined } values %open;
}

# port, host, from, unix, timeout
sub open ($class, %options) {
    my $timeout = $options{timeout} // 10;
    my $socket  = $options{unix}
        ? IO::Socket::UNIX->new(Peer => $options{unix}, Timeout => $timeout)
        : IO::Socket::INET->new(
            PeerAddr => $options{host} // address(),
            PeerPort => $options{port} // 8080,
            Timeout  => $timeout,
            $options{from} ? (LocalAddr => $options{from}) : (),
        );
    return bless { timeout => $timeout, input => '', error => "connect: $@$!" }, $class unless $socket;
    $socket->blocking(0);
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1 unless $options{unix};
    my $self = bless { socket => $socket, timeout => $timeout, input => '' }, $class;
    weaken($open{ refaddr $self } = $self);
    return $self;
}

sub request ($self, %request) {
    $self->{deadline} = time + ($request{timeout} // $self->{timeout});
    my ($head, @parts) = format_request(%request);
    $self->_transmit(\%request, $head, @parts);
    if (defined $request{abandon} || defined $request{close_after}) {
        sleep($request{abandon} // 0);
        $self->close(reset => $request{reset});
        return Webhook::Response->new(abandoned => 1);
    }
    return $self->read_response(%request);
}

# Returns the head and the parts of the body, framed.
sub format_request (%request) {
    return $request{raw} if defined $request{raw};
    my @headers = @{ $request{headers} // [] };
    my %given   = map { lc $_ => 1 } pairkeys @headers;
    my @first   = $given{host} ? () : (Host => 'localhost');
    my @parts   = $request{chunked} ? map { format_chunk($_) } @{ $request{chunked} }, '' : $request{body} // ();
    push @headers, framing(\%request, \%given);
    push @headers, Expect     => '100-continue' if $request{expect_100} && !$given{expect};
    push @headers, Connection => 'close' unless $request{keepalive} || $given{connection};
    my $head = sprintf "%s %s HTTP/%s\r\n",
        $request{method} // 'POST', $request{uri} // '/', $request{version} // '1.1';
    $head .= "$_->[0]: $_->[1]\r\n" for pairs @first, @headers;
    return ("$head\r\n", @parts);
}

sub framing ($request, $given) {
    my @headers;
    push @headers, 'Transfer-Encoding' => 'chunked' if $request->{chunked} && !$given->{'transfer-encoding'};
    my $length = exists $request->{content_length} ? $request->{content_length}
        : $request->{chunked} || !defined $request->{body} || $given->{'content-length'} ? undef
        :                                                                                 length $request->{body};
    push @headers, 'Content-Length' => $length if defined $length;
    return @headers;
}

sub format_chunk ($bytes) { return sprintf "%x\r\n%s\r\n", length $bytes, $bytes }

sub _transmit ($self, $request, $head, @parts) {
    if (defined $request->{close_after}) {
        my $bytes = substr join('', $head, @parts), 0, $request->{close_after};
        return $self->_send_pieces($request, $bytes);
    }
    if ($request->{expect_100}) {
        $self->send($head);
        return if !$self->_wait_for_continue;
        return $self->_send_pieces($request, @parts);
    }
    if (defined $request->{head_then_body}) {
        $self->send($head);
        sleep $request->{head_then_body};
        return $self->_send_pieces($request, @parts);
    }
    return $self->_send_pieces($request, $head, @parts);
}

sub _send_pieces ($self, $request, @parts) {
    my @pieces = $request->{chunk_pause} ? @parts : cut(join('', @parts), $request->{split});
    my $pause = $request->{chunk_pause} // $request->{pause} // PAUSE;
    for my $index (0 .. $#pieces) {
        sleep $pause if $index;
        $self->send($pieces[$index]) or last;
    }
}

# split => length of the packets, or [offsets at which to cut]
sub cut ($bytes, $split) {
    return $bytes unless $split;
    my @offsets = ref $split ? grep { $_ > 0 && $_ < length $bytes } sort { $a <=> $b } @$split
        : map { $_ * $split } 1 .. (length($bytes) - 1) / $split;
    my @pieces;
    my $start = 0;
    for my $offset (@offsets, length $bytes) {
        push @pieces, substr $bytes, $start, $offset - $start;
        $start = $offset;
    }
    return @pieces;
}

# Reads meanwhile: the server may answer before it has read everything. False when it closed.
sub send ($self, $bytes) {
    my $position = 0;
    $self->{deadline} //= time + $self->{timeout};
    while ($position < length $bytes) {
        my ($readable, $writable) = $self->_wait(1) or return '';
        $self->_read_available if $readable;
        return '' if $self->{ended};
        next unless $writable;
        local $SIG{PIPE} = 'IGNORE';
        my $count = syswrite $self->{socket}, $bytes, length($bytes) - $position, $position;
        return '' if !defined $count && !$!{EAGAIN};
        $position += $count // 0;
    }
    return 1;
}

sub read_response ($self, %request) {
    $self->{deadline} = time + $self->{timeout} unless %request && $self->{deadline};
    my $bodiless = ($request{method} // '') eq 'HEAD';
    my $message  = $self->_read_message($bodiless, $self->{deadline});
    while ($message->complete && $message->status =~ /^1(?!01)/) {
        $self->{interim} = $message->status;
        $message = $self->_read_message($bodiless, $self->{deadline});
    }
    return Webhook::Response->from_message($message,
        continue  => (delete $self->{interim} // 0) == 100 ? 1 : 0,
        timed_out => !$message->complete && !$self->{ended} && $self->{socket} ? 1 : 0,
        closed    => $self->{ended} ? 1 : 0,
        error     => $self->{error} // '',
    );
}

# What the server has sent and nobody has read yet; waits at most so long for its first byte or its end.
sub pending_input ($self, $seconds = 0) {
    local $self->{deadline} = time + $seconds;
    $self->_fill until length $self->{input} || $self->{ended} || time >= $self->{deadline};
    return $self->{input};
}

# True when the server closes the connection within so many seconds.
sub closed_within ($self, $seconds) {
    local $self->{deadline} = time + $seconds;
    1 while !$self->{ended} && $self->_fill;
    return $self->{ended} ? 1 : '';
}

sub close ($self, %options) {
    my $socket = delete $self->{socket} // return;
    delete $open{ refaddr $self };
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $options{reset};
    CORE::close $socket;
}

sub DESTROY ($self) { $self->close }

# The interim answer stays in the input for read_response to count.
sub _wait_for_continue ($self) {
    my $deadline = time + CONTINUE_SECONDS;
    my $interim  = $self->_read_message('', $deadline);
    return 1 unless $interim->{head};
    if ($interim->complete && $interim->status == 100) {
        $self->{interim} = 100;
        return 1;
    }
    $self->{input} = $interim->{raw} . $self->{input};
    return '';
}

sub _read_message ($self, $bodiless, $deadline) {
    my $message = Webhook::Message->new(role => 'response', bodiless => $bodiless);
    local $self->{deadline} = $deadline;
    while (1) {
        $message->feed(substr $self->{input}, 0, length $self->{input}, '') if length $self->{input};
        last if $message->complete || !$self->_fill;
    }
    $message->feed_end if $self->{ended};
    $self->{input} = $message->take_leftover if $message->complete;
    return $message;
}

# False when nothing more can come or the time is up.
sub _fill ($self) {
    return '' if $self->{ended};
    my ($readable) = $self->_wait('') or return '';
    $self->_read_available if $readable;
    return 1;
}

sub _wait ($self, $for_writing) {
    my $socket = $self->{socket} // return;
    my $left   = $self->{deadline} - time;
    return if $left <= 0;
    my $select = IO::Select->new($socket);
    my ($readable, $writable) = IO::Select->select($select, $for_writing ? $select : undef, undef, $left)
        or return;
    return (scalar @$readable, scalar @$writable);
}

sub _read_available ($self) {
    my $count = sysread $self->{socket}, my $bytes, BLOCK;
    return if !defined $count && $!{EAGAIN};
    return $self->{input} .= $bytes if $count;
    $self->{error} = "read: $!" unless defined $count;
    $self->{ended} = 1;
}

1;
