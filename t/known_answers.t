# Deliveries whose secret, bytes and signature the sender, or who implements it, has published: each is
# accepted, and refused when one byte of it is another.

use Webhook::Test;

# from       where it is published
# secret     or secrets, in the order of their webhook_secret; id is the first one's
# method, url, query, form    POST, none, none, no
# headers, body               <signature> in them stands for the signature
# timed      its timestamp is long past, as the scheme's own tolerance has to find
# tamper     [ this text, for another ], where not every byte of the body is signed
# event_id, event_type        what they have to be
my @known;
sub known ($preset, %row) { push @known, { preset => $preset, method => 'POST', headers => [], %row } }

sub text ($lines) { return $lines =~ s/\n\z//r }

known github => (
    from    => 'docs.github.com, Validating webhook deliveries',
    secret  => "It's a Secret to Everybody", body => 'Hello, World!',
    headers => [ 'X-Hub-Signature-256' => 'sha256=<signature>' ],
    signature => '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
);

for my $place (
    [ jira      => 'developer.atlassian.com/cloud/jira/platform/webhooks, Secure admin webhooks' ],
    [ bitbucket => 'support.atlassian.com/bitbucket-cloud, Manage webhooks' ],
) {
    known $place->[0] => (
        from    => $place->[1],
        secret  => "It's a Secret to Everybody", body => 'Hello World!',
        headers => [ 'X-Hub-Signature' => 'sha256=<signature>' ],
        signature => 'a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9',
    );
}

known slack => (
    from   => 'docs.slack.dev, Verifying requests from Slack',
    secret => '8f742231b10e8888abcd99yyyzzz85a5', timed => 1, form => 1,
    body   => 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow'
        . '&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner'
        . '&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands'
        . '%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN'
        . '&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
    headers => [ 'X-Slack-Request-Timestamp' => 1531420618, 'X-Slack-Signature' => 'v0=<signature>' ],
    signature => 'a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
);

for my $place (
    [ 'standard-webhooks', 'webhook', 'standard-webhooks/standard-webhooks libraries/javascript/src/webhook.test.ts' ],
    [ 'svix',              'svix',    'svix/svix-webhooks javascript/src/webhook.test.ts' ],
) {
    my ($preset, $prefix, $from) = @$place;
    known $preset => (
        from    => $from, timed => 1,
        secret  => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', body => '{"test": 2432232314}',
        headers => [
            "$prefix-id" => 'msg_p5jXN8AQM9LWM0D4loKWxJek', "$prefix-timestamp" => 1614265330,
            "$prefix-signature" => 'v1,<signature>',
        ],
        signature => 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
        event_id  => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    );
}

known 'standard-webhooks-v1a' => (
    from    => 'svix/svix-webhooks server/svix-server/src/worker.rs, its key in README.md', timed => 1,
    secret  => 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=', body => '{"test": 2432232314}',
    headers => [
        'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp' => 1614265330,
        'webhook-signature' => 'v1a,<signature>',
    ],
    signature => 'hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
    event_id  => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
);

known pagerduty => (
    from    => 'PagerDuty/go-pagerduty webhookv3/webhookv3_test.go',
    secret  => 'lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK',
    headers => [ 'X-PagerDuty-Signature' => 'v1=<signature>' ],
    signature => '0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd',
    event_id  => '01BWDWL3NYY7LUFPZCC28QUCMK', event_type => 'incident.priority_updated',
    body      => text(<<'END'),
{"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated","resource_type":"incident","occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_url":"https://acme.pagerduty.com/users/PLH1HKV","id":"PLH1HKV","self":"https://api.pagerduty.com/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},"client":null,"data":{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com/incidents/PGR0VU2","html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","number":2,"status":"triggered","title":"A little bump in the road","service":{"html_url":"https://acme.pagerduty.com/services/PF9KMXH","id":"PF9KMXH","self":"https://api.pagerduty.com/services/PF9KMXH","summary":"API Service","type":"service_reference"},"assignees":[{"html_url":"https://acme.pagerduty.com/users/PTUXL6G","id":"PTUXL6G","self":"https://api.pagerduty.com/users/PTUXL6G","summary":"User 123","type":"user_reference"}],"escalation_policy":{"html_url":"https://acme.pagerduty.com/escalation_policies/PUS0KTE","id":"PUS0KTE","self":"https://api.pagerduty.com/escalation_policies/PUS0KTE","summary":"Default","type":"escalation_policy_reference"},"teams":[{"html_url":"https://acme.pagerduty.com/teams/PFCVPS0","id":"PFCVPS0","self":"https://api.pagerduty.com/teams/PFCVPS0","summary":"Engineering","type":"team_reference"}],"priority":{"html_url":"https://acme.pagerduty.com/account/incident_priorities","id":"PSO75BM","self":"https://api.pagerduty.com/priorities/PSO75BM","summary":"P1","type":"priority_reference"},"urgency":"high","conference_bridge":{"conference_number":1000,"conference_url":"https://example.com"},"resolve_reason":null}}}
END
);

