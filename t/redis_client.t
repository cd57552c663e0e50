# A worker's client of Redis: what calls get, in good times and in bad ones, and what the log hears of it.

use Webhook::Test;

use IO::Socket::INET;
use Time::HiRes qw(sleep);
use Webhook::Process qw(end_process fork_child);
use Webhook::Proxy qw(start_proxy);
use Webhook::Redis qw(redis_missing start_redis);
use Webhook::RedisCalls qw(calls_missing order order_about reply reply_of start_caller state_of);

my $missing = redis_missing() || calls_missing();
plan skip_all => $missing if $missing;

sub claim ($key, $limit = 2000, $token = "t-$key") { return "call $limit claim wh:{$key} $token,20000" }

sub lines_of ($nginx) { return grep { /\[(?:error|notice)\].* webhook_redis/ } split /\n/, $nginx->error_log }

# Those since the last time, without time and process.
my $seen = 0;
sub news ($nginx) {
    my @lines = map { s/^\S+ \S+ //r =~ s/\d+#\d+: //r } lines_of($nginx);
    my @new   = @lines[ $seen .. $#lines ];
    $seen = @lines;
    return @new;
}

my $redis = start_redis();
my $proxy = start_proxy();
my $nginx = start_caller('redis://%%ADDR%%:6380 timeout=100ms', main => 'worker_shutdown_timeout 2s;');

# And the log has heard of it, if it was away.
sub is_back () {
    my $is_told = sub { my @lines = lines_of($nginx); return !@lines || $lines[-1] =~ /is back|under a key/ };
    return wait_for(sub { (state_of() // '') =~ /^available connected/ && $is_told->() }, 8, 'connected');
}

subtest 'calls' => sub {
    is_back();
    is reply_of(claim('a')), '[0]', 'a claim';
    like reply_of(claim('a', 2000, 'other')), qr/^\[2 \d+ t-a\]$/, 'of another';
    is reply_of('call 1000 commit wh:{a} t-a,200,60000'), '0', 'a commit';
    like reply_of(claim('a', 2000, 'other')), qr/^\[1 200 \d+ 1\]$/, 'a duplicate';
    my @ids = order(map { claim("p$_") } 1 .. 200);
    ok poll_until(sub { !grep { !defined reply($_) } @ids }, 5), 'many at once';
    is_deeply [ grep { reply($_) ne '[0]' } @ids ], [], 'each with its reply';
    is $proxy->told->{connections}, 1, 'over one connection';
    is $redis->calls('eval'), 2, 'the text of each script was sent once';
    $redis->command(qw(SCRIPT FLUSH));
    is reply_of(claim('b')), '[0]', 'a script that the server has forgotten';
    is_deeply [ news($nginx) ], [], 'in silence';
};

subtest 'errors that concern one call' => sub {
    $redis->command(RPUSH => 'wh:{list}', 'x');
    like reply_of(claim('list')), qr/^-.*WRONGTYPE/, 'the caller gets it';
    like reply_of(claim('list')), qr/^-.*WRONGTYPE/, 'and again';
    is reply_of(claim('c')), '[0]', 'others go on';
    is_deeply [ news($nginx) ], [ '[error] webhook_redis "fleet": redis://' . $proxy->address_and_port
            . ' has a value of another type under a key (WRONGTYPE)' ], 'it is logged once';
};

subtest 'a reply that comes too late' => sub {
    $proxy->delay(0, 0.3);
    my ($text, $seconds) = reply_of(claim('late', 50));
    is $text, 'none', 'is not waited for';
    cmp_ok $seconds, '<', 0.25, 'for longer than its limit';
    is reply_of(claim('after', 2000)), '[0]', 'and is not taken for that of the next call';
    is reply_of('call 2000 release wh:{late} t-late'), '1', 'it was done all the same';
    $proxy->pass;
    is_deeply [ news($nginx) ], [], 'in silence';
};

subtest 'a broken connection' => sub {
    $proxy->cut_after(up => 1);
    is reply_of(claim('cut')), '[0]', 'a call is sent again';
    is $proxy->told->{cuts}, 1, 'after it was cut';
    sleep 1.1;
    $proxy->cut_after(down => 1);
    is reply_of(claim('cut2')), '[0]', 'also where Redis has done it';
    is_deeply [ news($nginx) ], [], 'in silence';
};

subtest 'away, and back' => sub {
    sleep 1;
    $proxy->refuse->cut;
    ok poll_until(sub { (state_of() // "") =~ /^away/ }, 3), 'it is noticed without a call';
    my ($text, $seconds) = reply_of(claim('away', 2000));
    is $text, 'none', 'a call';
    cmp_ok $seconds, '<', 0.5, 'does not wait';
    my @lines = news($nginx);
    is @lines, 1, 'one line' or diag @lines;
    like $lines[0], qr/^\[error\] webhook_redis "fleet": redis:\S+ cannot be reached: connect\(\) to \S+ failed \(111: Connection refused\)$/, 'says why';
    $proxy->pass;
    is_back();
    @lines = news($nginx);
    is @lines, 1, 'one line' or diag @lines;
    like $lines[0], qr/^\[error\] webhook_redis "fleet": redis:\S+ is back, it was away for \d+\.\d{3}s$/, 'says for how long';
};

subtest 'silent' => sub {
    $proxy->swallow;
    my @ids = order(map { claim("silent$_", 100) } 1 .. 5);
    ok poll_until(sub { !grep { (reply($_) // '') ne 'none' } @ids }, 2), 'calls end';
    ok poll_until(sub { (state_of() // "") =~ /^away/ }, 1), 'and no other is made';
    sleep 2.5;
    my @lines = news($nginx);
    is_deeply \@lines, [ '[error] webhook_redis "fleet": redis://' . $proxy->address_and_port
            . ' does not answer in time' ], 'one line';
    $proxy->pass;
    is_back();
    is reply_of(claim('again')), '[0]', 'calls are answered again';
    is scalar(news($nginx)), 1, 'one line';
};

subtest 'slow' => sub {
    $proxy->delay(0, 0.15);
    my $count = 0;
    for my $round (1 .. 60) {
        ++$count if (state_of() // '') =~ /^available/;
        order(claim("slow$round", 100));
        sleep 0.05;
    }
    cmp_ok $count, '<', 30, 'calls are not made for long' or diag $count;
    ok poll_until(sub { (state_of() // '') =~ /^available connected/ }, 8), 'but for a trial';
    my $trial = order(claim('trial'));
    order_about($trial, 'forget');
    ok poll_until(sub { (state_of() // '') =~ /^available connected/ }, 2), 'and for another, where that is forgotten';
    my @lines = news($nginx);
    is @lines, 1, 'one line' or diag @lines;
    $proxy->pass;
    ok poll_until(sub { reply_of(claim('quick')) eq '[0]' }, 8), 'calls are answered again';
    is_back();
    is scalar(news($nginx)), 1, 'one line';
};

subtest 'silent without a call' => sub {
    my $connections = $proxy->told->{connections};
    $proxy->swallow;
    ok poll_until(sub { (state_of() // "") =~ /^away/ }, 12), 'a ping notices it';
    like((news($nginx))[0], qr/does not answer in time$/, 'the line');
    $proxy->pass;
    is_back();
    news($nginx);
};

subtest 'a restart' => sub {
    $redis->stop;
    ok poll_until(sub { (state_of() // "") =~ /^away/ }, 3), 'it is noticed';
    $redis->start;
    is_back();
    is reply_of(claim('restarted')), '[0]', 'a script that the new server does not know';
    news($nginx);
};

subtest 'loading' => sub {
    $redis->command(MSET => map { ("x$_", 1) } 1 .. 300);
    $redis->load_slowly(3);
    ok poll_until(sub { (state_of() // "") =~ /^away/ }, 3), 'it is away';
    sleep 1;
    like state_of(), qr/^away/, 'while it loads';
    is_back();
    my @lines = news($nginx);
    is scalar(grep { /is loading its data \(LOADING\)$/ } @lines), 1, 'one line says so' or diag @lines;
    like $lines[-1], qr/is back/, 'and the last one that it is back';
};

subtest 'a replica' => sub {
    my $primary = start_redis(port => 6390);
    $redis->become_replica_of($primary);
    is reply_of(claim('replica', 500)), 'none', 'a call';
    like state_of(), qr/^away/, 'is not for a replica';
    like((news($nginx))[0], qr/ is a replica/, 'the line');
    $redis->become_primary;
    is_back();
    is reply_of(claim('primary')), '[0]', 'it may become a primary';
    news($nginx);
};

subtest 'forgotten' => sub {
    $proxy->freeze;
    my $id = order(claim('forgotten'));
    order_about($id, 'forget');
    state_of();
    $proxy->pass;
    is reply_of(claim('next')), '[0]', 'the next call has its own reply';
    is reply($id), undef, 'the caller hears nothing';
    like state_of(), qr/pending=0/, 'nothing is left';
};

subtest 'garbage' => sub {
    my $listener = IO::Socket::INET->new(
        LocalAddr => address(), LocalPort => 6399, Listen => 10, ReuseAddr => 1) or die $@;
    my $server = fork_child(sub {
        while (my $client = $listener->accept) { print {$client} "HTTP/1.1 400 Bad Request\r\n\r\n"; sleep 0.05; close $client }
    });
    close $listener;
    sleep 1;
    $proxy->lead_to(6399)->cut;
    ok poll_until(sub { (state_of() // "") =~ /^away/ }, 5), 'it is away';
    my @lines = poll_until(sub { lines_of($nginx) > $seen }, 2) ? news($nginx) : ();
    is @lines, 1, 'one line' or diag @lines;
    like $lines[0], qr/ does not speak as Redis does: /, 'says so';
    end_process($server, [ KILL => 2 ]);
    $proxy->lead_to(6379);
    is_back();
    news($nginx);
};

subtest 'descriptors' => sub {
    my ($worker) = $nginx->workers;
    my $open = sub { my @files = glob "/proc/$worker/fd/*"; return scalar @files };
    my $before = $open->();
    for (1 .. 10) {
        sleep 1.05;
        $proxy->cut($_ % 2);
        is_back();
    }
    is $open->(), $before, 'are as many as before';
    is_deeply [ news($nginx) ], [], 'in silence';
};

subtest 'reloads' => sub {
    $nginx->reload for 1 .. 20;
    ok poll_until(sub { 1 == grep { !/cmd=(?:info|keys)/ && /cmd=ping|cmd=role|cmd=eval/ } $redis->clients }, 5),
        'leave one connection' or diag $redis->clients;
    is_back();
};

subtest 'the end of a worker' => sub {
    $proxy->freeze;
    my $id = order(claim('end', 8000));
    sleep 0.1;
    my ($worker) = $nginx->workers;
    kill QUIT => $worker;
    sleep 0.3;
    ok kill(0, $worker), 'waits for a call';
    $proxy->pass;
    ok poll_until(sub { defined reply($id) }, 2), 'which has its reply';
    is reply($id), '[0]', 'that of Redis';
    ok poll_until(sub { !kill 0, $worker }, 3), 'and then ends, though more time was left';
    $proxy->freeze;
    ($worker) = poll_until(sub { grep { $_ != $worker } $nginx->workers }, 3) ? $nginx->workers : ();
    sleep 0.5;
    $id = order(claim('end2', 1000));
    sleep 0.1;
    kill QUIT => $worker;
    ok poll_until(sub { !kill 0, $worker }, 3), 'not for longer than its limit';
    is reply($id), 'none', 'the call has ended';
    $worker = poll_until(sub { ($nginx->workers)[0] }, 3);
    $proxy->pass;
    ok poll_until(sub { (state_of() // '') =~ /^available connected/ }, 8), 'another worker';
    $proxy->freeze;
    $id = order(claim('end3', 9000));
    sleep 0.1;
    kill QUIT => $worker;
    ok poll_until(sub { !kill 0, $worker }, 5), 'nor for longer than worker_shutdown_timeout';
    is reply($id), 'none', 'the call has ended';
    $proxy->pass;
};

finish();
