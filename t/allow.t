# Which sources webhook_allow lets deliver, and how the files that it names are watched.

use Webhook::ConfigErrors qw(in_server);
use Webhook::Test;

use IO::Socket::IP;
use Time::HiRes qw(sleep time);

my $SECRET = 'a-secret-of-enough-length';
my $BODY   = '{"action":"opened"}';
# A file is looked at once a second, and read when it has not changed for three.
my $PATIENCE = 12;

write_file('hooks.txt', "# offices\n127.1.0.1\n127.1.1.0/24 # the whole floor\n\n  127.1.2.0/31  \r\n");
write_file('github.json', '{"verifiable":true,"hooks":["127.2.0.0/16","2001:db8::/32"],"web":["127.3.0.0/16"]}');
write_file('stripe.json', '{"WEBHOOKS":["127.4.0.1","127.4.0.2"]}');
write_file('svix.json', '{"us":["127.5.0.0/24"],"eu":["127.5.1.0/24"]}');
write_file('regions.json', '{"regions":{"us":["127.6.0.1"],"eu":["127.6.0.2"]},"other":["127.6.0.3"]}');
write_file('items.json', '{"items":[{"cidr":"127.7.0.0/24","name":"a"},{"cidr":["127.7.1.0/24"],"name":"b"}]}');
write_file('nested.json', '{"values":[{"ips":{"v4":["127.8.0.1"]}},{"ips":{"v4":["127.8.0.2"],"v6":["::2"]}}]}');
write_file('plain.json', " \n[\"127.9.0.1\", \"127.9.1.0/24\"]");
write_file('escaped.json', '{"a/b":{"c~d":["127.10.0.1"]}}');
write_file("$_.txt", "127.20.0.1\n") for qw(changing shared growing);
write_file('changing.json', '{"hooks":["127.20.0.1"]}');

my %ALLOW = (
    anywhere  => '',
    one       => 'webhook_allow 127.1.0.1;',
    network   => 'webhook_allow 127.1.0.0/16;',
    half      => 'webhook_allow 127.1.0.0/25;',
    all_ipv4  => 'webhook_allow 0.0.0.0/0;',
    all_ipv6  => 'webhook_allow ::/0;',
    mapped    => 'webhook_allow ::ffff:127.1.0.0/112;',
    several   => 'webhook_allow 127.1.0.1 127.1.0.3 10.0.0.0/8;',
    added     => "webhook_allow 127.1.0.1;\nwebhook_allow 127.1.0.3;\nwebhook_allow file:%%DIR%%/stripe.json#/WEBHOOKS;",
    unix      => 'webhook_allow unix:;',
    unix_too  => 'webhook_allow 127.1.0.1 unix:;',
    loopback6 => 'webhook_allow ::1;',
    other6    => 'webhook_allow 2001:db8::/32 fe80::/10;',
    list      => 'webhook_allow file:%%DIR%%/hooks.txt;',
    relative  => 'webhook_allow file:hooks.txt;',
    list_too  => 'webhook_allow 127.30.0.1 file:%%DIR%%/hooks.txt;',
    github    => 'webhook_allow file:%%DIR%%/github.json#/hooks;',
    stripe    => 'webhook_allow file:%%DIR%%/stripe.json#/WEBHOOKS;',
    svix      => 'webhook_allow file:%%DIR%%/svix.json;',
    svix_us   => 'webhook_allow file:%%DIR%%/svix.json#/us;',
    svix_any  => 'webhook_allow file:%%DIR%%/svix.json#/*;',
    regions   => 'webhook_allow file:%%DIR%%/regions.json#/regions;',
    items     => 'webhook_allow file:%%DIR%%/items.json#/items/*/cidr;',
    item      => 'webhook_allow file:%%DIR%%/items.json#/items/1/cidr;',
    nested    => 'webhook_allow file:%%DIR%%/nested.json#/values/*/ips/v4;',
    plain     => 'webhook_allow file:%%DIR%%/plain.json;',
    escaped   => 'webhook_allow file:%%DIR%%/escaped.json#/a~1b/c~0d;',
    shared    => 'webhook_allow file:%%DIR%%/shared.txt;',
    shared_2  => 'webhook_allow file:%%DIR%%/shared.txt 127.30.0.1;',
    changing  => 'webhook_allow file:%%DIR%%/changing.txt;',
    json      => 'webhook_allow file:%%DIR%%/changing.json#/hooks;',
    growing   => 'webhook_allow file:%%DIR%%/growing.txt;',
    thousands => 'webhook_allow ' . join("\n", map { "127.50.@{[ $_ >> 8 ]}.@{[ $_ & 255 ]}" } 0 .. 15_999)
        . ";\n" . join("\n", map { "webhook_allow 127.51.0.$_;" } 0 .. 255),
);
my $locations = join "\n", map {
    ; "location /$_ {\n$ALLOW{$_}\nproxy_pass http://%%BACKEND%%;\n}"
} sort keys %ALLOW;

