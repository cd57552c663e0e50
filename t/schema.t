# webhook_schema: a payload that does not satisfy its JSON Schema reaches neither the upstream nor the memory of
# events, however its body arrives; and what is said of it holds no value of the payload.

use Webhook::Test;

use Compress::Zlib ();
use Digest::SHA qw(hmac_sha256_hex);
use FindBin;

my $SECRET = 'secret-of-the-schemas-0123456789a';
my $FORM   = 'application/x-www-form-urlencoded';

my %SCHEMA = (
    'order.json' => <<'JSON',
{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["amount"],
    "properties": {
        "id": { "type": "string", "pattern": "^o_[0-9]+$" },
        "amount": { "type": "integer", "minimum": 1 },
        "lines": { "type": "array", "items": { "$ref": "parts/line.json" } }
    }
}
JSON
    'parts/line.json' => '{ "required": ["sku"], "properties": { "sku": { "type": "string", "maxLength": 5 } } }',
    'batch.json' => '{ "type": "array", "maxItems": 2, "items": { "required": ["id"] } }',
    'typed.json' => '{ "required": ["typed"] }',
    'other.json' => '{ "required": ["other"] }',
    'none.json'  => '{ "required": ["none"] }',
    'exact.json' => '{ "properties": { "n": { "const": 9007199254740993 }, "large": { "exclusiveMinimum": 1e300 } } }',
    'names.json' => '{ "additionalProperties": { "type": "integer" } }',
    'slow.json'  => '{ "properties": { "s": { "pattern": "^(a|a|a)*$" } } }',
    'old.json'   => '{ "$schema": "http://json-schema.org/draft-07/schema#", "definitions": { "a": { "type": "integer" } },'
        . ' "properties": { "a": { "$ref": "#/definitions/a" } } }',
    'changing.json' => '{ "required": ["first"] }',
);
write_file("schemas/$_", $SCHEMA{$_}) for sort keys %SCHEMA;

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
log_format schema '\$request_uri \$status "\$webhook_verdict" "\$webhook_reason" "\$webhook_schema_error"';
webhook_dedup_zone zone=events:1m;
client_max_body_size 8m;
webhook_scheme plain { algorithm hmac-sha256; signed "{body}"; signature header=X-Sign; event_id json=/id; event_type json=/type; }
webhook_scheme decoded { algorithm hmac-sha256; signed "{body}"; signature header=X-Sign; body decoded; }
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log schema;
    webhook plain;
    webhook_secret $SECRET;
    webhook_schema schemas/order.json;
    proxy_set_header X-Verdict \$webhook_verdict;
    proxy_set_header X-Reason \$webhook_reason;
    proxy_set_header X-Error \$webhook_schema_error;

    location / { proxy_pass http://%%BACKEND%%; }
    location /in_file     { client_body_in_file_only clean; proxy_pass http://%%BACKEND%%; }
    location /tiny_buffer { client_body_buffer_size 16; proxy_pass http://%%BACKEND%%; }
    location /unbuffered  { proxy_request_buffering off; proxy_pass http://%%BACKEND%%; }
    location /absolute    { webhook_schema %%DIR%%/schemas/order.json; proxy_pass http://%%BACKEND%%; }
    location /off         { webhook_schema off; proxy_pass http://%%BACKEND%%; }
    location /short       { webhook_payload_max 1k; proxy_pass http://%%BACKEND%%; }
    location /decoded     { webhook decoded; webhook_payload_max 64k; proxy_pass http://%%BACKEND%%; }
    location /remembered  { webhook plain name=remembered; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /lenient     { webhook plain name=remembered; webhook_dedup zone=events; webhook_schema off; proxy_pass http://%%BACKEND%%; }
    location /monitor     { webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
    location /answered    { webhook_response schema_violation 406 "stop"; proxy_pass http://%%BACKEND%%; }
    location /batch       { webhook_schema schemas/batch.json; proxy_pass http://%%BACKEND%%; }
    location /exact       { webhook_schema schemas/exact.json; proxy_pass http://%%BACKEND%%; }
    location /names       { webhook_schema schemas/names.json; proxy_pass http://%%BACKEND%%; }
    location /slow        { webhook_schema schemas/slow.json; proxy_pass http://%%BACKEND%%; }
    location /old         { webhook_schema schemas/old.json; proxy_pass http://%%BACKEND%%; }
    location /changing    { webhook_schema schemas/changing.json; proxy_pass http://%%BACKEND%%; }
    location /by_type {
        webhook_schema schemas/typed.json type=typed.*;
        webhook_schema schemas/other.json type=*.other;
        webhook_schema schemas/none.json  type=;
        proxy_pass http://%%BACKEND%%;
    }
    location /by_header {
        webhook github;
        webhook_schema schemas/order.json type=push;
        webhook_events push ping;
        proxy_pass http://%%BACKEND%%;
    }
    location /slack { webhook slack; webhook_schema schemas/order.json; proxy_pass http://%%BACKEND%%; }
    location /commands { webhook slack; webhook_schema schemas/order.json type=message; proxy_pass http://%%BACKEND%%; }
    location /failing { webhook_schema schemas/typed.json; error_page 502 = \@second; proxy_pass http://%%ADDR%%:8081; }
    location /failing_alike { error_page 502 = \@second; proxy_pass http://%%ADDR%%:8081; }
    location \@second { webhook_schema schemas/order.json; proxy_pass http://%%BACKEND%%; }
}
server { listen %%ADDR%%:8081; return 444; }
CONF

sub sign ($body) { return [ 'X-Sign' => hmac_sha256_hex($body, $SECRET) ] }

sub outcome_of ($response) {
    return join ' ', $response->{status}, $response->header('Webhook-Reason') // 'accepted', $backend->count;
}

sub post ($uri, $body, %options) {
    $backend->clear;
    return send_request(uri => $uri, body => $body, headers => sign($body), %options);
}

sub outcome ($uri, $body, %options) { return outcome_of(post($uri, $body, %options)) }

sub pieces ($body, $length) { return [ unpack "(a$length)*", $body ] }

# The pointers that the access log has of a delivery.
sub error_of ($uri, $body) {
    state $count = 0;
    my $own = "$uri?error=" . ++$count;
    post($own, $body);
    my $line = wait_for(sub { (grep { /^\Q$own\E / } access_log_lines())[0] }, 5, 'the line of the access log');
    my ($error) = $line =~ /"([^"]*)"$/;
    return $error;
}

my %FORM_OF_BODY = (
    'at once'         => sub ($body) { return (body => $body) },
    'head, then body' => sub ($body) { return (body => $body, head_then_body => 0.01) },
    'in packets'      => sub ($body) { return (body => $body, split => 1 + int(length($body) / 7)) },
    'in a chunk'      => sub ($body) { return (chunked => [$body]) },
    'in chunks'       => sub ($body) { return (chunked => pieces($body, 1 + int(length($body) / 5))) },
    'Expect'          => sub ($body) { return (body => $body, expect_100 => 1) },
    'HTTP/1.0'        => sub ($body) { return (body => $body, version => '1.0') },
);

subtest 'every form of a body' => sub {
    my $lines = join ',', ('{"sku":"a"}') x 10_000;
    my %outcome = (
        'valid'             => [ '{"id":"o_1","amount":1}',             '200 accepted 1' ],
        'violating'         => [ '{"id":"o_1","amount":0}',             '422 schema_violation 0' ],
        'no object'         => [ '[]',                                  '422 schema_violation 0' ],
        'long, valid'       => [ qq({"amount":1,"lines":[$lines]}),     '200 accepted 1' ],
        'long, violating'   => [ qq({"amount":1,"lines":[$lines,{}]}),  '422 schema_violation 0' ],
        'no JSON'           => [ 'amount=1',                            '400 invalid_payload 0' ],
        'half of it'        => [ '{"amount":1',                         '400 invalid_payload 0' ],
        'nothing'           => [ '',                                    '400 invalid_payload 0' ],
        'no UTF-8'          => [ qq({"amount":1,"x":"\xff"}),           '400 invalid_payload 0' ],
        'a name twice'      => [ '{"amount":1,"a":[{"b":{"c":1,"c":1}}]}', '400 invalid_payload 0' ],
        'a byte order mark' => [ "\xef\xbb\xbf{\"amount\":1}",          '200 accepted 1' ],
        'unusual numbers'   => [ '{"amount":1e0,"n":1e999}',            '200 accepted 1' ],
        'half a surrogate'  => [ '{"amount":1,"s":"\udc00"}',           '200 accepted 1' ],
        'a large violation' => [ '{"amount":-1e999}',                   '422 schema_violation 0' ],
    );
    for my $name (sort keys %outcome) {
        my ($body, $expected) = $outcome{$name}->@*;
        for my $uri (qw(/ /in_file /tiny_buffer /unbuffered)) {
            for my $form (sort(keys %FORM_OF_BODY), 'HTTP/2') {
                $backend->clear;
                my $response = $form eq 'HTTP/2' ? send_h2(uri => $uri, body => $body, headers => sign($body))
                    : send_request(uri => $uri, headers => sign($body), $FORM_OF_BODY{$form}->($body));
                is outcome_of($response), $expected, "$name, $uri, $form";
                next if $expected !~ /accepted/;
                ok +(($backend->requests)[0]{body} // '') eq $body, '  the same bytes';
            }
        }
    }
};

subtest 'cut at every byte' => sub {
    for my $case ([ '{"amount":12}', '200 accepted 1' ], [ '{"amount":"12"}', '422 schema_violation 0' ]) {
        my ($body, $expected) = @$case;
        my %request = (uri => '/', headers => sign($body), body => $body);
        my ($head) = Webhook::Connection::format_request(%request);
        for my $offset (0 .. length($body) - 1) {
            $backend->clear;
            is outcome_of(send_request(%request, split => [ length($head) + $offset ], pause => 0.003)), $expected, "at byte $offset";
        }
    }
};

subtest 'the answer' => sub {
    my $response = post('/', '{"amount":0}');
    is $response->{body}, '', 'no text';
    $response = post('/answered', '{"amount":0}');
    is_deeply [ $response->{status}, $response->{body}, $backend->count ], [ 406, 'stop', 0 ], 'another answer';
};

subtest 'what is not verified is not validated' => sub {
    $backend->clear;
    is outcome_of(send_request(uri => '/', body => '{}', headers => sign('{"amount":1}'))), '401 bad_signature 0', 'refused';
};

subtest 'bodies over webhook_payload_max' => sub {
    my $long = '{"amount":1,"pad":"' . 'x' x 1100 . '"}';
    is outcome('/short', $long), '400 invalid_payload 0', 'refused';
    is outcome('/short', $long, body => undef, chunked => [$long]), '400 invalid_payload 0', 'in a chunk';
    is outcome('/short', '{"amount":1}'), '200 accepted 1', 'a shorter one';
    ok scalar($nginx->error_log =~ /invalid_payload, the body has 1121 bytes, "webhook_payload_max" is 1024/), 'the log says so';
};

subtest 'compressed bodies' => sub {
    for my $case ([ '{"amount":1}', '200 accepted 1' ], [ '{"amount":0}', '422 schema_violation 0' ],
        [ '{"amount":1,"p":"' . 'x' x 70_000 . '"}', '400 invalid_payload 0' ]) {
        my ($body, $expected) = @$case;
        $backend->clear;
        is outcome_of(send_request(uri => '/decoded', body => Compress::Zlib::memGzip($body),
            headers => [ @{ sign($body) }, 'Content-Encoding' => 'gzip' ])), $expected, $expected;
    }
};

subtest 'the memory of events' => sub {
    my $id   = 'o_' . $$;
    my $body = qq({"id":"$id","amount":0});
    is outcome('/remembered', $body), '422 schema_violation 0', 'refused';
    is outcome('/remembered', $body), '422 schema_violation 0', 'and again: no duplicate';
    is outcome('/lenient', $body), '200 accepted 1', 'it is new where it is let through';
    is outcome('/lenient', $body), '200 duplicate 0', 'and remembered then';
    is outcome('/remembered', $body), '422 schema_violation 0', 'what is refused is no duplicate';
};

subtest 'schemas by type' => sub {
    my %outcome = (
        '{"type":"typed.a","typed":1}'       => '200 accepted 1',
        '{"type":"typed.a","other":1}'       => '422 schema_violation 0',
        '{"type":"typed.other","typed":1}'   => '200 accepted 1',
        '{"type":"typed.other","other":1}'   => '422 schema_violation 0',
        '{"type":"an.other","other":1}'      => '200 accepted 1',
        '{"type":"an.other"}'                => '422 schema_violation 0',
        '{"none":1}'                         => '200 accepted 1',
        '{"type":""}'                        => '422 schema_violation 0',
        '{"type":"third"}'                   => '200 accepted 1',
        '{"type":"third","a":{"b":1,"b":1}}' => '200 accepted 1',
        '{"type":"third","b":1,"b":1}'       => '400 invalid_payload 0',
        '{"type":{}}'                        => '400 invalid_payload 0',
        'type=third'                         => '400 invalid_payload 0',
    );
    is outcome('/by_type', $_), $outcome{$_}, $_ for sort keys %outcome;
    my $by_header = sub ($body, $event) {
        $backend->clear;
        return outcome_of(send_request(uri => '/by_header', body => $body, headers => [ github_headers($SECRET, $body, event => $event) ]));
    };
    is $by_header->('{"amount":1}', 'push'), '200 accepted 1', 'by a header';
    is $by_header->('{"amount":0}', 'push'), '422 schema_violation 0', 'which it violates';
    is $by_header->('no JSON', 'push'), '400 invalid_payload 0', 'which cannot be read';
    is $by_header->('no JSON', 'ping'), '200 accepted 1', 'of another type: not looked at';
    is $by_header->('no JSON', 'star'), '200 filtered 0', 'filtered before it is read';
};

subtest 'levels' => sub {
    is outcome('/absolute', '{"amount":0}'), '422 schema_violation 0', 'an absolute path';
    is outcome('/off', 'no JSON'), '200 accepted 1', 'off';
    is outcome('/by_type', '{"type":"third","amount":0}'), '200 accepted 1', 'an inner level replaces the outer one';
    is outcome('/old', '{"a":1.5}'), '422 schema_violation 0', 'draft 7';
    is outcome('/old', '{"a":1.0}'), '200 accepted 1', 'draft 7, satisfied';
};

subtest 'batches' => sub {
    is outcome('/batch', '[{"id":1},{"id":2}]'), '200 accepted 1', 'a batch';
    is outcome('/batch', '[{"id":1},{}]'), '422 schema_violation 0', 'one of it is wrong';
    is outcome('/batch', '[{"id":1},{"id":2},{"id":3}]'), '422 schema_violation 0', 'too many';
    is outcome('/batch', '[{"id":1},{"id":2,"a":1,"a":1}]'), '400 invalid_payload 0', 'a name twice';
};

subtest 'numbers as mathematics has them' => sub {
    is outcome('/exact', '{"n":9007199254740993}'), '200 accepted 1', '2^53 + 1';
    is outcome('/exact', '{"n":9007199254740992}'), '422 schema_violation 0', '2^53';
    is outcome('/exact', '{"n":9007199254740993.0}'), '200 accepted 1', 'with a fraction';
    is outcome('/exact', '{"large":1e400}'), '200 accepted 1', 'beyond a double';
    is outcome('/exact', '{"large":-1e400}'), '422 schema_violation 0', 'beyond it below';
};

subtest 'JSON in a field of a form' => sub {
    my $form = sub ($json) { return 'payload=' . join '', map { sprintf '%%%02x', ord } split //, $json };
    my $at = sub ($uri, $body, $type = $FORM) {
        $backend->clear;
        return outcome_of(send_request(uri => $uri, body => $body, headers => [ slack_headers($SECRET, $body), 'Content-Type' => $type ]));
    };
    is $at->('/slack', $form->('{"amount":1}')), '200 accepted 1', 'satisfied';
    is $at->('/slack', $form->('{"amount":0}')), '422 schema_violation 0', 'violated';
    is $at->('/slack', $form->('{"amount":1,"a":{"b":1,"b":2}}')), '400 invalid_payload 0', 'a name twice';
    is $at->('/slack', 'command=a'), '400 invalid_payload 0', 'no field';
    is $at->('/slack', '{"amount":1}', 'application/json'), '200 accepted 1', 'as JSON';
    is $at->('/slack', '{"amount":0}', 'application/json'), '422 schema_violation 0', 'as JSON, violated';
    is $at->('/commands', 'command=a'), '200 accepted 1', 'a command is of no type that has a schema';
    is $at->('/commands', $form->('{"event":{"type":"message"}}')), '422 schema_violation 0', 'a message is';
};

subtest '$webhook_schema_error' => sub {
    my $position = length $nginx->error_log;
    is error_of('/', '{"amount":0}'), '/amount /properties/amount/minimum', 'two pointers';
    is error_of('/', '{}'), ' /required/0', 'the whole payload';
    like error_of('/', '{"amount":1,"lines":[{"sku":"a"},{"sku":"secret value"}]}'), qr{^/lines/1/sku \S+/sku/maxLength$}, 'through a reference';
    is error_of('/', '{"amount":1}'), '-', 'none where nothing is wrong';
    is error_of('/', 'secret'), '-', 'none where nothing can be read';
    my $long = 'n' x 5000;
    my $error = error_of('/names', qq({"$long":"secret value"}));
    cmp_ok length $error, '<', 600, 'it is bounded';
    unlike error_of('/names', '{"a\r\nb\u0000c":"secret value"}'), qr/[\r\n\0]/, 'without control characters';
    my @lines = grep { /webhook rejected: schema_violation/ } split /\n/, substr $nginx->error_log, $position;
    is scalar @lines, 5, 'the error log has a line for each';
    like $lines[0], qr{schema_violation, [^,]*"/amount /properties/amount/minimum", endpoint: "plain"}, 'with the pointers';
    unlike join("\n", @lines), qr/secret/, 'and no value of the payload';
    cmp_ok length $lines[3], '<', 1500, 'bounded as well';
};

subtest 'monitor mode lets it through, and says so' => sub {
    is outcome('/monitor', '{"amount":0}'), '200 accepted 1', 'a violation';
    is_deeply [ @{ ($backend->requests)[0]{headers} }{qw(x-verdict x-reason x-error)} ],
        [ 'monitored', 'schema_violation', '/amount /properties/amount/minimum' ], 'the upstream is told';
    is outcome('/monitor', '{"amount":1,"amount":1}'), '200 accepted 1', 'a name twice';
    is(($backend->requests)[0]{headers}{'x-reason'}, 'invalid_payload', 'the upstream is told that, too');
};

subtest 'a pattern that takes too long' => sub {
    my $body = '{"s":"' . 'a' x 200_000 . 'b"}';
    my $started = time;
    is outcome('/slow', $body), '422 schema_violation 0', 'refused';
    cmp_ok time - $started, '<', 3, 'soon';
    is outcome('/slow', '{"s":"aaa"}'), '200 accepted 1', 'the worker lives';
};

subtest 'a redirect to another schema is judged by it' => sub {
    is outcome('/failing', '{"typed":1,"amount":1}'), '200 accepted 1', 'both are satisfied';
    is outcome('/failing', '{"typed":1,"amount":0}'), '422 schema_violation 0', 'the second is not';
    is outcome('/failing_alike', '{"amount":1}'), '200 accepted 1', 'the same schema';
};

subtest 'reloads' => sub {
    is outcome('/changing', '{"first":1}'), '200 accepted 1', 'the first schema';
    write_file('schemas/changing.json', '{ "required": ["second"] }');
    is outcome('/changing', '{"first":1}'), '200 accepted 1', 'a changed file is not taken up by itself';
    ok $nginx->reload, 'reload';
    is outcome('/changing', '{"first":1}'), '422 schema_violation 0', 'the second schema';
    write_file('schemas/changing.json', '{ "required": 7 }');
    allow_log(qr/\[emerg\].*changing\.json/);
    ok !$nginx->reload, 'a reload with a broken schema fails';
    like $nginx->error_log, qr{\[emerg\].*schema "[^"]*/schemas/changing\.json" at "/required": }, 'and says where';
    is outcome('/changing', '{"second":1}'), '200 accepted 1', 'the configuration before stays';
    is outcome('/changing', '{"first":1}'), '422 schema_violation 0', 'with its schema';
    write_file('schemas/changing.json', '{ "required": ["first"] }');
    ok $nginx->reload, 'reload';
    is outcome('/changing', '{"first":1}'), '200 accepted 1', 'mended';
};

subtest 'the example' => sub {
    my $of = sub ($type, $object, %more) {
        my $fields = join '', map { qq(,"$_":$more{$_}) } sort keys %more;
        return qq({"id":"evt_1","object":"event","type":"$type","created":1700000000,"livemode":true,"data":{"object":$object}$fields});
    };
    my $charge       = '{"id":"ch_1","object":"charge","amount":2000,"currency":"usd","status":"succeeded","receipt_email":null,"metadata":{"order_id":"6735"},"paid":true}';
    my $subscription = '{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","items":{"object":"list","data":[{"id":"si_1","price":{"id":"price_1"},"quantity":1}]}}';
    my $folder = "$FindBin::Bin/../examples/schemas/stripe";
    $nginx->rewrite_config(http => <<"CONF");
server {
    listen %%ADDR%%:8080;
    webhook stripe;
    webhook_secret $SECRET;
    location / {
        webhook_events charge.* customer.subscription.* !charge.dispute.*;
        webhook_schema $folder/charge.json       type=charge.*;
        webhook_schema $folder/subscription.json type=customer.subscription.*;
        proxy_pass http://%%BACKEND%%;
    }
    location /any { webhook_schema $folder/event.json; proxy_pass http://%%BACKEND%%; }
}
CONF
    ok $nginx->reload, 'nginx takes it';
    my $at = sub ($uri, $body) {
        $backend->clear;
        return outcome_of(send_request(uri => $uri, body => $body, headers => [ stripe_headers($SECRET, $body) ]));
    };
    is $at->('/', $of->('charge.succeeded', $charge)), '200 accepted 1', 'a charge';
    is $at->('/', $of->('charge.succeeded', $charge, api_version => '"2026-01-01"', new => '{}')), '200 accepted 1', 'with new members';
    is $at->('/', $of->('charge.succeeded', $charge =~ s/2000/"2000"/r)), '422 schema_violation 0', 'an amount that is text';
    is $at->('/', $of->('charge.succeeded', $charge =~ s/"usd"/"US Dollar"/r)), '422 schema_violation 0', 'an odd currency';
    is $at->('/', $of->('charge.succeeded', $subscription)), '422 schema_violation 0', 'another object';
    is $at->('/', $of->('charge.dispute.created', $charge)), '200 filtered 0', 'a dispute is filtered';
    is $at->('/', $of->('customer.subscription.updated', $subscription)), '200 accepted 1', 'a subscription';
    is $at->('/', $of->('customer.subscription.updated', $subscription =~ s/\{"id":"si_1".*\}\]/]/r)), '422 schema_violation 0', 'without items';
    is $at->('/', $of->('customer.subscription.updated', $subscription) =~ s/evt_1/sub_1/r), '422 schema_violation 0', 'with the id of none';
    is $at->('/any', $of->('invoice.paid', '{}')), '200 accepted 1', 'any event';
    is $at->('/any', '{"id":"evt_1"}'), '422 schema_violation 0', 'half an event';
};

finish();
