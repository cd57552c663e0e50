package Webhook::Nginx;

# One real nginx with the module loaded, its configuration and its processes. Several stand beside each other
# if each has the name of a node, and so a folder of its own.

use v5.36;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Spec;
use POSIX ();
use Webhook::Process qw(end_process exec_child fork_child poll_until process_ended run_command);
use Webhook::Sandbox qw(directory expand make_directory slurp);

our @EXPORT_OK = qw(config_test start_nginx);

# A worker may need all of worker_shutdown_timeout, so the master gets a little more.
use constant SHUTDOWN_SECONDS => 5;
use constant STOP_PATIENCE    => SHUTDOWN_SECONDS + 3;

my $BINARY     = $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx';
my $REPOSITORY = abs_path(dirname(__FILE__) . '/../../..');
my $PATIENCE   = $ENV{WEBHOOK_PRELOAD} ? 40 : 10;

my @instances;
my @config_test_outputs;
my $guardian;

sub stop_all () {
    my $clean = 1;
    $_->stop or $clean = '' for @instances;
    return $clean;
}

sub config_test_outputs () { return @config_test_outputs }

sub instances () { return @instances }

# The folders of all nodes, each with logs of its own.
sub folders () {
    my %seen;
    return grep { !$seen{$_}++ } directory(), map { $_->{folder} } @instances;
}

# http, main, events: text; workers: number, 0 for a single process; env: {}; daemon: 1 for a master
# that is nobody's child, since only such a one can be upgraded; node: a name, which %%NODE%% in the text
# stands for
sub start_nginx (%options) {
    my $folder = defined $options{node} ? make_directory($options{node}, 0755) : directory();
    my $self   = bless { workers => 1, env => {}, daemon => 0, folder => $folder }, __PACKAGE__;
    push @instances, $self;
    $self->rewrite_config(%options);
    $self->start;
    return $self;
}

