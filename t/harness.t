# The harness itself, on a plain proxy_pass: what the other files rely on must be true,
# and the demands which finish() makes must be able to fail.

use Webhook::Test;

use Time::HiRes qw(sleep time);

my $PLAIN = <<'CONF';
log_format marked '$remote_addr $request_method $uri $status $http_content_length';
proxy_read_timeout 3s;
client_body_timeout 2s;
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    listen %%ADDR%%:8443 ssl http2;
    listen unix:%%DIR%%/nginx.sock;
    ssl_certificate %%CERT%%;
    ssl_certificate_key %%KEY%%;
    access_log %%DIR%%/access.log marked;
    location / {
        proxy_pass http://%%BACKEND%%;
    }
    location /unbuffered {
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_pass http://%%BACKEND%%;
    }
    location /second {
        proxy_pass http://%%ADDR%%:9001;
    }
}
CONF

my $backend = start_backend();
my $nginx   = start_nginx(http => $PLAIN, workers => 2);
my $binary  = join '', map { chr } 0 .. 255;

sub received () {
    my @requests = $backend->requests;
    $backend->clear;
    return @requests == 1 ? $requests[0] : { count => scalar @requests };
}

# Its directory is within ours, so that what it keeps on purpose goes away too.
sub run_inner ($script) {
    my $path   = write_file('inner.t', "use Webhook::Test;\n$script");
    my $output = directory() . '/inner.output';
    unlink $output;
    my ($library) = grep { -e "$_/Webhook/Test.pm" } @INC;
    my $code = run_command(command => [ $^X, "-I$library", $path ], output => $output, env => { TMPDIR => directory() });
    return ($code, slurp($output));
}

subtest 'addresses' => sub {
    like address(), qr/^127\.(?!0\.)\d+\.\d+\.\d+$/, 'an own loopback network';
    my %seen;
    $seen{ Webhook::Sandbox::address_of($_) }++ for 1 .. 40_000, 4_190_000 .. 4_194_304;
    is scalar(keys %seen), 44_305, 'no two processes share one';
    ok !(grep { /^127\.0\.|\.0$|\.255$/ } keys %seen), 'nor is one special';
};

subtest 'a request arrives in full' => sub {
    my $response = send_request(
        method => 'PUT', uri => '/hook?a=1', body => $binary, headers => [ 'X-Twice' => 1, 'X-Twice' => 2 ],
    );
    is $response->{status}, 200, 'status';
    is $response->{body}, "ok\n", 'body of the answer';
    is $response->header('Content-Type'), 'text/plain', 'header of the answer';
    my $request = received();
    is $request->{method}, 'PUT', 'method';
    is $request->{uri}, '/hook?a=1', 'uri';
    ok $request->{body} eq $binary, 'body, byte for byte';
    is_deeply [ map { $_->[1] } grep { $_->[0] eq 'X-Twice' } @{ $request->{header_list} } ], [ 1, 2 ],
        'repeated headers in order';
};

subtest 'packets' => sub {
    for my $split (7, [ 10, 60, 61 ]) {
        is send_request(body => $binary, split => $split)->{status}, 200, 'status';
        ok received()->{body} eq $binary, 'body';
    }
    is_deeply [ Webhook::Connection::cut('abcdefg', 3) ], [qw(abc def g)], 'packets of three bytes';
    is_deeply [ Webhook::Connection::cut('abcdef', 3) ], [qw(abc def)], 'no empty packet at the end';
    is_deeply [ Webhook::Connection::cut('abcdefg', [ 1, 6, 9 ]) ], [qw(a bcdef g)], 'packets by offsets';

    my $start = time;
    is send_request(body => $binary, head_then_body => 0.2)->{status}, 200, 'pause before the body';
    cmp_ok time - $start, '>=', 0.2, 'it was a pause';
    ok received()->{body} eq $binary, 'body';
};

subtest 'chunks' => sub {
    is send_request(chunked => [ 'one', $binary, 'three' ])->{status}, 200, 'chunked';
    is received()->{body}, "one${binary}three", 'joined by nginx';
    is send_request(uri => '/unbuffered', chunked => [ 'one', $binary ], chunk_pause => 0.02)->{status}, 200,
        'chunked to the backend';
    my $request = received();
    is $request->{headers}{'transfer-encoding'}, 'chunked', 'it was';
    is $request->{body}, "one$binary", 'decoded by the backend';
};

subtest 'Expect: 100-continue' => sub {
    my $response = send_request(body => $binary, expect_100 => 1);
    is $response->{status}, 200, 'status';
    is $response->{continue}, 1, '100 was seen';
    ok received()->{body} eq $binary, 'body';
};

