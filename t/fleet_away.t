# Redis cannot be reached, or says nothing: at the start, at a claim, at a commit. Each node then decides alone
# (on_error=local), or refuses (on_error=reject); and when Redis is back it learns what was delivered.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(delivery outcome);
use Webhook::Fleet qw(
    answer_of deliver_at delivery_at key_of outcome_at port_of remembered remembers seconds_of start_at start_node
);

plan skip_all => redis_missing() if redis_missing();

my $TIMEOUT = 0.1;
# A breaker tries again after five seconds at most.
my $BACK    = 8;
my $SLOWER  = $ENV{WEBHOOK_PRELOAD} ? 4 : 1;

my $backend = start_backend();
my $redis   = start_redis();
my $proxy   = start_proxy();

# Node a reaches Redis through the proxy, node b reaches it by itself.
sub start_one ($node, $port) {
    return start_node($node, redis => "redis://%%ADDR%%:$port/0", redis_options => 'timeout=100ms',
        http => 'webhook_dedup_zone zone=strict:1m redis=fleet on_error=reject;',
        locations => 'location /strict { webhook_dedup zone=strict; proxy_pass http://%%BACKEND%%; }');
}

sub begin (@behaviour) {
    $redis->command('FLUSHALL');
    $backend->clear->behave(@behaviour);
    return unique_id('event');
}

# Redis is away for node a while this runs.
sub while_away ($how, $code) {
    $proxy->$how;
    $proxy->cut if $how eq 'refuse';
    $code->();
    $proxy->pass;
    # What was swallowed has to time out.
    is_back();
}

# The node talks with Redis again: what may not be delivered without it is.
sub is_back ($node = 'a') {
    return wait_for(sub { answer_of(deliver_at($node, unique_id('probe'), uri => '/strict')) =~ /answered/ },
        $BACK, "Redis is back for node $node");
}

# Lines about Redis of this level, since the text had so many characters.
sub lines_since ($node, $start, $levels = 'error|warn|notice') {
    return grep { /\[(?:$levels)\]/ && /webhook_redis/ } split /\n/, substr $node->error_log, $start;
}

$proxy->refuse;
my $node_b = start_one(b => 6379);
my $node_a = start_one(a => 6380);

subtest 'away at the start' => sub {
    my $id = begin(status => 201);
    is answer_of(deliver_at('a', $id)), '201 answered', 'local: delivered';
    is answer_of(deliver_at('a', $id)), '201 duplicate', 'and remembered here';
    my $other = unique_id('event');
    my $strict = deliver_at('a', $other, uri => '/strict');
    is answer_of($strict), '503 unavailable', 'reject: refused';
    ok $strict->header('Retry-After'), 'to be sent again';
    is answer_of(deliver_at('b', $other, uri => '/strict')), '201 answered', 'the other node does not care';
    is remembered($redis), 'D201', 'Redis knows one';
    $proxy->pass;
    ok poll_until(sub { remembered($redis) eq 'D201 D201' }, $BACK), 'when it is back it learns the other one';
    is answer_of(deliver_at('b', $id)), '201 duplicate', 'which is a duplicate elsewhere then';
    is answer_of(deliver_at('a', $other, uri => '/strict')), '201 duplicate', 'and what was refused is asked for again';
    is $backend->count, 2, 'the upstream saw each once';
};

for my $how (qw(refuse freeze swallow)) {
    subtest "away at the claim: $how" => sub {
        is_back();
        my $id    = begin();
        my $key   = key_of($redis, $backend, 'b', $id);
        my $other = unique_id('event');
        while_away($how, sub {
            my $seconds = seconds_of(sub { is outcome_at('a', $id), 'delivered', 'local: delivered' });
            cmp_ok $seconds, '<', $TIMEOUT + 0.15 * $SLOWER, 'as soon as the time is over';
            is outcome_at('a', $id), 'duplicate', 'remembered here';
            is outcome_at('a', $other, uri => '/strict'), 'unavailable', 'reject: refused';
            my $many = seconds_of(sub { outcome_at('a', unique_id('many')) for 1 .. 20 });
            cmp_ok $many, '<', 20 * $TIMEOUT / 2, "twenty more do not wait for it each ($many s)";
            is outcome_at('a', unique_id('event'), uri => '/strict'), 'unavailable', 'each is refused' for 1 .. 3;
            my $plain = seconds_of(sub { send_request(uri => '/ungated', port => port_of('a')) });
            cmp_ok $plain, '<', 0.05 * $SLOWER, 'other locations do not notice';
        });
        ok remembers($redis, $key, $BACK), 'when it is back, Redis learns what was delivered';
        is outcome_at('b', $id), 'duplicate', 'a duplicate elsewhere';
        is outcome_at('a', $other, uri => '/strict'), 'delivered', 'and what was refused is delivered';
        is outcome_at('b', $other, uri => '/strict'), 'duplicate', 'once';
    };
}

