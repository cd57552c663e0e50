# What webhook_status counts of a fleet's Redis while it is away, slow or forgetful, and when workers die.

use Webhook::Test;

use JSON::PP qw(encode_json);
use Webhook::Fleet qw(answer_of deliver_at delivery_at key_of outcome_at port_of remembered remembers start_at start_fleet);
use Webhook::Metrics qw(fallen scrape status_of value_of);

plan skip_all => redis_missing() if redis_missing();

my $BACK     = 8;
my $PASSWORD = 'Zq7 a password of the tests';

my $backend = start_backend();
my $redis   = start_redis(user => 'gate', password => $PASSWORD);
my $proxy   = start_proxy();
my ($node_a, $node_b) = start_fleet(
    redis => 'redis://%%ADDR%%:6380/1', redis_options => qq(timeout=100ms user=gate "password=$PASSWORD"), workers => 2,
    zone => 'lease=1s', http => <<'HTTP', locations => <<'CONF');
webhook_redis other redis://%%ADDR%%:6399;
webhook_dedup_zone zone=strict:1m redis=fleet on_error=reject;
webhook_dedup_zone zone=alone:1m redis=other;
HTTP
    location = /status { webhook off; webhook_status json; }
    location = /metrics { webhook off; webhook_status prometheus; }
    location = /page { webhook off; webhook_status html; }
    location /strict { webhook_dedup zone=strict; proxy_pass http://%%BACKEND%%; }
    location /alone { webhook_dedup zone=alone; proxy_pass http://%%BACKEND%%; }
CONF

allow_log(qr/exited on signal 9/, qr/was locked by/);

# This one of the report's servers.
sub redis_of ($node, $name = 'fleet') {
    my ($found) = grep { $_->{name} eq $name } @{ status_of(port => port_of($node))->{redis} };
    return $found;
}

# How much these fields rise, of node a's server; the workers note some of it a moment later.
sub rises ($code, %expected) {
    my $before = redis_of('a');
    $code->();
    my $risen = sub { my $now = redis_of('a'); return { map { $_ => $now->{$_} - $before->{$_} } keys %expected } };
    poll_until(sub { my $is = $risen->(); !grep { $is->{$_} < $expected{$_} } keys %expected }, $BACK);
    is_deeply $risen->(), \%expected, join ', ', map { "$_ $expected{$_}" } sort keys %expected;
}

sub is_seen ($node, $connected, $away, $what) {
    my $found;
    poll_until(sub { $found = redis_of($node); $found->{connected} == $connected && $found->{away} == $away }, $BACK);
    is "$found->{connected} $found->{away}", "$connected $away", $what;
}

sub is_back () {
    return wait_for(sub { answer_of(deliver_at('a', unique_id('probe'), uri => '/strict')) =~ /answered/ }, $BACK, 'Redis is back');
}

subtest 'the servers' => sub {
    is_seen('a', 2, 0, 'all workers are connected');
    my $fleet = redis_of('a');
    is $fleet->{url}, 'redis://' . address() . ':6380/1', 'its URL';
    is_deeply [ sort @{ $fleet->{zones} } ], [qw(events strict)], 'its zones';
    # Nobody has asked for it yet, but the workers look for it.
    is_seen('a', 2, 0, 'they stay');
    my $other = redis_of('a', 'other');
    is_deeply $other->{zones}, ['alone'], 'another one';
    is $other->{connected}, 0, 'which nobody is connected to';
};

subtest 'round trips, and what is learned' => sub {
    my $id = unique_id('event');
    my $trips = redis_of('a')->{round_trip_seconds}{count};
    rises(sub {
        is outcome_at('b', $id), 'delivered', 'one node delivers it';
        is outcome_at('a', $id), 'duplicate', 'the other learns it';
        is outcome_at('a', $id), 'duplicate', 'once';
    }, learned => 1, timeouts => 0, losses => 0, decided_alone => 0, commits_late => 0);
    is redis_of('a')->{round_trip_seconds}{count} - $trips, 1, 'in one round trip' if defined $trips;
};

subtest 'Redis is away' => sub {
    is_back();
    $proxy->refuse->cut;
    # What both workers decide alone is not known beforehand, but that one of them does is.
    rises(sub { is outcome_at('a', unique_id('event')), 'delivered', 'decided alone' for 1 .. 3 }, decided_alone => 3);
    is_seen('a', 0, 2, 'all workers know that it is away');
    cmp_ok redis_of('a')->{losses}, '>=', 2, 'each lost it';
    my $status = status_of(port => port_of('a'));
    unlike(encode_json($status), qr/Zq7/, 'the password is not shown');
    my $series = scrape(port => port_of('a'));
    is value_of($series, 'redis_away_workers', redis => 'fleet'), 2, 'as metrics, too';
    like send_request(method => 'GET', uri => '/page', port => port_of('a'))->{body}, qr/Shared memory/, 'and on the page';
    rises(sub { $proxy->pass; is_back() }, pushed_later => 3);
    is_seen('a', 2, 0, 'all are back');
};

subtest 'a commit that comes late' => sub {
    is_back();
    $backend->clear->behave(hold => 1, status => 202);
    my $id    = unique_id('event');
    my $first = start_at('a', $backend, $id);
    rises(sub {
        $proxy->freeze;
        $backend->let_go;
        is answer_of($first->finish), '202 answered', 'answered';
        $backend->behave;
        $proxy->pass;
    }, commits_late => 1, pushed_later => 1);
};

subtest 'a lease that was lost' => sub {
    is_back();
    $backend->clear->behave(hold => 1, status => 202);
    my $first = start_at('a', $backend, unique_id('event'));
    my $before = redis_of('a')->{leases_lost};
    $redis->command(qw(SELECT 1));
    $redis->command('FLUSHDB');
    $redis->command(qw(SELECT 0));
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'delivered';
    $backend->behave;
    cmp_ok redis_of('a')->{leases_lost}, '>', $before, 'counted';
};

subtest 'a worker that dies' => sub {
    is_back();
    $backend->clear->behave([ { hang => 1 }, {} ]);
    my $first   = start_at('a', $backend, unique_id('event'));
    my @workers = $node_a->workers;
    rises(sub { kill KILL => @workers; $first->finish }, released_for_dead => 1);
    $backend->clear->behave;
    wait_for(sub { my %old = map { $_ => 1 } @workers; my @new = $node_a->workers; @new == 2 && !grep { $old{$_} } @new }, 10, 'replaced');
    is_seen('a', 2, 0, 'the dead are not counted as connected');
};

subtest 'metrics' => sub {
    my $before = scrape(port => port_of('a'));
    for my $name (qw(timeouts losses decided_alone learned commits_late pushed_later pushes_dropped leases_lost released_for_dead)) {
        is value_of($before, "redis_${name}_total", redis => 'fleet'), redis_of('a')->{$name}, $name;
    }
    is value_of($before, 'redis_connected_workers', redis => 'fleet'), 2, 'connected';
    cmp_ok value_of($before, 'redis_round_trip_seconds_count', redis => 'fleet'), '>', 5, 'round trips';
    ok $node_a->reload, 'reload';
    outcome_at('a', unique_id('event'));
    is_deeply [ fallen($before, scrape(port => port_of('a'))) ], [], 'no counter falls';
    is_seen('a', 2, 0, 'the new workers are connected');
};

subtest 'without a fleet' => sub {
    my $node = start_nginx(node => 'plain', http => <<'CONF');
server { listen %%ADDR%%:8190; location = /status { webhook_status json; } location = /metrics { webhook_status prometheus; } }
CONF
    is_deeply status_of(port => 8190)->{redis}, [], 'no server in JSON';
    unlike send_request(method => 'GET', uri => '/metrics', port => 8190)->{body}, qr/redis/, 'none in the metrics';
};

finish();
