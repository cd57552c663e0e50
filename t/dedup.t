# No event is lost, and none that was delivered is delivered again while it is remembered.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(event_delivery);

my $backend = start_backend();
my $second  = start_backend(port => 9001);
my $nginx   = start_nginx(workers => 2, http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_dedup_zone zone=short:1m ttl=2s;
proxy_cache_path %%DIR%%/cache keys_zone=answers:1m;
log_format verdict '$uri $status $webhook_verdict $webhook_reason';
upstream two {
    server %%BACKEND%% max_fails=0;
    server %%ADDR%%:9001 backup max_fails=0;
}
server {
    listen %%ADDR%%:8080 reuseport;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log verdict;
    proxy_http_version 1.1;

    location /gated {
        webhook github;
        webhook_secret "a secret of the tests";
        webhook_dedup zone=events;
        webhook_methods POST GET HEAD;
        proxy_pass http://%%BACKEND%%;

        location /gated/short {
            webhook_dedup zone=short;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/impatient {
            proxy_read_timeout 150ms;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/whatever_the_client {
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/two {
            proxy_next_upstream error timeout http_500;
            proxy_next_upstream_tries 2;
            proxy_read_timeout 300ms;
            proxy_pass http://two;
        }
        location /gated/whitewash {
            proxy_intercept_errors on;
            error_page 500 404 301 =200 /whitewashed;
            error_page 502 504 =200 /whitewashed;
            proxy_read_timeout 150ms;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/fallback {
            proxy_intercept_errors on;
            error_page 500 502 = @second;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/rewritten {
            proxy_intercept_errors on;
            error_page 500 502 = @rewrites;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/page_of_its_own {
            proxy_intercept_errors on;
            recursive_error_pages  on;
            error_page 500 404 502 /sorry;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/elsewhere { try_files /missing /apology; }
        location /gated/nowhere { try_files /missing /denied; }
        location /gated/apology {
            proxy_intercept_errors on;
            error_page 500 404 502 /apology;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/blacken {
            error_page 412 =500 /whitewashed;
            proxy_cache answers;
            proxy_cache_methods POST;
            proxy_cache_key $http_x_github_delivery;
            proxy_cache_valid 200 1m;
            proxy_pass http://%%BACKEND%%;
        }
        location /gated/slow {
            proxy_buffering off;
            limit_rate 1k;
            proxy_pass http://%%BACKEND%%;
        }
    }
    location = /whitewashed { return 200 "all is well"; }
    location = /broken      { return 500; }
    location = /dropped     { return 444; }
    location = /denied {
        deny all;
        error_page 403 =200 /whitewashed;
        proxy_pass http://%%BACKEND%%;
    }
    location @second        { proxy_pass http://%%ADDR%%:9001; }
    location @rewrites      { rewrite ^ /rewritten last; }
    location = /rewritten   { proxy_pass http://%%ADDR%%:9001; }
    location = /sorry       { error_page 410 @second; recursive_error_pages on; return 410; }
    location = /apology     { proxy_pass http://%%ADDR%%:9001; }
}
CONF

sub delivery (%options) { return event_delivery(uri => '/gated', %options) }
sub deliver (%options) { return send_request(delivery(%options)) }

sub forget_requests () { $_->behave->clear for $backend, $second }

sub is_duplicate ($response, $status, $what) {
    is $response->{status}, $status, "$what: status of the first";
    is $response->{body}, '', "$what: empty body";
    is $response->header('Webhook-Reason'), 'duplicate', "$what: duplicate";
}

sub is_delivered ($response, $what) {
    is $response->{status}, 200, "$what: status";
    is $response->{body}, "ok\n", "$what: the upstream's answer";
    is $response->header('Webhook-Reason'), undef, "$what: no reason";
}

subtest 'duplicates are answered as the first was and do not reach the upstream' => sub {
    for my $status (200, 201, 202, 204, 299) {
        forget_requests();
        $backend->behave(status => $status, headers => [ 'X-Answer' => 'yes' ]);
        my $id    = unique_id();
        my $first = deliver(id => $id);
        is $first->{status}, $status, "$status: first";
        is $first->header('X-Answer'), 'yes', "$status: from the upstream";
        is_duplicate(deliver(id => $id), $status, "$status, attempt $_") for 2 .. 3;
        is $backend->count, 1, "$status: the upstream saw one";
    }
};

subtest 'an event is forgotten after its ttl' => sub {
    forget_requests();
    my %event = (id => unique_id(), uri => '/gated/short');
    my $start = time;
    is_delivered(deliver(%event), 'first');
    is_duplicate(deliver(%event), 200, 'at once');
    my $again = wait_for(sub {
        my $response = deliver(%event);
        return $response->{body} eq "ok\n" ? $response : undef;
    }, 5, 'forgotten');
    is_delivered($again, 'after the ttl');
    cmp_ok time - $start, '>=', 0.95, 'not at once';
    is_duplicate(deliver(%event), 200, 'remembered anew');
    is $backend->count, 2, 'the upstream saw two';
};

subtest 'what the upstream did not take is delivered again, at once' => sub {
    my %failures = (
        'status 500'        => [ {}, 500, status => 500 ],
        'status 503'        => [ {}, 503, status => 503 ],
        'status 400'        => [ {}, 400, status => 400 ],
        'status 404'        => [ {}, 404, status => 404 ],
        'status 409'        => [ {}, 409, status => 409 ],
        'status 302'        => [ {}, 302, status => 302, headers => [ Location => '/' ] ],
        'status 304'        => [ {}, 304, status => 304 ],
        'reset'             => [ {}, 502, reset => 1 ],
        'no answer'         => [ {}, 502, close => 1 ],
        'part of a header'  => [ {}, 502, partial => 1 ],
        'a status line'     => [ {}, 502, raw => "HTTP/1.1 200 OK\r\n" ],
        'half a header'     => [ {}, 502, raw => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" ],
        'an invalid header' => [ {}, 502, raw => "HTTP/1.1 200 OK\r\nInva\0lid: 0\r\n\r\n" ],
        'time-out'          => [ { uri => '/gated/impatient' }, 504, hang => 1 ],
    );
    for my $name (sort keys %failures) {
        forget_requests();
        my ($request, $status, @behaviour) = @{ $failures{$name} };
        $backend->behave([ {@behaviour}, {@behaviour}, {} ]);
        my %event      = (id => unique_id(), %$request);
        my $connection = open_connection();
        is $connection->request(delivery(%event))->{status}, $status, "$name: failed";
        is $connection->request(delivery(%event))->{status}, $status, "$name: the retry reached the upstream";
        is_delivered(deliver(%event), "$name: the retry on another connection");
        is_duplicate($connection->request(delivery(%event)), 200, "$name: and then");
        is $backend->count, 3, "$name: every attempt reached the upstream but the last";
        $connection->close;
    }
};

subtest 'nobody listens' => sub {
    forget_requests();
    $backend->stop;
    my $id = unique_id();
    is deliver(id => $id)->{status}, 502, "attempt $_" for 1 .. 2;
    $backend->start;
    is_delivered(deliver(id => $id), 'retry');
    is_duplicate(deliver(id => $id), 200, 'and then');
};

subtest 'an answer that is not HTTP' => sub {
    for my $raw ("nonsense\r\n", "220 ready\r\n", "HTTP/1.1 2000 OK\r\n\r\n") {
        for my $send (\&send_request, \&send_h2) {
            forget_requests();
            $backend->behave([ { raw => $raw }, {} ]);
            my $id = unique_id();
            unlike $send->(delivery(id => $id))->{status}, qr/^2\d\d\z/, 'the sender sees no 2xx';
            is_delivered($send->(delivery(id => $id)), 'was no delivery');
            is $backend->count, 2, 'both reached the upstream';
        }
    }
};

subtest 'a truncated 200 is a delivery: the sender saw 200' => sub {
    forget_requests();
    $backend->behave(truncated => 1);
    my $id    = unique_id();
    my $first = deliver(id => $id);
    is $first->{status},    200, 'status';
    is $first->{truncated}, 1,   'truncated';
    is_duplicate(deliver(id => $id), 200, 'retry');
    is $backend->count, 1, 'the upstream saw one';
};

subtest 'the client leaves before the answer' => sub {
    forget_requests();
    $backend->behave([ { hang => 1 }, {} ]);
    my $id = unique_id();
    deliver(id => $id, abandon => 0.1);
    wait_for(sub { grep { m{^/gated 499 } } access_log_lines() }, 3, 'nginx noticed');
    is_delivered(deliver(id => $id), 'retry');
    is $backend->count, 2, 'both reached the upstream';
};

subtest 'the client resets before the answer' => sub {
    forget_requests();
    $backend->behave([ { hang => 1 }, {} ]);
    my $id = unique_id();
    deliver(id => $id, abandon => 0.1, reset => 1);
    my $retry = wait_for(sub {
        my $response = deliver(id => $id);
        return $response->{status} == 503 ? undef : $response;
    }, 3, 'free');
    is_delivered($retry, 'retry');
};

subtest 'proxy_ignore_client_abort: delivered although the client left' => sub {
    forget_requests();
    $backend->behave(hold => 1);
    my %event = (id => unique_id(), uri => '/gated/whatever_the_client');
    deliver(%event, abandon => 0.1);
    my $during = deliver(%event);
    is $during->{status}, 503, 'still in flight';
    is $during->header('Webhook-Reason'), 'in_flight', 'which is the reason';
    $backend->let_go;
    my $retry = wait_for(sub {
        my $response = deliver(%event);
        return $response->{status} == 503 ? undef : $response;
    }, 3, 'answered');
    is_duplicate($retry, 200, 'retry');
    is $backend->count, 1, 'the upstream saw one';
};

subtest 'proxy_next_upstream' => sub {
    my %failures = (
        'refused'  => undef,
        'reset'    => { reset => 1 },
        'partial'  => { partial => 1 },
        'status'   => { status => 500 },
        'time-out' => { hang => 1 },
    );
    for my $name (sort keys %failures) {
        forget_requests();
        my $behaviour = $failures{$name};
        $behaviour ? $backend->behave(%$behaviour) : $backend->stop;
        $second->behave(status => 202);
        my %event = (id => unique_id(), uri => '/gated/two', headers => [ 'Idempotency-Key' => 1 ]);
        # A POST is not sent again where the first may have taken it, unless the configuration says so.
        my $first = deliver(%event);
        if ($name eq 'refused') {
            is $first->{status}, 202, "$name: the second took it";
            is_duplicate(deliver(%event), 202, "$name: retry");
            is $second->count, 1, "$name: the second saw one";
            $backend->start;
        } else {
            is $first->{status}, { 'status' => 500, 'time-out' => 504 }->{$name} // 502, "$name: failed";
            forget_requests();
            is_delivered(deliver(%event), "$name: retry");
        }
    }

    $nginx->rewrite_config(http => $nginx->{http} =~ s/(timeout http_500)/$1 non_idempotent/r);
    ok $nginx->reload, 'non_idempotent';
    for my $name (grep { $failures{$_} } sort keys %failures) {
        forget_requests();
        $backend->behave(%{ $failures{$name} });
        $second->behave(status => 202);
        my %event = (id => unique_id(), uri => '/gated/two');
        is deliver(%event)->{status}, 202, "$name: the second took it";
        is_duplicate(deliver(%event), 202, "$name: retry");
        is_deeply [ $backend->count, $second->count ], [ 1, 1 ], "$name: each saw one";

        forget_requests();
        $_->behave(status => 500) for $backend, $second;
        %event = (id => unique_id(), uri => '/gated/two');
        is deliver(%event)->{status}, 500, "$name: both fail";
        $second->behave(status => 201);
        is deliver(%event)->{status}, 201, "$name: then the retry is delivered";
    }
};

subtest 'an error_page does not make a delivery of a failure' => sub {
    my %failures = (
        'status 500' => { status => 500 },
        'status 404' => { status => 404 },
        'status 301' => { status => 301, headers => [ Location => '/' ] },
        'no answer'  => { close => 1 },
        'partial'    => { partial => 1 },
        'time-out'   => { hang => 1 },
    );
    for my $name (sort keys %failures) {
        forget_requests();
        $backend->behave([ $failures{$name}, {} ]);
        my %event = (id => unique_id(), uri => '/gated/whitewash');
        my $first = deliver(%event);
        is $first->{status}, 200, "$name: the sender sees 200";
        is $first->{body}, 'all is well', "$name: from the error_page";
        is_delivered(deliver(%event), "$name: retry");
        is_duplicate(deliver(%event), 200, "$name: and then");
    }
    forget_requests();
    $backend->stop;
    my %event = (id => unique_id(), uri => '/gated/whitewash');
    is deliver(%event)->{body}, 'all is well', 'nobody listens: 200 from the error_page';
    $backend->start;
    is_delivered(deliver(%event), 'nobody listens: retry');
};

subtest 'an error_page that is another upstream' => sub {
    my @failures = map { my $way = $_; map { [ $way, @$_ ] } [ status => 500 ], [ close => 1 ] } qw(fallback rewritten);
    for my $case (map { my $method = $_; map { [ $method, @$_ ] } @failures } qw(POST GET)) {
        my ($method, $way, %behaviour) = @$case;
        my $what = "$method $way @{[ %behaviour ]}";
        forget_requests();
        $backend->behave(%behaviour);
        $second->behave(status => 202);
        my %event = (id => unique_id(), uri => "/gated/$way", method => $method);
        is deliver(%event)->{status}, 202, "$what: it took the event";
        is_duplicate(deliver(%event), 202, "$what: retry");
        is_deeply [ $backend->count, $second->count ], [ 1, 1 ], "$what: each saw one";
        is(($second->requests)[0]{body}, $method eq 'GET' ? '' : '{}', "$what: with its body");

        forget_requests();
        $_->behave(%behaviour) for $backend, $second;
        $event{id} = unique_id();
        cmp_ok deliver(%event)->{status}, '>=', 500, "$what: it failed too";
        $backend->behave;
        is_delivered(deliver(%event), "$what: retry");
    }
};

# nginx fetches such a page with GET: nothing but the redirect tells it from a delivery that is a GET.
subtest 'an upstream that makes the pages for errors takes no event' => sub {
    my @failures = map { my $way = $_; map { [ $way, @$_ ] } [ status => 500 ], [ status => 404 ], [ close => 1 ] }
        qw(apology page_of_its_own);
    for my $case (map { my $method = $_; map { [ $method, @$_ ] } @failures } qw(POST GET HEAD)) {
        my ($method, $way, %behaviour) = @$case;
        my $what = "$method $way @{[ %behaviour ]}";
        forget_requests();
        $backend->behave([ \%behaviour, {} ]);
        $second->behave(body => 'we are sorry');
        my %event = (id => unique_id(), uri => "/gated/$way", method => $method);
        my $first = deliver(%event);
        my $status = $way eq 'apology' ? $behaviour{status} // 502 : 410;
        is $first->{status}, $status, "$what: the sender sees a failure";
        is $first->{body}, $method eq 'HEAD' ? '' : 'we are sorry', "$what: and the page";
        my $retry = deliver(%event);
        is_deeply [ $retry->{status}, $retry->header('Webhook-Reason') ], [ 200, undef ], "$what: retry";
        is $backend->count, 2, "$what: the upstream saw it again";
    }
};

subtest 'an upstream to which nginx led the request before it asked any' => sub {
    for my $method (qw(POST GET)) {
        forget_requests();
        $second->behave(status => 202);
        my %event = (id => unique_id(), uri => '/gated/elsewhere', method => $method);
        is deliver(%event)->{status}, 202, "$method: delivered";
        is_duplicate(deliver(%event), 202, "$method: retry");
        is $second->count, 1, "$method: it saw one";
    }
};

subtest 'what nginx refused before it asked an upstream is no delivery' => sub {
    forget_requests();
    my %event = (id => unique_id(), uri => '/gated/nowhere');
    for my $attempt (1, 2) {
        my $response = deliver(%event);
        is_deeply [ $response->{status}, $response->{body} ], [ 200, 'all is well' ], "attempt $attempt: the error's page";
        is $response->header('Webhook-Reason'), undef, "attempt $attempt: not remembered";
    }
    is_deeply [ $backend->count, $second->count ], [ 0, 0 ], 'nobody was reached';
};

subtest 'what nginx makes of a 200 does not undo the delivery' => sub {
    forget_requests();
    $backend->behave(status => 202, headers => [ 'X-Accel-Redirect' => '/broken' ]);
    my $id = unique_id();
    is deliver(id => $id)->{status}, 500, 'X-Accel-Redirect: the sender sees 500';
    is_duplicate(deliver(id => $id), 202, 'X-Accel-Redirect: retry');
    is $backend->count, 1, 'X-Accel-Redirect: the upstream saw one';

    forget_requests();
    $backend->behave(headers => [ 'X-Accel-Redirect' => '/whitewashed' ]);
    $id = unique_id();
    is deliver(id => $id)->{body}, 'all is well', 'X-Accel-Redirect: to a 200';
    is_duplicate(deliver(id => $id), 200, 'X-Accel-Redirect: its retry');

    forget_requests();
    $backend->behave(status => 500, headers => [ 'X-Accel-Redirect' => '/whitewashed' ]);
    $id = unique_id();
    is deliver(id => $id)->{status}, 502, 'X-Accel-Redirect of a 500: the sender sees no 200';
    $backend->behave;
    is_delivered(deliver(id => $id), 'X-Accel-Redirect of a 500: retry');

    # The file that X-Accel-Redirect names may come from another upstream: that one has no say.
    for my $case ([ 202, 500 ], [ 202, 404 ], [ 202, 201 ]) {
        my ($status, $of_file) = @$case;
        forget_requests();
        $backend->behave(status => $status, headers => [ 'X-Accel-Redirect' => '/apology' ]);
        $second->behave(status => $of_file);
        $id = unique_id();
        is deliver(id => $id)->{status}, $of_file, "X-Accel-Redirect to an upstream: $of_file";
        is_duplicate(deliver(id => $id), $of_file == 201 ? 201 : $status, "X-Accel-Redirect to an upstream: $of_file: retry");
        is $backend->count, 1, "X-Accel-Redirect to an upstream: $of_file: the first saw one";
    }
    for my $method (qw(POST GET)) {
        forget_requests();
        $backend->behave(status => 500, headers => [ 'X-Accel-Redirect' => '/apology' ]);
        my %event = (id => unique_id(), method => $method);
        deliver(%event);
        $backend->behave;
        is_delivered(deliver(%event), "$method: X-Accel-Redirect of a 500 to an upstream: retry");
    }

    # What has accepted has accepted, also when nobody waits for the rest.
    forget_requests();
    $backend->behave(status => 202, headers => [ 'X-Accel-Redirect' => '/apology' ]);
    $second->behave(hold => 1);
    my %event = (id => unique_id());
    my $first = start_request(delivery(%event));
    wait_for(sub { $second->count == 1 }, 3, 'redirected');
    is deliver(%event)->header('Webhook-Reason'), 'in_flight', 'X-Accel-Redirect to a slow upstream: a twin';
    $first->cancel;
    wait_for(sub { grep { m{^/apology 499 } } access_log_lines() }, 3, 'nginx noticed');
    is_duplicate(deliver(%event), 202, 'X-Accel-Redirect to a slow upstream: the client left: retry');
    $event{id} = unique_id();
    $second->behave(raw => "nonsense\r\n");
    deliver(%event);
    is_duplicate(deliver(%event), 202, 'X-Accel-Redirect to what speaks no HTTP: retry');
    $event{id} = unique_id();
    $backend->behave(status => 202, headers => [ 'X-Accel-Redirect' => '/dropped' ]);
    is deliver(%event)->{status}, 0, 'X-Accel-Redirect to nowhere: no answer';
    is_duplicate(deliver(%event), 202, 'X-Accel-Redirect to nowhere: retry');
    is $backend->count, 3, 'the upstream saw each once';

    # nginx looks at preconditions of what it may cache only when it has the answer.
    forget_requests();
    $backend->behave(headers => [ ETag => '"one"' ]);
    %event = (id => unique_id(), uri => '/gated/blacken');
    is deliver(%event, headers => [ 'If-Match' => '"other"' ])->{status}, 500, 'If-Match: the sender sees 500';
    is_duplicate(deliver(%event), 200, 'If-Match: retry');
    is $backend->count, 1, 'If-Match: the upstream saw one';
};

subtest 'preconditions do not change the answer to a duplicate' => sub {
    my %conditions = (
        'If-Match'            => '"other"',
        'If-None-Match'       => '*',
        'If-Unmodified-Since' => 'Thu, 01 Jan 1970 00:00:00 GMT',
        'Range'               => 'bytes=5-',
    );
    for my $name (sort keys %conditions) {
        forget_requests();
        my %event = (id => unique_id(), headers => [ $name => $conditions{$name} ]);
        is_delivered(deliver(%event), "$name: first");
        is_duplicate(deliver(%event), 200, "$name: retry");
    }
};

subtest 'settled before the answer has left' => sub {
    my %long = (body => 'y' x 100_000);
    forget_requests();
    for my $attempt (1 .. 10) {
        my %event = (id => unique_id(), uri => '/gated/slow');
        $backend->behave(%long, status => 500);
        my $failing = open_connection();
        $failing->send(join '', Webhook::Connection::format_request(delivery(%event)));
        like $failing->pending_input(3), qr{^HTTP/1.1 500}, 'a failure begins';
        $backend->behave(%long, status => 201);
        my $passing = open_connection();
        $passing->send(join '', Webhook::Connection::format_request(delivery(%event)));
        like $passing->pending_input(3), qr{^HTTP/1.1 201}, 'the retry is delivered before it ends';
        is_duplicate(deliver(%event), 201, 'another before that ends');
        $_->close for $failing, $passing;
        is_duplicate(deliver(%event), 201, 'and when both have left');
    }
    is $backend->count, 20, 'two of each reached the upstream';
};

subtest 'one after another on a kept connection' => sub {
    forget_requests();
    $backend->behave([ map { { status => $_ } } 500, 502, 404, 202, 500 ]);
    my $id         = unique_id();
    my $connection = open_connection();
    my $bytes      = join '', Webhook::Connection::format_request(delivery(id => $id), keepalive => 1);
    $connection->send($bytes x 6);
    my @answers = map { $connection->read_response } 1 .. 6;
    is_deeply [ map { $_->{status} } @answers ], [ 500, 502, 404, 202, 202, 202 ], 'pipelined retries';
    is $backend->count, 4, 'the upstream saw no more after the first success';
    $connection->close;
};

subtest 'what is refused claims nothing' => sub {
    forget_requests();
    my $id     = unique_id();
    my %forged = (uri => '/gated', body => '{}', headers => [ github_headers('another', '{}', delivery => $id) ]);
    is send_request(%forged)->{status}, 401, 'forged';
    is_delivered(deliver(id => $id), 'the real one');
    is send_request(%forged)->{status}, 401, 'a forged one is not told that the event is known';
    is $backend->count, 1, 'the upstream saw one';
};

finish();
