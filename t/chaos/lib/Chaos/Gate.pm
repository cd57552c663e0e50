package Chaos::Gate;

# One nginx and what befalls it: its processes are killed, reloaded, upgraded and restarted. It runs as
# a daemon, as nginx refuses to upgrade its binary under the parent that started it.

use v5.36;

use Chaos::Sockets qw(now);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use POSIX qw(WNOHANG);
use Webhook::Nginx;
use Webhook::Process qw(run_command);
use Webhook::Sandbox qw(directory make_directory slurp);

use constant {
    WORKERS          => 2,
    PORT             => 8080,
    PATIENCE         => 20,
    PR_SET_SUBREAPER => 36,
    PRCTL_NUMBER     => { x86_64 => 157, aarch64 => 167 },
};

my $REPOSITORY = abs_path(dirname(__FILE__) . '/../../../..');
my $BINARY     = $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx';

# wait: code that is given a condition, seconds and words; sizes: of the zone, the first one first;
# state, dedup: whether the configuration has them; die_every: for a module with fault points
sub new ($class, %options) {
    my $number = PRCTL_NUMBER->{ (POSIX::uname())[4] } // die "chaos needs x86_64 or aarch64\n";
    syscall($number, PR_SET_SUBREAPER, 1) == 0 or die "prctl: $!";
    make_directory('state', 0755);
    keep_module();
    my $self = bless {
        %options, size => $options{sizes}[0], killed => {}, terminated => {}, retiring => undef,
        log_read => 0, suicides => 0,
    }, $class;
    $self->write_config;
    return $self;
}

# nginx loads the module again and again: what is built meanwhile must not get into the run.
sub keep_module () {
    my $module = $ENV{WEBHOOK_MODULE} // "$REPOSITORY/build/ngx_http_webhook_module.so";
    return if $module eq 'none';  # it is inside nginx
    -e $module or die "$module is not there: build it first\n";
    $ENV{WEBHOOK_MODULE} = directory() . '/module.so';
    copy($module, $ENV{WEBHOOK_MODULE}) or die "$module: $!";
}

# -- the configuration

sub write_config ($self) {
    $self->{config} = Webhook::Nginx::write_config(directory(),
        workers => WORKERS, main => $self->_main, http => $self->_http);
}

# nginx clears the environment but for what is named here, also for the binary that takes over.
sub _main ($self) {
    my @names = $ENV{WEBHOOK_PRELOAD} ? qw(LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS) : ();
    my @lines = ('daemon on;', map { "env $_;" } @names);
    push @lines, "env WEBHOOK_DIE_EVERY=$self->{die_every};" if $self->{die_every};
    return join "\n", @lines;
}

sub _http ($self) {
    my $state = $self->{state} ? 'state=%%DIR%%/state/events' : '';
    my ($plain, $waits, $keys) = map { $self->{dedup} ? "webhook_dedup zone=events $_;" : '' }
        '', 'wait=2s', 'key=$webhook_event_id key=$webhook_event_key';
    return <<"CONF";
webhook_dedup_zone zone=events:$self->{size} $state;
log_format chaos '\$msec \$pid \$http_x_attempt \$status \$webhook_reason \$upstream_status \$upstream_response_time';
access_log %%DIR%%/access.log chaos;
error_log %%DIR%%/error.log notice;
keepalive_requests 100000;
proxy_connect_timeout 1s;
proxy_read_timeout 1s;
upstream kept {
    server %%BACKEND%%;
    keepalive 32;
}
server {
    listen %%ADDR%%:8080 backlog=4096;
    webhook github;
    webhook_secret "$self->{secret}";
    webhook_log_level info;
    proxy_set_header Connection "";
    proxy_set_header X-Gate "\$pid \$msec";

    location /plain {
        $plain
        proxy_http_version 1.1;
        proxy_pass http://kept;
    }
    location /wait {
        $waits
        proxy_pass http://%%BACKEND%%;
    }
    location /keys {
        $keys
        proxy_http_version 1.1;
        proxy_pass http://kept;
    }
}
CONF
}

# -- its processes

sub start ($self) {
    my $folder = directory();
    unlink "$folder/nginx.pid";
    my $code = run_command(
        command => [ $BINARY, '-p', $folder, '-e', "$folder/error.log", '-c', $self->{config} ],
        output  => "$folder/stderr.log",
        env     => Webhook::Nginx::environment({}),
        timeout => PATIENCE,
    );
    die "nginx did not start ($code):\n", slurp("$folder/stderr.log") if $code;
    $self->_wait(sub { $self->{master} = $self->_named_master }, 'nginx has a master');
    $self->_wait(sub { $self->_serves($self->{master}) }, 'nginx has its workers');
}

# The ready workers; those that are shutting down, too, if asked.
sub workers ($self, $master = $self->{master}, $all = '') {
    my $title = $all ? qr/^nginx: worker process/ : qr/^nginx: worker process\s*$/;
    return grep { Webhook::Nginx::title_of($_) =~ $title } Webhook::Nginx::children_of($master);
}

sub ports ($self) { return PORT }
sub killed ($self) { return $self->{killed} }
sub terminated ($self) { return $self->{terminated} }

