# What an error_page or an addition makes of a delivery that was accepted, or has its answer.

use Webhook::Test;

use Webhook::Deliveries qw(deliver delivery);

my $backend = start_backend();
my $page    = start_backend(port => 9001);
write_file('html/50x.html',    "a page\n");
make_directory('dav', 0777);
make_directory("html/$_", 0755) for qw(indexed behind behind/index);
write_file('html/ssi.html',    qq{<!--#include virtual="/elsewhere" -->page\n});
chmod 0755, directory(), directory() . '/html';

# What a file leads to that stands behind another gate.
my %LEADS_TO = (
    named       => 'try_files /none @taken;',
    uri         => 'try_files /none /taken;',
    index       => 'index none.html /taken;',
    error_named => 'error_page 403 404 405 500 = @taken;',
    error_uri   => 'error_page 403 404 405 500 = /taken;',
    twice       => 'try_files /none @tries;',
    off         => 'try_files /none @off;',
    monitored   => 'webhook_mode monitor; try_files /none @taken;',
    file        => 'try_files /none /50x.html;',
    judged      => 'try_files /none @judged;',
);
my $first_gate  = 'webhook github name=first;';
my $second_gate = 'webhook github name=second; webhook_secret "another secret of the tests"; webhook_methods GET POST;';

my $nginx = start_nginx(http => <<'CONF' . <<"LEADS");
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
webhook_dedup      zone=events;
proxy_cache_path   %%DIR%%/cache keys_zone=answers:1m;
map $http_x_lost $upstream { default "%%BACKEND%%"; 1 "nowhere.invalid"; }
# A redirect without arguments has no secret: it is another gate.
map $arg_tenant $secret    { volatile; one "a secret of the tests"; two "another secret of the tests"; }

server {
    listen %%ADDR%%:8080;
    root %%DIR%%/html;
    webhook_methods GET POST;
    # Nobody answers there.
    resolver         %%ADDR%%:1 ipv6=off;
    resolver_timeout 1s;
    proxy_intercept_errors on;
    proxy_cache_key     $uri;
    proxy_cache_valid   any 1m;
    proxy_cache_methods GET POST;

    location /unresolved { webhook github; error_page 502 /maintenance;     proxy_pass http://$upstream; }
    location /answered   { webhook github; error_page 502 = /maintenance;   proxy_pass http://$upstream; }
    location /fine       { webhook github; error_page 502 =200 /maintenance; proxy_pass http://$upstream; }
    location /recursive  { webhook github; error_page 502 = /maintenance;   proxy_pass http://$upstream; recursive_error_pages on; }
    location /stored     {
        webhook github;
        error_page        500 = /maintenance;
        proxy_cache       answers;
        proxy_pass        http://%%BACKEND%%;
    }
    location /recursive_nothing { webhook github; error_page 404 = /maintenance; try_files /none =404; recursive_error_pages on; }
    location /nothing    { webhook github; error_page 503 = /maintenance; try_files /none =503; }
    location /maintenance { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location /try        { webhook github; try_files /none /maintenance; }
    location /named      { webhook github; error_page 404 = @app; try_files /none =404; }
    location @app        { webhook off; proxy_pass http://%%ADDR%%:9001; }

    # What a named location hands on, by whatever way the delivery came there.
    location /on_missing { webhook github; webhook_methods GET HEAD POST; error_page 404 = @hands_on; try_files /none =404; }
    location /on_refused { webhook github; webhook_methods GET HEAD POST; error_page 500 = @hands_on; proxy_pass http://%%BACKEND%%; }
    location /on_down    { webhook github; webhook_methods GET HEAD POST; error_page 502 =200 @hands_on; proxy_pass http://%%ADDR%%:1; }
    location /on_before  { error_page 418 = @gate; return 418; }
    location @gate       { webhook github; webhook_methods GET HEAD POST; try_files /none /maintenance; }
    location @hands_on   { try_files /none /indexed/; }
    location = /indexed/ { root %%DIR%%/html; index none.html /maintenance; }
    # The same, and then the page of an error.
    location /then_page  { webhook github; recursive_error_pages on; error_page 404 = @then_page; try_files /none =404; }
    location @then_page  { error_page 404 = /maintenance; try_files /none =404; }
    location /by_page    { error_page 418 = /behind_page; return 418; }
    location /behind_page { webhook github; recursive_error_pages on; error_page 404 = /maintenance; try_files /none =404; }

    # Pages that further redirects, or another gate of the same name, lead to an upstream.
    location /to_status   { webhook github; error_page 500 /status/500;      proxy_pass http://%%BACKEND%%; }
    location /to_missing  { webhook github; error_page 500 /missing/500; recursive_error_pages on; proxy_pass http://%%BACKEND%%; }
    location /to_gate     { webhook github; error_page 500 /gate/500; webhook_methods GET POST PUT; proxy_pass http://%%BACKEND%%; }
    location /status/     { webhook off; try_files $uri @app; }
    location /missing/    { webhook off; recursive_error_pages on; error_page 404 = @app; }
    location /gate/       { webhook github; proxy_pass http://%%ADDR%%:9001; }

    # What a gate that monitors is handed is still what another has accepted.
    location /to_accepted { webhook github; error_page 500 = @accepted; proxy_pass http://%%BACKEND%%; }
    location @accepted    {
        webhook              github name=new;
        webhook_mode         monitor;
        proxy_cache          answers;
        proxy_pass           http://%%ADDR%%:9001;
    }
    location /to_monitor  { webhook github; error_page 500 = @monitored; proxy_pass http://%%BACKEND%%; }
    location @monitored   {
        webhook              stripe;
        webhook_mode         monitor;
        proxy_cache          answers;
        proxy_pass           http://%%ADDR%%:9001;
    }

    # nginx's own answers.
    location /dav/          { webhook github; webhook_methods PUT DELETE; dav_methods PUT DELETE; root %%DIR%%; }
    location /no_content    { webhook github; try_files /none =204; }
    location /created       { webhook github; error_page 404 = @created; try_files /none =404; }
    location @created       { try_files /none =201; }
    location /granted       { webhook github; error_page 404 =204 @granted; try_files /none =404; }
    location @granted       { return 200 "granted"; }
    location /excused       { webhook github; error_page 404 =204 /50x.html; try_files /none =404; }
    location /excused_file  { webhook github; error_page 404 = /50x.html;    try_files /none =404; }
    location /excused_text  { webhook github; error_page 404 =204 /excuse;   try_files /none =404; }
    location = /excuse      { return 200 "sorry"; }

    location /added      { webhook github; add_after_body /elsewhere; addition_types *; proxy_pass http://%%BACKEND%%; }
    location /added_off  { webhook github; add_before_body /maintenance; addition_types *; proxy_pass http://%%BACKEND%%; }
    location /elsewhere  { proxy_pass http://%%ADDR%%:9001; }
}

server {
    listen %%ADDR%%:8081;
    root %%DIR%%/html;
    webhook        github name=$arg_tenant;
    webhook_secret $secret;
    error_page     502 /50x.html;
    location /             { proxy_pass http://%%ADDR%%:1; }
    location /inner        { webhook github name=inner; webhook_secret "a secret of the tests"; proxy_pass http://%%ADDR%%:1; }
    location /to_upstream  { error_page 502 /proxied;       proxy_pass http://%%ADDR%%:1; }
    location /to_tried     { error_page 502 /tried;         proxy_pass http://%%ADDR%%:1; }
    location /to_mirror    { error_page 502 /mirrored.html; proxy_pass http://%%ADDR%%:1; }
    location /to_ssi       { error_page 502 /ssi.html;      proxy_pass http://%%ADDR%%:1; }
    location /inner_tried  { webhook github name=inner; webhook_secret "a secret of the tests"; error_page 502 /tried; proxy_pass http://%%ADDR%%:1; }
    location /to_and_back  { error_page 502 /leads_back?$args; proxy_pass http://%%ADDR%%:1; }
    location = /leads_back { webhook github name=inner; webhook_secret "a third secret of the tests"; try_files /none @back; }
    location @back         { mirror /elsewhere; proxy_pass http://%%ADDR%%:9001; }
    location /redirected   { proxy_pass http://%%BACKEND%%; }
    location = /50x.html   { }
    location = /proxied    { proxy_pass http://%%ADDR%%:9001; }
    location = /tried      { try_files /none /proxied; }
    location = /mirrored.html { alias %%DIR%%/html/50x.html; mirror /elsewhere; }
    location = /ssi.html   { ssi on; }

    location /elsewhere    { internal; proxy_pass http://%%ADDR%%:9001; }
}
CONF
server {
    listen %%ADDR%%:8083;
    root %%DIR%%/html;
    proxy_intercept_errors on;
    recursive_error_pages  on;
@{[ join '', map { <<"END" } sort keys %LEADS_TO ]}
    location /by_$_     { $first_gate error_page 500 /behind/$_/; proxy_pass http://%%BACKEND%%; }
    location /behind/$_/ { $second_gate $LEADS_TO{$_} }
END
    location /by_action    { $first_gate error_page 500 /acts.html; proxy_pass http://%%BACKEND%%; }
    location = /acts.html  { $second_gate alias %%DIR%%/html/50x.html; post_action \@taken; }
    location \@taken  { proxy_pass http://%%ADDR%%:9001; }
    location = /taken { proxy_pass http://%%ADDR%%:9001; }
    location \@tries  { try_files /none \@taken; }
    location \@off    { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location \@judged { $second_gate proxy_pass http://%%ADDR%%:9001; }
}
LEADS

sub reason ($response) { return $response->header('Webhook-Reason') // '' }
sub forget () { $_->clear->behave for $backend, $page }
sub get ($id, $uri, %options) { return deliver($id, uri => $uri, method => 'GET', %options) }

for my $uri (qw(/unresolved /answered /fine /recursive)) {
    subtest "a GET whose upstream has no address: $uri" => sub {
        forget();
        my $id = unique_id();
        get($id, $uri, headers => [ 'X-Lost' => 1 ]);
        is_deeply [ $backend->count, $page->count ], [ 0, 1 ], 'another upstream answers for it';
        is reason(get($id, $uri)), '', 'the retry is new';
        is $backend->count, 1, 'and delivered';
        is reason(get($id, $uri)), 'duplicate', 'and remembered';
    };
}

subtest 'a GET whose failure is in the cache' => sub {
    forget();
    $backend->behave(status => 500);
    get(unique_id(), '/stored');
    my $id = unique_id();
    get($id, '/stored') for 1, 2;
    is_deeply [ $backend->count, $page->count ], [ 1, 3 ], 'is no less new the second time';
};

subtest 'a GET that nothing takes' => sub {
    forget();
    my $id = unique_id();
    get($id, '/nothing') for 1, 2;
    is $page->count, 2, 'an error\'s page delivers nothing';
    for my $uri (qw(/recursive_nothing /then_page /by_page)) {
        my $new = unique_id();
        is_deeply [ map { reason(get($new, $uri)) } 1, 2 ], [ '', '' ], "$uri: nor does one behind another redirect";
    }
    for my $uri (qw(/try /named)) {
        $id = unique_id();
        is reason(get($id, $uri)), '', "$uri leads to its upstream";
        is reason(get($id, $uri)), 'duplicate', "$uri: which has it then";
    }
};

for my $method (qw(GET HEAD POST)) {
    subtest "$method: a named location hands the delivery on by try_files and index" => sub {
        for my $uri (qw(/on_missing /on_refused /on_down /on_before)) {
            forget();
            $backend->behave(status => 500);
            my @event = (unique_id(), uri => $uri, method => $method, body => '');
            is reason(deliver(@event)), '', $uri;
            is reason(deliver(@event)), 'duplicate', "$uri: and is remembered";
            is $page->count, 1, "$uri: the upstream got it once";
        }
    };
}

subtest 'what nginx answers by itself is remembered, too' => sub {
    write_file('dav/file', "first\n");
    my @deletion = (unique_id(), uri => '/dav/file', method => 'DELETE', body => '');
    is deliver(@deletion)->{status}, 204, 'a file is deleted';
    ok !-e directory() . '/dav/file', 'it is gone';
    write_file('dav/file', "second\n");
    my $replay = deliver(@deletion);
    is_deeply [ $replay->{status}, reason($replay) ], [ 204, 'duplicate' ], 'that is no deletion of the next';
    ok -e directory() . '/dav/file', 'which is there still';

    for my $method (qw(GET POST)) {
        my %status = ('/no_content' => 204, '/created' => 201, '/granted' => 204);
        for my $uri (sort keys %status) {
            my @event = (unique_id(), uri => $uri, method => $method, body => '');
            my @told  = map { my $answer = deliver(@event); [ $answer->{status}, reason($answer) ] } 1, 2;
            is_deeply \@told, [ [ $status{$uri}, '' ], [ $status{$uri}, 'duplicate' ] ], "$method $uri";
        }
        for my $uri (qw(/excused /excused_file /excused_text)) {
            my @event = (unique_id(), uri => $uri, method => $method, body => '');
            is_deeply [ map { reason(deliver(@event)) } 1, 2 ], [ '', '' ], "$method $uri: an error's page is no answer";
        }
    }
};

for my $method (qw(GET POST)) {
    subtest "$method: a page of an error delivers nothing, wherever it leads" => sub {
        for my $uri (qw(/to_status /to_missing /to_gate)) {
            forget();
            $backend->behave(status => 500);
            my ($id, %request) = (unique_id(), uri => $uri, method => $method, body => '');
            deliver($id, %request);
            is $page->count, 1, "$uri: the page's upstream answers";
            $backend->behave;
            is reason(deliver($id, %request)), '', "$uri: the retry is new";
            is $backend->count, 2, "$uri: and delivered";
            is reason(deliver($id, %request)), 'duplicate', "$uri: and remembered";
        }
    };
}

for my $uri (qw(/to_monitor /to_accepted)) {
    subtest "$uri: a gate that monitors behind one that does not" => sub {
        forget();
        $backend->behave(status => 500);
        is deliver(unique_id(), uri => $uri)->{status}, 200, 'its upstream has the event';
        my $id = unique_id();
        is reason(deliver($id, uri => $uri)), 'cached', 'its cache does not';
        $backend->behave;
        is reason(deliver($id, uri => $uri)), '', 'so that it is not lost';
    };
}

sub down ($uri, %options) { return deliver(unique_id(), uri => $uri, port => 8081, %options) }

subtest 'an upstream is down: its page is shown, whichever gate stands before that' => sub {
    forget();
    for my $uri (qw(/any?tenant=one /inner)) {
        my $response = down($uri);
        is_deeply [ $response->{status}, reason($response), $response->{body} ], [ 502, '', "a page\n" ], $uri;
        is down($uri, secret => 'wrong')->{status}, 401, "$uri: not for a forgery";
    }
    is down('/50x.html')->{status}, 401, 'asked for by itself, it is behind its gate';
    is down('/50x.html', method => 'GET')->{status}, 405, 'GET';
};

subtest 'and nothing else gets the delivery unjudged' => sub {
    forget();
    for my $uri (qw(/to_upstream /to_tried /inner_tried)) {
        isnt reason(down("$uri?tenant=one")), '', "$uri: refused";
    }
    is down('/to_mirror?tenant=one')->{body}, "a page\n", 'a page with a mirror';
    is down('/to_ssi?tenant=one')->{body}, "page\n", 'a page that includes an upstream\'s';
    is $page->count, 0, 'no upstream was reached';
    is down('/to_and_back?tenant=one')->{status}, 502, 'from another gate\'s page back to the first';
    wait_for(sub { $page->count == 2 }, 5, 'which has accepted it: a mirror gets it, too');
    forget();
    my $told = () = $nginx->error_log =~ /what another gate accepted is not handed on to the location "\/elsewhere"/g;
    is $told, 2, 'the log says why';

    $backend->clear->behave(headers => [ 'X-Accel-Redirect' => '/50x.html' ]);
    is down('/redirected?tenant=one')->{body}, "a page\n", 'a file that an upstream names is shown';
    $backend->clear->behave(headers => [ 'X-Accel-Redirect' => '/proxied' ]);
    is down('/redirected?tenant=one')->{status}, 405, 'another upstream is not reached so';
    is $page->count, 0, 'by nobody';
};

for my $way ([ 'error_page', status => 500 ], [ 'X-Accel-Redirect' ]) {
    my ($name, %behaviour) = @$way;
    my $told   = sub { return scalar(() = $nginx->error_log =~ /what another gate accepted is not handed on/g) };
    my $led_by = sub ($to) {
        forget();
        $backend->behave($name eq 'error_page' ? %behaviour : (headers => [ 'X-Accel-Redirect' => $to eq 'action' ? '/acts.html' : "/behind/$to/" ]));
        return deliver(unique_id(), uri => "/by_$to", port => 8083, body => '{"for":"the first"}');
    };
    subtest "$name: a file behind another gate leads nothing past that" => sub {
        for my $to (qw(named uri index error_named error_uri twice)) {
            my $before = $told->();
            my $status = $name eq 'error_page' && $to !~ /^error/ ? 500 : 403;
            is $led_by->($to)->{status}, $status, "$to: refused";
            is $page->count, 0, "$to: nobody got it";
            is $told->() - $before, 1, "$to: the log tells";
        }
        is $led_by->('judged')->{status}, 401, 'judged by that gate, later';
        is $page->count, 0, 'which refuses it';
        my $before = $told->();
        is $led_by->('action')->{body}, "a page\n", 'post_action: the file is shown';
        wait_for(sub { $told->() > $before }, 5, 'and no more');
        is $page->count, 0, 'nobody got it';
    };
    subtest "$name: what may be behind it" => sub {
        for my $to (qw(off monitored)) {
            $led_by->($to);
            is $page->count, 1, $to;
        }
        is $led_by->('file')->{body}, "a page\n", 'a file';
    };
}

subtest 'nothing is added to the gate\'s own answer' => sub {
    forget();
    $page->behave(body => 'added');
    my $id = unique_id();
    is deliver($id, uri => '/added')->{body}, "ok\nadded", 'to the upstream\'s it is';
    my $response = deliver($id, uri => '/added');
    is_deeply [ $response->{status}, reason($response), $response->{body} ], [ 200, 'duplicate', '' ], 'a duplicate has none';
    is $page->count, 1, 'nobody else was reached';
    $id = unique_id();
    is deliver($id, uri => '/added_off')->{body}, "addedok\n", 'where the location takes all';
    is deliver($id, uri => '/added_off')->{body}, 'added', 'it is added to a duplicate, too';
};

finish();