known stripe => (
    from    => 'stripe/stripe-dotnet src/StripeTests/Services/Events/EventUtilityTest.cs', timed => 1,
    secret  => 'webhook_secret',
    headers => [ 'Stripe-Signature' => 't=1533204620,v1=<signature>,'
            . 'v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef' ],
    signature => '2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7',
    event_id  => 'evt_123', event_type => 'customer.created',
    body      => <<'END',
{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
END
);

known mux => (
    from    => 'muxinc/mux-node-sdk tests/api-resources/webhooks.test.ts', timed => 1,
    secret  => 'SuperSecret123', body => '{"test":"body"}',
    headers => [ 'Mux-Signature' => 't=1565125718,v1=<signature>' ],
    signature => '854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7',
);

known sanity => (
    from    => 'sanity-io/webhook-toolkit test/signature.test.ts', timed => 1,
    secret  => 'test', body => '{"_id":"resume"}',
    headers => [ 'sanity-webhook-signature' => 't=1633519811129,v1=<signature>' ],
    signature => 'tLa470fx7qkLLEcMOcEUFuBbRSkGujyskxrNXcoh0N0',
);

known paddle => (
    from    => 'PaddleHQ/paddle-python-sdk tests/Unit/Notification/test_Verifier.py, standard payload', timed => 1,
    secret  => 'pdl_ntfset_01hs0t3tw21j988db1pam5xg8m_GrOWLNef+vmtjJYq4mSnHNzvc8uWoJ1I',
    headers => [ 'Paddle-Signature' => 'ts=1710498758;h1=<signature>' ],
    signature => '558bf93944dbeb4790c7a8af6cb2ea435c8ca9c8396aafc1a4e37424ac132744',
    event_id  => 'evt_01hs0tqfme2xwb2hvwv87p8y3w', event_type => 'customer.created',
    body      => text(<<'END'),
{"data":{"id":"ctm_01hs0tqf76sxmp7ba5e4mw1sc8","name":"John Doe","email":"blackhole+verification2@paddle.com","locale":"en","status":"active","created_at":"2024-03-15T10:32:37.862Z","updated_at":"2024-03-15T10:32:37.862Z","custom_data":null,"import_meta":null,"marketing_consent":false},"event_id":"evt_01hs0tqfme2xwb2hvwv87p8y3w","event_type":"customer.created","occurred_at":"2024-03-15T10:32:38.286848Z","notification_id":"ntf_01hs0tqfrhgkyp39x4wyvy7h6n"}
END
);

known paddle => (
    from    => 'PaddleHQ/paddle-python-sdk tests/Unit/Notification/test_Verifier.py, two signatures', timed => 1,
    secret  => [
        'pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_TjIG2BXbm83HPXqNfziwe506sBEdqL/4',
        'pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_vB/yIOnTOCWIvpBadM5jzBZPHc7OmdSo',
        'pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_WvRO0eL4Bj9rgYYIBZY6wZhG4EHy9jzh',
    ],
    # Not `dummy`, as there: a signature that is no hex is malformed here.
    headers => [ 'Paddle-Signature' => 'ts=1696195954;h1=' . '0' x 64 . ';h1=<signature>' ],
    signature => 'd96299976a6eb066f484d7fde011ac56fc32b38fc9940bc419d6e537fdc6ef02', body => 'hello-world',
);

known twitch => (
    from    => 'nicklaw5/helix eventsub_test.go', timed => 1,
    secret  => 's3cRe7',
    headers => [
        'Twitch-Eventsub-Message-Id' => 'e76c6bd4-55c9-4987-8304-da1588d8988b',
        'Twitch-Eventsub-Message-Timestamp' => '2019-11-16T10:11:12.123Z',
        'Twitch-Eventsub-Message-Signature' => 'sha256=<signature>',
    ],
    signature => '7e5a96480c29cdf834b371e7a5b049638cba6e425ea51b9b2a9fabf69bc5d227',
    event_id  => 'e76c6bd4-55c9-4987-8304-da1588d8988b',
    body      => text(<<'END'),
{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"webhook_callback_verification_pending","type":"channel.follow","version":"1","condition":{"broadcaster_user_id":"12826"},"transport":{"method":"webhook","callback":"https://example.com/webhooks/callback"},"created_at":"2019-11-16T10:11:12.123Z"}}
END
);

known razorpay => (
    from    => 'razorpay/razorpay-node test/utils/razorpay-utils.spec.js',
    secret  => '123456', body => '{"a":1,"b":2,"c":{"d":3}}',
    headers => [ 'X-Razorpay-Signature' => '<signature>' ],
    signature => '2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc',
);

known 'coinbase-commerce' => (
    from    => 'coinbase/coinbase-commerce-node test/testWebhook.spec.js',
    secret  => '30291a20-0bd1-4267-9b0f-e6e7b123c0bf',
    headers => [ 'X-CC-Webhook-Signature' => '<signature>' ],
    signature => '8be7742c7d372f08a6a3224edadf18a22b65fa9e28f3f2de97376cdaa092590d',
    event_id  => '24934862-d980-46cb-9402-43c81b0cdba6', event_type => 'charge:created',
    body      => text(<<'END'),
{"id":1,"scheduled_for":"2017-01-31T20:50:02Z","attempt_number":1,"event":{"id":"24934862-d980-46cb-9402-43c81b0cdba6","type":"charge:created","api_version":"2018-03-22","created_at":"2017-01-31T20:49:02Z","data":{"code":"66BEOV2A","name":"The Sovereign Individual","description":"Mastering the Transition to the Information Age","hosted_url":"https://commerce.coinbase.com/charges/66BEOV2A","created_at":"2017-01-31T20:49:02Z","expires_at":"2017-01-31T21:04:02Z","timeline":[{"time":"2017-01-31T20:49:02Z","status":"NEW"}],"metadata":{},"pricing_type":"no_price","payments":[],"addresses":{"bitcoin":"0000000000000000000000000000000000","ethereum":"0x0000000000000000000000000000000000000000","litecoin":"3000000000000000000000000000000000","bitcoincash":"bitcoincash:000000000000000000000000000000000000000000"}}}}
END
);

known gocardless => (
    from    => 'gocardless/gocardless-nodejs src/webhooks.test.ts',
    secret  => 'ED7D658C-D8EB-4941-948B-3973214F2D49',
    headers => [ 'Webhook-Signature' => '<signature>' ],
    signature => '2693754819d3e32d7e8fcb13c729631f316c6de8dc1cf634d6527f1c07276e7e',
    body      => text(<<'END'),
{"events":[{"id":"EV00BD05S5VM2T","created_at":"2018-07-05T09:13:51.404Z","resource_type":"subscriptions","action":"created","links":{"subscription":"SB0003JJQ2MR06"},"details":{"origin":"api","cause":"subscription_created","description":"Subscription created via the API."},"metadata":{}},{"id":"EV00BD05TB8K63","created_at":"2018-07-05T09:13:56.893Z","resource_type":"mandates","action":"created","links":{"mandate":"MD000AMA19XGEC"},"details":{"origin":"api","cause":"mandate_created","description":"Mandate created via the API."},"metadata":{}}]}
END
);

for my $example (
    [ 'secret', 'hello world', '734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a' ],
    [ 'another-secret', 'lalala', 'daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00' ],
    [ 'hunter123', 'an-important-request-payload',
        '9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa' ],
    [ 'secret', 'foo', '773ba44693c7553d6ee20f61ea5d2757a9a4f4a44d2841ae4e95b52e4cd62db4' ],
) {
    my ($secret, $body, $signature) = @$example;
    known circleci => (
        from => "circleci.com/docs, Validate outbound webhooks, $body", secret => $secret, body => $body,
        headers => [ 'circleci-signature' => 'v1=<signature>' ], signature => $signature,
    );
}

known airtable => (
    from    => 'gtalarico/pyairtable tests/test_models_webhook.py',
    secret  => 'c2VjcmV0LWtleQ==',
    headers => [ 'X-Airtable-Content-MAC' => 'hmac-sha256=<signature>' ],
    signature => 'e26da696a90933647bddc83995c3e1e3bb1c3d8ce1ff61cb7469767d50b2b2d4',
    body      => text(<<'END'),
{"base": {"id": "app00000000000000"}, "webhook": {"id": "ach00000000000000"}, "timestamp": "2022-02-01T21:25:05.663Z"}
END
);

