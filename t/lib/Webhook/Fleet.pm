package Webhook::Fleet;

# Several nodes, each an nginx of its own, which have one memory of events in Redis.
#
# In the text of a configuration, %%NODE%% and %%PORT%% stand for the node and its port. The upstream sees the node
# in the header X-Node.

use v5.36;

use Exporter qw(import);
use Time::HiRes qw(time);
use Webhook::Client qw(send_request start_together);
use Webhook::Deliveries qw(deliver delivery outcome start_delivery);
use Webhook::Nginx qw(start_nginx);
use Webhook::Process qw(poll_until);

our @EXPORT_OK = qw(
    answer_of deliver_at delivery_at fleet_conf key_of outcome_at port_of remembered remembers seconds_of start_at
    start_fleet start_node told_later
);

use constant FIRST_PORT => 8101;

my @NODES = qw(a b c d);
my %NUMBER = map { $NODES[$_] => $_ } 0 .. $#NODES;

sub port_of ($node) { return FIRST_PORT + $NUMBER{$node} }

# redis: the URL; redis_options, zone: text of these directives; locations, http: text
sub fleet_conf (%options) {
    my $redis     = $options{redis}         // 'redis://%%ADDR%%:6379/0';
    my $more      = $options{redis_options} // 'timeout=1s';
    my $zone      = $options{zone}          // '';
    my $http      = $options{http}          // '';
    my $server    = $options{server}        // '';
    my $locations = $options{locations}     // '';
    return <<"CONF";
webhook_redis fleet $redis $more;
webhook_dedup_zone zone=events:1m ttl=1h redis=fleet $zone;
proxy_set_header X-Node %%NODE%%;
$http
server {
    listen %%ADDR%%:%%PORT%%;
    webhook github;
    webhook_secret "a secret of the tests";
    webhook_dedup zone=events;
    $server
    location / { proxy_pass http://%%BACKEND%%; }
    location /wait { webhook_dedup zone=events wait=5s; proxy_pass http://%%BACKEND%%; }
    location = /ungated { webhook off; return 204; }
    $locations
}
CONF
}

# nodes: their names; workers; what fleet_conf takes. Returns the nginx of each.
sub start_fleet (%options) {
    my @nodes = @{ delete $options{nodes} // [qw(a b)] };
    return map { start_node($_, %options) } @nodes;
}

sub start_node ($node, %options) {
    my ($workers, $main) = delete @options{qw(workers main)};
    my $port = port_of($node);
    return start_nginx(
        node => $node, workers => $workers // 1, main => $main // '', http => fleet_conf(%options) =~ s/%%PORT%%/$port/gr,
    );
}

# -- deliveries

sub deliver_at ($node, $id, %options) { return deliver($id, port => port_of($node), %options) }
sub outcome_at ($node, $id, %options) { return outcome(deliver_at($node, $id, %options)) }
sub delivery_at ($node, $id, %options) { return delivery($id, port => port_of($node), %options) }
# It is with the upstream when this returns.
sub start_at ($node, $backend, $id, %options) { return start_delivery($backend, $id, port => port_of($node), %options) }

# Whether a node comes to give this outcome for the event, which asking does not change.
sub told_later ($node, $id, $outcome, $seconds = 5) {
    return poll_until(sub { outcome_at($node, $id) eq $outcome }, $seconds);
}

# What Redis has of all events: C of one in flight, D and the status of one delivered.
sub remembered (@servers) {
    my @values = map { my $redis = $_; map { $redis->command(GET => $_) // () } $redis->keys('wh:*') } @servers;
    return join ' ', sort map { /^C/ ? 'C' : substr $_, 0, 4 } @values;
}

# The name of an event's key: a node tries to deliver it in vain, and so claims it for a while.
sub key_of ($redis, $backend, $node, $id, %options) {
    my %others = map { $_ => 1 } $redis->keys('wh:*');
    $backend->behave(hold => 1, status => 500);
    my $attempt = start_at($node, $backend, $id, %options);
    # Meanwhile, Redis may be told what was delivered before.
    my ($key) = grep { !$others{$_} && $redis->command(GET => $_) =~ /^C/ } $redis->keys('wh:*');
    $backend->let_go;
    $attempt->finish;
    poll_until(sub { !$redis->command(EXISTS => $key) }, 5) or die "the claim is not released\n";
    $backend->clear->behave;
    return $key;
}

# Whether Redis comes to have the event as delivered. A node that were asked would deliver it.
sub remembers ($redis, $key, $seconds) {
    return poll_until(sub { ($redis->command(GET => $key) // '') =~ /^D/ }, $seconds);
}

# "200 answered", "503 in_flight", ...
sub answer_of ($response) { return "$response->{status} " . ($response->header('Webhook-Reason') // 'answered') }

sub seconds_of ($code) {
    my $start = time;
    $code->();
    return time - $start;
}

1;
