# webhook_capture: what was refused, byte for byte and without secrets, in a ring of files; and no delivery waits
# for a disk.

use Webhook::Test;

use Compress::Zlib ();
use Digest::SHA qw(hmac_sha256);
use File::Basename qw(dirname);
use List::Util qw(max sum0);
use MIME::Base64 qw(encode_base64 encode_base64url);
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

BEGIN {
    if (($ENV{WEBHOOK_MODULE} // '') ne 'none') {
        $ENV{WEBHOOK_MODULE} = $ENV{WEBHOOK_FAULTY_MODULE} // dirname(__FILE__) . '/../build/release/faulty/ngx_http_webhook_module.so';
    }
}

my $PATIENCE = 15;
my $SECRET   = 'the-secret-of-the-captures';
my $TOKEN    = 'a-static-token-of-the-tests';
my $PASSWORD = encode_base64("user:$TOKEN", '');
my $SLOW     = directory() . '/slow';

my $backend = start_backend();

# Relative paths are relative to nginx's prefix, which is the directory of the test.
sub ring ($name) { make_directory("rings/$name", 0700); return "rings/$name" }

my %SETUP = (
    method              => [ '', sub ($uri) { (uri => $uri, method => 'PUT', body => '{}') } ],
    insecure            => [ 'webhook_require_tls on;', \&unsigned ],
    ip_denied           => [ 'webhook_allow 192.0.2.1;', \&unsigned ],
    missing_signature   => [ '', \&unsigned ],
    malformed_signature => [ '', sub ($uri) { (uri => $uri, body => '{}', headers => [ 'X-Hub-Signature-256' => 'sha256=zz' ]) } ],
    stale_timestamp     => [ 'webhook stripe;', sub ($uri) { signed($uri, \&stripe_headers, timestamp => 1_000_000_000) } ],
    future_timestamp    => [ 'webhook stripe;', sub ($uri) { signed($uri, \&stripe_headers, timestamp => 4_000_000_000) } ],
    missing_timestamp   => [ 'webhook stripe;', sub ($uri) { (uri => $uri, body => '{}', headers => [ 'Stripe-Signature' => 'v1=' . '0' x 64 ]) } ],
    no_secret           => [ 'webhook_secret "$arg_none";', sub ($uri) { signed($uri, \&github_headers) } ],
    bad_signature       => [ '', sub ($uri) { forged($uri) } ],
    filtered            => [ 'webhook_events ping;', sub ($uri) { signed($uri, \&github_headers) } ],
    invalid_payload     => [ 'webhook_schema %%DIR%%/schema.json;', sub ($uri) { signed($uri, \&github_headers, body => '{') } ],
    schema_violation    => [ 'webhook_schema %%DIR%%/schema.json;', sub ($uri) { signed($uri, \&github_headers) } ],
);
my @REASONS = sort keys %SETUP;
write_file('schema.json', '{"$schema":"https://json-schema.org/draft/2020-12/schema","required":["zen"]}');

sub unsigned ($uri) { return (uri => $uri, body => '{}') }
sub signed ($uri, $headers, %options) {
    my $body = delete $options{body} // '{}';
    return (uri => $uri, body => $body, headers => [ $headers->($SECRET, $body, %options) ]);
}
sub forged ($uri, $body = '{}', %options) {
    my $more = delete $options{headers} // [];
    return (uri => $uri, body => $body, headers => [ github_headers('another secret', $body), @$more ], %options);
}

sub locations_of_reasons () {
    my $text = '';
    for my $reason (@REASONS) {
        my ($setup) = $SETUP{$reason}->@*;
        my $scheme = $setup =~ /^webhook /   ? '' : 'webhook github;';
        my $secret = $setup =~ /webhook_sec/ ? '' : "webhook_secret $SECRET;";
        my $others = join ',', grep { $_ ne $reason } @REASONS;
        for my $kind ([ only => $reason ], [ but => $others ]) {
            my ($name, $list) = @$kind;
            $text .= "location = /$name/$reason { $scheme $secret $setup webhook_capture "
                . ring("${name}_$reason") . " reasons=$list; proxy_pass http://%%BACKEND%%; }\n";
        }
    }
    return $text;
}

my $HTTP = <<"CONF";
proxy_cache_path %%DIR%%/cache keys_zone=answers:1m;
webhook_scheme jwt { algorithm jwt=HS256; signature header=Authorization prefix="Bearer "; }
webhook_scheme asked { algorithm token; signature query=token; }
webhook_dedup_zone zone=events:1m;
client_max_body_size 4m;
webhook_secret $SECRET;
webhook github;
log_format ids '\$uri \$request_id';
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    access_log %%DIR%%/access.log ids;
    location /exact    { webhook_capture @{[ ring('exact') ]} body=1m; proxy_pass http://%%BACKEND%%; }
    location /disk     { webhook_capture @{[ ring('exact') ]} body=1m; client_body_buffer_size 1k; proxy_pass http://%%BACKEND%%; }
    location /file     { webhook_capture @{[ ring('exact') ]} body=1m; client_body_in_file_only clean; proxy_pass http://%%BACKEND%%; }
    location /ring     { webhook_capture @{[ ring('ring') ]} max=3; proxy_pass http://%%BACKEND%%; }
    location /ring/too { webhook_capture @{[ ring('ring') ]}/../ring max=3 body=5; proxy_pass http://%%BACKEND%%; }
    location /short    { webhook_capture @{[ ring('short') ]} body=10; proxy_pass http://%%BACKEND%%; }
    location /none     { webhook_capture @{[ ring('short') ]} body=0; client_body_buffer_size 1k; proxy_pass http://%%BACKEND%%; }
    location /default  { webhook_capture @{[ ring('default') ]}; client_body_buffer_size 1k; proxy_pass http://%%BACKEND%%; }
    location /brief    { webhook_capture @{[ ring('brief') ]} keep=1s; proxy_pass http://%%BACKEND%%; }
    location /names    { webhook github name=\$arg_name; webhook_capture @{[ ring('names') ]}; proxy_pass http://%%BACKEND%%; }
    location /monitor  {
        webhook_mode monitor;
        webhook_dedup zone=events;
        webhook_capture @{[ ring('monitor') ]};
        proxy_pass http://%%BACKEND%%;
    }
    location /enforced { webhook_dedup zone=events; webhook_capture @{[ ring('enforced') ]}; proxy_pass http://%%BACKEND%%; }
    location /secret/ {
        webhook_capture @{[ ring('secret') ]};
        location /secret/gitlab { webhook gitlab; webhook_secret $TOKEN; proxy_pass http://%%BACKEND%%; }
        location /secret/bearer { webhook bearer; webhook_secret $TOKEN; proxy_pass http://%%BACKEND%%; }
        location /secret/basic  { webhook basic;  webhook_secret user:$TOKEN; proxy_pass http://%%BACKEND%%; }
        location /secret/figma  { webhook figma;  webhook_secret $TOKEN; proxy_pass http://%%BACKEND%%; }
        location /secret/query  { webhook asked;  webhook_secret $TOKEN; proxy_pass http://%%BACKEND%%; }
        location /secret/meta   { webhook meta;   webhook_handshake on token=Right/Verify+token-123; proxy_pass http://%%BACKEND%%; }
        location /secret/jwt    { webhook jwt;    proxy_pass http://%%BACKEND%%; }
        location /secret/github { proxy_pass http://%%BACKEND%%; }
        location /secret/tenant { webhook_secret "\$http_x_tenant"; proxy_pass http://%%BACKEND%%; }
    }
    location /outer/ {
        webhook_capture @{[ ring('outer') ]};
        location /outer/same  { proxy_pass http://%%BACKEND%%; }
        location /outer/off   { webhook_capture off; proxy_pass http://%%BACKEND%%; }
        location /outer/inner { webhook_capture @{[ ring('inner') ]}; proxy_pass http://%%BACKEND%%; }
    }
    location /cached {
        webhook_capture @{[ ring('cached') ]};
        client_body_buffer_size 1k;
        proxy_cache answers;
        proxy_cache_methods POST;
        proxy_cache_key \$uri;
        proxy_cache_valid any 1m;
        proxy_pass http://%%ADDR%%:8081;
    }
    @{[ locations_of_reasons() ]}
}
server {
    listen %%ADDR%%:8081;
    location / { webhook off; return 200; }
}
CONF

my $MAIN  = "user root;\nenv WEBHOOK_SLOW_DISK;";
my $nginx = start_nginx(main => $MAIN, http => $HTTP, env => { WEBHOOK_SLOW_DISK => $SLOW });

sub folder ($name) { return directory() . "/rings/$name" }
sub hidden ($name) { my @found = glob folder($name) . '/.2*'; return @found }
sub files ($name) { my @found = sort map { (split m{/})[-1] } glob folder($name) . '/*'; return @found }

sub await_files ($name, $count) {
    wait_for(sub { files($name) == $count && !hidden($name) }, $PATIENCE, "$count files in $name");
    return files($name);
}

# As src/capture/capture.h says.
sub parsed ($text) {
    my ($side, $request) = $text =~ /\A#( [^\n]*)\n(.*)\z/s or return fail('has a side line') && {};
    my %field;
    for (split / /, substr $side, 1) {
        my ($name, $value) = /\A(\w+)=([\x21-\x7e]*)\z/ or fail("a field: $_");
        ok !exists $field{$name}, "one $name" or diag $side;
        $field{$name} = $value;
    }
    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    my ($line, @headers) = split /\r\n/, $head;
    return { %field, line => $line, headers => [ map { [ split /: /, $_, 2 ] } @headers ], content => $body, request => $request };
}

sub captured ($name, $count = 1) {
    my @found = map { parsed(slurp(folder($name) . "/$_")) } await_files($name, $count);
    return wantarray ? @found : $found[-1];
}

sub header ($capture, $name) { return join '|', map { $_->[1] } grep { lc $_->[0] eq lc $name } $capture->{headers}->@* }
sub clear ($name) { unlink glob folder($name) . '/*' }

subtest 'byte for byte' => sub {
    my $binary = join '', map { chr } 0 .. 255;
    my $nasty  = "\r\n\r\n\0# received=x\n$binary\r\n";
    my $gzip   = Compress::Zlib::memGzip($nasty x 100);
    my %milliseconds;
    my %body   = ('nothing' => '', 'binary' => $nasty, 'long' => $nasty x 1000, 'compressed' => $gzip);
    for my $name (sort keys %body) {
        for my $uri ('/exact', '/disk', '/file') {
            for my $chunked (0, 1) {
                my $body    = $body{$name};
                my @headers = $name eq 'compressed' ? ('Content-Encoding' => 'gzip') : ();
                my %request = forged($uri, $body, headers => \@headers);
                %request = (%request, body => undef, chunked => [ unpack '(a7777)*', $body ]) if $chunked;
                is send_request(%request)->{status}, 401, 'refused';
                my $found = captured('exact');
                $milliseconds{ substr $found->{received}, -4 } = 1;
                ok $found->{content} eq $body, "$name, $uri, chunked: $chunked";
                is $found->{truncated}, 0, 'whole';
                is header($found, 'Transfer-Encoding'), $chunked ? 'chunked' : '', 'the framing is told';
                is header($found, 'Content-Length'), $chunked ? '' : length $body, 'the length is told';
                is header($found, 'Content-Encoding'), "@headers[1..$#headers]", 'the compression is told';
                clear('exact');
            }
        }
    }
    cmp_ok scalar keys %milliseconds, '>', 1, 'times are told to the millisecond';
};

subtest 'the head as it arrived' => sub {
    my $start = time;
    send_request(from => address(), raw => "POST /exact?b=%20&a HTTP/1.1\r\nhOST:  h.example \r\nX-Hub-Signature-256: sha256=" . '0' x 64
        . "\r\nx-github-EVENT: b\r\nAccept: */*\r\nDate: today\r\nX-GitHub-Delivery:\r\n"
        . "Content-Length: 2\r\nConnection: close\r\nUser-Agent: GitHub-Hookshot/1\r\n\r\n{}");
    my $found = captured('exact');
    is $found->{line}, 'POST /exact?b=%20&a HTTP/1.1', 'the request line';
    is_deeply $found->{headers}, [
        [ hOST => 'h.example' ], [ 'X-Hub-Signature-256' => 'sha256=' . '0' x 64 ], [ 'x-github-EVENT' => 'b' ],
        [ Date => 'today' ], [ 'X-GitHub-Delivery' => '' ], [ 'Content-Length' => 2 ],
        [ 'User-Agent' => 'GitHub-Hookshot/1' ],
    ], 'the headers, in their order and case';
    is_deeply [ @$found{qw(endpoint reason verdict scheme omitted)} ], [ qw(github bad_signature rejected github 2) ], 'the side line';
    is $found->{source}, address(), 'the source';
    like $found->{request_id}, qr/\A\w{32}\z/, 'the request id';
    ok wait_for(sub { grep { $_ eq "/exact $found->{request_id}" } access_log_lines() }, $PATIENCE, 'the id is logged'), 'as in the log';
    my ($year, $month, @rest) = $found->{received} =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{3}Z$/;
    my $received = timegm(reverse($year, $month - 1, @rest));
    ok $received >= int $start && $received <= time, 'the time' or diag $found->{received};
    my ($name) = files('exact');
    is $name =~ s/-\d+-\d+\.http$//r, $found->{received} =~ tr/:-//dr . '-bad_signature', 'the name of the file';
    is +(stat folder('exact') . "/$name")[2] & 07777, 0600, 'the file is for its owner only';
    clear('exact');
};

subtest 'over HTTP/2' => sub {
    my $response = send_h2(forged('/exact?a=b', "a\0b"));
    is $response->{status}, 401, 'refused' or diag explain $response;
    my $found = captured('exact');
    is $found->{line}, 'POST /exact?a=b HTTP/2.0', 'the request line';
    is $found->{content}, "a\0b", 'the body';
    like header($found, 'Host'), qr/^\Q@{[ address() ]}\E/, 'the host';
    clear('exact');
};

subtest 'a file can be sent again' => sub {
    my $body = "{\"a\":\"\0\r\n\"}";
    send_request(forged('/exact', $body));
    my $first    = captured('exact');
    my $response = send_request(raw => $first->{request} =~ s/\r\n/\r\nConnection: close\r\n/r);
    is $response->header('Webhook-Reason'), 'bad_signature', 'and is refused again';
    my (undef, $second) = captured('exact', 2);
    is $second->{request}, $first->{request}, 'as what it was';
    clear('exact');
    my %request = forged('/exact', $body);
    send_request(%request, body => undef, chunked => [ $body ]);
    my ($file) = await_files('exact', 1);
    my @blocks = slurp(dirname(__FILE__) . '/../docs/capture.md') =~ /^```sh\n(.*?)^```/gms;
    my $recipe = join '', grep { /^(?:file=|curl )/m } @blocks;
    my $script = write_file('recipe.sh', 'set -e; cd ' . directory() . "\n" . ($recipe =~ s{^file=.*$}{file=@{[ folder('exact') ]}/$file}mr =~ s{http://127\.0\.0\.1}{http://@{[ address() ]}:8080}r));
    is run_command(command => [ 'sh', $script ], output => directory() . '/recipe.log'), 0, 'the recipe of docs/capture.md'
        or diag slurp(directory() . '/recipe.log');
    my ($chunked, $sent) = captured('exact', 2);
    is $sent->{content}, $chunked->{content}, 'sends what came in chunks';
    is header($sent, 'X-Hub-Signature-256'), header($chunked, 'X-Hub-Signature-256'), 'with its signature';
    clear('exact');
};

subtest 'each reason' => sub {
    for my $reason (@REASONS) {
        my $send = $SETUP{$reason}[1];
        send_request($send->("/$_/$reason")) for qw(only but);
        is captured("only_$reason")->{reason}, $reason, "$reason: kept";
        # What is kept later proves that it was left out.
        my ($other) = grep { $_ ne $reason } qw(method missing_signature);
        send_request($SETUP{$other}[1]->("/but/$reason")) if $reason ne 'insecure' && $reason ne 'ip_denied';
        send_request($SETUP{method}[1]->("/but/$reason")) if $reason eq 'insecure' || $reason eq 'ip_denied';
        isnt captured("but_$reason")->{reason}, $reason, "$reason: left out";
    }
};

subtest 'before and behind the body' => sub {
    send_request(uri => '/exact', body => 'a body');
    my $found = captured('exact');
    is_deeply [ @$found{qw(reason body truncated content)} ], [ 'missing_signature', 'unread', 0, '' ], 'not read';
    clear('exact');
    send_request(forged('/exact', 'a body'));
    is captured('exact')->{body}, undef, 'read';
    clear('exact');
};

subtest 'what passes is not kept' => sub {
    my @same = (delivery => 'the-same');
    is send_request(signed('/enforced', \&github_headers, @same))->{status}, 200, 'accepted';
    is send_request(signed('/enforced', \&github_headers, @same))->header('Webhook-Reason'), 'duplicate', 'a duplicate';
    send_request(forged('/enforced'));
    is captured('enforced')->{reason}, 'bad_signature', 'only what was refused';
};

subtest 'what is refused behind the upstream' => sub {
    my $body = 'x' x 5000;
    is send_request(signed('/cached', \&github_headers, body => $body))->{status}, 200, 'accepted';
    is send_request(signed('/cached', \&github_headers, body => $body))->header('Webhook-Reason'), 'cached', 'refused';
    my $found = captured('cached');
    is_deeply [ @$found{qw(reason content)} ], [ 'cached', $body ], 'kept, with the body that was accepted';
};

subtest 'monitor mode' => sub {
    $backend->clear;
    my @same = (delivery => 'monitored');
    send_request(signed('/monitor', \&github_headers, @same)) for 1 .. 2;
    is send_request(forged('/monitor', 'forged'))->{status}, 200, 'the forgery passes';
    my $found = captured('monitor');
    is_deeply [ @$found{qw(reason verdict content)} ], [ qw(bad_signature monitored forged) ], 'and is kept; accepted and duplicate ones are not';
    is $backend->count, 3, 'all arrive';
    is +($backend->requests)[-1]{body}, 'forged', 'whole';
};

subtest 'no value of the side line adds to it' => sub {
    send_request(forged('/names?name=x%20reason=ok'));
    my $found = captured('names');
    is $found->{endpoint}, 'x%2520reason%3Dok', 'an argument of the sender';
    is $found->{reason}, 'bad_signature', 'the reason';
};

sub jwt (%claims) {
    my $text = join '.', map { encode_base64url($_) } '{"alg":"HS256","typ":"JWT"}', '{"sub":"x"}';
    return "$text." . encode_base64url(hmac_sha256($text, 'another secret'));
}

subtest 'no secret is written' => sub {
    my $wrong  = 'another-token-that-is-wrong';
    my $jwt    = jwt();
    my $plain  = qr/\[redacted:\d+\]/;
    my $print  = qr/\[redacted:27:[0-9a-f]{8}\]/;
    my %shown;
    my $try = sub ($what, $uri, $headers, $body = '{}', %options) {
        clear('secret');
        send_request(uri => "/secret/$uri", body => $body, headers => $headers, %options);
        my $found = captured('secret');
        my ($file) = files('secret');
        my $text = slurp(folder('secret') . "/$file");
        unlike $text, qr/\Q$_\E/, "$what: nowhere" for $TOKEN, $SECRET, $PASSWORD, $wrong, encode_base64("user:$wrong", '');
        return $found;
    };
    like header($try->('gitlab', gitlab => [ 'X-Gitlab-Token' => $wrong ]), 'X-Gitlab-Token'), qr/\A$print\z/, 'a token';
    like header($try->('bearer', bearer => [ Authorization => "Bearer $wrong" ]), 'Authorization'), qr/\ABearer $print\z/, 'a bearer token';
    like header($try->('the right token, refused', 'bearer?x=1', [ Authorization => "Bearer $TOKEN" ], '{}', method => 'PUT'), 'Authorization'),
        qr/\ABearer $print\z/, 'the right one';
    like header($try->('basic', basic => [ Authorization => 'Basic ' . encode_base64("user:$wrong", '') ]), 'Authorization'),
        qr/\ABasic \[redacted:44:[0-9a-f]{8}\]\z/, 'a password';
    is header($try->('jwt', jwt => [ Authorization => "Bearer $jwt" ]), 'Authorization'), "Bearer $jwt", 'a JSON Web Token stays';
    like header($try->('no jwt', jwt => [ Authorization => "Bearer $wrong" ]), 'Authorization'), qr/\ABearer $print\z/, 'what is none does not';
    like $try->('query', "query?a=1&token=$wrong&b=2", [])->{line}, qr{\APOST /secret/query\?a=1&token=$print&b=2 HTTP/1.1\z}, 'a parameter';
    like $try->('query, encoded', 'query?%74oken=' . $wrong =~ s/-/%2D/gr, [])->{line}, qr{\?%74oken=$print HTTP}, 'an encoded one';
    for my $sign ('/', '?', ';', '#', '=', '%26') {
        my $tail = "TAIL$wrong";
        my $found = $try->("query, with $sign", "query?a=1&token=WRONG$sign$tail&b=2", []);
        like $found->{line}, qr{\?a=1&token=\[redacted:\d+:\w{8}\]&b=2 HTTP}, 'a parameter ends where the gate sees its end';
        unlike $found->{request}, qr/WRONG|TAIL/, 'nothing of it is left';
    }
    my $verify = $try->('a handshake', 'meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=Right/Verify%2Btoken-12X', [], undef, method => 'GET');
    like $verify->{line}, qr{&hub\.verify_token=\[redacted:22:\w{8}\] HTTP}, 'the token of a handshake';
    unlike $verify->{request}, qr/Right|Verify/, 'nothing of it is left';
    my $figma = $try->('in the body', figma => [], qq({"passcode":"$wrong"}));
    is_deeply [ @$figma{qw(body content)} ], [ 'withheld', '' ], 'a body with the token';
    my $github = $try->('of others', github => [ Cookie => "session=$wrong", Authorization => "Bearer $wrong", 'X-Api-Key' => $wrong ]);
    like header($github, $_), qr/\A$plain\z/, "the $_ of others" for qw(Cookie Authorization);
    is header($github, 'X-Api-Key'), '', 'other headers are left out';
    my $stray = $try->('astray', "github/$SECRET?x=$SECRET", [ 'X-Hub-Signature-256' => $SECRET, 'User-Agent' => "x $SECRET" ], qq({"key":"$SECRET"}));
    like $stray->{line}, qr{/secret/github/\[redacted:26:\w{8}\]\?x=\[redacted:26:\w{8}\] HTTP}, 'the secret in the URL';
    like header($stray, 'User-Agent'), qr/\Ax \[redacted:26:\w{8}\]\z/, 'and in a header';
    $stray = $try->('in the body', github => [ github_headers('wrong', qq({"key":"$SECRET"})) ], qq({"key":"$SECRET"}));
    is_deeply [ @$stray{qw(reason body content)} ], [ 'bad_signature', 'withheld', '' ], 'a body with the secret';
    my $escaped = $SECRET =~ s/s/\\u0073/gr;
    my $percent = $SECRET =~ s/-/%2D/gr;
    $stray = $try->('encoded', "github/$percent?x=$percent", [ 'X-Hub-Signature-256' => 'sha256=' . '0' x 64, 'User-Agent' => "x $percent" ], qq({"key":"$escaped"}));
    like $stray->{line}, qr{/secret/github/\[redacted:26:\w{8}\]\?x=\[redacted:26:\w{8}\] HTTP}, 'the secret, encoded, in the URL';
    like header($stray, 'User-Agent'), qr/\Ax \[redacted:26:\w{8}\]\z/, 'and in a header';
    is $stray->{body}, 'withheld', 'and with escapes in the body';
    my $tenant = 'a-secret-of-a-tenant';
    $stray = $try->('a tenant', "tenant/$tenant", [ 'X-Tenant' => $tenant, 'X-Hub-Signature-256' => 'sha256=' . '0' x 64 ]);
    like $stray->{line}, qr{/tenant/\[redacted:20:\w{8}\] }, "a tenant's secret";
    $stray = $try->('a tenant, before the secrets are asked for', "tenant/$tenant", [ 'X-Tenant' => $tenant ]);
    is $stray->{reason}, 'missing_signature', 'without a signature';
    like $stray->{line}, qr{/tenant/\[redacted:20:\w{8}\] }, "a tenant's secret, too";
    clear('secret');
};

subtest 'inheritance' => sub {
    send_request(forged("/outer/$_")) for qw(off same inner);
    is captured('outer')->{line}, 'POST /outer/same HTTP/1.1', 'inherited, and turned off';
    is captured('inner')->{line}, 'POST /outer/inner HTTP/1.1', 'replaced';
};

subtest 'max' => sub {
    for my $number (1 .. 6) {
        send_request(forged("/ring?$number"));
        await_files('ring', $number < 3 ? $number : 3);
        wait_for(sub { grep { slurp(folder('ring') . "/$_") =~ /\?$number / } files('ring') }, $PATIENCE, 'it is written');
    }
    is_deeply [ map { $_->{line} =~ /\?(\d)/ } captured('ring', 3) ], [ 4, 5, 6 ], 'the latest are kept';
    send_request(forged('/ring/too', '0123456789'));
    wait_for(sub { grep { slurp(folder('ring') . "/$_") =~ m{/too} } files('ring') }, $PATIENCE, 'it is written');
    my @found = captured('ring', 3);
    is $found[-1]{content}, '01234', 'locations share a ring, each with a body= of its own';
};

subtest 'body' => sub {
    for my $row ([ '/short', 9 ], [ '/short', 10 ], [ '/short', 11 ], [ '/none', 0 ], [ '/none', 5 ], [ '/none', 5000 ]) {
        my ($uri, $length) = @$row;
        my $body = substr join('', map { sprintf '%07d.', $_ } 1 .. 1000), 0, $length;
        send_request(forged($uri, $body));
        my $found = captured('short');
        my $kept  = $uri eq '/none' ? 0 : $length < 10 ? $length : 10;
        is $found->{content}, substr($body, 0, $kept), "$uri, $length: the beginning";
        is $found->{truncated}, $length - $kept, 'and what is left out';
        clear('short');
    }
    my $long = join '', map { sprintf '%07d.', $_ } 1 .. 20_000;
    send_request(forged('/default', $long));
    my $found = captured('default');
    ok $found->{content} eq substr($long, 0, 65_536), '64k, unless another size is given';
    is $found->{truncated}, length($long) - 65_536, 'of a body in a file';
};

subtest 'keep' => sub {
    my $start = time;
    send_request(forged('/brief'));
    await_files('brief', 1);
    wait_for(sub { !files('brief') }, $PATIENCE, 'it is removed');
    cmp_ok time - $start, '>=', 0.95, 'after a second';
};

subtest 'foreign files' => sub {
    my $path = folder('brief');
    my $old  = '20200101T000000.000Z-bad_signature-1-1.http';
    write_file("$path/notes.http", 'mine');
    write_file("$path/$old", 'old');
    write_file("$path/.$old", 'half');
    symlink directory() . '/schema.json', "$path/20200101T000000.000Z-bad_signature-1-2.http";
    utime 0, 0, "$path/notes.http", "$path/$old";
    send_request(forged('/brief'));
    wait_for(sub { !-e "$path/$old" && !-e "$path/.$old" }, $PATIENCE, 'an old capture, and half a one, are removed');
    wait_for(sub { files('brief') == 2 }, $PATIENCE, 'the new one, too');
    is slurp("$path/notes.http"), 'mine', 'another file is left';
    ok -l "$path/20200101T000000.000Z-bad_signature-1-2.http" && -e directory() . '/schema.json', 'a link is left, and what it leads to';
    unlink "$path/notes.http", "$path/20200101T000000.000Z-bad_signature-1-2.http";
};

subtest 'a reload' => sub {
    clear('exact');
    send_request(forged('/exact?before'));
    await_files('exact', 1);
    ok $nginx->reload, 'is done';
    send_request(forged('/exact?after'));
    is_deeply [ map { $_->{line} =~ /\?(\w+)/ } captured('exact', 2) ], [qw(before after)], 'what was kept stays';
    clear('exact');
    chmod 0755, folder('exact');
    ok !$nginx->reload, 'an unsafe directory is refused';
    # Until what a new worker tells is told.
    sleep 1.2;
    send_request(forged('/exact'));
    wait_for(sub { $nginx->error_log =~ m{errors with captures in "\Q@{[ folder('exact') ]}\E": 1, the last one: the directory is open to its group or to others \(mode 0755\), "chmod 700" closes it} },
        $PATIENCE, 'and one that became unsafe');
    is scalar files('exact'), 0, 'has no new files';
    chmod 0700, folder('exact');
    send_request(forged('/exact'));
    await_files('exact', 1);
    allow_log(qr/is open to its group or to others/);
};

subtest 'a directory that is gone' => sub {
    clear('default');
    # Until what a new worker tells is told.
    sleep 1.2;
    rmdir folder('default') or die $!;
    is send_request(forged('/default'))->{status}, 401, 'changes no answer';
    wait_for(sub { $nginx->error_log =~ m{errors with captures in "\Q@{[ folder('default') ]}\E": 1, the last one: the directory was removed, a reload finds a new one: No such file} },
        $PATIENCE, 'and is told');
    ring('default');
    ok $nginx->reload, 'a reload finds the new one';
    send_request(forged('/default'));
    await_files('default', 1);
};

# Returns the slowest of these requests, in seconds.
sub slowest (@requests) {
    my $connection = open_connection();
    return max map {
        my $start = time;
        $connection->request(%$_);
        time - $start;
    } @requests;
}

subtest 'a slow disk' => sub {
    clear('exact');
    my @requests = map { { forged("/exact?$_", 'x' x 20_000) }, { signed('/exact', \&github_headers) } } 1 .. 50;
    my $usual = slowest(@requests);
    wait_for(sub { files('exact') >= 16 && !hidden('exact') }, $PATIENCE, 'what waited is written');
    sleep 1.2;
    my $is_dropped = qr/not captured, since earlier ones wait for the disk, or for another process that has the directory locked: (\d+)/;
    my $before     = sum0 $nginx->error_log =~ /$is_dropped/g;
    write_file($SLOW, '');
    $backend->clear;
    my $slow = slowest(@requests);
    my ($hidden) = hidden('exact');
    ok $hidden, 'the disk is slow all the time';
    is $backend->count, 50, 'what is right is delivered';
    note sprintf 'the slowest of 100 requests: %.1f ms, beside a slow disk %.1f ms', $usual * 1000, $slow * 1000;
    cmp_ok $slow, '<', 5, 'and none waits for it';
    # One is being written, and 16 wait.
    ok wait_for(sub { sum0($nginx->error_log =~ /$is_dropped/g) - $before == 50 - 17 }, $PATIENCE, 'what is dropped is told'), 'and counted';
    my $start = time;
    ok $nginx->reload, 'a reload';
    wait_for(sub { !grep { Webhook::Nginx::title_of($_) =~ /shutting down/ } Webhook::Nginx::children_of($nginx->master) }, $PATIENCE,
        'the old worker ends');
    cmp_ok time - $start, '<', 5, 'and does not wait for the disk';
    unlink $SLOW;
    my @lines = $nginx->error_log =~ /$is_dropped/g;
    cmp_ok scalar @lines, '<=', 5, 'not each of them is logged';
    wait_for(sub { !hidden('exact') }, $PATIENCE, 'half a file is removed');
    send_request(forged('/exact?last'));
    wait_for(sub { grep { slurp(folder('exact') . "/$_") =~ /\?last / } files('exact') }, $PATIENCE, 'it goes on');
    is scalar(grep { slurp(folder('exact') . "/$_") !~ /\A# .*\r\n\r\n(?:x{20000}|\{\})\z/s } files('exact')), 0, 'each file is whole';
};

subtest 'a worker is killed while it writes' => sub {
    clear('exact');
    write_file($SLOW, '');
    send_request(forged('/exact'));
    wait_for(sub { hidden('exact') }, $PATIENCE, 'it writes');
    allow_log(qr/exited on signal 9/);
    $nginx->kill_worker;
    unlink $SLOW;
    wait_for(sub { !hidden('exact') }, $PATIENCE, 'the next worker removes half a file');
    is scalar files('exact'), 0, 'which is no capture';
    send_request(forged('/exact'));
    await_files('exact', 1);
};

subtest 'what was queued is written before a worker ends' => sub {
    clear('exact');
    write_file($SLOW, '');
    send_request(forged("/exact?$_")) for 1 .. 5;
    wait_for(sub { hidden('exact') }, $PATIENCE, 'it waits');
    my ($old) = $nginx->workers;
    kill QUIT => $old;
    unlink $SLOW;
    await_files('exact', 5);
    ok wait_for(sub { my @now = $nginx->workers; @now == 1 && $now[0] != $old }, $PATIENCE, 'another worker'), 'another worker serves';
};

subtest 'several workers' => sub {
    clear('ring');
    $nginx->rewrite_config(workers => 4);
    ok $nginx->reload, 'four of them';
    my @requests = map { start_request(forged("/ring?$_")) } 1 .. 24;
    $_->finish for @requests;
    await_files('ring', 3);
    sleep 0.3;
    is scalar files('ring'), 3, 'share one ring';
    is scalar(grep { slurp(folder('ring') . "/$_") !~ /\{\}\z/ } files('ring')), 0, 'each file is whole';
};

subtest 'two masters' => sub {
    $nginx->stop;
    $nginx->rewrite_config(workers => 1, daemon => 1);
    $nginx->start;
    clear('ring');
    ok $nginx->begin_upgrade, 'an upgrade';
    my @requests = map { start_request(forged("/ring?$_")) } 1 .. 24;
    $_->finish for @requests;
    await_files('ring', 3);
    ok $nginx->finish_upgrade, 'the old one ends';
    send_request(forged('/ring?the_last'));
    # For a moment, the oldest is gone and the newest not there yet.
    wait_for(sub { grep { (eval { slurp(folder('ring') . "/$_") } // '') =~ m{/ring\?the_last} } files('ring') }, $PATIENCE, 'the last one is kept');
    is scalar files('ring'), 3, 'they share one ring';
};

subtest 'a single process' => sub {
    $nginx->stop;
    $nginx->rewrite_config(workers => 0, daemon => 0);
    $nginx->start;
    clear('exact');
    send_request(forged('/exact?1'));
    await_files('exact', 1);
    ok $nginx->stop('TERM'), 'writes, and ends';
};

# -- nginx -t

sub in_gate ($directive) {
    return "server {\nlisten %%ADDR%%:8080;\nlocation / {\nwebhook github;\nwebhook_secret $SECRET;\n$directive\nproxy_pass http://%%BACKEND%%;\n}\n}";
}

sub is_refused ($what, $directive, $expected, $main = 'user root;') {
    my ($code, $output) = config_test(main => $main, http => in_gate($directive));
    isnt $code, 0, "$what is refused";
    like $output, qr/\[emerg\].*$expected.* in \S+http\.conf:6$/m, 'it is told why';
}

subtest 'directories that nginx -t refuses' => sub {
    my $path = folder('test');
    my $of   = qr/the directory "\Q$path\E" of "webhook_capture"/;
    is_refused('none', 'webhook_capture rings/test;', qr/$of does not exist: "mkdir -m 700 /);
    write_file($path, 'x');
    is_refused('a file', 'webhook_capture rings/test;', qr/$of is not a directory/);
    unlink $path;
    symlink folder('ring'), $path;
    is_refused('a link', "webhook_capture rings/test$_;", qr/$of is a symbolic link/) for '', '/', '/.';
    unlink $path;
    ring('test');
    for my $mode (0755, 0750, 0701, 0720, 0777) {
        chmod $mode, $path;
        my $shown = sprintf '%04o', $mode;
        is_refused("mode $shown", 'webhook_capture rings/test;', qr/$of is open to its group or to others \(mode $shown\): "chmod 700 \Q$path\E"/);
    }
    chmod 0700, $path;
    my ($code, $output) = config_test(main => 'user root;', http => in_gate('webhook_capture rings/test;'));
    is $code, 0, 'a private one is right' or diag $output;
    like $output, qr/\[warn\].* refused deliveries are written to "\Q$path\E", with their bodies, as long as this webhook_capture is on in \S+:6$/m, 'and warned of';
    ($code, $output) = config_test(main => 'user root;', http => in_gate('webhook_capture off;'));
    unlike $output, qr/capture/, '"off" is not';
    is_refused('another max=', "webhook_capture rings/test max=1;\nlocation /a { webhook_capture rings/test/; return 200; }" =~ s/\n/ /r,
        qr/$of has another "max=" or "keep=" in \S+http\.conf:6, allowed: the same, or another directory/);
};

SKIP: {
    skip 'needs root', 1 if $> != 0;
    subtest 'another user' => sub {
        my ($name, $id) = (getpwnam 'nobody')[0, 2];
        my $path = folder('test');
        my $of   = qr/the directory "\Q$path\E" of "webhook_capture"/;
        is_refused('a directory of root', 'webhook_capture rings/test;',
            qr/$of belongs to the user "root", and nginx's workers run as "nobody", who must own it: "chown nobody \Q$path\E"/, 'user nobody nogroup;');
        is_refused('the same without "user"', 'webhook_capture rings/test;', qr/$of belongs to the user "root", and nginx's workers run as/, '');
        chown $id, -1, $path or die $!;
        is_refused('a directory of nobody', 'webhook_capture rings/test;', qr/$of belongs to the user "nobody"/);
        $nginx->stop;
        $nginx->rewrite_config(main => 'user nobody nogroup;', http => in_gate('webhook_capture rings/test;'), daemon => 0, workers => 1);
        $nginx->start;
        send_request(forged('/'));
        my ($file) = await_files('test', 1);
        is +(stat "$path/$file")[4], $id, 'its workers write there';
    };
}

finish();
