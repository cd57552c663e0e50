# Two nodes and one Redis: what one of them delivered, or has in flight, is so for the other.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(delivery outcome);
use Webhook::Fleet qw(answer_of deliver_at outcome_at port_of remembered start_at start_fleet told_later);

plan skip_all => redis_missing() if redis_missing();

my $backend = start_backend();
my $redis   = start_redis();
my ($node_a, $node_b) = start_fleet(workers => 2, zone => 'lease=5s', locations => <<'CONF', http => <<'HTTP');
    location /keys {
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_event_key;
        proxy_pass http://%%BACKEND%%;
    }
    location /other {
        webhook github name=other;
        proxy_pass http://%%BACKEND%%;
    }
    location /short {
        webhook_dedup zone=short;
        proxy_pass http://%%BACKEND%%;
    }
CONF
webhook_dedup_zone zone=short:1m ttl=3s redis=fleet;
HTTP

sub begin (@behaviour) {
    $redis->command('FLUSHALL');
    $backend->clear->behave(@behaviour);
    return unique_id('event');
}

sub token_of ($key) { return substr $redis->command(GET => $key), ($redis->command(GET => $key) =~ /^D/ ? 4 : 1) }

sub body () { return '{"number":"' . unique_id() . '"}' }

subtest 'what one node delivered is a duplicate at the other' => sub {
    my $id = begin(status => 201);
    my $first = deliver_at('a', $id);
    is answer_of($first), '201 answered', 'delivered';
    is $first->{body}, "ok\n", 'the answer is that of the upstream';
    my $second = deliver_at('b', $id);
    is answer_of($second), '201 duplicate', 'a duplicate, with the status of the first';
    is $second->{body}, '', 'and no body';
    is_deeply [ map { $_->{headers}{'x-node'} } $backend->requests ], ['a'], 'the upstream saw it once';
    is outcome_at('a', $id), 'duplicate', 'and at the first node';
};

subtest 'in any order, by any node, on any worker' => sub {
    begin();
    my @ids = map { unique_id('event') } 1 .. 20;
    is outcome_at($_ % 2 ? 'a' : 'b', $ids[$_]), 'delivered', 'delivered' for 0 .. $#ids;
    for my $node (qw(a b)) {
        is_deeply [ grep { outcome_at($node, $_) ne 'duplicate' } @ids, @ids ], [], "duplicates at $node";
    }
    is $backend->count, 20, 'the upstream saw each once';
};

subtest 'an event in flight' => sub {
    my $id    = begin(hold => 1, status => 202);
    my $first = start_at('a', $backend, $id);
    is remembered($redis), 'C', 'Redis has the claim';
    my $left = $redis->command(PTTL => $redis->keys('wh:*'));
    ok $left > 0 && $left <= 5000, "for the lease at most ($left)";
    my $other = deliver_at('b', $id);
    is answer_of($other), '503 in_flight', 'at the other node';
    ok $other->header('Retry-After'), 'it may come again';
    is answer_of(deliver_at('a', $id)), '503 in_flight', 'at the same node';
    my $waits = start_request(delivery($id, port => port_of('b'), uri => '/wait'));
    sleep 0.3;
    ok !$waits->answered, 'one that may wait does';
    $backend->let_go;
    is answer_of($first->finish), '202 answered', 'the first is delivered';
    is answer_of($waits->finish), '202 duplicate', 'and who waited has its status';
    is $backend->count, 1, 'the upstream saw it once';
};

subtest 'a failure sets the event free everywhere' => sub {
    for my $status (500, 404, 301) {
        my $id = begin([ { status => $status }, { status => 200 } ]);
        is answer_of(deliver_at('a', $id)), "$status answered", "$status at one node";
        ok wait_for(sub { remembered($redis) eq '' }, 2, 'Redis has nothing'), 'Redis has nothing';
        is answer_of(deliver_at('b', $id)), '200 answered', 'the retry is delivered by the other';
        is outcome_at('a', $id), 'duplicate', 'and a duplicate at the first';
    }
    my $id = begin([ { close => 1 }, {} ]);
    is deliver_at('a', $id)->{status}, 502, 'an upstream that closes';
    wait_for(sub { remembered($redis) eq '' }, 2, 'Redis has nothing');
    is answer_of(deliver_at('b', $id)), '200 answered', 'is the same';
};

