# An answer from nginx's cache means that no upstream got the delivery: the sender is told to come again.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Deliveries qw(delivery);

my $backend = start_backend();

my $http = <<'CONF';
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
proxy_cache_path   %%DIR%%/cache keys_zone=answers:1m;

server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    webhook           github;
    webhook_methods   GET POST;
    proxy_cache       answers;
    proxy_cache_key   $uri;
    proxy_cache_valid any 1m;

    location /plain      { proxy_pass http://%%BACKEND%%; }
    location /remembered { webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; proxy_cache_bypass $http_x_bypass; }
    location /posts      { proxy_cache_methods POST; proxy_pass http://%%BACKEND%%; }
    location /watched    { webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
    location /told       { webhook_response cached 429; proxy_pass http://%%BACKEND%%; }
    location /paged      { error_page 503 =200 /page; proxy_pass http://%%BACKEND%%; }
    location /page       { webhook off; proxy_pass http://%%BACKEND%%; }
    location /updating   {
        proxy_cache_valid 200 1s;
        proxy_cache_use_stale updating;
        proxy_cache_background_update on;
        proxy_pass http://%%BACKEND%%;
    }
    location /accel   { proxy_cache off; proxy_pass http://%%BACKEND%%; }
    location /fetched { webhook off; proxy_pass http://%%BACKEND%%; }
    location /uncached { proxy_cache off; proxy_pass http://%%BACKEND%%; }
}
CONF
my $nginx = start_nginx(http => $http);

sub get ($uri, %options) { return send_request(delivery(unique_id(), uri => $uri, method => 'GET', body => '', %options)) }
sub told ($response) { return [ $response->{status}, $response->header('Webhook-Reason'), $response->header('Retry-After'), $response->{body} ] }

my $undelivered = [ 503, 'cached', 1, '' ];

subtest 'no upstream got it' => sub {
    for my $uri (qw(/plain /remembered /paged)) {
        $backend->clear->behave;
        is get($uri)->{body}, "ok\n", "$uri: fills the cache";
        is_deeply told(get($uri)), $undelivered, "$uri: another event" for 1, 2;
        is $backend->count, 1, "$uri: the upstream got one";
    }
    like $nginx->error_log, qr/webhook rejected: cached/, 'the log tells';

    $backend->clear;
    my $post = sub { send_request(delivery(unique_id(), uri => '/posts')) };
    is $post->()->{body}, "ok\n", 'POST: fills the cache';
    is_deeply told($post->()), $undelivered, 'POST: another event';
    my $h2 = send_h2(delivery(unique_id(), uri => '/plain', method => 'GET', body => ''));
    is_deeply [ $h2->{status}, $h2->header('Webhook-Reason') ], [ 503, 'cached' ], 'HTTP/2';
};

subtest 'the event is not remembered' => sub {
    $backend->clear->behave;
    my @event = delivery(unique_id(), uri => '/remembered', method => 'GET', body => '');
    is_deeply told(send_request(@event)), $undelivered, 'from the cache';
    push @{ {@event}->{headers} }, 'X-Bypass' => 1;
    is send_request(@event)->{body}, "ok\n", 'its retry reaches the upstream';
    is send_request(@event)->header('Webhook-Reason'), 'duplicate', 'once';
};

subtest 'the connection is good for the next' => sub {
    my $connection = open_connection();
    is_deeply told($connection->request(delivery(unique_id(), uri => '/plain', method => 'GET', body => ''))), $undelivered, 'from the cache';
    is $connection->request(delivery(unique_id(), uri => '/uncached'))->{body}, "ok\n", 'the next';
    $connection->close;
};

subtest 'a stale answer while nginx asks in the background' => sub {
    $backend->clear->behave;
    is get('/updating')->{body}, "ok\n", 'fills the cache';
    sleep 2.1;
    is_deeply told(get('/updating')), $undelivered, 'whatever the background brings';
    wait_for(sub { $backend->count == 2 }, 3, 'the background');
};

subtest 'another status, and no page' => sub {
    get('/told');
    is_deeply told(get('/told')), [ 429, 'cached', 1, '' ], 'webhook_response';
};

subtest 'monitor lets it pass' => sub {
    get('/watched');
    my $response = get('/watched');
    is_deeply [ $response->{status}, $response->{body} ], [ 200, "ok\n" ], 'from the cache';
    like $nginx->error_log, qr/webhook monitored: cached/, 'the log tells';
};

subtest 'what an upstream accepted may be answered from a cache' => sub {
    $backend->behave;
    get('/fetched');
    $backend->clear->behave(headers => [ 'X-Accel-Redirect' => '/fetched' ]);
    is send_request(delivery(unique_id(), uri => '/accel'))->{body}, "ok\n", 'by X-Accel-Redirect' for 1, 2;
    is $backend->count, 2, 'after the upstream got it';
};

subtest 'nginx -t' => sub {
    my $warnings = sub ($location) {
        my ($code, $output) = config_test(http => <<"CONF");
proxy_cache_path   %%DIR%%/other keys_zone=answers:1m;
fastcgi_cache_path %%DIR%%/third keys_zone=third:1m;
server {
    listen %%ADDR%%:8080;
    location / {
        webhook github name=one;
        webhook_secret "a secret of the tests";
        $location
    }
}
CONF
        is $code, 0, 'is a warning only';
        return [ $output =~ /\[warn\].*endpoint "one" may come from a cache.*http\.conf:\d+$/m ? $output =~ /http\.conf:(\d+)$/mg : () ];
    };
    is_deeply $warnings->('webhook_methods GET POST; proxy_cache answers; proxy_pass http://127.0.0.1:1;'), [6], 'GET';
    is_deeply $warnings->('webhook_methods GET POST; fastcgi_cache third; fastcgi_cache_key a; fastcgi_pass 127.0.0.1:1;'), [6], 'FastCGI';
    is_deeply $warnings->('proxy_cache answers; proxy_cache_methods POST; proxy_pass http://127.0.0.1:1;'), [6], 'POST';
    is_deeply $warnings->('proxy_cache answers; proxy_pass http://127.0.0.1:1;'), [], 'POST is not cached';
    is_deeply $warnings->('webhook_methods GET; proxy_cache answers; fastcgi_pass 127.0.0.1:1;'), [], 'the cache of another module';
    is_deeply $warnings->('webhook_methods GET; proxy_cache off; proxy_pass http://127.0.0.1:1;'), [], 'off';
    is_deeply $warnings->("webhook_methods GET; proxy_cache answers; proxy_cache_bypass $_; proxy_pass http://127.0.0.1:1;"), [],
        "never asked: $_" for '1', '$http_x 1';
    is_deeply $warnings->("webhook_methods GET; proxy_cache answers; proxy_cache_bypass $_; proxy_pass http://127.0.0.1:1;"), [6],
        "not always bypassed: $_" for '0', '$http_x';
};

finish();
