# `webhook name=` with variables: each tenant has a memory, a name in the log and in variables of its
# own, and who has none is refused.

use Webhook::Test;

use Webhook::Deliveries qw(outcome);
use Webhook::Fixtures;

my %SECRET = (a => 'secret-of-tenant-a-0123', b => 'secret-of-tenant-b-0123', c => 'secret-of-tenant-c-0123');

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
log_format tenants '\$request_uri endpoint=\$webhook_endpoint reason=\$webhook_reason';
access_log %%DIR%%/tenants.log tenants;
webhook_dedup_zone zone=events:1m;
# As \$arg_tenant is: it is looked up again after a redirect.
map \$arg_tenant \$secret { volatile; default ""; a $SECRET{a}; b $SECRET{b}; c $SECRET{c}; }
map \$arg_tenant \$tenant { default ""; a alpha; b beta; }
server {
    listen %%ADDR%%:8080;
    webhook_secret \$secret;
    webhook_dedup  zone=events;

    location /hook {
        webhook standard-webhooks name=hooks-\$tenant;
        proxy_pass http://%%BACKEND%%;
    }
    location /mapped {
        webhook telegram name=\$tenant;
        proxy_set_header X-Seen-Endpoint \$webhook_endpoint;
        proxy_pass http://%%BACKEND%%;
    }
    location ~ ^/path/(?<of>[^/]+)\$ {
        webhook telegram name=\$of;
        proxy_pass http://%%BACKEND%%;
    }
    location /header {
        webhook telegram name=\$http_x_tenant;
        proxy_pass http://%%BACKEND%%;
    }
    location /shared {
        webhook telegram name=shared;
        proxy_pass http://%%BACKEND%%;
    }
    location /first {
        webhook telegram name=\$arg_tenant;
        webhook_methods GET POST;
        proxy_intercept_errors on;
        error_page 418 = /again?tenant=b;
        proxy_pass http://%%BACKEND%%;
    }
    location /again {
        webhook telegram name=\$arg_tenant;
        webhook_methods GET POST;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

sub standard ($tenant, $id, $body) {
    my $time = time;
    my $mac  = base64(hmac_sha256("$id.$time.$body", $SECRET{$tenant}));
    return send_request(
        uri => "/hook?tenant=$tenant", body => $body,
        headers => [ 'Webhook-Id' => $id, 'Webhook-Timestamp' => $time, 'Webhook-Signature' => "v1,$mac" ]);
}

sub telegram ($uri, $tenant, $body, @headers) {
    return send_request(uri => $uri, body => $body,
        headers => [ 'X-Telegram-Bot-Api-Secret-Token' => $SECRET{$tenant} // 'none', @headers ]);
}

subtest 'a tenant cannot suppress another one\'s event' => sub {
    is outcome(standard('a', 'order-1', '{"of":"a"}')), 'delivered', 'tenant a takes an id';
    is outcome(standard('b', 'order-1', '{"of":"b"}')), 'delivered', 'tenant b\'s event of that id';
    is outcome(standard('b', 'order-1', '{"of":"b"}')), 'duplicate', 'again';
    is outcome(standard('a', 'order-1', '{"of":"a"}')), 'duplicate', 'tenant a\'s again';
};

# `map` gives them the same secret.
subtest 'another spelling of a tenant is no other tenant' => sub {
    my $send = sub ($path, $tenant = 'a') { outcome(telegram("/path/$path?tenant=$tenant", 'a', '{"update_id":70}')) };
    is $send->('acme'), 'delivered', 'an event';
    is $send->($_), 'duplicate', $_ for qw(acme Acme ACME aCME acme. ACME.);
    is $send->('acme', 'A'), 'duplicate', 'the name of its secret, too';
    is $send->('other'), 'delivered', 'another tenant';
};

subtest 'small ids do not meet' => sub {
    is outcome(telegram('/mapped?tenant=a', 'a', '{"update_id":7}')), 'delivered', 'a bot';
    is outcome(telegram('/mapped?tenant=b', 'b', '{"update_id":7}')), 'delivered', 'another bot';
    is outcome(telegram('/shared?tenant=a', 'a', '{"update_id":8}')), 'delivered', 'without a name of its own';
    is outcome(telegram('/shared?tenant=b', 'b', '{"update_id":8}')), 'duplicate', 'they do';
};

subtest 'the name is told' => sub {
    $backend->clear;
    is outcome(telegram('/mapped?tenant=b&told', 'b', '{"update_id":9}')), 'delivered', 'a delivery';
    my ($seen) = $backend->requests;
    is $seen->{headers}{'x-seen-endpoint'}, 'beta', 'to the backend';
    is outcome(telegram('/mapped?tenant=b', 'a', '{}')), 'bad_signature', 'a forgery';
    ok wait_for(sub { slurp(directory() . '/tenants.log') =~ m{told endpoint=beta reason=accepted} }, 3, 'log'),
        'in the access log';
    my @lines = $nginx->error_log =~ /webhook rejected: bad_signature, secrets tried: 1, endpoint: "beta"/g;
    is scalar @lines, 1, 'in the error log';
};

# What looks like the rest of nginx's line, or like another line.
subtest 'no name forges a line' => sub {
    my $position = length $nginx->error_log;
    my $name     = 'x", client: 6.6.6.6, server: , request: "POST / HTTP/1.1\\';
    is outcome(telegram('/header?tenant=a', 'b', '{}', 'X-Tenant' => $name)), 'bad_signature', 'a name with quotes';
    my $told = substr $nginx->error_log, $position;
    unlike $told, qr/client: 6\.6\.6\.6, server: , request: "POST/, 'forges no client';
    like $told, qr/endpoint: "x\\x22, client: 6\.6\.6\.6, server: , request: \\x22post \/ http\/1\.1\\x5c", request id: \w+, client: 127\./,
        'but is written as nginx writes it, in lower case as all names with variables';
};

# What no known tenant sends is not judged under another one's name.
subtest 'no name' => sub {
    $backend->clear;
    my $response = telegram('/mapped?tenant=c', 'c', '{"update_id":1}');
    is $response->{status}, 401, 'status';
    is outcome($response), 'no_endpoint', 'a secret, and no name';
    is outcome(telegram('/mapped?tenant=nobody', 'a', '{"update_id":1}')), 'no_endpoint', 'neither';
    is outcome(telegram('/path/a%0Ab?tenant=a', 'a', '{"update_id":1}')), 'no_endpoint', 'a line break';
    is outcome(telegram('/path/a%7Fb?tenant=a', 'a', '{"update_id":1}')), 'no_endpoint', 'a DEL';
    is outcome(telegram('/path/' . 'x' x 256 . '?tenant=a', 'a', '{"update_id":1}')), 'no_endpoint', 'a name of 256 bytes';
    is $backend->count, 0, 'nothing is delivered';
    is outcome(telegram('/path/' . 'x' x 255 . '?tenant=a', 'a', '{"update_id":1}')), 'delivered', 'one of 255 bytes';
    like $nginx->error_log, qr/webhook rejected: no_endpoint, endpoint: "\$tenant"/, 'the log shows what gives no name';
    is outcome(send_request(uri => '/mapped?tenant=nobody', body => '{}')), 'no_endpoint', 'before the signature is looked at';
};

subtest 'another secret after a redirect is another gate' => sub {
    $backend->behave([ { status => 418 }, {} ])->clear;
    my $response = telegram('/first?tenant=a', 'a', '{"update_id":21}');
    is outcome($response), 'bad_signature', 'the other tenant has another secret';
    is $backend->count, 1, 'it was not handed on';
    $backend->behave;
};

finish();
