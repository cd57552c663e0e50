#!/usr/bin/perl

# Measures what the gate adds to plain proxy_pass in the same nginx, and what a refusal costs.
# Its argument is the folder of the compiled helpers.

use v5.36;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin qw($Bin);
use IO::Socket::INET;
use List::Util qw(max min sum);
use Time::HiRes qw(sleep);
use Webhook::Connection;
use Webhook::Nginx;
use Webhook::Process qw(end_process exec_child fork_child kill_remaining poll_until process_ended run_command);
use Webhook::Sandbox qw(address directory is_owner remove_directory slurp write_file);

use constant SECRET         => 'a secret of the usual length, 40 bytes..';
use constant CONNECTIONS    => 32;
use constant PATIENCE       => 10;
use constant ROUNDS         => 10;      # of one second each
use constant REFUSAL_ROUNDS => 4;
use constant MOST_ADDED     => 0.7;     # microseconds above one HMAC()
use constant LEAST_RATIO    => 0.92;    # of plain proxy_pass, at 1 KB
use constant LEAST_BUSY     => 0.8;     # a worker that waits for others tells nothing about its speed
use constant MOST_REFUSAL   => 1.05;    # of `deny all`
use constant LEAST_OF_FLEET => 0.60;    # of the gate without Redis, for each worker
use constant TIMEOUT        => 50_000;  # of a webhook_redis, in microseconds
use constant MOST_P99       => 1.10;    # of deliveries while nobody scrapes
use constant ENDPOINTS      => 64;
use constant MOST_AWAKE     => 900;     # seconds, should this script be killed

my $helpers = shift // die "usage: gate.pl FOLDER_OF_HELPERS\n";
my $binary  = $ENV{WEBHOOK_NGINX}  // '/usr/sbin/nginx';
my $module  = $ENV{WEBHOOK_MODULE} // "$Bin/../../build/ngx_http_webhook_module.so";
my $folder  = directory();
my ($gate_cpu, $other_cpus) = cpus();

my ($gate, $backend, $redis, @awake);
my $serial = 0;
my $asked  = 0;

$| = 1;
@SIG{qw(INT TERM HUP)} = (sub { exit 130 }) x 3;

END {
    if (is_owner()) {
        my $code = $?;
        end_process($_->{master}, [ QUIT => 2 ], [ KILL => 2 ]) for grep { $_ } $gate, $backend;
        end_process($redis, [ TERM => 2 ], [ KILL => 2 ]) if $redis;
        end_process($_, [ KILL => 2 ]) for @awake;
        kill_remaining();
        remove_directory();
        $? = $code;
    }
}

exit main();

sub main () {
    -e "$helpers/$_" or die "$helpers/$_ is not there: run make bench\n" for qw(hmac_cost core_bench);
    -e $module or die "$module is not there: build it first\n";
    @awake   = keep_awake();
    $backend = start('backend', 9000, $other_cpus, backend_config());
    $redis   = start_redis();
    $gate    = start('gate',    8080, $gate_cpu,   gate_config());
    describe();
    my @missed = (map({ compare($_) } 1, 16), refusals(), scrapes(), fleet(), hanging());
    core_costs();
    say @missed ? "\nMissed: " . join('; ', @missed) . '.' : "\nNo target was missed.";
    return 0;
}

sub describe () {
    my $version = qx($binary -v 2>&1) =~ m{nginx/(\S+)} ? $1 : '?';
    my $openssl = qx(openssl version) =~ /^(\S+ \S+)/   ? $1 : '?';
    my $model   = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.+)/m ? $1 : 'unknown CPU';
    my $load    = (split ' ', slurp('/proc/loadavg'))[0];
    say "nginx $version, $openssl, $model, load $load";
    say "github preset, dedup, a unique id for each delivery; wrk, @{[CONNECTIONS]} connections, keepalive on both sides";
    say 'medians of ', ROUNDS, ' rounds of a second, by turns (', REFUSAL_ROUNDS, ' for refusals)';
    say defined $gate_cpu ? "the worker has CPU $gate_cpu, wrk and the backend CPU $other_cpus, kept awake"
        : 'one CPU for everything: requests per second say little';
}

# -- accepted and forged deliveries

