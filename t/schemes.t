# Schemes that a user defines: every algorithm, encoding and place that the language knows.

use Webhook::Fixtures;
use Webhook::Test;

use Compress::Zlib qw(crc32);
use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha384 hmac_sha512 sha256 sha256_hex);
use MIME::Base64 qw(decode_base64 encode_base64 encode_base64url);
use POSIX qw(strftime);

my $SECRET  = 'secret-of-the-schemes-0123456789';
my $KEY     = join '', map { chr } 0 .. 31;
my $BODY    = '{"id":"evt_1","type":"ping","nested":{"a/b":[10,{"~":"deep"}]},"number":42,"yes":true}';

my %HASH = (
    'hmac-sha1'   => \&hmac_sha1,   'hmac-sha256' => \&hmac_sha256,
    'hmac-sha384' => \&hmac_sha384, 'hmac-sha512' => \&hmac_sha512,
);
my %ENCODE = (
    hex       => sub ($bytes) { unpack 'H*', $bytes },
    base64    => sub ($bytes) { encode_base64($bytes, '') },
    base64url => sub ($bytes) { encode_base64url($bytes) },
);

# name => [ block, secret in the configuration, code that returns the headers of a valid delivery ]
my %SCHEME;

for my $algorithm (sort keys %HASH) {
    for my $encoding (sort keys %ENCODE) {
        $SCHEME{"$algorithm-$encoding"} = [
            "algorithm $algorithm; signed {body}; signature header=X-Sign encoding=$encoding;", $SECRET,
            sub ($body) { ('X-Sign' => $ENCODE{$encoding}->($HASH{$algorithm}->($body, $SECRET))) },
        ];
    }
}

my %KEY = (
    'base64'         => [ base64 => encode_base64($KEY, ''), $KEY ],
    'hex'            => [ hex => unpack('H*', $KEY), $KEY ],
    'hex-upper'      => [ hex => uc unpack('H*', $KEY), $KEY ],
    'whsec'          => [ whsec => 'whsec_' . encode_base64($KEY, ''), $KEY ],
    'whsec-v1'       => [ whsec => 'v1,whsec_' . encode_base64($KEY, ''), $KEY ],
    'whsec-bare'     => [ whsec => $SECRET, $SECRET ],
    'utf8'           => [ utf8 => encode_base64($KEY, ''), encode_base64($KEY, '') ],
    'utf8-umlaut'    => [ utf8 => "schl\xc3\xbcssel-schl\xc3\xbcssel-schl\xc3\xbcssel",
        "schl\xc3\xbcssel-schl\xc3\xbcssel-schl\xc3\xbcssel" ],
);
for my $name (sort keys %KEY) {
    my ($encoding, $configured, $key) = @{ $KEY{$name} };
    $SCHEME{"key-$name"} = [
        "algorithm hmac-sha256; key $encoding; signed {body}; signature header=X-Sign;", $configured,
        sub ($body) { ('X-Sign' => unpack 'H*', hmac_sha256($body, $key)) },
    ];
}

sub mac ($text) { return unpack 'H*', hmac_sha256($text, $SECRET) }

my $HMAC = 'algorithm hmac-sha256;';

