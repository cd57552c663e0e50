# The fault harness in its short form; `make chaos` runs the long one. And it must see what goes wrong.

use FindBin qw($Bin);
use lib "$Bin/chaos/lib";

use Webhook::Test;

use Chaos::Guardian;
use Chaos::Judge;
use Webhook::Process qw(exec_child process_ended);

# What a harness leaves behind is in here.
my $folder   = make_directory('harness');
my $judged   = make_directory('judged');
my $PATIENCE = $ENV{WEBHOOK_PRELOAD} ? 240 : 90;

my ($LOST, $REPEATED) = ('lost', 'repeated after acknowledgement');

# Returns its process and the file that it prints to.
sub start_harness ($name, @arguments) {
    my $output  = directory() . "/$name.output";
    my $process = exec_child(
        command => [ $^X, "$Bin/chaos/chaos.pl", @arguments ],
        output  => $output,
        env     => { TMPDIR => $folder },
    );
    return { process => $process, output => $output };
}

# The exit code, and what was printed.
sub finish_harness ($harness) {
    wait_for(sub { process_ended($harness->{process}) }, $PATIENCE, 'the harness ends') or return (-1, '');
    return ($? >> 8, slurp($harness->{output}));
}

sub count ($text, $name) {
    return $text =~ /^  \Q$name\E +(\d+)$/m ? $1 : undef;
}

# They have little to compute and much to wait for, and so run at the same time.
my %run = (
    short     => start_harness('short',     qw(--deliveries 3000 --faults 3)),
    no_dedup  => start_harness('no_dedup',  qw(--deliveries 300 --faults 0 --sabotage no-dedup)),
    too_small => start_harness('too_small', qw(--deliveries 5000 --faults 0 --sizes 32k)),
    forgetful => start_harness('forgetful', qw(--deliveries 300 --faults 0 --sabotage forgetful-upstream)),
    too_short => start_harness('too_short', qw(--deliveries 5 --faults 1)),
);

subtest 'nothing is lost and nothing repeated' => sub {
    my ($code, $text) = finish_harness($run{short});
    is $code, 0, 'it is content' or diag $text;
    is count($text, $LOST),     0, 'nothing is lost';
    is count($text, $REPEATED), 0, 'nothing is repeated';
    cmp_ok count($text, 'deliveries') // 0,              '>=', 3000, 'deliveries';
    cmp_ok count($text, 'gate duplicate') // 0,          '>=', 600,  'duplicates';
    cmp_ok count($text, 'nginx killed as a whole') // 0, '>=', 3,    'faults';
    note $text;
};

subtest 'it sees repetitions where there is no memory' => sub {
    my ($code, $text) = finish_harness($run{no_dedup});
    is $code, 1, 'it complains';
    cmp_ok count($text, $REPEATED) // 0, '>', 30, 'of events that the upstream got again';
    like $text, qr/^event \d+, repeated;.*sender +attempt 0.*upstream read attempt 0.*attempt 1 \(again\)/ms, 'it tells their history';
};

subtest 'it sees repetitions where the memory is too small' => sub {
    my ($code, $text) = finish_harness($run{too_small});
    is $code, 1, 'it complains';
    cmp_ok count($text, $REPEATED) // 0, '>', 0, 'of events that the upstream got again';
};

subtest 'it sees what is lost' => sub {
    my ($code, $text) = finish_harness($run{forgetful});
    is $code, 1, 'it complains';
    cmp_ok count($text, $LOST) // 0, '>', 0, 'of events that the upstream forgot';
    like $text, qr/^event 7, lost;/m, 'it tells their history';
};

subtest 'it sees that there were too few faults' => sub {
    my ($code, $text) = finish_harness($run{too_short});
    is $code, 1, 'it complains';
    is count($text, $REPEATED), 0, 'not of the gate';
    like $text, qr/^too few: upstream /m, 'but of what did not happen';
};

# Attempts of one event: the first is done when it is, and the second let through when it is.
sub judged ($done, $let_through, $worker = 7) {
    write_file("judged/$_->[0]", join '', map { "$_\n" } @{ $_->[1] }) for
        [ record => ['1 2 0 0 first /plain gave_up -', '2 3 0 1 retry /plain accepted 202'] ],
        [ ledger => ['R 1.1 0 0 slow 1 200 7 100.500', "R 2.1 0 1 accept 1 202 $worker $let_through", 'B 2.2 0 1 0'] ],
        [ 'access.log' => [ "$done 7 0.0 499 accepted - 0.1", "200.000 $worker 0.1 202 accepted 202 0.1" ] ],
        [ 'error.log' => [] ];
    return Chaos::Judge->new(folder => $judged, upstream_kills => 0, killed => {}, terminated => {});
}

subtest 'it tells attempts that are beside each other from those whose end comes late' => sub {
    is judged('100.661', '100.699')->delivered_twice_at_once, 0, 'the worker was done with the first';
    is judged('100.699', '100.661')->delivered_twice_at_once, 1, 'it was not';
    is judged('100.661', '100.661')->delivered_twice_at_once, 1, 'nobody knows';
    is judged('100.661', '100.699', 8)->delivered_twice_at_once, 1, 'the clocks of two workers tell nothing';
};

subtest 'a harness that is killed leaves nothing running' => sub {
    my $harness = start_harness('killed', qw(--deliveries 100000 --faults 100));
    wait_for(sub { glob "$folder/*/nginx.pid" }, 20, 'nginx runs');
    kill KILL => $harness->{process};
    wait_for(sub { process_ended($harness->{process}) }, 5, 'the harness is dead');
    ok wait_for(sub { !Chaos::Guardian::users_of($folder) }, 10, 'all others are'), 'nginx and the others are gone'
        or kill KILL => Chaos::Guardian::users_of($folder);
};

finish();
