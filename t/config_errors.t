# Every mistake in the configuration is found by `nginx -t`, with the file and the line of the
# directive (marked HERE in the rows), the offending word in quotes, and what is allowed instead.

use File::Copy qw(copy);
use Webhook::Test;

use FindBin;

my $SECRET  = 'Zq7-a-secret-of-enough-length';
my $PRESETS = qr/github, [a-z0-9, -]+/;
my $LISTEN  = 'listen %%ADDR%%:8080;';

sub in_server ($text) { return "server {\n$LISTEN\n$text\n}" }
sub in_location ($text) { return in_server("location /hook {\n$text\n}") }

# A location that is right but for what the row adds.
sub gated ($text, $scheme = 'github') {
    return in_location("webhook $scheme;\nwebhook_secret $SECRET;\n$text");
}

sub deduplicated ($text, $scheme = 'github') {
    return "webhook_dedup_zone zone=events:1m;\n" . gated($text, $scheme);
}

# The statements of a scheme, whose other ones are right. The marked line is the one replaced.
sub scheme (%replaced) {
    my %field = (
        algorithm => 'hmac-sha256',
        signed    => '"{body}"',
        signature => 'header=Acme-Signature',
        %replaced,
    );
    my $statements = join "\n", map { /^more/ ? $field{$_} : "$_ $field{$_};" . ($replaced{$_} ? ' # HERE' : '') }
        grep { defined $field{$_} } sort keys %field;
    return "webhook_scheme acme {\n$statements\n}";
}

# Marks another line: the last one that begins with `start`.
sub marked ($text, $start) {
    my $bare = $text =~ s/ # HERE//gr;
    return $bare =~ s/.*^\Q$start\E[^\n]*\K/ # HERE/msr;
}

