package Chaos::Judge;

# Holds what the sender saw against what the upstream noted, and reads nginx' log.
#
# Both times of a comparison are taken where they are hard on the gate: a receipt after its bytes have
# been read, an acknowledgement when its head has been read. No receipt is excused.

use v5.36;

use List::Util qw(min);

use constant {
    SHOWN  => 5,      # events whose history is told
    AROUND => 0.3,    # seconds before and after what happened to it, of which the faults are told
};

my $UNEXPECTED = qr/^(?:strange|answer_to_another|timed_out|gate_(?!duplicate$|in_flight$|unavailable$).*)$/;

# What nginx says at [alert] of a process that was killed.
my $KILLED = qr/(worker|new binary) process (\d+) exited on signal 9/;
# What a worker says when it is told to end at once while it is shutting down gracefully.
my $CUT_SHORT = qr/ (\d+)#\d+: (?:\*\d+ open socket #\d+ left in connection|aborting$)/;

my $SANITIZER = qr/(?:Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:|terminate called/;

# folder, upstream_kills, dies_inside; killed, terminated: {pid => ...}; nodes: the folders of their logs, in that folder
sub new ($class, %options) {
    my $self = bless {
        %options, acknowledged => {}, accepted => {}, answered => {}, received => {}, beside => [],
        let_through => {}, done => {}, nodes => $options{nodes} // [''],
        attempts => 0, kinds => {}, outcomes => {}, actions => {}, duplicates => [],
        torn => 0, errors => [],
    }, $class;
    $self->_read_record;
    $self->_read_ledger;
    $self->_read_access_log;
    $self->_read_log;
    $self->_judge;
    return $self;
}

# -- what they noted

sub _lines ($self, $name, $code) {
    open my $file, '<', "$self->{folder}/$name" or die "$self->{folder}/$name: $!";
    while (my $line = <$file>) {
        chomp $line;
        $code->($line);
    }
}

sub _lines_of_nodes ($self, $name, $code) {
    for my $node (@{ $self->{nodes} }) {
        $self->_lines("$node/$name", sub ($line) { $code->($line, $node) });
    }
}

sub _read_record ($self) {
    $self->_lines('record', sub ($line) {
        my ($start, $end, $event, $number, $kind, $location, $outcome, $status) = split ' ', $line;
        return unless defined $status;    # the sender was killed
        ++$self->{attempts};
        ++$self->{kinds}{$kind};
        ++$self->{outcomes}{$outcome};
        $self->{events}{$event} = 1;
        push @{ $self->{errors} }, "unexpected answer: $line" if $outcome =~ $UNEXPECTED;
        push @{ $self->{duplicates} }, [ $event, $status ] if $outcome eq 'gate_duplicate';
        return unless $status =~ /^2/;
        my $known = $self->{acknowledged}{$event};
        $self->{acknowledged}{$event} = $end if !defined $known || $end < $known;
    });
}

# A line is torn when the upstream was killed while it wrote; its answer has not left then.
sub _read_ledger ($self) {
    $self->_lines('ledger', sub ($line) {
        if ($line =~ /^R (\S+) (\d+) (\d+) (\S+) ([01]) (\d+) (\d+) (\S+)$/) {
            my ($time, $event, $number, $action, $accepted, $status, $worker, $at) = ($1, $2, $3, $4, $5, $6, $7, $8);
            $self->{let_through}{"$event.$number"} = [ $worker, $at ];
            ++$self->{actions}{$action};
            push @{ $self->{received}{$event} }, [ $time, $number ];
            $self->{answered}{$event}{$status} = 1;
            push @{ $self->{accepted}{$event} }, $time if $accepted;
        } elsif ($line =~ /^A (\S+) (\d+) \d+ \d+$/) {
            push @{ $self->{accepted}{$2} }, $1;
        } elsif ($line =~ /^B \S+ (\d+) (\d+) (\d+)$/) {
            push @{ $self->{beside} }, { event => $1, later => $2, earlier => $3 };
        } elsif ($line ne '') {
            ++$self->{torn};
        }
    });
    push @{ $self->{errors} }, "$self->{torn} lines of the ledger are torn" if $self->{torn} > $self->{upstream_kills};
}

# What a worker that was killed had begun is not in it.
sub _read_access_log ($self) {
    $self->_lines_of_nodes('access.log', sub ($line, $node) {
        my ($at, $worker, $attempt) = split ' ', $line;
        $self->{done}{$attempt} = [ $worker, $at ] if defined $attempt;
    });
}

sub _read_log ($self) {
    @$self{qw(repairs suicides)} = (0, 0);
    $self->_lines_of_nodes('error.log', sub ($line, $node) {
        $self->{node_of}{$1} = $node if $line =~ /start worker process (\d+)/;
        ++$self->{repairs}  if $line =~ /was repaired after a process died/;
        if ($self->{dies_inside} && $line =~ $KILLED && $1 eq 'worker' && !exists $self->{killed}{$2}) {
            ++$self->{suicides};
            $self->{killed}{$2} = 1;
        }
        return unless $line =~ /\[(?:alert|emerg|crit)\]|$SANITIZER/;
        return if $line =~ $KILLED && exists $self->{killed}{$2};
        return if $line =~ $CUT_SHORT && exists $self->{terminated}{$1};
        push @{ $self->{errors} }, "nginx: $line";
    });
}

# -- judgement

sub _judge ($self) {
    my (@lost, @unanswered, @repeated);
    for my $event (grep { $_ >= 0 } keys %{ $self->{events} }) {
        my $acknowledged = $self->{acknowledged}{$event};
        my $accepted     = min(@{ $self->{accepted}{$event} // [] });
        if (!defined $acknowledged) {
            push @unanswered, $event;
            next;
        }
        push @lost,     $event if !defined $accepted || $accepted > $acknowledged;
        push @repeated, $event if grep { $_->[0] > $acknowledged } @{ $self->{received}{$event} // [] };
    }
    @$self{qw(lost unanswered repeated)} = (\@lost, \@unanswered, \@repeated);
    $self->{both} = [ map { $_->{event} } grep { !$self->_only_seem_beside(%$_) } @{ $self->{beside} } ];
    for my $duplicate (@{ $self->{duplicates} }) {
        my ($event, $status) = @$duplicate;
        next if $self->{answered}{$event}{$status};
        push @{ $self->{errors} }, "event $event: a duplicate was answered $status, the upstream never said so";
    }
}

# The kernel frees the claims of a process that was killed before it closes its connections. And where
# it is busy, it delivers the end of a connection later than a request that the same worker sent then.
sub _only_seem_beside ($self, %pair) {
    my ($earlier, $later) = map { $self->{let_through}{"$pair{event}.$pair{$_}"} } qw(earlier later);
    return 1 if exists $self->{killed}{ $earlier->[0] };
    my $done = $self->{done}{"$pair{event}.$pair{earlier}"} // return 0;
    return $done->[0] == $later->[0] && $done->[1] < $later->[1];
}

sub lost ($self) { return @{ $self->{lost} } + @{ $self->{unanswered} } }
sub delivered_twice_at_once ($self) { return scalar @{ $self->{both} } }
sub repeated ($self) { return scalar @{ $self->{repeated} } }
sub errors ($self) { return @{ $self->{errors} } }
sub events ($self) { return scalar grep { $_ >= 0 } keys %{ $self->{events} } }
sub accepted_twice ($self) { return scalar grep { @$_ > 1 } values %{ $self->{accepted} } }

# -- histories

# Of the first few events that are lost or repeated, everything that anybody noted.
sub histories ($self) {
    my @wanted = grep { defined } map { (sort { $a <=> $b } @$_)[ 0 .. SHOWN - 1 ] } @$self{qw(lost unanswered repeated both)};
    return unless @wanted;
    my %story = map { $_ => [] } @wanted;
    $self->_lines('record', sub ($line) {
        my ($start, $end, $event, $number, $kind, $location, $outcome, $status) = split ' ', $line;
        my $story = $story{ $event // '' } // return;
        push @$story, [ $start, "sender     attempt $number ($kind) to $location" ],
            [ $end, "sender     attempt $number: $outcome" . ($status ? " $status" : '') ];
    });
    $self->_lines('ledger', sub ($line) {
        my ($letter, $time, $event, $number, @details) = split ' ', $line;
        my $story = defined $event ? $story{$event} // return : return;
        push @$story, [ $time, "  upstream read attempt $number: $details[0]" . ($details[1] ? ', accepted' : '')
                . " (let through by worker $details[3] at $details[4])" ] if $letter eq 'R';
        push @$story, [ $time, "  upstream accepted attempt $number" ] if $letter eq 'A';
        push @$story, [ $time, "  upstream has attempt $details[0] beside $number" ] if $letter eq 'B';
    });
    $self->_add_faults($_) for values %story;
    return map { $self->_tell($_, $story{$_}) } sort { $a <=> $b } keys %story;
}

sub _add_faults ($self, $story) {
    my @times = map { $_->[0] } @$story;
    $self->_lines('faults.log', sub ($line) {
        my ($start, $end, $what) = split ' ', $line, 3;
        return unless grep { $_ > $start - AROUND && $_ < $end + AROUND } @times;
        push @$story, [ $start, "    fault: $what begins" ], [ $end, "    fault: $what is done" ];
    });
}

sub _tell ($self, $event, $story) {
    my ($kind) = grep { my $name = $_; grep { $_ == $event } @{ $self->{$name} } } qw(repeated lost unanswered both);
    $kind = 'delivered twice at once' if $kind eq 'both';
    my @told  = sort { $a->[0] <=> $b->[0] } @$story;
    my $seen  = $self->{acknowledged}{$event};
    my $zero  = $seen // $told[0][0];
    my $since = 'seconds since its ' . (defined $seen ? 'acknowledgement' : 'beginning');
    my @lines = map { sprintf "  %+12.6f  %s\n", $_->[0] - $zero, $_->[1] } @told;
    return join '', "event $event, $kind; $since:\n", @lines;
}

1;
