# Workers that are killed: no event is lost, and none that its sender saw accepted is delivered again.

use Webhook::Test;

use List::Util qw(sum);
use Storable qw(retrieve store);
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(deliver delivery start_delivery);
use Webhook::Process qw(fork_child process_ended);

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, http => <<'CONF');
webhook_dedup_zone zone=events:4m;
proxy_http_version 1.1;
server {
    listen %%ADDR%%:8080;
    # Here each worker has its share of the connections.
    listen %%ADDR%%:8085 reuseport;
    webhook github;
    webhook_secret "a secret of the tests";
    webhook_dedup zone=events;

    location / { proxy_pass http://%%BACKEND%%; }
    # The answer's head is with the sender long before its end.
    location /slow {
        limit_rate       100;
        limit_rate_after 1k;
        proxy_pass       http://%%BACKEND%%;
    }
    location /wait {
        webhook_dedup zone=events wait=8s;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

allow_log(qr/exited on signal (?:9|6)/, qr/was locked by/);

# The worker that has the only connection to the backend.
sub worker_at_upstream () {
    my ($address, $port) = split /:/, backend_address();
    my $remote = sprintf '%s:%04X', unpack('H8', pack 'L', unpack 'N', pack 'C4', split /\./, $address), $port;
    for my $worker ($nginx->workers) {
        my %inode = map { /^socket:\[(\d+)\]/ ? ($1 => 1) : () } map { readlink // '' } glob "/proc/$worker/fd/*";
        for my $line (split /\n/, slurp("/proc/$worker/net/tcp")) {
            my (undef, undef, $peer, $state, @fields) = split ' ', $line;
            return $worker if lc $peer eq lc $remote && $state eq '01' && $inode{ $fields[5] };
        }
    }
    return;
}

# An event which a worker holds while the backend keeps it waiting.
sub event_held (@behaviour) {
    $backend->clear->behave(@behaviour);
    my $id    = unique_id('event');
    my $first = start_delivery($backend, $id);
    return ($id, $first, wait_for(\&worker_at_upstream, 3, 'a worker holds it'));
}

subtest 'the claim of a worker that was killed is free at once' => sub {
    for my $signal (qw(KILL KILL TERM ABRT)) {
        my ($id, $first, $worker) = event_held([ { hang => 1 }, { status => 202 } ]);
        is deliver($id)->{status}, 503, 'it is in flight';
        kill $signal => $worker;
        my $killed = time;
        is $first->finish->{status}, 0, 'the sender has no answer';
        my $retry = wait_for(sub {
            my $response = deliver($id);
            return $response->{status} == 202 ? $response : undef;
        }, 3, 'retry');
        cmp_ok time - $killed, '<', 3, 'the retry is delivered soon';
        is $retry->{body}, "ok\n", 'to the upstream';
        is deliver($id)->header('Webhook-Reason'), 'duplicate', 'and remembered';
        is $backend->count, 2, 'the upstream saw two attempts';
        wait_for(sub { $nginx->workers == 2 && !grep { $_ == $worker } $nginx->workers }, 5, 'replaced');
    }
};

subtest 'the only other worker takes over' => sub {
    my ($id, $first, $worker) = event_held([ { hang => 1 }, { status => 202 } ]);
    # The dead worker's slot must not be needed: its replacement comes only when the master runs again.
    kill STOP => $nginx->master;
    kill KILL => $worker;
    # The kernel may still give a connection to the worker that is dying.
    my $answer = poll_until(sub {
        my $response = deliver($id, timeout => 0.5);
        return $response->{status} ? $response : undef;
    }, 3);
    kill CONT => $nginx->master;
    is $answer && $answer->{status}, 202, 'delivered by the other';
    $first->finish;
    wait_for(sub { $nginx->workers == 2 && !grep { $_ == $worker } $nginx->workers }, 5, 'replaced');
};

subtest 'a worker that was killed is not mistaken for its replacement' => sub {
    $backend->clear->behave([ ({ hang => 1 }) x 6, { status => 202 } ]);
    my @ids    = map { unique_id('held') } 1 .. 6;
    my @firsts = map { start_request(delivery($_, port => 8085)) } @ids;
    wait_for(sub { $backend->count == 6 }, 3, 'all are with the upstream');
    my %killed = map { $_ => 1 } $nginx->workers;
    kill KILL => keys %killed;
    $_->finish for @firsts;
    wait_for(sub { $nginx->workers == 2 && !grep { $killed{$_} } $nginx->workers }, 5, 'replaced');
    # Other events first: with them the replacements take the places of those that died.
    is deliver(unique_id(), port => 8085)->{status}, 202, 'another event' for 1 .. 8;
    is deliver($_, port => 8085)->{status}, 202, 'the event' for @ids;
    is deliver($_)->header('Webhook-Reason'), 'duplicate', 'is remembered' for @ids;
};

subtest 'a twin that waits takes over' => sub {
    for (1 .. 2) {
        my ($id, $first, $worker) = event_held([ { hang => 1 }, { status => 202 } ]);
        # Connections are shared out by chance, so that some are as good as certain to wait elsewhere.
        my @waiters = map { start_request(delivery($id, uri => '/wait', port => 8085)) } 1 .. 16;
        sleep 0.3;
        kill KILL => $worker;
        my @answers   = map { $_->finish } @waiters, $first;
        my @delivered = grep { $_->{body} eq "ok\n" } @answers;
        my @survivors = grep { $_->{status} } @answers;
        cmp_ok scalar(@survivors), '>', 0, 'some waited at the other worker';
        ok !(grep { $_->{status} != 202 } @survivors), 'all that outlived it have the answer';
        is scalar(@delivered), 1, 'one of them from the upstream';
        is deliver($id)->{status}, 202, 'it is delivered';
        is $backend->count, 2, 'the upstream saw two attempts';
        wait_for(sub { $nginx->workers == 2 && !grep { $_ == $worker } $nginx->workers }, 5, 'replaced');
    }
};

subtest 'what was delivered stays known when its worker dies' => sub {
    $backend->clear->behave(status => 202);
    my @ids = map { unique_id('kept') } 1 .. 20;
    deliver($_) for @ids;
    kill KILL => $nginx->workers;
    wait_for(sub { $nginx->workers == 2 && deliver($ids[0])->{status} }, 5, 'replaced');
    is scalar(grep { (deliver($_)->header('Webhook-Reason') // '') eq 'duplicate' } @ids), 20, 'all are duplicates';
    is $backend->count, 20, 'the upstream saw each once';
};

subtest 'what the sender has seen accepted stays known, though the answer had not ended' => sub {
    $backend->clear->behave(body => 'x' x 10_000);
    my $connection = open_connection();
    $connection->send(join '', Webhook::Connection::format_request(delivery('seen', uri => '/slow'), keepalive => 1));
    like $connection->pending_input(5), qr{^HTTP/1.1 200}, 'the sender sees it accepted';
    my @workers = $nginx->workers;
    kill KILL => @workers;
    my %killed = map { $_ => 1 } @workers;
    wait_for(sub { my @new = $nginx->workers; @new == 2 && !grep { $killed{$_} } @new }, 5, 'replaced');
    $connection->close;
    is deliver('seen', uri => '/slow')->header('Webhook-Reason'), 'duplicate', 'its retry is a duplicate';
    is $backend->count, 1, 'the upstream saw it once';
};

my $SENDERS  = 5;
my $EVENTS   = 20;
my $KILLS    = 14;
my $PATIENCE = 30;

# Sends each event until it is accepted, and once more then; goes on until enough were killed.
sub send_stubbornly ($sender, $enough, $path) {
    my %sent = (accepted => [], given_up => [], failed => 0);
    my $deadline = time + $PATIENCE;
    for (my $number = 1; time < $deadline && !($number > $EVENTS && -e $enough); ++$number) {
        my $id = "load-$sender-$number";
        my $accepted;
        while (!$accepted && time < $deadline) {
            my $response = send_request(delivery($id, uri => '/load', timeout => 2));
            $accepted = $response->{status} =~ /^2/;
            next if $accepted;
            ++$sent{failed};
            sleep 0.01;
        }
        push @{ $sent{ $accepted ? 'accepted' : 'given_up' } }, $id;
        send_request(delivery($id, uri => '/again', timeout => 2)) if $accepted;
    }
    store(\%sent, $path);
}

subtest 'workers killed under load' => sub {
    # The delay makes it likely that a worker dies while it holds claims.
    my ($takes, $fails) = ({ delay => 0.02 }, { delay => 0.02, status => 500 });
    my @rules = (($takes, $takes, $fails) x 500, $takes);
    $backend->clear->behave([@rules]);
    my $enough  = directory() . '/enough';
    my @senders = map {
        my $sender = $_;
        my $path   = directory() . "/sent-$sender";
        { path => $path, process => fork_child(sub { send_stubbornly($sender, $enough, $path) }) };
    } 1 .. $SENDERS;
    my ($kills, $start) = (0, time);
    while ($kills < $KILLS && time < $start + $PATIENCE) {
        sleep 0.25;
        my @workers = $nginx->workers or next;
        kill KILL => $workers[ $kills++ % @workers ];
    }
    write_file($enough, '');
    my @sent = map {
        my $sender = $_;
        wait_for(sub { process_ended($sender->{process}) }, $PATIENCE, 'the sender is done');
        retrieve($sender->{path});
    } @senders;
    wait_for(sub { $nginx->workers == 2 }, 5, 'both workers are back');
    my @accepted = map { @{ $_->{accepted} } } @sent;
    my $failed   = sum(map { $_->{failed} } @sent);
    note scalar(@accepted), " events, $kills workers killed, $failed attempts failed";
    is $kills, $KILLS, 'workers were killed';
    cmp_ok $failed, '>=', 5, 'deliveries were cut off';
    cmp_ok scalar(@accepted), '>=', $SENDERS * $EVENTS, 'events were sent';
    is_deeply [ map { @{ $_->{given_up} } } @sent ], [], 'all were accepted in the end';

    my (%delivered, @again);
    for my $request ($backend->requests) {
        my $id = $request->{headers}{'x-github-delivery'};
        $delivered{$id} = 1 if (shift @rules // $takes) == $takes;
        push @again, $id if $request->{uri} eq '/again';
    }
    is_deeply [ grep { !$delivered{$_} } @accepted ], [], 'the upstream took every one';
    is_deeply \@again, [], 'and none again that its sender had seen accepted';

    $backend->clear->behave(status => 201);
    is deliver($_)->header('Webhook-Reason'), 'duplicate', 'the zone remembers' for @accepted[ 0, -1 ];
    is deliver(unique_id())->{status}, 201, 'and takes what is new';
};

finish();
