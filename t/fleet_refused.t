# Redis does not let a node use it: it does not know the node, is a replica, or loads its data. The node decides alone
# then, says so once and without a secret, and comes back by itself.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Fleet qw(outcome_at remembered);
use Webhook::FleetPair;

plan skip_all => redis_missing() if redis_missing();

my $BACK     = Webhook::FleetPair::BACK;
my $PASSWORD = Webhook::FleetPair::PASSWORD;
my %login    = (user => Webhook::FleetPair::USER, password => $PASSWORD);

my $pair = Webhook::FleetPair->new;
my ($redis, $proxy, $backend) = @$pair{qw(redis proxy backend)};

# [name, options of a server, what the log tells]
my @FROM_THE_START = (
    [ 'wrong password', { user => 'gate', password => 'another password' }, qr/WRONGPASS/ ],
    [ 'unknown user', { user => 'other', password => $PASSWORD }, qr/WRONGPASS/ ],
    [ 'no permission for the keys', { %login, may => '~other:* +@all' }, qr/permit/ ],
);

my $port = 6400;
for my $row (@FROM_THE_START) {
    my ($name, $options, $told) = @$row;
    subtest $name => sub {
        my $other = start_redis(port => ++$port, %$options);
        $pair->is_alone_from_the_start($name, $port, qq(user=gate "password=$PASSWORD"), $told);
        $other->kill;
    };
}

subtest 'no login at all' => sub {
    $pair->is_alone_from_the_start('no login', 6379, '', qr/NOAUTH/);
};

my @LATER = (
    [ 'no permission', { %login, may => '~wh:* +ping +role +select' }, qr/permit/ ],
    [ 'too few replicas', { %login, config => "min-replicas-to-write 1\n" }, qr/NOREPLICAS/ ],
    [ 'a replica', { %login, replica_of => $redis, config => "masteruser tester\nmasterauth any\n" }, qr/replica/ ],
);

for my $row (@LATER) {
    my ($name, $options, $told) = @$row;
    subtest $name => sub {
        $pair->is_back;
        my $start = $pair->log_length;
        my $other = start_redis(port => ++$port, %$options);
        my ($id, $key) = $pair->event_and_key;
        $pair->lead_to($port);
        $pair->is_alone($name, $start, $told, $id);
        $pair->lead_back;
        $pair->is_pushed($id, $key);
        $other->kill;
    };
}

subtest 'another reason while it is away' => sub {
    $pair->is_back;
    my $start = $pair->log_length;
    my $other = start_redis(port => ++$port, user => 'gate', password => 'another password');
    $pair->begin();
    $proxy->lead_to($port)->refuse->cut;
    outcome_at('a', unique_id('event')) for 1 .. 3;
    ok poll_until(sub { $pair->lines_since($start) == 1 }, 2), 'the log tells that it cannot be reached';
    $proxy->pass;
    ok poll_until(sub { grep { /WRONGPASS/ } $pair->lines_since($start) }, $BACK), 'and later that it does not know the password';
    outcome_at('a', unique_id('event')) for 1 .. 3;
    is scalar(grep { /WRONGPASS/ } $pair->lines_since($start)), 1, 'once';
    $pair->lead_back;
    $other->kill;
};

subtest 'it loads its data' => sub {
    $pair->is_back;
    my $start = $pair->log_length;
    my $other = start_redis(port => ++$port, %login);
    $other->command(EVAL => q(for i = 1, 3000 do redis.call('SET', 'key' .. i, i) end), 0);
    $other->load_slowly(2);
    $pair->begin();
    $pair->lead_to($port);
    $pair->is_alone('loading', $start, qr/LOADING/);
    ok poll_until(sub { (eval { remembered($other) } // '') =~ /D200/ }, $BACK + 3), 'when it is ready, it learns what was delivered';
    $pair->lead_back;
    $other->kill;
};

subtest 'no secret, and nothing of a delivery, is in a log' => sub { $pair->logs_hold_no_secret };

finish();