subtest 'lengths that lie' => sub {
    is send_request(body => 'abc', content_length => 'many')->{status}, 400, 'not a number';
    is send_request(body => 'abcdef', content_length => 3)->{status}, 200, 'too small';
    is received()->{body}, 'abc', 'cut';
    is send_request(body => 'abc', content_length => undef, headers => [ 'X-A' => 1 ])->{status}, 200, 'none';
    is received()->{body}, '', 'no body without a length';
    is send_request(raw => "GET /raw HTTP/1.0\r\n\r\n")->{status}, 200, 'raw bytes';
    is received()->{uri}, '/raw', 'as they were';
};

subtest 'a client that leaves' => sub {
    is send_request(body => 'x' x 100, close_after => 120, reset => 1)->{abandoned}, 1, 'in the middle';
    $backend->behave(delay => 0.3);
    is send_request(uri => '/left', body => 'x', abandon => 0.1)->{status}, 0, 'before the answer';
    ok wait_for(sub { grep { m{/left 499} } access_log_lines() }, 3, 'nginx noticed'), 'nginx noticed';
    is received()->{body}, 'x', 'the backend has the whole request';
    $backend->behave;

    send_request(uri => '/unbuffered', body => 'x' x 100, content_length => 200, abandon => 0.05);
    ok wait_for(sub { $backend->incomplete }, 3, 'half a request'), 'half a request is recorded apart';
    is $backend->count, 0, 'and not counted';
    $backend->clear;
};

subtest 'ways in' => sub {
    is send_request(body => 'x', from => '127.0.0.9')->{status}, 200, 'from an address';
    ok wait_for(sub { grep { /^127\.0\.0\.9 / } access_log_lines() }, 3, 'logged'), 'which nginx saw';
    is send_request(body => 'x', unix => directory() . '/nginx.sock')->{status}, 200, 'over a unix socket';
    is send_request(method => 'HEAD', uri => '/')->{status}, 200, 'HEAD';
    is send_request(body => 'x', port => 1)->{status}, 0, 'nobody listens';
    $backend->clear;

    is send_request(tls => 1, body => $binary)->{status}, 200, 'TLS';
    ok received()->{body} eq $binary, 'body';

    my $half = open_connection();
    $half->send('POST / HT');
    my $connection = open_connection();
    is $connection->request(body => "$_")->{status}, 200, "kept connection, request $_" for 1 .. 3;
    is $connection->request(method => 'HEAD')->{status}, 200, 'HEAD';
    is $connection->request(body => '4')->{status}, 200, 'and another';
    is join('', map { $_->{body} } $backend->requests), '1234', 'all arrived in order';
    $backend->clear;
    my $background = start_request(uri => '/unbuffered', chunked => [ 'a', 'b' ], chunk_pause => 0.1);
    is $half->pending_input, '', 'half a request has no answer';
    $half->close;
    ok $connection->closed_within(0) eq '', 'still open';
    is $connection->request(headers => [ Connection => 'close' ])->{status}, 200, 'the last one';
    ok $connection->closed_within(1), 'closed by nginx';
    is $background->finish->{status}, 200, 'another went on meanwhile';
    $backend->clear;
};

subtest 'HTTP/2' => sub {
    for my $tls (0, 1) {
        my $response = send_h2(tls => $tls, uri => '/h2', body => $binary, headers => [ 'X-A' => 'b' ]);
        is $response->{status}, 200, 'status';
        like $response->{raw}, qr{^HTTP/2 }, 'protocol';
        my $request = received();
        ok $request->{body} eq $binary, 'body';
        is $request->{headers}{'x-a'}, 'b', 'header';
        ok !exists $request->{headers}{'content-type'}, 'curl added nothing';
    }
    my $length = length $binary;
    my %logged = ('/length' => $length, '/no_length' => '-');
    for my $uri (sort keys %logged) {
        send_h2(uri => $uri, body => $binary, no_length => $uri eq '/no_length');
        ok received()->{body} eq $binary, "$uri: body";
        my $line = wait_for(sub { (grep { m{ $uri } } access_log_lines())[0] }, 3, "$uri: logged");
        like $line, qr{ 200 $logged{$uri}$}, "$uri: announced length";
    }
    send_h2(chunked => [ 'one', 'two' ], chunk_pause => 0.05);
    is received()->{body}, 'onetwo', 'DATA frames with a pause';
};

