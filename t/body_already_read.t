# Where nginx has read, discarded or sent the body before the gate is asked, what reaches the backend is
# exactly what was verified, or nothing. A body that is gone must never pass for an empty one.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);

my $SECRET = 'secret-of-bodies-read-0123456789';
my $OTHER  = 'another-secret-of-them-0123456789';

my $backend = start_backend();
my $away    = start_backend(port => 9001);
my $copy    = start_backend(port => 9002);
write_file('static/file.txt', "a file\n");
chmod 0755, directory(), directory() . '/static';

my $GITHUB   = "webhook github; webhook_secret $SECRET;";
my $TOKEN    = "webhook gitlab; webhook_secret $SECRET;";
my $UNSIGNED = "webhook unsigned_body; webhook_secret $SECRET;";
my %GATE     = (github => $GITHUB, token => $TOKEN, unsigned => $UNSIGNED);

my $nginx = start_nginx(http => <<"CONF");
webhook_scheme unsigned_body {
    algorithm hmac-sha256;
    signed    "{header:X-Signed}";
    signature header=X-Hub-Signature-256 prefix=sha256=;
}
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    root %%DIR%%/static;
    client_max_body_size 1000k;
    proxy_http_version 1.1;
    proxy_read_timeout 500ms;

    location \@github  { $GITHUB proxy_pass http://%%BACKEND%%; }
    location \@token   { $TOKEN proxy_pass http://%%BACKEND%%; }
    location \@unsigned { $UNSIGNED proxy_pass http://%%BACKEND%%; }
    location = /gated/github  { $GITHUB proxy_pass http://%%BACKEND%%; }
    location = /gated/token   { $TOKEN proxy_pass http://%%BACKEND%%; }
    location = /gated/unsigned { $UNSIGNED proxy_pass http://%%BACKEND%%; }

@{[ join '', map { <<"END" } qw(github token unsigned) ]}
    # From a location without a gate to one that has it.
    location = /413/$_ { client_max_body_size 1k; error_page 413 = \@$_; proxy_pass http://%%ADDR%%:9001; }
    location = /413_path/$_  { client_max_body_size 1k; error_page 413 = /gated/$_; proxy_pass http://%%ADDR%%:9001; }
    location /404/$_/        { error_page 404 = \@$_; }
    location = /405/$_/file.txt { alias %%DIR%%/static/file.txt; error_page 405 = \@$_; }
    location = /return/$_    { error_page 418 = \@$_; return 418; }
    location = /denied/$_    { error_page 403 = \@$_; deny all; }
    location /try/$_/        { try_files \$uri \@$_; }
    location = /rewrite/$_   { rewrite ^ /gated/$_ last; }
    location = /accel/$_     { proxy_pass http://%%ADDR%%:9001; }
    location = /accel_unbuffered/$_ { proxy_request_buffering off; proxy_pass http://%%ADDR%%:9001; }
    location = /502/$_       { error_page 502 = \@$_; proxy_pass http://%%ADDR%%:1; }
    location = /502_late/$_  { error_page 502 = \@$_; proxy_pass http://%%ADDR%%:9001; }
    location = /502_unbuffered/$_ { proxy_request_buffering off; error_page 502 = \@$_; proxy_pass http://%%ADDR%%:9001; }
    location = /502_in_file/$_ { client_body_in_file_only clean; error_page 502 = \@$_; proxy_pass http://%%ADDR%%:9001; }
    location = /500/$_       { proxy_intercept_errors on; error_page 500 = \@$_; proxy_pass http://%%ADDR%%:9001; }

    # From a gate to the same gate, or to another.
    location = /own_413/$_   { client_max_body_size 1k; error_page 413 = \@$_; $GATE{$_} proxy_pass http://%%ADDR%%:9001; }
END

    location = /same  { $GITHUB error_page 502 = \@same; proxy_pass http://%%ADDR%%:9001; }
    location \@same   { $GITHUB proxy_pass http://%%BACKEND%%; }
    location /one_gate/ {
        $GITHUB
        proxy_pass http://%%ADDR%%:9001;
        location = /one_gate/inner { error_page 502 = /one_gate/inherited; proxy_pass http://%%ADDR%%:9001; }
        location = /one_gate/inherited { proxy_pass http://%%BACKEND%%; }
    }
    location = /other { $GITHUB error_page 502 = \@other; proxy_pass http://%%ADDR%%:9001; }
    location \@other  { webhook github; webhook_secret $OTHER; proxy_pass http://%%BACKEND%%; }
    location = /then_token { $GITHUB error_page 502 = \@token; proxy_pass http://%%ADDR%%:9001; }
    location = /same_unbuffered  { $GITHUB proxy_request_buffering off; error_page 502 = \@same; proxy_pass http://%%ADDR%%:9001; }
    location = /then_token_unbuffered { $GITHUB proxy_request_buffering off; error_page 502 = \@token; proxy_pass http://%%ADDR%%:9001; }
    location = /to_ungated { $GITHUB error_page 401 405 = \@ungated; proxy_pass http://%%ADDR%%:9001; }
    location \@ungated { proxy_pass http://%%BACKEND%%; }
    location = /to_off { $GITHUB error_page 401 405 = \@off; proxy_pass http://%%ADDR%%:9001; }
    location \@off    { webhook off; proxy_pass http://%%BACKEND%%; }

    # Others that look at a request.
    location = /mirrored { $GITHUB mirror /mirror; proxy_pass http://%%BACKEND%%; }
    location = /mirrored_token { $TOKEN mirror /mirror; proxy_pass http://%%BACKEND%%; }
    location = /mirror   { internal; proxy_pass http://%%ADDR%%:9002; }
    location = /asked    { $GITHUB auth_request /ask; proxy_pass http://%%BACKEND%%; }
    location = /asked_token { $TOKEN auth_request /ask; proxy_pass http://%%BACKEND%%; }
    location = /ask      { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://%%ADDR%%:9002; }
    location = /in_file  { $GITHUB client_body_in_file_only on; mirror /mirror; proxy_pass http://%%BACKEND%%; }
}
CONF

my $SHORT = 'a short body';
my $LONG  = join '', map { chr($_ % 251) } 1 .. 50_000;

sub signed ($body, $secret = $SECRET) {
    return [
        'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, $secret),
        'X-GitHub-Delivery' => 'd', 'X-GitHub-Event' => 'push',
    ];
}

# What opens each kind of gate for `$body`.
my %OPEN = (
    github   => sub ($body) { signed($body) },
    token    => sub ($body) { [ gitlab_headers($SECRET, $body) ] },
    unsigned => sub ($body) { [ @{ signed('yes') }, 'X-Signed' => 'yes' ] },
);

sub pieces ($body) { return [ unpack '(a30000)*', $body ] }

# The ways to send a body.
my %SEND = (
    'length'        => sub ($body, %request) { send_request(%request, body => $body) },
    'length, late'  => sub ($body, %request) { send_request(%request, body => $body, head_then_body => 0.005) },
    'chunked'       => sub ($body, %request) { send_request(%request, chunked => pieces($body)) },
    'chunked, late' => sub ($body, %request) { send_request(%request, chunked => pieces($body), chunk_pause => 0.005) },
    'HTTP/2'        => sub ($body, %request) { send_h2(%request, body => $body) },
    'HTTP/2, no length' => sub ($body, %request) { send_h2(%request, body => $body, no_length => 1) },
);

sub clear_all () { $_->clear for $backend, $away, $copy }

# Exactly what was verified, or nothing: `$may_pass` tells whether it has to be the former.
sub check ($name, $uri, $gate, $body, $may_pass) {
    for my $way (sort keys %SEND) {
        clear_all();
        my $response = $SEND{$way}->($body, uri => $uri, headers => $OPEN{$gate}->($body), timeout => 5);
        my @requests = $backend->requests;
        my @wrong    = grep { $_->{body} ne $body } @requests, $backend->incomplete;
        ok !@wrong, "$name, $way: never another body" or diag length $wrong[0]{body}, ' bytes';
        cmp_ok scalar(@requests), '<=', 1, "$name, $way: once at most";
        ok !$response->{timed_out}, "$name, $way: an answer";
        isnt $response->{status}, 504, "$name, $way: the backend does not wait in vain";
        if ($may_pass) {
            is scalar(@requests), 1, "$name, $way: passes" 
                or diag $response->{status}, ' ', $response->header('Webhook-Reason') // '';
        }
        isnt $response->{status}, 200, "$name, $way: not accepted in silence" unless @requests;
        next if $gate ne 'github';

        for my $forged ([ 'of no body' => '' ], $way eq 'length' ? [ 'of another' => "$body." ] : ()) {
            clear_all();
            $response = $SEND{$way}->($body, uri => $uri, headers => signed($forged->[1]), timeout => 5);
            is $backend->count + $backend->incomplete, 0, "$name, $way, signature $forged->[0]: nothing";
            isnt $response->{status}, 200, "$name, $way, signature $forged->[0]: status";
        }
    }
}

for my $gate (qw(github token unsigned)) {
    subtest "discarded for its length, $gate" => sub {
        $away->behave;
        check($_, "/$_/$gate", $gate, $LONG, 0) for qw(413 413_path own_413);
    };
    subtest "after other errors, $gate" => sub {
        my @uris = ("404/$gate/none", "try/$gate/none", "405/$gate/file.txt");
        push @uris, map { "$_/$gate" } qw(return denied rewrite) if $gate eq 'github';
        check("$_ long", "/$_", $gate, $LONG, 1) for @uris;
        check("$_ short", "/$_", $gate, $SHORT, 1) for "404/$gate/none", "try/$gate/none";
    };
    subtest "after an upstream that is away, $gate" => sub {
        for my $body ($SHORT, $LONG) {
            check('502 ' . length $body, "/502/$gate", $gate, $body, 1);
            $away->behave(reset => 1);
            check("502_unbuffered " . length $body, "/502_unbuffered/$gate", $gate, $body, 0);
        }
        check("$_ long", "/$_/$gate", $gate, $LONG, 0) for qw(502_late 502_in_file);
        $away->behave(status => 500, body => 'x' x 100_000);
        check('500 long', "/500/$gate", $gate, $LONG, 0);
    };
    subtest "X-Accel-Redirect, $gate" => sub {
        for my $target ("\@$gate", "/gated/$gate") {
            $away->behave(headers => [ 'X-Accel-Redirect' => $target ]);
            # Where a path is named, nginx makes a GET of the request, whatever its body.
            for my $body ($target =~ /^@/ ? ($SHORT, $LONG) : $LONG) {
                check("$_ to $target " . length $body, "/$_/$gate", $gate, $body, 0) for qw(accel accel_unbuffered);
            }
        }
    };
}

subtest 'the same gate is passed once' => sub {
    $away->behave(close => 1);
    for my $uri ('/same', '/one_gate/inner') {
        for my $body ($SHORT, $LONG) {
            for my $way (sort keys %SEND) {
                clear_all();
                my $response = $SEND{$way}->($body, uri => $uri, headers => signed($body));
                # Where error_page names a path, nginx makes a GET of the request: no delivery any more.
                is $response->{status}, 200, "$uri, $way: accepted";
                ok(($away->requests)[0]{body} eq $body, "$uri, $way: the first upstream has the body");
                ok !(grep { $_->{body} ne $body && $_->{method} eq 'POST' } $backend->requests),
                    "$uri, $way: so has the second";
                is $backend->count, 1, "$uri, $way: once";

                clear_all();
                $response = $SEND{$way}->($body, uri => $uri, headers => signed("$body."));
                is $response->header('Webhook-Reason'), 'bad_signature', "$uri, $way: forged";
                is $away->count + $backend->count, 0, "$uri, $way: forged, nothing";
            }
        }
    }
};

subtest 'sent on without buffering, then led elsewhere' => sub {
    $away->behave(close => 1);
    for my $uri ('/same_unbuffered', '/then_token_unbuffered') {
        for my $body ($SHORT, $LONG) {
            for my $way (sort keys %SEND) {
                clear_all();
                my @both     = (@{ signed($body) }, gitlab_headers($SECRET, $body));
                my $response = $SEND{$way}->($body, uri => $uri, headers => \@both);
                my @received = ($backend->requests, $backend->incomplete);
                my $length   = length $body;
                ok !(grep { $_->{body} ne $body } @received), "$uri, $way, $length: the same bytes or nothing";
                isnt $response->{status}, 504, "$uri, $way, $length: the backend does not wait in vain";
                isnt $response->{status}, 200, "$uri, $way, $length: not accepted in silence" unless @received;
            }
        }
    }
};

subtest 'another gate asks again' => sub {
    $away->behave(close => 1);
    for my $body ($SHORT, $LONG) {
        for my $way (sort keys %SEND) {
            clear_all();
            my $response = $SEND{$way}->($body, uri => '/other', headers => signed($body));
            is $response->{status}, 401, "$way: refused";
            is $response->header('Webhook-Reason'), 'bad_signature', "$way: by the second";
            is $away->count, 1, "$way: the first upstream was asked";
            is $backend->count, 0, "$way: the second was not";

            clear_all();
            my @both = (@{ signed($body) }, gitlab_headers($SECRET, $body));
            $response = $SEND{$way}->($body, uri => '/then_token', headers => \@both);
            is $response->{status}, 200, "$way: both gates";
            ok((grep { $_->{body} eq $body } $backend->requests) == 1, "$way: the body is still there");
            clear_all();
            $response = $SEND{$way}->($body, uri => '/then_token', headers => signed($body));
            is $response->header('Webhook-Reason'), 'missing_signature', "$way: the first alone";
            is $backend->count, 0, "$way: the first alone, nothing";
        }
    }
};

subtest 'mirror runs after the gate' => sub {
    $copy->behave;
    for my $uri ('/mirrored', '/in_file') {
        for my $body ($SHORT, $LONG) {
            for my $way (sort keys %SEND) {
                clear_all();
                $SEND{$way}->($body, uri => $uri, headers => signed("$body."));
                is $copy->count + $backend->count, 0, "$uri, $way: nothing of a forged one";
                my $response = $SEND{$way}->($body, uri => $uri, headers => signed($body));
                is $response->{status}, 200, "$uri, $way: accepted";
                ok wait_for(sub { $copy->count == 1 }, 3, 'the copy'), "$uri, $way: mirrored once";
                ok !(grep { $_->{body} ne $body } $copy->requests, $backend->requests), "$uri, $way: the same bytes";
                is $backend->count, 1, "$uri, $way: delivered once";
            }
        }
    }
    clear_all();
    send_request(uri => '/mirrored_token', body => $LONG, headers => [ gitlab_headers('wrong', '') ]);
    is $copy->count + $backend->count, 0, 'nothing behind a wrong token';
};

subtest 'auth_request runs before it' => sub {
    for my $way (sort keys %SEND) {
        for my $case ([ '/asked', signed($LONG) ], [ '/asked_token', $OPEN{token}->($LONG) ]) {
            my ($uri, $headers) = @$case;
            clear_all();
            $copy->behave;
            is $SEND{$way}->($LONG, uri => $uri, headers => $headers)->{status}, 200, "$uri, $way: accepted";
            ok((grep { $_->{body} eq $LONG } $backend->requests) == 1, "$uri, $way: the same bytes");
            is_deeply [ map { $_->{body} } $copy->requests ], [''], "$uri, $way: asked without the body";
            clear_all();
            $copy->behave(status => 403);
            # Over HTTP/2, curl may meet the end of the stream before the answer.
            isnt $SEND{$way}->($LONG, uri => $uri, headers => $headers)->{status}, 200, "$uri, $way: denied";
            is $backend->count, 0, "$uri, $way: denied, nothing";
            $copy->behave;
            $SEND{$way}->($LONG, uri => $uri, headers => signed(''));
            is $backend->count, 0, "$uri, $way: forged, nothing";
        }
    }
};

subtest 'what a gate refused goes where its error_page says only if that takes all' => sub {
    for my $case ([ '/to_ungated', 0 ], [ '/to_off', 1 ]) {
        my ($uri, $count) = @$case;
        for my $body ($SHORT, $LONG) {
            clear_all();
            my $response = send_request(uri => $uri, body => $body, headers => signed("$body."));
            is $response->header('Webhook-Reason'), 'bad_signature', "$uri: reason";
            is $backend->count, $count, "$uri: as the configuration has asked for";
            is $away->count, 0, "$uri: nothing behind the gate";
        }
    }
};

finish();
