# A Redis cluster: keys are wherever their slots are, and go elsewhere while nodes use them.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Fleet qw(answer_of deliver_at outcome_at remembered seconds_of start_at start_fleet);

plan skip_all => redis_missing() if redis_missing();

my $BACK    = 8;
my $backend = start_backend();
my @redis   = start_cluster();
my ($node_a, $node_b) = start_fleet(
    redis => 'redis://%%ADDR%%:7001', redis_options => 'timeout=500ms',
    http => 'webhook_dedup_zone zone=strict:1m redis=fleet on_error=reject;', locations => <<'CONF',
    location /strict { webhook_dedup zone=strict; proxy_pass http://%%BACKEND%%; }
    location /keys {
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_event_key;
        proxy_pass http://%%BACKEND%%;
    }
CONF
);

sub begin (@behaviour) {
    $_->command('FLUSHALL') for @redis;
    $backend->clear->behave(@behaviour);
    return unique_id('event');
}

sub body () { return '{"number":"' . unique_id() . '"}' }

# The servers' numbers of keys.
sub spread () { return map { scalar $_->keys('wh:*') } @redis }

# How often the servers led somebody elsewhere.
sub errors_of ($kind) {
    my $sum = 0;
    for my $server (@redis) {
        my $stats = $server->info('errorstats');
        $sum += $1 if ($stats->{"errorstat_$kind"} // '') =~ /count=(\d+)/;
    }
    return $sum;
}

subtest 'events are where their slots are' => sub {
    begin(status => 202);
    my @ids = map { unique_id('event') } 1 .. 30;
    is_deeply [ grep { outcome_at('a', $_, uri => '/strict') ne '202' } @ids ], [], 'all are delivered';
    is_deeply [ grep { outcome_at('b', $_, uri => '/strict') ne 'duplicate' } @ids ], [], 'all are known elsewhere';
    is $backend->count, 30, 'the upstream saw each once';
    my @spread = spread();
    is $spread[0] + $spread[1] + $spread[2], 30, 'Redis has all';
    note "spread: @spread";
};

subtest 'several keys are in one place' => sub {
    begin(status => 202);
    for my $round (1 .. 10) {
        my ($id, $other, $body) = (unique_id('event'), unique_id('event'), body());
        is answer_of(deliver_at('a', $id, uri => '/keys', body => $body)), '202 answered', 'delivered';
        is answer_of(deliver_at('b', $other, uri => '/keys', body => $body)), '202 duplicate', 'known by one key';
        is answer_of(deliver_at('b', $id, uri => '/keys', body => body())), '202 duplicate', 'known by the other';
    }
    is errors_of('CROSSSLOT'), 0, 'no script had keys of two places';
};

subtest 'what is known of the slots is kept' => sub {
    begin();
    outcome_at('a', unique_id('warm')) for 1 .. 10;
    my $id = unique_id('event');
    is outcome_at('a', $id, uri => '/keys'), 'delivered', 'once';
    my $before = errors_of('MOVED');
    is outcome_at('a', unique_id('event'), uri => '/keys', body => body()), 'delivered', 'of the same endpoint' for 1 .. 10;
    is errors_of('MOVED') - $before, 0, 'nobody is led elsewhere again';
};

# One event's key, and who has it and who has not.
sub key_and_owners () {
    my ($key) = map { $_->keys('wh:*') } @redis;
    my $from = Webhook::Redis::owner_of($key, @redis);
    my ($to) = grep { $_ != $from } @redis;
    return ($key, $from->slot_of($key), $from, $to);
}

# All that the slot holds.
sub move_keys ($slot, $from, $to) {
    for my $key (@{ $from->command(CLUSTER => 'GETKEYSINSLOT', $slot, 100) }) {
        $from->command(MIGRATE => address(), $to->port, $key, 0, 2000);
    }
}

sub end_move ($slot, $to) {
    $_->command(CLUSTER => 'SETSLOT', $slot, 'NODE', $to->cluster_id) for $to, grep { $_ != $to } @redis;
}

subtest 'a slot that goes elsewhere' => sub {
    my $id = begin(status => 201);
    is answer_of(deliver_at('a', $id)), '201 answered', 'delivered';
    my ($key, $slot, $from, $to) = key_and_owners();
    $to->command(CLUSTER => 'SETSLOT', $slot, 'IMPORTING', $from->cluster_id);
    $from->command(CLUSTER => 'SETSLOT', $slot, 'MIGRATING', $to->cluster_id);
    is answer_of(deliver_at('b', $id)), '201 duplicate', 'known while the slot is about to go';
    $node_b->reload;
    move_keys($slot, $from, $to);
    my $asks = errors_of('ASK');
    my $node_c = Webhook::Fleet::start_node('c', redis => 'redis://%%ADDR%%:7001', redis_options => 'timeout=500ms');
    is answer_of(deliver_at('c', $id)), '201 duplicate', 'known when the key has gone, and the slot has not (ASK)';
    cmp_ok errors_of('ASK'), '>', $asks, 'somebody was led there';
    end_move($slot, $to);
    $node_c->stop;
    $node_c->start;
    is answer_of(deliver_at('c', $id)), '201 duplicate', 'known when the slot has gone (MOVED)';
    $node_c->stop;
    is $backend->count, 1, 'the upstream saw it once';
};

subtest 'a slot that goes while an event is in flight' => sub {
    my $id    = begin(hold => 1, status => 202);
    my $first = start_at('a', $backend, $id);
    my ($key, $slot, $from, $to) = key_and_owners();
    $to->command(CLUSTER => 'SETSLOT', $slot, 'IMPORTING', $from->cluster_id);
    $from->command(CLUSTER => 'SETSLOT', $slot, 'MIGRATING', $to->cluster_id);
    move_keys($slot, $from, $to);
    is outcome_at('b', $id), 'in_flight', 'in flight elsewhere, at the new place';
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'delivered';
    end_move($slot, $to);
    is remembered($to), 'D202', 'the new place knows';
    is answer_of(deliver_at('b', $id)), '202 duplicate', 'and so does the other node';
};

subtest 'one of the servers is lost' => sub {
    begin();
    my $lost = $redis[1];
    $lost->kill;
    my @ids = map { unique_id('event') } 1 .. 20;
    my $seconds = seconds_of(sub {
        is_deeply [ grep { outcome_at('a', $_) ne 'delivered' } @ids ], [], 'local delivers all';
    });
    cmp_ok $seconds, '<', 8, "in time ($seconds s)";
    is_deeply [ grep { outcome_at('a', $_) ne 'duplicate' } @ids ], [], 'and remembers them';
    $lost->start;
    poll_until(sub { $lost->_knows(3) }, 20) or diag 'no cluster';
    ok poll_until(sub { (() = remembered(@redis) =~ /D200/g) >= 20 }, 2 * $BACK), 'when it is back, it learns them';
    is_deeply [ grep { outcome_at('b', $_) ne 'duplicate' } @ids ], [], 'all are known elsewhere';
};

finish();
