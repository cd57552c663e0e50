# A binary upgrade (USR2): the old and the new master serve side by side and have one memory of events.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(deliver delivery start_delivery);

my $PATH = directory() . '/events.state';

# Each master listens on a port of its own, too, and so a test can choose whose worker gets a delivery.
my ($EITHER, $OLD, $NEW) = (8080, 8081, 8082);

my $CONF = <<"CONF";
webhook_dedup_zone zone=events:1m state=$PATH;
log_format verdict '\$uri \$webhook_reason \$pid';
server {
    listen %%ADDR%%:$EITHER;
    listen %%ADDR%%:OWN_PORT;
    access_log %%DIR%%/access.log verdict;
    webhook github;
    webhook_secret "a secret of the tests";
    location / {
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /wait {
        webhook_dedup zone=events wait=5s;
        proxy_pass http://%%BACKEND%%;
    }
}
CONF

sub conf ($port, @changes) {
    my $text = $CONF =~ s/OWN_PORT/$port/r;
    while (my ($old, $new) = splice @changes, 0, 2) {
        $text =~ s/\Q$old\E/$new/ or die "no $old";
    }
    return $text;
}

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, daemon => 1, http => conf($OLD));

sub outcome ($response) {
    my $status = $response->{status};
    return $response->header('Webhook-Reason') // (length $response->{body} ? "answered $status" : $status);
}

sub outcome_of ($id, $port) { return outcome(deliver($id, port => $port)) }

sub counted (@outcomes) {
    my %count;
    ++$count{$_} for @outcomes;
    return \%count;
}

sub start_old () {
    $backend->behave;
    $nginx->stop;
    $nginx->rewrite_config(http => conf($OLD));
    $nginx->start;
}

sub both_serve () {
    start_old();
    $nginx->rewrite_config(http => conf($NEW));
    ok $nginx->begin_upgrade, 'another master';
}

sub event_in_flight ($port, @behaviour) {
    $backend->clear->behave(@behaviour);
    my $id    = unique_id('event');
    my $first = start_delivery($backend, $id, port => $port);
    return ($id, $first);
}

my @SIDES = ([ 'old', $OLD, 'new', $NEW ], [ 'new', $NEW, 'old', $OLD ]);

subtest 'what one has delivered the other knows' => sub {
    my @before = map { unique_id('before') } 1 .. 10;
    is outcome_of($_, $OLD), 'answered 200', 'before the upgrade' for @before;
    both_serve();
    my ($old, $new) = ($nginx->old_master, $nginx->master);
    isnt $old, $new, 'two masters';
    is scalar($nginx->workers($_)), 2, 'with two workers' for $old, $new;
    is_deeply counted(map { outcome_of($_, $NEW) } @before), { duplicate => 10 }, 'the new one knows what was before';
    for (@SIDES) {
        my ($one, $first, $other, $second) = @$_;
        my @ids = map { unique_id($one) } 1 .. 10;
        is_deeply counted(map { outcome_of($_, $first) } @ids), { 'answered 200' => 10 }, "by the $one";
        is_deeply counted(map { outcome_of($_, $second) } @ids), { duplicate => 10 }, "to the $other";
        push @before, @ids;
    }
    ok $nginx->finish_upgrade, 'the old master ends';
    is_deeply counted(map { outcome_of($_, $EITHER) } @before), { duplicate => 30 }, 'all are known after';
    is_deeply counted(map { outcome_of($_, $OLD) } 'none'), { 0 => 1 }, 'the old one is gone';
    is sprintf('%04o', 07777 & (stat $PATH)[2]), '0600', 'the mode of the file';
};

subtest 'an event in flight at one is so for the other' => sub {
    both_serve();
    for (@SIDES) {
        my ($one, $first, $other, $second) = @$_;
        my ($id, $delivery) = event_in_flight($first, [ { hold => 1, status => 202 }, {} ]);
        is outcome_of($id, $second), 'in_flight', "in flight at the $one";
        $backend->let_go;
        is outcome($delivery->finish), 'answered 202', 'is delivered';
        is deliver($id, port => $second)->{status}, 202, "then the $other has the status";
        is outcome_of($id, $second), 'duplicate', 'of a duplicate';

        ($id, $delivery) = event_in_flight($first, [ { hold => 1, status => 500 }, { status => 201 } ]);
        is outcome_of($id, $second), 'in_flight', "in flight at the $one";
        $backend->let_go;
        is outcome($delivery->finish), 'answered 500', 'fails';
        is outcome_of($id, $second), 'answered 201', "then the $other delivers it";
        is outcome_of($id, $first), 'duplicate', "which the $one knows";
    }
    $nginx->finish_upgrade;
};

