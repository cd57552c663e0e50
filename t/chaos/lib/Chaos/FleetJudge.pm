package Chaos::FleetJudge;

# The judge of a fleet. What is lost is judged as for one nginx. What is repeated is, too, while Redis keeps what it
# acknowledged. Where it forgets, or nodes decide without it, an event may come again: at each node, once for each
# time that Redis forgot, that a node could not reach it or that a node died, since the upstream first got the event.
# What one node alone has delivered, the others do not know.

use v5.36;

use parent -norequire, 'Chaos::Judge';

use Chaos::Judge;
use List::Util qw(min);

# As long as a node may take to find Redis again, and a commit of before may be on its way.
use constant AFTERWARDS => 8;

# keeps; disturbances: { from, to }
sub new ($class, %options) {
    my $self = $class->SUPER::new(%options);
    $self->_bound_repetitions unless $options{keeps};
    return $self;
}

sub _bound_repetitions ($self) {
    my @beyond;
    for my $event (@{ $self->{repeated} }) {
        my $acknowledged = $self->{acknowledged}{$event};
        my $first        = min(map { $_->[0] } @{ $self->{received}{$event} });
        my %again;
        for my $receipt (grep { $_->[0] > $acknowledged } @{ $self->{received}{$event} }) {
            my $worker = ($self->{let_through}{"$event.$receipt->[1]"} // [])->[0];
            push @{ $again{ $self->{node_of}{ $worker // '' } // '?' } }, $receipt->[0];
        }
        push @beyond, $event if grep { @$_ > $self->_excuses($first, $_->[-1]) } values %again;
    }
    $self->{excused}  = @{ $self->{repeated} } - @beyond;
    $self->{repeated} = \@beyond;
}

sub _excuses ($self, $from, $to) {
    return scalar grep { $_->{from} <= $to && ($_->{to} // $to) + AFTERWARDS >= $from } @{ $self->{disturbances} };
}

sub allow_twice_at_once ($self) { $self->{both} = [] }
sub excused ($self) { return $self->{excused} // 0 }

1;
