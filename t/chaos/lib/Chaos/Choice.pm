package Chaos::Choice;

# All that chance decides about events and attempts. Each choice follows from the seed and from what
# it is about, never from the order in which the choices are made: the sender and the upstream agree
# without talking, and an upstream that is started anew goes on where the last one ended.

use v5.36;

use Digest::MD5 qw(md5);

# In the order in which the upstream's shares of chance lie side by side. "slow" has more than its share.
our @ACTIONS = qw(
    error refusal hang reset accept_reset accept_hang accept_half_head accept_half_body slow
);

use constant {
    LEAST_SHARE  => 0.01,    # of the attempts, for each action
    MOST_SHARE   => 0.05,
    SLOW_SHARE   => 4,
    LOCATIONS    => [qw(/plain /wait /keys)],
    STATUSES     => [200, 201, 202, 204],
    ERRORS       => [500, 502, 503, 504],
    REFUSALS     => [400, 404, 409, 410, 422, 429],
    TWINS        => 0.08,    # of the events
    RESENT_SOON  => 0.15,
    RESENT_LATER => 0.20,
};

sub new ($class, %options) {
    my $wanted = 3 * $options{faults} / $options{deliveries};
    my $share  = $wanted < LEAST_SHARE ? LEAST_SHARE : $wanted > MOST_SHARE ? MOST_SHARE : $wanted;
    my @limits;
    my $limit = 0;
    for my $action (@ACTIONS) {
        $limit += $action eq 'slow' ? SLOW_SHARE * $share : $share;
        push @limits, [ $limit, $action ];
    }
    return bless { seed => $options{seed}, limits => \@limits }, $class;
}

# Four numbers from 0 up to 1.
sub _dice ($self, @about) {
    return map { $_ / 2**32 } unpack 'N4', md5(join ' ', $self->{seed}, @about);
}

sub _pick ($list, $number) { return $list->[ $number * @$list ] }

# How many deliveries an event makes, on average.
sub deliveries_per_event () { return 1 + TWINS + RESENT_SOON + RESENT_LATER }

# twin: seconds after the event's first attempt; soon: seconds after the acknowledgement; later: where
# between now and the end of the run.
sub event ($self, $event) {
    my ($twin, $soon, $later, $when) = $self->_dice(event => $event);
    return {
        twin  => $twin < TWINS         ? ($when < 0.5 ? 0 : $when * 0.04) : undef,
        soon  => $soon < RESENT_SOON   ? $when * $when / 2 : undef,
        later => $later < RESENT_LATER ? $when : undef,
        size  => 60 + int(1400 * $when * $soon),
    };
}

# What the upstream does with an attempt, and with what status or delay.
sub upstream ($self, $event, $attempt) {
    my ($action, $value, $when) = $self->_dice(upstream => $event, $attempt);
    my ($limit) = grep { $action < $_->[0] } @{ $self->{limits} };
    my $name    = $limit ? $limit->[1] : 'accept';
    return {
        action  => $name,
        status  => _pick($name eq 'error' ? ERRORS : $name eq 'refusal' ? REFUSALS : STATUSES, $value),
        delay   => 0.05 + 0.35 * $when,
        first   => $value * 16 % 2,    # of two ways to do it, the first one
    };
}

# To which of so many nodes the sender makes an attempt.
sub node ($self, $event, $attempt, $nodes) {
    return int $nodes * ($self->_dice(node => $event, $attempt))[0];
}

# How the sender makes an attempt. Without a patience it waits as long as it always does.
sub attempt ($self, $event, $attempt) {
    my ($location, $reuses, $leaves, $jitter) = $self->_dice(attempt => $event, $attempt);
    my $answer = $self->upstream($event, $attempt);
    my $hangs  = $answer->{action} =~ /hang/;
    my $slow   = $answer->{action} eq 'slow';
    return {
        location => _pick(LOCATIONS, $location),
        reuses   => $reuses < 0.8,
        patience => $leaves > 0.5 ? undef : $slow ? $answer->{delay} * 0.6 : $hangs ? 0.3 : undef,
        jitter   => $jitter,
    };
}

1;
