# The scripts that change the memory of events in Redis, as they stand in the source, in a real server.

use Webhook::Test;

use Digest::SHA qw(sha1_hex);
use FindBin qw($Bin);
use Time::HiRes qw(sleep time);

plan skip_all => redis_missing() if redis_missing();

my $redis  = start_redis();
my %script = slurp("$Bin/../src/redis/scripts.cpp") =~ /std::string_view k(\w+) = R"\((.*?)\)";/gs;
is_deeply [ sort keys %script ], [qw(Claim Commit Release Renew)], 'the scripts';

my ($ONE, $TWO, $THREE) = map { 'wh:{tag}:' . $_ x 32 } 1 .. 3;
# Tokens of 48 digits.
my ($MINE, $OTHER) = map { $_ x 48 } qw(a b);

# run(Claim => [keys], arguments): what is returned, an error as "error TEXT".
sub run ($name, $keys, @arguments) {
    my $reply = $redis->reply(EVAL => $script{$name}, scalar @$keys, @$keys, @arguments);
    return Webhook::Redis::is_error($reply) ? "error $$reply" : $reply;
}

# "key value" for each that there is, with the number of its key.
sub memory () {
    return join ', ', map { my ($number) = /(.)\z/; "$number " . $redis->command(GET => $_) } $redis->keys;
}

sub forget () { $redis->command('FLUSHALL') }
sub left ($key) { return $redis->command(PTTL => $key) }
sub is_about ($milliseconds, $expected, $what) {
    ok $milliseconds > $expected - 2000 && $milliseconds <= $expected, "$what: $milliseconds of $expected";
}

subtest 'claim: what nobody has' => sub {
    for my $keys ([$ONE], [ $ONE, $TWO ], [ $ONE, $TWO, $THREE ]) {
        forget();
        is_deeply run(Claim => $keys, $MINE, 20_000), [0], 'granted';
        is memory(), join(', ', map { "$_ C$MINE" } 1 .. @$keys), 'all keys hold the token';
        is_about(left($_), 20_000, 'for the lease') for @$keys;
    }
    forget();
    is_deeply run(Claim => [ $ONE, $ONE ], $MINE, 20_000), [0], 'one key twice';
};

subtest 'claim: what the token has' => sub {
    forget();
    run(Claim => [ $ONE, $TWO ], $MINE, 1000);
    is_deeply run(Claim => [ $ONE, $TWO ], $MINE, 20_000), [0], 'granted again';
    is_about(left($ONE), 20_000, 'with a new lease');
    is_deeply run(Claim => [ $ONE, $THREE ], $MINE, 20_000), [0], 'with another key';
    is memory(), "1 C$MINE, 2 C$MINE, 3 C$MINE", 'all are held';
};

subtest 'claim: what others have in flight' => sub {
    forget();
    run(Claim => [$TWO], $OTHER, 20_000);
    my ($kind, $left, $holder) = @{ run(Claim => [ $ONE, $TWO ], $MINE, 5000) };
    is $kind, 2, 'in flight';
    is_about($left, 20_000, 'so long');
    is $holder, $OTHER, 'whose it is';
    is memory(), "2 C$OTHER", 'nothing is claimed';
    is_about(left($TWO), 20_000, 'the lease of the other is as before');
    my $third = 'c' x 48;
    run(Claim => [$ONE], $third, 1000);
    ($kind, $left, $holder) = @{ run(Claim => [ $ONE, $TWO ], $MINE, 5000) };
    is $holder, $OTHER, 'of several the one that takes longest';
    ($kind, $left, $holder) = @{ run(Claim => [ $TWO, $ONE ], $MINE, 5000) };
    is $holder, $OTHER, 'in any order';
};

subtest 'claim: what was delivered' => sub {
    for my $order ([ $ONE, $TWO ], [ $TWO, $ONE ]) {
        forget();
        run(Claim  => [$ONE], $OTHER, 1000);
        run(Commit => [$ONE], $OTHER, 204, 60_000);
        my ($kind, $status, $left, $place) = @{ run(Claim => $order, $MINE, 5000) };
        is $kind, 1, 'a duplicate';
        is $order->[ $place - 1 ], $ONE, 'which key that is';
        is $status, 204, 'its status';
        is_about($left, 60_000, 'how long it is remembered');
        is memory(), "1 D204$OTHER", 'the other key is not claimed';
        run(Claim => [$TWO], $OTHER, 1000);
        is run(Claim => $order, $MINE, 5000)->[0], 1, 'a duplicate, though another key is in flight';
        is run(Claim => [$ONE], $OTHER, 5000)->[0], 1, 'also for who delivered it';
    }
};

