# Sets of public keys in a file: picked by the token's kid, taken up when the file changes.

use Webhook::Fixtures;
use Webhook::Test;

my $path = directory() . '/keys.json';

my $pair = ec_secret('spki');

sub jwk_of ($private, $kid, $more = '') {
    my $der = `openssl pkey -in $private -pubout -outform DER`;
    my ($x, $y) = map { base64url($_) } unpack 'a32 a32', substr $der, -64;
    return qq({"kty":"EC","crv":"P-256","kid":"$kid","x":"$x","y":"$y"$more});
}

my ($one, $two) = @$pair{qw(key other)};

sub key_set (@keys) { return '{"keys":[' . join(',', @keys) . ']}' }

# By renaming, as docs/directives.md advises.
sub replace ($text) {
    write_file('keys.new', $text, 0644);
    rename directory() . '/keys.new', $path or die "cannot rename: $!";
}

replace(key_set(jwk_of($one, 'one')));

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_scheme acme { algorithm jwt=ES256; key jwk; signature header=Authorization prefix="Bearer "; }
map "" \$set { default '@{[ slurp($path) ]}'; }
server {
    listen %%ADDR%%:8080;
    location = /mapped { webhook acme; webhook_secret \$set; proxy_pass http://%%BACKEND%%; }
    location / { webhook acme; webhook_secret file:$path id=set; proxy_set_header X-Seen-Id \$webhook_secret_id; proxy_pass http://%%BACKEND%%; }
}
CONF

sub deliver_by ($key, @kid) {
    $backend->clear;
    my $token = json_web_token('ES256', $key, exp => time + 60, @kid ? (-header => { kid => $kid[0] }) : ());
    my $response = send_request(uri => '/', body => '{}', headers => [ Authorization => "Bearer $token" ]);
    return join ' ', $response->{status}, $response->header('Webhook-Reason') // 'delivered';
}

# The file is looked at once a second, and read when it has not changed for some.
sub eventually ($what, $expected, $send) {
    my $seen = '';
    for (1 .. 300) {
        $seen = $send->();
        last if $seen eq $expected;
        select undef, undef, undef, 0.1;
    }
    is $seen, $expected, $what;
}

is deliver_by($one, 'one'), '200 delivered', 'by the key that it names';
is [ $backend->requests ]->[0]{headers}{'x-seen-id'}, 'set', 'the id of the secret';
is deliver_by($one), '200 delivered', 'by a key that it does not name';
is deliver_by($one, 'two'), '401 bad_signature', 'by a key of another name';
like $nginx->error_log, qr/bad_signature, no key of the set is named "two", endpoint: /, 'the log tells which';
is deliver_by($two, 'one'), '401 bad_signature', 'by another key of that name';

replace(key_set(jwk_of($two, 'two'), '{"kty":"RSA","kid":"other","n":"AQAB","e":"AQAB"}'));
eventually('the new key', '200 delivered', sub { return deliver_by($two, 'two') });
is deliver_by($one, 'one'), '401 bad_signature', 'the key before it';
like $nginx->error_log, qr/\[notice\] .*webhook_secret: "\Q$path\E": the key "other" is of no use: the secret is not a P-256 key in /,
    'a key of another kind is passed over';
like $nginx->error_log, qr/webhook_secret: took up the changed "\Q$path\E"/, 'the log tells';

subtest 'the last good set stays' => sub {
    my %bad = (
        'a part of one'  => substr(key_set(jwk_of($one, 'one')), 0, -1),
        'no usable key'  => key_set(),
        'a private key'  => key_set(jwk_of($one, 'one'), jwk_of($one, 'three', ',"d":"AA"')),
    );
    for my $what (sort keys %bad) {
        my $before = length $nginx->error_log;
        replace($bad{$what});
        eventually($what, 'told', sub {
            deliver_by($two, 'two');
            return substr($nginx->error_log, $before) =~ /the last good set of keys stays/ ? 'told' : 'not yet';
        });
        is deliver_by($two, 'two'), '200 delivered', "$what: the key before it";
        is deliver_by($one, 'one'), '401 bad_signature', "$what: its own";
    }
    unlink $path;
    my $before = length $nginx->error_log;
    eventually('none', 'told', sub {
        deliver_by($two, 'two');
        return substr($nginx->error_log, $before) =~ /cannot look at/ ? 'told' : 'not yet';
    });
    is deliver_by($two, 'two'), '200 delivered', 'none: the key before it';
};

subtest 'sets that nginx -t refuses' => sub {
    my $conf = 'webhook_scheme acme { algorithm jwt=ES256; key jwk; signature header=A; }'
        . "\nserver { listen %%ADDR%%:8080; location / { webhook acme; webhook_secret file:$path; } }";
    my %bad = (
        'a private key' => [ key_set(jwk_of($one, 'one', ',"d":"AA"')), 'the key "one" is not a public one' ],
        'no key'        => [ key_set(), 'it has no key for this scheme' ],
        'too many'      => [ key_set((jwk_of($one, 'one')) x 33), 'it has 33 keys, allowed: 32' ],
    );
    for my $what (sort keys %bad) {
        replace($bad{$what}[0]);
        my ($code, $output) = config_test(http => $conf);
        isnt $code, 0, "$what: refused";
        like $output, qr/invalid "webhook_secret" for the scheme "acme": "\Q$path\E": \Q$bad{$what}[1]\E in .*:2/, "$what: why";
    }
    replace(key_set(jwk_of($one, 'one')));
    my ($code, $output) = config_test(http => $conf);
    is $code, 0, 'a good one';
    unlike $output, qr/readable by others/, 'workers have to be able to read it';
};

subtest 'what nginx -t tells of the keys that are of no use' => sub {
    my $conf = 'webhook_scheme acme { algorithm jwt=RS256; key jwk; signature header=A; digest claim=d; }'
        . "\nserver { listen %%ADDR%%:8080; webhook_secret file:$path; location /a { webhook acme; } location /b { webhook acme; } }";
    my $rsa = sub ($kid, $n, $type = 'RSA') {
        return sprintf '{"kty":"%s","kid":"%s","n":"%s","e":"AQAB"}', $type, $kid, $n;
    };
    my $modulus = sub ($bytes) { return base64url("\xc5" . "\x01" x ($bytes - 1)) };
    my $good    = $rsa->('good', $modulus->(256));
    my $short   = $rsa->('short', $modulus->(128));
    my %keys = (
        'another kind of key' => [ 'notice', jwk_of($one, 'ec'), 'the key "ec" is of no use: the secret is not an RSA key' ],
        'a key for encryption' => [ 'notice', $good =~ s/good","/e","use":"enc","/r, 'the key "e" is of no use: the JWK is not for signatures' ],
        'a short key' => [ 'warn', $short, 'the key "short" is of no use: the RSA key is 1024 bits long, at least 2048 are safe' ],
        'bad base64' => [ 'warn', $rsa->('bad', '*'), 'the key "bad" is of no use: its "n" is none' ],
        'an unknown kind' => [ 'warn', $rsa->('odd', 'AQAB', 'rsa'), 'the key "odd" is of no use: the JWK\'s "kty" is not EC, OKP or RSA' ],
        'no name' => [ 'warn', '{"kty":"RSA"}', 'the key at "/keys/1" is of no use: the JWK has no member "n", or several' ],
    );
    for my $what (sort keys %keys) {
        my ($level, $key, $why) = @{ $keys{$what} };
        replace(key_set($good, $key));
        my ($code, $output) = config_test(http => $conf);
        is $code, 0, "$what: taken";
        my @told = grep { /of no use/ } split /\n/, $output;
        is scalar @told, 1, "$what: told once" or diag $output;
        like $told[0] // '', qr/^nginx: \[$level\] "\Q$path\E": \Q$why\E in .*:2$/, "$what: why";
        replace(key_set($key));
        ($code, $output) = config_test(http => $conf);
        isnt $code, 0, "$what: refused where there is no other";
        my $first = $why =~ s{/keys/1}{/keys/0}r;
        like $output, qr/\[emerg\] .*: it has no key for this scheme: \Q$first\E in .*:2/, "$what: why";
    }
};

subtest 'a set that stands in no file' => sub {
    my $position = length $nginx->error_log;
    my $token = json_web_token('ES256', $one, exp => time + 60);
    my $response = send_request(uri => '/mapped', body => '{}', headers => [ Authorization => "Bearer $token" ]);
    is $response->header('Webhook-Reason'), 'no_secret', 'of a variable: refused';
    my $told = substr $nginx->error_log, $position;
    like $told, qr/the value of "webhook_secret" in \S+ is not usable: a set of keys can only stand in "file:"/, 'says so';
    like $told, qr/no_secret, the variables of "webhook_secret" give none that is usable/, 'as does the verdict';
    my $set = key_set(jwk_of($one, 'one'));
    my $scheme = 'webhook_scheme acme { algorithm jwt=ES256; key jwk; signature header=Authorization prefix="Bearer "; }';
    for my $secret ("'$set'", 'env:WEBHOOK_KEYS') {
        my ($code, $output) = config_test(env => { WEBHOOK_KEYS => $set },
            http => "$scheme\nserver { listen %%ADDR%%:8080; location / { webhook acme; webhook_secret $secret; } }");
        isnt $code, 0, 'refused by nginx -t';
        like $output, qr/invalid "webhook_secret" for the scheme "acme": a set of keys can only stand in "file:"/, 'with the reason';
    }
};

finish();
