# A post_action is no part of the delivery: what came before it counts, and nothing that comes then.

use Webhook::Test;

use Webhook::Deliveries qw(deliver delivery);

my $backend = start_backend();
my $second  = start_backend(port => 9001);
start_nginx(http => <<'CONF');
webhook_dedup_zone zone=events:1m;
webhook_secret     "a secret of the tests";
limit_req_zone     $server_port zone=slow:1m rate=30r/m;

server {
    listen %%ADDR%%:8080;
    webhook       github;
    webhook_dedup zone=events;

    location /uri   { post_action /after; proxy_pass http://%%BACKEND%%; }
    location /named { post_action @after; proxy_pass http://%%BACKEND%%; }
    location /gated { post_action /gate;  proxy_pass http://%%BACKEND%%; }
    # Other methods make another gate of it.
    location /other       { webhook_methods POST PUT; post_action /gate;  proxy_pass http://%%BACKEND%%; }
    location /other_named { webhook_methods POST PUT; post_action @gate;  proxy_pass http://%%BACKEND%%; }
    location /after { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location @after { webhook off; proxy_pass http://%%ADDR%%:9001; }
    location /gate  { proxy_pass http://%%ADDR%%:9001; }
    location @gate  { proxy_pass http://%%ADDR%%:9001; }

    location /accel { proxy_pass http://%%BACKEND%%; }
    location /slow  {
        internal;
        webhook off;
        limit_req zone=slow burst=5;
        post_action /after;
        proxy_pass http://%%ADDR%%:9001;
    }
}
CONF

# Of one event: the action of an earlier one may come late.
sub seen ($upstream, $id) { return scalar grep { ($_->{headers}{'x-github-delivery'} // '') eq $id } $upstream->requests }

sub reason ($response) { return $response->header('Webhook-Reason') // '' }

for my $uri (qw(/uri /named /gated /other /other_named)) {
    subtest "$uri: the client leaves before the answer" => sub {
        my $id = unique_id();
        $backend->clear->behave(hold => 1);
        $second->clear->behave(hold => 1);
        my $left = start_request(delivery($id, uri => $uri));
        wait_for(sub { seen($backend, $id) == 1 }, 3, 'the upstream has it');
        $left->cancel;
        wait_for(sub { seen($second, $id) == 1 }, 3, 'post_action is running');
        $backend->behave;
        is reason(deliver($id, uri => $uri)), '', 'its event is free at once';
        $second->let_go->behave;
        is reason(deliver($id, uri => $uri)), 'duplicate', 'and delivered once';
    };

    subtest "$uri: that an action succeeds delivers nothing" => sub {
        my $id = unique_id();
        $backend->clear->behave(status => 500);
        $second->clear->behave;
        is deliver($id, uri => $uri)->{status}, 500, 'a failure';
        wait_for(sub { seen($second, $id) == 1 }, 3, 'post_action is over');
        $backend->behave;
        is reason(deliver($id, uri => $uri)), '', 'is none less';
        wait_for(sub { seen($second, $id) == 2 }, 3, 'and the action of what succeeds runs, too');
        is reason(deliver($id, uri => $uri)), 'duplicate', 'which is remembered';
    };
}

subtest 'what was accepted before stays so' => sub {
    $backend->clear->behave(headers => [ 'X-Accel-Redirect' => '/slow' ]);
    $second->clear->behave;
    my $id = unique_id();
    is deliver(unique_id(), uri => '/accel')->{status}, 200, 'the next has to wait';
    my $left = start_request(delivery($id, uri => '/accel'));
    wait_for(sub { $backend->count == 2 }, 3, 'the upstream has it');
    $left->cancel;
    $backend->behave;
    my $retry = wait_for(sub {
        my $response = deliver($id, uri => '/accel');
        return reason($response) eq 'in_flight' ? undef : $response;
    }, 5, 'post_action is over');
    is reason($retry), 'duplicate', 'a retry';
};

finish();
