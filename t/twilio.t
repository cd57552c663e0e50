# Twilio signs a form in one way and any other body in another, and the same secret is good for both: what
# was captured of one kind must be of no use as the other.

use Webhook::Fixtures;
use Webhook::Test;

my $SECRET = 'a secret of the tests';
my $FORM   = 'application/x-www-form-urlencoded';
my $JSON   = 'application/json';
my $HOST   = 'http://localhost';
my $SMS    = 'ToCountry=US&Body=Hello+%26+w%C3%B6rld&From=%2B14158675309&MediaUrl=a&MediaUrl=b&Empty=';

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_secret "$SECRET";
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8443 ssl;
    ssl_certificate %%CERT%%;
    ssl_certificate_key %%KEY%%;
    client_max_body_size 4m;
    webhook_methods POST GET;
    location /twilio { webhook twilio; proxy_pass http://%%BACKEND%%; }
    location /form   { webhook twilio-form; proxy_pass http://%%BACKEND%%; }
    location /json   { webhook twilio-json; proxy_pass http://%%BACKEND%%; }
    location /disk   { webhook twilio; client_body_in_file_only clean; proxy_pass http://%%BACKEND%%; }
    location /small  { webhook twilio; webhook_payload_max 100; proxy_pass http://%%BACKEND%%; }
    location /fixed  { webhook twilio; webhook_url https://hooks.example.com/sms; proxy_pass http://%%BACKEND%%; }
    location /port   { webhook twilio; webhook_url https://hooks.example.com:8443/sms?a=:1; proxy_pass http://%%BACKEND%%; }
    location /plain  { webhook twilio; webhook_url http://hooks.example.com; proxy_pass http://%%BACKEND%%; }
    location /six    { webhook twilio; webhook_url https://[2001:db8::1]/sms; proxy_pass http://%%BACKEND%%; }
    location /user   { webhook twilio; webhook_url https://user:pass\@hooks.example.com/sms; proxy_pass http://%%BACKEND%%; }
}
CONF

sub mac ($text) { return base64(hmac_sha1($text, $SECRET)) }

# The URL, then the form's names in order, each with its values in order, those that repeat once.
sub form_mac ($url, $form) {
    my %values;
    $values{ $_->[0] }{ $_->[1] } = 1 for form_decoded($form);
    return mac(join '', $url, map { my $name = $_; map { "$name$_" } sort keys %{ $values{$name} } } sort keys %values);
}

sub encoded ($text) { return $text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger }

sub digest ($body) { return 'bodySHA256=' . sha256_hex($body) }

# What becomes of a body with this signature; of no type: without one.
sub sent ($uri, $type, $body, $mac, %request) {
    $backend->clear;
    my @headers  = ('X-Twilio-Signature' => $mac, defined $type ? ('Content-Type' => $type) : (), @{ $request{headers} // [] });
    my $response = send_request(uri => $uri, body => $body, %request, headers => \@headers);
    my @requests = $backend->requests;
    return @requests && $requests[0]{body} eq ($body // '') ? 'delivered' : 'another body' if $response->{status} == 200;
    return @requests ? 'delivered and refused' : $response->header('Webhook-Reason') // $response->{status};
}

# As Twilio signs them.
sub sent_form ($uri, $form, %request) { return sent($uri, $FORM, $form, form_mac("$HOST$uri", $form), %request) }
sub sent_json ($uri, $body, %request) { return sent($uri, $JSON, $body, mac("$HOST$uri"), %request) }

my $json     = '{"messages":[{"sid":"SM1"}]}';
my $json_uri = '/twilio?a=1&' . digest($json);
my $json_mac = mac("$HOST$json_uri");
my $form_mac = form_mac("$HOST/twilio", $SMS);

# No type, and types that say nothing of a form.
my @OTHER_TYPES = (
    undef, '', $JSON, 'text/plain', 'multipart/form-data; boundary=x', "x$FORM", "${FORM}x", "$FORM/x", "$JSON; $FORM",
    "$JSON, $FORM", 'application/x-www-form',
);
my @FORM_TYPES = ($FORM, uc $FORM, "$FORM; charset=UTF-8", "$FORM;charset=UTF-8", "$FORM ;", "$FORM\t; a=b");

subtest 'as Twilio sends them' => sub {
    is sent_form('/twilio', $SMS), 'delivered', 'a form';
    is sent_form('/twilio?a=1&b=%20', $SMS), 'delivered', 'a form, and a query';
    is sent_form('/twilio?' . digest($SMS), $SMS), 'delivered', 'a form, and its digest';
    is sent_json($json_uri, $json), 'delivered', 'JSON';
    is sent_json('/twilio?' . uc(digest('')) =~ s/^BODYSHA256/bodySHA256/r, ''), 'delivered', 'a digest in upper case';
    is sent_form('/twilio', ''), 'delivered', 'a form without fields';
    is sent_json('/twilio', ''), 'delivered', 'no body at all';
    is sent('/twilio?a=1', undef, undef, mac("$HOST/twilio?a=1"), method => 'GET'), 'delivered', 'by GET';
    is sent_form('/form', $SMS), 'delivered', 'twilio-form';
    is sent_json('/json?' . digest($json), $json), 'delivered', 'twilio-json';
    is sent_form('/disk', $SMS), 'delivered', 'a form on disk';
    is sent_json('/disk?' . digest($json), $json), 'delivered', 'JSON on disk';
    is sent('/twilio', $_, $SMS, $form_mac), 'delivered', "the type '$_'" for @FORM_TYPES;
    is sent($json_uri, $_, $json, $json_mac), 'delivered', 'the type ' . ($_ // 'missing') for @OTHER_TYPES;
};

subtest 'what was captured as JSON' => sub {
    my @bodies = ('', '&', '&&&', '=', '=&=', '==', "$json&", " $json", '{}', $SMS, 'a=1', digest($json));
    for my $body ($json, @bodies) {
        is sent($json_uri, $_, $body, $json_mac), 'bad_signature', "is no form of '$body', type '$_'" for @FORM_TYPES;
    }
    for my $body (@bodies) {
        is sent($json_uri, $_, $body, $json_mac), 'bad_signature', "is not '$body', type " . ($_ // 'missing') for @OTHER_TYPES;
    }
    is sent($json_uri, $JSON, $json, $json_mac, headers => [ 'Content-Type' => $FORM ]), 'malformed_header', 'two types';
    is sent($json_uri, $FORM, '', $json_mac, headers => [ 'Content-Type' => $JSON ]), 'malformed_header', 'two types, no body';
    is sent($json_uri, $JSON, undef, $json_mac, method => 'GET'), 'bad_signature', 'by GET, without its body';
};

subtest 'what was captured as a form' => sub {
    my $sorted = join '', map { "$_->[0]$_->[1]" } sort { $a->[0] cmp $b->[0] } form_decoded($SMS);
    for my $type (@OTHER_TYPES) {
        is sent('/twilio', $type, $_, $form_mac), 'bad_signature', "is not '$_', type " . ($type // 'missing')
            for $SMS, '', '{}', $sorted, $json;
    }
    for my $body ($SMS, $json) {
        is sent('/twilio?' . digest($body), $JSON, $body, $form_mac), 'bad_signature', 'with a digest that nobody signed';
    }
    my %other = (
        'no field'       => '',
        'a field less'   => $SMS =~ s/&MediaUrl=b//r,
        'a field more'   => "$SMS&Admin=1",
        'an empty field more' => "$SMS&Admin",
        'a value that differs' => $SMS =~ s/Hello/Hullo/r,
        'a value more'   => "$SMS&MediaUrl=c",
        'a name that differs by case' => $SMS =~ s/Body/body/r,
        'values swapped' => $SMS =~ s/US/%2B14158675309/r =~ s/From=%2B14158675309/From=US/r,
        'no blank'       => $SMS =~ s/\+%26/%2B%26/r,
        'not decoded'    => $SMS =~ s/%/%25/gr,
    );
    is sent('/twilio', $FORM, $other{$_}, $form_mac), 'bad_signature', $_ for sort keys %other;
    my %same = (
        'in another order' => join('&', reverse split /&/, $SMS),
        'encoded otherwise' => $SMS =~ s/\+/%20/r =~ s/%C3%B6/%c3%b6/r =~ s/US/%55%53/r,
        'a pair twice'     => "$SMS&MediaUrl=a",
        'nothing between'  => "&&$SMS&&",
        'an empty value without its sign' => $SMS =~ s/Empty=/Empty/r,
    );
    is sent('/twilio', $FORM, $same{$_}, $form_mac), 'delivered', "the same form: $_" for sort keys %same;
    is sent('/twilio', $FORM, $_, form_mac("$HOST/twilio", 'a=1')), 'invalid_payload', "no form: '$_'"
        for 'a=1&%', 'a=1%', 'a=%zz', '%=1', 'a=1&b=%4';
    my $many = join '&', map { "f$_=$_" } 1 .. 1000;
    is sent_form('/twilio', $many), 'delivered', 'as many fields as are read';
    is sent_form('/twilio', "$many&f1001=1"), 'invalid_payload', 'more fields than are read';
};

subtest 'what was captured without a body' => sub {
    my $mac = mac("$HOST/twilio");
    for my $body ('{}', 'a', 'a=1', '[]', "\0", ' ', $SMS) {
        is sent('/twilio', $_, $body, $mac), 'bad_signature', "is not '$body', type " . ($_ // 'missing') for @OTHER_TYPES;
        is sent('/twilio', $FORM, $body, $mac), 'bad_signature', "is no form of '$body'";
        is sent('/twilio?' . digest($body), $_ , $body, $mac), 'bad_signature', "with a digest that nobody signed" for $JSON, $FORM;
    }
};

subtest 'the digest' => sub {
    my $right = digest($json);
    my $no    = digest("$json ");
    my %query = (
        'none' => 'a=1', 'twice' => "$right&$right", 'right and wrong' => "$right&$no", 'wrong and right' => "$no&$right",
        'with an empty one' => "$right&bodySHA256=", 'empty' => 'bodySHA256=', 'without a value' => 'bodySHA256',
        'cut off' => substr($right, 0, -2), 'longer' => "${right}00", 'in base64' => 'bodySHA256=' . base64(pack 'H*', sha256_hex($json)),
        'in another case' => $right =~ s/bodySHA/bodysha/r, 'of another body' => $no, 'as another name' => "x$right",
        'in a query that does not decode' => "$right&a=%zz", 'behind a hash' => "a=1%23$right",
    );
    for my $what (sort keys %query) {
        is sent_json("/$_?$query{$what}", $json), 'bad_signature', "$_: $what" for qw(twilio json);
        my $is_there = $query{$what} =~ /(?:^|&)bodySHA256/;
        for my $type ($JSON, $FORM) {
            is sent("/twilio?$query{$what}", $type, '', mac("$HOST/twilio?$query{$what}")),
                $is_there ? 'bad_signature' : 'delivered', "no body, $type: $what";
        }
    }
    is sent_json('/twilio?body%53HA256=' . sha256_hex($json), $json), 'delivered', 'its name encoded';
    is sent_form('/twilio?' . $right, $SMS), 'bad_signature', 'a form has to have it, too, where it is there';
};

subtest 'the two variants alone' => sub {
    is sent_json('/form?' . digest($json), $json), 'invalid_payload', 'twilio-form: JSON';
    is sent('/form', $_, $SMS, form_mac("$HOST/form", $SMS)), 'invalid_payload', 'twilio-form: the type ' . ($_ // 'missing') for @OTHER_TYPES;
    is sent('/form', $_, $SMS, mac("$HOST/form")), 'invalid_payload', 'twilio-form: a form that is not signed' for @OTHER_TYPES;
    is sent_json('/form', ''), 'delivered', 'twilio-form: no body';
    is sent_form('/json', $SMS), 'bad_signature', 'twilio-json: a form';
    is sent('/json', $FORM, $SMS, mac("$HOST/json")), 'bad_signature', 'twilio-json: a form that is not signed';
    is sent_json('/json', ''), 'bad_signature', 'twilio-json: neither body nor digest';
    is sent_json('/json?' . digest(''), ''), 'delivered', 'twilio-json: the digest of no body';
};

subtest 'ports' => sub {
    # Host header, and the URLs that are right and wrong for it.
    my @hosts = (
        [ 'example.com'      => [qw(example.com example.com:80)], [qw(example.com:443 example.com:8080 example.com: example.com.)] ],
        [ 'example.com:80'   => [qw(example.com example.com:80)], [qw(example.com:443)] ],
        [ 'example.com:8080' => [qw(example.com example.com:8080)], [qw(example.com:80 example.com:443)] ],
        [ '[::1]'            => [qw([::1] [::1]:80)], [qw([:]:1] ::1 [::1]:443)] ],
        [ '[::1]:8080'       => [qw([::1] [::1]:8080)], [qw([::1]:80)] ],
    );
    for my $row (@hosts) {
        my ($host, $right, $wrong) = @$row;
        for my $kind ([ $FORM, $SMS, "/twilio" ], [ $JSON, $json, '/twilio?' . digest($json) ]) {
            my ($type, $body, $uri) = @$kind;
            my $mac = sub ($url) { $type eq $FORM ? form_mac($url, $body) : mac($url) };
            my @host = (headers => [ Host => $host ]);
            is sent($uri, $type, $body, $mac->("http://$_$uri"), @host), 'delivered', "$host as $_, $type" for @$right;
            is sent($uri, $type, $body, $mac->("http://$_$uri"), @host), 'bad_signature', "$host, but $_, $type" for @$wrong;
            is sent($uri, $type, $body, $mac->("https://$_$uri"), @host), 'bad_signature', "https://$_, $type" for @$right;
        }
    }
    my %url = (
        fixed => [ [qw(https://hooks.example.com/sms https://hooks.example.com:443/sms)],
            [qw(https://hooks.example.com:80/sms https://hooks.example.com:8443/sms http://hooks.example.com/sms)] ],
        port => [ [qw(https://hooks.example.com/sms?a=:1 https://hooks.example.com:8443/sms?a=:1)],
            [qw(https://hooks.example.com:443/sms?a=:1 https://hooks.example.com/sms?a=)] ],
        plain => [ [qw(http://hooks.example.com http://hooks.example.com:80)], [qw(http://hooks.example.com/ http://hooks.example.com:80/)] ],
        six   => [ [qw(https://[2001:db8::1]/sms https://[2001:db8::1]:443/sms)], [qw(https://[2001:db8:/sms https://[2001:db8::1]:80/sms)] ],
        user  => [ [qw(https://user:pass@hooks.example.com/sms https://user:pass@hooks.example.com:443/sms)],
            [qw(https://user@hooks.example.com/sms https://hooks.example.com/sms)] ],
    );
    for my $name (sort keys %url) {
        my ($right, $wrong) = @{ $url{$name} };
        my $uri = $name eq 'port' ? '/port?a=:1' : "/$name";
        is sent($uri, $FORM, $SMS, form_mac($_, $SMS)), 'delivered', "$name: $_" for @$right;
        is sent($uri, $FORM, $SMS, form_mac($_, $SMS)), 'bad_signature', "$name: $_" for @$wrong, "$HOST$uri";
    }
};

# Nothing stands between the URL, the names and the values: that is Twilio's own rule.
subtest 'where one thing ends and the next begins' => sub {
    my $mac = form_mac("$HOST/twilio", 'Body=hello');
    is sent('/twilioBody', $FORM, 'hello', $mac), 'delivered', 'the end of the URL can pass for a name';
    my $query = form_mac("$HOST/twilio?a=bc", 'Body=hello');
    is sent('/twilio?a=b', $FORM, 'cBody=hello', $query), 'delivered', 'and a word at the end of its query';
    my $fixed = form_mac('https://hooks.example.com/sms', 'Body=hello');
    is sent('/fixed', $FORM, 'Body=hello', $fixed), 'delivered', 'not where the URL is fixed:';
    is sent('/fixedBody', $FORM, 'hello', $fixed), 'bad_signature', 'it has its own end';
    is sent('/fixed?' . digest($json), $JSON, $json, $fixed), 'bad_signature', 'nor does JSON pass there';
    is sent('/fixed?' . digest($json), $JSON, $json, mac('https://hooks.example.com/sms')), 'bad_signature',
        'whose digest would not be signed';
};

# What is cut off the URL of a captured delivery is no field of a form.
subtest 'the end of a query as a field' => sub {
    my $hash = sha256_hex($json);
    my $tail = '?' . digest($json);
    my $kept = mac("$HOST/twilio$tail");
    for my $length (0 .. length($tail) - 1) {
        my $rest  = substr $tail, $length;
        my $where = '/twilio' . substr $tail, 0, $length;
        is sent($where, $FORM, '=' . encoded($rest), $kept), 'bad_signature', "JSON at $where, the rest without a name";
        for my $size (1 .. length $rest) {
            my $form = encoded(substr $rest, 0, $size) . '=' . encoded(substr $rest, $size);
            is sent($where, $FORM, $form, $kept), 'bad_signature', "JSON at $where, as the form $form" if $size < 14;
        }
    }
    for my $uri ('/form', '/fixed') {
        my $mac = mac(($uri eq '/form' ? "$HOST/form" : 'https://hooks.example.com/sms') . $tail);
        is sent($uri, $FORM, '=' . encoded($tail), $mac), 'bad_signature', "JSON at $uri, without a name";
        is sent($uri, $FORM, encoded($tail), $mac), 'bad_signature', "JSON at $uri, as a name";
    }
    my $captured = form_mac("$HOST/twilio?a=b&acct=17", 'AccountSid=AC1&Body=hi');
    is sent('/twilio?a=b&acct=17', $FORM, 'AccountSid=AC1&Body=hi', $captured), 'delivered', 'a form as it was sent';
    my %cut = (
        '/twilio'            => '=%3Fa%3Db%26acct%3D17&AccountSid=AC1&Body=hi',
        '/twilio?a=b'        => '=%26acct%3D17&AccountSid=AC1&Body=hi',
        '/twilio?a=b&acct='  => '17=&AccountSid=AC1&Body=hi',
        '/twilio?a=b&acct=1' => '=7&AccountSid=AC1&Body=hi',
    );
    is sent($_, $FORM, $cut{$_}, $captured), 'bad_signature', "cut at $_" for sort keys %cut;
};

# What a stranger texts may look like anything.
subtest 'texts that look like a query' => sub {
    my $hash = sha256_hex('x');
    for my $text ('?', '&a=b', "?bodySHA256=$hash", "&bodySHA256=$hash", 'bodySHA256=', 'AT&T=1', '%3F') {
        my $form = 'AccountSid=AC1&Body=' . encoded($text) . '&From=%2B1555';
        is sent_form($_, $form), 'delivered', "$_: $text" for '/twilio', '/twilio?debug', '/twilio?a=1', '/form?a=1';
    }
};

subtest 'large bodies' => sub {
    my $large = 'Body=' . 'x' x 500_000;
    is sent_form('/twilio', $large), 'delivered', 'half a megabyte';
    is sent('/twilio', $FORM, "${large}x", form_mac("$HOST/twilio", $large)), 'bad_signature', 'one byte more';
    is sent_form('/small', 'Body=' . 'x' x 95), 'delivered', 'as large as can be parsed';
    is sent_form('/small', 'Body=' . 'x' x 96), 'invalid_payload', 'larger';
    is sent('/small', $FORM, 'x' x 200, mac("$HOST/small")), 'invalid_payload', 'larger, and not signed';
};

finish();
