# Every reason for a refusal: its answer, its one line in the log, and that nothing else comes of it.
# A request that is wrong in several ways is refused for the first of them.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use Webhook::Metrics qw(scrape);

my $SECRET = 'secret-of-the-reasons-0123456789';
my $ALLOWED = '127.0.0.7';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
log_format everything '\$request \$status verdict=\$webhook_verdict reason=\$webhook_reason'
    ' endpoint=\$webhook_endpoint scheme=\$webhook_scheme id=\$webhook_event_id type=\$webhook_event_type'
    ' timestamp=\$webhook_timestamp secret=\$webhook_secret_id sha256=\$webhook_body_sha256 time=\$webhook_verify_time';
map \$http_x_tenant \$tenant_secret { known $SECRET; default ''; }
webhook_dedup_zone zone=events:1m;
webhook_scheme strict {
    algorithm  hmac-sha256;
    signed     "{timestamp}.{header:X-Tenant}.{body}";
    signature  header=X-Signature split=, prefix=v1= encoding=hex;
    timestamp  header=X-Time unit=s tolerance=5m;
    event_id   json=/id;
}
webhook_scheme form {
    algorithm  hmac-sha256;
    signed     "{body}";
    signature  header=X-Signature;
    event_id   field=id;
}
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8443 ssl;
    ssl_certificate %%CERT%%;
    ssl_certificate_key %%KEY%%;
    access_log %%DIR%%/access.log everything;
    client_max_body_size 2000;
    webhook strict;
    webhook_secret $SECRET;

    location / { proxy_pass http://%%BACKEND%%; }
    location = /methods  { webhook_methods PUT DELETE PUT; proxy_pass http://%%BACKEND%%; }
    location = /tls      { webhook_require_tls on; proxy_pass http://%%BACKEND%%; }
    location = /source   { webhook_allow $ALLOWED; proxy_pass http://%%BACKEND%%; }
    location = /tenant   { webhook_secret \$tenant_secret; proxy_pass http://%%BACKEND%%; }
    location = /expired  {
        webhook_secret $SECRET not_after=2001-01-01T00:00:00Z;
        webhook_secret ${SECRET}2 not_after=2002-01-01T00:00:00Z;
        proxy_pass http://%%BACKEND%%;
    }
    location = /item     { webhook stripe; proxy_pass http://%%BACKEND%%; }
    location = /meta     { webhook meta; proxy_pass http://%%BACKEND%%; }
    location = /square   { webhook square; proxy_pass http://%%BACKEND%%; }
    location = /square_token { webhook square; webhook_url https://user:pw\@hooks.example.com/square?token=s3cr3t; proxy_pass http://%%BACKEND%%; }
    location = /small    { webhook_dedup zone=events; webhook_payload_max 1000; proxy_pass http://%%BACKEND%%; }
    location = /token    { webhook gitlab; proxy_pass http://%%BACKEND%%; }
    location = /id       { webhook standard-webhooks; proxy_pass http://%%BACKEND%%; }
    location = /dedup    { webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /dedup_tenant { webhook_dedup zone=events key=\$webhook_event_id key=\$http_x_batch; proxy_pass http://%%BACKEND%%; }
    location = /dedup_parts  { webhook_dedup zone=events "key=\$webhook_event_id \$http_x_batch"; proxy_pass http://%%BACKEND%%; }
    location = /dedup_form   { webhook form; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /rotated { webhook_secret ${SECRET}2; webhook_secret ${SECRET}3; webhook_secret ${SECRET}4 not_after=2002-01-01T00:00:00Z; proxy_pass http://%%BACKEND%%; }
    location = /dedup_header { webhook github; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /level_info   { webhook_log_level info; proxy_pass http://%%BACKEND%%; }
    location = /level_notice { webhook_log_level notice; proxy_pass http://%%BACKEND%%; }
    location = /level_error  { webhook_log_level error; proxy_pass http://%%BACKEND%%; }
    location = /metrics { webhook off; access_log off; webhook_status prometheus; }
    location = /large { error_page 413 = \@large; proxy_pass http://%%BACKEND%%; }
    location \@large { proxy_pass http://%%BACKEND%%; }
    location = /ladder {
        webhook_require_tls on;
        webhook_allow $ALLOWED;
        webhook_secret \$tenant_secret;
        webhook_dedup zone=events;
        error_page 413 = \@ladder;
        proxy_pass http://%%BACKEND%%;
    }
    location \@ladder {
        webhook_require_tls on;
        webhook_allow $ALLOWED;
        webhook_secret \$tenant_secret;
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

# What nobody but the sender and the gate may know.
my @confidential = ($SECRET, "${SECRET}2");  # ..3 and ..4 begin as the first

sub remember_code ($code) {
    push @confidential, unpack('H*', $code), encode_base64($code, '');
    return unpack 'H*', $code;
}

sub strict_headers (%options) {
    my $time   = $options{time}   // time;
    my $tenant = $options{tenant} // 'known';
    my $code   = remember_code(hmac_sha256("$time.$tenant.$options{body}", $SECRET));
    my $shown  = $options{forged} ? 'ab' x 32 : $code;
    my %headers = (
        'X-Tenant' => $tenant, 'X-Time' => $time, 'X-Signature' => "v1=$shown", %{ $options{override} // {} },
    );
    return map { $_ => $headers{$_} } grep { defined $headers{$_} } sort keys %headers;
}

sub verdicts () { return grep { /\bwebhook \w+: \w+,(?: .*,)? endpoint: / } split /\n/, $nginx->error_log }

sub leaks ($text) { return scalar grep { index(lc $text, lc) >= 0 } @confidential }

# What the sender itself showed may be anywhere it likes, so that only forged requests are searched.
sub is_refused ($name, $reason, $status, %request) {
    my $level  = delete $request{level} // 'error';
    my $before = verdicts();
    $backend->clear;
    my $response = send_request(%request);
    is $response->{status}, $status, "$name: status";
    is_deeply [ $response->all_headers('Webhook-Reason') ], [$reason], "$name: reason";
    is $backend->count, 0, "$name: nothing reaches the backend";
    my @lines = verdicts();
    splice @lines, 0, $before;
    is scalar(@lines), 1, "$name: one line in the log";
    like $lines[0] // '', qr/\[$level\] .*webhook rejected: \Q$reason\E,/, "$name: says why";
    ok !leaks($response->{raw}), "$name: nothing confidential in the answer";
    return $response;
}

sub is_accepted ($name, %request) {
    my $before = verdicts();
    $backend->clear;
    my $response = send_request(%request);
    is $response->{status}, 200, "$name: status";
    is $response->header('Webhook-Reason'), undef, "$name: no reason";
    is $backend->count, 1, "$name: reaches the backend";
    is verdicts() - $before, 0, "$name: no line in the log";
    return $response;
}

sub strict (%options) {
    my $uri  = delete $options{uri}  // '/';
    my $body = delete $options{body} // '{"id":"' . unique_id() . '"}';
    my %request = %{ delete $options{request} // {} };
    return (uri => $uri, headers => [ strict_headers(%options, body => $body) ], body => $body, %request);
}

subtest 'accepted' => sub { is_accepted('all is well', strict()) };

subtest 'method' => sub {
    my $response = is_refused('GET', 'method', 405, strict(request => { method => 'GET' }));
    is_deeply [ $response->all_headers('Allow') ], ['POST'], 'the default is POST';
    $response = is_refused('POST', 'method', 405, strict(uri => '/methods'));
    is_deeply [ $response->all_headers('Allow') ], ['PUT, DELETE'], 'as configured';
    is_refused($_, 'method', 405, strict(request => { method => $_ })) for qw(HEAD PUT OPTIONS TEAPOT);
    is_accepted($_, strict(uri => '/methods', request => { method => $_ })) for qw(PUT DELETE);
};

subtest 'insecure' => sub {
    is_refused('plain', 'insecure', 403, strict(uri => '/tls'));
    is_accepted('TLS', strict(uri => '/tls', request => { tls => 1 }));
    is_refused('a header says otherwise', 'insecure', 403,
        strict(uri => '/tls', override => { 'X-Forwarded-Proto' => 'https' }));
};

subtest 'ip_denied' => sub {
    is_refused('elsewhere', 'ip_denied', 403, strict(uri => '/source'));
    is_accepted('allowed', strict(uri => '/source', request => { from => $ALLOWED }));
    is_refused('a header says otherwise', 'ip_denied', 403,
        strict(uri => '/source', override => { 'X-Forwarded-For' => $ALLOWED, 'X-Real-IP' => $ALLOWED }));
};

subtest 'missing_signature' => sub {
    is_refused('none', 'missing_signature', 401, strict(override => { 'X-Signature' => undef }));
    is_refused('no token', 'missing_signature', 401, uri => '/token', body => '{}');
    is_refused('in the query', 'missing_signature', 401,
        strict(uri => '/?X-Signature=v1%3D' . '00' x 32, override => { 'X-Signature' => undef }));
};

subtest 'malformed_signature' => sub {
    my %wrong = (
        'empty'           => '',
        'other prefix'    => 'v0=' . 'ab' x 32,
        'no prefix'       => 'ab' x 32,
        'prefix alone'    => 'v1=',
        'separators'      => ',,,,',
        'not hex'         => 'v1=' . 'zz' x 32,
        'odd digits'      => 'v1=' . 'ab' x 31 . 'a',
        'too short'       => 'v1=' . 'ab' x 20,
        'too long'        => 'v1=' . 'ab' x 33,
        'prefix in upper case' => 'V1=' . 'ab' x 32,
    );
    for my $name (sort keys %wrong) {
        is_refused($name, 'malformed_signature', 401, strict(override => { 'X-Signature' => $wrong{$name} }));
    }
    my %request = strict();
    push @{ $request{headers} }, 'X-Signature' => 'v1=' . 'ab' x 32;
    is_refused('repeated', 'malformed_signature', 401, %request);
    is_refused('empty token', 'malformed_signature', 401, uri => '/token', headers => [ 'X-Gitlab-Token' => '' ]);
};

subtest 'timestamps' => sub {
    is_refused('none', 'missing_timestamp', 401, strict(override => { 'X-Time' => undef }));
    is_refused('no item', 'missing_timestamp', 401,
        uri => '/item', body => '{}', headers => [ 'Stripe-Signature' => 'v1=' . 'ab' x 32 ]);
    for my $text ('', 'now', '-1', '+1', '1.5', '0x10', time . ' 1', time . 's', '9' x 40) {
        is_refused("'$text'", 'malformed_timestamp', 401, strict(override => { 'X-Time' => $text }));
    }
    my %request = strict();
    push @{ $request{headers} }, 'X-Time' => time;
    is_refused('repeated', 'malformed_timestamp', 401, %request);
    is_refused('repeated item', 'malformed_timestamp', 401, uri => '/item', body => '{}',
        headers => [ 'Stripe-Signature' => 't=' . time . ',v1=' . 'ab' x 32 . ',t=' . time ]);
    is_refused('stale', 'stale_timestamp', 401, strict(time => time - 310));
    is_refused('future', 'future_timestamp', 401, strict(time => time + 310));
    is_accepted('old', strict(time => time - 290));
    is_accepted('early', strict(time => time + 290));
};

subtest 'missing_header' => sub {
    is_refused('none', 'missing_header', 401, strict(override => { 'X-Tenant' => undef }));
    my %request = strict();
    push @{ $request{headers} }, 'X-Tenant' => 'other';
    is_refused('repeated', 'malformed_header', 401, %request);
    my %forged = (id => 'msg', timestamp => time);
    is_refused('no id', 'missing_header', 401, uri => '/id', body => '{}',
        headers => [ standard_headers($SECRET, '{}', %forged, override => { 'webhook-id' => undef }) ]);
    is_refused('empty id', 'missing_header', 401, uri => '/id', body => '{}',
        headers => [ standard_headers($SECRET, '{}', %forged, override => { 'webhook-id' => '' }) ]);
};

subtest 'no_secret' => sub {
    is_refused('empty variable', 'no_secret', 401, strict(uri => '/tenant', tenant => 'unknown'));
    is_accepted('known tenant', strict(uri => '/tenant'));
    is_refused('all expired', 'no_secret', 401, strict(uri => '/expired'));
    my $body = '{"id":"1"}';
    my $with_empty_key = hmac_sha256_hex(time . ".unknown.$body", '');
    is_refused('signed with an empty secret', 'no_secret', 401, strict(
        uri => '/tenant', tenant => 'unknown', body => $body, override => { 'X-Signature' => "v1=$with_empty_key" },
    ));
};

subtest 'incomplete_body' => sub {
    for my $sent ([ body => 'x' x 3000 ], [ chunked => [ 'x' x 3000 ] ]) {
        my %request = strict(uri => '/large', body => '');
        delete $request{body};
        is_refused("discarded, $sent->[0]", 'incomplete_body', 400, %request, @$sent);
    }
    my %request = strict();
    delete $request{body};
    for my $way ([], [ head_then_body => 0.05 ]) {
        is_refused("chunked beyond client_max_body_size, @$way", 'incomplete_body', 413,
            %request, chunked => [ 'x' x 3000 ], @$way);
    }
};

subtest 'bad_signature' => sub {
    is_refused('forged', 'bad_signature', 401, strict(forged => 1));
    my %request = strict();
    is_refused('tampered', 'bad_signature', 401, %request, body => "$request{body} ");
    is_refused('other token', 'bad_signature', 401, uri => '/token', headers => [ 'X-Gitlab-Token' => 'other' ]);
    is_refused('none of many', 'bad_signature', 401,
        strict(override => { 'X-Signature' => join ',', map { 'v1=' . $_ x 64 } 0 .. 9 }));
};

subtest 'payload' => sub {
    is_refused('not JSON', 'invalid_payload', 400, strict(uri => '/dedup', body => 'id=1'));
    is_refused('empty', 'invalid_payload', 400, strict(uri => '/dedup', body => ''));
    is_refused('no id', 'missing_event_id', 400, strict(uri => '/dedup', body => '{"type":"x"}'));
    is_refused('id is an object', 'missing_event_id', 400, strict(uri => '/dedup', body => '{"id":{}}'));
    is_refused('id is empty', 'missing_event_id', 400, strict(uri => '/dedup', body => '{"id":""}'));
    remember_code(hmac_sha256('{}', $SECRET));
    for my $id (undef, '') {
        my %headers = github_headers($SECRET, '{}', override => { 'X-GitHub-Delivery' => $id });
        is_refused('no id in a header', 'missing_event_id', 400, uri => '/dedup_header', body => '{}',
            headers => [%headers]);
    }
    is_accepted('both', strict(uri => '/dedup'));
    is_accepted('not asked for', strict(body => 'id=1'));
};

subtest 'webhook_log_level' => sub {
    for my $level (qw(info notice error)) {
        is_refused($level, 'bad_signature', 401, strict(uri => "/level_$level", forged => 1), level => $level);
    }
};

subtest 'the line tells the cause' => sub {
    my $tells = sub ($name, $cause, @request) {
        send_request(@request);
        my $line = (verdicts())[-1] // '';
        like $line, qr/webhook rejected: \w+, \Q$cause\E, endpoint: /, $name;
    };
    my $with = sub (@headers) {
        my %request = strict();
        push @{ $request{headers} }, @headers;
        return %request;
    };
    my $without = sub ($name, $value = undef) { return strict(override => { $name => $value }) };
    $tells->('the method', 'the method is PUT', strict(request => { method => 'PUT' }));
    $tells->('a handshake that is off', 'the method is GET as of a handshake, and "webhook_handshake" is off',
        uri => '/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x', method => 'GET');
    $tells->('no signature', 'the header "x-signature" is missing', $without->('X-Signature'));
    $tells->('another form', 'the header "x-signature" holds no signature as the scheme writes it', $without->('X-Signature', 'v0=1'));
    $tells->('two signatures', 'the header "x-signature" is repeated', $with->('X-Signature' => 'v1=00'));
    $tells->('no time', 'the header "x-time" is missing', $without->('X-Time'));
    $tells->('no time at all', 'the value of "x-time" is not a time as the scheme writes it', $without->('X-Time', 'noon'));
    $tells->('two times', 'the header "x-time" is repeated', $with->('X-Time' => time));
    $tells->('no header', 'the header "x-tenant" is missing', $without->('X-Tenant'));
    $tells->('two headers', 'the header "x-tenant" is repeated', $with->('X-Tenant' => 'other'));
    $tells->('a header of all', 'the value of "x-tenant" holds a character that is not allowed there', $without->('X-Tenant', 'a.b'));
    $tells->('no secret', 'the variables of "webhook_secret" give none that is usable', strict(uri => '/tenant', tenant => 'unknown'));
    $tells->('no secret any more', 'the "not_after" of each secret has passed', strict(uri => '/expired'));
    $tells->('no JSON', 'the body is not JSON', strict(uri => '/dedup', body => 'id=1'));
    $tells->('no id', 'the payload has no single value at "/id"', strict(uri => '/dedup', body => '{}'));
    for my $id ([ 'no id', undef, 'missing' ], [ 'an empty id', '', 'empty' ]) {
        my ($name, $value, $what) = @$id;
        $tells->("$name in a header", qq{the header "x-github-delivery" is $what}, uri => '/dedup_header', body => '{}',
            headers => [ github_headers($SECRET, '{}', override => { 'X-GitHub-Delivery' => $value }) ]);
    }
    $tells->('two ids in headers', 'the header "x-github-delivery" is repeated', uri => '/dedup_header', body => '{}',
        headers => [ github_headers($SECRET, '{}'), 'X-GitHub-Delivery' => 'other' ]);
    $tells->('no id in a form', 'the form has no single field "id"', uri => '/dedup_form', body => 'a=b',
        headers => [ 'Content-Type' => 'application/x-www-form-urlencoded', 'X-Signature' => remember_code(hmac_sha256('a=b', $SECRET)) ]);
    $tells->('an empty key', 'the value of "key=$http_x_batch" is empty', strict(uri => '/dedup_tenant'));
    $tells->('an empty id beside a key', 'the payload has no single value at "/id"', strict(uri => '/dedup_tenant', body => '{}'));
    $tells->('an empty id in a key', 'the payload has no single value at "/id"', strict(uri => '/dedup_parts', body => '{}'));
    $tells->('another secret', 'secrets tried: 1, length of the body: 9', strict(forged => 1, body => '{"id":12}'));
    $tells->('no body', 'secrets tried: 1, length of the body: 0', strict(forged => 1, body => ''));
    $tells->('secrets', 'secrets tried: 2, of others the "not_after" has passed, length of the body: 9', strict(uri => '/rotated', body => '{"id":12}'));
    $tells->('another token', 'secrets tried: 1', uri => '/token', body => '{}', headers => [ 'X-Gitlab-Token' => 'other' ]);
    $tells->('too much', 'the body has 1200 bytes, "webhook_payload_max" is 1000', strict(uri => '/small', body => '{}' . ' ' x 1198));
    $tells->('a compressed body', 'secrets tried: 1, length of the body: 2, the body has the Content-Encoding "gzip"', strict(forged => 1), do {
        my %request = strict(forged => 1, body => '{}');
        (body => '{}', headers => [ @{ $request{headers} }, 'Content-Encoding' => 'gzip' ]);
    });
    $tells->('another URL', qq{secrets tried: 1, length of the body: 2, the hashed URL is "http://hooks.example.com/square"},
        uri => '/square', body => '{}', headers => [ Host => 'hooks.example.com', 'X-Square-HmacSha256-Signature' => encode_base64('x' x 32, '') ]);
    $tells->('a URL with a secret', qq{secrets tried: 1, length of the body: 2, the hashed URL is "https://***\@hooks.example.com/square?token=***"},
        uri => '/square_token?token=s3cr3t', body => '{}', headers => [ 'X-Square-HmacSha256-Signature' => encode_base64('x' x 32, '') ]);
    $tells->('a time in milliseconds', 'the time looks like milliseconds, the scheme has "unit=s"', strict(time => time . '000'));
    $tells->('old milliseconds', 'the value of "x-time" is not a time as the scheme writes it', strict(time => (time - 4000) . '000'));
    for my $case ([ -400, qr/40[0-5]s old, 300s allowed/ ], [ 400, qr/(?:39[5-9]|400)s ahead of this clock, 300s allowed/ ]) {
        send_request(strict(time => time + $case->[0]));
        like +(verdicts())[-1], qr/_timestamp, $case->[1], endpoint/, 'how far the time is off';
    }
};

subtest 'the first of many' => sub {
    my %headers;
    my %request = (uri => '/ladder', method => 'PUT', body => 'x' x 3000);
    my $sign    = sub ($body, $forged = '') {
        $request{body} = $body;
        %headers = strict_headers(body => $body, forged => $forged);
    };
    my @ladder = (
        [ method              => 405, sub { } ],
        [ insecure            => 403, sub { $request{method} = 'POST' } ],
        [ ip_denied           => 403, sub { $request{tls} = 1 } ],
        [ missing_signature   => 401, sub { $request{from} = $ALLOWED } ],
        [ malformed_signature => 401, sub { $headers{'X-Signature'} = 'none' } ],
        [ missing_timestamp   => 401, sub { $headers{'X-Signature'} = 'v1=' . 'ab' x 32 } ],
        [ malformed_timestamp => 401, sub { $headers{'X-Time'} = 'noon' } ],
        [ missing_header      => 401, sub { $headers{'X-Time'} = time - 1000 } ],
        [ malformed_header    => 401, sub { $headers{'X-Tenant'} = 'un.known' } ],
        [ stale_timestamp     => 401, sub { $headers{'X-Tenant'} = 'unknown' } ],
        [ future_timestamp    => 401, sub { $headers{'X-Time'} = time + 1000 } ],
        [ no_secret           => 401, sub { $headers{'X-Time'} = time } ],
        [ incomplete_body     => 400, sub { $headers{'X-Tenant'} = 'known' } ],
        [ bad_signature       => 401, sub { $sign->('id=1', 'forged') } ],
        [ invalid_payload     => 400, sub { $sign->('id=1') } ],
        [ missing_event_id    => 400, sub { $sign->('{}') } ],
    );
    for my $rung (@ladder) {
        my ($reason, $status, $put_right) = @$rung;
        $put_right->();
        is_refused("until $reason", $reason, $status, %request, headers => [%headers]);
    }
    $sign->('{"id":"ladder"}');
    is_accepted('nothing wrong is left', %request, headers => [%headers]);
};

subtest 'nothing confidential in a log' => sub {
    cmp_ok scalar(access_log_lines()), '>', 60, 'the access log has the variables';
    for my $name (qw(error.log access.log stderr.log)) {
        my $path = directory() . "/$name";
        ok -e $path, "$name is there";
        ok !leaks(slurp($path)), "$name: no secret, no expected signature";
    }
};

# Whatever the tests above have sent.
subtest 'the counters agree with the access log' => sub {
    my $logged = sub {
        my %count;
        ++$count{$_} for map { /verdict=(\w+) reason=(\w+)/ ? "$1 $2" : () } split /\n/, slurp(directory() . '/access.log');
        return \%count;
    };
    my $counted = sub {
        my ($series, %count) = scrape();
        for my $name (keys %$series) {
            my ($verdict, $reason) = $name =~ /^nginx_webhook_decisions_total\{.*verdict="(\w+)",reason="(\w+)"\}/ or next;
            $count{"$verdict $reason"} += $series->{$name} if $series->{$name} > 0;
        }
        return \%count;
    };
    poll_until(sub { eq_hash($logged->(), $counted->()) }, 5);
    is_deeply $counted->(), $logged->(), 'by verdict and reason';
    cmp_ok scalar keys %{ $counted->() }, '>=', 17, 'most reasons occur';
};

finish();