known notion => (
    from    => 'developers.notion.com/reference/webhooks, Validating event payloads',
    secret  => 'secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl',
    body    => '{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}',
    headers => [ 'X-Notion-Signature' => 'sha256=<signature>' ],
    signature => '461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735',
);

known line => (
    from    => 'line/line-bot-sdk-python tests/test_signature.py',
    secret  => 'channel_secret', body => 'bodybodybodybody',
    headers => [ 'x-line-signature' => '<signature>' ],
    signature => '/gg9a+LvFevTH1sd7XCQycD7tsWclCsInj7MhBHxN7k=',
);

known square => (
    from    => 'square/square-nodejs-sdk tests/integration/webhooks.test.ts',
    secret  => 'Ibxx_5AKakO-3qeNVR61Dw',
    url     => 'https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9',
    headers => [ 'x-square-hmacsha256-signature' => '<signature>' ],
    signature => 'GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=',
    event_id  => 'ac3ac95b-f97d-458c-a6e6-18981597e05f', event_type => 'webhooks.test_notification',
    body      => text(<<'END'),
{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z","data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}
END
);

known square => (
    from    => 'square/square-nodejs-sdk tests/integration/webhooks.test.ts, special characters',
    secret  => 'signature-key', url => 'https://webhook.site/webhooks',
    body    => '{"data":{"type":"webhooks","id":">id<"}}',
    headers => [ 'x-square-hmacsha256-signature' => '<signature>' ],
    signature => 'Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=',
);

my %BOX = (
    'BOX-DELIVERY-ID'         => 'f96bb54b-ee16-4fc5-aa65-8c2d9e5b546f',
    'BOX-DELIVERY-TIMESTAMP'  => '2020-01-01T00:00:00-07:00',
    'BOX-SIGNATURE-ALGORITHM' => 'HmacSHA256',
    'BOX-SIGNATURE-VERSION'   => '1',
    'BOX-SIGNATURE-PRIMARY'   => '6TfeAW3A1PASkgboxxA5yqHNKOwFyMWuEXny/FPD5hI=',
    'BOX-SIGNATURE-SECONDARY' => 'v+1CD1Jdo3muIcbpv5lxxgPglOqMfsNHPV899xWYydo=',
);
for my $good (qw(PRIMARY SECONDARY)) {
    my %key = (PRIMARY => 'SamplePrimaryKey', SECONDARY => 'SampleSecondaryKey');
    known box => (
        from   => "box/box-node-sdk tests/lib/managers/webhooks-test.js, good \L$good\E key", timed => 1,
        secret => [ map { $_ eq $good ? $key{$_} : 'IncorrectKey' } qw(PRIMARY SECONDARY) ],
        body   => '{"type":"webhook_event","webhook":{"id":"1234567890"},"trigger":"FILE.UPLOADED",'
            . '"source":{"id":"1234567890","type":"file","name":"Test.txt"}}',
        headers   => [ %{ { %BOX, "BOX-SIGNATURE-$good" => '<signature>' } } ],
        signature => $BOX{"BOX-SIGNATURE-$good"},
        event_id  => undef, event_type => 'FILE.UPLOADED',
    );
}

