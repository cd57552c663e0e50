package Chaos::Conductor;

# Brings down what is to be brought down, in random order, spread over the run.

use v5.36;

use Chaos::Sender;
use Chaos::Sockets qw(make_nonblocking now);
use Chaos::Upstream;
use List::Util qw(max min shuffle);
use Webhook::Process qw(end_process fork_child process_ended);
use Webhook::Sandbox qw(address directory slurp);
use Time::HiRes qw(sleep);

use constant {
    BLOCK           => 65_536,
    POLL_INTERVAL   => 0.002,
    PATIENCE        => 30,
    LAST_RETRIES    => 60,      # seconds after the last fault
    AHEAD           => 0.02,    # of the run: so far the sender may be ahead of the faults, or behind
    FEWEST_WRITES   => 0.8,     # per death inside, for each delivery that may be known
    LOOK_EVERY      => 0.1,
    UPSTREAM_PORT   => 9000,
};

my $UPSTREAM_KILLED = 'upstream killed and started again';

# What is done, in words; the time for it, in seconds, until the next one; what it is for the gate.
my @FAULTS = (
    { name => $UPSTREAM_KILLED,                    seconds => 0.15 },
    { name => 'worker killed',                     seconds => 0.15, gate => 'kill_worker' },
    { name => 'nginx reloaded',                    seconds => 0.2,  gate => 'reload' },
    { name => 'reloaded with another zone size',   seconds => 0.4,  gate => 'resize' },
    { name => 'binary upgraded',                   seconds => 0.8,  gate => 'upgrade',  needs_state => 1 },
    { name => 'nginx restarted',                   seconds => 0.6,  gate => 'restart',  needs_state => 1 },
    { name => 'nginx killed as a whole',           seconds => 0.3,  gate => 'kill_all', needs_state => 1 },
);

