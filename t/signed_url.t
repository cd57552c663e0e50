# Senders that sign the URL they deliver to: it is the one they see, to the byte, and nobody can choose
# another.

use Webhook::Fixtures;
use Webhook::Test;

my $SECRET = 'a secret of the tests';
my $BODY   = '{"event":{"id":"1"}}';
my $PUBLIC = 'https://hooks.example.com';

# What HubSpot decodes before it signs, and nothing else.
sub hubspot_url ($url) {
    return $url =~ s/%(3a|2f|3f|40|21|24|27|28|29|2a|2c|3b)/chr hex $1/gier;
}

my %SIGN = (
    square => sub ($url, $body, $method) {
        return 'X-Square-Hmacsha256-Signature' => base64(hmac_sha256("$url$body", $SECRET));
    },
    trello => sub ($url, $body, $method) { return 'X-Trello-Webhook' => base64(hmac_sha1("$body$url", $SECRET)) },
    twilio => sub ($url, $body, $method) { return 'X-Twilio-Signature' => base64(hmac_sha1($url, $SECRET)) },
    'hubspot-v2' => sub ($url, $body, $method) {
        return ('X-HubSpot-Signature-Version' => 'v2', 'X-HubSpot-Signature' => sha256_hex("$SECRET$method$url$body"));
    },
    'hubspot-v3' => sub ($url, $body, $method) {
        my $time = time . '000';
        my $text = $method . hubspot_url($url) . $body . $time;
        return (
            'X-HubSpot-Request-Timestamp' => $time,
            'X-HubSpot-Signature-v3'      => base64(hmac_sha256($text, $SECRET)),
        );
    },
    own => sub ($url, $body, $method) { return 'X-Sign' => hmac_sha256_hex("<$url>$method", $SECRET) },
);
# Where no body comes along that is not signed.
my %BODY = (twilio => '', own => '');

