package Chaos::Guardian;

# Ends what the harness started when the harness itself is gone, were it killed with SIGKILL: masters
# of nginx are daemons, and one that took over from another is nobody's child.

use v5.36;

use Exporter qw(import);
use POSIX qw(setsid);
use Time::HiRes qw(sleep);
use Webhook::Process qw(end_process fork_child in_children poll_until process_ended);

our @EXPORT_OK = qw(end_guardian start_guardian sweep);

use constant SWEEPS => 20;

my ($guardian, $lifeline);

# Nobody writes to the pipe: its end is the message.
sub start_guardian ($directory) {
    pipe my $end, $lifeline or die "pipe: $!";
    $guardian = fork_child(sub {
        @SIG{qw(INT TERM HUP)} = ('IGNORE') x 3;
        setsid();
        close $lifeline;
        sysread $end, my $nothing, 1;
        sweep($directory);
    });
    close $end;
    in_children(sub { close $lifeline });
}

sub end_guardian () {
    return unless defined $guardian;
    close $lifeline;
    end_process($guardian, [ KILL => 5 ]) unless poll_until(sub { process_ended($guardian) }, 5);
    undef $guardian;
}

# Masters go on replacing workers until they are dead, so that once is not enough.
sub sweep ($directory) {
    for (1 .. SWEEPS) {
        my @left = users_of($directory) or return;
        kill KILL => @left;
        sleep 0.05;
    }
}

# Whoever else looks into the folder is left alone.
sub users_of ($directory) {
    return grep { $_ != $$ && is_ours($_, $directory) } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

sub is_ours ($process, $directory) {
    open my $file, '<', "/proc/$process/comm" or return '';
    my $name = readline $file;
    return '' unless defined $name && $name =~ /^(?:nginx|perl)$/;
    return !!grep { m{^\Q$directory\E/} } map { readlink // '' } glob "/proc/$process/fd/*";
}

1;
