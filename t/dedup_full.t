# A full zone forgets the oldest delivered event first, never what is in flight; full=reject refuses instead.

use Webhook::Test;

use Fcntl qw(O_RDWR);
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(are delivery new_ids outcome outcome_of outcomes_of start_delivery);
use Webhook::Metrics qw(scrape value_of);

my $STATE = directory() . '/events.state';

my $CONF = <<'CONF';
webhook_dedup_zone zone=events:SIZE;
server {
    listen %%ADDR%%:8080;
    webhook github;
    webhook_secret "a secret of the tests";
    client_body_buffer_size 1k;
    location = /metrics { webhook off; webhook_status prometheus; }
    location /held {
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /forget {
        webhook_dedup zone=events ttl=1s;
        proxy_pass http://%%BACKEND%%;
    }
    # Taken without an upstream's socket.
    location / {
        webhook_dedup zone=events;
        proxy_pass http://%%ADDR%%:8091;
    }
}
server { listen %%ADDR%%:8091; return 200 "ok\n"; }
CONF

sub conf ($size) { return $CONF =~ s/SIZE/$size/r }

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, http => conf('32k'));

sub start_afresh ($zone) {
    $nginx->stop;
    unlink glob "$STATE*";
    $nginx->rewrite_config(http => conf($zone));
    $nginx->start;
    return length $nginx->error_log;
}

# What the log says of the zone, with the level.
sub remarks_since ($position) {
    my @lines = grep { /dedup zone/ } split /\n/, substr $nginx->error_log, $position;
    return map { /\[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)/ ? "$1: $2" : $_ } @lines;
}

sub full ($count) {
    my $events = $count == 1 ? '1 event' : "$count events";
    return qq{warn: the dedup zone "events" is full: $events forgotten before the ttl was over};
}

# How many events the zone holds, found by filling one that refuses.
my $capacity;

