# The fault harness of a fleet in its short form; `make chaos-fleet` runs the long one. And it must see what goes wrong.

use FindBin qw($Bin);

use Webhook::Test;

use Webhook::Process qw(exec_child process_ended);

plan skip_all => redis_missing() if redis_missing();

# What a harness leaves behind is in here.
my $folder   = make_directory('harness');
my $PATIENCE = $ENV{WEBHOOK_PRELOAD} ? 240 : 90;

my ($LOST, $REPEATED) = ('lost', 'repeated after acknowledgement');

sub start_harness ($name, @arguments) {
    my $output  = directory() . "/$name.output";
    my $process = exec_child(
        command => [ $^X, "$Bin/chaos/fleet.pl", @arguments ],
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

sub count ($text, $name) { return $text =~ /^  \Q$name\E +(\d+)$/m ? $1 : undef }

my %run = (
    keeps     => start_harness('keeps',     qw(--redis keeps --deliveries 1500 --faults 2)),
    forgets   => start_harness('forgets',   qw(--redis forgets --deliveries 1500 --faults 2)),
    no_redis  => start_harness('no_redis',  qw(--redis keeps --deliveries 300 --faults 0 --sabotage no-redis)),
    no_memory => start_harness('no_memory', qw(--redis forgets --deliveries 300 --faults 0 --sabotage no-redis)),
    forgetful => start_harness('forgetful', qw(--redis keeps --deliveries 300 --faults 0 --sabotage forgetful-upstream)),
);

subtest 'nothing is lost and nothing repeated while Redis keeps what it has' => sub {
    my ($code, $text) = finish_harness($run{keeps});
    is $code, 0, 'it is content' or diag $text;
    is count($text, $LOST),     0, 'nothing is lost';
    is count($text, $REPEATED), 0, 'nothing is repeated';
    cmp_ok count($text, 'gate duplicate') // 0, '>=', 100, 'duplicates';
    cmp_ok count($text, 'node killed and started again') // 0, '>=', 2, 'faults';
    note $text;
};

subtest 'nothing is lost, and what is repeated is bounded, where Redis forgets' => sub {
    my ($code, $text) = finish_harness($run{forgets});
    is $code, 0, 'it is content' or diag $text;
    is count($text, $LOST),     0, 'nothing is lost';
    is count($text, $REPEATED), 0, 'nothing is repeated more often than it may be';
    note $text;
};

subtest 'it sees repetitions where the nodes have no memory in common' => sub {
    for my $name (qw(no_redis no_memory)) {
        my ($code, $text) = finish_harness($run{$name});
        is $code, 1, 'it complains';
        cmp_ok count($text, $REPEATED) // 0, '>', 20, 'of events that the upstream got again';
    }
};

subtest 'it sees what is lost' => sub {
    my ($code, $text) = finish_harness($run{forgetful});
    is $code, 1, 'it complains';
    cmp_ok count($text, $LOST) // 0, '>', 0, 'of events that the upstream forgot';
};

finish();
