# A reload keeps the memory of events: none is lost, and none is delivered again.

use Webhook::Test;

use Storable qw(retrieve store);
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(deliver delivery outcome_of start_delivery);
use Webhook::Process qw(fork_child process_ended);


my $CONF = <<'CONF';
webhook_dedup_zone zone=events:1m;
server {
    listen %%ADDR%%:8080;
    webhook github;
    webhook_secret "a secret of the tests";
    webhook_dedup zone=events;
    location / { proxy_pass http://%%BACKEND%%; }
}
CONF

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, http => $CONF);

# Each pair is what to find and what to put in its place.
sub reload_with (@changes) {
    my $text = $CONF;
    while (my ($old, $new) = splice @changes, 0, 2) {
        $text =~ s/\Q$old\E/$new/ or die "no $old";
    }
    $nginx->rewrite_config(http => $text);
    return $nginx->reload;
}

# What the log says of the memory, with the level.
sub remarks_since ($position) {
    my @lines = grep { /dedup zone|state file/ } split /\n/, substr $nginx->error_log, $position;
    return map { /\[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)/ ? "$1: $2" : $_ } @lines;
}

sub carried ($count) {
    my $events = $count == 1 ? '1 event' : "$count events";
    return "notice: the dedup zone \"events\" has new memory: $events carried over";
}

subtest 'the memory stays' => sub {
    my @ids = map { unique_id('kept') } 1 .. 10;
    is outcome_of($_), 'delivered', 'first' for @ids;
    my $position = length $nginx->error_log;
    for my $round (1 .. 3) {
        ok $nginx->reload, "reload $round";
        is_deeply [ grep { outcome_of($_) ne 'duplicate' } @ids ], [], 'all are known';
        is outcome_of(unique_id()), 'delivered', 'what is new is taken';
    }
    is_deeply [ remarks_since($position) ], [], 'there is nothing to say of it';
};

subtest 'an event in flight belongs to the old worker' => sub {
    $backend->clear->behave(hold => 1, status => 202);
    my $id    = unique_id();
    my $first = start_delivery($backend, $id);
    ok $nginx->reload, 'reload';
    is outcome_of($id), 'in_flight', 'the new workers know that it is in flight';
    $backend->let_go;
    is $first->finish->{status}, 202, 'the old worker delivers it';
    is outcome_of($id), 'duplicate', 'which the new ones know';
    is $backend->count, 1, 'the upstream saw one';

    $backend->clear->behave([ { hold => 1, status => 500 }, {} ]);
    $id    = unique_id();
    $first = start_delivery($backend, $id);
    ok $nginx->reload, 'reload';
    is outcome_of($id), 'in_flight', 'in flight';
    $backend->let_go;
    is $first->finish->{status}, 500, 'the old worker fails';
    is outcome_of($id), 'delivered', 'and the event is free';

    $backend->clear->behave([ { hang => 1 }, {} ]);
    $id    = unique_id();
    $first = start_delivery($backend, $id);
    ok $nginx->reload, 'reload';
    $first->cancel;
    ok wait_for(sub { outcome_of($id) eq 'delivered' }, 3, 'free'), 'the client of the old worker leaves';
    $backend->behave;
};

