# webhook_mode monitor: everything is checked and said, nothing is held back.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);
use Time::HiRes qw(time);

my $SECRET = 'a secret of the tests';

my $backend = start_backend();

# Nobody but its owner may limit a process.
my $nginx = start_nginx(main => 'user root;', http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_dedup_zone zone=full:32k full=reject;
log_format verdict '$uri $status "$webhook_verdict" "$webhook_reason"';
keepalive_requests 100000;
webhook_scheme strict {
    algorithm hmac-sha256;
    signed    "{header:X-Version}.{timestamp}.{body}";
    signature header=X-Signature encoding=hex;
    timestamp header=X-Timestamp unit=s tolerance=5m;
    event_id  header=X-Id;
}
client_max_body_size 32m;
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log verdict;
    proxy_set_header X-Verdict $webhook_verdict;
    proxy_set_header X-Reason $webhook_reason;
    webhook_secret "a secret of the tests";
    webhook_mode monitor;
    webhook strict;

    location / { proxy_pass http://%%BACKEND%%; }
    location /tls {
        webhook_require_tls on;
        proxy_pass http://%%BACKEND%%;
    }
    location /source {
        webhook_allow 192.0.2.1;
        proxy_pass http://%%BACKEND%%;
    }
    location /tenant {
        webhook_secret "$http_x_tenant";
        proxy_pass http://%%BACKEND%%;
    }
    location /remembered {
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /waits {
        webhook_dedup zone=events wait=300ms;
        proxy_pass http://%%BACKEND%%;
    }
    location /payload {
        webhook pagerduty;
        webhook_dedup zone=events;
        webhook_payload_max 30m;
        proxy_pass http://%%BACKEND%%;
    }
    location /enforced/payload {
        webhook pagerduty;
        webhook_mode enforce;
        webhook_payload_max 30m;
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /full {
        webhook_dedup zone=full;
        proxy_pass http://%%BACKEND%%;
    }
    location /filling {
        webhook_mode enforce;
        webhook_dedup zone=full;
        proxy_pass http://%%ADDR%%:8081;
    }
    location /enforced {
        webhook_mode enforce;
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /small {
        client_max_body_size 10;
        proxy_pass http://%%BACKEND%%;
    }
    location /answers {
        webhook_response bad_signature 418 "refused";
        webhook_response duplicate 418;
        proxy_pass http://%%BACKEND%%;
    }
}
server {
    listen %%ADDR%%:8081;
    location / { return 200; }
}
CONF

# Signed as the scheme `strict` asks; `override` replaces headers, undef drops them.
sub signed ($body, %options) {
    my $time    = $options{time} // time;
    my %headers = (
        'X-Version'   => 1,
        'X-Id'        => $options{id} // unique_id('event'),
        'X-Timestamp' => int $time,
        'X-Signature' => hmac_sha256_hex('1.' . int($time) . ".$body", $options{secret} // $SECRET),
        %{ $options{override} // {} },
    );
    return [ map { defined $headers{$_} ? ($_ => $headers{$_}) : () } sort keys %headers ];
}

sub deliver (%options) {
    my $body = $options{body} // '{}';
    my %sign = map { exists $options{$_} ? ($_ => delete $options{$_}) : () } qw(id time secret override);
    return send_request(uri => '/', body => $body, headers => signed($body, %sign), %options);
}

# The request reaches the upstream with its body, marked, and has the upstream's answer.
sub is_passed ($what, $reason, $body, $send) {
    $backend->clear->behave(status => 202, body => 'taken');
    my $lines    = access_log_lines();
    my $response = $send->();
    is $response->{status}, 202, "$what: status of the upstream";
    is $response->{body}, 'taken', "$what: its answer";
    is $response->header('Webhook-Reason'), undef, "$what: the sender is told nothing";
    my ($request) = $backend->requests;
    is $backend->count, 1, "$what: reached the upstream";
    ok(($request->{body} // '') eq $body, "$what: with its body");
    my $verdict = $reason eq 'accepted' ? 'accepted' : 'monitored';
    is $request->{headers}{'x-verdict'}, $verdict, "$what: the upstream is told the verdict";
    is $request->{headers}{'x-reason'}, $reason, "$what: and the reason";
    my @lines = access_log_lines($lines + 1);
    like $lines[-1], qr/ 202 "$verdict" "$reason"$/, "$what: so is the log";
}

subtest 'what would be refused before its body is read' => sub {
    my $now = time;
    my %cases = (
        'accepted'            => [ 'a good one',      {} ],
        'method'              => [ 'PUT',             { method => 'PUT' } ],
        'insecure'            => [ 'no TLS',          { uri => '/tls' } ],
        'ip_denied'           => [ 'another source',  { uri => '/source' } ],
        'missing_signature'   => [ 'unsigned',        { override => { 'X-Signature' => undef } } ],
        'malformed_signature' => [ 'not hex',         { override => { 'X-Signature' => 'xyz' } } ],
        'missing_timestamp'   => [ 'no time',         { override => { 'X-Timestamp' => undef } } ],
        'malformed_timestamp' => [ 'no number',       { override => { 'X-Timestamp' => 'now' } } ],
        'missing_header'      => [ 'no version',      { override => { 'X-Version' => undef } } ],
        'stale_timestamp'     => [ 'yesterday',       { time => $now - 86400 } ],
        'future_timestamp'    => [ 'tomorrow',        { time => $now + 86400 } ],
        'no_secret'           => [ 'no tenant',       { uri => '/tenant' } ],
    );
    for my $reason (sort keys %cases) {
        my ($what, $options) = @{ $cases{$reason} };
        is_passed($what, $reason, '{"small":1}', sub { deliver(%$options, body => '{"small":1}') });
        my $long = 'y' x 300_000;
        is_passed("$what, long", $reason, $long, sub { deliver(%$options, body => $long) });
    }
};

subtest 'what would be refused for its body' => sub {
    is_passed('forged', 'bad_signature', '{}', sub { deliver(secret => 'another') });
    my $long = 'y' x 300_000;
    is_passed('forged and long', 'bad_signature', $long, sub { deliver(body => $long, secret => 'another') });
    is_passed('no event id', 'missing_event_id', '{}',
        sub { deliver(uri => '/remembered', override => { 'X-Id' => undef }) });
    for my $case ([ '{"event":', 'invalid_payload' ], [ '{"event":{}}', 'missing_event_id' ]) {
        my ($body, $reason) = @$case;
        is_passed($body, $reason, $body,
            sub { send_request(uri => '/payload', body => $body, headers => [ pagerduty_headers($SECRET, $body) ]) });
    }
};

subtest 'every form of a body' => sub {
    my $binary = join '', map { chr } 0 .. 255;
    my $long   = 'z' x 200_000;
    for my $secret ($SECRET, 'another') {
        my $reason = $secret eq $SECRET ? 'accepted' : 'bad_signature';
        my $send = sub ($body, %options) {
            return sub { send_request(uri => '/', headers => signed($body, secret => $secret), %options) };
        };
        is_passed('a length',       $reason, $binary,   $send->($binary, body => $binary));
        is_passed('packets',        $reason, $binary,   $send->($binary, body => $binary, split => 40));
        is_passed('long packets',   $reason, $long,     $send->($long, body => $long, split => 50_000));
        is_passed('chunks',         $reason, 'onetwo',  $send->('onetwo', chunked => [ 'one', 'two' ]));
        is_passed('slow chunks',    $reason, 'onetwo',  $send->('onetwo', chunked => [ 'one', 'two' ], chunk_pause => 0.02));
        is_passed('long chunks',    $reason, "a$long",  $send->("a$long", chunked => [ 'a', $long ]));
        is_passed('after 100',      $reason, $binary,   $send->($binary, body => $binary, expect_100 => 1));
        is_passed('head first',     $reason, $binary,   $send->($binary, body => $binary, head_then_body => 0.05));
        is_passed('length zero',    $reason, '',        $send->('', body => ''));
        is_passed('no body at all', $reason, '',        $send->('', body => undef));
        my $h2 = sub ($body, %options) {
            return sub { send_h2(uri => '/', headers => signed($body, secret => $secret), body => $body, %options) };
        };
        is_passed('HTTP/2',                 $reason, $binary, $h2->($binary));
        is_passed('HTTP/2 without a length', $reason, $long,  $h2->($long, no_length => 1));
    }
    # Refused before the body is read, so that nobody has read it when it is passed on.
    is_passed('unread chunks', 'missing_signature', 'onetwo',
        sub { send_request(uri => '/', chunked => [ 'one', 'two' ], chunk_pause => 0.02) });
    is_passed('unread, after 100', 'missing_signature', $long,
        sub { send_request(uri => '/', body => $long, expect_100 => 1) });
    is_passed('unread HTTP/2', 'missing_signature', $long, sub { send_h2(uri => '/', body => $long, no_length => 1) });
};

subtest 'a body that nginx itself refuses' => sub {
    my $long = 'y' x 100;
    my %forms = (
        'a length'        => { body => $long },
        'chunks at once'  => { chunked => [$long] },
        'chunks'          => { chunked => [ 'y' x 5, $long ], chunk_pause => 0.05 },
    );
    for my $form (sort keys %forms) {
        for my $headers (signed($long), []) {
            $backend->clear->behave;
            my $response = send_request(uri => '/small', headers => $headers, %{ $forms{$form} });
            is $response->{status}, 413, "$form: refused";
            is_deeply [ map { $_->{body} } $backend->requests ], [], "$form: no part of it reached the upstream";
        }
    }
};

subtest 'duplicates' => sub {
    my %event = (uri => '/remembered', id => unique_id());
    is_passed('first', 'accepted', '{}', sub { deliver(%event) });
    is_passed('again', 'duplicate', '{}', sub { deliver(%event) }) for 1 .. 2;

    my $forged = unique_id();
    is_passed('forged', 'bad_signature', '{}', sub { deliver(uri => '/remembered', id => $forged, secret => 'another') });
    is_passed('the genuine one', 'accepted', '{}', sub { deliver(uri => '/remembered', id => $forged) });

    $backend->behave(status => 500);
    %event = (uri => '/remembered', id => unique_id());
    is deliver(%event)->{status}, 500, 'a failure';
    is_passed('is not remembered', 'accepted', '{}', sub { deliver(%event) });
    is_passed('as a delivery is', 'duplicate', '{}', sub { deliver(%event) });

    # The second attempt was let through although it was a duplicate; it claimed nothing.
    $backend->behave(status => 500);
    is deliver(%event)->{status}, 500, 'a duplicate that fails';
    is_passed('does not undo the delivery', 'duplicate', '{}', sub { deliver(%event) });
    $backend->clear->behave;
    is deliver(%event, uri => '/enforced')->header('Webhook-Reason'), 'duplicate', 'nor where the gate enforces';
    is $backend->count, 0, 'which lets no duplicate through';
};

subtest 'twins in flight' => sub {
    for my $uri ('/remembered', '/waits') {
        $backend->clear->behave([ { hold => 1 }, {} ]);
        my $id    = unique_id();
        my $first = start_request(uri => $uri, body => '{}', headers => signed('{}', id => $id));
        wait_for(sub { $backend->count == 1 }, 3, 'in flight');
        is_passed("twin at $uri", 'in_flight', '{}', sub { deliver(uri => $uri, id => $id) });
        $backend->let_go;
        is $first->finish->{status}, 200, 'first';
        is_passed("then at $uri", 'duplicate', '{}', sub { deliver(uri => $uri, id => $id) });
    }
};

subtest 'a zone without room' => sub {
    my $connection = open_connection();
    my $filled;
    for (1 .. 2000) {
        $filled = $connection->request(uri => '/filling', body => '{}', headers => signed('{}'))->{status} == 503;
        last if $filled;
    }
    $connection->close;
    ok $filled, 'it fills';
    is_passed('one more', 'unavailable', '{}', sub { deliver(uri => '/full') });
};

subtest 'webhook_response is for what is refused' => sub {
    is_passed('forged', 'bad_signature', '{}', sub { deliver(uri => '/answers', secret => 'another') });
};

subtest 'one line per delivery that would have been refused' => sub {
    my $position = length $nginx->error_log;
    deliver();
    deliver(secret => 'another');
    my @lines = grep { /webhook / } split /\n/, substr $nginx->error_log, $position;
    is scalar(@lines), 1, 'one';
    like $lines[0], qr/\[error\].*webhook monitored: bad_signature, secrets tried: 1, length of the body: 2, endpoint: "strict", event id: "[\w-]+", request id: \w+, client: /, 'says so';
};

subtest 'what is off in monitor mode is on in enforce mode' => sub {
    $backend->clear->behave;
    is deliver(uri => '/enforced', secret => 'another')->{status}, 401, 'forged';
    is deliver(uri => '/enforced', method => 'PUT')->{status}, 405, 'method';
    is deliver(uri => '/enforced', override => { 'X-Signature' => undef })->{status}, 401, 'unsigned';
    is $backend->count, 0, 'nobody was reached';
};

# The worker may have so many bytes of memory more than it has now.
sub limit_memory ($bytes) {
    for my $worker ($nginx->workers) {
        my ($kilobytes) = slurp("/proc/$worker/status") =~ /^VmSize:\s+(\d+) kB/m;
        my $limit = $bytes ? $kilobytes * 1024 + $bytes : 'unlimited';
        is run_command(command => [ 'prlimit', "--pid=$worker", "--as=$limit:unlimited" ]), 0, "memory: $limit";
    }
}

subtest 'a fault of ours' => sub {
    plan skip_all => 'the address sanitizer does not live with little memory' if $ENV{WEBHOOK_PRELOAD};
    allow_log(qr/\[crit\].*webhook: internal fault/);
    my $body   = '{"event":{"id":"large"}}' . ' ' x 12_000_000;
    my @signed = (body => $body, headers => [ pagerduty_headers($SECRET, $body) ], timeout => 8);

    is_passed('a small one first', 'bad_signature', '{}', sub { deliver(secret => 'another') });
    limit_memory(6_000_000);
    $backend->clear->behave;
    my $refused = send_request(uri => '/enforced/payload', @signed);
    is $refused->{status}, 500, 'enforce: refused';
    is $refused->header('Webhook-Reason'), 'internal', 'enforce: reason';
    is $backend->count, 0, 'enforce: reached nobody';
    is_passed('monitor', 'internal', $body, sub { send_request(uri => '/payload', @signed) });
    limit_memory(0);
    is_passed('monitor, with memory again', 'accepted', $body, sub { send_request(uri => '/payload', @signed) });
    like $nginx->error_log, qr/\[crit\].*webhook: internal fault: /, 'it is in the log';
};

finish();