subtest 'who waits for what fails delivers it' => sub {
    my $id    = begin([ { hold => 1, status => 500 }, { status => 200 } ]);
    my $first = start_at('a', $backend, $id);
    my $waits = start_request(delivery($id, port => port_of('b'), uri => '/wait'));
    sleep 0.2;
    $backend->let_go;
    is $first->finish->{status}, 500, 'the first fails';
    is answer_of($waits->finish), '200 answered', 'the second is delivered';
    is remembered($redis), 'D200', 'and remembered';
};

subtest 'what a node knows costs no round trip' => sub {
    my $id     = begin(status => 204);
    my $before = $redis->scripts_run;
    is answer_of(deliver_at('a', $id)), '204 answered', 'delivered';
    is $redis->scripts_run - $before, 2, 'an event costs a claim and a commit';
    is outcome_at('a', $id), 'duplicate', 'a duplicate' for 1 .. 5;
    is $redis->scripts_run - $before, 2, 'the node that delivered it asks nothing about its duplicates';
    is answer_of(deliver_at('b', $id)), '204 duplicate', 'a duplicate elsewhere';
    is $redis->scripts_run - $before, 3, 'costs a claim';
    is answer_of(deliver_at('b', $id)), '204 duplicate', 'again' for 1 .. 5;
    is $redis->scripts_run - $before, 3, 'and is remembered there, with its status';
    $redis->command('FLUSHALL');
    is answer_of(deliver_at($_, $id)), '204 duplicate', "$_ does not need Redis" for qw(a b);
    is $backend->count, 1, 'the upstream saw it once';
};

subtest 'what is in flight here costs no round trip' => sub {
    my $id    = begin(hold => 1);
    my $first = start_at('a', $backend, $id);
    my $before = $redis->scripts_run;
    is answer_of(deliver_at('a', $id)), '503 in_flight', 'in flight' for 1 .. 3;
    is $redis->scripts_run - $before, 0, 'Redis was not asked';
    $backend->let_go;
    $first->finish;
};

subtest 'two zones share no event' => sub {
    my $id = begin();
    is outcome_at('a', $id), 'delivered', 'in one';
    is outcome_at('a', $id, uri => '/short'), 'delivered', 'in the other one';
    is outcome_at('b', $id, uri => '/short'), 'duplicate', 'each is shared';
    is $backend->count, 2, 'the upstream saw it twice';
};

subtest 'what Redis has of an event' => sub {
    my $id = begin(status => 202);
    deliver_at('a', $id);
    my @keys = $redis->keys;
    is scalar(@keys), 1, 'one key';
    like $keys[0], qr/^wh:events:\{[0-9a-f]+\}:[0-9a-f]+\z/, 'under a prefix and the zone, with a tag';
    unlike $keys[0], qr/\Q$id\E/, 'that does not show the id';
    my $value = $redis->command(GET => $keys[0]);
    like $value, qr/^D202[0-9a-f]+\z/, 'the status';
    my $left = $redis->command(PTTL => $keys[0]);
    ok $left > 3_590_000 && $left <= 3_600_000, "for the ttl ($left)";
};

subtest 'what is learned is remembered as long as there is left of it' => sub {
    my $id = begin();
    is outcome_at('a', $id), 'delivered', 'delivered';
    $redis->command(PEXPIRE => $redis->keys, 1500);
    my $start = time;
    is outcome_at('b', $id), 'duplicate', 'a duplicate elsewhere';
    ok told_later('b', $id, 'delivered', 5), 'until Redis forgets it';
    cmp_ok time - $start, '>=', 1.4, 'not before';
};

