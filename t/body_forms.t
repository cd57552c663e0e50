# However a body arrives, what is verified is what the backend gets, byte for byte, and a forged one
# never gets there.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);

my $SECRET = 'secret-of-the-bodies-0123456789ab';
my $MANY   = join '', map { "webhook_secret many-secrets-number-$_-0123456789;\n" } 1 .. 7;

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
client_max_body_size 16m;
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    listen %%ADDR%%:8443 ssl http2;
    ssl_certificate %%CERT%%;
    ssl_certificate_key %%KEY%%;
    webhook github;
    webhook_secret $SECRET;
    proxy_http_version 1.1;
    proxy_set_header X-Seen-Sha256 \$webhook_body_sha256;
    location /            { proxy_pass http://%%BACKEND%%; }
    location /unbuffered  { proxy_request_buffering off; proxy_pass http://%%BACKEND%%; }
    location /old         { proxy_http_version 1.0; proxy_pass http://%%BACKEND%%; }
    location /in_file     { client_body_in_file_only on; proxy_pass http://%%BACKEND%%; }
    location /in_file_for_now { client_body_in_file_only clean; proxy_pass http://%%BACKEND%%; }
    location /one_buffer  { client_body_in_single_buffer on; proxy_pass http://%%BACKEND%%; }
    location /in_memory   { client_body_buffer_size 8m; proxy_pass http://%%BACKEND%%; }
    location /tiny_buffer { client_body_buffer_size 16; proxy_pass http://%%BACKEND%%; }
    location /many        { $MANY webhook_secret $SECRET; proxy_pass http://%%BACKEND%%; }
}
CONF

my $SMALL  = join '', map { chr } 0 .. 63;
my $TINY   = substr $SMALL, 0, 16;
my $BINARY = join '', map { chr } 0 .. 255;
my $MEDIUM = substr $BINARY x 400, 0, 100_003;
my $LARGE  = substr $BINARY x 12_500, 0, 3 * 1024 * 1024 + 7;

my %NAME = (
    length($TINY) => 'tiny', length($SMALL) => 'small', length($BINARY) => 'binary', length($MEDIUM) => '100 KB',
    length($LARGE) => '3 MB', 0 => 'empty',
);

sub signature ($body) { return 'sha256=' . hmac_sha256_hex($body, $SECRET) }

sub headers ($signature) {
    return [ 'X-Hub-Signature-256' => $signature, 'X-GitHub-Delivery' => 'd', 'X-GitHub-Event' => 'push' ];
}

# `$send` gets the headers and the body and returns the response.
sub check ($what, $body, $send) {
    subtest "$what, $NAME{length $body}" => sub {
        my $other = length $body ? substr($body, 0, -1) . ($body =~ /a\z/ ? 'b' : 'a') : 'a';
        my %forged = ('of another body' => signature($other), 'of no body' => signature(''),
            'of nothing' => 'sha256=' . '00' x 32);
        delete $forged{'of no body'} unless length $body;
        for my $kind (sort keys %forged) {
            $backend->clear;
            my $response = $send->(headers($forged{$kind}), $body);
            is $response->header('Webhook-Reason'), 'bad_signature', "signature $kind: refused"
                or diag explain $response;
            is $response->{status}, 401, "signature $kind: status";
            is $backend->count + $backend->incomplete, 0, "signature $kind: nothing reaches the backend";
        }
        my $response = $send->(headers(signature($body)), $body);
        is $response->{status}, 200, 'valid: accepted' or diag explain $response;
        my @requests = $backend->requests;
        is scalar(@requests), 1, 'valid: one request';
        my $received = $requests[0] // { body => undef, headers => {} };
        ok defined $received->{body} && $received->{body} eq $body, 'valid: the same bytes';
        is $received->{headers}{'x-seen-sha256'}, sha256_hex($body), 'valid: $webhook_body_sha256';
    };
}

sub pieces ($body, $length) { return [ unpack "(a$length)*", $body ] }

sub http ($uri, %how) {
    return sub ($headers, $body) { send_request(uri => $uri, headers => $headers, body => $body, %how) };
}

sub chunked ($uri, $length, %how) {
    return sub ($headers, $body) {
        send_request(uri => $uri, headers => $headers, chunked => pieces($body, $length), %how);
    };
}

sub http2 ($uri, %how) {
    return sub ($headers, $body) { send_h2(uri => $uri, headers => $headers, body => $body, %how) };
}

sub http2_pieces ($uri, $length, %how) {
    return sub ($headers, $body) {
        send_h2(uri => $uri, headers => $headers, chunked => pieces($body, $length), chunk_pause => 0.01, %how);
    };
}

# Cuts the request `$offset` bytes after the end of its head.
sub cut_behind_head ($uri, $offset) {
    return sub ($headers, $body) {
        my %request = (uri => $uri, headers => $headers, body => $body);
        my ($head) = Webhook::Connection::format_request(%request);
        send_request(%request, split => [ length($head) + $offset ], pause => 0.01);
    };
}

for my $body ($BINARY, $MEDIUM) {
    check('at once', $body, http('/'));
    check('head, then body', $body, http('/', head_then_body => 0.02));
    check('some of it with the head', $body, cut_behind_head('/', 100));
    check('all but a byte with the head', $body, cut_behind_head('/', length($body) - 1));
    check('in a chunk', $body, chunked('/', length $body));
    check('in chunks', $body, chunked('/', 1 + int(length($body) / 30), chunk_pause => 0.001));
    check('Expect: 100-continue', $body, http('/', expect_100 => 1));
    check('Expect: 100-continue, in chunks', $body, chunked('/', 1 + int(length($body) / 3), expect_100 => 1));
    check('HTTP/2', $body, http2('/'));
    check('HTTP/2 without a length', $body, http2('/', no_length => 1));
    check('HTTP/2 in pieces', $body, http2_pieces('/', 1 + int(length($body) / 4)));
    check('eight secrets', $body, http('/many'));
    for my $uri (qw(/unbuffered /old /in_file /in_file_for_now /one_buffer /in_memory /tiny_buffer)) {
        check($uri, $body, http($uri, head_then_body => 0.005));
        check("$uri in chunks", $body, chunked($uri, 1 + int(length($body) / 3)));
    }
    check('unbuffered HTTP/2', $body, http2('/unbuffered'));
    check('unbuffered HTTP/2 without a length', $body, http2('/unbuffered', no_length => 1));
    check('TLS', $body, http('/', tls => 1));
    check('HTTP/2 over TLS', $body, http2('/', tls => 1));
    check('HTTP/1.0', $body, http('/', version => '1.0'));
}

# More than is hashed in one turn, from the file and from memory.
check('in chunks', $LARGE, chunked('/', 1_000_000));
check('HTTP/2', $LARGE, http2('/'));
check('HTTP/2 without a length', $LARGE, http2('/', no_length => 1));
check('eight secrets', $LARGE, http('/many'));
check($_, $LARGE, http($_)) for qw(/ /unbuffered /in_file /in_memory);

check('packets of a byte', $SMALL, http('/', split => 1, pause => 0.0002));
check('packets of a byte, unbuffered', $SMALL, http('/unbuffered', split => 1, pause => 0.0002));
check('packets of a byte, a tiny buffer', $SMALL, http('/tiny_buffer', split => 1, pause => 0.0002));
check('chunks of a byte', $SMALL, chunked('/', 1, chunk_pause => 0.001));
check('chunks of a byte in packets of a byte', $TINY, chunked('/', 1, split => 1, pause => 0.0002));
check('HTTP/2 frames of a byte', $SMALL, http2_pieces('/', 8));

subtest 'cut at every byte of the body' => sub {
    for my $offset (0 .. length($SMALL) - 1) {
        $backend->clear;
        my $response = cut_behind_head('/', $offset)->(headers(signature($SMALL)), $SMALL);
        is $response->{status}, 200, "$offset: accepted";
        is_deeply [ map { $_->{body} } $backend->requests ], [$SMALL], "$offset: the same bytes";
    }
};

check('Content-Length: 0', '', http('/'));
check('Content-Length: 0, HTTP/1.0', '', http('/', version => '1.0'));
check('no length', '', http('/', content_length => undef));
check('no length, HTTP/1.0', '', http('/', content_length => undef, version => '1.0'));
check('no chunks', '', chunked('/', 1));
check('Expect: 100-continue', '', http('/', expect_100 => 1));
check('HTTP/2', '', http2('/'));
check('HTTP/2 without a length', '', http2('/', no_length => 1));
check($_, '', http($_)) for qw(/unbuffered /in_file /in_file_for_now /one_buffer);

subtest 'deliveries on one connection' => sub {
    my $connection = open_connection();
    my $deliver = sub ($signature, $body, @how) {
        $connection->request(headers => headers($signature), @how ? () : (body => $body), @how);
    };
    $backend->clear;
    is $deliver->(signature('one'), 'one')->{status}, 200, 'valid';
    is $deliver->(signature('one'), 'two')->{status}, 401, 'forged';
    is $deliver->(signature($MEDIUM), 'three')->{status}, 401, 'forged';
    is $deliver->(signature($MEDIUM), $MEDIUM)->{status}, 200, 'valid, long';
    is $deliver->(signature($MEDIUM), undef, chunked => pieces($BINARY, 5))->{status}, 401, 'forged, in chunks';
    is $deliver->(signature($BINARY), undef, chunked => pieces($BINARY, 5))->{status}, 200, 'valid, in chunks';
    is $deliver->(signature(''), 'four')->{status}, 401, 'forged';
    is $deliver->(signature(''), '')->{status}, 200, 'valid, empty';
    my @bodies = map { $_->{body} } $backend->requests;
    is scalar(@bodies), 4, 'the valid ones reach the backend';
    ok join('|', @bodies) eq "one|$MEDIUM|$BINARY|", 'in order';
    $connection->close;
};

subtest 'pipelined deliveries' => sub {
    my $bytes = sub ($signed, $sent, @how) {
        join '', Webhook::Connection::format_request(
            headers => headers(signature($signed)), keepalive => 1,
                @how ? (chunked => pieces($sent, 5)) : (body => $sent),
        );
    };
    my @first = ([ 'forged, then valid' => 'aaaa', 'bbbb', 401 ], [ 'valid, then forged' => 'bbbb', 'bbbb', 200 ]);
    for my $framing ([], ['chunked']) {
        for my $case (@first) {
            my ($name, $signed, $sent, $status) = @$case;
            my ($other_signed, $other_status) = $status == 401 ? ($MEDIUM, 200) : ('', 401);
            $backend->clear;
            my $connection = open_connection();
            $connection->send($bytes->($signed, $sent, @$framing) . $bytes->($other_signed, $MEDIUM, @$framing)
                . $bytes->('last', 'last'));
            is join(' ', map { $connection->read_response->{status} } 1 .. 3), "$status $other_status 200",
                "$name @$framing";
            my @bodies = map { $_->{body} } $backend->requests;
            ok join('|', @bodies) eq ($status == 401 ? "$MEDIUM|last" : "$sent|last"), "$name @$framing: bodies";
            $connection->close;
        }
    }
};

subtest 'others are served while a long body is hashed' => sub {
    $backend->clear;
    my @long  = map { start_request(uri => '/many', headers => headers(signature($LARGE)), body => $LARGE) } 1 .. 2;
    my @short = map { send_request(headers => headers(signature("short $_")), body => "short $_") } 1 .. 20;
    is_deeply [ map { $_->{status} } @short ], [ (200) x 20 ], 'short ones';
    is_deeply [ map { $_->finish->{status} } @long ], [ 200, 200 ], 'long ones';
    is scalar(grep { $_->{body} eq $LARGE } $backend->requests), 2, 'the same bytes';
};

subtest 'no temporary file is left' => sub {
    my @left = grep { -f } glob directory() . '/temp_client_body/*';
    my @kept = grep { -s $_ != 0 } @left;
    ok scalar(@kept), 'but those of client_body_in_file_only on';
    my %sizes = map { -s $_ => 1 } @kept;
    is_deeply [ sort { $a <=> $b } keys %sizes ],
        [ sort { $a <=> $b } length $BINARY, length $MEDIUM, length $LARGE ], 'whole';
};

finish();
