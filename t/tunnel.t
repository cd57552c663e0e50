# A delivery never becomes a tunnel, whatever the upstream answers.

use Webhook::Test;

use IO::Socket::INET;
use Time::HiRes qw(sleep);
use Webhook::Deliveries qw(delivery);
use Webhook::Process qw(fork_child);

my $backend = start_backend();
my $bytes   = directory() . '/tunnelled';

# Agrees to every upgrade, and notes what comes through.
my $listener = IO::Socket::INET->new(LocalAddr => address(), LocalPort => 9001, Listen => 16, ReuseAddr => 1) or die $@;
fork_child(sub {
    while (my $socket = $listener->accept) {
        next if fork;
        my $input = '';
        my $answered;
        while (sysread $socket, my $piece, 65_536) {
            $input .= $piece;
            if (!$answered && $input =~ s/^.*?\r\n\r\n//s) {
                $answered = 1;
                syswrite $socket, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello";
            }
            open my $file, '>>', $bytes or die "$bytes: $!";
            print {$file} $input if $answered;
            close $file;
            $input = '' if $answered;
        }
        exit 0;
    }
});
close $listener;

my $nginx = start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
proxy_cache_path   %%DIR%%/cache keys_zone=answers:1m;
proxy_http_version 1.1;
proxy_set_header   Upgrade    $http_upgrade;
proxy_set_header   Connection upgrade;

server {
    listen %%ADDR%%:8080;
    webhook       github;
    webhook_dedup zone=events;

    location /tunnel     { proxy_pass http://%%ADDR%%:9001; }
    location /unbuffered { proxy_buffering off; proxy_pass http://%%ADDR%%:9001; }
    location /cached     {
        proxy_cache answers;
        proxy_cache_methods POST;
        proxy_cache_valid any 1m;
        proxy_pass http://%%ADDR%%:9001;
    }
    location /paged      { error_page 502 = @other; proxy_pass http://%%ADDR%%:9001; }
    location @other      { webhook off; proxy_pass http://%%BACKEND%%; }
    location /watched    { webhook_mode monitor; proxy_pass http://%%ADDR%%:9001; }
    location /plain      { proxy_pass http://%%BACKEND%%; }
}
CONF

sub upgrade ($uri, %options) {
    my $id = delete $options{id} // unique_id();
    return delivery($id, uri => $uri, headers => [ Upgrade => 'websocket', Connection => 'Upgrade' ], %options);
}

sub came_through () { return -e $bytes ? slurp($bytes) : '' }

subtest 'an answer that would open a tunnel is no answer' => sub {
    for my $uri (qw(/tunnel /unbuffered /cached /paged)) {
        my $connection = open_connection();
        my $id         = unique_id();
        my $response   = $connection->request(upgrade($uri, id => $id));
        is_deeply [ $response->{status}, $response->header('Webhook-Reason'), $response->{body} ], [ 502, 'bad_answer', '' ], $uri;
        is $response->header('Upgrade'), undef, "$uri: nothing is upgraded";
        $connection->send("smuggled bytes\r\n\r\n");
        $connection->closed_within(1);
        $connection->close;
        is send_request(upgrade($uri, id => $id))->header('Webhook-Reason'), 'bad_answer', "$uri: the event is not remembered";
    }
    unlike came_through(), qr/smuggled/, 'nothing came through';
    like $nginx->error_log, qr/webhook rejected: bad_answer/, 'the log tells';
    is $backend->count, 0, 'and leads to no page';
};

subtest 'nor where nobody asked for one' => sub {
    my $response = send_request(delivery(unique_id(), uri => '/tunnel'));
    is_deeply [ $response->{status}, $response->header('Webhook-Reason') ], [ 502, 'bad_answer' ], 'refused';
};

subtest 'the connection is good for the next' => sub {
    my $connection = open_connection();
    is $connection->request(upgrade('/tunnel', headers => [ Upgrade => 'websocket' ]))->{status}, 502, 'refused';
    is $connection->request(delivery(unique_id(), uri => '/plain'))->{body}, "ok\n", 'the next';
    $connection->close;
};

subtest 'who asks for an upgrade is no less delivered' => sub {
    my $response = send_request(delivery(unique_id(), uri => '/plain', headers => [ Upgrade => 'h2c', 'HTTP2-Settings' => 'AAMAAABk' ]));
    is $response->{body}, "ok\n", 'by an upstream that ignores it';
};

subtest 'monitor lets it pass' => sub {
    my $connection = open_connection();
    is $connection->request(upgrade('/watched'))->{status}, 101, 'upgraded';
    $connection->send('watched bytes');
    wait_for(sub { came_through() =~ /watched bytes/ }, 3, 'came through');
    $connection->close;
    like $nginx->error_log, qr/webhook monitored: bad_answer/, 'the log tells';
};

finish();
