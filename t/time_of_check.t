# A client decides how long its body takes, and an upstream how long a twin waits: a delivery is judged
# by the time at which it would go on, not by the one at which its headers came.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(delivery start_delivery);

my $SECRET = 'a secret of the tests';
# Of the window, of a token and of a secret.
my $SECONDS = 2;

my $ends    = int(time) + 1 + $SECONDS;
my $expiry  = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $ends);
my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:1m;
webhook_scheme timed_github {
    algorithm  hmac-sha256;
    signed     "{body}{timestamp}";
    signature  header=X-Hub-Signature-256 prefix=sha256=;
    timestamp  header=X-Time unit=s;
    event_id   header=X-GitHub-Delivery;
}
server {
    listen %%ADDR%%:8080;
    webhook_secret "$SECRET";
    webhook_tolerance ${SECONDS}s;
    location /header  { webhook slack; proxy_pass http://%%BACKEND%%; }
    location /item    { webhook stripe; proxy_pass http://%%BACKEND%%; }
    location /body    { webhook linear; proxy_pass http://%%BACKEND%%; }
    location /token   { webhook vonage; proxy_pass http://%%BACKEND%%; }
    location /asked   { webhook slack; webhook_handshake on; proxy_pass http://%%BACKEND%%; }
    location /none    { webhook github; webhook_secret "$SECRET" not_after=$expiry; proxy_pass http://%%BACKEND%%; }
    location /one     { webhook github; webhook_secret "$SECRET" not_after=$expiry; webhook_secret "another one";
                        proxy_pass http://%%BACKEND%%; }
    location /shown   { webhook bearer; webhook_secret "$SECRET" not_after=$expiry; proxy_pass http://%%BACKEND%%; }
    location /monitor { webhook stripe; webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
    location /wait    { webhook timed_github; webhook_dedup zone=events wait=20s; proxy_pass http://%%BACKEND%%; }
}
CONF

sub base64url ($bytes) { return encode_base64($bytes, '') =~ tr{+/}{-_}r =~ s/=//gr }

sub token ($body, $time) {
    my $claims = sprintf '{"exp":%d,"payload_hash":"%s"}', $time + $SECONDS, sha256_hex($body);
    my $text = base64url('{"alg":"HS256","typ":"JWT"}') . '.' . base64url($claims);
    return "$text." . base64url(Digest::SHA::hmac_sha256($text, $SECRET));
}

my %headers = (
    header => sub ($body, $time) { slack_headers($SECRET, $body, timestamp => $time) },
    item   => sub ($body, $time) { stripe_headers($SECRET, $body, timestamp => $time) },
    body   => sub ($body, $time) {
        ('Linear-Signature' => hmac_sha256_hex($body, $SECRET), 'Linear-Delivery' => unique_id());
    },
    token   => sub ($body, $time) { (Authorization => 'Bearer ' . token($body, $time)) },
    none    => sub ($body, $time) { github_headers($SECRET, $body) },
    shown   => sub ($body, $time) { (Authorization => "Bearer $SECRET") },
);
$headers{asked}   = $headers{header};
$headers{one}     = $headers{none};
$headers{monitor} = $headers{item};

# A request whose body lacks its last byte.
sub begin ($name, $body, $time) {
    my $connection = open_connection();
    my $head = join '', "POST /$name HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
        'Content-Length: ', length $body, "\r\n";
    my @headers = $headers{$name}->($body, $time);
    while (my ($header, $value) = splice @headers, 0, 2) { $head .= "$header: $value\r\n" }
    $connection->send("$head\r\n" . substr $body, 0, -1);
    return sub {
        $connection->send(substr $body, -1);
        my $response = $connection->read_response;
        return $response->header('Webhook-Reason') // $response->{status};
    };
}

# Time itself is what is tested: it has to pass.
sub wait_until ($time) { sleep 0.05 while time < $time }

subtest 'a body that takes long' => sub {
    my $time   = int time;
    my %reason = (
        header => 'stale_timestamp', item => 'stale_timestamp', body => 'stale_timestamp', token => 'stale_timestamp',
        asked => 'stale_timestamp', monitor => 200, none => 'no_secret', one => 'bad_signature', shown => 'no_secret',
    );
    my $body_of = sub ($name) {
        return $name eq 'asked' ? '{"type":"url_verification","challenge":"x"}'
            : sprintf '{"id":"evt_1","webhookTimestamp":%d}', $time * 1000;
    };
    my %at_once = map { $_ => begin($_, $body_of->($_), $time)->() } sort keys %reason;
    is $at_once{$_}, $_ eq 'asked' ? 'handshake' : 200, "$_: in time" for sort keys %reason;
    $backend->clear;
    my %late = map { $_ => begin($_, $body_of->($_), $time) } sort keys %reason;
    wait_until($time + $SECONDS + 1.1);
    wait_until($ends + 0.1);
    is $late{$_}->(), $reason{$_}, "$_: too late" for sort keys %reason;
    is_deeply [ map { $_->{uri} } $backend->requests ], ['/monitor'], 'only what is monitored came through';
};

subtest 'a twin that takes long' => sub {
    for my $status (500, 200) {
        $backend->clear->behave([ { hold => 1, status => $status }, { status => 201 } ]);
        my $id   = unique_id('event');
        my $time = int time;
        my %request = delivery($id, uri => '/wait', headers => [ 'X-Time' => $time ], override => {
            'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex("{}$time", $SECRET),
        });
        my $first = start_request(%request);
        wait_for(sub { $backend->count }, 5, 'the first is with the upstream');
        my $twin = start_request(%request);
        wait_until($time + $SECONDS + 1.1);
        ok !$twin->answered, 'the twin waits';
        $backend->let_go;
        is $first->finish->{status}, $status, "the first is answered $status";
        my $expected = $status == 200 ? 'duplicate' : 'stale_timestamp';
        is $twin->finish->header('Webhook-Reason'), $expected, "the twin: $expected";
        is $backend->count, 1, 'it never comes to the upstream';
        my $again = int time;
        my $retry = send_request(delivery($id, uri => '/wait', headers => [ 'X-Time' => $again ], override => {
            'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex("{}$again", $SECRET),
        }));
        is $retry->{status}, $status == 200 ? 200 : 201, 'a retry with a new time is delivered where the first failed';
        is $backend->count, $status == 200 ? 1 : 2, 'and only there';
    }
};

finish();
