# Bodies that are signed before they are compressed: verified and read as they were, handed on as they came.

use Webhook::Test;

use Compress::Zlib ();
use Digest::SHA qw(hmac_sha256_hex sha256_hex);

my $SECRET = 'a-secret-of-the-streams-0123456789';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:1m;
client_max_body_size 8m;
webhook_scheme stream { like github; body decoded; event_id json=/id; event_type json=/type; }
webhook_scheme bodies { like github; body decoded; }
webhook_scheme routes { like mailgun-routes; body decoded; }
server {
    listen %%ADDR%%:8080;
    webhook_secret $SECRET;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Sha256 \$webhook_body_sha256;
    location /stream { webhook stream; proxy_pass http://%%BACKEND%%; }
    location /plain_stream { webhook bodies; proxy_pass http://%%BACKEND%%; }
    location /disk   { webhook stream; client_body_buffer_size 1k; proxy_pass http://%%BACKEND%%; }
    location /large  { webhook stream; webhook_payload_max 6m; proxy_pass http://%%BACKEND%%; }
    location /bodies { webhook stream; webhook_dedup zone=events key=\$webhook_body_sha256; proxy_pass http://%%BACKEND%%; }
    location /form   { webhook routes; proxy_pass http://%%BACKEND%%; }
    location /plain  { webhook github; proxy_pass http://%%BACKEND%%; }
    location /inside { webhook stripe; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
}
CONF

my $JSON = '{"id":"evt_1","type":"ping","text":"' . 'abcdefgh' x 500 . '"}';

sub gzip ($text) { return Compress::Zlib::memGzip($text) }
sub zlib ($text) { return Compress::Zlib::compress($text) }

sub raw_deflate ($text) {
    my $stream = Compress::Zlib::deflateInit(-WindowBits => -Compress::Zlib::MAX_WBITS());
    return join '', map { ($stream->$_(($text) x ($_ eq 'deflate')))[0] } qw(deflate flush);
}

sub post ($uri, $signed, $body, @headers) {
    $backend->clear;
    return send_request(uri => $uri, body => $body, headers => [
        'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($signed, $SECRET),
        'X-GitHub-Delivery' => 'd', 'X-GitHub-Event' => 'push', @headers,
    ]);
}

sub encoded ($name) { return 'Content-Encoding' => $name }

sub is_accepted ($what, $response, $body) {
    my @requests = $backend->requests;
    is_deeply [ $response->{status}, scalar @requests ], [ 200, 1 ], "$what: accepted"
        or diag $response->header('Webhook-Reason') // 'no reason';
    ok defined $requests[0]{body} && $requests[0]{body} eq $body, "$what: handed on as it came";
    return $requests[0]{headers} // {};
}

sub is_refused ($what, $response, $expected) {
    is join(' ', $response->{status}, $response->header('Webhook-Reason') // ''), $expected, "$what: $expected";
    is $backend->count, 0, "$what: nothing reaches the backend";
}

my %CODING = (gzip => \&gzip, 'x-gzip' => \&gzip, GZIP => \&gzip, deflate => \&zlib, identity => sub ($text) { return $text });

for my $name (sort keys %CODING) {
    for my $uri (qw(/stream /disk)) {
        my $body = $CODING{$name}->($JSON);
        my $seen = is_accepted("$uri: $name", post($uri, $JSON, $body, encoded($name)), $body);
        is $seen->{'content-encoding'}, $name, 'with its header';
        is $seen->{'x-seen-id'}, 'evt_1', 'its id was read';
        is $seen->{'x-seen-sha256'}, sha256_hex($JSON), 'the hash is of what was signed';
        is_refused("$uri: $name of another text", post($uri, $JSON, $CODING{$name}->("$JSON "), encoded($name)), '401 bad_signature');
    }
}
is_accepted('as it is', post('/stream', $JSON, $JSON), $JSON);
is_accepted("the list '$_'", post('/stream', $JSON, gzip($JSON), encoded($_)), gzip($JSON)) for 'gzip, identity', 'identity ,gzip';
is_accepted('an empty list', post('/stream', $JSON, $JSON, encoded('')), $JSON);

subtest 'what is no whole stream' => sub {
    my $gzip   = gzip($JSON);
    my %stream = (
        'cut short'            => substr($gzip, 0, -1),
        'without its checksum' => substr($gzip, 0, -8),
        'half of it'           => substr($gzip, 0, length($gzip) / 2),
        'something behind it'  => "$gzip\0",
        'another one behind it' => $gzip . gzip(''),
        'the same again'       => $gzip x 2,
        'something before it'  => " $gzip",
        'not compressed'       => $JSON,
        'compressed twice'     => gzip($gzip),
        'zlib'                 => zlib($JSON),
        'raw'                  => raw_deflate($JSON),
        'a checksum that is wrong' => substr($gzip, 0, -8) . 'abcd' . substr($gzip, -4),
        'a length that is wrong'   => substr($gzip, 0, -4) . 'abcd',
    );
    for my $what (sort keys %stream) {
        my $expected = $what eq 'compressed twice' ? '401 bad_signature' : '400 invalid_payload';
        is_refused("$_: $what", post($_, $JSON, $stream{$what}, encoded('gzip')), $expected) for qw(/stream /disk);
    }
    is_refused('gzip said to be deflate', post('/stream', $JSON, $gzip, encoded('deflate')), '400 invalid_payload');
    is_refused('raw deflate', post('/stream', $JSON, raw_deflate($JSON), encoded('deflate')), '400 invalid_payload');
};

subtest 'what is not undone' => sub {
    my $gzip = gzip($JSON);
    is_refused($_, post('/stream', $JSON, $gzip, encoded($_)), '400 invalid_payload')
        for 'br', 'zstd', 'compress', 'gzip, gzip', 'gzip,br', 'gzip;q=1', 'gzipx';
    is_refused('two headers', post('/stream', $JSON, $gzip, encoded('gzip'), encoded('identity')), '401 malformed_header');
};

subtest 'an empty body' => sub {
    for my $coding (qw(gzip deflate identity)) {
        is_accepted($coding, post('/plain_stream', '', '', encoded($coding)), '');
        is_refused("$coding, with the signature of a text", post('/plain_stream', $JSON, '', encoded($coding)), '401 bad_signature');
    }
};

# A kilobyte could become a gigabyte.
subtest 'bombs' => sub {
    my $text = 'a' x (4 * 1024 * 1024);
    my $bomb = gzip($text);
    cmp_ok length $bomb, '<', 8192, 'the bomb is small';
    is_refused('beyond webhook_payload_max', post('/stream', $text, $bomb, encoded('gzip')), '400 invalid_payload');
    is_accepted('within it', post('/large', $text, $bomb, encoded('gzip')), $bomb);
    my $limit = 1024 * 1024;
    my $most  = 'b' x $limit;
    is_accepted('as much as there may be', post('/stream', $most, gzip($most), encoded('gzip')), gzip($most));
    is_refused('one byte more', post('/stream', $most . 'b', gzip("${most}b"), encoded('gzip')), '400 invalid_payload');
};

# The header of a gzip stream and its level can be changed by anybody.
subtest 'compressed in another way, it is the same event' => sub {
    my $one   = gzip($JSON);
    my $other = $one;
    substr $other, 4, 4, "\1\2\3\4";    # the time of the file
    is_accepted('the first', post('/bodies', $JSON, $one, encoded('gzip')), $one);
    for my $body ($one, $other, zlib($JSON), $JSON) {
        my $name = $body eq $JSON ? 'identity' : substr($body, 0, 2) eq "\x1f\x8b" ? 'gzip' : 'deflate';
        is post('/bodies', $JSON, $body, encoded($name))->header('Webhook-Reason'), 'duplicate', $name;
        is $backend->count, 0, 'nothing reaches the backend';
    }
};

subtest 'a form' => sub {
    my $time = time;
    my $form = "timestamp=$time&token=abc&signature=" . hmac_sha256_hex("${time}abc", $SECRET);
    my $gzip = gzip($form);
    is_accepted('compressed', post('/form', '', $gzip, encoded('gzip'), 'Content-Type' => 'application/x-www-form-urlencoded'), $gzip);
};

subtest 'without the option, the log names the encoding' => sub {
    my $log = sub ($send) {
        my $before = length $nginx->error_log;
        $send->();
        return substr $nginx->error_log, $before;
    };
    my $gzip = gzip($JSON);
    like $log->(sub { is_refused('signed before', post('/plain', $JSON, $gzip, encoded('gzip')), '401 bad_signature') }),
        qr/bad_signature.*"gzip"/, 'where the signature is wrong';
    my $time = time;
    my $sent = sub {
        $backend->clear;
        my $response = send_request(uri => '/inside', body => $gzip, headers => [ encoded('gzip'),
            'Stripe-Signature' => "t=$time,v1=" . hmac_sha256_hex("$time.$gzip", $SECRET) ]);
        is_refused('signed after, the id within', $response, '400 invalid_payload');
    };
    like $log->($sent), qr/invalid_payload.*"gzip"/, 'where the payload cannot be read';
    like $log->(sub { post('/stream', $JSON, "$gzip\0", encoded('gzip')) }), qr/not as its Content-Encoding says/, 'where it is no stream';
};

finish();
