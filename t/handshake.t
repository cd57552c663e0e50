# The questions by which senders make sure of an endpoint: answered byte for byte as they want it, here and
# never by the backend, and of no use to anybody else.

use Encode ();
use Webhook::Fixtures;
use Webhook::Test;

my $SECRET = 'a secret of the tests';
my $OTHER  = 'another secret of the tests';
my $TOKEN  = 'a token & its 100%';
my $VALUE  = '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P';

my $discord = ed25519_secret('hex');

sub signed_slack ($body, $secret = $SECRET, %options) {
    return slack_headers($secret, $body, %options);
}

sub signed_zoom ($body, $secret = $SECRET, %options) {
    my $time = $options{timestamp} // time;
    return ('X-Zm-Request-Timestamp' => $time, 'X-Zm-Signature' => 'v0=' . hmac_sha256_hex("v0:$time:$body", $secret));
}

sub signed_twitch ($body, $secret = $SECRET, %options) {
    my $id   = $options{id} // unique_id();
    my $time = rfc3339(600)->{write}->(time);
    return (
        'Twitch-Eventsub-Message-Id'        => $id,
        'Twitch-Eventsub-Message-Timestamp' => $time,
        'Twitch-Eventsub-Message-Signature' => 'sha256=' . hmac_sha256_hex("$id$time$body", $secret),
        'Twitch-Eventsub-Message-Type'      => $options{type},
    );
}

my $started = time;

# One time for all, so that no text is signed twice.
sub signed_discord ($body, $secret = $SECRET, %options) {
    my $key = $secret eq $SECRET ? $discord->{key} : $discord->{other};
    return (
        'X-Signature-Timestamp' => $started,
        'X-Signature-Ed25519'   => unpack 'H*', ed25519_signature($key, "$started$body"),
    );
}

sub signed_trello ($body, $secret = $SECRET) {
    return 'X-Trello-Webhook' => base64(hmac_sha1("${body}http://localhost/trello", $secret));
}

# No secret is that of X, whose handshake signs tokens for anyone.
sub of_monday ($secret) { return "$secret, for monday" }

sub signed_monday ($body, $secret = $SECRET, %options) {
    my $url = $options{url} // 'http://localhost/monday';
    return Authorization => json_web_token('HS256', of_monday($secret), aud => $url, exp => time + 60);
}

