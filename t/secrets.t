# Where a secret may come from, which of several matches, and until when.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use List::Util qw(uniq);
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep time);

my $FIRST  = 'first-secret-0123456789';
my $SECOND = 'second-secret-0123456789';
my $THIRD  = 'third-secret-0123456789';
my $FOURTH = 'fourth-secret-0123456789';
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
    odd       => 'webhook_secret "pre-${arg_key}-post" id=odd;',
    whsec     => "webhook svix;\nwebhook_secret \$arg_key;",
    inherited => '',
    replaced  => "webhook_secret $THIRD id=location;",
    nested    => "webhook_secret $THIRD id=location;\nlocation /nested/inner {\nproxy_pass http://%%BACKEND%%;\n}",
    no_gate   => 'webhook off;',
    stripe    => "webhook stripe;\nwebhook_secret $FIRST id=first;\nwebhook_secret $SECOND id=second;\nwebhook_secret $THIRD id=third;",
    docusign  => "webhook docusign;\nwebhook_secret $FIRST id=first;\nwebhook_secret $SECOND id=second;\nwebhook_secret $THIRD id=third;",
    box       => "webhook box;\nwebhook_secret $FIRST id=primary;\nwebhook_secret $SECOND id=secondary;\nwebhook_secret $THIRD id=third;",
    box_past  => "webhook box;\nwebhook_secret $FIRST id=primary not_after=2020-01-01T00:00:00Z;\nwebhook_secret $SECOND id=secondary;",
    box_tenant => "webhook box;\nwebhook_secret \$tenant_secret id=primary;\nwebhook_secret $THIRD id=secondary;",
    box_second => "webhook box;\nwebhook_secret $THIRD id=primary;\nwebhook_secret \$tenant_secret id=secondary;",
);
my $BOX_ROTATED = "webhook box;\nwebhook_secret $FOURTH id=primary;\nwebhook_secret $SECOND id=secondary;";
my $not_after = time + 2.5;
$LOCATION{expiring} =
    "webhook_secret $FIRST id=expiring not_after=" . rfc3339($not_after) . ";\nwebhook_secret $SECOND id=current;";
# The secrets of the level above, and another scheme.
$LOCATION{"expiring/$_"} = "webhook $_;" for qw(intercom stripe);

sub in_location ($name) {
    my @inner = map { in_location($_) } grep { m{^$name/} } sort keys %LOCATION;
    return join "\n", "location /$name {", $LOCATION{$name}, 'proxy_pass http://%%BACKEND%%;', @inner, '}';
}