my $TWILIO_URL  = 'https://mycompany.com/myapp.php?foo=1&bar=2';
my $TWILIO_FORM = 'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212';
my $TWILIO_JSON = '{"property": "value", "boolean": true}';
my $TWILIO_HASH = 'bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620';
for my $example (
    [ 'twilio.com/docs/usage/security, Validating requests', $TWILIO_URL,
        'To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030',
        '0/KCTR6DLpKmkAf8muzZqo1nDgQ=' ],
    [ 'form', $TWILIO_URL, $TWILIO_FORM, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ],
    [ 'https with a port, signed without', $TWILIO_URL =~ s/\.com/.com:1234/r, $TWILIO_FORM,
        'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ],
    [ 'https without a port, signed with', $TWILIO_URL, $TWILIO_FORM, 'kvajT1Ptam85bY51eRf/AJRuM3w=' ],
    [ 'http with a port', $TWILIO_URL =~ s/https(.*?\.com)/http$1:1234/r, $TWILIO_FORM,
        'Zmvh+3yNM1Phv2jhDCwEM3q5ebU=' ],
    [ 'http without a port, signed with', $TWILIO_URL =~ s/https/http/r, $TWILIO_FORM,
        '0ZXoZLH/DfblKGATFgpif+LLRf4=' ],
    [ 'user and password', $TWILIO_URL =~ s{//}{//user:pass@}r, $TWILIO_FORM, 'CukzLTc1tT5dXEDIHm/tKBanW10=' ],
    [ 'special characters', "$TWILIO_URL&Body=It's+amazing", $TWILIO_FORM, 'dsq4Ehbj6cs+KdTkpF5sSSplOWw=' ],
    [ 'one name, two values', $TWILIO_URL,
        'MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx',
        '83O6e2vORAoJHUNzJjDWN1jz+BA=' ],
    [ 'one value twice', $TWILIO_URL, 'Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234',
        'IK+Dwps556ElfBT0I3Rgjkr1wJU=' ],
) {
    my ($what, $url, $body, $signature) = @$example;
    known twilio => (
        from => $what =~ /docs/ ? $what : "twilio/twilio-node spec/validation.spec.js, $what",
        secret => '12345', url => $url, query => $url =~ s/^.*?[?]//r, form => 1, body => $body,
        headers => [ 'X-Twilio-Signature' => '<signature>' ], signature => $signature,
    );
}
for my $example (
    [ 'JSON', "foo=1&bar=2&$TWILIO_HASH", $TWILIO_JSON, 'a9nBmqA0ju/hNViExpshrM61xv4=' ],
    [ 'JSON, no other parameter', $TWILIO_HASH, $TWILIO_JSON, 'y77kIzt2vzLz71DgmJGsen2scGs=' ],
    [ 'empty JSON',
        'foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', '{}',
        'Ldidvp12m26NI7eqEvxnEpkd9Hc=' ],
) {
    my ($what, $query, $body, $signature) = @$example;
    known twilio => (
        from => "twilio/twilio-node spec/validation.spec.js, $what",
        secret => '12345', url => "https://mycompany.com/myapp.php?$query", query => $query, body => $body,
        headers => [ 'X-Twilio-Signature' => '<signature>' ], signature => $signature,
    );
}

my %HUBSPOT = (secret => 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy', url => 'https://www.example.com/webhook_uri');
known 'hubspot-v1' => (%HUBSPOT,
    from    => 'developers.hubspot.com, Validating requests; HubSpot/hubspot-api-php '
        . 'tests/Unit/Utils/SignatureTest.php',
    headers => [ 'X-HubSpot-Signature' => '<signature>', 'X-HubSpot-Signature-Version' => 'v1' ],
    signature => '232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de',
    body      => '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
        . '"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
        . '"changeFlag":"NEW","appId":54321}]',
);
for my $example (
    [ GET  => '', 'eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e' ],
    [ POST => '{"example_field":"example_value"}',
        '9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900' ],
) {
    my ($method, $body, $signature) = @$example;
    known 'hubspot-v2' => (%HUBSPOT,
        from    => 'developers.hubspot.com, Validating requests; HubSpot/hubspot-api-php '
            . "tests/Unit/Utils/SignatureTest.php, $method",
        method  => $method, body => $body,
        headers => [ 'X-HubSpot-Signature' => '<signature>', 'X-HubSpot-Signature-Version' => 'v2' ],
        signature => $signature,
    );
}
known 'hubspot-v3' => (%HUBSPOT,
    from    => 'HubSpot/hubspot-api-python tests/spec/utils/test_signature.py', timed => 1,
    body    => q({'example_field':'example_value'}),
    headers => [ 'X-HubSpot-Signature-v3' => '<signature>', 'X-HubSpot-Request-Timestamp' => 1693657560000 ],
    signature => 'K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=',
);

known sendgrid => (
    from    => 'sendgrid/sendgrid-nodejs packages/eventwebhook/src/eventwebhook.spec.js, one event', timed => 1,
    secret  => 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpV'
        . 'KS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==',
    headers => [
        'X-Twilio-Email-Event-Webhook-Signature' => '<signature>',
        'X-Twilio-Email-Event-Webhook-Timestamp' => 1600112502,
    ],
    signature => 'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
    event_id  => 'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA', event_type => 'dropped',
    body      => text(<<'END') . "\r\n",
[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]
END
);

known sendgrid => (
    from    => 'sendgrid/sendgrid-nodejs packages/eventwebhook/src/eventwebhook.spec.js, two events', timed => 1,
    secret  => 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ4LIFtWztlsF7skFqOncjD1lun4H5w8XOhyOArHW9RcI'
        . 'x/FfEzx6cikC/yPfUvwaX/JScE7Fc9CJD2afQ9Ok3Q==',
    headers => [
        'X-Twilio-Email-Event-Webhook-Signature' => '<signature>',
        'X-Twilio-Email-Event-Webhook-Timestamp' => 1619651159,
    ],
    signature => 'MEYCIQC/I4o6vCgqRYrTljjoVWB/GRWNtxeePlLMHr3x9ETeRQIhAIpV+03nREPTTHWSW0wIOA0EoMPdcNgXa70yCaqDJlu5',
    body      => <<'END' =~ s/\n/\r\n/gr,
[{"email":"invalid@gmail.com","event":"processed","send_at":0,"sg_event_id":"cHJvY2Vzc2VkLTE5OTQyMTEyLXFOd0JMZ1BRUWpXNkRKdktRd1NBYnctMA","sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","timestamp":1619651146},
{"email":"invalid@gmail.com","event":"bounce","ip":"167.89.101.76","reason":"552 5.2.2 The email account that you tried to reach is over quota and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm c17si1130468pgv.34 - gsmtp","sg_event_id":"Ym91bmNlLTAtMTk5NDIxMTItcU53QkxnUFFRalc2REp2S1F3U0Fidy0w","sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","status":"5.2.2","timestamp":1619651147,"tls":1,"type":"blocked"}]
END
);

known 'adyen-platform' => (
    from    => 'Adyen/adyen-node-api-library src/__tests__/hmacValidator.spec.ts, Banking webhook',
    secret  => '11223344D785FBAE710E7F943F307971BB61B21281C98C9129B3D4018A57B2EB',
    headers => [ 'HmacSignature' => '<signature>', 'Protocol' => 'HmacSHA256' ],
    signature => 'UVBzHbDayhfT1XgaRGAkuKvxwoxrLoVCBdfi3WZU8lI=', event_type => 'balancePlatform.accountHolder.created',
    body      => text(<<'END'),
{
    "data": {
      "balancePlatform": "YOUR_BALANCE_PLATFORM",
      "accountHolder": {
        "contactDetails": {
          "email": "test@adyen.com",
          "phone": {
            "number": "0612345678",
            "type": "mobile"
          },
          "address": {
            "houseNumberOrName": "23",
            "city": "Amsterdam",
            "country": "NL",
            "postalCode": "12345",
            "street": "Main Street 1"
          }
        },
        "description": "Shelly Eller",
        "legalEntityId": "LE00000000000000000001",
        "reference": "YOUR_REFERENCE-2412C",
        "capabilities": {
          "issueCard": {
            "enabled": true,
            "requested": true,
            "allowed": false,
            "verificationStatus": "pending"
          },
          "receiveFromTransferInstrument": {
            "enabled": true,
            "requested": true,
            "allowed": false,
            "verificationStatus": "pending"
          },
          "sendToTransferInstrument": {
            "enabled": true,
            "requested": true,
            "allowed": false,
            "verificationStatus": "pending"
          },
          "sendToBalanceAccount": {
            "enabled": true,
            "requested": true,
            "allowed": false,
            "verificationStatus": "pending"
          },
          "receiveFromBalanceAccount": {
            "enabled": true,
            "requested": true,
            "allowed": false,
            "verificationStatus": "pending"
          }
        },
        "id": "AH00000000000000000001",
        "status": "active"
      }
    },
    "environment": "test",
    "timestamp": "2024-12-15T15:42:03+01:00",
    "type": "balancePlatform.accountHolder.created"
  }
END
);

# The library's object, as JSON.
for my $example (
    [ 'REPORT_AVAILABLE', 'ZNBPtI+oDyyRrLyD1XirkKnQgIAlFc07Vj27TeHsDRE=',
        '"eventDate":"2019-09-21T11:45:24.637Z","paymentMethod":"VISA","reason":"reason",' ],
    [ 'EVENT', 'ipnxGCaUZ4l8TUW75a71/ghd2Fe5ffvX0pV4TLTntIc=', '' ],
) {
    my ($event, $signature, $unsigned) = @$example;
    known 'adyen-payments' => (
        from   => "Adyen/adyen-node-api-library src/__tests__/hmacValidator.spec.ts, $event",
        secret => 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00',
        body   => '{"live":"false","notificationItems":[{"NotificationRequestItem":{"pspReference":"pspReference",'
            . '"originalReference":"originalReference","merchantAccountCode":"merchantAccount",'
            . '"merchantReference":"reference","amount":{"currency":"EUR","value":1000},'
            . qq("eventCode":"$event",$unsigned"success":"true","additionalData":{"hmacSignature":"<signature>"}}}]}),
        signature => $signature, tamper => [ ':1000' => ':1001' ],
    );
}

