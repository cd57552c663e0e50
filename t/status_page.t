# webhook_status as a page: which format a client gets, and what goes with it.

use Webhook::Test;

use JSON::PP qw(decode_json);

start_backend();
start_nginx(http => <<'CONF');
charset iso-8859-1;
server {
    listen %%ADDR%%:8080;
    location /hook {
        webhook github name='<b>"x"</b>';
        webhook_secret "a secret of sixteen";
        proxy_pass http://%%BACKEND%%;
    }
    location = /status     { webhook_status; }
    location = /html       { webhook_status html; }
    location = /json       { webhook_status json; }
    location = /prometheus { webhook_status prometheus; }
}
CONF

my $POLICY = qr{
    \A default-src\ 'none';\ script-src\ 'sha256-[\w+/]{43}=';\ style-src\ 'sha256-[\w+/]{43}=';
    \ connect-src\ 'self';\ img-src\ data:;\ base-uri\ 'none';\ form-action\ 'none';\ frame-ancestors\ 'none' \z
}x;

sub get ($uri, %options) {
    my @headers = defined $options{accept} ? (Accept => $options{accept}) : ();
    return send_request(uri => $uri, method => $options{method} // 'GET', headers => \@headers);
}

for my $uri ('/status', '/html') {
    subtest "$uri without a wish" => sub {
        my $response = get($uri);
        is $response->{status}, 200, 'it answers';
        is $response->header('Content-Type'), 'text/html; charset=utf-8', 'with a page in UTF-8';
        like $response->header('Content-Security-Policy'), $POLICY, 'a strict policy';
        is $response->header('Cache-Control'), 'no-store', 'not to be stored';
        is $response->header('X-Content-Type-Options'), 'nosniff', 'nor taken for something else';
        is $response->header('Referrer-Policy'), 'no-referrer', 'and that tells no other page its URL';
        is $response->header('Vary'), 'Accept', 'others may get another';
        like $response->{body}, qr/\A<!DOCTYPE html>\n.*<\/html>\n\z/s, 'the page is whole';
        unlike $response->{body}, qr/<b>/, 'no name is markup';
        like $response->{body}, qr/&lt;b&gt;&quot;x&quot;&lt;\/b&gt;/, 'but a text';
    };
}

my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';
for my $accept ('*/*', $browser, 'application/json;q=0, */*', 'application/json;q=0.5, text/html') {
    like get('/status', accept => $accept)->header('Content-Type'), qr{^text/html}, "a page for $accept";
}
for my $accept ('application/json', 'application/json, text/plain, */*', 'text/html;q=0.1, Application/JSON') {
    my $response = get('/status', accept => $accept);
    is $response->header('Content-Type'), 'application/json', "JSON for $accept";
    is $response->header('Vary'), 'Accept', 'which others may get otherwise';
    is decode_json($response->{body})->{version}, 1, 'and which can be read';
}
is decode_json(get('/status', accept => 'application/json')->{body})->{summary},
    '1 endpoint, nothing needs attention', 'JSON has the sentence of the page';

is get('/json', accept => 'text/html')->header('Content-Type'), 'application/json', 'json is always JSON';
like get('/prometheus', accept => 'text/html')->header('Content-Type'), qr{^text/plain; version}, 'as are metrics';

# As a text browser shows it, which knows no script, no style and nothing that is hidden.
sub text_of ($uri) {
    my $text = get($uri)->{body};
    $text =~ s/<(script|style)\b.*?<\/\g1>//gs;
    return $text =~ s/(?:\s*<[^>]*>\s*)+/\n/gr;
}

subtest 'a text browser says only what is true' => sub {
    my $text = text_of('/status');
    for my $false (
        'There is no endpoint', 'afe to enforce', 'Would not have been', 'only monitored', 'Everything was accepted',
        'Pause', 'Forgotten early', 'Request id', '1970-01-01'
    ) {
        unlike $text, qr/$false/, "not: $false";
    }
    like $text, qr/^Nothing needs attention\.$/m,   'nothing was found';
    like $text, qr/^No refusal is remembered\.$/m,  'nothing was refused';
    send_request(uri => '/hook', body => '{}', headers => [ 'X-GitHub-Event' => 'ping', 'X-GitHub-Delivery' => 1 ]);
    ok poll_until(sub { text_of('/status') =~ /^missing_signature$/m }, 5), 'a refusal is shown';
    $text = text_of('/status');
    like $text, qr/^Nothing was accepted yet; 1 delivery was refused/m, 'and found';
    unlike $text, qr/^(?:Nothing needs attention|No refusal is remembered)/m, 'and nothing says otherwise';
    like text_of('/status?endpoint=no'), qr/^There is no endpoint:/m, 'no endpoint has that name';
    is get('/status?endpoint=no')->{status}, 404, 'which the status tells as well';
};

subtest 'HEAD' => sub {
    my $response = get('/status', method => 'HEAD');
    is $response->{status}, 200, 'is answered';
    is $response->{body}, '', 'without a page';
    cmp_ok $response->header('Content-Length'), '>', 10_000, 'whose length it tells';
};
is get('/status', method => 'POST')->{status}, 405, 'nothing can be sent to the page';

finish();
