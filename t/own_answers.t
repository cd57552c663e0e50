# What the gate says itself leaves as it is: neither compressed nor in chunks.

use Webhook::Test;

use Webhook::Deliveries qw(delivery);

my $backend   = start_backend();
my $challenge = 'c' x 400;

start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
gzip               on;
gzip_types         *;
gzip_min_length    1;
gzip_http_version  1.0;
gzip_proxied       any;

server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    webhook github;
    location /handshake { webhook slack; webhook_handshake on; proxy_pass http://%%BACKEND%%; }
    location /told      {
        webhook_dedup zone=events;
        webhook_response bad_signature 403 "this signature is not right, not right, not right at all";
        webhook_response duplicate     200 "this was delivered, was delivered, was delivered before";
        webhook_response method        405 "this is no delivery, no delivery, no delivery at all";
        proxy_pass http://%%BACKEND%%;
    }
    location /zipped { proxy_pass http://%%BACKEND%%; }
}
CONF

sub is_plain ($response, $body, $what, $length = length $body) {
    is $response->{body}, $body, "$what: text";
    is $response->header($_), undef, "$what: no $_" for qw(Content-Encoding Transfer-Encoding);
    is $response->header('Content-Length'), $length, "$what: Content-Length";
}

my @zips = ('Accept-Encoding' => 'gzip, br, zstd, deflate');

sub handshake () {
    my $body = qq({"type":"url_verification","challenge":"$challenge"});
    return (uri => '/handshake', body => $body, headers => [ slack_headers('a secret of the tests', $body), @zips ]);
}

$backend->behave(body => 'z' x 400);
is send_request(delivery(unique_id(), uri => '/zipped', headers => [@zips]))->header('Content-Encoding'), 'gzip', "the upstream's are compressed";

is_plain(send_request(handshake()), $challenge, 'handshake');
is_plain(send_request(handshake(), version => '1.0'), $challenge, 'handshake, HTTP/1.0');
is_plain(send_h2(handshake()), $challenge, 'handshake, HTTP/2');
is_plain(send_request(delivery('a', uri => '/told', secret => 'wrong', headers => [@zips])),
    'this signature is not right, not right, not right at all', 'a refusal');
my @event = delivery(unique_id(), uri => '/told', headers => [@zips]);
send_request(@event);
is_plain(send_request(@event), 'this was delivered, was delivered, was delivered before', 'a duplicate');
is_plain(send_h2(@event), 'this was delivered, was delivered, was delivered before', 'a duplicate, HTTP/2');
is_plain(send_request(uri => '/told', method => 'GET', headers => [@zips]), 'this is no delivery, no delivery, no delivery at all', 'GET');
is_plain(send_request(uri => '/told', method => 'HEAD', headers => [@zips]), '', 'HEAD', 52);

finish();
