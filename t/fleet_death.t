# A fleet of which workers and nodes die while they have events in flight, and clients that leave.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(delivery outcome);
use Webhook::Fleet qw(answer_of deliver_at delivery_at outcome_at port_of remembered start_at start_fleet);

plan skip_all => redis_missing() if redis_missing();

# A sanitizer makes all slower.
my $SLOWER = $ENV{WEBHOOK_PRELOAD} ? 4 : 1;

my $backend = start_backend();
my $redis   = start_redis();
my $proxy   = start_proxy();
my ($node_a, $node_b) = start_fleet(
    redis => 'redis://%%ADDR%%:6380', redis_options => 'timeout=500ms', workers => 2, zone => 'lease=20s',
    http => 'webhook_dedup_zone zone=brief:1m redis=fleet lease=1s;', locations => <<'CONF',
    location /brief { webhook_dedup zone=brief; proxy_pass http://%%BACKEND%%; }
    location /brief/wait { webhook_dedup zone=brief wait=5s; proxy_pass http://%%BACKEND%%; }
    location /to_the_end { proxy_ignore_client_abort on; proxy_pass http://%%BACKEND%%; }
CONF
);

allow_log(qr/exited on signal 9/, qr/was locked by/);

sub begin (@behaviour) {
    $redis->command('FLUSHALL');
    $backend->clear->behave(@behaviour);
    return unique_id('event');
}

sub seconds_until ($code, $patience, $what) {
    my $start = time;
    ok poll_until($code, $patience), $what;
    return time - $start;
}

# The workers of a node, less those that are to be replaced.
sub is_whole ($node, @killed) {
    my %killed = map { $_ => 1 } @killed;
    return wait_for(sub { my @workers = $node->workers; @workers == 2 && !grep { $killed{$_} } @workers }, 10, 'replaced');
}

# The worker that has the only connection from this node to the backend.
sub worker_at_upstream ($node) {
    my ($address, $port) = split /:/, backend_address();
    my $remote = sprintf '%s:%04X', unpack('H8', pack 'L', unpack 'N', pack 'C4', split /\./, $address), $port;
    for my $worker ($node->workers) {
        my %inode = map { /^socket:\[(\d+)\]/ ? ($1 => 1) : () } map { readlink // '' } glob "/proc/$worker/fd/*";
        for my $line (split /\n/, slurp("/proc/$worker/net/tcp")) {
            my (undef, undef, $peer, $state, @fields) = split ' ', $line;
            return $worker if lc $peer eq lc $remote && $state eq '01' && $inode{ $fields[5] };
        }
    }
    return;
}

subtest 'a worker that is killed: its event is free elsewhere at once' => sub {
    for my $round (1 .. 3) {
        my $id     = begin([ { hang => 1 }, { status => 202 } ]);
        my $first  = start_at('a', $backend, $id);
        my $worker = wait_for(sub { worker_at_upstream($node_a) }, 3, 'a worker holds it');
        is outcome_at('b', $id), 'in_flight', 'in flight elsewhere';
        kill KILL => $worker;
        my $seconds = seconds_until(sub { remembered($redis) eq '' }, 5, 'Redis has nothing of it');
        cmp_ok $seconds, '<', 1 * $SLOWER, 'within a second, far before its lease ends';
        is answer_of(deliver_at('b', $id)), '202 answered', 'the other node delivers it';
        $first->finish;
        is_whole($node_a, $worker);
        is outcome_at('a', $id), 'duplicate', 'and the first node knows that';
    }
};

subtest 'the sibling does that, not the replacement' => sub {
    my $id     = begin([ { hang => 1 }, { status => 202 } ]);
    my $first  = start_at('a', $backend, $id);
    my $worker = wait_for(sub { worker_at_upstream($node_a) }, 3, 'a worker holds it');
    kill STOP => $node_a->master;
    kill KILL => $worker;
    my $seconds = seconds_until(sub { remembered($redis) eq '' }, 5, 'Redis has nothing of it');
    kill CONT => $node_a->master;
    cmp_ok $seconds, '<', 1 * $SLOWER, 'within a second';
    $first->finish;
    is_whole($node_a, $worker);
    is answer_of(deliver_at('b', $id)), '202 answered', 'the other node delivers it';
};

subtest 'all workers of a node are killed: the replacement does it' => sub {
    my $id      = begin([ { hang => 1 }, { status => 202 } ]);
    my $first   = start_at('a', $backend, $id);
    my @workers = $node_a->workers;
    kill KILL => @workers;
    my $seconds = seconds_until(sub { remembered($redis) eq '' }, 5, 'Redis has nothing of it');
    cmp_ok $seconds, '<', 2 * $SLOWER, 'soon';
    $first->finish;
    is_whole($node_a, @workers);
    is answer_of(deliver_at('b', $id)), '202 answered', 'the other node delivers it';
};

subtest 'a node that is killed: its event is free when the lease ends' => sub {
    my $id    = begin([ { hang => 1 }, { status => 202 } ]);
    my $first = start_at('a', $backend, $id, uri => '/brief');
    my $waits = start_request(delivery($id, port => port_of('b'), uri => '/brief/wait'));
    $node_a->crash;
    my $start = time;
    is outcome_at('b', $id, uri => '/brief'), 'in_flight', 'in flight first';
    is answer_of($waits->finish), '202 answered', 'who waits delivers it then';
    my $seconds = time - $start;
    ok $seconds <= 2 * $SLOWER, "after the lease at most ($seconds)";
    is outcome_at('b', $id, uri => '/brief'), 'duplicate', 'and it is remembered';
    $first->finish;
    $node_a->start;
    is outcome_at('a', $id, uri => '/brief'), 'duplicate', 'also at the node, started again with an empty memory';
};

subtest 'what a node delivered is known when it is gone' => sub {
    my $id = begin(status => 201);
    is outcome_at('a', $id), 201, 'delivered';
    $node_a->crash;
    is answer_of(deliver_at('b', $id)), '201 duplicate', 'a duplicate elsewhere';
    $node_a->start;
    is answer_of(deliver_at('a', $id)), '201 duplicate', 'and where it was delivered';
    is $backend->count, 1, 'the upstream saw it once';
};

subtest 'a lease is renewed while the upstream works' => sub {
    my $id    = begin(hold => 1, status => 202);
    my $first = start_at('a', $backend, $id, uri => '/brief');
    my ($least, $end) = (1000, time + 3);
    my %answers;
    while (time < $end) {
        my $left = $redis->command(PTTL => ($redis->keys('wh:*'))[0] // 'none');
        $least = $left if $left < $least;
        ++$answers{ outcome_at('b', $id, uri => '/brief') };
        sleep 0.05;
    }
    is_deeply [ keys %answers ], ['in_flight'], 'in flight elsewhere, three times as long as the lease';
    cmp_ok $least, '>', 200, "the lease never comes near its end ($least ms left)";
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'delivered';
    is outcome_at('b', $id, uri => '/brief'), 'duplicate', 'and known elsewhere';
};

subtest 'nothing is renewed when nothing is in flight' => sub {
    my $id = begin();
    is outcome_at('a', $id, uri => '/brief'), 'delivered', 'delivered';
    my $before = $redis->scripts_run;
    sleep 1;
    is $redis->scripts_run - $before, 0, 'no script runs';
};

subtest 'a client that leaves' => sub {
    for my $reset (0, 1) {
        my $id = begin([ { hold => 1 }, {} ]);
        my %request = delivery_at('a', $id);
        my ($connection) = start_together(\%request);
        wait_for(sub { $backend->count == 1 }, 5, 'it is with the upstream');
        is remembered($redis), 'C', 'claimed';
        $connection->close(reset => $reset);
        ok poll_until(sub { remembered($redis) eq '' }, 2), 'is set free in Redis';
        is answer_of(deliver_at('b', $id)), '200 answered', 'and can be delivered elsewhere';
        $backend->let_go;
    }
    my $id = begin(hold => 1);
    my %request = delivery_at('a', $id, uri => '/to_the_end');
    my ($connection) = start_together(\%request);
    wait_for(sub { $backend->count == 1 }, 5, 'it is with the upstream');
    $connection->close;
    sleep 0.1;
    is outcome_at('b', $id), 'in_flight', 'not if nginx waits for the answer all the same';
    $backend->let_go;
    ok poll_until(sub { remembered($redis) eq 'D200' }, 2), 'which decides';
};

subtest 'a client that leaves while its claim is on the way' => sub {
    # Once before Redis has it, once before its answer is here.
    for my $delays ([ 0.4, 0 ], [ 0, 0.4 ]) {
        my $id = begin();
        $proxy->delay(@$delays);
        my %request = delivery_at('a', $id);
        my ($connection) = start_together(\%request);
        is $connection->pending_input(0.1), '', 'no answer yet';
        $connection->close(reset => 1);
        sleep 0.6;
        $proxy->pass;
        ok poll_until(sub { remembered($redis) eq '' }, 2), 'nothing of it stays in Redis';
        is $backend->count, 0, 'the upstream did not see it';
        is answer_of(deliver_at('b', $id)), '200 answered', 'it can be delivered elsewhere';
    }
};

subtest 'a client that leaves while it waits for another node' => sub {
    my $id    = begin(hold => 1, status => 202);
    my $first = start_at('b', $backend, $id);
    my %request = delivery_at('a', $id, uri => '/wait');
    my ($connection) = start_together(\%request);
    is $connection->pending_input(0.3), '', 'no answer yet';
    $connection->close(reset => 1);
    sleep 0.3;
    is remembered($redis), 'C', 'the claim of the other is untouched';
    is outcome_at('a', $id), 'in_flight', 'in flight there';
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'it is delivered';
    is outcome_at('a', $id), 'duplicate', 'and known';
};

subtest 'a reload, and an end, while an event is in flight' => sub {
    my $id    = begin(hold => 1, status => 202);
    my $first = start_at('a', $backend, $id, uri => '/brief');
    ok $node_a->reload, 'reload';
    sleep 1.5;
    is outcome_at($_, $id, uri => '/brief'), 'in_flight', "in flight at $_, longer than the lease" for qw(a b);
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'the old worker delivers it';
    is outcome_at($_, $id, uri => '/brief'), 'duplicate', "known at $_" for qw(a b);

    $id    = begin(hold => 1, status => 202);
    $first = start_at('a', $backend, $id);
    kill QUIT => $node_a->master;
    sleep 0.2;
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'a node that is told to end delivers what it has';
    is remembered($redis), 'D202', 'and Redis knows';
    ok $node_a->stop, 'it ends';
    is outcome_at('b', $id), 'duplicate', 'known elsewhere';
    $node_a->start;
};

subtest 'an upstream that accepts when the worker has just been told to exit' => sub {
    for my $milliseconds (20, 60, 100, 140, 180, 220) {
        my $id    = begin(hold => 1, status => 202);
        my $first = start_at('a', $backend, $id);
        kill HUP => $node_a->master;
        sleep $milliseconds / 1000;
        $backend->let_go;
        is answer_of($first->finish), '202 answered', "$milliseconds ms later: delivered";
        is remembered($redis), 'D202', 'and Redis knows';
    }
};

subtest 'a retry that waits in a worker that is told to exit' => sub {
    for (1 .. 3) {
        my $id    = begin(hold => 1, status => 202);
        my $first = start_at('b', $backend, $id);
        my $waits = start_request(delivery($id, port => port_of('a'), uri => '/wait'));
        sleep 0.1;
        kill HUP => $node_a->master;
        sleep 0.4;
        $backend->let_go;
        is answer_of($first->finish), '202 answered', 'delivered elsewhere';
        is answer_of($waits->finish), '202 duplicate', 'a duplicate here';
        is $backend->count, 1, 'the upstream saw it once';
    }
};

finish();