subtest 'the backend misbehaves' => sub {
    my $status = sub (@behaviour) { $backend->behave(@behaviour); send_request(body => 'x')->{status} };
    is $status->(status => 418), 418, 'status';
    is $status->(status => 204), 204, 'without a body';
    is $status->(close => 1), 502, 'closes';
    is $status->(reset => 1), 502, 'resets';
    is $status->(partial => 1), 502, 'half a head';
    is $status->(raw => "HTTP/1.0 202 Raw\r\n\r\n"), 202, 'raw bytes';
    is $backend->count, 6, 'each was recorded';

    $backend->behave(truncated => 1, body => 'short');
    my $response = send_request(body => 'x');
    is $response->{status}, 200, 'truncated: status';
    is $response->{truncated}, 1, 'truncated: seen by the client';

    $backend->behave(delay => 0.2, headers => [ 'X-Answer' => 'late' ], body => 'y' x 300_000);
    my $start = time;
    $response = send_request(body => 'x');
    cmp_ok time - $start, '>=', 0.2, 'delay';
    is $response->header('X-Answer'), 'late', 'header';
    is length $response->{body}, 300_000, 'long body';

    $backend->behave([ { status => 500 }, { status => 503 }, { status => 200 } ]);
    is join(' ', map { send_request(body => 'x')->{status} } 1 .. 4), '500 503 200 200', 'one after another';

    $backend->behave(hang => 1);
    $response = send_request(body => 'x', timeout => 0.2);
    is $response->{timed_out}, 1, 'hangs';

    $backend->clear->behave([ { hold => 1 }, { hold => 'other', status => 202 }, { hold => 1, status => 203 } ]);
    my @held;
    for my $number (1 .. 3) {
        push @held, start_request(body => 'x');
        wait_for(sub { $backend->count == $number }, 3, 'held');
    }
    sleep 0.05;
    is_deeply [ grep { $_->answered } @held ], [], 'holds its answers';
    $backend->let_go;
    is_deeply [ map { $held[$_]->finish->{status} } 0, 2 ], [ 200, 203 ], 'until it lets them go';
    ok !$held[1]->answered, 'not those of another name';
    $backend->behave([ { hold => 1 }, {} ])->let_go('other');
    is $held[1]->finish->{status}, 202, 'which it lets go although there is a new order';
    is send_request(body => 'x', timeout => 0.2)->{timed_out}, 1, 'what came under that is not let go by the one before';
    $backend->let_go;
    is send_request(body => 'x')->{status}, 200, 'nor held when it was let go before it came';

    $backend->stop;
    is send_request(body => 'x')->{status}, 502, 'is away';
    $backend->behave->start;
    is send_request(body => 'x')->{status}, 200, 'is back';
    $backend->clear;

    my $second = start_backend(port => 9001)->behave(body => 'second');
    is send_request(uri => '/second', body => 'x')->{body}, 'second', 'another one';
    is $second->count, 1, 'has its own records';
    is $backend->count, 0, 'apart';
};

subtest 'many at once' => sub {
    $backend->behave(delay => 0.1);
    my @started = map { start_request(body => "background $_", h2 => $_ == 5) } 1 .. 10;
    is_deeply [ map { $_->finish->{status} } @started ], [ (200) x 10 ], 'in the background';
    my $start = time;
    my @responses = send_together(map { { body => "together $_" } } 1 .. 50);
    is_deeply [ map { $_->{status} } @responses ], [ (200) x 50 ], 'together';
    cmp_ok time - $start, '<', 2, 'at the same time';
    is $backend->count, 60, 'all arrived';

    $backend->behave(hang => 1)->clear;
    my $hanging = start_request(uri => '/cancelled', body => 'x');
    wait_for(sub { $backend->count }, 3, 'it hangs');
    $hanging->cancel;
    ok wait_for(sub { grep { m{/cancelled 499} } access_log_lines() }, 3, 'cancelled'), 'cancelled';
    $backend->behave->clear;
};

