# webhook_status: every delivery is counted once, whatever becomes of it; what is counted never falls.

use Webhook::Test;

use Encode ();
use List::Util qw(sum0);
use Webhook::Deliveries qw($SECRET deliver delivery event_delivery new_ids outcome start_delivery);
use Webhook::Metrics qw(fallen scrape status_of value_of);
use Webhook::MetricsPage qw(fields_of is_of_redis scraped_bounds scraped_metrics written_bounds written_fields written_metrics);

my $OLD  = 'the-secret-that-is-on-its-way-out';
my $list = write_file('addresses.txt', "127.0.0.0/8\n192.0.2.0/24\n2001:db8::/32\n");

my $backend = start_backend();
my $HTTP    = <<"CONF";
webhook_dedup_zone zone=events:1m;
server {
    listen %%ADDR%%:8080;
    charset utf-8;
    charset_types *;
    proxy_read_timeout 500ms;
    location = /metrics { webhook_status prometheus; }
    location = /status  { webhook_status json; }
    location = /anonymous { webhook_status json recent=anonymous; }
    location = /silent  { webhook_status json recent=off; }

    location / { webhook github; webhook_secret "$SECRET" id=new; webhook_secret $OLD id=old not_after=2099-01-01T00:00:00Z; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /monitor  { webhook github name=monitored; webhook_secret "$SECRET"; webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
    location /shared   { webhook github; webhook_secret "$SECRET"; webhook_secret other-secret-of-the-same-gate; proxy_pass http://%%BACKEND%%; }
    location /allowed  { webhook github name=allowed; webhook_secret "$SECRET"; webhook_allow file:$list; proxy_pass http://%%BACKEND%%; }
    location /denied   { webhook github name=denied; webhook_secret "$SECRET"; webhook_allow 192.0.2.1; proxy_pass http://%%BACKEND%%; }
    location /tls      { webhook github name=tls; webhook_secret "$SECRET"; webhook_require_tls on; proxy_pass http://%%BACKEND%%; }
    location /filtered { webhook github name=filtered; webhook_secret "$SECRET"; webhook_events pull_request; proxy_pass http://%%BACKEND%%; }
    location /timed    { webhook stripe name=timed; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
    location /none     { webhook github name=none; webhook_secret "$SECRET" not_after=2001-01-01T00:00:00Z; proxy_pass http://%%BACKEND%%; }
    location /away     { webhook github name=away; webhook_secret "$SECRET"; proxy_pass http://%%ADDR%%:8099; }
    location /local    { webhook github name=local; webhook_secret "$SECRET"; try_files /none =204; }
    location /elsewhere { webhook github name=elsewhere; webhook_secret "$SECRET"; error_page 502 = \@elsewhere; proxy_pass http://%%ADDR%%:8099; }
    location \@elsewhere { webhook github name=elsewhere; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
    location ~ ^/tenant/(?<tenant>\\w+)\$ { webhook github name=tenant-\$tenant; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
    location = /parts { webhook off; ssi on; default_type text/html; root %%DIR%%; try_files /parts.html =404; }
    location /same { webhook github name=same; webhook_secret "$SECRET" id=k not_after=2001-01-01T00:00:00Z; webhook_secret "$OLD"; proxy_pass http://%%BACKEND%%; }
    location /same_too { webhook github name=same; webhook_secret "$SECRET" id=k; proxy_pass http://%%BACKEND%%; }
    # ADDED
}
CONF
my $nginx = start_nginx(http => $HTTP, workers => 2);

sub decisions ($series, $endpoint) {
    my %counts;
    for my $name (grep { /^nginx_webhook_decisions_total\{webhook_endpoint="\Q$endpoint\E"/ } keys %$series) {
        my ($verdict, $reason) = $name =~ /verdict="(\w+)",reason="(\w+)"/;
        $counts{"$verdict $reason"} = $series->{$name} if $series->{$name} > 0;
    }
    return \%counts;
}

sub outcomes ($series, $endpoint) {
    my $start = qq(nginx_webhook_upstream_outcomes_total{webhook_endpoint="$endpoint",outcome=");
    return { map { $_ => $series->{"$start$_\"}"} } grep { $series->{"$start$_\"}"} > 0 }
            qw(2xx 3xx 4xx 5xx timeout no_answer client_gone local) };
}

# nginx counts after the client has the answer.
sub is_counted ($endpoint, $expected, $what) {
    poll_until(sub { eq_hash(decisions(scrape(), $endpoint), $expected) }, 5);
    return is_deeply(decisions(scrape(), $endpoint), $expected, $what);
}

sub is_outcome ($endpoint, $expected, $what) {
    poll_until(sub { eq_hash(outcomes(scrape(), $endpoint), $expected) }, 5);
    return is_deeply(outcomes(scrape(), $endpoint), $expected, $what);
}


subtest 'formats' => sub {
    my $metrics = send_request(method => 'GET', uri => '/metrics');
    is $metrics->{status}, 200, 'metrics';
    is $metrics->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8', 'the exact type, also under "charset"';
    is $metrics->header('Cache-Control'), 'no-store', 'not stored';
    my $open = send_request(method => 'GET', uri => '/metrics', headers => [ Accept => 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' ]);
    is $open->header('Content-Type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'OpenMetrics, if asked';
    like $open->{body}, qr/\n# EOF\n\z/, 'to its end';
    my $json = send_request(method => 'GET', uri => '/status');
    is $json->header('Content-Type'), 'application/json; charset=utf-8', 'JSON, with the charset that nginx was told to add';
    is status_of()->{version}, 1, 'the version of the document';
    my $head = send_request(method => 'HEAD', uri => '/metrics');
    is $head->{status} . length $head->{body}, '2000', 'HEAD';
    for my $method (qw(POST PUT DELETE OPTIONS)) {
        my $response = send_request(method => $method, uri => '/status', body => 'x');
        is $response->{status} . ' ' . $response->header('Allow'), '405 GET, HEAD', $method;
    }
    is send_request(method => 'GET', uri => '/metrics', headers => [ Accept => 'image/png' ])->{status}, 200, 'any other "Accept"';
};

subtest 'a report as a part of another answer' => sub {
    write_file('parts.html', 'before <!--#include virtual="/status" --> after');
    my $connection = open_connection();
    my $response = $connection->request(method => 'GET', uri => '/parts');
    like $response->{body}, qr/^before \{"version":1,.*\}\n after\n?$/s, 'is in its place';
    is $connection->request(method => 'GET', uri => '/metrics')->{status}, 200, 'and the next answer is whole';
};

subtest 'an id of several secrets' => sub {
    my ($endpoint) = grep { $_->{name} eq 'same' } @{ status_of()->{endpoints} };
    is_deeply [ map { "$_->{id} " . ($_->{expires} // 'never') } @{ $endpoint->{secrets} } ], [ 'k never', '2 never' ], 'ends when the last of them does';
};

subtest '?endpoint=' => sub {
    is_deeply [ map { $_->{name} } @{ status_of(uri => '/status?endpoint=timed')->{endpoints} } ], ['timed'], 'one';
    is_deeply [ map { $_->{name} } @{ status_of(uri => '/status?endpoint=t%69med')->{endpoints} } ], ['timed'], 'encoded';
    is send_request(method => 'GET', uri => '/status?endpoint=timed')->{status}, 200, 'which is there';
    for my $uri ('/status?endpoint=no%0Asuch%22', '/status?endpoint=', '/metrics?endpoint=timedd') {
        is send_request(method => 'GET', uri => $uri)->{status}, 404, "$uri names none";
        is send_request(method => 'HEAD', uri => $uri)->{status}, 404, 'also for HEAD';
    }
    is_deeply status_of(uri => '/status?endpoint=no%0Asuch%22')->{endpoints}, [], 'the report is there, without any';
    cmp_ok scalar(@{ status_of()->{endpoints} }), '>', 10, 'all';
};

subtest 'no series is from a request, and zeros are there before the first delivery' => sub {
    my $series = scrape();
    is value_of($series, 'received_total', webhook_endpoint => 'tenant-$tenant'), 0, 'the name as it is written';
    is value_of($series, 'decisions_total', webhook_endpoint => 'timed', verdict => 'rejected', reason => 'stale_timestamp'), 0, 'what can be';
    is value_of($series, 'decisions_total', webhook_endpoint => 'local', verdict => 'rejected', reason => 'stale_timestamp'), undef, 'what cannot';
    is value_of($series, 'secret_matches_total', webhook_endpoint => 'local', secret_id => 1), 0, 'a secret without an id';
    send_request(delivery('t1', uri => '/tenant/acme'));
    is_counted 'tenant-$tenant', { 'accepted accepted' => 1 }, 'counted by the name as it is written';
    is((grep { /acme/ } keys %{ scrape() }), 0, 'not by what the request made of it');
};

subtest 'reasons' => sub {
    my @rows = (
        [ 'github', 'rejected method', 405, method => 'GET' ],
        [ 'github', 'rejected missing_signature', 401, override => { 'X-Hub-Signature-256' => undef } ],
        [ 'github', 'rejected malformed_signature', 401, override => { 'X-Hub-Signature-256' => 'sha256=zz' } ],
        [ 'github', 'rejected bad_signature', 401, secret => 'wrong' ],
        [ 'denied', 'rejected ip_denied', 403, uri => '/denied' ],
        [ 'tls', 'rejected insecure', 403, uri => '/tls' ],
        [ 'filtered', 'rejected filtered', 200, uri => '/filtered' ],
        [ 'none', 'rejected no_secret', 401, uri => '/none' ],
    );
    my %expected;
    for my $row (@rows) {
        my ($endpoint, $decision, $status, %options) = @$row;
        is deliver(new_ids(1), %options)->{status}, $status, $decision;
        $expected{$endpoint}{$decision}++;
    }
    my ($id) = new_ids(1);
    is outcome(deliver($id)), 'delivered', 'accepted';
    is outcome(deliver($id)), 'duplicate', 'duplicate';
    $expected{github}{'accepted accepted'}++;
    $expected{github}{'duplicate duplicate'}++;
    my $body = '{"id":"evt_1"}';
    for my $row ([ 'rejected stale_timestamp', -301 ], [ 'rejected future_timestamp', 400 ], [ 'accepted accepted', 0 ]) {
        my ($decision, $offset) = @$row;
        send_request(uri => '/timed', body => $body, headers => [ stripe_headers($SECRET, $body, timestamp => time + $offset) ]);
        $expected{timed}{$decision}++;
    }
    is_counted $_, $expected{$_}, $_ for sort keys %expected;
    my $series = scrape();
    is value_of($series, 'received_total', webhook_endpoint => 'github'), sum0(values %{ $expected{github} }), 'all of them';
    is value_of($series, 'dedup_duplicates_total', dedup_zone => 'events'), 1, 'the duplicate, in its zone';
    is value_of($series, 'dedup_remembered_events', dedup_zone => 'events'), 1, 'and one event';
};

subtest 'a gate that only monitors' => sub {
    deliver(new_ids(1), uri => '/monitor', secret => 'wrong') for 1 .. 2;
    deliver(new_ids(1), uri => '/monitor');
    is_counted 'monitored', { 'accepted accepted' => 1, 'monitored bad_signature' => 2 }, 'what enforcing would have said';
    is_outcome 'monitored', { '2xx' => 3 }, 'all were handed on';
    my ($endpoint) = grep { $_->{name} eq 'monitored' } @{ status_of()->{endpoints} };
    is $endpoint->{would_refuse}{bad_signature}, 2, 'in JSON';
    is $endpoint->{mode}, 'monitor', 'its mode';
};

subtest 'secrets' => sub {
    my $before = scrape();
    deliver(new_ids(1), secret => $OLD) for 1 .. 2;
    deliver(new_ids(1));
    deliver(new_ids(1), uri => '/shared', secret => 'other-secret-of-the-same-gate');
    my $matches = sub ($id) {
        my @labels = (webhook_endpoint => 'github', secret_id => $id);
        return value_of(scrape(), 'secret_matches_total', @labels) - value_of($before, 'secret_matches_total', @labels);
    };
    poll_until(sub { $matches->('2') == 1 }, 5);
    is $matches->('old'), 2, 'old';
    is $matches->('new'), 1, 'new';
    is $matches->('2'), 1, 'the second of another location with the same name';
    my @labels = (webhook_endpoint => 'github', secret_id => 'old');
    is value_of(scrape(), 'secret_expiry_timestamp_seconds', @labels), 4070908800, 'its end';
    cmp_ok abs(value_of(scrape(), 'secret_last_match_timestamp_seconds', @labels) - time), '<', 5, 'its last match';
    is((grep { index($_, $OLD) >= 0 || index($_, $SECRET) >= 0 } %{ scrape() }), 0, 'no secret is shown');
};

subtest 'outcomes' => sub {
    for my $row ([ '3xx', 302 ], [ '4xx', 410 ], [ '5xx', 500 ]) {
        my ($outcome, $status) = @$row;
        my $before = outcomes(scrape(), 'allowed')->{$outcome} // 0;
        $backend->behave(status => $status);
        deliver(new_ids(1), uri => '/allowed');
        ok poll_until(sub { (outcomes(scrape(), 'allowed')->{$outcome} // 0) == $before + 1 }, 5), $outcome;
    }
    $backend->behave(hold => 1);
    is deliver(new_ids(1), uri => '/allowed')->{status}, 504, 'an upstream that is silent';
    my $held = start_delivery($backend, new_ids(1), uri => '/allowed');
    is value_of(scrape(), 'in_progress_deliveries', webhook_endpoint => 'allowed'), 1, 'one is in progress';
    $held->cancel;
    is_outcome 'allowed', { '3xx' => 1, '4xx' => 1, '5xx' => 1, timeout => 1, client_gone => 1 }, 'timeout, and a sender that left';
    $backend->behave;
    deliver(new_ids(1), uri => '/away');
    is_outcome 'away', { no_answer => 1 }, 'no upstream is there';
    deliver(new_ids(1), uri => '/local');
    is_outcome 'local', { local => 1 }, 'nginx answers by itself';
    deliver(new_ids(1), uri => '/elsewhere');
    is_outcome 'elsewhere', { '2xx' => 1 }, 'the last attempt counts, and one delivery';
};

subtest 'a delivery that its sender does not finish' => sub {
    my $before = value_of(scrape(), 'abandoned_total', webhook_endpoint => 'local');
    my $connection = Webhook::Connection->open;
    $connection->send(substr join('', Webhook::Connection::format_request(delivery(new_ids(1), uri => '/local'))), 0, -1);
    wait_for(sub { value_of(scrape(), 'in_progress_deliveries', webhook_endpoint => 'local') == 1 }, 5, 'it is in progress');
    $connection->close;
    my $after;
    wait_for(sub {
        $after = scrape();
        return value_of($after, 'in_progress_deliveries', webhook_endpoint => 'local') == 0;
    }, 5, 'it is not in progress any more');
    my $decided = decisions($after, 'local');
    is value_of($after, 'abandoned_total', webhook_endpoint => 'local') - $before + ($decided->{'rejected incomplete_body'} // 0), 1, 'counted once';
};

subtest 'files of addresses' => sub {
    my $series = scrape();
    my ($label) = grep { /^nginx_webhook_source_file_addresses/ } keys %$series;
    is $series->{$label}, 3, 'addresses and networks';
    cmp_ok abs(value_of($series, 'source_file_loaded_timestamp_seconds', file => $list) - time), '<', 60, 'when it was loaded';
    is value_of($series, 'source_file_errors_total', file => $list), 0, 'no error';
};

subtest 'sums' => sub {
    poll_until(sub { !grep { /in_progress/ && scrape()->{$_} } keys %{ scrape() } }, 5);
    my $series = scrape();
    for my $endpoint (qw(github monitored allowed timed local away elsewhere denied tls filtered none)) {
        my @label   = (webhook_endpoint => $endpoint);
        my $decided = sum0(values %{ decisions($series, $endpoint) });
        is value_of($series, 'in_progress_deliveries', @label), 0, "$endpoint: none is in progress";
        is value_of($series, 'received_total', @label), $decided + value_of($series, 'abandoned_total', @label), "$endpoint: received";
        my $handed_on = sum0(map { decisions($series, $endpoint)->{$_} } grep { /^(?:accepted|monitored)/ } keys %{ decisions($series, $endpoint) });
        is sum0(values %{ outcomes($series, $endpoint) }), $handed_on, "$endpoint: outcomes";
        my $timed = value_of($series, 'verify_duration_seconds_count', @label);
        cmp_ok $timed, '<=', value_of($series, 'received_total', @label), "$endpoint: verifications";
    }
    cmp_ok value_of($series, 'verify_duration_seconds_count', webhook_endpoint => 'github'), '>', 0, 'some are timed';
    cmp_ok value_of($series, 'received_bytes_total', webhook_endpoint => 'github'), '>', 0, 'bytes';
};

subtest 'recent refusals' => sub {
    my $recent = status_of()->{recent};
    cmp_ok scalar @$recent, '>', 5, 'there are some';
    my @times = map { $_->{time} } @$recent;
    is_deeply \@times, [ reverse sort @times ], 'the newest first';
    is_deeply [ grep { $_->{reason} =~ /^(?:duplicate|handshake|filtered|accepted)$/ } @$recent ], [], 'refusals only';
    my ($monitored) = grep { $_->{endpoint} eq 'monitored' } @$recent;
    ok $monitored->{monitored} && $monitored->{repeated} == 1, 'what is only monitored is marked, and counted';
    my $hostile = '</script>"' . "\x{2028}" . 'x' x 100;
    # The first of its kind in a second is the one that is shown.
    deliver(unique_id('h'), uri => '/local', secret => 'wrong', override => { 'X-GitHub-Delivery' => Encode::encode('UTF-8', $hostile) });
    my $newest;
    wait_for(sub { $newest = status_of()->{recent}[0]; $newest->{event_id} =~ /script/ }, 5, 'a hostile id is shown');
    is length(Encode::encode('UTF-8', $newest->{event_id})), 40, 'cut off';
    like $newest->{request_id}, qr/^[0-9a-f]{32}$/, 'the id of the request';
    is $newest->{source}, '127.0.0.1', 'the source';
    is status_of(uri => '/anonymous')->{recent}[0]{source}, '127.0.0.0/24', 'recent=anonymous';
    ok !exists status_of(uri => '/silent')->{recent}, 'recent=off';
    is_deeply [ grep { $_->{endpoint} ne 'none' } @{ status_of(uri => '/status?endpoint=none')->{recent} } ], [], 'of one endpoint';
    unlike send_request(method => 'GET', uri => '/status')->{body}, qr/[<>]|\Q$SECRET\E|sha256=/, 'no markup, secret or signature';
};

subtest 'promtool finds nothing' => sub {
    plan skip_all => 'promtool (of the package prometheus) is not installed' unless grep { -x "$_/promtool" } split /:/, $ENV{PATH};
    my $metrics = write_file('metrics.txt', send_request(method => 'GET', uri => '/metrics')->{body});
    my $output  = directory() . '/promtool.log';
    my $code    = run_command(command => [ 'sh', '-c', "promtool check metrics <$metrics" ], output => $output, timeout => 20);
    is $code, 0, 'exit status';
    is slurp($output), '', 'output';
};

# What is there only with a Redis is for t/fleet_status.t.
subtest 'docs/metrics.md has every metric, and no other' => sub {
    my $text = send_request(method => 'GET', uri => '/metrics')->{body};
    my $written = written_metrics();
    delete @$written{ grep { is_of_redis($_) } keys %$written };
    is_deeply $written, scraped_metrics($text), 'types and labels';
};

subtest 'docs/metrics.md has every bucket' => sub {
    my $text = send_request(method => 'GET', uri => '/metrics')->{body};
    my $written = written_bounds();
    is_deeply [ sort grep { !is_of_redis($_) } keys %$written ],
        [qw(nginx_webhook_upstream_duration_seconds nginx_webhook_verify_duration_seconds)], 'of each histogram';
    for my $name (grep { !is_of_redis($_) } sort keys %$written) {
        is $written->{$name}, scraped_bounds($text, $name, webhook_endpoint => 'timed'), $name;
    }
};

subtest 'docs/metrics.md has every field of the JSON document, and no other' => sub {
    my $seen = fields_of(status_of());
    is_deeply [ sort keys %$seen ], [ grep { !is_of_redis($_) } written_fields($seen) ], 'fields';
};

# What is read of every answer: nothing may fall, whichever worker gives it.
sub watch ($seconds, $work) {
    my $before = scrape();
    my @fallen;
    my $look = sub {
        my $after = scrape();
        push @fallen, fallen($before, $after);
        $before = $after;
    };
    $look->() for 1 .. 3;
    $work->($look);
    $look->() for 1 .. 3;
    return @fallen;
}

subtest 'reloads, and the death of a worker' => sub {
    my $sent = { map { $_ => sum0(values %{ decisions(scrape(), $_) }) } qw(github added) };
    my $send = sub ($endpoint, $count) {
        deliver($_, $endpoint eq 'added' ? (uri => '/added') : ()) for new_ids($count);
        $sent->{$endpoint} += $count;
    };
    my $with = sub { $HTTP =~ s{# ADDED}{location /added { webhook github name=added; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }}r };
    my @fallen = watch(5, sub ($look) {
        $nginx->rewrite_config(http => $with->());
        ok $nginx->reload, 'an endpoint is added';
        $look->();
        $send->(added => 3);
        $send->(github => 2);
        poll_until(sub { value_of(scrape(), 'received_total', webhook_endpoint => 'added') == 3 }, 5);
        $look->();
    });
    is_deeply \@fallen, [], 'nothing falls';
    is value_of(scrape(), 'received_total', webhook_endpoint => 'added'), 3, 'the new one is counted';

    $nginx->rewrite_config(http => $HTTP);
    ok $nginx->reload, 'it is removed';
    is value_of(scrape(), 'received_total', webhook_endpoint => 'added'), undef, 'it is not shown';
    $nginx->rewrite_config(http => $with->());
    ok $nginx->reload, 'it is added again';
    is value_of(scrape(), 'received_total', webhook_endpoint => 'added'), 3, 'it goes on';

    @fallen = watch(5, sub ($look) {
        my $deaths = value_of(scrape(), 'worker_deaths_total');
        is $deaths, 0, 'the workers of earlier configurations have ended in order';
        $backend->behave(hold => 1);
        my $held = start_delivery($backend, new_ids(1), uri => '/added');
        $look->();
        $nginx->kill_worker for 1 .. 2;
        $held->cancel;
        $backend->behave;
        $look->();
        is value_of(scrape(), 'worker_deaths_total'), $deaths + 2, 'two workers have died';
        is value_of(scrape(), 'in_progress_deliveries', webhook_endpoint => 'added'), 0, 'with all that they had in progress';
    });
    is_deeply \@fallen, [], 'nothing falls';
    is status_of()->{generation}, 4, 'configurations';
};

subtest 'a reload that fails' => sub {
    my $before = scrape();
    $nginx->rewrite_config(http => "$HTTP\nno_such_directive;");
    ok !$nginx->reload, 'is refused';
    is_deeply [ fallen($before, scrape()) ], [], 'nothing falls';
    is status_of()->{generation}, 4, 'and is no new configuration';
    allow_log(qr/unknown directive "no_such_directive"/);
};

subtest 'hostile names' => sub {
    my @names = ('a\\"b', 'back\\\\slash', '</script><b>', "\xe2\x80\xa8", '{{x}}', "it's");
    my $locations = join '', map { qq(location /n$_ { webhook github "name=$names[$_]"; webhook_secret "$SECRET" "id=$names[$_]"; proxy_pass http://%%BACKEND%%; }\n) } 0 .. $#names;
    $nginx->rewrite_config(http => $HTTP =~ s/# ADDED/$locations/r);
    ok $nginx->reload, 'reload';
    deliver(new_ids(1), uri => "/n$_") for 0 .. $#names;
    my $body = send_request(method => 'GET', uri => '/status')->{body};
    unlike $body, qr/[<>&]|\xe2\x80\xa8/, 'nothing that a page could take for markup';
    my %known = map { $_->{name} => $_ } @{ status_of()->{endpoints} };
    my @plain = ('a"b', 'back\\slash', '</script><b>', "\x{2028}", '{{x}}', "it's");
    for my $name (@plain) {
        is $known{$name}{secrets}[0]{id}, $name, 'a name is what it was';
    }
    my $series = scrape();
    is value_of($series, 'secret_matches_total', webhook_endpoint => 'a\\"b', secret_id => 'a\\"b'), 1, 'escaped';
    is value_of($series, 'secret_matches_total', webhook_endpoint => 'back\\\\slash', secret_id => 'back\\\\slash'), 1, 'escaped';
};

subtest 'more endpoints than are counted apart' => sub {
    my $locations = join '', map { qq(location = /many/$_ { webhook github name=many$_; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }\n) } 1 .. 1024;
    $nginx->rewrite_config(http => $HTTP =~ s/# ADDED/$locations/r);
    my $start = length $nginx->error_log;
    ok $nginx->reload, 'reload';
    my @said = grep { /are counted as "_other"/ } split /\n/, substr $nginx->error_log, $start;
    is scalar @said, 1, 'it is said once' or diag @said;
    deliver(new_ids(1), uri => '/many/1');
    deliver(new_ids(1), uri => "/many/$_") for 1023, 1024;
    my $series = scrape();
    is value_of($series, 'received_total', webhook_endpoint => 'many1'), 1, 'one of the first';
    is value_of($series, 'received_total', webhook_endpoint => '_other'), 2, 'the last ones';
    is value_of($series, 'received_total', webhook_endpoint => 'many1024'), undef, 'they have no series';
    cmp_ok value_of($series, 'status_errors_total'), '>', 0, 'and it is counted';
    is((grep { $_->{code} eq 'not_counted_apart' } @{ status_of()->{findings} }), 1, 'and found');
};

# A report of so many endpoints takes many turns of the event loop.
subtest 'a long report' => sub {
    my %wanted = (method => 'GET', uri => '/metrics');
    my $whole = qr/^nginx_webhook_scrape_duration_seconds [\d.e-]+\n\z/m;
    my @responses = send_together((\%wanted) x 8);
    is scalar(grep { $_->{status} == 200 && $_->{body} =~ $whole } @responses), 8, 'several at a time are whole';
    my $connection = open_connection();
    my $head = $connection->request(%wanted, method => 'HEAD');
    cmp_ok abs($head->header('Content-Length') - length $responses[0]{body}), '<', 100, 'HEAD tells the length';
    ok $connection->request(%wanted)->{body} =~ $whole, 'and the connection goes on';
    my $page = $connection->request(method => 'GET', uri => '/parts');
    ok $page->{body} =~ /^before \{"version":1,.*"many1000".*\}\n after\n?$/s, 'a part of another answer';

    $_->close for start_together((\%wanted) x 20);
    ok send_request(%wanted)->{body} =~ $whole, 'after clients that left';

    # Of a report that is not sent, a client takes nothing while it is made.
    my %head = (%wanted, method => 'HEAD');
    my @connections = start_together((\%head) x 60);
    ok $nginx->reload, 'reload';
    is scalar(grep { $_->read_response(%head)->{status} == 200 } @connections), 60, 'old workers finish theirs';
};

allow_log(qr/exited on signal 9/);
finish();
