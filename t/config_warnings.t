# What `nginx -t` remarks on a configuration that it takes: at the right level, with the file and
# the line (marked HERE), once; and nothing where there is nothing to say.

use Webhook::Fixtures;
use Webhook::Test;

my $SECRET = 'Zq7-a-secret-of-enough-length';
my $WHSEC  = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';

sub in_location ($text) { return "server {\nlisten %%ADDR%%:8080;\nlocation /hook {\n$text\n}\n}" }

sub place_of ($text) {
    my @lines = split /\n/, $text;
    my ($index) = grep { $lines[$_] =~ /# HERE/ } 0 .. $#lines;
    die "no line is marked:\n$text" unless defined $index;
    return directory() . '/config_test/http.conf:' . ($index + 1);
}

# The remarks on a configuration that must be taken: in the log, and on the terminal of who tests it.
sub remarks ($text, %options) {
    my $log = directory() . '/config_test/error.log';
    unlink $log;
    my ($code, $output) = config_test(http => $text, %options);
    is $code, 0, 'the configuration is taken' or diag $output;
    my @remarks = map { /(\[\w+\]) \d+#\d+: (.*)/ ? "$1 $2" : () } split /\n/, slurp($log);
    my @shown   = map { s/^nginx: //r } grep { /\[\w+\]/ } split /\n/, $output;
    is_deeply \@shown, \@remarks, 'remarks are shown';
    unlike $output . slurp($log), qr/Zq7/, 'no secret is printed';
    return @remarks;
}

sub says ($name, $text, $remark, %options) {
    subtest $name => sub {
        my @found = remarks($text, %options);
        my $place = place_of($text);
        my $expected = $remark =~ /PLACE/ ? $remark =~ s/PLACE/$place/r : expand($remark) . " in $place";
        is_deeply \@found, [$expected], 'the remark and its place';
    };
}

sub says_nothing ($name, $text, %options) {
    subtest $name => sub { is_deeply [ remarks($text, %options) ], [], 'no remark' };
}

subtest 'secret files that others may read' => sub {
    my $text = in_location("webhook github;\nwebhook_secret file:%%DIR%%/github.key; # HERE");
    write_file('github.key', "$SECRET\n", 0644);
    says('readable by everybody', $text, '[warn] the secret file "%%DIR%%/github.key" is readable by others');
    write_file('github.key', "$SECRET\n", 0604);
    says('readable by others only', $text, '[warn] the secret file "%%DIR%%/github.key" is readable by others');
    write_file('github.key', "$SECRET\n", 0640);
    says_nothing('readable by the group', $text);
    write_file('github.key', "$SECRET\n", 0600);
    says_nothing('readable by the owner', $text);
};

subtest 'secrets that are easy to guess' => sub {
    for my $size (15, 1) {
        says("$size bytes", in_location("webhook github;\nwebhook_secret " . 'x' x $size . '; # HERE'),
            "[warn] the webhook_secret in PLACE is only $size bytes long, at least 16 are safe");
    }
    says_nothing('16 bytes', in_location("webhook github;\nwebhook_secret " . 'x' x 16 . ';'));
    says_nothing('the key of a whsec_ secret', in_location("webhook svix;\nwebhook_secret $WHSEC;"));
    says('a token', in_location("webhook gitlab;\nwebhook_secret short; # HERE"),
        '[warn] the webhook_secret in PLACE is only 5 bytes long, at least 16 are safe');
    # The text is long, the key is not.
    says('the key of a short whsec_ secret', in_location("webhook svix;\nwebhook_secret whsec_c2VjcmV0; # HERE"),
        '[warn] the webhook_secret in PLACE is only 6 bytes long, at least 16 are safe');
    says('only one of two',
        in_location("webhook github;\nwebhook_secret $SECRET;\nwebhook_secret short; # HERE"),
        '[warn] the webhook_secret in PLACE is only 5 bytes long, at least 16 are safe');
    says('one that several locations use',
        "webhook_secret short; # HERE\nserver {\nlisten %%ADDR%%:8080;\n"
            . "location /a { webhook github; }\nlocation /b { webhook github; }\n}",
        '[warn] the webhook_secret in PLACE is only 5 bytes long, at least 16 are safe');
    says('what the sender sends', in_location("webhook github;\nwebhook_secret \$$_; # HERE"),
        '[warn] this webhook_secret is what the sender sends: anyone can sign with it')
        for qw(arg_t http_x_secret {cookie_c});
    says_nothing('a value with a variable', in_location("webhook github;\nwebhook_secret \$host;"));
};

subtest 'signatures of nothing much' => sub {
    my $scheme = "webhook_scheme acme { # HERE\nalgorithm hmac-sha256;\nsignature header=A;\nsigned \"{method}\";\n}\n";
    says('the body is not signed', $scheme, '[warn] the signature of the scheme "acme" does not cover the body');
    my $of = sub ($statements) { return "webhook_scheme acme { # HERE\n$statements\n}\n" };
    my $hmac = 'algorithm hmac-sha256; signature header=A;';
    my $jwt  = 'algorithm jwt=HS256; signature header=A;';
    my %uncovered = (
        'a value of it'   => qq($hmac signed "{json:/id}.{header:B}{url}";),
        'two values of it' => qq($hmac signed "{json:/id}|{json:/time}";),
        'its CRC'         => qq($hmac signed "{crc32:body}";),
        'a time in it'    => qq($hmac signed "{timestamp}"; timestamp json=/time;),
        'claims'          => qq($jwt claims iss=acme aud="{url}";),
    );
    says("signed is $_", $of->($uncovered{$_}), '[warn] the signature of the scheme "acme" does not cover the body')
        for sort keys %uncovered;
    my %covered = (
        'the body'        => qq($hmac signed "{body}";),
        'its hash'        => qq($hmac signed "{sha256:body}";),
        'a form'          => qq($hmac signed "{form}";),
        'the only field'  => qq($hmac signed "{field:payload}";),
        'a digest in the URL'    => qq($hmac signed "{url}"; digest query=d;),
        'a digest in the claims' => qq($jwt digest claim=d;),
        'nothing: the secret itself is sent' => 'algorithm token; signature header=A;',
    );
    says_nothing("signed is $_", $of->($covered{$_})) for sort keys %covered;

    my $time  = 'timestamp header=T;';
    my $moved = sub ($left, $right) {
        return qq([warn] the signature of the scheme "acme" does not tell where "$left" and "$right" begin and end);
    };
    says('a header at the body', $of->(qq($hmac signed "{body}{header:B}";)), $moved->('{body}', '{header:...}'));
    says('an id at the body', $of->(qq($hmac signed "{id}{body}"; event_id header=I;)), $moved->('{id}', '{body}'));
    says('two headers', $of->(qq($hmac signed "{header:B}{header:C}.{body}";)), $moved->('{header:...}', '{header:...}'));
    says('a time that nothing signs', $of->(qq($hmac signed "{body}"; $time)),
        '[warn] the signature of the scheme "acme" does not cover the timestamp');
    my %fine = (
        'a time between'         => qq($hmac signed "{id}{timestamp}{body}"; event_id header=I; $time),
        'a literal between'      => qq($hmac signed "{header:B}.{body}";),
        'the time as a header'   => qq($hmac signed "{body}.{header:T}"; $time),
        'the time in the body'   => qq($hmac signed "{body}"; timestamp json=/time;),
        'the time in the token'  => qq($jwt timestamp claim=iat; digest claim=d;),
    );
    says_nothing($_, $of->($fine{$_})) for sort keys %fine;
};

subtest 'handshakes' => sub {
    my $text = in_location("webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on token=file:%%DIR%%/meta.token; # HERE");
    write_file('meta.token', "$SECRET\n", 0644);
    says('a token that others may read', $text, '[warn] the secret file "%%DIR%%/meta.token" is readable by others');
    write_file('meta.token', "$SECRET\n", 0600);
    says_nothing('a token that only its owner may read', $text);
    says_nothing('a token of the environment',
        in_location("webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on token=env:WEBHOOK_TEST_TOKEN;"),
        env => { WEBHOOK_TEST_TOKEN => $SECRET });
    says_nothing('inherited by a scheme that has none',
        "webhook_handshake on;\n" . in_location("webhook github;\nwebhook_secret $SECRET;"));
    says_nothing('off', in_location("webhook github;\nwebhook_secret $SECRET;\nwebhook_handshake off;"));
};

# The secret is as short as its key, which is a public one.
subtest 'public keys' => sub {
    says_nothing('that are short', in_location("webhook discord;\nwebhook_secret " . ed25519_secret('hex')->{written} . ';'));
};

subtest 'secrets that have expired' => sub {
    says('long ago', in_location("webhook github;\nwebhook_secret $SECRET not_after=2020-01-01T00:00:00Z; # HERE"),
        '[warn] the "not_after" of this webhook_secret has passed');
    says_nothing('not yet', in_location("webhook github;\nwebhook_secret $SECRET not_after=2099-01-01T00:00:00Z;"));
};

sub deduplicated ($scheme, $secret, $dedup) {
    return "webhook_dedup_zone zone=events:1m;\n"
        . in_location("webhook $scheme;\nwebhook_secret $secret;\nwebhook_dedup $dedup; # HERE");
}

subtest 'event ids that are not signed' => sub {
    # The body's hash is of use only where the body is signed as it stands.
    my $by_body = '"key=$webhook_body_sha256" in "webhook_dedup" closes the replay';
    my $nothing = 'whoever saw a delivery can repeat it under another id';
    my %advice  = (github => $by_body, shopify => $by_body, gitlab => $nothing, 'gitea-form' => $nothing, 'twilio-form' => $nothing);
    for my $scheme (sort keys %advice) {
        my $notice = qq{[notice] the signature of "$scheme" does not cover the event id: $advice{$scheme}};
        says($scheme, deduplicated($scheme, $SECRET, 'zone=events'), $notice);
        says("$scheme by its event id", deduplicated($scheme, $SECRET, 'zone=events key=$webhook_event_id'), $notice);
    }
    says('in several locations and for several senders',
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup zone=events; # HERE\nwebhook_secret $SECRET;\n"
            . "server {\nlisten %%ADDR%%:8080;\nlocation /a { webhook github; }\nlocation /b { webhook github; }\n"
            . "location /c { webhook shopify; }\n}",
        qq{[notice] the signature of "github" does not cover the event id: $by_body});
    my $pem = rsa_secret('pem')->{written} =~ s/^file://r;
    chmod 0600, $pem;
    says('paypal, whose CRC covers nothing', deduplicated('paypal', "file:$pem id=one", 'zone=events'),
        qq{[notice] the signature of "paypal" does not cover the event id: $nothing});
    says('mailgun, which signs only a token', deduplicated('mailgun', $SECRET, 'zone=events'),
        qq{[notice] the signature of "mailgun" does not cover the event id: $nothing});
    says_nothing("$_, whose deliveries hold several events", deduplicated($_, $SECRET, 'zone=events')) for qw(hubspot-v3 line);
    says_nothing("$_, which has no event id", deduplicated($_, $SECRET, 'zone=events')) for qw(monday netlify zoom);
    says_nothing('twitch, which signs it', deduplicated('twitch', $SECRET, 'zone=events'));
    says_nothing('github by both',
        deduplicated('github', $SECRET, 'zone=events key=$webhook_event_id key=$webhook_body_sha256'));
    says_nothing('github by its body', deduplicated('github', $SECRET, 'zone=events key=$webhook_body_sha256'));
    says_nothing('github without a memory', in_location("webhook github;\nwebhook_secret $SECRET;"));
    says_nothing('github with the memory off', deduplicated('github', $SECRET, 'off'));
    says_nothing('openrouter, which has no event id', deduplicated('openrouter', $SECRET, 'zone=events'));
    for my $scheme (qw(stripe slack pagerduty)) {
        says_nothing($scheme, deduplicated($scheme, $SECRET, 'zone=events'));
    }
    for my $scheme (qw(standard-webhooks svix)) {
        says_nothing($scheme, deduplicated($scheme, $WHSEC, 'zone=events'));
    }
    my $signed_id = <<'CONF';
webhook_scheme acme {
    algorithm hmac-sha256;
    signed "{header:Acme-Id}.{body}";
    signature header=Acme-Signature;
    event_id header=Acme-Id;
}
CONF
    says_nothing('a scheme that signs the header of its event id',
        $signed_id . deduplicated('acme', $SECRET, 'zone=events'));
};

subtest 'a clean configuration' => sub {
    write_file('github.key', "$SECRET\n", 0600);
    write_file('hooks.txt', "127.0.0.1\n");
    says_nothing('of every directive', <<"CONF", env => { WEBHOOK_TEST_SECRET => $SECRET });
webhook_dedup_zone zone=events:1m ttl=72h full=reject;
webhook_scheme acme {
    algorithm hmac-sha512;
    key hex;
    signed "{method}.{timestamp}.{body}";
    signature header=Acme-Signature;
    timestamp header=Acme-Timestamp;
    event_id json=/id;
}
server {
    listen %%ADDR%%:8080;
    webhook_mode enforce;
    webhook_require_tls off;
    webhook_log_level notice;
    webhook_payload_max 64k;
    webhook_url "https://hooks.example.com\$request_uri";
    webhook_handshake off;
    location /github {
        webhook github name=ci;
        webhook_secret file:%%DIR%%/github.key id=new;
        webhook_secret env:WEBHOOK_TEST_SECRET id=old not_after=2099-01-01T00:00:00Z;
        webhook_allow file:%%DIR%%/hooks.txt 10.0.0.0/8 ::1 unix:;
        webhook_methods POST PUT;
        webhook_dedup zone=events key=\$webhook_event_id key=\$webhook_body_sha256 wait=1s;
        webhook_response duplicate 200 "seen";
    }
    location /meta {
        webhook meta;
        webhook_secret file:%%DIR%%/github.key;
        webhook_handshake on token=a-token;
    }
    location /acme {
        webhook acme;
        webhook_secret 00112233445566778899aabbccddeeff;
        webhook_tolerance 1m 10s;
        webhook_dedup zone=events ttl=1h;
    }
}
CONF
};

finish();