known mailgun => (
    from   => 'symfony/symfony src/Symfony/Component/Mailer/Bridge/Mailgun/Tests/Webhook, opens.json', timed => 1,
    secret => 'key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26', tamper => [ 'bbb203bc' => 'bbb203bd' ],
    signature => '695c5558b2f9b7a05c73081c860688595fde006c60614e9d6841cc889c4c8c9f',
    event_id  => 'Ase7i2zsRYeDXztHGENqRA', event_type => 'opened',
    body      => <<'END',
{
    "signature": {
        "token": "bbb203bc8d6602b6b22e4ce88a074f73fecb68d3a96e9c8318",
        "timestamp": "1661621752",
        "signature": "<signature>"
    },
    "event-data": {
        "id": "Ase7i2zsRYeDXztHGENqRA",
        "timestamp": 1521243339.873676,
        "log-level": "info",
        "event": "opened",
        "message": {
            "headers": {
                "message-id": "20130503182626.18666.16540@app.symfony.com"
            }
        },
        "recipient": "alice@example.com",
        "recipient-domain": "example.com",
        "ip": "50.56.129.169",
        "geolocation": {
            "country": "US",
            "region": "CA",
            "city": "San Francisco"
        },
        "client-info": {
            "client-os": "Linux",
            "device-type": "desktop",
            "client-name": "Chrome",
            "client-type": "browser",
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.31 (KHTML, like Gecko) Chrome/26.0.1410.43 Safari/537.31"
        },
        "campaigns": [],
        "tags": [
            "my_tag_1",
            "my_tag_2"
        ],
        "user-variables": {
            "my_var_1": "Mailgun Variable #1",
            "my-var-2": "awesome"
        }
    }
}
END
);

known vonage => (
    from    => 'Vonage/vonage-python-sdk jwt/tests/test_verify_jwt.py, without a body',
    secret  => 'qwertyuiopasdfghjklzxcvbnm123456', body => '',
    headers => [ 'Authorization' => 'Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLC'
            . 'JpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4MjgsImF1ZCI6IiIsInN1YiI6IiJ9.<signature>' ],
    signature => '88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM',
);