subtest 'the pushed ones are all there' => sub {
    begin();
    my @ids = map { unique_id('pushed') } 1 .. 50;
    while_away(refuse => sub {
        is_deeply [ grep { outcome_at('a', $_) ne 'delivered' } @ids ], [], 'delivered meanwhile';
    });
    ok poll_until(sub { (() = remembered($redis) =~ /D200/g) >= @ids }, $BACK), 'Redis learns them';
    is_deeply [ grep { outcome_at('b', $_) ne 'duplicate' } @ids ], [], 'duplicates elsewhere';
};

for my $how (qw(refuse freeze swallow)) {
    subtest "away at the commit: $how" => sub {
        is_back();
        my $id = begin(hold => 1, status => 202);
        my %request = delivery_at('a', $id);
        my ($connection) = start_together(\%request);
        wait_for(sub { $backend->count == 1 }, 5, 'it is with the upstream');
        like remembered($redis), qr/C/, 'claimed';
        my $seconds;
        while_away($how, sub {
            $backend->let_go;
            $seconds = seconds_of(sub { is answer_of($connection->read_response(%request)), '202 answered', 'the answer leaves as it is' });
            cmp_ok $seconds, '<', $TIMEOUT + 0.25 * $SLOWER, "as soon as the time is over ($seconds s)";
            is answer_of(deliver_at('a', $id)), '202 duplicate', 'remembered here';
            is outcome_at('b', $id), 'in_flight', 'in flight elsewhere: nobody delivers it twice';
            $backend->behave;
        });
        ok poll_until(sub { remembered($redis) =~ /D202/ }, $BACK), 'the commit comes later';
        is answer_of(deliver_at('b', $id)), '202 duplicate', 'a duplicate elsewhere then';
    };
}

subtest 'away at the release' => sub {
    my $id = begin([ { hold => 1, status => 500 }, {} ]);
    my %request = delivery_at('a', $id);
    my ($connection) = start_together(\%request);
    wait_for(sub { $backend->count == 1 }, 5, 'it is with the upstream');
    $proxy->refuse->cut;
    $backend->let_go;
    my $seconds = seconds_of(sub { is $connection->read_response(%request)->{status}, 500, 'the answer leaves' });
    cmp_ok $seconds, '<', 0.1 * $SLOWER, 'at once';
    $proxy->pass;
    ok poll_until(sub { remembered($redis) !~ /C/ }, $BACK), 'Redis is told later';
    is outcome_at('b', $id), 'delivered', 'and the retry is delivered elsewhere';
};

subtest 'answers that come too late are nobody else\'s' => sub {
    is_back();
    my $known = begin(status => 203);
    is answer_of(deliver_at('b', $known)), '203 answered', 'one event is known elsewhere';
    my @ids = map { unique_id('late') } 1 .. 5;
    $proxy->delay(0, 0.25);
    # This one has an answer that says duplicate, behind the time; those after it must not get it.
    is answer_of(deliver_at('a', $known)), '203 answered', 'the answer is too late, so that this node decides';
    $proxy->pass;
    my @answers = map { answer_of(deliver_at('a', $_)) } @ids;
    is_deeply \@answers, [ ('203 answered') x 5 ], 'others get their own answers';
    is_back();
    is answer_of(deliver_at('a', unique_id('event'))), '203 answered', 'later, too';
    is_deeply [ map { answer_of(deliver_at('b', $_)) } @ids ], [ ('203 duplicate') x 5 ], 'and are remembered';
};

subtest 'connections that end' => sub {
    is_back();
    for my $round (1 .. 5) {
        my $id  = begin();
        my $key = key_of($redis, $backend, 'b', $id);
        $proxy->cut($round % 2);
        is outcome_at('a', $id), 'delivered', 'a delivery right behind it';
        ok remembers($redis, $key, $BACK), 'Redis has it, or learns it';
        is outcome_at('b', $id), 'duplicate', 'a duplicate elsewhere';
        is_back();
    }
};