sub compare ($kilobytes) {
    my $size  = $kilobytes * 1024;
    my %cases = (
        plain  => { uri => '/plain', size => $size, status => '2xx', reaches => 1 },
        gate   => { uri => '/gate',  size => $size, status => '2xx', reaches => 1 },
        forged => { uri => '/gate',  size => $size, status => '4xx', reaches => 0, signature => '0' x 64 },
        deny   => { uri => '/deny',  size => $size, status => '4xx', reaches => 0 },
    );
    my @names = qw(plain gate forged deny);
    my @hmac;
    my $rounds = take_turns(\%cases, \@names, ROUNDS, sub { push @hmac, hmac_cost($size) });

    my $hmac   = median(@hmac);
    my @ratios = paired($rounds, 'gate', 'plain', sub ($x, $y) { $x->{rate} / $y->{rate} });

    printf "\n%-34s  %10s  %-19s  %13s  %s\n", "$kilobytes KB bodies", 'requests/s', '(min - max)', 'CPU/request', 'worker busy';
    show($_, $rounds->{$_}) for @names;
    return (
        added_cpu($kilobytes, $rounds, $hmac),
        rate_verdict($kilobytes, median(map { $_->{busy} } @{ $rounds->{plain} }), @ratios),
        forged_cpu($kilobytes, $rounds, $hmac),
    );
}

# What the kernel bills to the worker depends on how often its peers fall asleep; what it spends in
# user space is the gate's own.
sub added_cpu ($kilobytes, $rounds, $hmac) {
    my @added = paired($rounds, 'gate', 'plain', sub ($x, $y) { $x->{cpu} - $y->{cpu} });
    printf "  %-40s  %.2f us (%.2f - %.2f)\n", "$kilobytes KB: added CPU", median(@added), min(@added), max(@added);
    my ($gate, $plain) = map { mean_user_time($rounds->{$_}) } qw(gate plain);
    return verdict("$kilobytes KB: of it, in user space", $gate - $plain <= $hmac + MOST_ADDED,
        '%.2f us; HMAC() costs %.2f us, allowed are %.2f us', $gate - $plain, $hmac, $hmac + MOST_ADDED);
}

# A forgery may cost what any refusal does, and the hash of its body.
sub forged_cpu ($kilobytes, $rounds, $hmac) {
    my @over = paired($rounds, 'forged', 'deny', sub ($x, $y) { $x->{cpu} - MOST_REFUSAL * $y->{cpu} });
    return verdict("$kilobytes KB: forged, CPU over deny all", median(@over) <= $hmac,
        '%.2f us (%.2f - %.2f), at most one HMAC() of %.2f us', median(@over), min(@over), max(@over), $hmac);
}

sub mean_user_time ($rounds) { return sum(map { $_->{user} } @$rounds) / sum(map { $_->{requests} } @$rounds) }

sub rate_verdict ($kilobytes, $busy, @ratios) {
    my $what   = "$kilobytes KB: requests/s of plain";
    my @values = (median(@ratios), min(@ratios), max(@ratios));
    if ($busy < LEAST_BUSY) {
        printf "  %-40s  %.3f (%.3f - %.3f): not judged, the worker was not kept busy\n", $what, @values;
        return;
    }
    return verdict($what, 1, '%.3f (%.3f - %.3f)', @values) if $kilobytes > 1;
    return verdict($what, $values[0] >= LEAST_RATIO, '%.3f (%.3f - %.3f), at least %.2f', @values, LEAST_RATIO);
}

# -- refusals

sub refusals () {
    my %case = (size => 1024, status => '4xx', reaches => 0);
    my @missed;
    for my $logs ('', '-logged') {
        my %cases = (
            'deny all'     => { %case, uri => "/deny$logs" },
            'no signature' => { %case, uri => "/gate$logs", signature => undef },
            'wrong source' => { %case, uri => "/source$logs" },
        );
        my @names  = ('deny all', 'no signature', 'wrong source');
        my $rounds = take_turns(\%cases, \@names, REFUSAL_ROUNDS);
        printf "\n%-34s  %10s  %-19s  %13s  %s\n",
            'refusals, ' . ($logs ? 'each logged' : 'nothing logged'), 'requests/s', '(min - max)', 'CPU/request', 'worker busy';
        show($_, $rounds->{$_}) for @names;
        for my $name (@names[ 1, 2 ]) {
            my $ratio = median(paired($rounds, $name, 'deny all', sub ($x, $y) { $x->{cpu} / $y->{cpu} }));
            push @missed, verdict("$name, CPU of deny all" . ($logs && ' (logged)'), $ratio <= MOST_REFUSAL, '%.3f, at most %.2f', $ratio, MOST_REFUSAL);
        }
    }
    return @missed;
}

