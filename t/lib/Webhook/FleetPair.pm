package Webhook::FleetPair;

# Two nodes, of which one reaches Redis through a proxy, so that it can be led to another server or to none: what has
# to be true of that one then, and afterwards.

use v5.36;

use Test::More ();
use Time::HiRes qw(sleep);
use Webhook::Backend qw(start_backend);
use Webhook::Fleet qw(answer_of deliver_at key_of outcome_at port_of remembers start_node);
use Webhook::Process qw(poll_until);
use Webhook::Proxy qw(start_proxy);
use Webhook::Redis qw(start_redis);
use Webhook::Sandbox qw(write_file);
use Webhook::Sign qw(unique_id);
use Webhook::Test ();

use constant {
    # A breaker tries again after five seconds at most, or half as much more.
    BACK     => 8,
    PASSWORD => 'Zq7 a password of the tests',
    USER     => 'gate',
};

sub new ($class) {
    my $self = bless {
        backend => start_backend(),
        redis   => start_redis(user => USER, password => PASSWORD),
        proxy   => start_proxy(),
    }, $class;
    write_file('password', PASSWORD . "\n");
    chmod 0600, Webhook::Sandbox::directory() . '/password';
    $self->{a} = start_one(a => 6380, 'user=gate password=file:%%DIR%%/password');
    $self->{b} = start_one(b => 6379, 'user=gate "password=' . PASSWORD . '"');
    return $self;
}

# One zone decides alone, the other one refuses; and there is a server that is no Redis, ten ports further.
sub start_one ($node, $port, $login) {
    my $http = port_of($node) + 10;
    return start_node($node, redis => "redis://%%ADDR%%:$port", redis_options => "timeout=200ms $login",
        http => "webhook_dedup_zone zone=strict:1m redis=fleet on_error=reject; server { listen %%ADDR%%:$http; }",
        locations => 'location /strict { webhook_dedup zone=strict; proxy_pass http://%%BACKEND%%; }');
}

sub begin ($self, @behaviour) {
    $self->{redis}->command('FLUSHALL');
    $self->{backend}->clear->behave(@behaviour);
    return unique_id('event');
}

# A new event, and its key.
sub event_and_key ($self) {
    my $id = $self->begin;
    return ($id, key_of($self->{redis}, $self->{backend}, 'b', $id));
}

sub is_back ($self) {
    return Webhook::Test::wait_for(sub {
        my $id = unique_id('probe');
        answer_of(deliver_at('a', $id)) =~ /answered/ && outcome_at('b', $id) eq 'duplicate';
    }, BACK, 'Redis is back');
}

# Another server for node a, from now on. The connection has lasted, so that the next one is made at once.
sub lead_to ($self, $server) {
    sleep 1.1;
    $self->{proxy}->lead_to($server)->cut;
}

sub lead_back ($self) {
    $self->{proxy}->lead_to(6379)->cut;
    $self->is_back;
}

sub log_length ($self) { return length $self->{a}->error_log }

sub lines_since ($self, $start, $node = 'a') {
    return grep { /\[(?:error|warn|notice)\]/ && /redis/i } split /\n/, substr $self->{$node}->error_log, $start;
}

# What is true while a node can make no use of Redis.
sub is_alone ($self, $what, $start, $told, $id = unique_id('event'), $node = 'a') {
    my @ids = ($id, map { unique_id('event') } 1 .. 2);
    Test::More::is(outcome_at($node, $_), 'delivered', "$what: local delivers") for @ids;
    Test::More::is(outcome_at($node, $ids[0]), 'duplicate', "$what: and remembers here");
    Test::More::is(outcome_at($node, unique_id('event'), uri => '/strict'), 'unavailable', "$what: reject refuses");
    my @lines;
    poll_until(sub { @lines = grep { /$told/ } $self->lines_since($start, $node) }, 2);
    Test::More::ok(@lines >= 1, "$what: the log tells") or Test::More::diag(substr $self->{$node}->error_log, $start);
    Test::More::ok(@lines <= 2, "$what: once") or Test::More::diag(join "\n", @lines);
}

# The same of a node that never knew another Redis.
sub is_alone_from_the_start ($self, $what, $port, $login, $told) {
    my $node = $self->{c} = start_one(c => $port, $login);
    $self->is_alone($what, 0, $told, unique_id('event'), 'c');
    Test::More::unlike($node->error_log, qr/Zq7/, "$what: no secret");
    $node->stop;
    rename $node->folder . '/error.log', $node->folder . "/error-$port.log";
}

sub is_pushed ($self, $id, $key) {
    Test::More::ok(remembers($self->{redis}, $key, BACK), 'later, Redis learns what was delivered');
    Test::More::is(outcome_at('b', $id), 'duplicate', 'so that the others know it');
}

# The last check of a file.
sub logs_hold_no_secret ($self) {
    my $logs = join '', map { $_->error_log } @$self{qw(a b)};
    Test::More::unlike($logs, qr/Zq7/, 'no log holds the password');
    Test::More::unlike($logs, qr/another password/, 'nor another');
    Test::More::unlike($logs, qr/wh:\{/, 'nor a key');
    Test::More::unlike($logs, qr/redis\.call|EVALSHA/, 'nor a script');
}

1;
