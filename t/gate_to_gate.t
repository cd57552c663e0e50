# A request that nginx leads from one gate to another, or past the end of its answer.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Deliveries qw(deliver delivery start_delivery);

my $backend = start_backend();
my $second  = start_backend(port => 9001);

start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_dedup_zone zone=others:1m;
webhook_dedup      zone=events wait=3s;
webhook_secret     "a secret of the tests";
proxy_cache_path   %%DIR%%/cache keys_zone=answers:1m;

server {
    listen %%ADDR%%:8080;
    webhook github;

    location = /dispatched { proxy_pass http://%%BACKEND%%; }
    location @dispatched   { webhook_methods POST PUT; proxy_pass http://%%ADDR%%:9001; }

    location = /refused_later { webhook github name=one; try_files /none @refuses; }
    location @refuses {
        webhook          github name=two;
        webhook_secret   "another secret of the tests";
        webhook_response bad_signature 200;
        proxy_pass       http://%%BACKEND%%;
    }
    location = /one { webhook github name=one; proxy_pass http://%%BACKEND%%; }

    location = /by_page {
        webhook_methods        POST GET;
        error_page             500 = /page;
        proxy_intercept_errors on;
        proxy_pass             http://%%BACKEND%%;
    }
    location = /page { webhook_methods GET POST; proxy_pass http://%%ADDR%%:9001; }

    location = /plain   { proxy_pass http://%%BACKEND%%; }
    location = /with_post_action { proxy_pass http://%%BACKEND%%; post_action @after; }
    location = /stale {
        proxy_cache           answers;
        proxy_cache_methods   POST;
        proxy_cache_valid     200 1s;
        proxy_cache_use_stale http_500;
        proxy_pass            http://%%BACKEND%%;
    }
    location @after { webhook off; proxy_pass http://%%ADDR%%:9001; }
}

# An event is remembered for as long as the longest of a request's gates asks for.
server {
    listen %%ADDR%%:8082;
    webhook github;
    location = /long_last  { webhook_dedup zone=events ttl=1s; try_files /none @long_last; }
    location @long_last    { webhook_dedup zone=events ttl=1h; proxy_pass http://%%BACKEND%%; }
    location = /long_first { webhook_dedup zone=events ttl=1h; try_files /none @long_first; }
    location @long_first   { webhook_dedup zone=events ttl=1s; proxy_pass http://%%BACKEND%%; }
    location = /other      { webhook_dedup zone=events ttl=1h; try_files /none @other; }
    location @other        { webhook_dedup zone=events ttl=1s; webhook_payload_max 2m; proxy_pass http://%%BACKEND%%; }
    location = /short      { webhook_dedup zone=events ttl=1s; proxy_pass http://%%BACKEND%%; }
}

# Tenants that are told apart by a key.
server {
    listen %%ADDR%%:8083;
    webhook github name=by_key;
    webhook_methods POST GET;
    webhook_dedup zone=events key=$tenant:$webhook_event_id;
    # A redirect runs these statements again, with the path of then.
    set $tenant "none";
    if ($uri ~ ^/(?:tenants|by_name)/([^/]+)) { set $tenant $1; }
    location /tenants/ {
        error_page 500 = /tenants_page;
        proxy_intercept_errors on;
        proxy_pass http://%%BACKEND%%;
    }
    location ~ ^/tenants/./x { try_files /none /front_controller; }
    location = /front_controller { proxy_pass http://%%BACKEND%%; }
    location = /tenants_page { proxy_pass http://%%ADDR%%:9001; }
    location /by_name/ {
        webhook github name=$tenant;
        webhook_dedup zone=events;
        error_page 500 = /by_name_page;
        proxy_intercept_errors on;
        try_files /none /by_name_front;
        location = /by_name/page { proxy_pass http://%%BACKEND%%; }
    }
    location = /by_name_front { webhook github name=$tenant; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /by_name_page { webhook github name=$tenant; webhook_dedup zone=events; proxy_pass http://%%ADDR%%:9001; }
    location = /named/a { set $tenant named_a; try_files /none @app; }
    location = /named/b { set $tenant named_b; try_files /none @app; }
    location @app { set $tenant app; proxy_pass http://%%BACKEND%%; }

    # nginx changes the path and the arguments, of an honest delivery too.
    location = /app { webhook_dedup zone=events key=$host$uri:$webhook_event_id; proxy_pass http://%%BACKEND%%; }
    location /by_path_ { webhook_dedup zone=events key=$host$uri:$webhook_event_id; try_files /none /app; }
    location = /app_of_tenant { webhook_dedup zone=events key=$arg_tenant:$webhook_event_id; proxy_pass http://%%BACKEND%%; }
    location = /by_argument { webhook_dedup zone=events key=$arg_tenant:$webhook_event_id; try_files /none /app_of_tenant?x=1; }
    location = /by_method {
        webhook_dedup zone=events key=$request_method:$webhook_event_id; error_page 500 = /method_page;
        proxy_intercept_errors on; proxy_pass http://%%BACKEND%%;
    }
    location = /method_page { webhook_dedup zone=events key=$request_method:$webhook_event_id; proxy_pass http://%%ADDR%%:9001; }
    location = /by_uri {
        webhook_dedup          zone=events key=$uri:$webhook_event_id;
        error_page             500 = /uri_page;
        proxy_intercept_errors on;
        proxy_pass             http://%%BACKEND%%;
    }
    location = /uri_page { webhook_dedup zone=events key=$uri:$webhook_event_id; proxy_pass http://%%ADDR%%:9001; }
}

# Gates that are written out at each location.
server {
    listen %%ADDR%%:8084;
    webhook_secret "a secret of the tests";
    webhook_dedup  zone=events;
    set $tenant "none";
    if ($uri ~ ^/(?:name|key|over|watched|seen|put)/([^/]+)) { set $tenant $1; }
    location /name/ { webhook github name=own-$tenant; webhook_payload_max 2m; try_files /none /name_front; }
    location = /name_front { webhook github name=own-$tenant; proxy_pass http://%%BACKEND%%; }
    location /key/ {
        webhook github name=own; webhook_methods POST GET; webhook_dedup zone=events key=$tenant:$webhook_event_id;
        try_files /none /key_front;
    }
    location = /key_front { webhook github name=own; webhook_dedup zone=events key=$tenant:$webhook_event_id; proxy_pass http://%%BACKEND%%; }

    location /over/ { webhook github name=own-$tenant; webhook_payload_max 2m; try_files /none /over_other; }
    location = /over_other { webhook github name=over; webhook_dedup off; try_files /none /name_front; }
    location /watched/ { webhook github name=own-$tenant; webhook_mode monitor; webhook_secret "not the secret of the sender"; try_files /none /name_front; }
    location /seen/ { webhook github name=own-$tenant; webhook_mode monitor; try_files /none /name_front; }
    location /seen_key/ {
        webhook github name=own; webhook_mode monitor; webhook_dedup zone=others key=$uri:$webhook_event_id;
        try_files /none /seen_key_front;
    }
    location = /seen_key_front { webhook github name=own; webhook_dedup zone=events key=$uri:$webhook_event_id; proxy_pass http://%%BACKEND%%; }
    location /put/ { webhook github name=own-$tenant; webhook_mode monitor; try_files /none /put_front; }
    location = /put_front { webhook github name=own-$tenant; webhook_methods POST PUT; proxy_pass http://%%BACKEND%%; }
    location ~ ^/captured/(\w+)$ {
        webhook github name=own-$1;
        error_page 500 = @captured;
        proxy_intercept_errors on;
        proxy_pass http://%%BACKEND%%;
    }
    location @captured { webhook github name=own-$1; rewrite ^ /second break; proxy_pass http://%%ADDR%%:9001; }

    location = /same {
        webhook github name=same; webhook_url https://h.example/; webhook_allow 127.0.0.0/8;
        webhook_secret "a secret of the tests";
        error_page 500 = /same_page;
        proxy_intercept_errors on;
        proxy_pass http://%%BACKEND%%;
    }
    location = /same_page {
        webhook github name=same; webhook_url https://h.example/; webhook_allow 127.0.0.0/8;
        webhook_secret "a secret of the tests";
        proxy_pass http://%%ADDR%%:9001;
    }
    location = /other {
        webhook github name=same; webhook_url https://h.example/; webhook_allow 127.0.0.0/8;
        error_page 500 = /other_page;
        proxy_intercept_errors on;
        proxy_pass http://%%BACKEND%%;
    }
    location = /other_page {
        webhook github name=same; webhook_url https://h.example/; webhook_allow 127.0.0.0/9;
        proxy_pass http://%%ADDR%%:9001;
    }
}

# Two tenants behind one gate.
server {
    listen %%ADDR%%:8081;
    webhook        github name=tenants;
    webhook_secret $secret;
    webhook_secret "a secret of both of them";
    location = /a   { set $secret "a secret of the tests"; proxy_pass http://%%BACKEND%%; }
    location @b     { set $secret "a secret of tenant b";  proxy_pass http://%%ADDR%%:9001; }
    location = /b   { set $secret "a secret of tenant b";  proxy_pass http://%%ADDR%%:9001; }
    location @also  { set $secret "a secret of the tests"; proxy_pass http://%%ADDR%%:9001; }
    location @none  { set $secret "";                      proxy_pass http://%%ADDR%%:9001; }
    location @same  { proxy_pass http://%%ADDR%%:9001; }
}
CONF

sub reason ($response) { return $response->header('Webhook-Reason') // '' }

subtest 'what the first upstream accepted stays delivered when the second, behind another gate, fails' => sub {
    $backend->clear->behave(headers => [ 'X-Accel-Redirect' => '@dispatched' ]);
    $second->clear->behave(status => 500);
    is deliver('dispatched', uri => '/dispatched')->{status}, 500, 'the sender sees the second';
    is reason(deliver('dispatched', uri => '/dispatched')), 'duplicate', "retry $_" for 1, 2;
    is $backend->count, 1, 'the first got it once';
    is $second->count, 1, 'and so did the second';
};

subtest 'a gate that refuses with 2xx has delivered nothing for the gate before it' => sub {
    $backend->clear->behave;
    my $response = deliver('refused', uri => '/refused_later');
    is $response->{status}, 200, 'refused, as configured';
    is reason($response), 'bad_signature', 'by the second gate';
    $response = deliver('refused', uri => '/one');
    is reason($response), '', 'the event is new';
    is $backend->count, 1, 'and is delivered';
};

# Another gate would refuse the page: it is a GET, with the body still there.
subtest 'the same methods in another order are the same gate' => sub {
    $backend->clear->behave(status => 500);
    $second->clear->behave;
    my $response = deliver('by_page', uri => '/by_page');
    is reason($response), '', 'it is not judged again';
    is $response->{status}, 200, 'the second upstream answers';
    is $second->count, 1, 'and gets it';
};

subtest 'the longest ttl counts' => sub {
    $backend->clear->behave;
    my @paths = qw(long_last long_first other short);
    is deliver("ttl_$_", uri => "/$_", port => 8082)->{status}, 200, "$_: delivered" for @paths;
    # Longer than a second, of which the time is cut to its end.
    sleep 2.2;
    my %seen = map { $_ => reason(deliver("ttl_$_", uri => "/$_", port => 8082)) } @paths;
    is_deeply \%seen, { long_last => 'duplicate', long_first => 'duplicate', other => 'duplicate', short => '' },
        'what is remembered later';
};

# Events with one id at several endpoints are several events.
sub are_apart ($at, @paths) {
    is $at->($_, 1), '', "/$_: another endpoint" for @paths;
    is $at->($_, 1), 'duplicate', "/$_: once more" for @paths;
    is $backend->count, scalar @paths, 'each was delivered once';
}

subtest 'a name or a key that has another value after a redirect' => sub {
    my $at = sub ($path, $id) { return reason(deliver("key_$id", uri => "/$path", port => 8083)) };
    # The value for the request as it arrived counts: the location behind the redirect serves all.
    $backend->clear->behave;
    are_apart($at, qw(tenants/a/x tenants/b/x named/a named/b by_name/a by_name/b));
    # Judged again, it would be refused as a GET with a body.
    $backend->behave(status => 500);
    $second->clear->behave;
    is $at->('by_uri', 4), '', 'the path that the sender asked for counts';
    is $second->count, 1, 'the page answers';
    is $at->('by_method', 5), '', 'as does the method that the sender used';
    is $at->('tenants/c/failing', 6), '', 'and the tenant';
    is $at->('by_name/page', 6), '', 'under its name';
    is $second->count, 4, 'the pages answer';
    $backend->behave;
    is $at->($_, 7), '', "/$_: another endpoint" for 'by_path_a', 'by_path_b', 'by_argument?tenant=a', 'by_argument?tenant=b';
    is $at->($_, 7), 'duplicate', "/$_: once more" for 'by_path_b', 'by_argument?tenant=b';
};

subtest 'gates that are written out at each location' => sub {
    my $at = sub ($path, $id, %options) {
        return reason(deliver("own_$id", uri => "/$path", port => 8084, %options));
    };
    $backend->clear->behave;
    are_apart($at, qw(name/a name/b key/a key/b));
    is $at->("over/$_", 4), '', "over another gate: $_" for 'c', 'd';
    is $at->('watched/e', 5), '', 'what the first gate only watches';
    is $at->('watched/f', 5), 'duplicate', 'has the name of the gate that verifies it';
    # The first gate knows the second request as a duplicate, and lets it pass.
    for my $path ('seen/a', 'seen_key/a') {
        is $at->($path, 6), '', "/$path: delivered";
        is $at->($path, 6), 'duplicate', "/$path: once more";
    }
    is $at->('put/a', 7), '', 'the first gate verifies it';
    is $at->('put/a', 7, method => 'PUT'), 'duplicate', 'the method does not choose its name';
    $backend->clear->behave(status => 500);
    $second->clear->behave;
    is $at->("captured/$_", 8), '', "what an expression captured is not judged again: $_" for 'a', 'b';
    is $second->count, 2, 'the fallback answers';
    $second->clear;
    is $at->('same', 2), '', 'two that say the same are one gate';
    is $second->count, 1, 'the page answers';
    is $at->('other', 3), 'method', 'two that let in other sources are not';
    is $second->count, 1, 'the page does not';
};

subtest 'nobody wakes a delivery whose client has left for post_action' => sub {
    $backend->clear->behave(hold => 1);
    $second->clear->behave(hold => 1);
    my $first = start_delivery($backend, 'left', uri => '/plain');
    my $twin = start_request(delivery('left', uri => '/with_post_action'));
    sleep 0.3;
    $twin->cancel;
    wait_for(sub { $second->count == 1 }, 3, 'post_action is running');
    $backend->let_go;
    is $first->finish->{status}, 200, 'the first is delivered';
    sleep 0.5;
    $second->let_go;
    is $second->count, 1, 'once';
    is $backend->count, 1, 'the twin never reached the upstream';
};

subtest 'a tenant\'s upstream sends nothing to another tenant' => sub {
    my $redirected = sub ($to, %options) {
        $backend->clear->behave(headers => [ 'X-Accel-Redirect' => $to ]);
        $second->clear->behave;
        return reason(deliver(unique_id(), uri => '/a', port => 8081, %options));
    };
    for my $to (qw(@b @none)) {
        is $redirected->($to), 'bad_signature', "$to has another secret";
        is $second->count, 0, 'and gets nothing';
    }
    is $redirected->('/b'), 'method', 'nor by a path, as a GET';
    is $second->count, 0, 'and gets nothing';
    for my $to (qw(@also @same)) {
        is $redirected->($to), '', "$to has the same secret";
        is $second->count, 1, 'and gets the delivery';
    }
    is $redirected->('@b', secret => 'a secret of both of them'), '', 'what both may verify reaches both';
    is $second->count, 1, 'after it was verified again';
};

# nginx forwards 103 since 1.29; before that it takes it for the answer.
subtest 'an early hint is not the answer' => sub {
    my $version = qx(@{[ $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx' ]} -v 2>&1) =~ m{nginx/1\.(\d+)} ? $1 : 0;
    plan skip_all => "nginx 1.$version knows no early hints: run with a newer WEBHOOK_NGINX" if $version < 29;
    my $answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
        . "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    $backend->clear->behave(raw => $answer);
    is deliver('hinted', uri => '/plain')->{status}, 200, 'delivered';
    is reason(deliver('hinted', uri => '/plain')), 'duplicate', 'and remembered';

    $backend->behave;
    deliver('filling', uri => '/stale');
    sleep 2.1;
    $backend->behave(raw => $answer =~ s/200 OK/500 Failure/r);
    is reason(deliver('stale', uri => '/stale')), 'cached', 'a failure, hidden by the cache';
    $backend->behave;
    is reason(deliver('stale', uri => '/stale')), '', 'is none the less';
};

finish();
