# The fault harness for a fleet: a sender that tries each time another node, an upstream that fails, and three nginx
# with one memory in Redis, all of which is killed, cut and held up. Run it with `make chaos-fleet`.
#
# The seed decides what happens and in which order, as for chaos.pl.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib", "$Bin/../lib";

use Chaos::Choice;
use Chaos::Conductor;
use Chaos::Fleet;
use Chaos::FleetJudge;
use Chaos::Gate;
use Chaos::Guardian qw(end_guardian start_guardian sweep);
use Getopt::Long qw(GetOptions);
use List::Util qw(min);
use Webhook::Process qw(kill_remaining);
use Webhook::Proxy;
use Webhook::Redis qw(redis_missing);
use Webhook::Sandbox qw(directory is_owner remove_directory);

use constant SECRET => 'a secret of the fault harness';

my $USAGE = <<'TEXT';
usage: fleet.pl --redis keeps|forgets [--deliveries N] [--faults N] [--seed N]
                [--sabotage no-redis|forgetful-upstream]
TEXT

my %option = (redis => '', deliveries => 20_000, faults => 20, seed => undef, sabotage => '');
GetOptions(\%option, qw(redis=s deliveries=i faults=i seed=i sabotage=s)) && !@ARGV && $option{deliveries} > 0
    && $option{redis} =~ /^(?:keeps|forgets)$/ && $option{sabotage} =~ /^(?:|no-redis|forgetful-upstream)$/ or die $USAGE;
$option{seed} //= time % 1_000_000;
my $KEEPS = $option{redis} eq 'keeps';

my $failed = 1;

$| = 1;
@SIG{qw(INT TERM HUP)} = (sub { $failed = 0; exit 130 }) x 3;

END {
    if (is_owner()) {
        my $code = $?;
        Webhook::Proxy::stop_all();
        Webhook::Redis::stop_all();
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
    if (my $why = redis_missing()) {
        say "skipped: $why";
        return $failed = 0;
    }
    row('seed', $option{seed});
    row('Redis', $option{redis});
    start_guardian(directory());
    my $conductor;
    my $fleet = Chaos::Fleet->new(
        secret => SECRET, keeps => $KEEPS, remembers => $option{sabotage} ne 'no-redis',
        wait => sub (@arguments) { $conductor->wait(@arguments) },
    );
    $conductor = Chaos::Conductor->new(
        (map { $_ => $option{$_} } qw(seed faults deliveries)),
        choice => Chaos::Choice->new(map { $_ => $option{$_} } qw(seed faults deliveries)),
        secret => SECRET, gate => $fleet, kinds => [ Chaos::Fleet::kinds($KEEPS) ],
        forgetful => $option{sabotage} eq 'forgetful-upstream',
    );
    if (!eval { $conductor->run; 1 }) {
        $conductor->note_error($@);
        sweep(directory());
    }
    my $judge = Chaos::FleetJudge->new(
        folder => directory(), nodes => [ Chaos::Fleet::node_names() ], upstream_kills => $conductor->upstream_kills,
        killed => $fleet->killed, terminated => $fleet->terminated, keeps => $KEEPS, disturbances => $fleet->disturbances,
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
    my %faults = map { $_ => $conductor->count->{$_} // 0 } $conductor->kinds;
    my @scarce = grep { $faults{$_} < $option{faults} } sort keys %faults;
    push @scarce, 'deliveries' if $conductor->deliveries < $option{deliveries};
    row($_, $faults{$_}) for $conductor->kinds;
    row('upstream: ' . $_ =~ tr/_/ /r, $actions->{$_}) for sort keys %$actions;

    say "\nanswers";
    row($_ =~ tr/_/ /r, $outcomes->{$_}) for sort { $outcomes->{$b} <=> $outcomes->{$a} } keys %$outcomes;

    my @errors = ($conductor->errors, $judge->errors);
    say '';
    row('events accepted more than once before their acknowledgement', $judge->accepted_twice);
    row('delivered twice at once', $judge->delivered_twice_at_once);
    # Nodes that decide alone know nothing of each other.
    $judge->allow_twice_at_once unless $KEEPS;
    row('repeated once more per node and disturbance', $judge->excused) unless $KEEPS;
    row('errors', scalar @errors);
    row('lost', $judge->lost);
    row('repeated after acknowledgement', $judge->repeated);
    print map { "\n$_" } $judge->histories;
    print map { "error: $_\n" } @errors[ 0 .. min(19, $#errors) ];
    print map { "too few: $_\n" } @scarce;
    return $judge->lost || $judge->repeated || $judge->delivered_twice_at_once || @errors || @scarce;
}

sub row ($name, $value) { printf "  %-60s %10s\n", $name, $value }
