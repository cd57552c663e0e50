# Where a secret may come from, which of several matches, and until when.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);
use Time::HiRes qw(sleep time);

my $FIRST  = 'first-secret-0123456789';
my $SECOND = 'second-secret-0123456789';
my $THIRD  = 'third-secret-0123456789';
my $BODY   = '{"action":"opened"}';

sub rfc3339 ($time) {
    my ($second, $minute, $hour, $day, $month, $year) = gmtime $time;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', $year + 1900, $month + 1, $day, $hour, $minute, $second,
        ($time - int $time) * 1000;
}

# What the names of the files say about their bytes.
my %FILE = (
    bare      => $FIRST,
    newline   => "$FIRST\n",
    crlf      => "$FIRST\r\n",
    two_lines => "$FIRST\n\n",
    space     => "$FIRST \n",
    binary    => "\xff\x00\x80" . "\n\0" x 10 . "\n",
);
write_file("$_.key", $FILE{$_}, 0600) for keys %FILE;

# One location per configuration of the secrets; its name is the path.
my %LOCATION = (
    value     => qq{webhook_secret "$FIRST";},
    quoted    => q{webhook_secret "with space; and \\"quotes\\" {}";},
    (map { $_ => "webhook_secret file:%%DIR%%/$_.key;" } keys %FILE),
    env       => 'webhook_secret env:WEBHOOK_TEST_SECRET;',
    rotation  => "webhook_secret $FIRST id=new;\nwebhook_secret $SECOND id=old;\nwebhook_secret $THIRD;",
    twins     => "webhook_secret $FIRST id=one;\nwebhook_secret $FIRST id=two;",
    past      => "webhook_secret $FIRST id=expired not_after=2020-01-01T00:00:00Z;\nwebhook_secret $SECOND id=current;",
    all_past  => "webhook_secret $FIRST not_after=2020-01-01T00:00:00Z;",
    future    => "webhook_secret $FIRST id=long not_after=2099-01-01T00:00:00+01:00;",
    tenant    => 'webhook_secret $tenant_secret id=tenant;',
    mixed     => "webhook_secret \$tenant_secret id=tenant;\nwebhook_secret $THIRD id=fixed;",
    affixed   => 'webhook_secret "pre-${arg_key}-post";',
    whsec     => "webhook svix;\nwebhook_secret \$arg_key;",
    inherited => '',
    replaced  => "webhook_secret $THIRD id=location;",
    nested    => "webhook_secret $THIRD id=location;\nlocation /nested/inner {\nproxy_pass http://%%BACKEND%%;\n}",
    no_gate   => 'webhook off;',
);
my $not_after = time + 2.5;
$LOCATION{expiring} =
    "webhook_secret $FIRST id=expiring not_after=" . rfc3339($not_after) . ";\nwebhook_secret $SECOND id=current;";

my $locations = join "\n", map {
    ; "location /$_ {\n$LOCATION{$_}\nproxy_pass http://%%BACKEND%%;\n}"
} sort keys %LOCATION;

