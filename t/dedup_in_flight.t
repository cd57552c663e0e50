# Deliveries of an event that is being delivered right now.

use Webhook::Test;

use POSIX ();
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(deliver delivery start_delivery);

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, http => <<'CONF');
webhook_dedup_zone zone=events:1m;
log_format verdict '$uri $status $webhook_verdict $webhook_reason $pid';
server {
    listen %%ADDR%%:8080 reuseport;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log verdict;
    webhook github;
    webhook_secret "a secret of the tests";

    location / {
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /wait {
        webhook_dedup zone=events wait=5s;
        proxy_pass http://%%BACKEND%%;
    }
    location = /busy {
        webhook    off;
        access_log off;
        return     200 $connections_writing;
    }
    location /briefly {
        webhook_dedup zone=events wait=300ms;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

# An event whose first delivery is with the upstream, which answers as given.
sub event_in_flight (@behaviour) {
    $backend->clear->behave(@behaviour);
    my $id    = unique_id('event');
    my $first = start_delivery($backend, $id);
    return ($id, $first);
}

sub logged ($pattern) { return scalar grep { $_ =~ $pattern } access_log_lines() }

# Until nginx has read the heads of so many requests, and answered none of them.
sub wait_until_begun ($count) {
    wait_for(sub { send_request(method => 'GET', uri => '/busy')->{body} == $count + 1 }, 10, "$count requests have begun");
}

# Tells the outcomes of responses apart, and counts them.
sub outcomes (@responses) {
    my %count;
    $count{ join ' ', $_->{status}, $_->header('Webhook-Reason') // (length $_->{body} ? 'answered' : 'empty') }++
        for @responses;
    return \%count;
}

sub is_in_flight ($response, $what) {
    is $response->{status}, 503, "$what: status";
    is $response->header('Retry-After'), '1', "$what: Retry-After";
    is $response->header('Webhook-Reason'), 'in_flight', "$what: reason";
}

subtest 'a twin is told to come again' => sub {
    my ($id, $first) = event_in_flight([ { hold => 1, status => 202 }, { status => 201 } ]);
    is_in_flight(deliver($id), "twin $_") for 1 .. 4;
    is deliver(unique_id())->{status}, 201, 'another event is not held up';
    $backend->let_go;
    is $first->finish->{status}, 202, 'first';
    is_deeply outcomes(deliver($id)), { '202 duplicate' => 1 }, 'then it is a duplicate';
    is $backend->count, 2, 'no twin reached the upstream';
};

subtest 'a twin waits for the outcome of the first' => sub {
    my ($id, $first) = event_in_flight(hold => 1, status => 202);
    my $twin = start_request(delivery($id, uri => '/wait'));
    sleep 0.3;
    ok !$twin->answered, 'it waits';
    my $start = time;
    $backend->let_go;
    my $second = $twin->finish;
    cmp_ok time - $start, '<', 4, 'not for long then';
    is_deeply outcomes($second), { '202 duplicate' => 1 }, 'and has the status of the first';
    is $second->{body}, '', 'without its body';
    is $first->finish->{body}, "ok\n", 'which the first has';
    is $backend->count, 1, 'the upstream saw one';
};

subtest 'one twin takes over when the first fails' => sub {
    my ($id, $first) = event_in_flight([ { hold => 1, status => 500 }, { delay => 0.4, status => 201 } ]);
    my @waiters = map { start_request(delivery($id, uri => '/wait')) } 1 .. 5;
    sleep 0.2;
    $backend->let_go;
    is $first->finish->{status}, 500, 'first';
    is_deeply outcomes(map { $_->finish } @waiters), { '201 answered' => 1, '201 duplicate' => 4 },
        'one was delivered, the others waited on';
    is $backend->count, 2, 'the upstream saw two';
};

# The worker of each request that the access log tells of.
sub workers_of ($pattern) {
    return map { $_ =~ $pattern && /(\d+)$/ ? $1 : () } access_log_lines();
}

subtest 'exactly one of many takes over, whatever worker they wait at' => sub {
    for my $round (1 .. 3) {
        my ($id, $first) = event_in_flight([ { hold => 1, status => 500 }, { delay => 0.3, status => 201 } ]);
        my @waiters = map { start_request(delivery($id, uri => "/wait/many/$round")) } 1 .. 24;
        sleep 0.3;
        $backend->let_go;
        is $first->finish->{status}, 500, 'first';
        is_deeply outcomes(map { $_->finish } @waiters), { '201 answered' => 1, '201 duplicate' => 23 },
            'one is delivered';
        is $backend->count, 2, 'the upstream saw two';
        wait_for(sub { logged(qr{^/wait/many/$round }) == 24 }, 3, 'all are logged');
        my %count;
        ++$count{$_} for workers_of(qr{^/wait/many/$round });
        is_deeply [ sort keys %count ], [ sort $nginx->workers ], 'both workers had some of them';
    }
};

subtest 'each failure lets one more through' => sub {
    my ($id, $first) = event_in_flight([ { hold => 1, status => 500 }, map { { delay => 0.15, status => $_ } } 502, 404, 200 ]);
    my @waiters = map { start_request(delivery($id, uri => '/wait')) } 1 .. 6;
    sleep 0.2;
    $backend->let_go;
    is $first->finish->{status}, 500, 'first';
    is_deeply outcomes(map { $_->finish } @waiters),
        { '502 answered' => 1, '404 answered' => 1, '200 answered' => 1, '200 duplicate' => 3 }, 'until one succeeds';
    is $backend->count, 4, 'the upstream saw four';
};

subtest 'the first leaves' => sub {
    my ($id, $first) = event_in_flight([ { hang => 1 }, {} ]);
    my $waiter = start_request(delivery($id, uri => '/wait'));
    sleep 0.2;
    $first->cancel;
    my $start = time;
    is_deeply outcomes($waiter->finish), { '200 answered' => 1 }, 'the twin takes over';
    cmp_ok time - $start, '<', 4, 'soon';
};

subtest 'the wait runs out' => sub {
    my ($id, $first) = event_in_flight([ { hang => 1 }, {} ]);
    my $start = time;
    is_in_flight(deliver($id, uri => '/briefly'), 'twin');
    my $waited = time - $start;
    cmp_ok $waited, '>=', 0.29, 'not before its time';
    cmp_ok $waited, '<', 4, 'nor long after';
    is $backend->count, 1, 'it did not reach the upstream';
    $first->cancel;
    ok wait_for(sub { deliver($id)->{status} == 200 }, 3, 'retry'), 'the retry is delivered';
};

subtest 'a twin that leaves leaves nothing behind' => sub {
    for my $protocol (qw(h1 h2)) {
        my $before = logged(qr{^/wait 499});
        my ($id, $first) = event_in_flight([ { hang => 1 }, {} ]);
        my @waiters = map { start_request(delivery($id, uri => '/wait', h2 => $protocol eq 'h2')) } 1 .. 4;
        wait_until_begun(5);
        is $backend->count, 1, "$protocol: they wait";
        $_->cancel for @waiters;
        ok wait_for(sub { logged(qr{^/wait 499}) == $before + 4 }, 3, 'nginx noticed'), "$protocol: nginx noticed";
        $first->cancel;
        ok wait_for(sub { deliver($id)->{body} eq "ok\n" }, 3, 'retry'), "$protocol: the retry is delivered";
        sleep 0.2;
        is $backend->count, 2, "$protocol: nobody else was";
    }
};

subtest 'HTTP/2' => sub {
    my $let_go_while_a_twin_waits = sub ($id) {
        my $twin = start_request(delivery($id, uri => '/wait', h2 => 1));
        sleep 0.2;
        ok !$twin->answered, 'a twin waits';
        $backend->let_go;
        return outcomes($twin->finish);
    };
    my ($id, $first) = event_in_flight(hold => 1, status => 201);
    is_in_flight(send_h2(delivery($id)), 'without wait');
    is_deeply $let_go_while_a_twin_waits->($id), { '201 duplicate' => 1 }, 'for the first';
    is $first->finish->{status}, 201, 'first';

    ($id, $first) = event_in_flight([ { hold => 1, status => 500 }, { status => 202 } ]);
    is_deeply $let_go_while_a_twin_waits->($id), { '202 answered' => 1 }, 'and takes over';
    is(($backend->requests)[1]{body}, '{}', 'with its body');
};

subtest 'what follows on the connection of a twin that waits' => sub {
    my ($id, $first) = event_in_flight([ { hold => 1, status => 202 }, { status => 201 } ]);
    my $connection = open_connection();
    my $twin = join '', Webhook::Connection::format_request(delivery($id, uri => '/wait'), keepalive => 1);
    my $next = join '', Webhook::Connection::format_request(delivery(unique_id()), keepalive => 1);
    $connection->send($twin);
    sleep 0.1;
    $connection->send($next);
    $backend->let_go;
    is_deeply outcomes($connection->read_response), { '202 duplicate' => 1 }, 'the twin is answered';
    is_deeply outcomes($connection->read_response), { '201 answered' => 1 }, 'then what follows';
    $connection->close;
    $first->finish;
};

# In seconds of processor time, of all workers.
sub processor_time () {
    my $ticks = 0;
    for my $worker ($nginx->workers) {
        my @fields = split ' ', slurp("/proc/$worker/stat") =~ s/^.*\) //r;
        $ticks += $fields[11] + $fields[12];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# For some seconds, as twins wait whose first delivery is with the upstream.
sub processor_time_waiting ($count, $seconds) {
    my ($id, $first) = event_in_flight([ { hang => 1 }, {} ]);
    my @waiters = map { my $one = open_connection(); $one->send(join '', Webhook::Connection::format_request(
        delivery($id, uri => '/wait'))); $one } 1 .. $count;
    sleep 0.3;
    my $before = processor_time();
    sleep $seconds;
    my $used = processor_time() - $before;
    is $backend->count, 1, "$count waited";
    $_->close for @waiters;
    $first->cancel;
    return $used;
}

# A loop that is busy takes as long as it lasts.
subtest 'waiting costs next to nothing' => sub {
    cmp_ok processor_time_waiting(100, 1), '<', 0.15, 'a hundred waiters, one second';
    cmp_ok processor_time_waiting(50, 2), '<', 0.15, 'fifty waiters, two seconds';
};

subtest 'twins at the same moment' => sub {
    for my $round (1 .. 5) {
        $backend->clear->behave(hold => 1, status => 202);
        my $id = unique_id('twins');
        my @twins = start_together(map { { delivery($id, uri => "/?round=$round") } } 1 .. 20);
        wait_for(sub { grep({ $_->pending_input(0.005) } @twins) == 19 }, 10, 'all but one are answered');
        $backend->let_go;
        my @responses = map { $_->read_response } @twins;
        is_deeply outcomes(@responses), { '202 answered' => 1, '503 in_flight' => 19 }, 'one is delivered';
        is $backend->count, 1, 'the upstream saw one';

        $backend->clear->behave(delay => 0.2, status => 202);
        $id = unique_id('twins');
        @responses = send_together(map { { delivery($id, uri => '/wait') } } 1 .. 20);
        is_deeply outcomes(@responses), { '202 answered' => 1, '202 duplicate' => 19 }, 'with wait, too';
        is $backend->count, 1, 'the upstream saw one';
    }
    my %workers = map { /(\d+)$/ ? ($1 => 1) : () } access_log_lines();
    is scalar(keys %workers), 2, 'both workers had some';
};

subtest 'many events at the same moment' => sub {
    $backend->clear->behave(delay => 0.05);
    my @ids = map { unique_id('many') } 1 .. 10;
    my @responses = send_together(map { my $id = $_; map { { delivery($id) } } 1 .. 4 } @ids);
    is outcomes(@responses)->{'200 answered'}, 10, 'each is delivered once';
    is $backend->count, 10, 'the upstream saw each once';
    my %seen = map { $_->{headers}{'x-github-delivery'} => 1 } $backend->requests;
    is_deeply \%seen, { map { $_ => 1 } @ids }, 'every one of them';
};

finish();
