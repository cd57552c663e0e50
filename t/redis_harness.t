# The servers of Redis and the proxy that the tests of a fleet rely on: what they promise must be true.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Dns qw(start_dns);

plan skip_all => redis_missing() if redis_missing();

my $redis = start_redis();
my $proxy = start_proxy(to => 6379);
# The client of Redis.pm, through the proxy.
my $client = bless { port => 6380, folder => directory() }, 'Webhook::Redis';

sub error_of ($code) { return eval { $code->(); 1 } ? '' : $@ }
sub took ($code) { my $start = time; $code->(); return time - $start }

subtest 'commands' => sub {
    is $redis->command('PING'), 'PONG', 'a status';
    is $redis->command(SET => key => "a\r\nb"), 'OK', 'a command';
    is $redis->command(GET => 'key'), "a\r\nb", 'a string';
    is $redis->command(GET => 'none'), undef, 'nothing';
    is_deeply $redis->command(qw(MGET key none)), [ "a\r\nb", undef ], 'an array';
    is $redis->command(DEL => 'key'), 1, 'a number';
    like error_of(sub { $redis->command('NONSENSE') }), qr/^NONSENSE: ERR unknown command/, 'an error';
    is $redis->calls('set'), 1, 'calls are counted';
    is_deeply [ $redis->keys ], [], 'keys';
};

subtest 'restarts' => sub {
    $redis->command(qw(SET key value));
    $redis->restart;
    is $redis->command(GET => 'key'), undef, 'one without persistence forgets';
    $redis->write_config(appendonly => 1);
    $redis->restart;
    $redis->command(qw(SET key value));
    $redis->kill;
    like error_of(sub { $redis->command('PING') }), qr/^redis 6379: /, 'a killed one is away';
    $redis->start;
    is $redis->command(GET => 'key'), 'value', 'one with persistence remembers';
    $redis->write_config(appendonly => 0);
    $redis->restart;
};

