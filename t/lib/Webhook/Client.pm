package Webhook::Client;

# The ways to send requests: alone, in the background, together, on a kept connection.

use v5.36;

use Exporter qw(import);
use IO::Select;
use Storable qw(nfreeze thaw);
use Time::HiRes qw(time);
use Webhook::Connection;
use Webhook::Curl qw(send_curl send_h2);
use Webhook::Process qw(end_process fork_child);
use Webhook::Response;

our @EXPORT_OK = qw(open_connection send_h2 send_request send_together start_request start_together);

use constant BLOCK => 65_536;

my @pending;

# nginx cannot shut down while a client holds half a request.
sub stop_all () {
    $_->cancel for @pending;
    Webhook::Connection::close_all();
}

sub send_request (%request) {
    return send_curl(%request) if $request{tls};
    return Webhook::Connection->open(%request)->request(%request);
}

# The requests on it are HTTP/1.1 and keep it open.
sub open_connection (%options) {
    return Webhook::KeptConnection->open(%options);
}

# All the requests lack only their last byte when that byte is sent to all of them.
sub send_together (@requests) {
    my @connections = start_together(@requests);
    return map { $connections[$_]->read_response(%{ $requests[$_] }) } 0 .. $#requests;
}

# The connections, of which the answers are to be read.
sub start_together (@requests) {
    my @connections = map { Webhook::Connection->open(%$_) } @requests;
    my @bytes       = map { join '', Webhook::Connection::format_request(%$_) } @requests;
    $connections[$_]->send(substr $bytes[$_], 0, -1) for 0 .. $#requests;
    $connections[$_]->send(substr $bytes[$_], -1) for 0 .. $#requests;
    return @connections;
}

# Any request of send_request, or of send_h2 with h2 => 1, in a process of its own.
sub start_request (%request) {
    my $http2 = delete $request{h2};
    pipe my $reader, my $writer or die "pipe: $!";
    my $process = fork_child(sub {
        close $reader;
        my $response = $http2 ? send_h2(%request) : send_request(%request);
        Webhook::Curl::write_all($writer, nfreeze({%$response}));
    });
    close $writer;
    push @pending, bless {
        process  => $process,
        reader   => $reader,
        deadline => time + ($request{timeout} // 10) + 10,
    }, 'Webhook::PendingRequest';
    return $pending[-1];
}

package Webhook::KeptConnection {
    our @ISA = ('Webhook::Connection');

    sub request ($self, %request) { return $self->SUPER::request(keepalive => 1, %request) }
}

package Webhook::PendingRequest {
    use Time::HiRes qw(time);

    sub finish ($self) {
        my $select = IO::Select->new($self->{reader});
        my $frozen = '';
        while ((my $left = $self->{deadline} - time) > 0) {
            next unless $select->can_read($left);
            last unless sysread $self->{reader}, $frozen, Webhook::Client::BLOCK, length $frozen;
        }
        Webhook::Process::end_process($self->{process}, [ TERM => 1 ], [ KILL => 2 ]);
        return Webhook::Response->new(error => 'the background request died') unless length $frozen;
        return Webhook::Response->new(%{ Storable::thaw($frozen) });
    }

    sub answered ($self) { return scalar(() = IO::Select->new($self->{reader})->can_read(0)) }

    # The client disappears as if it had been killed: the kernel closes its connection.
    sub cancel ($self) { Webhook::Process::end_process($self->{process}, [ KILL => 2 ]) }
}

1;
