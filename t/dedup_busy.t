# A process that was stopped while it had a zone's lock: the workers wait for it a blink, answer 503, serve
# everybody else, lose nothing, and go on at once when the lock is free.

use Webhook::Test;

use Fcntl qw(O_RDWR SEEK_SET);
use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw(deliver delivery outcome outcome_of start_delivery);

# Where the head of a zone's memory has its lock, whose first word is the thread that holds it.
my $LOCK_AT  = 72;
my $PATIENCE = 15;

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, http => <<'CONF');
webhook_dedup_zone zone=events:1m;
server {
    listen %%ADDR%%:8080;
    webhook_secret "a secret of the tests";
    location / {
        webhook github;
        webhook_dedup zone=events;
        proxy_pass http://%%BACKEND%%;
    }
    location /forgetful {
        webhook github;
        proxy_pass http://%%BACKEND%%;
    }
    location /other { return 200 "ok\n"; }
}
CONF

# The master has it open.
sub memory () {
    my ($path) = grep { (readlink // '') =~ /^\/memfd:webhook_dedup_zone\b/ } glob '/proc/' . $nginx->master . '/fd/*';
    sysopen my $file, $path, O_RDWR or die "$path: $!";
    return $file;
}

sub lock_word ($file, $value = undef) {
    sysseek $file, $LOCK_AT, SEEK_SET;
    return syswrite $file, pack 'L<', $value if defined $value;
    sysread $file, my ($bytes), 4;
    return unpack 'L<', $bytes;
}

# As if this process had taken the lock and been stopped then: the workers see the same in either case.
sub hold () {
    my $file = memory();
    wait_for(sub { !lock_word($file) }, $PATIENCE, 'nobody has the lock');
    lock_word($file, $$);
    return $file;
}

sub free ($file) { lock_word($file, 0) }

sub log_lines ($pattern) { return scalar grep { /$pattern/ } split /\n/, $nginx->error_log }

sub comes_to_be ($wanted, $id, $what) {
    my $outcome;
    wait_for(sub { ($outcome = outcome_of($id)) eq $wanted }, $PATIENCE, $what);
    is $outcome, $wanted, $what;
}

subtest 'new events' => sub {
    is outcome_of(unique_id()), 'delivered', 'before' for 1 .. 4;
    my $known = unique_id();
    is outcome_of($known), 'delivered', 'one is delivered';
    $backend->clear;
    my @ids  = map { unique_id() } 1 .. 20;
    my $file = hold();
    my $held = time;
    my @answers = map { deliver($_) } @ids, $known;
    is_deeply [ map { outcome($_) } @answers ], [ ('unavailable') x 21 ], 'none is taken, not even one that is known';
    is_deeply [ map { $_->{status} } @answers ], [ (503) x 21 ], 'they are to come again';
    is outcome_of(unique_id(), uri => '/forgetful'), 'delivered', 'a location without the zone goes on';
    is send_request(uri => '/other')->{status}, 200, 'as does one without a gate';
    cmp_ok time - $held, '<', 10, 'all have their answers in time';
    is $backend->count, 1, 'the upstream saw none of the others';
    my $told = log_lines(qr/\[error\] .*"events" cannot be used: the process \d+ does not give its lock back/);
    ok $told == 1 || $told == 2, 'each worker that was asked tells of it once';
    free($file);
    is outcome_of($_), 'delivered', 'they are taken when the lock is free' for @ids;
    is outcome_of($known), 'duplicate', 'and the other is known';
    ok log_lines(qr/\[notice\] .*the dedup zone "events" can be used again/), 'which is told of';
};

subtest 'what the upstream takes meanwhile' => sub {
    $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
    my $id    = unique_id();
    my $first = start_delivery($backend, $id);
    my $file  = hold();
    $backend->let_go;
    is outcome_of($id), 'unavailable', 'a twin has to come again';
    is $first->finish->{status}, 202, 'its sender is answered as it is, if after a while';
    free($file);
    my @outcomes;
    wait_for(sub { push @outcomes, outcome_of($id); $outcomes[-1] !~ /^in_flight|unavailable$/ }, $PATIENCE, 'remembered');
    is $outcomes[-1], 'duplicate', 'it is remembered when the lock is free';
    is $backend->count, 1, 'and was never delivered again';
};

subtest 'an answer that nothing remembers yet' => sub {
    $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
    my $id = unique_id();
    my ($first) = start_together({ delivery($id) });
    wait_for(sub { $backend->count == 1 }, $PATIENCE, 'the upstream has the event');
    my $file = hold();
    $backend->let_go;
    is $first->pending_input(0.3), '', 'it does not leave';
    free($file);
    is $first->read_response->{status}, 202, 'but when the lock is free';
    is outcome_of($id), 'duplicate', 'and the event is remembered';
};

subtest 'what the upstream fails meanwhile' => sub {
    $backend->clear->behave([ { hold => 1, status => 500 }, {} ]);
    my $id    = unique_id();
    my $first = start_delivery($backend, $id);
    my $file  = hold();
    $backend->let_go;
    is $first->finish->{status}, 500, 'its sender is told';
    free($file);
    comes_to_be('delivered', $id, 'its retry is taken when the lock is free');
    is $backend->count, 2, 'by the upstream';
};

subtest 'a worker that is to end' => sub {
    $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
    my $id    = unique_id();
    my $first = start_delivery($backend, $id);
    my @old   = $nginx->workers;
    my $file  = hold();
    $backend->let_go;
    is $first->finish->{status}, 202, 'the upstream takes an event';
    ok $nginx->reload, 'reload';
    is outcome_of(unique_id()), 'unavailable', 'the new workers cannot know';
    is outcome_of(unique_id(), uri => '/forgetful'), 'delivered', 'and serve the others';
    is scalar(grep { kill 0, $_ } @old), 1, 'the old one waits';
    free($file);
    wait_for(sub { !grep { kill 0, $_ } @old }, $PATIENCE, 'it ends when the lock is free');
    is outcome_of($id), 'duplicate', 'the event is remembered';
};

finish();
