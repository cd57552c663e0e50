# What a refused delivery is answered with, and the line in the log.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);
use Webhook::Deliveries qw($SECRET event_delivery);

my $backend = start_backend();
make_directory('html', 0755);
write_file('html/page.html', "a page\n");

my $nginx = start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_secret "a secret of the tests";
webhook_response missing_signature 403;
root %%DIR%%/html;
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    webhook github;
    webhook_dedup zone=events;
    webhook_response bad_signature 404 "not here\n";

    location / { proxy_pass http://%%BACKEND%%; }
    location /over {
        webhook_response bad_signature 422;
        webhook_response method 400;
        webhook_response ip_denied 503;
        webhook_log_level error;
        proxy_pass http://%%BACKEND%%;

        location /over/inner {
            webhook_response bad_signature 418;
            proxy_pass http://%%BACKEND%%;
        }
    }
    location /text {
        error_page 403 404 405 /page.html;
        webhook_response bad_signature 403 'no $webhook_reason "here"';
        webhook_response missing_signature 404;
        webhook_response malformed_signature 404 "";
        webhook_response missing_event_id 500 "<b>no id</b>";
        proxy_pass http://%%BACKEND%%;
    }
    location /fine {
        webhook_response missing_signature 200;
        webhook_response malformed_signature 202 "taken\n";
        webhook_response bad_signature 204;
        webhook_response missing_event_id 299;
        proxy_pass http://%%BACKEND%%;
    }
    location /silent {
        webhook_response missing_signature 444;
        webhook_response bad_signature 444;
        proxy_pass http://%%BACKEND%%;
    }
    location /known {
        webhook_response duplicate 409;
        webhook_response in_flight 429;
        proxy_pass http://%%BACKEND%%;
    }
    location /known/text {
        webhook_response duplicate 208 "known\n";
        webhook_response in_flight 409 "wait\n";
        proxy_pass http://%%BACKEND%%;
    }
    location /typed {
        webhook_response duplicate 200 "<Response/>" "type=text/xml; charset=utf-8";
        webhook_response bad_signature 403 "{}" type=application/problem+json;
        proxy_pass http://%%BACKEND%%;
    }
    location /discreet {
        webhook_reason_header off;
        proxy_pass http://%%BACKEND%%;
        location /discreet/inner { webhook_reason_header on; proxy_pass http://%%BACKEND%%; }
    }
    location /headers {
        add_header X-Always yes always;
        add_header X-Fine yes;
        proxy_pass http://%%BACKEND%%;
    }
    location = /page.html { webhook off; }
    location /info    { webhook_log_level info;   webhook github name=informed; proxy_pass http://%%BACKEND%%; }
    location /notice  { webhook_log_level notice; proxy_pass http://%%BACKEND%%; }
    location /loud    { webhook_log_level error;  proxy_pass http://%%BACKEND%%; }
    location /quiet {
        error_log %%DIR%%/quiet.log warn;
        webhook_log_level info;
        proxy_pass http://%%BACKEND%%;
    }
    location /default { proxy_pass http://%%BACKEND%%; }
    location /page {
        error_page 401 403 404 /page.html;
        proxy_pass http://%%BACKEND%%;
    }
    location /gates {
        try_files /missing.html @other_gate;
    }
    location @other_gate {
        webhook github name=other_gate;
        webhook_secret "another secret";
        proxy_pass http://%%BACKEND%%;
    }
}
server {
    listen %%ADDR%%:8083;
    webhook github;
    location / {
        webhook_allow 192.0.2.1;
        webhook_response ip_denied 418 "a teapot";
        proxy_pass http://%%BACKEND%%;
    }
    location /default {
        webhook_allow 192.0.2.1;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

sub deliver (%options) { return send_request(event_delivery(%options)) }
sub unsigned (%options) { return deliver(%options, override => { 'X-Hub-Signature-256' => undef }) }
sub malformed (%options) { return deliver(%options, override => { 'X-Hub-Signature-256' => 'nonsense' }) }
sub forged (%options) { return deliver(%options, secret => 'a wrong secret') }
sub without_id (%options) { return deliver(%options, override => { 'X-GitHub-Delivery' => undef }) }

sub is_answer ($response, $status, $reason, $what) {
    is $response->{status}, $status, "$what: status";
    is_deeply [ $response->all_headers('Webhook-Reason') ], [$reason], "$what: reason";
}

subtest 'the status of a reason, and who inherits it' => sub {
    is_answer(malformed(), 401, 'malformed_signature', 'default');
    is_answer(unsigned(), 403, 'missing_signature', 'of http');
    is_answer(forged(), 404, 'bad_signature', 'of the server');
    is forged()->{body}, "not here\n", 'with its text';
    is_answer(forged(uri => '/over'), 422, 'bad_signature', 'of the location');
    unlike forged(uri => '/over')->{body}, qr/not here/, 'without the text of the server';
    is_answer(unsigned(uri => '/over'), 403, 'missing_signature', 'of http, in the location');
    is_answer(forged(uri => '/over/inner'), 418, 'bad_signature', 'of the location within');
    is_answer(deliver(uri => '/over/inner', method => 'PUT'), 400, 'method', 'of the location around');
    is_answer(deliver(port => 8083), 418, 'ip_denied', 'of another server');
    is_answer(deliver(port => 8083, uri => '/default'), 403, 'ip_denied', 'which has defaults, too');
    is $backend->count, 0, 'nobody was reached';
};

subtest 'a status goes through error_page, a text is sent as given' => sub {
    my $page = unsigned(uri => '/text');
    is_answer($page, 404, 'missing_signature', 'a status');
    is $page->{body}, "a page\n", 'a status: the error_page';

    my $text = forged(uri => '/text');
    is_answer($text, 403, 'bad_signature', 'a text');
    is $text->{body}, 'no $webhook_reason "here"', 'a text: as it was given';
    is $text->header('Content-Type'), 'text/plain', 'a text: type';
    is $text->header('Content-Length'), length $text->{body}, 'a text: length';

    my $empty = malformed(uri => '/text');
    is_answer($empty, 404, 'malformed_signature', 'an empty text');
    is $empty->{body}, '', 'an empty text: empty';

    my $fault = without_id(uri => '/text');
    is_answer($fault, 500, 'missing_event_id', 'a text with 500');
    is $fault->{body}, '<b>no id</b>', 'a text with 500: as it was given';
    is $fault->header('Content-Type'), 'text/plain', 'a text with 500: is not a page';

    my $method = deliver(uri => '/text', method => 'GET');
    is_answer($method, 405, 'method', 'the default');
    is $method->header('Allow'), 'POST', 'the default: Allow';
    is $method->{body}, "a page\n", 'the default: the error_page';
};

subtest 'a refusal that looks like a success' => sub {
    my %cases = (
        'unsigned'   => [ \&unsigned,   200, 'missing_signature',   '' ],
        'malformed'  => [ \&malformed,  202, 'malformed_signature', "taken\n" ],
        'forged'     => [ \&forged,     204, 'bad_signature',       '' ],
        'without id' => [ \&without_id, 299, 'missing_event_id',    '' ],
    );
    for my $what (sort keys %cases) {
        my ($send, $status, $reason, $body) = @{ $cases{$what} };
        my $response = $send->(uri => '/fine');
        is_answer($response, $status, $reason, $what);
        is $response->{body}, $body, "$what: body";
        is $response->{truncated}, 0, "$what: whole";
    }
    my %event = (uri => '/fine', id => unique_id());
    forged(%event);
    $backend->clear;
    is deliver(%event)->{body}, "ok\n", 'and is no delivery';
    is $backend->count, 1, 'nobody was reached but by the genuine one';
};

subtest '444 closes without a word' => sub {
    $backend->clear;
    for my $send (\&unsigned, \&forged) {
        my $response = $send->(uri => '/silent');
        is $response->{status}, 0, 'no answer';
        is $response->{raw}, '', 'not a byte';
        is $response->{closed}, 1, 'closed';
    }
    is $backend->count, 0, 'nobody was reached';
    is deliver(uri => '/silent')->{status}, 200, 'a genuine one';
};

subtest 'duplicates and twins' => sub {
    for my $case ([ '/known', 409, 429 ], [ '/known/text', 208, 409, "known\n", "wait\n" ]) {
        my ($uri, $known, $twin, $known_text, $twin_text) = @$case;
        my %event = (uri => $uri, id => unique_id());
        $backend->clear->behave(hold => 1, status => 202);
        my $first = start_request(event_delivery(%event));
        wait_for(sub { $backend->count }, 3, 'in flight');
        my $response = deliver(%event);
        is_answer($response, $twin, 'in_flight', "$uri, a twin");
        is $response->header('Retry-After'), 1, "$uri, a twin: Retry-After";
        is $response->{body}, $twin_text, "$uri, a twin: text" if $twin_text;
        $backend->let_go;
        is $first->finish->{status}, 202, "$uri: first";
        $response = deliver(%event);
        is_answer($response, $known, 'duplicate', "$uri, a duplicate");
        is $response->header('Retry-After'), undef, "$uri, a duplicate: no Retry-After";
        is $response->{body}, $known_text, "$uri, a duplicate: text" if $known_text;
        is $backend->count, 1, "$uri: the upstream saw one";
    }
    $backend->behave;
};

subtest 'HTTP/2' => sub {
    my $text = send_h2(event_delivery(uri => '/text', secret => 'a wrong secret'));
    is_answer($text, 403, 'bad_signature', 'a text');
    is $text->{body}, 'no $webhook_reason "here"', 'as it was given';
    # curl 7.88 makes an error of nginx's not reading a body, with or without a gate.
    my $page = send_h2(event_delivery(uri => '/text', override => { 'X-Hub-Signature-256' => undef }), body => undef);
    is_answer($page, 404, 'missing_signature', 'a status');
    is $page->{body}, "a page\n", 'the error_page';
    is send_h2(event_delivery(uri => '/silent', secret => 'a wrong secret'), timeout => 3)->{status}, 0, 'silence';
};

subtest 'a text of another type' => sub {
    my %event = (uri => '/typed', id => unique_id());
    deliver(%event);
    my $response = deliver(%event);
    is_deeply [ $response->{status}, $response->header('Content-Type'), $response->{body} ],
        [ 200, 'text/xml; charset=utf-8', '<Response/>' ], 'a duplicate is answered in markup';
    $response = forged(uri => '/typed');
    is_deeply [ $response->{status}, $response->header('Content-Type'), $response->{body} ],
        [ 403, 'application/problem+json', '{}' ], 'a refusal in JSON';
};

subtest 'webhook_reason_header' => sub {
    my %event = (uri => '/discreet', id => unique_id());
    deliver(%event);
    for my $case ([ 'duplicate', 200, deliver(%event) ], [ 'bad_signature', 404, forged(uri => '/discreet') ],
        [ 'method', 405, deliver(uri => '/discreet', method => 'PUT') ]) {
        my ($what, $status, $response) = @$case;
        is $response->{status}, $status, "$what: status";
        is $response->header('Webhook-Reason'), undef, "$what: nothing is told";
        is $response->header('Allow'), $what eq 'method' ? 'POST' : undef, "$what: Allow";
    }
    like $nginx->error_log, qr/webhook rejected: bad_signature, [^\n]*\/discreet/, 'the log tells';
    is forged(uri => '/discreet/inner')->header('Webhook-Reason'), 'bad_signature', 'on again further in';
};

subtest 'add_header' => sub {
    my $response = forged(uri => '/headers');
    is $response->header('X-Always'), 'yes', 'always';
    is $response->header('X-Fine'), undef, 'not always';
    is_answer($response, 404, 'bad_signature', 'beside ours');
    is deliver(uri => '/headers')->header('Webhook-Reason'), undef, 'none for what is accepted';
};

subtest 'the connection stays usable' => sub {
    my $connection = open_connection();
    my $long       = 'y' x 200_000;
    my $no_signature = { 'X-Hub-Signature-256' => undef };
    for my $uri ('/', '/text', '/fine', '/page') {
        my $refused = $connection->request(event_delivery(uri => $uri, body => $long, override => $no_signature));
        is $refused->header('Webhook-Reason'), 'missing_signature', "$uri: refused before its body";
        is $connection->request(event_delivery(uri => $uri, body => $long))->{status}, 200, "$uri: the next is delivered";
        $refused = $connection->request(event_delivery(uri => $uri, body => $long, secret => 'a wrong secret'));
        is $refused->header('Webhook-Reason'), 'bad_signature', "$uri: refused after its body";
        is $connection->request(event_delivery(uri => $uri))->{status}, 200, "$uri: the next is delivered";
    }
    $connection->close;
};

# The lines about webhooks that a request adds to the log.
sub lines_of ($send) {
    my $position = length $nginx->error_log;
    $send->();
    return grep { /webhook / } split /\n/, substr $nginx->error_log, $position;
}

subtest 'the log' => sub {
    my %levels = ('/default' => 'error', '/info' => 'info', '/notice' => 'notice', '/loud' => 'error', '/over/inner' => 'error');
    for my $uri (sort keys %levels) {
        my $endpoint = $uri eq '/info' ? 'informed' : 'github';
        for my $case ([ \&forged, 'bad_signature' ], [ \&unsigned, 'missing_signature' ]) {
            my ($send, $reason) = @$case;
            my @lines = lines_of(sub { $send->(uri => $uri) });
            is scalar(@lines), 1, "$uri, $reason: one line";
            like $lines[0] // '',
                qr/\[$levels{$uri}\] .*webhook rejected: $reason, (?:the header "[\w-]+" is missing|secrets tried: 1, length of the body: \d+), endpoint: "$endpoint", (?:event id: "[\w-]+", )?request id: \w+, client: 127\.0\.0\.1, .*"POST \Q$uri\E HTTP/,
                "$uri, $reason: says what, where and who";
        }
        my %event = (uri => $uri, id => unique_id());
        is scalar(lines_of(sub { deliver(%event) })), 0, "$uri, accepted: none";
        my @lines = lines_of(sub { deliver(%event) });
        is scalar(@lines), 1, "$uri, duplicate: one line";
        like $lines[0] // '', qr/\[info\] .*webhook duplicate: /, "$uri, duplicate: a whisper";
    }
    is scalar(lines_of(sub { forged(uri => '/page') })), 1, 'one line, although an error_page brings it back';
    is scalar(lines_of(sub { forged(uri => '/text') })), 1, 'one line for a text';
    is scalar(lines_of(sub { forged(uri => '/silent') })), 1, 'one line for silence';
    my @lines = lines_of(sub { deliver(uri => '/gates') });
    is scalar(@lines), 1, 'one line where the second gate refuses';
    like $lines[0] // '', qr/endpoint: "other_gate"/, 'which it names';

    forged(uri => '/quiet');
    deliver(uri => '/quiet', id => 'quiet') for 1 .. 2;
    my $quiet = -e directory() . '/quiet.log' ? slurp(directory() . '/quiet.log') : '';
    unlike $quiet, qr/webhook /, 'the level of error_log counts';
};

subtest 'nothing secret is told' => sub {
    my $body     = '{"secret":"kept in the payload"}';
    my $expected = hmac_sha256_hex($body, $SECRET);
    my @answers  = (
        forged(body => $body), forged(uri => '/text', body => $body), malformed(body => $body),
        without_id(body => $body), unsigned(uri => '/page', body => $body),
    );
    for my $text ($nginx->error_log, map { $_->{raw} } @answers) {
        ok $text !~ /\Q$expected\E|\Q$SECRET\E|kept in the payload/, 'neither in the log nor in an answer';
    }
};

finish();
