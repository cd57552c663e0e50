# Signed texts are put together from what the sender of a request can cut elsewhere: no byte of a
# captured delivery can be moved from its body into a header, an id or the URL, or back.

use Webhook::Test;

use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha256_hex sha256_hex);
use MIME::Base64 qw(encode_base64);

my $SECRET = 'secret-of-the-moved-bytes-0123456789';
my $now    = time;
my $past   = $now - 86_400;

my @PRESETS   = qw(standard-webhooks svix twitch klaviyo hubspot-v3 square twilio);
my $locations = join "\n", map {
    qq(location = /$_ { webhook $_; webhook_secret "$SECRET"; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; })
} @PRESETS;

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:1m;
webhook_scheme own {
    algorithm  hmac-sha256;
    signed     "{header:X-First}|{body}|{header:X-Last}";
    signature  header=X-Sign;
}
server {
    listen %%ADDR%%:8080;
    server_name a.example;
    $locations
    location = /x { webhook x-twitter; webhook_secret "$SECRET"; webhook_handshake on; proxy_pass http://%%BACKEND%%; }
    location = /methods { webhook hubspot-v3; webhook_secret "$SECRET"; webhook_methods GET HEAD POST; proxy_pass http://%%BACKEND%%; }
    location = /own { webhook own; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
}
server {
    listen %%ADDR%%:8080;
    server_name b.example;
    return 404;
}
CONF

sub base64 ($bytes) { return encode_base64($bytes, '') }

# method => ... may stand among the headers.
sub deliver ($uri, $body, %headers) {
    $backend->clear;
    my $method = delete $headers{method} // 'POST';
    return send_request(
        uri => $uri, method => $method, body => $body, headers => [ Host => 'a.example', %headers ],
    );
}

sub code ($response) { return $response->{status} }

sub arrives ($what, @delivery) {
    my $response = deliver(@delivery);
    is $response->{status}, 200, "$what: accepted" or diag $response->header('Webhook-Reason');
    is $backend->count, 1, "$what: at the backend";
}

sub is_refused ($what, $reason, @delivery) {
    my $response = deliver(@delivery);
    is $response->header('Webhook-Reason'), $reason, "$what: $reason";
    is $backend->count, 0, "$what: not at the backend";
}

sub rfc3339 ($time) {
    my ($second, $minute, $hour, $day, $month, $year) = gmtime $time;
    return sprintf '%d-%02d-%02dT%02d:%02d:%02dZ', $year + 1900, $month + 1, $day, $hour, $minute, $second;
}

# A stranger can put a time into an event: a name, a comment, a message.
subtest 'a time in the body becomes the timestamp, what is before it the id' => sub {
    for my $prefix (qw(Webhook Svix)) {
        my $uri     = $prefix eq 'Svix' ? '/svix' : '/standard-webhooks';
        my $headers = sub ($id, $time, $body, $signature = undef) {
            $signature //= 'v1,' . base64(hmac_sha256("$id.$time.$body", $SECRET));
            return ("$prefix-Id" => $id, "$prefix-Timestamp" => $time, "$prefix-Signature" => $signature);
        };
        my ($head, $tail) = ('{"data":{"name":"x', '{"admin":true}"}}');
        my $body = "$head.$now.$tail";
        my %sent = $headers->('msg_1', $past, $body);
        is_refused("$prefix: the old one", 'stale_timestamp', $uri, $body, %sent);
        is_refused("$prefix: the moved one", 'malformed_header', $uri, $tail,
            $headers->("msg_1.$past.$head", $now, $tail, $sent{"$prefix-Signature"}));
        arrives("$prefix: a new one", $uri, $body, $headers->('msg_1', $now, $body));
    }
    my ($head, $tail) = ('{"event":{"message":"', ' is it"}}');
    my $body = $head . rfc3339($now) . $tail;
    my $sent = 'sha256=' . hmac_sha256_hex('id-1' . rfc3339($past) . $body, $SECRET);
    my $headers = sub ($id, $time, $signature) {
        return (
            'Twitch-Eventsub-Message-Id' => $id, 'Twitch-Eventsub-Message-Timestamp' => rfc3339($time),
            'Twitch-Eventsub-Message-Signature' => $signature, 'Twitch-Eventsub-Subscription-Type' => 'chat',
        );
    };
    is_refused('Twitch: the old one', 'stale_timestamp', '/twitch', $body, $headers->('id-1', $past, $sent));
    is_refused('Twitch: the moved one', 'malformed_header', '/twitch', $tail,
        $headers->('id-1' . rfc3339($past) . $head, $now, $sent));
    my $id = 'bfuH8WCM-AzKV2Q_jbg/+w==';
    arrives('Twitch: a new one', '/twitch', $body,
        $headers->($id, $now, 'sha256=' . hmac_sha256_hex($id . rfc3339($now) . $body, $SECRET)));
};

subtest 'the end of the body becomes a header' => sub {
    my $body = '{"data":[{"topic":"event:klaviyo.sent_sms"}]}';
    my $time = rfc3339($now);
    my $sent = hmac_sha256_hex("$body$time", $SECRET);
    for my $length (0, 1, 20, length($body) - 1) {
        is_refused("the first $length bytes", 'invalid_payload', '/klaviyo', substr($body, 0, $length),
            'Klaviyo-Signature' => $sent, 'Klaviyo-Timestamp' => substr($body, $length) . $time);
    }
    is_refused('all of the header', 'malformed_header', '/klaviyo', "$body$time",
        'Klaviyo-Signature' => $sent, 'Klaviyo-Timestamp' => '');
    for my $length (1 .. length($time) - 1) {
        is_refused("$length bytes of the header", 'invalid_payload', '/klaviyo', $body . substr($time, 0, $length),
            'Klaviyo-Signature' => $sent, 'Klaviyo-Timestamp' => substr $time, $length);
    }
    for my $scalar ('17', '"a"', 'true', 'a=1') {
        is_refused("the body $scalar", 'invalid_payload', '/klaviyo', $scalar,
            'Klaviyo-Signature' => hmac_sha256_hex("$scalar$time", $SECRET), 'Klaviyo-Timestamp' => $time);
    }
    for my $form ($time, $now, $now . '000', 'Thu, 04 Jan 2024 18:05:25 GMT') {
        my $own = qq({"time":"$form"});
        arrives("as it was sent, with $form", '/klaviyo', $own,
            'Klaviyo-Signature' => hmac_sha256_hex("$own$form", $SECRET), 'Klaviyo-Timestamp' => $form);
    }
};

subtest 'a separator in the body becomes that of a header' => sub {
    my ($left, $right) = ('{"a":"1', '2"}');
    my $body = "$left|$right";
    my $sent = hmac_sha256_hex("first|$body|last", $SECRET);
    my $own  = sub ($first, $last) { return ('X-First' => $first, 'X-Last' => $last, 'X-Sign' => $sent) };
    arrives('as it was sent', '/own', $body, $own->('first', 'last'));
    is_refused('to the header before', 'malformed_header', '/own', $right, $own->("first|$left", 'last'));
    is_refused('to the header behind', 'malformed_header', '/own', $left, $own->('first', "$right|last"));
};

subtest 'the head of the body becomes the end of the URL' => sub {
    my $body = '[{"eventId":1,"subscriptionType":"contact.creation"}]';
    my $time = $now . '000';
    my $sent = base64(hmac_sha256("POSThttp://a.example/hubspot-v3?x=1$body$time", $SECRET));
    my @hubspot = ('X-HubSpot-Signature-v3' => $sent, 'X-HubSpot-Request-Timestamp' => $time);
    arrives('HubSpot: as it was sent', '/hubspot-v3?x=1', $body, @hubspot);
    for my $length (2, 20, length $body) {
        my $moved = substr $body, 0, $length;
        is_refused("HubSpot: $length bytes", 'invalid_payload', "/hubspot-v3?x=1$moved", substr($body, $length), @hubspot);
    }
    my $event  = '{"event_id":"e1","type":"payment.updated"}';
    my @square = ('X-Square-HmacSha256-Signature' => base64(hmac_sha256("http://a.example/square?x=1$event", $SECRET)));
    arrives('Square: as it was sent', '/square?x=1', $event, @square);
    is_refused('Square: one byte', 'invalid_payload', '/square?x=1{', substr($event, 1), @square);
};

subtest 'the end of the URL becomes the head of the body' => sub {
    my $time = $now . '000';
    my $body = '[{"eventId":1}]';
    my $url  = '/hubspot-v3?amount=1000&x=[]';
    my $of   = sub ($method, $text) {
        return ('X-HubSpot-Signature-v3' => base64(hmac_sha256("${method}http://a.example$text$time", $SECRET)),
            'X-HubSpot-Request-Timestamp' => $time);
    };
    my @sent = $of->(POST => "$url$body");
    arrives('HubSpot: as it was sent', $url, $body, @sent);
    for my $length (1 .. 4) {
        is_refused("HubSpot: $length bytes", 'invalid_payload', substr($url, 0, -$length), substr($url, -$length) . $body, @sent);
    }
    my $other = '/methods?amount=1000&x=[]';
    for my $method (qw(GET HEAD)) {
        my @got = $of->($method => $other);
        is code(deliver($other, undef, @got, method => $method)), 200, "HubSpot: a $method as it was sent";
        for my $length (2, 4, 5) {
            is code(deliver(substr($other, 0, -$length), substr($other, -$length), @got, method => $method)), 400,
                "HubSpot: $length bytes become the body of a $method";
        }
        for my $zeros (1 .. 3) {
            my @moved = ($got[0], $got[1], $got[2], '0' x $zeros . $time);
            is code(deliver(substr('/methods?amount=1000', 0, -$zeros), undef, @moved, method => $method)), 401,
                "HubSpot: $zeros zeros become the start of the time, by $method";
            is $backend->count, 0, 'nothing of it is at the backend';
        }
    }
    my @posted = $of->(POST => $other);
    is code(deliver($other, '', @posted)), 400, 'a POST without a body says nothing of where its URL ends';
    my $event = '{"event_id":"e3"}';
    my @square = ('X-Square-HmacSha256-Signature' => base64(hmac_sha256("http://a.example/square?x=1$event", $SECRET)));
    is_refused("Square: $_ bytes", 'invalid_payload', substr('/square?x=1', 0, -$_), substr('/square?x=1', -$_) . $event, @square)
        for 1 .. 4;
};

# Nobody signs the question of X, and the answer proves the secret: what it can sign is no delivery.
subtest 'a handshake becomes a delivery' => sub {
    my $asked = send_request(uri => '/x?crc_token=a-plain-token', method => 'GET', headers => [ Host => 'a.example' ]);
    my ($code) = $asked->{body} =~ /"response_token":"(sha256=[^"]+)"/;
    ok $code, 'the answer proves the secret';
    is_refused('the token as a body', 'bad_signature', '/x', 'a-plain-token', 'X-Twitter-Webhooks-Signature' => $code);
    my $of = sub ($body) { return ('X-Twitter-Webhooks-Signature' => 'sha256=' . base64(hmac_sha256($body, $SECRET))) };
    is_refused('no body', 'bad_signature', '/x', '', $of->(''));
    arrives('what X sends', '/x', '{"for_user_id":"1"}', $of->('{"for_user_id":"1"}'));
};

# What a stranger texts is signed by Twilio as a field, and may look like the end of a URL.
subtest 'a field of a form becomes the digest of another body' => sub {
    my $forged = '{"admin":true}';
    my $digest = sha256_hex($forged);
    for my $text ("&bodySHA256=$digest&x=", "&bodySHA256=$digest", "&bodySHA256=$digest#") {
        my $fields = "AccountSidAC1Body${text}From+1555";
        my $sent   = base64(hmac_sha1("http://a.example/twilio?x=1$fields", $SECRET));
        is_refused("the text $text", 'bad_signature', "/twilio?x=1$fields", $forged,
            'X-Twilio-Signature' => $sent, 'Content-Type' => 'application/json');
    }
    my $url = "/twilio?x=1&bodySHA256=$digest";
    arrives('JSON as Twilio sends it', $url, $forged, 'Content-Type' => 'application/json',
        'X-Twilio-Signature' => base64(hmac_sha1("http://a.example$url", $SECRET)));
};

# The Host header of such a request says nothing of where it went.
subtest 'the host of another server stands in the request line' => sub {
    my $event = '{"event_id":"e2"}';
    for my $host (qw(a.example b.example)) {
        my $sent = base64(hmac_sha256("http://$host/square$event", $SECRET));
        $backend->clear;
        my $response = send_request(
            uri => 'http://a.example/square', body => $event,
            headers => [ Host => $host, 'X-Square-HmacSha256-Signature' => $sent ],
        );
        my $expected = $host eq 'a.example' ? 200 : 401;
        is $response->{status}, $expected, "signed for $host";
        is $backend->count, $expected == 200 ? 1 : 0, "signed for $host: the backend";
    }
};

finish();
