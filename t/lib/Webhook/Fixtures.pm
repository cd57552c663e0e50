package Webhook::Fixtures;

# How each sender signs, after its own documentation, as data: an entry of t/fixtures/*.pl per preset.
#
#   fixture github => (
#       sign  => sub ($delivery) { return 'X-Hub-Signature-256' => 'sha256=' . ... },
#       sends => [ 'X-GitHub-Delivery' => '72d3162e', 'X-GitHub-Event' => 'push' ],
#       id => '72d3162e', type => 'push',
#   );
#
# What an entry holds:
#
#   secrets      what is configured, the first being what the sender signs with (one text_secret)
#   options      parameters of the first webhook_secret
#   method, query, content_type, body    of the request (POST, none, application/json); query and body
#                may be code that takes the delivery
#   timestamp    seconds(N), milliseconds(N) or rfc3339(N, ...), N being the tolerance
#                in seconds
#   sign         code: delivery -> headers that the gate needs; none where the body holds everything
#   sends        headers that come along
#   missing      reason for each header of `sign` that is left out (the only one: missing_signature)
#   missing_json the same for values of the body, by JSON pointer
#   missing_field the same for fields of a form
#   id, type     what $webhook_event_id and $webhook_event_type are to be (nothing)
#   tamper       code: body -> a body that must be refused; undef where no body is refused
#   uncovered    code: body -> another body that passes, as the sender signs nothing of the difference
#   signs        of `url`, `path` and `method`: what is signed beside the body
#   several      1: the sender signs with every secret it has, and one right signature is enough
#   cases        more: name => [ 'accepted' or a reason, changes ]
#
# A delivery holds method, uri, url (as the sender sees it), content_type, body, key and keys (of the
# secrets it signs with), time (Unix seconds), timestamp (as the sender writes it); changes replace
# what is in it. Three changes are made along the way: `before` and `after`, code: body -> body,
# before and after signing, and `alter`, { header => code: value -> value, or undef to leave it out }.
# `secret => N` signs with that one of the secrets, `stranger => 1` with one that is not configured.
# `origin` and `folder` are parts of the URL; `sent_method` and `more_query` differ from what is signed.

use v5.36;

use Digest::SHA qw(hmac_sha1 hmac_sha1_hex hmac_sha256 hmac_sha256_hex hmac_sha512 sha256_hex);
use Exporter qw(import);
use JSON::PP ();
use List::Util qw(pairkeys);
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX qw(strftime);
use Webhook::Process qw(run_command);
use Webhook::Sandbox qw(directory slurp write_file);

our @EXPORT = qw(
    alias another_blank base64 base64_secret base64url basic_secret decode_json ec_secret
    ecdsa_signature ed25519_secret ed25519_signature encode_json fixture form_decoded form_encoded
    hex_secret hmac_sha1 hmac_sha1_hex hmac_sha256 hmac_sha256_hex json_web_token milliseconds
    nothing_signed other_algorithms rfc3339 rsa_secret rsa_signature seconds sha256_hex text_secret
    whsec_secret
);

our @EXPORT_OK = qw(deliver fixtures load_fixtures without_value);

my %FIELD = map { $_ => 1 } qw(
    preset secrets options method query content_type body timestamp sign sends missing missing_json missing_field id
    type tamper uncovered signs several cases
);

my %fixtures;

sub fixture ($preset, %entry) {
    die "a second fixture for $preset\n" if $fixtures{$preset};
    my @unknown = grep { !$FIELD{$_} } keys %entry;
    die "$preset: unknown field @unknown\n" if @unknown;
    $fixtures{$preset} = {
        method       => 'POST',
        query        => '',
        content_type => 'application/json',
        body         => '{"some":"payload"}',
        sign         => sub ($delivery) { return },
        sends        => [],
        signs        => [],
        tamper       => \&another_blank,
        cases        => {},
        %entry,
        preset  => $preset,
        secrets => $entry{secrets} // [text_secret()],
    };
}

# The same sender's rule under another name.
sub alias ($preset, $base, %entry) {
    my $rule = $fixtures{$base} // die "$preset: no fixture for $base\n";
    fixture($preset, %$rule, %entry);
}

sub fixtures () { return \%fixtures }

sub load_fixtures ($folder) {
    for my $file (sort glob "$folder/*.pl") {
        do $file or die "$file: " . ($@ || $! || 'ends with nothing') . "\n";
    }
}