# Whether deliveries wait for those who read the counters of 64 endpoints.
sub scrapes () {
    my %case   = (size => 1024, status => '200', reaches => 1, uri => '/gate');
    my $rounds = take_turns({ quiet => {%case}, scraped => { %case, scraped => 1 } }, [qw(quiet scraped)], ROUNDS);
    my @ratios = paired($rounds, 'scraped', 'quiet', sub ($x, $y) { $x->{p99} / $y->{p99} });
    printf "\n%-34s  p99 %.0f us; with a scrape each 100 ms %.0f us\n", 'deliveries of 1 KB',
        map { median(map { $_->{p99} } @{ $rounds->{$_} }) } qw(quiet scraped);
    return verdict('p99 with scrapes', median(@ratios) <= MOST_P99, '%.3f of that without, at most %.2f', median(@ratios), MOST_P99) || ();
}

# Asks for all counters until it is ended, and looks at as little as it can: it shares its CPU with wrk.
sub start_scraping () {
    return fork_child(sub {
        defined $other_cpus and system('taskset', '-cp', $other_cpus, $$) && die "taskset failed\n";
        my $socket = IO::Socket::INET->new(PeerAddr => address(), PeerPort => 8080) or die "no connection: $@\n";
        while (1) {
            syswrite $socket, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
            sysread $socket, my $bytes, 65_536 or die "no metrics\n";
            my ($head, $length) = $bytes =~ /\A(HTTP\/1\.1 200 .*?Content-Length: (\d+)\r\n.*?\r\n\r\n)/s or die "no metrics: $bytes\n";
            my $left = $length - (length($bytes) - length $head);
            while ($left > 0) {
                my $got = sysread $socket, $bytes, 65_536 or die "half the metrics\n";
                $left -= $got;
            }
            sleep 0.1;
        }
    });
}

# -- one memory for a fleet

# Redis shares its CPU with wrk and the backend, so that what a worker could do is told by what it
# spends, and not by the rate that they leave it.
sub fleet () {
    if (!$redis) {
        say "\nredis-server is not installed: the memory of a fleet is not measured";
        return;
    }
    my %case   = (size => 1024, status => '200', reaches => 1);
    my $rounds = take_turns({ gate => { %case, uri => '/gate' }, fleet => { %case, uri => '/fleet' } }, [qw(gate fleet)], ROUNDS);
    my @rates  = paired($rounds, 'fleet', 'gate', sub ($x, $y) { $x->{rate} / $y->{rate} });
    my @costs  = paired($rounds, 'fleet', 'gate', sub ($x, $y) { $y->{cpu} / $x->{cpu} });
    printf "\n%-34s  %10s  %-19s  %13s  %s\n", 'a fleet, 1 KB bodies', 'requests/s', '(min - max)', 'CPU/request', 'worker busy';
    show($_, $rounds->{$_}) for qw(gate fleet);
    printf "  %-40s  %.3f (%.3f - %.3f)\n", 'fleet: requests/s of the gate', median(@rates), min(@rates), max(@rates);
    return verdict('fleet: capacity of a worker, of the gate', median(@costs) >= LEAST_OF_FLEET,
        '%.3f (%.3f - %.3f), at least %.2f', median(@costs), min(@costs), max(@costs), LEAST_OF_FLEET);
}

# Redis stops while deliveries run: the first ones wait for `timeout=`. wrk counts what would have come meanwhile,
# too. Where it has stopped before, none waits; and deliveries to another location never do.
sub hanging () {
    return unless $redis;
    my %case  = (size => 1024, status => '200', reaches => 1, uri => '/brief');
    my %cases = (
        quiet  => {%case},
        begins => { %case, hangs => 1 },
        hangs  => { %case, hangs => 1, since_long => 1 },
        other  => { %case, uri => '/gate' },
        beside => { %case, uri => '/gate', hangs => 1 },
    );
    my $rounds = take_turns(\%cases, [qw(quiet begins hangs other beside)], ROUNDS);
    my $p99    = sub ($name) { return median(map { $_->{p99} } @{ $rounds->{$name} }) };
    my $ratio  = sub ($x, $y) { return median(paired($rounds, $x, $y, sub ($one, $two) { $one->{p99} / $two->{p99} })) };
    printf "\n%-34s  p99 %.1f ms; Redis stops: %.1f ms (longest %.1f ms); has stopped: %.1f ms\n", 'a fleet',
        map({ $p99->($_) / 1000 } qw(quiet begins)), max(map { $_->{longest} } @{ $rounds->{begins} }) / 1000, $p99->('hangs') / 1000;
    my ($more, $open, $beside) = ($p99->('begins') - $p99->('quiet'), $ratio->('hangs', 'quiet'), $ratio->('beside', 'other'));
    return (
        verdict('p99 as Redis stops', $more <= TIMEOUT, '%.1f ms more, at most %.1f ms', $more / 1000, TIMEOUT / 1000),
        verdict('p99 when it has stopped', $open <= MOST_P99, '%.3f of that before, at most %.2f', $open, MOST_P99),
        verdict('p99 of other locations', $beside <= MOST_P99, '%.3f of that before, at most %.2f', $beside, MOST_P99),
    );
}

