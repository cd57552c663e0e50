package Webhook::Message;

# An HTTP/1 message that is fed bytes as they arrive, for both ends of the proxy.

use v5.36;

use Exporter qw(import);

our @EXPORT_OK = qw(parse_head);

# role => 'request' or 'response'; bodiless => 1 for the response to a HEAD
sub new ($class, %options) {
    return bless { %options, raw => '', buffer => '', body => '', complete => '' }, $class;
}

sub parse_head ($text) {
    my ($first_line, @lines) = split /\r?\n/, $text;
    my @header_list = map { [ split /:[ \t]*/, $_, 2 ] } @lines;
    $_->[1] =~ s/[ \t]+\z// for grep { defined $_->[1] } @header_list;
    return {
        first_line  => $first_line // '',
        header_list => \@header_list,
        headers     => { map { lc $_->[0] => $_->[1] // '' } @header_list },
    };
}

sub feed ($self, $bytes) {
    $self->{raw} .= $bytes;
    $self->{buffer} .= $bytes;
    $self->_read_head unless $self->{head};
    $self->_read_body if $self->{head} && !$self->{complete};
}

# The peer sent its last byte: only a response without framing may end this way.
sub feed_end ($self) {
    return if $self->{complete};
    my $framing = $self->{framing} // '';
    $self->{body} .= delete $self->{buffer} if $framing eq 'end' || $framing eq 'length';
    $self->{buffer} //= '';
    $self->{complete} = $framing eq 'end';
}

sub complete ($self) { return $self->{complete} }

# What followed the message belongs to the next one.
sub take_leftover ($self) {
    my $leftover = $self->{buffer};
    substr($self->{raw}, -length $leftover, length $leftover, '') if length $leftover;
    $self->{buffer} = '';
    return $leftover;
}

sub status ($self) {
    return $self->{head} && $self->{head}{first_line} =~ m{^HTTP/\S+ (\d+)} ? $1 : 0;
}

sub reason ($self) {
    return $self->{head} && $self->{head}{first_line} =~ m{^HTTP/\S+ \d+ (.*)} ? $1 : '';
}

sub _read_head ($self) {
    return unless $self->{buffer} =~ /\r\n\r\n/;
    my $length = $+[0];
    $self->{head}    = parse_head(substr $self->{buffer}, 0, $length, '');
    $self->{framing} = $self->_framing;
}

sub _framing ($self) {
    my $headers = $self->{head}{headers};
    if ($self->{role} eq 'response') {
        return 'none' if $self->{bodiless} || $self->status =~ /^(?:1..|204|304)$/;
    }
    return 'chunked' if ($headers->{'transfer-encoding'} // '') =~ /chunked/i;
    return 'length'  if defined $headers->{'content-length'};
    return $self->{role} eq 'response' ? 'end' : 'none';
}

sub _read_body ($self) {
    return $self->{complete} = 1 if $self->{framing} eq 'none';
    return $self->_read_chunks   if $self->{framing} eq 'chunked';
    return $self->_read_length   if $self->{framing} eq 'length';
}

sub _read_length ($self) {
    my $length = $self->{head}{headers}{'content-length'};
    return if length $self->{buffer} < $length;
    $self->{body}     = substr $self->{buffer}, 0, $length, '';
    $self->{complete} = 1;
}

sub _read_chunks ($self) {
    while (!$self->{complete}) {
        if (!defined $self->{chunk}) {
            return unless $self->{buffer} =~ s/\A([0-9a-fA-F]+)[^\n]*\r\n//;
            $self->{chunk} = hex $1;
        }
        return $self->_read_trailer if $self->{chunk} == 0;
        return if length $self->{buffer} < $self->{chunk} + 2;
        $self->{body} .= substr $self->{buffer}, 0, $self->{chunk}, '';
        substr $self->{buffer}, 0, 2, '';
        delete $self->{chunk};
    }
}

sub _read_trailer ($self) {
    $self->{complete} = 1 if $self->{buffer} =~ s/\A(?:[^\r\n]+\r\n)*\r\n//;
}

1;