subtest 'in flight already when the new master starts' => sub {
    my @ends = ([ 202, 'duplicate' ], [ 500, 'answered 201' ]);
    for my $end (@ends) {
        my ($status, $after) = @$end;
        start_old();
        my ($id, $delivery) = event_in_flight($OLD, [ { hold => 1, status => $status }, { status => 201 } ]);
        $nginx->rewrite_config(http => conf($NEW));
        ok $nginx->begin_upgrade, 'another master';
        is outcome_of($id, $NEW), 'in_flight', 'it is in flight for the new one';
        $backend->let_go;
        is outcome($delivery->finish), "answered $status", 'the old one has an answer';
        is outcome_of($id, $NEW), $after, 'and the new one knows';
        is $backend->count, $status == 202 ? 1 : 2, 'the upstream saw no more than it should';
        ok $nginx->finish_upgrade, 'the old master ends';
    }
};

# Twins that wait at both, in each of the workers.
sub waiters ($id, $count) {
    my @waiters = map { start_request(delivery($id, uri => '/wait', port => $_ % 2 ? $OLD : $NEW)) } 1 .. $count;
    sleep 0.3;
    $backend->let_go;
    return @waiters;
}

subtest 'wait= across both' => sub {
    both_serve();
    for (@SIDES) {
        my ($one, $first) = @$_;
        my ($id, $delivery) = event_in_flight($first, hold => 1, status => 202);
        my @waiters = waiters($id, 8);
        is outcome($delivery->finish), 'answered 202', "the $one delivers it";
        my @answers = map { $_->finish } @waiters;
        is_deeply counted(map { outcome($_) . " $_->{status}" } @answers), { 'duplicate 202' => 8 },
            'all others have that answer';
        is $backend->count, 1, 'the upstream saw one';

        my @fails = ({ hold => 1, status => 500 }, { delay => 0.2, status => 201 });
        ($id, $delivery) = event_in_flight($first, \@fails);
        @waiters = waiters($id, 8);
        is outcome($delivery->finish), 'answered 500', "the $one fails";
        is_deeply counted(map { outcome($_->finish) } @waiters), { 'answered 201' => 1, duplicate => 7 },
            'exactly one takes over';
        is $backend->count, 2, 'the upstream saw two';
    }
    $nginx->finish_upgrade;
};

subtest 'a worker that is killed' => sub {
    allow_log(qr/exited on signal 9/, qr/was locked by/);
    both_serve();
    my %master = (old => $nginx->old_master, new => $nginx->master);
    for (@SIDES) {
        my ($one, $first, $other, $second) = @$_;
        my ($id, $delivery) = event_in_flight($first, [ { hang => 1 }, { status => 201 } ]);
        is outcome_of($id, $second), 'in_flight', "in flight at the $one";
        # None comes back for as long as the master stands still.
        kill STOP => $master{$one};
        kill KILL => $nginx->workers($master{$one});
        is $delivery->finish->{status}, 0, 'its workers are killed';
        is outcome_of($id, $second), 'answered 201', "it is free at once for the $other";
        kill CONT => $master{$one};
        wait_for(sub { $nginx->workers($master{$one}) == 2 }, 5, 'replaced');
        is outcome_of($id, $first), 'duplicate', 'and known to their replacements';

        ($id, $delivery) = event_in_flight($first, [ { hang => 1 }, { delay => 0.2, status => 201 } ]);
        my @waiters = map { start_request(delivery($id, uri => '/wait', port => $second)) } 1 .. 8;
        sleep 0.3;
        kill KILL => $nginx->workers($master{$one});
        $delivery->finish;
        is_deeply counted(map { outcome($_->finish) } @waiters), { 'answered 201' => 1, duplicate => 7 },
            "exactly one of those that wait at the $other takes over";
        is $backend->count, 2, 'the upstream saw two';
        wait_for(sub { $nginx->workers($master{$one}) == 2 }, 5, 'replaced');
    }
    $nginx->finish_upgrade;
};