sub escaped ($text) { return $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02x', ord $1/ger }

sub posted ($body, @headers) { return (body => $body, headers => [ 'Content-Type' => 'application/json', @headers ]) }

# How each sender asks for `value`, what it wants to hear, and an ordinary delivery of it. What is
# signed is asked under a secret.
my %SENDER = (
    slack => {
        signed => 1,
        ask    => sub ($value, $secret = $SECRET, @options) {
            my $body = encode_json({ token => 'Jhj5dZrVaK7ZwHHjRyZWjbDl', challenge => $value, type => 'url_verification' });
            return posted($body, signed_slack($body, $secret, @options));
        },
        answer  => sub ($value) { return (200, 'text/plain', $value) },
        deliver => sub ($secret) {
            my $body = encode_json({ type => 'event_callback', event_id => unique_id(), challenge => 'no', event => {} });
            return posted($body, signed_slack($body, $secret));
        },
    },
    zoom => {
        signed => 1,
        ask    => sub ($value, $secret = $SECRET, @options) {
            my $body = encode_json({
                payload => { plainToken => $value }, event_ts => time, event => 'endpoint.url_validation',
            });
            return posted($body, signed_zoom($body, $secret, @options));
        },
        answer => sub ($value, $secret = $SECRET) {
            my $code = hmac_sha256_hex($value, $secret);
            return (200, 'application/json', qq({"plainToken":"$value","encryptedToken":"$code"}));
        },
        deliver => sub ($secret) {
            my $body = '{"event":"meeting.started","payload":{"plainToken":"no"}}';
            return posted($body, signed_zoom($body, $secret));
        },
    },
    twitch => {
        signed => 1,
        ask    => sub ($value, $secret = $SECRET, @options) {
            my $body = encode_json({ challenge => $value, subscription => { type => 'stream.online' } });
            return posted($body, signed_twitch($body, $secret, type => 'webhook_callback_verification', @options));
        },
        answer  => sub ($value) { return (200, 'text/plain', $value) },
        deliver => sub ($secret) {
            my $body = '{"challenge":"no","event":{}}';
            return posted($body, signed_twitch($body, $secret, type => 'notification'));
        },
    },
    discord => {
        signed => 1, fixed => 1,
        ask    => sub ($value, $secret = $SECRET, @options) {
            my $body = '{"application_id":"1","id":"787053080478613555","token":"A","type":1,"version":1}';
            return posted($body, signed_discord($body, $secret));
        },
        answer  => sub ($value) { return (200, 'application/json', '{"type":1}') },
        deliver => sub ($secret) {
            my $body = '{"application_id":"1","data":{"name":"ping"},"id":"787053080478613556","type":2}';
            return posted($body, signed_discord($body, $secret));
        },
    },
    'discord-events' => {
        signed => 1, fixed => 1, preset => 'discord',
        ask    => sub ($value, $secret = $SECRET, @options) {
            my $body = '{"version":1,"application_id":"1234560123453231555","type":0}';
            return posted($body, signed_discord($body, $secret));
        },
        answer => sub ($value) { return (204, undef, '') },
        # Its type is that of the other kind's question.
        deliver => sub ($secret) {
            my $body = '{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED","data":{}}}';
            return posted($body, signed_discord($body, $secret));
        },
    },
    meta => {
        token => 1,
        ask   => sub ($value, $token = $TOKEN, @options) {
            my $query = 'hub.mode=subscribe&hub.challenge=' . escaped($value) . '&hub.verify_token=' . escaped($token);
            return (method => 'GET', query => $query);
        },
        answer  => sub ($value) { return (200, 'text/plain', $value) },
        deliver => sub ($secret) {
            my $body = '{"object":"page"}';
            return posted($body, 'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, $secret));
        },
    },
    dropbox => {
        ask     => sub ($value) { return (method => 'GET', query => 'challenge=' . escaped($value)) },
        answer  => sub ($value) { return (200, 'text/plain', $value) },
        deliver => sub ($secret) {
            my $body = '{"list_folder":{"accounts":[]}}';
            return posted($body, 'X-Dropbox-Signature' => hmac_sha256_hex($body, $secret));
        },
    },
    'x-twitter' => {
        ask    => sub ($value) { return (method => 'GET', query => "crc_token=" . escaped($value) . '&nonce=1') },
        answer => sub ($value, $secret = $SECRET) {
            my $code = base64(hmac_sha256($value, $secret));
            return (200, 'application/json', qq({"response_token":"sha256=$code"}));
        },
        deliver => sub ($secret) {
            my $body = '{"for_user_id":"2244994945"}';
            return posted($body, 'X-Twitter-Webhooks-Signature' => 'sha256=' . base64(hmac_sha256($body, $secret)));
        },
    },
    okta => {
        signed => 1,
        ask    => sub ($value, $secret = $SECRET, @options) {
            return (method => 'GET', headers => [ 'X-Okta-Verification-Challenge' => $value, Authorization => $secret ]);
        },
        answer  => sub ($value) { return (200, 'application/json', qq({"verification":"$value"})) },
        deliver => sub ($secret) {
            return posted(encode_json({ eventId => unique_id() }), Authorization => $secret);
        },
    },
    asana => {
        ask     => sub ($value) { return posted('{}', 'X-Hook-Secret' => $value) },
        answer  => sub ($value) { return (200, 'text/plain', '', 'X-Hook-Secret' => $value) },
        deliver => sub ($secret) {
            my $body = '{"events":[]}';
            return posted($body, 'X-Hook-Signature' => hmac_sha256_hex($body, $secret));
        },
        unsigned => 'missing_signature',
    },
    # The first ping of a shop.
    woocommerce => {
        fixed => 1,
        ask   => sub ($value) {
            return (body => 'webhook_id=5', headers => [ 'Content-Type' => 'application/x-www-form-urlencoded' ]);
        },
        answer  => sub ($value) { return (200, 'text/plain', '') },
        deliver => sub ($secret) {
            my $body = '{"id":1}';
            return posted($body, 'X-WC-Webhook-Signature' => base64(hmac_sha256($body, $secret)));
        },
        unsigned => 'missing_signature',
    },
    monday => {
        ask     => sub ($value) { return posted(encode_json({ challenge => $value })) },
        answer  => sub ($value) { return (200, 'application/json', qq({"challenge":"$value"})) },
        deliver => sub ($secret) { my $body = '{"event":{}}'; return posted($body, signed_monday($body, $secret)) },
        unsigned => 'missing_signature',
    },
    intercom => {
        fixed   => 1,
        ask     => sub ($value) { return (method => 'HEAD') },
        answer  => sub ($value) { return (200, 'text/plain', '') },
        deliver => sub ($secret) {
            my $body = encode_json({ id => unique_id() });
            return posted($body, 'X-Hub-Signature' => 'sha1=' . hmac_sha1_hex($body, $secret));
        },
    },
    trello => {
        fixed   => 1,
        ask     => sub ($value) { return (method => 'HEAD') },
        answer  => sub ($value) { return (200, 'text/plain', '') },
        deliver => sub ($secret) {
            my $body = encode_json({ action => { id => unique_id() } });
            return posted($body, signed_trello($body, $secret));
        },
    },
);

my %is_head = map { $_ => 1 } qw(intercom trello);

sub preset_of ($name) { return $SENDER{$name}{preset} // $name }
sub secret_of ($name) {
    my %own = (discord => $discord->{written}, monday => of_monday($SECRET));
    return $own{ preset_of($name) } // $SECRET;
}

# A folder of locations, one for each sender.
sub folder ($folder, $directives) {
    return join "\n", map {
        my ($preset, $secret) = (preset_of($_), secret_of($_));
        my $more = $directives =~ s/SWITCH/switch($preset)/er =~ s/MEMORY/memory($preset)/er;
        ; qq(location = $folder/$_ { webhook $preset; webhook_secret "$secret"; $more proxy_pass http://%%BACKEND%%; })
    } sort keys %SENDER;
}

# Only Meta presents a token.
sub switch ($name) {
    return $name eq 'meta' ? qq(webhook_handshake on "token=$TOKEN";) : 'webhook_handshake on;';
}

# By the event id, where there is one.
sub memory ($name) {
    my $has_id = grep { $name eq $_ } qw(slack twitch discord okta intercom trello);
    return 'webhook_dedup zone=events' . ($has_id ? ';' : ' key=$webhook_body_sha256;');
}

my %LOCATION = (
    'x-rotated' => qq(webhook x-twitter; webhook_secret "$OTHER" not_after=2020-01-01T00:00:00Z; webhook_secret "$SECRET";),
    'x-tenant'  => q(webhook x-twitter; webhook_secret $tenant_secret;),
    'x-expired' => qq(webhook x-twitter; webhook_secret "$SECRET" not_after=2020-01-01T00:00:00Z;),
    'zoom-two'  => qq(webhook zoom; webhook_secret "$OTHER"; webhook_secret "$SECRET";),
    'meta-file' => qq(webhook meta; webhook_secret "$SECRET"; webhook_handshake on token=file:%%DIR%%/meta.token;),
    'meta-env'  => qq(webhook meta; webhook_secret "$SECRET"; webhook_handshake on token=env:META_TOKEN;),
);
my $locations = join "\n", map {
    ; "location = /$_ { $LOCATION{$_} " . ($LOCATION{$_} =~ /handshake/ ? '' : switch($_)) . ' proxy_pass http://%%BACKEND%%; }'
} sort keys %LOCATION;

write_file('meta.token', "$TOKEN\n", 0600);
my $backend = start_backend();
my $nginx   = start_nginx(env => { META_TOKEN => $TOKEN }, http => <<"CONF");
webhook_dedup_zone zone=events:1m;
log_format verdicts '\$uri \$webhook_verdict \$webhook_reason \$status';
access_log %%DIR%%/access.log verdicts;
default_type text/html;
map \$http_x_tenant \$tenant_secret {
    acme    "$OTHER";
    default "";
}
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    client_max_body_size 4m;
    add_header Verdict \$webhook_verdict always;
    @{[ folder('', 'SWITCH') ]}
    @{[ folder('/off', '') ]}
    @{[ folder('/switched-off', 'webhook_handshake off;') ]}
    @{[ folder('/monitor', 'SWITCH webhook_mode monitor;') ]}
    @{[ folder('/remembered', 'SWITCH MEMORY') ]}
    @{[ folder('/denied', 'SWITCH webhook_allow 192.0.2.1;') ]}
    @{[ folder('/tls', 'SWITCH webhook_require_tls on;') ]}
    @{[ folder('/put', 'SWITCH webhook_methods PUT;') ]}
    @{[ folder('/small', 'SWITCH webhook_payload_max 300;') ]}
    @{[ folder('/disk', 'SWITCH client_body_in_file_only clean;') ]}
    $locations
    location /switch {
        webhook_handshake on "token=$TOKEN";
        location /switch/github { webhook github; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
        location /switch/dropbox { webhook dropbox; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
    }
}
CONF

# `query` is part of the request here.
sub asked ($uri, %request) {
    my $query = delete $request{query};
    return (%request, uri => $uri . (defined $query ? "?$query" : ''));
}

sub ask ($uri, %request) {
    $backend->clear;
    return send_request(asked($uri, %request));
}

sub question ($name, @arguments) { return $SENDER{$name}{ask}->(@arguments) }

sub is_answered ($what, $response, $status, $type, $body, %headers) {
    my $header = sub ($name) { return $response->header($name) };
    is_deeply [ $response->{status}, $header->('Content-Type'), $response->{body} ], [ $status, $type, $body ],
        "$what: the answer" or diag $header->('Webhook-Reason') // 'no reason';
    is_deeply [ map { $header->($_) } 'Webhook-Reason', 'Verdict', 'X-Content-Type-Options', sort keys %headers ],
        [ qw(handshake handshake nosniff), map { $headers{$_} } sort keys %headers ], "$what: its headers";
    is $backend->count, 0, "$what: the backend is not asked";
}

sub is_refused ($what, $response, $expected, $value = undef) {
    my ($status, $reason) = split / /, $expected;
    is_deeply [ $response->{status}, $response->header('Webhook-Reason'), $response->header('Verdict') ],
        [ $status, $reason, 'rejected' ], "$what: $expected";
    is $backend->count, 0, "$what: the backend is not asked";
    # nginx's version, on its pages, may look like a number that was sent.
    my $answer = $response->{raw} =~ s{nginx/[\d.]+}{}gr;
    ok index($answer, $value) < 0, "$what: nothing is reflected" if defined $value;
}

sub is_delivered ($what, $response) {
    is $response->{status}, 200, "$what: the status" or diag $response->header('Webhook-Reason') // 'no reason';
    is_deeply [ $response->{body}, $response->header('X-Content-Type-Options') ], [ "ok\n", undef ], "$what: the backend answers";
    is $backend->count, 1, "$what: the backend is asked";
}

sub is_post ($name) { return !defined { question($name, $VALUE) }->{method} }

for my $name (sort keys %SENDER) {
    my $sender = $SENDER{$name};
    subtest $name => sub {
        is_answered('asked', ask("/$name", question($name, $VALUE)), $sender->{answer}->($VALUE));
        is_answered('asked again', ask("/$name", question($name, $VALUE)), $sender->{answer}->($VALUE));
        is_delivered('a delivery', ask("/$name", $sender->{deliver}->($SECRET))) unless $name eq 'monday' || $name eq 'trello';
        is_refused('a forged delivery', ask("/$name", $sender->{deliver}->($OTHER)), '401 bad_signature');
        return if $sender->{fixed};
        is_answered('for another value', ask("/$name", question($name, "Z$VALUE")), $sender->{answer}->("Z$VALUE"));
    };
}

subtest 'deliveries for one URL' => sub {
    is_delivered($_, ask("/$_", $SENDER{$_}{deliver}->($SECRET))) for qw(monday trello);
};

subtest 'what is signed is answered when the signature is right' => sub {
    for my $name (grep { $SENDER{$_}{signed} } sort keys %SENDER) {
        is_refused($name, ask("/$name", question($name, $VALUE, $OTHER)), '401 bad_signature', $VALUE);
        my %request = question($name, $VALUE);
        my @headers = @{ $request{headers} };
        my %left    = @headers;
        delete @left{ grep { /signature|authorization/i && !/timestamp/i } keys %left };
        is_refused("$name, unsigned", ask("/$name", %request, headers => [%left]), '401 missing_signature', $VALUE);
        next unless defined $request{body};
        is_refused("$name, another body", ask("/$name", %request, body => "$request{body} "), '401 bad_signature', $VALUE);
    }
    for my $name (qw(slack zoom)) {
        my %stale = question($name, $VALUE, $SECRET, timestamp => time - 400);
        is_refused("$name, stale", ask("/$name", %stale), '401 stale_timestamp', $VALUE);
    }
    my ($status, $type, $body) = $SENDER{zoom}{answer}->($VALUE, $SECRET);
    is_answered('the second of two secrets', ask('/zoom-two', question('zoom', $VALUE, $SECRET)), $status, $type, $body);
    ($status, $type, $body) = $SENDER{zoom}{answer}->($VALUE, $OTHER);
    is_answered('the first of two secrets', ask('/zoom-two', question('zoom', $VALUE, $OTHER)), $status, $type, $body);
};

subtest 'tokens' => sub {
    for my $token ('', 'a', substr($TOKEN, 0, -1), "$TOKEN ", uc $TOKEN, $SECRET, "$TOKEN\0", 'x' x 600) {
        is_refused("'" . substr($token, 0, 30) . "'", ask('/meta', question('meta', $VALUE, $token)), '401 bad_signature', $VALUE);
    }
    my $right = escaped($TOKEN);
    my $wrong = escaped($OTHER);
    my %query = (
        'none'                         => 'hub.mode=subscribe&hub.challenge=V1',
        'the right one and a wrong one' => "hub.mode=subscribe&hub.challenge=V1&hub.verify_token=$right&hub.verify_token=$wrong",
        'the right one twice'          => "hub.mode=subscribe&hub.challenge=V1&hub.verify_token=$right&hub.verify_token=$right",
        'by another name'              => "hub.mode=subscribe&hub.challenge=V1&hub_verify_token=$right",
        'in another case'              => "hub.mode=subscribe&hub.challenge=V1&Hub.Verify_Token=$right",
    );
    for my $what (sort keys %query) {
        is_refused($what, ask('/meta', method => 'GET', query => $query{$what}), '401 bad_signature', 'V1');
    }
    is_answered('written otherwise', ask('/meta', method => 'GET',
        query => 'hub.verify_token=a+token+%26+its+100%25&hub%2Emode=subscribe&hub.challenge=V1'), 200, 'text/plain', 'V1');
    for my $location (qw(meta-file meta-env)) {
        is_answered($location, ask("/$location", question('meta', $VALUE)), 200, 'text/plain', $VALUE);
        is_refused($location, ask("/$location", question('meta', $VALUE, $OTHER)), '401 bad_signature', $VALUE);
    }
};

sub last_line () { return (grep { /webhook \w+: / } split /\n/, $nginx->error_log)[-1] // '' }

# What a sender would be answered if nobody had switched handshakes on.
my %OFF = (
    (map { $_ => '405 method' } qw(meta dropbox x-twitter okta intercom trello)),
    (map { $_ => '401 missing_signature' } qw(asana monday woocommerce)),
);

subtest 'off, and by default' => sub {
    for my $folder (qw(/off /switched-off)) {
        for my $name (sort keys %SENDER) {
            my $response = ask("$folder/$name", question($name, $VALUE));
            if ($OFF{$name}) {
                is_refused("$folder/$name", $response, $OFF{$name}, $VALUE);
                like last_line(), qr/handshake.*, and "webhook_handshake" is off, endpoint: "@{[ preset_of($name) ]}"/, "$folder/$name: the log";
            } else {
                is_delivered("$folder/$name", $response);
            }
        }
    }
    for my $name (qw(asana slack)) {
        is_refused($name, ask("/off/$name", body => '{}'), '401 missing_signature');
        unlike last_line(), qr/webhook_handshake/, "$name: what is no handshake is not taken for one";
    }
    is_answered('inherited', ask('/switch/dropbox', question('dropbox', $VALUE)), 200, 'text/plain', $VALUE);
    is_refused('inherited, by a scheme that has none', ask('/switch/github', question('dropbox', $VALUE)), '405 method');
};

subtest 'monitor' => sub {
    for my $name (sort keys %SENDER) {
        my $response = ask("/monitor/$name", question($name, $VALUE));
        my @requests = $backend->requests;
        is_deeply [ $response->{status}, scalar(@requests), $response->header('Verdict') ], [ 200, 1, 'monitored' ],
            "$name reaches the backend";
        my @own = grep { defined } map { $response->header($_) } 'Webhook-Reason', 'X-Content-Type-Options', 'X-Hook-Secret';
        is_deeply \@own, [], "$name: which alone answers";
        is $response->{body}, $is_head{$name} ? '' : "ok\n", "$name: with its own body";
    }
};

subtest 'cheaper checks come first' => sub {
    for my $name (sort keys %SENDER) {
        is_refused("$name from elsewhere", ask("/denied/$name", question($name, $VALUE)), '403 ip_denied', $VALUE);
        is_refused("$name in the clear", ask("/tls/$name", question($name, $VALUE)), '403 insecure', $VALUE);
    }
    # Its method is the question's own, whatever deliveries come with.
    for my $name (sort keys %SENDER) {
        is_answered("$name where deliveries are PUT", ask("/put/$name", question($name, $VALUE)), $SENDER{$name}{answer}->($VALUE));
        my %delivery = $SENDER{$name}{deliver}->($SECRET);
        my $response = ask("/put/$name", %delivery);
        is $backend->count, 0, "$name: a POST is none where deliveries are PUT";
        next if $name eq 'monday' || $name eq 'trello';
        is_refused("$name: a POST", $response, '405 method');
    }
};

subtest 'a GET that asks nothing' => sub {
    my %query = (
        meta        => [ '', 'hub.mode=unsubscribe&hub.verify_token=' . escaped($TOKEN), 'hub.mode=subscribe&hub.mode=subscribe', 'hub.mode=' ],
        dropbox     => [ '', 'challenge', 'challenge=a&challenge=b', 'Challenge=a', 'challenge=%zz', 'challenge=a&b=%', 'a=challenge' ],
        'x-twitter' => [ '', 'crc_token=a&crc_token=b', 'nonce=1' ],
        okta        => [''], intercom => [''], trello => [''], slack => ['challenge=a'], monday => ['challenge=a'], asana => [''],
    );
    for my $name (sort keys %query) {
        for my $query (@{ $query{$name} }) {
            next if $query eq 'challenge';    # an empty value is a value
            my $response = ask("/$name", method => 'GET', query => $query);
            is_refused("$name '$query'", $response, '405 method');
            is $response->header('Allow'), 'POST', 'what is allowed';
        }
    }
    is_refused("$_ by HEAD", ask("/$_", question($_, $VALUE), method => 'HEAD'), '405 method') for qw(dropbox meta okta);
    is_refused('dropbox by POST', ask('/dropbox', question('dropbox', $VALUE), method => 'POST'), '401 missing_signature');
    is_refused('dropbox by PUT', ask('/dropbox', question('dropbox', $VALUE), method => 'PUT'), '405 method');
    my @headers = ('X-Okta-Verification-Challenge' => 'a', Authorization => $SECRET);
    is_refused('okta, two challenges', ask('/okta', method => 'GET', headers => [ @headers[ 0, 1 ], @headers ]), '405 method');
    is_refused('asana, two secrets', ask('/asana', posted('{}', ('X-Hook-Secret' => 'a') x 2)), '401 missing_signature');
};

# Nobody signs it: it is answered, and is never a delivery.
subtest "a shop's ping opens no way" => sub {
    my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
    my $body = 'webhook_id=5';
    my $sign = sub ($text, $secret) { return 'X-WC-Webhook-Signature' => base64(hmac_sha256($text, $secret)) };
    is_answered('with a charset', ask('/woocommerce', body => $body,
        headers => [ 'Content-Type' => 'application/x-www-form-urlencoded; charset=UTF-8' ]), 200, 'text/plain', '');
    my %other = (
        'said to be JSON'        => [ $body, 'Content-Type' => 'application/json' ],
        'said to be nothing'     => [$body],
        'the field twice'        => [ "$body&$body", @form ],
        'the field empty'        => [ 'webhook_id=', @form ],
        'no form'                => [ "$body&a=%zz", @form ],
        'JSON, said to be a form' => [ '{"webhook_id":5}', @form ],
    );
    is_refused($_, ask('/woocommerce', body => $other{$_}[0], headers => [ @{ $other{$_} }[ 1 .. $#{ $other{$_} } ] ]),
        '401 missing_signature') for sort keys %other;
    is_refused('in two parts', ask('/woocommerce', body => "--x\r\nContent-Disposition: form-data; name=webhook_id\r\n\r\n5\r\n--x--",
        headers => [ 'Content-Type' => 'multipart/form-data; boundary=x' ]), '401 missing_signature');
    is_refused('with a wrong signature', ask('/woocommerce', body => $body, headers => [ @form, $sign->($body, $OTHER) ]),
        '401 bad_signature');
    is_delivered('with a right signature', ask('/woocommerce', body => $body, headers => [ @form, $sign->($body, $SECRET) ]));
};

subtest 'bodies that are no question' => sub {
    my @bodies = (
        '', '{}', 'challenge', '{"challenge":"a"', '[{"challenge":"a"}]', '{"Challenge":"a"}', '{"event":{"challenge":"a"}}',
        'challenge=a', "\xff", '"challenge"',
    );
    for my $body (@bodies) {
        for my $headers ([], [ Authorization => 'x' ], [ signed_monday($body, $OTHER) ], [ (Authorization => 'x') x 2 ]) {
            my ($with, $without) = map { ask("$_/monday", body => $body, headers => $headers) } '', '/off';
            my @seen = map { [ $_->{status}, $_->header('Webhook-Reason') ] } $with, $without;
            is_deeply $seen[0], $seen[1], "'$body' is refused as ever: @{[ $seen[1][1] // 'by nginx' ]}";
            like $seen[0][0], qr/^40[01]$/, 'it is refused';
        }
    }
    is $backend->count, 0, 'nothing reaches the backend';
    for my $name (qw(slack zoom)) {
        my $body = $name eq 'slack' ? '{"type":"url_verification"}' : '{"event":"endpoint.url_validation","payload":{}}';
        my @signed = $name eq 'slack' ? signed_slack($body) : signed_zoom($body);
        is_refused("$name asks for nothing", ask("/$name", posted($body, @signed)), '400 invalid_payload');
    }
};

subtest 'values that are quoted' => sub {
    my $value = q(a"b\\c<script>alert('1')</script>&"}{) . "\xc3\xa4\xe2\x80\xa8";
    for my $name (qw(slack twitch)) {
        my $body    = encode_json({ type => 'url_verification', challenge => Encode::decode('UTF-8', $value) });
        my @headers = $name eq 'slack' ? signed_slack($body) : signed_twitch($body, $SECRET, type => 'webhook_callback_verification');
        is_answered($name, ask("/$name", posted($body, @headers)), 200, 'text/plain', $value);
    }
    is_answered($_, ask("/$_", question($_, $value)), 200, 'text/plain', $value) for qw(meta dropbox);
    is_answered('asana', ask('/asana', question('asana', $value)), 200, 'text/plain', '', 'X-Hook-Secret' => $value);
    my %json = (
        okta   => [ verification => question('okta', $value) ],
        monday => [ challenge => posted(encode_json({ challenge => Encode::decode('UTF-8', $value) })) ],
    );
    for my $name (sort keys %json) {
        my ($member, %request) = @{ $json{$name} };
        my $response = ask("/$name", %request);
        is $response->header('Content-Type'), 'application/json', "$name: the type";
        is_deeply decode_json($response->{body}), { $member => Encode::decode('UTF-8', $value) }, "$name: the value, and nothing else";
        unlike $response->{body}, qr/</, "$name: no tag in it";
    }
};

subtest 'values that are not suitable' => sub {
    for my $bad ('<!--#echo var="tenant_secret" -->', 'a<!b') {
        is_refused("$_: $bad", ask("/$_", question($_, $bad)), '400 invalid_payload', $bad) for qw(slack twitch meta dropbox);
    }
    for my $bad ("a\nb", "a\r\nX-Evil: yes\r\n\r\n<html>", "a\0b", "a\tb", "\x7f", 'x' x 513, 'x' x 600, 'x' x 100_000) {
        my $what = length $bad > 500 ? length($bad) . ' bytes' : $bad =~ s/([^ -~])/sprintf '\x%02x', ord $1/ger;
        for my $name (qw(slack zoom twitch monday)) {
            is_refused("$name: $what", ask("/$name", question($name, $bad)), '400 invalid_payload', $bad);
        }
        next if length $bad > 5000;
        is_refused("$_: $what", ask("/$_", question($_, $bad)), '405 method', $bad) for qw(dropbox x-twitter);
        is_refused("meta: $what", ask('/meta', question('meta', $bad)), '400 invalid_payload', $bad);
    }
    is_refused("$_: 600 bytes", ask("/$_", question($_, 'x' x 600)), { okta => '405 method', asana => '401 missing_signature' }->{$_})
        for qw(okta asana);
    is_answered("$_: 512 bytes", ask("/$_", question($_, 'x' x 512)), $SENDER{$_}{answer}->('x' x 512))
        for grep { !$SENDER{$_}{fixed} } sort keys %SENDER;
    for my $json ('{"a":1}', '["a"]', 'null', '1.5') {
        is_refused("monday: $json", ask('/monday', posted(qq({"challenge":$json}))), '400 invalid_payload', $json);
    }
    is_answered('monday: a number', ask('/monday', posted('{"challenge":17}')), 200, 'application/json', '{"challenge":"17"}');
};

# Whoever could choose what is signed would choose a delivery.
subtest 'no payload is signed for anybody' => sub {
    my $payload = '{"for_user_id":"2244994945","tweet_create_events":[{"text":"forged"}]}';
    my @json  = ($payload, '{}', '[]', '"a"', qw(true false null NaN -Infinity 0 123 -1 1.5e+3));
    my @forms = ('a=b', '=', '=a', 'a=b=', 'a===', 'a&b=c', 'a%', 'a b');
    for my $token (@json, @forms, 'a:b', 'a,b', "v0:$started:{}", '', ' ', "a\xc3\xa4", '<a>') {
        my $response = ask('/x-twitter', question('x-twitter', $token));
        is_refused("x-twitter '$token'", $response, length $token ? '400 invalid_payload' : '405 method');
        my $code = base64(hmac_sha256($token, $SECRET));
        ok index($response->{raw}, substr $code, 0, 20) < 0, 'its code is not told';
    }
    for my $token ('{"a":1}', 'a b', '') {
        my $response = ask('/zoom', question('zoom', $token));
        is_refused("zoom '$token'", $response, '400 invalid_payload');
        ok index($response->{raw}, hmac_sha256_hex($token, $SECRET)) < 0, 'its code is not told';
    }
    for my $token ('-._~+/aZ9', 'a=', 'trueish==', 'M2JhYTIyYjItNDgyYi00MGE1') {
        is_answered("x-twitter '$token'", ask('/x-twitter', question('x-twitter', $token)), $SENDER{'x-twitter'}{answer}->($token));
    }
};

subtest 'which secret answers' => sub {
    my @asked = question('x-twitter', $VALUE);
    my $answer = $SENDER{'x-twitter'}{answer};
    is_answered('the first that has not expired', ask('/x-rotated', @asked), $answer->($VALUE, $SECRET));
    is_answered('that of the tenant', ask('/x-tenant', @asked, headers => [ 'X-Tenant' => 'acme' ]), $answer->($VALUE, $OTHER));
    for my $location (qw(x-tenant x-expired)) {
        is_refused("none: $location", ask("/$location", @asked), '401 no_secret');
    }
};

subtest 'not remembered' => sub {
    my %zoom    = question('zoom', $VALUE);
    my %twitch  = question('twitch', $VALUE, $SECRET, id => 'the-same');
    my %discord = question('discord', $VALUE);
    for my $round (1 .. 2) {
        for my $name (sort keys %SENDER) {
            my %request = $name eq 'zoom' ? %zoom : $name eq 'twitch' ? %twitch : question($name, $VALUE);
            is_answered("$name, round $round", ask("/remembered/$name", %request), $SENDER{$name}{answer}->($VALUE));
        }
        my $body     = '{"event":{}}';
        my @headers  = signed_twitch($body, $SECRET, id => 'the-same', type => 'notification');
        my $response = ask('/remembered/twitch', posted($body, @headers));
        is $response->{status}, 200, 'a delivery with the id of a question';
        is $backend->count, 2 - $round, $round == 1 ? 'is delivered' : 'once';
    }
};

subtest 'every form of a request' => sub {
    for my $name (sort keys %SENDER) {
        my @answer = $SENDER{$name}{answer}->($VALUE);
        $backend->clear;
        # Asana's body is not waited for, and nginx resets a stream whose body is on its way.
        my @bodiless = $name eq 'asana' ? (body => '') : ();
        my $response = send_h2(asked("/$name", question($name, $VALUE), @bodiless));
        $response->{body} = '' if $is_head{$name};    # where curl puts the headers
        is_answered("$name by HTTP/2", $response, @answer);
        is_answered("$name by HTTP/1.0", ask("/$name", question($name, $VALUE), version => '1.0'), @answer);
        next unless is_post($name);
        my %request = question($name, $VALUE);
        my @pieces  = ($request{body} =~ /\G(.{1,7})/gs);
        my %chunked = (%request, chunked => \@pieces);
        delete $chunked{body};
        is_answered("$name in chunks", ask("/$name", %chunked), @answer);
        is_answered("$name in chunks by HTTP/2", send_h2(asked("/$name", %chunked)), @answer) unless $name eq 'asana';
        is_answered("$name in small packets", ask("/$name", %request, split => 40), @answer);
        is_answered("$name slowly", ask("/$name", %request, head_then_body => 0.05), @answer);
        is_answered("$name after 100 Continue", ask("/$name", %request, expect_100 => 1), @answer);
        is_answered("$name on disk", ask("/disk/$name", %request), @answer);
        ask("/$name", %request, close_after => length($request{body}) + 10);
        is $backend->count, 0, "$name cut off: the backend is not asked";
    }
};

subtest 'large bodies' => sub {
    my $padding = ' ' x 2_000_000;
    my %ask = (
        slack  => sub ($body) { return posted($body, signed_slack($body)) },
        monday => sub ($body) { return posted($body) },
        asana  => sub ($body) { return posted($body, 'X-Hook-Secret' => $VALUE) },
    );
    my $question = qq({"type":"url_verification","challenge":"$VALUE"});
    is_answered("$_, as large as can be", ask("/small/$_", $ask{$_}->($question . ' ' x (300 - length $question))),
        $SENDER{$_}{answer}->($VALUE)) for qw(slack monday);
    my $large = $question . ' ' x (301 - length $question);
    is_refused('monday, one byte more', ask('/small/monday', $ask{monday}->($large)), '401 missing_signature', $VALUE);
    is_delivered('slack, one byte more', ask('/small/slack', $ask{slack}->($large)));
    is_refused('monday, 2 MB', ask('/monday', $ask{monday}->($question . $padding)), '401 missing_signature', $VALUE);
    is_delivered('slack, 2 MB', ask('/slack', $ask{slack}->($question . $padding)));
    is_answered('asana, 2 MB', ask('/small/asana', $ask{asana}->($padding)), $SENDER{asana}{answer}->($VALUE));
    my $response = ask('/monday', $ask{monday}->($question . $padding x 3));
    is $response->{status}, 413, 'nginx\'s own limit comes before';
};

subtest 'one connection' => sub {
    my $connection = open_connection();
    for my $name (sort(keys %SENDER), sort keys %SENDER) {
        $backend->clear;
        my %request = asked("/$name", question($name, $VALUE), keepalive => 1);
        is_answered($name, $connection->request(%request), $SENDER{$name}{answer}->($VALUE));
    }
    is_answered('a body that nobody asked for', $connection->request(
        asked('/dropbox', question('dropbox', $VALUE), body => 'x' x 100_000, keepalive => 1)), 200, 'text/plain', $VALUE);
    is_answered('and the next', $connection->request(asked('/dropbox', question('dropbox', $VALUE))), 200, 'text/plain', $VALUE);
};

subtest 'logs' => sub {
    my @lines = access_log_lines(1);
    my %seen  = map { $_ => 1 } @lines;
    for my $name (sort keys %SENDER) {
        my $status = ($SENDER{$name}{answer}->($VALUE))[0];
        ok $seen{"/$name handshake handshake $status"}, "$name: the variables";
        ok $seen{"/monitor/$name monitored handshake 200"}, "$name: in monitor mode";
    }
    like $nginx->error_log, qr/\[info\] [^\n]*webhook handshake: handshake, endpoint: "slack"/, 'error.log at level info';
    unlike $nginx->error_log, qr/\[(?:notice|warn|error|crit)\] [^\n]*webhook \w+: handshake/, 'and at no other';
    ok index($nginx->error_log =~ s/, client: .*//gr, $_) < 0, 'nothing secret is in it' for $SECRET, $OTHER, $TOKEN, $VALUE;
};

finish();
