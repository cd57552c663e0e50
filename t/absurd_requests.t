# Bad input at run time: nothing of it passes, crashes a worker, stalls the gate or shows a secret.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

my $SECRET = 'secret-of-absurd-requests-012345';
my $WHSEC  = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:4m;
webhook_scheme millis {
    algorithm hmac-sha256; signed "{timestamp}.{body}"; signature header=X-Sign; timestamp header=X-Time unit=ms;
}
webhook_scheme dated {
    algorithm hmac-sha256; signed "{timestamp}.{body}"; signature header=X-Sign; timestamp header=X-Time unit=rfc3339;
}
webhook_scheme queried { algorithm hmac-sha256; signed "{query:id}"; signature query=sign; event_id query=id; }
large_client_header_buffers 8 2m;
client_max_body_size 16m;
client_header_buffer_size 2k;
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    webhook_secret $SECRET;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Type \$webhook_event_type;
    proxy_set_header X-Injected \$http_x_never;
    proxy_buffer_size 1m;
    proxy_buffers 8 1m;
    location = /github { webhook github; proxy_pass http://%%BACKEND%%; }
    location = /stripe { webhook stripe; proxy_pass http://%%BACKEND%%; }
    location = /once   { webhook stripe; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /once_small { webhook stripe; webhook_payload_max 1k; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /once_by_header { webhook github; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /standard { webhook standard-webhooks; webhook_secret $WHSEC; proxy_pass http://%%BACKEND%%; }
    location = /millis { webhook millis; proxy_pass http://%%BACKEND%%; }
    location = /queried { webhook queried; webhook_methods GET; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /dated  { webhook dated; proxy_pass http://%%BACKEND%%; }
    location = /bearer { webhook bearer; proxy_pass http://%%BACKEND%%; }
    location = /slow   { webhook github; client_body_timeout 1s; proxy_pass http://%%BACKEND%%; }
}
server {
    listen %%ADDR%%:8081;
    ignore_invalid_headers off;
    webhook_secret $SECRET;
    location = /github { webhook github; proxy_pass http://%%BACKEND%%; }
}
CONF

my $FORGED = 'ab' x 32;

my @confidential = ($SECRET, $WHSEC);

sub code ($text) {
    my $bytes = hmac_sha256($text, $SECRET);
    push @confidential, unpack('H*', $bytes), encode_base64($bytes, '');
    return unpack 'H*', $bytes;
}

# What would have been right for a forged request must not be told either.
sub answers ($what, $reason, $status, %request) {
    $backend->clear;
    my $response = $request{h2} ? send_h2(%request) : send_request(%request);
    is $response->{status}, $status, "$what: status" or diag $response->header('Webhook-Reason') // 'no reason';
    is $response->header('Webhook-Reason'), $reason, "$what: reason" if defined $reason;
    my @requests = $backend->requests;
    is scalar(@requests), $status == 200 ? 1 : 0,
        "$what: " . ($status == 200 ? 'passes' : 'nothing reaches the backend');
    ok !(grep { index($response->{raw}, $_) >= 0 } @confidential), "$what: nothing confidential" if $status != 200;
    return $requests[0] // { headers => {} };
}

sub refused ($what, $reason, %request) { return answers($what, $reason, 401, %request) }

sub still_well ($what) {
    answers("$what: the next delivery", undef, 200, uri => '/github', body => 'well',
        headers => [ github_headers($SECRET, 'well') ]);
}

# The last value given to a name is the only one.
sub replaced (%headers) { return %headers }

sub github ($signature, @more) {
    return (uri => '/github', body => 'x', headers => [ 'X-Hub-Signature-256' => $signature, @more ]);
}

sub stripe_signature ($text, $body = '{}') {
    return (uri => '/stripe', body => $body, headers => [ 'Stripe-Signature' => $text ]);
}

subtest 'signature headers' => sub {
    my $right = 'sha256=' . code('x');
    answers('right', undef, 200, github($right));
    my %absurd = (
        'empty' => '', 'a space' => ' ', 'prefix' => 'sha256=', 'prefix twice' => "sha256=$right",
        'upper case prefix' => $right =~ s/sha/SHA/r, 'space behind the prefix' => $right =~ s/=/= /r,
        'quoted' => qq("$right"), 'more behind' => "$right,$right", 'a digit short' => substr($right, 0, -1),
        'a byte short' => substr($right, 0, -2), 'a byte long' => "${right}00", 'no hex' => 'sha256=' . 'g' x 64,
        'percent' => 'sha256=' . '%61' x 64, 'high bytes' => 'sha256=' . "\xff" x 64, 'half' => 'sha256=' . 'ab' x 16,
        '1 MB' => 'sha256=' . 'ab' x 500_000, '1 MB without a prefix' => 'a' x 1_000_000,
        'tabs' => "sha256=\t\t$FORGED",
    );
    refused($_, 'malformed_signature', github($absurd{$_})) for sort keys %absurd;
    refused('repeated, first right', 'malformed_signature', github($right, 'X-Hub-Signature-256' => "sha256=$FORGED"));
    refused('repeated, last right', 'malformed_signature', github("sha256=$FORGED", 'x-hub-signature-256' => $right));
    refused('repeated, both right', 'malformed_signature', github($right, 'X-HUB-SIGNATURE-256' => $right));
    refused('repeated 900 times', 'malformed_signature',
        github($right, map { ('X-Hub-Signature-256' => $right) } 1 .. 900));
    refused('an underscore', 'missing_signature', uri => '/github', body => 'x',
        headers => [ 'X_Hub_Signature_256' => $right ]);
    for my $twin ('X_Hub_Signature_256', 'X.Hub-Signature.256', 'X-Hub-Signature~256') {
        answers("$twin, which nginx drops", undef, 200, github($right, $twin => $FORGED));
        refused("$twin, which nginx takes", 'malformed_signature', github($right, $twin => $FORGED), port => 8081)
            if $twin !~ /_/;
    }
    refused('in a trailer', 'missing_signature', raw =>
        "POST /github HTTP/1.1\r\nHost: a\r\nTrailer: X-Hub-Signature-256\r\n"
        . "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        . "1\r\nx\r\n0\r\nX-Hub-Signature-256: $right\r\n\r\n");
    answers('among 900 others', undef, 200, github($right, map { ("X-Other-$_" => 'x' x 100) } 1 .. 900));
    still_well('signature headers');
};

subtest 'base64' => sub {
    my $time  = time =~ s/\..*//r;
    my %right = standard_headers($WHSEC, '{}', id => 'm', timestamp => $time);
    my $right = $right{'webhook-signature'} =~ s/^v1,//r;
    push @confidential, $right;
    my %absurd = (
        'empty' => '', 'padding' => '====', 'no padding' => $right =~ s/=//gr, 'more padding' => "$right=",
        'padding inside' => '=' . substr($right, 1), 'url alphabet' => '-_' x 21 . '-=',
        'unused bits' => 'A' x 42 . 'B=',
        'a space' => substr($right, 0, 10) . "\t" . substr($right, 10), 'high bytes' => "\xff\xfe" x 22,
        'hex' => $FORGED, '1 MB' => 'A' x 1_000_000, 'short' => 'AAAA', 'long' => 'A' x 88,
    );
    for my $name (sort keys %absurd) {
        refused($name, 'malformed_signature', uri => '/standard', body => '{}', headers =>
            [ replaced(%right, 'webhook-signature' => "v1,$absurd{$name}") ]);
    }
    answers('right', undef, 200, uri => '/standard', body => '{}', headers => [%right]);
};

subtest 'many candidates' => sub {
    my $time  = time =~ s/\..*//r;
    my $right = 'v1=' . code("$time.{}");
    my $wrong = sub ($count) { map { sprintf 'v1=%064x', $_ } 1 .. $count };
    my $send  = sub (@items) { stripe_signature(join ',', "t=$time", @items) };
    answers('the 16th of 16', undef, 200, $send->($wrong->(15), $right));
    refused('the 17th of 17', 'bad_signature', $send->($wrong->(16), $right));
    my $start = time;
    refused('10,000', 'bad_signature', $send->($wrong->(10_000), $right));
    answers('the first of 10,000', undef, 200, $send->($right, $wrong->(10_000)));
    refused('10,000 that are none', 'malformed_signature', $send->(map { "v1=$_" } 1 .. 10_000));
    answers('behind 10,000 of another version', undef, 200,
        $send->((map { sprintf 'v0=%064x', $_ } 1 .. 10_000), $right));
    refused('separators', 'malformed_signature', stripe_signature(',' x 1_000_000));
    refused('10,000 times', 'malformed_timestamp', stripe_signature(join ',', $right, map { "t=$time" } 1 .. 10_000));
    cmp_ok time - $start, '<', 5, 'all of it quickly';
    still_well('many candidates');
};

subtest 'timestamps' => sub {
    my @malformed = (
        '', ' ', '-1', "-" . int time, '+' . int time, int(time) . '.0', int(time) . '.5', '1e9', '0x6543',
        int(time) . ' ',
        '1 2', "\x{bd}", 'NaN', 'inf', '9223372036854775808', '18446744073709551616', '9' x 1000, '9' x 500_000,
        '1099511627776001',
    );
    for my $text (@malformed) {
        # nginx takes the spaces off the end of a header's value, not off an item.
        my $what = length $text > 40 ? length($text) . ' digits' : "'$text'";
        refused("item $what", 'malformed_timestamp', stripe_signature("t=$text,v1=$FORGED"));
        next if $text =~ /\d \z/;
        refused("header $what", 'malformed_timestamp', uri => '/millis', body => '',
            headers => [ 'X-Sign' => $FORGED, 'X-Time' => $text ]);
    }
    refused("a leading zero: $_", 'malformed_timestamp', stripe_signature("t=$_,v1=$FORGED"))
        for '00', '01', '0' . int(time), '0' x 1000 . '1';
    for my $zero ('0', '1') {
        refused('long ago: ' . substr($zero, 0, 10), 'stale_timestamp', stripe_signature("t=$zero,v1=$FORGED"));
    }
    refused('far ahead', 'future_timestamp', stripe_signature("t=1099511627776,v1=$FORGED"));
    refused('ms as s', 'malformed_timestamp', stripe_signature('t=' . int(time) . "000,v1=$FORGED"));
    refused('s as ms', 'stale_timestamp', uri => '/millis', headers => [ 'X-Sign' => $FORGED, 'X-Time' => int time ]);
    my @dates = (
        'today', '2026-01-01', '2026-01-01T00:00:00', '2026-01-01 00:00:00Z', '2026-13-01T00:00:00Z',
        '2026-02-30T00:00:00Z',
        '2026-01-01T24:00:00Z', '2026-01-01T00:00:00.Z', '2026-01-01T00:00:00+0000', '26-01-01T00:00:00Z',
        '-2026-01-01T00:00:00Z',
        '2026-01-01t00:00:00z', '2026-01-01T00:00:00ZZ', '2026-01-01T00:00:00+24:00', '99999-01-01T00:00:00Z', int time,
        '2026-01-01T00:00:00.' . '1' x 500_000,
    );
    refused('date ' . substr($_, 0, 30), 'malformed_timestamp', uri => '/dated',
        headers => [ 'X-Sign' => $FORGED, 'X-Time' => $_ ]) for @dates;
    refused("a long fraction", 'stale_timestamp', uri => '/dated',
        headers => [ 'X-Sign' => $FORGED, 'X-Time' => '2020-01-01T00:00:00.' . '1' x 500_000 . 'Z' ]);
    still_well('timestamps');
};

subtest 'tokens' => sub {
    answers("right, $_", undef, 200, uri => '/bearer', headers => [ Authorization => "$_ $SECRET" ]) for qw(Bearer bearer);
    my %absurd = (
        'a byte short' => substr($SECRET, 0, -1), 'a byte long' => "${SECRET}x", 'other case' => uc $SECRET,
        '1 MB' => 'x' x 1_000_000, 'high bytes' => "\xff" x 32, 'twice' => "$SECRET,$SECRET",
        'a space in front' => " $SECRET",
    );
    refused($_, 'bad_signature', uri => '/bearer',
        headers => [ Authorization => "Bearer $absurd{$_}" ]) for sort keys %absurd;
    for my $value ('', 'Bearer', 'Bearer ', "Basic $FORGED", "Bearers $FORGED") {
        refused("'$value'", 'malformed_signature', uri => '/bearer', headers => [ Authorization => $value ]);
    }
    # Some nginx refuse this header's repetition themselves, and log it.
    $backend->clear;
    my $response = send_request(uri => '/bearer', headers => [ (Authorization => "Bearer $FORGED") x 2 ]);
    like $response->{status}, qr/^40[01]$/, 'repeated';
    is $backend->count, 0, 'repeated: nothing reaches the backend';
    still_well('tokens');
};

subtest 'NUL bytes' => sub {
    my $body  = "a\0b\0\0c";
    my %right = github_headers($SECRET, $body);
    is answers('in the body', undef, 200, uri => '/github', body => $body, headers => [%right])->{body}, $body,
        'all of it is verified';
    refused('another behind the NUL', 'bad_signature', uri => '/github', body => "a\0b\0\0d", headers => [%right]);
    # What nginx does with the head is its own affair.
    for my $value ("$right{'X-Hub-Signature-256'}\0", "sha256=\0", "\0") {
        $backend->clear;
        my $response = send_request(uri => '/github', body => $body,
            headers => [ replaced(%right, 'X-Hub-Signature-256' => $value) ]);
        like $response->{status}, qr/^40[01]$/, 'in the signature';
        is $backend->count, 0, 'nothing reaches the backend';
    }
};

sub event ($uri, $body) {
    return (uri => $uri, body => $body, headers => [ stripe_headers($SECRET, $body) ]);
}

subtest 'payloads' => sub {
    my $deep = 100_000;
    my %invalid = (
        'empty' => '', 'spaces' => "  \n", 'no JSON' => 'id=1', 'cut' => '{"id":"a"', 'two' => '{"id":"a"}{"id":"b"}',
        'a comma' => '{"id":"a",}', 'single quotes' => "{'id':'a'}", 'a comment' => '{"id":"a"/**/}',
        'NaN' => '{"id":NaN}',
        'invalid UTF-8' => qq({"id":"\xff\xfe"}), 'raw newline' => qq({"id":"a\nb"}), 'NUL behind' => qq({"id":"a"}\0),
        'a bad escape' => '{"id":"\x"}',
        'byte order mark in UTF-16' => "\xff\xfe{\0}\0",
        'deep arrays' => '[' x $deep . ']' x $deep, 'deep objects' => '{"id":' x $deep . '1' . '}' x $deep,
        'open arrays' => '[' x $deep, 'a number that is none' => '{"id":0' . '9' x 100_000 . '}',
    );
    answers($_, 'invalid_payload', 400, event('/once', $invalid{$_})) for sort keys %invalid;
    my %without = (
        'array' => '[]', 'string' => '"id"', 'number' => '1', 'null' => 'null', 'no id' => '{}',
        'id null' => '{"id":null}',
        'id an object' => '{"id":{"id":"a"}}', 'id an array' => '{"id":["a"]}', 'empty id' => '{"id":""}',
        'other case' => '{"ID":"a"}', 'a fraction' => '{"id":1.5}',
        'half a surrogate' => '{"id":"\ud800"}', 'a long number' => '{"id":' . '9' x 100_000 . '}',
    );
    answers($_, 'missing_event_id', 400, event('/once', $without{$_})) for sort keys %without;
    my %unusual = (
        'a large number' => '"wei":' . '9' x 40, 'a huge number' => '"x":1e400', 'half a surrogate' => '"x":"\ud83d"',
        'deep arrays' => '"x":' . '[' x 5000 . ']' x 5000,
    );
    answers("$_ beside the id", undef, 200, event('/once', qq({$unusual{$_},"id":") . unique_id() . '"}')) for sort keys %unusual;
    answers("$_, not remembered", undef, 200, event('/stripe', $invalid{$_})) 
        for 'no JSON', 'cut', 'deep arrays', 'invalid UTF-8';

    my $fits = sub ($length) {
        my $head = '{"id":"' . unique_id() . '","x":"';
        return $head . 'x' x ($length - length($head) - 2) . '"}';
    };
    answers('as long as webhook_payload_max', undef, 200, event('/once_small', $fits->(1024)));
    answers('longer than it', 'invalid_payload', 400, event('/once_small', $fits->(1025)));
    answers('1 MB', undef, 200, event('/once', $fits->(1024 * 1024)));
    answers('longer than 1 MB', 'invalid_payload', 400, event('/once', $fits->(1024 * 1024 + 1)));
    is answers('longer, not remembered', undef, 200,
        event('/stripe', $fits->(1024 * 1024 + 1)))->{headers}{'x-seen-id'}, undef, 'not read';
    answers('the same forged', 'bad_signature', 401, event('/once', $fits->(1024 * 1024 + 1)),
        body => 'x' x (1024 * 1024 + 1));
    still_well('payloads');
};

subtest 'event ids' => sub {
    my %strange = (
        'line feed' => 'a\nX-Injected: yes', 'CRLF' => 'a\r\nX-Injected: yes',
        'escaped CRLF' => 'a\u000d\u000aX-Injected: yes',
        'NUL' => 'a\u0000b', 'tab' => 'a\tb', 'DEL' => 'a\u007fb', 'head' => '\r\n\r\nGET /secret HTTP/1.1\r\n\r\n',
    );
    for my $name (sort keys %strange) {
        my $body = qq({"id":"$strange{$name}","type":"$strange{$name}"});
        answers("$name, remembered", 'missing_event_id', 400, event('/once', $body));
        my $request = answers("$name, passed on", undef, 200, event('/stripe', $body));
        is $request->{headers}{$_}, undef, "$name: $_" for qw(x-injected x-seen-id x-seen-type);
        is $request->{body}, $body, "$name: the body is as it was";
        is $backend->count, 1, "$name: one request";
    }
    my $request = answers('UTF-8', undef, 200, event('/stripe', '{"id":"\u00fc\ud83d\ude00"}'));
    is $request->{headers}{'x-seen-id'}, "\xc3\xbc\xf0\x9f\x98\x80", 'UTF-8 is passed on';
    my $megabyte = 'i' x 1_000_000;
    answers('1 MB, remembered', 'missing_event_id', 400, event('/once', qq({"id":"$megabyte"})));
    $request = answers('1 MB, passed on', undef, 200, event('/stripe', qq({"id":"$megabyte"})));
    ok length($request->{headers}{'x-seen-id'} // '') < 10_000, 'not as a header of 1 MB';
    my %right = github_headers($SECRET, 'x', delivery => $megabyte, event => $megabyte);
    for my $uri ('/github', '/once_by_header') {
        $backend->clear;
        my $response = send_request(uri => $uri, body => 'x', headers => [%right]);
        isnt $response->{status}, 0, "1 MB in a header, $uri: an answer";
        cmp_ok $response->{status}, '<', 500, "1 MB in a header, $uri: no fault";
    }
    %right = github_headers($SECRET, 'x', delivery => 'first');
    for my $uri ('/github', '/once_by_header') {
        refused("two ids, $uri", 'malformed_header', uri => $uri, body => 'x',
            headers => [ %right, 'x-github-delivery' => 'second' ]);
    }
    still_well('event ids');
};

subtest 'lengths and framing' => sub {
    my $right = 'X-Hub-Signature-256: sha256=' . code('x') . "\r\n";
    my $none  = 'X-Hub-Signature-256: sha256=' . code('') . "\r\n";
    my $head  = "POST /github HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    my %raw = (
        'negative'        => "$head${right}Content-Length: -1\r\n\r\nx",
        'no number'       => "$head${right}Content-Length: x\r\n\r\nx",
        'too large'       => "$head${right}Content-Length: 99999999999999999999\r\n\r\nx",
        'two lengths'     => "$head${right}Content-Length: 1\r\nContent-Length: 0\r\n\r\nx",
        'length and chunks' => "$head${right}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        'unknown coding'  => "$head${none}Transfer-Encoding: gzip\r\n\r\nx",
        'chunk of no hex' => "$head${none}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
        'huge chunk'      => "$head${none}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
        'no last chunk'   => "$head${right}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nno\r\n",
    );
    for my $name (sort keys %raw) {
        $backend->clear;
        my $response = send_request(raw => $raw{$name});
        like $response->{status}, qr/^(?:400|413|501)$/, "$name: refused";
        is $backend->count + $backend->incomplete, 0, "$name: nothing reaches the backend";
    }
    $backend->clear;
    my $response = send_request(raw => "$head${none}\r\nx");
    is_deeply [ map { $_->{body} } $backend->requests ], [''], 'without a length there is no body';
    still_well('lengths');
};

subtest 'clients that leave' => sub {
    $backend->clear;
    my $body  = 'x' x 200_000;
    my %right = (uri => '/github', headers => [ github_headers($SECRET, $body) ]);
    for my $reset (0, 1) {
        for my $bytes (1, 100, 300, 1_000, 50_000, 199_000) {
            send_request(%right, body => $body, close_after => $bytes, reset => $reset);
        }
        for my $bytes (1_000, 100_000) {
            send_request(%right, chunked => [ unpack '(a1000)*', $body ], close_after => $bytes, reset => $reset);
        }
    }
    send_request(uri => '/github', headers => [ github_headers($SECRET, 'part') ], body => 'part',
        content_length => 100, abandon => 0.05);
    send_request(uri => '/github', headers => [ github_headers($SECRET, '') ], body => '', content_length => 100,
        abandon => 0.05);
    still_well('left');
    is scalar($backend->incomplete), 0, 'nothing reached the backend';
    my $response = send_request(uri => '/slow', headers => [ github_headers($SECRET, 'part') ], body => 'part',
        content_length => 100);
    isnt $response->{status}, 200, 'a body that never comes does not pass';
    my $pending = start_request(h2 => 1, uri => '/github', headers => $right{headers}, chunked => [ $body, 'more' ],
        chunk_pause => 5);
    wait_for(sub { $nginx->error_log =~ /client request body is buffered/ }, 2, 'HTTP/2 in the middle of its body');
    $pending->cancel;
    still_well('HTTP/2 left');
};

# Without a header, the sender could not be told what became of it, nor could the gate tell.
subtest 'HTTP/0.9' => sub {
    for my $version ('', ' HTTP/1.0') {
        $backend->clear;
        for my $turn (1, 2) {
            my $connection = open_connection();
            $connection->send("GET /queried?id=e1&sign=" . hmac_sha256_hex('e1', $SECRET) . "$version\r\n" . ($version ? "\r\n" : ''));
            $connection->closed_within(2);
            $connection->close;
        }
        is $backend->count, $version ? 1 : 0, $version ? 'with a version: delivered once' : 'never delivered';
    }
    like $nginx->error_log, qr{webhook rejected: method, the method is one of HTTP/0\.9}, 'the log tells';
};

subtest 'nothing is told' => sub {
    for my $name (qw(error.log stderr.log)) {
        # A header line that nginx itself refuses is in its own log line, as it came.
        my $log = join "\n", grep { !/client sent/ } split /\n/, slurp(directory() . "/$name");
        is_deeply [ grep { index($log, $_) >= 0 } @confidential ], [], $name;
    }
    ok !(grep { /internal fault/ } split /\n/, $nginx->error_log), 'no fault of ours';
};

finish();