my $backend = start_backend();
my $nginx   = start_nginx(
    env  => { WEBHOOK_TEST_SECRET => $FIRST },
    http => <<"CONF",
map \$arg_tenant \$tenant_secret {
    acme     $FIRST;
    umbrella $SECOND;
}
webhook_secret $SECOND id=http;
webhook github;
server {
    listen %%ADDR%%:8080;
    webhook_secret $FIRST id=server;
    add_header Secret-Id "[\$webhook_secret_id]" always;
    $locations
}
server {
    listen %%ADDR%%:8081;
    add_header Secret-Id "[\$webhook_secret_id]" always;
    location / { proxy_pass http://%%BACKEND%%; }
}
CONF
);

# The outcome of a delivery signed with that key: the reason why it was refused, or the secret's id.
sub outcome ($location, $key, %options) {
    my $uri      = "/$location" . ($options{query} ? "?$options{query}" : '');
    my $response = send_request(
        uri => $uri, body => $BODY, headers => [ github_headers($key, $BODY) ],
        $options{port} ? (port => $options{port}) : (),
    );
    return $response->header('Webhook-Reason') // "no reason, $response->{status}" if $response->{status} != 200;
    return $response->header('Secret-Id') // 'no header';
}

subtest 'a secret that is about to expire' => sub {
    is outcome('expiring', $FIRST), '[expiring]', 'matches until then';
    is outcome('expiring', $SECOND), '[current]', 'and so does the other';
};

subtest 'sources' => sub {
    for my $location (qw(value bare newline crlf env)) {
        is outcome($location, $FIRST), '[]', $location;
        is outcome($location, "$FIRST\n"), 'bad_signature', "$location: the newline is not part of the key";
        is outcome($location, $SECOND), 'bad_signature', "$location: another key";
    }
    is outcome('two_lines', "$FIRST\n"), '[]', 'of two newlines, one is part of the key';
    is outcome('two_lines', $FIRST), 'bad_signature', 'the key with both newlines gone does not match';
    is outcome('space', "$FIRST "), '[]', 'a space is part of the key';
    is outcome('space', $FIRST), 'bad_signature', 'the key without its space does not match';
    is outcome('binary', substr $FILE{binary}, 0, -1), '[]', 'a key of any bytes';
    is outcome('quoted', 'with space; and "quotes" {}'), '[]', 'a quoted value';
    is outcome('newline', ''), 'bad_signature', 'the empty key never matches';
};

subtest 'rotation' => sub {
    is outcome('rotation', $FIRST), '[new]', 'the first matches';
    is outcome('rotation', $SECOND), '[old]', 'the second matches';
    is outcome('rotation', $THIRD), '[]', 'the third has no id';
    is outcome('rotation', "$FIRST$SECOND"), 'bad_signature', 'nothing else matches';
    is outcome('twins', $FIRST), '[one]', 'the first of two that are equal is reported';
};

subtest 'not_after' => sub {
    is outcome('past', $SECOND), '[current]', 'another secret still matches';
    is outcome('past', $FIRST), 'bad_signature', 'an expired one does not';
    is outcome('all_past', $FIRST), 'no_secret', 'none that is usable is left';
    is outcome('future', $FIRST), '[long]', 'one that has time left matches';
};

subtest 'tenants' => sub {
    is outcome('tenant', $FIRST, query => 'tenant=acme'), '[tenant]', 'a tenant matches its own secret';
    is outcome('tenant', $SECOND, query => 'tenant=umbrella'), '[tenant]', 'and so does the other';
    is outcome('tenant', $FIRST, query => 'tenant=umbrella'), 'bad_signature', 'but not that of the other';
    is outcome('tenant', $SECOND, query => 'tenant=acme'), 'bad_signature', 'in neither direction';
    is outcome('tenant', $FIRST, query => 'tenant=acme'), '[tenant]', 'whoever came before';
    is outcome('tenant', '', query => 'tenant=nobody'), 'no_secret', 'a tenant that has none';
    is outcome('tenant', $FIRST), 'no_secret', 'no tenant';
    is outcome('tenant', $FIRST, query => 'tenant=acme&tenant=umbrella'), '[tenant]', 'the first of two arguments counts';
    is outcome('mixed', $THIRD), '[fixed]', 'a fixed one matches where the variable is empty';
    is outcome('mixed', $THIRD, query => 'tenant=acme'), '[fixed]', 'or not';
    is outcome('mixed', $FIRST, query => 'tenant=acme'), '[tenant]', 'and so does the variable one';
    is outcome('mixed', $SECOND, query => 'tenant=acme'), 'bad_signature', 'that of another tenant does not';
    is outcome('affixed', 'pre-middle-post', query => 'key=middle'), '[]', 'text around the variable is part of the key';
};

sub send_svix ($key, $secret) {
    my $response = send_request(uri => "/whsec?key=$key", body => $BODY, headers => [ svix_headers($secret, $BODY) ]);
    return $response->header('Webhook-Reason') // $response->{status};
}

subtest 'a variable whose value does not decode' => sub {
    my $good = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
    is send_svix($good, $good), 200, 'one that decodes matches';
    my $start = length $nginx->error_log;
    is send_svix('whsec_Zq7*not*base64', $good), 'no_secret', 'one that does not is no secret';
    my $log = substr $nginx->error_log, $start;
    my $place = directory() . '/http.conf:\d+';
    my ($line) = grep { /webhook_secret/ } split /\n/, $log;
    my $why = qr/is not usable: the secret is not valid base64 after "whsec_"/;
    like $line, qr/\[error\] .*the value of "webhook_secret" in $place $why/,
        'the log says which and why';
    # nginx adds the request line, which is the caller's own.
    unlike $line =~ s/, client: .*//r, qr/Zq7/, 'but not what it is';
};

subtest 'levels' => sub {
    is outcome('inherited', $FIRST), '[server]', 'the secret of the server';
    is outcome('inherited', $SECOND), 'bad_signature', 'replaces that of http';
    is outcome('replaced', $THIRD), '[location]', 'the secret of the location';
    is outcome('replaced', $FIRST), 'bad_signature', 'replaces that of the server';
    is outcome('nested/inner', $THIRD), '[location]', 'and is inherited by the locations within';
    is outcome('anything', $SECOND, port => 8081), '[http]', 'a server without secrets has those of http';
    is outcome('anything', $FIRST, port => 8081), 'bad_signature', 'and not those of another server';
    is outcome('no_gate', 'whatever'), '[]', 'a location without the gate asks for none';
};

subtest 'a secret that expired meanwhile' => sub {
    my $left = $not_after - time;
    sleep $left + 0.1 if $left > 0;
    wait_for(sub { outcome('expiring', $FIRST) eq 'bad_signature' }, 3, 'it expires');
    is outcome('expiring', $FIRST), 'bad_signature', 'it does not match any more';
    is outcome('expiring', $SECOND), '[current]', 'the other does';
};

subtest 'no secret reaches a log' => sub {
    ok index($nginx->error_log, $_) < 0, 'error.log' for $FIRST, $SECOND, $THIRD;
    my $expected = hmac_sha256_hex($BODY, $FIRST);
    ok index($nginx->error_log, $expected) < 0, 'nor does a signature';
};

finish();
