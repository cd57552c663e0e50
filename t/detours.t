# nginx's ways from a gated location into others: what a gate refused reaches nothing but files, unless
# the location says "webhook off". What passed goes on everywhere.

use Webhook::Test;

use Webhook::Deliveries qw(delivery);

my $backend = start_backend();
my $second  = start_backend(port => 9001);
make_directory('html',      0755);
make_directory('html/list', 0755);
make_directory('dav',       0777);
write_file('html/refused.html',  "refused\n");
write_file('html/mirrored.html', "refused, mirrored\n");
write_file('html/asked.html',    "refused, asked\n");
write_file('html/ssi.html',      qq{before <!--#include virtual="/proxied" --> after\n});
write_file('html/ssi_file.html', qq{before <!--#include virtual="/refused.html" --> after\n});
write_file('html/ssi_gate.html', qq{before <!--#include virtual="/gated" --> after\n});
write_file('html/added.html',    "refused, with a footer\n");

my $nginx = start_nginx(http => <<'CONF');
webhook_secret "a secret of the tests";
root %%DIR%%/html;
client_body_temp_path %%DIR%%/client_body_temp;

server {
    listen %%ADDR%%:8080;

    location /gated {
        webhook         github;
        webhook_methods POST PUT GET;
        proxy_pass      http://%%BACKEND%%;

        location = /gated/page            { error_page 401 /refused.html;      proxy_pass http://%%BACKEND%%; }
        location = /gated/uri             { error_page 401 = /proxied;         proxy_pass http://%%BACKEND%%; }
        location = /gated/uri_without     { error_page 401 /proxied;           proxy_pass http://%%BACKEND%%; }
        location = /gated/fine            { error_page 401 =200 /proxied;      proxy_pass http://%%BACKEND%%; }
        location = /gated/variable        { error_page 401 = /prox$arg_rest;   proxy_pass http://%%BACKEND%%; }
        location = /gated/named           { error_page 401 = @proxied;         proxy_pass http://%%BACKEND%%; }
        location = /gated/named_file      { error_page 401 = @file;            proxy_pass http://%%BACKEND%%; }
        location = /gated/chain           { error_page 401 = /missing;         proxy_pass http://%%BACKEND%%; recursive_error_pages on; }
        location = /gated/try             { error_page 401 = /try;             proxy_pass http://%%BACKEND%%; }
        location = /gated/try_uri         { error_page 401 = /try_uri;         proxy_pass http://%%BACKEND%%; }
        location = /gated/if              { error_page 401 = /if;              proxy_pass http://%%BACKEND%%; }
        location = /gated/limit_except    { error_page 401 = /limit_except;    proxy_pass http://%%BACKEND%%; }
        location = /gated/index           { error_page 401 = /list/;           proxy_pass http://%%BACKEND%%; }
        location = /gated/rewrite         { error_page 401 = /rewrite;         proxy_pass http://%%BACKEND%%; }
        location = /gated/mirror          { error_page 401 /mirrored.html;     proxy_pass http://%%BACKEND%%; }
        location = /gated/ssi             { error_page 401 /ssi.html;          proxy_pass http://%%BACKEND%%; }
        location = /gated/ssi_file        { error_page 401 /ssi_file.html;     proxy_pass http://%%BACKEND%%; }
        location = /gated/ssi_gate        { error_page 401 /ssi_gate.html;     proxy_pass http://%%BACKEND%%; }
        location = /gated/added           { error_page 401 =200 /added.html;        proxy_pass http://%%BACKEND%%; }
        location = /gated/asked           { error_page 401 /asked.html;        proxy_pass http://%%BACKEND%%; }
        location = /gated/accel           { error_page 401 = @accel;           proxy_pass http://%%BACKEND%%; }
        location = /gated/dav             { error_page 401 = @dav;             proxy_pass http://%%BACKEND%%; }
        location = /gated/action          { post_action /proxied;              proxy_pass http://%%BACKEND%%; }
        location = /gated/named_action    { post_action @proxied;              proxy_pass http://%%BACKEND%%; }
        location = /gated/dav_action      { post_action /dav/action;           proxy_pass http://%%BACKEND%%; }
        location = /gated/off             { error_page 401 = /off;             proxy_pass http://%%BACKEND%%; }
        location = /gated/off_action      { post_action /off;                  proxy_pass http://%%BACKEND%%; }
        location = /gated/off_ssi         { error_page 401 /off_ssi.html;      proxy_pass http://%%BACKEND%%; }
        location = /gated/monitor         { webhook_mode monitor; error_page 500 = /proxied; proxy_pass http://%%BACKEND%%; proxy_intercept_errors on; }
        location = /gated/intercept       { error_page 500 = /proxied;         proxy_pass http://%%BACKEND%%; proxy_intercept_errors on; }
        location = /gated/accel_passed    { proxy_pass http://%%BACKEND%%; }
    }

    location = /proxied       { proxy_pass http://%%ADDR%%:9001; }
    location @proxied         { proxy_pass http://%%ADDR%%:9001; }
    location @file            { try_files /refused.html =404; }
    location = /missing       { recursive_error_pages on; error_page 404 = @proxied; }
    location = /try           { try_files /none @proxied; }
    location = /try_uri       { try_files /none /proxied; }
    location = /if            { if ($request_method = GET) { proxy_pass http://%%ADDR%%:9001; } }
    location = /limit_except  { limit_except POST { proxy_pass http://%%ADDR%%:9001; } }
    location = /list/         { index /proxied; }
    location = /rewrite       { rewrite ^ /proxied last; }
    location = /mirrored.html { mirror /proxied; }
    location = /ssi.html      { ssi on; }
    location = /ssi_file.html { ssi on; }
    location = /ssi_gate.html { ssi on; }
    location = /added.html    { add_after_body /proxied; }
    location = /asked.html    { auth_request /ask; }
    location = /ask           { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://%%ADDR%%:9001; }
    location @accel           { webhook off; proxy_pass http://%%BACKEND%%; }
    location @dav             { root %%DIR%%/dav; dav_methods PUT; create_full_put_path on; }
    location /dav/            { root %%DIR%%;     dav_methods PUT; create_full_put_path on; }
    location = /off           { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location = /off_ssi.html  { alias %%DIR%%/html/ssi_off.html; ssi on; }
}
CONF
write_file('html/ssi_off.html', qq{before <!--#include virtual="/off" --> after\n});

sub forge ($way, %options) { return send_request(delivery(unique_id(), uri => "/gated/$way", secret => 'wrong', body => '{"forged":1}', %options)) }
sub deliver ($way, %options) { return send_request(delivery(unique_id(), uri => "/gated/$way", body => '{"genuine":1}', %options)) }
sub reason ($response) { return $response->header('Webhook-Reason') // '' }
sub forget () { $_->clear->behave for $backend, $second }
sub reached () { return [ $backend->count, $second->count ] }

my $told_before = 0;

# How often the log tells of a detour, since this was last asked.
sub told () {
    my $all = () = $nginx->error_log =~ /is not handed on to the location/g;
    my $new = $all - $told_before;
    $told_before = $all;
    return $new;
}

subtest 'files may tell of a refusal' => sub {
    forget();
    my $response = forge('page');
    is_deeply [ $response->{status}, reason($response), $response->{body} ], [ 401, 'bad_signature', "refused\n" ], 'a page';
    is forge('ssi_file')->{body}, "before refused\n after\n", 'a page with another in it';
    is told(), 0, 'no detour';
    is_deeply reached(), [ 0, 0 ], 'reached nobody';
};

my @refused = qw(
    uri uri_without fine variable?rest=ied named named_file chain try try_uri if limit_except index rewrite
);
for my $way (@refused) {
    subtest "error_page: $way" => sub {
        forget();
        for my $options ({}, { method => 'PUT' }, { method => 'GET', body => '' }, { headers => [ 'Content-Type' => 'a/b' ], chunked => ['{"forged":1}'], }) {
            my $response = forge($way, %$options);
            is_deeply [ $response->{status}, reason($response) ], [ 401, 'bad_signature' ], 'the refusal stands';
            is told(), 1, 'the log says why';
        }
        my $unsigned = send_request(uri => "/gated/$way", body => '{"forged":1}');
        is_deeply [ $unsigned->{status}, reason($unsigned) ], [ 401, 'missing_signature' ], 'before the body is read, too';
        told();
        is_deeply reached(), [ 0, 0 ], 'reached nobody';
    };
}

subtest 'post_action' => sub {
    for my $way (qw(action named_action)) {
        forget();
        is forge($way)->{status}, 401, "$way: refused";
        wait_for(sub { told() }, 3, "$way: the action is over");
        is_deeply reached(), [ 0, 0 ], "$way: reached nobody";
        is deliver($way)->{status}, 200, "$way: genuine";
        wait_for(sub { $second->count }, 3, "$way: an action of what passed");
        is_deeply reached(), [ 1, 1 ], "$way: is done";
    }
};

subtest 'subrequests of a page' => sub {
    forget();
    my $response = forge('mirror');
    is_deeply [ $response->{status}, $response->{body} ], [ 401, "refused, mirrored\n" ], 'mirror';
    is told(), 1, 'mirror: the log says why';
    for my $way (qw(ssi ssi_gate added)) {
        $response = forge($way);
        is $response->{status}, $way eq 'added' ? 200 : 401, $way;
        unlike $response->{body}, qr/ok/, "$way: holds nothing of the upstream's";
        is told(), 1, "$way: the log says why";
    }
    is_deeply reached(), [ 0, 0 ], 'reached nobody';

    $response = forge('asked');
    is_deeply [ $response->{status}, $response->{body} ], [ 401, "refused, asked\n" ], 'auth_request';
    is_deeply reached(), [ 0, 1 ], 'asks, as before any gate';
    is(($second->requests)[0]{body}, '', 'without the body');
    is told(), 0, 'and is no detour';
};

subtest 'WebDAV' => sub {
    forget();
    is forge('dav', method => 'PUT')->{status}, 401, 'a named location';
    ok !-e directory() . '/dav/gated/dav', 'nothing is written';
    told();
    is forge('dav_action', method => 'PUT')->{status}, 401, 'post_action';
    wait_for(sub { told() }, 3, 'the action is over');
    ok !-e directory() . '/dav/action', 'nothing is written';
};

subtest 'X-Accel-Redirect of whom "webhook off" let have it' => sub {
    forget();
    $backend->behave(headers => [ 'X-Accel-Redirect' => '/proxied' ]);
    is forge('accel')->{status}, 401, 'refused';
    is_deeply reached(), [ 1, 0 ], 'goes no further';
    is told(), 1, 'the log says why';
};

subtest '"webhook off" takes all' => sub {
    forget();
    is forge('off')->{body}, "ok\n", 'error_page';
    is(($second->requests)[0]{body}, '{"forged":1}', 'with the body');
    is forge('off_action')->{status}, 401, 'post_action';
    wait_for(sub { $second->count == 2 }, 3, 'the action');
    is forge('off_ssi')->{body}, "before ok\n after\n", 'SSI';
    is_deeply reached(), [ 0, 3 ], 'reached whom it names';
    is told(), 0, 'no detour';
};

subtest 'what passed goes on' => sub {
    for my $way (qw(intercept monitor)) {
        forget();
        $backend->behave(status => 500);
        is deliver($way)->{body}, "ok\n", $way;
        is_deeply reached(), [ 1, 1 ], "$way: to the page for an upstream's error";
    }
    is forge('monitor')->{body}, "ok\n", 'monitor: forged, too';
    forget();
    $backend->behave(headers => [ 'X-Accel-Redirect' => '/proxied' ]);
    is deliver('accel_passed')->{body}, "ok\n", 'X-Accel-Redirect';
    is_deeply reached(), [ 1, 1 ], 'both were asked';
    is told(), 0, 'no detour';
};

finish();