subtest 'Redis is restarted, and has forgotten' => sub {
    my $id = begin([ {}, { hold => 1, status => 202 }, {} ]);
    my $held = unique_id('event');
    is outcome_at('a', $id), 'delivered', 'one is delivered';
    my $first = start_at('a', $backend, $held);
    $redis->kill->start;
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'one was in flight';
    is_back($_) for qw(a b);
    ok poll_until(sub { remembered($redis) =~ /D202/ }, $BACK), 'Redis learns that it was delivered';
    is answer_of(deliver_at('b', $held)), '202 duplicate', 'a duplicate elsewhere';
    is outcome_at('a', $id), 'duplicate', 'what it forgot is known where it was delivered';
    is outcome_at('b', $id), 'delivered', 'once more elsewhere';
    is outcome_at('b', $id), 'duplicate', 'and only once';
};

subtest 'Redis is restarted, and remembers' => sub {
    $redis->write_config(appendonly => 1);
    $redis->restart;
    is_back();
    my $id = begin();
    is outcome_at('a', $id), 'delivered', 'delivered';
    $redis->kill->start;
    is_back('b');
    is outcome_at('b', $id), 'duplicate', 'a duplicate elsewhere';
    $redis->write_config(appendonly => 0);
    $redis->restart;
};

subtest 'all is flushed' => sub {
    is_back($_) for qw(a b);
    my $id = begin([ {}, { hold => 1, status => 202 }, {} ]);
    is outcome_at('a', $id), 'delivered', 'one is delivered';
    my $held  = unique_id('event');
    my $first = start_at('a', $backend, $held);
    $redis->command('FLUSHALL');
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'one was in flight';
    like remembered($redis), qr/D202/, 'delivered wins';
    is answer_of(deliver_at('b', $held)), '202 duplicate', 'a duplicate elsewhere';
    is outcome_at('b', $id), 'delivered', 'what was forgotten is delivered once more elsewhere';
    is outcome_at($_, $id), 'duplicate', 'and then known' for qw(a b);
};

subtest 'another node has claimed what was flushed' => sub {
    my $id    = begin([ { hold => 1, status => 201 }, { hold => 1, status => 202 }, {} ]);
    my $first = start_at('a', $backend, $id);
    $redis->command('FLUSHALL');
    my $second = start_at('b', $backend, $id);
    $backend->let_go;
    is $_->finish->{status} =~ /^20[12]$/, 1, 'both are delivered' for $first, $second;
    like remembered($redis), qr/D20[12]/, 'Redis knows the event';
    is outcome_at($_, $id), 'duplicate', "a duplicate at $_" for qw(a b);
};

subtest 'scripts are flushed' => sub {
    is_back();
    my $before = $proxy->told->{connections};
    for (1 .. 3) {
        my $id = begin();
        $redis->command(qw(SCRIPT FLUSH));
        is outcome_at('a', $id), 'delivered', 'delivered';
        is outcome_at('b', $id), 'duplicate', 'known elsewhere';
    }
    is $proxy->told->{connections}, $before, 'over the same connection';
};

subtest 'what the log says' => sub {
    is_back();
    my $start = length $node_a->error_log;
    while_away(refuse => sub { deliver_at('a', unique_id('event')) for 1 .. 10; sleep 1 });
    poll_until(sub { lines_since($node_a, $start) >= 2 }, 2);
    my @lines = lines_since($node_a, $start);
    is scalar(@lines), 2, 'one line when it is lost, and one when it is back' or diag join "\n", @lines;
    like $lines[0], qr/\[(?:error|warn)\]/, 'the first is an error';
    like $lines[1], qr/\[(?:error|warn)\]/, 'the second is as loud';
    like $_, qr/fleet/, 'it names the server' for @lines;
};

subtest 'an end while Redis is away' => sub {
    begin();
    $proxy->refuse->cut;
    my @ids = map { unique_id('event') } 1 .. 3;
    is outcome_at('a', $_), 'delivered', 'delivered' for @ids;
    my $seconds = seconds_of(sub { ok $node_a->stop, 'the node ends' });
    cmp_ok $seconds, '<', 6, 'in time';
    $proxy->pass;
    $node_a->start;
    is outcome_at('a', unique_id('event')), 'delivered', 'and serves again';
};

finish();
