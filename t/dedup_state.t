# state=PATH keeps the memory of events in a file: across restarts, and whatever happened to the file.

use Webhook::Test;

use Fcntl qw(O_RDWR S_IMODE);
use File::Path qw(remove_tree);
use POSIX ();
use Time::HiRes qw(sleep time);
use Webhook::ConfigErrors qw(complaints marked_line);
use Webhook::Deliveries qw(are delivery new_ids outcome_of outcomes_of start_delivery);
use Webhook::Nginx ();
use Webhook::Process qw(exec_child process_ended);

my $PAGE   = 4096;
my $F_OFD_SETLK = 37;

my $FOLDER = make_directory('state', 0700);
my $PATH   = "$FOLDER/events";

my $SERVER = <<'CONF';
server {
    listen %%ADDR%%:8080;
    webhook github;
    webhook_secret "a secret of the tests";
    webhook_dedup zone=events;
    location / { proxy_pass http://%%BACKEND%%; }
}
CONF

sub conf (%options) {
    my $size  = $options{size} // '1m';
    my $state = exists $options{path} ? $options{path} : $PATH;
    $state = defined $state ? " state=$state" : '';
    return "webhook_dedup_zone zone=events:$size$state; # HERE\n$SERVER";
}

my $backend = start_backend();
my $locked  = start_on_locked_file();
my $nginx   = start_nginx(workers => 2, http => conf());

sub delivered_events ($count) {
    my @ids = new_ids($count);
    are(delivered => \@ids, 'events are delivered');
    return @ids;
}

sub listing () {
    opendir my $folder, $FOLDER or die "$FOLDER: $!";
    return [ sort grep { !/^\.\.?$/ } readdir $folder ];
}

sub start_afresh ($http = conf()) {
    $nginx->stop;
    unlink glob "$FOLDER/*";
    $nginx->rewrite_config(http => $http);
    $nginx->start;
}

# Starts nginx; returns what it logged.
sub log_of_start () {
    my $position = length $nginx->error_log;
    ok eval { $nginx->start; 1 }, 'nginx starts';
    return substr $nginx->error_log, $position;
}

# What was said of the state file, with the level.
sub remarks ($text) {
    my @lines = grep { /state file/ } split /\n/, $text;
    return map { /\[(warn|error|crit|alert|emerg)\] (?:\d+#\d+: )?(.*)/ ? "$1: $2" : () } @lines;
}

# Where the things are in a file, as the module lays them out.
sub layout ($bytes) {
    my ($size, $workers_size) = unpack 'x16 Q< Q<', $bytes;
    my $table = 192 + $workers_size;
    $table += -$table % 64;
    my ($event_capacity, $claim_capacity, $oldest, $newest) = unpack "x$table x16 L< L< Q< Q<", $bytes;
    my $events = 128 + $claim_capacity * 40;
    $events += -$events % 64;
    return {
        table => $table, events => $table + $events, index => $table + $events + $event_capacity * 32,
        capacity => $event_capacity, oldest => $oldest, newest => $newest, size => $size,
    };
}

# -- Lives

my %ENDS = (
    'QUIT'                => sub { ok $nginx->stop('QUIT'), 'QUIT'; $nginx->start },
    'TERM'                => sub { ok $nginx->stop('TERM'), 'TERM'; $nginx->start },
    'everything is killed' => sub { $nginx->crash; $nginx->start },
    'a reload'            => sub { ok $nginx->reload, 'reload' },
);

subtest 'events are known after' => sub {
    my @ids;
    for my $end (sort keys %ENDS) {
        subtest $end => sub {
            push @ids, delivered_events(20);
            my $position = length $nginx->error_log;
            $ENDS{$end}->();
            are(duplicate => \@ids, 'all are known');
            is outcome_of(unique_id()), 'delivered', 'what is new is taken';
            is_deeply [ remarks(substr $nginx->error_log, $position) ], [], 'nothing is said of the file';
            is_deeply listing(), ['events'], 'one file';
        };
    }
};

subtest 'what was in flight is free after' => sub {
    my %ends = (%ENDS{'TERM', 'everything is killed'});
    for my $end (sort keys %ends) {
        $backend->clear->behave([ { hang => 1 }, {} ]);
        my $id    = unique_id();
        my $first = start_delivery($backend, $id);
        $ends{$end}->();
        is $first->finish->{status}, 0, "$end: the sender has no answer";
        is outcome_of($id), 'delivered', "$end: the retry is delivered";
        is outcome_of($id), 'duplicate', "$end: and remembered";
    }
    $backend->clear->behave;
};

subtest 'the status of the first delivery is kept' => sub {
    $backend->behave(status => 207);
    my $id = unique_id();
    is send_request(delivery($id))->{status}, 207, 'first';
    $backend->behave;
    $nginx->crash;
    $nginx->start;
    is send_request(delivery($id))->{status}, 207, 'the duplicate after everything was killed';
};

subtest 'the file' => sub {
    my @status = stat $PATH;
    is sprintf('%04o', S_IMODE($status[2])), '0600', 'its mode';
    is $status[4], $>, 'its owner';
    is $status[7], 1 << 20, 'its size';
    cmp_ok $status[12] * 512, '>=', 1 << 20, 'the disk has all of it';
    my $old = umask 0;
    start_afresh();
    umask $old;
    is sprintf('%04o', S_IMODE((stat $PATH)[2])), '0600', 'its mode, whatever the umask';
};

subtest 'a relative path' => sub {
    start_afresh(conf(path => 'state/relative'));
    is_deeply listing(), ['relative'], 'is relative to the prefix';
    my @ids = delivered_events(3);
    $nginx->stop;
    $nginx->rewrite_config(http => conf(path => "$FOLDER/relative"));
    $nginx->start;
    are(duplicate => \@ids, 'it is that file');
    # This configuration is in another folder than the prefix.
    unlink "$FOLDER/relative";
    write_file("$FOLDER/relative", "text\n" x 20_000, 0600);
    my ($code, $output) = config_test(http => conf(path => 'state/relative'));
    like $output, qr/\[emerg\].*the state file "\Q$FOLDER\E\/relative" holds something else/,
        'not to the folder of nginx.conf';
};

# nginx itself serves nobody any more after a reload in this mode, with or without a module.
subtest 'a single process' => sub {
    for my $path ($PATH, undef) {
        my $memory = defined $path ? 'in a file' : 'in no file';
        $nginx->rewrite_config(workers => 0);
        start_afresh(conf(path => $path));
        is_deeply [ Webhook::Nginx::children_of($nginx->master) ], [], "$memory: no worker";
        $backend->clear->behave([ { hold => 1, status => 202 }, { hold => 1, status => 500 }, {} ]);
        my ($taken, $failed) = map { unique_id() } 1 .. 2;
        my @first = map { start_delivery($backend, $_) } $taken, $failed;
        are(in_flight => [ $taken, $failed ], "$memory: in flight");
        $backend->let_go;
        is_deeply [ map { $_->finish->{status} } @first ], [ 202, 500 ], "$memory: one is delivered";
        is outcome_of($taken), 'duplicate', "$memory: and known";
        is outcome_of($failed), 'delivered', "$memory: the other is free";
        my @ids = ($taken, $failed, delivered_events(5));
        are(duplicate => \@ids, "$memory: all are known");
        next unless defined $path;
        ok $nginx->stop, "$memory: QUIT";
        $nginx->start;
        are(duplicate => \@ids, "$memory: all are known after a restart");
        $nginx->crash;
        $nginx->start;
        are(duplicate => \@ids, "$memory: and after it was killed");
        ok $nginx->reload, "$memory: a reload";
        # A signal that comes during the reload has to wait for the next one.
        sleep 0.3;
        ok $nginx->stop, "$memory: QUIT";
        $nginx->start;
        are(duplicate => \@ids, "$memory: all are known after that, too");
    }
    $nginx->rewrite_config(workers => 2);
    start_afresh();
};

# -- The file

my %PATCHED = (
    'zeros'                          => sub ($bytes) { "\0" x length $bytes },
    'a short piece'                  => sub ($bytes) { substr $bytes, 0, 5 },
    'half a file'                    => sub ($bytes) { substr $bytes, 0, length($bytes) / 2 },
    'a file with an end too many'    => sub ($bytes) { $bytes . "\0" x $PAGE },
    'another layout'                 => sub ($bytes) { patched($bytes, 8, pack 'L<', 999) },
    'another kind of mutex'          => sub ($bytes) { patched($bytes, 12, pack 'L<', 24) },
    'another size than it says'      => sub ($bytes) { patched($bytes, 16, pack 'Q<', 2 << 20) },
    'another number of workers'      => sub ($bytes) { patched($bytes, 24, pack 'Q<', 48) },
    'no table'                       => sub ($bytes) { patched($bytes, layout($bytes)->{table}, "\0" x 128) },
    'a table of another layout'      => sub ($bytes) { patched($bytes, layout($bytes)->{table} + 8, pack 'L<', 999) },
    'a table of another capacity'    => sub ($bytes) { patched($bytes, layout($bytes)->{table} + 16, pack 'L<', 7) },
);

sub noise ($length) {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
    read $random, my ($bytes), $length;
    return $bytes;
}

sub patched ($bytes, $offset, $patch) {
    substr $bytes, $offset, length $patch, $patch;
    return $bytes;
}

sub foreign_files () {
    start_afresh();
    delivered_events(5);
    $nginx->stop;
    my $bytes = slurp($PATH);
    return map { $_ => $PATCHED{$_}->($bytes) } keys %PATCHED;
}

subtest 'what is damaged is set aside' => sub {
    my %foreign = foreign_files();
    my %kept;
    for my $name (sort keys %foreign) {
        subtest $name => sub {
            unlink $PATH;
            write_file($PATH, $foreign{$name}, 0600);
            my @remarks = remarks(log_of_start());
            is scalar(@remarks), 1, 'one line tells it' or diag @remarks;
            my $stamp = qr/\d{8}T\d{6}Z[^"]*/;
            my $told    = qr/"(\Q$PATH\E\.aside-$stamp)" and a new one made: \S.*\S/;
            my ($aside) = ($remarks[0] // '') =~ /^error: the state file "\Q$PATH\E" is set aside as $told$/;
            ok defined $aside, 'as an error' or return diag $remarks[0];
            ok !$kept{$aside}, 'under a name of its own';
            $kept{$aside} = $name;
            my @ids = delivered_events(5);
            ok $nginx->stop, 'nginx ends';
            is_deeply [ remarks(log_of_start()) ], [], 'the new file is good';
            are(duplicate => \@ids, 'and kept what was delivered');
            ok $nginx->stop, 'nginx ends';
        };
    }
    for my $aside (sort keys %kept) {
        ok slurp($aside) eq $foreign{ $kept{$aside} }, "$kept{$aside}: its bytes are what they were";
    }
    is_deeply listing(), [ sort 'events', map { s{.*/}{}r } keys %kept ], 'nothing else is there';
    $nginx->start;
};

subtest 'an empty file is used' => sub {
    $nginx->stop;
    unlink glob "$FOLDER/*";
    write_file($PATH, '', 0600);
    is_deeply [ remarks(log_of_start()) ], [], 'nothing is said of it';
    my @ids = delivered_events(5);
    is_deeply listing(), ['events'], 'nothing is set aside';
    $nginx->crash;
    $nginx->start;
    are(duplicate => \@ids, 'it is kept');
};

# All that a look could change.
sub traces () {
    my %traces;
    for my $name (@{ listing() }) {
        my @status = Time::HiRes::stat("$FOLDER/$name");
        $traces{$name} = join ' ', @status[ 1 .. 4, 7, 9 ], slurp("$FOLDER/$name");
    }
    return \%traces;
}

subtest 'nginx -t only looks' => sub {
    my %foreign = foreign_files();
    for my $name (sort keys %foreign) {
        unlink glob "$FOLDER/*";
        write_file($PATH, $foreign{$name}, 0600);
        my $before = traces();
        my ($code, $output) = config_test(http => conf());
        is $code, 0, "$name: passes" or diag $output;
        my $expected = qr/^warn: the state file "\Q$PATH\E" will be set aside and a new one made: \S.*\S$/;
        my @remarks  = remarks($output);
        is scalar(@remarks), 1, "$name: one line";
        like $remarks[0] // '', $expected, "$name: a warning";
        ok are_the_same($before, traces()), "$name: nothing is changed";
    }
    unlink glob "$FOLDER/*";
    my ($code, $output) = config_test(http => conf());
    is $code, 0, 'no file: passes' or diag $output;
    is_deeply [ listing(), remarks($output) ], [ [] ], 'and none is made';
    write_file($PATH, '', 0600);
    ($code, $output) = config_test(http => conf());
    is $code, 0, 'an empty file: passes' or diag $output;
    is_deeply [ listing(), (stat $PATH)[7], remarks($output) ], [ ['events'], 0 ], 'and stays empty';
};

# is_deeply would print megabytes.
sub are_the_same ($left, $right) {
    return keys %$left == keys %$right && !grep { $left->{$_} ne ($right->{$_} // '') } keys %$left;
}

subtest 'nginx -t while nginx runs' => sub {
    start_afresh();
    my @ids    = delivered_events(5);
    my $before = traces();
    for my $size (qw(1m 2m 512k)) {
        my ($code, $output) = config_test(http => conf(size => $size));
        is $code, 0, "$size: passes" or diag $output;
        is_deeply [ remarks($output) ], [], "$size: without a remark";
        ok are_the_same($before, traces()), "$size: nothing is changed";
    }
    are(duplicate => \@ids, 'all are known');
    is outcome_of(unique_id()), 'delivered', 'what is new is taken';
    $nginx->crash;
    $nginx->start;
    are(duplicate => \@ids, 'after all was killed, too');
};

# -- A power cut

# The events that lie at least in part in the bytes [from, to) of the file, of those numbered.
sub events_in ($layout, $from, $to, @numbers) {
    return grep {
        my $place = $layout->{events} + $_ % $layout->{capacity} * 32;
        $place < $to && $place + 32 > $from;
    } @numbers;
}

sub overwrite ($offset, $bytes) {
    sysopen my $file, $PATH, O_RDWR or die "$PATH: $!";
    binmode $file;
    sysseek $file, $offset, 0;
    syswrite($file, $bytes) == length $bytes or die "$PATH: $!";
}

subtest 'pages that are torn' => sub {
    for my $content ('zeros', 'noise') {
        start_afresh();
        my @ids = delivered_events(300);
        $nginx->stop;
        my $layout = layout(slurp($PATH));
        is $layout->{newest} - $layout->{oldest}, 300, "$content: the layout is the one that this test knows";
        my $page  = (int($layout->{events} / $PAGE) + 1) * $PAGE;
        overwrite($page, $content eq 'zeros' ? "\0" x $PAGE : noise($PAGE));
        my %torn = map { $_ - $layout->{oldest} => 1 }
            events_in($layout, $page, $page + $PAGE, $layout->{oldest} .. $layout->{newest} - 1);
        is scalar(keys %torn), $PAGE / 32, "$content: a page of events";
        my @remarks = remarks(log_of_start());
        is_deeply \@remarks, [ "error: the state file \"$PATH\" was torn: 128 of its events are forgotten" ],
            "$content: one line tells how many";
        are(duplicate => [ @ids[ grep { !$torn{$_} } 0 .. $#ids ] ], "$content: the others are known");
        are(delivered => [ @ids[ grep { $torn{$_} } 0 .. $#ids ] ], "$content: nothing that is forgotten is refused");
        are(duplicate => \@ids, "$content: then all are known");
        $nginx->stop;
        is_deeply [ remarks(log_of_start()) ], [], "$content: it is told once";
    }
};

# The disk got some pages, and some of them it did not.
subtest 'pages that are older' => sub {
    start_afresh(conf(size => '32k'));
    delivered_events(600);
    $nginx->stop;
    my $old    = slurp($PATH);
    my $layout = layout($old);
    cmp_ok $layout->{capacity}, '<', 900, 'the newest will lie where the oldest lay';
    $nginx->start;
    my @ids = delivered_events(300);
    $nginx->stop;
    my $new     = slurp($PATH);
    my $now     = layout($new);
    my @numbers = $now->{newest} - 300 .. $now->{newest} - 1;
    # The pages of the events and of the index: each of them alone, every other one, and all.
    my @page = grep { $_ > $layout->{table} + 128 } map { $_ * $PAGE } 0 .. length($new) / $PAGE - 1;
    for my $pages (map({ [$_] } @page), [ @page[ grep { $_ % 2 } 0 .. $#page ] ], \@page) {
        write_file($PATH, $new, 0600);
        overwrite($_, substr $old, $_, $PAGE) for @$pages;
        my %older = map { $_ => 1 } map { events_in($now, $_, $_ + $PAGE, @numbers) } @$pages;
        my @whole = @ids[ grep { !$older{ $numbers[$_] } } 0 .. $#ids ];
        my @some  = @whole > 12 ? @whole[ 0 .. 5, -6 .. -1 ] : @whole;
        my $name  = 'page ' . join ',', map { $_ / $PAGE } @$pages;
        $nginx->start;
        are(duplicate => \@some, "$name: what is whole is known");
        my $outcomes = outcomes_of([ @ids[ 0, 1, 150, 151, 298, 299 ] ]);
        is_deeply [ grep { !/^(?:duplicate|delivered)$/ } keys %$outcomes ], [], "$name: nothing is refused";
        delivered_events(10);
        $nginx->stop;
    }
    $nginx->start;
};

subtest 'nothing but the head is whole' => sub {
    start_afresh();
    my @ids = delivered_events(150);
    $nginx->stop;
    my $layout = layout(slurp($PATH));
    my $first  = $layout->{table} + 128;
    overwrite($first, noise($layout->{size} - $first));
    my $torn = qq{error: the state file "$PATH" was torn: 150 of its events are forgotten};
    is_deeply [ remarks(log_of_start()) ], [$torn], 'one line tells of them';
    are(delivered => \@ids, 'all are forgotten');
    are(duplicate => \@ids, 'and remembered anew');
};

# -- A reload

sub reload_with ($http) {
    $nginx->rewrite_config(http => $http);
    return $nginx->reload;
}

subtest 'the file is lost, emptied or replaced' => sub {
    my %fates = (
        'deleted'                => sub { unlink $PATH or die "$PATH: $!" },
        'replaced by damage'     => sub { write_file($PATH, "whookmem" x 20_000, 0600) },
        'replaced by nothing'    => sub { write_file($PATH, '', 0600) },
        'replaced by an old copy' => sub { write_file($PATH, slurp("$PATH.copy"), 0600) },
    );
    start_afresh();
    delivered_events(1);
    write_file("$PATH.copy", slurp($PATH), 0600);
    for my $fate (sort keys %fates) {
        my @ids = delivered_events(2);
        $fates{$fate}->();
        push @ids, delivered_events(2);
        ok $nginx->reload, "$fate: reload";
        are(duplicate => \@ids, "$fate: the events are carried over");
        $nginx->crash;
        $nginx->start;
        are(duplicate => \@ids, "$fate: into the file");
        is sprintf('%04o', S_IMODE((stat $PATH)[2])), '0600', "$fate: the mode of the file";
    }
};

# An old worker ends its deliveries with the memory that it began them with.
subtest 'delivered by an old worker after the size changed' => sub {
    # A worker that was to end when it had delivered, and is told to end at once, says so.
    allow_log(qr/open socket #\d+ left in connection/, qr/\[alert\] \d+#\d+: aborting$/);
    my %ends = (
        'QUIT at once'          => sub { ok $nginx->stop('QUIT'), 'QUIT' },
        'TERM at once'          => sub { ok $nginx->stop('TERM'), 'TERM' },
        'killed at once'        => sub { $nginx->crash },
        'killed a little later' => sub { sleep 0.5; $nginx->crash },
        'reloaded and killed'   => sub { ok $nginx->reload, 'reload'; $nginx->crash },
        'resized and killed'    => sub { ok reload_with(conf(size => '512k')), 'another size again'; $nginx->crash },
    );
    for my $end (sort keys %ends) {
        start_afresh();
        my ($before, $taken, $failed, $hanging) = map { unique_id() } 1 .. 4;
        is outcome_of($before), 'delivered', "$end: before";
        my ($takes, $fails) = ({ hold => 1, status => 202 }, { hold => 1, status => 500 });
        $backend->clear->behave([ $takes, $fails, { hang => 1 }, {} ]);
        my @first = map { start_delivery($backend, $_) } $taken, $failed, $hanging;
        ok reload_with(conf(size => '2m')), "$end: another size";
        my $after = unique_id();
        is outcome_of($after), 'delivered', "$end: after";
        # QUIT would wait for it.
        $first[2]->cancel if $end =~ /QUIT/;
        $backend->let_go;
        is $first[1]->finish->{status}, 500, "$end: one fails at the old worker";
        is $first[0]->finish->{status}, 202, "$end: one is delivered by it";
        $ends{$end}->();
        $nginx->start;
        are(duplicate => [ $before, $taken, $after ], "$end: what was delivered is known");
        are(delivered => [ $failed, $hanging ], "$end: what was not is free");
        is_deeply listing(), ['events'], "$end: one file";
        $nginx->crash;
        $nginx->start;
        are(duplicate => [ $before, $taken, $after, $failed ], "$end: all are known once more");
    }
    $backend->behave;
};

# The old worker uses what is called PATH.earlier-0 by then, and is known by its memory, too.
subtest 'resized, left and taken again while an old worker delivers' => sub {
    start_afresh(conf(size => '64k'));
    $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
    my $flying = unique_id();
    my $first  = start_delivery($backend, $flying);
    my @ids    = delivered_events(1);
    for my $change ({ size => '2m' }, { size => '3m', path => undef }, { size => '64k' }, { size => '128k' }) {
        my $name = join ' ', map { "$_=" . ($change->{$_} // 'none') } sort keys %$change;
        ok reload_with(conf(%$change)), "$name: the reload succeeds";
        is outcome_of($flying), 'in_flight', "$name: it is known what is in flight";
        are(duplicate => \@ids, "$name: and what was delivered");
        push @ids, delivered_events(1);
    }
    $backend->let_go;
    is $first->finish->{status}, 202, 'it is delivered';
    are(duplicate => [ @ids, $flying ], 'all are known');
    $backend->behave;
};

subtest 'the file is moved' => sub {
    start_afresh();
    my @ids = delivered_events(2);
    rename $PATH, "$PATH.moved" or die "$PATH: $!";
    my $position = length $nginx->error_log;
    ok reload_with(conf(path => "$PATH.moved")), 'reload with the new path';
    are(duplicate => \@ids, 'the events are known');
    unlike substr($nginx->error_log, $position), qr/new memory|was replaced/, 'it is the same memory';
    is_deeply listing(), ['events.moved'], 'and the same file';
};

# Here the zone has its new memory already when nginx turns back.
subtest 'a reload that fails late' => sub {
    allow_log(qr/bind\(\) to 203\.0\.113\.1:8099 failed/);
    my @changes = (
        { size => '3m' }, { size => '256k' }, { path => "$PATH.new" }, { path => "$PATH.new", size => '2m' },
        { path => undef }, { path => undef, size => '2m' }, { path => "$PATH.left" }, { path => "$PATH.text" }, {},
    );
    start_afresh();
    my @left = delivered_events(3);
    $nginx->stop;
    my $left = slurp($PATH);
    for my $path ($PATH, undef) {
        my $memory = defined $path ? 'in a file' : 'in no file';
        start_afresh(conf(path => $path));
        write_file("$PATH.left", $left, 0600);
        write_file("$PATH.text", "whookmem" x 20_000, 0600);
        my $files = listing();
        my @ids   = delivered_events(5);
        $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
        my $flying = unique_id();
        my $first  = start_delivery($backend, $flying);
        my $position = length $nginx->error_log;
        for my $change (@changes) {
            my $name = join ' ', $memory, '->', map { "$_=" . ($change->{$_} // 'none') } sort keys %$change;
            ok !reload_with(conf(%$change) =~ s/server \{/server { listen 203.0.113.1:8099;/r), "$name: refused";
            are(duplicate => \@ids, "$name: the old configuration remembers");
            is outcome_of($flying), 'in_flight', "$name: and knows what is in flight";
            push @ids, delivered_events(1);
            is_deeply listing(), $files, "$name: the folder is as it was";
        }
        $backend->let_go;
        is $first->finish->{status}, 202, "$memory: what was in flight is delivered";
        are(duplicate => [ @ids, $flying ], "$memory: all are known");
        unlike substr($nginx->error_log, $position), qr/new memory|was replaced/, "$memory: no word of another one";
        ok reload_with(conf(path => $path, size => '2m')), "$memory: a reload that succeeds";
        are(duplicate => [ @ids, $flying ], "$memory: all are known");
        ok reload_with(conf(path => "$PATH.left")), "$memory: one with the file that was left from another life";
        are(duplicate => [ @left, @ids, $flying ], "$memory: its events are known as well");
        $backend->behave;
    }
};

# -- What cannot be used

my $refused = qr/cannot use the zone "events"/;
allow_log($refused);

# One line of [emerg], that names the directive's place; by nginx -t, at the start, and by a reload.
sub is_refused ($name, $why, $http = conf()) {
    subtest $name => sub {
        $nginx->stop;
        my $before = listing();
        my ($code, $output) = config_test(http => $http);
        isnt $code, 0, 'nginx -t fails';
        are_complaints($output, 'config_test/', $why, $http, 'nginx -t');
        $nginx->rewrite_config(http => $http);
        my $position = length $nginx->error_log;
        ok !eval { $nginx->start; 1 }, 'nginx does not start';
        are_complaints(substr($nginx->error_log, $position), '', $why, $http, 'start');
        is_deeply listing(), $before, 'nothing is left behind';

        $nginx->rewrite_config(http => "webhook_dedup_zone zone=events:1m;\n$SERVER");
        $nginx->start;
        my $id = unique_id();
        is outcome_of($id), 'delivered', 'without the file it serves';
        $nginx->rewrite_config(http => $http);
        $position = length $nginx->error_log;
        ok !$nginx->reload, 'a reload is refused';
        are_complaints(substr($nginx->error_log, $position), '', $why, $http, 'reload');
        is outcome_of($id), 'duplicate', 'what runs goes on';
        is_deeply listing(), $before, 'nothing is left behind';
    };
}

sub are_complaints ($text, $folder, $why, $http, $when) {
    my $place = directory() . "/${folder}http.conf:" . marked_line($http);
    my @found = complaints($text);
    is scalar(@found), 1, "$when: one complaint" or diag $text;
    like $found[0] // '', qr/\Acannot use the zone "events": $why in \Q$place\E\z/,
        "$when: the complaint and its place";
}

# Each makes something else of the file; returns what is wrong.
my %UNUSABLE = (
    'a directory' => sub {
        mkdir $PATH or die "$PATH: $!";
        return qr/cannot open the state file "\Q$PATH\E": Is a directory/;
    },
    'a pipe' => sub {
        POSIX::mkfifo($PATH, 0600) or die "$PATH: $!";
        return qr/the state file "\Q$PATH\E" is not a regular file/;
    },
    'a symbolic link' => sub {
        write_file("$FOLDER/other", '', 0600);
        symlink "$FOLDER/other", $PATH or die "$PATH: $!";
        return qr/the state file "\Q$PATH\E" is a symbolic link/;
    },
    'a symbolic link to nothing' => sub {
        symlink "$FOLDER/nothing", $PATH or die "$PATH: $!";
        return qr/the state file "\Q$PATH\E" is a symbolic link/;
    },
    'a file with two names' => sub {
        write_file($PATH, '', 0600);
        link $PATH, "$FOLDER/second" or die "$PATH: $!";
        return qr/the state file "\Q$PATH\E" has several names/;
    },
    'a file that its group may write' => sub {
        write_file($PATH, '', 0660);
        return qr/the state file "\Q$PATH\E" is writable by group or others; set mode 0600/;
    },
    'a file that everybody may write' => sub {
        write_file($PATH, '', 0602);
        return qr/the state file "\Q$PATH\E" is writable by group or others; set mode 0600/;
    },
);

start_afresh();
for my $name (sort keys %UNUSABLE) {
    $nginx->stop;
    remove_tree($FOLDER, { keep_root => 1 });
    my $why = $UNUSABLE{$name}->();
    is_refused($name, $why);
}
# What may be another's, and must stay where it is.
my %FOREIGN = (
    'text'           => "Nothing of nginx's is in here.\n" x 5000,
    'a short text'   => "not a state file\n",
    'a shorter text' => "7\n",
    'noise'          => "\1" . noise((1 << 20) - 1),
);

for my $name (sort keys %FOREIGN) {
    $nginx->stop;
    remove_tree($FOLDER, { keep_root => 1 });
    write_file($PATH, $FOREIGN{$name}, 0600);
    my $why = 'holds something else than a memory of webhook_dedup_zone: another path is meant, or the file is to be removed';
    is_refused("what is not ours, $name", qr/the state file "\Q$PATH\E" $why/);
    ok slurp($PATH) eq $FOREIGN{$name}, "$name: its bytes are what they were";
}
remove_tree($FOLDER, { keep_root => 1 });

is_refused('no such folder', qr/cannot make the state file "\Q$FOLDER\E\/missing\/events": No such file or directory/,
    conf(path => "$FOLDER/missing/events"));

write_file("$FOLDER/file", 'text');
is_refused('a folder that is a file', qr/cannot open the state file "\Q$FOLDER\E\/file\/events": Not a directory/,
    conf(path => "$FOLDER/file/events"));
unlink "$FOLDER/file";

subtest 'a file of somebody else' => sub {
    plan skip_all => 'only root can give a file away' if $> != 0;
    write_file($PATH, '', 0600);
    chown 65534, 65534, $PATH or die "$PATH: $!";
    my $why = 'belongs to the user 65534, not to the one that nginx is started by, 0';
    is_refused('nobody\'s', qr/the state file "\Q$PATH\E" $why/);
    unlink $PATH;
};

# Mounts are this process's own, and go with it.
sub mounted ($options) {
    my %UNSHARE = (x86_64 => 272, aarch64 => 97);
    my $number  = $UNSHARE{ (POSIX::uname())[4] } // return;
    state $private = !syscall($number, 0x20000) && command_works(qw(mount --make-rprivate /));
    return $private && command_works('mount', '-t', 'tmpfs', '-o', "mode=0700,$options", 'tmpfs', $FOLDER);
}

sub command_works (@command) {
    return !run_command(command => \@command, output => directory() . '/mount.output');
}

subtest 'a folder that is read-only' => sub {
    if ($> != 0) {
        chmod 0500, $FOLDER;
        is_refused('by its mode', qr/cannot make the state file "\Q$PATH\E": Permission denied/);
        chmod 0700, $FOLDER;
        return;
    }
    plan skip_all => 'this root cannot mount a file system' unless mounted('ro');
    is_refused('a file system', qr/cannot make the state file "\Q$PATH\E": Read-only file system/);
    $nginx->stop;
    command_works('umount', $FOLDER) or die 'umount';
};

subtest 'a disk that is full' => sub {
    plan skip_all => 'not root, who alone can mount a small file system' if $> != 0;
    plan skip_all => 'this root cannot mount a file system' unless mounted('size=64k');
    is_refused('no room for it', qr/cannot make the state file "\Q$PATH\E" of 1048576 bytes: No space left on device/);
    subtest 'room for one' => sub {
        my $no_space = qr/cannot make the state file .* of 40960 bytes: No space left/;
        $nginx->stop;
        $nginx->rewrite_config(http => conf(size => '48k'));
        $nginx->start;
        my @ids = delivered_events(3);
        $nginx->rewrite_config(http => conf(size => '40k'));
        my $position = length $nginx->error_log;
        ok !$nginx->reload, 'a reload that needs more is refused';
        like substr($nginx->error_log, $position), $no_space, 'with the reason';
        are(duplicate => \@ids, 'what runs goes on');
        is_deeply listing(), ['events'], 'nothing is left behind';
        $nginx->stop;
        $position = length $nginx->error_log;
        ok !eval { $nginx->start; 1 }, 'so is a start';
        like substr($nginx->error_log, $position), $no_space, 'with the reason';
        is_deeply listing(), ['events'], 'nothing is left behind';
        $nginx->rewrite_config(http => conf(size => '48k'));
        $nginx->start;
        are(duplicate => \@ids, 'the old size is good still');
        $nginx->stop;
    };
    command_works('umount', $FOLDER) or die 'umount';
};

# As containers do it. Nothing can be renamed to it.
subtest 'a file that is a mount point' => sub {
    plan skip_all => 'not root, who alone can mount a file' if $> != 0;
    plan skip_all => 'this root cannot mount a file system' unless mounted('size=4m');
    write_file($_, '', 0600) for "$FOLDER/outside", $PATH;
    command_works('mount', '--bind', "$FOLDER/outside", $PATH) or die 'mount';
    is_refused('a file', qr/the state file "\Q$PATH\E" is a mount point; mount its directory instead/);
    $nginx->stop;
    command_works('umount', $_) or die "umount $_" for $PATH, $FOLDER;
};

subtest 'two zones with one file' => sub {
    my $second = 'the state file "[^"]*" is that of the zone "events" already';
    for my $path ($PATH, "$FOLDER/./events", "$FOLDER/../state/events", 'state/events') {
        my @zones = ("events:1m state=$PATH", "others:1m state=$path");
        my $http  = join('', map { "webhook_dedup_zone zone=$_;\n" } @zones) . $SERVER;
        my ($code, $output) = config_test(http => $http);
        isnt $code, 0, "$path: nginx -t fails";
        my $place = directory() . '/config_test/http.conf:2';
        like join("\n", complaints($output)), qr/$second in \Q$place\E\z/, "$path: the complaint and its place";
    }
};

# -- A file that is locked

# Patience with a file that another process is restoring takes seconds: this goes on beside the rest.
# What one zone gives up is closed: another that went on with it would refuse every event.
subtest 'a zone takes the file of another' => sub {
    start_afresh("webhook_dedup_zone zone=others:1m state=$PATH;\n" . conf(path => "$FOLDER/own"));
    my @ids = delivered_events(3);
    allow_log(qr/is that of the zone "(?:others|events)" until/);
    for my $others ('', "webhook_dedup_zone zone=others:1m;\n", "webhook_dedup_zone zone=others:1m state=$FOLDER/own;\n") {
        $nginx->rewrite_config(http => $others . conf());
        ok !$nginx->reload, 'is refused';
        like $nginx->error_log, qr/the state file "\Q$PATH\E" is that of the zone "others" until nginx is restarted/, 'and told why';
        are(duplicate => \@ids, 'the old configuration remembers');
        delivered_events(2);
    }
};

subtest 'a name that only a predecessor may have' => sub {
    my ($code, $output) = config_test(http => conf(path => "$FOLDER/events.earlier-0"));
    isnt $code, 0, 'nginx -t fails';
    like $output, qr/invalid "state=[^"]*earlier-0" in "webhook_dedup_zone"/, 'and says why';
};

# A folder may be open to others, as /dev/shm is.
subtest 'what others call predecessors is in nobody\'s way' => sub {
    start_afresh();
    my @ids = delivered_events(3);
    ok $nginx->stop, 'nginx ends';
    write_file("$PATH.earlier-0", 'something else');
    write_file("$PATH.earlier-1", '', 0666);
    symlink '/etc/passwd', "$PATH.earlier-2" or die "symlink: $!";
    mkdir "$PATH.earlier-3" or die "mkdir: $!";
    POSIX::mkfifo("$PATH.earlier-4", 0600) or die "mkfifo: $!";
    $nginx->start;
    are(duplicate => \@ids, 'nginx starts, and all is known');
    is slurp("$PATH.earlier-0"), 'something else', 'what is not ours is left alone';
    like $nginx->error_log, qr/\[error\].*"\Q$PATH\E\.earlier-$_"/, "earlier-$_ is told of" for 0, 2, 3, 4;
    reload_with(conf(size => '2m'));
    are(duplicate => \@ids, 'another size finds another name');
};

sub start_on_locked_file () {
    my $folder = make_directory('locked', 0755);
    my $path   = write_file("$folder/events", 'x', 0600);
    # struct flock: type F_WRLCK, whence SEEK_SET, start and length 0.
    open my $file, '+<', $path or die "$path: $!";
    my $lock = pack 's s x4 q q i x4', 1, 0, 0, 0, 0;
    fcntl $file, $F_OFD_SETLK, $lock or die "lock $path: $!";
    my $config = Webhook::Nginx::write_config($folder, daemon => 0,
        http => conf(path => $path) =~ s/8080/8090/r);
    my $binary  = $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx';
    my $process = exec_child(
        command => [ $binary, '-p', $folder, '-e', "$folder/error.log", '-c', $config ],
        output  => "$folder/output",
        env     => Webhook::Nginx::environment({}),
    );
    return { process => $process, file => $file, path => $path, folder => $folder };
}

subtest 'a file that another process has locked' => sub {
    ok wait_for(sub { process_ended($locked->{process}) }, 15, 'nginx gives up'), 'nginx gives up';
    isnt $?, 0, 'does not start';
    my $why = "the state file \"$locked->{path}\" is locked by another process";
    is_deeply [ complaints(slurp("$locked->{folder}/error.log")) ],
        [ "cannot use the zone \"events\": $why in $locked->{folder}/http.conf:1" ], 'and says why';
    is slurp($locked->{path}), 'x', 'the file is as it was';
};

$nginx->stop;
start_afresh();
is outcome_of(unique_id()), 'delivered', 'nginx serves in the end';

finish();
