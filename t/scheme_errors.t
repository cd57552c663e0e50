# Every mistake in a scheme, and in naming one, is found by `nginx -t`, with the file and the line of the
# statement (marked HERE in the rows), the offending word in quotes, and what is allowed instead.

use Webhook::ConfigErrors;
use Webhook::Test;

my $SIGNATURE = "header, json, field, query, split, prefix, encoding, key_index, alone";

my $PRESETS = qr/adyen-payments, [a-z0-9, -]+, github, [a-z0-9, -]+, zoom, [a-z0-9, -]+/;

my @SCHEMES = (
    'a scheme that nobody defines' => [
        in_location("webhook strpie; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme "strpie", did you mean "stripe"\? allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    'a scheme that is like no other' => [
        in_location("webhook my-sender; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme "my-sender", allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    (map { ; "a secret as $_" => [ scheme(/(\w+) (.*)/), qr/invalid scheme "acme": (?:invalid value of "\w+"|unknown native), allowed: .*/ ] }
        'require Zq7secret', 'claims Zq7secret', 'native Zq7secret', 'body Zq7secret'),
    'a secret in the place of a scheme' => [
        in_location("webhook 0123456789abcdef; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme, allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    'a short secret in the place of a scheme' => [
        in_location("webhook Hunter2; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme, allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    'a scheme in another case' => [
        in_location("webhook GitHub; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme "GitHub", did you mean "github"\? allowed: .*/,
    ],
    'an alias with a letter too many' => [
        in_location("webhook whatsappp; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme "whatsappp", did you mean "whatsapp"\? allowed: .*/,
    ],
    'an own scheme, misspelt' => [
        unmarked(scheme()) . "\n" . in_location("webhook acne; # HERE\nwebhook_secret $SECRET;"),
        qr/unknown scheme "acne", did you mean "acme"\? allowed: .*/,
    ],
    'a scheme that nobody defines, inherited' => [
        "webhook strpie; # HERE\nwebhook_secret $SECRET;\n" . in_server('location / { }'),
        qr/unknown scheme "strpie", did you mean "stripe"\? allowed: $PRESETS, or a name that "webhook_scheme" defines/,
    ],
    'a field that no scheme has' => [
        scheme(signatur => 'header=Acme-Signature'),
        'invalid scheme "acme": unknown field "signatur", allowed: like, algorithm, key, native, signed, signature, '
            . 'timestamp, event_id, event_type, event_key, require, body, payload, digest, claims, handshake',
    ],
    'like, with no preset' => [
        'webhook_scheme acme { like; # HERE' . "\n}",
        'invalid scheme "acme": invalid number of arguments in "like": it takes one',
    ],
    'like no preset' => [
        "webhook_scheme acme {\n    like github;\n}\nwebhook_scheme other {\n    like acme; # HERE\n}",
        qr/invalid scheme "other": unknown preset "acme" of "like", allowed: $PRESETS/,
    ],
    'like what may be a secret' => [
        'webhook_scheme acme { like Zq7c2VjcmV0LXNlY3JldA9x; # HERE' . "\n}",
        qr/invalid scheme "acme": unknown preset of "like", allowed: $PRESETS/,
    ],
    'like as a later statement' => [
        "webhook_scheme acme {\n    key utf8;\n    like github; # HERE\n}",
        'invalid scheme "acme": "like" stands only as the first statement',
    ],
    'like twice' => [
        "webhook_scheme acme {\n    like stripe;\n    like github; # HERE\n}",
        'invalid scheme "acme": "like" stands only as the first statement',
    ],
    'a field twice, like a preset' => [
        "webhook_scheme acme {\n    like github;\n    event_id none;\n    event_id json=/id; # HERE\n}",
        'invalid scheme "acme": duplicate field "event_id"',
    ],
    'a type that leaves out the header which tells events apart' => [
        "webhook_scheme acme {\n    like shopify;\n    event_type json=/topic; # HERE\n}",
        'invalid scheme "acme": without the header "x-shopify-topic", events of different types may be one: this "event_type" '
            . 'needs an "event_key", such as "{header:x-shopify-topic}{body}"',
    ],
    'a type of another header than that which tells events apart' => [
        "webhook_scheme acme {\n    like bitbucket;\n    event_type header=X-Other; # HERE\n}",
        'invalid scheme "acme": without the header "x-event-key", events of different types may be one: this "event_type" '
            . 'needs an "event_key", such as "{header:x-event-key}{body}"',
    ],
    'a type of another header, where more tells events apart' => [
        "webhook_scheme acme {\n    like woocommerce;\n    event_type header=X-Other; # HERE\n}",
        'invalid scheme "acme": without the header "x-wc-webhook-topic", events of different types may be one: this "event_type" '
            . 'needs an "event_key", such as "{header:x-wc-webhook-topic}{header:X-WC-Webhook-Delivery-ID}{body}"',
    ],
    'what does not fit the preset' => [
        "webhook_scheme acme {\n    like github;\n    key pem; # HERE\n}",
        'invalid scheme "acme": this "key" does not fit "algorithm hmac-sha256", allowed: utf8, base64, hex, whsec',
    ],
    'what the preset has does not fit' => [
        "webhook_scheme acme {\n    like stripe;\n    algorithm token; # HERE\n}",
        'invalid scheme "acme": "signed" has no meaning with "algorithm token"',
    ],
    'what the preset needs is gone' => [
        "webhook_scheme acme {\n    like stripe;\n    event_type json=/action;\n    signature header=X; # HERE\n}",
        'invalid scheme "acme": "timestamp item=" needs "split=" in "signature"',
    ],
    # Nothing that may be a secret is repeated in the message.
    'a secret instead of a parameter' => [
        scheme(signature => 'header=Acme-Signature Zq7secret'),
        qq{invalid scheme "acme": unknown parameter of "signature", allowed: $SIGNATURE},
    ],
    'a secret as a parameter' => [
        scheme(signature => 'header=Acme-Signature secret=Zq7secret'),
        qq{invalid scheme "acme": unknown parameter "secret=" of "signature", allowed: $SIGNATURE},
    ],
    'a secret with padding instead of a parameter' => [
        scheme(signature => 'header=Acme-Signature Zq7secret=='),
        qq{invalid scheme "acme": unknown parameter of "signature", allowed: $SIGNATURE},
    ],
    'a secret instead of the kind of a key' => [
        scheme(key => 'Zq7secret'),
        'invalid scheme "acme": unknown key, allowed: utf8, base64, hex, whsec, whpk, pem, spki, jwk',
    ],
    'a secret behind an algorithm' => [
        scheme(algorithm => 'hmac-sha256=Zq7secret'), qr/invalid scheme "acme": unknown algorithm "hmac-sha256=", allowed: .*/,
    ],
    'an unknown parameter of signature' => [
        scheme(signature => 'header=Acme-Signature encodign=hex'),
        qq{invalid scheme "acme": unknown parameter "encodign=" of "signature", allowed: $SIGNATURE},
    ],
    'an unknown parameter of timestamp' => [
        scheme(timestamp => 'header=Acme-Timestamp units=s'),
        'invalid scheme "acme": unknown parameter "units=" of "timestamp", '
            . 'allowed: header, item, json, field, query, claim, unit, tolerance, future, may_repeat',
    ],
    'a parameter without a value' => [
        scheme(event_id => 'Acme-Id'),
        'invalid scheme "acme": unknown parameter of "event_id", allowed: header, json, field, query, claim, batch, optional',
    ],
    'a parameter twice' => [
        scheme(signature => 'header=Acme-Signature header=Other'),
        'invalid scheme "acme": duplicate parameter "header" of "signature"',
    ],
    'an unknown algorithm' => [
        scheme(algorithm => 'hmac-md5'),
        'invalid scheme "acme": unknown algorithm "hmac-md5", allowed: hmac-sha1, hmac-sha256, hmac-sha384, '
            . 'hmac-sha512, sha256, ed25519, ecdsa-p256-sha256, rsa-sha1, rsa-sha256, token, basic, jwt=ALG[,ALG]',
    ],
    'two algorithms' => [
        scheme(algorithm => 'hmac-sha1 hmac-sha256'),
        'invalid scheme "acme": invalid number of arguments in "algorithm": it takes one',
    ],
    'an unknown key' => [
        scheme(key => 'base32'),
        'invalid scheme "acme": unknown key "base32", allowed: utf8, base64, hex, whsec, whpk, pem, spki, jwk',
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
    'a tolerance that no clock keeps' => [
        scheme(timestamp => 'header=Acme-Timestamp tolerance=999ms'),
        'invalid scheme "acme": invalid "tolerance=999ms" of "timestamp", allowed: a time of at least 1s',
    ],
    'a future that is no time' => [
        scheme(timestamp => 'header=Acme-Timestamp future=-1s'),
        'invalid scheme "acme": invalid "future=-1s" of "timestamp", allowed: a time above zero, such as 5m',
    ],
    'a timestamp from two places' => [
        scheme(timestamp => 'header=Acme-Timestamp item=t='),
        'invalid scheme "acme": "timestamp" takes either "header=", "item=", "json=", "field=", "query=" or "claim="',
    ],
    'a timestamp from nowhere' => [
        scheme(timestamp => 'unit=s'),
        'invalid scheme "acme": "timestamp" takes either "header=", "item=", "json=", "field=", "query=" or "claim="',
    ],
    'a timestamp item without a name' => [
        scheme(timestamp => 'item='),
        'invalid scheme "acme": empty "item="',
    ],
    'an event id from two places' => [
        scheme(event_id => 'header=Acme-Id json=/id'),
        'invalid scheme "acme": "event_id" takes either "header=", "json=", "field=", "query=" or "claim="',
    ],
    'a signature from nowhere' => [
        scheme(signature => 'encoding=hex'),
        'invalid scheme "acme": "signature" takes either "header=", "json=", "field=" or "query="',
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
        qq{invalid scheme "acme": unknown parameter "signed" of "signature", allowed: $SIGNATURE},
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
        'invalid scheme "acme": unknown placeholder "{bdoy}" in "signed", allowed: {body}, {timestamp}, {id}, {method}, '
            . '{url}, {url:hubspot}, {url:ports}, {secret}, {secret_id}, {form}, {crc32:body}, {sha256:body}, '
            . '{header:...}, {json:...}, {field:...}, {query:...}',
    ],
    'a brace that is not closed' => [
        scheme(signed => '"v0:{body"'),
        'invalid scheme "acme": unbalanced braces in "signed"',
    ],
    'a brace that is not opened' => [
        scheme(signed => '"v0:body}"'),
        'invalid scheme "acme": unbalanced braces in "signed"',
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

my $SHARED_KEYS = 'utf8, base64, hex, whsec';
my $KEY_FILES   = 'pem, spki, jwk';
my $HASHES      = 'sha256, sha384, sha512';
my $JWT         = 'HS256, HS384, HS512, ES256, RS256, EdDSA';

sub invalid ($message) { return qq{invalid scheme "acme": $message} }

# Where several statements are to blame, or none, the line of the block's end is named.
sub of_whole ($text) { return marked($text, '}') }

sub jwt (%replaced) {
    my %kind = (algorithm => 'jwt=HS256', signed => undef, signature => 'header=Authorization');
    return scheme_of(\%kind, %replaced);
}

sub signing_url (%replaced) { return scheme(signed => '"{url}{body}"', %replaced) }

# Of the statements that are replaced, the marked one is that to blame.
sub blamed ($field, %replaced) { return marked(scheme(%replaced), $field) }
sub blamed_in_jwt ($field, %replaced) { return marked(jwt(%replaced), $field) }

my @KEYS_OF_SCHEMES = (
    (
        map {
            my ($algorithm, $allowed) = @$_;
            ; "$algorithm without a key" => [
                of_whole(scheme(algorithm => $algorithm)),
                invalid(qq{no "key" for "algorithm $algorithm", allowed: $allowed}),
            ]
        } [ 'ed25519' => "base64, hex, whpk, $KEY_FILES" ],
        map { [ $_ => $KEY_FILES ] } qw(ecdsa-p256-sha256 rsa-sha1 rsa-sha256)
    ),
    'a public key for a shared secret' => [
        scheme(key => 'pem'),
        invalid(qq{this "key" does not fit "algorithm hmac-sha256", allowed: $SHARED_KEYS}),
    ],
    'a public key for a hash' => [
        blamed(key => (algorithm => 'sha256', signed => '"{secret}{body}"', key => 'jwk')),
        invalid(qq{this "key" does not fit "algorithm sha256", allowed: $SHARED_KEYS}),
    ],
    'a shared secret for a public key' => [
        blamed(key => (algorithm => 'rsa-sha256', key => 'utf8')),
        invalid(qq{this "key" does not fit "algorithm rsa-sha256", allowed: $KEY_FILES}),
    ],
    'a point in hex for a curve that writes none' => [
        blamed(key => (algorithm => 'ecdsa-p256-sha256', key => 'hex')),
        invalid(qq{this "key" does not fit "algorithm ecdsa-p256-sha256", allowed: $KEY_FILES}),
    ],
    'user and password in base64' => [
        blamed(key => (algorithm => 'basic', signed => undef, key => 'base64')),
        invalid('this "key" does not fit "algorithm basic", allowed: utf8'),
    ],
    'a public key for HS256' => [
        blamed_in_jwt(key => (key => 'jwk')),
        invalid(qq{this "key" does not fit "algorithm jwt", allowed: $SHARED_KEYS}),
    ],
    'a shared secret for ES256' => [
        blamed_in_jwt(key => (algorithm => 'jwt=ES256', key => 'utf8')),
        invalid(qq{this "key" does not fit "algorithm jwt", allowed: $KEY_FILES}),
    ],
    'EdDSA without a key' => [
        of_whole(jwt(algorithm => 'jwt=EdDSA')),
        invalid(qq{no "key" for "algorithm jwt", allowed: base64, hex, whpk, $KEY_FILES}),
    ],
);

my @TOKENS = (
    'jwt without an algorithm' => [
        jwt(algorithm => 'jwt='), invalid(qq{unknown JWT algorithm "", allowed: $JWT}),
    ],
    'jwt without its pins' => [
        jwt(algorithm => 'jwt'), qr/invalid scheme "acme": unknown algorithm "jwt", allowed: .*, jwt=ALG\[,ALG\]/,
    ],
    (
        map {
            my ($pins, $shown) = @$_;
            ; "the pins $pins" => [
                jwt(algorithm => "jwt=$pins"), invalid("unknown JWT algorithm$shown, allowed: $JWT"),
            ]
        } [ none => ' "none"' ], [ 'HS256,' => ' ""' ], [ 'HS256,none' => ' "none"' ], [ hs256 => ' "hs256"' ], [ PS256 => '' ]
    ),
    'a pin twice' => [
        jwt(algorithm => 'jwt=HS256,HS256'), invalid('duplicate JWT algorithm "HS256"'),
    ],
    (
        map {
            my ($one, $other) = @$_;
            ; "the pins $one and $other" => [
                jwt(algorithm => "jwt=$one,$other"),
                invalid(qq{JWT algorithms "$one" and "$other" take different keys}),
            ]
        } [qw(RS256 HS256)], [qw(HS256 ES256)], [qw(ES256 RS256)], [qw(EdDSA ES256)]
    ),
    'a template for a JWT' => [
        blamed_in_jwt(signed => (signed => '"{body}"')), invalid('"signed" has no meaning with "algorithm jwt"'),
    ],
    'a JWT that is split' => [
        blamed_in_jwt(signature => (signature => 'header=Authorization split=,')),
        invalid('"split=" has no meaning with "algorithm jwt"'),
    ],
    'a JWT in the body' => [
        jwt(signature => 'json=/token'), invalid('"algorithm jwt" takes one "signature", with "header=" or "query="'),
    ],
    'two JWTs' => [
        blamed_in_jwt(signature => (signature => "header=A;\nsignature header=B")),
        invalid('"algorithm jwt" takes one "signature", with "header=" or "query="'),
    ],
    'claims of no JWT' => [
        scheme(claims => 'iss=acme'), invalid('"claims" has no meaning with "algorithm hmac-sha256"'),
    ],
    'claims of nothing'       => [ jwt(claims => '""'), invalid('invalid "" of "claims", allowed: Name=Value') ],
    'no claim'                => [ jwt(claims => ''), invalid('"claims" names no claim, allowed: name=value') ],
    'a claim without a value' => [ jwt(claims => 'iss'), invalid('invalid "iss" of "claims", allowed: Name=Value') ],
    'a token behind a space' => [ scheme(require => 'Authorization=Bearer Zq7Token'), invalid('invalid value of "require", allowed: Name=Value') ],
    'a token behind a colon' => [ scheme(require => '"Authorization: Bearer Zq7Token="'), invalid('invalid header name in "require", allowed: Name=Value') ],
    'a token for an encoding' => [ scheme(signature => 'header=A encoding=Zq7Token'), invalid('invalid "encoding=" of "signature", allowed: hex, base64, base64url') ],
    'a token of an answer' => [ scheme(handshake => 'when=query:a "header=Authorization Zq7Token"'), invalid('invalid "header=" of "handshake", allowed: "Name: value"') ],
    'a token and a brace' => [ scheme(signed => '"Zq7Token{body"'), invalid('unbalanced braces in "signed"') ],
    'a claim without a name'  => [ jwt(claims => '=a'), invalid('invalid "=" of "claims", allowed: Name=Value') ],
    'a claim twice'           => [ jwt(claims => 'iss=a iss=b'), invalid('duplicate claim "iss"') ],
    'a claim twice, in two statements' => [
        blamed_in_jwt(claims => (claims => "iss=a;\nclaims aud=b iss=c")), invalid('duplicate claim "iss"'),
    ],
    'a placeholder that no claim has' => [
        jwt(claims => 'aud="{body}"'),
        invalid('unknown placeholder "{body}" in "claims", allowed: {url}, {url:qsh}'),
    ],
    'a brace in a claim' => [ jwt(claims => 'aud="{url"'), invalid('unbalanced braces in "claims"') ],
    'a timestamp in the claims of no JWT' => [
        scheme(timestamp => 'claim=iat'), invalid('"timestamp claim=" needs "algorithm jwt"'),
    ],
    'a timestamp claim without a name' => [ jwt(timestamp => 'claim='), invalid('empty "claim="') ],
);

my @TEXTS = (
    'an empty template' => [ scheme(signed => '""'), invalid('empty "signed"') ],
    (
        map {
            my ($placeholder, $message) = @$_;
            ; "the placeholder $placeholder" => [ scheme(signed => qq("{body}$placeholder")), invalid($message) ]
        } [ '{json:id}' => 'invalid JSON pointer "id": it must start with "/"' ],
        [ '{field:}'  => 'no name in placeholder "{field:}"' ],
        [ '{query:}'  => 'no name in placeholder "{query:}"' ],
        [ '{header:}' => 'invalid header name ""' ],
    ),
    (
        map {
            ; "the placeholder $_" => [
                scheme(signed => qq("{body}$_")), qr/invalid scheme "acme": unknown placeholder "\Q$_\E" in "signed", .*/,
            ]
        } qw({url:other} {crc32} {crc32:url} {md5:body} {header} {json} {field} {query} {body:} {Body} {} {url:qsh})
    ),
    'a secret in the template of an HMAC' => [
        scheme(signed => '"{secret}{body}"'), invalid('"{secret}" stands only with "algorithm sha256"'),
    ],
    'no secret in the template of a hash' => [
        blamed(signed => (algorithm => 'sha256', signed => '"{body}"')),
        invalid('"algorithm sha256" needs "{secret}" in "signed"'),
    ],
    'an id that stands in the body' => [
        blamed(signed => (signed => '"{id}{body}"', event_id => 'json=/id')),
        invalid('"signed" names "{id}", but there is no "event_id header="'),
    ],
);

my @SIGNATURES = (
    'a signature from two places' => [
        scheme(signature => 'header=A json=/a'), invalid('"signature" takes either "header=", "json=", "field=" or "query="'),
    ],
    'a signature at no JSON pointer' => [
        scheme(signature => 'json=a'), invalid('invalid JSON pointer "a": it must start with "/"'),
    ],
    'numbered headers without a name' => [ scheme(signature => 'header=*'), invalid('invalid header name "*"') ],
    'numbered headers with a name that is none' => [
        scheme(signature => '"header=A b-*"'), invalid('invalid header name "A b-*"'),
    ],
    'a star within a name' => [
        scheme(event_id => 'header="A *"'), invalid('invalid header name "A *"'),
    ],
    (
        map {
            ; "the key_index $_" => [
                scheme(signature => "header=A key_index=$_"),
                invalid(qq{invalid "key_index=$_" of "signature", allowed: 0 to 15}),
            ]
        } '', qw(16 -1 first 99999999999999999999 1.0)
    ),
    'a header that is required twice' => [
        scheme(require => 'A=1 a=2'), invalid('duplicate header "a" of "require"'),
    ],
    'a header that is required twice, in two statements' => [
        blamed(require => (require => "A=1;\nrequire A=1")), invalid('duplicate header "A" of "require"'),
    ],
    (
        map {
            ; "a required value that no header has, '$_'" => [
                scheme(require => qq("$_")),
                invalid('invalid value of "A" in "require": no header has one with a space at an end or a control character'),
            ]
        } 'A=b ', 'A= b', 'A=b\tc', 'A=b\n', 'A=\t'
    ),
    'a required header that is the signature' => [
        blamed(require => (signature => 'header=Acme-Sign', require => 'Acme-Version=1 acme-sign=1')),
        invalid('"require" names the header of "signature": it would have to be the same for every delivery'),
    ],
    'a required header that is the time' => [
        blamed(require => (timestamp => 'header=Acme-Time', require => 'Acme-Time=1')),
        invalid('"require" names the header of "timestamp": it would have to be the same for every delivery'),
    ],
    'an item that is the signature and the time' => [
        blamed(timestamp => (signature => 'header=A split="," prefix="v1="', timestamp => 'item="v1="')),
        invalid('"item=" is the "prefix=" of "signature": an item would be both'),
    ],
    'one header, two encodings' => [
        blamed(signature => (signature => "header=A;\nsignature header=a encoding=base64")),
        invalid('two "signature" read one header in two ways, and no delivery passes both'),
    ],
    (
        map {
            ; "a time and a signature in one $_" => [
                blamed(timestamp => (signature => "$_=A;\nsignature header=B", timestamp => "$_=A")),
                invalid('"timestamp" is the whole of what "signature" is, allowed: "item=", where both stand in one header'),
            ]
        } qw(header query)
    ),
    'a signature in two places' => [
        scheme(signature => 'field=a query=b'),
        invalid('"signature" takes either "header=", "json=", "field=" or "query="'),
    ],
    'a signature in a field without a name' => [ scheme(signature => 'field='), invalid('empty "field="') ],
    'a signature in a parameter without a name' => [ scheme(signature => 'query='), invalid('empty "query="') ],
    'alone, in a header' => [
        scheme(signature => 'header=A alone'), invalid('"alone" has no meaning without "field="'),
    ],
    'a signature in the body that it signs' => [
        blamed(signed => (signature => 'field=s')), invalid('"signed" names the body, which holds the signature itself'),
    ],
    (
        map {
            ; "a signature in $_->[0], which is signed" => [
                blamed(signed => (signature => $_->[0], signed => qq("$_->[1]"), event_id => 'header=Acme-Id')),
                invalid('"signed" names the body, which holds the signature itself'),
            ]
        } [ 'json=/s', '{body}' ], [ 'json=/s', '{sha256:body}' ], [ 'json=/s', '{id}{crc32:body}' ], [ 'field=s', '{sha256:body}' ]
    ),
    (
        map {
            ; "a signature in $_->[0], signed as $_->[1]" => [
                blamed(signed => (signature => $_->[0], signed => qq("$_->[1]"), event_id => 'header=Acme-Id')),
                invalid('"signed" names a value that is the signature itself'),
            ]
        } [ 'json=/s', '{json:/s}' ], [ 'field=s', '{field:s}' ], [ 'query=s', '{query:s}{body}' ],
        [ 'header=Acme-Sign', '{header:acme-sign}{body}' ], [ "header=A;\nsignature header=B", '{header:B}{body}' ],
        [ 'header=Acme-Id', '{id}{body}' ]
    ),
    (
        map {
            ; "a separator that signatures hold, $_" => [
                scheme(signature => "header=A $_"),
                invalid(qq{invalid "} . (split)[0] . qq{" of "signature", allowed: characters that no }
                    . 'signature holds in its "encoding="'),
            ]
        } ('split=a', 'split=:B', 'split=0', 'split=- encoding=base64url', 'split=_ encoding=base64url'),
        map { "split=$_ encoding=base64" } qw(= + / z)
    ),
    'a time in a form that nobody signs' => [
        blamed(timestamp => (signed => '"{field:a}"', timestamp => 'field=t')),
        invalid('"timestamp field=" needs that field as "{field:...}" in "signed"'),
    ],
    'an event id among the claims of no token' => [
        scheme(event_id => 'claim=jti'), invalid('"event_id claim=" needs "algorithm jwt"'),
    ],
    'two signatures in the body' => [
        blamed(signature => (signature => "json=/a;\nsignature json=/b")), invalid('a "signature" in the body stands only once'),
    ],
    'signatures in the body and in a header' => [
        blamed(signature => (signature => "header=A;\nsignature json=/b")), invalid('a "signature" in the body stands only once'),
    ],
    'two tokens' => [
        blamed(signature => (algorithm => 'token', signed => undef, signature => "header=A;\nsignature header=B")),
        invalid('"signature" stands only once with "algorithm token"'),
    ],
    'a token that is split' => [
        blamed(signature => (algorithm => 'token', signed => undef, signature => 'header=A split=,')),
        invalid('"split=" has no meaning with "algorithm token"'),
    ],
    'user and password that are split' => [
        blamed(signature => (algorithm => 'basic', signed => undef, signature => 'header=A split=,')),
        invalid('"split=" has no meaning with "algorithm basic"'),
    ],
    # A token is compared as it is, with every secret.
    (
        map {
            my ($algorithm, $name, $value) = @$_;
            my ($kind) = $algorithm =~ /^(\w+)/;
            ; "$name of a signature by $kind" => [
                blamed(signature => (algorithm => $algorithm, signed => undef, signature => "header=A $name$value")),
                invalid(qq{"$name" has no meaning with "algorithm $kind"}),
            ]
        } map { [ $_, 'key_index=', 0 ], [ $_, 'encoding=', 'hex' ] } qw(token basic jwt=HS256)
    ),
);

my @TIMES_AND_EVENTS = (
    'a timestamp item of two signatures' => [
        blamed(timestamp => (
            signature => "header=A split=,;\nsignature header=B split=,", timestamp => 'item=t=',
        )),
        invalid('"timestamp item=" needs "split=" in "signature"'),
    ],
    'a timestamp item of numbered headers' => [
        blamed(timestamp => (signature => 'header=A-* split=,', timestamp => 'item=t=')),
        invalid('"timestamp item=" needs "split=" in "signature"'),
    ],
    'a timestamp item of a signature in the body' => [
        blamed(timestamp => (signature => 'json=/a split=,', timestamp => 'item=t=')),
        invalid('"timestamp item=" needs "split=" in "signature"'),
    ],
    'a header that may be repeated' => [
        scheme(timestamp => 'header=T may_repeat'), invalid('"may_repeat" has no meaning without "item="'),
    ],
    'may_repeat with a value' => [
        scheme(timestamp => 'header=T may_repeat=yes'),
        qr/invalid scheme "acme": unknown parameter "may_repeat=" of "timestamp", .*/,
    ],
    'a timestamp at no JSON pointer' => [
        scheme(timestamp => 'json=t'), invalid('invalid JSON pointer "t": it must start with "/"'),
    ],
    'a timestamp of who presents the secret' => [
        blamed(timestamp => (algorithm => 'token', signed => undef, timestamp => 'header=T')),
        invalid('"timestamp" has no meaning with "algorithm token"'),
    ],
    'a flag twice' => [
        scheme(event_id => 'json=/id batch batch'), invalid('duplicate parameter "batch" of "event_id"'),
    ],
    'an event type that is optional' => [
        scheme(event_type => 'json=/type optional'),
        invalid('unknown parameter "optional" of "event_type", allowed: header, json, field, query, claim, in_body'),
    ],
    'no header that is required' => [
        scheme(require => ''), invalid('"require" names no header, allowed: Name=Value'),
    ],
    'a required header without a value' => [
        scheme(require => 'Version'), invalid('invalid value of "require", allowed: Name=Value'),
    ],
    'a required header without a name' => [
        scheme(require => '=1'), invalid('invalid "=" of "require", allowed: Name=Value'),
    ],
    'a required header whose name is none' => [
        scheme(require => '"The Version=1"'), invalid('invalid header name in "require", allowed: Name=Value'),
    ],
);

my @DIGESTS = (
    'a digest from two places' => [
        signing_url(digest => 'query=d claim=d'), invalid('"digest" takes either "query=", "claim=" or "header="'),
    ],
    'a digest from nowhere' => [
        signing_url(digest => 'algorithm=sha256'), invalid('"digest" takes either "query=", "claim=" or "header="'),
    ],
    'a digest without a name' => [ signing_url(digest => 'query='), invalid('empty "query="') ],
    (
        map {
            ; "a digest by $_" => [
                signing_url(digest => "query=d algorithm=$_"),
                invalid(qq{invalid "algorithm=$_" of "digest", allowed: $HASHES}),
            ]
        } qw(sha1 md5 SHA256)
    ),
    'a digest in an unknown encoding' => [
        signing_url(digest => 'query=d encoding=base32'),
        invalid('invalid "encoding=base32" of "digest", allowed: hex, base64, base64url'),
    ],
    'an unknown parameter of a digest' => [
        signing_url(digest => 'json=/digest'),
        invalid('unknown parameter "json=" of "digest", allowed: query, claim, header, algorithm, encoding, optional'),
    ],
    'a digest in a header that nobody signs' => [
        scheme(digest => 'header=Digest'),
        invalid('"digest header=" needs that header as "{header:...}" in "signed": it would not be signed'),
    ],
    'a digest in a header, optional' => [
        scheme(digest => 'header=Digest optional'),
        invalid('"optional" has no meaning with "header=": what is signed has to be there'),
    ],
    'a list of digests in another encoding' => [
        scheme(digest => 'header=Content-Digest encoding=hex'),
        invalid('invalid "encoding=hex" of "digest", allowed: none, since this header is always in base64'),
    ],
    'a digest of what was sent beside a body that is decoded' => [
        blamed(body => (signed => '"{header:Digest}{body}"', digest => 'header=Digest', body => 'decoded')),
        invalid('"body decoded" has no meaning with "digest header="'),
    ],
    'a body that is what none is' => [ scheme(body => 'gzip'), invalid('invalid value "gzip" of "body", allowed: decoded, json') ],
    'a payload without a field' => [ scheme(payload => 'field='), invalid('no name in "payload", allowed: field=NAME') ],
    'a payload in JSON' => [ scheme(payload => 'json=/a'), invalid('unknown parameter "json=" of "payload", allowed: field') ],
    'a payload in a field, and a body that is JSON' => [
        blamed(payload => (payload => 'field=p', body => 'json')), invalid('"payload field=" contradicts "body json"'),
    ],
    (
        map {
            my ($what, %fields) = @$_;
            ; "a payload in a field beside $what" => [
                blamed(payload => (payload => 'field=p', %fields)),
                invalid('"payload field=" has no meaning where the signature or the timestamp is in JSON: the body is then no form'),
            ]
        } [ 'a signature in JSON', signature => 'json=/s', signed => '"{json:/a}"' ], [ 'signed JSON', signed => '"{json:/a}"' ],
        [ 'a time in JSON', timestamp => 'json=/t' ]
    ),
    'a digest that nobody signs' => [
        scheme(digest => 'query=d'), invalid('"digest query=" needs "{url}" in "signed": it would not be signed'),
    ],
    (
        map {
            ; "a digest in the $_->[0]" => [
                $_->[1],
                invalid('"digest claim=" stands with "algorithm jwt" only, and "digest query=" with all others'),
            ]
        } [ 'claims of no JWT', signing_url(digest => 'claim=d') ], [ 'query, beside a JWT', jwt(digest => 'query=d') ]
    ),
    'a digest of who presents the secret' => [
        blamed(digest => (algorithm => 'token', signed => undef, digest => 'query=d')),
        invalid('"digest" has no meaning with "algorithm token"'),
    ],
    'two digests' => [
        blamed(digest => (signed => '"{url}"', digest => "query=d;\ndigest query=e")), invalid('duplicate field "digest"'),
    ],
);

sub native (%replaced) {
    my %kind = (native => 'contentful', signed => undef, signature => 'encoding=hex');
    return scheme_of(\%kind, %replaced);
}

my @NATIVES = (
    'an unknown native function' => [
        native(native => 'no-such'),
        invalid('unknown native "no-such", allowed: contentful, aws-sns, adyen-payments'),
    ],
    'a template beside a native function' => [
        marked(native(signed => '"{body}"'), 'signed'), invalid('"signed" has no meaning with "native"'),
    ],
    (
        map {
            ; "the signature $_ beside a native function" => [
                marked(native(signature => $_), 'signature'),
                invalid('with "native", "signature" takes "encoding=" only'),
            ]
        } 'header=A', 'json=/a', "encoding=hex;\nsignature encoding=hex", 'prefix=v1=', 'split=,', 'key_index=0'
    ),
    'a native function of a JWT' => [
        marked(native(algorithm => 'jwt=HS256'), 'native'), invalid('"native" has no meaning with "algorithm jwt"'),
    ],
    'a native function of a token' => [
        marked(native(algorithm => 'token'), 'native'), invalid('"native" has no meaning with "algorithm token"'),
    ],
);

my $CONDITIONS = 'header:Name, json:/pointer, field:name or query:name, behind it =VALUE, or before it ! where it must '
    . 'not be there';
my $CHECKS     = 'signature, none, token:header:Name, token:query:name, token:json:/pointer, token:field:name';
my $ANSWERS    = join ', ', map { "{$_:...}" } qw(header json query field hmac-sha256-hex hmac-sha256-base64);

my @HANDSHAKES_OF_SCHEMES = (
    'an unknown parameter of a handshake' => [
        scheme(handshake => 'when=json:/a body=b'),
        invalid('unknown parameter "body=" of "handshake", allowed: method, when, verify, status, type, header, answer'),
    ],
    'a parameter of a handshake twice' => [
        scheme(handshake => 'when=json:/a answer=b answer=c'), invalid('duplicate parameter "answer" of "handshake"'),
    ],
    'a method that is none' => [
        scheme(handshake => 'method="GET POST" when=query:a'),
        invalid('invalid "method=GET POST" of "handshake", allowed: a method in capitals, such as GET'),
    ],
    'a method in lower case' => [
        scheme(handshake => 'method=get when=query:a'),
        invalid('invalid "method=get" of "handshake", allowed: a method in capitals, such as GET'),
    ],
    'a method of nothing' => [
        scheme(handshake => 'method= when=query:a'),
        invalid('invalid "method=" of "handshake", allowed: a method in capitals, such as GET'),
    ],
    (
        map {
            ; "the condition '$_'" => [
                scheme(handshake => qq("when=$_")), invalid('invalid "when=' . s/=\K.*//r . qq{" of "handshake", allowed: $CONDITIONS}),
            ]
        } '', qw(challenge claim:a item:a :a ! !challenge !json:/a=b token=Zq7)
    ),
    'a condition at no JSON pointer' => [
        scheme(handshake => 'when=json:a'), invalid('invalid JSON pointer "a": it must start with "/"'),
    ],
    'a condition on a header whose name is none' => [
        scheme(handshake => 'when="header:A b"'), invalid('invalid header name "A b"'),
    ],
    'a condition on a query parameter without a name' => [
        scheme(handshake => 'when=query:'), invalid('empty "query="'),
    ],
    (
        map {
            ; "conditions that exclude each other, @$_" => [
                scheme(handshake => "when=json:/z " . join ' ', map { qq("when=$_") } @$_),
                invalid(qq{"when=$_->[0]" and "when=$_->[1]" exclude each other}),
            ]
        } [ 'json:/a=1', 'json:/a=2' ], [ 'header:A', '!header:a' ], [ '!query:q', 'query:q=1' ], [ 'field:f=1', '!field:f' ]
    ),
    (
        map {
            ; "a condition that every delivery meets, $_" => [
                blamed(handshake => (handshake => "when=$_", event_id => 'json=/id', require => 'Acme-Version=1')),
                invalid('each "when=" of "handshake" is met by every delivery, which would be answered and lost: one has to '
                    . 'tell the two apart'),
            ]
        } qw(header:Acme-Signature header:Host json:/id header:acme-version header:Acme-Version=1)
    ),
    (
        map {
            ; "a question by $_->[0] in the body, $_->[1]" => [
                scheme(handshake => "method=$_->[0] when=query:q when=$_->[1]"),
                invalid(qq{"when=$_->[1]" looks into the body, which a request with "method=$_->[0]" does not have}),
            ]
        } [ 'GET', 'json:/a' ], [ 'HEAD', 'json:/a=1' ], [ 'GET', 'field:f' ]
    ),
    (
        map {
            ; "the check $_" => [
                scheme(handshake => "when=json:/a verify=$_"),
                invalid('invalid "verify=' . s/:\K.*//r . qq{" of "handshake", allowed: $CHECKS}),
            ]
        } '', qw(off token token: token:a token:claim:a signature:header:A :Zq7)
    ),
    (
        map {
            ; "the status $_" => [
                scheme(handshake => "when=json:/a status=$_"),
                invalid(qq{invalid "status=$_" of "handshake", allowed: 200 to 299}),
            ]
        } qw(199 300 ok -200 2000)
    ),
    (
        map {
            ; "the status $_ with an answer" => [
                scheme(handshake => "when=json:/a status=$_ answer=x"),
                invalid(qq{invalid "status=$_" of "handshake", allowed: 200 to 299 other than 204 and 205, which have no answer=}),
            ]
        } 204, 205
    ),
    (
        map {
            ; "the type '$_'" => [
                scheme(handshake => qq(when=json:/a "type=$_")),
                qr/invalid scheme "acme": invalid "type=.*" of "handshake", allowed: a media type, such as text\/plain/s,
            ]
        } '', 'text/plain\rX: y'
    ),
    (
        map {
            ; "the header '$_'" => [
                scheme(handshake => qq(when=json:/a "header=$_")),
                qr/invalid scheme "acme": invalid "header=.*" of "handshake", allowed: "Name: value"/s,
            ]
        } '', 'A', 'A:b', ': b', 'A b: c', 'A: b\rX: y'
    ),
    (
        map {
            ; "the answer $_" => [
                scheme(handshake => qq(when=json:/a answer="$_")),
                invalid(qq{unknown placeholder "$_" in "handshake", allowed: $ANSWERS}),
            ]
        } qw({body} {secret} {timestamp} {hmac-sha1-hex:json:/a} {hmac-sha256-hex} {query})
    ),
    (
        map {
            ; "the answer $_" => [
                scheme(handshake => qq(when=json:/a answer="$_")),
                invalid(qq{invalid placeholder "$_", allowed behind it: header:Name, json:/pointer, query:name, field:name}),
            ]
        } qw({hmac-sha256-hex:body} {hmac-sha256-base64:secret})
    ),
    'an unknown placeholder in an answered header' => [
        scheme(handshake => 'when=json:/a header="A: {body}"'),
        invalid(qq{unknown placeholder "{body}" in "handshake", allowed: $ANSWERS}),
    ],
    'an answer under a key of another kind' => [
        blamed(handshake => (
            algorithm => 'hmac-sha1', handshake => 'when=json:/a answer="{hmac-sha256-hex:json:/a}"',
        )),
        invalid('"{hmac-sha256-...}" needs "algorithm hmac-sha256"'),
    ],
    'the first of two handshakes has an answer under a key of another kind' => [
        scheme(
            algorithm => 'hmac-sha1',
            more      => qq(handshake when=json:/a answer="{hmac-sha256-hex:json:/a}"; # HERE\nhandshake when=json:/b;),
        ) =~ s/^algorithm.*\K # HERE//mr,
        invalid('"{hmac-sha256-...}" needs "algorithm hmac-sha256"'),
    ],
    # Every delivery would be one, and none would ever arrive.
    'a handshake that every delivery is' => [
        scheme(handshake => 'verify=none'), qr/invalid scheme "acme": .*"when=".*/,
    ],
);

subtest 'schemes'               => sub { are_found(@SCHEMES) };
subtest 'keys of schemes'       => sub { are_found(@KEYS_OF_SCHEMES) };
subtest 'JSON Web Tokens'       => sub { are_found(@TOKENS) };
subtest 'texts that are signed' => sub { are_found(@TEXTS) };
subtest 'signatures'            => sub { are_found(@SIGNATURES) };
subtest 'times and events'      => sub { are_found(@TIMES_AND_EVENTS) };
subtest 'digests'               => sub { are_found(@DIGESTS) };
subtest 'native functions'      => sub { are_found(@NATIVES) };
subtest 'handshakes of schemes' => sub { are_found(@HANDSHAKES_OF_SCHEMES) };

finish();