subtest 'one that still loads' => sub {
    my $other = start_redis(port => 6390);
    $other->command(EVAL => q(for i = 1, 3000 do redis.call('SET', 'key' .. i, i) end), 0);
    $other->load_slowly(1);
    like ${ $other->reply(GET => 'key1') }, qr/^LOADING/, 'says so';
    ok poll_until(sub { ($other->reply(GET => 'key1') // '') eq '1' }, 10), 'and is ready later';
    $other->kill;
};

subtest 'logging in' => sub {
    my $other = start_redis(port => 6390, password => 'a password', user => 'gate');
    is $other->command('PING'), 'PONG', 'the test may do everything';
    my $guest = IO::Socket::INET->new(PeerAddr => address(), PeerPort => 6390);
    my $ask   = sub ($line) { syswrite $guest, "$line\r\n"; sysread $guest, my $answer, 1000; $answer };
    like $ask->('GET wh:key'), qr/^-NOAUTH/, 'a guest may do nothing';
    like $ask->('AUTH gate wrong'), qr/^-WRONGPASS/, 'a wrong password';
    like $ask->('AUTH gate "a password"'), qr/^\+OK/, 'the right one';
    like $ask->('GET wh:key'), qr/^\$-1/, 'what it may do';
    like $ask->('GET other'), qr/^-NOPERM/, 'what it may not do';
    $other->kill;
};

subtest 'replicas' => sub {
    my $other = start_redis(port => 6391);
    $redis->command(qw(SET key value));
    $other->become_replica_of($redis);
    is $other->command(GET => 'key'), 'value', 'it has what the primary has';
    like error_of(sub { $other->command(qw(SET key other)) }), qr/READONLY/, 'it takes nothing';
    $other->become_primary;
    is $other->command(qw(SET key other)), 'OK', 'as a primary it does';
    $other->kill;
};

subtest 'a socket' => sub {
    my $other = start_redis(port => 6392, unix => 1);
    my $way   = start_proxy(unix => directory() . '/proxy.socket', to => $other->unix_path);
    my $socket = IO::Socket::UNIX->new(Peer => directory() . '/proxy.socket');
    syswrite $socket, "*1\r\n\$4\r\nPING\r\n";
    sysread $socket, my $answer, 100;
    is $answer, "+PONG\r\n", 'through the proxy, too';
    is $way->commands('PING'), 1, 'and counted';
    $other->kill;
};

subtest 'certificates' => sub {
    my $authority   = Webhook::Redis::authority('own');
    my $certificate = Webhook::Redis::server_certificate('good', names => 'DNS:redis.test', by => $authority);
    my $other       = start_redis(port => 6393, tls => $certificate, tls_port => 6394);
    my $connect     = sub (@more) {
        my $output = directory() . '/s_client.output';
        unlink $output;
        run_command(command => [ qw(openssl s_client -verify_return_error -connect), address() . ':6394', @more ], output => $output);
        return slurp($output);
    };
    like $connect->('-CAfile', $authority->[0], qw(-verify_hostname redis.test)), qr/Verify return code: 0/, 'good';
    like $connect->('-CAfile', Webhook::Redis::authority('other')->[0]), qr/verify error/, 'of another authority';
    like $connect->('-CAfile', $authority->[0], qw(-verify_hostname other.test)), qr/hostname mismatch/, 'of another name';
    my $expired = Webhook::Redis::server_certificate('old', names => 'DNS:redis.test', by => $authority, expired => 1);
    $other->write_config(tls => $expired);
    $other->restart;
    like $connect->('-CAfile', $authority->[0]), qr/certificate has expired/, 'expired';
    $other->kill;
};

subtest 'a cluster' => sub {
    my @nodes = start_cluster();
    my $owner = Webhook::Redis::owner_of('key', @nodes);
    is $owner->command(qw(SET key value)), 'OK', 'one has the slot';
    my ($other) = grep { $_ != $owner } @nodes;
    like error_of(sub { $other->command(GET => 'key') }),
        qr/MOVED ${\ $owner->slot_of('key')} \Q${\ $owner->address_and_port}\E/, 'the others name it';
    $_->kill for @nodes;
};

subtest 'the proxy delays' => sub {
    $proxy->delay(0.1, 0.05);
    my $seconds = took(sub { is $client->command('PING'), 'PONG', 'an answer' });
    cmp_ok $seconds, '>=', 0.15, 'in both directions';
    $proxy->pass;
    cmp_ok took(sub { $client->command('PING') }), '<', 0.1, 'no longer';
};

subtest 'the proxy counts' => sub {
    $proxy->clear;
    $client->command(EVAL => q(return 1), 1, qw(wh:key token));
    $client->command('PING');
    my $told = $proxy->told;
    is_deeply $told->{commands}, { EVAL => 1, PING => 1 }, 'commands';
    is_deeply $told->{sequence}, [ 'EVAL 1', 'PING' ], 'in order';
    is $told->{connections}, 0, 'no new connection';
    is $told->{open}, 1, 'one is open';
    is $proxy->scripts, 1, 'scripts';
};

subtest 'the proxy freezes' => sub {
    $proxy->freeze;
    syswrite $client->{socket}, "*1\r\n\$4\r\nPING\r\n";
    ok !IO::Select->new($client->{socket})->can_read(0.2), 'nothing comes';
    $proxy->pass;
    ok scalar IO::Select->new($client->{socket})->can_read(2), 'until it may pass';
    sysread $client->{socket}, my $answer, 100;
    is $answer, "+PONG\r\n", 'then it does';
};

subtest 'the proxy swallows' => sub {
    $proxy->swallow;
    syswrite $client->{socket}, "*1\r\n\$4\r\nPING\r\n";
    my $guest = IO::Socket::INET->new(PeerAddr => address(), PeerPort => 6380);
    ok $guest, 'it accepts';
    syswrite $guest, "*1\r\n\$4\r\nPING\r\n";
    sleep 0.1;
    $proxy->pass;
    ok !IO::Select->new($client->{socket}, $guest)->can_read(0.2), 'nothing comes of that, ever';
    close delete $client->{socket};
    is $client->command('PING'), 'PONG', 'but of a new connection';
};

subtest 'the proxy refuses, and cuts' => sub {
    $proxy->refuse;
    ok !IO::Socket::INET->new(PeerAddr => address(), PeerPort => 6380), 'no new connection';
    is $client->command('PING'), 'PONG', 'the one that there is goes on';
    $proxy->cut;
    like error_of(sub { $client->command('PING') }), qr/^redis 6380: /, 'and is cut';
    $proxy->pass;
    is $client->command('PING'), 'PONG', 'then all is as before';
    is $proxy->cut(1)->told->{open}, 0, 'none is open';
};

subtest 'the proxy cuts behind a byte' => sub {
    my $ping = "*1\r\n\$4\r\nPING\r\n";
    for my $direction (qw(up down)) {
        for my $bytes (0 .. 6) {
            my $guest = IO::Socket::INET->new(PeerAddr => address(), PeerPort => 6380);
            $proxy->clear->cut_after($direction, $bytes);
            syswrite $guest, $ping;
            my $answer = '';
            1 while sysread $guest, $answer, 100, length $answer;
            is $answer, $direction eq 'up' ? '' : substr("+PONG\r\n", 0, $bytes), "$direction, $bytes: the answer";
            my $told = $proxy->told;
            is $told->{cuts}, 1, 'one cut';
            is $told->{$direction}, $bytes, 'so many bytes';
        }
    }
    is $client->command('PING'), 'PONG', 'others pass';
};

subtest 'nodes, and names' => sub {
    my $backend = start_backend();
    my $dns     = start_dns(names => { 'one.test' => [ address() ], 'two.test' => [ '127.0.0.2', address() ] });
    my @nodes   = map { start_nginx(node => $_->[0], http => <<"CONF") } [ a => 8101 ], [ b => 8102 ];
resolver %%ADDR%%:5353 valid=1s ipv6=off;
resolver_timeout 300ms;
server {
    listen %%ADDR%%:$_->[1];
    location / { proxy_set_header X-Node %%NODE%%; proxy_pass http://\$arg_name:9000; }
}
CONF
    for my $name (qw(one.test two.test)) {
        is send_request(uri => "/?name=$name", port => $_)->{status}, 200, "$name, at $_" for 8101, 8102;
    }
    is_deeply [ map { $_->{headers}{'x-node'} } $backend->requests ], [qw(a b a b)], 'each is a node of its own';
    is send_request(uri => '/?name=three.test', port => 8101)->{status}, 502, 'a name that it does not know';
    is $dns->asked('three.test'), 1, 'it was asked';
    $dns->know(undef);
    is send_request(uri => '/?name=four.test', port => 8101)->{status}, 502, 'silence';
    isnt $nodes[0]->folder, $nodes[1]->folder, 'with folders of their own';
    $nodes[0]->crash;
    is send_request(uri => '/?name=one.test', port => 8101)->{status}, 0, 'one is killed';
    $dns->know({ 'one.test' => [ address() ] });
    is send_request(uri => '/?name=one.test', port => 8102)->{status}, 200, 'the other lives';
    $nodes[0]->start;
    is send_request(uri => '/?name=one.test', port => 8101)->{status}, 200, 'it starts again';
};

finish();