# seed, faults, deliveries, choice, secret, state, forgetful, dies_inside; gate: one nginx, or a fleet of them; kinds: of
# faults, other than those above
sub new ($class, %options) {
    my $self = bless { %options, reports => '', begun => 0, fraction => 0, count => {}, errors => [] }, $class;
    $self->{kinds} = [ grep { $options{state} || !$_->{needs_state} } $FAULTS[0], @{ $options{kinds} // [ @FAULTS[ 1 .. $#FAULTS ] ] } ];
    open $self->{log}, '>', directory() . '/faults.log' or die "faults.log: $!";
    $self->{log}->autoflush;
    return $self;
}

sub kinds ($self) { return map { $_->{name} } @{ $self->{kinds} } }
sub count ($self) { return $self->{count} }
sub upstream_kills ($self) { return $self->{count}{$UPSTREAM_KILLED} // 0 }
sub deliveries ($self) { return $self->{begun} }
sub errors ($self) { return @{ $self->{errors} } }
sub note_error ($self, $error) { push @{ $self->{errors} }, $error =~ s/\n\z//r }
sub seconds ($self) { return ($self->{ended} // now()) - $self->{started} }

sub run ($self) {
    srand $self->{seed};
    my @faults = shuffle(map { ($_) x $self->{faults} } @{ $self->{kinds} });
    $self->{planned} = 0.5;
    $self->{planned} += $_->{seconds} for @faults;
    $self->_start_upstream;
    $self->{gate}->start;
    $self->_start_sender;
    $self->{started} = now();
    my $done = 0;
    for my $fault (@faults) {
        $self->_pace($done++ / @faults);
        $self->_inflict($fault, rand);
    }
    $self->_pace(1);
    $self->_order('finish');
    $self->_finish;
    $self->{ended} = now();
}

# -- the run's pace

# Waits until the fault's time has come and the sender has come as far.
sub _pace ($self, $fraction) {
    $self->{fraction} = $fraction;
    printf STDERR "\r%3d %%\r", 100 * $fraction if -t STDERR;
    my $passed = now() - $self->{started};
    my $length = max($self->{planned}, $fraction > 0.05 ? $passed / $fraction : 0);
    my $time   = $self->{started} + $fraction * $self->{planned};
    my $due    = $fraction * $self->{deliveries};
    my $slack  = max(2, AHEAD * $self->{deliveries});
    $self->_order(sprintf 'pace %d %.3f', $due + $slack, max($length - $passed, 0.1));
    my $has_come = sub { now() >= $time && $self->{begun} >= $due - $slack };
    $self->wait($has_come, $self->{planned} + PATIENCE, 'the sender keeps up');
}

sub _finish ($self) {
    my $is_done  = sub { $self->{all_begun} && !$self->{unfinished} };
    my $patience = LAST_RETRIES + $self->{deliveries} / 500;
    eval { $self->wait($is_done, $patience, 'all are accepted') } or $self->note_error($@);
    $self->_order('end');
    $self->wait(sub { process_ended($self->{sender}) }, PATIENCE, 'the sender ends', 'ending');
    delete $self->{sender};
    $self->{gate}->await_retiring;
    $self->{gate}->stop('QUIT');
    end_process(delete $self->{upstream}, [ TERM => 2 ], [ KILL => 2 ]) if $self->{upstream};
    $self->note_error("$_: " . slurp($_)) for grep { -s } map { directory() . "/$_.log" } qw(sender upstream stderr);
}

# -- the faults

sub _inflict ($self, $fault, $number) {
    my $start = now();
    $self->_set_deaths if $self->{dies_inside};
    my $method = $fault->{gate};
    my $detail = $method ? $self->{gate}->$method($number) : $self->_kill_upstream($number);
    ++$self->{count}{ $fault->{name} };
    printf { $self->{log} } "%.6f %.6f %s (%s)\n", $start, now(), $fault->{name}, $detail;
}

# Workers kill themselves at one in so many of their writes to the shared memory, so that there are as
# many deaths as wanted in the end. Who repairs the memory links all that it holds, and may be killed
# over that as well: most deaths come early, while there is little, and never so densely that the
# repairs would come to no end.
sub _set_deaths ($self) {
    my $gate   = $self->{gate};
    my $least  = FEWEST_WRITES * ($self->{begun} + max(2000, $self->{deliveries} / 10));
    my $every  = $gate->{die_every} || $least;
    my $scarce = $gate->suicides < 1.3 * sqrt($self->{fraction}) * $self->{faults};
    $every *= $scarce ? 0.7 : 1.4;
    $gate->{die_every} = int min(max($every, $least), 50 * $least);
}

# It is started again later, meanwhile other things happen.
sub _kill_upstream ($self, $number) {
    $self->wait(sub { $self->{upstream} }, PATIENCE, 'the upstream is back');
    my $process = delete $self->{upstream};
    kill KILL => $process;
    $self->wait(sub { process_ended($process) }, PATIENCE, 'the upstream is dead');
    $self->{upstream_due} = now() + 0.02 + 0.2 * $number;
    return $process;
}

# -- the others

sub _start_upstream ($self) {
    delete $self->{upstream_due};
    my $errors = directory() . '/upstream.log';
    $self->{upstream} = fork_child(sub {
        close $_ for grep { defined } @$self{qw(orders report_end)};
        open STDERR, '>>', $errors or die "$errors: $!";
        Chaos::Upstream::serve(
            address => address(), port => UPSTREAM_PORT, choice => $self->{choice},
            ledger_path => directory() . '/ledger', forgetful => $self->{forgetful},
        );
    });
}

sub _start_sender ($self) {
    pipe my $orders_end, $self->{orders} or die "pipe: $!";
    pipe $self->{report_end}, my $reports or die "pipe: $!";
    $self->{orders}->autoflush;
    make_nonblocking($self->{report_end});
    my $errors = directory() . '/sender.log';
    $self->{sender} = fork_child(sub {
        close $self->{orders};
        open STDERR, '>>', $errors or die "$errors: $!";
        Chaos::Sender::run(
            (map { $_ => $self->{$_} } qw(seed choice deliveries secret)),
            address => address(), ports => [ $self->{gate}->ports ], record_path => directory() . '/record',
            orders => $orders_end, reports => $reports,
        );
    });
}

sub _order ($self, $order) { print { $self->{orders} } "$order\n" }

sub _read_reports ($self) {
    my $count = sysread $self->{report_end}, $self->{reports}, BLOCK, length $self->{reports};
    return unless $count;
    $self->{reports} =~ s/^.*\n(?=.*\n)//s;
    @$self{qw(begun unfinished all_begun)} = ($1, $2, $3) if $self->{reports} =~ s/^(\d+) (\d+) (\d+)\n//;
}

# Meanwhile the upstream comes back, and nobody may die unasked.
sub _tend ($self, $ending = '') {
    $self->_read_reports if $self->{report_end};
    $self->_start_upstream if $self->{upstream_due} && now() >= $self->{upstream_due};
    $self->_look_into_log;
    my @expected = ('upstream', $ending ? () : 'sender');
    for my $name (grep { $self->{$_} && process_ended($self->{$_}) } @expected) {
        die "the $name died: ", slurp(directory() . "/$name.log"), "\n";
    }
}

sub _look_into_log ($self) {
    return if now() < ($self->{looked} // 0) + LOOK_EVERY;
    $self->{looked} = now();
    $self->{gate}->suicides;
}

sub wait ($self, $condition, $seconds, $what, $ending = '') {
    my $deadline = now() + $seconds;
    while (1) {
        $self->_tend($ending);
        my $value = $condition->();
        return $value if $value;
        die "in $seconds s it did not come that $what\n" if now() >= $deadline;
        sleep POLL_INTERVAL;
    }
}

1;
