# Schemes that a user defines: every algorithm, encoding and place that the language knows.

use Webhook::Test;

use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha384 hmac_sha512);
use MIME::Base64 qw(encode_base64 encode_base64url);
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
            ('X-Sign' => mac("ev 7 $time POST a,b $body end"), 'X-Time' => $time, 'X-Id' => 'ev 7', 'X-A' => 'a,b');
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
        if ($block =~ /[{]body[}]/) {
            is_refused($name, 'bad_signature', "$BODY ", @headers);
        } else {
            is_accepted($name, "$BODY ", @headers);
        }
        my ($header) = $block =~ /signature header=([\w-]+)/;
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
    for my $change ([ 'X-Id' => 'ev 8' ], [ 'X-Time' => time - 1 ], [ 'X-A' => 'a' ]) {
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
