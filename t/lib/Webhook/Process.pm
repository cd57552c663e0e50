package Webhook::Process;

# Child processes that cannot outlive the test, and waits that cannot last for ever.

use v5.36;

use Exporter qw(import);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(
    end_process exec_child fork_child in_children kill_remaining poll_until process_ended run_command
);

use constant POLL_INTERVAL => 0.005;
use constant PR_SET_PDEATHSIG => 1;
use constant SIGTERM_NUMBER   => 15;

my %PRCTL_NUMBER = (x86_64 => 157, aarch64 => 167);

my %running;
my @in_children;

sub in_children ($code) { push @in_children, $code }

sub poll_until ($condition, $seconds) {
    my $deadline = time + $seconds;
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return if time >= $deadline;
        sleep POLL_INTERVAL;
    }
}

sub fork_child ($code) {
    my $parent = $$;
    my $child  = fork // die "fork: $!";
    if ($child) {
        $running{$child} = 1;
        return $child;
    }

    # The TAP stream must not stay open in a child: prove waits for its end.
    my $succeeded = eval {
        %running = ();
        $_->() for @in_children;
        delete @SIG{qw(INT TERM HUP PIPE)};
        die_with_parent($parent);
        open STDOUT, '>', '/dev/null' or die "/dev/null: $!";
        $code->();
        1;
    };
    print STDERR $@ unless $succeeded;
    POSIX::_exit($succeeded ? 0 : 1);
}

# END blocks do not run when the test is killed with SIGKILL.
sub die_with_parent ($parent) {
    my $number = $PRCTL_NUMBER{ (POSIX::uname())[4] } // return;
    syscall $number, PR_SET_PDEATHSIG, SIGTERM_NUMBER;
    POSIX::_exit(1) if getppid() != $parent;
}

# command => [...], stdin => path or handle, output => path, env => {}
sub exec_child (%options) {
    my @command = @{ $options{command} };
    my $stdin   = $options{stdin}  // '/dev/null';
    my $output  = $options{output} // '/dev/null';
    return fork_child(sub {
        local @ENV{ keys %{ $options{env} // {} } } = values %{ $options{env} // {} };
        open STDIN, (ref $stdin ? '<&' : '<'), $stdin or die "stdin: $!";
        open STDOUT, '>>',  $output   or die "$output: $!";
        open STDERR, '>&', \*STDOUT or die "stderr: $!";
        exec { $command[0] } @command or die "$command[0]: $!";
    });
}

# True once the child has been reaped; $? is then its status.
sub process_ended ($process) {
    return 1 unless exists $running{$process};
    return '' if waitpid($process, WNOHANG) == 0;
    delete $running{$process};
    return 1;
}

# Sends each [signal, patience] in turn until the child is gone; true when the first was enough.
sub end_process ($process, @steps) {
    my $first = 1;
    for my $step (@steps) {
        my ($signal, $patience) = @$step;
        return $first if process_ended($process);
        kill $signal, $process;
        return $first if poll_until(sub { process_ended($process) }, $patience);
        $first = '';
    }
    return '';
}

sub kill_remaining () {
    end_process($_, [TERM => 1], [KILL => 2]) for keys %running;
}

# Returns the exit code: 128 + signal when killed by one, -1 when the time was up.
sub run_command (%options) {
    my $child    = exec_child(%options);
    my $deadline = time + ($options{timeout} // 10);
    $options{feed}->() if $options{feed};
    if (!poll_until(sub { process_ended($child) }, $deadline - time)) {
        end_process($child, [KILL => 2]);
        return -1;
    }
    my $signal = $? & 127;
    return $signal ? 128 + $signal : $? >> 8;
}

1;
