# Wherever a $webhook_ variable is read on the way, it does not hide from the gate that nginx redirected.

use Webhook::Test;

use Time::HiRes qw(sleep);
use Webhook::Deliveries qw(deliver delivery start_delivery);

my $backend = start_backend();
my $second  = start_backend(port => 9001);
my $action  = start_backend(port => 9002);
write_file('html/page.html', "a page\n");
chmod 0755, directory(), directory() . '/html';

# How the location that a request is led to may read one before the gate.
my %READS = (
    nothing      => '',
    set          => 'set $read $webhook_reason;',
    limit_req    => 'limit_req zone=by_endpoint burst=100;',
    auth_request => 'auth_request /ask;',
);

my $nginx = start_nginx(http => <<"CONF");
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
limit_req_zone     \$webhook_endpoint zone=by_endpoint:1m rate=1000r/s;

server {
    listen %%ADDR%%:8080;
    root %%DIR%%/html;
    proxy_intercept_errors on;

    location = /ask {
        internal;
        proxy_pass_request_body off;
        proxy_set_header        Content-Length "";
        proxy_set_header        X-Endpoint \$webhook_endpoint;
        proxy_pass              http://%%ADDR%%:9001/asked;
    }
@{[ join '', map { <<"END" } sort keys %READS ]}
    # An error's page, of an upstream that is not the delivery's.
    location = /failed/$_ { webhook github; webhook_dedup zone=events; error_page 500 /page/$_; proxy_pass http://%%BACKEND%%; }
    location = /page/$_   { webhook off; $READS{$_} proxy_pass http://%%ADDR%%:9001; }

    # nginx gives up on the body.
    location = /broken/$_ { webhook github; error_page 400 413 /pages/$_/page.html; client_max_body_size 1k; proxy_pass http://%%BACKEND%%; }
    location /pages/$_/   { webhook github; $READS{$_} alias %%DIR%%/html/; }
    location = /broken_to_upstream/$_ { webhook github; error_page 400 413 /upstream/$_; client_max_body_size 1k; proxy_pass http://%%BACKEND%%; }
    location = /upstream/$_ { $READS{$_} proxy_pass http://%%ADDR%%:9001; }

    # What comes after the answer.
    location = /waiting/$_ { webhook github; webhook_dedup zone=events wait=5s; post_action /action/$_; proxy_pass http://%%BACKEND%%; }
    location = /action/$_ { internal; webhook off; $READS{$_} proxy_pass http://%%ADDR%%:9002; }
END
}

# One gate for two tenants.
server {
    listen %%ADDR%%:8081;
    webhook        github name=\$tenant;
    webhook_secret \$secret;
    webhook_dedup  zone=events;
    set \$tenant "";
    set \$secret "";
    proxy_intercept_errors on;
    recursive_error_pages  on;

@{[ join '', map { <<"END" } grep { $_ ne 'auth_request' } sort keys %READS ]}
    location = /one/$_ { set \$tenant one; set \$secret "a secret of the tests"; error_page 500 = \@$_; proxy_pass http://%%BACKEND%%; }
    location \@$_ { set \$tenant two; set \$secret "another secret of the tests"; $READS{$_} proxy_pass http://%%ADDR%%:9001; }
END
}
CONF

sub reason ($response) { return $response->header('Webhook-Reason') // '' }

# The last bytes come when nginx is waiting for them.
sub broken ($uri, @last) {
    my $connection = open_connection(timeout => 4);
    my ($head) = Webhook::Connection::format_request(delivery(unique_id(), uri => $uri, chunked => ['{}'], body => undef));
    $connection->send("${head}3\r\nabc\r\n");
    for my $bytes (@last) {
        sleep 0.1;
        $connection->send($bytes);
    }
    my $response = eval { $connection->read_response } // return 'no answer';
    return join ' ', $response->{status}, reason($response);
}

for my $reads (sort keys %READS) {
    subtest "the new location reads: $reads" => sub {
        SKIP: {
            skip 'the subrequest is asked for no tenant', 1 if $reads eq 'auth_request';
            $backend->clear->behave(status => 500);
            $second->clear->behave;
            my $response = deliver(unique_id(), uri => "/one/$reads", port => 8081);
            is reason($response), 'bad_signature', "what one tenant's secret signs is judged by another's";
            is $second->count, 0, 'whose upstream does not get it';
        }

        my $id = unique_id();
        $backend->clear->behave(status => 500);
        $second->clear->behave;
        is deliver($id, uri => "/failed/$reads")->{status}, 500, 'the upstream failed, its page was found';
        $backend->clear->behave;
        is reason(deliver($id, uri => "/failed/$reads")), '', 'the retry is new';
        is $backend->count, 1, 'and delivered';

        for my $way (qw(broken broken_to_upstream)) {
            is broken("/$way/$reads", "ZZ\r\n"), '400 incomplete_body', "$way: no chunk";
            is broken("/$way/$reads", "fff\r\n" . 'x' x 4095), '400 incomplete_body', "$way: too long";
        }
    };

    # nginx ends a subrequest whose client has left.
    next if $reads eq 'auth_request';
    subtest "post_action reads: $reads" => sub { nobody_is_woken("/waiting/$reads") };
}

# The action of a delivery that waited runs once, and is not begun again when the delivery's time has come.
sub nobody_is_woken ($uri) {
    my $id = unique_id();
    $backend->clear->behave(hold => 1);
    $action->clear->behave(hold => 1);
    my $first = start_delivery($backend, $id, uri => $uri);
    my $twin  = start_request(delivery($id, uri => $uri));
    sleep 0.3;
    $twin->cancel;
    wait_for(sub { $action->count == 1 }, 3, 'the action of the one that left');
    $backend->let_go;
    is $first->finish->{status}, 200, 'the first is delivered';
    wait_for(sub { $action->count >= 2 }, 3, 'its action');
    sleep 0.5;
    $action->let_go;
    is $action->count, 2, 'once for each';
}

subtest 'nothing is left at the end' => sub {
    ok $nginx->reload, 'nginx reloads';
    is reason(deliver(unique_id(), uri => '/failed/set')), '', 'and goes on';
};

finish();
