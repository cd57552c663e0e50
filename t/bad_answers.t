# An answer that is not final, or no HTTP: nginx takes it for another than the sender reads. It is replaced.

use Webhook::Test;

use IO::Socket::INET;
use Webhook::Deliveries qw(delivery);
use Webhook::Process ();

my $backend = start_backend();
my $second  = start_backend(port => 9001);
make_directory('html', 0755);
write_file('html/file.html', "a file\n");
chmod 0755, directory();
my $nginx   = start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
proxy_cache_path   %%DIR%%/cache keys_zone=answers:1m;

server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    webhook         github;
    webhook_methods GET POST;
    webhook_dedup   zone=events;

    location /plain      { proxy_pass http://%%BACKEND%%; }
    location /unbuffered { proxy_buffering off; proxy_pass http://%%BACKEND%%; }
    location /kept       { proxy_http_version 1.1; proxy_pass http://%%BACKEND%%; }
    location /paged      { error_page 502 = @other; proxy_pass http://%%BACKEND%%; }
    location @other      { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location /cached     {
        proxy_cache         answers;
        proxy_cache_key     $uri;
        proxy_cache_methods POST;
        proxy_cache_valid   any 1m;
        proxy_pass http://%%BACKEND%%;
    }
    location /fetched    { internal; webhook off; return 200 "fetched"; }
    location /scgi       { scgi_pass %%ADDR%%:9003; }
    location /intercepted { proxy_intercept_errors on; error_page 500 = /fetched; proxy_pass http://%%BACKEND%%; }
    location /ignored_paged {
        proxy_intercept_errors on;
        recursive_error_pages  on;
        error_page             500 = /fetched;
        proxy_ignore_headers   X-Accel-Redirect;
        proxy_pass             http://%%BACKEND%%;
    }
    location /ignored    { proxy_ignore_headers X-Accel-Redirect; proxy_pass http://%%BACKEND%%; }
    location /fallback   { error_page 502 = @fallback; proxy_pass http://%%ADDR%%:1; }
    location @fallback   { webhook off; proxy_pass http://%%BACKEND%%; }
    location = /file.html { root %%DIR%%/html; }
    location = /page     { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location @named      { webhook off; return 200 "named"; }
    location @no_content { webhook off; try_files /none =204; }
    location @granted    { webhook off; error_page 404 =204 @named; try_files /none =404; }
    location /paged_by   { proxy_intercept_errors on; error_page 503 /page; proxy_pass http://%%BACKEND%%; }
    location @tries      { webhook off; error_page 404 = /fetched; try_files /none =404; }
    location /monitored  { webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
}
CONF

my $final = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
my %bad   = (
    '102'              => "HTTP/1.1 102 Processing\r\n\r\n$final",
    '199'              => "HTTP/1.1 199 Unknown\r\nLink: </a>\r\n\r\n$final",
    '000'              => "HTTP/1.1 000 Unknown\r\nContent-Length: 0\r\n\r\n",
    '099'              => "HTTP/1.1 099 Unknown\r\nContent-Length: 0\r\n\r\n",
    '600'              => "HTTP/1.1 600 Unknown\r\nContent-Length: 0\r\n\r\n",
    'no status'        => "HTTP/1.1 OK\r\nContent-Length: 3\r\n\r\nok\n",
    'glued status'     => "HTTP/1.1 200OK\r\nContent-Length: 3\r\n\r\nok\n",
    'leading line'     => "\r\n$final",
    'another protocol' => "HTTQ/1.1 200 OK\r\n\r\n",
    'no HTTP at all'   => "220 ready\r\n",
);
# nginx forwards 103 since 1.29.
my $version = qx(@{[ $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx' ]} -v 2>&1) =~ m{nginx/1\.(\d+)} ? $1 : 0;
$bad{103} = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n$final" if $version < 29;
allow_log(qr/upstream sent no valid HTTP\/1\.0 header/);

sub told ($response) { return [ $response->{status}, $response->header('Webhook-Reason'), $response->{body} ] }

my $replaced = [ 502, 'bad_answer', '' ];

for my $kind (sort keys %bad) {
    subtest "status line: $kind" => sub {
        for my $uri (qw(/plain /unbuffered /kept /cached /paged)) {
            my $id = unique_id();
            $backend->clear->behave(raw => $bad{$kind});
            is_deeply told(send_request(delivery($id, uri => $uri))), $replaced, $uri;
            is_deeply told(send_h2(delivery($id, uri => $uri))), $replaced, "$uri: HTTP/2";
            is $backend->count, 2, "$uri: neither remembered nor cached";
            $backend->behave;
            is send_request(delivery($id, uri => $uri))->{body}, "ok\n", "$uri: the retry is delivered" if $uri ne '/cached';
        }
        is $second->count, 0, 'it leads to no page';
    };
}

subtest 'the connection is good for the next' => sub {
    for my $kind ('199', 'no status') {
        my $connection = open_connection();
        $backend->behave(raw => $bad{$kind});
        is_deeply told($connection->request(delivery(unique_id(), uri => '/plain'))), $replaced, "status line: $kind";
        $backend->behave;
        is $connection->request(delivery(unique_id(), uri => '/plain'))->{body}, "ok\n", 'the next';
        $connection->close;
    }
};

subtest 'a redirect hides it from nobody' => sub {
    my $id = unique_id();
    $backend->clear->behave(raw => "HTTP/1.1 199 Unknown\r\nX-Accel-Redirect: /fetched\r\n\r\nHTTP/1.1 500 No\r\n\r\n");
    is_deeply told(send_request(delivery($id, uri => '/plain'))), $replaced, 'X-Accel-Redirect' for 1, 2;
    is $backend->count, 2, 'the event is not remembered';
};

sub refuse_by ($to, $status = 500) { $backend->clear->behave(status => $status, headers => [ 'X-Accel-Redirect' => $to ]); $second->clear }

subtest 'a refusal is not hidden by another answer' => sub {
    for my $method (qw(POST GET)) {
        for my $case (map { my $uri = $_; map { [ $uri, $_ ] } qw(/file.html /fetched /page @named) } qw(/plain /fallback)) {
            my ($uri, $to) = @$case;
            my @event = delivery(unique_id(), uri => $uri, method => $method, body => '');
            for my $status (500, 404, 302) {
                refuse_by($to, $status);
                is_deeply told(send_request(@event)), $replaced, "$method $uri: $status, $to" for 1, 2;
                is $backend->count, 2, 'the retry is delivered';
            }
            refuse_by($to, 200);
            is send_request(@event)->{status}, 200, "$method $uri: 200, $to";
            is told(send_request(@event))->[1], 'duplicate', 'is a delivery';
        }
    }
    refuse_by('/file.html');
    is_deeply told(send_h2(delivery(unique_id(), uri => '/plain'))), $replaced, 'HTTP/2';
    refuse_by('@no_content');
    is_deeply told(send_request(delivery(unique_id(), uri => '/plain'))), $replaced, 'by nginx itself, without content';
};

# A GET of HTTP/2 may have its name from the very bytes that nginx names its own GET by.
for my $send (\&send_request, \&send_h2) {
    subtest 'a page for an error is no delivery by GET' . ($send == \&send_h2 ? ', over HTTP/2' : '') => sub {
        my @event = delivery(unique_id(), uri => '/paged_by', method => 'GET', body => '');
        $backend->clear->behave(status => 503);
        is told($send->(@event))->[1], undef, 'the page is shown';
        $backend->clear->behave;
        is_deeply [ map { told($send->(@event))->[1] } 1, 2 ], [ undef, 'duplicate' ], 'the retry is new, and remembered';
        is $backend->count, 1, 'it is delivered once';
    };
}

subtest 'what is no such refusal' => sub {
    my $status = sub ($uri) { return send_request(delivery(unique_id(), uri => $uri))->{status} };
    refuse_by('/none');
    is $status->('/plain'), 404, 'the place answers with a failure';
    refuse_by('/fetched');
    is $status->('/ignored'), 500, 'the place is not asked';
    is $status->('/ignored_paged'), 200, 'but an error_page';
    is $status->('/intercepted'), 200, 'an error_page decides';
    refuse_by('@tries');
    is $status->('/plain'), 200, 'also later';
    refuse_by('@granted');
    is $status->('/plain'), 204, 'and what it gives';
    refuse_by('@other');
    my @event = delivery(unique_id(), uri => '/plain');
    is send_request(@event)->{status}, 200, 'another upstream takes it';
    is told(send_request(@event))->[1], 'duplicate', 'and has it';
    refuse_by('/file.html');
    is $status->('/monitored'), 200, 'monitor lets it pass';
};

subtest 'other statuses are the sender\'s' => sub {
    for my $status (200, 204, 302, 404, 500, 599) {
        $backend->behave(status => $status);
        is send_request(delivery(unique_id(), uri => '/plain'))->{status}, $status, "status $status";
    }
};

# Whoever speaks SCGI gives the status in a header, of which nginx reads three digits.
sub answer_scgi ($answer) {
    my $listener = IO::Socket::INET->new(LocalAddr => address(), LocalPort => 9003, Listen => 5, ReuseAddr => 1) // die $@;
    my $process  = Webhook::Process::fork_child(sub {
        while (my $client = $listener->accept) {
            my $seen = '';
            # A netstring of headers, and the body.
            1 while $seen !~ /\{\}\z/ && sysread $client, $seen, 4096, length $seen;
            print {$client} $answer;
            close $client;
        }
    });
    close $listener;
    return $process;
}

subtest 'SCGI' => sub {
    my %status = ('000 X' => 502, '099 X' => 502, '2000 X' => 502, '200x' => 502, '2000' => 502, '200 OK' => 200, '200' => 200, '404' => 404, '404.2 No' => 404);
    for my $line (sort keys %status) {
        my $id     = unique_id();
        my $server = answer_scgi("Status: $line\r\n\r\nok\n");
        my @told   = map { my $answer = send_request(delivery($id, uri => '/scgi')); [ $answer->{status}, $answer->header('Webhook-Reason') ] } 1, 2;
        Webhook::Process::end_process($server, [ KILL => 2 ]);
        my $reason = $status{$line} == 502 ? 'bad_answer' : undef;
        my $second = $status{$line} == 200 ? 'duplicate' : $reason;
        is_deeply \@told, [ [ $status{$line}, $reason ], [ $status{$line}, $second ] ], "Status: $line";
    }
};

subtest 'monitor lets it pass' => sub {
    $backend->behave(raw => $bad{600});
    is send_request(delivery(unique_id(), uri => '/monitored'))->{status}, 600, 'as it is';
    like $nginx->error_log, qr/webhook monitored: bad_answer/, 'the log tells';
};

finish();