known paypal => (
    from => 'paypal/PayPal-Python-SDK test/unit_tests/notifications_test.py, certificate in '
        . 'paypal/PayPal-node-SDK test/mocks/notification.js',
    id      => '4JH86294D6297924G',
    headers => [
        'PAYPAL-TRANSMISSION-ID'   => 'dfb3be50-fd74-11e4-8bf3-77339302725b',
        'PAYPAL-TRANSMISSION-TIME' => '2015-05-18T15:45:13Z',
        'PAYPAL-TRANSMISSION-SIG'  => '<signature>',
        'PAYPAL-CERT-URL'          => 'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77',
        'PAYPAL-AUTH-ALGO'         => 'SHA256withRSA',
    ],
    signature => 'thy4/U002quzxFavHPwbfJGcc46E8rc5jzgyeafWm5mICTBdY/8rl7WJpn8JA0GKA+oDTPsSruqusw+XXg5RLAP7ip'
        . '53Euh9Xu3UbUhQFX7UgwzE2FeYoY6lyRMiiiQLzy9BvHfIzNIVhPad4KnC339dr6y2l+mN8ALgI4GCdIh3/SoJO5wE'
        . '64Bh/ueWtt8EVuvsvXfda2Le5a2TrOI9vLEzsm9GS79hAR/5oLexNz8UiZr045Mr5ObroH4w4oNfmkTaDk9Rj0G19u'
        . 'vISs5QzgmBpauKr7Nw++JI0pr/v5mFctQkoWJSGfBGzPRXawrvIIVHQ9Wer48GR2g9ZiApWg==',
    event_id => 'WH-0G2756385H040842W-5Y612302CV158622M', event_type => 'PAYMENT.SALE.COMPLETED',
    body   => text(<<'END'), secret => <<'PEM',
{"id":"WH-0G2756385H040842W-5Y612302CV158622M","create_time":"2015-05-18T15:45:13Z","resource_type":"sale","event_type":"PAYMENT.SALE.COMPLETED","summary":"Payment completed for $ 20.0 USD","resource":{"id":"4EU7004268015634R","create_time":"2015-05-18T15:44:02Z","update_time":"2015-05-18T15:44:21Z","amount":{"total":"20.00","currency":"USD"},"payment_mode":"INSTANT_TRANSFER","state":"completed","protection_eligibility":"ELIGIBLE","protection_eligibility_type":"ITEM_NOT_RECEIVED_ELIGIBLE,UNAUTHORIZED_PAYMENT_ELIGIBLE","parent_payment":"PAY-86C81811X5228590KKVNARQQ","transaction_fee":{"value":"0.88","currency":"USD"},"links":[{"href":"https://api.sandbox.paypal.com/v1/payments/sale/4EU7004268015634R","rel":"self","method":"GET"},{"href":"https://api.sandbox.paypal.com/v1/payments/sale/4EU7004268015634R/refund","rel":"refund","method":"POST"},{"href":"https://api.sandbox.paypal.com/v1/payments/payment/PAY-86C81811X5228590KKVNARQQ","rel":"parent_payment","method":"GET"}]},"links":[{"href":"https://api.sandbox.paypal.com/v1/notifications/webhooks-events/WH-0G2756385H040842W-5Y612302CV158622M","rel":"self","method":"GET"},{"href":"https://api.sandbox.paypal.com/v1/notifications/webhooks-events/WH-0G2756385H040842W-5Y612302CV158622M/resend","rel":"resend","method":"POST"}]}
END
-----BEGIN CERTIFICATE-----
MIIHqDCCBpCgAwIBAgIQCSVMkxB1Kw9SPZtpAr3lTDANBgkqhkiG9w0BAQsFADB1
MQswCQYDVQQGEwJVUzEVMBMGA1UEChMMRGlnaUNlcnQgSW5jMRkwFwYDVQQLExB3
d3cuZGlnaWNlcnQuY29tMTQwMgYDVQQDEytEaWdpQ2VydCBTSEEyIEV4dGVuZGVk
IFZhbGlkYXRpb24gU2VydmVyIENBMB4XDTE1MDMxODAwMDAwMFoXDTE3MDMyMjEy
MDAwMFowggElMR0wGwYDVQQPDBRQcml2YXRlIE9yZ2FuaXphdGlvbjETMBEGCysG
AQQBgjc8AgEDEwJVUzEZMBcGCysGAQQBgjc8AgECEwhEZWxhd2FyZTEQMA4GA1UE
BRMHMzAxNDI2NzEWMBQGA1UECRMNMjIxMSBOIDFzdCBTdDEOMAwGA1UEERMFOTUx
MzExCzAJBgNVBAYTAlVTMRMwEQYDVQQIEwpDYWxpZm9ybmlhMREwDwYDVQQHEwhT
YW4gSm9zZTEVMBMGA1UEChMMUGF5UGFsLCBJbmMuMRgwFgYDVQQLEw9QYXJ0bmVy
IFN1cHBvcnQxNDAyBgNVBAMTK21lc3NhZ2V2ZXJpZmljYXRpb25jZXJ0cy5zYW5k
Ym94LnBheXBhbC5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDI
XgwJj1E+vPOLNA7e3nFsRpQq7G1CFcoCNeRgFIGRfd4itt2jBRPfHXf1eeXODQ6V
wTMP6rVYrI3HBQu5SZRZKO3gALPiBWTcz5FhVovYDz/d/DtasA5L7l1xmRM+GGPE
e/D3ETPeyym6GTAuIzR1ju1BuSQlVnIrcILDHrFZo0RyqFH1eNL3oYfgz+ZCv+WH
65rhS60VowiLAb2lsARckJ2P8wKIps3YUxAqVG5SJ9H49ueBDI01wEzE/+59J8s9
GThmbMTqP6x4MneAcGN1TPimGd9wZlbwwrCYDtCoqFDcxMVgvD83uPrIinFwTIOX
w63QSv8/+ANuawBcNJDrAgMBAAGjggOAMIIDfDAfBgNVHSMEGDAWgBQ901Cl1qCt
7vNKYApl0yHU+PjWDzAdBgNVHQ4EFgQUt5yLggZOjjfzULzZCgX2KZO3R/gwNgYD
VR0RBC8wLYIrbWVzc2FnZXZlcmlmaWNhdGlvbmNlcnRzLnNhbmRib3gucGF5cGFs
LmNvbTAOBgNVHQ8BAf8EBAMCBaAwHQYDVR0lBBYwFAYIKwYBBQUHAwEGCCsGAQUF
BwMCMHUGA1UdHwRuMGwwNKAyoDCGLmh0dHA6Ly9jcmwzLmRpZ2ljZXJ0LmNvbS9z
aGEyLWV2LXNlcnZlci1nMS5jcmwwNKAyoDCGLmh0dHA6Ly9jcmw0LmRpZ2ljZXJ0
LmNvbS9zaGEyLWV2LXNlcnZlci1nMS5jcmwwQgYDVR0gBDswOTA3BglghkgBhv1s
AgEwKjAoBggrBgEFBQcCARYcaHR0cHM6Ly93d3cuZGlnaWNlcnQuY29tL0NQUzCB
iAYIKwYBBQUHAQEEfDB6MCQGCCsGAQUFBzABhhhodHRwOi8vb2NzcC5kaWdpY2Vy
dC5jb20wUgYIKwYBBQUHMAKGRmh0dHA6Ly9jYWNlcnRzLmRpZ2ljZXJ0LmNvbS9E
aWdpQ2VydFNIQTJFeHRlbmRlZFZhbGlkYXRpb25TZXJ2ZXJDQS5jcnQwDAYDVR0T
AQH/BAIwADCCAX0GCisGAQQB1nkCBAIEggFtBIIBaQFnAHUApLkJkLQYWBSHuxOi
zGdwCjw1mAT5G9+443fNDsgN3BAAAAFMLovtNgAABAMARjBEAiBTR7r3p76qUJzF
23lsbD/cLsA0KlxoJRSIvIK0OIYWiQIgVQWja8tWBlpcoFP30Iym7IuczitSazpH
fhKAVroTgXgAdgBo9pj4H2SCvjqM7rkoHUz8cVFdZ5PURNEKZ6y7T0/7xAAAAUwu
i+z4AAAEAwBHMEUCIEP3VYyLQB7lOgFo4WstyOurmRe3xa0OVaeFL/bDohHOAiEA
+xQrRVAfaeT4qBdBJzLyVLU4V9bh/qBMXJdjvYujhAcAdgBWFAaaL9fC7NP14b1E
sj7HRna5vJkRXMDvlJhV1onQ3QAAAUwui+6EAAAEAwBHMEUCIQC/YUc5X6xyb3ho
o4VMSJqSoNg9KKkvLh9nUQCdwHi3/QIgNwcBc9ZZCR/aWXQ7hKH6d39kpkDX2Z43
XPy/Kl5sKI4wDQYJKoZIhvcNAQELBQADggEBAHixEZNpb0M1MsvsfNI6lLKxrs9s
JkcBcmxrFyhTC8KP+Qp+Z1fnMRQwpTLIMr1+uAMqCPAnIShGHeFNJpUFSMyW4o0l
+pZGz/L/YJBs7XP3ChSGC17ZKeGSQFfMqMQXfY/L6+n/1HkAwqmewqUMEuUmWN3F
kXJqVngIYGZtxXRyiv2azLOhrNP8BgNZK6d2gVxntQfGr4hnd8Juq8SJy/S4xpPY
YPD8vW7/wSOdAe1/kU38QwDVBQ5PJePS2WFwz8YA/eKcyg9lfsianfw35SjehJbn
wGwzUbjtibyJnv3eAeYDGxaI6vbuoE99pSmYGIwSBLJwZamJHjci6HL6wLg=
-----END CERTIFICATE-----
PEM
);

