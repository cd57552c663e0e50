# What the variables say, wherever nginx evaluates them, and that they are empty where nothing is known.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);

my $SECRET = 'a-secret-of-enough-length';
my @NAMES  = qw(
    verdict reason endpoint scheme event_id event_type timestamp secret_id body_sha256 verify_time
);
my $ALL    = join '|', map { "\${webhook_$_}" } @NAMES;
my $CARRY  = "proxy_set_header Variables \"$ALL\";";

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
log_format variables '\$uri|$ALL';
access_log %%DIR%%/access.log variables;
webhook_dedup_zone zone=events:1m;
webhook_secret $SECRET id=current;
webhook_scheme timed {
    algorithm hmac-sha256;
    signed    "{body}";
    signature header=X-Signature;
    timestamp json=/time;
}
limit_req_zone \$webhook_endpoint zone=per_endpoint:1m rate=1r/m;
map \$webhook_event_type \$route {
    push     /pushed;
    release  /released;
    ''       /unknown;
    default  /other;
}
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    client_max_body_size 4m;

    location /github {
        webhook github name=ci;
        $CARRY
        proxy_set_header Empty-Is-Dropped \$webhook_timestamp;
        add_header Variables "$ALL" always;
        proxy_pass http://%%BACKEND%%;
    }
    location /stripe {
        webhook stripe;
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
    location /openrouter {
        webhook openrouter;
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
    location /remembered {
        webhook github;
        webhook_dedup zone=events key=\$webhook_event_id key=\$webhook_body_sha256;
        proxy_pass http://%%BACKEND%%;
    }
    location /monitored {
        webhook github;
        webhook_mode monitor;
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
    location /timed {
        webhook timed;
        webhook_mode monitor;
        proxy_set_header Timestamp \$webhook_timestamp;
        add_header Timestamp \$webhook_timestamp always;
        proxy_pass http://%%BACKEND%%;
    }
    location /ungated {
        $CARRY
        add_header Variables "$ALL" always;
        proxy_pass http://%%BACKEND%%;
    }
    location /spilled {
        webhook github;
        client_body_in_file_only on;
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
    location /mapped {
        webhook github;
        proxy_pass http://%%BACKEND%%\$route;
    }
    location /limited {
        webhook github name=limited;
        limit_req zone=per_endpoint;
        limit_req_status 429;
        proxy_pass http://%%BACKEND%%;
    }
    location /unlimited {
        limit_req zone=per_endpoint;
        limit_req_status 429;
        proxy_pass http://%%BACKEND%%;
    }
    location /early {
        set \$early "$ALL";
        webhook github name=early;
        add_header Early \$early always;
        add_header Late "$ALL" always;
        proxy_pass http://%%BACKEND%%;
    }
    location /subrequests {
        webhook github name=ci;
        auth_request /asked_before;
        mirror /mirrored;
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
    location = /asked_before {
        internal;
        proxy_method GET;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        $CARRY
        proxy_pass http://%%BACKEND%%/asked_before;
    }
    location = /mirrored {
        internal;
        $CARRY
        proxy_pass http://%%BACKEND%%/mirrored;
    }
    location /redirected {
        webhook github name=ci;
        error_page 401 = /refused;
        error_page 502 503 = \@fallback;
        proxy_intercept_errors on;
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
    location = /refused {
        internal;
        return 403 "$ALL";
    }
    location \@fallback {
        $CARRY
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

# name => value, of values that were joined. A log line shows - for nothing.
sub values_in ($text) {
    my @values = split /\|/, $text, -1;
    return { map { $NAMES[$_] => $values[$_] =~ s/^-$//r } 0 .. $#NAMES };
}

my $lines = 0;

# The values in the log line that the one request since the last call has written.
sub logged_values () {
    my @lines = access_log_lines(++$lines);
    is scalar @lines, $lines, 'one line in the log';
    my ($uri, $rest) = split /\|/, $lines[-1], 2;
    return values_in($rest);
}

sub carried_values ($uri = undef) {
    my ($request) = grep { !defined $uri || $_->{uri} eq $uri } $backend->requests;
    return values_in($request->{headers}{variables} // '');
}

# verify_time is whatever it took: `taken` says that it must be there, and its least microseconds.
sub are_values ($values, $name, %expected) {
    my $taken = delete $expected{taken};
    my %found = %$values;
    my $time  = delete $found{verify_time};
    is_deeply \%found, { (map { $_ => '' } grep { $_ ne 'verify_time' } @NAMES), %expected }, $name;
    if (defined $taken) {
        like $time, qr/^\d+\.\d{6}$/, "$name: seconds with microseconds";
        cmp_ok $time, '>=', $taken / 1e6, "$name: some time";
        cmp_ok $time, '<', 5, "$name: not much";
    } else {
        is $time, '', "$name: no time";
    }
}

sub deliver (%options) {
    $backend->clear;
    return send_request(%options);
}

my $BODY = '{"id":"evt_1","type":"invoice.paid"}';

# As GitHub sends it: `key`, `body`, and what github_headers() takes.
sub deliver_github ($uri, %options) {
    my $key  = delete $options{key}  // $SECRET;
    my $body = delete $options{body} // $BODY;
    return deliver(uri => $uri, body => $body, headers => [ github_headers($key, $body, %options) ]);
}

sub deliver_stripe ($body, $timestamp) {
    my @headers = stripe_headers($SECRET, $body, timestamp => $timestamp);
    return deliver(uri => '/stripe', body => $body, headers => \@headers);
}

subtest 'an accepted delivery' => sub {
    my %expected = (
        verdict => 'accepted', reason => 'accepted', endpoint => 'ci', scheme => 'github', event_id => 'delivery-1',
        event_type => 'push', secret_id => 'current', body_sha256 => sha256_hex($BODY), taken => 1,
    );
    my $response = deliver_github('/github', delivery => 'delivery-1');
    is $response->{status}, 200, 'status';
    are_values(carried_values(), 'proxy_set_header', %expected);
    are_values(values_in($response->header('Variables')), 'add_header', %expected);
    are_values(logged_values(), 'log_format', %expected);
    ok !exists(($backend->requests)[0]{headers}{'empty-is-dropped'}), 'nginx drops a header whose variable is empty';
};

subtest 'what stands in the payload' => sub {
    my $time = time;
    my %expected = (
        verdict => 'accepted', reason => 'accepted', endpoint => 'stripe', scheme => 'stripe', event_id => 'evt_1',
        event_type => 'invoice.paid', timestamp => $time, secret_id => 'current',
        body_sha256 => sha256_hex($BODY), taken => 1,
    );
    deliver_stripe($BODY, $time);
    are_values(carried_values(), 'proxy_set_header', %expected);
    are_values(logged_values(), 'log_format', %expected);

    my $text = 'no JSON';
    deliver_stripe($text, $time);
    are_values(
        logged_values(), 'a payload that is no JSON', %expected, event_id => '', event_type => '',
        body_sha256 => sha256_hex($text),
    );

    my $numbers = '{"id":17,"type":null}';
    deliver_stripe($numbers, $time);
    is logged_values()->{event_type}, '', 'null is no type';
};

# Timestamps in both headers that the configuration makes of it.
sub timestamps_of ($time) {
    my $body     = qq({"time":$time});
    my $response = deliver(uri => '/timed', body => $body, headers => [ 'X-Signature' => hmac_sha256_hex($body, $SECRET) ]);
    ++$lines;
    is $response->{status}, 200, 'monitored';
    my ($request) = $backend->requests;
    ok !exists $request->{headers}{injected}, 'no header comes along to the upstream';
    is $response->header('Injected'), undef, 'nor to the sender';
    return ($request->{headers}{timestamp}, $response->header('Timestamp'));
}

subtest 'a timestamp in the payload' => sub {
    my $time = time;
    is_deeply [ timestamps_of($time) ],         [ $time, $time ], 'as it is';
    is_deeply [ timestamps_of(qq("$time")) ],   [ $time, $time ], 'as text';
    is_deeply [ timestamps_of('"yesterday"') ], [ ('yesterday') x 2 ], 'one that is none is what it is';
    my @unfit = (
        '"1\r\nInjected: 1"', '"1\nInjected: 1"', '"\u000d\u000aInjected: 1"', '"1\u0000"', '"1\u001b[0m"',
        '"1\u007f"', '"' . 1 x 513 . '"',
    );
    is_deeply [ timestamps_of($_) ], [ undef, undef ], 'nothing where it holds ' . substr $_, 0, 20 for @unfit;
    is_deeply [ timestamps_of('"' . 1 x 512 . '"') ], [ (1 x 512) x 2 ], '512 bytes are not too many';
};

subtest 'a scheme that has neither id nor type' => sub {
    deliver(uri => '/openrouter', body => $BODY, headers => [ 'X-Webhook-Signature' => $SECRET ]);
    are_values(
        logged_values(), 'openrouter', verdict => 'accepted', reason => 'accepted', endpoint => 'openrouter',
        scheme => 'openrouter', secret_id => 'current', body_sha256 => sha256_hex($BODY), taken => 0,
    );
};

subtest 'refused before the body' => sub {
    my $response = deliver(uri => '/github', body => $BODY);
    is $response->{status}, 401, 'status';
    my %expected = (verdict => 'rejected', reason => 'missing_signature', endpoint => 'ci', scheme => 'github');
    are_values(values_in($response->header('Variables')), 'add_header', %expected);
    are_values(logged_values(), 'log_format', %expected);

    deliver(method => 'GET', uri => '/github');
    are_values(logged_values(), 'by its method', %expected, reason => 'method');

    my $old = time - 3600;
    deliver_stripe($BODY, $old);
    are_values(
        logged_values(), 'by its timestamp', verdict => 'rejected', reason => 'stale_timestamp', endpoint => 'stripe',
        scheme => 'stripe', timestamp => $old,
    );
    is $backend->count, 0, 'nothing of this reached the backend';
};

subtest 'refused after the body' => sub {
    deliver_github('/github', key => 'another secret', delivery => 'forged');
    are_values(
        logged_values(), 'a forged signature', verdict => 'rejected', reason => 'bad_signature', endpoint => 'ci',
        scheme => 'github', event_id => 'forged', event_type => 'push', body_sha256 => sha256_hex($BODY), taken => 1,
    );
};

subtest 'other verdicts' => sub {
    my @headers = github_headers($SECRET, $BODY, delivery => 'twice');
    deliver(uri => '/remembered', body => $BODY, headers => \@headers);
    is logged_values()->{verdict}, 'accepted', 'the first of two';
    deliver(uri => '/remembered', body => $BODY, headers => \@headers);
    are_values(
        logged_values(), 'the second of two', verdict => 'duplicate', reason => 'duplicate', endpoint => 'github',
        scheme => 'github', event_id => 'twice', event_type => 'push', secret_id => 'current',
        body_sha256 => sha256_hex($BODY), taken => 1,
    );
    deliver(uri => '/monitored', body => $BODY);
    my %expected = (verdict => 'monitored', reason => 'missing_signature', endpoint => 'github', scheme => 'github');
    are_values(carried_values(), 'monitored: the backend sees what is wrong', %expected);
    are_values(logged_values(), 'monitored', %expected);
};

subtest 'without a gate' => sub {
    my $response = deliver_github('/ungated');
    are_values(carried_values(), 'proxy_set_header');
    are_values(values_in($response->header('Variables')), 'add_header');
    are_values(logged_values(), 'log_format');
};

subtest 'the next request of a connection' => sub {
    my $connection = open_connection();
    my $first = $connection->request(uri => '/github', body => $BODY, headers => [ github_headers($SECRET, $BODY) ]);
    is $first->{status}, 200, 'the first is a delivery';
    logged_values();
    my $second = $connection->request(uri => '/ungated', body => $BODY);
    is $second->{status}, 200, 'the second is served by the same connection';
    are_values(logged_values(), 'the second is none');
};

subtest 'before the gate' => sub {
    my $response = deliver_github('/early');
    are_values(values_in($response->header('Early')), 'where it goes is known', endpoint => 'early', scheme => 'github');
    is values_in($response->header('Late'))->{verdict}, 'accepted', 'the rest comes later';
    logged_values();
};

subtest 'the hash of the body' => sub {
    my %bodies = (
        'a short one'   => 'x',
        'empty'         => '',
        'of any bytes'  => join('', map { chr } 0 .. 255) x 8,
        'a large one'   => join('', map { "line $_\n" } 1 .. 200_000),
    );
    for my $name (sort keys %bodies) {
        my $body    = $bodies{$name};
        my @headers = github_headers($SECRET, $body);
        deliver(uri => '/github', body => $body, headers => \@headers);
        is carried_values()->{body_sha256}, sha256_hex($body), "$name";
        logged_values();
        deliver(uri => '/spilled', body => $body, headers => \@headers);
        is carried_values()->{body_sha256}, sha256_hex($body), "$name, in a temporary file";
        logged_values();
        deliver(uri => '/github', chunked => [ unpack '(a50000)*', $body ], headers => \@headers);
        is carried_values()->{body_sha256}, sha256_hex($body), "$name, in chunks";
        logged_values();
    }
    my $large = $bodies{'a large one'};
    $backend->clear;
    send_h2(uri => '/github', body => $large, headers => [ github_headers($SECRET, $large) ]);
    is carried_values()->{body_sha256}, sha256_hex($large), 'over HTTP/2';
    logged_values();
    deliver(uri => '/github', content_length => undef, headers => [ github_headers($SECRET, '') ]);
    is carried_values()->{body_sha256}, sha256_hex(''), 'no body at all is an empty one';
    logged_values();
};

subtest 'map' => sub {
    my %route = (push => '/pushed', release => '/released', issues => '/other');
    for my $type (sort keys %route) {
        deliver_github('/mapped', event => $type);
        is(($backend->requests)[0]{uri}, $route{$type}, $type);
        logged_values();
    }
    deliver_github('/mapped', override => { 'X-GitHub-Event' => undef });
    is(($backend->requests)[0]{uri}, '/unknown', 'no type');
    logged_values();
};

subtest 'limit_req' => sub {
    my @statuses = map { deliver_github('/limited')->{status} } 1 .. 2;
    is_deeply \@statuses, [ 200, 429 ], 'an endpoint has a rate of its own';
    is deliver(uri => '/unlimited', body => $BODY)->{status}, 200, 'an empty key has none' for 1 .. 2;
    $lines += 4;
};

subtest 'subrequests' => sub {
    my %expected = (
        verdict => 'accepted', reason => 'accepted', endpoint => 'ci', scheme => 'github', event_id => 'sub',
        event_type => 'push', secret_id => 'current', body_sha256 => sha256_hex($BODY), taken => 1,
    );
    deliver_github('/subrequests', delivery => 'sub');
    wait_for(sub { $backend->count == 3 }, 5, 'three requests at the backend');
    are_values(carried_values('/subrequests'), 'the delivery', %expected);
    are_values(carried_values('/mirrored'), 'a mirror of it', %expected);
    are_values(carried_values('/asked_before'), 'auth_request, which comes before the gate');
    are_values(logged_values(), 'the log', %expected);
};

subtest 'internal redirects' => sub {
    my %refused = (
        verdict => 'rejected', reason => 'bad_signature', endpoint => 'ci', scheme => 'github',
        event_id => 'redirected', event_type => 'push', body_sha256 => sha256_hex($BODY), taken => 1,
    );
    my $response = deliver_github('/redirected', key => 'another secret', delivery => 'redirected');
    is $response->{status}, 403, 'error_page answers';
    are_values(values_in($response->{body}), 'a refused delivery', %refused);
    are_values(logged_values(), 'a refused delivery in the log', %refused);

    my %accepted = (%refused, verdict => 'accepted', reason => 'accepted', secret_id => 'current');
    $backend->behave([ { status => 503 }, { status => 200 } ]);
    $response = deliver_github('/redirected', delivery => 'redirected');
    is $response->{status}, 200, 'the fallback answers';
    my ($first, $second) = $backend->requests;
    are_values(values_in($first->{headers}{variables}), 'an accepted delivery', %accepted);
    are_values(values_in($second->{headers}{variables}), 'the same in a named location', %accepted);
    is $second->{body}, $BODY, 'which has the body';
    are_values(logged_values(), 'an accepted delivery in the log', %accepted);
    $backend->behave;
};

finish();