# The request that delivers as the fixture says, but for the changes. With it, the timestamp, and the
# names of the headers that `sign` gives.
sub deliver ($fixture, %changes) {
    my %delivery = (
        (map { $_ => $fixture->{$_} } qw(preset method content_type body query)),
        keys   => [ $fixture->{secrets}[0]{key} ],
        time   => time,
        folder => 'hooks',
        %changes,
    );
    $delivery{keys} = [ $fixture->{secrets}[ $changes{secret} ]{key} ] if defined $changes{secret};
    $delivery{keys} = [ map { $_->{other} } $fixture->{secrets}[0] ] if $changes{stranger};
    $delivery{key}  = $delivery{keys}[0];
    $delivery{timestamp} //= $fixture->{timestamp}{write}->($delivery{time}) if $fixture->{timestamp};
    $delivery{body} = $delivery{body}->(\%delivery) if ref $delivery{body};
    $delivery{body} = $delivery{before}->($delivery{body}) if $delivery{before};
    $delivery{query} = $delivery{query}->(\%delivery) if ref $delivery{query};
    $delivery{uri}  = "/$delivery{folder}/$fixture->{preset}$delivery{query}";
    $delivery{url} //= ($delivery{origin} // 'http://localhost') . $delivery{uri};
    my @signed  = $fixture->{sign}->(\%delivery);
    $delivery{body} = $delivery{after}->($delivery{body}) if $delivery{after};
    return (
        method    => $delivery{sent_method} // $delivery{method},
        uri       => $delivery{uri} . ($delivery{more_query} // ''),
        body      => $delivery{body},
        headers   => [
            'Content-Type' => $delivery{content_type},
            altered($delivery{alter} // {}, @signed, @{ $fixture->{sends} }),
        ],
        timestamp => $delivery{timestamp},
        needed    => [ pairkeys @signed ],
    );
}

sub altered ($alter, @headers) {
    my @altered;
    while (my ($name, $value) = splice @headers, 0, 2) {
        if (exists $alter->{$name}) {
            next unless defined $alter->{$name};
            $value = $alter->{$name}->($value);
        }
        push @altered, $name => $value;
    }
    return @altered;
}

# Timestamps

sub seconds ($past) { return { past => $past, future => $past, write => sub ($time) { return $time } } }

sub milliseconds ($past) {
    return { past => $past, future => $past, write => sub ($time) { return "${time}000" } };
}

# `future` where it is another; `fraction` as the sender writes it, `offset` in hours.
sub rfc3339 ($past, %format) {
    my $offset = $format{offset} // 0;
    my $zone   = $offset ? sprintf '%+03d:00', $offset : 'Z';
    return {
        past   => $past,
        future => $format{future} // $past,
        write  => sub ($time) {
            return strftime('%Y-%m-%dT%H:%M:%S', gmtime $time + 3600 * $offset) . ($format{fraction} // '') . $zone;
        },
    };
}

# Secrets: `written` in nginx.conf, `key` is what the sender signs with, `other` the same of another
# secret of the kind.

my $serial = 0;

sub random_bytes () { return Digest::SHA::sha256(join ' ', 'secret', $$, ++$serial) }

sub text_secret ($text = 'secret-' . unpack 'H16', random_bytes()) {
    return { written => $text, key => $text, other => $text =~ tr/a-y0-8/b-z1-9/r };
}

sub whsec_secret ($prefix = 'whsec_') {
    my $key = random_bytes();
    return { written => $prefix . base64($key), key => $key, other => random_bytes() };
}

sub base64_secret () {
    my $key = random_bytes();
    return { written => base64($key), key => $key, other => random_bytes() };
}

sub hex_secret () {
    my $key = random_bytes();
    return { written => unpack('H*', $key), key => $key, other => random_bytes() };
}

sub basic_secret ($user, $password) {
    return { written => "$user:$password", key => "$user:$password", other => "$user:another" };
}

# Of public keys, `key` is the path of the private one. `form`: hex, base64 or whpk.
sub ed25519_secret ($form) {
    my ($key, $other) = key_pair('ed25519');
    my $point   = substr public_der($key), -32;
    my %written = (hex => unpack('H*', $point), base64 => base64($point), whpk => 'whpk_' . base64($point));
    return { written => $written{$form}, key => $key, other => $other };
}

# `form`: spki or jwk.
sub ec_secret ($form) {
    my ($key, $other) = key_pair('ec');
    my $spki = public_der($key);
    my ($x, $y) = map { encode_base64url($_) } unpack 'a32 a32', substr $spki, -64;
    my $jwk = qq({"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","x":"$x","y":"$y"});
    my %written = (spki => base64($spki), jwk => 'file:' . write_file('jwk.json', $jwk));
    return { written => $written{$form}, key => $key, other => $other };
}

# `form`: pem or certificate.
sub rsa_secret ($form) {
    my ($key, $other) = key_pair('rsa');
    my $path = "$key.$form";
    if (!-e $path) {
        openssl($form eq 'pem' ? (qw(pkey -pubout -in), $key, '-out', $path)
            : (qw(req -x509 -days 2 -subj /CN=webhooks.example.com -key), $key, '-out', $path));
    }
    return { written => "file:$path", key => $key, other => $other };
}

# Signatures

sub base64 ($bytes) { return encode_base64($bytes, '') }
sub base64url ($bytes) { return encode_base64url($bytes) }

sub ed25519_signature ($key, $text) { return signature($key, $text, qw(pkeyutl -sign -rawin -inkey), $key, '-in') }
sub ecdsa_signature ($key, $text) { return signature($key, $text, qw(dgst -sha256 -sign), $key) }
sub rsa_signature ($hash, $key, $text) { return signature($key, $text, 'dgst', "-$hash", '-sign', $key) }

# RFC 7519. Undefined claims are left out.
sub json_web_token ($algorithm, $key, %claims) {
    delete @claims{ grep { !defined $claims{$_} } keys %claims };
    my %header = (typ => 'JWT', alg => $algorithm, %{ delete $claims{-header} // {} });
    my $text   = join '.', map { base64url(encode_json($_)) } \%header, \%claims;
    my %sign = (
        none  => sub { return '' },
        HS256 => sub { return hmac_sha256($text, $key) },
        HS512 => sub { return hmac_sha512($text, $key) },
        ES256 => sub { return ecdsa_numbers(ecdsa_signature($key, $text)) },
    );
    return "$text." . base64url($sign{$algorithm}->());
}

# Cases in which the algorithm is the caller's choice.
sub other_algorithms () {
    return (
        'no algorithm'      => [ 'malformed_signature', algorithm => 'none' ],
        'another algorithm' => [ 'malformed_signature', algorithm => 'HS512' ],
    );
}

# Bodies

my $json = JSON::PP->new->canonical->utf8;

sub encode_json ($value) { return $json->encode($value) }
sub decode_json ($text) { return $json->decode($text) }

# JSON says the same with it, a form does not.
sub another_blank ($body) { return $body =~ s/^([\{\[]|[^=]*=)/$1 /r }

# For senders that sign nothing of the body.
sub nothing_signed () { return (tamper => undef, uncovered => \&another_blank) }

sub without_value ($text, $pointer) {
    my $document = decode_json($text);
    my @path     = split m{/}, substr $pointer, 1;
    my $last     = pop @path;
    my $parent   = $document;
    $parent = ref $parent eq 'ARRAY' ? $parent->[$_] : $parent->{$_} for @path;
    defined delete $parent->{$last} or die "nothing at $pointer of $text\n";
    return encode_json($document);
}

sub form_encoded (@pairs) {
    my @encoded = map { s/([^A-Za-z0-9_. -])/sprintf '%%%02X', ord $1/ger =~ tr/ /+/r } @pairs;
    return join '&', map { "$encoded[$_]=$encoded[$_ + 1]" } grep { $_ % 2 == 0 } 0 .. $#encoded;
}

# The pairs [name, value] of a form, in order.
sub form_decoded ($text) {
    my $decoded = sub ($part) { return $part =~ tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger };
    return map { [ map { $decoded->($_) } /^([^=]*)=?(.*)\z/s ] } split /&/, $text;
}

# Below: openssl

sub openssl (@arguments) {
    my $output = directory() . '/openssl.output';
    my $code   = run_command(command => [ 'openssl', @arguments ], output => $output, timeout => 60);
    die "openssl @arguments: exit $code\n" . slurp($output) if $code;
}

# Two private keys of a kind, made once.
sub key_pair ($kind) {
    my %arguments = (
        ed25519 => [qw(-algorithm ed25519)],
        ec      => [qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)],
        rsa     => [qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
    );
    my @paths = map { directory() . "/$kind-$_.key" } 1, 2;
    -e or openssl('genpkey', @{ $arguments{$kind} }, '-out', $_) for @paths;
    return @paths;
}

sub public_der ($key) {
    openssl(qw(pkey -pubout -outform DER -in), $key, '-out', "$key.der") unless -e "$key.der";
    return slurp("$key.der");
}

# Signs no text twice.
sub signature ($key, $text, @command) {
    state %known;
    return $known{"@command $text"} //= do {
        my $input = write_file('signed.text', $text);
        my $path  = "$input.signature";
        my @output = ('-out', $path);
        openssl($command[0] eq 'dgst' ? (@command, @output, $input) : (@command, $input, @output));
        slurp($path);
    };
}

# The two numbers of an ECDSA signature side by side (RFC 7518, section 3.4).
sub ecdsa_numbers ($der) {
    my ($r, $s) = unpack 'x2 x C/a x C/a', $der;
    return join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
}

1;