sub start_redis () {
    return unless grep { -x "$_/redis-server" } split /:/, "$ENV{PATH}:/usr/bin";
    my $process = exec_child(
        command => [ pinned($other_cpus), 'redis-server', '--port', 0, '--unixsocket', "$folder/redis.sock", '--unixsocketperm', 777, '--save', '', '--dir', $folder ],
        output  => "$folder/redis.log",
    );
    poll_until(sub { -S "$folder/redis.sock" || process_ended($process) }, PATIENCE);
    -S "$folder/redis.sock" or die "redis-server did not start:\n", slurp("$folder/redis.log");
    return $process;
}

# Redis stops 200 ms after the round has begun, or so long before it that the worker knows.
sub start_hanging ($since_long) {
    if ($since_long) {
        kill STOP => $redis;
        poll_until(sub { Webhook::Connection->open(port => 8080)->request(uri => '/brief'); away_workers() == 1 }, PATIENCE)
            or die "nobody notices that Redis hangs\n";
        return;
    }
    return fork_child(sub {
        sleep 0.2;
        kill STOP => $redis;
    });
}

sub away_workers () {
    my $metrics = Webhook::Connection->open(port => 8080)->request(method => 'GET', uri => '/metrics')->{body};
    return $metrics =~ /^nginx_webhook_redis_away_workers\{redis="brief"\} (\d+)$/m ? $1 : -1;
}

# Redis goes on, and the worker knows it.
sub go_on () {
    kill CONT => $redis;
    poll_until(sub { away_workers() == 0 }, PATIENCE) or die "Redis does not come back\n";
    return;
}

# -- one round after the other

# Every other turn goes backwards, so that no case always follows the same one.
sub take_turns ($cases, $order, $rounds, $between = sub { }) {
    my %results;
    load(%{ $cases->{$_} }) for @$order;
    for my $round (1 .. $rounds) {
        my @turn = $round % 2 ? @$order : reverse @$order;
        push @{ $results{$_} }, load(%{ $cases->{$_} }) for @turn;
        $between->();
    }
    return \%results;
}

# uri, size, status, reaches, signature: what wrk sends, and what must become of it.
sub load (%case) {
    my $seen_before = seen_at_rest();
    my $cpu_before  = cpu_time($gate->{worker});
    my $user_before = user_time($gate->{worker});
    my $output = "$folder/wrk.output";
    unlink $output;
    my $script = write_file('wrk.lua', lua(%case));
    my $scraper = $case{scraped} && start_scraping();
    my $hanger  = $case{hangs} && start_hanging($case{since_long});
    my $code    = run_command(
        command => [
            pinned($other_cpus), 'wrk', '-t1', '-c' . CONNECTIONS, '-d1s', '-s', $script,
            'http://' . address() . ":8080$case{uri}",
        ],
        output  => $output,
        timeout => PATIENCE,
    );
    end_process($scraper, [ KILL => 2 ]) if $scraper;
    end_process($hanger, [ KILL => 2 ]) if $hanger;
    go_on() if $case{hangs};
    my $cpu  = cpu_time($gate->{worker}) - $cpu_before;
    my $user = user_time($gate->{worker}) - $user_before;
    my $seen = seen_at_rest() - $seen_before;
    my ($requests, $duration, $refused, $faults, $p99, $longest) = slurp($output) =~ /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or die "wrk failed ($code):\n", slurp($output);
    die "$case{uri}: $faults connections failed\n" if $faults;
    die "$case{uri}: $refused of $requests were refused\n" unless $refused == ($case{status} eq '4xx' ? $requests : 0);
    # wrk leaves while its last requests are under way.
    die "$case{uri}: $requests requests, $seen reached the backend\n"
        unless $case{reaches} ? $seen >= $requests && $seen <= $requests + CONNECTIONS : $seen == 0;
    return {
        requests => $requests,
        rate     => $requests / $duration * 1e6,
        cpu      => $cpu / $requests,
        user     => $user,
        busy     => $cpu / $duration,
        p99      => $p99,
        longest  => $longest,
    };
}

