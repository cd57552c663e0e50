# What a fleet leaves behind: descriptors, memory and connections of nginx after a thousand connections to Redis
# that broke, and after three hundred reloads.

use Webhook::Test;

use Webhook::Deliveries qw(outcome);
use Webhook::Fleet qw(deliver_at outcome_at start_node);

use constant {
    RECONNECTIONS => $ENV{RECONNECTIONS} // 1000,
    RELOADS       => $ENV{RELOADS}       // 300,
    # Of memory that the allocator keeps, in KB.
    SLACK => 2048,
};

plan skip_all => redis_missing() if redis_missing();

my $backend = start_backend();
my $redis   = start_redis();
my $proxy   = start_proxy();
my $nginx   = start_node('a', redis => 'redis://%%ADDR%%:6380', redis_options => 'timeout=200ms');

sub descriptors ($process) { my @files = glob "/proc/$process/fd/*"; return scalar @files }
sub memory ($process) { return slurp("/proc/$process/status") =~ /^VmRSS:\s*(\d+)/m ? $1 : 0 }
sub state_of ($process) { return { descriptors => descriptors($process), memory => memory($process) } }

# A new event reaches Redis.
sub is_back () {
    return poll_until(sub {
        my $before = $redis->scripts_run;
        outcome_at('a', unique_id('probe'));
        return $redis->scripts_run > $before;
    }, 10);
}

sub is_flat ($before, $after, $what) {
    is $after->{descriptors}, $before->{descriptors}, "$what: descriptors";
    cmp_ok $after->{memory}, '<=', $before->{memory} + SLACK, "$what: memory ($before->{memory} KB before)";
    diag "$what: $after->{descriptors} descriptors, $before->{memory} and then $after->{memory} KB";
    return;
}

subtest RECONNECTIONS . ' connections that break' => sub {
    my ($worker) = $nginx->workers;
    my ($before, $failures) = (undef, 0);
    for my $n (1 .. RECONNECTIONS) {
        $proxy->cut($n % 2);
        is_back() or $failures++;
        $before = state_of($worker) if $n == int RECONNECTIONS / 10;
    }
    is $failures, 0, 'each is replaced';
    is_deeply [ $nginx->workers ], [$worker], 'by the same worker';
    is_flat($before, state_of($worker), 'the worker');
};

subtest RELOADS . ' reloads' => sub {
    my ($before, $failures) = (undef, 0);
    for my $n (1 .. RELOADS) {
        $nginx->reload or $failures++;
        outcome_at('a', unique_id('event')) eq 'delivered' or $failures++;
        $before = state_of($nginx->{master}) if $n == int RELOADS / 10;
    }
    is $failures, 0, 'each serves';
    is_flat($before, state_of($nginx->{master}), 'the master');
    ok poll_until(sub { 1 == $nginx->workers }, 10), 'one worker is left';
    ok poll_until(sub { 1 == grep { /cmd=(?:ping|role|evalsha?)/ } $redis->clients }, 10), 'with one connection to Redis'
        or diag join "\n", $redis->clients;
    ok is_back(), 'which works';
};

allow_log(qr/webhook_redis/);
finish();