sub unmarked ($text) { return $text =~ s/ # HERE//gr }

my @SCHEMES = (
    'a scheme that nobody defines' => [
        in_location("webhook strpie; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme "strpie", allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    'a scheme that nobody defines, inherited' => [
        "webhook strpie; # HERE\nwebhook_secret $SECRET;\n" . in_server('location / { }'),
        qr/unknown scheme "strpie", allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    'a field that no scheme has' => [
        scheme(signatur => 'header=Acme-Signature'),
        'invalid scheme "acme": unknown field "signatur", allowed: algorithm, key, signed, signature, timestamp, event_id, event_type',
    ],
    'an unknown parameter of signature' => [
        scheme(signature => 'header=Acme-Signature encodign=hex'),
        'invalid scheme "acme": unknown parameter "encodign=hex" of "signature", allowed: header, split, prefix, encoding',
    ],
    'an unknown parameter of timestamp' => [
        scheme(timestamp => 'header=Acme-Timestamp units=s'),
        'invalid scheme "acme": unknown parameter "units=s" of "timestamp", allowed: header, item, unit, tolerance, future',
    ],
    'a parameter without a value' => [
        scheme(event_id => 'Acme-Id'),
        'invalid scheme "acme": unknown parameter "Acme-Id" of "event_id", allowed: header, json',
    ],
    'a parameter twice' => [
        scheme(signature => 'header=Acme-Signature header=Other'),
        'invalid scheme "acme": duplicate parameter "header" of "signature"',
    ],
    'an unknown algorithm' => [
        scheme(algorithm => 'hmac-md5'),
        'invalid scheme "acme": unknown algorithm "hmac-md5", allowed: hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512, token',
    ],
    'two algorithms' => [
        scheme(algorithm => 'hmac-sha1 hmac-sha256'),
        'invalid scheme "acme": invalid number of arguments in "algorithm": it takes one',
    ],
    'an unknown key' => [
        scheme(key => 'base32'),
        'invalid scheme "acme": unknown key "base32", allowed: utf8, base64, hex, whsec',
    ],
    'an unknown encoding' => [
        scheme(signature => 'header=Acme-Signature encoding=base32'),
        'invalid scheme "acme": invalid "encoding=base32" of "signature", allowed: hex, base64, base64url',
    ],
    'an unknown unit' => [
        scheme(timestamp => 'header=Acme-Timestamp unit=us'),
        'invalid scheme "acme": invalid "unit=us" of "timestamp", allowed: s, ms, rfc3339',
    ],
    'a tolerance that is no time' => [
        scheme(timestamp => 'header=Acme-Timestamp tolerance=soon'),
        'invalid scheme "acme": invalid "tolerance=soon" of "timestamp", allowed: a time above zero, such as 5m',
    ],
    'a tolerance of nothing' => [
        scheme(timestamp => 'header=Acme-Timestamp tolerance=0'),
        'invalid scheme "acme": invalid "tolerance=0" of "timestamp", allowed: a time above zero, such as 5m',
    ],
    'a future that is no time' => [
        scheme(timestamp => 'header=Acme-Timestamp future=-1s'),
        'invalid scheme "acme": invalid "future=-1s" of "timestamp", allowed: a time above zero, such as 5m',
    ],
    'a timestamp from two places' => [
        scheme(timestamp => 'header=Acme-Timestamp item=t='),
        'invalid scheme "acme": "timestamp" takes either "header=" or "item="',
    ],
    'a timestamp from nowhere' => [
        scheme(timestamp => 'unit=s'),
        'invalid scheme "acme": "timestamp" takes either "header=" or "item="',
    ],
    'a timestamp item without a name' => [
        scheme(timestamp => 'item='),
        'invalid scheme "acme": invalid "item=" of "timestamp", allowed: what the item starts with',
    ],
    'an event id from two places' => [
        scheme(event_id => 'header=Acme-Id json=/id'),
        'invalid scheme "acme": "event_id" takes either "header=" or "json="',
    ],
    'a signature from nowhere' => [
        scheme(signature => 'encoding=hex'),
        'invalid scheme "acme": "signature" has no "header="',
    ],
    'a header name that is none' => [
        scheme(signature => '"header=Acme Signature"'),
        'invalid scheme "acme": invalid header name "Acme Signature"',
    ],
    'an empty header name' => [
        scheme(event_type => 'header='),
        'invalid scheme "acme": invalid header name ""',
    ],
    'a JSON pointer without a slash' => [
        scheme(event_id => 'json=id'),
        qr/invalid scheme "acme": invalid JSON pointer "id": .*"\/"/,
    ],
    'a JSON pointer with a stray tilde' => [
        scheme(event_type => 'json=/a~2b'),
        'invalid scheme "acme": invalid JSON pointer "/a~2b": "~" stands only in ~0 and ~1',
    ],
    'a template without quotes' => [
        scheme(signed => '{body}'),
        qr/invalid scheme "acme": unexpected "\{": .*/,
    ],
    'a statement without its end' => [
        scheme(signature => 'header=Acme-Signature') =~ s/Signature;/Signature/r,
        'invalid scheme "acme": unknown parameter "signed" of "signature", allowed: header, split, prefix, encoding',
    ],
    'the last statement without its end' => [
        scheme(timestamp => 'header=Acme-Timestamp') =~ s/Timestamp;/Timestamp/r,
        'invalid scheme "acme": "timestamp" does not end in ";"',
    ],
    'a statement of nothing' => [
        scheme(more => '; # HERE'),
        'invalid scheme "acme": unexpected ";"',
    ],
    'a field twice' => [
        scheme(more => 'algorithm hmac-sha1; # HERE'),
        'invalid scheme "acme": duplicate field "algorithm"',
    ],
    'an unknown placeholder' => [
        marked(scheme(signed => '"{id}.{bdoy}"', event_id => 'header=Acme-Id'), 'signed'),
        'invalid scheme "acme": unknown placeholder "{bdoy}" in "signed", '
            . 'allowed: {body}, {timestamp}, {id}, {method}, {header:Name}',
    ],
    'a brace that is not closed' => [
        scheme(signed => '"v0:{body"'),
        'invalid scheme "acme": unbalanced braces in "v0:{body"',
    ],
    'a brace that is not opened' => [
        scheme(signed => '"v0:body}"'),
        'invalid scheme "acme": unbalanced braces in "v0:body}"',
    ],
    'a header name in the template that is none' => [
        scheme(signed => '"{header:Acme Id}{body}"'),
        'invalid scheme "acme": invalid header name "Acme Id"',
    ],
    'the body twice' => [
        scheme(signed => '"{body}{body}"'),
        'invalid scheme "acme": "{body}" stands more than once in "signed"',
    ],
    'the template names a timestamp that the scheme does not have' => [
        scheme(signed => '"{timestamp}.{body}"'),
        'invalid scheme "acme": "signed" names "{timestamp}", but there is no "timestamp"',
    ],
    'the template names an id that the scheme does not have' => [
        scheme(signed => '"{id}.{body}"'),
        'invalid scheme "acme": "signed" names "{id}", but there is no "event_id header="',
    ],
    'a template for a token' => [
        marked(scheme(algorithm => 'token', signed => '"{body}"'), 'signed'),
        'invalid scheme "acme": "signed" has no meaning with "algorithm token"',
    ],
    'more headers than a scheme may have' => [
        scheme(signed => '"' . join('', map { "{header:Acme-$_}" } 1 .. 40) . '{body}"'),
        qr/invalid scheme "acme": too many headers, allowed: \d+/,
    ],
    'a timestamp item in a signature that is not split' => [
        scheme(timestamp => 'item=t='),
        'invalid scheme "acme": "timestamp item=" needs "split=" in "signature"',
    ],
    (
        map {
            ; "no $_" => [ marked(scheme($_ => undef), '}'), qq{invalid scheme "acme": no "$_"} ]
        } qw(algorithm signature signed)
    ),
    'a scheme twice' => [
        scheme() . "\n" . marked(scheme(), 'webhook_scheme'),
        'duplicate scheme "acme"',
    ],
    'a scheme named as a preset' => [
        marked(scheme() =~ s/acme/stripe/r, 'webhook_scheme'),
        qr/the scheme "stripe" is a preset, choose another name/,
    ],
    'a scheme named off' => [
        marked(scheme() =~ s/acme/off/r, 'webhook_scheme'),
        'invalid "off" in "webhook_scheme", allowed: a name other than "off"',
    ],
    'a scheme without a name' => [
        marked(scheme() =~ s/acme/""/r, 'webhook_scheme'),
        'invalid "" in "webhook_scheme", allowed: a name other than "off"',
    ],
);

my @SECRETS = (
    'a secret file that does not exist' => [
        in_location("webhook github;\nwebhook_secret file:%%DIR%%/absent.key; # HERE"),
        'cannot read "%%DIR%%/absent.key": No such file or directory',
    ],
    'a secret file whose path is relative to nginx.conf' => [
        in_location("webhook github;\nwebhook_secret file:absent.key; # HERE"),
        'cannot read "%%DIR%%/config_test/absent.key": No such file or directory',
    ],
    'a secret file without a path' => [
        in_location("webhook github;\nwebhook_secret file:; # HERE"),
        'invalid path ""',
    ],
    'an empty secret file' => [
        in_location("webhook github;\nwebhook_secret file:%%DIR%%/empty.key; # HERE"),
        'the secret file "%%DIR%%/empty.key" is empty',
    ],
    'a secret file that holds only a newline' => [
        in_location("webhook github;\nwebhook_secret file:%%DIR%%/newline.key; # HERE"),
        'the secret file "%%DIR%%/newline.key" is empty',
    ],
    'a secret file that is far too large' => [
        in_location("webhook github;\nwebhook_secret file:%%DIR%%/large.key; # HERE"),
        'cannot read "%%DIR%%/large.key": it is larger than 65536 bytes',
    ],
    'a directory as secret' => [
        in_location("webhook github;\nwebhook_secret file:%%DIR%%/folder; # HERE"),
        'cannot read "%%DIR%%/folder": it is not a regular file',
    ],
    'a secret file behind a loop of links' => [
        in_location("webhook github;\nwebhook_secret file:%%DIR%%/loop.key; # HERE"),
        'cannot read "%%DIR%%/loop.key": Too many levels of symbolic links',
    ],
    'an environment variable that is not set' => [
        in_location("webhook github;\nwebhook_secret env:WEBHOOK_TEST_ABSENT; # HERE"),
        'the environment variable "WEBHOOK_TEST_ABSENT" is not set or empty',
    ],
    'an environment variable that is empty' => [
        in_location("webhook github;\nwebhook_secret env:WEBHOOK_TEST_EMPTY; # HERE"),
        'the environment variable "WEBHOOK_TEST_EMPTY" is not set or empty',
    ],
    'an empty secret' => [
        in_location("webhook github;\nwebhook_secret \"\"; # HERE"),
        'empty "webhook_secret"',
    ],
    'a secret that is not base64' => [
        unmarked(scheme(key => 'base64'))
            . "\n" . in_location("webhook acme;\nwebhook_secret Zq7*not*base64*; # HERE"),
        'invalid "webhook_secret" for the scheme "acme": the secret is not valid base64',
    ],
    'a secret that is not hex' => [
        unmarked(scheme(key => 'hex'))
            . "\n" . in_location("webhook acme;\nwebhook_secret Zq7-not-hex; # HERE"),
        'invalid "webhook_secret" for the scheme "acme": the secret is not valid hex',
    ],
    'a secret whose whsec_ is not base64' => [
        in_location("webhook standard-webhooks;\nwebhook_secret whsec_Zq7*not*base64*; # HERE"),
        'invalid "webhook_secret" for the scheme "standard-webhooks": the secret is not valid base64 after "whsec_"',
    ],
    'a whsec_ secret of nothing' => [
        in_location("webhook svix;\nwebhook_secret whsec_; # HERE"),
        'invalid "webhook_secret" for the scheme "svix": the secret is empty',
    ],
    'the second of two secrets does not decode, far from the gate' => [
        "webhook svix;\nwebhook_secret whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=;\nwebhook_secret whsec_Zq7*; # HERE\n"
            . in_server('location / { }'),
        'invalid "webhook_secret" for the scheme "svix": the secret is not valid base64 after "whsec_"',
    ],
    'a secret file that does not decode' => [
        in_location("webhook svix;\nwebhook_secret file:%%DIR%%/broken.key; # HERE"),
        'invalid "webhook_secret" for the scheme "svix": the secret is not valid base64 after "whsec_"',
    ],
    'a variable name that is none in a secret' => [
        in_location("webhook github;\nwebhook_secret 'Zq7\$'; # HERE"),
        [ 'invalid variable name', 'invalid variable in "webhook_secret"' ],
    ],
    'a not_after that is no time' => [
        in_location("webhook github;\nwebhook_secret $SECRET not_after=2026-13-01T00:00:00Z; # HERE"),
        'invalid "not_after=2026-13-01T00:00:00Z" in "webhook_secret", '
            . 'allowed: an RFC 3339 time, such as 2026-12-31T00:00:00Z',
    ],
    'a not_after without a zone' => [
        in_location("webhook github;\nwebhook_secret $SECRET not_after=2026-12-01T00:00:00; # HERE"),
        'invalid "not_after=2026-12-01T00:00:00" in "webhook_secret", '
            . 'allowed: an RFC 3339 time, such as 2026-12-31T00:00:00Z',
    ],
    'not_after twice' => [
        in_location("webhook github;\nwebhook_secret $SECRET not_after=2099-12-01T00:00:00Z "
                . 'not_after=2099-12-02T00:00:00Z; # HERE'),
        'duplicate parameter "not_after=" in "webhook_secret"',
    ],
    'an id twice in one secret' => [
        in_location("webhook github;\nwebhook_secret $SECRET id=one id=two; # HERE"),
        'duplicate parameter "id=" in "webhook_secret"',
    ],
    'an empty id' => [
        in_location("webhook github;\nwebhook_secret $SECRET id=; # HERE"),
        'invalid "id=" in "webhook_secret", allowed: id=ID, not empty',
    ],
    'an unknown parameter of a secret' => [
        in_location("webhook github;\nwebhook_secret $SECRET expires=2099-12-01T00:00:00Z; # HERE"),
        'invalid parameter in "webhook_secret", allowed: id=ID, not_after=RFC3339',
    ],
    # Nothing that may be a secret is repeated in the message.
    'a secret behind its parameter' => [
        in_location("webhook github;\nwebhook_secret id=current $SECRET; # HERE"),
        'invalid parameter in "webhook_secret", allowed: id=ID, not_after=RFC3339',
    ],
    'a secret with a space that is not quoted' => [
        in_location("webhook github;\nwebhook_secret correct Zq7-horse; # HERE"),
        'invalid parameter in "webhook_secret", allowed: id=ID, not_after=RFC3339',
    ],
    'a gate without a secret in a location' => [
        in_location('webhook github; # HERE'),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret in a server without locations' => [
        in_server('webhook github; # HERE'),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret, inherited' => [
        "webhook github; # HERE\n" . in_server('location / { }'),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret, inherited from a server' => [
        in_server("webhook github; # HERE\nlocation / { }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret in one location of several' => [
        in_server("webhook github; # HERE\nlocation /a { webhook_secret $SECRET; }\nlocation /b { }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret in a location that holds others' => [
        in_location("webhook github; # HERE\nlocation = /hook/inner { webhook_secret $SECRET; }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a secret without a gate' => [
        in_location("webhook_secret $SECRET; # HERE"),
        '"webhook_secret" without "webhook" protects nothing',
    ],
    'a secret without a gate in a server without locations' => [
        in_server("webhook_secret $SECRET; # HERE"),
        '"webhook_secret" without "webhook" protects nothing',
    ],
);

my @REPEATED = (
    'webhook'             => 'stripe',
    'webhook_mode'        => 'enforce',
    'webhook_tolerance'   => '5m',
    'webhook_methods'     => 'POST',
    'webhook_require_tls' => 'off',
    'webhook_dedup'       => 'off',
    'webhook_log_level'   => 'warn',
    'webhook_payload_max' => '1m',
);

my @DIRECTIVES = (
    (
        map {
            my ($name, $value) = @$_;
            my $first = $name eq 'webhook' ? '' : "$name $value;\n";
            ; "$name twice" => [ gated("$first$name $value; # HERE"), qq{"$name" directive is duplicate} ]
        } map { [ @REPEATED[ 2 * $_, 2 * $_ + 1 ] ] } 0 .. @REPEATED / 2 - 1
    ),
    'two answers for one reason' => [
        gated("webhook_response no_secret 403;\nwebhook_response no_secret 404; # HERE"),
        'duplicate "webhook_response" for "no_secret"',
    ],
    'a second word of webhook that is no name=' => [
        in_location("webhook github ci; # HERE\nwebhook_secret $SECRET;"),
        'invalid "ci" in "webhook", allowed: name=ENDPOINT, not with "off"',
    ],
    'an empty name of the endpoint' => [
        in_location("webhook github name=; # HERE\nwebhook_secret $SECRET;"),
        'invalid "name=" in "webhook", allowed: name=ENDPOINT, not with "off"',
    ],
    'a name for no gate' => [
        in_location("webhook off name=ci; # HERE"),
        'invalid "name=ci" in "webhook", allowed: name=ENDPOINT, not with "off"',
    ],
    'an unknown mode' => [
        gated('webhook_mode observe; # HERE'),
        'invalid "observe" in "webhook_mode", allowed: enforce, monitor',
    ],
    'a tolerance that is no time' => [
        gated('webhook_tolerance 5min; # HERE'),
        'invalid "5min" in "webhook_tolerance", allowed: a time, such as 300s, 5m or 72h',
    ],
    'a tolerance of nothing' => [
        gated('webhook_tolerance 0; # HERE'),
        qr/invalid "0" in "webhook_tolerance", allowed: .*above zero/,
    ],
    'a future tolerance that is no time' => [
        gated('webhook_tolerance 5m -1s; # HERE'),
        'invalid "-1s" in "webhook_tolerance", allowed: a time, such as 300s, 5m or 72h',
    ],
    'a method in lower case' => [
        gated('webhook_methods POST put; # HERE'),
        'invalid "put" in "webhook_methods", allowed: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS',
    ],
    'neither on nor off' => [
        gated('webhook_require_tls yes; # HERE'),
        'invalid "yes" in "webhook_require_tls", allowed: on, off',
    ],
    'an unknown log level' => [
        gated('webhook_log_level crit; # HERE'),
        'invalid "crit" in "webhook_log_level", allowed: info, notice, warn, error',
    ],
    'an answer to an unknown reason' => [
        gated('webhook_response bad_secret 403; # HERE'),
        qr/invalid "bad_secret" in "webhook_response", allowed: method, insecure, [a-z_, ]+, internal/,
    ],
    'an answer to what is accepted' => [
        gated('webhook_response accepted 204; # HERE'),
        qr/invalid "accepted" in "webhook_response", allowed: method, insecure, [a-z_, ]+, internal/,
    ],
    (
        map {
            ; "an answer of status $_" => [
                gated("webhook_response no_secret $_; # HERE"),
                qq{invalid "$_" in "webhook_response", allowed: a status of 2xx, 4xx or 5xx},
            ]
        } qw(301 199 600 0 ok -404)
    ),
    'a payload size that is none' => [
        gated('webhook_payload_max big; # HERE'),
        'invalid "big" in "webhook_payload_max", allowed: a size above zero, such as 1m',
    ],
    'a payload size of nothing' => [
        gated('webhook_payload_max 0; # HERE'),
        'invalid "0" in "webhook_payload_max", allowed: a size above zero, such as 1m',
    ],
);

my $ADDRESS = 'an IPv4 or IPv6 address or CIDR';

my @SOURCES = (
    (
        map {
            ; "the source $_" => [
                gated("webhook_allow 127.0.0.1 $_; # HERE"),
                qq{invalid "$_" in "webhook_allow", allowed: $ADDRESS, unix:, file:PATH[#/json/pointer]},
            ]
        } '10.0.0.0/8,127.0.0.1',
        qw(10.0.0.0/33 10.0.0 10.0.0.0/ 10.0.0.0/-1 fe80::1/129 ::g localhost unix all 127.0.0.1:80)
    ),
    'a file of addresses that does not exist' => [
        gated('webhook_allow file:%%DIR%%/absent.txt; # HERE'),
        'cannot read "%%DIR%%/absent.txt": No such file or directory',
    ],
    'a file of addresses without a path' => [
        gated('webhook_allow file:; # HERE'),
        'invalid path ""',
    ],
    'a directory of addresses' => [
        gated('webhook_allow file:%%DIR%%/folder; # HERE'),
        'cannot read "%%DIR%%/folder": it is not a regular file',
    ],
    'a bad line in a file of addresses' => [
        gated('webhook_allow file:%%DIR%%/bad_line.txt; # HERE'),
        qq{"%%DIR%%/bad_line.txt": line 4: invalid address "10.0.0.300", allowed: $ADDRESS},
    ],
    'a file that holds only comments' => [
        gated('webhook_allow file:%%DIR%%/comments.txt; # HERE'),
        '"%%DIR%%/comments.txt": no address in it',
    ],
    'an empty file of addresses' => [
        gated('webhook_allow file:%%DIR%%/empty.key; # HERE'),
        '"%%DIR%%/empty.key": no address in it',
    ],
    'a JSON pointer that leads nowhere' => [
        gated('webhook_allow "file:%%DIR%%/meta.json#/hoooks"; # HERE'),
        '"%%DIR%%/meta.json": nothing at "/hoooks" of the JSON pointer',
    ],
    'a JSON pointer that leads to no list of addresses' => [
        gated('webhook_allow "file:%%DIR%%/meta.json#/verified"; # HERE'),
        '"%%DIR%%/meta.json": the JSON pointer leads to something that is no address',
    ],
    'a JSON pointer that leads to other texts' => [
        gated('webhook_allow "file:%%DIR%%/meta.json#/domains"; # HERE'),
        qq{"%%DIR%%/meta.json": invalid address "github.com", allowed: $ADDRESS},
    ],
    'a JSON pointer that leads to an empty list' => [
        gated('webhook_allow "file:%%DIR%%/meta.json#/none"; # HERE'),
        '"%%DIR%%/meta.json": no address in it',
    ],
    'a JSON pointer without a slash' => [
        gated('webhook_allow "file:%%DIR%%/meta.json#hooks"; # HERE'),
        qr/invalid JSON pointer "hooks": .*"\/"/,
    ],
    'a JSON pointer into a list' => [
        gated('webhook_allow "file:%%DIR%%/good.txt#/hooks"; # HERE'),
        '"%%DIR%%/good.txt": not valid JSON',
    ],
    'JSON that is cut off' => [
        gated('webhook_allow "file:%%DIR%%/cut.json#/hooks"; # HERE'),
        '"%%DIR%%/cut.json": not valid JSON',
    ],
);

my $PARAMETERS = 'zone=NAME, key=VALUE, ttl=TIME, wait=TIME, or off alone';

my @MEMORY = (
    'a zone that nobody defines' => [
        gated('webhook_dedup zone=evnets; # HERE'),
        'unknown zone "evnets", "webhook_dedup_zone" defines none of this name',
    ],
    'a zone that nobody defines, inherited' => [
        "webhook_dedup zone=evnets; # HERE\n" . gated(''),
        'unknown zone "evnets", "webhook_dedup_zone" defines none of this name',
    ],
    'a zone of another module' => [
        "limit_req_zone \$binary_remote_addr zone=calls:1m rate=1r/s;\n" . gated('webhook_dedup zone=calls; # HERE'),
        'unknown zone "calls", "webhook_dedup_zone" defines none of this name',
    ],
    'a memory without a zone' => [
        gated('webhook_dedup key=$webhook_event_id; # HERE'),
        '"webhook_dedup" has no "zone="',
    ],
    'off and something else' => [
        deduplicated('webhook_dedup off zone=events; # HERE'),
        qq{invalid "off" in "webhook_dedup", allowed: $PARAMETERS},
    ],
    'an unknown parameter of the memory' => [
        deduplicated('webhook_dedup zone=events full=evict; # HERE'),
        qq{invalid "full=evict" in "webhook_dedup", allowed: $PARAMETERS},
    ],
    'a key without a variable' => [
        deduplicated('webhook_dedup zone=events key=webhook_event_id; # HERE'),
        'invalid "key=webhook_event_id" in "webhook_dedup", '
            . 'allowed: a value with a variable, such as key=$webhook_event_id',
    ],
    'an empty key' => [
        deduplicated('webhook_dedup zone=events key=; # HERE'),
        'invalid "key=" in "webhook_dedup", allowed: a value with a variable, such as key=$webhook_event_id',
    ],
    'a key with a variable name that is none' => [
        deduplicated('webhook_dedup zone=events key=$; # HERE'),
        [ 'invalid variable name', 'invalid variable in "webhook_dedup"' ],
    ],
    'more keys than an event may have' => [
        deduplicated('webhook_dedup zone=events ' . join(' ', map { "key=\$arg_key$_" } 1 .. 20) . '; # HERE'),
        qr/too many "key=" in "webhook_dedup", allowed: \d+/,
    ],
    'a ttl that is no time' => [
        deduplicated('webhook_dedup zone=events ttl=long; # HERE'),
        'invalid "ttl=long" in "webhook_dedup", allowed: a time, such as 300s, 5m or 72h',
    ],
    'a ttl of nothing' => [
        deduplicated('webhook_dedup zone=events ttl=0; # HERE'),
        'invalid "ttl=0" in "webhook_dedup", allowed: a time from 1s to 365d',
    ],
    'a ttl of two years' => [
        deduplicated('webhook_dedup zone=events ttl=730d; # HERE'),
        'invalid "ttl=730d" in "webhook_dedup", allowed: a time from 1s to 365d',
    ],
    'a wait that is no time' => [
        deduplicated('webhook_dedup zone=events wait=; # HERE'),
        'invalid "wait=" in "webhook_dedup", allowed: a time, such as 300s, 5m or 72h',
    ],
    (
        map {
            ; "$_ twice" => [
                deduplicated("webhook_dedup zone=events $_ $_; # HERE"),
                qr/[^\n]*duplicate[^\n]*/,
            ]
        } qw(zone=events ttl=1h wait=1s)
    ),
    'a ttl that is shorter than twice the tolerance of the scheme' => [
        deduplicated('webhook_dedup zone=events ttl=599s; # HERE', 'stripe'),
        'the ttl of "webhook_dedup" is shorter than twice the timestamp tolerance: 599s, at least 600s are needed',
    ],
    'a ttl that is shorter than twice the tolerance of the location' => [
        deduplicated("webhook_tolerance 10m;\nwebhook_dedup zone=events ttl=601s; # HERE", 'stripe'),
        'the ttl of "webhook_dedup" is shorter than twice the timestamp tolerance: 601s, at least 1200s are needed',
    ],
    'a ttl that is shorter than the past and the future of the location' => [
        deduplicated("webhook_tolerance 10m 1m;\nwebhook_dedup zone=events ttl=659s; # HERE", 'stripe'),
        qr/the ttl of "webhook_dedup" is shorter than .*: 659s, at least 660s are needed/,
    ],
    'a ttl of the zone that is too short for the location' => [
        "webhook_dedup_zone zone=events:1m ttl=60s;\n" . gated('webhook_dedup zone=events; # HERE', 'slack'),
        'the ttl of "webhook_dedup" is shorter than twice the timestamp tolerance: 60s, at least 600s are needed',
    ],
    'a zone without a size' => [
        'webhook_dedup_zone zone=events; # HERE',
        'invalid "zone=events" in "webhook_dedup_zone", allowed: zone=NAME:SIZE',
    ],
    'a zone with an empty size' => [
        'webhook_dedup_zone zone=events:; # HERE',
        'invalid "zone=events:" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, such as events:64m',
    ],
    'a zone without a name' => [
        'webhook_dedup_zone zone=:1m; # HERE',
        'invalid "zone=:1m" in "webhook_dedup_zone", allowed: zone=NAME:SIZE',
    ],
    'a zone with a size that is none' => [
        'webhook_dedup_zone zone=events:1x; # HERE',
        'invalid "zone=events:1x" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, such as events:64m',
    ],
    'a zone of negative size' => [
        'webhook_dedup_zone zone=events:-1m; # HERE',
        'invalid "zone=events:-1m" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, such as events:64m',
    ],
    'a zone with no zone=' => [
        'webhook_dedup_zone ttl=1h; # HERE',
        '"webhook_dedup_zone" has no "zone="',
    ],
    'a zone that is too small' => [
        'webhook_dedup_zone zone=events:16k; # HERE',
        qr/zone "events" is too small, at least \d+k are needed/,
    ],
    'a zone twice' => [
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup_zone zone=events:1m; # HERE",
        'duplicate zone "events"',
    ],
    'a zone twice, of another size' => [
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup_zone zone=events:2m; # HERE",
        [
            'the size 2097152 of shared memory zone "events" conflicts with already declared size 1048576',
            'cannot add zone "events"',
        ],
    ],
    'a zone with the name of another module\'s' => [
        "limit_req_zone \$binary_remote_addr zone=events:1m rate=1r/s;\nwebhook_dedup_zone zone=events:1m; # HERE",
        [
            'the shared memory zone "events" is already declared for a different use',
            'cannot add zone "events"',
        ],
    ],
    'two zones in one directive' => [
        'webhook_dedup_zone zone=events:1m zone=others:1m; # HERE',
        qr/[^\n]*duplicate[^\n]*/,
    ],
    'an unknown parameter of a zone' => [
        'webhook_dedup_zone zone=events:1m size=1m; # HERE',
        'invalid "size=1m" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, ttl=TIME, full=evict|reject',
    ],
    'a full zone that does something else' => [
        'webhook_dedup_zone zone=events:1m full=wait; # HERE',
        'invalid "full=wait" in "webhook_dedup_zone", allowed: full=evict, full=reject',
    ],
    'a zone with a ttl that is no time' => [
        'webhook_dedup_zone zone=events:1m ttl=3days; # HERE',
        'invalid "ttl=3days" in "webhook_dedup_zone", allowed: a time, such as 300s, 5m or 72h',
    ],
    'a zone with a ttl of more than a year' => [
        'webhook_dedup_zone zone=events:1m ttl=366d; # HERE',
        'invalid "ttl=366d" in "webhook_dedup_zone", allowed: a time from 1s to 365d',
    ],
);

# Directives with as many arguments as they take, for places where they may not stand.
my %EXAMPLE = (
    webhook             => 'webhook github;',
    webhook_secret      => "webhook_secret $SECRET;",
    webhook_mode        => 'webhook_mode monitor;',
    webhook_tolerance   => 'webhook_tolerance 5m;',
    webhook_methods     => 'webhook_methods POST;',
    webhook_require_tls => 'webhook_require_tls on;',
    webhook_allow       => 'webhook_allow 127.0.0.1;',
    webhook_dedup       => 'webhook_dedup off;',
    webhook_response    => 'webhook_response no_secret 403;',
    webhook_log_level   => 'webhook_log_level info;',
    webhook_payload_max => 'webhook_payload_max 1m;',
);
my %HTTP_ONLY = (
    webhook_scheme     => 'webhook_scheme acme {',
    webhook_dedup_zone => 'webhook_dedup_zone zone=events:1m;',
);

my @CONTEXTS = (
    (
        map {
            ; "$_ in a server" => [ in_server("$HTTP_ONLY{$_} # HERE"), qq{"$_" directive is not allowed here} ],
            "$_ in a location" => [ in_location("$HTTP_ONLY{$_} # HERE"), qq{"$_" directive is not allowed here} ]
        } sort keys %HTTP_ONLY
    ),
    (
        map {
            ; "$_ in an if" => [
                in_location("if (\$arg_x) {\n$EXAMPLE{$_} # HERE\n}"),
                qq{"$_" directive is not allowed here},
            ],
            "$_ in a limit_except" => [
                in_location("limit_except GET {\n$EXAMPLE{$_} # HERE\n}"),
                qq{"$_" directive is not allowed here},
            ],
            "$_ in an upstream" => [
                "upstream backend {\n$EXAMPLE{$_} # HERE\n}",
                qq{"$_" directive is not allowed here},
            ]
        } sort keys %EXAMPLE
    ),
);

my %TOO_MANY = (
    webhook             => 'github name=one name=two',
    webhook_secret      => "$SECRET id=one id=two id=three",
    webhook_mode        => 'enforce monitor',
    webhook_tolerance   => '5m 5m 5m',
    webhook_require_tls => 'on off',
    webhook_response    => 'no_secret 403 no no',
    webhook_log_level   => 'info warn',
    webhook_payload_max => '1m 2m',
);

my @COUNTS = (
    (
        map {
            ; "$_ without an argument" => [
                in_location("$_; # HERE"),
                qq{invalid number of arguments in "$_" directive},
            ]
        } sort keys %EXAMPLE
    ),
    (
        map {
            ; "$_ with too many arguments" => [
                in_location("$_ $TOO_MANY{$_}; # HERE"),
                qq{invalid number of arguments in "$_" directive},
            ]
        } sort keys %TOO_MANY
    ),
    'webhook_dedup_zone without an argument' => [
        'webhook_dedup_zone; # HERE', 'invalid number of arguments in "webhook_dedup_zone" directive',
    ],
    'webhook_scheme without a name' => [
        'webhook_scheme { # HERE', 'invalid number of arguments in "webhook_scheme" directive',
    ],
    'webhook_scheme without a block' => [
        'webhook_scheme acme; # HERE', 'directive "webhook_scheme" has no opening "{"',
    ],
    'webhook_scheme that is not closed' => [
        "webhook_scheme acme {\nalgorithm token;\n# HERE+1", 'unexpected end of file, expecting "}"',
    ],
);

my %FILES = (
    'empty.key'    => '',
    'newline.key'  => "\n",
    'broken.key'   => "whsec_Zq7*not*base64*\n",
    'large.key'    => 'Zq7' x 30_000,
    'bad_line.txt' => "# offices\n10.0.0.1\n\n10.0.0.300 # new\n",
    'comments.txt' => "# nothing yet\n\n",
    'good.txt'     => "10.0.0.1\n",
    'meta.json'    => '{"hooks":["10.0.0.0/8"],"verified":true,"domains":["github.com"],"none":[]}',
    'cut.json'     => '{"hooks":["10.0.0.0/8"',
);

sub marked_line ($text) {
    my @lines = split /\n/, $text;
    my ($index) = grep { $lines[$_] =~ /# HERE/ } 0 .. $#lines;
    die "no line is marked:\n$text" unless defined $index;
    return $index + 1 + ($lines[$index] =~ /# HERE\+(\d+)/ ? $1 : 0);
}

sub complaints ($output) {
    return map { s/^.*?\[emerg\] (?:\d+#\d+: )?//r } grep { /\[emerg\]/ } split /\n/, $output;
}

sub is_found ($name, $text, $expected) {
    my ($code, $output) = config_test(
        http => $text, files => \%FILES, env => { WEBHOOK_TEST_EMPTY => '', WEBHOOK_TEST_ABSENT => undef },
    );
    my $place = directory() . '/config_test/http.conf:' . marked_line($text);
    my @found = complaints($output);
    subtest $name => sub {
        isnt $code, 0, 'the exit code';
        if (ref $expected eq 'Regexp') {
            is scalar @found, 1, 'one complaint' or diag $output;
            like $found[0], qr/\A$expected in \Q$place\E\z/, 'the complaint and its place';
        } else {
            my @messages = ref $expected ? @$expected : $expected;
            is_deeply \@found, [ map { expand($_) . " in $place" } @messages ], 'the complaint and its place'
                or diag $output;
        }
        unlike $output, qr/Zq7/, 'no secret is printed';
    };
}

sub are_found (@rows) {
    while (my ($name, $row) = splice @rows, 0, 2) {
        is_found($name, @$row);
    }
}

mkdir directory() . '/folder';
symlink 'loop.key', directory() . '/loop.key';

subtest 'schemes'               => sub { are_found(@SCHEMES) };
subtest 'secrets'               => sub { are_found(@SECRETS) };
subtest 'directives'            => sub { are_found(@DIRECTIVES) };
subtest 'sources'               => sub { are_found(@SOURCES) };
subtest 'memory'                => sub { are_found(@MEMORY) };
subtest 'contexts'              => sub { are_found(@CONTEXTS) };
subtest 'numbers of arguments' => sub { are_found(@COUNTS) };

sub copied ($module) {
    my $copy = directory() . '/module.so';
    copy($module, $copy) or die "cannot copy $module: $!";
    return $copy;
}

subtest 'an unreadable secret file' => sub {
    my $text = in_location("webhook github;\nwebhook_secret file:%%DIR%%/closed.key; # HERE");
    write_file('closed.key', "$SECRET\n", 0);
    config_test(http => $text);
    # Root reads everything, so the test is run as somebody else.
    my $folder = directory() . '/config_test';
    my $nobody = getpwnam('nobody') // die 'there is no user nobody';
    # Who may not be let into the folder that the module was built in.
    my $conf = slurp("$folder/nginx.conf");
    $conf =~ s{^(load_module )([^;]+);}{$1 . copied($2) . ';'}me or die 'no load_module';
    write_file('config_test/closed.conf', $conf);
    my $code = run_command(
        command => [
            $^X, '-e', '($<, $>) = ($ARGV[0]) x 2; shift; exec @ARGV', $> || $nobody,
            $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx', '-t', '-p', directory(), '-e', 'stderr', '-c', "$folder/closed.conf",
        ],
        output => "$folder/closed.output",
        env    => { $ENV{WEBHOOK_PRELOAD} ? (LD_PRELOAD => $ENV{WEBHOOK_PRELOAD}) : () },
    );
    my $output = slurp("$folder/closed.output");
    isnt $code, 0, 'the exit code';
    my $path = directory() . '/closed.key';
    is_deeply [ complaints($output) ],
        [ qq{cannot read "$path": Permission denied in $folder/http.conf:} . marked_line($text) ],
        'the complaint and its place' or diag $output;
    unlike $output, qr/Zq7/, 'no secret is printed';
};

# The other side of each fence: what is nearly one of the mistakes.
subtest 'what is right is taken' => sub {
    my %right = (
        'a gate at server level, secrets in its locations' =>
            in_server("webhook github;\nlocation / { webhook_secret $SECRET; }"),
        'a gate in http, secrets in the locations' =>
            "webhook github;\n" . in_server("location / { webhook_secret $SECRET; }"),
        'a secret at server level, gates in the locations' =>
            in_server("webhook_secret $SECRET;\nlocation / { webhook github; }"),
        'a gate that is off in one location' =>
            in_server("webhook github;\nwebhook_secret $SECRET;\nlocation / { webhook off; }"),
        'the same id for two secrets' =>
            in_location("webhook github;\nwebhook_secret $SECRET id=a;\nwebhook_secret $SECRET-2 id=b;"),
        'a scheme defined behind its use' => in_location("webhook acme;\nwebhook_secret $SECRET;") . "\n" . scheme(),
        'a zone defined behind its use' =>
            gated('webhook_dedup zone=events;', 'stripe') . "\nwebhook_dedup_zone zone=events:64k;",
        'a ttl of exactly twice the tolerance' => deduplicated('webhook_dedup zone=events ttl=10m;', 'stripe'),
        'a ttl that fits the tolerance of the location' =>
            deduplicated("webhook_tolerance 1m;\nwebhook_dedup zone=events ttl=120s;", 'stripe'),
        'a scheme as the manual writes it' => <<'CONF',
webhook_scheme acme {
    algorithm   hmac-sha256;
    key         whsec;
    signed      "{id}.{timestamp}.{body}";
    signature   header=Acme-Signature split=" " prefix="v1," encoding=base64;
    timestamp   header=Acme-Timestamp unit=s tolerance=5m;
    event_id    header=Acme-Id;
    event_type  json=/type;
}
CONF
        (
            map { ; "the preset $_" => in_location("webhook $_;\nwebhook_secret $SECRET;") }
                slurp("$FindBin::Bin/../src/webhook/presets.cpp") =~ /^\s*Preset\{"([^"]+)"/mg
        ),
        'every directive once' =>
            gated(join "\n", map { $EXAMPLE{$_} } grep { !/^webhook(?:_secret)?$/ } sort keys %EXAMPLE),
    );
    for my $name (sort keys %right) {
        my ($code, $output) = config_test(http => $right{$name});
        is $code, 0, $name or diag $output;
    }
};

finish();
