# A shortage of memory is nobody's fault but ours: 500, and the sender comes again.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);

plan skip_all => 'a sanitizer needs all the room that there is' if $ENV{WEBHOOK_PRELOAD};
plan skip_all => 'there is no prlimit'                          if system('prlimit --version >/dev/null 2>&1');

my $SECRET = 'a-secret-of-enough-length';
my $MB     = 1024 * 1024;

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:1m;
webhook_scheme acme {
    algorithm hmac-sha256;
    signed    "{body}";
    signature header=X-Signature;
    event_id  json=/id;
}
server {
    listen %%ADDR%%:8080;
    client_max_body_size 64m;
    webhook_payload_max 64m;
    webhook acme;
    webhook_secret $SECRET;
    webhook_dedup zone=events;
    proxy_request_buffering on;
    location / { proxy_pass http://%%BACKEND%%; }
}
CONF

# Of this process and those that it starts from now on, in bytes.
sub limit ($bytes) {
    is system('prlimit', '--pid', $$, "--as=$bytes:"), 0, "$bytes of memory";
    $nginx->stop;
    $nginx->start;
}

sub deliver ($id, $size) {
    my $body = qq({"id":"$id","more":[") . 'x' x $size . '"]}';
    return send_request(body => $body, headers => [ 'X-Signature' => hmac_sha256_hex($body, $SECRET) ]);
}

is deliver('before', 20 * $MB)->{status}, 200, 'a large body is read';
limit(200 * $MB);
my $response = deliver('large', 20 * $MB);
is $response->{status}, 500, 'not where there is no memory for it';
is $response->header('Webhook-Reason'), 'internal', 'which is not the sender\'s fault';
like $nginx->error_log, qr/\[crit\] .*webhook: internal fault: std::bad_alloc/, 'and is told of';
is deliver('small', 100)->{status}, 200, 'a small one is read none the less';
limit('unlimited');
is deliver('large', 20 * $MB)->{status}, 200, 'as is the large one when it comes again';
is $backend->count, 3, 'nothing else was delivered';

finish();