my $locations = join "\n", map {
    ; qq(
    location /default/$_  { webhook $_; proxy_pass http://%%BACKEND%%; }
    location /other/$_    { webhook $_; proxy_pass http://%%BACKEND%%; }
    location /fixed/$_    { webhook $_; webhook_url "$PUBLIC/hooks/$_?a=1"; proxy_pass http://%%BACKEND%%; }
    location /proxied/$_  { webhook $_; webhook_url "$PUBLIC\$request_uri"; proxy_pass http://%%BACKEND%%; }
    location /tenants/$_  { webhook $_; webhook_url "https://\$tenant.example.com/hooks"; proxy_pass http://%%BACKEND%%; }
    location /named/$_    { webhook $_; webhook_url "http://\$http_host\$request_uri"; proxy_pass http://%%BACKEND%%; }
    location /bare/$_     { webhook $_; webhook_url "$PUBLIC/hooks/$_"; proxy_pass http://%%BACKEND%%; }
    location /asking/$_   { rewrite ^ /bare/$_?moved=1 last; }
    location /moved/$_    { rewrite ^ /default/$_?moved=1 last; }
    )
} sort keys %SIGN;

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
webhook_scheme own { algorithm hmac-sha256; signed "<{url}>{method}"; signature header=X-Sign; }
webhook_scheme no_mark { algorithm hmac-sha256; signed "{url}{method}"; signature header=X-Sign; }
webhook_scheme by_query { algorithm hmac-sha256; signed "{url}"; signature query=sign; }
webhook_scheme asked { algorithm hmac-sha256; signed "{query:token}|{body}"; signature header=X-Sign; }
webhook_scheme identified { algorithm hmac-sha256; signed "{id}.{timestamp}.{body}"; signature header=X-Sign;
    event_id query=id; timestamp query=ts; }
webhook_scheme beside { algorithm hmac-sha256; signed "{url}|{timestamp}|{body}"; signature query=sig; timestamp query=ts;
    event_type query=topic; }
webhook_secret "$SECRET";
map \$http_x_forwarded_host \$forwarded { '' \$http_host; default \$http_x_forwarded_host; }
map \$http_x_tenant \$url_of_tenant { default ""; acme https://acme.example.com/hooks; }
map \$http_x_tenant \$tenant {
    acme     acme;
    umbrella umbrella;
}
server {
    listen %%ADDR%%:8080;
    listen %%ADDR%%:8082 http2;
    listen %%ADDR%%:8443 ssl http2;
    ssl_certificate %%CERT%%;
    ssl_certificate_key %%KEY%%;
    webhook_methods POST PUT;
    merge_slashes on;
    $locations
    location /tenant/host/hubspot-v3 { webhook hubspot-v3; proxy_pass http://%%BACKEND%%; }
    location = /host/hubspot-v3 { webhook hubspot-v3; proxy_pass http://%%BACKEND%%; }
    location = /host/atlassian-connect { webhook atlassian-connect; proxy_pass http://%%BACKEND%%; }
    location = /named/host/atlassian-connect {
        webhook atlassian-connect; webhook_url https://\$host\$request_uri; proxy_pass http://%%BACKEND%%;
    }
    location = /forwarded/host/atlassian-connect {
        webhook atlassian-connect; webhook_url https://\$forwarded\$request_uri; proxy_pass http://%%BACKEND%%;
    }
    location = /sent/host/atlassian-connect {
        webhook atlassian-connect; webhook_url https://\$http_x_forwarded_host\$request_uri; proxy_pass http://%%BACKEND%%;
    }
    location = /variable/host/atlassian-connect {
        webhook atlassian-connect; set \$seen http://\$http_host\$request_uri; webhook_url \$seen;
        proxy_pass http://%%BACKEND%%;
    }
    location /of_tenant { webhook no_mark; webhook_url \$url_of_tenant; proxy_pass http://%%BACKEND%%; }
    location /by_query { webhook by_query; webhook_url $PUBLIC/in; proxy_pass http://%%BACKEND%%; }
    location /asked { webhook asked; proxy_pass http://%%BACKEND%%; }
    location /identified { webhook identified; proxy_pass http://%%BACKEND%%; }
    location /beside { webhook beside; webhook_url "https://h/beside?team=a+b"; proxy_pass http://%%BACKEND%%; }
}
server {
    listen %%ADDR%%:8081;
    webhook_url "$PUBLIC/inherited";
    location /inherited { webhook own; proxy_pass http://%%BACKEND%%; }
    location /replaced  { webhook own; webhook_url "$PUBLIC/replaced"; proxy_pass http://%%BACKEND%%; }
}
CONF

sub outcome ($response) {
    my $reason = $response->header('Webhook-Reason');
    return $backend->count == 1 ? 'delivered' : 'answered alike, but not delivered' if $response->{status} == 200;
    return $backend->count ? 'delivered and refused' : $reason // $response->{status};
}

sub request ($name, $url, %request) {
    my $body    = $BODY{$name} // $BODY;
    my $headers = [ $SIGN{$name}->($url, $body, $request{signed_method} // 'POST'), @{ $request{headers} // [] } ];
    return (body => $body, %request, headers => $headers);
}

sub encode_json_web_token (%claims) {
    my $json = '{' . join(',', map { qq("$_":"$claims{$_}") } sort keys %claims) . ',"exp":' . (time + 60) . '}';
    my $text = base64url('{"alg":"HS256","typ":"JWT"}') . '.' . base64url($json);
    return "$text." . base64url(hmac_sha256($text, $SECRET));
}

# What becomes of a delivery that is signed for `url` and sent to `uri`.
sub sent ($name, $url, $uri, %request) {
    $backend->clear;
    return outcome(send_request(request($name, $url, %request, uri => $uri)));
}

sub is_delivered ($what, @sent) { is sent(@sent), 'delivered', $what }
sub is_refused ($what, @sent) { is sent(@sent), 'bad_signature', $what }

my @NAMES = sort keys %SIGN;

subtest 'by default, as the request has it' => sub {
    for my $name (@NAMES) {
        my $uri = "/default/$name";
        is_delivered("$name", $name, "http://localhost$uri", $uri);
        is_delivered("$name with a query", $name, "http://localhost$uri?a=1&b=2", "$uri?a=1&b=2");
        is_delivered("$name with another host", $name, "http://example.com$uri", $uri, headers => [ Host => 'example.com' ]);
        is_delivered("$name with a port", $name, "http://example.com:8080$uri", $uri, headers => [ Host => 'example.com:8080' ]);
        is_refused("$name by TLS", $name, "https://localhost$uri", $uri);
        is_refused("$name to another path", $name, "http://localhost/other/$name", $uri);
        is_refused("$name to a path below", $name, "http://localhost$uri", "$uri/");
        is_refused("$name to a longer path", $name, "http://localhost$uri", "${uri}x");
        is_refused("$name by the path alone", $name, $uri, $uri);
    }
};

subtest 'over TLS and HTTP/2' => sub {
    for my $name (@NAMES) {
        my $uri = "/default/$name";
        my %host = (headers => [ Host => 'example.com' ]);
        my %is   = (
            'by TLS, signed for it'     => [ "https://example.com$uri", { tls => 1 }, 'delivered' ],
            'by TLS, signed without'    => [ "http://example.com$uri", { tls => 1 }, 'bad_signature' ],
            'without, signed so'        => [ "http://example.com$uri", {}, 'delivered' ],
            'without, signed for TLS'   => [ "https://example.com$uri", {}, 'bad_signature' ],
        );
        for my $what (sort keys %is) {
            my ($url, $options, $expected) = @{ $is{$what} };
            $backend->clear;
            is outcome(send_h2(request($name, $url, %host, %$options, uri => $uri))), $expected, "$name $what";
        }
    }
};

subtest 'the host' => sub {
    my %host = (
        'another'           => 'evil.example.com', 'in another case' => 'LocalHost', 'with the default port' => 'localhost:80',
        'with another port' => 'localhost:8080', 'with a dot' => 'localhost.', 'an address' => '127.0.0.1',
    );
    for my $name (grep { $_ ne 'twilio' } @NAMES) {
        my $uri = "/default/$name";
        is_refused("$name: $_", $name, "http://localhost$uri", $uri, headers => [ Host => $host{$_} ]) for sort keys %host;
        is_refused("$name: X-Forwarded-Host", $name, "http://evil$uri", $uri,
            headers => [ 'X-Forwarded-Host' => 'evil', 'X-Forwarded-Proto' => 'http', Forwarded => 'host=evil' ]);
        is_refused("$name: in the request line, not in Host", $name, "http://evil$uri", "http://evil$uri");
        is_refused("$name: in Host, not in the request line", $name, "http://localhost$uri", "http://localhost$uri",
            headers => [ Host => 'evil' ]);
        is_delivered("$name: in both", $name, "http://localhost$uri", "http://localhost$uri");
        for my $bad ("localhost$uri?x=", 'local host', "localhost/$uri", 'localhost#', '') {
            my $outcome = sent($name, "http://localhost$uri", $uri, headers => [ Host => $bad ]);
            like $outcome, qr/^(?:400|bad_signature)$/, "$name: the host '$bad'";
        }
        is sent($name, "http://localhost$uri", $uri, headers => [ Host => 'localhost', Host => 'localhost' ]), 400, "$name: two";
    }
};

# HubSpot signs it decoded, and nginx would route by another path than the signed one.
subtest 'an encoded query of HubSpot' => sub {
    for my $mark (qw(%3F %3f)) {
        is_refused("$mark is no query", 'hubspot-v3', 'http://localhost/default/hubspot-v3?a=1', "/default/hubspot-v3${mark}a=1");
    }
    is_delivered('in a query it may stand', 'hubspot-v3', 'http://localhost/default/hubspot-v3?a=%3F%2F', '/default/hubspot-v3?a=%3F%2F');
    is_delivered('others may stand in a path', 'hubspot-v3', 'http://localhost/default/hubspot-v3/a%40b', '/default/hubspot-v3/a%40b');
};

# Nobody signed it, and what merges query and form would read it.
subtest 'a query where the fixed URL has none' => sub {
    for my $name (@NAMES) {
        my $url = "$PUBLIC/hooks/$name";
        is_delivered("$name: without", $name, $url, "/bare/$name");
        is_delivered("$name: an empty one", $name, $url, "/bare/$name?");
        is_refused("$name: $_", $name, $url, "/bare/$name$_") for '?admin=1', '?x', '?&';
        is_delivered("$name: put there by nginx", $name, $url, "/asking/$name");
        is_refused("$name: beside one that nginx put there", $name, $url, "/asking/$name?admin=1");
    }
    my $mac = hmac_sha256_hex("$PUBLIC/in", $SECRET);
    $backend->clear;
    is outcome(send_request(uri => "/by_query?sign=$mac", body => '')), 'delivered', 'the signature itself stands there';
};

# A host with something else in it makes another URL than the one that nginx routes by.
subtest 'what looks like a host' => sub {
    my $time = time . '000';
    my @hubspot = (
        'X-HubSpot-Request-Timestamp' => $time,
        'X-HubSpot-Signature-v3' => base64(hmac_sha256("POSThttp://localhost/tenant/host/hubspot-v3$BODY$time", $SECRET)),
    );
    my $hubspot = sub ($host, $uri) {
        $backend->clear;
        return outcome(send_request(uri => $uri, body => $BODY, headers => [ Host => $host, @hubspot ]));
    };
    is $hubspot->('localhost', '/tenant/host/hubspot-v3'), 'delivered', 'HubSpot: as it was sent';
    for my $host ('localhost%2Ftenant', 'localhost%2ftenant') {
        is $hubspot->($host, '/host/hubspot-v3'), 'bad_signature', "HubSpot: the path in the host $host";
    }
    my $atlassian = sub ($qsh, $host, $uri) {
        $backend->clear;
        my $claims = encode_json_web_token(qsh => sha256_hex($qsh));
        return outcome(send_request(uri => $uri, body => $BODY, headers => [ Host => $host, Authorization => "JWT $claims" ]));
    };
    for my $folder ('', '/forwarded', '/named', '/variable') {
        my $uri = "$folder/host/atlassian-connect";
        is $atlassian->("POST&$uri&a=b", 'localhost', "$uri?a=b"), 'delivered', "Atlassian, $uri: as it was sent";
        for my $host ('x?a=b&jwt=', 'x#', 'x%2F', 'x;y', 'x&y', 'x=y', 'x,y', 'x@y', '"x"') {
            is $atlassian->('POST&/&a=b', $host, $uri), 'bad_signature', "Atlassian, $uri: a query in the host $host";
            is $atlassian->('POST&/&', $host, $uri), 'bad_signature', "Atlassian, $uri: nothing but the host $host";
        }
        is $atlassian->("POST&$uri&a=b", 'localhost', "$uri?a=b#&c=d"), 'bad_signature', "Atlassian, $uri: a fragment";
        is $atlassian->("POST&$uri&a=1%3Bb%3D2", 'localhost', "$uri?a=1;b=2"), 'bad_signature',
            "Atlassian, $uri: a semicolon";
        is $atlassian->("POST&$uri&a=1%3Bb%3D2", 'localhost', "$uri?a=1%3Bb=2"), 'delivered',
            "Atlassian, $uri: a semicolon that is encoded";
        is $atlassian->('POST&/&', 'localhost', "http://elsewhere$uri"), 'bad_signature',
            "Atlassian, $uri: another host in the request line";
    }
    for my $host ('hooks.example.com', 'hooks.example.com:8443', '[2001:db8::1]:8443') {
        $backend->clear;
        my $token = encode_json_web_token(qsh => sha256_hex('POST&/sent/host/atlassian-connect&a=b'));
        my @headers = ('X-Forwarded-Host' => $host, Authorization => "JWT $token");
        is outcome(send_request(uri => '/sent/host/atlassian-connect?a=b', body => $BODY, headers => \@headers)), 'delivered',
            "Atlassian: the forwarded host $host";
    }
    for my $folder ('/sent', '/forwarded') {
        $backend->clear;
        my $token = encode_json_web_token(qsh => sha256_hex("POST&/hooks$folder/host/atlassian-connect&"));
        my @headers = ('X-Forwarded-Host' => 'hooks.example.com/hooks', Authorization => "JWT $token");
        is outcome(send_request(uri => "$folder/host/atlassian-connect", body => $BODY, headers => \@headers)),
            'bad_signature', "Atlassian, $folder: a path in the forwarded host";
    }
    for my $forwarded ('x?a=b&jwt=', 'x#', 'x%2F', 'x/y?') {
        $backend->clear;
        my $token = encode_json_web_token(qsh => sha256_hex('POST&/&a=b'));
        my @headers = ('X-Forwarded-Host' => $forwarded, Authorization => "JWT $token");
        is outcome(send_request(uri => '/forwarded/host/atlassian-connect', body => $BODY, headers => \@headers)),
            'bad_signature', "Atlassian: the forwarded host $forwarded";
    }
    # The signature is for one, the request goes to the other.
    for my $name (qw(hubspot-v2 square own)) {
        is_refused("$name: $_", $name, "http://evil/named/$name", "http://localhost/named/$name", headers => [ Host => 'evil' ])
            for 'the host of the header, not of the request line';
        is_delivered("$name: the same in both", $name, "http://localhost/named/$name", "http://localhost/named/$name");
    }
};

# As it is sent: what nginx makes of it to find the location does not count.
subtest 'every byte counts' => sub {
    my @pairs = (
        [ '?a=1&b=2' => '?b=2&a=1' ], [ '?a=1' => '?a=1&' ], [ '?a=1' => '?a=01' ], [ '' => '?' ], [ '?' => '' ],
        [ '?a=%2F' => '?a=/' ], [ '?a=%2f' => '?a=%2F' ], [ '?a=+' => '?a=%20' ], [ '/%7Euser' => '/~user' ],
        [ '/~user' => '/%7Euser' ], [ '/a%2Fb' => '/a/b' ], [ '/a//b' => '/a/b' ], [ '/a/b' => '/a//b' ],
        [ '/a/./b' => '/a/b' ], [ '/a/../b' => '/b' ], [ '/b' => '/a/../b' ], [ '/%61' => '/a' ], [ '/a%20b' => '/a+b' ],
        [ "/\xc3\xa4" => '/%C3%A4' ], [ '/a?b?c' => '/a?b%3Fc' ], [ '/a;b' => '/a%3Bb' ],
    );
    for my $name (@NAMES) {
        for my $pair (@pairs) {
            my ($one, $other) = map { "/default/$name$_" } @$pair;
            is_delivered("$name: $pair->[0]", $name, "http://localhost$one", $one);
            next if $name eq 'hubspot-v3' && hubspot_url($one) eq hubspot_url($other);
            is_refused("$name: $pair->[0], sent as $pair->[1]", $name, "http://localhost$one", $other);
        }
    }
};

subtest 'webhook_url' => sub {
    for my $name (@NAMES) {
        my $fixed = "$PUBLIC/hooks/$name?a=1";
        is_delivered("$name: a constant", $name, $fixed, "/fixed/$name?a=1");
        is_delivered("$name: whatever is asked for", $name, $fixed, "/fixed/$name/more?a=1", headers => [ Host => 'evil' ]);
        is_refused("$name: another query", $name, $fixed, "/fixed/$name$_") for '', '?b=2', '?a=2', '?a=1&a=2', '?a=1#&b=2';
        is_refused("$name: what nginx sees instead of it", $name, "http://localhost/fixed/$name?a=1", "/fixed/$name?a=1");
        is_refused("$name: nearly it", $name, "${fixed}1", "/fixed/$name?a=1");

        my $uri = "/proxied/$name?b=%20&a";
        is_delivered("$name: a variable", $name, "$PUBLIC$uri", $uri);
        is_delivered("$name: a variable, whatever the host is", $name, "$PUBLIC$uri", $uri, headers => [ Host => 'evil' ]);
        is_refused("$name: a variable, another query", $name, "$PUBLIC$uri", "$uri=");
        is_refused("$name: a variable, what nginx sees", $name, "http://localhost$uri", $uri);

        my @acme = (headers => [ 'X-Tenant' => 'acme' ]);
        is_refused("$name: a query that it leaves out", $name, 'https://acme.example.com/hooks', "/tenants/$name?a=1", @acme);
        is_delivered("$name: of a tenant", $name, 'https://acme.example.com/hooks', "/tenants/$name", @acme);
        is_refused("$name: of another", $name, 'https://umbrella.example.com/hooks', "/tenants/$name", @acme);

        is_delivered("$name: behind a rewrite", $name, "http://localhost/moved/$name?a=1", "/moved/$name?a=1");
        is_refused("$name: what it was rewritten to", $name, "http://localhost/default/$name?moved=1", "/moved/$name?a=1");
    }
    for my $url ('', 'https://acme.example.com/hooks') {
        my @headers = ('X-Sign' => hmac_sha256_hex("${url}POST", $SECRET));
        my %sent = (uri => '/of_tenant', body => '{}');
        is send_request(%sent, headers => [ @headers, 'X-Tenant' => 'acme' ])->{status}, $url ? 200 : 401, "signed is '$url': of the tenant";
        is send_request(%sent, headers => \@headers)->{status}, 401, "signed is '$url': no tenant, and no URL";
    }
    is_delivered('of the server', 'own', "$PUBLIC/inherited", '/inherited', port => 8081);
    is_delivered('of the location', 'own', "$PUBLIC/replaced", '/replaced', port => 8081);
    is_refused('of the server, where the location has its own', 'own', "$PUBLIC/inherited", '/replaced', port => 8081);
};

subtest 'the method' => sub {
    for my $name (qw(hubspot-v2 hubspot-v3 own)) {
        my ($uri, $url) = ("/default/$name", "http://localhost/default/$name");
        is_delivered("$name: PUT", $name, $url, $uri, method => 'PUT', signed_method => 'PUT');
        is_refused("$name: signed for POST, sent by PUT", $name, $url, $uri, method => 'PUT');
        is_refused("$name: signed for PUT, sent by POST", $name, $url, $uri, signed_method => 'PUT');
    }
};

subtest 'HubSpot decodes some of it' => sub {
    my $all = join '', map { sprintf '%%%02X', $_ } 0x20 .. 0x7e;
    my @some = qw(%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B %3a%2f%3f%2a%2c%3b %253A %25%33%41 %20%22%23%26%2B%3C%3D % %3 %3A%);
    for my $query (@some, $all) {
        my $uri = "/default/hubspot-v3?q=$query";
        is_delivered($query, 'hubspot-v3', "http://localhost$uri", $uri);
    }
    # Signed by who decodes nothing, or all.
    my $post = sub ($query, $signed) {
        $backend->clear;
        my $time = time . '000';
        my $text = "POSThttp://localhost/default/hubspot-v3?q=$signed$BODY$time";
        my @headers = (
            'X-HubSpot-Request-Timestamp' => $time, 'X-HubSpot-Signature-v3' => base64(hmac_sha256($text, $SECRET)),
        );
        return outcome(send_request(uri => "/default/hubspot-v3?q=$query", body => $BODY, headers => \@headers));
    };
    is $post->('%3A', ':'), 'delivered', 'decoded';
    is $post->('%3A', '%3A'), 'bad_signature', 'not decoded';
    is $post->('%20', '%20'), 'delivered', 'what it does not decode';
    is $post->('%20', ' '), 'bad_signature', 'is not decoded';
    is $post->('%253A', '%3A'), 'bad_signature', 'nor is anything twice';
    is $post->('%253A', '%253A'), 'delivered', 'but once';
    is $post->('%253A', ':'), 'bad_signature', 'and not to its end';
};

subtest 'a parameter of the query' => sub {
    my $post = sub ($query, $value) {
        $backend->clear;
        my @headers = ('X-Sign' => hmac_sha256_hex("$value|$BODY", $SECRET));
        return outcome(send_request(uri => "/asked$query", body => $BODY, headers => \@headers));
    };
    is $post->('?token=a', 'a'), 'delivered', 'its value';
    is $post->('?token=%41+b%26&x=1', 'A b&'), 'delivered', 'decoded';
    is $post->('?x=1&token=', ''), 'delivered', 'an empty one';
    is $post->('?token=b', 'a'), 'bad_signature', 'another';
    is $post->($_, ''), 'bad_signature', "none: '$_'" for '', '?', '?Token=', '?tokens=', '?x=token=';
    is $post->('?token=a&token=a', 'a'), 'bad_signature', 'two';
    is $post->('?token=a&token=b', $_), 'bad_signature', "two: $_" for qw(a b);
    is $post->('?token=a&x=%zz', 'a'), 'bad_signature', 'a query that does not decode';
    is $post->('?x=1;token=b&token=a', 'a'), 'bad_signature', 'another one to who separates by a semicolon';
    is $post->('?x=1%3Btoken=b&token=a', 'a'), 'delivered', 'not where it is encoded';
    is $post->('?token=a#&token=b', 'a'), 'bad_signature', 'another one in a fragment';
};

subtest 'an id and a time in the query' => sub {
    my $time = time;
    my $mac  = hmac_sha256_hex("A.$time.$BODY", $SECRET);
    my $post = sub ($query) {
        $backend->clear;
        return outcome(send_request(uri => "/identified?$query", body => $BODY, headers => [ 'X-Sign' => $mac ]));
    };
    is $post->("id=A&ts=$time"), 'delivered', 'the ones that are signed';
    is $post->("x=1%3Bid=B&id=A&ts=$time"), 'delivered', 'beside another parameter';
    is $post->($_), 'bad_signature', "others to another reader: $_" for "x=1;id=B&id=A&ts=$time", "id=A&ts=$time&x=1;id=B",
        "id=A&ts=$time#&id=B", "ts=$time&id=A#&id=B", "id=A&ts=$time#&ts=1";
};

subtest 'parameters beside a URL that is fixed' => sub {
    my $time = time;
    my $post = sub ($query) {
        $backend->clear;
        my $mac = hmac_sha256_hex("https://h/beside?team=a+b|$time|$BODY", $SECRET);
        return outcome(send_request(uri => '/beside?' . $query =~ s/MAC/$mac/r, body => $BODY));
    };
    is $post->("team=a+b&ts=$time&sig=MAC"), 'delivered', 'a time that is signed by itself, and the signature';
    is $post->("team=a+b&ts=$time&sig=MAC&topic=order+created"), 'delivered', 'the type of the event';
    is $post->($_), 'bad_signature', $_ for "team=a%20b&ts=$time&sig=MAC", "team=a+b&ts=$time&sig=MAC&x=1",
        "team=a+b&ts=$time&sig=MAC&topic=a#x=1", "ts=$time&sig=MAC";
};

finish();