subtest 'the whole old nginx is killed' => sub {
    both_serve();
    my ($id, $delivery) = event_in_flight($OLD, [ { hang => 1 }, { status => 201 } ]);
    my $old = $nginx->old_master;
    kill KILL => $old, $nginx->workers($old);
    $delivery->finish;
    is outcome_of($id, $NEW), 'answered 201', 'the new one has the event at once';
    $nginx->finish_upgrade;
    is outcome_of($id, $EITHER), 'duplicate', 'and remembers it';
};

subtest 'the old master ends while it delivers' => sub {
    for my $status (202, 500) {
        both_serve();
        my ($id, $delivery) = event_in_flight($OLD, [ { hold => 1, status => $status }, { status => 201 } ]);
        kill QUIT => $nginx->old_master;
        wait_for(sub { !$nginx->workers($nginx->old_master) }, 3, 'its workers are about to end');
        is outcome_of($id, $EITHER), 'in_flight', 'the event is in flight';
        $backend->let_go;
        is outcome($delivery->finish), "answered $status", "it is answered $status";
        is outcome_of($id, $EITHER), $status == 202 ? 'duplicate' : 'answered 201', 'the new one knows';
        ok $nginx->finish_upgrade, 'it is gone';
    }
};

subtest 'the upgrade is taken back' => sub {
    start_old();
    my $master = $nginx->master;
    $nginx->rewrite_config(http => conf($NEW));
    ok $nginx->begin_upgrade, 'another master';
    my @ids = map { unique_id('new') } 1 .. 5;
    is outcome_of($_, $NEW), 'answered 200', 'delivered by the new one' for @ids;
    $nginx->revert_upgrade;
    is $nginx->master, $master, 'the old one is left';
    is_deeply counted(map { outcome_of($_, $OLD) } @ids), { duplicate => 5 }, 'which knows what the new one delivered';
    $nginx->rewrite_config(http => conf($NEW));
    ok $nginx->upgrade, 'another attempt';
    is_deeply counted(map { outcome_of($_, $NEW) } @ids), { duplicate => 5 }, 'all are known';
};

my $SHARED = qr/\[emerg\].*"events": its memory cannot be replaced while another nginx shares it in \S+http\.conf:1$/m;

# What a new master says that cannot start.
allow_log(qr/new binary process \d+ exited with code 1$/);

subtest 'another size' => sub {
    allow_log(qr/is in use with another size/, $SHARED);
    start_old();
    my $id = unique_id();
    is outcome_of($id, $OLD), 'answered 200', 'an event';
    my @bigger   = ('events:1m' => 'events:2m');
    my $position = length $nginx->error_log;
    $nginx->rewrite_config(http => conf($NEW, @bigger));
    ok !$nginx->begin_upgrade, 'is refused in an upgrade';
    my $told = substr $nginx->error_log, $position;
    my $why = 'is in use with another size, 1048576 bytes: a reload can change it, once more where an earlier one gave the file up; a binary upgrade cannot';
    like $told, qr/\[emerg\].*"events".*"\Q$PATH\E" $why in \S+http\.conf:1$/m,
        'with the reason, and what to do';
    is outcome_of($id, $OLD), 'duplicate', 'the old master goes on';
    is_deeply [ glob "$PATH*" ], [$PATH], 'no other file is left behind';

    $nginx->rewrite_config(http => conf($NEW));
    ok $nginx->begin_upgrade, 'an upgrade with the same size';
    my ($second, $delivery) = event_in_flight($OLD, hold => 1, status => 202);
    kill QUIT => $nginx->old_master;
    wait_for(sub { !$nginx->workers($nginx->old_master) }, 3, 'its workers are about to end');
    $nginx->rewrite_config(http => conf($NEW, @bigger));
    $position = length $nginx->error_log;
    ok !$nginx->reload, 'the other size is refused while the old nginx delivers';
    like substr($nginx->error_log, $position), $SHARED, 'with the reason';
    is outcome_of($id, $NEW), 'duplicate', 'the new master goes on';
    is outcome_of($second, $NEW), 'in_flight', 'what the old nginx has in flight is in flight';
    $backend->let_go;
    is outcome($delivery->finish), 'answered 202', 'until it is delivered';
    ok $nginx->finish_upgrade, 'the old master ends';
    ok $nginx->reload, 'then a reload with the other size';
    is outcome_of($_, $NEW), 'duplicate', 'carries the events over' for $id, $second;
    is -s $PATH, 2 << 20, 'the file has the new size';
    $nginx->crash;
    $nginx->start;
    is outcome_of($_, $NEW), 'duplicate', 'known after everything was killed' for $id, $second;
};

