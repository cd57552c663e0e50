# The fault harness: a sender that retries, an upstream that fails, and everything between them killed,
# reloaded, upgraded and restarted. Run it with `make chaos`.
#
# The seed decides what happens and in which order. When it happens is the machine's: with the same
# seed a run is given again, not repeated to the microsecond.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib", "$Bin/../lib";

use Chaos::Choice;
use Chaos::Conductor;
use Chaos::Gate;
use Chaos::Guardian qw(end_guardian start_guardian sweep);
use Chaos::Judge;
use Getopt::Long qw(GetOptions);
use List::Util qw(min);
use Webhook::Process qw(kill_remaining);
use Webhook::Sandbox qw(directory is_owner remove_directory);

use constant {
    SECRET => 'a secret of the fault harness',
    # No event may be forgotten for want of room; and much room would only make repairs longer.
    BYTES_PER_DELIVERY => 64,
};

my %ACTION_NAME = (
    error            => 'upstream answers 5xx',
    refusal          => 'upstream answers 4xx',
    hang             => 'upstream hangs',
    reset            => 'upstream resets',
    accept_reset     => 'upstream accepts, then resets',
    accept_hang      => 'upstream accepts, then hangs',
    accept_half_head => 'upstream accepts, then sends half a head',
    accept_half_body => 'upstream accepts, then sends half a body',
    slow             => 'upstream is slow',
);
my @SENDER_FAULTS = ('sender gives up early', 'sender sends twins', 'sender sends again what it saw acknowledged');
my $DEATH_INSIDE  = 'killed while changing the memory';

my $USAGE = <<'TEXT';
usage: chaos.pl [--deliveries N] [--faults N] [--seed N] [--sizes SIZE,SIZE...] [--no-state]
                [--dies-inside] [--sabotage no-dedup|forgetful-upstream]
TEXT

my %option = (
    deliveries => 200_000, faults => 200, seed => undef, sizes => undef, state => 1, 'dies-inside' => 0, sabotage => '',
);
GetOptions(\%option, qw(deliveries=i faults=i seed=i sizes=s state! dies-inside! sabotage=s)) && !@ARGV
    && $option{deliveries} > 0 && $option{sabotage} =~ /^(?:|no-dedup|forgetful-upstream)$/ or die $USAGE;
$option{seed} //= time % 1_000_000;
$option{sizes} //= join ',', map { int($_ * (256 + BYTES_PER_DELIVERY * $option{deliveries} / 1024)) . 'k' } 1, 1.5, 0.8;

my $failed = 1;

$| = 1;
@SIG{qw(INT TERM HUP)} = (sub { $failed = 0; exit 130 }) x 3;

END {
    if (is_owner()) {
        my $code = $?;
        sweep(directory());
        kill_remaining();
        end_guardian();
        if ($failed || $ENV{WEBHOOK_KEEP}) {
            say 'kept ' . directory();
        } else {
            remove_directory();
        }
        $? = $code;
    }
}

exit main();

sub main () {
    row('seed', $option{seed});
    start_guardian(directory());
    my $choice = Chaos::Choice->new(map { $_ => $option{$_} } qw(seed faults deliveries));
    my $conductor;
    my $gate = Chaos::Gate->new(
        secret => SECRET, state => $option{state}, dedup => $option{sabotage} ne 'no-dedup',
        sizes => [ split /,/, $option{sizes} ],
        wait => sub (@arguments) { $conductor->wait(@arguments) },
    );
    $conductor = Chaos::Conductor->new(
        (map { $_ => $option{$_} } qw(seed faults deliveries state)),
        choice => $choice, secret => SECRET, gate => $gate, dies_inside => $option{'dies-inside'},
        forgetful => $option{sabotage} eq 'forgetful-upstream',
    );
    if (!eval { $conductor->run; 1 }) {
        $conductor->note_error($@);
        sweep(directory());
    }
    my $judge = Chaos::Judge->new(
        folder => directory(), upstream_kills => $conductor->upstream_kills, dies_inside => $option{'dies-inside'},
        killed => $gate->killed, terminated => $gate->terminated,
    );
    $failed = report($conductor, $judge);
    return $failed ? 1 : 0;
}

# Returns true when the run shows a fault of the gate, or was too short to show one.
sub report ($conductor, $judge) {
    my ($kinds, $outcomes, $actions) = @$judge{qw(kinds outcomes actions)};
    row('seconds', sprintf '%.0f', $conductor->seconds);
    row('deliveries', $conductor->deliveries);
    row('events', $judge->events);
    row('attempts', $judge->{attempts});
    row('of them retries', $kinds->{retry} // 0);

    say "\nfaults";
    my %faults = faults($conductor, $judge);
    my @scarce = grep { $faults{$_} < $option{faults} } sort keys %faults;
    push @scarce, 'deliveries' if $conductor->deliveries < $option{deliveries};
    push @scarce, 'repairs of the memory' if $option{'dies-inside'} && !$judge->{repairs};
    row($_, $faults{$_}) for fault_names($conductor);

    say "\nanswers";
    row(answer_name($_), $outcomes->{$_}) for sort { $outcomes->{$b} <=> $outcomes->{$a} } keys %$outcomes;

    say "\nmemory";
    row('events accepted more than once before their acknowledgement', $judge->accepted_twice);
    row('repaired after a process died', $judge->{repairs});

    my @errors = ($conductor->errors, $judge->errors);
    say '';
    row('errors', scalar @errors);
    row('delivered twice at once', $judge->delivered_twice_at_once);
    row('lost', $judge->lost);
    row('repeated after acknowledgement', $judge->repeated);
    print map { "\n$_" } $judge->histories;
    print map { "error: $_\n" } @errors[ 0 .. min(19, $#errors) ];
    print map { "too few: $_\n" } @scarce;
    return $judge->lost || $judge->repeated || $judge->delivered_twice_at_once || @errors || @scarce;
}

sub fault_names ($conductor) {
    my @inside = $option{'dies-inside'} ? $DEATH_INSIDE : ();
    return (@ACTION_NAME{@Chaos::Choice::ACTIONS}, $conductor->kinds, @inside, @SENDER_FAULTS);
}

sub faults ($conductor, $judge) {
    my ($kinds, $outcomes, $actions) = @$judge{qw(kinds outcomes actions)};
    my %faults = map { $ACTION_NAME{$_} => $actions->{$_} // 0 } keys %ACTION_NAME;
    $faults{$_} = $conductor->count->{$_} // 0 for $conductor->kinds;
    $faults{$DEATH_INSIDE} = $judge->{suicides} if $option{'dies-inside'};
    @faults{@SENDER_FAULTS} = ($outcomes->{gave_up} // 0, $kinds->{twin} // 0, $kinds->{again} // 0);
    return %faults;
}

sub answer_name ($outcome) { return $outcome =~ tr/_/ /r }

sub row ($name, $value) { printf "  %-58s %10s\n", $name, $value }