%SCHEME = (%SCHEME,
    'prefix' => [ "$HMAC signed {body}; signature header=X-Sign prefix=mac:;", $SECRET,
        sub ($body) { ('X-Sign' => 'mac:' . mac($body)) } ],
    'split' => [ qq($HMAC signed {body}; signature header=X-Sign "split=; " prefix=v1=;), $SECRET,
        sub ($body) { ('X-Sign' => 'v0=abc; v1=' . 'ab' x 32 . '; v1=' . mac($body) . ';') } ],
    'split-without-prefix' => [ "$HMAC signed {body}; signature header=X-Sign split=|;", $SECRET,
        sub ($body) { ('X-Sign' => 'other|' . mac($body)) } ],
    'header-name-in-any-case' => [ "$HMAC signed {body}; signature header=x-SIGN;", $SECRET,
        sub ($body) { ('X-sign' => mac($body)) } ],
    'method' => [ "$HMAC signed {method}:{body}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac("POST:$body")) } ],
    'signed-header' => [ "$HMAC signed {header:X-Tenant}|{body}|{header:x-region}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac("acme|$body|eu"), 'X-Tenant' => 'acme', 'X-Region' => 'eu') } ],
    'body-first' => [ "$HMAC signed {body}{timestamp}; signature header=X-Sign; timestamp header=X-Time;", $SECRET,
        sub ($body) { my $time = time; ('X-Sign' => mac("$body$time"), 'X-Time' => $time) } ],
    'without-body' => [ "$HMAC signed {timestamp}; signature header=X-Sign; timestamp header=X-Time;", $SECRET,
        sub ($body) { my $time = time; ('X-Sign' => mac($time), 'X-Time' => $time) } ],
    'all' => [ qq($HMAC signed "{id} {timestamp} {method} {header:X-A} {body} end"; signature header=X-Sign;)
            . ' timestamp header=X-Time; event_id header=X-Id;', $SECRET,
        sub ($body) {
            my $time = time;
            ('X-Sign' => mac("ev-7 $time POST a,b $body end"), 'X-Time' => $time, 'X-Id' => 'ev-7', 'X-A' => 'a,b');
        } ],
    'token' => [ 'algorithm token; signature header=Authorization "prefix=Bearer ";', $SECRET,
        sub ($body) { (Authorization => "Bearer $SECRET") } ],
    'token-base64' => [ 'algorithm token; key base64; signature header=X-Token;',
        encode_base64('token-of-the-sender', ''),
        sub ($body) { ('X-Token' => 'token-of-the-sender') } ],
    'acme' => [ 'algorithm hmac-sha256; key whsec; signed "{id}.{timestamp}.{body}";'
            . ' signature header=Acme-Signature "split= " prefix=v1, encoding=base64;'
            . ' timestamp header=Acme-Timestamp unit=s tolerance=5m; event_id header=Acme-Id; event_type json=/type;',
        'whsec_' . encode_base64($KEY, ''),
        sub ($body) {
            my $time = time;
            ('Acme-Id' => 'a1', 'Acme-Timestamp' => $time,
             'Acme-Signature' => 'v1,' . encode_base64(hmac_sha256("a1.$time.$body", $KEY), ''));
        } ],
    'stripe-again' => [ 'algorithm hmac-sha256; signed {timestamp}.{body};'
            . ' signature header=Stripe-Signature split=, prefix=v1= encoding=hex;'
            . ' timestamp item=t= unit=s tolerance=5m; event_id json=/id; event_type json=/type;', $SECRET,
        sub ($body) { stripe_headers($SECRET, $body) } ],
);

# Public keys, in every form in which they can be written.
sub openssl (@arguments) {
    my $output = directory() . '/openssl.output';
    unlink $output;
    my $code = run_command(command => [ 'openssl', @arguments ], output => $output, timeout => 60);
    die "openssl @arguments: exit $code\n" . slurp($output) if $code;
    return slurp($output);
}

sub written_keys ($kind, $key) {
    my $pem = openssl(qw(pkey -pubout -in), $key);
    my $der = decode_base64($pem =~ s/-----[^-]+-----//gr);
    my $tail = sub ($size) { return map { encode_base64url($_) } unpack "(a32)$size", substr $der, -32 * $size };
    my %jwk = (
        ed25519 => sub { sprintf '{"kty":"OKP","crv":"Ed25519","x":"%s"}', $tail->(1) },
        ecdsa   => sub { sprintf '{"kty":"EC","crv":"P-256","use":"sig","x":"%s","y":"%s"}', $tail->(2) },
        rsa     => sub {
            my ($modulus) = openssl(qw(rsa -noout -modulus -in), $key) =~ /Modulus=(\w+)/;
            return sprintf '{"kty":"RSA","e":"AQAB","n":"%s"}', encode_base64url(pack 'H*', $modulus);
        },
    );
    my $point = substr $der, -32;
    return (
        pem  => 'file:' . write_file("$kind.pem", $pem, 0600),
        spki => encode_base64($der, ''),
        jwk  => 'file:' . write_file("$kind.jwk", $jwk{$kind}->(), 0600),
        $kind eq 'ed25519'
        ? (hex => unpack('H*', $point), base64 => encode_base64($point, ''), whpk => 'whpk_' . encode_base64($point, ''))
        : (),
    );
}

my %PUBLIC = (
    ed25519 => [ ed25519_secret('hex')->{key}, ed25519 => \&ed25519_signature ],
    ecdsa   => [ ec_secret('spki')->{key}, 'ecdsa-p256-sha256' => \&ecdsa_signature ],
    rsa     => [ rsa_secret('pem')->{key}, 'rsa-sha256' => sub ($key, $text) { rsa_signature('sha256', $key, $text) } ],
);
for my $kind (sort keys %PUBLIC) {
    my ($key, $algorithm, $sign) = @{ $PUBLIC{$kind} };
    my %written = written_keys($kind, $key);
    for my $form (sort keys %written) {
        $SCHEME{"$kind-$form"} = [
            "algorithm $algorithm; key $form; signed {id}.{body}; signature header=X-Sign encoding=base64; event_id header=X-Id;",
            $written{$form},
            sub ($body) { ('X-Id' => 'a1', 'X-Sign' => encode_base64($sign->($key, "a1.$body"), '')) },
        ];
    }
}
my $rsa = rsa_secret('certificate');
$SCHEME{'rsa-certificate'} = [
    'algorithm rsa-sha1; key pem; signed {body}{method}; signature header=X-Sign split=, prefix=v1= encoding=hex;', $rsa->{written},
    sub ($body) { ('X-Sign' => 'v0=00,v1=' . unpack 'H*', rsa_signature('sha1', $rsa->{key}, "${body}POST")) },
];

%SCHEME = (%SCHEME,
    'user-and-password' => [ 'algorithm basic; signature header=Authorization "prefix=Basic ";', 'user:pass:word',
        sub ($body) { (Authorization => 'Basic ' . encode_base64('user:pass:word', '')) } ],
    'hash' => [ 'algorithm sha256; signed {body}{secret}; signature header=X-Sign;', $SECRET,
        sub ($body) { ('X-Sign' => sha256_hex("$body$SECRET")) } ],
    'hash-of-hex' => [ 'algorithm sha256; key hex; signed {secret}{body}; signature header=X-Sign encoding=base64;',
        unpack('H*', $KEY), sub ($body) { ('X-Sign' => encode_base64(sha256("$KEY$body"), '')) } ],
    'secret-id' => [ "$HMAC signed {secret_id}|{body}; signature header=X-Sign;", qq($SECRET" "id=the id),
        sub ($body) { ('X-Sign' => mac("the id|$body")) } ],
    'sha256-of-body' => [ "$HMAC signed {sha256:body}|{method}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac(sha256_hex($body) . '|POST')) } ],
    'sha256-and-body' => [ "$HMAC signed {sha256:body}.{body}.{sha256:body}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac(join '.', sha256_hex($body), $body, sha256_hex($body))) } ],
    'crc32-of-body' => [ "$HMAC signed {crc32:body}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac(crc32($body))) } ],
    'crc32-and-body' => [ "$HMAC signed {body}{crc32:body}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac($body . crc32($body))) } ],
    'url' => [ "$HMAC signed {url}|{url:ports}|{url:hubspot}|{body}; signature header=X-Sign;", $SECRET,
        sub ($body) { my $url = 'http://localhost/url'; ('X-Sign' => mac("$url|$url|$url|$body")) } ],
    'json-value' => [ "$HMAC signed {json:/nested/a~1b/1/~0}{json:/number}{json:/yes}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac('deep42true')) } ],
    'json-and-body' => [ "$HMAC signed {json:/id}.{body}; signature header=X-Sign;", $SECRET,
        sub ($body) { ('X-Sign' => mac("evt_1.$body")) } ],
    'numbered' => [ "$HMAC signed {body}; signature header=X-Sign-*;", $SECRET,
        sub ($body) { ('X-Sign-7' => mac($body)) } ],
    'numbered-split' => [ "$HMAC signed {body}; signature header=X-Sign-* split=, prefix=v1=;", $SECRET,
        sub ($body) { ('X-Sign-2' => 'v0=00,v1=' . mac($body)) } ],
    'either-header' => [ "$HMAC signed {body}; signature header=X-Other prefix=a=; signature header=X-Sign encoding=base64;", $SECRET,
        sub ($body) { ('X-Sign' => encode_base64(hmac_sha256($body, $SECRET), '')) } ],
    'require' => [ "$HMAC signed {body}; signature header=X-Sign; require X-Version=2 X-Kind=a=b; require X-Empty=;", $SECRET,
        sub ($body) { ('X-Sign' => mac($body), 'X-Version' => 2, 'X-Kind' => 'a=b', 'X-Empty' => '') } ],
    'may-repeat' => [ qq($HMAC signed {timestamp}.{body}; signature header=X-Sign "split=, " prefix=v1=; timestamp item=t= may_repeat;),
        $SECRET, sub ($body) { my $time = time; ('X-Sign' => "t=$time,v1=00 t=$time,v1=" . mac("$time.$body")) } ],
    'time-in-header-and-url' => [ "$HMAC signed {header:X-Time}{url}{timestamp}{body}; signature header=X-Sign; timestamp header=X-Time;",
        $SECRET, sub ($body) { my $time = time; ('X-Time' => $time, 'X-Sign' => mac("${time}http://localhost/time-in-header-and-url$time$body")) } ],
    'figures-in-body' => [ "$HMAC signed {body}; signature header=X-Sign; timestamp json=/time unit=rfc3339 tolerance=1m;", $SECRET ],
    'signature-in-body' => [ "$HMAC signed {json:/id}|{timestamp}; signature json=/sign; timestamp json=/time;", $SECRET ],
);

my %TIME = (
    'seconds'      => [ 'unit=s', sub ($time) { $time } ],
    'default'      => [ '', sub ($time) { $time } ],
    'milliseconds' => [ 'unit=ms', sub ($time) { "${time}250" } ],
    'rfc3339'      => [ 'unit=rfc3339', sub ($time) { strftime '%Y-%m-%dT%H:%M:%SZ', gmtime $time } ],
    'rfc3339-zone' => [ 'unit=rfc3339',
        sub ($time) { strftime '%Y-%m-%dT%H:%M:%S.123456-02:30', gmtime $time - 9000 } ],
);
for my $name (sort keys %TIME) {
    my ($unit) = @{ $TIME{$name} };
    $SCHEME{"time-$name"} = [
        "$HMAC signed {timestamp}.{body}; signature header=X-Sign;"
            . " timestamp header=X-Time $unit tolerance=60s future=10s;",
        $SECRET,
    ];
    $SCHEME{"item-$name"} = [
        "$HMAC signed {timestamp}.{body}; signature header=X-Sign split=,;"
            . " timestamp item=at@ $unit tolerance=60s future=10s;",
        $SECRET,
    ];
}
$SCHEME{'future-like-past'} = [
    "$HMAC signed {timestamp}.{body}; signature header=X-Sign; timestamp header=X-Time tolerance=60s;", $SECRET,
];

my %EVENT = (
    'header'      => [ 'header=X-Event', 'from the header' ],
    'json'        => [ 'json=/id', 'evt_1' ],
    'json-deep'   => [ 'json=/nested/a~1b/1/~0', 'deep' ],
    'json-index'  => [ 'json=/nested/a~1b/0', '10' ],
    'json-number' => [ 'json=/number', '42' ],
    'json-true'   => [ 'json=/yes', 'true' ],
    'json-object' => [ 'json=/nested', undef ],
    'json-none'   => [ 'json=/none', undef ],
);
for my $name (sort keys %EVENT) {
    $SCHEME{"event-$name"} = [
        "$HMAC signed {body}; signature header=X-Sign; event_id $EVENT{$name}[0]; event_type $EVENT{$name}[0];",
        $SECRET,
        sub ($body) { ('X-Sign' => mac($body), 'X-Event' => 'from the header') },
    ];
}

my ($blocks, $locations) = ('', '');
for my $name (sort keys %SCHEME) {
    my ($block, $secret) = @{ $SCHEME{$name} };
    $block =~ s/signed (?!")([^;]+);/signed "$1";/;
    $blocks    .= "webhook_scheme $name { $block }\n";
    $locations .= qq(location = /$name { webhook $name; webhook_secret "$secret"; proxy_pass http://%%BACKEND%%; }\n);
}

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
$blocks
server {
    listen %%ADDR%%:8080;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Type \$webhook_event_type;
    proxy_set_header X-Seen-Scheme \$webhook_scheme;
    $locations
    location = /preset { webhook stripe; webhook_secret $SECRET; proxy_pass http://%%BACKEND%%; }
    webhook_secret $SECRET;
    location = /wider  { webhook time-seconds; webhook_tolerance 120s 30s; proxy_pass http://%%BACKEND%%; }
    location = /even   { webhook time-seconds; webhook_tolerance 120s; proxy_pass http://%%BACKEND%%; }
}
CONF

sub answer_to ($name, $body, @headers) {
    $backend->clear;
    my $response = send_request(uri => "/$name", headers => \@headers, body => $body);
    my @requests = $backend->requests;
    my $reached  = @requests && $requests[0]{body} eq $body ? $requests[0] : undef;
    return ($response->{status}, $response->header('Webhook-Reason'), scalar @requests, $reached);
}

sub is_accepted ($name, $body, @headers) {
    my ($status, $reason, $count, $request) = answer_to($name, $body, @headers);
    is $status, 200, "$name: accepted" or diag $reason;
    ok $request, "$name: what was signed reaches the backend";
    return $request // { headers => {} };
}

sub is_refused ($name, $expected, $body, @headers) {
    my ($status, $reason, $count) = answer_to($name, $body, @headers);
    is $reason, $expected, "$name: $expected";
    is $status, 401, "$name: 401";
    is $count, 0, "$name: nothing reaches the backend";
}

for my $name (grep { $SCHEME{$_}[2] } sort keys %SCHEME) {
    subtest $name => sub {
        my ($block, undef, $sign) = @{ $SCHEME{$name} };
        my @headers = $sign->($BODY);
        my $request = is_accepted($name, $BODY, @headers);
        is $request->{headers}{'x-seen-scheme'}, $name, 'the scheme has the name of the block';
        if ($block =~ /[{](?:sha256:|crc32:)?body[}]/) {
            is_refused($name, 'bad_signature', "$BODY ", @headers);
        } else {
            is_accepted($name, "$BODY ", @headers);
        }
        my $header  = (grep { /sign|token|authorization/i } map { $_->[0] } pairs_of(@headers))[0];
        my @without = map { @$_ } grep { lc $_->[0] ne lc $header } pairs_of(@headers);
        is_refused($name, 'missing_signature', $BODY, @without);
        my $plain_token = $block =~ /algorithm token/ && $block !~ /prefix/;
        is_refused($name, $plain_token ? 'bad_signature' : 'malformed_signature', $BODY, @without, $header => '!');
    };
}

sub pairs_of (@list) {
    my @pairs;
    while (my ($name, $value) = splice @list, 0, 2) { push @pairs, [ $name, $value ] }
    return @pairs;
}

subtest 'what is signed is what counts' => sub {
    for my $change ([ 'X-Tenant' => 'other' ], [ 'X-Region' => 'us' ]) {
        is_refused('signed-header', 'bad_signature', $BODY, replaced($SCHEME{'signed-header'}[2]->($BODY), @$change));
    }
    my %headers = $SCHEME{'signed-header'}[2]->($BODY);
    delete $headers{'X-Region'};
    is_refused('signed-header', 'missing_header', $BODY, %headers);
    for my $change ([ 'X-Id' => 'ev-8' ], [ 'X-Time' => time - 1 ], [ 'X-A' => 'a' ]) {
        is_refused('all', 'bad_signature', $BODY, replaced($SCHEME{all}[2]->($BODY), @$change));
    }
    is_refused('method', 'bad_signature', $BODY, 'X-Sign' => mac("PUT:$BODY"));
    is_refused('hmac-sha256-hex', 'malformed_signature', $BODY, 'X-Sign' => unpack 'H*', hmac_sha1($BODY, $SECRET));
    is_refused('hmac-sha256-hex', 'malformed_signature', $BODY,
        'X-Sign' => encode_base64(hmac_sha256($BODY, $SECRET), ''));
};

# The last value given to a name is the only one.
sub replaced (%headers) { return %headers }

subtest 'a key is read in one way only' => sub {
    my %headers = ('X-Sign' => unpack 'H*', hmac_sha256($BODY, encode_base64($KEY, '')));
    is_refused('key-base64', 'bad_signature', $BODY, %headers);
    is_refused('key-whsec', 'bad_signature', $BODY, %headers);
    is_refused('key-utf8', 'bad_signature', $BODY, 'X-Sign' => unpack 'H*', hmac_sha256($BODY, $KEY));
    is_refused('key-hex', 'bad_signature', $BODY, 'X-Sign' => unpack 'H*', hmac_sha256($BODY, unpack 'H*', $KEY));
    is_refused('token-base64', 'bad_signature', $BODY, 'X-Token' => encode_base64('token-of-the-sender', ''));
};

subtest 'base64 is canonical' => sub {
    my $right = encode_base64(hmac_sha256($BODY, $SECRET), '');
    my $last  = substr $right, -2, 1;
    my $other = $last =~ tr/A-Za-z0-9+\//B-ZAb-za1-90\/+/r;
    is_refused('hmac-sha256-base64', 'malformed_signature', $BODY, 'X-Sign' => $right =~ s/\Q$last\E=$/$other=/r);
    is_refused('hmac-sha256-base64', 'malformed_signature', $BODY, 'X-Sign' => $right =~ s/=$//r);
    is_refused('hmac-sha256-base64', 'malformed_signature', $BODY, 'X-Sign' => "$right=");
    my $url = encode_base64url(hmac_sha256($BODY, $SECRET));
    is_accepted('hmac-sha256-base64url', $BODY, 'X-Sign' => "$url=");
    is_accepted('hmac-sha256-hex', $BODY, 'X-Sign' => uc mac($BODY));
};

subtest 'what is demanded' => sub {
    for my $change ([ 'X-Version' => 1 ], [ 'X-Version' => '' ], [ 'X-Version' => '2 3' ], [ 'X-Kind' => 'A=b' ], [ 'X-Empty' => 'a' ]) {
        is_refused('require', 'missing_header', $BODY, replaced($SCHEME{require}[2]->($BODY), @$change));
    }
    for my $name (qw(X-Version X-Kind X-Empty)) {
        my %headers = $SCHEME{require}[2]->($BODY);
        my $value   = delete $headers{$name};
        is_refused('require', 'missing_header', $BODY, %headers);
        is_refused('require', 'malformed_header', $BODY, %headers, ($name => $value) x 2);
    }
    my $time = time;
    my $mac  = mac("$time.$BODY");
    my $next = $time + 1;
    is_refused('may-repeat', 'malformed_timestamp', $BODY, 'X-Sign' => "t=$time,v1=$mac t=$next,v1=$mac");
    is_refused('may-repeat', 'malformed_timestamp', $BODY, 'X-Sign' => "t=$next,v1=$mac t=$time,v1=$mac t=$next");
};

subtest 'signed values of the body' => sub {
    my $mac = mac('deep42true');
    my $value = sub ($from, $to) { return $BODY =~ s/$from/$to/r };
    is_refused('json-value', 'bad_signature', $value->('"deep"', '"other"'), 'X-Sign' => $mac);
    is_refused('json-value', 'bad_signature', $value->('42', '43'), 'X-Sign' => $mac);
    my %unreadable = (
        'no JSON' => 'x', 'none' => '{}', 'null' => $value->('42', 'null'), 'an object' => $value->('42', '{}'),
        'twice' => $value->('"number"', '"number":42,"number"'), 'in another case, too' => $value->('"number"', '"Number":43,"number"'),
        'a fraction' => $value->('42', '42.0'), 'more behind it' => "$BODY\{}",
    );
    for my $what (sort keys %unreadable) {
        my ($status, $reason, $count) = answer_to('json-value', $unreadable{$what}, 'X-Sign' => $mac);
        is_deeply [ $status, $reason, $count ], [ 400, 'invalid_payload', 0 ], $what;
    }
};

sub in_body (%values) {
    return '{' . join(',', map { qq("$_":"$values{$_}") } sort keys %values) . '}';
}

subtest 'what stands in the body' => sub {
    my $at = sub ($time) { return strftime '%Y-%m-%dT%H:%M:%S.5Z', gmtime $time };
    my $sent = sub ($body) { return ('figures-in-body', $body, 'X-Sign' => mac($body)) };
    is_accepted($sent->(in_body(time => $at->(time + $_)))) for -50, 0, 50;
    my $refused = sub ($reason, $body) { my ($name, @rest) = $sent->($body); is_refused($name, $reason, @rest) };
    $refused->('stale_timestamp', in_body(time => $at->(time - 70)));
    $refused->('future_timestamp', in_body(time => $at->(time + 70)));
    $refused->('malformed_timestamp', in_body(time => time));
    $refused->('missing_timestamp', $_) for '{}', in_body(time => ''), in_body(Time => $at->(time));
    my $body = in_body(time => $at->(time - 70));
    is_refused('figures-in-body', 'bad_signature', $body, 'X-Sign' => mac("$body "));

    my $signed = sub (%values) {
        my $time = $values{time} // time;
        return in_body(id => 7, sign => mac("7|$time"), time => $time, %values);
    };
    is_accepted('signature-in-body', $signed->());
    is_accepted('signature-in-body', $signed->(other => 'not signed'));
    is_refused('signature-in-body', 'bad_signature', $signed->(id => 8));
    is_refused('signature-in-body', 'bad_signature', $signed->() =~ s/"time":"\K(\d+)/$1 + 1/er);
    is_refused('signature-in-body', 'stale_timestamp', $signed->(time => time - 400));
    is_refused('signature-in-body', 'missing_signature', $signed->() =~ s/"sign"/"sing"/r);
    is_refused('signature-in-body', 'missing_signature', $signed->() =~ s/"sign":("\w+")/"sign":$1,"sign":$1/r);
    is_refused('signature-in-body', 'malformed_signature', $signed->(sign => $_)) for '!', 'abcd';
    is_refused('signature-in-body', 'missing_timestamp', $signed->() =~ s/"time"/"tiem"/r);
};

sub timed ($name, $time) {
    my ($place, $kind) = $name =~ /^(time|item)-(.+)$/ ? ($1, $2) : ('time', 'seconds');
    my $text = $TIME{$kind}[1]->($time);
    my $mac  = mac("$text.$BODY");
    return $place eq 'time' ? ('X-Sign' => $mac, 'X-Time' => $text) : ('X-Sign' => "at\@$text,$mac");
}

subtest 'timestamps' => sub {
    for my $kind (sort keys %TIME) {
        for my $name ("time-$kind", "item-$kind") {
            is_accepted($name, $BODY, timed($name, time + $_)) for -50, 0, 5;
            is_refused($name, 'stale_timestamp',  $BODY, timed($name, time - 70));
            is_refused($name, 'future_timestamp', $BODY, timed($name, time + 20));
        }
    }
    is_accepted('future-like-past', $BODY, timed('future-like-past', time + $_)) for -50, 50;
    is_refused('future-like-past', 'future_timestamp', $BODY, timed('future-like-past', time + 70));
    is_accepted('wider', $BODY, timed('wider', time + $_)) for -110, 25;
    is_refused('wider', 'stale_timestamp',  $BODY, timed('wider', time - 130));
    is_refused('wider', 'future_timestamp', $BODY, timed('wider', time + 40));
    is_accepted('even', $BODY, timed('even', time + $_)) for -110, 110;
    is_refused('even', 'future_timestamp', $BODY, timed('even', time + 130));
};

subtest 'events' => sub {
    for my $name (sort keys %EVENT) {
        my $request = is_accepted("event-$name", $BODY, $SCHEME{"event-$name"}[2]->($BODY));
        is $request->{headers}{'x-seen-id'},   $EVENT{$name}[1], "$name: id";
        is $request->{headers}{'x-seen-type'}, $EVENT{$name}[1], "$name: type";
    }
};

subtest 'a block equal to a preset does as the preset does' => sub {
    my $now  = time;
    my $sign = sub (%options) {
        my %headers = stripe_headers($SECRET, $BODY, timestamp => $now, %options);
        return $headers{'Stripe-Signature'};
    };
    my $good = $sign->();
    my $mac  = 'v1=' . 'ab' x 32;
    my %sent = (
        'valid' => $good, 'forged' => "t=$now,$mac", 'two' => "$good,$mac", 'two, reversed' => "$mac,$good",
        'stale' => $sign->(timestamp => $now - 400), 'future' => $sign->(timestamp => $now + 400),
        'old' => $sign->(timestamp => $now - 250), 'no time' => $mac, 'no signature' => "t=$now", 'empty' => '',
        'repeated time' => "$good,t=$now", 'fraction' => "t=$now.5,$mac", 'not hex' => "t=$now,v1=xyz",
        'other version' => $good =~ s/v1=/v0=/r, 'spaces' => $good =~ s/,/, /r, 'separators' => ",,$good,,",
    );
    my %seen;
    for my $what (sort keys %sent) {
        my @answers = map {
            my ($status, $reason, $count, $request) = answer_to($_, $BODY, 'Stripe-Signature' => $sent{$what});
            my $headers = $request ? $request->{headers} : {};
            [ $status, $reason, $count, @$headers{qw(x-seen-id x-seen-type)} ];
        } qw(preset stripe-again);
        is_deeply $answers[1], $answers[0], $what;
        $seen{ $answers[0][1] // 'accepted' }++;
    }
    is join(' ', sort keys %seen), 'accepted bad_signature future_timestamp malformed_signature malformed_timestamp'
        . ' missing_timestamp stale_timestamp', 'they were not all answered alike';
};

finish();