# ::1 is the same for all tests that run, so that the port must be our own.
my $port6    = 20_000 + $$ % 40_000;
my $has_ipv6 = eval { IO::Socket::IP->new(LocalHost => '::1', LocalPort => $port6, Listen => 1) // die $@ };
$has_ipv6->close if $has_ipv6;
my $listen6 = $has_ipv6 ? "listen [::1]:$port6;" : '';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_secret $SECRET;
server {
    listen %%ADDR%%:8080;
    listen unix:%%DIR%%/nginx.sock;
    $listen6
    webhook github;
    $locations
}
server {
    listen %%ADDR%%:8081;
    webhook github;
    webhook_allow 127.1.0.1;
    location /inherited { proxy_pass http://%%BACKEND%%; }
    location /replaced {
        webhook_allow 127.1.0.2;
        proxy_pass http://%%BACKEND%%;
    }
    location /off {
        webhook off;
        proxy_pass http://%%BACKEND%%;
    }
}
server {
    listen %%ADDR%%:8083;
    set_real_ip_from %%ADDR%%/8;
    real_ip_header X-Forwarded-For;
    location / {
        webhook github;
        webhook_allow 127.1.0.1;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

sub outcome (%options) {
    my @headers  = (github_headers($SECRET, $BODY), @{ $options{headers} // [] });
    my $response = send_request(body => $BODY, %options, headers => \@headers);
    return $response->{status} if $response->{status} != 403;
    return $response->header('Webhook-Reason') // 'no reason';
}

sub allowed ($location, @sources) { is outcome(uri => "/$location", from => $_), 200, "$location: $_ may" for @sources }

sub denied ($location, @sources) {
    is outcome(uri => "/$location", from => $_), 'ip_denied', "$location: $_ may not" for @sources;
}

subtest 'addresses and networks' => sub {
    allowed('anywhere', '127.1.0.1', '127.99.0.1');
    allowed('one', '127.1.0.1');
    denied('one', '127.1.0.2', '127.1.0.11', '127.0.0.1');
    allowed('network', '127.1.0.1', '127.1.255.254');
    denied('network', '127.2.0.1', '127.0.255.254');
    allowed('half', '127.1.0.1', '127.1.0.127');
    denied('half', '127.1.0.128');
    allowed('all_ipv4', '127.1.0.1', '127.200.0.1');
    denied('all_ipv6', '127.1.0.1');
    denied('other6', '127.1.0.1');
    allowed('mapped', '127.1.0.1', '127.1.255.1');
    denied('mapped', '127.2.0.1');
    allowed('several', '127.1.0.1', '127.1.0.3');
    denied('several', '127.1.0.2');
};

subtest 'thousands of addresses' => sub {
    allowed('thousands', '127.50.0.1', '127.50.62.127', '127.51.0.1', '127.51.0.255');
    denied('thousands', '127.50.62.128', '127.51.1.0');
    my $before = (times)[2];
    my ($code) = config_test(http => in_server("webhook github;\nwebhook_secret $SECRET;\n$ALLOW{thousands}"));
    is $code, 0, 'nginx -t takes them';
    # Seconds of the processor: how busy the machine is does not count.
    cmp_ok((times)[2] - $before, '<', 3, 'in no time');
};

subtest 'a refused delivery' => sub {
    $backend->clear;
    denied('one', '127.1.0.2');
    is $backend->count, 0, 'does not reach the backend';
    like $nginx->error_log,
        qr/\[error\] .*webhook rejected: ip_denied, endpoint: "github".*client: 127\.1\.0\.2/, 'is logged';
};

subtest 'levels' => sub {
    allowed('added', '127.1.0.1', '127.1.0.3', '127.4.0.1');
    denied('added', '127.1.0.2', '127.4.0.3');
    is outcome(uri => '/inherited', port => 8081, from => '127.1.0.1'), 200, 'what the server allows is inherited';
    is outcome(uri => '/inherited', port => 8081, from => '127.1.0.2'), 'ip_denied', 'and nothing else';
    is outcome(uri => '/replaced', port => 8081, from => '127.1.0.2'), 200, 'a location allows its own';
    is outcome(uri => '/replaced', port => 8081, from => '127.1.0.1'), 'ip_denied', 'in place of the server\'s';
    is outcome(uri => '/off', port => 8081, from => '127.1.0.2'), 200, 'it is nothing without the gate';
};

subtest 'behind a proxy' => sub {
    my @from_allowed = (headers => [ 'X-Forwarded-For' => '127.1.0.1' ]);
    my @from_other   = (headers => [ 'X-Forwarded-For' => '192.0.2.1' ]);
    is outcome(uri => '/', port => 8083, @from_allowed), 200, 'the address that realip found counts';
    is outcome(uri => '/', port => 8083, @from_other), 'ip_denied', 'and is refused';
    is outcome(uri => '/one', @from_allowed), 'ip_denied', 'without realip, nobody\'s word counts';
};

subtest 'unix' => sub {
    my $path = directory() . '/nginx.sock';
    is outcome(uri => '/unix', unix => $path), 200, 'a client of the socket may';
    denied('unix', '127.0.0.1');
    is outcome(uri => '/one', unix => $path), 'ip_denied', 'unless it is not allowed';
    is outcome(uri => '/all_ipv4', unix => $path), 'ip_denied', 'which all of IPv4 does not do';
    is outcome(uri => '/unix_too', unix => $path), 200, 'with an address beside it';
    allowed('unix_too', '127.1.0.1');
};

sub outcome6 ($uri) {
    my $socket = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port6, Timeout => 5) or die "::1: $@";
    my %headers = (
        github_headers($SECRET, $BODY), 'Host' => 'localhost', 'Connection' => 'close',
        'Content-Length' => length $BODY,
    );
    print {$socket} "POST $uri HTTP/1.1\r\n", (map { "$_: $headers{$_}\r\n" } keys %headers), "\r\n$BODY";
    local $SIG{ALRM} = sub (@) { die "no answer on [::1]:$port6\n" };
    alarm 5;
    my $answer = join '', <$socket>;
    alarm 0;
    return $answer =~ /^Webhook-Reason: (\w+)/m ? $1 : ($answer =~ m{^HTTP/1\.1 (\d+)})[0];
}

subtest 'IPv6' => sub {
    if ($has_ipv6) {
        is outcome6('/loopback6'), 200, '::1 may';
        is outcome6('/all_ipv6'), 200, 'it is within ::/0';
        is outcome6('/other6'), 'ip_denied', 'another network is not its own';
        is outcome6('/all_ipv4'), 'ip_denied', 'nor is all of IPv4';
        is outcome6('/one'), 'ip_denied', 'nor an address of IPv4';
        is outcome6('/anywhere'), 200, 'without a list it may';
    } else {
        diag 'there is no ::1 here: IPv6 is only parsed';
        pass 'nginx took IPv6 addresses and networks';
    }
    denied('loopback6', '127.0.0.1');
};

subtest 'lists' => sub {
    for my $location (qw(list relative)) {
        allowed($location, '127.1.0.1', '127.1.1.0', '127.1.1.255', '127.1.2.1');
        denied($location, '127.1.0.2', '127.1.2.2', '127.0.0.1');
    }
    allowed('list_too', '127.30.0.1', '127.1.0.1');
    denied('list_too', '127.30.0.2');
};

subtest 'what providers publish' => sub {
    allowed('github', '127.2.0.1');
    denied('github', '127.3.0.1');
    allowed('stripe', '127.4.0.1', '127.4.0.2');
    denied('stripe', '127.4.0.3');
    allowed('svix', '127.5.0.1', '127.5.1.1');
    denied('svix', '127.5.2.1');
    allowed('svix_us', '127.5.0.1');
    denied('svix_us', '127.5.1.1');
    allowed('svix_any', '127.5.0.1', '127.5.1.1');
    allowed('regions', '127.6.0.1', '127.6.0.2');
    denied('regions', '127.6.0.3');
    allowed('items', '127.7.0.1', '127.7.1.1');
    denied('items', '127.7.2.1');
    allowed('item', '127.7.1.1');
    denied('item', '127.7.0.1');
    allowed('nested', '127.8.0.1', '127.8.0.2');
    denied('nested', '127.8.0.3');
    allowed('plain', '127.9.0.1', '127.9.1.77');
    denied('plain', '127.9.0.2');
    allowed('escaped', '127.10.0.1');
};

sub log_lines ($pattern) { return scalar grep { /$pattern/ } split /\n/, $nginx->error_log }

# Every look sends a delivery, since that is when the file is looked at.
sub comes_to_be ($wanted, $location, $source, $what) {
    wait_for(sub { sleep 0.1; outcome(uri => "/$location", from => $source) eq $wanted }, $PATIENCE, $what);
    is outcome(uri => "/$location", from => $source), $wanted, $what;
}

# Asks until the log tells of each of the `told`. `rows`: [location, who may, who may not].
sub stays ($what, $told, @rows) {
    my %wrong;
    wait_for(sub {
        for my $row (@rows) {
            my ($location, @sources) = @$row;
            my $outcomes = join ' ', map { outcome(uri => "/$location", from => $_) } @sources;
            $wrong{"$location: $outcomes"}++ if $outcomes ne '200 ip_denied';
        }
        return !grep { !log_lines($_) } @$told;
    }, $PATIENCE, "$what: the log says so");
    is_deeply [ sort keys %wrong ], [], $what;
    is log_lines($_), 1, "the log says once: $_" for @$told;
}

my $changing = directory() . '/changing.txt';

# In place: the inode stays, and for a moment the file is empty.
sub overwrite ($path, $text) {
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
}

subtest 'changed files' => sub {
    allowed($_, '127.20.0.1') for qw(changing json shared shared_2);
    is log_lines('took up'), 0, 'files that did not change are not taken up';
    my $head = join '', "POST /changing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", length $BODY, "\r\n";
    my @signed = github_headers($SECRET, $BODY);
    while (my ($name, $value) = splice @signed, 0, 2) { $head .= "$name: $value\r\n" }
    my $slow = open_connection(from => '127.20.0.1');
    $slow->send("$head\r\n" . substr $BODY, 0, -1);

    write_file('changing.txt', "127.20.0.2\n");
    write_file('changing.json', '{"hooks":["127.20.0.2"]}');
    overwrite(directory() . '/shared.txt', "127.20.0.2\n");
    my $changed = time;
    comes_to_be(200, $_, '127.20.0.2', "$_: the new list counts") for qw(changing json shared shared_2);
    cmp_ok time - $changed, '>', 2.9, 'not while it may still be being written';
    denied($_, '127.20.0.1') for qw(changing json shared shared_2);
    allowed('shared_2', '127.30.0.1');
    $slow->send(substr $BODY, -1);
    is $slow->read_response->header('Webhook-Reason'), 'ip_denied', 'also for a body that took so long';
    is log_lines(qr/\[notice\] .*webhook_allow: took up the changed "\Q$changing\E"/), 1, 'and the log says so, once';
    is log_lines(qr/took up the changed ".*shared\.txt"/), 1, 'once for a file that two locations name';
};

subtest 'broken files' => sub {
    write_file('changing.txt', "127.20.0.1\n127.20.0.300\n");
    write_file('changing.json', '{"hooks":["127.20');
    overwrite(directory() . '/shared.txt', '');
    my $directory = quotemeta directory();
    my $line_2    = qr/line 2: invalid address "127\.20\.0\.300"/;
    stays(
        'the last good list stays',
        [
            qr/\[error\] .*webhook_allow: "$directory\/changing\.txt": $line_2.*the last good list stays/,
            qr/\[error\] .*"$directory\/changing\.json": not valid JSON; the last good list stays/,
            qr/\[error\] .*"$directory\/shared\.txt": no address in it; the last good list stays/,
        ],
        map { [ $_, '127.20.0.2', '127.20.0.1' ] } qw(changing json shared),
    );
};

subtest 'files that are mended' => sub {
    write_file('changing.txt', "127.20.0.3\n");
    comes_to_be(200, 'changing', '127.20.0.3', 'the mended list counts');
    denied('changing', '127.20.0.2');
};

subtest 'files that are gone' => sub {
    unlink $changing or die "$changing: $!";
    unlink directory() . '/changing.json';
    my $shared = directory() . '/shared.txt';
    unlink $shared;
    symlink 'shared.txt', $shared or die "$shared: $!";
    stays(
        'the last good list stays',
        [
            qr/\[error\] .*: cannot look at "\Q$changing\E", the last good list stays .*No such file/,
            qr/\[error\] .*webhook_allow: cannot look at "\Q$shared\E", the last good list stays/,
        ],
        [ 'changing', '127.20.0.3', '127.20.0.2' ],
        (map { [ $_, '127.20.0.2', '127.20.0.1' ] } qw(json shared)),
    );
    write_file('changing.txt', "127.20.0.4\n");
    comes_to_be(200, 'changing', '127.20.0.4', 'a file that is back counts');
    denied('changing', '127.20.0.3');
};

subtest 'a file that the workers may not read' => sub {
    write_file('changing.txt', "127.20.0.5\n", 0);
    # A master of root starts them as nobody.
    stays(
        'the last good list stays',
        [qr/\[error\] .*: cannot read "\Q$changing\E": Permission denied; the last good list stays/],
        [ 'changing', '127.20.0.4', '127.20.0.5' ],
    );
    chmod 0644, $changing;
    comes_to_be(200, 'changing', '127.20.0.5', 'it counts when they may');
};

subtest 'a file that is replaced again and again' => sub {
    my $end   = time + 1.5;
    my $right = 1;
    my $turn  = 0;
    while (time < $end) {
        write_file('changing.txt', join '', map { "$_\n" } '127.20.0.6', ('127.21.0.1') x ($turn++ % 50));
        $right &&= outcome(uri => '/changing', from => '127.99.0.1') eq 'ip_denied';
    }
    ok $right, 'lets in nobody who is in no version';
    comes_to_be(200, 'changing', '127.20.0.6', 'the last version counts in the end');
};

my $growing = directory() . '/growing.txt';

# In place, as a writer does that is slow.
sub append ($text) {
    open my $file, '>>', $growing or die "$growing: $!";
    print {$file} $text;
    close $file or die "$growing: $!";
}

subtest 'a list that is being written in place' => sub {
    my $refused = qr/\[error\] .*webhook_allow: "\Q$growing\E": line 2: /;
    my @old     = ('growing', '127.20.0.1', '127.99.0.1');
    overwrite($growing, "127.20.0.9\n127.200.0.64/2");
    stays('a line without an end is none', [qr/${refused}the last line has no end/], \@old);
    append("\n");
    stays('a network with host bits is none', [qr/${refused}the network "127\.200\.0\.64\/2" has bits set/], \@old);
    overwrite($growing, "127.20.0.9\n127.200.0.64/26\n");
    comes_to_be(200, 'growing', '127.20.0.9', 'the whole list counts');
    allowed('growing', '127.200.0.127');
    denied('growing', '127.20.0.1', '127.99.0.1');
};

# Writes a list line by line, for longer than a file has to rest. Returns whether every line came in time.
sub write_slowly () {
    my ($last, $in_time) = (time, 1);
    overwrite($growing, '');
    for my $number (1 .. 5) {
        append("127.20.1.$number\n");
        $in_time &&= time - $last < 2.9;
        $last = time;
        sleep 1.8;
        outcome(uri => '/growing', from => '127.20.1.1');
    }
    return $in_time;
}

subtest 'a list that grows' => sub {
    my $taken = sub { log_lines(qr/took up the changed "\Q$growing\E"/) };
    my ($before, $in_time);
    for (1 .. 10) {
        $before = $taken->();
        last if $in_time = write_slowly();
    }
    ok $in_time, 'it was written without a rest';
    comes_to_be(200, 'growing', '127.20.1.5', 'it counts when it is whole');
    is $taken->() - $before, 1, 'and not before';
};

finish();
