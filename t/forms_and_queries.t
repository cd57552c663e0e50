# Signatures, times and tokens that stand in a form or in the query.

use Webhook::Fixtures;
use Webhook::Test;

my $SECRET = 'a-secret-of-the-forms-0123456789';
my $FORM   = 'application/x-www-form-urlencoded';
my $TOKEN  = 'ae5dd9b4d1e4b1ad2d7f9a2bcb1c4a5d';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:1m;
webhook_scheme route {
    algorithm  hmac-sha256;
    signed     "{field:timestamp}{field:token}";
    signature  field=signature;
    timestamp  field=timestamp;
    event_id   field=token;
    event_type field=kind;
}
webhook_scheme alone   { like mailgun-routes; signature field=signature alone; }
webhook_scheme ci      { algorithm token; signature query=token; event_id none; }
webhook_scheme tenants { like bearer; signature query=token; }
webhook_scheme jwt     { algorithm jwt=HS256; signature query=jwt; event_id claim=jti; event_type claim=kind; claims aud="{url}"; }
webhook_scheme proxy   { algorithm hmac-sha256; signed "{query:t}.{body}"; signature query=sig; timestamp query=t; event_id query=id; }
map \$http_x_tenant \$tenant_secret { default ""; bad "-----BEGIN PUBLIC KEY-----"; }
server {
    listen %%ADDR%%:8080;
    webhook_secret $SECRET;
    webhook_url http://hooks.example/in;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Type \$webhook_event_type;
    proxy_set_header X-Seen-Timestamp \$webhook_timestamp;
    location /route      { webhook route; proxy_pass http://%%BACKEND%%; }
    location /remembered { webhook route; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /alone      { webhook alone; proxy_pass http://%%BACKEND%%; }
    location /small      { webhook route; webhook_payload_max 100; proxy_pass http://%%BACKEND%%; }
    location /ci         { webhook ci; proxy_pass http://%%BACKEND%%; }
    location /tenants    {
        webhook tenants; webhook_secret \$tenant_secret; webhook_secret $SECRET not_after=2020-01-01T00:00:00Z id=old;
        webhook_allow 127.0.0.1; proxy_pass http://%%BACKEND%%;
    }
    location /jwt        { webhook jwt; proxy_pass http://%%BACKEND%%; }
    location /proxy      { webhook proxy; proxy_pass http://%%BACKEND%%; }
}
CONF

sub signed_form (%with) {
    my $time = $with{time} // time;
    my %field = (
        timestamp => $time, token => $TOKEN, signature => hmac_sha256_hex("$time$TOKEN", $SECRET),
        kind => 'mail & more', %{ $with{fields} // {} },
    );
    return form_encoded(map { $_ => $field{$_} } grep { defined $field{$_} } sort keys %field) . ($with{more} // '');
}

sub post ($uri, $body, $type = $FORM, @headers) {
    $backend->clear;
    return send_request(uri => $uri, body => $body, headers => [ ('Content-Type' => $type) x defined $type, @headers ]);
}

sub is_accepted ($what, $response, $body) {
    my @requests = $backend->requests;
    is_deeply [ $response->{status}, scalar(@requests), $requests[0]{body} ], [ 200, 1, $body ], "$what: arrives as it came"
        or diag $response->header('Webhook-Reason') // 'no reason';
    return $requests[0]{headers} // {};
}

sub is_refused ($what, $response, $expected) {
    is join(' ', $response->{status}, $response->header('Webhook-Reason') // ''), $expected, "$what: $expected";
    is $backend->count, 0, "$what: nothing reaches the backend";
}

subtest 'a form that is signed by its own fields' => sub {
    my $time = time;
    my $form = signed_form(time => $time);
    my $seen = is_accepted('with other fields', post('/route', $form), $form);
    is_deeply [ @$seen{qw(x-seen-id x-seen-type x-seen-timestamp)} ], [ $TOKEN, 'mail & more', $time ], 'its values';
    is_accepted('with a charset', post('/route', $form, "$FORM; charset=utf-8"), $form);
    is_refused('another token', post('/route', signed_form(fields => { token => 'x' })), '401 bad_signature');
    is_refused('another time', post('/route', signed_form(fields => { timestamp => $time - 1 })), '401 bad_signature');
    is_refused('an old one', post('/route', signed_form(time => $time - 310)), '401 stale_timestamp');
    is_refused('without a signature', post('/route', signed_form(fields => { signature => undef })), '401 missing_signature');
    is_refused('without a time', post('/route', signed_form(fields => { timestamp => undef })), '401 missing_timestamp');
    is_refused('without a token', post('/route', signed_form(fields => { token => undef })), '400 invalid_payload');
    is_refused("$_ twice", post('/route', signed_form(more => "&$_=1")), {
        signature => '401 missing_signature', timestamp => '401 missing_timestamp', token => '400 invalid_payload',
    }->{$_}) for qw(signature timestamp token);
    is_refused("said to be $_", post('/route', $form, $_), '400 invalid_payload')
        for 'application/json', 'multipart/form-data; boundary=x', 'text/plain';
    is_refused('larger than what is held', post('/small', $form), '400 invalid_payload');
    is_refused('in two Content-Types', post('/route', $form, $FORM, 'Content-Type' => $FORM), '401 malformed_header');
};

subtest 'other fields, where the scheme wants none' => sub {
    my $form = signed_form(fields => { kind => undef });
    is_accepted('none', post('/alone', $form), $form);
    is_refused('one more', post('/alone', "$form&kind=1"), '400 invalid_payload');
};

subtest 'a replay with other fields' => sub {
    my $form = signed_form();
    is_accepted('the first', post('/remembered', $form), $form);
    my $response = post('/remembered', "$form&more=1");
    is $response->header('Webhook-Reason'), 'duplicate', 'its token was seen';
    is $backend->count, 0, 'nothing reaches the backend';
};

subtest 'in the query' => sub {
    my $time = time;
    my $sig  = sub ($text) { return hmac_sha256_hex($text, $SECRET) };
    my $good = "t=$time&id=7&sig=" . $sig->("$time.{}");
    my $seen = is_accepted('a signature', post("/proxy?$good", '{}'), '{}');
    is_deeply [ @$seen{qw(x-seen-id x-seen-timestamp)} ], [ 7, $time ], 'its values';
    is_refused('of another body', post("/proxy?$good", '{ }'), '401 bad_signature');
    is_refused('twice', post("/proxy?$good&sig=1", '{}'), '401 malformed_signature');
    is_refused('none', post("/proxy?t=$time", '{}'), '401 missing_signature');
    is_refused('of another time', post('/proxy?t=' . ($time - 1) . '&sig=' . $sig->("$time.{}"), '{}'), '401 bad_signature');
    is_refused('of an old time', post('/proxy?t=' . ($time - 400) . '&sig=' . $sig->(($time - 400) . '.{}'), '{}'),
        '401 stale_timestamp');
    is_refused('two ids', post("/proxy?$good&id=8", '{}'), '401 malformed_header');
    is_refused('in a header', post("/proxy?t=$time", '{}', $FORM, sig => $sig->("$time.{}")), '401 missing_signature');

    is_accepted('a token', post("/ci?token=$SECRET&branch=main", '{}'), '{}');
    is_accepted('an encoded one', post('/ci?token=' . $SECRET =~ s/-/%2d/gr, '{}'), '{}');
    is_refused('a wrong token', post("/ci?token=${SECRET}x", '{}'), '401 bad_signature');
    is_refused('no token', post('/ci', "token=$SECRET"), '401 missing_signature');
    is_refused('two tokens', post("/ci?token=$SECRET&token=$SECRET", '{}'), '401 malformed_signature');

    my $jwt = sub (%claims) { return json_web_token('HS256', $SECRET, aud => 'http://hooks.example/in', exp => $time + 60, %claims) };
    $seen = is_accepted('a JWT', post('/jwt?jwt=' . $jwt->(jti => 'j1', kind => 'k'), '{}'), '{}');
    is_deeply [ @$seen{qw(x-seen-id x-seen-type)} ], [ 'j1', 'k' ], 'its claims';
    is_refused('a JWT of another secret', post('/jwt?jwt=' . json_web_token('HS256', 'another'), '{}'), '401 bad_signature');
};

# Who reads the log could send deliveries.
subtest 'a token in the query is not logged' => sub {
    my $before = length $nginx->error_log;
    my $wrong  = "$SECRET-but-wrong";
    post("/ci?token=$wrong", '{}');
    post("/ci?token=$SECRET&token=$SECRET", '{}');
    post("/tenants?token=$SECRET", '{}', $FORM, 'X-Tenant' => 'bad');
    post('/jwt?jwt=' . json_web_token('HS256', "$SECRET-but-wrong", aud => 'x'), '{}');
    my $lines = substr $nginx->error_log, $before;
    like $lines, qr{webhook rejected: bad_signature.*request: "POST /ci"}, 'the line tells the path';
    like $lines, qr{is not usable.*request: "POST /tenants"}, 'and so do others';
    unlike $lines, qr/\Q$SECRET\E|jwt=/, 'but no token';
};

finish();
