# The built-in presets: each accepts what its sender sends and refuses everything near it.

use Webhook::Test;

my $SECRET = 'secret-of-the-presets-0123456789';
my $WHSEC  = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

my %PRESET = (
    github => {
        sign => \&github_headers, options => { delivery => 'event-1', event => 'push' },
        headers => { 'X-Hub-Signature-256' => 'missing_signature' },
        id => 'event-1', type => 'push',
    },
    gitlab => {
        sign => \&gitlab_headers, options => { id => 'event-2', event => 'Push Hook' },
        headers => { 'X-Gitlab-Token' => 'missing_signature' }, token => 1,
        id => 'event-2', type => 'Push Hook',
    },
    shopify => {
        sign => \&shopify_headers, options => { id => 'event-3', topic => 'orders/create' },
        headers => { 'X-Shopify-Hmac-Sha256' => 'missing_signature' },
        id => 'event-3', type => 'orders/create',
    },
    stripe => {
        sign => \&stripe_headers, timed => 1, body => '{"id":"evt_4","type":"invoice.paid"}',
        headers => { 'Stripe-Signature' => 'missing_signature' },
        id => 'evt_4', type => 'invoice.paid',
    },
    slack => {
        sign => \&slack_headers, timed => 1, body => '{"event_id":"Ev5","event":{"type":"message"}}',
        headers => { 'X-Slack-Signature' => 'missing_signature', 'X-Slack-Request-Timestamp' => 'missing_timestamp' },
        id => 'Ev5', type => 'message',
    },
    'standard-webhooks' => {
        sign => \&standard_headers, timed => 1, secret => $WHSEC, options => { id => 'msg_6' },
        body => '{"type":"user.created"}',
        headers => {
            'webhook-signature' => 'missing_signature', 'webhook-timestamp' => 'missing_timestamp',
            'webhook-id' => 'missing_header',
        },
        id => 'msg_6', type => 'user.created',
    },
    svix => {
        sign => \&svix_headers, timed => 1, secret => $WHSEC, options => { id => 'msg_7' },
        body => '{"type":"user.deleted"}',
        headers => {
            'svix-signature' => 'missing_signature', 'svix-timestamp' => 'missing_timestamp',
            'svix-id' => 'missing_header',
        },
        id => 'msg_7', type => 'user.deleted',
    },
    pagerduty => {
        sign => \&pagerduty_headers, body => '{"event":{"id":"01E8","event_type":"incident.triggered"}}',
        headers => { 'X-PagerDuty-Signature' => 'missing_signature' },
        id => '01E8', type => 'incident.triggered',
    },
    openrouter => {
        sign => sub ($secret, $body, %options) {
            my $token = exists $options{override}{'X-Webhook-Signature'} ? undef : $secret;
            return defined $token ? ('X-Webhook-Signature' => $token) : ();
        },
        headers => { 'X-Webhook-Signature' => 'missing_signature' }, token => 1,
        id => undef, type => undef,
    },
);

# As their documentation prints them.
my %KNOWN = (
    github => {
        secret => "It's a Secret to Everybody", body => 'Hello, World!',
        headers => [
            'X-Hub-Signature-256' => 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
        ],
    },
    'standard-webhooks' => {
        secret => $WHSEC, body => '{"test": 2432232314}',
        headers => [
            'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp' => 1614265330,
            'webhook-signature' => 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
        ],
    },
    svix => {
        secret => $WHSEC, body => '{"test": 2432232314}',
        headers => [
            'svix-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'svix-timestamp' => 1614265330,
            'svix-signature' => 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
        ],
    },
    slack => {
        secret => '8f742231b10e8888abcd99yyyzzz85a5',
        body   => 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow'
            . '&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner'
            . '&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands'
            . '%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN'
            . '&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
        headers => [
            'X-Slack-Request-Timestamp' => 1531420618,
            'X-Slack-Signature' => 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
        ],
    },
);

