package Webhook::Nginx;

# One real nginx with the module loaded, its configuration and its processes.

use v5.36;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Spec;
use Webhook::Process qw(end_process exec_child poll_until process_ended run_command);
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

sub stop_all () {
    my $clean = 1;
    $_->stop or $clean = '' for @instances;
    return $clean;
}

sub config_test_outputs () { return @config_test_outputs }

# http, main, events: text; workers: number; env: {}
sub start_nginx (%options) {
    my $self = bless { workers => 1, env => {} }, __PACKAGE__;
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
    return $self->{config} = write_config(directory(), map { $_ => $self->{$_} } qw(http main events workers));
}

sub write_config ($folder, %options) {
    my $main   = expand($options{main}   // '');
    my $events = expand($options{events} // '');
    my $http   = expand($options{http}   // '');
    Webhook::Sandbox::write_file("$folder/main.conf", "$main\n");
    Webhook::Sandbox::write_file("$folder/http.conf", "$http\n");
    return Webhook::Sandbox::write_file("$folder/nginx.conf", join "\n",
        load_module(),
        defaults($main, main_defaults($folder, $options{workers} // 1)),
        'include main.conf;',
        'events {', defaults($events, worker_connections => 1024), $events, '}',
        'http {', defaults($http, http_defaults()), 'include http.conf;', '}',
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

sub main_defaults ($folder, $workers) {
    my $level = $ENV{WEBHOOK_DEBUG} ? 'debug' : 'info';
    return (
        daemon                  => 'off',
        master_process          => 'on',
        worker_processes        => $workers,
        worker_shutdown_timeout => SHUTDOWN_SECONDS . 's',
        pid                     => "$folder/nginx.pid",
        error_log               => "$folder/error.log $level",
    );
}

sub http_defaults () {
    my $folder = directory();
    return (
        access_log => 'off',
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
    my $folder = directory();
    $self->{master} = exec_child(
        command => [ $BINARY, '-p', $folder, '-e', "$folder/error.log", '-c', $self->{config} ],
        output  => "$folder/stderr.log",
        env     => environment($self->{env}),
    );
    poll_until(sub { $self->_has_workers || process_ended($self->{master}) }, $PATIENCE);
    return if $self->_has_workers;
    die "nginx did not start:\n", $self->_stderr, $self->error_log;
}

# True when a SIGQUIT was enough.
sub stop ($self) {
    my $master = delete $self->{master} // return 1;
    my @workers = children_of($master);
    my $graceful = end_process($master, [ QUIT => STOP_PATIENCE ], [ KILL => 2 ]);
    kill KILL => @workers unless $graceful;
    return $graceful;
}

# Returns false when nginx refused the configuration and went on with the old one.
sub reload ($self) {
    my %old   = map { $_ => 1 } $self->workers;
    my $start = length $self->error_log;
    my $refused;
    kill HUP => $self->{master};
    my $settled = poll_until(sub {
        $refused = substr($self->error_log, $start) =~ /\[emerg\]/;
        my @workers = $self->workers;
        return $refused || @workers >= $self->{workers} && !grep { $old{$_} } @workers;
    }, $PATIENCE);
    die "nginx did not reload:\n", $self->error_log unless $settled;
    return !$refused;
}

# Pids of the workers that are ready and not shutting down.
sub workers ($self) {
    return grep { title_of($_) =~ /^nginx: worker process\s*$/ } children_of($self->{master});
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
    my $path = directory() . '/error.log';
    return -e $path ? slurp($path) : '';
}

sub master ($self) { return $self->{master} }

sub write_file ($self, @arguments) { return Webhook::Sandbox::write_file(@arguments) }

sub _stderr ($self) {
    my $path = directory() . '/stderr.log';
    return -e $path ? slurp($path) : '';
}

sub _has_workers ($self) { return $self->workers >= $self->{workers} }

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