sub _serves ($self, $master) { return $self->workers($master) >= WORKERS }

# The master that nginx.pid names, once it lives.
sub _named_master ($self) {
    my $path   = directory() . '/nginx.pid';
    my $number = -e $path && eval { slurp($path) } || return;
    chomp $number;
    return $number =~ /^\d+$/ && Webhook::Nginx::title_of($number) =~ /^nginx: master/ ? $number : undef;
}

sub _wait ($self, $condition, $what) { return $self->{wait}->($condition, PATIENCE, $what) }

# Masters that took over, and workers whose master was killed, have become our children.
sub _gone ($process) {
    return 1 if waitpid($process, WNOHANG) > 0;
    return !-e "/proc/$process";
}

sub _await_end ($self, @processes) {
    for my $process (@processes) {
        $self->_wait(sub { _gone($process) }, "nginx process $process ends");
    }
}

# The old master of the last upgrade may still be waiting for its workers.
sub await_retiring ($self) {
    my $retiring = delete $self->{retiring} // return;
    $self->_await_end($retiring);
}

# Returns how many there still were.
sub _kill ($self, @processes) {
    @{ $self->{killed} }{@processes} = ();
    return kill KILL => @processes;
}

# -- its log

# Reads what is new. Dies of what must never be; returns how many workers died of no kill of ours.
sub suicides ($self) {
    open my $log, '<', directory() . '/error.log' or return 0;
    seek $log, $self->{log_read}, 0;
    while (my $line = <$log>) {
        last unless $line =~ /\n\z/;
        $self->{log_read} += length $line;
        die "nginx said: $line" if $line =~ /\[emerg\]/;
        ++$self->{suicides} if $line =~ /worker process (\d+) exited on signal 9/ && !exists $self->{killed}{$1};
    }
    return $self->{suicides};
}

# -- what befalls it; each takes a number from 0 up to 1, by which it does it this way or that

sub kill_worker ($self, $number) {
    my $worker;
    # With workers that kill themselves, the one chosen may be faster.
    $self->_wait(sub {
        my @workers = map { $self->workers($_, 'all') } grep { defined } $self->{master}, $self->{retiring};
        $worker = $workers[ $number * @workers ] // return;
        return $self->_kill($worker);
    }, 'there is a worker');
    $self->_wait(sub { !-e "/proc/$worker" && $self->_serves($self->{master}) }, "worker $worker is replaced");
    return $worker;
}

sub reload ($self, $number) {
    $self->write_config;
    my %old = map { $_ => 1 } $self->workers;
    kill HUP => $self->{master};
    $self->_wait(sub {
        my @workers = $self->workers;
        return @workers >= WORKERS && !grep { $old{$_} } @workers;
    }, 'nginx reloads');
    return $self->{master};
}

# The module refuses to replace memory that another master shares.
sub resize ($self, $number) {
    $self->await_retiring;
    my @others = grep { $_ ne $self->{size} } @{ $self->{sizes} };
    $self->{size} = $others[ $number * @others ];
    $self->reload($number);
    return $self->{size};
}

# One of four is thought better of: the new master is told to go.
sub upgrade ($self, $number) {
    $self->await_retiring;
    my $old = $self->{master};
    kill USR2 => $old;
    my $new = $self->_wait(sub {
        my $master = $self->_named_master;
        return $master && $master != $old && $self->_serves($master) ? $master : undef;
    }, 'a new master takes over');
    $self->_rest(0.05 + 0.25 * $number);
    return $self->_roll_back($old, $new) if $number < 0.25;
    kill WINCH => $old if $number < 0.5;
    kill QUIT => $old;
    @$self{qw(master retiring)} = ($new, $old);
    return "$old, $new";
}

sub _roll_back ($self, $old, $new) {
    kill QUIT => $new;
    $self->_await_end($new);
    $self->_wait(sub { ($self->_named_master // 0) == $old }, 'the old master has its name back');
    return "$old, not $new";
}

sub restart ($self, $number) {
    $self->await_retiring;
    my $signal = $number < 0.5 ? 'QUIT' : 'TERM';
    $self->stop($signal);
    $self->start;
    return "$signal, $self->{master}";
}

sub stop ($self, $signal) {
    my $master = delete $self->{master} // return;
    @{ $self->{terminated} }{ Webhook::Nginx::children_of($master) } = () if $signal eq 'TERM';
    kill $signal => $master;
    $self->_await_end($master);
}

sub kill_all ($self, $number) {
    my @masters = grep { defined } delete @$self{qw(master retiring)};
    my @workers = map { Webhook::Nginx::children_of($_) } @masters;
    $self->_kill($number < 0.5 ? (@masters, @workers) : (@workers, @masters));
    $self->_await_end(@masters);
    # A master may have replaced a worker before it died.
    my @orphans = grep { Webhook::Nginx::title_of($_) =~ /^nginx:/ } Webhook::Nginx::children_of($$);
    $self->_kill(@orphans);
    $self->_await_end(@workers, @orphans);
    $self->_rest(0.05 * $number);
    $self->start;
    return $self->{master};
}

sub _rest ($self, $seconds) {
    my $end = now() + $seconds;
    $self->_wait(sub { now() >= $end }, 'a rest');
}

1;
