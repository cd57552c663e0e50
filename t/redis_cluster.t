# A worker's client of a Redis cluster: it finds the shards, and follows slots that move.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Redis qw(redis_missing start_cluster);
use Webhook::RedisCalls qw(calls_missing order reply reply_of start_caller state_of);

my $missing = redis_missing() || calls_missing();
plan skip_all => $missing if $missing;

my @nodes = start_cluster();
my $nginx = start_caller('redis://%%ADDR%%:7001 timeout=500ms');

sub claim ($key, $limit = 2000) { return "call $limit claim wh:{$key} t-$key,20000" }
sub owner ($key) { return Webhook::Redis::owner_of("wh:{$key}", @nodes) }
sub lines_of () { return map { s/^\S+ \S+ //r =~ s/\d+#\d+: //r } grep { /\[(?:error|notice)\].* webhook_redis/ } split /\n/, $nginx->error_log }

# A key of this node.
my $tried = 0;
sub key_of ($node) {
    while (1) {
        my $key = 'k' . ++$tried;
        return $key if owner($key) == $node;
    }
}

subtest 'the shards' => sub {
    my @ids = order(map { claim("e$_") } 1 .. 60);
    ok poll_until(sub { !grep { !defined reply($_) } @ids }, 5), 'calls';
    is_deeply [ grep { reply($_) ne '[0]' } @ids ], [], 'all have a reply';
    my @counts = map { my @keys = $_->keys("wh:*"); scalar @keys } @nodes;
    is $counts[0] + $counts[1] + $counts[2], 60, 'each event is at one shard';
    is scalar(grep { !$_ } @counts), 0, 'each shard has some';
    like state_of(), qr/^available connected pending=0 servers=3$/, 'three servers are known';
    is_deeply [ lines_of() ], [], 'in silence';
};

sub keys_of ($node) { return map { key_of($node) } 1 .. 3 }

subtest 'a slot that is known' => sub {
    my $key = key_of($nodes[2]);
    reply_of(claim($key));
    my $before = $nodes[0]->calls(qw(evalsha eval));
    is reply_of("call 2000 commit wh:{$key} t-$key,200,60000"), '0', 'a call';
    is $nodes[0]->calls(qw(evalsha eval)), $before, 'asks no other server';
};

# Both servers have to know of it; the source last, so that nobody is sent in circles.
sub move_slot ($key, $from, $to) {
    my $slot = $from->slot_of("wh:{$key}");
    my ($source, $target) = map { $_->cluster_id } $from, $to;
    $to->command('CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $source);
    $from->command('CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $target);
    return ($slot, $target);
}

subtest 'a slot on its way' => sub {
    my $key = key_of($nodes[1]);
    my ($slot, $target) = move_slot($key, @nodes[ 1, 2 ]);
    is reply_of(claim($key)), '[0]', 'a call is done where the slot goes';
    is_deeply [ $nodes[2]->reply(qw(ASKING)), $nodes[2]->command(EXISTS => "wh:{$key}") ], [ 'OK', 1 ], 'there is the event';
    is reply_of("call 2000 commit wh:{$key} t-$key,200,60000"), '0', 'so is the next one';
    $_->command('CLUSTER', 'SETSLOT', $slot, 'NODE', $target) for @nodes[ 2, 1 ];
    like reply_of("call 2000 claim wh:{$key} other,20000"), qr/^\[1 200 /, 'and when it has arrived';
    is_deeply [ lines_of() ], [], 'in silence';
};

subtest 'keys of several slots' => sub {
    my ($left, $right) = map { key_of($_) } @nodes[ 0, 1 ];
    like reply_of("call 2000 claim wh:{$left},wh:{$right} t,20000"), qr/^-.*CROSSSLOT/, 'are an error of the call';
};

subtest 'a shard that is away' => sub {
    my ($first, $second, $third) = map { key_of($_) } @nodes;
    reply_of(claim($_)) for $first, $second, $third;
    $nodes[2]->stop;
    my ($text, $seconds) = reply_of("call 2000 release wh:{$third} t-$third");
    is $text, 'none', 'a call of it has no reply';
    cmp_ok $seconds, '<', 2, 'at once';
    is reply_of("call 2000 renew wh:{$first} t-$first,20000"), '1', 'the others go on';
    is reply_of("call 2000 renew wh:{$second} t-$second,20000"), '1', 'all of them';
    like state_of(), qr/^available/, 'the client is available';
    $nodes[2]->start;
    ok poll_until(sub { (reply_of(claim($third)) // '') eq '[0]' }, 15), 'it is asked again when it is back';
};

finish();
