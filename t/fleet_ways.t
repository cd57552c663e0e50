# The ways to a Redis: by address, by name, over a unix socket; with a database; and names that lead elsewhere.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Dns qw(start_dns);
use Webhook::Fleet qw(answer_of deliver_at outcome_at remembered seconds_of start_node);

plan skip_all => redis_missing() if redis_missing();

my $BACK    = 8;
my $redis   = start_redis(unix => 1);
my $backend = start_backend();
my $dns     = start_dns(names => { 'redis.test' => [ address() ] });

sub start_with ($node, $url, $more = '') {
    return start_node($node, redis => $url, redis_options => "timeout=300ms $more",
        http => 'resolver %%ADDR%%:5353 valid=1s ipv6=off; resolver_timeout 1s; webhook_dedup_zone zone=strict:1m redis=fleet on_error=reject;',
        locations => 'location /strict { webhook_dedup zone=strict; proxy_pass http://%%BACKEND%%; }');
}

sub is_used ($what) {
    return ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK), $what;
}

my %URL = (
    'an address'                => 'redis://%%ADDR%%:6379',
    'an address and a database' => 'redis://%%ADDR%%:6379/3',
    'a name'                    => 'redis://redis.test:6379/0',
    'a socket'                  => "unix:${\ $redis->unix_path}",
    'a socket and a database'   => "unix:${\ $redis->unix_path}:/3",
);

for my $what (sort keys %URL) {
    subtest $what => sub {
        $redis->command('FLUSHALL');
        my $database = $URL{$what} =~ m{/3$} ? 3 : 0;
        my @nodes    = map { start_with($_, $URL{$what}) } qw(a b);
        is_used('is used');
        my $id = unique_id('event');
        is outcome_at('a', $id), 'delivered', 'delivered';
        is outcome_at('b', $id), 'duplicate', 'known elsewhere';
        my $info = $redis->info('keyspace');
        is_deeply [ sort keys %$info ], ["db$database"], 'in this database';
        $_->stop for @nodes;
    };
}

subtest 'several nodes, several ways, one memory' => sub {
    $redis->command('FLUSHALL');
    my @nodes = (start_with('a', $URL{'a name'}), start_with('b', $URL{'a socket'}));
    is_used('is used');
    my $id = unique_id('event');
    is outcome_at('a', $id), 'delivered', 'delivered';
    is outcome_at('b', $id), 'duplicate', 'known elsewhere';
    $_->stop for @nodes;
};

subtest 'a name that leads elsewhere' => sub {
    my $node  = start_with('a', 'redis://redis.test:6379/0');
    is_used('is used');
    my $asked = $dns->asked('redis.test');
    # nginx keeps an answer for a second.
    my $restart = sub { sleep 1.1; $redis->restart };
    # The server is lost while the name server is silent: the addresses known are tried.
    $dns->know(undef);
    $restart->();
    ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK),
        'without an answer of the name server, the last address is tried';
    # The name server says that there is none.
    $dns->know({});
    $restart->();
    ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK),
        'nor does a name that is gone matter';
    $dns->know({ 'redis.test' => [ '127.0.0.2', address() ] });
    $restart->();
    ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK),
        'of several addresses, one that answers';
    cmp_ok $dns->asked('redis.test'), '>', $asked, 'it was asked again';
    $node->stop;
};

subtest 'a name that nobody knows yet' => sub {
    $dns->know({});
    my $start = seconds_of(sub { start_with('a', 'redis://redis.test:6379/0') });
    cmp_ok $start, '<', 3, 'nginx starts';
    is outcome_at('a', unique_id('event')), 'delivered', 'local delivers';
    is outcome_at('a', unique_id('event'), uri => '/strict'), 'unavailable', 'reject refuses';
    $dns->know({ 'redis.test' => [ address() ] });
    is_used('it is used as soon as it is known');
};

subtest 'nginx -t needs no Redis and no name server' => sub {
    $dns->know(undef);
    $redis->stop;
    my $conf = Webhook::Fleet::fleet_conf(redis => 'redis://redis.test:6379/0', http => 'resolver %%ADDR%%:5353;') =~ s/%%PORT%%/8199/r;
    my $seconds = seconds_of(sub {
        my ($code, $output) = config_test(http => $conf);
        is $code, 0, 'it is content' or diag $output;
    });
    cmp_ok $seconds, '<', 3, 'at once';
};

finish();