subtest 'configuration' => sub {
    my ($code, $output) = config_test(http => "# first\nserver { }\nno_such_directive on;\n");
    is $code, 1, 'refused';
    like $output, qr{unknown directive "no_such_directive" in \S+/http\.conf:3}, 'line of the http text';
    ($code, $output) = config_test(
        http  => 'include extra.conf; include %%DIR%%/extra.conf;',
        files => { 'extra.conf' => '', 'config_test/extra.conf' => '' },
    );
    is $code, 0, 'accepted' or diag $output;

    my %old = map { $_ => 1 } $nginx->workers;
    is scalar(keys %old), 2, 'two workers';
    $nginx->rewrite_config(http => $PLAIN =~ s|location / [{]|location / { return 404;|r);
    ok $nginx->reload, 'reloaded';
    ok !(grep { $old{$_} } $nginx->workers), 'new workers';
    is send_request(body => 'x')->{status}, 404, 'new configuration';

    $nginx->rewrite_config(http => 'nonsense;');
    allow_log(qr/unknown directive "nonsense"/);
    ok !$nginx->reload, 'not reloaded';
    is send_request(body => 'x')->{status}, 404, 'old configuration';
};

subtest 'a worker dies' => sub {
    allow_log(qr/exited on signal 9/);
    my $worker = $nginx->kill_worker('KILL');
    is scalar($nginx->workers), 2, 'and is replaced';
    ok !(grep { $_ == $worker } $nginx->workers), 'by another';
    like $nginx->error_log, qr/exited on signal 9/, 'log';
};

subtest 'signatures' => sub {
    my %github = github_headers("It's a Secret to Everybody", 'Hello, World!', override => { 'x-github-event' => undef });
    is $github{'X-Hub-Signature-256'},
        'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17', 'the example of GitHub';
    ok !exists $github{'X-GitHub-Event'}, 'dropped header';
    my %standard = standard_headers('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '{"test": 2432232314}',
        id => 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp => 1614265330);
    is $standard{'webhook-signature'}, 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'the example of Svix';
    my %slack = slack_headers('8f742231b10e8888abcd99yyyzzz85a5',
        'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V'
            . '&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text='
            . '&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554'
            . '%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
        timestamp => 1531420618);
    is $slack{'X-Slack-Signature'},
        'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503', 'the example of Slack';
    my %stripe = stripe_headers('whsec_a', 'body', timestamp => 5, secrets => ['whsec_b']);
    like $stripe{'Stripe-Signature'}, qr/^t=5,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/, 'Stripe, two secrets';
    isnt +{ github_headers('a', 'b') }->{'X-GitHub-Delivery'}, +{ github_headers('a', 'b') }->{'X-GitHub-Delivery'},
        'ids are unique unless given';
};

subtest 'a test that must fail does' => sub {
    my $start = q(my $nginx = start_nginx(http => 'server { listen %%ADDR%%:8080; }'); ok 1;);
    my $inject = q(open my $log, '>>', directory() . '/%s.log'; print {$log} "%s\n"; close $log;);
    my $alert  = '2026/01/01 00:00:00 [alert] 1#1: injected';

    my ($code, $output) = run_inner("$start finish();");
    is $code, 0, 'the same without a fault passes' or diag $output;

    my %alarms = (
        alert     => [ error  => $alert ],
        emerg     => [ error  => '2026/01/01 00:00:00 [emerg] 1#1: injected' ],
        signal    => [ error  => '[notice] worker process 7 exited on signal 11' ],
        sanitizer => [ stderr => '==1==ERROR: AddressSanitizer: heap-use-after-free' ],
        undefined => [ stderr => 'file.cpp:1:2: runtime error: signed integer overflow' ],
        leak      => [ error  => '==1==ERROR: LeakSanitizer: detected memory leaks' ],
        exception => [ stderr => 'terminate called after throwing an instance of' ],
    );
    for my $name (sort keys %alarms) {
        ($code, $output) = run_inner("$start " . sprintf($inject, @{ $alarms{$name} }) . ' finish();');
        isnt $code, 0, "$name: fails";
        like $output, qr/not ok \d+ - the logs hold nothing alarming/, "$name: for that reason";
    }

    ($code, $output) = run_inner("$start " . sprintf($inject, error => $alert) . ' allow_log(qr/injected/); finish();');
    is $code, 0, 'unless it is allowed' or diag $output;
    ($code) = run_inner("$start \$nginx->kill_worker('SEGV'); finish();");
    isnt $code, 0, 'a worker that crashes';
    ($code, $output) = run_inner(q(ok 1; sub unused { finish() } exit 0;));
    isnt $code, 0, 'finish() is not reached';
    like $output, qr/not ok \d+ - finish\(\) was reached/, 'and that is said';
    ($code) = run_inner('ok 1; done_testing();');
    isnt $code, 0, 'done_testing() instead of finish()';
    ($code) = run_inner('plan skip_all => "no reason";');
    is $code, 0, 'but a skipped file passes';
};

subtest 'nothing is left behind' => sub {
    my $script = q(start_backend(); my $nginx = start_nginx(http => 'server { listen %%ADDR%%:8080; }');
        diag "master ", $nginx->master, " directory ", directory(), ";"; );
    my %endings = (
        'finish' => 'ok 1; finish();',
        'die'    => 'die "on purpose";',
        'TERM'   => 'kill TERM => $$; sleep 5; finish();',
        'KILL'   => 'kill KILL => $$; sleep 5;',
    );
    for my $name (sort keys %endings) {
        my ($code, $output) = run_inner("$script $endings{$name}");
        my ($master, $folder) = $output =~ /master (\d+) directory (\S+);/;
        ok $master && poll_until(sub { !Webhook::Nginx::title_of($master) }, 3), "$name: nginx is gone";
        ok !poll_until(sub { !-e $folder }, 0), "$name: the directory is kept" if $name ne 'finish';
        ok !-e $folder, "$name: the directory is gone" if $name eq 'finish';
        isnt $code, 0, "$name: not a success" if $name ne 'finish';
    }
};

finish();
