# What can be refused before the body is read is refused before it: only the head is sent, and the
# answer must be there at once. Nor is such a sender asked to go on with 100.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);
use Time::HiRes qw(time);

my $SECRET  = 'secret-before-the-body-0123456789';
my $WHSEC   = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $ALLOWED = '127.0.0.7';

# Well below client_body_timeout, after which nginx would answer something else.
my $AT_ONCE = 2;

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
map \$http_x_tenant \$tenant_secret { known $SECRET; default ''; }
webhook_scheme strict {
    algorithm  hmac-sha256;
    signed     "{timestamp}.{header:X-Tenant}.{body}";
    signature  header=X-Signature split=, prefix=v1= encoding=hex;
    timestamp  header=X-Time unit=s tolerance=5m;
}
client_body_timeout 9s;
server {
    listen %%ADDR%%:8080;
    webhook strict;
    webhook_secret \$tenant_secret;
    location /       { proxy_pass http://%%BACKEND%%; }
    location /tls    { webhook_require_tls on; proxy_pass http://%%BACKEND%%; }
    location /source { webhook_allow $ALLOWED; proxy_pass http://%%BACKEND%%; }
    location /token  { webhook gitlab; webhook_secret $SECRET; proxy_pass http://%%BACKEND%%; }
    location /item   { webhook stripe; webhook_secret $SECRET; proxy_pass http://%%BACKEND%%; }
    location /id     { webhook standard-webhooks; webhook_secret $WHSEC; proxy_pass http://%%BACKEND%%; }
    location /unbuffered { proxy_request_buffering off; proxy_pass http://%%BACKEND%%; }
}
CONF

my $BODY = 'x' x 1000;

sub strict (%change) {
    my $time = $change{'X-Time'} // time =~ s/\..*//r;
    my %headers = (
        'X-Tenant' => 'known', 'X-Time' => $time,
        'X-Signature' => 'v1=' . hmac_sha256_hex("$time.known.$BODY", $SECRET),
        %change,
    );
    return map { $_ => $headers{$_} } grep { defined $headers{$_} } sort keys %headers;
}

sub head (%request) {
    my $head = sprintf "%s %s HTTP/1.1\r\nHost: localhost\r\n", $request{method} // 'POST', $request{uri} // '/';
    my @pairs = (@{ $request{headers} }, @{ $request{framing} }, $request{expect} ? (Expect => '100-continue') : ());
    while (my ($name, $value) = splice @pairs, 0, 2) { $head .= "$name: $value\r\n" }
    return "$head\r\n";
}

my @FRAMINGS = ([ 'Content-Length' => length $BODY ], [ 'Transfer-Encoding' => 'chunked' ]);

sub is_refused_by_the_head ($reason, $status, %request) {
    for my $framing (@FRAMINGS) {
        for my $expect (0, 1) {
            my $name       = "$framing->[0]" . ($expect ? ', Expect' : '');
            my $connection = open_connection(timeout => $AT_ONCE, from => $request{from});
            my $start      = time;
            $connection->send(head(%request, framing => $framing, expect => $expect));
            my $response = $connection->read_response;
            is $response->{status}, $status, "$name: status";
            is $response->header('Webhook-Reason'), $reason, "$name: reason";
            is $response->{continue}, 0, "$name: no 100";
            cmp_ok time - $start, '<', $AT_ONCE, "$name: at once";
            $connection->close;
        }
    }
    is $backend->count, 0, 'nothing reaches the backend';
}

my %refused = (
    'method' => [ method => 405, method => 'PUT', headers => [ strict() ] ],
    'TLS'    => [ insecure => 403, uri => '/tls', headers => [ strict() ] ],
    'source' => [ ip_denied => 403, uri => '/source', headers => [ strict() ] ],
    'no signature'        => [ missing_signature => 401, headers => [ strict('X-Signature' => undef) ] ],
    'malformed signature' => [ malformed_signature => 401, headers => [ strict('X-Signature' => 'v1=x') ] ],
    'repeated signature'  => [ malformed_signature => 401,
        headers => [ strict(), 'X-Signature' => 'v1=' . 'ab' x 32 ] ],
    'no timestamp'        => [ missing_timestamp => 401, headers => [ strict('X-Time' => undef) ] ],
    'malformed timestamp' => [ malformed_timestamp => 401, headers => [ strict('X-Time' => 'now') ] ],
    'stale'               => [ stale_timestamp => 401, headers => [ strict('X-Time' => int(time) - 400) ] ],
    'future'              => [ future_timestamp => 401, headers => [ strict('X-Time' => int(time) + 400) ] ],
    'no signed header'    => [ missing_header => 401, headers => [ strict('X-Tenant' => undef) ] ],
    'no secret'           => [ no_secret => 401, headers => [ strict('X-Tenant' => 'unknown') ] ],
    'no item'             => [ missing_timestamp => 401, uri => '/item',
        headers => [ 'Stripe-Signature' => 'v1=' . 'ab' x 32 ] ],
    'stale item'          => [ stale_timestamp => 401, uri => '/item',
        headers => [ stripe_headers($SECRET, $BODY, timestamp => int(time) - 400) ] ],
    'no id'               => [ missing_header => 401, uri => '/id',
        headers => [ standard_headers($WHSEC, $BODY, override => { 'webhook-id' => undef }) ] ],
    'wrong token'         => [ bad_signature => 401, uri => '/token', headers => [ gitlab_headers('wrong', $BODY) ] ],
    'unbuffered'          => [ missing_signature => 401, uri => '/unbuffered',
        headers => [ strict('X-Signature' => undef) ] ],
);

for my $name (sort keys %refused) {
    my ($reason, $status, %request) = @{ $refused{$name} };
    subtest $name => sub { is_refused_by_the_head($reason, $status, %request) };
}

subtest 'what is well so far has to send its body' => sub {
    my @good = (
        { headers => [ strict() ] },
        { headers => [ strict() ], uri => '/source', from => $ALLOWED },
        { headers => [ gitlab_headers($SECRET, $BODY) ], uri => '/token' },
        { headers => [ stripe_headers($SECRET, $BODY) ], uri => '/item' },
        { headers => [ standard_headers($WHSEC, $BODY) ], uri => '/id' },
    );
    for my $request (@good) {
        my $uri = $request->{uri} // '/';
        $backend->clear;
        my $connection = open_connection(from => $request->{from});
        $connection->send(head(%$request, framing => $FRAMINGS[0], expect => 1));
        like $connection->pending_input(2), qr{^HTTP/1.1 100 }, "$uri: is asked to go on";
        $connection->send(substr $BODY, 0, -1);
        unlike $connection->pending_input(0.05) =~ s{^HTTP/1.1 100 .*\r\n\r\n}{}r, qr/./,
            "$uri: no answer before the last byte";
        is $backend->count, 0, "$uri: nothing reaches the backend before it";
        $connection->send(substr $BODY, -1);
        is $connection->read_response->{status}, 200, "$uri: accepted";
        is_deeply [ map { $_->{body} } $backend->requests ], [$BODY], "$uri: the whole body";
        $connection->close;
    }
};

subtest 'a forged signature is found after the body' => sub {
    $backend->clear;
    my $connection = open_connection();
    $connection->send(head(headers => [ strict('X-Signature' => 'v1=' . 'ab' x 32) ], framing => $FRAMINGS[0]));
    is $connection->pending_input(0.05), '', 'not before it';
    $connection->send($BODY);
    is $connection->read_response->header('Webhook-Reason'), 'bad_signature', 'reason';
    is $backend->count, 0, 'nothing reaches the backend';
    $connection->close;
};

subtest 'the connection of a refused request is of use' => sub {
    my $connection = open_connection();
    my $refused = head(headers => [ strict('X-Signature' => undef) ], framing => $FRAMINGS[0]);
    $connection->send($refused);
    is $connection->read_response->{status}, 401, 'refused';
    $connection->send($BODY);
    my $response = $connection->request(headers => [ strict() ], body => $BODY);
    is $response->{status}, 200, 'its body is not taken for a request' or diag explain $response;
    is_deeply [ map { $_->{body} } $backend->requests ], [$BODY], 'with its own body';
    $connection->close;
};

finish();