subtest 'twins on both sides of a reload' => sub {
    ok reload_with('zone=events;' => 'zone=events wait=5s;'), 'reload';
    $backend->clear->behave([ { hold => 1, status => 500 }, { delay => 0.2, status => 202 } ]);
    my $id  = unique_id();
    my @old = map { my $one = start_request(delivery($id)); sleep 0.1; $one } 1 .. 2;
    ok $nginx->reload, 'reload';
    my @new = map { start_request(delivery($id)) } 1 .. 2;
    sleep 0.2;
    $backend->let_go;
    my @answers = map { $_->finish } @old, @new;
    is_deeply [ sort map { $_->{status} } @answers ], [ 202, 202, 202, 500 ], 'one failed, one was delivered';
    is scalar(grep { ($_->header('Webhook-Reason') // '') eq 'duplicate' } @answers), 2, 'the others were duplicates';
    is $backend->count, 2, 'the upstream saw two attempts';
    $backend->behave;
};

subtest 'the ttl changes' => sub {
    my ($old, $new) = (unique_id(), unique_id());
    ok reload_with(), 'reload';
    is outcome_of($old), 'delivered', 'with the long ttl';
    ok reload_with('zone=events:1m' => 'zone=events:1m ttl=1s'), 'the zone\'s';
    is outcome_of($old), 'duplicate', 'an event keeps the ttl that it was remembered with';
    is outcome_of($new), 'delivered', 'with the short ttl';
    ok wait_for(sub { outcome_of($new) eq 'delivered' }, 4, 'forgotten'), 'is forgotten';
    is outcome_of($old), 'duplicate', 'the other is not';
    $new = unique_id();
    ok reload_with('zone=events:1m' => 'zone=events:1m ttl=1s', 'zone=events;' => 'zone=events ttl=1h;'),
        'the location\'s';
    is outcome_of($new), 'delivered', 'first';
    sleep 1.1;
    is outcome_of($new), 'duplicate', 'is remembered again';
};

subtest 'dedup is turned off and on' => sub {
    ok reload_with(), 'on';
    my $id = unique_id();
    is outcome_of($id), 'delivered', 'first';
    ok reload_with('webhook_dedup zone=events' => 'webhook_dedup off'), 'off';
    is outcome_of($id), 'delivered', 'again' for 1 .. 2;
    ok reload_with(), 'on again';
    is outcome_of($id), 'duplicate', 'it is remembered';
    my $body = sprintf '{"body":"%s"}', unique_id();
    ok reload_with('zone=events;' => 'zone=events key=$webhook_event_id key=$webhook_body_sha256;'), 'one key more';
    is outcome_of($id), 'duplicate', 'the first key is known';
    is outcome_of(unique_id(), body => $body), 'delivered', 'a body';
    is outcome_of(unique_id(), body => $body), 'duplicate', 'under another id';
};

# The memory is another one after each of these reloads. Each row is what to find and what to put in its place.
my $STATE = directory() . '/events.state';
my @MEMORIES = (
    [ 'larger'                      => 'events:1m' => 'events:2m' ],
    [ 'smaller'                     => 'events:1m' => 'events:512k' ],
    [ 'in a file'                   => 'events:1m' => "events:1m state=$STATE" ],
    [ 'in a larger file'            => 'events:1m' => "events:2m state=$STATE" ],
    [ 'in a smaller file'           => 'events:1m' => "events:512k state=$STATE" ],
    [ 'in another file'             => 'events:1m' => "events:512k state=$STATE.other" ],
    [ 'in another, larger file'     => 'events:1m' => "events:1m state=$STATE.third" ],
    [ 'in no file'                  => 'events:1m' => 'events:1m' ],
    [ 'in a file left from before'  => 'events:1m' => "events:512k state=$STATE" ],
    [ 'larger, and in no file'      => 'events:1m' => 'events:2m' ],
    [ 'as at first'                 => 'events:1m' => 'events:1m' ],
);

subtest 'the memory becomes another' => sub {
    ok reload_with(), 'reload';
    $backend->clear->behave;
    my @ids;
    for my $memory (@MEMORIES) {
        my ($name, @change) = @$memory;
        subtest $name => sub {
            my @new = map { unique_id() } 1 .. 3;
            is outcome_of($_), 'delivered', 'an event' for @new;
            push @ids, @new;
            my $position = length $nginx->error_log;
            ok reload_with(@change), 'reload';
            my @remarks = remarks_since($position);
            is scalar(@remarks), 1, 'one line' or diag join "\n", @remarks;
            like $remarks[0] // '', qr/^notice: the dedup zone "events" has new memory: \d+ events? carried over$/,
                'tells of it';
            is_deeply [ grep { outcome_of($_) ne 'duplicate' } @ids ], [], 'all are known';
            is outcome_of(unique_id()), 'delivered', 'what is new is taken';
            $position = length $nginx->error_log;
            ok $nginx->reload, 'a reload without a change';
            is_deeply [ remarks_since($position) ], [], 'is not worth a line';
            is outcome_of($ids[-1]), 'duplicate', 'nor does it forget';
        };
    }
    is_deeply [ grep { /\.state\.\w{6}$/ } glob "$STATE*" ], [], 'no draft is left behind';
    unlink glob "$STATE*";
};

subtest 'the number of events that are carried over' => sub {
    $nginx->stop;
    $nginx->start;
    my $id = unique_id();
    is outcome_of($id), 'delivered', 'one';
    my $position = length $nginx->error_log;
    ok reload_with('events:1m' => 'events:2m'), 'another size';
    is_deeply [ remarks_since($position) ], [ carried(1) ], 'is told';
    is outcome_of(unique_id()), 'delivered', 'another';
    $position = length $nginx->error_log;
    ok reload_with(), 'another size';
    is_deeply [ remarks_since($position) ], [ carried(2) ], 'both are';
    $position = length $nginx->error_log;
    ok reload_with('server {' => 'webhook_dedup_zone zone=more:1m; server {'), 'another zone';
    is_deeply [ remarks_since($position) ], [], 'nothing is';
    is outcome_of($id), 'duplicate', 'the first remembers';
};

subtest 'an event keeps its status and its ttl when it is carried over' => sub {
    ok reload_with('zone=events;' => 'zone=events ttl=5s;'), 'reload';
    $backend->behave(status => 207);
    my ($short, $long) = (unique_id(), unique_id());
    my $start = time;
    is deliver($short)->{status}, 207, 'with a short ttl';
    ok reload_with(), 'reload';
    is deliver($long)->{status}, 207, 'with a long one';
    $backend->behave;
    ok reload_with('events:1m' => 'events:2m'), 'another size';
    is deliver($_)->{status}, 207, 'the status of the first delivery' for $short, $long;
    is outcome_of($short), 'duplicate', 'as a duplicate';
    ok wait_for(sub { outcome_of($short) eq 'delivered' }, 12, 'forgotten'), 'the short ttl ends';
    cmp_ok time - $start, '>=', 4.9, 'not before its time';
    is outcome_of($long), 'duplicate', 'the long one does not';
};

# An event that the worker in force has in flight.
sub event_in_flight (%behaviour) {
    my $id = unique_id();
    $backend->clear->behave([ \%behaviour, {} ]);
    my $first = start_delivery($backend, $id);
    return ($id, $first);
}

subtest 'an event in flight while the memory becomes another' => sub {
    for my $memory (@MEMORIES[ 0, 1, 2, 4, 7 ]) {
        my ($name, @change) = @$memory;
        my ($taken, $first)   = event_in_flight(hold => 1, status => 202);
        my ($failed, $second) = event_in_flight(hold => 1, status => 500);
        ok reload_with(@change), $name;
        is outcome_of($_), 'in_flight', "$name: the new workers know that it is in flight" for $taken, $failed;
        $backend->let_go;
        is $first->finish->{status}, 202, "$name: the old worker delivers it";
        is outcome_of($taken), 'duplicate', "$name: which the new ones know";
        is $second->finish->{status}, 500, "$name: the old worker fails";
        is outcome_of($failed), 'delivered', "$name: which leaves the event to the new ones";
    }
    allow_log(qr/exited on signal 9/);
    my ($id, $first) = event_in_flight(hang => 1);
    my @old = $nginx->workers;
    ok reload_with('events:1m' => 'events:2m'), 'reload';
    is outcome_of($id), 'in_flight', 'in flight at an old worker';
    kill KILL => @old;
    $first->finish;
    is outcome_of($id), 'delivered', 'that is killed: it is free at once';
    $backend->behave;
    unlink glob "$STATE*";
};

subtest 'twins on both sides of another memory' => sub {
    my @wait = ('zone=events;' => 'zone=events wait=5s;');
    ok reload_with(@wait), 'reload';
    for my $status (500, 201) {
        $backend->clear->behave([ { hold => 1, status => $status }, { delay => 0.2, status => 202 } ]);
        my $id  = unique_id();
        my $position = length $nginx->error_log;
        my @old = map { my $one = start_request(delivery($id)); sleep 0.1; $one } 1 .. 3;
        ok reload_with('events:1m' => $status == 500 ? 'events:2m' : 'events:512k', @wait), 'reload';
        my @new = map { start_request(delivery($id)) } 1 .. 4;
        sleep 0.2;
        $backend->let_go;
        my @answers = map { $_->finish } @old, @new;
        # Twins that wait at an old worker when their zone is closed cannot take over.
        my @refused = grep { ($_->header('Webhook-Reason') // '') eq 'unavailable' } @answers;
        my @rest    = grep { ($_->header('Webhook-Reason') // '') ne 'unavailable' } @answers;
        is_deeply [ grep { $_->{status} != 503 } @refused ], [], 'who cannot know is told to come again';
        cmp_ok scalar(@refused), '<=', $status == 500 ? 2 : 0, 'only where the first failed';
        my @why = grep { /^notice: .* "events" was replaced: this worker refuses/ } remarks_since($position);
        is !!@why, !!@refused, 'and the log tells why';
        is scalar(grep { $_->{body} eq "ok\n" && $_->{status} =~ /^2/ } @rest), 1, 'it is delivered once';
        is $backend->count, $status == 500 ? 2 : 1, 'the upstream saw as many attempts as there had to be';
        is outcome_of($id), 'duplicate', 'it is known';
    }
    $backend->behave;
};

subtest 'another memory again, while the oldest worker delivers still' => sub {
    ok reload_with(), 'reload';
    my ($oldest, $first) = event_in_flight(hold => 1, status => 202);
    my ($free, $second)  = event_in_flight(hold => 1, status => 500);
    ok reload_with('events:1m' => 'events:2m'), 'larger';
    my ($between, $third) = event_in_flight(hold => 1, status => 203);
    my $delivered = unique_id();
    is outcome_of($delivered), 'delivered', 'an event between';
    ok reload_with('events:1m' => "events:512k state=$STATE"), 'and smaller, in a file';
    is outcome_of($_), 'in_flight', 'in flight' for $oldest, $free, $between;
    is outcome_of($delivered), 'duplicate', 'that between is known';
    ok reload_with('events:1m' => "events:1m state=$STATE"), 'and larger';
    is outcome_of($_), 'in_flight', 'in flight' for $oldest, $free, $between;
    $backend->let_go;
    is $first->finish->{status}, 202, 'the oldest worker delivers it';
    is $second->finish->{status}, 500, 'and fails with another';
    is $third->finish->{status}, 203, 'one less old delivers one';
    is deliver($oldest)->{status}, 202, 'the first has the status of its delivery';
    is outcome_of($_), 'duplicate', 'is known' for $oldest, $between, $delivered;
    is outcome_of($free), 'delivered', 'what failed is free';
    $nginx->stop;
    $nginx->start;
    is outcome_of($_), 'duplicate', 'known after a restart' for $oldest, $between, $delivered, $free;
    $nginx->stop;
    unlink glob "$STATE*";
    $nginx->start;
    $backend->behave;
};

subtest 'a broken configuration' => sub {
    allow_log(qr/unknown directive "nonsense"/, qr/unknown zone "missing"/, qr/is too small/, qr/missing\.key/);
    ok reload_with(), 'reload';
    my $id = unique_id();
    is outcome_of($id), 'delivered', 'first';
    my %broken = (
        'syntax'                => [ 'server {' => 'nonsense; server {' ],
        'an unknown zone'       => [ 'zone=events;' => 'zone=missing;' ],
        'a zone that is small'  => [ 'events:1m' => 'events:4k' ],
        'a secret that is away' => [ '"a secret of the tests"' => 'file:%%DIR%%/missing.key' ],
    );
    for my $name (sort keys %broken) {
        ok !reload_with(@{ $broken{$name} }), "$name: refused";
        is outcome_of($id), 'duplicate', "$name: the old configuration remembers";
        is outcome_of(unique_id()), 'delivered', "$name: and serves";
    }
    ok reload_with(), 'mended';
    is outcome_of($id), 'duplicate', 'it is still remembered';
};

# nginx takes what has the same name for the same module, whatever is in the file.
subtest 'another build of the module' => sub {
    plan skip_all => 'the module is inside nginx' if ($ENV{WEBHOOK_MODULE} // '') eq 'none';
    my $built = $ENV{WEBHOOK_MODULE} // 'build/ngx_http_webhook_module.so';
    my @ids;
    for my $round (1 .. 3) {
        push @ids, unique_id();
        is outcome_of($ids[-1]), 'delivered', 'an event';
        my ($flying, $first) = event_in_flight(hold => 1, status => 202);
        local $ENV{WEBHOOK_MODULE} = write_file("module-$round.so", slurp($built));
        ok reload_with('events:1m' => $round == 3 ? 'events:2m' : 'events:1m'), "reload $round";
        my ($worker) = $nginx->workers;
        like slurp("/proc/$worker/maps"), qr/module-$round\.so$/m, 'with another module';
        is_deeply [ grep { outcome_of($_) ne 'duplicate' } @ids ], [], 'all events are known';
        is outcome_of($flying), 'in_flight', 'what is in flight is';
        $backend->let_go;
        is $first->finish->{status}, 202, 'and delivered';
        is outcome_of($flying), 'duplicate', 'and known';
    }
    ok reload_with(), 'the first one again';
    is_deeply [ grep { outcome_of($_) ne 'duplicate' } @ids ], [], 'all events are known';
    $backend->behave;
};

subtest 'the secret changes' => sub {
    write_file('hook.key', "the first secret\n");
    my @from_file = ('"a secret of the tests"' => 'file:%%DIR%%/hook.key');
    ok reload_with(@from_file), 'reload';
    my $id = unique_id();
    is outcome_of($id, secret => 'the first secret'), 'delivered', 'the first secret';
    write_file('hook.key', "the second secret\n");
    is outcome_of($id, secret => 'the first secret'), 'duplicate', 'stays until the reload';
    ok $nginx->reload, 'reload';
    is outcome_of($id, secret => 'the first secret'), 'bad_signature', 'is of no use then';
    is outcome_of($id, secret => 'the second secret'), 'duplicate', 'the second: the event is known';
    is outcome_of(unique_id(), secret => 'the second secret'), 'delivered', 'another event';
};

# Sends each event until it is accepted, and once more then, as long as there is no file that says stop.
sub send_stubbornly ($sender, $stop, $path) {
    my %sent = (accepted => [], given_up => []);
    for (my $number = 1; !-e $stop; ++$number) {
        my $id = "load-$sender-$number";
        my $accepted;
        for my $attempt (1 .. 1000) {
            $accepted = deliver($id, timeout => 60)->{status} =~ /^2/ and last;
            sleep 0.01;
        }
        push @{ $sent{ $accepted ? 'accepted' : 'given_up' } }, $id;
        deliver($id, uri => '/again', timeout => 60);
    }
    store(\%sent, $path);
}

subtest 'under load, the memory another one each time' => sub {
    ok reload_with(), 'reload';
    $backend->clear->behave(delay => 0.02);
    my $stop    = directory() . '/stop';
    my @senders = map {
        my $sender = $_;
        my $path   = directory() . "/sent-$sender";
        { path => $path, process => fork_child(sub { send_stubbornly($sender, $stop, $path) }) };
    } 1 .. 4;
    for my $memory (@MEMORIES) {
        my ($name, @change) = @$memory;
        my $before = $backend->count;
        reload_with(@change);
        # Every other reload changes nothing.
        wait_for(sub { $backend->count >= $before + 8 }, 20, "$name: events are sent");
        $nginx->reload;
    }
    write_file($stop, '');
    my @sent = map {
        my $sender = $_;
        wait_for(sub { process_ended($sender->{process}) }, 60, 'the sender is done');
        retrieve($sender->{path});
    } @senders;
    my @accepted = map { @{ $_->{accepted} } } @sent;
    note scalar(@accepted), ' events';
    cmp_ok scalar(@accepted), '>=', 80, 'events were sent';
    is_deeply [ map { @{ $_->{given_up} } } @sent ], [], 'all were accepted in the end';

    my %delivered;
    my @again;
    for my $request ($backend->requests) {
        my $id = $request->{headers}{'x-github-delivery'};
        ++$delivered{$id};
        push @again, $id if $request->{uri} eq '/again';
    }
    is_deeply [ grep { !$delivered{$_} } @accepted ], [], 'the upstream saw every one';
    is_deeply \@again, [], 'and none again that its sender had seen accepted';
    # Nothing dies and nobody leaves here, so that there is no reason for a second attempt at all.
    is_deeply [ grep { $delivered{$_} != 1 } sort keys %delivered ], [], 'and none twice';
};

# A worker that is to end leaves as soon as nothing of its own is due: a body that is hashed in turns
# has to be.
subtest 'a long body that ends after the reload began' => sub {
    $nginx->rewrite_config(http => $CONF =~ s/location/client_max_body_size 8m; location/r);
    ok $nginx->reload, 'the limit is raised';
    for my $size (900_000, 3_000_000) {
        $backend->clear;
        my $body = 'x' x $size;
        my %request = delivery("long-$size", body => $body);
        my @head = ('POST / HTTP/1.1', 'Host: localhost', "Content-Length: $size");
        while (my ($name, $value) = splice @{ $request{headers} }, 0, 2) { push @head, "$name: $value" }
        my $connection = open_connection();
        $connection->send(join("\r\n", @head) . "\r\n\r\n" . substr $body, 0, 1000);
        sleep 0.2;
        $nginx->reload;
        sleep 0.2;
        $connection->send(substr $body, 1000);
        is $connection->read_response->{status}, 200, "$size bytes: answered";
        is $backend->count, 1, "$size bytes: delivered";
        $connection->close;
    }
};

finish();
