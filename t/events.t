# webhook_events: which types of events a gate lets through, wherever the type stands and however the body
# arrives. What is filtered is answered 200, and reaches neither the upstream nor the memory of events.

use Webhook::Test;

use Compress::Zlib ();
use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use MIME::Base64 qw(encode_base64url);

my $SECRET = 'secret-of-the-events-0123456789ab';
my $FORM   = 'application/x-www-form-urlencoded';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
log_format event '\$uri \$status "\$webhook_verdict" "\$webhook_reason" "\$webhook_event_id" "\$webhook_event_type"';
webhook_dedup_zone zone=events:1m;
client_max_body_size 8m;
webhook_scheme decoded { like pagerduty; body decoded; }
webhook_scheme token {
    algorithm  jwt=HS256;
    signature  header=X-Token;
    digest     claim=hash;
    event_id   claim=jti;
    event_type claim=type;
}
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log event;
    webhook_secret $SECRET;
    webhook_events incident.* !incident.test*;
    proxy_set_header X-Verdict \$webhook_verdict;
    proxy_set_header X-Reason \$webhook_reason;

    location / { webhook pagerduty; proxy_pass http://%%BACKEND%%; }
    location /in_file     { webhook pagerduty; client_body_in_file_only clean; proxy_pass http://%%BACKEND%%; }
    location /tiny_buffer { webhook pagerduty; client_body_buffer_size 16; proxy_pass http://%%BACKEND%%; }
    location /unbuffered  { webhook pagerduty; proxy_request_buffering off; proxy_pass http://%%BACKEND%%; }
    location /remembered  { webhook pagerduty; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /all         { webhook pagerduty name=remembered; webhook_events *; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /short       { webhook pagerduty; webhook_payload_max 1k; proxy_pass http://%%BACKEND%%; }
    location /decoded     { webhook decoded; webhook_payload_max 64k; proxy_pass http://%%BACKEND%%; }
    location /untyped     { webhook pagerduty; webhook_events ""; proxy_pass http://%%BACKEND%%; }
    location /typed       { webhook pagerduty; webhook_events * !""; proxy_pass http://%%BACKEND%%; }
    location /monitor     { webhook pagerduty; webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
    location /header      { webhook github; webhook_events push !ping; proxy_pass http://%%BACKEND%%; }
    location /header_only { webhook github; webhook_events push; webhook_payload_max 1k; proxy_pass http://%%BACKEND%%; }
    location /token       { webhook token; webhook_events paid; proxy_pass http://%%BACKEND%%; }
    location /slack       { webhook slack; webhook_events message; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /commands    { webhook slack; webhook_events message ""; webhook_handshake on; proxy_pass http://%%BACKEND%%; }
    location /field       { webhook mailgun-routes; webhook_events stored; proxy_pass http://%%BACKEND%%; }
    location /monday      { webhook monday; webhook_events create_item; webhook_url https://h.example/monday; proxy_pass http://%%BACKEND%%; }
    location /answered    { webhook pagerduty; webhook_response filtered 202 "not wanted"; proxy_pass http://%%BACKEND%%; }
    location /failing     { webhook pagerduty; webhook_events incident.*; error_page 502 = \@fallback; proxy_pass http://%%ADDR%%:8099; }
    location /refusing    { webhook pagerduty; webhook_events incident.*; proxy_intercept_errors on; error_page 500 = \@fallback; proxy_pass http://%%BACKEND%%; }
    location /failing_header { webhook github; webhook_events *; error_page 502 = \@by_header; proxy_pass http://%%ADDR%%:8099; }
    location /ungated     { webhook off; error_page 502 = \@fallback; proxy_pass http://%%ADDR%%:8099; }
    location /elsewhere   { webhook pagerduty; webhook_events incident.*; try_files /none \@fallback; proxy_pass http://%%BACKEND%%; }
    location \@fallback    { webhook pagerduty; webhook_events *.b; webhook_response filtered 202; proxy_pass http://%%BACKEND%%; }
    location \@by_header   { webhook github; webhook_events push; proxy_pass http://%%BACKEND%%; }
    location /silent      { webhook pagerduty; webhook_log_level error; proxy_pass http://%%BACKEND%%; }
}
CONF

sub event ($type, $id = unique_id('event'), $more = '') {
    return qq({"event":{"id":"$id","event_type":"$type"}$more});
}

sub headers ($body) { return [ pagerduty_headers($SECRET, $body) ] }

sub outcome_of ($response) {
    return join ' ', $response->{status}, $response->header('Webhook-Reason') // 'accepted', $backend->count;
}

sub post ($uri, $body, %options) {
    $backend->clear;
    return send_request(uri => $uri, body => $body, headers => headers($body), %options);
}

sub outcome ($uri, $body, %options) { return outcome_of(post($uri, $body, %options)) }

sub pieces ($body, $length) { return [ unpack "(a$length)*", $body ] }

my %FORM_OF_BODY = (
    'at once'            => sub ($uri, $body) { return (uri => $uri, body => $body) },
    'head, then body'    => sub ($uri, $body) { return (uri => $uri, body => $body, head_then_body => 0.01) },
    'in packets'         => sub ($uri, $body) { return (uri => $uri, body => $body, split => 1 + int(length($body) / 7)) },
    'in a chunk'         => sub ($uri, $body) { return (uri => $uri, chunked => [$body]) },
    'in chunks'          => sub ($uri, $body) { return (uri => $uri, chunked => pieces($body, 1 + int(length($body) / 5))) },
    'Expect'             => sub ($uri, $body) { return (uri => $uri, body => $body, expect_100 => 1) },
    'HTTP/1.0'           => sub ($uri, $body) { return (uri => $uri, body => $body, version => '1.0') },
    'HTTP/2'             => undef,
);

subtest 'every form of a body' => sub {
    my $pad = ',"pad":"' . 'x' x 100_000 . '"';
    my %outcome = (
        'wanted'           => [ event('incident.triggered'),         '200 accepted 1' ],
        'unwanted'         => [ event('service.updated'),            '200 filtered 0' ],
        'excluded'         => [ event('incident.tested'),            '200 filtered 0' ],
        'another case'     => [ event('Incident.triggered'),         '200 filtered 0' ],
        'long, wanted'     => [ event('incident.triggered', 1, $pad), '200 accepted 1' ],
        'long, unwanted'   => [ event('service.updated', 1, $pad),   '200 filtered 0' ],
        'a name twice'     => [ '{"event":{"id":1,"event_type":"incident.a"},"event":{"event_type":"x"}}', '400 invalid_payload 0' ],
        'no UTF-8'         => [ event('incident.a', 1, qq(,"x":"\xff")), '400 invalid_payload 0' ],
        'no JSON'          => [ 'event_type=incident.a',             '400 invalid_payload 0' ],
        'a byte order mark' => [ "\xef\xbb\xbf" . event('incident.a'), '200 accepted 1' ],
        'unusual numbers'  => [ event('incident.a', 1, ',"n":1e999,"m":123456789012345678901234567890'), '200 accepted 1' ],
        'half a surrogate' => [ event('incident.a', 1, ',"s":"\ud83d"'), '200 accepted 1' ],
    );
    for my $name (sort keys %outcome) {
        my ($body, $expected) = $outcome{$name}->@*;
        for my $uri (qw(/ /in_file /tiny_buffer /unbuffered)) {
            for my $form (sort keys %FORM_OF_BODY) {
                $backend->clear;
                my $response = $form eq 'HTTP/2' ? send_h2(uri => $uri, body => $body, headers => headers($body))
                    : send_request($FORM_OF_BODY{$form}->($uri, $body), headers => headers($body));
                is outcome_of($response), $expected, "$name, $uri, $form";
                next if $expected !~ /accepted/;
                ok +(($backend->requests)[0]{body} // '') eq $body, '  the same bytes';
            }
        }
    }
};

subtest 'cut at every byte' => sub {
    for my $case ([ event('incident.a', 1), '200 accepted 1' ], [ event('other', 1), '200 filtered 0' ]) {
        my ($body, $expected) = @$case;
        my %request = (uri => '/', headers => headers($body), body => $body);
        my ($head) = Webhook::Connection::format_request(%request);
        for my $offset (0 .. length($body) - 1) {
            $backend->clear;
            is outcome_of(send_request(%request, split => [ length($head) + $offset ], pause => 0.003)), $expected, "at byte $offset";
        }
    }
};

subtest 'the answer to what is filtered' => sub {
    my $response = post('/', event('other'));
    is $response->{status}, 200, 'status';
    is $response->{body}, '', 'no text';
    is $response->header('Content-Length'), 0, 'and its length';
    $response = post('/answered', event('other'));
    is_deeply [ $response->{status}, $response->{body} ], [ 202, 'not wanted' ], 'another answer';
    is $backend->count, 0, 'reaches nobody either';
};

subtest 'forged deliveries are not filtered' => sub {
    $backend->clear;
    my $body = event('other');
    is outcome_of(send_request(uri => '/', body => $body, headers => headers("$body "))), '401 bad_signature 0', 'refused';
};

subtest 'the memory of events' => sub {
    my $body = event('service.updated', unique_id('seen'));
    is outcome('/remembered', $body), '200 filtered 0', 'filtered';
    is outcome('/remembered', $body), '200 filtered 0', 'and again: no duplicate';
    is outcome('/all', $body), '200 accepted 1', 'where it is wanted, it is new';
    is outcome('/all', $body), '200 duplicate 0', 'and remembered then';
    is outcome('/remembered', $body), '200 filtered 0', 'what is filtered is no duplicate';
    my $wanted = event('incident.a', unique_id('seen'));
    is outcome('/remembered', $wanted), '200 accepted 1', 'what is wanted';
    is outcome('/remembered', $wanted), '200 duplicate 0', 'is remembered';
    my $twice = qq({"event":{"id":"a","id":"b","event_type":"incident.a"}});
    is outcome('/remembered', $twice), '400 invalid_payload 0', 'two ids';
};

subtest 'deliveries without a type' => sub {
    for my $body ('{"event":{"id":1}}', '{"event":{"event_type":null}}', '{"event":{"event_type":""}}', '[]', '') {
        is outcome('/', $body), '200 filtered 0', "none wanted: $body";
        is outcome('/untyped', $body), '200 accepted 1', "wanted: $body";
        is outcome('/typed', $body), '200 filtered 0', "excluded: $body";
    }
    is outcome('/untyped', event('incident.a')), '200 filtered 0', 'a type';
    is outcome('/typed', event('anything')), '200 accepted 1', 'any type';
    is outcome('/typed', '{"event":{"event_type":{}}}'), '400 invalid_payload 0', 'no text is not no type';
    is outcome('/typed', '{"event":{"event_type":"' . 'x' x 513 . '"}}'), '400 invalid_payload 0', 'nor is a long one';
};

subtest 'bodies over webhook_payload_max' => sub {
    my $long = event('incident.a', 1, ',"pad":"' . 'x' x 1000 . '"');
    is outcome('/short', $long), '400 invalid_payload 0', 'refused';
    is outcome('/short', event('incident.a')), '200 accepted 1', 'a shorter one';
    is outcome('/short', $long, body => undef, chunked => [$long]), '400 invalid_payload 0', 'in a chunk';
    my @github = (uri => '/header_only', body => $long);
    $backend->clear;
    is outcome_of(send_request(@github, headers => [ github_headers($SECRET, $long) ])), '200 accepted 1', 'with its type in a header';
    $backend->clear;
    is outcome_of(send_request(@github, headers => [ github_headers($SECRET, $long, event => 'star') ])), '200 filtered 0', 'filtered by that';
};

subtest 'compressed bodies' => sub {
    for my $case ([ event('incident.a'), '200 accepted 1' ], [ event('other'), '200 filtered 0' ],
        [ event('incident.a', 1, ',"p":"' . 'x' x 70_000 . '"'), '400 invalid_payload 0' ]) {
        my ($body, $expected) = @$case;
        my $sent = Compress::Zlib::memGzip($body);
        $backend->clear;
        is outcome_of(send_request(uri => '/decoded', body => $sent,
            headers => [ @{ headers($body) }, 'Content-Encoding' => 'gzip' ])), $expected, $expected;
        $backend->clear;
        is outcome_of(send_request(uri => '/', body => $sent, headers => [ @{ headers($sent) }, 'Content-Encoding' => 'gzip' ])),
            '400 invalid_payload 0', 'signed as it is sent: not to be read';
    }
};

subtest 'the charset of an unsigned Content-Type' => sub {
    my $at = sub ($type, $uri = '/', $body = event('incident.a')) {
        $backend->clear;
        return outcome_of(send_request(uri => $uri, body => $body, headers => [ @{ headers($body) }, 'Content-Type' => $type ]));
    };
    is $at->('application/json; charset="UTF-8"'), '200 accepted 1', 'UTF-8';
    is $at->('application/json; charset=utf-7'), '400 invalid_payload 0', 'UTF-7';
    is $at->('application/json; charset=utf-8; charset=utf-7'), '400 invalid_payload 0', 'both';
    is $at->('text/plain; charset=ISO-8859-1'), '200 accepted 1', 'one that extends ASCII, of ASCII';
    is $at->('text/plain; charset=ISO-8859-1', '/', event("incident.\xc3\xa9")), '400 invalid_payload 0', 'of other characters';
    is $at->('application/json; charset=utf-7', '/header'), '401 missing_signature 0', 'nothing of a forged one is said';
    $backend->clear;
    is outcome_of(send_request(uri => '/header', body => 'x',
        headers => [ github_headers($SECRET, 'x', event => 'push'), 'Content-Type' => 'a/b; charset=utf-7' ])),
        '200 accepted 1', 'where nothing is read, it is the upstream\'s';
    ok scalar($nginx->error_log =~ /invalid_payload, the Content-Type names the charset "utf-7", which/), 'the log says so';
};

subtest 'a fallback that does not want what its upstream would have got' => sub {
    allow_log(qr/connect\(\) failed/);
    is outcome('/failing', event('incident.b')), '200 accepted 1', 'a fallback that wants it';
    is outcome('/failing', event('incident.a')), '502 bad_answer 0', 'its sender is to try again';
    is outcome('/failing', event('other.b')), '200 filtered 0', 'what the first gate does not want';
    is outcome('/ungated', event('incident.a')), '502 bad_answer 0', 'after a location without a gate';
    is outcome('/elsewhere', event('incident.a')), '202 filtered 0', 'where no upstream was tried';
    my $at = sub ($event) {
        $backend->clear;
        return outcome_of(send_request(uri => '/failing_header', body => 'x', headers => [ github_headers($SECRET, 'x', event => $event) ]));
    };
    is $at->('push'), '200 accepted 1', 'by a type in a header, wanted';
    is $at->('star'), '502 bad_answer 0', 'by a type in a header, unwanted';
    ok scalar($nginx->error_log =~ /bad_answer, the upstream of the location before did not accept it, and "webhook_events" of this one/),
        'the log says why';
    $backend->behave(status => 500);
    is outcome('/refusing', event('incident.a')), '502 bad_answer 1', 'an upstream that refused it';
    $backend->behave(status => 200);
};

subtest 'a type in a header' => sub {
    my $at = sub (%options) {
        $backend->clear;
        return outcome_of(send_request(uri => '/header', body => 'anything', headers => [ github_headers($SECRET, 'anything', %options) ]));
    };
    is $at->(event => 'push'), '200 accepted 1', 'wanted';
    is $at->(event => 'ping'), '200 filtered 0', 'excluded';
    is $at->(event => 'star'), '200 filtered 0', 'unwanted';
    is $at->(event => "push\t"), '200 accepted 1', 'white space is none of it';
    is $at->(event => 'PUSH'), '200 filtered 0', 'case counts';
    is $at->(override => { 'X-GitHub-Event' => undef }), '200 filtered 0', 'missing';
    $backend->clear;
    is outcome_of(send_request(uri => '/header', body => 'x', headers => [ github_headers($SECRET, 'x'), 'X-GitHub-Event' => 'ping' ])),
        '401 malformed_header 0', 'twice';
};

subtest 'a type in a token, and in what a token signs' => sub {
    my $token = sub ($claims) {
        my $text = join '.', map { encode_base64url($_, '') } '{"alg":"HS256"}', $claims;
        return "$text." . encode_base64url(pack('H*', hmac_sha256_hex($text, $SECRET)), '');
    };
    my $at = sub ($claims) {
        $backend->clear;
        my $hash = sha256_hex('body');
        return outcome_of(send_request(uri => '/token', body => 'body', headers => [ 'X-Token' => $token->(qq({"hash":"$hash"$claims})) ]));
    };
    is $at->(',"type":"paid"'), '200 accepted 1', 'wanted';
    is $at->(',"type":"late"'), '200 filtered 0', 'unwanted';
    is $at->(''), '200 filtered 0', 'none';
    is $at->(',"type":"paid","type":"late"'), '400 invalid_payload 0', 'two';
    for my $case ([ create_item => '200 accepted 1' ], [ delete_item => '200 filtered 0' ]) {
        $backend->clear;
        is outcome_of(send_request(uri => '/monday', body => qq({"event":{"type":"$case->[0]"}}),
            headers => [ Authorization => $token->('{"aud":"https://h.example/monday"}') ])), $case->[1], "monday: $case->[0]";
    }
};

sub form_of ($json) { return 'payload=' . join '', map { sprintf '%%%02x', ord } split //, $json }

subtest 'JSON in a field of a form' => sub {
    my $at = sub ($uri, $body, $type = $FORM) {
        $backend->clear;
        return outcome_of(send_request(uri => $uri, body => $body, headers => [ slack_headers($SECRET, $body), 'Content-Type' => $type ]));
    };
    my $event = sub ($type, $id) { return qq({"event_id":"$id","event":{"type":"$type"}}) };
    my $id = unique_id('slack');
    is $at->('/slack', form_of($event->('message', $id))), '200 accepted 1', 'wanted';
    is $at->('/slack', form_of($event->('message', $id))), '200 duplicate 0', 'its id is read there, too';
    is $at->('/slack', $event->('message', $id), 'application/json'), '200 duplicate 0', 'and in JSON';
    is $at->('/slack', form_of($event->('reaction', $id))), '200 filtered 0', 'unwanted';
    is $at->('/slack', 'command=%2Fweather'), '200 filtered 0', 'a command has no type';
    is $at->('/commands', 'command=%2Fweather'), '200 accepted 1', 'which may be wanted';
    is $at->('/commands', form_of('{"type":"block_actions"}')), '200 accepted 1', 'as an interaction';
    is $at->('/commands', form_of('{"event":{"type":"message"}}')), '200 accepted 1', 'in a field, behind a question';
    is $at->('/commands', '{"type":"url_verification","challenge":"c"}', 'application/json'), '200 handshake 0', 'a handshake is none';
    is $at->('/commands', form_of('{"event":')), '400 invalid_payload 0', 'no JSON';
    is $at->('/commands', form_of('{}') . '&payload='), '400 invalid_payload 0', 'two fields';
    is $at->('/slack', form_of('{"event_id":"a","event_id":"b","event":{"type":"message"}}')), '400 invalid_payload 0', 'a name twice';
    my $both = '{"event":{"type":"reaction"},"text":"&' . form_of($event->('message', 'x')) . '&"}';
    is $at->('/slack', $both, 'application/json'), '200 filtered 0', 'a form within JSON';
    is $at->('/slack', $both, $FORM), '400 invalid_payload 0', 'is none by its Content-Type';
};

subtest 'a type in a field' => sub {
    my $at = sub ($fields) {
        my $time = time;
        my $body = "timestamp=$time&token=t&signature=" . hmac_sha256_hex("${time}t", $SECRET) . $fields;
        $backend->clear;
        return outcome_of(send_request(uri => '/field', body => $body, headers => [ 'Content-Type' => $FORM ]));
    };
    is $at->('&event=stored'), '200 accepted 1', 'wanted';
    is $at->('&event=clicked'), '200 filtered 0', 'unwanted';
    is $at->(''), '200 filtered 0', 'none';
    is $at->('&event=stored&event=clicked'), '400 invalid_payload 0', 'two';
};

subtest 'monitor mode lets it through, and says so' => sub {
    for my $case ([ event('other'), 'filtered' ], [ 'no JSON', 'invalid_payload' ]) {
        my ($body, $reason) = @$case;
        is outcome('/monitor', $body), '200 accepted 1', $reason;
        my $headers = ($backend->requests)[0]{headers};
        is_deeply [ @$headers{qw(x-verdict x-reason)} ], [ 'monitored', $reason ], 'the upstream is told';
    }
};

subtest 'the logs' => sub {
    my $lines    = access_log_lines();
    my $position = length $nginx->error_log;
    my $id       = unique_id('logged');
    post('/silent', event('other.type', $id));
    is((access_log_lines($lines + 1))[-1], qq(/silent 200 "rejected" "filtered" "$id" "other.type"), 'the access log has its type');
    my @lines = grep { /webhook / } split /\n/, substr $nginx->error_log, $position;
    is scalar @lines, 1, 'the error log has a line';
    like $lines[0], qr/\[info\].*webhook rejected: filtered, endpoint: "pagerduty", event id: "\Q$id\E", request id: \w+, client: /, 'at info, whatever webhook_log_level is';
    unlike $lines[0], qr/other\.type/, 'without any other value of the payload';
};

finish();
