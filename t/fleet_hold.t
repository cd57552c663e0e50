# With one memory for a fleet, an answer is held until Redis has the event, and for no longer than timeout=. What
# arrives is what plain proxy_pass answers.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(delivery);
use Webhook::Fleet qw(answer_of outcome_at port_of remembered seconds_of start_node);

plan skip_all => redis_missing() if redis_missing();

my $PATIENCE = 20;
my $TIMEOUT  = 0.2;
my $BACK     = 8;
# Of a busy machine.
my $LATE     = $ENV{WEBHOOK_PRELOAD} ? 1 : 0.25;

my $MEGABYTE = join '', map { sprintf "%015d\n", $_ } 1 .. 1024 * 1024 / 16;

my $backend = start_backend();
my $redis   = start_redis();
my $proxy   = start_proxy();
make_directory('files', 0755);
write_file(directory() . '/files/large', $MEGABYTE x 6);
write_file(directory() . '/files/page.html', "a page\n" x 100);

# What an upstream says to any delivery.
my $ANSWERS = <<'CONF';
server {
    listen %%ADDR%%:8090;
    location = /empty       { return 200; }
    location = /none        { return 204; }
    location = /short       { return 200 "x"; }
    location = /created     { add_header Location /somewhere always; return 201 "made\n"; }
    location = /named       { add_header X-Accel-Redirect /files/page.html; return 200; }
    location = /named_large { add_header X-Accel-Redirect /files/large; return 200; }
    location = /second      { return 200 "second\n"; }
    location = /lost        { add_header X-Accel-Redirect /files/nowhere; return 200; }
    location /files/        { root %%DIR%%; error_page 405 =200 $uri; }
}
CONF

