# Redis refuses single calls, or changes while nodes use it: no memory, another role, a key of another type. A node
# decides alone where it has to, says so without a secret, and comes back by itself.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Fleet qw(answer_of deliver_at outcome_at port_of remembered start_at);
use Webhook::FleetPair;

plan skip_all => redis_missing() if redis_missing();

my $BACK     = Webhook::FleetPair::BACK;
my $PASSWORD = Webhook::FleetPair::PASSWORD;
my %login    = (user => Webhook::FleetPair::USER, password => $PASSWORD);

my $pair = Webhook::FleetPair->new;
my ($redis, $proxy, $backend) = @$pair{qw(redis proxy backend)};

my $port = 6400;

subtest 'no memory is left' => sub {
    $pair->is_back;
    my ($id, $key) = $pair->event_and_key;
    $redis->command(qw(CONFIG SET maxmemory-policy noeviction));
    $redis->command(qw(CONFIG SET maxmemory 1));
    my $start = $pair->log_length;
    $pair->is_alone('no memory', $start, qr/OOM|memory/, $id);
    $redis->command(qw(CONFIG SET maxmemory 0));
    $pair->is_back;
    $pair->is_pushed($id, $key);
};

subtest 'no memory is left at the commit' => sub {
    $pair->is_back;
    my $id    = $pair->begin(hold => 1, status => 202);
    my $first = start_at('a', $backend, $id);
    $redis->command(qw(CONFIG SET maxmemory 1));
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'the answer leaves as it is';
    is answer_of(deliver_at('a', $id)), '202 duplicate', 'known here';
    is outcome_at('b', $id), 'in_flight', 'in flight elsewhere';
    $redis->command(qw(CONFIG SET maxmemory 0));
    ok poll_until(sub { remembered($redis) =~ /D202/ }, $BACK), 'the commit comes later';
    is answer_of(deliver_at('b', $id)), '202 duplicate', 'then known elsewhere';
};

subtest 'a primary becomes a replica' => sub {
    $pair->is_back;
    my $id    = $pair->begin(status => 201);
    my $other = start_redis(port => ++$port, %login);
    $_->command(qw(CONFIG SET masteruser tester)) for $redis, $other;
    $_->command(qw(CONFIG SET masterauth any)) for $redis, $other;
    is answer_of(deliver_at('a', $id)), '201 answered', 'one event is delivered';
    $other->become_replica_of($redis);
    # They change places, and the connection stays: each claim is answered READONLY.
    $other->become_primary;
    $redis->become_replica_of($other);
    my $start = $pair->log_length;
    my @meanwhile = map { unique_id('event') } 1 .. 3;
    is answer_of(deliver_at('a', $_)), '201 answered', 'local delivers' for @meanwhile;
    ok poll_until(sub { $pair->lines_since($start) > 0 }, 2), 'the log tells';
    $pair->lead_to($port);
    ok poll_until(sub { (() = remembered($other) =~ /D201/g) >= 4 }, $BACK), 'the new primary learns what was delivered';
    my $node = Webhook::FleetPair::start_one(c => $port, qq(user=gate "password=$PASSWORD"));
    is answer_of(deliver_at('c', $_)), '201 duplicate', 'known there' for $id, @meanwhile;
    $node->stop;
    $redis->become_primary;
    $proxy->lead_to(6379)->cut;
    $other->kill;
    $pair->is_back;
};

subtest 'a key of another type' => sub {
    $pair->is_back;
    my $id = $pair->begin();
    is outcome_at('b', $id), 'delivered', 'an event';
    my ($key)  = $redis->keys('wh:*');
    my $strict = $key =~ s/events/strict/r;
    my $open   = $proxy->told->{connections};
    $redis->command(DEL => $key);
    $redis->command(RPUSH => $_, 'x') for $key, $strict;
    is outcome_at('a', $id, uri => '/strict'), 'unavailable', 'reject refuses it';
    is outcome_at('a', $id), 'delivered', 'local delivers it';
    is outcome_at('a', $id), 'duplicate', 'and remembers it here';
    is outcome_at('a', unique_id('event'), uri => '/strict'), 'delivered', 'others are not concerned';
    is $proxy->told->{connections}, $open, 'the connection stays';
    is $redis->command(TYPE => $key), 'list', 'and what was there';
    $redis->command(DEL => $_) for $key, $strict;
};

subtest 'a value that is not ours' => sub {
    $pair->is_back;
    my $id = $pair->begin();
    is outcome_at('b', $id), 'delivered', 'an event';
    my ($key) = $redis->keys('wh:*');
    for my $value ('', 'x', 'D', 'Dxyz', 'D999', 'D100', 'D301', 'D1e2') {
        $redis->command(SET => $key, $value);
        $redis->command(SET => $key =~ s/events/strict/r, $value);
        my $answer = deliver_at('a', $id, uri => '/strict');
        is $answer->{status}, 503, qq("$value": refused);
    }
    $redis->command(DEL => $key);
    is outcome_at('a', unique_id('event')), 'delivered', 'nothing is broken';
    $pair->is_back;
};

subtest 'a script that never ends' => sub {
    $pair->is_back;
    my $start = $pair->log_length;
    my ($id, $key) = $pair->event_and_key;
    $redis->command(qw(CONFIG SET busy-reply-threshold 50));
    my $client = Webhook::Redis::login_as($redis, 'tester', 'any');
    syswrite $client->{socket}, "EVAL \"while true do end\" 0\r\n";
    sleep 0.2;
    $pair->is_alone('busy', $start, qr/./, $id);
    my $killer = Webhook::Redis::login_as($redis, 'tester', 'any');
    $killer->command(qw(SCRIPT KILL));
    $pair->is_back;
    $pair->is_pushed($id, $key);
};

subtest 'what is no Redis' => sub {
    $pair->is_back;
    my $start = $pair->log_length;
    my ($id, $key) = $pair->event_and_key;
    # Node b's own HTTP server.
    $pair->lead_to(port_of('b') + 10);
    $pair->is_alone('an HTTP server', $start, qr/./, $id);
    $pair->lead_back;
    $pair->is_pushed($id, $key);
};

subtest 'too many clients' => sub {
    $pair->is_back;
    my $start = $pair->log_length;
    $pair->begin();
    $redis->command(qw(CONFIG SET maxclients 2));
    $proxy->cut;
    sleep 0.1;
    my @more = map { IO::Socket::INET->new(PeerAddr => address(), PeerPort => 6379) } 1 .. 2;
    sleep 0.1;
    is outcome_at('a', unique_id('event')), 'delivered', 'local delivers';
    $redis->command(qw(CONFIG SET maxclients 1000));
    $pair->is_back;
};

subtest 'no secret, and nothing of a delivery, is in a log' => sub { $pair->logs_hold_no_secret };

finish();
