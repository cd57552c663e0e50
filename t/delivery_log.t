# The log of examples/delivery-log.conf: valid JSON whatever a sender writes, with what happened to each event, and
# without a secret.

use Webhook::Test;

use FindBin;
use JSON::PP qw(decode_json);

my $SECRET = 'a secret of the tests';
my $TOKEN  = 'a-token-in-the-query';

my ($format) = slurp("$FindBin::Bin/../examples/delivery-log.conf") =~ /^(\s*log_format delivery .*?;)$/ms;
ok $format, 'the example has the format';

my $backend = start_backend();
start_nginx(http => <<"CONF");
$format
webhook_dedup_zone zone=events:1m;
server {
    listen %%ADDR%%:8080;
    client_max_body_size 1k;
    access_log %%DIR%%/access.log delivery if=\$webhook_endpoint;
    webhook_secret "$SECRET" id=2026-q4;
    webhook_dedup zone=events;
    proxy_set_header X-Request-ID \$request_id;

    location /github { webhook github; proxy_pass http://%%BACKEND%%; }
    location /stripe { webhook stripe; proxy_pass http://%%BACKEND%%; }
    location /dead   { webhook github; proxy_pass http://%%ADDR%%:9; }
    location /two    {
        webhook github;
        proxy_next_upstream error http_500 non_idempotent;
        proxy_pass http://twice;
    }
    location /ungated   { proxy_pass http://%%BACKEND%%; }
}
upstream twice { server %%ADDR%%:9; server %%BACKEND%% backup; }
CONF

my $lines = 0;

# The line of the request that is sent now, as it stands and decoded. Perl's decoder refuses what RFC 8259 does.
sub logged ($what, %request) {
    my $response = send_request(body => '{}', %request);
    my @lines = access_log_lines(++$lines);
    is scalar @lines, $lines, "$what: one line";
    my $entry = eval { decode_json($lines[-1]) };
    ok $entry, "$what: it is JSON" or diag $@, $lines[-1];
    unlike $lines[-1], qr/\Q$SECRET\E|\Q$TOKEN\E|sha256=/, "$what: no secret and no signature is in it";
    return { %{ $entry // {} }, answered => $response->{status} };
}

sub github ($id, $type = 'push') { return [ github_headers($SECRET, '{}', delivery => $id, event => $type) ] }

subtest 'an accepted event, and its duplicate' => sub {
    my @headers = (headers => github('event-1'));
    my $entry = logged('accepted', uri => "/github?token=$TOKEN", @headers);
    my %expected = (
        endpoint => 'github', verdict => 'accepted', reason => 'accepted', event_id => 'event-1', event_type => 'push',
        secret_id => '2026-q4', method => 'POST', status => 200, upstream_status => '200', upstream => backend_address(),
    );
    is $entry->{$_}, $expected{$_}, "its $_" for sort keys %expected;
    like $entry->{source}, qr/^127\./, 'its source';
    like $entry->{verify_time}, qr/^0\.\d{6}$/, 'the time of its verification';
    cmp_ok abs($entry->{msec} - time), '<', 60, 'its time';
    my ($request) = $backend->requests;
    is $request->{headers}{'x-request-id'}, $entry->{request_id}, 'the upstream knows the id of the request';
    my $again = logged('duplicate', uri => '/github', @headers);
    is $again->{verdict}, 'duplicate', 'the duplicate';
    is $again->{event_id}, 'event-1', 'has the same id';
    is $again->{upstream_status}, '', 'and has seen no upstream';
};

subtest 'refused events' => sub {
    my $entry = logged('unsigned', uri => "/github?token=$TOKEN", headers => [ 'X-GitHub-Delivery' => 'event-0' ]);
    is "@$entry{qw(verdict reason status)}", 'rejected missing_signature 401', 'one without a signature';
    is $entry->{event_id}, '', 'has no id, since nothing more was read';
    $entry = logged('wrong', uri => '/github', headers => [ github_headers('another secret, wrong', '{}', delivery => 'event-0') ]);
    is "@$entry{qw(verdict reason status)}", 'rejected bad_signature 401', 'one with a wrong signature';
    is $entry->{event_id}, 'event-0', 'has the id that its header claims';
    my $body = '{"id":"evt_0"}';
    $entry = logged('of Stripe', uri => '/stripe', body => $body, headers => [ stripe_headers('another secret, wrong', $body) ]);
    is "@$entry{qw(verdict reason)}", 'rejected bad_signature', 'one whose id is in the body';
    is $entry->{event_id}, '', 'has none: the body is not believed';
    like $entry->{sent_at}, qr/^\d+$/, 'but the time that it claims';
    $entry = logged('too large', uri => '/github', body => 'x' x 2048);
    is "@$entry{qw(endpoint verdict status)}", 'github  413', 'one that nginx itself refuses';
};

subtest 'upstreams that fail' => sub {
    my $entry = logged('dead', uri => '/dead', headers => github('event-2'));
    is "@$entry{qw(verdict status upstream_status)}", 'accepted 502 502', 'one that cannot be reached';
    $entry = logged('two', uri => '/two', headers => github('event-3'));
    is $entry->{upstream_status}, '502, 200', 'the second one takes it';
};

subtest 'what a sender may write' => sub {
    my $nasty = qq(a"b\\c{}</script>\x{c3}\x{a9});
    my $entry = logged('nasty', uri => '/github', headers => github($nasty, '","verdict":"accepted'));
    my $read  = $entry->{event_id};
    utf8::encode($read);
    is $read, $nasty, 'quotes, backslashes and UTF-8 are read back as they were';
    is $entry->{event_type}, '","verdict":"accepted', 'and no member can be forged';
};

is send_request(uri => '/ungated', body => '{}')->{status}, 200, 'a location without a gate';
is scalar access_log_lines($lines), $lines, 'has no line';

finish();