# Nobody could tell the old master of another memory. It reads no configuration itself any more.
subtest 'the new master would change the memory' => sub {
    both_serve();
    my $id = unique_id();
    is outcome_of($id, $OLD), 'answered 200', 'an event';
    my @changes = ([ 'events:1m' => 'events:2m' ], [ "state=$PATH" => "state=$PATH.other" ], [ " state=$PATH" => '' ]);
    for my $change (@changes) {
        $nginx->rewrite_config(http => conf($NEW, @$change));
        my $position = length $nginx->error_log;
        ok !$nginx->reload, "$change->[0] -> $change->[1]: refused";
        like substr($nginx->error_log, $position), $SHARED, 'with the reason';
        is outcome_of($id, $_), 'duplicate', 'both go on' for $OLD, $NEW;
        is_deeply [ glob "$PATH*" ], [$PATH], 'no other file is left behind';
    }
    $nginx->rewrite_config(http => conf($NEW, 'zone=events;' => 'zone=events ttl=1h;'));
    ok $nginx->reload, 'another change is taken';
    my $next = unique_id();
    is outcome_of($next, $NEW), 'answered 200', 'another event';
    kill HUP => $nginx->old_master;
    wait_for(sub { $nginx->workers($nginx->old_master) == 4 }, 5, 'the old master starts more workers');
    for my $event ($id, $next) {
        is_deeply counted(map { outcome_of($event, $_) } ($OLD, $NEW) x 8), { duplicate => 16 }, 'all know it';
    }
    ok $nginx->finish_upgrade, 'the old master ends';
    $nginx->rewrite_config(http => conf($NEW, @{ $changes[2] }));
    ok $nginx->reload, 'then the change is taken';
    is outcome_of($_, $NEW), 'duplicate', 'and both events carried over' for $id, $next;
};

subtest 'a new master that cannot start' => sub {
    allow_log(qr/unknown directive "nonsense"/, qr/bind\(\) to 203\.0\.113\.1:8099 failed/);
    start_old();
    my $id = unique_id();
    is outcome_of($id, $OLD), 'answered 200', 'an event';
    my @broken = ([ 'server {' => 'nonsense; server {' ], [ 'server {' => 'server { listen 203.0.113.1:8099;' ]);
    for my $changes (@broken) {
        $nginx->rewrite_config(http => conf($NEW, @$changes));
        ok !$nginx->begin_upgrade, "refused: $changes->[1]";
        is outcome_of($id, $OLD), 'duplicate', 'the old one remembers';
        is outcome_of(unique_id(), $OLD), 'answered 200', 'and serves';
        is_deeply [ glob "$PATH*" ], [$PATH], 'nothing is left behind';
    }
    $nginx->rewrite_config(http => conf($NEW));
    ok $nginx->upgrade, 'mended';
    is outcome_of($id, $NEW), 'duplicate', 'it is remembered';
};

subtest 'upgrade after upgrade' => sub {
    my @ids;
    for my $round (1 .. 4) {
        $nginx->rewrite_config(http => conf($round % 2 ? $OLD : $NEW));
        push @ids, unique_id();
        is outcome_of($ids[-1], $EITHER), 'answered 200', "event $round";
        ok $nginx->upgrade, "upgrade $round";
        is_deeply counted(map { outcome_of($_, $EITHER) } @ids), { duplicate => scalar @ids }, 'all are known';
    }
};

finish();
