# Which deliveries are the same event, and what a full zone does.

use Webhook::Test;

use POSIX qw(strftime);
use Webhook::Deliveries qw(outcome);
use Webhook::Fixtures;

my $SECRET   = 'a secret of the tests';
my $discord  = ed25519_secret('hex');
my $sendgrid = ec_secret('spki');
my $TOKEN  = 'a token of the tests';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<'CONF' =~ s/DISCORD/$discord->{written}/r =~ s/SENDGRID/$sendgrid->{written}/r);
webhook_dedup_zone zone=events:1m;
webhook_dedup_zone zone=rejecting:32k full=reject;
webhook_dedup_zone zone=mixed:32k full=reject;
webhook_dedup_zone zone=evicting:32k;
webhook_secret "a secret of the tests";
proxy_http_version 1.1;
keepalive_requests 100000;
webhook_scheme keyed {
    algorithm token;
    signature header=X-Token;
}
webhook_scheme timed {
    algorithm hmac-sha256;
    signed "{timestamp}.{body}";
    signature header=X-Signature;
    timestamp header=X-Time unit=s;
    body decoded;
}
webhook_scheme slack_form { like slack; event_id field=id optional; }
map $http_x_again $slack_again { default $http_x_again; }
webhook_scheme fielded {
    algorithm hmac-sha256;
    signed "{body}";
    signature header=X-Signature;
    event_id field=id optional;
}
server {
    listen %%ADDR%%:8080;
    webhook github;
    webhook_dedup zone=events;

    location /by_id { proxy_pass http://%%BACKEND%%; }
    location /by_body {
        webhook keyed;
        webhook_secret "a token of the tests";
        proxy_pass http://%%BACKEND%%;
    }
    location /by_payload {
        webhook pagerduty;
        proxy_pass http://%%BACKEND%%;
    }
    location /by_both {
        webhook github name=both;
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_body_sha256;
        proxy_pass http://%%BACKEND%%;
    }
    location /slack {
        webhook slack;
        webhook_payload_max 1k;
        proxy_pass http://%%BACKEND%%;
    }
    location /slack_by_both {
        webhook slack name=slack_by_both;
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_body_sha256;
        proxy_pass http://%%BACKEND%%;
    }
    location /slack_by_more {
        webhook slack name=slack_by_more;
        webhook_dedup zone=events key=$webhook_event_id:$http_x_tenant;
        proxy_pass http://%%BACKEND%%;
    }
    location /slack_by_mark {
        webhook slack name=slack_by_both;
        webhook_dedup zone=events key=$webhook_event_id$slack_again;
        proxy_pass http://%%BACKEND%%;
    }
    location /slack_by_field {
        webhook slack_form name=slack_by_field;
        webhook_dedup zone=events key=$webhook_event_id$slack_again;
        proxy_pass http://%%BACKEND%%;
    }
    location /zendesk {
        webhook zendesk name=zendesk;
        webhook_dedup zone=events key=$webhook_event_id$slack_again key=$webhook_event_key;
        proxy_pass http://%%BACKEND%%;
    }
    location /discord { webhook discord; webhook_secret DISCORD; proxy_pass http://%%BACKEND%%; }
    location /hubspot { webhook hubspot-v3; proxy_pass http://%%BACKEND%%; }
    location /hubspot_by_id {
        webhook hubspot-v3 name=hubspot_by_id;
        webhook_dedup zone=events key=$webhook_event_id;
        proxy_pass http://%%BACKEND%%;
    }
    location /line     { webhook line; proxy_pass http://%%BACKEND%%; }
    location /sendgrid { webhook sendgrid; webhook_secret SENDGRID; proxy_pass http://%%BACKEND%%; }
    location /shopify      { webhook shopify; proxy_pass http://%%BACKEND%%; }
    location /shopify_both {
        webhook shopify name=shopify_both;
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_event_key;
        proxy_set_header X-Seen-Key $webhook_event_key;
        proxy_pass http://%%BACKEND%%;
    }
    location /shopify_old {
        webhook shopify name=shopify_old;
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_body_sha256;
        proxy_pass http://%%BACKEND%%;
    }
    location /woocommerce { webhook woocommerce; proxy_pass http://%%BACKEND%%; }
    location /gitea-form {
        webhook gitea-form;
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_event_key;
        proxy_pass http://%%BACKEND%%;
    }
    location /get/hubspot { webhook hubspot-v3 name=get; webhook_methods GET POST; proxy_pass http://%%BACKEND%%; }
    location /get/timed   { webhook timed; webhook_methods GET POST; proxy_pass http://%%BACKEND%%; }
    location /fielded     { webhook fielded; proxy_pass http://%%BACKEND%%; }
    location /atlassian   { webhook atlassian-connect; proxy_pass http://%%BACKEND%%; }
    location /contentful  { webhook contentful; proxy_pass http://%%BACKEND%%; }
    location /get/twilio  { webhook twilio; webhook_methods GET HEAD POST PUT; proxy_pass http://%%BACKEND%%; }
    location /get/vonage  { webhook vonage; webhook_methods GET POST; proxy_pass http://%%BACKEND%%; }
    location /get/zendesk { webhook zendesk; webhook_methods GET DELETE; proxy_pass http://%%BACKEND%%; }
    location /twice_the_same {
        webhook github name=twice;
        webhook_dedup zone=events key=$webhook_event_id key=$webhook_event_id;
        proxy_pass http://%%BACKEND%%;
    }
    location /one   { webhook github name=one; proxy_pass http://%%BACKEND%%; }
    location /two   { webhook github name=two; proxy_pass http://%%BACKEND%%; }
    location /also_one { webhook github name=one; proxy_pass http://%%BACKEND%%; }
    location /custom {
        webhook github name=custom;
        webhook_dedup zone=events key=$http_x_tenant:$webhook_event_id;
        proxy_pass http://%%BACKEND%%;
    }
    location /headers {
        webhook github name=headers;
        webhook_dedup zone=events key=$http_x_first key=$http_x_second;
        proxy_pass http://%%BACKEND%%;
    }
    location /off { webhook_dedup off; proxy_pass http://%%BACKEND%%; }
    location /constant {
        webhook github name=constant;
        webhook_dedup zone=events key=shop:$http_x_first-${http_x_second};
        proxy_pass http://%%BACKEND%%;
    }
    location /short {
        webhook github name=short;
        webhook_dedup zone=events ttl=1s;
        proxy_pass http://%%BACKEND%%;
    }
    location /mixed  { webhook_dedup zone=mixed; proxy_pass http://%%ADDR%%:8081; }
    location /brief  { webhook_dedup zone=mixed ttl=2s; proxy_pass http://%%ADDR%%:8081; }
    location /reject { webhook_dedup zone=rejecting; proxy_pass http://%%ADDR%%:8081; }
    location /evict  { webhook_dedup zone=evicting; proxy_pass http://%%ADDR%%:8081; }
}
server {
    listen %%ADDR%%:8081;
    location / { return 200 "taken\n"; }
}
server {
    listen %%ADDR%%:8083;
    webhook keyed;
    webhook_secret "a token of the tests";
    webhook_dedup zone=events;
    location /by_body { proxy_pass http://%%BACKEND%%; }
    location /by_id {
        webhook github name=by_id;
        webhook_secret "a secret of the tests";
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

my $connection;

# nginx closes the connection after a 400.
sub post (%request) {
    $connection //= open_connection();
    my $response = $connection->request(%request);
    undef $connection if ($response->header('Connection') // '') eq 'close';
    return $response;
}

sub deliver (%options) {
    my $body    = delete $options{body} // '{}';
    my $id      = exists $options{id} ? delete $options{id} : unique_id('event');
    my $headers = delete $options{headers} // [];
    my $signed  = [ github_headers($SECRET, $body, override => { 'X-GitHub-Delivery' => $id }) ];
    return post(uri => '/by_id', body => $body, %options, headers => [ @$signed, @$headers ]);
}

sub outcome_of (%options) { return outcome(deliver(%options)) }

sub new_body () { return sprintf '{"body":"%s"}', unique_id() }

subtest 'the event id, where the scheme has one' => sub {
    my $id = unique_id();
    is outcome_of(id => $id, body => 'one'), 'delivered', 'first';
    is outcome_of(id => $id, body => 'two'), 'duplicate', 'the same id with another body';
    is outcome_of(body => 'one'), 'delivered', 'another id with the same body';
    is outcome_of(id => "${id}A"), 'delivered', 'an id';
    is outcome_of(id => "${id}a"), 'delivered', 'differs by case';
    is outcome_of(id => substr $id, 0, -1), 'delivered', 'or by length';
    my $long = 'x' x 4000;
    is outcome_of(id => "${long}1"), 'delivered', 'a long id';
    is outcome_of(id => "${long}2"), 'delivered', 'differs at its end';
    is outcome_of(id => "${long}1"), 'duplicate', 'and is remembered';
};

subtest 'the event id in the payload' => sub {
    my $send = sub ($body) {
        return outcome(post(uri => '/by_payload', body => $body,
            headers => [ pagerduty_headers($SECRET, $body) ]));
    };
    my $id = unique_id();
    is $send->(qq({"event":{"id":"$id"}})), 'delivered', 'first';
    is $send->(qq({ "event" : { "data" : 1, "id" : "$id" } })), 'duplicate', 'the same id written otherwise';
    is $send->(qq({"event":{"id":"$id-2"}})), 'delivered', 'another';
    is $send->('{"event":{}}'), 'missing_event_id', 'no id';
    is $send->('{"event":{"id":""}}'), 'missing_event_id', 'an empty id';
    is $send->('{"event":'), 'invalid_payload', 'not JSON';
};

subtest 'the body, where the scheme has no event id' => sub {
    my $send = sub ($body) {
        return outcome(post(uri => '/by_body', body => $body, headers => [ 'X-Token' => $TOKEN ]));
    };
    is $send->('one'),      'delivered', 'a body';
    is $send->('one'),      'duplicate', 'the same';
    is $send->('two'),      'delivered', 'another';
    is $send->('one '),     'delivered', 'one byte more';
    is $send->(''),         'delivered', 'no body';
    is $send->(''),         'duplicate', 'no body again';
    my $long = 'x' x 300_000;
    is $send->("${long}1"), 'delivered', 'a long body';
    is $send->("${long}2"), 'delivered', 'another long body';
    is $send->("${long}1"), 'duplicate', 'the first long body';
};

subtest 'the scheme of the location decides, not that of the level above' => sub {
    my $body = new_body();
    my %by_id = (port => 8083, uri => '/by_id', body => $body);
    my @first = (headers => [ github_headers($SECRET, $body, delivery => 'first') ]);
    is outcome(send_request(%by_id, @first)), 'delivered', 'an event';
    is outcome(send_request(%by_id, headers => [ github_headers($SECRET, $body) ])), 'delivered',
        'another event with the same body';
    is outcome(send_request(%by_id, @first)), 'duplicate', 'the first again';
};

subtest 'no event id' => sub {
    my $response = deliver(id => undef);
    is $response->{status}, 400, 'status';
    is outcome($response), 'missing_event_id', 'reason';
    is outcome_of(id => ''), 'missing_event_id', 'empty';
    is outcome_of(uri => '/off', id => undef), 'delivered', 'nobody asks without dedup';
    is outcome_of(uri => '/headers', headers => [ 'X-First' => unique_id() ]), 'missing_event_id',
        'one of two keys is empty';
};

# Each takes a body and gives the headers that it comes with.
our $now  = time;
my %SIGN = (
    slack   => sub ($body, $uri) {
        return ('X-Slack-Request-Timestamp' => $now, 'X-Slack-Signature' => 'v0=' . hmac_sha256_hex("v0:$now:$body", $SECRET));
    },
    discord => sub ($body, $uri) {
        return (
            'X-Signature-Timestamp' => $now,
            'X-Signature-Ed25519'   => unpack 'H*', ed25519_signature($discord->{key}, "$now$body"),
        );
    },
    line     => sub ($body, $uri) { return 'X-Line-Signature' => base64(hmac_sha256($body, $SECRET)) },
    sendgrid => sub ($body, $uri) {
        return (
            'X-Twilio-Email-Event-Webhook-Timestamp' => $now,
            'X-Twilio-Email-Event-Webhook-Signature' => base64(ecdsa_signature($sendgrid->{key}, "$now$body")),
        );
    },
    hubspot => sub ($body, $uri) {
        my $time = time . '000';
        my $mac  = hmac_sha256("POSThttp://localhost$uri$body$time", $SECRET);
        return ('X-HubSpot-Request-Timestamp' => $time, 'X-HubSpot-Signature-v3' => base64($mac));
    },
);

sub outcome_at ($uri, $body, @headers) {
    my ($sender) = $uri =~ m{^/([a-z]+)};
    return outcome(post(uri => $uri, body => $body, headers => [ $SIGN{$sender}->($body, $uri), @headers ]));
}

subtest 'some deliveries have no event id' => sub {
    my $id = unique_id();
    is outcome_at('/slack', qq({"event_id":"$id","event":{}})), 'delivered', 'slack: an event';
    is outcome_at('/slack', qq({"event":{"again":1},"event_id":"$id"})), 'duplicate', 'again, as another body';
    my $command = 'token=a&command=%2Fdeploy&trigger_id=' . unique_id();
    is outcome_at('/slack', $command), 'delivered', 'a slash command, which is a form';
    is outcome_at('/slack', $command), 'duplicate', 'the same';
    is outcome_at('/slack', "$command&text=now"), 'delivered', 'another';
    is outcome_at('/slack', ''), 'delivered', 'no body';
    is outcome_at('/slack', '{"event_id":"","event":{}}'), 'delivered', 'an empty id';
    is outcome_at('/slack', '{"event_id":"","event":[]}'), 'delivered', 'another empty id';
    is outcome_at('/slack', '{"event_id":"","event":{}}'), 'duplicate', 'the first of them';
    my $long = sprintf '{"event_id":"%s","event":"%s"}', unique_id(), 'x' x 2000;
    is outcome_at('/slack', $long), 'delivered', 'a body too large to look into';
    is outcome_at('/slack', $long), 'duplicate', 'the same';
    is outcome_at('/slack', $long =~ s/xx/xy/r), 'delivered', 'another with that id';
    # A body may not pass for an id, nor the other way round.
    my $hash = sha256_hex($command);
    is outcome_at('/slack', qq({"event_id":"$hash","event":{}})), 'delivered', 'an id that is the hash of a known body';

    is outcome_at('/slack_by_both', $command), 'delivered', 'by both keys: a slash command';
    is outcome_at('/slack_by_both', $command), 'duplicate', 'the same';
    is outcome_at('/slack_by_both', "$command&text=now"), 'delivered', 'another';

    my $tenant = sub ($body, $tenant) { return outcome_at('/slack_by_more', $body, 'X-Tenant' => $tenant) };
    is $tenant->($command, 'a'), 'delivered', 'a key that names the id among others: a slash command of a tenant';
    is $tenant->($command, 'a'), 'duplicate', 'the same';
    is $tenant->($command, 'b'), 'delivered', 'of another tenant';
    is $tenant->("$command&text=now", 'a'), 'delivered', 'another command';
    is $tenant->(qq({"event_id":"$id","event":{}}), $_), 'delivered', "an event of $_" for qw(a b);
    is $tenant->(qq({"event":[],"event_id":"$id"}), $_), 'duplicate', "again of $_" for qw(a b);

    my $interaction = sprintf '{"id":"%s","type":2}', unique_id();
    is outcome_at('/discord', $interaction), 'delivered', 'discord: an interaction';
    is outcome_at('/discord', $interaction =~ s/"type":2/"type":3/r =~ s/\}/ }/r), 'duplicate', 'its id again';
    my $event = sprintf '{"version":1,"type":1,"event":{"type":"A","data":"%s"}}', unique_id();
    is outcome_at('/discord', $event), 'delivered', 'an event, which has no id';
    is outcome_at('/discord', $event), 'duplicate', 'the same';
    is outcome_at('/discord', $event =~ s/"A"/"B"/r), 'delivered', 'another';
};

# A retry is signed anew, with another time.
subtest 'a key with a mark, where some deliveries have no event id' => sub {
    my @mark    = ('X-Again' => ' again 1');
    my $id      = unique_id();
    my $event   = sub ($value = 1) { return qq({"event_id":"$id","event":$value}) };
    my $command = 'token=a&trigger_id=' . unique_id();
    is outcome_at('/slack_by_both', $event->()), 'delivered', 'an event, by the keys without it';
    is outcome_at('/slack_by_both', $command), 'delivered', 'and what has no id';
    is outcome_at('/slack_by_mark', $event->(2)), 'duplicate', 'with an empty mark, the event is known';
    is outcome_at('/slack_by_mark', $command), 'duplicate', 'and the other, too';
    is outcome_at('/slack_by_mark', "$command&b=1"), 'delivered', 'another without an id';
    is outcome_at('/slack_by_both', "$command&b=1"), 'duplicate', 'is known by the keys without a mark';
    is outcome_at('/slack_by_mark', $event->(), @mark), 'delivered', 'with a mark, the event is delivered again';
    is outcome_at('/slack_by_mark', $event->(3), @mark), 'duplicate', 'and that once';
    is outcome_at('/slack_by_mark', $command, @mark), 'delivered', 'so is what has no id';
    is outcome_at('/slack_by_mark', $command, @mark), 'duplicate', 'and that once';
    # The key of one is no id of another.
    is outcome_at('/slack_by_mark', '{"event_id":"' . sha256_hex("$command&b=1") . '"}'), 'delivered',
        'an id that is the hash of a known body';
    local $now = $now + 1;
    is outcome_at('/slack_by_mark', $event->()), 'duplicate', 'a retry that is signed anew';
    my $form = sub ($type) { outcome_at('/slack_by_field', 'a=1', 'Content-Type' => $type) };
    is $form->('application/x-www-form-urlencoded'), 'delivered', 'by a field: a form without an id';
    is $form->('application/x-www-form-urlencoded'), 'duplicate', 'again';
    is $form->('application/json'), 'invalid_payload', 'as another type, which is not signed';
};

# Its ids are not signed, and its key holds the time: by the id alone a mark would let others through.
subtest 'a mark where the event id is not signed' => sub {
    my $send = sub ($id, $body, $offset, @headers) {
        my $time = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($now + $offset));
        return outcome(post(uri => '/zendesk', body => $body, headers => [
            'X-Zendesk-Webhook-Signature-Timestamp' => $time,
            'X-Zendesk-Webhook-Signature' => base64(hmac_sha256("$time$body", $SECRET)),
            ($id ? ('X-Zendesk-Webhook-Invocation-Id' => $id) : ()), @headers ]));
    };
    my @mark = ('X-Again' => ' again 1');
    is $send->('a', '{"a":1}', 0), 'delivered', 'an event';
    is $send->('b', '{"b":1}', 0), 'delivered', 'another';
    is $send->('a', '{"a":1}', 1), 'duplicate', 'the first, signed anew';
    is $send->('a', '{"b":1}', 0, @mark), 'duplicate', 'another event under the id that is let through';
    is $send->('a', '{"a":1}', 2, @mark), 'delivered', 'the one that is let through';
    is $send->('a', '{"a":1}', 3, @mark), 'duplicate', 'and that once';
    is $send->('', '{"c":1}', 0), 'delivered', 'one without an id';
    is $send->('', '{"c":1}', 0), 'duplicate', 'again';
};

# The first event's id does not name the others.
subtest 'some deliveries hold several events' => sub {
    my %batch = (
        hubspot  => sub (@ids) { return '[' . join(',', map { qq({"eventId":$_,"subscriptionType":"a"}) } @ids) . ']' },
        line     => sub (@ids) { return '{"events":[' . join(',', map { qq({"webhookEventId":"$_"}) } @ids) . ']}' },
        sendgrid => sub (@ids) { return '[' . join(',', map { qq({"sg_event_id":"$_","event":"a"}) } @ids) . ']' },
    );
    for my $sender (sort keys %batch) {
        my $send = sub (@ids) { return outcome_at("/$sender", $batch{$sender}->(@ids)) };
        is $send->(1, 2), 'delivered', "$sender: two events";
        is $send->(1, 3), 'delivered', 'the first of them, with another';
        is $send->(1),    'delivered', 'the first of them alone';
        is $send->(1, 2), 'duplicate', 'both again';
        is $send->(),     'delivered', 'none';
        next if $sender eq 'hubspot';    # beside the URL, nothing but JSON is taken
        is outcome_at("/$sender", 'no JSON'), 'delivered', 'what cannot be read';
        is outcome_at("/$sender", 'no JSON'), 'duplicate', 'that again';
    }
    is outcome_at('/hubspot_by_id', $batch{hubspot}->(1, 2)), 'delivered', 'by the id, where the configuration wants it';
    is outcome_at('/hubspot_by_id', $batch{hubspot}->(1, 3)), 'duplicate', 'it is that of the first';
};

subtest 'one body for events of two types' => sub {
    my $send = sub ($uri, $topic, $id, $body) {
        my $mac = base64(hmac_sha256($body, $SECRET));
        return outcome(post(uri => $uri, body => $body, headers =>
            [ 'X-Shopify-Hmac-Sha256' => $mac, 'X-Shopify-Topic' => $topic, 'X-Shopify-Webhook-Id' => $id ]));
    };
    for my $uri (qw(/shopify /shopify_both /shopify_old)) {
        my ($body, $created, $paid) = (new_body(), unique_id(), unique_id());
        is $send->($uri, 'orders/create', $created, $body), 'delivered', "$uri: an order";
        is $send->($uri, 'orders/paid', $paid, $body), 'delivered', 'it is paid in the same second';
        is $send->($uri, 'orders/paid', $paid, $body), 'duplicate', 'a retry';
        is $send->($uri, 'orders/create', $created, $body), 'duplicate', 'a retry of the first';
        is $send->($uri, 'orders/paid', unique_id(), $body), $uri eq '/shopify' ? 'delivered' : 'duplicate',
            'a replay under another id';
    }

    my $woo = sub ($topic, $delivery, $body) {
        my $mac = base64(hmac_sha256($body, $SECRET));
        return outcome(post(uri => '/woocommerce', body => $body, headers =>
            [ 'X-WC-Webhook-Signature' => $mac, 'X-WC-Webhook-Topic' => $topic, 'X-WC-Webhook-Delivery-ID' => $delivery ]));
    };
    my $body = new_body();
    is $woo->('product.deleted', 'a', $body), 'delivered', 'woocommerce: a topic';
    is $woo->('product.restored', 'a', $body), 'delivered', 'another in the same second';
    is $woo->('product.deleted', 'b', $body), 'delivered', 'the first topic again, later';
    is $woo->('product.deleted', 'b', $body), 'duplicate', 'the same delivery';
};

# What such a delivery says stands in its URL, or is when it came.
subtest 'events without a body' => sub {
    my $get = sub ($uri, @headers) { return outcome(send_request(method => 'GET', uri => $uri, headers => \@headers)) };
    my $hubspot = sub ($query, $time) {
        my $mac = hmac_sha256("GEThttp://localhost/get/hubspot?$query$time", $SECRET);
        return $get->("/get/hubspot?$query", 'X-HubSpot-Request-Timestamp' => $time, 'X-HubSpot-Signature-v3' => base64($mac));
    };
    my $time = time . '000';
    is $hubspot->("contact=$_", $time), 'delivered', "hubspot: contact $_" for 1 .. 3;
    is $hubspot->('contact=1', $time + 1000), 'delivered', 'the first again, at another time';
    is $hubspot->('contact=1', $time), 'duplicate', 'the first, replayed';

    my $twilio = sub ($query) {
        my $mac = hmac_sha1("http://localhost/get/twilio?$query", $SECRET);
        return $get->("/get/twilio?$query", 'X-Twilio-Signature' => base64($mac));
    };
    is $twilio->("CallSid=$_"), 'delivered', "twilio: call $_" for 1 .. 3;
    is $twilio->('CallSid=1'), 'duplicate', 'the first, replayed';
    my $mac = base64(hmac_sha1('http://localhost/get/twilio?CallSid=1', $SECRET));
    is outcome(send_request(method => 'GET', uri => '/get/twilio?CallSid=1',
        headers => [ Host => 'localhost:80', 'X-Twilio-Signature' => $mac ])), 'duplicate', 'with the port that the sender left out';

    # What Twilio signs says nothing of the method, nor whether an empty body is a form.
    my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
    my @replays = ([ 'HEAD', '' ], [ 'POST', '' ], [ 'PUT', '' ], [ 'GET', '', @form ], map { [ 'POST', $_, @form ] } '', '&', '&&');
    for my $replay (@replays) {
        my ($method, $body, @headers) = @$replay;
        is outcome(send_request(method => $method, uri => '/get/twilio?CallSid=1', body => $body,
            headers => [ 'X-Twilio-Signature' => $mac, @headers ])), 'duplicate', "as $method with '$body' @headers";
    }

    my $timed = sub ($method, $uri, $when, @headers) {
        return outcome(send_request(method => $method, uri => $uri, headers =>
            [ 'X-Time' => $when, 'X-Signature' => hmac_sha256_hex("$when.", $SECRET), @headers ]));
    };
    my $second = time;
    is $timed->('POST', '/get/timed', $second), 'delivered', 'a scheme that signs the time';
    is $timed->('POST', '/get/timed?a=1', $second), 'duplicate', 'with a query';
    is $timed->('GET', '/get/timed', $second), 'duplicate', 'with another method';
    is $timed->('POST', '/get/timed', $second + 1), 'delivered', 'another time';

    my $vonage = sub ($uri, $id) {
        my $token = json_web_token('HS256', $SECRET, iat => time, $id ? (jti => $id) : (nonce => 1));
        return $get->($uri, Authorization => "Bearer $token");
    };
    is $vonage->('/get/vonage?uuid=0', 'z'), 'delivered', 'vonage: a call';
    is $vonage->('/get/vonage?uuid=9', 'z'), 'duplicate', 'its token with another query';
    is $vonage->('/get/vonage?uuid=1', 'a'), 'delivered', 'vonage: a call';
    is $vonage->('/get/vonage?uuid=2', 'b'), 'delivered', 'another';
    is $vonage->('/get/vonage?uuid=2', 'c'), 'delivered', 'again, under another token';

    my $zendesk = sub ($method, $uri, $when) {
        my $time = sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', (gmtime $when)[5] + 1900, (gmtime $when)[4] + 1, (gmtime $when)[ 3, 2, 1, 0 ];
        return outcome(send_request(method => $method, uri => $uri, headers => [
            'X-Zendesk-Webhook-Signature'           => base64(hmac_sha256($time, $SECRET)),
            'X-Zendesk-Webhook-Signature-Timestamp' => $time ]));
    };
    my $now = time;
    is $zendesk->('GET', '/get/zendesk?1', $now), 'delivered', 'zendesk, which signs the time alone';
    is $zendesk->('GET', '/get/zendesk?2', $now), 'duplicate', 'another URL';
    is $zendesk->('GET', '/%67et/zendesk?1', $now), 'duplicate', 'another spelling of it';
    is $zendesk->('DELETE', '/get/zendesk?1', $now), 'duplicate', 'another method';
    is $zendesk->('GET', '/get/zendesk?1', $now + 1), 'delivered', 'another time';
    is $zendesk->('GET', '/get/zendesk?1', $now), 'duplicate', 'the first, replayed';
};

subtest 'a form is one, whatever its Content-Type' => sub {
    my $send = sub ($body, @headers) {
        return outcome(post(uri => '/fielded', body => $body,
            headers => [ 'X-Signature' => hmac_sha256_hex($body, $SECRET), @headers ]));
    };
    my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
    my $id   = unique_id();
    is $send->("id=$id&a=b", @form), 'delivered', 'an event';
    is $send->("id=$id&a=b", @form), 'duplicate', 'again';
    is $send->("id=$id&a=b", 'Content-Type' => 'text/plain'), 'invalid_payload', 'as text, its id is not read';
    is $send->("id=$id&a=b"), 'invalid_payload', 'nor without a type';
    is $send->("id=$id&id=$id", @form), 'invalid_payload', 'an id that stands twice';
    is $send->('a=b', @form), 'delivered', 'a form without that field';
    is $send->('a=b', @form), 'duplicate', 'again';
    is $send->(''), 'delivered', 'no body at all';
    is $send->('', @form), 'duplicate', 'and an empty form';
};

# Honest senders send these, one after the other.
subtest 'events that differ by their signed time alone' => sub {
    my $now  = time;
    my $qsh  = sha256_hex('POST&/atlassian&');
    my $send = sub ($issued) {
        my $token = json_web_token('HS256', $SECRET, iss => 'a', iat => $issued, exp => $now + 180, qsh => $qsh);
        return outcome(post(uri => '/atlassian', body => '{"eventType":"disabled"}', headers => [ Authorization => "JWT $token" ]));
    };
    is $send->($now), 'delivered', 'atlassian: an app is disabled';
    is $send->($now - 9), 'delivered', 'and once more';
    is $send->($now), 'duplicate', 'the first, replayed';

    my $suggestion = form_encoded(payload => '{"type":"block_suggestion","value":"a"}');
    my $slack = sub ($time) {
        return outcome(post(uri => '/slack', body => $suggestion, headers => [ 'X-Slack-Request-Timestamp' => $time,
            'X-Slack-Signature' => 'v0=' . hmac_sha256_hex("v0:$time:$suggestion", $SECRET) ]));
    };
    is $slack->($now), 'delivered', 'slack: a letter is typed';
    is $slack->($now - 2), 'delivered', 'and typed again';
    is $slack->($now), 'duplicate', 'the first, replayed';

    my $contentful = sub ($time, $topic, $uri = '/contentful') {
        my $names = 'x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic';
        my $text  = "POST\n/contentful\nx-contentful-signed-headers:$names;x-contentful-timestamp:$time;x-contentful-topic:T\n{}";
        return outcome(post(uri => $uri, body => '{}', headers => [
            'X-Contentful-Signed-Headers' => $names, 'X-Contentful-Timestamp' => $time, 'X-Contentful-Topic' => $topic,
            'X-Contentful-Signature' => hmac_sha256_hex($text, $SECRET) ]));
    };
    is $contentful->("${now}000", 'T'), 'delivered', 'contentful: a build';
    is $contentful->("${now}001", 'T'), 'delivered', 'another';
    is $contentful->("${now}000", $_), 'duplicate', 'the first, with tabs around its topic' for "T\t", "\tT", "T\t\t";
    is $contentful->("${now}000", 'T', '/contentful?'), 'duplicate', 'the first, with an empty query, which is not signed';
};

subtest 'a form that is written in other bytes' => sub {
    my $payload = new_body();
    my $send = sub ($body, $id) {
        return outcome(post(uri => '/gitea-form', body => $body, headers => [
            'Content-Type' => 'application/x-www-form-urlencoded', 'X-Gitea-Delivery' => $id, 'X-Gitea-Event' => 'push',
            'X-Gitea-Signature' => hmac_sha256_hex($payload, $SECRET) ]));
    };
    is $send->(form_encoded(payload => $payload), unique_id()), 'delivered', 'an event';
    is $send->('payload=' . join('', map { sprintf '%%%02x', ord } split //, $payload), unique_id()), 'duplicate',
        'its payload escaped otherwise, under another id';
};

subtest 'any known key makes a duplicate' => sub {
    my ($id, $body) = (unique_id(), new_body());
    my %both = (uri => '/by_both');
    $backend->clear;
    is outcome_of(%both, id => $id, body => $body), 'delivered', 'first';
    is outcome_of(%both, id => $id, body => $body), 'duplicate', 'both known';
    my $other = new_body();
    is outcome_of(%both, id => $id, body => $other), 'duplicate', 'the id is known';
    my $replay = unique_id();
    is outcome_of(%both, id => $replay, body => $body), 'duplicate', 'the body is known';
    is outcome_of(%both, id => unique_id(), body => $other), 'delivered', 'a duplicate leaves its other body unknown';
    is outcome_of(%both, id => $replay, body => new_body()), 'delivered', 'and its other id';
    is $backend->count, 3, 'the upstream saw three';
};

subtest 'all keys are claimed or none' => sub {
    my ($id, $body, $second_id, $second_body) = (unique_id(), new_body(), unique_id(), new_body());
    my %both = (uri => '/by_both');
    $backend->behave([ { hang => 1 }, {} ])->clear;
    my $hanging = start_request(%both, body => $body, headers => [ github_headers($SECRET, $body, delivery => $id) ]);
    wait_for(sub { $backend->count }, 3, 'in flight');
    is outcome_of(%both, id => $id, body => $second_body), 'in_flight', 'the id is in flight';
    is outcome_of(%both, id => $second_id, body => $body), 'in_flight', 'the body is in flight';
    is outcome_of(%both, id => unique_id(), body => $second_body), 'delivered', 'its other body was not claimed';
    is outcome_of(%both, id => $second_id, body => new_body()), 'delivered', 'nor its other id';
    $hanging->cancel;
    wait_for(sub { outcome_of(%both, id => $id, body => new_body()) eq 'delivered' }, 3, 'the id is free');
    is outcome_of(%both, id => unique_id(), body => $body), 'delivered', 'the body is free';

    $backend->behave([ { status => 500 }, {} ]);
    ($id, $body) = (unique_id(), new_body());
    is outcome_of(%both, id => $id, body => $body), 500, 'failed';
    is outcome_of(%both, id => unique_id(), body => $body), 'delivered', 'the body is free after a failure';
    is outcome_of(%both, id => $id, body => new_body()), 'delivered', 'so is the id';
    $backend->behave;
};

subtest 'one key given twice' => sub {
    my %event = (uri => '/twice_the_same', id => unique_id());
    $backend->behave([ { status => 500 }, {} ]);
    is outcome_of(%event), 500, 'failed';
    is outcome_of(%event), 'delivered', 'delivered';
    is outcome_of(%event), 'duplicate', 'remembered';
    $backend->behave;
};

subtest 'endpoints are apart' => sub {
    my $id = unique_id();
    is outcome_of(id => $id, uri => '/one'),      'delivered', 'an endpoint';
    is outcome_of(id => $id, uri => '/two'),      'delivered', 'another in the same zone';
    is outcome_of(id => $id, uri => '/also_one'), 'duplicate', 'a location of the first';
    is outcome_of(id => $id, uri => '/by_id'),    'delivered', 'without a name it is the scheme\'s';
    is outcome_of(id => $id, uri => '/by_id/2'),  'duplicate', 'which is one endpoint';
    is outcome_of(id => $id, uri => '/off'),      'delivered', 'no dedup' for 1 .. 2;
};

subtest 'keys with variables' => sub {
    my $id = unique_id();
    my $send = sub ($tenant) { outcome_of(uri => '/custom', id => $id, headers => [ 'X-Tenant' => $tenant ]) };
    is $send->('a'), 'delivered', 'a tenant';
    is $send->('a'), 'duplicate', 'again';
    is $send->('b'), 'delivered', 'another tenant';

    my $pair = sub ($first, $second) {
        return outcome_of(uri => '/headers', headers => [ 'X-First' => $first, 'X-Second' => $second ]);
    };
    my ($one, $two) = (unique_id(), unique_id());
    is $pair->($one, $two),        'delivered', 'two keys';
    is $pair->($two, $one),        'delivered', 'a value of the first is none of the second';
    is $pair->($one, unique_id()), 'duplicate', 'the first is known';
    is $pair->(unique_id(), $two), 'duplicate', 'the second is known';
    is $pair->('same' . $one, 'same' . $one), 'delivered', 'two of the same value';
};

subtest 'a key whose variables are all empty is none, whatever stands beside them' => sub {
    my $send = sub (@headers) { return outcome_of(uri => '/constant', headers => \@headers) };
    is $send->(), 'missing_event_id', 'no header' for 1 .. 2;
    is $send->('X-First' => '1'), 'delivered', 'the first';
    is $send->('X-First' => '1'), 'duplicate', 'again';
    is $send->('X-Second' => '2'), 'delivered', 'the second';
    is $send->('X-Second' => '2'), 'duplicate', 'again';
};

subtest 'a location\'s own ttl' => sub {
    my $id = unique_id();
    is outcome_of(uri => '/short', id => $id), 'delivered', 'first';
    is outcome_of(uri => '/one', id => $id), 'delivered', 'first, with the ttl of the zone';
    ok wait_for(sub { outcome_of(uri => '/short', id => $id) eq 'delivered' }, 4, 'forgotten'), 'forgotten';
    is outcome_of(uri => '/one', id => $id), 'duplicate', 'the other is still remembered';
};

# How many events are taken before one is not, of at most so many.
sub fill ($uri, $most) {
    for my $number (1 .. $most) {
        my $response = deliver(uri => $uri, id => "$uri-$number");
        return ($number - 1, $response) if $response->{status} != 200;
    }
    return ($most, undef);
}

my $capacity;

subtest 'full=reject' => sub {
    ($capacity, my $refused) = fill('/reject', 2000);
    cmp_ok $capacity, '>', 500, "32k hold $capacity events";
    cmp_ok $capacity, '<', 1000, 'and no more than they can';
    is $refused->{status}, 503, 'the next is refused';
    is outcome($refused), 'unavailable', 'for that reason';
    is $refused->header('Retry-After'), '1', 'and told to come again';
    is outcome_of(uri => '/reject', id => "/reject-$_"), 'duplicate', "event $_ is remembered" for 1, $capacity;
    is outcome_of(uri => '/one'), 'delivered', 'another zone has room';
};

subtest 'full=reject with several ttls in a zone' => sub {
    is((fill('/mixed', $capacity - 4))[1], undef, 'nearly as many as there is room for');
    my ($taken) = fill('/brief', 100);
    cmp_ok $taken, '>=', 4, 'some that are remembered for seconds fill the zone';
    ok wait_for(sub { outcome_of(uri => '/mixed', id => 'new') eq 'delivered' }, 12, 'room again'),
        'there is room when they have expired';
    is outcome_of(uri => '/mixed', id => "/mixed-$_"), 'duplicate', "event $_ is remembered" for 1, $capacity - 4;
};

subtest 'full=evict' => sub {
    my ($taken) = fill('/evict', $capacity);
    is $taken, $capacity, 'as many fit';
    is outcome_of(uri => '/evict', id => '/evict-1'), 'duplicate', 'the first is remembered';
    is outcome_of(uri => '/evict', id => 'one more'), 'delivered', 'one more is taken';
    is outcome_of(uri => '/evict', id => '/evict-2'), 'duplicate', 'the second is remembered';
    is outcome_of(uri => '/evict', id => "/evict-$capacity"), 'duplicate', 'so is the last';
    is outcome_of(uri => '/evict', id => '/evict-1'), 'delivered', 'the first was forgotten for it';
    is outcome_of(uri => '/evict', id => '/evict-3'), 'duplicate', 'the third is remembered';
    is outcome_of(uri => '/evict', id => '/evict-2'), 'delivered', 'the second was forgotten next';
};

undef $connection;
finish();
