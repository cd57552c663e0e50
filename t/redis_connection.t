# How a worker comes to its Redis: sockets, logins, certificates and names.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Dns qw(start_dns);
use Webhook::Redis qw(redis_missing start_redis);
use Webhook::RedisCalls qw(calls_missing order reply reply_of start_caller state_of);

my $missing = redis_missing() || calls_missing();
plan skip_all => $missing if $missing;

sub claims ($nginx) { return reply_of('call 2000 claim wh:{' . Webhook::RedisCalls::fresh_id() . '} t,20000') }
sub lines_of ($nginx) { return map { s/^.*?: //r } grep { /\[(?:error|notice)\].* webhook_redis "fleet":/ } split /\n/, $nginx->error_log }
sub is_back () { return wait_for(sub { (state_of() // '') =~ /^available connected/ }, 8, 'connected') }

# A worker for these arguments of webhook_redis, until the code is done.
sub with ($arguments, $code, %options) {
    my $folder = directory();
    unlink "$folder/error.log", "$folder/calls/replies", "$folder/calls/calls";
    my $nginx = start_caller("$arguments timeout=100ms", %options);
    $code->($nginx);
    $nginx->stop;
}

sub comes ($name, $arguments, %options) {
    subtest $name => sub {
        with($arguments, sub ($nginx) {
            is_back();
            is claims($nginx), '[0]', 'a call has its reply';
            is_deeply [ lines_of($nginx) ], [], 'in silence';
        }, %options);
    };
}

sub fails ($name, $arguments, $line, %options) {
    subtest $name => sub {
        with($arguments, sub ($nginx) {
            ok poll_until(sub { lines_of($nginx) && (state_of() // '') =~ /^away/ }, 5), 'it is away';
            is claims($nginx), 'none', 'a call has no reply';
            sleep 0.6;
            my @lines = lines_of($nginx);
            is @lines, 1, 'one line' or diag @lines;
            like $lines[0], qr/^webhook_redis "fleet": (?:redis|unix)\S+ $line/, 'says why';
            unlike $nginx->error_log, qr/Zq7/, 'no secret is logged';
        }, %options);
    };
}

my $address   = address();
my $authority = Webhook::Redis::authority('good');
my $stranger  = Webhook::Redis::authority('stranger');
my $redis     = start_redis(
    unix => 1, tls_port => 6400, config => 'databases 4',
    tls  => Webhook::Redis::server_certificate('good', by => $authority, names => "IP:$address,DNS:redis.test"),
);
my $ca = $authority->[0];

comes 'a socket', 'unix:' . $redis->unix_path;
comes 'a database', 'unix:' . $redis->unix_path . ':/3';
is $redis->info('keyspace')->{db3} =~ /^keys=(\d+)/ ? $1 : 0, 1, 'has the event';
fails 'a database that is not there', 'redis://%%ADDR%%/9', 'has no such database';
fails 'a socket that is not there', 'unix:%%DIR%%/absent', 'cannot be reached: connect\(\) to unix:\S+ failed \(2: No such file or directory\)';

comes 'a certificate for the address', "rediss://%%ADDR%%:6400 ca=$ca";
fails 'a certificate of a stranger', "rediss://%%ADDR%%:6400 ca=$stranger->[0]", 'cannot be reached: the certificate of \S+ is refused \(\d+: .+\): its CA is none that is trusted';
fails 'a certificate that the system does not trust', 'rediss://%%ADDR%%:6400', 'cannot be reached: the certificate of \S+ is refused \(\d+: .+\): its CA is none that is trusted';
fails 'TLS where there is none', "rediss://%%ADDR%%:6379 ca=$ca", 'cannot be reached: the TLS handshake timed out: does this port speak TLS?';
fails 'no TLS where there is', 'redis://%%ADDR%%:6400', 'cannot be reached: (?:the peer closed the connection|recv\(\) failed \(104: Connection reset by peer\))';

my $other = start_redis(
    port => 6401, tls_port => 6402, tls => Webhook::Redis::server_certificate('other', by => $authority, names => 'DNS:other.test'),
);
fails 'a certificate for another name', "rediss://%%ADDR%%:6402 ca=$ca", qr/cannot be reached: the certificate of \S+ is not for "\Q$address\E"/;
my $old = start_redis(
    port => 6403, tls_port => 6404,
    tls  => Webhook::Redis::server_certificate('old', by => $authority, names => "IP:$address", expired => 1),
);
fails 'a certificate that has expired', "rediss://%%ADDR%%:6404 ca=$ca", 'cannot be reached: the certificate of \S+ is refused \(10: certificate has expired\)';

my $guarded = start_redis(port => 6405, password => 'Zq7-password');
comes 'a password', 'redis://%%ADDR%%:6405 password=Zq7-password';
write_file('redis.pw', "Zq7-password\n", 0600);
comes 'a password in a file', 'redis://%%ADDR%%:6405 password=file:%%DIR%%/redis.pw';
fails 'a wrong password', 'redis://%%ADDR%%:6405 password=Zq7-wrong', 'does not accept the user and the password \(WRONGPASS\)';
fails 'a password that is missing', 'redis://%%ADDR%%:6405', 'asks for a password \(NOAUTH\)';
fails 'a password that nobody asks for', 'redis://%%ADDR%%:6379 password=Zq7-password', 'has no password for its default user';

my $users = start_redis(port => 6406, user => 'gate', password => 'Zq7-user');
comes 'a user who may do no more than needed', 'redis://%%ADDR%%:6406 user=gate password=Zq7-user';
my $narrow = start_redis(port => 6407, user => 'gate', password => 'Zq7-user', may => '~other:* +eval +evalsha +get +set');
subtest 'a user who may not' => sub {
    with('redis://%%ADDR%%:6407 user=gate password=Zq7-user', sub ($nginx) {
        is claims($nginx), 'none', 'a call has no reply';
        sleep 1;
        is claims($nginx), 'none', 'nor has another';
        my @lines = lines_of($nginx);
        is scalar(grep { /does not permit its user/ } @lines), 1, 'it is logged once' or diag @lines;
    });
};

my $dns = start_dns(names => { 'redis.test' => [$address] });
my $resolver = "resolver $address:5353 ipv6=off valid=1s; resolver_timeout 5s;";
comes 'a name', 'redis://redis.test', more => $resolver;
comes 'a certificate for a name', "rediss://redis.test:6400 ca=$ca", more => $resolver;
fails 'a name that the certificate does not have', "rediss://redis.test:6402 ca=$ca", qr/cannot be reached: the certificate of \S+ is not for "redis.test"/, more => $resolver;
$dns->know({ 'redis.test' => [ '127.0.0.9', $address ] });
comes 'a name with two addresses, of which one is away', 'redis://redis.test', more => $resolver;
$dns->know({});
fails 'a name that is not known', 'redis://redis.test', qr/cannot be reached: redis.test could not be resolved \(3: Host not found\)/, more => $resolver;
$dns->know(undef);
fails 'a name server that is silent', 'redis://redis.test', qr/cannot be reached: redis.test could not be resolved \(110: Operation timed out\)/, more => $resolver;

subtest 'a name that leads elsewhere' => sub {
    $dns->know({ 'redis.test' => [$address] });
    with('redis://redis.test', sub ($nginx) {
        is_back();
        $redis->become_replica_of($other);
        $redis->command(qw(CLIENT KILL TYPE normal));
        ok poll_until(sub { (state_of() // '') =~ /^away/ }, 5), 'is left';
        $redis->become_primary;
        is_back();
        $dns->know(undef);
        sleep 1.5;
        $redis->command(qw(CLIENT KILL TYPE normal));
        ok poll_until(sub { claims($nginx) eq '[0]' }, 8), 'the last good address is known without the name server';
    }, more => $resolver);
};

finish();