subtest 'claim: a lease that ends' => sub {
    forget();
    run(Claim => [$ONE], $OTHER, 50);
    is run(Claim => [$ONE], $MINE, 5000)->[0], 2, 'in flight';
    ok poll_until(sub { run(Claim => [$ONE], $MINE, 5000)->[0] == 0 }, 2), 'free when it is over';
    is memory(), "1 C$MINE", 'for the next one';
};

subtest 'commit' => sub {
    forget();
    run(Claim => [ $ONE, $TWO ], $MINE, 5000);
    is run(Commit => [ $ONE, $TWO ], $MINE, 201, 60_000), 0, 'nothing was lost';
    is memory(), "1 D201$MINE, 2 D201$MINE", 'all keys are delivered';
    is_about(left($_), 60_000, 'for the ttl') for $ONE, $TWO;
    $redis->command(PEXPIRE => $ONE, 30_000);
    is run(Commit => [ $ONE, $TWO ], $MINE, 201, 60_000), 0, 'it may be sent again';
    is run(Commit => [ $ONE, $TWO ], $MINE, 500, 60_000), 0, 'whatever it says then';
    is memory(), "1 D201$MINE, 2 D201$MINE", 'nothing changes';
    is_about(left($ONE), 30_000, 'nor the time');
};

subtest 'commit: delivered wins' => sub {
    forget();
    is run(Commit => [ $ONE, $TWO ], $MINE, 200, 60_000), 2, 'over nothing: two claims were lost';
    is memory(), "1 D200$MINE, 2 D200$MINE", 'remembered all the same';
    forget();
    run(Claim => [$TWO], $OTHER, 5000);
    run(Claim => [$ONE], $MINE, 5000);
    is run(Commit => [ $ONE, $TWO ], $MINE, 200, 60_000), 1, 'over the claim of another';
    is memory(), "1 D200$MINE, 2 D200$MINE", 'remembered';
    is run(Release => [$TWO], $OTHER), 0, 'whose release does nothing';
    is run(Renew => [$TWO], $OTHER, 5000), 0, 'nor does its renewal';
    is_about(left($TWO), 60_000, 'the time is as before');
    is run(Commit => [$TWO], $OTHER, 299, 5000), 0, 'nor does its commit';
    is memory(), "1 D200$MINE, 2 D200$MINE", 'the first stays';
};

subtest 'release' => sub {
    forget();
    run(Claim => [ $ONE, $TWO ], $MINE, 5000);
    run(Claim => [$THREE], $OTHER, 5000);
    is run(Release => [ $ONE, $TWO, $THREE ], $MINE), 2, 'what is the token\'s';
    is memory(), "3 C$OTHER", 'and nothing else';
    is run(Release => [ $ONE, $TWO, $THREE ], $MINE), 0, 'once';
    run(Commit => [$THREE], $OTHER, 200, 5000);
    is run(Release => [$THREE], $OTHER), 0, 'what was delivered stays';
    is memory(), "3 D200$OTHER", 'delivered';
};

subtest 'renew' => sub {
    forget();
    run(Claim => [$ONE], $MINE, 3000);
    run(Claim => [$TWO], $OTHER, 3000);
    is run(Renew => [ $ONE, $TWO, $THREE ], $MINE, 60_000), 1, 'what is the token\'s';
    is_about(left($ONE), 60_000, 'has its time');
    is_about(left($TWO), 3000, 'what is another\'s has not');
    is memory(), "1 C$MINE, 2 C$OTHER", 'nothing is claimed by it';
};

subtest 'tokens that begin alike' => sub {
    forget();
    run(Claim => [$ONE], $MINE, 5000);
    for my $near (substr($MINE, 0, 47), "${MINE}a", 'A' x 48) {
        is run(Claim => [$ONE], $near, 5000)->[0], 2, 'another claim';
        is run(Release => [$ONE], $near), 0, 'another release';
        is run(Renew => [$ONE], $near, 5000), 0, 'another renewal';
    }
    is memory(), "1 C$MINE", 'the claim is whose it was';
};