subtest 'full=reject' => sub {
    my $position = start_afresh('32k full=reject');
    my @ids      = new_ids(1000);
    my $outcomes = outcomes_of(\@ids);
    $capacity = @{ $outcomes->{delivered} };
    cmp_ok $capacity, '>', 500, "32k hold $capacity events";
    is_deeply $outcomes, { delivered => [ @ids[ 0 .. $capacity - 1 ] ], unavailable => [ @ids[ $capacity .. $#ids ] ] },
        'the first fit, all that follow are refused';
    my $refused = send_request(delivery(unique_id()));
    is $refused->{status}, 503, 'the status';
    is $refused->header('Retry-After'), '1', 'Retry-After';
    are(duplicate => [ @ids[ 0 .. $capacity - 1 ] ], 'nothing is forgotten');
    is_deeply [ remarks_since($position) ], [], 'and so nothing is told of';
    ok $nginx->reload, 'reload';
    is outcome_of($ids[0]), 'duplicate', 'it is full still: the first is known';
    is outcome_of(unique_id()), 'unavailable', 'another is refused';
};

subtest 'full=reject, in flight' => sub {
    start_afresh('32k full=reject');
    $backend->clear->behave([ { hold => 1, status => 202 }, { hold => 1, status => 500 }, {} ]);
    my ($taken, $failed) = new_ids(2);
    my @first = map { start_delivery($backend, $_, uri => '/held') } $taken, $failed;
    my @ids      = new_ids($capacity);
    my $outcomes = outcomes_of(\@ids);
    is scalar(@{ $outcomes->{delivered} }), $capacity - 2, 'claims in flight have their room';
    is outcome_of($taken), 'in_flight', 'in a full zone, too';
    $backend->let_go;
    is $first[0]->finish->{status}, 202, 'one is delivered';
    is $first[1]->finish->{status}, 500, 'one fails';
    is outcome_of($taken), 'duplicate', 'what was delivered is known';
    is outcome_of($failed), 'delivered', 'what failed left room for one';
    is outcome_of(unique_id()), 'unavailable', 'and no more';
    are(duplicate => $outcomes->{delivered}, 'nothing is forgotten');
};

subtest 'the oldest are forgotten first' => sub {
    my $position = start_afresh('32k');
    my @ids      = new_ids($capacity + 300);
    are(delivered => \@ids, 'nothing is refused');
    are(duplicate => [ @ids[ 300 .. $#ids ] ], "the newest $capacity are known");
    # From the newest on, since each takes the place of the oldest.
    are(delivered => [ reverse @ids[ 0 .. 299 ] ], 'none of those before');
    is_deeply [ remarks_since($position) ], [ full(1) ], 'one line tells of the first that was forgotten';
    is value_of(scrape(), 'dedup_forgotten_early_total', dedup_zone => 'events'), 600, 'and the counter of all';
    is value_of(scrape(), 'dedup_remembered_events', dedup_zone => 'events'), $capacity, 'the zone is full';
    is value_of(scrape(), 'dedup_capacity_events', dedup_zone => 'events'), $capacity, 'as its capacity says';
    are(duplicate => [ @ids[ 600 .. $#ids ] ], 'it goes on in that order');
    is outcome_of($ids[599]), 'delivered', 'to the event';
};

# The time of the last line lies in the memory: making it older saves the test a minute.
sub set_last_line ($seconds_ago) {
    sysopen my $file, $STATE, O_RDWR or die "$STATE: $!";
    sysseek $file, 120, 0;
    sysread $file, my ($told_at), 4;
    cmp_ok abs(unpack('L<', $told_at) - time), '<', 90, 'the time of the last line is where this test thinks';
    sysseek $file, 120, 0;
    syswrite $file, pack 'L<', time - $seconds_ago;
}

subtest 'a line a minute' => sub {
    my $position = start_afresh("32k state=$STATE");
    outcomes_of([ new_ids($capacity) ]);
    is_deeply [ remarks_since($position) ], [], 'a zone that is just full forgets nothing';
    outcomes_of([ new_ids(1) ]);
    is_deeply [ remarks_since($position) ], [ full(1) ], 'the first that is forgotten';
    outcomes_of([ new_ids(400) ]);
    is_deeply [ remarks_since($position) ], [ full(1) ], 'nothing more at once';
    set_last_line(50);
    outcomes_of([ new_ids(1) ]);
    is_deeply [ remarks_since($position) ], [ full(1) ], 'nor within the minute';
    set_last_line(61);
    outcomes_of([ new_ids(1) ]);
    is_deeply [ remarks_since($position) ], [ full(1), full(401) ], 'then all others: the delivery that tells forgets one more';
    outcomes_of([ new_ids(100) ]);
    is_deeply [ remarks_since($position) ], [ full(1), full(401) ], 'and then a minute none';
    ok $nginx->reload, 'reload';
    outcomes_of([ new_ids(1) ]);
    is_deeply [ remarks_since($position) ], [ full(1), full(401) ], 'a reload does not begin a new one';
};

subtest 'what expired is not counted' => sub {
    my $position = start_afresh('32k');
    my @ids      = new_ids($capacity);
    is_deeply outcomes_of(\@ids, uri => '/forget'), { delivered => \@ids }, 'a full zone of events with a short ttl';
    sleep 2.3;
    my @new = new_ids(300);
    is_deeply outcomes_of(\@new, uri => '/forget'), { delivered => \@new }, 'others take their places';
    is_deeply [ remarks_since($position) ], [], 'nothing was forgotten before its time';
};

subtest 'in flight while everything else is forgotten' => sub {
    start_afresh('32k');
    my $count = 8;
    my @statuses = ((202) x ($count / 2), (500) x ($count / 2));
    $backend->clear->behave([ (map { { hold => 1, status => $_ } } @statuses), {} ]);
    my @flying = new_ids($count);
    my @first = map { start_delivery($backend, $_, uri => '/held') } @flying;
    are(delivered => [ new_ids(2 * $capacity) ], 'twice as many as there is room for');
    are(in_flight => \@flying, 'they are in flight still');
    $backend->let_go;
    is_deeply [ map { $_->finish->{status} } @first ], \@statuses, 'half of them are delivered';
    my @delivered = @flying[ 0 .. $count / 2 - 1 ];
    my @failed    = @flying[ $count / 2 .. $#flying ];
    are(duplicate => \@delivered, 'and known');
    are(delivered => \@failed, 'the others are free');
    # It is their commit that counts for the order.
    my @more = new_ids($capacity - $count);
    are(delivered => \@more, 'others');
    are(duplicate => \@delivered, 'are forgotten after what was before them');
    $backend->behave;
};

subtest 'more in flight than there are places for claims' => sub {
    start_afresh('32k');
    $backend->clear->behave(hang => 1);
    my @ids   = new_ids(40);
    my @first = map { open_connection() } @ids;
    for my $index (0 .. $#ids) {
        my %request = delivery($ids[$index], uri => '/held');
        $first[$index]->send(join '', Webhook::Connection::format_request(%request));
    }
    my @refused;
    wait_for(sub {
        @refused = grep { $_->pending_input(0.005) } @first;
        return @refused + $backend->count == @ids;
    }, 10, 'each is refused or with the upstream');
    my $held = @ids - @refused;
    note "$held in flight";
    is $backend->count, $held, 'the upstream has those that have a place';
    cmp_ok $held, '>=', 16, 'some have';
    cmp_ok $held, '<', 40, 'some have not';
    for my $response (map { $_->read_response } @refused) {
        is_deeply [ $response->{status}, outcome($response), $response->header('Retry-After') ],
            [ 503, 'unavailable', 1 ], 'which are told to come again';
    }
    $_->close for @first;
    ok wait_for(sub { outcome_of(unique_id()) eq 'delivered' }, 3, 'free'), 'those that end leave places';
    $backend->behave;
};

subtest 'smaller than what is remembered' => sub {
    for my $in_file ('', " state=$STATE") {
        my $name     = $in_file ? 'in a file' : 'in no file';
        my $position = start_afresh("64k$in_file");
        my @ids      = new_ids(1200);
        are(delivered => \@ids, "$name: events");
        $nginx->rewrite_config(http => conf("32k$in_file"));
        ok $nginx->reload, "$name: reload";
        my $forgotten = 1200 - $capacity;
        is_deeply [ remarks_since($position) ], [
            'notice: the dedup zone "events" has new memory: 1200 events carried over',
            qq{warn: the dedup zone "events" is smaller than before: $forgotten events forgotten},
        ], "$name: the log tells how many were carried over, and how many of them forgotten";
        my @newest = @ids[ $forgotten .. $#ids ];
        are(duplicate => \@newest, "$name: the newest are known");
        is outcome_of($ids[ $forgotten - 1 ]), 'delivered', "$name: the one before them is not";
        outcomes_of([ new_ids(50) ]);
        is scalar(remarks_since($position)), 2, "$name: and nothing more within a minute";
    }
};

subtest 'carried over into a zone that rejects' => sub {
    my $position = start_afresh('64k full=reject');
    my @ids      = new_ids($capacity);
    are(delivered => \@ids, 'events');
    $nginx->rewrite_config(http => conf('32k full=reject'));
    ok $nginx->reload, 'reload';
    my $carried = qq{notice: the dedup zone "events" has new memory: $capacity events carried over};
    is_deeply [ remarks_since($position) ], [$carried], 'all find room';
    is outcome_of(unique_id()), 'unavailable', 'and fill it';
    are(duplicate => \@ids, 'all are known');
    $nginx->rewrite_config(http => conf('64k full=reject'));
    ok $nginx->reload, 'reload with the old size';
    is outcome_of(unique_id()), 'delivered', 'there is room again';
    are(duplicate => \@ids, 'all are known');
};

subtest 'a full zone after a restart' => sub {
    my $position = start_afresh("32k state=$STATE");
    my @ids      = new_ids($capacity + 100);
    outcomes_of(\@ids);
    $nginx->crash;
    $nginx->start;
    are(duplicate => [ @ids[ 100 .. $#ids ] ], 'it is as full as it was');
    my @new = new_ids(50);
    are(delivered => \@new, 'it takes what is new');
    are(duplicate => [ @ids[ 150 .. $#ids ] ], 'and forgets the oldest');
    is outcome_of($ids[149]), 'delivered', 'to the event';
};

finish();