# The delivery id is not signed, so that one signature serves for all.
sub lua (%case) {
    my $body      = '{"filler":"' . 'x' x ($case{size} - 13) . '"}';
    my $signature = exists $case{signature} ? $case{signature} : hmac_sha256_hex($body, SECRET);
    my $head      = join '', map { "$_\\r\\n" }
        "POST $case{uri} HTTP/1.1", 'Host: localhost', 'User-Agent: GitHub-Hookshot/044aadd', 'Accept: */*',
        'Content-Type: application/json', "Content-Length: $case{size}", 'X-GitHub-Event: push',
        defined $signature ? "X-Hub-Signature-256: sha256=$signature" : ();
    my $prefix = sprintf '%d-%d', $$, ++$serial;
    return <<"LUA";
local head = "${head}X-GitHub-Delivery: 72d3162e-cc78-11e3-$prefix-"
local tail = "\\r\\n\\r\\n" .. [[$body]]
local count = 0

function request()
    count = count + 1
    return head .. count .. tail
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(99), latency.max))
end
LUA
}

sub hmac_cost ($size) {
    my $output = "$folder/hmac_cost.output";
    unlink $output;
    my $code = run_command(command => [ pinned($gate_cpu), "$helpers/hmac_cost", $size, 100 ], output => $output);
    die "hmac_cost failed\n" if $code;
    return slurp($output) / 1000;
}

sub core_costs () {
    my $output = "$folder/core_bench.output";
    my $code   = run_command(command => [ pinned($gate_cpu), "$helpers/core_bench" ], output => $output, timeout => 60);
    die "core_bench failed:\n", slurp($output) if $code;
    print "\nsteps of the pure library\n", slurp($output);
}

# -- numbers

sub median (@values) {
    my @sorted = sort { $a <=> $b } @values;
    return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

sub paired ($rounds, $first, $second, $compare) {
    return map { $compare->($rounds->{$first}[$_], $rounds->{$second}[$_]) } 0 .. $#{ $rounds->{$first} };
}

sub show ($name, $rounds) {
    my @rates = map { $_->{rate} } @$rounds;
    my $cpu   = median(map { $_->{cpu} } @$rounds);
    my $busy  = median(map { $_->{busy} } @$rounds);
    printf "  %-32s  %10.0f  %-19s  %10.2f us  %9.0f %%\n", $name, median(@rates),
        sprintf('(%.0f - %.0f)', min(@rates), max(@rates)), $cpu, 100 * $busy;
}

# Prints the measure; returns its name where it missed its target.
sub verdict ($what, $met, $format, @values) {
    printf "  %-40s  %s: %s\n", $what, sprintf($format, @values), $met ? 'ok' : 'MISSED';
    return $met ? () : $what;
}

# In microseconds. The scheduler counts in nanoseconds; without it, the ticks of 10 ms have to do.
sub cpu_time ($process) {
    my $exact = eval { (split ' ', slurp("/proc/$process/schedstat"))[0] };
    return $exact / 1000 if $exact;
    my ($user, $system) = ticks($process);
    return ($user + $system) * 10_000;
}

sub user_time ($process) { return (ticks($process))[0] * 10_000 }

sub ticks ($process) {
    my @fields = split ' ', slurp("/proc/$process/stat") =~ s/^.*\) //r;
    return @fields[ 11, 12 ];
}

# -- the two nginx

