# Every mistake in the configuration is found by `nginx -t`, with the file and the line of the
# directive (marked HERE in the rows), the offending word in quotes, and what is allowed instead. Those
# in schemes are in scheme_errors.t.

use File::Copy qw(copy);
use Webhook::ConfigErrors;
use Webhook::Fixtures qw(:DEFAULT fixtures load_fixtures);
use Webhook::Test;

use FindBin;

my $APP = "location \@app { webhook off; proxy_pass http://127.0.0.1:9; }\n";

my $PHP = "location ~ \\.php\$ { webhook off; fastcgi_pass 127.0.0.1:9; }\n";

# What X's handshake would sign for anyone.
my $FORGED = qr/the handshake of "webhook x-twitter" in \S+http\.conf:\d+ signs tokens for anyone, and this gate of "\S+" has a secret of it: anyone can forge deliveries; give each a "webhook_secret" of its own,/;

sub beside_x ($secrets, $other) {
    return in_server("webhook_secret $SECRET;\nlocation = /x {\nwebhook x-twitter;\nwebhook_handshake on;\n$secrets\n}\n"
        . "location = /other {\nwebhook $other; # HERE\n}");
}

sub fixed_url ($statements, $algorithm = 'hmac-sha256', $url = 'https://h.example/in?b=1') {
    return "webhook_scheme acme { algorithm $algorithm; $statements }\nwebhook_dedup_zone zone=events:1m;\n"
        . in_location("webhook acme; # HERE\nwebhook_secret $SECRET;\nwebhook_dedup zone=events;\nwebhook_url $url;");
}