# With a gate and without.
my $LOCATIONS = <<'CONF';
location / { proxy_pass http://%%ADDR%%:8090; }
location = /large { proxy_pass http://%%ADDR%%:8090/files/large; }
location = /large_unbuffered { proxy_buffering off; proxy_pass http://%%ADDR%%:8090/files/large; }
location = /large_in_memory { proxy_max_temp_file_size 0; proxy_pass http://%%ADDR%%:8090/files/large; }
location = /page { error_page 404 /page.html; proxy_intercept_errors on; proxy_pass http://%%ADDR%%:8090/lost; }
location = /page.html { root %%DIR%%/files; }
location = /second { error_page 502 = @second; proxy_pass http://%%ADDR%%:1; }
location @second { proxy_pass http://%%ADDR%%:8090; }
location /backend { proxy_pass http://%%BACKEND%%; }
location /files/ { root %%DIR%%; if_modified_since before; }
CONF

my $GATE = 'webhook github; webhook_methods POST GET HEAD; webhook_secret "a secret of the tests"; webhook_dedup zone=events;';

sub server ($port, $gate) {
    return "server { listen %%ADDR%%:$port; listen %%ADDR%%:@{[ $port + 2 ]} http2; $gate\n$LOCATIONS }\n";
}

start_node(a => redis => 'redis://%%ADDR%%:6380', redis_options => 'timeout=200ms',
    http => join "\n", server(8080, $GATE), server(8070, ''), $ANSWERS);
start_node(b => redis => 'redis://%%ADDR%%:6379', http => server(8180, $GATE));

sub request ($case, $port, %options) {
    my $id = unique_id();
    my %request = delivery($id, id => $id, uri => "/$case->{uri}", method => $case->{method} // 'POST',
        headers => $case->{headers} // [], timeout => $PATIENCE, port => $port, %options);
    # curl sends no body with a HEAD.
    delete $request{body} if $request{method} eq 'HEAD';
    return %request;
}

# Dates differ, and the order of curl's own lines does not.
sub told ($response) {
    my @headers = map { "$_->[0]: " . ($_->[1] // '') } grep { $_->[0] !~ /^(?:Date|Last-Modified|ETag)$/i } @{ $response->{header_list} };
    return { status => $response->{status}, headers => \@headers, length => length $response->{body},
        truncated => $response->{truncated}, timed_out => $response->{timed_out} };
}

sub is_same ($got, $expected, $what) {
    is_deeply told($got), told($expected), $what;
    ok $got->{body} eq $expected->{body}, "$what: the same bytes";
}

# A new event of node a reaches Redis again.
sub is_back () {
    $proxy->pass;
    return wait_for(sub {
        my $id = unique_id('probe');
        outcome_at('a', $id, uri => '/short', port => 8080);
        outcome_at('b', $id, uri => '/short', port => 8180) eq 'duplicate';
    }, $BACK, 'Redis is back');
}

# The same at node b: a duplicate.
sub is_known ($request, $what) {
    my %again = (%$request, port => 8180);
    my $is_known = sub { (send_request(%again)->header('Webhook-Reason') // '') eq 'duplicate' };
    return ok $is_known->(), "$what: known elsewhere when the answer is here";
}

my @CASES = (
    { uri => 'empty', status => 200 },
    { uri => 'none', status => 204 },
    { uri => 'short', status => 200 },
    { uri => 'created', status => 201 },
    { uri => 'page', status => 404 },
    { uri => 'named', status => 200 },
    { uri => 'named', status => 206, headers => [ Range => 'bytes=10-99' ] },
    { uri => 'named_large', status => 200 },
    { uri => 'named', method => 'GET', status => 304, headers => [ 'If-Modified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT' ] },
    { uri => 'second', status => 200 },
    { uri => 'large', status => 200 },
    { uri => 'large_unbuffered', status => 200 },
    { uri => 'large_in_memory', status => 200 },
    (map { { uri => $_, method => 'HEAD', status => 200 } } qw(empty short named large)),
    { uri => 'none', method => 'HEAD', status => 204 },
);

sub name_of ($case) { return join ' ', $case->{method} // 'POST', "/$case->{uri}", @{ $case->{headers} // [] } }

# 40 ms for the claim, and 40 ms for the commit.
for my $case (@CASES) {
    subtest name_of($case) => sub {
        my $plain = send_request(request($case, 8070));
        is $plain->{status}, $case->{status}, 'without a gate';
        $proxy->delay(0.02);
        my %request = request($case, 8080);
        my $held;
        my $seconds = seconds_of(sub { $held = send_request(%request) });
        $proxy->pass;
        is_same($held, $plain, 'HTTP/1.1');
        cmp_ok $seconds, '>=', $case->{status} =~ /^2/ ? 0.08 : 0.04, 'it waited for Redis';
        is_known(\%request, 'HTTP/1.1') if $request{method} ne 'HEAD';

        my $plain2 = send_h2(request($case, 8072));
        $proxy->delay(0.02);
        %request = request($case, 8082);
        $held = send_h2(%request);
        $proxy->pass;
        is_same($held, $plain2, 'HTTP/2');
        is_known(\%request, 'HTTP/2') if $request{method} ne 'HEAD';
    };
}

# An answer that Redis is to be told of, when this returns.
sub answer_under_way ($status = 202, %options) {
    is_back();
    $backend->clear->behave(hold => 1, status => $status);
    my %request = request({ uri => 'backend', %options }, 8080);
    my ($connection) = start_together(\%request);
    wait_for(sub { $backend->count == 1 }, 5, 'it is with the upstream');
    return ($connection, %request);
}

# How long the commit may keep an answer: seconds for each direction, and what that comes to.
my @SLOWNESS = (
    [ 'at once',        sub { $proxy->pass },        0,        0,        1 ],
    [ '20 ms',          sub { $proxy->delay(0.02) }, 0.04,     0.04,     1 ],
    [ '300 ms',         sub { $proxy->delay(0.3) },  $TIMEOUT, $TIMEOUT, 0 ],
    [ 'frozen',         sub { $proxy->freeze },      $TIMEOUT, $TIMEOUT, 0 ],
    [ 'swallowed',      sub { $proxy->swallow },     $TIMEOUT, $TIMEOUT, 0 ],
    [ 'cut',            sub { $proxy->cut },         0,        $TIMEOUT, 'lasting' ],
    [ 'reset',          sub { $proxy->cut(1) },      0,        $TIMEOUT, 'lasting' ],
    [ 'cut and refused', sub { $proxy->refuse->cut }, 0,       $TIMEOUT, 0 ],
);

for my $slowness (@SLOWNESS) {
    my ($name, $prepare, $least, $most, $in_time) = @$slowness;
    subtest "Redis answers a commit: $name" => sub {
        my ($connection, %request) = answer_under_way();
        # A connection to Redis that did not last is not made anew at once.
        sleep 1.1 if $in_time eq 'lasting';
        $prepare->();
        my $response;
        my $seconds = seconds_of(sub { $backend->let_go; $response = $connection->read_response(%request) });
        is answer_of($response), '202 answered', 'the answer is the upstream\'s';
        is $response->{body}, "ok\n", 'with its body';
        # The wait is nginx's, whose clock may be a millisecond behind.
        cmp_ok $seconds, '>=', $least - 0.005, "it is held so long: $seconds s" if $least;
        cmp_ok $seconds, '<', $most + $LATE, "and no longer: $seconds s";
        $backend->behave;
        is_known(\%request, $name) if $in_time;
        is answer_of(send_request(%request)), '202 duplicate', 'it is known here';
        $proxy->pass;
        ok poll_until(sub { remembered($redis) =~ /D202/ }, $BACK), 'Redis learns it';
        is answer_of(send_request(%request, port => 8180)), '202 duplicate', 'then it is known elsewhere';
        $redis->command('FLUSHALL');
    };
}

subtest 'a failure is not held' => sub {
    for my $status (500, 404) {
        my ($connection, %request) = answer_under_way($status);
        $proxy->freeze;
        my $seconds = seconds_of(sub { $backend->let_go; is $connection->read_response(%request)->{status}, $status, "status $status" });
        cmp_ok $seconds, '<', $TIMEOUT / 2 + ($ENV{WEBHOOK_PRELOAD} ? 1 : 0), 'at once';
        $proxy->pass;
        ok poll_until(sub { remembered($redis) !~ /C/ }, $BACK), 'it is set free later';
    }
};

subtest 'a body, and nothing after it' => sub {
    my ($connection, %request) = answer_under_way();
    $proxy->freeze;
    $backend->let_go;
    is $connection->pending_input(0.1), '', 'nothing leaves';
    $proxy->pass;
    is answer_of($connection->read_response(%request)), '202 answered', 'then all of it';
    is $connection->pending_input(0.05), '', 'nothing follows';
};

subtest 'one connection' => sub {
    is_back();
    my $connection = open_connection();
    my @requests = map { { request({ uri => $_ }, 8080) } } qw(short created empty none);
    $proxy->delay(0.02);
    $connection->send(join '', map { Webhook::Connection::format_request(%$_, keepalive => 1) } @requests);
    is_deeply [ map { $connection->read_response(%$_)->{status} } @requests ], [ 200, 201, 200, 204 ], 'one answer after the other';
    $proxy->pass;
};

subtest 'a client that leaves while its answer is held' => sub {
    my ($connection, %request) = answer_under_way();
    $redis->command('FLUSHALL');
    $proxy->delay(0.05);
    $backend->let_go;
    is $connection->pending_input(0.02), '', 'nothing leaves';
    $connection->close(reset => 1);
    ok poll_until(sub { remembered($redis) =~ /D202/ }, $BACK), 'what the upstream took is remembered';
    $proxy->pass;
};

subtest 'a worker that is to end while an answer is held' => sub {
    my ($connection, %request) = answer_under_way();
    $redis->command('FLUSHALL');
    $proxy->delay(0.08);
    $backend->let_go;
    is $connection->pending_input(0.02), '', 'nothing leaves';
    my ($node) = grep { $_->folder =~ m{/a$} } Webhook::Nginx::instances();
    ok $node->reload, 'reload';
    is answer_of($connection->read_response(%request)), '202 answered', 'it is answered';
    $proxy->pass;
    ok poll_until(sub { remembered($redis) eq 'D202' }, $BACK), 'Redis knows';
    is answer_of(send_request(%request, port => 8180)), '202 duplicate', 'known elsewhere';
};

finish();