my $SNS_CERTIFICATE = <<'PEM';
-----BEGIN CERTIFICATE-----
MIIFxTCCBK2gAwIBAgIQBkyRNHAyygLkObkxH5ju+zANBgkqhkiG9w0BAQsFADA8
MQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRwwGgYDVQQDExNBbWF6b24g
UlNBIDIwNDggTTAxMB4XDTI1MTExMDAwMDAwMFoXDTI2MTAxNDIzNTk1OVowHDEa
MBgGA1UEAxMRc25zLmFtYXpvbmF3cy5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IB
DwAwggEKAoIBAQChbVNQ+DEaT5WN+l+bg0iEeF666Z6LDFc1KJr4lNl0odcXQSsk
KsZYCMVdp4I/Ikk9zWyckRTMkmQGYimpD+bTsMCP5C/sJIU0E9Y2OXjjl5Videkq
qnRL9VdE5N41Rvks7S/5MpYcSmCsmaHfwcv82Gvx2zm9CrA5Xu7K2ZqhzRQPCRSP
mHTHQr4ED63ujE+qTpPgQZ0TvgmcrAc08Z75Z7Zzs17aTNc3YhAtQx9WowN8uiHk
kgc+ONNdtwKvWZNmnbmxMHYtYc291WCP1K1Nh4TV5XNyjIebzQKDrqTCN0ItAr1x
e6Bl3BYS3SG9XHAy0q3ekITzQsKypcuaK6dTAgMBAAGjggLhMIIC3TAfBgNVHSME
GDAWgBSBuA5jiokSGOX6OztQlZ/m5ZAThTAdBgNVHQ4EFgQUBQEUzzzuVJAKzAlR
d0Q//W6HvZUwHAYDVR0RBBUwE4IRc25zLmFtYXpvbmF3cy5jb20wEwYDVR0gBAww
CjAIBgZngQwBAgEwDgYDVR0PAQH/BAQDAgWgMBMGA1UdJQQMMAoGCCsGAQUFBwMB
MDsGA1UdHwQ0MDIwMKAuoCyGKmh0dHA6Ly9jcmwucjJtMDEuYW1hem9udHJ1c3Qu
Y29tL3IybTAxLmNybDB1BggrBgEFBQcBAQRpMGcwLQYIKwYBBQUHMAGGIWh0dHA6
Ly9vY3NwLnIybTAxLmFtYXpvbnRydXN0LmNvbTA2BggrBgEFBQcwAoYqaHR0cDov
L2NydC5yMm0wMS5hbWF6b250cnVzdC5jb20vcjJtMDEuY2VyMAwGA1UdEwEB/wQC
MAAwggF/BgorBgEEAdZ5AgQCBIIBbwSCAWsBaQB3ANdtfRDRp/V3wsfpX9cAv/mC
yTNaZeHQswFzF8DIxWl3AAABmnAb33MAAAQDAEgwRgIhANXAgMEZWU326cqxqwnf
ntD0XcBjRbmvVMOp3hZ8boPXAiEAkI3NTMXcdLCChHak1ipOae7K7r3spMGUMk6Q
cEUKqBEAdgDCMX5XRRmjRe5/ON6ykEHrx8IhWiK/f9W1rXaa2Q5SzQAAAZpwG9+u
AAAEAwBHMEUCIQD+Qyok8NYaFuQkccW+XIMmxHxj6Yka2wjtg6UN/tbU5wIgcp4z
8MyC/dUfeLRuHAt0owtVgEu7xXqrMBOYlbXrfC4AdgDLOPcViXyEoURfW8Hd+8lu
8ppZzUcKaQWFsMsUwxRY5wAAAZpwG9+yAAAEAwBHMEUCIQCmu1jQUG9A2br7OqwM
FvQXtBX10yIvvDa6a2Ov1Zgg6gIgKlqRvN6WhX0pSHAN2bKmjRwIUI3X9kjS/A/m
DYULaV4wDQYJKoZIhvcNAQELBQADggEBAIbTQWQhqrG6SzwLq79tKCpI0aL0xlD+
/jrGPxpwTlK7rtAArHiEVh/bsmwLYRlIxPBiU+NE/kqeT0lhJA6/e3X3KRmnpJ6u
Z70PJGYwmZbSRsFom0vGFBMncX0qYx1iD0dooPeAkkSnM5j81rBh+FepV3HfF+tA
9gaglWLsU7Z/A0fdn9D32UPreVHloOut5EyEinvXRUAWZco9CRloyEXJr7Mxq9MZ
vYOK+5wuSPHnPij+fGlQsPxEgoTnCmU03PqNS49kL13jjEnYYdijqL+4rfHtuZbc
4hlVoZfttwg8wD3m5brhQ+GkBBNYN8HFtdVy/BnFi+SPJqv6BgB3Y00=
-----END CERTIFICATE-----
PEM
my $SNS_TOPIC = 'arn:aws:sns:us-west-2:131990247566:dongie-standard-topic';
my $SNS_TESTS = 'aws/aws-sdk-java-v2 services-custom/sns-message-manager/src/test/resources';

known 'aws-sns-v1' => (
    from   => "$SNS_TESTS, test-notification-with-subject.json",
    secret => $SNS_CERTIFICATE, id => $SNS_TOPIC, tamper => [ 'Hello!' => 'Hellp!' ],
    timed => 1, signature => 'jvNSgHVOF9KUOKI3bmQZhURD0kDN6txhfjiyuvnV95Dw6b2SRa7nq3AhM8agP0KUCIrRgKHqUlN6K2XBA35Lzkx1eI'
        . '5RT0oXIN00pvvzGxSz0ddnuSGmDJM7bd/b1vl2RlLjz+KvkhzEtspxLnxjLsGl2EpOmztt+um7owb4475sOLdGTx1Q'
        . 'iFV/8HqB2J0DyjeWdRZvu7Xpsf1Yd2rgmijFoz8x89Vw8pIksjczr4q16pxdh/XKWjbN2uPoC+3EeYdljL8KUvLYH9'
        . 'ueHSs5E9qq2iLdze4+FtANnE73XRvvSGE0KI+FGOvz1igest6qon3g1/CVy4mq3n19TsCSmA==',
    event_id => '26858270-545e-5848-82a2-e05566af3dcf',
    body   => text(<<'END'),
{
  "Type" : "Notification",
  "MessageId" : "26858270-545e-5848-82a2-e05566af3dcf",
  "TopicArn" : "arn:aws:sns:us-west-2:131990247566:dongie-standard-topic",
  "Subject" : "My message subject",
  "Message" : "Hello! This message has a subject.",
  "Timestamp" : "2026-03-06T19:53:21.424Z",
  "SignatureVersion" : "1",
  "Signature" : "<signature>",
  "SigningCertURL" : "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem",
  "UnsubscribeURL" : "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-west-2:131990247566:dongie-standard-topic:b24e11a2-06bd-4e73-aa29-0ed2de3b41b5"
}
END
);

known 'aws-sns-v1' => (
    from   => "$SNS_TESTS, test-subscription-confirmation.json",
    secret => $SNS_CERTIFICATE, id => $SNS_TOPIC, tamper => [ 'topic.\nTo' => 'topic. To' ],
    timed => 1, signature => 'Ce2Ax8UbEq0RrVH7gsjP9WZ9bzif7dUkAY4OH99Pv7FSrvs8cK+uiH3a6ig54rXWUnZRUejk8K6KeK5Q80O9iJp8Kb'
        . 'PRKdQ0PkJ3YASdabhfK0e7evC05YR2pFoS6nNaqNzT7HrR1d1Z9iLoFxluo2Dzb7kWVB7e9jp/y+ZBXRzRIaZgscM8'
        . '4kahBc6QgXOFJA1/PFA4cB5qaa6tBcUFtTE63o9vJ4wMmKk93W9MoszC+dNJeVFr8VHmt3toR+3JauBCZnGdgXgsDh'
        . 'ni4PduSfWJJxEpuOK41iYf1hW+xFNFFsv46siTFiHdHiYDfI7/VlaY4spMgkq3EndRr7rHzQ==',
    event_id => 'f3f2fc87-c426-4c2f-9044-b55890c0939c',
    body   => text(<<'END'),
{
  "Type" : "SubscriptionConfirmation",
  "MessageId" : "f3f2fc87-c426-4c2f-9044-b55890c0939c",
  "Token" : "2336412f37fb687f5d51e6e2425929f52e8e353134fe72d55ef8b330217d82da14007cbccefffd35b695feb8f0294d01fd9644f41e1ddfad261519a2c0bac743ff375eeb64530147d2da57f3acc54739da14c8dbd48a9d58ce996eff0d498ea6b4b9f58720d8959b52b99b8de148081720d7da17434e376614a00c992e7823e4",
  "TopicArn" : "arn:aws:sns:us-west-2:131990247566:dongie-standard-topic",
  "Message" : "You have chosen to subscribe to the topic arn:aws:sns:us-west-2:131990247566:dongie-standard-topic.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
  "SubscribeURL" : "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:131990247566:dongie-standard-topic&Token=2336412f37fb687f5d51e6e2425929f52e8e353134fe72d55ef8b330217d82da14007cbccefffd35b695feb8f0294d01fd9644f41e1ddfad261519a2c0bac743ff375eeb64530147d2da57f3acc54739da14c8dbd48a9d58ce996eff0d498ea6b4b9f58720d8959b52b99b8de148081720d7da17434e376614a00c992e7823e4",
  "Timestamp" : "2026-03-06T19:31:32.895Z",
  "SignatureVersion" : "1",
  "Signature" : "<signature>",
  "SigningCertURL" : "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
}
END
);

