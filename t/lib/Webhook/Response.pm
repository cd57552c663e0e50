package Webhook::Response;

# status, reason, headers, header_list, body, raw; continue, truncated, timed_out, closed, abandoned, error

use v5.36;

sub new ($class, %fields) {
    return bless {
        status => 0, reason => '', headers => {}, header_list => [], body => '', raw => '', error => '',
        continue => 0, truncated => 0, timed_out => 0, closed => 0, abandoned => 0,
        %fields,
    }, $class;
}

sub from_message ($class, $message, %fields) {
    my $head = $message->{head};
    return $class->new(
        status      => $message->status,
        reason      => $message->reason,
        headers     => $head ? $head->{headers} : {},
        header_list => $head ? $head->{header_list} : [],
        body        => $message->{body},
        raw         => $message->{raw},
        truncated   => $head && !$message->complete ? 1 : 0,
        %fields,
    );
}

sub header ($self, $name) { return $self->{headers}{ lc $name } }

sub all_headers ($self, $name) {
    return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $self->{header_list} };
}

1;
