# Redis over TLS (rediss): only a server whose certificate is of a trusted authority, names it and is valid is told
# anything.

use Webhook::Test;

use Webhook::Dns qw(start_dns);
use Webhook::Fleet qw(answer_of deliver_at outcome_at remembered start_node);

plan skip_all => redis_missing() if redis_missing();

my $PASSWORD = 'Zq7 a password of the tests';
my $BACK     = 8;

my $authority = Webhook::Redis::authority('own');
my $stranger  = Webhook::Redis::authority('stranger');

sub certificate_of ($name, $names, %options) {
    return Webhook::Redis::server_certificate($name, names => $names, by => $authority, %options);
}

# Each server has one certificate, and a port for TLS.
my %CERTIFICATE = (
    good      => [ 7101, certificate_of(good => 'DNS:redis.test,IP:' . address()) ],
    wildcard  => [ 7102, certificate_of(wildcard => 'DNS:*.redis.test') ],
    stranger  => [ 7103, certificate_of(stranger => 'DNS:redis.test,IP:' . address(), by => $stranger) ],
    misnamed  => [ 7104, certificate_of(misnamed => 'DNS:other.test,IP:127.0.0.9') ],
    expired   => [ 7105, certificate_of(expired => 'DNS:redis.test,IP:' . address(), expired => 1) ],
);

my %redis = map {
    my ($port, $certificate) = @{ $CERTIFICATE{$_} };
    $_ => start_redis(port => $port - 100, tls_port => $port, tls => $certificate, user => 'gate', password => $PASSWORD);
} keys %CERTIFICATE;

my $dns     = start_dns(names => { map { $_ => [ address() ] } qw(redis.test one.redis.test) });
my $backend = start_backend();
my $proxy   = start_proxy(to => 7101);

sub start_with ($host, $port, $authority = 'own') {
    my $ca = Webhook::Redis::authority($authority)->[0];
    return start_node('a', redis => "rediss://$host:$port/0",
        redis_options => qq(timeout=500ms ca=$ca user=gate "password=$PASSWORD"),
        http => 'resolver %%ADDR%%:5353 valid=1s ipv6=off; webhook_dedup_zone zone=strict:1m redis=fleet on_error=reject;',
        locations => 'location /strict { webhook_dedup zone=strict; proxy_pass http://%%BACKEND%%; }');
}

# [what, host, server, authority, whether it is good, what the log tells]
my @CASES = (
    [ 'by name',                   'redis.test', 'good',     'own',      1 ],
    [ 'by address',                address(),    'good',     'own',      1 ],
    [ 'by a name of a family',     'one.redis.test', 'wildcard', 'own',  1 ],
    [ 'a name outside of it',      'redis.test', 'wildcard', 'own',      0, qr/redis\.test|name|certificate/i ],
    [ 'an authority not trusted',  'redis.test', 'stranger', 'own',      0, qr/verif|certificate|issuer/i ],
    [ 'the other way round',       'redis.test', 'good',     'stranger', 0, qr/verif|certificate|issuer/i ],
    [ 'another name',              'redis.test', 'misnamed', 'own',      0, qr/redis\.test|name|certificate/i ],
    [ 'another address',           address(),    'misnamed', 'own',      0, qr/name|address|certificate/i ],
    [ 'no address',                address(),    'wildcard', 'own',      0, qr/name|address|certificate/i ],
    [ 'expired',                   'redis.test', 'expired',  'own',      0, qr/expired|certificate/i ],
);

for my $case (@CASES) {
    my ($what, $host, $server, $trusted, $is_good, $told) = @$case;
    subtest $what => sub {
        my $redis = $redis{$server};
        $redis->command('FLUSHALL');
        my $logins = $redis->calls('auth');
        my $begin  = -e directory() . '/a/error.log' ? -s _ : 0;
        my $node   = start_with($host, $CERTIFICATE{$server}[0], $trusted);
        my $log    = sub { substr $node->error_log, $begin };
        my $id   = unique_id('event');
        if ($is_good) {
            ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK), 'it is trusted';
            is outcome_at('a', $id, uri => '/strict'), 'delivered', 'delivered';
            like remembered($redis), qr/D200/, 'Redis has it';
        } else {
            is outcome_at('a', $id, uri => '/strict'), 'unavailable', 'reject refuses';
            is outcome_at('a', $id), 'delivered', 'local delivers';
            my @lines = grep { /redis/i && /\[(?:error|warn|crit)\]/ } split /\n/, $log->();
            ok scalar(grep { /$told/ } @lines), 'the log tells' or diag $log->();
            is scalar($redis->keys), 0, 'Redis has nothing';
            is $redis->calls('auth'), $logins, 'nobody logged in';
        }
        unlike $log->(), qr/Zq7/, 'no secret';
        $node->stop;
    };
}

subtest 'a connection that ends, and a handshake that never does' => sub {
    my $node = start_with(address(), 6380);
    my $redis = $redis{good};
    $redis->command('FLUSHALL');
    ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK), 'through the proxy';
    $proxy->cut(1);
    is outcome_at('a', unique_id('event')), 'delivered', 'right behind a reset';
    ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK), 'it is back';
    $proxy->swallow->refuse->cut;
    $proxy->pass->swallow;
    my $id = unique_id('event');
    is outcome_at('a', $id), 'delivered', 'a handshake that never ends';
    $proxy->pass;
    ok poll_until(sub { outcome_at('a', unique_id('probe'), uri => '/strict') eq 'delivered' }, $BACK), 'it is back again';
    ok poll_until(sub { my @values = $redis->keys('wh:*'); @values >= 4 }, $BACK), 'what was delivered meanwhile is known';
    $node->stop;
};

finish();
