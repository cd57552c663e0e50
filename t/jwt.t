# Senders that sign a JSON Web Token: it is read as they write it and in no other way, and what it says of
# the request has to be true.

use Webhook::Fixtures;
use Webhook::Test;

use Digest::SHA qw(hmac_sha384 hmac_sha512 sha512);
use MIME::Base64 qw(decode_base64url);

my $SECRET = 'a secret of the tests';
my $OTHER  = 'another secret of the tests';
my $BODY   = '{"some":"payload"}';

my $plaid   = ec_secret('jwk');
my $rsa     = rsa_secret('pem');
my $ed25519 = ed25519_secret('hex');
my $jwk     = slurp($plaid->{written} =~ s/^file://r);
write_file('other.jwk', jwk_of($plaid->{other}), 0600);

sub public_der ($key) {
    my $path = directory() . '/public.der';
    my $code = run_command(
        command => [ qw(openssl pkey -pubout -outform DER -in), $key, '-out', $path ],
        output  => directory() . '/openssl.output',
    );
    die "openssl pkey: exit $code" if $code;
    return slurp($path);
}

sub jwk_of ($key) {
    my ($x, $y) = map { base64url($_) } unpack 'a32 a32', substr public_der($key), -64;
    return qq({"kty":"EC","crv":"P-256","x":"$x","y":"$y"});
}

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
map \$http_x_tenant \$tenant_secret {
    acme     "$SECRET";
    public   '$jwk';
    default  "";
}
webhook_scheme pair {
    algorithm jwt=HS256,HS512;
    signature header=Authorization prefix="Bearer ";
    claims    iss=acme aud="{url}";
    claims    scope="to {url} only";
}
webhook_scheme es256 { algorithm jwt=ES256; key jwk; signature header=X-Token; digest claim=hash algorithm=sha512 encoding=base64url; }
webhook_scheme rs256 { algorithm jwt=RS256; key pem; signature header=X-Token; timestamp claim=at unit=ms tolerance=1m future=10s; }
webhook_scheme eddsa { algorithm jwt=EdDSA; key hex; signature header=X-Token; claims sub=acme; }
server {
    listen %%ADDR%%:8080;
    client_max_body_size 4m;
    proxy_set_header X-Seen-Secret \$webhook_secret_id;
    proxy_set_header X-Seen-Timestamp \$webhook_timestamp;
    webhook_secret "$SECRET" id=current;
    location /netlify { webhook netlify; proxy_pass http://%%BACKEND%%; }
    location /vonage  { webhook vonage; proxy_pass http://%%BACKEND%%; }
    location /monday  { webhook monday; proxy_pass http://%%BACKEND%%; }
    location /public/monday { webhook monday; webhook_url "https://hooks.example.com/m"; proxy_pass http://%%BACKEND%%; }
    location /atlassian { webhook atlassian-connect; proxy_pass http://%%BACKEND%%; }
    location /pair { webhook pair; proxy_pass http://%%BACKEND%%; }
    location /several {
        webhook netlify;
        webhook_secret "$OTHER" id=old;
        webhook_secret "$SECRET" id=new;
        proxy_pass http://%%BACKEND%%;
    }
    location /tenant { webhook netlify; webhook_secret \$tenant_secret id=tenant; proxy_pass http://%%BACKEND%%; }
    location /plaid {
        webhook plaid;
        webhook_secret "$plaid->{written}" id=first;
        proxy_pass http://%%BACKEND%%;
    }
    location /plaid/two {
        webhook plaid;
        webhook_secret file:%%DIR%%/other.jwk id=one;
        webhook_secret "$plaid->{written}" id=two;
        proxy_pass http://%%BACKEND%%;
    }
    location /plaid/wide { webhook plaid; webhook_secret "$plaid->{written}"; webhook_tolerance 1h; proxy_pass http://%%BACKEND%%; }
    location /es256 { webhook es256; webhook_secret "$plaid->{written}"; proxy_pass http://%%BACKEND%%; }
    location /rs256 { webhook rs256; webhook_secret "$rsa->{written}"; proxy_pass http://%%BACKEND%%; }
    location /eddsa { webhook eddsa; webhook_secret "$ed25519->{written}"; proxy_pass http://%%BACKEND%%; }
}
CONF

# Signs a token of any header and claims: text, or what is to be JSON.
sub token ($header, $claims, $sign) {
    my $text = join '.', map { base64url(ref ? encode_json($_) : $_) } $header, $claims;
    return "$text." . base64url($sign->($text));
}

sub hs256 ($key = $SECRET) { return sub ($text) { hmac_sha256($text, $key) } }
sub hs384 ($key = $SECRET) { return sub ($text) { hmac_sha384($text, $key) } }
sub hs512 ($key = $SECRET) { return sub ($text) { hmac_sha512($text, $key) } }
sub rs256 ($key = $rsa->{key}) { return sub ($text) { rsa_signature('sha256', $key, $text) } }
sub eddsa ($key = $ed25519->{key}) { return sub ($text) { ed25519_signature($key, $text) } }
sub nobody () { return sub ($text) { '' } }

my %HS256 = (typ => 'JWT', alg => 'HS256');
my $now   = time;

# What each sender's token says of a body (and where), and how it comes along.
my %CLAIMS = (
    netlify   => sub ($body) { return { iss => 'netlify', sha256 => sha256_hex($body) } },
    vonage    => sub ($body) { return { iss => 'Vonage', iat => $now, payload_hash => sha256_hex($body) } },
    monday    => sub ($body) { return { aud => 'http://localhost/monday', exp => $now + 300 } },
    atlassian => sub ($body) { return { iss => 'jira', exp => $now + 180, qsh => sha256_hex('POST&/atlassian&') } },
    plaid     => sub ($body) { return { iat => $now, request_body_sha256 => sha256_hex($body) } },
    pair      => sub ($body) {
        return { iss => 'acme', aud => 'http://localhost/pair', scope => 'to http://localhost/pair only' };
    },
    several => sub ($body) { return { iss => 'netlify', sha256 => sha256_hex($body) } },
    tenant  => sub ($body) { return { iss => 'netlify', sha256 => sha256_hex($body) } },
);
my %HEADER = (
    netlify   => sub ($token) { return 'X-Webhook-Signature' => $token },
    several   => sub ($token) { return 'X-Webhook-Signature' => $token },
    tenant    => sub ($token) { return 'X-Webhook-Signature' => $token },
    vonage    => sub ($token) { return Authorization => "Bearer $token" },
    pair      => sub ($token) { return Authorization => "Bearer $token" },
    monday    => sub ($token) { return Authorization => $token },
    public    => sub ($token) { return Authorization => $token },
    atlassian => sub ($token) { return Authorization => "JWT $token" },
    plaid     => sub ($token) { return 'Plaid-Verification' => $token },
    map { $_ => sub ($token) { return 'X-Token' => $token } } qw(es256 rs256 eddsa),
);
my @BY_HMAC = qw(netlify vonage monday atlassian pair);

sub claims ($name, %changes) {
    my %claims = (%{ $CLAIMS{$name}->($BODY) }, %changes);
    delete @claims{ grep { !defined $claims{$_} } keys %claims };
    return \%claims;
}

# The reason why it is refused, or that the backend was asked.
sub outcome ($name, $token, %request) {
    my ($sender) = $name =~ /^(\w+)/;
    return outcome_of(uri => "/$name", %request, headers => [ $HEADER{$sender}->($token), @{ $request{headers} // [] } ]);
}

sub outcome_of (%request) {
    $backend->clear;
    my $response = send_request(body => $BODY, %request);
    my $reason = $response->header('Webhook-Reason');
    return $reason ? "$response->{status} $reason" : $response->{status} if $backend->count == 0;
    my ($request) = $backend->requests;
    my $sent = $request{chunked} ? join '', @{ $request{chunked} } : $request{body} // $BODY;
    return $request->{body} eq $sent ? 'delivered' : 'another body';
}

sub seen ($header) { return ($backend->requests)[0]{headers}{$header} }

subtest 'as they are sent' => sub {
    is outcome($_, token(\%HS256, claims($_), hs256())), 'delivered', $_ for @BY_HMAC;
    is seen('x-seen-secret'), 'current', 'the secret';
    is outcome('plaid', json_web_token('ES256', $plaid->{key}, %{ claims('plaid') })), 'delivered', 'plaid';
    is seen('x-seen-timestamp'), $now, 'the timestamp of a claim';
    is outcome('rs256', token({ alg => 'RS256' }, { at => "${now}000" }, rs256())), 'delivered', 'RS256';
    is outcome('eddsa', token({ alg => 'EdDSA' }, { sub => 'acme' }, eddsa())), 'delivered', 'EdDSA';
    my $hash = base64url(sha512($BODY));
    is outcome('es256', json_web_token('ES256', $plaid->{key}, hash => $hash)), 'delivered', 'ES256 with a longer digest';
    is outcome('pair', token({ alg => 'HS512' }, claims('pair'), hs512())), 'delivered', 'the second of two pins';
    is outcome('netlify', token(' { "kid" : "7" , "alg" : "HS256" } ', claims('netlify'), hs256())), 'delivered', 'in other words';
};

subtest 'another key' => sub {
    is outcome($_, token(\%HS256, claims($_), hs256($OTHER))), '401 bad_signature', $_ for @BY_HMAC;
    is outcome('plaid', json_web_token('ES256', $plaid->{other}, %{ claims('plaid') })), '401 bad_signature', 'plaid';
    is outcome('rs256', token({ alg => 'RS256' }, { at => "${now}000" }, rs256($rsa->{other}))), '401 bad_signature', 'RS256';
    is outcome('eddsa', token({ alg => 'EdDSA' }, { sub => 'acme' }, eddsa($ed25519->{other}))), '401 bad_signature', 'EdDSA';
    for my $name (@BY_HMAC) {
        my ($header, $claims, $signature) = split /\./, token(\%HS256, claims($name), hs256());
        my $more = base64url(encode_json({ %{ claims($name) }, admin => 1 }));
        is outcome($name, "$header.$more.$signature"), '401 bad_signature', "$name: other claims";
        my $kid = base64url(encode_json({ %HS256, kid => 1 }));
        is outcome($name, "$kid.$claims.$signature"), '401 bad_signature', "$name: another header";
        my $last = substr $signature, 1;
        my $first = substr($signature, 0, 1) eq 'A' ? 'B' : 'A';
        is outcome($name, "$header.$claims.$first$last"), '401 bad_signature', "$name: another signature";
    }
};

subtest 'no algorithm, or one that is not pinned' => sub {
    for my $name (@BY_HMAC) {
        my $claims = claims($name);
        my %token  = (
            (map { ; "$_, signed by nobody" => token({ alg => $_ }, $claims, nobody()) } qw(none None NONE nOnE), ''),
            (map { ; "$_, with a signature" => token({ alg => $_ }, $claims, hs256()) } qw(none hs256 Hs256 HS256\  HS257), ''),
            'none named'     => token({ typ => 'JWT' }, $claims, hs256()),
            'null'           => token('{"alg":null}', $claims, hs256()),
            'a number'       => token('{"alg":256}', $claims, hs256()),
            'a list'         => token('{"alg":["HS256"]}', $claims, hs256()),
            'two'            => token('{"alg":"HS256","alg":"HS256"}', $claims, hs256()),
            'two, the first none'  => token('{"alg":"none","alg":"HS256"}', $claims, hs256()),
            'two, the second none' => token('{"alg":"HS256","alg":"none"}', $claims, nobody()),
            'in another case'      => token('{"ALG":"HS256"}', $claims, hs256()),
            'with another in another case' => token('{"alg":"HS256","Alg":"none"}', $claims, hs256()),
            'HS384'          => token({ alg => 'HS384' }, $claims, hs384()),
            'HS384, signed by HS256' => token({ alg => 'HS384' }, $claims, hs256()),
            'RS256'          => token({ alg => 'RS256' }, $claims, rs256()),
            'ES256'          => json_web_token('ES256', $plaid->{key}, %$claims),
            'what is critical' => token({ %HS256, crit => ['b64'], b64 => \0 }, $claims, hs256()),
            'nothing critical' => token({ %HS256, crit => [] }, $claims, hs256()),
            ($name eq 'pair' ? () : (HS512 => token({ alg => 'HS512' }, $claims, hs512()))),
        );
        is outcome($name, $token{$_}), '401 malformed_signature', "$name: $_" for sort keys %token;
    }
    is outcome('pair', token({ alg => 'HS512' }, claims('pair'), hs256())), '401 bad_signature', 'HS512, signed by HS256';
    is outcome('pair', token({ alg => 'HS256' }, claims('pair'), hs512())), '401 bad_signature', 'HS256, signed by HS512';
};

# Whoever knows the public key would sign with it.
subtest 'a public key is no secret' => sub {
    my $pem  = slurp($rsa->{written} =~ s/^file://r);
    my $der  = public_der($plaid->{key});
    my $tail = substr $der, -64;
    my %known = (
        jwk => $jwk, pem => $pem, 'pem without a newline' => $pem =~ s/\n\z//r, der => $der, spki => base64($der),
        point => $tail, hex => $ed25519->{written}, 'bytes of hex' => pack('H*', $ed25519->{written}), nothing => '',
    );
    my %claims = (plaid => claims('plaid'), rs256 => { at => "${now}000" }, eddsa => { sub => 'acme' });
    for my $name (sort keys %claims) {
        for my $what (sort keys %known) {
            for my $algorithm (qw(HS256 ES256 RS256 EdDSA)) {
                like outcome($name, token({ alg => $algorithm }, $claims{$name}, hs256($known{$what}))),
                    qr/^401 (?:malformed|bad)_signature$/, "$name: $algorithm with $what";
            }
        }
    }
    my @own = (jwk => decode_json(slurp(directory() . '/other.jwk')), jku => 'http://localhost/keys', x5u => 'http://localhost/', kid => '../other');
    my ($header, $rest) = split /\./, json_web_token('ES256', $plaid->{other}, %{ claims('plaid') }), 2;
    is outcome('plaid', "$header.$rest"), '401 bad_signature', 'the key of a stranger';
    my $text = join '.', map { base64url(encode_json($_)) } { alg => 'ES256', @own }, claims('plaid');
    my $signature = ecdsa_signature($plaid->{other}, $text);
    my ($r, $s) = unpack 'x2 x C/a x C/a', $signature;
    my $numbers = join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
    is outcome('plaid', "$text." . base64url($numbers)), '401 bad_signature', 'the key of a stranger that comes along';
    my $good = token(\%HS256, claims('tenant'), hs256($jwk));
    is outcome('tenant', $good, headers => [ 'X-Tenant' => 'public' ]), '401 no_secret', 'a public key in a variable';
    like $nginx->error_log, qr/\[error\] .*the value of "webhook_secret" in \S+ is not usable: .*public key/, 'is logged';
    is outcome('tenant', token(\%HS256, claims('tenant'), hs256()), headers => [ 'X-Tenant' => 'acme' ]), 'delivered', 'a secret';
    is outcome('tenant', token(\%HS256, claims('tenant'), hs256(''))), '401 no_secret', 'none';
};

subtest 'signatures of two numbers' => sub {
    my $token = json_web_token('ES256', $plaid->{key}, %{ claims('plaid') });
    my ($text, $signature) = $token =~ /^(.*)\.([^.]*)$/;
    my $bytes = decode_base64url($signature);
    my %other = (
        'DER'            => [ ecdsa_signature($plaid->{key}, $text), 'malformed' ],
        'one byte less'  => [ substr($bytes, 0, 63), 'malformed' ],
        'one byte more'  => [ "$bytes\0", 'malformed' ],
        'nothing'        => [ "\0" x 64, 'bad' ],
        'swapped'        => [ substr($bytes, 32) . substr($bytes, 0, 32), 'bad' ],
        'as large as possible' => [ "\xff" x 64, 'bad' ],
    );
    for my $what (sort keys %other) {
        my ($raw, $kind) = @{ $other{$what} };
        is outcome('plaid', "$text." . base64url($raw)), "401 ${kind}_signature", $what;
    }
    is outcome('plaid', $token), 'delivered', 'the right one';
};

subtest 'what is no token' => sub {
    for my $name (qw(netlify vonage monday plaid)) {
        my $token = $name eq 'plaid' ? json_web_token('ES256', $plaid->{key}, %{ claims('plaid') })
            : token(\%HS256, claims($name), hs256());
        my ($header, $claims, $signature) = split /\./, $token;
        my %broken = (
            'two parts' => "$header.$claims", 'four parts' => "$token.$signature", 'five parts' => "$token..",
            'no header' => ".$claims.$signature", 'no claims' => "$header..$signature", 'no signature' => "$header.$claims.",
            'dots' => '..', 'a word' => 'token', 'padded' => "$token=", 'a padded header' => "$header=.$claims.$signature",
            'a blank' => "$header. $claims.$signature", 'a character of another alphabet' => "$header.$claims+.$signature",
            'no JSON in front' => base64url('HS256') . ".$claims.$signature",
            'a list in front'  => base64url('[]') . ".$claims.$signature",
            'half a JSON in front' => base64url('{"alg":"HS256"') . ".$claims.$signature",
        );
        is outcome($name, $broken{$_}), '401 malformed_signature', "$name: $_" for sort keys %broken;
    }
    for my $claims ('', 'iss=netlify', '{"iss":"netlify"', "\xff") {
        my $token = token(\%HS256, $claims, hs256());
        is outcome('netlify', $token), '401 malformed_signature', "claims '$claims'";
    }
    for my $claims ('[]', '"netlify"', '{}', 'null') {
        like outcome('netlify', token(\%HS256, $claims, hs256())), qr/^401 (?:malformed|bad)_signature$/, "claims '$claims'";
    }
    my $token = token(\%HS256, claims('netlify'), hs256());
    is outcome('netlify', $token, headers => [ 'X-Webhook-Signature' => $token ]), '401 malformed_signature', 'two headers';
    is outcome('netlify', "Bearer $token"), '401 malformed_signature', 'a prefix that is not the sender\'s';
    my $vonage = token(\%HS256, claims('vonage'), hs256());
    for my $value ($vonage, "bearer$vonage", "Bearer  $vonage", "JWT $vonage", "Bearer$vonage", 'Bearer ', 'Bearer') {
        is outcome_of(uri => '/vonage', headers => [ Authorization => $value ]), '401 malformed_signature',
            "'" . substr($value, 0, 15) . "'";
    }
    is outcome_of(uri => '/vonage', headers => [ Authorization => "$_ $vonage" ]), 'delivered', "'$_'" for qw(bearer BEARER);
    is outcome_of(uri => '/vonage'), '401 missing_signature', 'none';
};

subtest 'times' => sub {
    my $signed = sub ($name, %changes) { return outcome($name, token(\%HS256, claims($name, %changes), hs256())) };
    for my $name (@BY_HMAC) {
        is $signed->($name, exp => time + 5),   'delivered', "$name: before its end";
        is $signed->($name, exp => time - 1),   '401 stale_timestamp', "$name: behind its end";
        is $signed->($name, exp => 0),          '401 stale_timestamp', "$name: long ago";
        is $signed->($name, nbf => time - 5),   'delivered', "$name: after its begin";
        is $signed->($name, nbf => time + 30),  'delivered', "$name: a begin within the skew of clocks";
        is $signed->($name, nbf => time + 90),  '401 future_timestamp', "$name: before its begin";
        is $signed->($name, nbf => time + 90, exp => time - 1), '401 stale_timestamp', "$name: neither";
    }
    for my $claim (qw(exp nbf)) {
        for my $value ('"soon"', 'null', '[]', '{}', '""', '-1', '99999999999999999999999', 'true') {
            my $claims = encode_json(claims('netlify')) =~ s/\}$/,"$claim":$value}/r;
            is outcome('netlify', token(\%HS256, $claims, hs256())), '401 malformed_timestamp', "$claim is $value";
        }
    }
    my $plaid_at = sub ($name, $iat) {
        return outcome($name, json_web_token('ES256', $plaid->{key}, %{ claims('plaid', iat => $iat) }));
    };
    is $plaid_at->('plaid', $_->[0]), $_->[1], $_->[2] for
        [ undef, '401 missing_timestamp', 'no iat' ], [ 'now', '401 malformed_timestamp', 'iat is a word' ],
        [ time - 290, 'delivered', 'nearly stale' ], [ time - 310, '401 stale_timestamp', 'stale' ],
        [ time + 290, 'delivered', 'nearly future' ], [ time + 310, '401 future_timestamp', 'future' ];
    is $plaid_at->('plaid/wide', time - 3000), 'delivered', 'with another tolerance';
    is $plaid_at->('plaid/wide', time - 3700), '401 stale_timestamp', 'which has an end';
    my $rs256_at = sub ($time) { return outcome('rs256', token({ alg => 'RS256' }, { at => "${time}000" }, rs256())) };
    is $rs256_at->(time - 50), 'delivered', 'a claim in milliseconds';
    is $rs256_at->(time - 70), '401 stale_timestamp', 'stale';
    is $rs256_at->(time + 20), '401 future_timestamp', 'future';
    is outcome('rs256', token({ alg => 'RS256' }, { iat => $now }, rs256())), '401 missing_timestamp', 'no such claim';
};

subtest 'claims' => sub {
    my $signed = sub ($name, %changes) { return outcome($name, token(\%HS256, claims($name, %changes), hs256())) };
    my $url    = 'http://localhost/monday';
    for my $iss (undef, '', 'Netlify', 'netlify ', 'https://netlify', [], ['other'], { netlify => 1 }, 1) {
        is $signed->('netlify', iss => $iss), '401 bad_signature', 'another issuer';
    }
    for my $aud (undef, '', "$url/", "${url}2", 'http://localhost', "HTTP://localhost/monday", 'https://localhost/monday', [], ["$url/"], [ [$url] ], { url => $url }) {
        is $signed->('monday', aud => $aud), '401 bad_signature', 'another audience';
    }
    is $signed->('monday', aud => [ 'other', $url ]), 'delivered', 'one of several audiences';
    is outcome('monday', token(\%HS256, '{"aud":"http://localhost/monday","aud":"other"}', hs256())), '401 bad_signature', 'two';
    is outcome('public/monday', token(\%HS256, { aud => 'https://hooks.example.com/m' }, hs256())), 'delivered', 'webhook_url';
    is outcome('public/monday', token(\%HS256, { aud => 'http://localhost/public/monday' }, hs256())), '401 bad_signature',
        'what nginx sees instead of it';
    is outcome('monday/elsewhere', token(\%HS256, claims('monday'), hs256())), '401 bad_signature', 'sent elsewhere';
    is outcome('monday?a=b', token(\%HS256, claims('monday'), hs256())), '401 bad_signature', 'with a query';
    is $signed->('pair', $_ => 'other'), '401 bad_signature', "each is demanded: $_" for qw(iss aud scope);
    is $signed->('pair', $_ => undef), '401 bad_signature', "none may be missing: $_" for qw(iss aud scope);
    is outcome('eddsa', token({ alg => 'EdDSA' }, { sub => 'other' }, eddsa())), '401 bad_signature', 'another subject';
};

subtest 'the body' => sub {
    my %digest = (netlify => 'sha256', vonage => 'payload_hash', plaid => 'request_body_sha256');
    my $sent = sub ($name, $changes, %request) {
        my $claims = claims($name, %$changes);
        return outcome($name, $name eq 'plaid' ? json_web_token('ES256', $plaid->{key}, %$claims) : token(\%HS256, $claims, hs256()), %request);
    };
    for my $name (sort keys %digest) {
        my $claim = $digest{$name};
        my $right = sha256_hex($BODY);
        is $sent->($name, {}, body => "$BODY "), '401 bad_signature', "$name: another body";
        is $sent->($name, {}, body => ''), '401 bad_signature', "$name: no body";
        is $sent->($name, { $claim => undef }), '401 bad_signature', "$name: no digest";
        is $sent->($name, { $claim => $_ }), '401 bad_signature', "$name: the digest " . (encode_json([$_]))
            for '', substr($right, 0, 62), "${right}00", " $right", base64(pack 'H*', $right), 1, [$right], sha256_hex('');
        is $sent->($name, { $claim => uc $right }), 'delivered', "$name: the digest in upper case";
        my $large = 'x' x 2_000_000;
        is $sent->($name, { $claim => sha256_hex($large) }, body => $large), 'delivered', "$name: 2 MB";
        is $sent->($name, { $claim => sha256_hex($large) }, body => "${large}x"), '401 bad_signature', "$name: one byte more";
        is $sent->($name, {}, chunked => [ split //, $BODY ], body => undef), 'delivered', "$name: in chunks";
        is $sent->($name, { $claim => sha256_hex('') }, body => ''), 'delivered', "$name: the digest of no body";
    }
    is $sent->('vonage', { payload_hash => undef }, body => ''), 'delivered', 'vonage: neither digest nor body';
    is $sent->($_, { $digest{$_} => undef }, body => ''), '401 bad_signature', "$_: neither digest nor body" for qw(netlify plaid);
    is $sent->($_, {}, body => 'another'), 'delivered', "$_: signs no body" for qw(monday atlassian);
    is outcome('es256', json_web_token('ES256', $plaid->{key}, hash => sha256_hex($BODY))), '401 bad_signature', 'a digest by another hash';
};

# The query's names in order, encoded, the values of a name joined by commas.
subtest 'the hash of the query' => sub {
    my $sent = sub ($uri, $text, %request) {
        return outcome("atlassian$uri", token(\%HS256, { exp => $now + 60, qsh => sha256_hex($text) }, hs256()), %request);
    };
    my @right = (
        [ ''                      => 'POST&/atlassian&' ],
        [ '/'                     => 'POST&/atlassian&' ],
        [ '/a'                    => 'POST&/atlassian/a&' ],
        [ '?b=2&a=1'              => 'POST&/atlassian&a=1&b=2' ],
        [ '?a=2&a=1&a=10'         => 'POST&/atlassian&a=1,10,2' ],
        [ '?a=1&jwt=x.y.z'        => 'POST&/atlassian&a=1' ],
        [ '?a=b+c&d=%2a%7E,%c3%a4' => 'POST&/atlassian&a=b%20c&d=%2A~%2C%C3%A4' ],
        [ '?a'                    => 'POST&/atlassian&a=' ],
    );
    is $sent->(@$_), 'delivered', "$_->[0]" for @right;
    is $sent->('', 'GET&/atlassian&'), '401 bad_signature', 'another method';
    is $sent->('/b', 'POST&/atlassian/a&'), '401 bad_signature', 'another path';
    is $sent->('?a=2', 'POST&/atlassian&a=1'), '401 bad_signature', 'another value';
    is $sent->('?a=1&b=2', 'POST&/atlassian&a=1'), '401 bad_signature', 'more in the query';
    is $sent->('?a=1,2', 'POST&/atlassian&a=1,2'), '401 bad_signature', 'one value for two';
    is $sent->('?JWT=1', 'POST&/atlassian&'), '401 bad_signature', 'another jwt';
    is $sent->('?a=%zz', 'POST&/atlassian&a=%25zz'), '401 bad_signature', 'a query that does not decode';
    is outcome('atlassian', token(\%HS256, { exp => $now + 60, qsh => 'context-qsh' }, hs256())), '401 bad_signature',
        'what tokens for browsers carry instead';
};

subtest 'several secrets' => sub {
    is outcome('several', token(\%HS256, claims('several'), hs256($OTHER))), 'delivered', 'the first';
    is seen('x-seen-secret'), 'old', 'its id';
    is outcome('several', token(\%HS256, claims('several'), hs256())), 'delivered', 'the second';
    is seen('x-seen-secret'), 'new', 'its id';
    is outcome('several', token(\%HS256, claims('several'), hs256('a stranger'))), '401 bad_signature', 'neither';
    is outcome('plaid/two', json_web_token('ES256', $plaid->{key}, %{ claims('plaid') })), 'delivered', 'the second of two public keys';
    is seen('x-seen-secret'), 'two', 'its id';
    is outcome('plaid/two', json_web_token('ES256', $plaid->{other}, %{ claims('plaid') })), 'delivered', 'the first';
    is seen('x-seen-secret'), 'one', 'its id';
};

subtest 'refused before the body' => sub {
    for my $claims (claims('netlify', iss => 'other'), claims('netlify', exp => 1)) {
        my $connection = open_connection();
        my $token = token(\%HS256, $claims, hs256());
        $connection->send("POST /netlify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nX-Webhook-Signature: $token\r\n\r\n");
        is $connection->read_response->{status}, 401, 'the answer does not wait for it';
        $connection->close;
    }
};

finish();