my @SECRETS = (
    (map { ("a secret of $_ that signs for anyone" => [ beside_x('', $_), $FORGED ]) }
        qw(atlassian-connect gitea-form mailgun mailgun-routes monday netlify vonage)),
    'a secret that signs for anyone, the second of two' =>
        [ beside_x("webhook_secret $SECRET-2;\nwebhook_secret $SECRET;", 'mailgun'), $FORGED ],
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
        'invalid path "" in "webhook_secret"',
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
    'a secret instead of the name of a variable' => [
        in_location("webhook github;\nwebhook_secret env:Zq7secret; # HERE"),
        'the environment variable is not set or empty',
    ],
    'a secret behind the scheme' => [
        in_location("webhook github Zq7secret; # HERE"),
        'invalid parameter in "webhook", allowed: name=ENDPOINT, not with "off"',
    ],
    'a secret as a parameter of the gate' => [
        in_location("webhook github secret=Zq7secret; # HERE"),
        'invalid "secret=" in "webhook", allowed: name=ENDPOINT, not with "off"',
    ],
    'a secret as a parameter of the memory' => [
        deduplicated('webhook_dedup zone=events secret=Zq7secret; # HERE'),
        'invalid "secret=" in "webhook_dedup", allowed: zone=NAME, key=VALUE, ttl=TIME, wait=TIME, or off alone',
    ],
    'an empty secret' => [
        in_location("webhook github;\nwebhook_secret \"\"; # HERE"),
        'empty "webhook_secret"',
    ],
    'a secret with a "$" that nginx takes for a variable' => [
        in_location("webhook github;\nwebhook_secret 'abc\$Zq7def0123456789xyz'; # HERE"),
        'unknown variable in "webhook_secret": a secret with "$" in it belongs into "file:" or "env:"',
    ],
    'the same in braces, for all of http' => [
        "webhook_secret 'abc\${Zq7def}0123456789xyz'; # HERE\n" . in_location('webhook github;'),
        'unknown variable in "webhook_secret": a secret with "$" in it belongs into "file:" or "env:"',
    ],
    'a secret with a "$" and the digit 0' => [
        in_location("webhook github;\nwebhook_secret 'abc\$0Zq7def0123456789xyz'; # HERE"),
        'unknown variable in "webhook_secret": a secret with "$" in it belongs into "file:" or "env:"',
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
    'a URL that has no room for the digest' => [
        in_location("webhook twilio-json; # HERE\nwebhook_secret a-secret-of-the-tests;\nwebhook_url https://h.example/in;"),
        '"webhook_url" without variables has no room for the parameter "bodySHA256", in which "twilio-json" signs the body: '
            . 'let it end in "$request_uri",',
    ],
    'a URL that has no room for the event id' => [
        fixed_url('signed "{url}|{body}"; signature header=S; event_id query=a.b;'),
        '"webhook_url" without variables has no room for the parameter "a.b", which is the event id of "acme": let it end in '
            . '"$request_uri", or sign the parameter by itself, with "{id}" or "{query:a.b}",',
    ],
    'a URL that has no room for the time' => [
        fixed_url('signed "{url}|{body}"; signature query=s; timestamp query=t;'),
        '"webhook_url" without variables has no room for the parameter "t", which is the timestamp of "acme": let it end in '
            . '"$request_uri", or sign the parameter by itself, with "{timestamp}" or "{query:t}",',
    ],
    'a URL with one event id for all' => [
        fixed_url('signed "{url}|{body}"; signature header=S; event_id query=b;'),
        '"webhook_url" without variables has one value for the parameter "b", which is the event id of "acme": let it end in '
            . '"$request_uri", or sign the parameter by itself, with "{id}" or "{query:b}",',
    ],
    'a URL of a token that has no room for the event id' => [
        fixed_url('signature header=S; claims aud="{url}"; event_id query=id;', 'jwt=HS256'),
        '"webhook_url" without variables has no room for the parameter "id", which is the event id of "acme": let it end in '
            . '"$request_uri",',
    ],
    'a variable name that is none in a secret' => [
        in_location("webhook github;\nwebhook_secret 'Zq7\$'; # HERE"),
        '"webhook_secret" has a "$" that begins no variable: a secret with "$" in it belongs into "file:" or "env:"',
    ],
    (
        map {
            ; "a secret that a delivery gives, $_" => [
                in_location("webhook github;\nwebhook_secret 'Zq7$_'; # HERE"),
                'the variables of this webhook_secret are of the delivery: anyone can sign with it, allowed: others than '
                    . '"webhook_..."; a secret with "$" in it belongs into "file:" or "env:"',
            ]
        } '$webhook_event_id', '${Webhook_Endpoint}', '$webhook_endpoint$webhook_scheme'
    ),
    (
        map {
            ; "a brace that nothing closes in a secret, $_" => [
                in_location("webhook github;\nwebhook_secret '$_'; # HERE"),
                '"webhook_secret" has a "${" without a "}": a secret with "$" in it belongs into "file:" or "env:"',
            ]
        } 'abc${Zq7secret', 'abc${Zq7-def}', '$host${Zq7 x}'
    ),
    (
        map {
            ; "a token with a variable in it, $_" => [
                gated("webhook_handshake on token='$_'; # HERE", 'meta'),
                'the "token=" of "webhook_handshake" may not hold variables: one with "$" in it belongs into "file:" or "env:"',
            ]
        } 'a${Zq7', 'a$Zq7', '$1Zq7', 'Zq7$'
    ),
    'a file of something else instead of addresses' => [
        gated('webhook_allow file:%%DIR%%/secret.key; # HERE'),
        '"%%DIR%%/secret.key": line 2: invalid address, allowed: an IPv4 or IPv6 address or CIDR',
    ],
    (
        map {
            my ($what, $text) = @$_;
            ; "a variable that there is not in $what" => [
                $text, qq{unknown variable "absent" in "$what"},
            ]
        } [ 'webhook', in_location("webhook github name=a-\$absent; # HERE\nwebhook_secret $SECRET;") ],
        [ 'webhook_url', gated('webhook_url https://a/$absent; # HERE', 'square') ],
        [ 'webhook_dedup', deduplicated('webhook_dedup zone=events key=$webhook_event_id$absent; # HERE') ],
    ),
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
        'no "webhook_secret" for "webhook github" of the location "/"',
    ],
    'a gate without a secret, inherited from a server' => [
        in_server("webhook github; # HERE\nlocation / { }"),
        'no "webhook_secret" for "webhook github" of the location "/"',
    ],
    'a gate without a secret in one location of several' => [
        in_server("webhook github; # HERE\nlocation /a { webhook_secret $SECRET; }\nlocation /b { }"),
        'no "webhook_secret" for "webhook github" of the location "/b"',
    ],
    'a gate without a secret in a location that holds others' => [
        in_location("webhook github; # HERE\nlocation = /hook/inner { webhook_secret $SECRET; }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret on a server whose files have a fallback' => [
        in_server("webhook github; # HERE\ntry_files \$uri \@app;\n$APP location = /a { webhook_secret $SECRET; }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret on a server that falls back to a path' => [
        in_server("webhook github; # HERE\ntry_files \$uri /index.php?\$args;\nlocation = /index.php { webhook off; proxy_pass http://127.0.0.1:9; }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret in a location of any path' => [
        in_server("location \"\" {\nwebhook github; # HERE\nproxy_pass http://127.0.0.1:9;\nlocation /x { return 404; }\n}"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret, and statements' => [
        in_location("webhook github; # HERE\nset \$a b;\nproxy_pass http://127.0.0.1:9;"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret under a condition' => [
        in_location("webhook github; # HERE\nset \$a b;\nif (\$http_x) { proxy_pass http://127.0.0.1:9; }"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret, closed to strangers' => [
        in_location("webhook github; # HERE\nallow 192.0.2.1;\ndeny all;\nproxy_pass http://127.0.0.1:9;"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a gate without a secret, that some other way opens' => [
        in_location("webhook github; # HERE\nsatisfy any;\ndeny all;\nproxy_pass http://127.0.0.1:9;"),
        'no "webhook_secret" for "webhook github"',
    ],
    'a secret whose gates all stand elsewhere' => [
        in_server("location /a { webhook github; webhook_secret $SECRET-2; }\nlocation /b {\nwebhook_secret $SECRET; # HERE\n"
                . 'location = /b/c { } return 404; }'),
        '"webhook_secret" without "webhook" protects nothing',
    ],
    'a secret of the wrong form, inherited' => [
        "webhook_secret Zq7-no-key; # HERE\n" . in_server('location /a { webhook github; } location /b { webhook discord; }'),
        'invalid "webhook_secret" for the scheme "discord" of the location "/b": '
            . 'the secret is not an Ed25519 key: 32 bytes in hex',
    ],
    'a secret without an id, inherited' => [
        "webhook_secret file:%%DIR%%/rsa.pem; # HERE\n" . in_server('location /a { webhook paypal; }'),
        '"webhook_secret" has no "id=", which the scheme "paypal" of the location "/a" signs,',
    ],
    'a URL without room for the digest, inherited' => [
        in_server("webhook twilio-json; # HERE\nwebhook_secret $SECRET;\nwebhook_url https://h.example/in;\nlocation /a { }"),
        '"webhook_url" without variables has no room for the parameter "bodySHA256", in which "twilio-json" signs the body '
            . 'of the location "/a": let it end in "$request_uri",',
    ],
    'a memory that needs keys, inherited' => [
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup zone=events; # HERE\n" . in_server("webhook_secret $SECRET;\n"
            . 'location /a { webhook stripe; } location /b { webhook dropbox; }'),
        '"webhook_dedup" needs "key=" with the scheme "dropbox" of the location "/b": '
            . 'it has no event id, and different events may have the same body',
    ],
    'a secret without a gate on a server whose files have a fallback' => [
        in_server("webhook_secret $SECRET; # HERE\ntry_files \$uri \@app;\n$APP location = /a { return 404; }"),
        '"webhook_secret" without "webhook" protects nothing',
    ],
    'a memory that needs keys, of a server whose files have a fallback' => [
        "webhook_dedup_zone zone=events:1m;\n" . in_server("webhook dropbox;\nwebhook_secret $SECRET;\n"
            . "webhook_dedup zone=events; # HERE\nerror_page 404 405 = \@app;\n$APP location = /a { return 404; }"),
        '"webhook_dedup" needs "key=" with the scheme "dropbox": '
            . 'it has no event id, and different events may have the same body',
    ],
    'a memory that is too short, of a server with a condition' => [
        "webhook_dedup_zone zone=events:1m;\n" . in_server("webhook stripe;\nwebhook_secret $SECRET;\n"
            . "webhook_dedup zone=events ttl=1s; # HERE\nif (\$http_x) { return 403; }\ntry_files \$uri \@app;\n$APP"),
        'the ttl of "webhook_dedup" is shorter than twice the timestamp tolerance: 1s, at least 600s are needed',
    ],
    (
        map {
            my ($rules, $more) = (@$_, '');
            ; "a gate without a secret, open to some: $rules" => [
                in_location("webhook github; # HERE\n$rules proxy_pass http://127.0.0.1:9;"),
                'no "webhook_secret" for "webhook github"',
            ]
        } ['allow unix:; deny all;'], ['allow 2001:db8::/32; deny all;'], ['deny 0.0.0.0/0;'], ['deny 0.0.0.0/0; deny ::/0;']
    ),
    (
        map {
            my ($what, $way, $beside) = (@$_, '');
            ; "a gate without a secret, a condition and $what" => [
                in_server("location /hook {\nwebhook github; # HERE\nif (\$http_x) { return 403; }\n$way\n}\n$beside\n$APP$PHP"),
                'no "webhook_secret" for "webhook github"',
            ]
        } [ 'a file with arguments', 'try_files $uri /index.php$is_args$args;' ],
        [ 'a file that is rewritten', 'try_files $uri @rewrite;', 'location @rewrite { rewrite ^/(.*)$ /index.php?q=$1 last; }' ],
        [ 'an index', 'index index.php;' ],
        [ 'a name in a variable',    'set $w app; try_files $uri @$w;' ],
        [ 'pages of a named location', 'set $w app; error_page 404 405 = @$w;' ]
    ),
    (
        map {
            my ($what, $way, $beside) = (@$_, '');
            ; "a memory that needs keys, of a server with $what" => [
                "webhook_dedup_zone zone=events:1m;\n" . in_server("webhook dropbox;\nwebhook_secret $SECRET;\n"
                    . "webhook_dedup zone=events; # HERE\n$way\n$beside\n$APP$PHP"),
                '"webhook_dedup" needs "key=" with the scheme "dropbox": '
                    . 'it has no event id, and different events may have the same body',
            ]
        } [ 'a file with arguments', 'try_files $uri /index.php$is_args$args;' ],
        [ 'a file that is rewritten', 'try_files $uri @rewrite;',
            'location @rewrite { webhook off; rewrite ^/(.*)$ /index.php?q=$1 last; }' ],
        [ 'an index', 'index index.php;' ],
        [ 'an exact location for "/"', 'try_files $uri @app;', 'location = / { webhook off; return 200; }' ],
        [ 'an expression that "/" matches', 'try_files $uri @app;', 'location ~ /$ { webhook off; return 200; }' ]
    ),
    'a memory that needs keys, of the page of a server\'s "return"' => [
        "webhook_dedup_zone zone=events:1m;\n" . in_server("error_page 418 = \@gate;\nreturn 418;\nlocation \@gate {\nwebhook dropbox;\n"
            . "webhook_secret $SECRET;\nwebhook_dedup zone=events; # HERE\nproxy_pass http://127.0.0.1:9;\n}"),
        '"webhook_dedup" needs "key=" with the scheme "dropbox": '
            . 'it has no event id, and different events may have the same body',
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

sub in_file ($scheme, $name) { return in_location("webhook $scheme;\nwebhook_secret file:%%DIR%%/$name; # HERE") }
sub not_usable ($scheme, $why) { return qq{invalid "webhook_secret" for the scheme "$scheme": $why} }

# A file (or a text) for a scheme, and why it cannot be its secret.
sub key_rows () {
    return (
        (map { [ $_ => 'noise.key', 'the secret is not a PEM public key or certificate' ] } qw(aws-sns travis-ci paypal)),
        [ 'aws-sns', 'cut.pem',     'the secret is not a PEM public key or certificate' ],
        [ 'aws-sns', 'rsa.spki',    'the secret is not a PEM public key or certificate' ],
        [ 'aws-sns', 'private.pem', 'the secret holds a private key, not a public one' ],
        [ 'aws-sns', 'both.pem',    'the secret holds a private key, not a public one' ],
        [ 'aws-sns', 'two.pem',     'the secret holds more than one PEM block' ],
        [ 'aws-sns', 'ec.pem',      'the secret is not an RSA key' ],
        [ 'aws-sns', 'short.pem',   'the RSA key is 1024 bits long, at least 2048 are safe' ],
        [ 'sendgrid', 'noise.key',  'the secret is not a SubjectPublicKeyInfo in base64' ],
        [ 'sendgrid', 'ec.pem',     'the secret is not a SubjectPublicKeyInfo in base64' ],
        [ 'sendgrid', 'rsa.spki',   'the secret is not a P-256 key' ],
        [ 'sendgrid', 'p384.spki',  'the secret is not a P-256 key' ],
        [ 'plaid', 'noise.key',     'the secret is not a JWK' ],
        [ 'plaid', 'ec.pem',        'the secret is not a JWK' ],
        [ 'plaid', 'private.jwk',   'the JWK is a private key, not a public one' ],
        [ 'plaid', 'oct.jwk',       'the JWK is a shared secret, not a public key' ],
        [ 'plaid', 'use.jwk',       'the JWK is not for signatures' ],
        [ 'plaid', 'p384.jwk',      'the JWK is not a P-256 key' ],
        [ 'plaid', 'short.jwk',     'the JWK\'s "x" is 3 bytes long, not 32' ],
        [ 'plaid', 'padded.jwk',    'the JWK\'s "x" is not base64url without padding' ],
        [ 'plaid', 'off_curve.jwk', 'the JWK is not a point of P-256' ],
        [ 'plaid', 'no_y.jwk',      'the JWK has no member "y", or several' ],
        [ 'plaid', 'two_x.jwk',     'the JWK has no member "x", or several' ],
        [ 'plaid', 'rsa.jwk',       'the secret is not a P-256 key' ],
        [ 'plaid', 'other.jwk',     'the JWK\'s "kty" is not EC, OKP or RSA' ],
        [ 'discord', 'noise.key',   'the secret is not an Ed25519 key: 32 bytes in hex' ],
        [ 'discord', 'short.hex',   'the secret is not an Ed25519 key: 32 bytes in hex' ],
        [ 'discord', 'zero.hex',    'the Ed25519 key is of small order: anyone can sign for it' ],
        [ 'telnyx', 'short.hex',    'the secret is not an Ed25519 key: 32 bytes in base64' ],
        [ 'standard-webhooks-v1a', 'whsec.key', 'the secret is not an Ed25519 key: 32 bytes in base64 behind "whpk_"' ],
        [ 'standard-webhooks-v1a', 'telnyx.key', 'the secret is not an Ed25519 key: 32 bytes in base64 behind "whpk_"' ],
        [ 'adyen-payments', 'noise.key', 'the secret is not valid hex' ],
        [ 'airtable', 'noise.key',  'the secret is not valid base64' ],
        [ 'basic', 'noise.key',     'the secret is not "user:password"' ],
    );
}

sub are_usable_keys () {
    for my $row (key_rows()) {
        my ($scheme, $file, $why) = @$row;
        my $text = in_file($scheme, $file);
        $text =~ s/; # HERE/ id=one; # HERE/ if $scheme =~ /^(?:paypal|aws-sns)/;
        is_found("$file for $scheme", $text, not_usable($scheme, $why));
    }
}

# Whoever knows a public key would sign with it.
sub no_public_key_is_shared () {
    my $why = 'the secret is a public key: anyone could sign with it';
    for my $file (qw(rsa.pem ec.pem ed25519.pem certificate.pem bundle.pem rsa.spki ec.spki public.jwk set.jwk whpk.key)) {
        is_found("$file for github", in_file('github', $file), not_usable('github', $why));
    }
    for my $scheme (qw(gitlab basic netlify hubspot-v1 svix adyen-payments airtable contentful twilio figma)) {
        is_found("rsa.pem for $scheme", in_file($scheme, 'rsa.pem'), not_usable($scheme, $why));
    }
}

my @SIGNED_IDS = (
    (
        map {
            ; "a secret without the topic that $_ signs" => [
                in_file($_, 'rsa.pem'), qq{"webhook_secret" has no "id=", which the scheme "$_" signs,},
            ]
        } qw(aws-sns aws-sns-v1)
    ),
    'a secret without the id that its sender signs' => [
        in_location("webhook paypal;\nwebhook_secret file:%%DIR%%/rsa.pem; # HERE"),
        '"webhook_secret" has no "id=", which the scheme "paypal" signs,',
    ],
    'the second of two secrets without the id that its sender signs' => [
        in_location("webhook paypal;\nwebhook_secret file:%%DIR%%/rsa.pem id=one;\n"
                . 'webhook_secret file:%%DIR%%/rsa.pem; # HERE'),
        '"webhook_secret" has no "id=", which the scheme "paypal" signs,',
    ],
);

my $HANDSHAKE = 'invalid parameter in "webhook_handshake", allowed: token=VALUE, not with "off"';

my @HANDSHAKES = (
    'neither on nor off' => [
        gated('webhook_handshake yes; # HERE', 'slack'), qr/[^\n]*in "webhook_handshake", allowed: on, off.*/,
    ],
    # Nothing that may be a token is repeated in the message.
    'a token and nothing else' => [
        gated("webhook_handshake token=$SECRET; # HERE", 'meta'), qr/[^\n]*in "webhook_handshake", allowed: on, off.*/,
    ],
    'the token alone, without its name' => [
        gated("webhook_handshake $SECRET; # HERE", 'meta'), qr/[^\n]*in "webhook_handshake", allowed: on, off.*/,
    ],
    'the token before the switch' => [
        gated("webhook_handshake token=$SECRET on; # HERE", 'meta'), qr/[^\n]*in "webhook_handshake", allowed: on, off.*/,
    ],
    'a token without its name' => [ gated("webhook_handshake on $SECRET; # HERE", 'meta'), $HANDSHAKE ],
    'a token by another name'  => [ gated("webhook_handshake on secret=$SECRET; # HERE", 'meta'), $HANDSHAKE ],
    'a token for no handshake' => [ gated("webhook_handshake off token=$SECRET; # HERE", 'meta'), $HANDSHAKE ],
    'an empty token'           => [ gated('webhook_handshake on token=; # HERE', 'meta'), 'empty "webhook_handshake"' ],
    'a token from a file that does not exist' => [
        gated('webhook_handshake on token=file:%%DIR%%/absent.key; # HERE', 'meta'),
        'cannot read "%%DIR%%/absent.key": No such file or directory',
    ],
    'a token from an empty file' => [
        gated('webhook_handshake on token=file:%%DIR%%/newline.key; # HERE', 'meta'),
        'the secret file "%%DIR%%/newline.key" is empty',
    ],
    'a token from the environment that is not there' => [
        gated('webhook_handshake on token=env:WEBHOOK_TEST_ABSENT; # HERE', 'meta'),
        'the environment variable "WEBHOOK_TEST_ABSENT" is not set or empty',
    ],
    (
        map {
            ; "no token, which $_ presents" => [
                gated('webhook_handshake on; # HERE', $_),
                qq{"webhook_handshake" has no "token=", which the scheme "$_" needs},
            ]
        } qw(meta whatsapp)
    ),
    'no token, inherited' => [
        "webhook_handshake on; # HERE\n" . gated('', 'meta'),
        '"webhook_handshake" has no "token=", which the scheme "meta" of the location "/hook" needs',
    ],
    'a scheme that has no handshake' => [
        gated('webhook_handshake on; # HERE'),
        '"webhook_handshake" is on, but the scheme "github" has no handshake',
    ],
    'an included line, where nothing has a handshake' => [
        in_server(join '', map { "location /$_ {\nwebhook $_;\nwebhook_secret $SECRET;\ninclude %%DIR%%/handshake.inc;\n}\n" } qw(github stripe)),
        '"webhook_handshake" is on, but the scheme "github" has no handshake', 'handshake.inc:1',
    ],
    'an included token, where nothing presents one' => [
        in_server(join '', map { "location /$_ {\nwebhook $_;\nwebhook_secret $SECRET;\ninclude %%DIR%%/token.inc;\n}\n" } qw(github slack)),
        '"webhook_handshake" has a "token=", but the scheme "github" presents none', 'token.inc:1',
    ],
    'a handshake without its token, inherited' => [
        "webhook_handshake on; # HERE\nwebhook_secret $SECRET;\n" . in_server('location /a { webhook slack; } location /b { webhook meta; }'),
        '"webhook_handshake" has no "token=", which the scheme "meta" of the location "/b" needs',
    ],
    'a scheme of one\'s own that has no handshake' => [
        unmarked(scheme()) . "\n" . gated('webhook_handshake on; # HERE', 'acme'),
        '"webhook_handshake" is on, but the scheme "acme" has no handshake',
    ],
    (
        map {
            ; "signatures of later secrets, $_->[0]" => [
                unmarked(scheme(signature => $_->[1])) . "\n" . in_location("webhook acme; # HERE\n" . "webhook_secret $SECRET;\n" x $_->[2]),
                'the "key_index=" of each "signature" of the scheme "acme" is that of a later "webhook_secret" than there is, '
                    . 'counted from 0',
            ]
        } [ 'one', 'header=A key_index=1', 1 ], [ 'two', "header=A key_index=2;\nsignature header=B key_index=15", 2 ]
    ),
);

my @URLS = (
    'an empty URL' => [ gated('webhook_url ""; # HERE', 'square'), 'empty "webhook_url"' ],
    'a URL with a variable name that is none' => [
        gated('webhook_url "https://example.com$"; # HERE', 'square'),
        [ 'invalid variable name', 'invalid variable in "webhook_url"' ],
    ],
);

my @REPEATED = (
    'webhook'             => 'stripe',
    'webhook_mode'        => 'enforce',
    'webhook_url'         => 'http://localhost/',
    'webhook_tolerance'   => '5m',
    'webhook_methods'     => 'POST',
    'webhook_require_tls' => 'off',
    'webhook_dedup'       => 'off',
    'webhook_handshake'   => 'off',
    'webhook_log_level'   => 'warn',
    'webhook_reason_header' => 'off',
    'webhook_payload_max' => '1m',
    'webhook_events'      => 'push',
);

my @DIRECTIVES = (
    (
        map {
            my ($name, $value) = @$_;
            my $first = $name eq 'webhook' ? '' : "$name $value;\n";
            ; "$name twice" => [ gated("$first$name $value; # HERE"), qq{"$name" directive is duplicate} ]
        } map { [ @REPEATED[ 2 * $_, 2 * $_ + 1 ] ] } 0 .. @REPEATED / 2 - 1
    ),
    'events that exclude nothing' => [
        gated('webhook_events push !; # HERE'), 'nothing stands behind "!", allowed: !PATTERN, !"" in "webhook_events"',
    ],
    'events that exclude all' => [ gated('webhook_events push !*; # HERE'), '"!*" lets no event through in "webhook_events"' ],
    'an event that is excluded, too' => [
        gated('webhook_events ping push !ping; # HERE'),
        'the pattern "ping" is both let through and excluded in "webhook_events"',
    ],
    'an event with a line break' => [
        gated("webhook_events ping 'pu\nsh'; # HERE"), 'a pattern of "webhook_events" holds a control character',
    ],
    'events of a sender without types' => [
        gated('webhook_events push; # HERE', 'telegram'),
        'the scheme "telegram" has no event type: "webhook_events" lets nothing through; '
            . '"event_type" of a "webhook_scheme" says where it is',
    ],
    'events of a sender without types, which it inherits' => [
        "webhook_events push; # HERE\n"
            . in_server("webhook_secret $SECRET;\nlocation /a { webhook github; }\nlocation /b { webhook telegram; }"),
        'the scheme "telegram" of the location "/b" has no event type: "webhook_events" lets nothing through; '
            . '"event_type" of a "webhook_scheme" says where it is',
    ],
    'a schema that is not there' => [
        gated('webhook_schema absent.json; # HERE'),
        'cannot read "%%DIR%%/config_test/absent.json": No such file or directory',
    ],
    'a schema that is a directory' => [
        gated('webhook_schema %%DIR%%/folder; # HERE'), 'cannot read "%%DIR%%/folder": it is not a regular file',
    ],
    'a schema that is no JSON' => [
        gated('webhook_schema %%DIR%%/schemas/text.json; # HERE'), qr/schema "\S+\/schemas\/text\.json".* JSON.*/,
    ],
    'a schema with a wrong keyword' => [
        gated('webhook_schema %%DIR%%/schemas/wrong.json; # HERE'),
        'schema "%%DIR%%/schemas/wrong.json" at "/properties/id/minimum": must be a number, not the string "1"; write it without quotes',
    ],
    'a schema that leads to another directory' => [
        gated('webhook_schema %%DIR%%/schemas/out.json; # HERE'), qr/schema "\S+\/schemas\/out\.json" at "\/\$ref": .*/,
    ],
    'a schema that a link leads out of' => [
        gated('webhook_schema %%DIR%%/schemas/linked.json; # HERE'),
        qr/.*cannot read "\S+\/schemas\/link\.json": it is a link to "\S+\/outside\.json", outside of the directory of "\S+\/schemas\/linked\.json".*/,
    ],
    'a schema for no type' => [
        gated('webhook_schema %%DIR%%/schemas/right.json type=!push; # HERE'),
        'invalid "type=!push" in "webhook_schema", allowed: type=PATTERN without "!"',
    ],
    'a schema with another word' => [
        gated('webhook_schema %%DIR%%/schemas/right.json push; # HERE'),
        'invalid "push" in "webhook_schema", allowed: type=PATTERN without "!"',
    ],
    'no schema for a type' => [ gated('webhook_schema off type=push; # HERE'), 'invalid "type=push" in "webhook_schema", allowed: "off" alone' ],
    'no schema beside one' => [
        gated("webhook_schema %%DIR%%/schemas/right.json;\nwebhook_schema off; # HERE"), '"webhook_schema" directive is duplicate',
    ],
    'a schema beside none' => [
        gated("webhook_schema off;\nwebhook_schema %%DIR%%/schemas/right.json; # HERE"), '"webhook_schema" directive is duplicate',
    ],
    'a schema of forms' => [
        gated("webhook_schema %%DIR%%/schemas/right.json; # HERE", 'twilio-form'),
        'deliveries of the scheme "twilio-form" are forms without JSON: "webhook_schema" refuses each',
    ],
    'two answers for one reason' => [
        gated("webhook_response no_secret 403;\nwebhook_response no_secret 404; # HERE"),
        'duplicate "webhook_response" for "no_secret"',
    ],
    'a name that depends on the delivery that it is for' => [
        in_location("webhook github name=a-\${Webhook_Event_Id}; # HERE\nwebhook_secret $SECRET;"),
        'invalid "name=" in "webhook", allowed: no variable of a delivery, which has the name',
    ],
    'a key that is empty when it is looked up' => [
        deduplicated('webhook_dedup zone=events key=$webhook_reason:a; # HERE'),
        '"key=$webhook_reason:a" in "webhook_dedup" is empty when it is looked up',
    ],
    'a key that is the body, which may be in a file' => [
        deduplicated('webhook_dedup zone=events key=$request_body; # HERE'),
        '"key=$request_body" in "webhook_dedup" is empty when it is looked up, but for small bodies: '
            . '"$webhook_event_key" tells bodies apart',
    ],
    'a name that is empty when it is looked up' => [
        in_location("webhook github name=a\${Upstream_Status}; # HERE\nwebhook_secret $SECRET;"),
        '"$upstream_status" in "webhook" is empty when it is looked up',
    ],
    'a secret that is empty when it is looked up' => [
        in_location("webhook github;\nwebhook_secret \$request_body; # HERE"),
        '"$request_body" in "webhook_secret" is empty when it is looked up',
    ],
    'a secret that is another one for each request' => [
        in_location("webhook github;\nwebhook_secret \$request_id; # HERE"),
        '"$request_id" in "webhook_secret" is another one for each request: no signature could be right',
    ],
    'a URL that is empty when it is looked up' => [
        in_location("webhook square;\nwebhook_secret $SECRET;\nwebhook_url https://a\$sent_http_location; # HERE"),
        '"$sent_http_location" in "webhook_url" is empty when it is looked up',
    ],
    'a URL that is another one for each request' => [
        in_location("webhook square;\nwebhook_secret $SECRET;\nwebhook_url https://a/\$msec; # HERE"),
        '"$msec" in "webhook_url" is another one for each request: no signature could be right',
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
        'invalid "name=" in "webhook", allowed: name=ENDPOINT, not with "off"',
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
        'invalid "0" in "webhook_tolerance", allowed: a time of at least 1s',
    ],
    'a space behind file:' => [
        gated('webhook_secret file: /etc/hostname; # HERE'),
        'a space behind "file:" in "webhook_secret", allowed: file:PATH',
    ],
    'a space behind env:' => [
        gated('webhook_secret env: NAME; # HERE'),
        'a space behind "env:" in "webhook_secret", allowed: env:NAME',
    ],
    'a tolerance of less than a second' => [
        gated('webhook_tolerance 999ms; # HERE'),
        'invalid "999ms" in "webhook_tolerance", allowed: a time of at least 1s',
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
    'lines of the log without a choice' => [
        gated('webhook_log_level info limit=10; # HERE'),
        'invalid "limit=10" in "webhook_log_level", allowed: limit=on, limit=off',
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
        } qw(301 304 199 600 0 ok -404)
    ),
    (
        map {
            ; "an answer of status $_, which is nginx's own" => [
                gated("webhook_response no_secret $_; # HERE"),
                qq{invalid "$_" in "webhook_response", allowed: a status of 2xx, 4xx or 5xx other than 494 to 497 and 499, }
                    . 'which mean something else to nginx; 444 closes the connection',
            ]
        } qw(494 495 496 497 499)
    ),
    'an answer of status 408, which nginx does not send' => [
        gated('webhook_response no_secret 408; # HERE'),
        'invalid "408" in "webhook_response", allowed: 408 with a text (nginx sends none without), 444',
    ],
    (
        map {
            ; "no answer for $_" => [
                gated("webhook_response $_ 444; # HERE"),
                'invalid "444" in "webhook_response", allowed: a status other than 444, since the upstream has answered',
            ]
        } qw(cached bad_answer)
    ),
    (
        map {
            ; "a text for $_" => [
                gated("webhook_response $_ 503 later type=text/html; # HERE"),
                qq{invalid "later" in "webhook_response", allowed: no text for "$_", since the upstream has answered},
            ]
        } qw(cached bad_answer)
    ),
    (
        map {
            ; "a text for the status $_" => [
                gated("webhook_response duplicate $_ text; # HERE"),
                qq{invalid "$_" in "webhook_response", allowed: $_ without a text},
            ]
        } qw(204 205 444)
    ),
    'a type that is no media type' => [
        gated('webhook_response no_secret 403 no type=xml; # HERE'),
        'invalid "type=xml" in "webhook_response", allowed: type=MEDIA/TYPE, behind a text',
    ],
    'a type with a control character' => [
        gated('webhook_response no_secret 403 no "type=text/xml;\ta=b"; # HERE'),
        qq{invalid "type=text/xml;\ta=b" in "webhook_response", allowed: type=MEDIA/TYPE, behind a text},
    ],
    'a type without a text' => [
        gated('webhook_response no_secret 403 type=text/xml; # HERE'),
        'invalid "type=text/xml" in "webhook_response", allowed: type=MEDIA/TYPE, behind a text',
    ],
    'a fourth word that is no type' => [
        gated('webhook_response no_secret 403 no text/xml; # HERE'),
        'invalid "text/xml" in "webhook_response", allowed: type=MEDIA/TYPE, behind a text',
    ],
    (
        map {
            ; "an event that is lost as $_" => [
                gated("webhook_response $_ 202; # HERE"),
                qq{a status of 2xx for "$_" in "webhook_response" loses the event: the sender takes it for delivered, allowed: 4xx, 5xx},
            ]
        } qw(incomplete_body unavailable cached bad_answer internal)
    ),
    'a reason header that is neither on nor off' => [
        gated('webhook_reason_header no; # HERE'),
        'invalid "no" in "webhook_reason_header", allowed: on, off',
    ],
    'a report behind a gate' => [
        gated('webhook_status; # HERE'),
        '"webhook_status" cannot be behind a gate, write "webhook off" beside it',
    ],
    'a report behind the gate of its server' => [
        in_server("webhook github;\nwebhook_secret $SECRET;\nlocation = /status {\nwebhook_status json; # HERE\n}"),
        '"webhook_status" cannot be behind a gate, write "webhook off" beside it',
    ],
    'a report in an unknown format' => [
        in_location('webhook_status xml; # HERE'),
        'invalid "xml" in "webhook_status", allowed: json, prometheus, html, recent=on|off|anonymous',
    ],
    'a report with an unknown choice' => [
        in_location('webhook_status json recent=some; # HERE'),
        'invalid "recent=some" in "webhook_status", allowed: recent=on, recent=off, recent=anonymous',
    ],
    'a report in two formats' => [
        in_location('webhook_status json prometheus; # HERE'),
        'invalid "prometheus" in "webhook_status", allowed: json, prometheus, html, recent=on|off|anonymous',
    ],
    'two reports in one location' => [
        in_location("webhook_status json;\nwebhook_status prometheus; # HERE"),
        '"webhook_status" directive is duplicate',
    ],
    'a report of a server' => [
        in_server('webhook_status; # HERE'),
        '"webhook_status" directive is not allowed here',
    ],
    'an endpoint with a long name' => [
        in_location('webhook github name=' . 'n' x 256 . "; # HERE\nwebhook_secret $SECRET;"),
        '"name=" in "webhook" is longer than 255 bytes',
    ],
    'a report before a proxy' => [
        in_location("webhook_status; # HERE\nproxy_pass http://127.0.0.1:9;"),
        '"webhook_status" cannot be beside "proxy_pass" or another directive that answers',
    ],
    'an endpoint whose name is not UTF-8' => [
        in_location("webhook github name=a\xff; # HERE\nwebhook_secret $SECRET;"),
        '"name=" in "webhook" is not UTF-8',
    ],
    'a secret whose id is not UTF-8' => [
        gated("webhook_secret $SECRET id=\xc3\x28; # HERE"),
        '"id=" in "webhook_secret" is not UTF-8',
    ],
    'a zone whose name is not UTF-8' => [
        "webhook_dedup_zone zone=\xe9:1m; # HERE\n" . in_server(''),
        '"zone=" in "webhook_dedup_zone" is not UTF-8',
    ],
    'a payload size that is none' => [
        gated('webhook_payload_max big; # HERE'),
        'invalid "big" in "webhook_payload_max", allowed: a size above zero in bytes, k or m, such as 1m',
    ],
    'a payload size in gigabytes' => [
        gated('webhook_payload_max 1g; # HERE'),
        'invalid "1g" in "webhook_payload_max", allowed: a size above zero in bytes, k or m, such as 1m',
    ],
    'a payload size of nothing' => [
        gated('webhook_payload_max 0; # HERE'),
        'invalid "0" in "webhook_payload_max", allowed: a size above zero in bytes, k or m, such as 1m',
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
        'invalid path "" in "webhook_allow"',
    ],
    'a directory of addresses' => [
        gated('webhook_allow file:%%DIR%%/folder; # HERE'),
        'cannot read "%%DIR%%/folder": it is not a regular file',
    ],
    'a bad line in a file of addresses' => [
        gated('webhook_allow file:%%DIR%%/bad_line.txt; # HERE'),
        qq{"%%DIR%%/bad_line.txt": line 4: invalid address "10.0.0.300", allowed: $ADDRESS},
    ],
    'a network with host bits in a file of addresses' => [
        gated('webhook_allow file:%%DIR%%/host_bits.txt; # HERE'),
        '"%%DIR%%/host_bits.txt": line 2: the network "127.200.0.64/2" has bits set behind its prefix',
    ],
    'a file of addresses whose last line has no end' => [
        gated('webhook_allow file:%%DIR%%/no_end.txt; # HERE'),
        '"%%DIR%%/no_end.txt": line 2: the last line has no end, is the file still being written?',
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
        qq{"%%DIR%%/meta.json": invalid address, allowed: $ADDRESS},
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
    'a secret in the place of a zone' => [
        gated('webhook_dedup zone=Zq7secret; # HERE'),
        'unknown zone, "webhook_dedup_zone" defines none of this name',
    ],
    (
        map {
            ; "a secret in $_" => [ gated("$_ Zq7secret; # HERE"), qr/invalid value in "$_", allowed: .*/ ]
        } qw(webhook_tolerance webhook_mode webhook_methods webhook_require_tls webhook_allow webhook_log_level webhook_payload_max)
    ),
    'a secret as a status' => [
        gated('webhook_response duplicate Zq7secret; # HERE'), 'invalid value in "webhook_response", allowed: a status of 2xx, 4xx or 5xx',
    ],
    'a secret as a key' => [
        deduplicated('webhook_dedup zone=events key=Zq7secret; # HERE'),
        'invalid "key=" in "webhook_dedup", allowed: a value with a variable, such as key=$webhook_event_id',
    ],
    'a secret as a time' => [
        deduplicated('webhook_dedup zone=events ttl=Zq7secret; # HERE'),
        'invalid "ttl=" in "webhook_dedup", allowed: a time, such as 300s, 5m or 72h',
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
        qq{invalid "full=" in "webhook_dedup", allowed: $PARAMETERS},
    ],
    'a key without a variable' => [
        deduplicated('webhook_dedup zone=events key=webhook_event_id; # HERE'),
        'invalid "key=" in "webhook_dedup", '
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
    'a ttl that is too short for the location that inherits it' => [
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup zone=events ttl=599s; # HERE\nwebhook_secret $SECRET;\n"
            . in_server('location /a { webhook gitlab; webhook_dedup off; } location /b { webhook stripe; }'),
        'the ttl of "webhook_dedup" is shorter than twice the timestamp tolerance of the location "/b": '
            . '599s, at least 600s are needed',
    ],
    'a key that the location that inherits it has not' => [
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup zone=events key=\$webhook_event_id; # HERE\nwebhook_secret $SECRET;\n"
            . in_server('location /a { webhook stripe; } location /b { webhook grafana; }'),
        '"key=$webhook_event_id" in "webhook_dedup", but the scheme "grafana" of the location "/b" has no event id',
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
        'invalid "zone=events:" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, a size in bytes, k or m, such as events:64m',
    ],
    'a zone without a name' => [
        'webhook_dedup_zone zone=:1m; # HERE',
        'invalid "zone=:1m" in "webhook_dedup_zone", allowed: zone=NAME:SIZE',
    ],
    'a zone with a size that is none' => [
        'webhook_dedup_zone zone=events:1x; # HERE',
        'invalid "zone=events:1x" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, a size in bytes, k or m, such as events:64m',
    ],
    'a zone with a size in gigabytes' => [
        'webhook_dedup_zone zone=events:1g; # HERE',
        'invalid "zone=events:1g" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, a size in bytes, k or m, such as events:64m',
    ],
    'a zone of negative size' => [
        'webhook_dedup_zone zone=events:-1m; # HERE',
        'invalid "zone=events:-1m" in "webhook_dedup_zone", allowed: zone=NAME:SIZE, a size in bytes, k or m, such as events:64m',
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
        'duplicate zone "events"',
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
        'invalid "size=" in "webhook_dedup_zone", allowed: '
            . 'zone=NAME:SIZE, ttl=TIME, full=evict|reject, state=PATH, redis=NAME, lease=TIME, on_error=local|reject',
    ],
    'a full zone that does something else' => [
        'webhook_dedup_zone zone=events:1m full=wait; # HERE',
        'invalid "full=wait" in "webhook_dedup_zone", allowed: full=evict, full=reject',
    ],
    'a zone with two files' => [
        'webhook_dedup_zone zone=events:1m state=one state=two; # HERE',
        qr/[^\n]*duplicate[^\n]*/,
    ],
    'a zone with a file without a name' => [
        'webhook_dedup_zone zone=events:1m state=; # HERE',
        'invalid path "" in "webhook_dedup_zone"',
    ],
    'two zones with one file' => [
        "webhook_dedup_zone zone=events:1m state=events;\nwebhook_dedup_zone zone=others:1m state=%%DIR%%/events; # HERE",
        'the state file "%%DIR%%/events" is that of the zone "events" already',
    ],
    'a zone that no address space has room for' => [
        'webhook_dedup_zone zone=events:200000000m; # HERE',
        'cannot use the zone "events": cannot map it: Cannot allocate memory',
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
# The shown arguments of a webhook_redis that is right but for what the row adds.
sub redis ($arguments) { return "webhook_redis fleet $arguments; # HERE\n" . in_server('') }

my $REDIS_ALLOWED = 'NAME URL, user=NAME, password=VALUE|file:PATH|env:NAME, ca=FILE, timeout=TIME';

# What is wrong with a URL is in the unit tests.
my @REDIS = (
    'a Redis without a URL' => [ "webhook_redis fleet; # HERE\n" . in_server(''), 'invalid number of arguments in "webhook_redis" directive' ],
    'a Redis without a name' => [
        "webhook_redis redis://%%ADDR%% timeout=1s; # HERE\n" . in_server(''),
        'invalid parameter in "webhook_redis", allowed: a name, then a URL',
    ],
    'a Redis with an empty name' => [
        "webhook_redis \"\" redis://%%ADDR%%; # HERE\n" . in_server(''),
        'invalid "" in "webhook_redis", allowed: a name, then a URL',
    ],
    'two of a name' => [
        "webhook_redis fleet redis://%%ADDR%%;\nwebhook_redis fleet unix:/run/redis; # HERE\n" . in_server(''),
        'duplicate "webhook_redis" "fleet"',
    ],
    'another scheme' => [
        redis('http://%%ADDR%%'), '"webhook_redis": unknown scheme "http://", allowed: "redis://", "rediss://", "unix:"',
    ],
    'a password in the URL' => [
        redis('redis://:Zq7secret@%%ADDR%%'), '"webhook_redis": a URL with a user or a password: use "user=" and "password="',
    ],
    'a port of Redis that is none' => [ redis('redis://%%ADDR%%:0'), '"webhook_redis": invalid port "0", allowed: 1 to 65535' ],
    'an unknown parameter of webhook_redis' => [
        redis('redis://%%ADDR%% pasword=Zq7secret'), qq{invalid "pasword=" in "webhook_redis", allowed: $REDIS_ALLOWED},
    ],
    'a password alone' => [ redis('redis://%%ADDR%% Zq7secret'), qq{invalid parameter in "webhook_redis", allowed: $REDIS_ALLOWED} ],
    'two users' => [ redis('redis://%%ADDR%% user=a user=b'), 'duplicate parameter "user=" in "webhook_redis"' ],
    'an empty user' => [ redis('redis://%%ADDR%% user='), 'invalid "user=" in "webhook_redis", allowed: user=NAME, not empty' ],
    'a user without a password' => [ redis('redis://%%ADDR%% user=gate'), '"user=" in "webhook_redis" has no "password=" beside it' ],
    'an empty password' => [ redis('redis://%%ADDR%% password='), 'empty "password=" in "webhook_redis"' ],
    'a password with a variable' => [
        redis('redis://%%ADDR%% password=Zq7$secret'),
        'the "password=" of "webhook_redis" may not hold variables: one with "$" in it belongs into "file:" or "env:"',
    ],
    'a password file that is not there' => [
        redis('redis://%%ADDR%% password=file:%%DIR%%/absent.key'), 'cannot read "%%DIR%%/absent.key": No such file or directory',
    ],
    'an empty password file' => [
        redis('redis://%%ADDR%% password=file:%%DIR%%/empty.key'), 'the secret file "%%DIR%%/empty.key" is empty',
    ],
    'a password of an empty variable of the environment' => [
        redis('redis://%%ADDR%% password=env:WEBHOOK_TEST_EMPTY'),
        'the environment variable "WEBHOOK_TEST_EMPTY" is not set or empty',
    ],
    (
        map {
            ; "a time limit of $_" => [ redis("redis://%%ADDR%% timeout=$_"), qq{invalid "timeout=$_" in "webhook_redis", allowed: a time from 1ms to 10s, such as 50ms} ]
        } qw(0 0ms 11s 10001ms)
    ),
    'a time limit that is no time' => [
        redis('redis://%%ADDR%% timeout=soon'), 'invalid "timeout=soon" in "webhook_redis", allowed: a time, such as 300s, 5m or 72h',
    ],
    (
        map {
            ; "certificates for $_" => [ redis("$_ ca=%%CERT%%"), '"ca=" in "webhook_redis" is of no use without "rediss://"' ]
        } 'redis://%%ADDR%%', 'unix:/run/redis'
    ),
    'certificates that are not there' => [
        redis('rediss://%%ADDR%% ca=%%DIR%%/absent.pem'),
        '"webhook_redis": cannot read "%%DIR%%/absent.pem": No such file or directory',
    ],
    'certificates that are none' => [
        redis('rediss://%%ADDR%% ca=%%DIR%%/broken.key'),
        '"webhook_redis": the file "%%DIR%%/broken.key" has no certificates in PEM',
    ],
    'certificates without a path' => [ redis('rediss://%%ADDR%% ca='), 'invalid path "" in "webhook_redis"' ],
    'a host that is not found' => [
        redis('redis://redis.invalid'),
        'the host "redis.invalid" of the webhook_redis "fleet" is not found, and there is no "resolver"',
    ],
    'a host that is not found, and a resolver of a server' => [
        "webhook_redis fleet redis://redis.invalid; # HERE\n" . in_server('resolver 127.0.0.1;'),
        'the host "redis.invalid" of the webhook_redis "fleet" is not found, and there is no "resolver"',
    ],
    'a Redis in a server' => [
        in_server('webhook_redis fleet redis://%%ADDR%%; # HERE'), '"webhook_redis" directive is not allowed here',
    ],
);

my $CAPTURED = 'method, insecure, ip_denied, no_endpoint, missing_signature, malformed_signature, missing_timestamp, '
    . 'malformed_timestamp, missing_header, malformed_header, stale_timestamp, future_timestamp, no_secret, incomplete_body, '
    . 'bad_signature, filtered, invalid_payload, schema_violation, missing_event_id, in_flight, unavailable, cached, '
    . 'bad_answer, internal';

sub captures ($arguments) { return gated("webhook_capture $arguments; # HERE") }

# What nginx says of a directory is in capture.t.
my @CAPTURES = (
    (
        map {
            my ($wrong) = /([^,]*)$/;
            ; "captures for $_" => [ captures("captures reasons=$_"), qq{invalid "reasons=$wrong" in "webhook_capture", allowed: $CAPTURED} ]
        } ('nonsense', 'bad_signature,nonsense', 'bad_signature,', 'method,duplicate', 'accepted', 'handshake')
    ),
    'captures for no reason' => [ captures('captures reasons='), qq{invalid "reasons=" in "webhook_capture", allowed: $CAPTURED} ],
    (
        map {
            ; "captures, $_ of them" => [ captures("captures max=$_"), qq{invalid "max=$_" in "webhook_capture", allowed: a number from 1 to 1000} ]
        } qw(0 -1 1001 1k x)
    ),
    (
        map {
            ; "captures of $_" => [ captures("captures body=$_"), qq{invalid "body=$_" in "webhook_capture", allowed: a size up to 1m in bytes, k or m, such as 64k} ]
        } qw(-1 1048577 2m 1g x)
    ),
    (
        map {
            ; "captures for $_" => [ captures("captures keep=$_"), qq{invalid "keep=$_" in "webhook_capture", allowed: a time from 1s to 30d} ]
        } qw(0 999ms 31d)
    ),
    'captures for no time' =>
        [ captures('captures keep=x'), 'invalid "keep=x" in "webhook_capture", allowed: a time, such as 300s, 5m or 72h' ],
    'captures with another parameter' => [
        captures('captures size=1'),
        'invalid "size=" in "webhook_capture", allowed: DIR, reasons=LIST, max=N, body=SIZE, keep=TIME, or off alone',
    ],
    'captures in two directories' => [
        captures('captures others'),
        'invalid "others" in "webhook_capture", allowed: DIR, reasons=LIST, max=N, body=SIZE, keep=TIME, or off alone',
    ],
    'captures, off and on' => [
        captures('off max=1'),
        'invalid "max=" in "webhook_capture", allowed: DIR, reasons=LIST, max=N, body=SIZE, keep=TIME, or off alone',
    ],
    'captures with a parameter twice' => [ captures('captures max=1 max=2'), 'duplicate parameter "max=" in "webhook_capture"' ],
    'captures twice' => [
        gated("webhook_capture off;\nwebhook_capture off; # HERE"), '"webhook_capture" directive is duplicate',
    ],
    'captures in no directory' => [ captures('""'), 'invalid path "" in "webhook_capture"' ],
    'captures in a directory that does not exist' => [
        captures('absent'),
        qr/the directory "\S+\/absent" of "webhook_capture" does not exist: "mkdir -m 700 \S+\/absent && chown \w+ \S+\/absent"/,
    ],
);

my %EXAMPLE = (
    webhook             => 'webhook github;',
    webhook_secret      => "webhook_secret $SECRET;",
    webhook_mode        => 'webhook_mode monitor;',
    webhook_url         => 'webhook_url http://localhost/;',
    webhook_tolerance   => 'webhook_tolerance 5m;',
    webhook_methods     => 'webhook_methods POST;',
    webhook_require_tls => 'webhook_require_tls on;',
    webhook_allow       => 'webhook_allow 127.0.0.1;',
    webhook_dedup       => 'webhook_dedup off;',
    webhook_handshake   => 'webhook_handshake off;',
    webhook_response    => 'webhook_response no_secret 403;',
    webhook_log_level   => 'webhook_log_level info;',
    webhook_events      => 'webhook_events push;',
    webhook_schema      => 'webhook_schema off;',
    webhook_reason_header => 'webhook_reason_header off;',
    webhook_payload_max => 'webhook_payload_max 1m;',
    webhook_capture     => 'webhook_capture off;',
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
    webhook_schema      => 'a.json type=a type=b',
    webhook_url         => 'http://localhost/ http://localhost/',
    webhook_tolerance   => '5m 5m 5m',
    webhook_require_tls => 'on off',
    webhook_handshake   => 'on token=one token=two',
    webhook_response    => 'no_secret 403 no type=a/b no',
    webhook_reason_header => 'on off',
    webhook_log_level   => 'info limit=on warn',
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
    (
        map {
            my ($what, $rest) = @$_;
            ; "a quote without an end, $what" => [
                "webhook_scheme acme {\nalgorithm hmac-sha256;\nsigned \"{timestamp}.{body}; # HERE\n$rest", 'a quote has no end',
            ]
        } [ 'and no other', "signature header=A;\n}\n" ],
        [ 'before others in the block', "signature header=A split=\" \" prefix=\"a\";\n}\n" ],
        [ 'before others behind the block', "signature header=A;\n}\nmap \$a \$b { default \"x\"; }\n" ]
    ),
);

# As users write them: the text, and what is said of it behind the file's name.
my @BROKEN_SCHEMAS = (
    'a comma before the end' => [
        qq({\n  "properties": {\n    "id": { "type": "string" },\n  }\n}), ' is not JSON: line 4: no comma may stand before "}"',
    ],
    'nothing' => [ '', ' is not JSON: the file is empty' ],
    'a misspelt type' => [
        '{"properties":{"id":{"type":"strng"}}}',
        ' at "/properties/id/type": "strng" is no type: it may be null, boolean, object, array, number, integer or string; did you mean "string"?',
    ],
    'a pattern that is not closed' => [
        '{"properties":{"id":{"pattern":"^evt_([a-z]+$"}}}',
        ' at "/properties/id/pattern": invalid pattern "^evt_([a-z]+$" at "([a-z]+$": "(" is not closed',
    ],
    'a reference that leads nowhere' => [
        '{"properties":{"id":{"$ref":"#/definitions/id"}},"$defs":{"id":{}}}',
        ' at "/properties/id/$ref": "#/definitions/id" leads nowhere: the schema has no "definitions"; did you mean "$defs"?',
    ],
    'a reference to no file' => [
        '{"$ref":"absent.json#/$defs/id"}',
        ' at "/$ref": "absent.json" leads nowhere: cannot read "%%DIR%%/schemas/absent.json": No such file or directory',
    ],
    'a reference to a file outside' => [
        '{"$ref":"../outside.json"}',
        ' at "/$ref": "../outside.json" must not have ".." in it: a reference to a file stays below the directory of the one that it stands in',
    ],
    'an older draft' => [
        '{"$schema":"http://json-schema.org/draft-04/schema#"}',
        ' at "/$schema": "http://json-schema.org/draft-04/schema#" is not supported: it may be '
            . '"http://json-schema.org/draft-07/schema#" or "https://json-schema.org/draft/2020-12/schema"',
    ],
    '"required" that is an object' => [ '{"required":{"id":true}}', ' at "/required": must be an array of names, not an object' ],
    '"properties" that is an array' => [
        '{"properties":["id"]}',
        ' at "/properties": must be an object of schemas, not an array; the names of the members are its keys',
    ],
    'a circle' => [
        '{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}',
        ' at "/$defs/b": leads back to itself for the same value: "#/$defs/a" -> "#/$defs/b" -> "#/$defs/a"; '
            . 'a schema may refer to itself only for a part of the value, by "properties" or "items"',
    ],
    'a name with control characters' => [
        '{"properties":{"a\n[emerg] b\u001b[31m\u0000":{"type":5}}}',
        ' at "/properties/a\x0a[emerg] b\x1b[31m\x00/type": must be the name of a type, or an array of such names, not an integer',
    ],
    'a long name' => [
        '{"properties":{"' . 'n' x 5000 . '":{"type":5}}}',
        ' at "/properties/' . 'n' x 111 . "\xe2\x80\xa6" . 'n' x 118 . '/type": must be the name of a type, or an array of such names, not an integer',
    ],
);

sub are_broken_schemas () {
    while (my ($name, $row) = splice @BROKEN_SCHEMAS, 0, 2) {
        my ($text, $message) = @$row;
        write_file('schemas/broken.json', $text);
        is_found($name, gated('webhook_schema %%DIR%%/schemas/broken.json; # HERE'), qq(schema "%%DIR%%/schemas/broken.json"$message));
    }
}

my %FILES = (
    'empty.key'    => '',
    'newline.key'  => "\n",
    'broken.key'   => "whsec_Zq7*not*base64*\n",
    'large.key'    => 'Zq7' x 30_000,
    'bad_line.txt' => "# offices\n10.0.0.1\n\n10.0.0.300 # new\n",
    'host_bits.txt' => "198.51.100.7\n127.200.0.64/2\n",
    'no_end.txt' => "198.51.100.7\n127.200.0.64/26",
    'comments.txt' => "# nothing yet\n\n",
    'good.txt'     => "10.0.0.1\n",
    'handshake.inc' => "webhook_handshake on;\n",
    'token.inc'    => "webhook_handshake on token=a-token;\n",
    'meta.json'    => '{"hooks":["10.0.0.0/8"],"verified":true,"domains":["github.com"],"none":[]}',
    'cut.json'     => '{"hooks":["10.0.0.0/8"',
    'outside.json' => '{}',
    'schemas/right.json'  => '{}',
    'schemas/text.json'   => 'no JSON',
    'schemas/wrong.json'  => '{"properties":{"id":{"minimum":"1"}}}',
    'schemas/out.json'    => '{"$ref":"../outside.json"}',
    'schemas/linked.json' => '{"$ref":"link.json"}',
);

sub openssl (@arguments) {
    my $output = directory() . '/openssl.output';
    unlink $output;
    my $code   = run_command(command => [ 'openssl', @arguments ], output => $output, timeout => 60);
    die "openssl @arguments: exit $code\n" . slurp($output) if $code;
    return slurp($output);
}

# A new private key, its path.
sub generate ($name, @arguments) {
    my $path = directory() . "/$name";
    openssl('genpkey', @arguments, '-out', $path);
    return $path;
}

sub public_pem ($path) { return openssl(qw(pkey -pubout -in), $path) }
sub pem_to_spki ($pem) { return $pem =~ s/-----[^-]+-----|\s//gr }

# All that key_rows() and no_public_key_is_shared() name.
sub key_files () {
    my $rsa     = slurp(rsa_secret('pem')->{written} =~ s/^file://r);
    my $jwk     = slurp(ec_secret('jwk')->{written} =~ s/^file://r);
    my $ec      = public_pem(ec_secret('jwk')->{key});
    my $ed25519 = ed25519_secret('whpk');
    my $private = slurp(rsa_secret('pem')->{key});
    my $p384    = public_pem(generate('p384.key', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384)));
    my $certificate = slurp(rsa_secret('certificate')->{written} =~ s/^file://r);
    my $n = base64url("\xc5" . "\x01" x 255);
    return (
        'noise.key'       => "Zq7-a-secret-of-enough-length\n",
        'rsa.pem'         => $rsa,
        'cut.pem'         => substr($rsa, 0, 200),
        'private.pem'     => $private,
        'both.pem'        => "$rsa$private",
        'two.pem'         => "$rsa$rsa",
        'bundle.pem'      => "# the certificate\n$certificate",
        'certificate.pem' => $certificate,
        'short.pem'       => public_pem(generate('short.key', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:1024))),
        'ec.pem'          => $ec,
        'ed25519.pem'     => public_pem($ed25519->{key}),
        'rsa.spki'        => pem_to_spki($rsa),
        'ec.spki'         => pem_to_spki($ec),
        'p384.spki'       => pem_to_spki($p384),
        'public.jwk'      => $jwk,
        'set.jwk'         => qq({"keys":[$jwk]}),
        'private.jwk'     => $jwk =~ s/\}$/,"d":"Zq7a"}/r,
        'oct.jwk'         => '{"kty":"oct","k":"Zq7-a-secret-of-enough-length"}',
        'use.jwk'         => $jwk =~ s/"sig"/"enc"/r,
        'p384.jwk'        => $jwk =~ s/P-256/P-384/r,
        'short.jwk'       => $jwk =~ s/"x":"[^"]+/"x":"AAAA/r,
        'padded.jwk'      => $jwk =~ s/"x":"[^"]+\K/=/r,
        'off_curve.jwk'   => $jwk =~ s/"x":"([^"]+)","y":"[^"]+/"x":"$1","y":"$1/r,
        'no_y.jwk'        => $jwk =~ s/,"y":"[^"]+"//r,
        'two_x.jwk'       => $jwk =~ s/("x":"[^"]+"),/$1,$1,/r,
        'rsa.jwk'         => qq({"kty":"RSA","n":"$n","e":"AQAB"}),
        'other.jwk'       => $jwk =~ s/"EC"/"ec"/r,
        'short.hex'       => '00112233445566778899aabbccddeeff',
        'zero.hex'        => '00' x 32,
        'whsec.key'       => 'whsec_' . base64('Zq7' x 11),
        'telnyx.key'      => ed25519_secret('base64')->{written},
        'whpk.key'        => $ed25519->{written},
    );
}
%FILES = (%FILES, key_files());
write_file($_, $FILES{$_}) for keys %FILES;
symlink '../outside.json', directory() . '/schemas/link.json' or die "link: $!";
write_file('secret.key', "127.0.0.1\nZq7c3cre7\n");

mkdir directory() . '/folder';
symlink 'loop.key', directory() . '/loop.key';

subtest 'secrets'               => sub { are_found(@SECRETS) };
subtest 'keys that are none'    => sub { are_usable_keys() };
subtest 'keys that are public'  => sub { no_public_key_is_shared() };
subtest 'ids that are signed'   => sub { are_found(@SIGNED_IDS) };
subtest 'handshakes'            => sub { are_found(@HANDSHAKES) };
subtest 'URLs'                  => sub { are_found(@URLS) };
subtest 'directives'            => sub { are_found(@DIRECTIVES) };
subtest 'broken schemas'        => sub { are_broken_schemas() };
subtest 'sources'               => sub { are_found(@SOURCES) };
subtest 'memory'                => sub { are_found(@MEMORY) };
subtest 'Redis'                 => sub { are_found(@REDIS) };
subtest 'captures'              => sub { are_found(@CAPTURES) };
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
    $conf =~ s{^(load_module )([^;]+);}{$1 . copied($2) . ';'}me or ($ENV{WEBHOOK_MODULE} // '') eq 'none' or die 'no load_module';
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

load_fixtures("$FindBin::Bin/fixtures");

sub known_presets () { return slurp("$FindBin::Bin/../src/scheme/presets.cpp") =~ /^\s*Preset\{"([^"]+)"/mg }

# A location as its users would write it.
sub with_preset ($name) {
    my $fixture = fixtures()->{$name} // die "$name has no fixture";
    my @secrets = map { qq("$_->{written}") } @{ $fixture->{secrets} };
    $secrets[0] .= " $fixture->{options}" if $fixture->{options};
    return "location /$name {\nwebhook $name;\n" . join('', map { "webhook_secret $_;\n" } @secrets) . "}\n";
}

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
        'a gate of a server with pages of errors, secrets in its locations' =>
            in_server("webhook github;\nerror_page 404 = \@app;\n$APP location = /a { webhook_secret $SECRET; proxy_pass http://127.0.0.1:9; }"),
        'a gate of a server, pages of errors for all, secrets in its locations' => "error_page 404 = \@app;\n"
            . in_server("webhook github;\n$APP location = /a { webhook_secret $SECRET; proxy_pass http://127.0.0.1:9; }"),
        'a memory of a server with pages of errors, keys in the location' => "webhook_dedup_zone zone=events:1m;\n"
            . in_server("webhook dropbox;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events;\nerror_page 404 = \@app;\n$APP"
                . 'location = /a { webhook_dedup zone=events key=$http_x_id; proxy_pass http://127.0.0.1:9; }'),
        'a gate of a server with an index, secrets in its locations' =>
            in_server("webhook github;\nindex index.php;\n$PHP location = /a { webhook_secret $SECRET; proxy_pass http://127.0.0.1:9; }"),
        'a gate of a location with a condition and an index, secrets in its inner ones' =>
            in_server("index index.php;\n$PHP location /hook/ {\nwebhook github;\nif (\$request_method != POST) { return 405; }\n"
                . "location = /hook/a { webhook_secret $SECRET; proxy_pass http://127.0.0.1:9; }\n}"),
        'pages of errors that lead to themselves' => join('', 'error_page 403 404 405 = @app;' x 3)
            . in_server("webhook github;\nwebhook_secret $SECRET;\nlocation \@app { webhook off; }\nlocation /a { }"),
        'a secret of a location, gates in its inner ones' =>
            in_location("webhook_secret $SECRET;\nlocation = /hook/a { webhook github; }\nlocation = /hook/b { webhook gitlab; }\nreturn 404;"),
        'a gate of a location that only returns, secrets in its inner ones' =>
            in_location("webhook github;\nlocation = /hook/a { webhook_secret $SECRET; }\nreturn 404;"),
        'a gate of a server, a location that only returns' =>
            in_server("webhook github;\nlocation = /a { webhook_secret $SECRET; }\nlocation / { return 404; }"),
        'a gate of a server with an "if", secrets in its locations' =>
            in_server("webhook github;\nif (\$http_x) { return 403; }\nlocation = /a { webhook_secret $SECRET; }"),
        'a gate of a location that returns on a condition, secrets in its inner ones' =>
            in_location("webhook github;\nif (\$http_x) { return 405; }\nset \$a b;\nreturn 404;\nlimit_except POST { deny all; }\n"
                . "location = /hook/a { webhook_secret $SECRET; }"),
        'a gate of a location that is closed, secrets in its inner ones' =>
            in_location("webhook github;\ndeny all;\nlocation = /hook/a { allow all; webhook_secret $SECRET; }"),
        'a gate in http, a server that leads elsewhere' => "webhook github;\n"
            . in_server("location / { webhook_secret $SECRET; }")
            . "\nserver {\nlisten %%ADDR%%:8081;\nrewrite ^ https://\$host\$request_uri permanent;\n}",
        'a memory without keys in http, a server that leads elsewhere' =>
            "webhook_dedup_zone zone=events:1m;\nwebhook dropbox;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events;\n"
            . in_server('location / { webhook_dedup zone=events key=$http_x_id; }')
            . "\nserver {\nlisten %%ADDR%%:8081;\nreturn 301 https://\$host\$request_uri;\nlocation /a { }\n}",
        'an included handshake, which one of the locations has' =>
            in_server(join '', map { "location /$_ { webhook $_; webhook_secret $SECRET; include %%DIR%%/handshake.inc; }\n" } qw(github slack)),
        'an included token, which one of the locations presents' =>
            in_server(join '', map { "location /$_ { webhook $_; webhook_secret $SECRET; include %%DIR%%/token.inc; }\n" } qw(github slack meta)),
        'a handshake of a server, its token in the location' =>
            in_server("webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on;\nlocation /a { webhook_handshake on token=a-token; }"),
        'a memory of a server, keys in the location' => "webhook_dedup_zone zone=events:1m;\n"
            . in_server("webhook dropbox;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events;\n"
                . 'location /a { webhook_dedup zone=events key=$http_x_id; }'),
        'a memory of a server, a longer ttl in the location' => "webhook_dedup_zone zone=events:1m;\n"
            . in_server("webhook stripe;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events ttl=1m;\n"
                . 'location /a { webhook_dedup zone=events ttl=72h; }'),
        'an event id that is signed beside a fixed URL' =>
            fixed_url('signed "{url}|{id}|{timestamp}|{body}"; signature header=S; event_id query=id; timestamp query=t;'),
        'a time that is signed as a parameter, beside a fixed URL' =>
            fixed_url('signed "{url}|{query:t}|{body}"; signature header=S; timestamp query=t;'),
        'an event id that may be missing in a fixed URL' =>
            fixed_url('signed "{url}|{body}"; signature header=S; event_id query=id optional;'),
        'an event type beside a fixed URL' => fixed_url('signed "{url}|{body}"; signature header=S; event_type query=t;'),
        'an event id in a query that nobody signs' => fixed_url('signed "{body}"; signature header=S; event_id query=id;'),
        'an event id in a URL with variables' =>
            fixed_url('signed "{url}|{body}"; signature header=S; event_id query=id;', 'hmac-sha256', 'https://h.example$request_uri'),
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
        'a preset in each location' => in_server(join '', map { with_preset($_) } known_presets()),
        'every directive once' =>
            gated(join "\n", map { $EXAMPLE{$_} } grep { !/^webhook(?:_secret)?$/ } sort keys %EXAMPLE),
    );
    for my $name (sort keys %right) {
        my ($code, $output) = config_test(http => $right{$name});
        is $code, 0, $name or diag $output;
    }
};

finish();
