# The gate among nginx's own modules: nothing that it refuses gets past it by a detour, nothing that
# others refuse is claimed, and what passes works as it does without a gate.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(event_delivery);

my $backend = start_backend();
my $second  = start_backend(port => 9001);
make_directory('html', 0755);
make_directory('dav', 0777);
write_file('html/refused.html', "refused by nginx\n");
write_file('html/gated.html',   "not for everybody\n");

my $nginx = start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_dedup_zone zone=full:32k full=reject;
limit_req_zone $webhook_endpoint zone=rate:1m rate=1r/m;
limit_conn_zone $webhook_endpoint zone=connections:1m;
proxy_cache_path %%DIR%%/cache keys_zone=answers:1m;
log_format verdict '$uri $status $webhook_verdict $webhook_reason';
webhook_secret "a secret of the tests";
root %%DIR%%/html;

server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log verdict;
    webhook github;
    webhook_dedup zone=events;

    location / { proxy_pass http://%%BACKEND%%; }

    location /satisfy_any/allowed {
        satisfy any;
        allow all;
        proxy_pass http://%%BACKEND%%;
    }
    location /satisfy_any/authorized {
        satisfy any;
        deny all;
        auth_request /authorize;
        proxy_pass http://%%BACKEND%%;
    }
    location /denied {
        deny all;
        proxy_pass http://%%BACKEND%%;
    }
    location /authorized {
        auth_request /authorize;
        proxy_pass http://%%BACKEND%%;
    }
    location = /authorize {
        if ($http_x_authorized) { return 204; }
        return 403;
    }

    location /limited {
        webhook github name=limited;
        limit_req zone=rate;
        limit_req_status 429;
        proxy_pass http://%%BACKEND%%;
    }
    location /limited_too {
        webhook github name=limited_too;
        limit_req zone=rate;
        limit_req_status 429;
        proxy_pass http://%%BACKEND%%;
    }
    location /unlimited {
        webhook github name=limited;
        proxy_pass http://%%BACKEND%%;
    }
    location /connections {
        limit_conn connections 1;
        limit_conn_status 429;
        proxy_pass http://%%BACKEND%%;
    }

    location /error_page/gated {
        error_page 401 = @second;
        proxy_pass http://%%BACKEND%%;
    }
    location /error_page/free {
        error_page 401 = @free;
        proxy_pass http://%%BACKEND%%;
    }
    location /error_page/location {
        error_page 401 = /second;
        proxy_pass http://%%BACKEND%%;
    }
    location /error_page/static {
        error_page 401 /refused.html;
        proxy_pass http://%%BACKEND%%;
    }
    location /error_page/fine {
        error_page 401 =200 /refused.html;
        proxy_pass http://%%BACKEND%%;
    }
    location /error_page/gated_static {
        error_page 401 =200 /gated.html;
        proxy_pass http://%%BACKEND%%;
    }
    location /error_page/chain {
        recursive_error_pages on;
        error_page 500 502 503 = @chain;
        proxy_pass http://%%BACKEND%%;
    }
    location @chain {
        recursive_error_pages on;
        error_page 500 502 503 = @end;
        proxy_pass http://%%ADDR%%:9002;
    }
    location @end {
        recursive_error_pages on;
        error_page 500 502 503 = @chain;
        proxy_pass http://%%ADDR%%:9001;
    }
    location /error_page/recursive {
        recursive_error_pages on;
        error_page 401 = @recursive;
        proxy_pass http://%%BACKEND%%;
    }
    location @recursive {
        recursive_error_pages on;
        error_page 401 = @second;
        proxy_pass http://%%ADDR%%:9001;
    }
    location @second { proxy_pass http://%%ADDR%%:9001; }
    location @free   { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location /second { proxy_pass http://%%ADDR%%:9001; }
    location = /refused.html { webhook off; }
    location = /gated.html   { webhook_methods GET POST; }

    location /mirrored {
        mirror /mirror;
        proxy_pass http://%%BACKEND%%;
    }
    location = /mirror {
        internal;
        proxy_pass http://%%ADDR%%:9001;
    }

    location /dav/     { webhook_methods PUT; dav_methods PUT; create_full_put_path on; root %%DIR%%; }
    location /return   { return 202 "not gated"; }
    location /included {
        ssi on;
        ssi_types text/plain;
        proxy_pass http://%%BACKEND%%;
    }
    location /appended {
        add_after_body /footer;
        addition_types text/plain;
        proxy_pass http://%%BACKEND%%;
    }
    location = /footer { proxy_pass http://%%ADDR%%:9001; }
    location /afterwards {
        post_action @second;
        proxy_pass http://%%BACKEND%%;
    }

    location /outer {
        webhook github name=outer;
        location /outer/inner {
            proxy_pass http://%%BACKEND%%;
            location /outer/inner/most { proxy_pass http://%%BACKEND%%; }
            location /outer/inner/open { webhook off; proxy_pass http://%%BACKEND%%; }
        }
    }
    location /if {
        if ($arg_second) { proxy_pass http://%%ADDR%%:9001; }
        if ($arg_set) { set $something 1; }
        proxy_pass http://%%BACKEND%%;
    }
    location /limit_except {
        webhook_methods POST PUT;
        limit_except POST { deny all; }
        proxy_pass http://%%BACKEND%%;
    }
    location /limit_except/second {
        webhook_methods POST PUT;
        limit_except PUT { proxy_pass http://%%ADDR%%:9001; }
        proxy_pass http://%%BACKEND%%;
    }
    location /try        { try_files /missing.html @first; }
    location /try/exists { try_files /gated.html @first; }
    location @first      { proxy_pass http://%%BACKEND%%; }
    location = /rewritten { webhook off; rewrite ^ /rewritten_to last; }
    location /redirected { try_files /missing.html /other_gate; }
    location /other_gate { webhook github name=other_gate; proxy_pass http://%%BACKEND%%; }
    location /same_memory       { webhook_methods POST PUT; try_files /missing.html @first; }
    location /stricter          { try_files /missing.html @stricter; }
    location @stricter {
        webhook github name=stricter;
        webhook_secret "another secret";
        proxy_pass http://%%BACKEND%%;
    }

    location /zipped {
        gzip on;
        gzip_types text/plain;
        gzip_min_length 1;
        proxy_pass http://%%BACKEND%%;
    }
    location /cached {
        proxy_cache answers;
        proxy_cache_methods POST;
        proxy_cache_key $uri;
        proxy_cache_valid 200 1s;
        proxy_cache_bypass $http_x_bypass;
        proxy_cache_use_stale error http_500;
        proxy_pass http://%%BACKEND%%;
    }
}

# No gate but where it says so.
server {
    listen %%ADDR%%:8085;
    location / {
        webhook github name=alone;
        webhook_dedup zone=events;
        client_max_body_size 1k;
        error_page 400 401 413 500 502 503 = @fallback;
        proxy_pass http://%%BACKEND%%;
    }
    location @fallback {
        if ($arg_set) { set $something 1; }
        proxy_pass http://%%ADDR%%:9001;
    }
    location /full {
        webhook github name=full;
        webhook_dedup zone=full;
        error_page 503 = @fallback;
        proxy_pass http://%%BACKEND%%;
    }
    location /page {
        webhook github name=page;
        error_page 401 /refused.html;
        proxy_pass http://%%BACKEND%%;
    }
    location = /refused.html { }
}

server {
    listen %%ADDR%%:8083;
    listen %%ADDR%%:8084 proxy_protocol;
    webhook github name=sources;
    webhook_allow 192.0.2.0/24 2001:db8::/32;
    set_real_ip_from 127.0.0.1;
    location / {
        real_ip_header X-Forwarded-For;
        proxy_pass http://%%BACKEND%%;
    }
    location /proxy_protocol {
        real_ip_header proxy_protocol;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

sub deliver (%options) { return send_request(event_delivery(%options)) }
sub forge (%options) { return deliver(%options, secret => 'a wrong secret') }

sub outcome ($response) {
    return $response->header('Webhook-Reason') // ($response->{body} eq "ok\n" ? 'delivered' : $response->{status});
}

sub forget_requests () { $_->behave->clear for $backend, $second }
sub reached () { return [ $backend->count, $second->count ] }

# A genuine delivery at this uri reaches the first upstream once, a forged one nobody.
sub is_gated ($uri, %options) {
    forget_requests();
    my $forged = forge(uri => $uri, %options);
    is $forged->{status}, 401, "$uri: forged";
    is $forged->header('Webhook-Reason'), 'bad_signature', "$uri: reason";
    is_deeply reached(), [ 0, 0 ], "$uri: reached nobody";
    my %event = (uri => $uri, id => unique_id(), body => "{\"uri\":\"$uri\"}", %options);
    is outcome(deliver(%event)), 'delivered', "$uri: genuine";
    is outcome(deliver(%event)), 'duplicate', "$uri: again";
    is_deeply [ map { $_->{body} } $backend->requests ], [ $event{body} ], "$uri: reached the upstream once";
}

subtest 'satisfy any' => sub {
    is_gated('/satisfy_any/allowed');
    is_gated('/satisfy_any/authorized', headers => [ 'X-Authorized' => 1 ]);
    forget_requests();
    my $refused = deliver(uri => '/satisfy_any/authorized');
    is $refused->{status}, 403, 'none is satisfied';
    is_deeply reached(), [ 0, 0 ], 'reached nobody';
};

subtest 'what is denied is not looked at' => sub {
    is_gated('/authorized', headers => [ 'X-Authorized' => 1 ]);
    forget_requests();
    for my $uri ('/denied', '/authorized') {
        my $id       = unique_id();
        my $response = deliver(uri => $uri, id => $id);
        is $response->{status}, 403, "$uri: denied";
        is $response->header('Webhook-Reason'), undef, "$uri: not by the gate";
        is outcome(deliver(uri => '/', id => $id)), 'delivered', "$uri: the event was not claimed";

        my $connection = open_connection();
        my ($head) = Webhook::Connection::format_request(event_delivery(uri => $uri, body => 'x' x 100), keepalive => 1);
        $connection->send($head);
        like $connection->pending_input(2), qr{^HTTP/1.1 403}, "$uri: before the body";
        $connection->close;
    }
    is_deeply [ grep { m{^/(?:denied|authorized) 403 [^ -]} } access_log_lines(8) ], [], 'no verdict';
};

subtest 'limit_req' => sub {
    forget_requests();
    is outcome(deliver(uri => '/limited')), 'delivered', 'the first of an endpoint';
    my $id = unique_id();
    is outcome(deliver(uri => '/limited', id => $id)), 429, 'one too many';
    is outcome(deliver(uri => '/limited_too', id => $id)), 'delivered', 'another endpoint';
    is outcome(deliver(uri => '/unlimited', id => $id)), 'delivered', 'the event was not claimed';
};

subtest 'limit_conn' => sub {
    forget_requests();
    $backend->behave([ { hang => 1 }, {} ]);
    my $first = start_request(event_delivery(uri => '/connections'));
    wait_for(sub { $backend->count }, 3, 'one connection');
    my $id = unique_id();
    is outcome(deliver(uri => '/connections', id => $id)), 429, 'one too many';
    is outcome(deliver(uri => '/', id => $id)), 'delivered', 'the event was not claimed';
    $first->cancel;
    my $again = wait_for(sub {
        my $response = deliver(uri => '/connections', id => $id);
        return $response->{status} == 429 ? undef : $response;
    }, 3, 'free');
    is outcome($again), 'duplicate', 'and is known when there is room';
};

subtest 'error_page' => sub {
    for my $uri (map { "/error_page/$_" } qw(gated location recursive)) {
        is_gated($uri);
        for my $unsigned ({ body => '{}' }, { method => 'GET' }, { chunked => [ '{}' ] }) {
            my $response = send_request(uri => $uri, %$unsigned);
            cmp_ok $response->{status}, '>=', 400, "$uri: unsigned";
            cmp_ok $response->{status}, '<', 500, "$uri: unsigned";
        }
        is $second->count, 0, "$uri: reached nobody";
    }

    forget_requests();
    my $response = forge(uri => '/error_page/free', body => '{"forged":1}');
    is $response->{status}, 200, 'where the gate is off: passed on';
    is $response->header('Webhook-Reason'), 'bad_signature', 'with the reason';
    is_deeply reached(), [ 0, 1 ], 'to whom the configuration names';
    is(($second->requests)[0]{body}, '{"forged":1}', 'with its body');

    forget_requests();
    $response = forge(uri => '/error_page/static');
    is $response->{status}, 401, 'static page: status';
    is $response->{body}, "refused by nginx\n", 'static page: text';
    is $response->header('Webhook-Reason'), 'bad_signature', 'static page: reason';
    is scalar($response->all_headers('Webhook-Reason')), 1, 'static page: said once';
    $response = forge(uri => '/error_page/fine');
    is $response->{status}, 200, 'static page with another status';
    is $response->{body}, "refused by nginx\n", 'its text';
    isnt forge(uri => '/error_page/gated_static')->{body}, "not for everybody\n", 'not a page behind the gate';
    is_deeply reached(), [ 0, 0 ], 'reached nobody';
};

subtest 'a chain of fallbacks' => sub {
    forget_requests();
    $backend->behave(hold => 1, close => 1);
    my %event = (uri => '/error_page/chain', id => unique_id());
    my $first = start_request(event_delivery(%event));
    wait_for(sub { $backend->count == 1 }, 3, 'in flight');
    my $twin = deliver(%event);
    is_deeply [ $twin->{status}, outcome($twin) ], [ 503, 'in_flight' ], 'is not for what is refused';
    is_deeply reached(), [ 1, 0 ], 'reached nobody';
    $backend->let_go;
    is outcome($first->finish), 'delivered', 'is for what passed';
    is_deeply reached(), [ 1, 1 ], 'and failed';
    is outcome(deliver(%event)), 'duplicate', 'it is delivered';
};

subtest 'a fallback that is no gate' => sub {
    for my $uri ('/', '/?set=1') {
        my $at = sub (%options) { return (port => 8085, uri => $uri, %options) };
        forget_requests();
        is outcome(forge($at->())), 'bad_signature', "$uri: forged";
        is outcome(send_request($at->(body => '{}'))), 'missing_signature', "$uri: unsigned";
        my $long = '"' . 'x' x 2000 . '"';
        my $response = deliver($at->(body => $long, chunked => [$long]));
        cmp_ok $response->{status}, '>=', 400, "$uri: a body that is too long";
        is_deeply reached(), [ 0, 0 ], "$uri: reach nobody";

        my %event = $at->(id => unique_id());
        $backend->behave(hold => 1);
        my $first = start_request(event_delivery(%event));
        wait_for(sub { $backend->count == 1 }, 3, 'in flight');
        is outcome(deliver(%event)), 'in_flight', "$uri: a twin";
        $backend->let_go;
        is outcome($first->finish), 'delivered', "$uri: the first";
        is_deeply reached(), [ 1, 0 ], "$uri: one reached the upstream";

        forget_requests();
        $backend->behave(close => 1);
        %event = $at->(id => unique_id(), body => '{"failed":1}');
        is outcome(deliver(%event)), 'delivered', "$uri: what passed has its fallback";
        is outcome(deliver(%event)), 'duplicate', "$uri: which delivers it";
        is_deeply [ map { $_->{body} } $second->requests ], ['{"failed":1}'], "$uri: once";
    }
    forget_requests();
    my %full = (port => 8085, uri => '/full');
    my $outcome = '';
    for (1 .. 2000) {
        $outcome = outcome(deliver(%full));
        last if $outcome ne 'delivered';
    }
    is $outcome, 'unavailable', 'a zone without room';
    is $second->count, 0, 'leads nobody to the fallback';
    is forge(port => 8085, uri => '/page')->{body}, "refused by nginx\n", 'a page for what was refused';
};

subtest 'realip' => sub {
    my $from = sub ($address, %options) {
        return outcome(deliver(port => 8083, headers => [ 'X-Forwarded-For' => $address ], %options));
    };
    forget_requests();
    is outcome(deliver(port => 8083)), 'ip_denied', 'the proxy itself is none of the sources';
    is $from->('192.0.2.1'),    'delivered', 'a source';
    is $from->('2001:db8::1'),  'delivered', 'a source with IPv6';
    is $from->('198.51.100.1'), 'ip_denied', 'another';
    is $from->('2001:db9::1'),  'ip_denied', 'another with IPv6';
    is $from->('192.0.2.1, 198.51.100.1'), 'ip_denied', 'the last address counts';
    is $from->('nonsense'), 'ip_denied', 'no address';
    is $from->('192.0.2.1', from => '127.0.0.9'), 'ip_denied', 'said by one who is not trusted';
    is $backend->count, 2, 'two reached the upstream';

    for my $case ([ '192.0.2.1', 'delivered' ], [ '198.51.100.1', 'ip_denied' ]) {
        my ($address, $expected) = @$case;
        my $connection = open_connection(port => 8084);
        $connection->send("PROXY TCP4 $address 127.0.0.1 1000 80\r\n");
        my @request = event_delivery(uri => '/proxy_protocol');
        is outcome($connection->request(@request)), $expected, "PROXY protocol: $address";
        $connection->close;
    }
};

subtest 'mirror' => sub {
    is_gated('/mirrored');
    ok wait_for(sub { $second->count }, 3, 'mirrored'), 'the mirror has a copy';
    is_deeply [ map { $_->{body} } $second->requests ], [ '{"uri":"/mirrored"}' ], 'of the genuine one, once';

    forget_requests();
    my %event = (uri => '/mirrored', id => unique_id());
    $backend->behave(status => 500);
    is deliver(%event)->{status}, 500, 'a failure that the mirror took';
    $backend->behave;
    is outcome(deliver(%event)), 'delivered', 'is a failure';

    forget_requests();
    $backend->behave(hold => 1);
    %event = (uri => '/mirrored', id => unique_id());
    my $first = start_request(event_delivery(%event));
    wait_for(sub { $backend->count && $second->count }, 3, 'both have it');
    sleep 0.1;
    is outcome(deliver(%event)), 'in_flight', 'an answer of the mirror decides nothing';
    $backend->let_go;
    is outcome($first->finish), 'delivered', 'before that of the upstream';
    is outcome(deliver(%event)), 'duplicate', 'which does';
};

subtest 'WebDAV' => sub {
    my %event = (uri => '/dav/file', method => 'PUT', id => unique_id(), body => '{"stored":1}');
    is forge(%event)->{status}, 401, 'forged';
    ok !-e directory() . '/dav/file', 'is not stored';
    is deliver(%event)->{status}, 201, 'genuine';
    is slurp(directory() . '/dav/file'), '{"stored":1}', 'is stored';
    is outcome(deliver(%event)), 'duplicate', 'and remembered';
    is deliver(%event, id => unique_id(), body => 'x' x 100_000)->{status}, 204, 'a long one';
    is length slurp(directory() . '/dav/file'), 100_000, 'takes its place';
};

subtest 'return runs before the gate' => sub {
    my $response = send_request(uri => '/return', body => '{}');
    is $response->{status}, 202, 'unsigned';
    is $response->header('Webhook-Reason'), undef, 'unseen';
};

subtest 'subrequests' => sub {
    forget_requests();
    my $page = 'before <!--#include virtual="/second" --> after';
    $backend->behave(body => $page);
    $second->behave(body => 'middle');
    my %event = (uri => '/included', id => unique_id());
    is deliver(%event)->{body}, 'before middle after', 'are not gated';
    is outcome(deliver(%event)), 'duplicate', 'the event is known';
    is_deeply reached(), [ 1, 1 ], 'each upstream was asked once';

    $second->behave(status => 500, body => 'broken');
    %event = (uri => '/included', id => unique_id());
    is deliver(%event)->{status}, 200, 'one that fails';
    is outcome(deliver(%event)), 'duplicate', 'does not undo the delivery';

    forget_requests();
    $backend->behave(status => 500, body => 'main');
    $second->behave(body => 'footer');
    %event = (uri => '/appended', id => unique_id());
    is deliver(%event)->{status}, 500, 'one that succeeds';
    $backend->behave(body => 'main');
    is deliver(%event)->{body}, 'mainfooter', 'does not make a delivery of a failure';
};

# The action runs when the answer has left: who deletes records waits for all of it first.
subtest 'post_action' => sub {
    my $acted = sub ($times) {
        return wait_for(sub { $second->count >= $times }, 3, "the action, times $times");
    };
    is_gated('/afterwards');
    ok $acted->(1), 'runs after a delivery';

    forget_requests();
    forge(uri => '/afterwards');
    sleep 0.1;
    is $second->count, 0, 'not after a forged one';

    my %event = (uri => '/afterwards', id => unique_id());
    $backend->behave(status => 500);
    is deliver(%event)->{status}, 500, 'a failure';
    $acted->(1);
    $backend->behave;
    is outcome(deliver(%event)), 'delivered', 'is none less for the action that succeeds';
    $acted->(2);

    forget_requests();
    %event = (uri => '/afterwards', id => unique_id());
    $backend->behave(hang => 1);
    deliver(%event, abandon => 0.1);
    $acted->(1);
    $backend->behave;
    my $again = wait_for(sub {
        my $outcome = outcome(deliver(%event));
        return $outcome eq 'in_flight' ? undef : $outcome;
    }, 3, 'the action is over');
    is $again, 'delivered', 'nor is a client that left';
    $acted->(2);
};

subtest 'where the gate is inherited' => sub {
    is_gated($_) for qw(/ /outer/inner /outer/inner/most /if /if?set=1 /limit_except /try /rewritten);
    is outcome(send_request(uri => '/outer/inner/open', body => '{}')), 'delivered', 'off where it says so';

    forget_requests();
    is forge(uri => '/if?second=1')->{status}, 401, 'proxy_pass within if: forged';
    is_deeply reached(), [ 0, 0 ], 'reached nobody';
    is outcome(deliver(uri => '/if?second=1')), 'delivered', 'proxy_pass within if: genuine';
    is_deeply reached(), [ 0, 1 ], 'reached whom it should';

    forget_requests();
    is deliver(uri => '/limit_except', method => 'PUT')->{status}, 403, 'limit_except: denied';
    is forge(uri => '/limit_except/second')->{status}, 401, 'proxy_pass within limit_except: forged';
    is_deeply reached(), [ 0, 0 ], 'reached nobody';
    is outcome(deliver(uri => '/limit_except/second')), 'delivered', 'proxy_pass within limit_except: genuine';
    is_deeply reached(), [ 0, 1 ], 'reached whom it should';

    forget_requests();
    is forge(uri => '/try/exists')->{status}, 401, 'try_files that finds a file: forged';
    is send_request(uri => '/try/exists', method => 'GET')->{status}, 405, 'unsigned';
};

subtest 'from one gate to another' => sub {
    is_gated('/redirected');
    forget_requests();
    my $id = unique_id();
    is outcome(deliver(uri => '/redirected', id => $id)), 'delivered', 'through both';
    is outcome(deliver(uri => '/other_gate', id => $id)), 'duplicate', 'the second knows it';
    is outcome(deliver(uri => '/', id => $id)), 'duplicate', 'so does the first';
    is $backend->count, 1, 'the upstream saw one';

    $backend->behave([ { status => 500 }, {} ]);
    $id = unique_id();
    is deliver(uri => '/redirected', id => $id)->{status}, 500, 'a failure';
    is outcome(deliver(uri => '/other_gate', id => $id)), 'delivered', 'is free at the second';
    is outcome(deliver(uri => '/', id => $id)), 'delivered', 'and at the first';
    is outcome(deliver(uri => '/redirected', id => $id)), 'duplicate', 'then known';

    is_gated('/same_memory');

    forget_requests();
    $id = unique_id();
    my $response = deliver(uri => '/stricter', id => $id);
    is $response->{status}, 401, 'the second refuses';
    is $response->header('Webhook-Reason'), 'bad_signature', 'with its reason';
    is $backend->count, 0, 'nobody was reached';
    is outcome(deliver(uri => '/', id => $id)), 'delivered', 'the first forgets its claim';
};

subtest 'gzip' => sub {
    is_gated('/zipped');
    forget_requests();
    $backend->behave(body => 'y' x 1000);
    my %event = (uri => '/zipped', id => unique_id(), headers => [ 'Accept-Encoding' => 'gzip' ]);
    is deliver(%event)->header('Content-Encoding'), 'gzip', 'the answer is compressed';
    my $again = deliver(%event);
    is $again->{body}, '', 'a duplicate has none';
    is $again->header('Content-Encoding'), undef, 'nor a compressed one';
};

subtest 'HTTP/2' => sub {
    forget_requests();
    my %event = event_delivery(uri => '/h2');
    is outcome(send_h2(%event)), 'delivered', 'genuine';
    is outcome(send_h2(%event)), 'duplicate', 'again';
    is outcome(send_h2(event_delivery(secret => 'a wrong secret'))), 'bad_signature', 'forged';
    is outcome(send_h2(%event, uri => '/error_page/gated', body => 'other')), 'bad_signature', 'with an error_page';
    is_deeply reached(), [ 1, 0 ], 'one reached the upstream';
};

subtest 'an answer from the cache is not a delivery' => sub {
    my $bypass = [ 'X-Bypass' => 1 ];
    forget_requests();
    is outcome(deliver(uri => '/cached')), 'delivered', 'fills the cache';
    my %event = (uri => '/cached', id => unique_id());
    is outcome(deliver(%event)), 'cached', 'another from the cache' for 1 .. 2;
    is $backend->count, 1, 'which the upstream did not see';
    is outcome(deliver(%event, headers => $bypass)), 'delivered', 'the event is not known';
    is $backend->count, 2, 'until the upstream saw it';
    is outcome(deliver(%event, headers => $bypass)), 'duplicate', 'then it is';

    my $stale = sub ($what) {
        my %event = (uri => '/cached', id => unique_id());
        is outcome(deliver(%event)), 'cached', "$what: a stale answer";
        $backend->behave;
        return \%event;
    };
    sleep 2.1;
    forget_requests();
    $backend->behave(status => 500);
    my $failed = $stale->('the upstream fails');
    is $backend->count, 1, 'it was asked';
    is outcome(deliver(%$failed, headers => $bypass)), 'delivered', 'no delivery';
    sleep 2.1;
    $backend->stop;
    my $refused = $stale->('nobody listens');
    $backend->start;
    is outcome(deliver(%$refused, headers => $bypass)), 'delivered', 'no delivery';
};

finish();