known 'aws-sns' => (
    from   => "$SNS_TESTS, test-notification-signature-v2.json",
    secret => $SNS_CERTIFICATE, id => $SNS_TOPIC, tamper => [ 'version 2.' => 'version 3.' ],
    timed => 1, signature => 'kGNJ7FIM5DJxRv9bdoSJBty2WHpADFWrJ0ZQU/A2sALy6tBE5hqfUvPRlklTJ+PACFMguoFOO7W6ac/Bs4gR+JBRFh'
        . 'x4598X8/HWzrmaLrtB2f7nzViHbpzYN+u+OewXhxjj2lNsu0bLKv6fogkACytDIOhjZylbfJoPphDYAB7T3Ila7u+K'
        . '3m2wLHH4k1cPYKyBf5FI/kAoQAVsY6qFHeb6CWfHsdM98I2gwyEvwJSzW0iyYBfqckmthQwH3Ex53jrhQlZylXFDYm'
        . 'stSJAdvbLeGqIUxKyk+O25wYgBjbbbeR+2qE2UCGEQrk1Bq018wmTxdHZmDhoBjJXiGmFkfg==',
    event_id => '9d2c5580-b61d-550c-8583-37a582870907',
    body   => text(<<'END'),
{
  "Type" : "Notification",
  "MessageId" : "9d2c5580-b61d-550c-8583-37a582870907",
  "TopicArn" : "arn:aws:sns:us-west-2:131990247566:dongie-standard-topic",
  "Message" : "This message uses signature version 2.",
  "Timestamp" : "2026-03-06T20:00:26.893Z",
  "SignatureVersion" : "2",
  "Signature" : "<signature>",
  "SigningCertURL" : "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem",
  "UnsubscribeURL" : "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-west-2:131990247566:dongie-standard-topic:b24e11a2-06bd-4e73-aa29-0ed2de3b41b5"
}
END
);

my $locations = '';
for my $index (0 .. $#known) {
    my $row     = $known[$index];
    my @secrets = ref $row->{secret} ? @{ $row->{secret} } : $row->{secret};
    my $gate    = "webhook $row->{preset}; webhook_methods $row->{method}; proxy_pass http://%%BACKEND%%;";
    for my $number (0 .. $#secrets) {
        my $path = write_file("known-$index-$number.key", $secrets[$number], 0600);
        $gate .= " webhook_secret file:$path" . ($row->{id} ? " id=$row->{id};" : ';');
    }
    $gate .= qq( webhook_url "$row->{url}";) if $row->{url};
    $locations .= "location = /known/$index { $gate webhook_tolerance 36500d; }\n";
    $locations .= "location = /timed/$index { $gate }\n" if $row->{timed};
}

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
server {
    listen %%ADDR%%:8080;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Type \$webhook_event_type;
    $locations
}
CONF

sub request ($row, %change) {
    my $signature = $change{signature} // $row->{signature};
    my $body      = $row->{body} =~ s/<signature>/$signature/r;
    $body = $change{body}->($body) if $change{body};
    my $type = $row->{form} ? 'application/x-www-form-urlencoded' : 'application/json';
    return (
        method  => $row->{method},
        body    => $body,
        headers => [ 'Content-Type' => $type, map { s/<signature>/$signature/r } @{ $row->{headers} } ],
    );
}

sub uri ($kind, $index) {
    my $query = $known[$index]{query};
    return "/$kind/$index" . (defined $query ? "?$query" : '');
}

# The last letter or digit, or where there is none, one blank more.
sub other_byte ($text) {
    return $text =~ s/([A-Za-z0-9])([^A-Za-z0-9]*)\z/($1 eq '1' ? '2' : '1') . $2/e ? $text : "$text ";
}

sub is_refused ($what, $reason, %request) {
    $backend->clear;
    my $response = send_request(%request);
    is $response->{status}, 401, "$what: status";
    is $response->header('Webhook-Reason'), $reason, "$what: reason";
    is $backend->count, 0, "$what: nothing reaches the backend";
}

for my $index (0 .. $#known) {
    my $row = $known[$index];
    subtest "$row->{preset}: $row->{from}" => sub {
        my $uri = uri(known => $index);
        my %sent = request($row);
        my $response = send_request(uri => $uri, %sent);
        is $response->{status}, 200, 'accepted' or diag $response->header('Webhook-Reason') // $response->{error};
        my @requests = $backend->requests;
        is scalar(@requests), 1, 'reaches the backend';
        my $seen = $requests[0] // { headers => {} };
        is $seen->{body}, $sent{body}, 'the bytes that were signed';
        is $seen->{headers}{'x-seen-id'},   $row->{event_id},   'event id'   if exists $row->{event_id};
        is $seen->{headers}{'x-seen-type'}, $row->{event_type}, 'event type' if exists $row->{event_type};

        my ($this, $other) = @{ $row->{tamper} // [] };
        my $tamper = defined $this ? sub ($body) { $body =~ s/\Q$this\E/$other/r } : \&other_byte;
        my %tampered = request($row, body => $tamper);
        isnt $tampered{body}, $sent{body}, 'one byte differs';
        is_refused('another byte of the body', 'bad_signature', uri => $uri, %tampered);

        my $signature = $row->{signature};
        substr($signature, -10, 1) = substr($signature, -10, 1) eq 'a' ? 'b' : 'a';
        is_refused('another byte of the signature', 'bad_signature', uri => $uri, request($row, signature => $signature));

        is_refused('its time has passed', 'stale_timestamp', uri => uri(timed => $index), %sent) if $row->{timed};
        $backend->clear;
    };
}

finish();
