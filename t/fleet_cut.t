# A connection to Redis that ends at any byte of what is said over it. No event is lost, none is delivered twice,
# and in the end all nodes know it.

use Webhook::Test;

use Webhook::Deliveries qw(delivery);
use Webhook::Fleet qw(answer_of deliver_at outcome_at remembered start_node);

plan skip_all => redis_missing() if redis_missing();

my $BACK = 8;
# Every byte of the replies, and these of the commands.
my $STEP = $ENV{WEBHOOK_PRELOAD} ? 37 : 17;

my $backend = start_backend();
my $redis   = start_redis(password => 'a password of the tests', user => 'gate');
my $proxy   = start_proxy();
my $login   = 'user=gate "password=a password of the tests"';
my $node    = start_node(a => redis => 'redis://%%ADDR%%:6380', redis_options => "$login timeout=1s");
start_node(b => redis => 'redis://%%ADDR%%:6379', redis_options => "$login timeout=1s");

sub is_back () {
    return wait_for(sub {
        my $id = unique_id('probe');
        outcome_at('a', $id);
        outcome_at('b', $id) eq 'duplicate';
    }, $BACK, 'Redis is back');
}

# How many bytes go in each direction for one event.
sub measure () {
    is_back();
    $proxy->clear;
    deliver_at('a', unique_id('measured'));
    return @{ $proxy->told }{qw(up down)};
}

# One event, during which the connection ends behind so many bytes. What went wrong, or nothing.
sub fault ($direction, $bytes) {
    # Redis may be told late of the events that look whether it is back: they have another status.
    $backend->clear->behave(status => 200);
    is_back();
    $redis->command('FLUSHALL');
    $backend->clear->behave(status => 202);
    my $id = unique_id('event');
    $proxy->clear->cut_after($direction, $bytes);
    my $answer = answer_of(deliver_at('a', $id));
    return "answered $answer" if $answer ne '202 answered';
    return 'the upstream saw ' . $backend->count if $backend->count != 1;
    return 'no cut' if $proxy->told->{cuts} != 1;
    poll_until(sub { remembered($redis) =~ /D202/ }, $BACK) or return 'Redis has ' . remembered($redis);
    my @later = map { answer_of(deliver_at($_, $id)) } qw(a b);
    return "later @later" if "@later" ne '202 duplicate 202 duplicate';
    return 'the upstream saw more' if $backend->count != 1;
    return;
}

my ($up, $down) = measure();
cmp_ok $up, '>', 100, "what an event makes nginx send: $up bytes";
cmp_ok $down, '>=', 8, "and Redis: $down bytes";

my %POSITIONS = (
    up   => [ grep { $_ % $STEP == 0 || $_ > $up - 3 } 0 .. $up - 1 ],
    down => [ 0 .. $down - 1 ],
);

for my $direction (qw(down up)) {
    my @positions = @{ $POSITIONS{$direction} };
    my @faults    = map { my $fault = fault($direction, $_); $fault ? "$_: $fault" : () } @positions;
    is_deeply \@faults, [], "cut $direction at " . @positions . ' places';
}

subtest 'what was said in the beginning' => sub {
    # AUTH, SELECT and ROLE of a fresh connection, then the event.
    my @faults;
    for my $direction (qw(down up)) {
        for my $bytes (map { $_ * 11 } 0 .. 12) {
            $backend->clear->behave(status => 200);
            is_back();
            $redis->command('FLUSHALL');
            $backend->clear->behave(status => 202);
            $proxy->cut->cut_after($direction, $bytes);
            my $id     = unique_id('event');
            my $answer = answer_of(deliver_at('a', $id));
            push @faults, "$direction $bytes: $answer" if $answer ne '202 answered' || $backend->count != 1;
            poll_until(sub { remembered($redis) =~ /D202/ }, $BACK) or push @faults, "$direction $bytes: not in Redis";
            push @faults, "$direction $bytes: not known" if outcome_at('b', $id) ne 'duplicate';
            $proxy->pass;
        }
    }
    is_deeply \@faults, [], 'no fault';
};

unlike $node->error_log, qr/a password of the tests/, 'no log holds the password';

finish();