sub configuration () {
    my $locations = join "\n", map { in_location($_) } grep { !m{/} } sort keys %LOCATION;
    return <<"CONF";
map \$arg_tenant \$tenant_secret {
    acme     $FIRST;
    umbrella $SECOND;
}
webhook_secret $SECOND id=http;
webhook github;
server {
    listen %%ADDR%%:8080 reuseport;
    webhook_secret $FIRST id=server;
    add_header Secret-Id "[\$webhook_secret_id]" always;
    add_header Worker \$pid always;
    $locations
}
server {
    listen %%ADDR%%:8081;
    add_header Secret-Id "[\$webhook_secret_id]" always;
    location / { proxy_pass http://%%BACKEND%%; }
}
CONF
}

my $backend = start_backend();
my $nginx   = start_nginx(env => { WEBHOOK_TEST_SECRET => $FIRST }, workers => 3, http => configuration());

# The outcome of a delivery signed with that key: the reason why it was refused, or the secret's id.
sub outcome ($location, $key, %options) {
    my $uri = "/$location" . ($options{query} ? "?$options{query}" : '');
    return outcome_of(
        send_request(
            uri => $uri, body => $BODY, headers => [ github_headers($key, $BODY) ],
            $options{port} ? (port => $options{port}) : (),
        )
    );
}

sub outcome_of ($response) {
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
    is outcome('rotation', $THIRD), '[3]', 'the third has no id, but its number';
    is outcome('rotation', "$FIRST$SECOND"), 'bad_signature', 'nothing else matches';
    is outcome('twins', $FIRST), '[one]', 'the first of two that are equal is reported';
};

subtest 'not_after' => sub {
    is outcome('past', $SECOND), '[current]', 'another secret still matches';
    is outcome('past', $FIRST), 'bad_signature', 'an expired one does not';
    like $nginx->error_log, qr/bad_signature, secrets tried: 1, of others the "not_after" has passed, length of the body: \d+, endpoint/,
        'and the log says that there is one';
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

sub outcome_of_odd ($key) { return outcome('odd', "pre-$key-post", query => "key=$key") }

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

subtest 'a variable whose value is odd' => sub {
    my $log = sub () { return map { s/, client: .*//r } grep { /a value of "webhook_secret"/ } split /\n/, $nginx->error_log };
    my $before = () = $log->();
    is outcome_of_odd('Zq7'), '[odd]', 'a short one matches';
    is outcome_of_odd('Zq8'), '[odd]', 'and so does another';
    my $place = directory() . '/http.conf:\d+';
    my @lines = $log->();
    is @lines - $before, 1, 'the log says so once';
    like $lines[-1], qr/\[warn\] .*a value of "webhook_secret" in $place is only 12 bytes long, at least 16 are safe$/, 'what is odd';
    unlike $lines[-1], qr/Zq7/, 'but not what it is';
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

sub sent ($uri, @headers) { return outcome_of(send_request(uri => $uri, body => $BODY, headers => \@headers)) }

# More than are ever looked at.
my @WRONG = map { "a wrong key $_" } 1 .. 20;

subtest 'several signatures in one header' => sub {
    my $signed = sub (@keys) { return sent('/stripe', stripe_headers(shift @keys, $BODY, secrets => \@keys)) };
    is $signed->($FIRST),  '[first]',  'one, under the first secret';
    is $signed->($SECOND), '[second]', 'under the second';
    is $signed->($THIRD),  '[third]',  'under the third';
    is $signed->($WRONG[0], $THIRD), '[third]', 'behind a wrong one';
    is $signed->($THIRD, $WRONG[0]), '[third]', 'before a wrong one';
    is $signed->($THIRD, $SECOND), '[second]', 'of two that match, the secret that stands first counts';
    is $signed->(@WRONG[ 0, 1 ]), 'bad_signature', 'two wrong ones';
    is $signed->(@WRONG[ 0 .. 14 ], $SECOND), '[second]', 'as the sixteenth';
    is $signed->(@WRONG[ 0 .. 15 ], $SECOND), 'bad_signature', 'no more are looked at';
    is $signed->("$FIRST$SECOND"), 'bad_signature', 'no secrets are put together';
};

sub docusign (%keys) {
    return map { ; "X-DocuSign-Signature-$_" => encode_base64(hmac_sha256($BODY, $keys{$_}), '') }
        sort { $a <=> $b } keys %keys;
}

subtest 'a signature in each of several headers' => sub {
    my $signed = sub (%keys) { return sent('/docusign', docusign(%keys)) };
    is $signed->(1 => $FIRST), '[first]', 'one';
    is $signed->(1 => $WRONG[0], 2 => $SECOND), '[second]', 'the second';
    is $signed->(1 => $WRONG[0], 2 => $WRONG[1], 100 => $THIRD), '[third]', 'one of a high number';
    is $signed->(3 => $THIRD), '[third]', 'a single one that is not the first';
    is $signed->(1 => $THIRD, 2 => $FIRST), '[first]', 'of two that match, the secret that stands first counts';
    is $signed->(1 => $WRONG[0], 2 => $WRONG[1]), 'bad_signature', 'wrong ones';
    my %fifteen = map { $_ => $WRONG[$_] } 1 .. 15;
    is $signed->(%fifteen, 16 => $SECOND), '[second]', 'as the sixteenth';
    is $signed->(%fifteen, 16 => $WRONG[16], 17 => $SECOND), 'bad_signature', 'no more are looked at';
    my ($name, $right) = docusign(1 => $FIRST);
    is sent('/docusign', $_ => $right), 'missing_signature', "not in $_"
        for qw(X-DocuSign-Signature X-DocuSign-Signature- X-DocuSign-Signature-a X-DocuSign-Signature-1a X-DocuSign-Signature--1
        X-DocuSign-Signature-1-1 DocuSign-Signature-1);
    is sent('/docusign', lc $name => $right), '[first]', 'in lower case';
    is sent('/docusign', ($name => $right) x 2), 'malformed_signature', 'one number twice';
    is sent('/docusign', $name => $right, 'X-DocuSign-Signature-01' => $right), 'malformed_signature', 'one number in two forms';
    is sent('/docusign', $name => 'no base64!', 'X-DocuSign-Signature-2' => $right), 'malformed_signature', 'one that is none';
    is sent('/docusign', $name => ''), 'malformed_signature', 'an empty one';
    is sent('/docusign', $name => '', 'X-DocuSign-Signature-2' => $right), '[first]', 'an empty one beside one that is right';
};

sub box ($primary, $secondary, %other) {
    my $time = $other{time} // rfc3339(time);
    my $sign = sub ($key) { return encode_base64(hmac_sha256("$BODY$time", $key), '') };
    return (
        'Box-Delivery-Timestamp' => $time, 'Box-Signature-Version' => 1, 'Box-Signature-Algorithm' => 'HmacSHA256',
        'Box-Delivery-Id'        => unique_id(),
        defined $primary   ? ('Box-Signature-Primary'   => $sign->($primary))   : (),
        defined $secondary ? ('Box-Signature-Secondary' => $sign->($secondary)) : (),
    );
}

subtest 'two headers, each with a key of its own' => sub {
    my $signed = sub ($primary, $secondary, $location = 'box') { return sent("/$location", box($primary, $secondary)) };
    is $signed->($FIRST, $SECOND), '[primary]', 'both right';
    is $signed->($FIRST, $WRONG[0]), '[primary]', 'the primary one right';
    is $signed->($WRONG[0], $SECOND), '[secondary]', 'the secondary one right';
    is $signed->($FIRST, undef), '[primary]', 'the primary one alone';
    is $signed->(undef, $SECOND), '[secondary]', 'the secondary one alone';
    is $signed->($WRONG[0], $WRONG[1]), 'bad_signature', 'neither right';
    is $signed->($SECOND, $FIRST), 'bad_signature', 'each under the key of the other';
    is $signed->($SECOND, undef), 'bad_signature', 'the primary one under the secondary key';
    is $signed->(undef, $FIRST), 'bad_signature', 'the secondary one under the primary key';
    is $signed->($THIRD, $THIRD), 'bad_signature', 'a third key is nobody\'s';
    is $signed->(undef, undef), 'missing_signature', 'none';
    is sent('/box', box($FIRST, $SECOND), 'Box-Signature-Secondary' => 'AAAA'), 'malformed_signature', 'two secondary ones';
    is $signed->($FIRST, $SECOND, 'box_past'), '[secondary]', 'the primary key has expired, and the secondary is still the second';
    is $signed->($FIRST, undef, 'box_past'), 'bad_signature', 'the primary one alone, which has expired';
    is $signed->($SECOND, undef, 'box_past'), 'bad_signature', 'the secondary does not take its place';
    is $signed->(undef, $THIRD, 'box_tenant'), '[secondary]', 'no more does it take that of an empty variable';
    is $signed->($THIRD, undef, 'box_tenant'), 'bad_signature', 'nowhere';
    is $signed->($FIRST, undef, 'box_tenant?tenant=acme'), '[primary]', 'a primary key in a variable';
    is $signed->(undef, $FIRST, 'box_tenant?tenant=acme'), 'bad_signature', 'is no secondary one';
    is $signed->(undef, $FIRST, 'box_second?tenant=acme'), '[secondary]', 'a secondary key in a variable';
    is $signed->($FIRST, undef, 'box_second?tenant=acme'), 'bad_signature', 'is no primary one';
};

sub lines_of ($pattern) { return scalar grep { /$pattern/ } split /\n/, $nginx->error_log }

my $EXPIRED = qr/\[warn\] .*: \*\d+ the "not_after" of the webhook_secret "expiring" in \S+http\.conf:\d+ has passed/;
my $STALE   = qr/\[warn\] .*: the "not_after" of this webhook_secret has passed/;

# Deliveries, many at once, so that every worker has some; the outcomes, and who gave them.
sub expiring_deliveries () {
    my @responses = map {
        send_together(map { { uri => "/expiring/$_", body => $BODY, headers => [ github_headers($FIRST, $BODY) ] } } ('') x 10)
    } 1 .. 3;
    return ([ uniq map { outcome_of($_) } @responses ], scalar uniq map { $_->header('Worker') } @responses);
}

subtest 'a secret that expired meanwhile' => sub {
    is lines_of($EXPIRED), 0, 'nothing is logged before it does' if time < $not_after;
    my $left = $not_after - time;
    sleep $left + 0.1 if $left > 0;
    wait_for(sub { outcome('expiring', $FIRST) eq 'bad_signature' }, 3, 'it expires');
    is outcome('expiring', $FIRST), 'bad_signature', 'it does not match any more';
    is outcome('expiring', $SECOND), '[current]', 'the other does';
    my ($outcomes, $workers) = expiring_deliveries();
    is_deeply $outcomes, ['bad_signature'], 'it matches nowhere';
    is $workers, 3, 'whichever worker is asked';
    is outcome("expiring/$_", $FIRST), 'missing_signature', "nor with $_" for qw(intercom stripe);
    is sent('/expiring/stripe', stripe_headers($FIRST, $BODY)), 'bad_signature', 'where it is inherited';
    is lines_of($EXPIRED), 1, 'it is logged once, by one of the workers';
};

subtest 'a reload' => sub {
    is lines_of($STALE), 3, 'what had expired at the start was said then';
    $LOCATION{box} = $BOX_ROTATED;
    $nginx->rewrite_config(http => configuration());
    ok $nginx->reload, 'nginx reloads';
    is lines_of($STALE), 3 + 4, 'what has expired since is said with that';
    my ($outcomes, $workers) = expiring_deliveries();
    is_deeply $outcomes, ['bad_signature'], 'what has expired does not come back';
    is $workers, 3, 'whichever worker is asked';
    is outcome('expiring', $SECOND), '[current]', 'the other secret matches';
    is lines_of($EXPIRED), 1, 'no worker says it again';
    is sent('/box', box($FIRST, $SECOND)), '[secondary]', 'the new primary key is not in use yet';
    is sent('/box', box($FOURTH, $SECOND)), '[primary]', 'it is';
    is sent('/box', box($FIRST, undef)), 'bad_signature', 'the old one is none';
};

subtest 'no secret reaches a log' => sub {
    ok index($nginx->error_log, $_) < 0, 'error.log' for $FIRST, $SECOND, $THIRD;
    my $expected = hmac_sha256_hex($BODY, $FIRST);
    ok index($nginx->error_log, $expected) < 0, 'nor does a signature';
};

finish();