subtest 'values that are no claims of ours' => sub {
    for my $value ('', 'x', 'C', "C$OTHER and more", 'c' . $MINE, 'D') {
        forget();
        $redis->command(SET => $ONE, $value);
        my $reply = run(Claim => [$ONE], $MINE, 5000);
        ok ref $reply eq 'ARRAY' && $reply->[0] =~ /^[12]\z/, qq("$value" is not claimed over) or diag $reply;
        is $redis->command(GET => $ONE), $value, 'nor changed';
        is run(Release => [$ONE], $MINE), 0, 'nor released';
    }
    forget();
    $redis->command(RPUSH => $ONE, 'x');
    for my $call ([ Claim => [ $TWO, $ONE ], $MINE, 5000 ], [ Commit => [$ONE], $MINE, 200, 5000 ],
        [ Release => [$ONE], $MINE ], [ Renew => [$ONE], $MINE, 5000 ]) {
        like run(@$call), qr/^error .*WRONGTYPE/, "$call->[0] of a list is an error";
    }
    is_deeply [ $redis->keys ], [$ONE], 'which claims nothing';
};

subtest 'no memory' => sub {
    forget();
    run(Claim => [$ONE], $MINE, 50_000);
    run(Claim => [$TWO], $OTHER, 50_000);
    $redis->command(qw(CONFIG SET maxmemory 1));
    like run(Claim => [$THREE], $MINE, 5000), qr/^error OOM/, 'a claim is an error';
    like run(Commit => [$ONE], $MINE, 200, 5000), qr/^error OOM/, 'so is a commit';
    is memory(), "1 C$MINE, 2 C$OTHER", 'nothing has changed';
    is run(Claim => [$TWO], $MINE, 5000)->[0], 2, 'what only reads goes on';
    is run(Release => [$TWO], $OTHER), 1, 'so does a release';
    $redis->command(qw(CONFIG SET maxmemory 0));
};

subtest 'a replica' => sub {
    my $replica = start_redis(port => 6381)->become_replica_of($redis);
    forget();
    run(Commit => [$TWO], $MINE, 200, 60_000);
    poll_until(sub { $replica->command(GET => $TWO) }, 5);
    my $ask = sub ($name, @words) { my $reply = $replica->reply(EVAL => $script{$name}, 1, @words); ref $reply eq 'SCALAR' ? $$reply : $reply };
    like $ask->(Claim => $ONE, $MINE, 5000), qr/^READONLY/, 'takes no claim';
    like $ask->(Commit => $ONE, $MINE, 200, 5000), qr/^READONLY/, 'and no commit';
    $replica->kill;
};

subtest 'by their names' => sub {
    for my $name (sort keys %script) {
        $redis->command(qw(SCRIPT FLUSH));
        my $hash = sha1_hex($script{$name});
        like ${ $redis->reply(EVALSHA => $hash, 1, $ONE, $MINE, 200, 5000) }, qr/^NOSCRIPT/, "$name is not known";
        run($name => [$ONE], $MINE, 200, 5000);
        ok !Webhook::Redis::is_error($redis->reply(EVALSHA => $hash, 1, $ONE, $MINE, 200, 5000)), 'until it ran once';
    }
};

subtest 'what a user has to be allowed' => sub {
    my $other = start_redis(port => 6382, password => 'a password of the tests', user => 'gate');
    my $guest = Webhook::Redis::login_as($other, 'gate', 'a password of the tests');
    for my $call ([ Claim => $ONE, $MINE, 5000 ], [ Renew => $ONE, $MINE, 5000 ], [ Commit => $ONE, $MINE, 200, 5000 ],
        [ Claim => $ONE, $MINE, 5000 ], [ Release => $ONE, $MINE ]) {
        my ($name, @words) = @$call;
        my $reply = $guest->reply(EVAL => $script{$name}, 1, @words);
        ok !Webhook::Redis::is_error($reply), "$name, with what the documentation names" or diag $$reply;
    }
    like ${ $guest->reply(EVAL => $script{Claim}, 1, 'other', $MINE, 5000) }, qr/NOPERM|No permission|can't access|permissions/i, 'only its own keys';
    $other->kill;
};

subtest 'a cluster' => sub {
    my @nodes = start_cluster();
    my $owner = Webhook::Redis::owner_of($ONE, @nodes);
    my $ask   = sub ($node, $name, $keys, @arguments) {
        my $reply = $node->reply(EVAL => $script{$name}, scalar @$keys, @$keys, @arguments);
        return ref $reply eq 'SCALAR' ? $$reply : $reply;
    };
    is_deeply $ask->($owner, Claim => [ $ONE, $TWO, $THREE ], $MINE, 5000), [0], 'keys with one tag are in one place';
    is $ask->($owner, Commit => [ $ONE, $TWO, $THREE ], $MINE, 200, 5000), 0, 'delivered';
    my ($other) = grep { $_ != $owner } @nodes;
    like $ask->($other, Claim => [$ONE], $MINE, 5000), qr/^MOVED \d+ \Q${\ $owner->address_and_port}\E/, 'elsewhere one is told where';
    $_->kill for @nodes;
};

finish();