# Runs `nginx -t`. The http text is alone in its file, so line 3 of it is reported as http.conf:3.
sub config_test (%options) {
    my $folder = make_directory('config_test', 0755);
    Webhook::Sandbox::write_file($_, $options{files}{$_}) for keys %{ $options{files} // {} };
    my $config = write_config($folder, %options);
    my $output = "$folder/output";
    unlink $output;
    my $code = run_command(
        command => [ $BINARY, '-t', '-p', directory(), '-e', "$folder/error.log", '-c', $config ],
        output  => $output,
        env     => environment($options{env}),
        timeout => $PATIENCE,
    );
    my $text = slurp($output);
    push @config_test_outputs, $text;
    return ($code, $text);
}

# What is not given stays as it was.
sub rewrite_config ($self, %options) {
    @$self{ keys %options } = values %options;
    my %given = map { $_ => $self->{$_} } qw(http main events workers daemon);
    if (defined $self->{node}) {
        s/%%NODE%%/$self->{node}/g for grep { defined } @given{qw(http main events)};
    }
    return $self->{config} = write_config($self->{folder}, %given);
}

sub write_config ($folder, %options) {
    my $main   = expand($options{main}   // '');
    my $events = expand($options{events} // '');
    my $http   = expand($options{http}   // '');
    Webhook::Sandbox::write_file("$folder/main.conf", "$main\n");
    Webhook::Sandbox::write_file("$folder/http.conf", "$http\n");
    return Webhook::Sandbox::write_file("$folder/nginx.conf", join "\n",
        load_module(),
        defaults($main, main_defaults($folder, $options{workers} // 1, $options{daemon})),
        'include main.conf;',
        'events {', defaults($events, worker_connections => 1024), $events, '}',
        'http {', defaults($http, http_defaults($http, $folder)), 'include http.conf;', '}',
        '',
    );
}

sub load_module () {
    my $module = $ENV{WEBHOOK_MODULE} // "$REPOSITORY/build/ngx_http_webhook_module.so";
    return '' if $module eq 'none';
    $module = File::Spec->rel2abs($module);
    die "$module is not there: build it first\n" unless -e $module;
    return "load_module $module;";
}

sub main_defaults ($folder, $workers, $daemon) {
    my $level = $ENV{WEBHOOK_DEBUG} ? 'debug' : 'info';
    return (
        daemon                  => $daemon ? 'on' : 'off',
        master_process          => $workers ? 'on' : 'off',
        worker_processes        => $workers,
        worker_shutdown_timeout => SHUTDOWN_SECONDS . 's',
        pid                     => "$folder/nginx.pid",
        error_log               => "$folder/error.log $level",
        # nginx keeps its environment from the binary that it is upgraded to.
        $daemon && $ENV{WEBHOOK_PRELOAD} ? map { (env => $_) } qw(LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS) : (),
    );
}

sub http_defaults ($http, $folder) {
    return (
        access_log => 'off',
        # Tests want to see every line, also of what they repeat at once.
        $http =~ /^[^#]*\bwebhook\s+(?!off\b)/m ? (webhook_log_level => 'error limit=off') : (),
        map { ("${_}_temp_path" => "$folder/temp_$_") } qw(client_body proxy fastcgi uwsgi scgi),
    );
}

# A directive which the test sets on the same level must not be given twice.
sub defaults ($text, @pairs) {
    my $top = $text =~ s/#.*$//mgr;
    1 while $top =~ s/\{[^{}]*\}/;/g;
    my @lines;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @lines, "$name $value;" if $name eq 'error_log' || $top !~ /(?:^|;)\s*\Q$name\E\s/m;
    }
    return @lines;
}

# Only nginx is meant to run with the sanitizers' libraries.
sub environment ($extra) {
    my %preload = $ENV{WEBHOOK_PRELOAD} ? (LD_PRELOAD => $ENV{WEBHOOK_PRELOAD}) : ();
    return { %preload, %{ $extra // {} } };
}

sub start ($self) {
    my $folder = $self->{folder};
    unlink "$folder/nginx.pid";
    my $launched = exec_child(
        command => [ $BINARY, '-p', $folder, '-e', "$folder/error.log", '-c', $self->{config} ],
        output  => "$folder/stderr.log",
        env     => environment($self->{env}),
    );
    if ($self->{daemon}) {
        guard_daemons();
        poll_until(sub { process_ended($launched) }, $PATIENCE);
        $launched = $? ? undef : poll_until(sub { $self->noted_master }, $PATIENCE);
    }
    $self->{master} = $launched;
    poll_until(sub { $self->_is_ready || !lives($launched) }, $PATIENCE);
    return if lives($launched) && $self->_is_ready;
    die "nginx did not start:\n", $self->_stderr, $self->error_log;
}

# True when the signal was enough.
sub stop ($self, $signal = 'QUIT') {
    my $graceful = 1;
    for my $master (grep { defined } delete @$self{qw(master old_master)}) {
        my @workers = children_of($master);
        next if end_master($master, $signal);
        $graceful = '';
        kill KILL => grep { lives($_) } @workers;
    }
    return $graceful;
}

# All of it is killed, and so can do nothing any more.
sub crash ($self) {
    my @masters   = grep { defined } delete @$self{qw(master old_master)};
    my @processes = (@masters, map { children_of($_) } @masters);
    kill KILL => @processes;
    poll_until(sub { !grep { lives($_) } @processes }, $PATIENCE) or die "@processes live on\n";
}

# True when the signal was enough. A daemon's end shows in /proc only.
sub end_master ($master, $signal) {
    return end_process($master, [ $signal => STOP_PATIENCE ], [ KILL => 2 ]) unless process_ended($master);
    return 1 unless lives($master);
    kill $signal, $master;
    return 1 if poll_until(sub { !lives($master) }, STOP_PATIENCE);
    kill KILL => $master;
    return '';
}

# Not so a zombie, which waits for whoever became its parent.
sub lives ($process) {
    return '' if !defined $process || process_ended($process) && !kill 0, $process;
    my $status = eval { slurp("/proc/$process/stat") } // '';
    return $status =~ /\) [^ZX] \d/;
}

sub noted_master ($self) {
    my $path = "$self->{folder}/nginx.pid";
    my $text = -e $path ? eval { slurp($path) } // '' : '';
    return $text =~ /^(\d+)$/m ? $1 : undef;
}

# A daemon would outlive a test that is killed.
sub guard_daemons () {
    my $mark = qr{ -p \Q${\directory()}\E[/ ]};
    $guardian //= fork_child(sub {
        local $SIG{TERM} = sub (@) {
            kill TERM => grep { title_of($_) =~ $mark } map { m{(\d+)$} } glob '/proc/[0-9]*';
            POSIX::_exit(0);
        };
        sleep 1 while 1;
    });
}

# USR2: another master starts and serves beside the old one. Returns false when it refused the
# configuration; the old one goes on alone then.
sub begin_upgrade ($self) {
    my $old   = $self->{master};
    my $start = length $self->error_log;
    kill USR2 => $old;
    my $settled = poll_until(sub {
        return 1 if substr($self->error_log, $start) =~ /\[emerg\]/;
        my $new = $self->noted_master;
        return defined $new && $new != $old && workers($self, $new) >= $self->{workers};
    }, $PATIENCE);
    die "nginx was not upgraded:\n", $self->error_log unless $settled;
    my $new = $self->noted_master;
    if (!defined $new || $new == $old || !lives($new)) {
        poll_until(sub { ($self->noted_master // 0) == $old }, $PATIENCE) or die "the old pid file is away\n";
        return '';
    }
    @$self{qw(master old_master)} = ($new, $old);
    return 1;
}

# QUIT to the old master; true when that was enough.
sub finish_upgrade ($self) {
    my $old = delete $self->{old_master} // die "no upgrade has begun\n";
    return end_master($old, 'QUIT');
}

# QUIT to the new master: the old one is left. True when that was enough.
sub revert_upgrade ($self) {
    my ($new, $old) = delete @$self{qw(master old_master)};
    $self->{master} = $old // die "no upgrade has begun\n";
    my $graceful = end_master($new, 'QUIT');
    poll_until(sub { ($self->noted_master // 0) == $old }, $PATIENCE) or die "the old pid file is away\n";
    return $graceful;
}

sub upgrade ($self) { return $self->begin_upgrade && $self->finish_upgrade }

# Returns false when nginx refused the configuration and went on with the old one.
sub reload ($self, $master = $self->{master}) {
    my %old   = map { $_ => 1 } $self->workers($master);
    my $start = length $self->error_log;
    my $refused;
    kill HUP => $master;
    my $settled = poll_until(sub {
        my $told = substr $self->error_log, $start;
        $refused = $told =~ /\[emerg\]/;
        # A single process serves nobody until it is done.
        return $refused || $told =~ /reconfiguring/ unless $self->{workers};
        my @workers = $self->workers($master);
        return $refused || @workers >= $self->{workers} && !grep { $old{$_} } @workers;
    }, $PATIENCE);
    die "nginx did not reload:\n", $self->error_log unless $settled;
    return !$refused;
}

# Pids of the workers that are ready and not shutting down.
sub workers ($self, $master = $self->{master}) {
    return grep { title_of($_) =~ /^nginx: worker process\s*$/ } children_of($master);
}

# A signal that ends the worker is followed until the master has replaced it.
sub kill_worker ($self, $signal = 'KILL', $worker = ($self->workers)[0]) {
    kill $signal, $worker or die "kill $signal $worker: $!";
    return $worker unless $signal =~ /^(?:KILL|TERM|INT|QUIT|SEGV|ABRT|BUS)$/;
    my $replaced = poll_until(sub {
        my @workers = $self->workers;
        return @workers >= $self->{workers} && !grep { $_ == $worker } @workers;
    }, $PATIENCE);
    die "worker $worker was not replaced:\n", $self->error_log unless $replaced;
    return $worker;
}

sub error_log ($self) {
    my $path = "$self->{folder}/error.log";
    return -e $path ? slurp($path) : '';
}

sub folder ($self) { return $self->{folder} }
sub master ($self) { return $self->{master} }
sub old_master ($self) { return $self->{old_master} }

sub write_file ($self, @arguments) { return Webhook::Sandbox::write_file(@arguments) }

sub _stderr ($self) {
    my $path = "$self->{folder}/stderr.log";
    return -e $path ? slurp($path) : '';
}

sub _is_ready ($self) {
    return $self->{workers} ? $self->workers >= $self->{workers} : $self->noted_master;
}

sub children_of ($process) {
    return unless defined $process;
    my $listing = eval { slurp("/proc/$process/task/$process/children") };
    return split ' ', $listing if defined $listing;
    return grep { parent_of($_) == $process } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

sub parent_of ($process) {
    my $status = eval { slurp("/proc/$process/stat") } // '';
    return $status =~ /\) \S (\d+)/ ? $1 : 0;
}

sub title_of ($process) {
    my $title = eval { slurp("/proc/$process/cmdline") } // '';
    return $title =~ tr/\0/ /r;
}

1;