subtest 'the ttl' => sub {
    my $id    = begin();
    my $start = time;
    is outcome_at('a', $id, uri => '/short'), 'delivered', 'delivered';
    is outcome_at('b', $id, uri => '/short'), 'duplicate', 'a duplicate elsewhere';
    my $left = $redis->command(PTTL => $redis->keys);
    ok $left > 1000 && $left <= 3000, "for the zone's ttl ($left)";
    ok poll_until(sub { outcome_at('b', $id, uri => '/short') eq 'delivered' }, 8), 'new again when that is over';
    cmp_ok time - $start, '>=', 2, 'not before';
};

subtest 'several keys' => sub {
    my ($id, $other) = (begin(status => 201), unique_id('event'));
    my ($body, $another) = (body(), body());
    is answer_of(deliver_at('a', $id, uri => '/keys', body => $body)), '201 answered', 'delivered';
    my @keys = $redis->keys;
    is scalar(@keys), 2, 'Redis has both';
    my %tags = map { /(\{.*\})/ ? ($1 => 1) : () } @keys;
    is scalar(keys %tags), 1, 'with one tag';
    my %tokens = map { token_of($_) => 1 } @keys;
    is scalar(keys %tokens), 1, 'of one claim';
    is answer_of(deliver_at('b', $id, uri => '/keys', body => $another)), '201 duplicate', 'the id is known';
    is answer_of(deliver_at('b', $other, uri => '/keys', body => $body)), '201 duplicate', 'what was signed is known';
    is scalar($redis->keys), 2, 'nothing more is remembered';
    is answer_of(deliver_at('b', $other, uri => '/keys', body => $another)), '201 answered', 'another event';
    is $backend->count, 2, 'the upstream saw two';
};

subtest 'one of several keys is in flight' => sub {
    my ($id, $other, $body) = (begin(hold => 1), unique_id('event'), body());
    my $first = start_at('a', $backend, $id, uri => '/keys', body => $body);
    is answer_of(deliver_at('b', $other, uri => '/keys', body => $body)), '503 in_flight', 'in flight elsewhere';
    is scalar($redis->keys), 2, 'the other key is not claimed';
    $backend->let_go;
    $first->finish;
    is answer_of(deliver_at('b', $other, uri => '/keys', body => body())), '200 answered', 'so that it is free';
};

subtest 'endpoints are kept apart' => sub {
    my $id = begin();
    is outcome_at('a', $id), 'delivered', 'at one endpoint';
    is outcome_at('b', $id, uri => '/other'), 'delivered', 'at another';
    is outcome_at('a', $id, uri => '/other'), 'duplicate', 'which remembers it, too';
};

subtest 'twins at the same moment' => sub {
    for my $round (1 .. 5) {
        my $id    = begin(hold => 1, status => 202);
        my @twins = start_together(map { { delivery($id, port => port_of($_ % 2 ? 'a' : 'b')) } } 1 .. 20);
        wait_for(sub { grep({ $_->pending_input(0.005) } @twins) == 19 }, 10, 'all but one are answered');
        $backend->let_go;
        my %answers;
        ++$answers{ answer_of($_->read_response) } for @twins;
        is_deeply \%answers, { '202 answered' => 1, '503 in_flight' => 19 }, 'one is delivered';
        is $backend->count, 1, 'the upstream saw one';
    }
};

subtest 'many events at the same moment, each at both nodes' => sub {
    begin(delay => 0.05);
    my @ids = map { unique_id('many') } 1 .. 25;
    my @responses = send_together(map { my $id = $_; map { { delivery($id, port => port_of($_)) } } qw(a b) } @ids);
    is scalar(grep { answer_of($_) eq '200 answered' } @responses), 25, 'each is delivered once';
    is $backend->count, 25, 'the upstream saw each once';
};

subtest 'a refused delivery asks nobody' => sub {
    my $id     = begin();
    my $before = $redis->scripts_run;
    is outcome_at('a', $id, secret => 'another secret of the tests'), 'bad_signature', 'refused';
    is $redis->scripts_run - $before, 0, 'Redis was not asked';
};

subtest 'a reload keeps the memory' => sub {
    my $id = begin();
    is outcome_at('a', $id), 'delivered', 'delivered';
    ok $node_b->reload, 'the other node reloads';
    is outcome_at('b', $id), 'duplicate', 'a duplicate there';
};

finish();
