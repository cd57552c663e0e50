package Webhook::Deliveries;

# Deliveries of events as GitHub sends them, and what became of them: for tests of what a zone remembers.

use v5.36;

use Exporter qw(import);
use Test::More ();
use Webhook::Client qw(open_connection send_request start_request);
use Webhook::Sign qw(github_headers unique_id);
use Webhook::Test ();

our @EXPORT_OK = qw($SECRET are deliver delivery event_delivery new_ids outcome outcome_of outcomes_of start_delivery);

our $SECRET = 'a secret of the tests';

# An event's, as options of send_request. override => {...} changes its headers, headers => [...] adds some.
sub delivery ($id, %options) {
    my $secret = delete $options{secret} // $SECRET;
    my $more   = delete $options{headers} // [];
    my $body   = $options{body} //= ($options{method} // '') =~ /^(?:GET|HEAD)$/ ? '' : '{}';
    my @signed = github_headers($secret, $body, delivery => $id, override => delete $options{override});
    return (uri => '/', %options, headers => [ @signed, @$more ]);
}

# That of a new event, unless its id is given.
sub event_delivery (%options) { return delivery(delete $options{id} // unique_id('event'), %options) }

sub deliver ($id, %options) { return send_request(delivery($id, %options)) }

# It is with the upstream when this returns.
sub start_delivery ($backend, $id, %options) {
    my $before  = $backend->count;
    my $request = start_request(delivery($id, %options));
    Webhook::Test::wait_for(sub { $backend->count > $before }, 5, "$id is with the upstream");
    return $request;
}

# The gate's reason, or else what the upstream's answer is taken for.
sub outcome ($response) {
    return $response->header('Webhook-Reason') // ($response->{status} == 200 ? 'delivered' : $response->{status});
}

sub outcome_of ($id, %options) { return outcome(deliver($id, %options)) }

# Many events over one connection, as long as nginx keeps it. The ids by their outcome.
sub outcomes_of ($ids, %options) {
    my ($connection, %ids);
    for my $id (@$ids) {
        $connection //= open_connection();
        my $response = $connection->request(delivery($id, %options));
        push @{ $ids{ outcome($response) } }, $id;
        undef $connection if $response->{closed} || lc($response->header('Connection') // '') eq 'close';
    }
    $connection->close if $connection;
    return \%ids;
}

sub are ($outcome, $ids, $what) {
    Test::More::is_deeply(outcomes_of($ids), @$ids ? { $outcome => $ids } : {}, $what);
}

sub new_ids ($count) { return map { unique_id('event') } 1 .. $count }

1;
