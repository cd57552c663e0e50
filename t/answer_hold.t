# An answer is held until the memory of events has what it promises: with a store that answers later, as one
# elsewhere would. What arrives is, byte for byte, what plain proxy_pass answers.

use Webhook::Test;

use File::Basename qw(dirname);
use IO::Socket::INET;
use List::Util qw(pairs sum0);
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(delivery outcome_of);

BEGIN {
    if (($ENV{WEBHOOK_MODULE} // '') ne 'none') {
        $ENV{WEBHOOK_MODULE} = $ENV{WEBHOOK_FAULTY_MODULE} // dirname(__FILE__) . '/../build/release/faulty/ngx_http_webhook_module.so';
    }
}

my $PATIENCE = 20;
# What is named by files there, the store does not answer.
my $STORE = make_directory('store', 0755);

my $MEGABYTE = join '', map { sprintf "%015d\n", $_ } 1 .. 1024 * 1024 / 16;

my $backend = start_backend();
make_directory('files', 0755);
write_file(directory() . '/files/large', $MEGABYTE x 6);
write_file(directory() . '/files/huge',  $MEGABYTE x 50);
write_file(directory() . '/files/one', 'x');
write_file(directory() . '/files/page.html', "a page\n" x 100);
write_file(directory() . '/files/ssi.html', 'before <!--# include virtual="/files/page.html" --> after');

# What a backend says to any delivery, whatever its method is.
my $ANSWERS = <<'CONF';
location = /empty       { return 200; }
location = /none        { return 204; }
location = /short       { return 200 "x"; }
location = /created     { add_header Location /somewhere always; return 201 "made\n"; }
location = /named       { add_header X-Accel-Redirect /files/page.html; return 200; }
location = /named_large { add_header X-Accel-Redirect /files/large; return 200; }
location = /named_ssi   { add_header X-Accel-Redirect /files/ssi.html; return 200; }
location = /second      { return 200 "second\n"; }
location = /lost        { add_header X-Accel-Redirect /files/nowhere; return 200; }
location /files/        { root %%DIR%%; error_page 405 =200 $uri; }
CONF

# The same with a gate and without.
my $LOCATIONS = <<'CONF';
proxy_http_version 1.1;
proxy_set_header Connection "";
location / { proxy_pass http://%%ADDR%%:8090; }
location = /chunked { proxy_pass http://%%BACKEND%%; }
location = /huge { proxy_pass http://%%ADDR%%:8090/files/huge; }
location = /huge_unbuffered { proxy_buffering off; proxy_pass http://%%ADDR%%:8090/files/huge; }
location = /large_in_memory { proxy_max_temp_file_size 0; proxy_pass http://%%ADDR%%:8090/files/large; }
location = /slow { limit_rate 10m; proxy_pass http://%%ADDR%%:8090/files/large; }
location = /unbuffered { proxy_buffering off; proxy_pass http://%%ADDR%%:8090/short; }
location = /page { error_page 404 /page.html; proxy_intercept_errors on; proxy_pass http://%%ADDR%%:8090/lost; }
location = /page.html { root %%DIR%%/files; }
location = /zipped { gzip on; gzip_types *; gzip_min_length 1; proxy_pass http://%%ADDR%%:8090/named; }
location = /included { ssi on; proxy_pass http://%%ADDR%%:8090/named_ssi; }
location = /added { add_after_body /files/one; proxy_pass http://%%ADDR%%:8090/short; }
location = /others { MORE proxy_pass http://%%ADDR%%:8090; }
location = /short_ranges { proxy_force_ranges on; error_page 416 = @none; proxy_pass http://%%ADDR%%:8090/short; }
location @none { return 200 "no range\n"; }
location = /hurried { send_timeout 300ms; proxy_pass http://%%ADDR%%:8090/short; }
location = /second { error_page 502 = @second; proxy_pass http://%%ADDR%%:1; }
location @second { MORE proxy_pass http://%%ADDR%%:8090; }
location /files/ { root %%DIR%%; ssi on; if_modified_since before; }
CONF

my ($certificate, $key) = certificate();
my $nginx_binary = $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx';
my $HAS_HTTP3    = `$nginx_binary -V 2>&1` =~ /http_v3_module/ && `curl --version` =~ /\bHTTP3\b/;

sub server ($port, $gate, $more) {
    my $locations = $LOCATIONS =~ s/MORE/$more/gr;
    my ($http2, $http3) = ($port + 2, $port + 3);
    my $quic = $HAS_HTTP3 ? "listen %%ADDR%%:$http3 quic; ssl_certificate $certificate; ssl_certificate_key $key;" : '';
    return "server { listen %%ADDR%%:$port; listen %%ADDR%%:$http2 http2; $quic $gate\n$locations }\n";
}

my $GATE = 'webhook github; webhook_methods POST GET HEAD; webhook_secret "a secret of the tests"; webhook_dedup zone=events;';

my $nginx = start_nginx(
    env  => { WEBHOOK_LATE_STORE => $STORE },
    http => join "\n",
    'webhook_dedup_zone zone=events:1m; webhook_dedup_zone zone=others:1m;',
    server(8080, $GATE, 'webhook_dedup zone=others;'),
    server(8070, '', ''),
    "server { listen %%ADDR%%:8090; $ANSWERS }",
);

sub be_silent ($of = 'ends') { write_file("$STORE/$of", '') }
sub speak ()                 { unlink "$STORE/claims", "$STORE/ends" }

# Dates differ, and the order of curl's own lines does not.
sub told ($response) {
    my @headers = map { "$_->[0]: " . ($_->[1] // '') } grep { $_->[0] !~ /^(?:Date|Last-Modified|ETag)$/i } @{ $response->{header_list} };
    return { status => $response->{status}, headers => \@headers, body => $response->{body},
        truncated => $response->{truncated}, timed_out => $response->{timed_out} };
}

# Megabytes are compared, and not shown.
sub is_same ($got, $expected, $what) {
    my ($was, $is) = map { told($_) } $expected, $got;
    my $same = $was->{body} eq $is->{body};
    $_->{body} = length $_->{body} for $was, $is;
    is_deeply $is, $was, $what;
    ok $same, "$what: the same bytes";
    return $is;
}

sub request ($case, $port, %options) {
    my $id      = unique_id();
    my %request = delivery($id, id => $id, uri => "/$case->{uri}", method => $case->{method} // 'POST',
        headers => $case->{headers} // [], timeout => $PATIENCE, port => $port, %options);
    # curl sends no body with a HEAD.
    delete $request{body} if $request{method} eq 'HEAD';
    return %request;
}

my @CASES = (
    { uri => 'empty', status => 200 },
    { uri => 'none', status => 204 },
    { uri => 'short', status => 200 },
    { uri => 'created', status => 201 },
    { uri => 'unbuffered', status => 200 },
    { uri => 'chunked', status => 200, chunked => 1 },
    { uri => 'page', status => 404 },
    { uri => 'named', status => 200 },
    { uri => 'named', status => 206, headers => [ Range => 'bytes=10-99' ] },
    { uri => 'named_large', status => 206, headers => [ Range => 'bytes=1000000-5000000' ] },
    { uri => 'named_large', status => 200 },
    { uri => 'named', method => 'GET', status => 304, headers => [ 'If-Modified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT' ] },
    # nginx ends the connection behind another answer.
    { uri => 'named', status => 412, headers => [ 'If-Match' => '"another"', Connection => 'close' ] },
    { uri => 'named', status => 416, headers => [ Range => 'bytes=100000-' ] },
    { uri => 'short_ranges', status => 206, headers => [ Range => 'bytes=7-9' ] },
    { uri => 'zipped', status => 200, headers => [ 'Accept-Encoding' => 'gzip' ] },
    { uri => 'included', status => 200 },
    { uri => 'added', status => 200 },
    { uri => 'second', status => 200 },
    { uri => 'huge', status => 200 },
    { uri => 'huge_unbuffered', status => 200 },
    { uri => 'large_in_memory', status => 200 },
    { uri => 'slow', status => 200 },
    (map { { uri => $_, method => 'HEAD', status => 200 } } qw(empty short unbuffered named included huge)),
    { uri => 'none', method => 'HEAD', status => 204 },
    (map { { uri => $_, method => 'GET', status => 200 } } qw(empty short)),
);

sub send_h3 (%request) {
    return Webhook::Curl::send_curl(%request, tls => 1, version => ['--http3-only']);
}

sub name_of ($case) { return join ' ', $case->{method} // 'POST', "/$case->{uri}", @{ $case->{headers} // [] } }

sub chunked_answer () {
    return raw => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" . "5\r\nhello\r\n" x 3 . "0\r\n\r\n";
}

$backend->behave(chunked_answer());

for my $case (@CASES) {
    subtest 'HTTP/1.1: ' . name_of($case) => sub {
        my $plain = send_request(request($case, 8070));
        is $plain->{status}, $case->{status}, 'without a gate';
        is_same(send_request(request($case, 8080)), $plain, 'behind one');
        for my $silent (qw(claims ends)) {
            be_silent($silent);
            my %request = request($case, 8080);
            my ($connection) = start_together(\%request);
            # Only success promises something.
            my $is_held = $silent eq 'claims' || $case->{status} < 300;
            is $connection->pending_input(0.1), '', "nothing leaves while the store is silent on $silent" if $is_held;
            speak();
            is_same($connection->read_response(%request), $plain, "after silence on $silent");
            is $connection->pending_input(0.05), '', 'nothing follows';
        }
    };
    subtest 'HTTP/2: ' . name_of($case) => sub {
        my $plain = send_h2(request($case, 8072));
        is $plain->{status}, $case->{status}, 'without a gate';
        is_same(send_h2(request($case, 8082)), $plain, 'behind one');
    };
    subtest 'HTTP/3: ' . name_of($case) => sub {
        plan skip_all => 'this nginx or this curl knows no HTTP/3' unless $HAS_HTTP3;
        my $plain = send_h3(request($case, 8073));
        is $plain->{status}, $case->{status}, 'without a gate';
        is_same(send_h3(request($case, 8083)), $plain, 'behind one');
    };
}


sub cpu_seconds () {
    my $ticks = sum0(map { (split ' ', slurp("/proc/$_/stat") =~ s/.*\) //r)[ 11, 12 ] } $nginx->workers);
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Its answer is held when this returns.
sub hold_answer ($case, %options) {
    be_silent();
    my %request = request($case, 8080, %options);
    my ($connection) = start_together(\%request);
    is $connection->pending_input(0.15), '', 'nothing leaves';
    return ($connection, %request);
}

subtest 'a worker rests while it holds answers' => sub {
    for my $uri (qw(short huge huge_unbuffered large_in_memory)) {
        my $before = cpu_seconds();
        my ($connection, %request) = hold_answer({ uri => $uri });
        my $began = cpu_seconds();
        is $connection->pending_input(0.6), '', "/$uri is held";
        my $used = cpu_seconds() - $began;
        cmp_ok $used, '<', 0.2, "/$uri: it does next to nothing";
        speak();
        is $connection->read_response(%request)->{status}, 200, 'and goes on';
    }
};

subtest 'a store that says nothing for too long' => sub {
    my ($connection, %request) = hold_answer({ uri => 'short' });
    is $connection->read_response(%request)->{status}, 200, 'the answer leaves all the same';
    ok -e "$STORE/ends", 'before the store has spoken';
    speak();
    wait_for(sub { outcome_of($request{id}, uri => '/short') eq 'duplicate' }, $PATIENCE, 'remembered when it speaks');
};

subtest 'several zones' => sub {
    my ($connection, %request) = hold_answer({ uri => 'second' });
    speak();
    is $connection->read_response(%request)->{body}, "second\n", 'the answer waits for both';
    is outcome_of($request{id}, uri => '/short'), 'duplicate', 'the first gate remembers it';
    is outcome_of($request{id}, uri => '/others'), 'duplicate', 'and the second';
};

subtest 'a client that reads slowly' => sub {
    my ($connection, %request) = hold_answer({ uri => 'huge' });
    speak();
    sleep 0.3;
    is $connection->read_response(%request)->{body}, $MEGABYTE x 50, 'has all of it';
};

subtest 'one connection' => sub {
    my $connection = open_connection();
    be_silent();
    my @requests = map { { request({ uri => $_ }, 8080) } } qw(short created empty);
    $connection->send(join '', map { Webhook::Connection::format_request(%$_, keepalive => 1) } @requests);
    is $connection->pending_input(0.15), '', 'nothing leaves';
    speak();
    is_deeply [ map { $connection->read_response(%$_)->{status} } @requests ], [ 200, 201, 200 ], 'one answer after the other';
};

subtest 'a worker that is to end' => sub {
    my @old = $nginx->workers;
    my ($connection, %request) = hold_answer({ uri => 'large_in_memory' });
    ok $nginx->reload, 'reload';
    speak();
    is length $connection->read_response(%request)->{body}, 6 * length $MEGABYTE, 'all is sent';
    wait_for(sub { !grep { kill 0, $_ } @old }, $PATIENCE, 'it ends');
    is outcome_of($request{id}, uri => '/short'), 'duplicate', 'the event is remembered';
};

subtest 'a short send_timeout' => sub {
    my ($connection, %request) = hold_answer({ uri => 'hurried' });
    is $connection->read_response(%request)->{status}, 200, 'ends the hold, not the request';
    ok -e "$STORE/ends", 'before the store has spoken';
    speak();
};

subtest 'a client that leaves' => sub {
    for my $uri (qw(short huge huge_unbuffered)) {
        my ($connection, %request) = hold_answer({ uri => $uri });
        $connection->close(reset => 1);
        speak();
        wait_for(sub { outcome_of($request{id}, uri => "/$uri") eq 'duplicate' }, $PATIENCE, 'what the upstream took is remembered');
    }
};

subtest 'a client that leaves while its claim is asked for' => sub {
    $backend->clear;
    be_silent('claims');
    my %request = request({ uri => 'chunked' }, 8080);
    my ($connection) = start_together(\%request);
    is $connection->pending_input(0.15), '', 'no answer yet';
    $connection->close(reset => 1);
    speak();
    wait_for(sub { outcome_of($request{id}, uri => '/chunked') eq 'delivered' }, $PATIENCE, 'the event can be claimed again');
    is $backend->count, 1, 'it was delivered once';
};

finish();