my $locations = '';
for my $name (sort keys %PRESET) {
    my $secret = $PRESET{$name}{secret} //= $SECRET;
    $PRESET{$name}{body} //= '{"some":"payload"}';
    $locations .= qq(location = /$name { webhook $name; webhook_secret "$secret"; proxy_pass http://%%BACKEND%%; }\n);
}
for my $name (sort keys %KNOWN) {
    $locations .= qq(location = /known/$name { webhook $name; webhook_secret "$KNOWN{$name}{secret}";)
        . " webhook_tolerance 36500d; proxy_pass http://%%BACKEND%%; }\n";
}

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
server {
    listen %%ADDR%%:8080;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Type \$webhook_event_type;
    proxy_set_header X-Seen-Scheme \$webhook_scheme;
    proxy_set_header X-Seen-Verdict \$webhook_verdict;
    proxy_set_header X-Seen-Timestamp \$webhook_timestamp;
    $locations
}
CONF

sub signed ($preset, %options) {
    my $body   = $options{body}   // $preset->{body};
    my $secret = $options{secret} // $preset->{secret};
    return [ $preset->{sign}->($secret, $body, %{ $preset->{options} // {} }, %options) ];
}

sub is_refused ($what, $reason, %request) {
    $backend->clear;
    my $response = send_request(%request);
    is $response->{status}, 401, "$what: status";
    is $response->header('Webhook-Reason'), $reason, "$what: reason";
    is $backend->count, 0, "$what: nothing reaches the backend";
}

sub is_accepted ($what, %request) {
    $backend->clear;
    my $response = send_request(%request);
    is $response->{status}, 200, "$what: status" or diag $response->header('Webhook-Reason');
    my @requests = $backend->requests;
    is scalar(@requests), 1, "$what: reaches the backend";
    is $requests[0]{body}, $request{body}, "$what: the bytes that were signed";
    return $requests[0] // { headers => {} };
}

is scalar(keys %PRESET), 9, 'every preset';

for my $name (sort keys %PRESET) {
    my $preset  = $PRESET{$name};
    my $body    = $preset->{body};
    my %request = (uri => "/$name", body => $body);
    subtest $name => sub {
        my $now  = time;
        my @time = $preset->{timed} ? (timestamp => $now) : ();
        my $seen = is_accepted('valid', %request, headers => signed($preset, @time))->{headers};
        is $seen->{'x-seen-id'},        $preset->{id},   'event id';
        is $seen->{'x-seen-type'},      $preset->{type}, 'event type';
        is $seen->{'x-seen-scheme'},    $name,           'scheme';
        is $seen->{'x-seen-verdict'},   'accepted',      'verdict';
        is $seen->{'x-seen-timestamp'}, $preset->{timed} ? $now : undef, 'timestamp';

        my $tampered = $body =~ s/"}/"} /r;
        isnt $tampered, $body, 'one byte differs';
        if ($preset->{token}) {
            is_accepted('a token does not sign the body', %request, body => $tampered, headers => signed($preset));
        } else {
            is_refused('tampered body', 'bad_signature', %request, body => $tampered, headers => signed($preset));
            is_refused('no body', 'bad_signature', %request, body => '', headers => signed($preset));
            is_refused('other method of signing', 'bad_signature', %request,
                headers => signed($preset, body => substr $body, 1));
        }
        my $wrong = $preset->{secret} =~ /^whsec_/ ? 'whsec_' . 'QUJD' x 8 : "$preset->{secret}x";
        is_refused('wrong secret', 'bad_signature', %request, headers => signed($preset, secret => $wrong));
        for my $header (sort keys %{ $preset->{headers} }) {
            is_refused("without $header", $preset->{headers}{$header}, %request,
                headers => signed($preset, override => { $header => undef }));
        }
        is_refused('no header at all', 'missing_signature', %request);
        return unless $preset->{timed};
        is_refused('stale', 'stale_timestamp', %request, headers => signed($preset, timestamp => $now - 310));
        is_refused('future', 'future_timestamp', %request, headers => signed($preset, timestamp => $now + 310));
        is_accepted('within the window', %request, headers => signed($preset, timestamp => $now + $_)) for -280, 280;
    };
}

subtest 'several signatures, one right' => sub {
    for my $name (qw(stripe standard-webhooks svix pagerduty)) {
        my $preset = $PRESET{$name};
        my $other  = $preset->{secret} =~ /^whsec_/ ? 'whsec_' . 'QUJD' x 8 : 'another';
        for my $order ([ $other, $preset->{secret} ], [ $preset->{secret}, $other ]) {
            is_accepted($name, uri => "/$name", body => $preset->{body},
                headers => signed($preset, secret => $order->[0], secrets => [ $order->[1] ]));
        }
        is_refused("$name: none", 'bad_signature', uri => "/$name", body => $preset->{body},
            headers => signed($preset, secret => $other, secrets => [$other]));
    }
};

subtest 'the headers of another version do not count' => sub {
    my ($body, $preset) = ($PRESET{stripe}{body}, $PRESET{stripe});
    my %headers = stripe_headers($SECRET, $body);
    is_refused('v0 of Stripe', 'malformed_signature', uri => '/stripe', body => $body,
        headers => [ 'Stripe-Signature' => $headers{'Stripe-Signature'} =~ s/v1=/v0=/r ]);
    %headers = github_headers($SECRET, $PRESET{github}{body});
    is_refused('SHA-1 of GitHub', 'missing_signature', uri => '/github', body => $PRESET{github}{body},
        headers => [ 'X-Hub-Signature' => $headers{'X-Hub-Signature-256'} ]);
    is_refused('the prefix in upper case', 'malformed_signature', uri => '/github', body => $PRESET{github}{body},
        headers => [ 'X-Hub-Signature-256' => $headers{'X-Hub-Signature-256'} =~ s/sha/SHA/r ]);
    my %standard = standard_headers($WHSEC, $PRESET{svix}{body});
    $standard{'webhook-signature'} =~ s/v1,/v1a,/;
    is_refused('v1a of Standard Webhooks', 'malformed_signature', uri => '/standard-webhooks',
        body => $PRESET{svix}{body}, headers => [%standard]);
};

subtest 'published answers' => sub {
    for my $name (sort keys %KNOWN) {
        my %request = (uri => "/known/$name", headers => $KNOWN{$name}{headers}, body => $KNOWN{$name}{body});
        is_accepted($name, %request);
        is_refused("$name: tampered", 'bad_signature', %request, body => "$request{body}.");
    }
    is_refused('slack: its time has passed', 'stale_timestamp', uri => '/slack', headers => $KNOWN{slack}{headers},
        body => $KNOWN{slack}{body});
};

finish();
