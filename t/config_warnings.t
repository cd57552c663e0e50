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

subtest 'files that workers cannot read' => sub {
    plan skip_all => 'only root starts workers of another user' if $> != 0;
    my $nobody = 'user nobody ' . getgrgid((getpwnam 'nobody')[3]) . ';';
    my $path = directory() . '/watched.txt';
    my $warning = qq([warn] the workers' user "nobody" cannot read "$path", and so not take it up when it changes);
    my $list = in_location("webhook github;\nwebhook_secret $SECRET;\nwebhook_allow file:%%DIR%%/watched.txt;");
    my $keys = "webhook_scheme acme { algorithm jwt=EdDSA; key jwk; signature header=A; digest claim=d; }\n"
        . in_location("webhook acme;\nwebhook_secret file:%%DIR%%/watched.txt;");
    my $key = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';
    for my $case ([ 'a list', $list, "127.0.0.1\n" ], [ 'a set of keys', $keys, qq({"keys":[$key]}) ]) {
        my ($what, $text, $content) = @$case;
        write_file('watched.txt', $content, 0600);
        is_deeply [ remarks($text, main => $nobody) ], [$warning], "$what of root's";
        is_deeply [ remarks($text, main => 'user root;') ], [], "$what, for root";
        chmod 0640, $path;
        is_deeply [ remarks($text, main => 'user nobody root;') ], [], "$what of the group's";
        is_deeply [ remarks($text, main => $nobody) ], [$warning], "$what of another group's";
        chown scalar getpwnam('nobody'), 0, $path;
        is_deeply [ remarks($text, main => $nobody) ], [], "$what of the user's";
        chown 0, 0, $path;
        chmod 0644, $path;
        is_deeply [ remarks($text, main => $nobody) ], [], "$what that all may read";
    }
    write_file('watched.txt', $key, 0600);
    is_deeply [ remarks($keys, main => $nobody) ], [], 'a single key, which is not watched';
};

subtest 'files of public keys, which others may read' => sub {
    my $pem = rsa_secret('pem')->{written} =~ s/^file://r;
    chmod 0644, $pem;
    says_nothing('paypal', in_location("webhook paypal;\nwebhook_secret file:$pem id=one;"));
};

subtest 'tolerances that were not meant' => sub {
    my $wide = '[warn] this webhook_tolerance is longer than a day, and so is the time in which a delivery can be '
        . 'replayed ("M" are months, "m" minutes)';
    for my $tolerance ('5M', '1y', '86401s', '5m 2d') {
        says($tolerance, in_location("webhook stripe;\nwebhook_secret $SECRET;\nwebhook_tolerance $tolerance; # HERE"), $wide);
    }
    says_nothing($_, in_location("webhook stripe;\nwebhook_secret $SECRET;\nwebhook_tolerance $_;")) for '1d', '1s', '5m 0';
};

subtest 'waiting that no sender does' => sub {
    my $text = sub ($wait) { "webhook_dedup_zone zone=z:1m;\n" . in_location("webhook stripe;\nwebhook_secret $SECRET;\nwebhook_dedup zone=z wait=$wait; # HERE") };
    says("wait=$_", $text->($_), '[warn] the wait of "webhook_dedup" is longer than an hour: no sender waits so long for an answer') for '100d', '61m';
    says_nothing("wait=$_", $text->($_)) for '1h', '10s';
};

subtest 'secrets that are easy to guess' => sub {
    for my $size (15, 1) {
        says("$size bytes", in_location("webhook github;\nwebhook_secret " . 'x' x $size . '; # HERE'),
            "[warn] this webhook_secret is only $size bytes long, at least 16 are safe");
    }
    says_nothing('16 bytes', in_location("webhook github;\nwebhook_secret " . 'x' x 16 . ';'));
    says_nothing('the key of a whsec_ secret', in_location("webhook svix;\nwebhook_secret $WHSEC;"));
    says('a token', in_location("webhook gitlab;\nwebhook_secret short; # HERE"),
        '[warn] this webhook_secret is only 5 bytes long, at least 16 are safe');
    # The text is long, the key is not.
    says('the key of a short whsec_ secret', in_location("webhook svix;\nwebhook_secret whsec_c2VjcmV0; # HERE"),
        '[warn] this webhook_secret is only 6 bytes long, at least 16 are safe');
    says('only one of two',
        in_location("webhook github;\nwebhook_secret $SECRET;\nwebhook_secret short; # HERE"),
        '[warn] this webhook_secret is only 5 bytes long, at least 16 are safe');
    says('one that several locations use',
        "webhook_secret short; # HERE\nserver {\nlisten %%ADDR%%:8080;\n"
            . "location /a { webhook github; }\nlocation /b { webhook github; }\n}",
        '[warn] this webhook_secret is only 5 bytes long, at least 16 are safe');
    says('what the sender sends', in_location("webhook github;\nwebhook_secret \$$_; # HERE"),
        '[warn] this webhook_secret is what the sender sends: anyone can sign with it')
        for qw(arg_t http_x_secret {cookie_c});
    my $taken = "[warn] this webhook_secret is what the sender sends: anyone can sign with it";
    says("what the sender sends, $_", in_location("webhook github;\nwebhook_secret '$_'; # HERE"), $taken)
        for qw($args $query_string $request_uri $Uri ${document_uri} $host $remote_user a-$arg_t$host);
    says("what others guess, $_", in_location("webhook github;\nwebhook_secret '$_'; # HERE"),
        '[warn] this webhook_secret is what others know or guess: anyone can sign with it')
        for qw($hostname $server_name $server_port:$server_addr $remote_addr);
    my $found = '[warn] this webhook_secret is what a regular expression found in the request: anyone can sign with it';
    says('what a location found', "server {\nlisten %%ADDR%%:8080;\nlocation ~ ^/(?<tenant>.+) {\n"
        . "webhook github;\nwebhook_secret \$tenant; # HERE\n}\n}", $found);
    says('what the name of a server found', "server {\nlisten %%ADDR%%:8080;\nserver_name ~^(?<tenant>.+)\\.example\$;\n"
        . "location / {\nwebhook github;\nwebhook_secret \$tenant; # HERE\n}\n}", $found);
    says_nothing('a value with a variable', "map \$host \$of_host { default $SECRET; }\n"
        . in_location("webhook github;\nwebhook_secret \$of_host;"));
    says_nothing('what the sender sends, beside what it does not know', "map \$host \$of_host { default $SECRET; }\n"
        . in_location("webhook github;\nwebhook_secret \$of_host\$arg_t;"));
};

subtest 'secrets that hold more, or something else, than the secret' => sub {
    my %odd = (
        'a space'         => [ "$SECRET \n",             'has white space at an end' ],
        'two newlines'    => [ "$SECRET\n\n",            'has white space at an end' ],
        'a byte order mark' => [ "\xef\xbb\xbf$SECRET", 'begins with a byte order mark' ],
        'UTF-16'          => [ "\xff\xfe" . join("\0", split //, $SECRET) . "\0", 'is UTF-16 text: the bytes are not those of the secret' ],
        'quotes'          => [ qq("$SECRET"\n),          'stands in quotes, which are part of it' ],
        'an assignment'   => [ "WEBHOOK_SECRET=$SECRET\n", 'looks like NAME=value, all of which is the secret' ],
        'an API key'      => [ 'sk_live_51HabcdefghijklmnopqrstuvZq7', 'looks like an API key of Stripe' ],
        'a path'          => [ '/etc/nginx/secrets/Zq7', 'looks like a path: is "file:" missing?' ],
        'a relative path' => [ './Zq7-of-some-length',   'looks like a path: is "file:" missing?' ],
        'a name of a file' => [ 'Zq7/of-some-length.key', 'looks like a path: is "file:" missing?' ],
        'another case'    => [ 'FILE:Zq7-of-some-length', 'looks like a path: is "file:" missing?' ],
        'a placeholder'   => [ 'your-webhook-secret',    'looks like a placeholder' ],
    );
    for my $what (sort keys %odd) {
        my ($content, $remark) = @{ $odd{$what} };
        write_file('odd.key', $content, 0600);
        says($what, in_location("webhook github;\nwebhook_secret file:%%DIR%%/odd.key; # HERE"),
            "[warn] this webhook_secret $remark");
    }
    says('a newline of the environment', in_location("webhook github;\nwebhook_secret env:WEBHOOK_TEST_SECRET; # HERE"),
        '[warn] this webhook_secret has white space at an end', env => { WEBHOOK_TEST_SECRET => "$SECRET\n" });
    says('in nginx.conf', in_location(qq(webhook github;\nwebhook_secret "'$SECRET'"; # HERE)),
        '[warn] this webhook_secret stands in quotes, which are part of it');
    write_file('odd.key', "$SECRET \n", 0600);
    says('for several locations',
        "webhook_secret file:%%DIR%%/odd.key; # HERE\nserver {\nlisten %%ADDR%%:8080;\n"
            . "location /a { webhook github; }\nlocation /b { webhook stripe; }\n}",
        '[warn] this webhook_secret has white space at an end');
    says_nothing("base64, $_", in_location("webhook github;\nwebhook_secret $_;"))
        for '/Zq7c2VjcmV0LXNlY3JldA/secret=', '/etcZq7c2VjcmV0LXNlY3JldA';
    says_nothing('not for a public key, which is read without it',
        in_location("webhook discord;\nwebhook_secret env:WEBHOOK_TEST_SECRET;"),
        env => { WEBHOOK_TEST_SECRET => ed25519_secret('hex')->{written} });
    my $capture = '[warn] "$" and a digit in this webhook_secret are what a regular expression found in the request: '
        . 'a secret with "$" in it belongs into "file:" or "env:"';
    says("a capture, $_", in_location("webhook github;\nwebhook_secret 'abc$_'; # HERE"), $capture)
        for '$1Zq70123456789', '$9';
    says_nothing('variables that there are',
        "map \$host \$tenant_secret { default ''; }\n"
            . in_location("set \$own x;\nwebhook github;\nwebhook_secret \$$_;"))
        for qw(tenant_secret Tenant_Secret {own} ssl_client_s_dn);
};

sub https ($text) { return in_location($text) =~ s/8080;/8080 ssl;\nssl_certificate %%CERT%%;\nssl_certificate_key %%KEY%%;/r }

subtest 'settings that can never work' => sub {
    my $gate = "webhook github;\nwebhook_secret $SECRET;\n";
    my $tls  = '[warn] "webhook_require_tls" refuses every delivery, since no "listen" of the server is "ssl"';
    says('TLS without a listener for it', in_location("${gate}webhook_require_tls on; # HERE"), $tls);
    says('TLS for two servers, one of which has no listener for it',
        "webhook_require_tls on; # HERE\n" . in_location($gate) . "\n"
            . (https($gate) =~ s/8080/8443/r), $tls);
    says_nothing('TLS with a listener', https("${gate}webhook_require_tls on;"));
    says_nothing('TLS with a listener among others',
        https("${gate}webhook_require_tls on;") =~ s/server \{/server {\nlisten %%ADDR%%:8081;/r);
    says_nothing('TLS where nothing is gated', "webhook_require_tls off;\n" . in_location($gate));

    my $away = "server {\nlisten %%ADDR%%:8081;\nserver_name plain.example;\nRETURN\n}\n";
    my $all  = "webhook_require_tls on; # HERE\n$gate\n" . (https('') =~ s/8080/8443/r) . "\n";
    says_nothing("TLS beside a server that leads to it: $_", $all . ($away =~ s/RETURN/$_/r))
        for 'return 301 https://$host$request_uri;', 'rewrite ^ https://$host$request_uri permanent;',
        'location / { rewrite ^ https://$host$request_uri permanent; }', 'if ($host = a) { return 404; } return 301 https://$host$request_uri;',
        'location / { return 301 https://$host$request_uri; }', '';
    says('TLS where a server without it hands on', $all . ($away =~ s/RETURN/location \/ { }/r),
        $tls =~ s/the server/the server "plain.example"/r);

    my $url = '[warn] this webhook_url does not begin with "https://" or "http://", which senders sign with it';
    my $signed = "webhook square;\nwebhook_secret $SECRET;\nwebhook_url";
    says("the URL $_", in_location("$signed $_; # HERE"), $url)
        for qw(hooks.example.com/sq $host$request_uri ${http_host}/sq localhost);
    says_nothing("the URL $_", in_location("$signed $_;"))
        for qw(https://hooks.example.com$request_uri http://a $scheme://$host$request_uri /sq $request_uri);

    says('a URL with white space', in_location(qq($signed "https://h.example/a "; # HERE)), '[warn] this webhook_url has white space at an end');
    says('a URL with a fragment', in_location(qq($signed "https://h.example/a#b"; # HERE)), '[warn] this webhook_url has a fragment, which hardly any sender signs');
    says('a URL of two lines', in_location(qq($signed "https://h.example/a\\nb"; # HERE)), '[warn] this webhook_url holds control characters');

    my $idle = sub ($directive) { return qq([warn] "$directive" does nothing where no "webhook" is on) };
    says('an allow without a gate', in_location('webhook_allow 127.0.0.1; # HERE'), $idle->('webhook_allow'));
    says('twice', in_location("webhook_allow 127.0.0.1; # HERE\nwebhook_allow 127.0.0.2;"), $idle->('webhook_allow'));
    says('a memory in a server without a gate',
        "webhook_dedup_zone zone=events:1m;\nserver {\nlisten %%ADDR%%:8080;\nwebhook_dedup zone=events; # HERE\nlocation / { }\n}",
        $idle->('webhook_dedup'));
    says('a secret for all, and no gate', "webhook_secret $SECRET; # HERE\n" . in_location(''), $idle->('webhook_secret'));
    says('where the gate is off', in_location("webhook off;\nwebhook_require_tls on; # HERE"), $idle->('webhook_require_tls'));
    says('beside a gate, not in it',
        "server {\nlisten %%ADDR%%:8080;\nlocation /a {\n$gate}\nlocation /b {\nwebhook_allow 127.0.0.1; # HERE\n}\n}",
        $idle->('webhook_allow'));
    says_nothing('above a gate', "webhook_allow 127.0.0.1;\nserver {\nlisten %%ADDR%%:8080;\nwebhook_require_tls off;\n"
        . "location / {\nwebhook_methods PUT;\nlocation /b {\n$gate}\n}\n}");

    my $events = "webhook_dedup_zone zone=events:1m; # HERE\nwebhook_dedup_zone zone=more:1m;\n";
    my $unused = '[notice] no "webhook_dedup" uses the "webhook_dedup_zone" "events"';
    says('a zone that nothing uses', $events . in_location("${gate}webhook_dedup zone=more key=\$webhook_event_key;"), $unused);
    says_nothing('zones of two locations', $events =~ s/ # HERE//r . "webhook_secret $SECRET;\nserver {\nlisten %%ADDR%%:8080;\n"
        . "location /a { webhook stripe; webhook_dedup zone=more; }\nlocation /b { webhook stripe; webhook_dedup zone=events; }\n}");
    says_nothing('a zone while its use is off', $events =~ s/ # HERE//r . in_location("${gate}webhook_dedup off;"));

    says('a tolerance where nothing has a time', in_location("${gate}webhook_tolerance 1m; # HERE"),
        '[warn] "webhook_tolerance" does nothing where the scheme has no timestamp');
    says('a URL that nothing signs', "webhook_url https://a; # HERE\n" . in_location($gate),
        '[warn] "webhook_url" does nothing where the scheme signs no URL');
    says_nothing('what one of several has a use for',
        "webhook_tolerance 1m;\nwebhook_url https://a;\nwebhook_secret $SECRET;\nserver {\nlisten %%ADDR%%:8080;\n"
            . "location /a { webhook github; }\nlocation /b { webhook slack; }\nlocation /c { webhook square; }\n}");

    write_file('common.inc', "webhook_tolerance 10m;\nwebhook_url https://h.example/in;\n");
    my $shared = sub (@schemes) {
        return "webhook_secret $SECRET;\nserver {\nlisten %%ADDR%%:8080;\n"
            . join('', map { "location /$_ { webhook $_; include %%DIR%%/common.inc; }\n" } @schemes) . '}';
    };
    says_nothing('an included line that one of several has a use for', $shared->(qw(github stripe square)));
    is_deeply [ remarks($shared->(qw(github gitlab square))) ],
        [ '[warn] "webhook_tolerance" does nothing where the scheme has no timestamp in ' . directory() . '/common.inc:1' ],
        'an included line that none has a use for';

    says('host bits', in_location("${gate}webhook_allow 10.0.0.0/8 $_; # HERE"), "[warn] low address bits of $_ are meaningless")
        for qw(192.0.2.5/22 2001:db8::1/32 0.0.0.1/0);
    says_nothing('no host bits', in_location("${gate}webhook_allow 192.0.2.5 192.0.2.5/32 192.0.0.0/22 ::1 2001:db8::/32 ::/0;"));

    says('an answer that may lose what is under way',
        "webhook_dedup_zone zone=events:1m;\n" . in_location("${gate}webhook_dedup zone=events key=\$webhook_event_key;\nwebhook_response in_flight 200; # HERE"),
        '[warn] a status of 2xx for "in_flight" loses the event where the delivery under way fails: the sender does not send it again');
    says("an answer that loses every event as $_", in_location("${gate}webhook_response $_ 200; # HERE"),
        qq([warn] a status of 2xx for "$_" loses the event of a sender that is genuine: it is not sent again))
        for qw(no_secret invalid_payload schema_violation missing_event_id bad_signature stale_timestamp future_timestamp no_endpoint);
    says_nothing("$_ as 200", in_location("${gate}webhook_response $_ 200;"))
        for qw(missing_signature method ip_denied duplicate);
    says_nothing('what is filtered, as 202', in_location("${gate}webhook_response filtered 202;"));
    says("what is filtered, as $_", in_location("${gate}webhook_response filtered $_; # HERE"),
        "[warn] a status of $_ for \"filtered\" makes a sender repeat what nobody wants: 2xx ends it") for 422, 503;
    says("a duplicate that is answered $_", in_location("${gate}webhook_response duplicate $_; # HERE"),
        "[warn] a status of $_ for \"duplicate\" makes a sender repeat what was delivered: 2xx ends it") for 409, 444, 503;
    says_nothing("in_flight as $_", in_location("${gate}webhook_response in_flight $_;")) for 409, 503;
};

subtest 'what nginx answers in the place of the gate' => sub {
    my $gate = "webhook github; # HERE\nwebhook_secret $SECRET;\n";
    my $before = '[warn] "return" answers before the gate does, so that nothing is verified';
    my $hand = ': hand deliveries to an upstream, or to a file,';
    my $taken = ', and whatever comes is taken for accepted';
    says("return $_", in_location("${gate}return $_;"), "$before$taken$hand") for 200, '204', '200 ok';
    says('return 404', in_location("${gate}return 404;"), "$before$hand");
    says('return behind "set"', in_location("${gate}set \$x 1; return 200;"), "$before$taken$hand");
    says('return behind "set" of a variable', in_location("${gate}set \$x a\$uri; return 404;"), "$before$hand");
    says('of a server', "server {\nlisten %%ADDR%%:8080;\n${gate}return 200;\n}", "$before$taken$hand");
    my $inner = "location = /hook/a { proxy_pass http://127.0.0.1:9; }\n";
    says('for the rest, with success', in_location("$gate$inner return 200;"), "$before$taken$hand");
    says('of the server, over the gates of its locations', "server {\nlisten %%ADDR%%:8080;\nreturn 204;\nlocation / {\n$gate}\n}",
        "$before$taken$hand");
    says_nothing('a server that leads elsewhere', "server {\nlisten %%ADDR%%:8080;\nreturn 301 https://a.example;\nlocation / {\n$gate}\n}");
    says_nothing('for the rest', in_location("$gate$inner return 404;"));
    says("the last return, behind $_", in_location("${gate}if (\$arg_x) { $_ }\nreturn 200;"), "$before$taken$hand")
        for 'return 403;', 'set $x 1;';
    says_nothing("the last return, behind $_", in_location("${gate}if (\$arg_x) { $_ }\nreturn 200;\nproxy_pass http://127.0.0.1:9;"))
        for 'break;', 'rewrite ^ /hook/a break;';
    my $some = '[warn] "return" within "if" answers deliveries with 2xx before the gate does: '
        . 'the sender takes for delivered what is not, and does not send it again,';
    my $conditional = sub ($condition, $return) { in_location("${gate}if ($condition) { $return }\nproxy_pass http://127.0.0.1:9;") };
    says("a success by $_", $conditional->($_, 'return 200;'), $some)
        for '-f $request_filename', '!-e /srv/on', '$request_method = POST', '$request_method != GET', '$request_method ~ ^P', '$request_method !~* get';
    says('a success behind "set"', $conditional->('-d /srv', 'set $x a$uri; return 204 ok;'), $some);
    says_nothing("a success by $_", $conditional->($_, 'return 200;'))
        for '$request_method = GET', '$request_method != POST', '$request_method ~ ^(GET|HEAD)$', '$request_method !~ POST', '$arg_x', '$http_a = POST', '$http_a ~ ^P';
    says_nothing('a failure by a file', $conditional->('-f /srv/maintenance', 'return 503;'));
    says_nothing('a success behind "break"', $conditional->('$arg_x', "break; }\nif (-f /srv/a) { return 200;"));
    says_nothing('a success of one method that the gate does not take', $conditional->('$request_method = POST', 'return 200;')
        =~ s/webhook_secret/webhook_methods PUT; webhook_secret/r);
    says_nothing('on a condition', in_location("${gate}if (\$arg_x) { return 404; }\nproxy_pass http://127.0.0.1:9;"));
    says_nothing('beside the gate', "server {\nlisten %%ADDR%%:8080;\n${gate}location = /health { return 200; }\nlocation / { }\n}");
    says_nothing('outside of it', "server {\nlisten %%ADDR%%:8080;\nif (\$arg_x) { return 404; }\nlocation / {\n$gate}\n}");
    my $lost = sub ($statuses) {
        return qq([warn] "error_page" answers $statuses with 2xx: the sender takes for delivered what is not, and does not send it again,);
    };
    my $static = "location = /ok.html { root /srv; }\nlocation = /ok { internal; return 200 ok; }\nlocation \@ok { return 202; }\nlocation";
    says("failures as success by $_", in_location("${gate}error_page 502 503 504 = $_;") =~ s/location/$static/r, $lost->('502, 503, 504'))
        for qw(/ok.html /ok @ok /other.html);
    says("$_ as success", in_location("${gate}error_page $_ =200 /ok.html;"), $lost->($_)) for 401, 413;
    says('429 of the upstream as success', in_location("${gate}proxy_intercept_errors on; error_page 429 =200 /ok.html; proxy_pass http://127.0.0.1:9;"), $lost->('429'));
    says("$_ of the upstream as success", in_location("${gate}proxy_intercept_errors on; error_page $_ =200 /ok.html; proxy_pass http://127.0.0.1:9;"), $lost->($_)) for 404, 422;
    says('403 of the addresses as success', in_location("${gate}deny 192.0.2.1; error_page 403 =200 /ok.html;"), $lost->('403'));
    says_nothing('403 of nothing', in_location("${gate}error_page 403 =200 /ok.html;"));
    my $backup = 'location = /backup { proxy_pass http://127.0.0.1:8; }';
    my $by_get = '[warn] "error_page" hands 502, 504 to "/backup" by a GET, the answer to which the sender takes for that to the delivery: '
        . 'a named location gets the POST,';
    my %backup_gates = (
        'no gate'              => '',
        'the same gate'        => $gate =~ s/; # HERE/;/r,
        'a gate that monitors' => 'webhook gitlab; webhook_secret "a secret of the tests"; webhook_mode monitor;',
    );
    my $at_page = sub ($page) { in_location("${gate}error_page 502 504 = /backup;") =~ s/location/location = \/backup { $page proxy_pass http:\/\/127.0.0.1:8; }\nlocation/r };
    says("a backup that gets a GET: $_", $at_page->($backup_gates{$_}), $by_get) for sort keys %backup_gates;
    says('a backup that is the location itself', in_location("${gate}error_page 502 = /hook/a; proxy_pass http://127.0.0.1:9;"),
        $by_get =~ s/502, 504/502/r =~ s/backup/hook\/a/r);
    my $quiet  = $gate =~ s/ # HERE//r;
    my $behind = sub ($at, $after) {
        in_location("${gate}error_page 502 504 = /backup;")
            =~ s/location/location = \/backup { $at try_files \/none \@q; }\nlocation \@q { $after proxy_pass http:\/\/127.0.0.1:8; }\nlocation/r;
    };
    says('a backup one step behind the same gate', $behind->($quiet, $quiet), $by_get);
    says('a backup one step behind no gate',       $behind->('', $backup_gates{'a gate that monitors'}), $by_get);
    says_nothing('a backup one step behind a gate that refuses a GET', $behind->($quiet, $backup_gates{'a gate that monitors'} =~ s/monitor/enforce/r));
    says_nothing("a backup that refuses a GET by $_", $at_page->($_)) for 'limit_except POST { deny all; }', 'deny all;';
    says_nothing('a backup whose gate refuses a GET', $at_page->($backup_gates{'a gate that monitors'} =~ s/monitor/enforce/r));
    says_nothing('a backup that gets the POST', in_location("${gate}error_page 502 504 = \@backup;") =~ s/location/$backup =~ s{= .backup}{\@backup}r . "\nlocation"/er);
    says('429 of a limit as success', "limit_req_zone \$binary_remote_addr zone=l:1m rate=1r/s;\n"
        . in_location("${gate}limit_req zone=l; limit_req_status 429; error_page 429 =200 /ok.html;"), $lost->('429'));
    says('a place in a variable', in_location("${gate}set \$q \@q; error_page 502 =200 \$q; proxy_pass http://127.0.0.1:9;"),
        '[warn] "error_page" answers 502 with 2xx, even where "$q" fails and the event is lost: with "=" alone, the status of "$q" counts,');
    says("403 as success, $_", in_location("${gate}$_ error_page 403 =200 /ok.html;") =~ s/location/location = \/auth { internal; return 403; }\nlocation/r, $lost->('403'))
        for 'webhook_allow 192.0.2.1;', 'auth_request /auth;', 'limit_except POST { deny 192.0.2.1; }';
    says('429 of a limit of connections as success', "limit_conn_zone \$binary_remote_addr zone=c:1m;\n"
        . in_location("${gate}limit_conn c 1; limit_conn_status 429; error_page 429 =200 /ok.html;"), $lost->('429'));
    says('files or success', in_location("${gate}try_files /none =204; proxy_pass http://127.0.0.1:9;"),
        '[warn] "try_files" answers 2xx where it finds no file, and the upstream gets nothing: the sender takes for delivered what is not, and does not send it again,');
    says_nothing("files or $_", in_location("${gate}try_files /none $_;")) for '=204', '=404; proxy_pass http://127.0.0.1:9';
    my $beside = sub ($places, $text) { in_location("$gate$text") =~ s/location/$places\nlocation/r };
    my $raw = 'location @raw { proxy_pass http://127.0.0.1:8; }';
    my $bypass = sub ($statuses) {
        return qq([warn] "error_page" hands $statuses to "\@raw", also where nginx itself answers so before the gate has its turn, and nothing is verified: )
            . 'give "@raw" the same gate,';
    };
    my $zones = "limit_req_zone \$binary_remote_addr zone=l:1m rate=1r/s;\nlimit_conn_zone \$binary_remote_addr zone=c:1m;\n";
    my $pass_on = 'proxy_pass http://127.0.0.1:9;';
    my $login = 'auth_basic a; auth_basic_user_file /none;';
    my @before = ([ 'limit_req zone=l;', '502 503', '503' ], [ 'limit_conn c 1; limit_conn_status 429;', '429', '429' ], [ 'deny 192.0.2.1;', '403', '403' ],
        [ 'limit_except POST { deny all; }', '403', '403' ], [ $login, '401', '401' ], [ 'auth_request /auth;', '401 403 500', '401, 403, 500' ], [ '', '413', '413' ]);
    for my $case (@before) {
        my ($how, $statuses, $handed) = @$case;
        my $text = sub ($place) { $zones . $beside->("location = /auth { internal; return 403; }\n$place", "$how error_page $statuses = \@raw; $pass_on") };
        says("a fallback for what nginx refuses: $how $statuses", $text->($raw), $bypass->($handed));
        says_nothing("a fallback for what nginx refuses: $how $statuses, $_", $text->($raw =~ s/\{/{ $_/r))
            for "webhook github; webhook_secret $SECRET;", 'webhook off;', 'deny all;', 'return 503;';
        says_nothing("a fallback for what nginx does not refuse: $how", $text->($raw =~ s/raw/other/r) =~ s/error_page [\d ]+ = \@raw/error_page 502 504 = \@other/r);
    }
    says_nothing('a fallback for what the limit does not refuse', $zones . $beside->($raw, "limit_req zone=l; limit_req_status 429; error_page 502 503 = \@raw; $pass_on"));
    says_nothing('a fallback for bodies of any size', $beside->($raw, "client_max_body_size 0; error_page 413 = \@raw; $pass_on"));
    says_nothing("a page for what the gate alone refuses: $_->[0]", $beside->("location $_->[1] { proxy_pass http://127.0.0.1:8; }", "error_page $_->[0]; $pass_on"))
        for [ '401 = /login', '= /login' ], [ '401 =200 /login', '= /login' ], [ '400 401 = @login', '@login' ], [ '401 =200 @login', '@login' ];
    says("a success for what the gate alone refuses: $_", $beside->("location = /login { root /srv; }\nlocation \@login { return 200; }", "error_page 401 $_; $pass_on"), $lost->('401'))
        for '= /login', '=200 /login', '= @login', '=200 @login';
    my $lost_there = sub ($place, $statuses) { $lost->($statuses) =~ s/"error_page"/"error_page" of "$place", where the gate leads,/r };
    my $there = 'location @there { proxy_pass http://127.0.0.1:8; error_page 502 504 =200 /ok.html; }';
    says('failures as success where files lead', $beside->($there, 'try_files /none @there;'), $lost_there->('@there', '502, 504'));
    says('failures as success where a page leads', $beside->($there, "recursive_error_pages on; error_page 502 = \@there; $pass_on"), $lost_there->('@there', '502, 504'));
    says('failures as success two steps further', $beside->($there . 'location @first { try_files /none @there; }', 'try_files /none @first;'), $lost_there->('@there', '502, 504'));
    says_nothing('one page only', $beside->($there, "error_page 502 = \@there; $pass_on"));
    says_nothing("files that lead elsewhere, $_", $beside->($there =~ s/\{/{ $_/r, 'try_files /none @there;')) for 'webhook off;';
    says_nothing('files that lead to no success', $beside->($there =~ s/=200/=503/r, 'try_files /none @there;'));
    says("a fallback that succeeds: $_", $beside->("location \@f { $_ }\nlocation = /q { return 202; }", "error_page 502 = \@f; $pass_on"), $lost->('502'))
        for 'try_files /none =204;', 'rewrite ^ /q last;', 'try_files /none /q;', 'if ($request_method = POST) { return 200; } return 503;',
            'if (!-f /srv/maintenance) { return 202; } return 503;', 'if ($arg_x) { return 503; } return 202;';
    says_nothing("a fallback that fails: $_", $beside->("location \@f { $_ }\nlocation = /q { return 503; }", "error_page 502 = \@f; $pass_on"))
        for 'if ($request_method = GET) { return 200; } return 503;', 'if ($arg_x) { return 200; } return 503;',
            'try_files /none =503;', 'rewrite ^ /q last;', 'rewrite ^ /m.html break;', 'proxy_pass http://127.0.0.1:8;';
    my $file = $beside->('location @f { rewrite ^ /m.html break; }', "webhook_methods GET POST; error_page 502 = \@f; $pass_on");
    says('a file as the answer to a GET', $file, $lost->('502'));
    my $app = "location /app/ { internal; proxy_pass http://127.0.0.1:9; }\nlocation";
    my $past = sub ($location) {
        return qq([warn] "rewrite" leads to the location "$location" before the gate has its turn, so that nothing is verified: )
            . 'with "break", requests stay at the gate,';
    };
    my $pass = 'proxy_pass http://127.0.0.1:9;';
    says("rewrite $_", in_location("${gate}rewrite $_; $pass") =~ s/location/$app/r, $past->('/app/'))
        for '^ /app/x last', '^ /app/x', '^/hook/(.*)$ /app/$1?a=b last';
    says_nothing("rewrite $_", in_location("${gate}rewrite $_; $pass") =~ s/location/$app/r)
        for '^ /app/x break', '^ /app/x redirect', '^ https://a.example/app/', '^/hook/(.*)$ /hook/a/$1 last';
    says_nothing('rewrite to a gate', in_location("${gate}rewrite ^ /app/x last; $pass")
        =~ s/location/location \/app\/ { webhook stripe; webhook_secret $SECRET; $pass }\nlocation/r);
    my $may = sub ($location) { $past->($location) =~ s/leads to/may lead to/r };
    my $other_app = $app =~ s/:9/:8/r;
    says("rewrite on a condition: $_", in_location("$gate$_ $pass") =~ s/location/$app/r, $may->('/app/'))
        for 'if ($arg_x) { rewrite ^ /app/x last; }', 'if ($request_method != $arg_x) { rewrite ^ /app/x; }', 'if ($arg_x) { break; } rewrite ^ /app/x;',
            'set $x a; if ($arg_x) { set $x ""; } if ($x) { rewrite ^ /app/x last; }';
    says("rewrite of what is no file, to another upstream: $_", in_location("$gate$_ $pass") =~ s/location/$other_app/r, $may->('/app/'))
        for 'if (!-f $request_filename) { rewrite ^ /app/x last; }', 'if (-e $request_filename) { break; } rewrite ^ /app/x last;';
    says("rewrite behind what ends otherwise: $_", in_location("$gate$_ rewrite ^ /app/x last; $pass") =~ s/location/$app/r, $past->('/app/'))
        for 'if ($arg_x) { return 403; }', 'if ($request_uri ~ ^/other) { break; }', 'if ($request_method = GET) { break; }', 'rewrite ^/other /x break;',
            'if ($arg_x) { set $y 1; }', 'set $x "$arg_x-a";';
    says_nothing("rewrite on a condition, to another upstream: $_", in_location("$gate$_ $pass") =~ s/location/$other_app/r)
        for 'if ($arg_x) { rewrite ^ /app/x last; }', 'if (-f $request_filename) { rewrite ^ /app/x last; }', 'if (!-f $request_filename) { break; } rewrite ^ /app/x;';
    says_nothing("rewrite that no delivery comes to: $_", in_location("$gate$_ $pass") =~ s/location/$app/r)
        for 'rewrite ^ /x break; rewrite ^ /app/x last;', 'break; rewrite ^ /app/x last;', 'if ($uri ~ ^/hook) { break; } rewrite ^ /app/x last;',
            'if ($request_method = GET) { rewrite ^ /app/x last; }', 'if ($request_uri !~ ^/hook) { rewrite ^ /app/x last; }',
            'set $x 1; if ($document_uri ~ ^/hook) { set $x 0; } if ($x) { rewrite ^ /app/x last; }', 'rewrite ^/hook.*$ $uri last; rewrite ^ /app/x last;',
            'rewrite ^ /app/x; return 404;', 'rewrite ^ /app/x; break;', 'rewrite ^ /other; rewrite ^/hook /app/x;', 'if ($arg_x) { rewrite ^ /app/x; return 404; }';
    # The captures may be those of another expression.
    my $server = sub ($text) { "server {\nlisten %%ADDR%%:8080;\n$text\n}" };
    is_deeply [ grep { /could not/ } remarks($server->($_)) ], [], "captures: $_"
        for "location ~ ^/hooks/([a-z]+)\$ {\n${gate}rewrite ^ /api/\$1 last; $pass\n}\nlocation /api/ {\n$gate$pass\n}",
        "if (\$host ~ ^(.+)[.]example\$) { rewrite ^ /sites/\$1 last; }\nlocation = /h {\n$gate$pass\n}\nlocation ~ [.]php\$ { fastcgi_pass 127.0.0.1:9; }";
    my $meta = "webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on token=a;\n";
    says_nothing("a handshake has a query: $_", in_location("$meta$_ $pass")) for 'if ($request_uri !~ "[?]") { return 404; }', 'if ($request_uri = /hook) { return 404; }';
    says_nothing('the path that was asked for is another',
        $server->("rewrite ^/hooks/(.*)\$ /gate/\$1 last;\nlocation /gate/ {\ninternal;\n${meta}if (\$request_uri !~ ^/hooks/) { return 404; }\n$pass\n}"));
    is_deeply [ grep { /answers/ } remarks($server->("index index.php;\nlocation /hooks/ {\n$gate$pass\n}\n"
        . "location ~ [.]php\$ { fastcgi_pass 127.0.0.1:9; error_page 502 =200 /oops.html; }")) ], [], 'an index that nothing looks for';
    says('rewrite in two steps', in_location("${gate}rewrite ^/hook(.*)\$ /step\$1; rewrite ^/step /app/x; $pass") =~ s/location/$app/r, $past->('/app/'));
    my $by_page = sub ($more, $place = '@raw') { in_location("${gate}error_page 418 = \@raw; $more") =~ s/location/location $place { proxy_pass http:\/\/127.0.0.1:9; }\nlocation/r };
    says('a return on a condition, and its page', $by_page->("if (\$arg_x) { return 418; } $pass"),
        '[warn] "return" and "error_page" may lead to the location "@raw" before the gate has its turn, so that nothing is verified,');
    says_nothing("a return on a condition, $_", $by_page->($_)) for "if (\$arg_x) { return 419; } $pass", "if (\$request_method = GET) { return 418; } $pass",
        'if ($arg_x) { return 418; } proxy_pass http://127.0.0.1:8;';
    says_nothing('a return on a condition, to another gate', $by_page->("if (\$arg_x) { return 418; } $pass") =~ s/\@raw \{/\@raw { webhook stripe; webhook_secret $SECRET;/r);
    says_nothing('a page of health beside a gate for all', "webhook github;\nwebhook_secret $SECRET;\nserver { listen %%ADDR%%:8081; return 200 ok; }\n"
        . in_location($pass));
    says('failures as success', in_location("${gate}error_page 500 502 503 504 =200 /ok.html;"), $lost->('500, 502, 503, 504'));
    says('of the server', in_location($gate) =~ s/location/error_page 404 503 =204 \/ok.html; location/r, $lost->('503'));
    says('what waits, under another status', in_location("${gate}webhook_response in_flight 409;\nerror_page 409 =200 /ok.html;"), $lost->('409'));
    my $queue = 'location @queue { proxy_pass http://127.0.0.1:9; }';
    says('a queue whose status does not count', in_location("${gate}error_page 502 503 =202 \@queue;") =~ s/location/$queue\nlocation/r,
        '[warn] "error_page" answers 502, 503 with 2xx, even where "@queue" fails and the event is lost: '
        . 'with "=" alone, the status of "@queue" counts,');
    says_nothing("error_page $_", in_location("${gate}error_page $_;"))
        for '401 403 /401.html', '429 =200 /ok.html', '502 = @other;proxy_pass http://127.0.0.1:9', '503 /503.html', '500 502 = @other', '503 =502 /503.html', '404 =200 /empty.html';
};

subtest 'gates that requests do not reach' => sub {
    my $gate = "webhook github; # HERE\nwebhook_secret $SECRET;\nproxy_pass http://127.0.0.1:9;\n";
    my $pass = 'proxy_pass http://127.0.0.1:8;';
    my $pass_same = 'proxy_pass http://127.0.0.1:9;';
    my $of   = sub ($path, $beside, $more = '') {
        return "server {\nlisten %%ADDR%%:8080;\n$more\n$beside\nlocation $path {\n$gate}\n}";
    };
    my $taken = sub ($path, $by) { qq([warn] requests for "$path" never reach this gate: the location "$by" takes them,) };
    says('an exact location beside a prefix', $of->('/hook', "location = /hook { $pass }"), $taken->('/hook', '/hook'));
    says('an expression beside a prefix', $of->('/hooks/github', "location ~ ^/hooks/ { $pass }"), $taken->('/hooks/github', '^/hooks/'));
    says('an earlier expression', $of->('~ ^/hooks/github$', "location ~ ^/hooks/ { $pass }"), $taken->('/hooks/github', '^/hooks/'));
    says('an earlier expression for more', $of->('~ ^/hooks/(a|b)\.x$', "location ~ ^/hooks { $pass }"), $taken->('/hooks/', '^/hooks'));
    says('a character that may lack', $of->('~ ^/hooks/?$', "location ~ ^/hooks { $pass }"), $taken->('/hooks', '^/hooks'));
    says_nothing("$_->[0] beside $_->[1]", $of->(@$_)) for
        [ '^~ /hooks/github', "location ~ ^/hooks/ { $pass }" ], [ '= /hook', "location /hook { $pass }" ],
        [ '/hooks/github', "location ~ ^/hooks/ { webhook off; $pass }" ], [ '/hooks/github', 'location ~ ^/hooks/ { return 308 https://a.example; }' ],
        [ '~ ^/hooks/(a|b)$', "location ~ ^/hooks/\$ { $pass }" ], [ '~ (a|b)$', "location ~ ^/hooks/ { $pass }" ],
        [ '/hooks/', "location = /hooks/ { $pass }" ], [ '~ ^/hooks/a$', "location ~ ^/hooks/b { $pass }" ];
    my $refused = sub (@words) { $taken->(@words) =~ s/takes/refuses/r };
    says("the closed family beside $_", $of->($_, 'location ~* ^/hooks/ { return 404; }'), $refused->('/hooks/github', '^/hooks/'))
        for '/hooks/github', '~ ^/hooks/github$';
    says('the closed family beside a folder', $of->('/hooks/', 'location ~* ^/hooks { return 404; }'), $refused->('/hooks/', '^/hooks'));
    says('the closed family before several', $of->('~ ^/hooks/(gh|gl)$', 'location ~* ^/hooks { return 404; }'), $refused->('/hooks/', '^/hooks'));
    says("what refuses, $_", $of->('/hooks/github', "location ~ ^/hooks/ { $_ $pass }"), $refused->('/hooks/github', '^/hooks/')) for 'internal;', 'deny all;';
    says('hidden files', $of->('/.well-known/hook', 'location ~ /\. { deny all; }'), $refused->('/.well-known/hook', '/\.'));
    says('what takes them, after a login', $of->('/hooks/github', "location ~ ^/hooks/ { auth_basic a; auth_basic_user_file /none; $pass }"), $taken->('/hooks/github', '^/hooks/'));
    says('another gate', $of->('/hooks/github', "location ~ ^/hooks/ { webhook stripe; webhook_secret $SECRET; $pass }"), $taken->('/hooks/github', '^/hooks/'));
    says('files', $of->('/hooks/a.js', 'location ~ \.js$ { root /srv; }'), $taken->('/hooks/a.js', '\.js$'));
    says_nothing("$_->[0] beside $_->[1]", $of->(@$_)) for
        [ '= /hooks/github', 'location ~* ^/hooks/ { return 404; }' ], [ '^~ /hooks/github', 'location ~* ^/hooks/ { return 404; }' ],
        [ '/hooks', 'location = /hooks { return 404; }' ], [ '/hooks/', 'location ~ ^/hooks/$ { return 404; }' ],
        [ '/hooks', "location = /hooks { webhook stripe; webhook_secret $SECRET; $pass }" ],
        [ '~ ^/hooks/(gh|gl)$', 'location ~ ^/hooks/(?!gh|gl) { return 404; }' ],
        [ '~ ^/hooks/[[:alpha:]]+$', 'location ~ ^/hooks/(?![[:alpha:]]) { return 404; }' ],
        [ '~ ^/hooks/(gh|gl)$', "location ~ ^/hooks/(?!gh|gl) { $pass }" ];
    says_nothing('a location in the gate', $of->('/hooks', '') =~ s/proxy_pass/location ~ ^\/hooks { proxy_pass http:\/\/127.0.0.1:8; }\nproxy_pass/r);

    my $many = join "\n", map { "location ~ ^/hooks/t$_/(gh|gl)\$ { webhook github; webhook_secret $SECRET; proxy_pass http://127.0.0.1:9; }" } 1 .. 3000;
    my $started = time;
    says('the closed family before thousands', "server {\nlisten %%ADDR%%:8080;\nlocation ~* ^/HOOKS/t3000/ { return 404; }\nlocation ~ /t3000/b { }\n" . ($many =~ s/(t3000.*?webhook github;)/$1 # HERE\n/r) . "\n}",
        $refused->('/hooks/t3000/', '^/HOOKS/t3000/'));
    cmp_ok time - $started, '<', 10, 'thousands of expressions are found quickly';

    my $led = sub ($how, $path, $to) { qq([warn] a "rewrite" of the server $how "$path" to the location "$to", past the gate, so that nothing is verified,) };
    my $app = "location /app { $pass }";
    says('a rewrite of the server', $of->('= /hook', $app, 'rewrite ^/hook$ /app last;'), $led->('leads', '/hook', '/app'));
    says('a rewrite of the server, by what it found', $of->('= /v1/app', $app, 'rewrite ^/v1/(.*)$ /$1;'), $led->('leads', '/v1/app', '/app'));
    says('a rewrite of the server on a condition', $of->('/hook/', $app, 'if (!-e $request_filename) { rewrite ^ /app/index last; }'),
        $led->('may lead', '/hook/x', '/app'));
    says('a rewrite of an expression\'s paths', $of->('~ ^/hook/\d+$', $app, 'rewrite ^/hook/ /app;'), $led->('leads', '/hook/0', '/app'));
    says_nothing("rewrite $_ of the server", $of->('= /hook', "$app location /off { webhook off; $pass }", "rewrite $_;"))
        for '^/other$ /app last', '^/hook$ /app redirect', '^/hook$ https://a.example/', '^/hook$ /off last', '^/hook$ /none', '^/hook$ $arg_x',
        '^/hook$ /$arg_x', '^(.*)$ $1';
    says_nothing('a rewrite of the trailing slash', $of->('/hook/', "location / { $pass }", 'rewrite ^(.+)/$ $1 last;'));
    my $same = "location /app { $pass_same }";
    says('a rewrite of the server on any condition', $of->('= /hook', "$same location ~* ^/hook { return 404; }", 'if ($arg_x) { rewrite ^ /app last; }'), $led->('may lead', '/hook', '/app'));
    says_nothing('a rewrite of the server on any condition, to another upstream', $of->('= /hook', $app, 'if ($host = b.example) { rewrite ^ /app last; }'));
    says_nothing("a rewrite of the server that no delivery comes to: $_", $of->('= /hook', $app, $_))
        for 'if ($uri ~ ^/hook) { break; } rewrite ^ /app;', 'rewrite ^/hook$ $uri last; rewrite ^ /app;', 'rewrite ^/hook $uri break; rewrite ^ /app;',
            'if ($uri !~ ^/hook) { rewrite ^ /app last; }';
    says('a rewrite of the server with "break"', $of->('= /hook', $app, 'rewrite ^/hook$ /app break;'), $led->('leads', '/hook', '/app'));
    says_nothing('a rewrite of one in the folder', $of->('/hook/', $app, 'rewrite ^/hook/x(.*)$ /app last;'));
    says('a rewrite to the server\'s own level', $of->('/hook/', "location \@app { $pass }", 'try_files $uri @app; rewrite ^/hook/(.*)$ /none/$1 last;'),
        $led->('leads', '/hook/x', '/none') =~ s/the location "\/none"/the server's own level/r);
    says_nothing('a rewrite to the server\'s own level, which is gated', $of->('/hook/', "location \@app { $pass }", "try_files \$uri \@app; webhook github; webhook_secret $SECRET; rewrite ^/hook/(.*)\$ /none/\$1 last;"));

    my $child = $taken->('/hooks/x', '^/hooks/.+$');
    says('an expression for what is in a folder', $of->('/hooks/', "location ~ ^/hooks/.+\$ { $pass }"), $child);
    says('an expression for some of it, to the same upstream', $of->('/hooks/', 'location ~ ^/hooks/[a-z]+$ { proxy_pass http://127.0.0.1:9; }'), $taken->('/hooks/x', '^/hooks/[a-z]+$'));
    says_nothing("$_->[0] beside $_->[1]", $of->(@$_)) for
        [ '/hooks/', "location ~ ^/hooks/[a-z]+\$ { $pass }" ], [ '/hooks/', "location ~ ^/hooks/.+\$ { webhook off; $pass }" ], [ '/hooks/', 'location ~ ^/hooks/.+$ { return 404; }' ],
        [ '^~ /hooks/', "location ~ ^/hooks/.+\$ { $pass }" ], [ '/hooks/', "location ~ ^/hooks/.+\$ { webhook stripe; webhook_secret $SECRET; $pass }" ];

    my $php = "location ~ \\.php\$ { $pass }";
    my $scripts = sub ($path, $beside) { $of->($path, $beside) =~ s/proxy_pass http:\/\/127.0.0.1:9;\n//r };
    says("scripts in a folder $_->[0] of the gate", $scripts->($_->[0], $php), $taken->($_->[1], '\.php$'))
        for [ '/hooks/', '/hooks/x.php' ], [ '/hooks', '/hooks/x.php' ], [ '/', '/x.php' ];
    says('scripts in a folder of the gate, under its upstream', $of->('/hooks/', "location ~ \\.php\$ { $pass_same }"), $taken->('/hooks/x.php', '\.php$'));
    says('what ends alike, under its upstream', $of->('/hooks/', "location ~* \\.(js|json)\$ { $pass_same }"), $taken->('/hooks/x.js', '\.(js|json)$'));
    says_nothing("$_->[0] beside $_->[1]", $of->(@$_)) for [ '/hooks/', $php ], [ '^~ /hooks/', "location ~ \\.php\$ { $pass_same }" ];
    says_nothing("scripts, $_->[0] beside $_->[1]", $scripts->(@$_)) for
        [ '/hooks/', "location ~ \\.php\$ { webhook off; $pass }" ], [ '/hooks/', "location ~ \\.php\$ { internal; $pass }" ], [ '^~ /hooks/', $php ],
        [ '/hooks/', 'location ~ \.php$ { root /srv; }' ], [ '= /hooks/github', $php ], [ '/hooks/gh.php', "location ~ \\.pl\$ { $pass }" ];
    says_nothing("$_ before scripts", $scripts->('/hooks/', $php) =~ s/(webhook_secret)/$_\n$1/r) for 'rewrite ^ /none;';
    is_deeply [ map { (split / in /)[0] } remarks($of->('/hooks/', "location ~ . { $pass_same }")) ],
        [ $taken->('/hooks/', '.') =~ s/ $//r, '[warn] "/HOOKS/" reaches the upstream of "/hooks/" without a gate, by the location ".": some applications take both for the same path' ],
        'what takes all is said once';
    says_nothing("a gate for a script, beside $_", $of->('= /hook.php', "location ~ $_\$ { $pass_same }")) for '\.do', '\.php';

    my $own = sub ($path, $rewrite) { $of->($path, "$app location /off { webhook off; $pass }") =~ s/proxy_pass http:\/\/127.0.0.1:9/rewrite $rewrite; proxy_pass http:\/\/127.0.0.1:9/r };
    says('a rewrite of the gate', $own->('/hook', '^/hook/(.*)$ /app/$1'),
        '[warn] "rewrite" leads to the location "/app" before the gate has its turn, so that nothing is verified: with "break", requests stay at the gate,');
    says_nothing("rewrite $_ of the gate", $own->('/hook', $_)) for '^ /off', '^/other /app', '^ /$arg_x';

    my $refuses = sub ($what, $whom = 'every delivery') { qq([warn] "$what" refuses $whom before the gate has its turn,) };
    my $in_gate = sub ($more, $how = '') { $of->('= /hook', '') =~ s/proxy_pass/$more proxy_pass/r =~ s/(webhook_secret [^;]*;)/$1 $how/r };
    says("what refuses deliveries: $_->[1]", $in_gate->($_->[1]), $refuses->($_->[0])) for
        [ 'limit_except', 'limit_except GET { deny all; }' ], [ 'deny all', 'deny all;' ], [ 'deny all', 'deny all; allow 192.0.2.1;' ];
    says_nothing("what refuses some: $_", $in_gate->($_)) for 'limit_except POST { deny all; }', 'limit_except GET { deny 192.0.2.1; }', 'allow 192.0.2.1; deny all;',
        'deny all; satisfy any; auth_basic a; auth_basic_user_file /none;';
    says_nothing('what refuses some methods', $in_gate->('limit_except POST { deny all; }', 'webhook_methods POST PUT;'));
    says_nothing('what refuses the others', $of->('/hook', '') =~ s/proxy_pass/deny all; location = \/hook\/a { allow all; proxy_pass http:\/\/127.0.0.1:9; }\nproxy_pass/r);
    my $meta = sub ($more, $switch = 'on token=file:%%DIR%%/meta.token') { $in_gate->($more, "webhook_handshake $switch;") =~ s/webhook github/webhook meta/r };
    write_file('meta.token', "another-token-of-some-length\n", 0600);
    my $of_meta = 'the handshakes of "meta", which come by GET,';
    says("what refuses handshakes: $_->[1]", $meta->($_->[1]), $refuses->($_->[0], $of_meta)) for
        [ 'limit_except', 'limit_except POST { deny all; }' ], [ 'return', 'if ($request_method != POST) { return 405; }' ], [ 'return', 'if ($request_method = GET) { return 404; }' ];
    says_nothing("what refuses no handshakes: $_", $meta->($_)) for 'limit_except GET POST { deny all; }', 'if ($request_method !~ ^(GET|POST)$) { return 405; }',
        'if ($request_method = GET) { return 200; }', 'if ($arg_x) { return 405; }';
    my $trello = sub ($more) { $in_gate->($more, 'webhook_handshake on;') =~ s/webhook github/webhook trello/r };
    says("what refuses handshakes by HEAD: $_->[1]", $trello->($_->[1]), $refuses->($_->[0], 'the handshakes of "trello", which come by HEAD,')) for
        [ 'limit_except', 'limit_except POST { deny all; }' ], [ 'return', 'if ($request_method != POST) { return 405; }' ], [ 'return', 'if ($request_method = HEAD) { return 405; }' ];
    says_nothing("what refuses no handshakes by HEAD: $_", $trello->($_)) for 'limit_except GET POST { deny all; }', 'if ($request_method = GET) { return 405; }';
    says_nothing("what refuses handshakes that are off: $_", $meta->($_, 'off')) for 'limit_except POST { deny all; }', 'if ($request_method != POST) { return 405; }';

    my $hardly = sub ($path, $why) { qq([warn] requests hardly reach this gate: the location "$path" $why,) };
    says('no slash',     $of->('= hook', ''),       $hardly->('hook', 'does not begin with "/"'));
    says('a query',      $of->('= /hook?a=b', ''),  $hardly->('/hook?a=b', 'holds "?", but no path has a query'));
    says('an escape',    $of->('/hook%2Fa', ''),    $hardly->('/hook%2Fa', 'holds "%" and digits, but nginx decodes paths'));
    says('two slashes',  $of->('//hook', ''),       $hardly->('//hook', 'holds "//", which nginx takes for "/"'));
    says('white space',  $of->('"/hook "', ''),     $hardly->('/hook ', 'ends with white space'));
    says('a step up', $of->('= /a/../hook', ''),    $hardly->('/a/../hook', 'holds "/./" or "/../", which nginx resolves'));
    says('a step at the end', $of->('/hook/.', ''), $hardly->('/hook/.', 'holds "/./" or "/../", which nginx resolves'));
    says('no slash of an expression', $of->('~ ^hook$', ''), $hardly->('^hook$', 'does not begin with "/"'));
    says('a query of an expression', $of->('~ ^/hook\?a=b$', ''), $hardly->('^/hook\?a=b$', 'holds "?", but no path has a query'));
    says('an escape of an expression', $of->('~ ^/hook%2Fa', ''), $hardly->('^/hook%2Fa', 'holds "%" and digits, but nginx decodes paths'));
    says('two slashes of an expression', $of->('~ ^//hook/(a|b)', ''), $hardly->('^//hook/(a|b)', 'holds "//", which nginx takes for "/"'));
    says_nothing($_, $of->($_, '')) for '~ ^/hook/?', '~ ^/hook\.', '~ ^.*/hook', '~ ^/.+/hook', '/hook/.a', '/...', '~ ^/hook|b', '~ "^/a "', '~ ^(/hook)';
    says_nothing($_, $of->($_, '')) for '/100%', '"/my hook"', '~ hook', '@hook', '~ ^/a?b';
    says_nothing('two slashes that count', $of->('//hook', '', 'merge_slashes off;'));
};

subtest 'a gate that was forgotten' => sub {
    write_file('secret.inc', "webhook_secret $SECRET;\n");
    my $locations = sub ($second) {
        return "server {\nlisten %%ADDR%%:8080;\nlocation = /a { include %%DIR%%/secret.inc; webhook github; proxy_pass http://%%ADDR%%:9; }\n"
            . "location = /b { include %%DIR%%/secret.inc; $second }\n}";
    };
    my $pass = 'proxy_pass http://%%ADDR%%:8;';
    my @found = remarks($locations->($pass));
    is_deeply [ grep { /protects nothing/ } @found ],
        [ expand('[warn] "webhook_secret" without "webhook" protects nothing in the location "/b", in %%DIR%%/secret.inc:1') ],
        'beside one with the same include';
    is_deeply [ grep { /protects nothing/ } remarks($locations->($_)) ], [], "not: $_" for "webhook off; $pass", "return 404; $pass", "webhook github; $pass";
    my $app = 'location @app { proxy_pass http://%%ADDR%%:8; }';
    for my $way ('set $b %%ADDR%%:8; proxy_pass http://$b;', "try_files \$uri \@app; } $app location /other {", 'dav_methods PUT;') {
        is_deeply [ grep { /protects nothing/ } remarks($locations->($way)) ],
            [ expand('[warn] "webhook_secret" without "webhook" protects nothing in the location "/b", in %%DIR%%/secret.inc:1') ], "by $way";
    }
    is_deeply [ grep { /protects nothing/ } remarks($locations->(
        "try_files \$uri \@app; } location \@app { include %%DIR%%/secret.inc; webhook github; $pass } location /other {")) ], [], 'a gate behind it';
    my $one_line = "server {\nlisten %%ADDR%%:8080;\n"
        . "location = /a { webhook_secret $SECRET; webhook github; } location = /b { webhook_secret $SECRET; $pass }\n}";
    my ($code, $output) = config_test(http => $one_line);
    is $code, 1, 'beside one on the same line';
    like $output, qr{"webhook_secret" without "webhook" protects nothing in \S+:3}, 'it is found';
};

subtest 'quotes within a word' => sub {
    my $quoted = sub ($directive, $name) {
        return qq([warn] the quotes in the value of "$name=" in "$directive" are part of it: quote all of "$name=...");
    };
    my $zone = "webhook_dedup_zone zone=events:1m;\n";
    my $of   = sub ($name, $id, $key) {
        return $zone . in_location("webhook stripe$name\nwebhook_secret $SECRET$id\nwebhook_dedup zone=events$key\n");
    };
    for my $quote ('"', "'") {
        says("of a name, $quote", $of->(" name=${quote}a$quote; # HERE", ';', ';'), $quoted->('webhook', 'name'));
        says("of an id, $quote", $of->(';', " id=${quote}new$quote; # HERE", ';'), $quoted->('webhook_secret', 'id'));
        says("of a key, $quote", $of->(';', ';', " key=$quote\$webhook_event_id$quote; # HERE"), $quoted->('webhook_dedup', 'key'));
    }
    says_nothing('around whole words', $of->(' "name=a b";', " 'id=a b';", ' "key=$webhook_event_id";'));
};

subtest 'large bodies of which a value is needed' => sub {
    my $remark = sub ($allowed, $scheme, $held = 1048576) {
        return qq([warn] "client_max_body_size" allows bodies of $allowed, but those of more than $held bytes, )
            . qq("webhook_payload_max", are refused, since "$scheme" needs a value of the body);
    };
    my $zone  = "webhook_dedup_zone zone=events:1m;\n";
    my $large = sub ($scheme, $more = '', $secret = $SECRET) {
        return ($more =~ /webhook_dedup/ ? $zone : '') . in_location("webhook $scheme; # HERE\nwebhook_secret $secret;\n$more");
    };
    my $dedup = 'webhook_dedup zone=events;';
    says('an event id', $large->('stripe', "$dedup client_max_body_size 25m;"), $remark->('up to 26214400 bytes', 'stripe'));
    says('of any size', $large->('stripe', "$dedup client_max_body_size 0;"), $remark->('any size', 'stripe'));
    says('a smaller limit', $large->('stripe', "$dedup webhook_payload_max 1000;"), $remark->('up to 1048576 bytes', 'stripe', 1000));
    says('a key with the event id in it', $large->('stripe', 'webhook_dedup zone=events key=$server_name$webhook_event_id; client_max_body_size 2m;'),
        $remark->('up to 2097152 bytes', 'stripe'));
    says('a signature of all of it', $large->('discord', 'client_max_body_size 2m;', ed25519_secret('hex')->{written}),
        $remark->('up to 2097152 bytes', 'discord'));
    says('signed fields', $large->('mailgun', 'client_max_body_size 2m;'), $remark->('up to 2097152 bytes', 'mailgun'));
    says('an event type', $large->('stripe', 'webhook_events a; client_max_body_size 2m;'), $remark->('up to 2097152 bytes', 'stripe'));
    says_nothing('a limit as large', $large->('stripe', "$dedup client_max_body_size 25m; webhook_payload_max 25m;"));
    says_nothing('no value is needed', $large->('stripe', 'client_max_body_size 25m;'));
    says_nothing('an id that may be missing', $large->('slack', "$dedup client_max_body_size 25m;"));
    says_nothing('the hash of the body', $large->('stripe', 'webhook_dedup zone=events key=$webhook_body_sha256; client_max_body_size 25m;'));
};

subtest 'event types' => sub {
    my $remark = sub ($scheme, $place, $directive) {
        return qq([notice] the signature of "$scheme" does not cover $place: for "$directive", )
            . 'the word of the request\'s sender decides which type an event has';
    };
    my $at = sub ($scheme, $events, $more = '') {
        return $more . in_location("webhook $scheme;\nwebhook_secret $SECRET;\nwebhook_events $events; # HERE");
    };
    says('in a header', $at->('github', 'push'), $remark->('github', 'the header "x-github-event"', 'webhook_events'));
    says('in a header, beside a token', $at->('gitlab', '*'), $remark->('gitlab', 'the header "x-gitlab-event"', 'webhook_events'));
    says('in a query', $at->('acme', 'a', "webhook_scheme acme { algorithm hmac-sha256; signed '{body}'; signature header=S; event_type query=t; }\n"),
        $remark->('acme', 'the parameter "t"', 'webhook_events'));
    says_nothing('in a header that is signed', $at->('acme', 'a',
        "webhook_scheme acme { algorithm hmac-sha256; signed '{header:T}:{body}'; signature header=S; event_type header=T; }\n"));
    says_nothing('in the body', $at->('stripe', 'charge.* !charge.test ""'));
    says_nothing('in a token', $at->('acme', 'a', "webhook_scheme acme { algorithm jwt=HS256; signature header=S; digest claim=d; event_type claim=t; }\n"));
    says('of a sender without types', $at->('telegram', '* !push'),
        '[warn] the scheme "telegram" has no event type: "webhook_events" lets everything through');
    says('with a comma between them', $at->('stripe', 'a.b,c.d'),
        '[warn] the "," in "a.b,c.d" of this webhook_events is part of it: patterns are separated by spaces');
    says('as regular expressions', $at->('stripe', $_),
        qq([warn] "$_" of this webhook_events is no regular expression: "*" stands for any characters)) for '~a', '^a';
};

subtest 'schemas' => sub {
    write_file('schemas/right.json', '{ "required": ["id"] }');
    write_file('schemas/other.json', '{}');
    write_file('schemas/misspelt.json', '{ "requried": ["id"] }');
    my $right = 'webhook_schema %%DIR%%/schemas/right.json';
    my $at = sub ($scheme, $text, $more = '') { return $more . in_location("webhook $scheme;\nwebhook_secret $SECRET;\n$text") };
    says_nothing('one for all', $at->('stripe', "$right;"));
    says_nothing('one for each type', $at->('stripe', "$right type=a; $right type=b; $right;"));
    says_nothing('of a sender of JSON in a form', $at->('gitea-form', "$right;"));
    my $hidden = '[warn] this webhook_schema is never used: an earlier one is for the same types';
    says('behind one for all', $at->('stripe', "$right;\n$right type=a; # HERE"), $hidden);
    says('for the same types', $at->('stripe', "$right type=a*;\n$right type=a*; # HERE"), $hidden);
    says('for types that the sender does not have', $at->('telegram', "$right type=a; # HERE"),
        '[warn] the scheme "telegram" has no event type: this "webhook_schema" is never used');
    says_nothing('for no type', $at->('telegram', "$right type=\"\";"));
    says('for a type in a header', $at->('github', "$right type=push; # HERE\n$right type=ping;"),
        '[notice] the signature of "github" does not cover the header "x-github-event": for "webhook_schema", '
            . 'the word of the request\'s sender decides which type an event has');
    says_nothing('for all, beside a type in a header', $at->('github', "$right;"));
    says('a large body', in_location("webhook github; # HERE\nwebhook_secret $SECRET;\n$right;\nclient_max_body_size 2m;"),
        '[warn] "client_max_body_size" allows bodies of up to 2097152 bytes, but those of more than 1048576 bytes, '
            . '"webhook_payload_max", are refused, since "webhook_schema" is for all of it');
    my @found = remarks($at->('stripe', "webhook_schema %%DIR%%/schemas/misspelt.json;\nwebhook_schema %%DIR%%/schemas/misspelt.json type=a;"));
    is scalar(grep { /requried/ } @found), 1, 'a misspelt word is told once' or diag @found;
    like $found[0], qr{^\[warn\] schema "\S+/schemas/misspelt\.json".*"requried".*"required"}, 'with its place';
    my $words = sub ($name, $text, $remark) {
        write_file('schemas/odd.json', $text);
        my ($found) = remarks($at->('stripe', 'webhook_schema %%DIR%%/schemas/odd.json; # HERE'));
        like $found, qr{^\[warn\] schema "\S+/schemas/odd\.json"\Q$remark\E}, $name;
    };
    $words->('an empty enum', '{"properties":{"a":{"enum":[]}}}', ' at "/properties/a/enum": no value satisfies this: it lists none');
    $words->('a line in a keyword', '{"required\n\u0000":[]}', ': unknown keyword "required\x0a\x00" has no effect; did you mean "required"?');
};

subtest 'other spellings of a gated path' => sub {
    my $two = sub ($gated, $beside, $more = '') {
        return "upstream app { server 127.0.0.1:9; }\nserver {\nlisten %%ADDR%%:8080;\nlocation $gated {\n"
            . "webhook github; # HERE\nwebhook_secret $SECRET;\nproxy_pass http://app;\n}\n$beside\n$more\n}";
    };
    my $remark = sub ($spelling, $path, $location) {
        return qq([warn] "$spelling" reaches the upstream of "$path" without a gate, by the location "$location": )
            . 'some applications take both for the same path';
    };
    my $all = 'location / { proxy_pass http://app; }';
    says('two slashes that count', $two->('= /hooks/github', 'location ~* ^/hooks { return 404; }', "merge_slashes off; $all"), $remark->('//hooks/github', '/hooks/github', '/'));
    says_nothing('two slashes that do not', $two->('= /hooks/github', 'location ~* ^/hooks { return 404; }', $all));
    says('beside a location for all', $two->('= /hooks/github', $all), $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('an address instead of a name',
        $two->('= /hooks/github', $all) =~ s{http://app}{http://127.0.0.1:9000}gr, $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('a path that no case changes', $two->('= /1/2', 'location /1 { proxy_pass http://app; }'), $remark->('/1/2/', '/1/2', '/1'));
    says('a prefix', $two->('/hooks/', $all), $remark->('/HOOKS/', '/hooks/', '/'));
    says('by an expression', $two->('= /hooks/github', 'location ~ \\.json$ { proxy_pass http://app; }'),
        $remark->('/hooks/github.json', '/hooks/github', '\\.json$') =~ s/\\\\/\\/gr);
    says('a way that the family is not closed', $two->('= /hooks/github', $all, 'location /hooks/ { return 404; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('two gates, one of which is not seen there', $two->('= /hooks/github', $all,
        "location = /hooks/stripe { webhook stripe; webhook_secret $SECRET; proxy_pass http://app; }"),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says_nothing('the family is closed', $two->('= /hooks/github', $all, 'location ~* ^/hooks/ { return 404; }'));
    says_nothing('another upstream', $two->('= /hooks/github', 'location / { proxy_pass http://127.0.0.1:9001; }'));
    says_nothing('files', $two->('= /hooks/github', 'location / { root /srv; }'));
    my $health = 'location = /health { proxy_pass http://app; }';
    says_nothing("a rewrite of another path: $_", $two->('= /hooks/github', "$_\n$health")) for 'rewrite ^/status$ /health last;',
        'location / { rewrite ^/status$ /health last; }', 'location / { if ($arg_x) { rewrite ^ /health last; } }';
    says("a rewrite of every path", $two->('= /hooks/github', "$_\n$health"), $remark->('/HOOKS/GITHUB', '/hooks/github', '/health'))
        for 'location / { rewrite ^ /health last; }', 'location / { rewrite ^/status$ /health last; rewrite ^/H /health last; }';
    says_nothing('a path that no spelling leads to', $two->('= /hooks/github', 'location /other { proxy_pass http://app; }'));
    says_nothing('what is not to be gated', $two->('= /hooks/github', 'location / { webhook off; proxy_pass http://app; }'));
    says_nothing('all of the server is gated',
        "server {\nlisten %%ADDR%%:8080;\nwebhook github;\nwebhook_secret $SECRET;\nlocation = /a { proxy_pass http://127.0.0.1:9; }\n"
            . "location / { proxy_pass http://127.0.0.1:9; }\n}");
    says_nothing("for //", $two->('= /', 'location ~ / { proxy_pass http://app; }') =~ s{~ /}{~ ^//\$}r);
    says_nothing("strangers do not get there: $_", $two->('= /hooks/github', "location / { $_ proxy_pass http://app; }"))
        for 'internal;', 'deny all;', 'allow 127.0.0.1; deny all;', 'return 404;';
    says('all strangers do', $two->('= /hooks/github', 'location / { allow all; deny all; proxy_pass http://app; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('some do', $two->('= /hooks/github', 'location / { deny 192.0.2.1; proxy_pass http://app; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('some statement before', $two->('= /hooks/github', 'location / { set $a b; proxy_pass http://app; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    my $app = 'location @app { proxy_pass http://app; }';
    for my $way ('try_files $uri @app;', 'try_files $uri $uri/index.html /index.html @app;', 'error_page 404 = @app;') {
        says("by $way", $two->('= /hooks/github', "location / { $way }", $app), $remark->('/HOOKS/GITHUB', '/hooks/github', '@app'));
        says_nothing("by $way, closed", $two->('= /hooks/github', "location / { internal; $way }", $app));
        says_nothing("by $way, to another", $two->('= /hooks/github', "location / { $way }", $app =~ s/app; /app2; /r =~ s{//app}{//127.0.0.1:1}r));
        says_nothing("by $way, not to be gated", $two->('= /hooks/github', "location / { $way }", $app =~ s/\{/{ webhook off;/r));
    }
    says('by a page of "return"', $two->('= /hooks/github', 'location / { error_page 418 = @app; return 418; }', $app),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '@app'));
    says('by the server\'s files', $two->('= /hooks/github', 'try_files $uri @app;', $app), $remark->('/HOOKS/GITHUB', '/hooks/github', '@app'));
    says('by a condition', $two->('= /hooks/github', 'location / { if ($request_method = POST) { proxy_pass http://app; } }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('from a gate that has files', $two->('= /hooks/github', 'location / { try_files $uri @app; }', $app) =~ s{proxy_pass http://app;\n}{try_files /none \@app;\n}r,
        $remark->('/HOOKS/GITHUB', '/hooks/github', '@app'));
    says('by a file of a program', $two->('= /hooks/github', 'location / { try_files $uri /index.php$is_args$args; }',
        'location ~ \.php$ { proxy_pass http://app; }'), $remark->('/HOOKS/GITHUB', '/hooks/github', '\.php$'));
    my $turned = sub ($statements) { $two->('= /hooks/github', "location / { $statements proxy_pass http://app; }", 'location @app { proxy_pass http://app; } location = /403.html { root /srv; }') };
    says_nothing("strangers are turned away: $_", $turned->($_))
        for 'if ($ssl_client_verify != SUCCESS) { return 403; }', 'error_page 403 /403.html; if ($ssl_client_verify != SUCCESS) { return 403; }',
            'if ($request_method !~ ^(GET|HEAD)$) { return 405; }', 'set $ok 0; if ($ssl_client_verify = SUCCESS) { set $ok 1; } if ($ok = 0) { return 403; }';
    says("strangers are not turned away: $_", $turned->($_), $remark->('/HOOKS/GITHUB', '/hooks/github', '/'))
        for 'if ($ssl_client_verify = SUCCESS) { return 403; }', 'if ($arg_x) { return 403; }', 'if ($request_method = GET) { return 405; }',
            'error_page 403 = @app; if ($ssl_client_verify != SUCCESS) { return 403; }', 'if ($arg_x) { break; } if ($ssl_client_verify != SUCCESS) { return 403; }';
    says_nothing('POST is closed', $two->('= /hooks/github', 'location / { limit_except GET { deny all; } proxy_pass http://app; }'));
    my $closes = sub ($statements) { $two->('= /hooks/github', "location / { $statements proxy_pass http://app; }", 'location @app { proxy_pass http://app; }') };
    says_nothing("POST is closed by $_", $closes->($_))
        for 'if ($request_method = POST) { return 405; }', 'if ($request_method !~ ^(GET|HEAD)$) { return 405; }', 'if ($request_method != GET) { set $a b; return 403; }',
            'if ($arg_x) { return 403; } if ($request_method = POST) { return 444; }';
    says("POST is not closed by $_", $closes->($_), $remark->('/HOOKS/GITHUB', '/hooks/github', '/'))
        for 'if ($request_method = GET) { return 405; }', 'if ($request_method !~ POST) { return 405; }', 'if ($arg_x) { return 405; }',
            'if ($arg_x) { break; } if ($request_method = POST) { return 405; }', 'if ($request_method = POST) { set $a b; }',
            'error_page 405 = @app; if ($request_method = POST) { return 405; }';
    says('all but POST is closed', $two->('= /hooks/github', 'location / { limit_except POST { deny all; } proxy_pass http://app; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says('closed to IPv4 alone', $two->('= /hooks/github', 'location / { deny 0.0.0.0/0; proxy_pass http://app; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '/'));
    says_nothing('closed by an expression further in', $two->('= /hooks/github',
        'location / { location ~* ^/hooks/ { return 404; } proxy_pass http://app; }', 'location ~* github { proxy_pass http://app; }'));
    says('open by an expression further in', $two->('= /hooks/github',
        'location / { location ~* ^/hooks/ { proxy_pass http://app; } return 404; }', 'location ~* github { return 404; }'),
        $remark->('/HOOKS/GITHUB', '/hooks/github', '^/hooks/'));
    says_nothing("by no way, $_", $two->('= /hooks/github', "location / { $_ }", $app))
        for 'try_files $uri /app;', 'try_files $uri =404;', 'error_page 502 = @app;', 'try_files $uri @other;';
    my $front = 'location / { root /srv; } location ~ ^/index\.php(/|$) { proxy_pass http://app; }';
    says('the path behind the front controller', $two->('= /hooks/github', $front), $remark->('/index.php/hooks/github', '/hooks/github', '^/index\.php(/|$)'));
    says_nothing('a front controller that is internal', $two->('= /hooks/github', $front =~ s/proxy/internal; proxy/r));
    says('the front controller of a gate for all', $two->('/', 'location ~ \.php$ { proxy_pass http://app; }'), $remark->('/index.php', '/', '\.php$'));
    says_nothing('an internal one', $two->('/', 'location ~ \.php$ { internal; proxy_pass http://app; }'));
    says_nothing("strangers do not get there: $_", $two->('= /hooks/github', "location / { $_ proxy_pass http://app; }", 'location = /auth { internal; return 403; }'))
        for 'auth_basic a; auth_basic_user_file /none;', 'auth_request /auth;';
    says("strangers get there: $_", $two->('= /hooks/github', "location / { $_ proxy_pass http://app; }"), $remark->('/HOOKS/GITHUB', '/hooks/github', '/'))
        for 'auth_basic off;', 'satisfy any; auth_basic a; auth_basic_user_file /none;';
    says_nothing('another server', $two->('= /hooks/github', '') . "\nserver {\nlisten %%ADDR%%:8081;\n$all\n}");
};

subtest 'variables in another case' => sub {
    my $closed = '"key=$webhook_event_id key=$webhook_event_key" in "webhook_dedup" closes the replay';
    says("$_ is the event id", deduplicated('github', $SECRET, "zone=events key=$_"),
        qq{[notice] the signature of "github" does not cover the event id: $closed})
        for '$Webhook_Event_Id', '${webhook_event_id}', '${WEBHOOK_EVENT_ID}';
    says_nothing("$_ is the hash", deduplicated('github', $SECRET, "zone=events key=$_"))
        for '$Webhook_Body_SHA256', '${webhook_body_sha256}', '$Webhook_Event_Key';
};

subtest 'signatures of nothing much' => sub {
    my $scheme = "webhook_scheme acme { # HERE\nalgorithm hmac-sha256;\nsignature header=A;\nsigned \"{method}\";\n}\n";
    says('the body is not signed', $scheme, '[warn] the signature of the scheme "acme" does not cover the body');
    my $of = sub ($statements) { return "webhook_scheme acme { # HERE\n$statements\n}\n" };
    my $hmac = 'algorithm hmac-sha256; signature header=A;';
    my $jwt  = 'algorithm jwt=HS256; signature header=A;';
    my %uncovered = (
        'a value of it'   => qq($hmac signed "{json:/id}.{header:B}{url}";),
        'a value of it'   => qq($hmac signed "{json:/id}";),
        'its CRC'         => qq($hmac signed "{crc32:body}";),
        'a time in it'    => qq($hmac signed "{timestamp}"; timestamp json=/time;),
        'claims'          => qq($jwt claims iss=acme aud="{url}";),
    );
    says("signed is $_", $of->($uncovered{$_}), '[warn] the signature of the scheme "acme" does not cover the body')
        for sort keys %uncovered;
    my $form = 'algorithm hmac-sha256; signed "{field:a}";';
    says('some fields of a form', $of->("$form signature field=s;"),
        '[warn] the signature of the scheme "acme" does not cover the other fields of the form');
    says('a form whose fields are run together', $of->(qq($hmac signed "{form}";)),
        '[warn] the signature of the scheme "acme" does not tell where names and values of "{form}" begin and end');
    says_nothing('all fields of a form', $of->("$form signature field=s alone;"));
    my %covered = (
        'the body'        => qq($hmac signed "{body}";),
        'its hash'        => qq($hmac signed "{sha256:body}";),
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
    says('two values of the body', $of->(qq($hmac signed "{json:/a}.{json:/b}|{sha256:body}";)), $moved->('{json:...}', '{json:...}'));
    says('a body between', $of->(qq($hmac signed "{header:B}{body}{header:C}";)), $moved->('{body}', '{header:...}'));
    says('two headers', $of->(qq($hmac signed "{header:B}{header:C}.{body}";)), $moved->('{header:...}', '{header:...}'));
    says('a time that nothing signs', $of->(qq($hmac signed "{body}"; $time)),
        '[warn] the signature of the scheme "acme" does not cover the timestamp');
    my %fine = (
        'a time between'         => qq($hmac signed "{id}{timestamp}{body}"; event_id header=I; $time),
        'a body that has to be JSON: a header' => qq($hmac signed "{body}{header:B}";),
        'a body that has to be JSON: an id' => qq($hmac signed "{id}{body}"; event_id header=I;),
        'a URL, of which the location is asked' => qq($hmac signed "{url}{header:B}{sha256:body}";),
        'a literal between'      => qq($hmac signed "{header:B}.{body}";),
        'the time as a header'   => qq($hmac signed "{body}.{header:T}"; $time),
        'the time in the body'   => qq($hmac signed "{body}"; timestamp json=/time;),
        'the time in the token'  => qq($jwt timestamp claim=iat; digest claim=d;),
    );
    says_nothing($_, $of->($fine{$_})) for sort keys %fine;

    my $literal = sub ($text) {
        return qq([warn] "signed" of the scheme "acme" takes "$text" as it stands: a header's value is "{header:Name}");
    };
    says('a variable', $of->(qq($hmac signed "\$http_a.{body}";)), $literal->('$http_a.'));
    says_nothing('a price', $of->(qq($hmac signed "\$.{body}";)));
};

subtest 'own schemes that do not say what an event is' => sub {
    my $of = sub ($more, $dedup = '') {
        return "webhook_dedup_zone zone=z:1m;\nwebhook_scheme acme {\nalgorithm hmac-sha256; signature header=A; signed \"{body}\"; $more\n}\n"
            . in_location("webhook acme;\nwebhook_secret $SECRET;\nwebhook_dedup zone=z $dedup; # HERE");
    };
    my $notice = '[notice] the scheme "acme" has neither "event_id" nor "event_key": "webhook_dedup" takes deliveries with the same '
        . 'body for one event; if they can be different ones, add "event_id" or "event_id none"; if not, "key=$webhook_event_key" says so';
    says('neither', $of->(''), $notice);
    says_nothing('an event key', $of->('event_key "{body}";'));
    says_nothing('a key', $of->('', 'key=$webhook_event_key'));
    says_nothing('what a preset says', "webhook_dedup_zone zone=z:1m;\nwebhook_scheme acme {\nlike netlify;\n}\n"
        . in_location("webhook acme;\nwebhook_secret $SECRET;\nwebhook_dedup zone=z;"));
};

subtest 'schemes whose events are all one' => sub {
    my $of = sub ($key) {
        return "webhook_scheme acme { # HERE\nalgorithm hmac-sha256; signature header=A; signed \"{body}\"; "
            . "event_type header=T; event_key \"$key\";\n}\n";
    };
    says("by $_", $of->($_), '[warn] the event_key of the scheme "acme" is the same for different events')
        for '{method}', '{url}', '{type}', '{type}.{method}', '{header:Content-Type}', '{header:T}{header:Host}', '{header:User-Agent}';
    says_nothing("by $_", $of->($_)) for '{body}', '{type}{header:B}', '{json:/id}', '{type}{query:id}', '{header:Content-Type}{body}';
};

subtest 'schemes like a preset, with another type' => sub {
    says_nothing($_, "webhook_scheme acme { like shopify; $_ }") for 'event_type json=/topic; event_key "{header:X-Shopify-Topic}{body}";',
        'event_type json=/topic; event_key "{body}";', 'event_type json=/topic; signature header=Acme-Signature encoding=base64;',
        'event_type header=Acme-Topic; signature header=Acme-Signature encoding=base64;', 'event_id json=/id;';
    says_nothing('whose body tells the type', 'webhook_scheme acme { like github; event_type json=/action; }');
};

subtest 'plain hashes' => sub {
    my $told = sub ($scheme) {
        return qq([warn] the signature of the scheme "$scheme" is a plain hash, which can be extended without the secret: )
            . 'prefer an HMAC where the sender has one,';
    };
    for my $scheme (qw(hubspot-v1 hubspot-v2)) {
        says($scheme, in_location("webhook $scheme; # HERE\nwebhook_secret $SECRET;"), $told->($scheme));
    }
    says('in two locations, of a scheme of one\'s own', <<"CONF", $told->('acme'));
webhook_scheme acme { algorithm sha256; signed "{secret}.{body}"; signature header=A; }
webhook_secret $SECRET;
server {
    listen %%ADDR%%:8080;
    location /a { webhook acme; } # HERE
    location /b { webhook acme; }
}
CONF
    my $behind = '[warn] the signature of the scheme "acme" is a plain hash, which is right for every body with the same hash: '
        . 'prefer an HMAC where the sender has one,';
    says('the secret behind', <<"CONF", $behind);
webhook_scheme acme { algorithm sha256; signed "{body}{secret}"; signature header=A; }
webhook_secret $SECRET;
server { listen %%ADDR%%:8080; location /a { webhook acme; } } # HERE
CONF
};

subtest 'a URL that lets bytes be moved' => sub {
    my $text = "webhook twilio; # HERE\nwebhook_secret $SECRET;\n";
    my $told = '[warn] the signature of the scheme "twilio" does not tell where "{url:ports}" and "{form}" begin and end: '
        . 'give a "webhook_url" without variables,';
    says('the default', in_location($text), $told);
    says('with a variable', in_location("${text}webhook_url https://hooks.example.com\$request_uri;"), $told);
    says_nothing('constant', in_location("${text}webhook_url https://hooks.example.com/sms;") =~ s/twilio;/twilio-form;/r);
    says_nothing("$_, whose body tells", in_location("webhook $_;\nwebhook_secret $SECRET;"))
        for qw(square trello hubspot-v3 twilio-json);
};

subtest 'a fixed URL without room for a digest' => sub {
    my $of = sub ($scheme, $url) { in_location("webhook $scheme; # HERE\nwebhook_secret $SECRET;\nwebhook_url $url;") };
    my $url = 'https://hooks.example.com/sms';
    says('twilio', $of->('twilio', $url), '[notice] "webhook_url" without variables has no room for the parameter "bodySHA256", '
        . 'by which "twilio" signs what is no form: every such delivery is refused');
    says_nothing('for forms alone', $of->('twilio-form', $url));
    says_nothing('with the digest of one body', $of->('twilio', "$url?bodySHA256=" . 'a' x 64));
};

subtest 'a URL that holds its own signature' => sub {
    my $of = sub ($url, $scheme = 'signed "{url}{body}"; signature query=sig;') {
        $url = "webhook_url $url; # HERE" if $url ne '';
        return "webhook_scheme acme { algorithm hmac-sha256; $scheme }\n"
            . in_location('webhook acme;' . ($url eq '' ? ' # HERE' : '') . "\nwebhook_secret $SECRET;\n$url");
    };
    my $holds = '[warn] the URL that "acme" signs holds the signature itself, "sig", and no delivery can match: give '
        . 'the URL without it, by "webhook_url",';
    says("the URL '$_'", $of->($_), $holds)
        for '', 'https://h.example$request_uri', 'https://h.example$uri?${args}', 'https://h.example/in?$query_string';
    says_nothing("the URL '$_'", $of->($_)) for 'https://h.example$uri', 'https://h.example/in', 'https://h.example/in?a=1';
    says_nothing($_, $of->('', $_)) for 'signed "{url}{body}"; signature header=S;', 'signed "{url}{body}"; signature header=S; '
        . 'timestamp query=t;', 'signed "{body}"; signature query=sig;';
};

subtest 'event ids that are the same for different events' => sub {
    my $of = sub ($text, $dedup = 'zone=events', $secret = $SECRET) {
        $text = "algorithm hmac-sha256; signed \"{body}\"; signature header=S; $text" if $text !~ /algorithm/;
        return "webhook_scheme acme { $text }\n" . deduplicated('acme', $secret, $dedup);
    };
    my $lost = 'is the same for different events: all but the first are lost';
    for my $text (map({ "event_id header=$_;" } qw(Content-Type Host User-Agent)), 'event_id json=/type; event_type json=/type;',
        'event_id header=W; timestamp header=W; signed "{timestamp}{body}"; algorithm hmac-sha256; signature header=S;',
        'event_id header=I; require I=1;', 'algorithm token; signature query=t; event_id query=t;',
        'algorithm jwt=HS256; signature header=A; digest claim=d; event_id claim=iss;') {
        says($text, $of->($text), qq([warn] the event id of "acme" $lost));
    }
    says('in a key', $of->('event_id header=Host;', 'zone=events key=$host:$webhook_event_id'),
        qq([warn] "key=\$host:\$webhook_event_id" in "webhook_dedup" $lost));
    says_nothing('without a memory', $of->('event_id header=Host;', 'off'));
    says_nothing('by another key', $of->('event_id header=Host;', 'zone=events key=$webhook_event_key'));
    says_nothing($_, $of->($_)) for 'event_id json=/id; event_type json=/type;',
        'event_id header=S;  require I=1; signed "{id}{body}"; algorithm hmac-sha256; signature header=Z;';
};

subtest 'handshakes' => sub {
    my $text = in_location("webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on token=file:%%DIR%%/meta.token; # HERE");
    write_file('meta.token', "$SECRET-token\n", 0644);
    says('a token that others may read', $text, '[warn] the secret file "%%DIR%%/meta.token" is readable by others');
    write_file('meta.token', "$SECRET-token\n", 0600);
    says_nothing('a token that only its owner may read', $text);
    says('a token with a newline at its end',
        in_location("webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on token=env:WEBHOOK_TEST_TOKEN; # HERE"),
        '[warn] the "token=" of this webhook_handshake has white space at an end', env => { WEBHOOK_TEST_TOKEN => "$SECRET-token\n" });
    says_nothing('a token of the environment',
        in_location("webhook meta;\nwebhook_secret $SECRET;\nwebhook_handshake on token=env:WEBHOOK_TEST_TOKEN;"),
        env => { WEBHOOK_TEST_TOKEN => "$SECRET-token" });
    says('inherited by schemes that have none',
        "webhook_handshake on; # HERE\n" . in_location("webhook github;\nwebhook_secret $SECRET;"),
        '[warn] "webhook_handshake" does nothing where the scheme has no handshake');
    says_nothing('inherited by one that has one', "webhook_handshake on;\nwebhook_secret $SECRET;\nserver {\nlisten %%ADDR%%:8080;\n"
        . "location /a { webhook github; }\nlocation /b { webhook slack; }\n}");
    says_nothing('off, inherited', "webhook_handshake off;\n" . in_location("webhook github;\nwebhook_secret $SECRET;"));
    says('a token that is the secret',
        in_location("webhook meta;\nwebhook_secret $SECRET-2;\nwebhook_secret $SECRET;\nwebhook_handshake on token=$SECRET; # HERE"),
        '[warn] the "token=" of "webhook_handshake" is the webhook_secret: the token is sent, and logged, as it is');
    says_nothing('off', in_location("webhook github;\nwebhook_secret $SECRET;\nwebhook_handshake off;"));
};

subtest 'secrets of Standard Webhooks without their mark' => sub {
    my $text = '[warn] this webhook_secret is neither behind "whsec_" nor base64, as secrets of '
        . '"standard-webhooks" are: it is taken as text';
    my $of = sub ($secret, $scheme = 'standard-webhooks') { return in_location("webhook $scheme;\nwebhook_secret $secret; # HERE") };
    says('text', $of->('Zq7-a-secret-of-enough-length'), $text);
    says_nothing('base64', $of->('c2VjcmV0LXNlY3JldC1zZWNyZXQ='));
    says_nothing('behind the mark', $of->($WHSEC));
    says_nothing('of a scheme that wants text', $of->('Zq7-a-secret-of-enough-length', 'polar-text'));
    says('in several locations', "webhook_secret Zq7-a-secret-of-enough-length; # HERE\nserver {\nlisten %%ADDR%%:8080;\n"
        . "location /a { webhook standard-webhooks; }\nlocation /b { webhook standard-webhooks; }\n}", $text);
};

# The secret is as short as its key, which is a public one.
subtest 'public keys' => sub {
    says_nothing('that are short', in_location("webhook discord;\nwebhook_secret " . ed25519_secret('hex')->{written} . ';'));
};

subtest 'a handshake that signs for anyone, beside bodies of another sender' => sub {
    my $beside = sub ($other, %with) {
        my $asked = $with{asked} // "webhook x-twitter;\nwebhook_handshake on;";
        return ($with{before} // '') . "server {\nlisten %%ADDR%%:8080;\nwebhook_secret $SECRET;\n"
            . "location = /x {\n$asked\n}\nlocation = /other {\nwebhook $other; # HERE\n" . ($with{more} // '') . "\n}\n}";
    };
    my $warning = sub ($asked, $other, $line) {
        return qq{[warn] the handshake of "webhook $asked" in %%DIR%%/config_test/http.conf:$line signs tokens for anyone, }
            . qq{and this gate of "$other" has a secret of it: anyone can forge deliveries whose body is such a token; }
            . 'give each a "webhook_secret" of its own,';
    };
    says('a body of any kind', $beside->('github'), $warning->('x-twitter', 'github', 5));
    says('an alias', $beside->('github', asked => "webhook x;\nwebhook_handshake on;"), $warning->('x', 'github', 5));
    says_nothing('a text that no token is', $beside->('slack'));
    says_nothing('another hash', $beside->('vercel'));
    says_nothing('a secret of its own', $beside->('github', more => "webhook_secret $SECRET-2;"));
    says_nothing('no handshake', $beside->('github', asked => 'webhook x-twitter;'));
    says_nothing('a handshake that the sender signs', $beside->('github', asked => "webhook zoom;\nwebhook_handshake on;"));
    says_nothing('a scheme with such a handshake itself', $beside->('x-twitter', more => 'webhook_handshake on;'));
    my $own = qq(webhook_scheme own {\nalgorithm hmac-sha256; signed "{url}{field:a}"; signature header=A;\n}\n);
    my $by_host = "map \$host \$secret { default one; b.example two; }\n";
    says_nothing('secrets of variables', $beside->('mailgun', before => $by_host, asked => "webhook x-twitter;\nwebhook_handshake on;\nwebhook_secret \$secret;", more => 'webhook_secret $secret;'));
    my $expired = "webhook x-twitter;\nwebhook_handshake on;\nwebhook_secret $SECRET-2;\nwebhook_secret $SECRET not_after=2020-01-01T00:00:00Z;";
    is_deeply [ grep { /anyone can forge/ } remarks($beside->('mailgun', asked => $expired)) ], [], 'a secret that the handshake uses no more';
    my $retired = "webhook_secret $SECRET-2;\nwebhook_secret $SECRET not_after=2020-01-01T00:00:00Z;";
    is_deeply [ grep { /anyone can forge/ } remarks($beside->('mailgun', more => $retired)) ], [], 'a secret that the other gate uses no more';
    says_nothing('a text with a URL in it', $beside->('own', before => $own, more => 'webhook_url https://h.example/x;'));
};

subtest 'a webhook_url that begins another' => sub {
    my $locations = sub ($scheme, @urls) {
        my $last = pop @urls;
        return "webhook_secret $SECRET;\nserver {\nlisten %%ADDR%%:8080;\n"
            . join('', map { "location /$_ {\nwebhook $scheme;\nwebhook_url $urls[$_];\n}\n" } 0 .. $#urls)
            . "location /last {\nwebhook $scheme;\nwebhook_url $last; # HERE\n}\n}";
    };
    my $warning = sub ($scheme) {
        return qq{[warn] another "webhook_url" of "$scheme" begins with this one: under the same secret, a delivery for }
            . 'the other passes here with the rest before its body,';
    };
    my $own = qq(webhook_scheme own {\nalgorithm hmac-sha256; signed "{url}{body}"; signature header=A;\n}\n);
    my $secrets = sub ($other) {
        return $own . $locations->('own', 'https://h.example/a', 'https://h.example') =~ s/webhook_url/webhook_secret $other-of-some-length;\nwebhook_url/r;
    };
    says_nothing('other secrets', $secrets->('another-one'));
    says('one secret in common', $secrets->('another-one') =~ s/another-one/$SECRET;\nwebhook_secret another-one/r, $warning->('own'));
    my ($voice, $mail) = map { "https://h.example/voice$_" } '', 'mail';
    says('a letter follows', $locations->('twilio-form', $mail, $voice), $warning->('twilio-form'));
    says('behind one that no form begins with', $locations->('twilio-form', $mail, "$voice/a", $voice), $warning->('twilio-form'));
    says('a path before a body', $own . $locations->('own', "$voice/a", $voice), $warning->('own'));
    says_nothing('a path before JSON', $locations->('square', "$voice/a", $voice));
    says_nothing('what begins no name follows', $locations->('twilio-form', "$voice-mail", "$voice/a", "$voice?a=1", $voice));
    says_nothing('the body stands before', $locations->('trello', $mail, $voice));
    says_nothing('the same', $locations->('square', $voice, $voice));
};

subtest 'a webhook_url that the sender chooses' => sub {
    my $location = sub ($url) { in_location("webhook square;\nwebhook_secret $SECRET;\nwebhook_url $url; # HERE") };
    my $warning  = sub ($name) {
        return qq{[warn] the sender of a request chooses "\$$name" of this webhook_url, unless a proxy before nginx sets it }
            . 'for every request';
    };
    says('a header', $location->('https://$http_x_forwarded_host$request_uri'), $warning->('http_x_forwarded_host'));
    says('a parameter', $location->('$arg_url'), $warning->('arg_url'));
    says('a cookie', $location->('https://${cookie_host}/in'), $warning->('cookie_host'));
    says_nothing($_, $location->($_)) for 'https://$http_host$request_uri', 'https://$host$uri$is_args$args', 'https://h.example/in';
};

subtest 'secrets that are no rotation' => sub {
    write_file("$_.key", "$SECRET\n", 0600) for qw(one two);
    write_file('three.key', "$SECRET-3\n", 0600);
    my $secrets = sub ($first, $second, $scheme = 'github') { in_location("webhook $scheme;\nwebhook_secret $first;\nwebhook_secret $second; # HERE") };
    my $in = 'http.conf:5';
    my $same = sub ($level, $words) { my $place = directory() . "/config_test/http.conf:5"; "[$level] this webhook_secret $words the one in $place: a rotation needs two," };
    says('one file twice', $secrets->('file:%%DIR%%/one.key', 'file:%%DIR%%/one.key'), $same->('warn', 'names the file of'));
    says('one text in two files', $secrets->('file:%%DIR%%/one.key', 'file:%%DIR%%/two.key'), $same->('notice', 'is the same as'));
    says('one text twice', $secrets->($SECRET, $SECRET), $same->('notice', 'is the same as'));
    my $id = sub ($id) { my $place = directory() . "/config_test/http.conf:5"; qq([warn] the id "$id" of this webhook_secret is that of the one in $place, too: the log does not tell them apart,) };
    my $signs_id = qq(webhook_scheme own { algorithm hmac-sha256; signed "{secret_id}{body}"; signature header=S; }\n);
    says_nothing('one secret under two ids that are signed', $signs_id . $secrets->('file:%%DIR%%/one.key id=a', 'file:%%DIR%%/one.key id=b', 'own'));
    says('one id twice', $secrets->('file:%%DIR%%/one.key id=a', 'file:%%DIR%%/three.key id=a'), $id->('a'));
    says('the id of the second, which has none', $secrets->('file:%%DIR%%/one.key id=2', 'file:%%DIR%%/three.key'), $id->('2'));
    says_nothing("two, $_->[0] $_->[1]", $secrets->("file:%%DIR%%/one.key $_->[0]", "file:%%DIR%%/three.key $_->[1]")) for [ '', '' ], [ 'id=a', 'id=b' ], [ 'id=a', '' ], [ 'id=1', '' ];
};

subtest 'secrets that have expired' => sub {
    says('long ago', in_location("webhook github;\nwebhook_secret $SECRET not_after=2020-01-01T00:00:00Z; # HERE"),
        '[warn] the "not_after" of this webhook_secret has passed');
    says_nothing('not yet', in_location("webhook github;\nwebhook_secret $SECRET not_after=2099-01-01T00:00:00Z;"));
};

sub deduplicated ($scheme, $secret, $dedup) {
    my $signs_url = $scheme =~ /^(?:hubspot|twilio|monday|square|trello|contentful)/;
    my $path      = $scheme eq 'twilio-json' ? '$request_uri' : '/in';
    my $url       = $signs_url ? "webhook_url https://hooks.example.com$path;\n" : '';
    return "webhook_dedup_zone zone=events:1m;\n"
        . in_location("${url}webhook $scheme;\nwebhook_secret $secret;\nwebhook_dedup $dedup; # HERE");
}

subtest 'event ids that are not signed' => sub {
    my $keys    = '"key=$webhook_event_id key=$webhook_event_key" in "webhook_dedup"';
    my $closed  = "$keys closes the replay";
    my $headers = "$keys leaves only a replay that changes other headers, too";
    my $nothing = 'an attacker who saw a delivery can repeat it under another id';
    my %advice  = (github => $closed, shopify => $headers, gitlab => $nothing, 'gitea-form' => $headers, 'twilio-form' => $closed);
    for my $scheme (sort keys %advice) {
        my $notice = qq{[notice] the signature of "$scheme" does not cover the event id: $advice{$scheme}};
        says($scheme, deduplicated($scheme, $SECRET, 'zone=events'), $notice);
        says("$scheme by its event id", deduplicated($scheme, $SECRET, 'zone=events key=$webhook_event_id'), $notice);
    }
    my $open = qq{[notice] the signature of "twilio" does not cover the event id: an attacker who saw a delivery can repeat it }
        . 'under another id; where "webhook_url" has no variables, ' . $closed;
    for my $url ('', 'webhook_url https://hooks.example.com$request_uri;') {
        my $text = "webhook_dedup_zone zone=events:1m;\n"
            . in_location("${url}webhook twilio;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events; # HERE");
        is_deeply [ grep { /^\[notice\]/ } remarks($text) ], [ "$open in " . place_of($text) ], "twilio, '$url'";
    }
    says('in several locations and for several senders',
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup zone=events; # HERE\nwebhook_secret $SECRET;\n"
            . "server {\nlisten %%ADDR%%:8080;\nlocation /a { webhook github; }\nlocation /b { webhook github; }\n"
            . "location /c { webhook shopify; }\n}",
        qq{[notice] the signature of "github" does not cover the event id: $closed});
    my $pem = rsa_secret('pem')->{written} =~ s/^file://r;
    chmod 0600, $pem;
    says('paypal, which signs the id of a transmission', deduplicated('paypal', "file:$pem id=one", 'zone=events'),
        qq{[notice] the signature of "paypal" does not cover the event id: $closed});
    says('mailgun, which signs only a token', deduplicated('mailgun', $SECRET, 'zone=events'),
        qq{[notice] the signature of "mailgun" does not cover the event id: $closed});
    for my $scheme (qw(zendesk sanity linear)) {
        says("$scheme, whose attempts are signed anew", deduplicated($scheme, $SECRET, 'zone=events'),
            qq{[notice] the signature of "$scheme" does not cover the event id: $closed, but of attempts that were not delivered});
    }
    says_nothing("$_, whose deliveries hold several events", deduplicated($_, $SECRET, 'zone=events')) for qw(hubspot-v3 line);
    says_nothing("$_, which has no event id", deduplicated($_, $SECRET, 'zone=events')) for qw(monday netlify zoom);
    says_nothing('twitch, which signs it', deduplicated('twitch', $SECRET, 'zone=events'));
    says('twitch by both', deduplicated('twitch', $SECRET, 'zone=events key=$webhook_event_id key=$webhook_event_key'),
        '[notice] the signature of "twitch" covers the event id: "key=$webhook_event_key" in "webhook_dedup" closes no replay, '
            . 'and loses events that differ by their id alone');
    says_nothing("$_ by both", deduplicated($_, $SECRET, 'zone=events key=$webhook_event_id key=$webhook_event_key'))
        for qw(github shopify gitlab);
    my $again = 'map $http_x_again $again { default ""; }' . "\n";
    says_nothing('zendesk by both, with the mark of one that is let through again',
        $again . deduplicated('zendesk', $SECRET, 'zone=events key=$webhook_event_id$again key=$webhook_event_key$again'));
    says_nothing('github by its body', deduplicated('github', $SECRET, 'zone=events key=$webhook_body_sha256'));
    my $by_method = sub ($signed, $methods) {
        return qq(webhook_scheme acme {\nalgorithm hmac-sha256; signed "$signed"; signature header=S; event_id header=I; )
            . qq(event_key "{method}{body}";\n}\n)
            . deduplicated('acme', $SECRET, 'zone=events') =~ s/(?=webhook_dedup zone=)/webhook_methods $methods;\n/r;
    };
    my $of_acme = '[notice] the signature of "acme" does not cover the event id: ';
    says('a key with the method, of which there are two', $by_method->('{body}', 'POST PUT'),
        "$of_acme$keys leaves only a replay by another method");
    says('a key with the only method', $by_method->('{body}', 'PUT'), "$of_acme$closed");
    says('a key with the method, which is signed', $by_method->('{method} {body}', 'POST PUT'), "$of_acme$closed");
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

subtest 'keys that lose events, or recognize none' => sub {
    my $warn = sub ($key, $what) { return qq([warn] "key=$key" in "webhook_dedup" $what) };
    for my $key (qw($remote_addr $Remote_Addr $host:$server_port ${webhook_event_type} $webhook_timestamp $webhook_endpoint
        $status $bytes_sent $body_bytes_sent $uri $document_uri $request $request_uri $request_method$uri $args $query_string
        $request_filename $http_accept $http_authorization $http_connection $http_x_forwarded_for $limit_rate
        $proxy_add_x_forwarded_for $ssl_protocol $pipe $is_args)) {
        says($key, deduplicated('stripe', $SECRET, "zone=events key=$key"),
            $warn->($key, 'is the same for different events: all but the first are lost'));
    }
    for my $case ([ 'github', '$http_x_github_event' ], [ 'shopify', '$host:$HTTP_X_Shopify_Topic' ],
        [ 'gitlab', '$http_x_gitlab_token' ], [ 'box', '$http_box_signature_version' ],
        [ 'slack', '$http_x_slack_request_timestamp' ], [ 'square', '$request_uri' ], [ 'square', '$args' ]) {
        my ($scheme, $key) = @$case;
        says("$scheme by $key", deduplicated($scheme, $SECRET, "zone=events key=$key"),
            $warn->($key, 'is the same for different events: all but the first are lost'));
    }
    says_nothing("$_ with a scheme that signs the URL", deduplicated('twilio-json', $SECRET, "zone=events key=$_"))
        for qw($request_uri $args);
    my $by_query = sub ($statements) {
        return "webhook_scheme acme { algorithm hmac-sha256; $statements }\n"
            . deduplicated('acme', $SECRET, 'zone=events key=$args key=$webhook_event_key');
    };
    says_nothing("\$args, with $_", $by_query->($_)) for 'signed "{query:n}.{body}"; signature header=S;',
        'signed "{body}"; signature query=s;';
    for my $key (qw($request_id $webhook_event_id:$msec a${connection})) {
        says($key, deduplicated('stripe', $SECRET, "zone=events key=$key"),
            $warn->($key, 'is another one for each request: it recognizes no retry'));
    }
    for my $case ([ 'shopify', '$server_name:$webhook_body_sha256' ], [ 'twilio-json', 'a:$webhook_body_sha256' ],
        [ 'sanity', '$server_name$webhook_body_sha256' ]) {
        my ($scheme, $key) = @$case;
        says("$scheme by $key", deduplicated($scheme, $SECRET, "zone=events key=$key"),
            $warn->($key, qq(does not hold all that tells events of "$scheme" apart, so that some are lost: )
                    . '"$webhook_event_key" does'));
    }
    says("$_ by the first event's id", deduplicated($_, $SECRET, 'zone=events key=$webhook_event_id'),
        $warn->('$webhook_event_id', qq(is one id for several events of "$_": all but the first may be lost)))
        for qw(hubspot line trello);
    for my $key (qw($webhook_event_key $webhook_body_sha256)) {
        says("dropbox by $key", deduplicated('dropbox', $SECRET, "zone=events key=$key"),
            qq([warn] "key=$key" in "webhook_dedup": different events of "dropbox" may have the same body, )
                . 'and all but the first are lost');
    }
    says_nothing("stripe by $_", deduplicated('stripe', $SECRET, "zone=events key=$_"))
        for qw($webhook_event_id $webhook_event_key $server_name:$webhook_event_id $webhook_body_sha256);
    says_nothing("shopify by $_", deduplicated('shopify', $SECRET, "zone=events key=$_"))
        for '$webhook_event_type:$webhook_body_sha256', '$http_x_shopify_topic:$webhook_body_sha256',
        '$server_name:$webhook_event_key', '$webhook_body_sha256';
    says_nothing('github by part of a key', deduplicated('github', $SECRET, 'zone=events key=$server_name:$webhook_body_sha256'));
    says('in several locations',
        "webhook_dedup_zone zone=events:1m;\nwebhook_dedup zone=events key=\$remote_addr; # HERE\n"
            . "webhook_secret $SECRET;\nserver {\nlisten %%ADDR%%:8080;\n"
            . "location /a { webhook stripe; }\nlocation /b { webhook stripe; }\n}",
        $warn->('$remote_addr', 'is the same for different events: all but the first are lost'));
};

subtest 'an event key that is another one for each retry' => sub {
    my $again = sub ($scheme, $key, $advice) {
        return qq([warn] "key=$key" in "webhook_dedup" is another one when "$scheme" signs a retry anew, since the event key )
            . qq(holds the time: the event is delivered twice; $advice,);
    };
    my $optional = '"key=$webhook_event_id" takes it only where there is no id';
    for my $scheme (qw(slack zendesk)) {
        says("$scheme by $_", deduplicated($scheme, $SECRET, "zone=events key=$_"), $again->($scheme, $_, $optional))
            for qw($webhook_event_key $webhook_body_sha256 $webhook_event_key$pid $server_name:$webhook_event_key);
    }
    says('sanity, whose events all have an id', deduplicated('sanity', $SECRET, 'zone=events key=$webhook_event_key'),
        $again->('sanity', '$webhook_event_key', 'give "key=$webhook_event_id", too'));
    my $own = 'webhook_scheme acme { algorithm hmac-sha256; signed "{timestamp}.{body}"; signature header=S; '
        . "timestamp header=T; event_id json=/id; event_key %s; }\n";
    says('the header of the time', sprintf($own, '"{header:T}{body}"')
        . deduplicated('acme', $SECRET, 'zone=events key=$webhook_event_key'),
        $again->('acme', '$webhook_event_key', 'give "key=$webhook_event_id", too'));
    says_nothing('a key without the time', sprintf($own, '"{header:U}{body}"')
        . deduplicated('acme', $SECRET, 'zone=events key=$webhook_event_key'));
    says_nothing("slack by $_", deduplicated('slack', $SECRET, "zone=events $_")) for '', 'key=$webhook_event_id',
        'key=$webhook_event_id key=$webhook_event_key', 'key=$webhook_event_id$pid', 'key=$webhook_event_key key=$http_x_id$webhook_event_id';
    says_nothing("$_, which has no event id", deduplicated($_, $SECRET, 'zone=events key=$webhook_event_key')) for qw(zoom calendly);
    says_nothing('stripe, whose key holds no time', deduplicated('stripe', $SECRET, 'zone=events key=$webhook_event_key'));
};

subtest 'keys that change while the event does not' => sub {
    my $free = sub ($scheme, $variable, $key) {
        return qq([notice] the signature of "$scheme" does not cover "\$$variable" of "key=$key": a captured delivery )
            . 'passes again with another, unless there is "key=$webhook_event_key", too,';
    };
    says("square at a fixed URL by \$$_", deduplicated('square', $SECRET, "zone=events key=\$$_:\$webhook_event_id"),
        $free->('square', $_, "\$$_:\$webhook_event_id")) for qw(host uri request_uri);
    my $square = sub ($url, $variable) {
        return deduplicated('square', $SECRET, "zone=events key=\$$variable:\$webhook_event_id")
            =~ s/webhook_url \K[^;]+/$url/r;
    };
    says('a URL whose host is fixed', $square->('https://h.example$request_uri', 'http_host'),
        $free->('square', 'http_host', '$http_host:$webhook_event_id'));
    says_nothing("\$$_->[1] with the URL $_->[0]", $square->(@$_)) for [ 'https://$host$request_uri', 'host' ],
        [ '$scheme://$http_host$request_uri', 'host' ], [ 'https://h.example$request_uri', 'uri' ], [ 'https://h.example/in', 'arg_x' ];
    for my $case ([ '$arg_x$webhook_event_key', 'arg_x' ], [ '$http_x', 'http_x' ], [ '$host:$webhook_event_id', 'host' ],
        [ '$http_user_agent-$webhook_event_id', 'http_user_agent' ]) {
        my ($key, $variable) = @$case;
        says("stripe by $key", deduplicated('stripe', $SECRET, "zone=events key=$key"), $free->('stripe', $variable, $key));
    }
    my $by_method = sub ($key, $methods = 'POST PUT', $scheme = 'stripe') {
        return deduplicated($scheme, $SECRET, "zone=events key=$key") =~ s/(?=webhook_dedup zone=)/webhook_methods $methods;\n/r;
    };
    says("$_ of two methods", $by_method->($_), $free->('stripe', 'request_method', $_))
        for '$request_method$webhook_event_key', '$request_method:$webhook_event_id';
    says_nothing('the only method', $by_method->('$request_method$webhook_event_key', 'PUT'));
    says_nothing('a method that is signed', $by_method->('$request_method$webhook_event_key', 'POST PUT', 'contentful'));
    says('both of them do', deduplicated('stripe', $SECRET, 'zone=events key=$http_x key=$arg_y'), $free->('stripe', 'http_x', '$http_x'));
    for my $case ([ '$webhook_timestamp-$webhook_event_id', 'when the sender signs a retry anew' ],
        [ '$webhook_secret_id-$webhook_event_key',  'when the secret is rotated before a retry' ],
        [ '$remote_addr-$webhook_event_id', 'when a retry comes from another address' ]) {
        my ($key, $when) = @$case;
        says("stripe by $key", deduplicated('stripe', $SECRET, "zone=events key=$key"),
            qq([warn] "key=$key" in "webhook_dedup" is another one $when: the event is delivered twice));
    }
    my $anew = 'is another one when the sender signs a retry anew: the event is delivered twice';
    for my $case ([ 'svix', '$http_svix_timestamp$http_svix_id', $WHSEC ], [ 'stripe', '$http_stripe_signature$webhook_event_id', $SECRET ]) {
        my ($scheme, $key, $secret) = @$case;
        says("$scheme by $key", deduplicated($scheme, $secret, "zone=events key=$key"), qq([warn] "key=$key" in "webhook_dedup" $anew));
    }
    unlike join(' ', remarks(deduplicated('github', $SECRET, 'zone=events key=$http_x_hub_signature_256$webhook_event_id'))), qr/signs a retry anew/,
        'the signature of a body is the same';
    my $captured = sub ($key, $location, $more = '') {
        return "webhook_dedup_zone zone=events:1m;\nserver {\nlisten %%ADDR%%:8080;\n$more\nlocation $location {\n"
            . "webhook stripe;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events key=$key; # HERE\n}\n}";
    };
    my $same = sub ($key) { return qq([warn] "key=$key" in "webhook_dedup" is the same for different events: all but the first are lost) };
    says("$_, of the path", $captured->($_, '~ ^/(?<tenant>.+)$'), $same->($_)) for '$1', '$tenant', 'a-$1$server_name';
    says('of the server\'s name', $captured->('$sub', '/', 'server_name ~^(?<sub>.+)\.example$;'), $same->('$sub'));
    says_nothing("$_ of the path", $captured->($_, '~ ^/(?<tenant>.+)$')) for '$1$webhook_event_id', '$tenant:$webhook_event_key';
    says_nothing('$1 of a condition', $captured->('$1', '~ ^/(.+)$') =~ s/(webhook stripe;)/$1 if (\$arg_x ~ (.+)) { set \$a b; }/r);
    says_nothing('another key stays the same',
        deduplicated('stripe', $SECRET, 'zone=events key=$arg_x$webhook_event_id key=$webhook_event_key'));
    says_nothing("$_ is signed", deduplicated('twilio-json', $SECRET, "zone=events key=$_")) for qw($arg_x $request_uri);
    my $unsigned = qr/\[notice\] the signature of "github" does not cover the event id/;
    my @remarks = remarks(deduplicated('github', $SECRET, 'zone=events key=$http_x_github_delivery'));
    like $remarks[0], $unsigned, 'the header of an event id is the event id';
};

subtest 'senders of one name and two secrets' => sub {
    my $of = sub ($first, $second, $dedup = 'webhook_dedup zone=events;') {
        return "webhook_dedup_zone zone=events:1m;\nserver {\nlisten %%ADDR%%:8080;\n"
            . "location /a { $first $dedup }\nlocation /b {\n$second # HERE\n$dedup }\n}";
    };
    my $one     = "webhook stripe; webhook_secret $SECRET;";
    my $another = 'webhook_secret another-secret-of-some-length;';
    my @remarks = remarks($of->($one, "webhook stripe; $another"));
    like $remarks[0], qr/^\[warn\] "webhook stripe" has another secret than the one in \S+http\.conf:4, but remembers its events under /,
        'two senders';
    says_nothing('a name',         $of->($one, "webhook stripe name=b; $another"));
    says_nothing('one secret',     $of->($one, $one));
    my $keys = sub ($text) { return "webhook_dedup zone=events $text;" };
    my $two  = sub ($left, $right) { return $of->("$one " . $keys->($left), "webhook stripe; $another " . $keys->($right), '') };
    says_nothing("a key by $_", $two->(("key=$_:\$webhook_event_key") x 2)) for '$server_name', '$document_root';
    unlike join(' ', remarks($two->(("key=$_:\$webhook_event_key") x 2))), qr/another secret/, "a key by $_" for '$uri', '$host';
    says_nothing('no key in common', $two->('key=$webhook_event_id', 'key=$webhook_event_key'));
    like join(' ', remarks($two->("key=\$uri:\$webhook_event_id key=\$webhook_event_key", 'key=$webhook_event_key'))),
        qr/"webhook stripe" has another secret/, 'one key in common';
    like join(' ', remarks($of->("webhook stripe; $another", "webhook stripe; webhook_secret yet-another-one-of-some-length;")
                =~ s/location \/a/location \/c { $one webhook_dedup zone=events key=\$webhook_event_key; }\nlocation \/a/r)),
        qr/"webhook stripe" has another secret/, 'the second and the third of three';
    says_nothing('a rotation',     $of->($one, "webhook stripe; webhook_secret $SECRET; $another"));
    says_nothing('another sender', $of->($one, "webhook mux; $another", 'webhook_dedup zone=events key=$webhook_event_key;'));
    says_nothing('no memory',      $of->($one, "webhook stripe; $another", 'webhook_dedup off;'));
};

subtest 'tenants who share a memory' => sub {
    my $shared = '[warn] the secret depends on the request, but neither "name=" of "webhook" nor every "key=" of '
        . '"webhook_dedup" does: events of different tenants with the same id are taken for one';
    my $map = "map \$arg_tenant \$secret { default ''; a $SECRET; }\n";
    my $of  = sub ($webhook, $dedup, $secret = '$secret') { return $map . deduplicated($webhook, $secret, "zone=events $dedup") };
    says('by default', $of->('stripe', ''), $shared);
    says('with a name for all', $of->('stripe name=tenants', ''), $shared);
    says('by keys of the delivery', $of->('stripe', 'key=$webhook_event_id key=$webhook_event_key'), $shared);
    says('by one key that is the tenant\'s, and one that is not',
        $of->('stripe', 'key=$arg_tenant:$webhook_event_id key=$webhook_event_key'), $shared);
    says_nothing('a name', $of->('stripe name=$arg_tenant', ''));
    says_nothing('a name with a variable in it', $of->('stripe name=stripe-${arg_tenant}', ''));
    says_nothing("keys by $_", $of->('stripe', "key=$_:\$webhook_event_id")) for '$arg_tenant', '$1', '${Arg_Tenant}';
    says_nothing('one secret', $of->('stripe', '', $SECRET));
    says_nothing('no memory', $map . in_location("webhook stripe;\nwebhook_secret \$secret;"));
};

subtest 'names that a memory does not find again' => sub {
    my $of = sub ($name, $dedup = 'zone=events') {
        return "webhook_dedup_zone zone=events:1m;\n"
            . in_location("webhook stripe name=$name; # HERE\nwebhook_secret $SECRET;\nwebhook_dedup $dedup;");
    };
    says($_, $of->($_), qq([warn] "name=$_" of "webhook" is another one for each request: "webhook_dedup" recognizes no retry))
        for qw($request_id a-$msec);
    says($_, $of->($_), qq([warn] "name=$_" of "webhook" is what the sender of a request chooses: under another name, )
        . 'a replay is no duplicate for "webhook_dedup"') for qw($http_x $remote_addr ci-${arg_tenant} $request_uri);
    says_nothing($_, $of->($_)) for qw(ci $server_name);
    my $chosen = sub ($name) { qq([warn] "name=$name" of "webhook" is what the sender of a request chooses: under another name, )
        . 'a replay is no duplicate for "webhook_dedup"' };
    my $found = sub ($name, $secrets, $server = '') {
        return "webhook_dedup_zone zone=events:1m;\nmap \$of \$secret { default ''; a $SECRET; }\nserver {\nlisten %%ADDR%%:8080;\n$server\n"
            . "location ~ ^/(?<of>.+)\$ {\nwebhook stripe name=$name; # HERE\n$secrets\nwebhook_dedup zone=events;\n}\n}";
    };
    my $fixed = "webhook_secret $SECRET;";
    says("$_, a capture", $found->($_, $fixed), $chosen->($_)) for qw($of a-$1 ${Of});
    says('a capture of the server\'s name', $found->('$sub', $fixed, 'server_name ~^(?<sub>.+)\.example$;'), $chosen->('$sub'));
    says('a capture, with secrets of which one is for all', $found->('$of', "webhook_secret \$secret; $fixed"), $chosen->('$of'));
    says('what is sent, with secrets of which one is for all', $found->('$http_x', "webhook_secret \$secret; $fixed"), $chosen->('$http_x'));
    says_nothing('a capture, with each tenant\'s secret', $found->('$of', 'webhook_secret $secret;'));
    says_nothing("$_ without a memory", $of->($_, 'off')) for qw($request_id $http_x);
};

subtest 'headers that nginx drops' => sub {
    my $of = sub ($header, $more = '', $scheme = "signature header=$header;") {
        return "webhook_scheme acme { algorithm hmac-sha256; signed '{body}'; $scheme }\n$more\n"
            . in_location("webhook acme; # HERE\nwebhook_secret $SECRET;");
    };
    my $dropped = '[warn] nginx drops the header "%s", which the scheme "acme" reads, unless "%s';
    my ($on, $off) = ('underscores_in_headers" is on', 'ignore_invalid_headers" is off');
    says('an underscore', $of->('X_Sign'), sprintf $dropped, 'x_sign', $on);
    says('numbered', $of->('X_Sign-*'), sprintf $dropped, 'x_sign-', $on);
    says('of the event id', $of->('', '', 'signature header=X-Sign; event_id header=X_Id;'), sprintf $dropped, 'x_id', $on);
    says('a dot', $of->('X.Sign'), sprintf $dropped, 'x.sign', $off);
    says('a dot, where underscores are taken', $of->('X.Sign_1', 'underscores_in_headers on;'),
        sprintf $dropped, 'x.sign_1', $off);
    says_nothing('underscores are taken', $of->('X_Sign', 'underscores_in_headers on;'));
    says_nothing('all are taken', $of->('X.Sign_1', 'ignore_invalid_headers off;'));
    says_nothing('a hyphen and a digit', $of->('X-Sign-256'));
    says_nothing('a parameter', $of->('', '', 'signature query=x_sign.1;'));
};

subtest 'fewer secrets than signatures' => sub {
    says_nothing('box', in_location("webhook box;\nwebhook_secret $SECRET;"));
};

subtest 'state files in the folder of everybody' => sub {
    mkdir directory() . '/open' or die $!;
    my $zone = "webhook_dedup_zone zone=events:1m state=%%DIR%%/open/events; # HERE\n"
        . in_location("webhook stripe;\nwebhook_secret $SECRET;\nwebhook_dedup zone=events;");
    chmod 0777, directory() . '/open';
    says('all may write', $zone, '[warn] everybody can write to the directory "%%DIR%%/open/" of the state file, and replace it');
    for my $mode (01777, 0775, 0755) {
        chmod $mode, directory() . '/open';
        says_nothing(sprintf('mode %04o', $mode), $zone);
    }
};

subtest 'a clean configuration' => sub {
    write_file('github.key', "$SECRET\n", 0600);
    write_file('hooks.txt', "127.0.0.1\n");
    says_nothing('of every directive', <<"CONF", env => { WEBHOOK_TEST_SECRET => "$SECRET-old" });
webhook_dedup_zone zone=events:1m ttl=72h full=reject;
webhook_scheme acme {
    algorithm hmac-sha512;
    key hex;
    signed "{url}.{timestamp}.{body}";
    signature header=Acme-Signature;
    timestamp header=Acme-Timestamp;
    event_id json=/id;
}
server {
    listen %%ADDR%%:8080;
    webhook_mode enforce;
    webhook_require_tls off;
    webhook_log_level notice;
    webhook_reason_header off;
    webhook_payload_max 64k;
    client_max_body_size 64k;
    webhook_url "https://hooks.example.com\$request_uri";
    webhook_handshake off;
    location /github {
        webhook github name=ci;
        webhook_secret file:%%DIR%%/github.key id=new;
        webhook_secret env:WEBHOOK_TEST_SECRET id=old not_after=2099-01-01T00:00:00Z;
        webhook_allow file:%%DIR%%/hooks.txt 10.0.0.0/8 ::1 unix:;
        webhook_methods POST PUT;
        webhook_dedup zone=events key=\$webhook_event_id key=\$webhook_event_key wait=1s;
        webhook_response duplicate 200 "seen" type=text/html;
    }
    location /meta {
        webhook meta;
        webhook_secret file:%%DIR%%/github.key;
        webhook_events page instagram !ad* "";
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