sub cpus () {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    my @cpus = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list;
    return @cpus > 1 ? ($cpus[0], join ',', @cpus[ 1 .. min(3, $#cpus) ]) : ();
}

sub pinned ($cpus) { return defined $cpus ? ('taskset', '-c', $cpus) : () }

# Loops that run only when a CPU has nothing else to do. A peer that wakes from a sleeping CPU costs
# the worker about a microsecond, which would be billed to whichever case sends later.
sub keep_awake () {
    return unless defined $other_cpus;
    my $loop = 'alarm ' . MOST_AWAKE . '; 1 while 1';
    return map { exec_child(command => [ pinned($_), 'chrt', '--idle', '0', $^X, '-e', $loop ], output => "$folder/awake.log") }
        split /,/, $other_cpus;
}

sub start ($name, $port, $cpus, $config) {
    my $path   = write_file("$name.conf", $config);
    my $master = exec_child(
        command => [ pinned($cpus), $binary, '-p', $folder, '-e', "$folder/$name.log", '-c', $path ],
        output  => "$folder/$name.log",
    );
    my $ready = sub {
        return process_ended($master)
            || IO::Socket::INET->new(PeerAddr => address(), PeerPort => $port) && Webhook::Nginx::children_of($master);
    };
    poll_until($ready, PATIENCE) && !process_ended($master) or die "$name did not start:\n", slurp("$folder/$name.log");
    my ($worker) = Webhook::Nginx::children_of($master);
    return { master => $master, worker => $worker };
}

sub common_config ($name) {
    return <<"CONF";
daemon off;
worker_processes 1;
pid $folder/$name.pid;
error_log $folder/$name.log crit;
events { worker_connections 512; }
CONF
}

sub common_http_config () {
    my $paths = join ' ', map { "${_}_temp_path $folder/temp_$_;" } qw(client_body proxy fastcgi uwsgi scgi);
    return "$paths access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k;";
}

# It reads every body, as `return` does before the next request on the connection.
sub backend_config () {
    my $address = address();
    return <<"CONF";
@{[common_config('backend')]}
http {
    @{[common_http_config()]}
    server {
        listen $address:9000;
        location = /status { stub_status; }
        location / { return 200 "ok\\n"; }
    }
}
CONF
}

sub gate_config () {
    my $address = address();
    my $secret  = SECRET;
    my $gated   = qq{webhook github; webhook_secret "$secret"; webhook_dedup zone=events key=\$webhook_event_id;};
    my $shared  = $gated =~ s/zone=events/zone=shared/r;
    my $brief   = $gated =~ s/zone=events/zone=brief/r;
    my $logged  = "error_log $folder/refusals.log warn;";
    my $proxied = 'proxy_pass http://backend;';
    return <<"CONF";
load_module $module;
@{[common_config('gate')]}
http {
    @{[common_http_config()]}
    webhook_dedup_zone zone=events:64m;
    @{[ $redis ? "webhook_redis fleet unix:$folder/redis.sock timeout=1s; webhook_dedup_zone zone=shared:64m redis=fleet; webhook_redis brief unix:$folder/redis.sock; webhook_dedup_zone zone=brief:64m redis=brief;" : '' ]}
    upstream backend {
        server $address:9000;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        listen $address:8080;
        location = /plain         { $proxied }
        location = /gate          { $gated $proxied }
        @{[ $redis ? "location = /fleet { $shared $proxied } location = /brief { $brief $proxied }" : '' ]}
        location = /gate-logged   { $logged $gated $proxied }
        location = /source        { $gated webhook_allow 192.0.2.1; $proxied }
        location = /source-logged { $logged $gated webhook_allow 192.0.2.1; $proxied }
        location = /deny          { deny all; $proxied }
        location = /deny-logged   { $logged deny all; $proxied }
        location = /metrics       { webhook_status prometheus; }
        @{[ map { qq{location = /further/$_ { webhook github name=further$_; webhook_secret "$secret"; $proxied }\n} } 4 .. ENDPOINTS ]}
    }
}
CONF
}

# How many requests the backend has served, once the last ones under way have arrived. Asking for
# the number is a request, too.
sub seen_at_rest () {
    my ($seen, $unchanged) = (0, 0);
    poll_until(sub {
        my $before = $seen;
        sleep 0.02;
        $seen      = seen_by_backend() - $asked;
        $unchanged = $seen == $before ? $unchanged + 1 : 0;
        return $unchanged == 5;
    }, PATIENCE) or die "the backend comes to no rest\n";
    return $seen;
}

sub seen_by_backend () {
    my $status = Webhook::Connection->open(port => 9000)->request(method => 'GET', uri => '/status');
    $asked++;
    $status->{body} =~ /^\s*\d+ \d+ (\d+)/m or die "the backend's status: $status->{status} $status->{body}\n";
    return $1;
}
