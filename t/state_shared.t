# One state file and two nginx: none shares the memory of another, but those that replace one another do.

use Webhook::Test;

use Time::HiRes qw(time);
use Webhook::Deliveries qw(are deliver delivery new_ids outcome_of start_delivery);
use Webhook::Nginx ();
use Webhook::Process qw(run_command);

my $PATH   = directory() . '/events.state';
my $BINARY = $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx';

sub conf (%options) {
    my $port  = $options{port} // 8080;
    my $state = $options{state} // $PATH;
    return <<"CONF";
webhook_dedup_zone zone=@{[ $options{zone} // 'events' ]}:@{[ $options{size} // '1m' ]} state=$state;
server {
    listen %%ADDR%%:$port;
    webhook github;
    webhook_secret "a secret of the tests";
    webhook_dedup zone=@{[ $options{zone} // 'events' ]};
    location / { proxy_pass http://%%BACKEND%%; }
}
CONF
}

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, daemon => 1, http => conf());

# Runs a second nginx as far as it gets, in a folder of its own; returns what it said.
sub start_second (@arguments) {
    my ($mode, %options) = @arguments;
    my $folder = make_directory('second', 0755);
    my $config = Webhook::Nginx::write_config($folder, daemon => 1, http => conf(port => 8090, %options));
    unlink "$folder/output", "$folder/error.log";
    my $code = run_command(
        command => [ $BINARY, ($mode ? $mode : ()), '-p', $folder, '-e', "$folder/error.log", '-c', $config ],
        output  => "$folder/output",
        env     => Webhook::Nginx::environment({}),
        timeout => 30,
    );
    return ($code, slurp("$folder/output") . (-e "$folder/error.log" ? slurp("$folder/error.log") : ''));
}

my @ids = new_ids(3);
are(delivered => \@ids, 'events are delivered');

subtest 'another nginx does not start with the file' => sub {
    my $in_use = 'the state file "' . $PATH . '" is in use by another nginx (pid ' . $nginx->master . ')';
    for my $options ([], [ zone => 'staging' ], [ size => '2m' ]) {
        my ($code, $told) = start_second('', @$options);
        isnt $code, 0, "refused: @$options";
        like $told, qr/\[emerg\].*\Q$in_use\E in \S+http\.conf:1$/m, 'with the process that has it';
        are(duplicate => \@ids, 'the first one goes on');
        is_deeply [ glob "$PATH*" ], [$PATH], 'no other file is left behind';
    }
};

subtest 'nginx -t says nothing of it' => sub {
    my ($code, $told) = start_second('-t');
    is $code, 0, 'it is a configuration';
    unlike $told, qr/\[(?:warn|error|emerg)\]/, 'of which there is nothing to say';
};

subtest 'nor does another nginx take the file by a reload' => sub {
    my $folder = make_directory('second', 0755);
    my ($code) = start_second('', state => "$folder/own");
    is $code, 0, 'it starts with a file of its own';
    my $pid = wait_for(sub { -s "$folder/nginx.pid" && slurp("$folder/nginx.pid") =~ s/\s//gr }, 5, 'it runs');
    # A signal that comes before its workers are there may have to wait for the next one.
    ok wait_for(sub { $nginx->workers($pid) }, 5, 'its worker serves'), 'it serves';
    Webhook::Nginx::write_config($folder, daemon => 1, http => conf(port => 8090));
    my $position = length slurp("$folder/error.log");
    kill HUP => $pid;
    my $in_use = 'is in use by another nginx (pid ' . $nginx->master . ')';
    ok wait_for(sub { substr(slurp("$folder/error.log"), $position) =~ /\[emerg\].*\Q$in_use\E/ }, 30, 'refused'),
        'and is refused that of the other';
    are(duplicate => \@ids, 'which goes on');
    kill TERM => $pid;
    ok wait_for(sub { !Webhook::Nginx::lives($pid) }, 5, 'it ends'), 'it ends';
};

# It has closed its port, and waits for what its workers still deliver.
subtest 'an nginx that ends makes way' => sub {
    $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
    my $id    = unique_id();
    my $first = start_delivery($backend, $id);
    my $old   = $nginx->master;
    kill QUIT => $old;
    ok wait_for(sub { !$nginx->workers($old) }, 3, 'its workers are about to end'), 'QUIT';
    my $started = time;
    $nginx->start;
    cmp_ok time - $started, '<', 8, 'the next one starts at once';
    ok Webhook::Nginx::lives($old), 'beside the old one';
    are(duplicate => \@ids, 'and knows what was delivered');
    is outcome_of($id), 'in_flight', 'and what the old one delivers';
    $backend->let_go;
    is $first->finish->{status}, 202, 'which ends';
    is outcome_of($id), 'duplicate', 'and is known';
    ok wait_for(sub { !Webhook::Nginx::lives($old) }, 5, 'the old one ends'), 'the old one ends';
};

# Its workers go on, as they do when a service is killed whose processes are not.
subtest 'workers that lost their master make way' => sub {
    $backend->clear->behave([ { hold => 1, status => 202 }, {} ]);
    my $id      = unique_id();
    my $first   = start_delivery($backend, $id);
    my $old     = $nginx->master;
    my @workers = $nginx->workers($old);
    kill KILL => $old;
    ok wait_for(sub { !Webhook::Nginx::lives($old) }, 3, 'the master is killed'), 'the master is killed';
    kill QUIT => @workers;
    ok wait_for(sub { !grep { Webhook::Nginx::title_of($_) !~ /shutting down/ } grep { Webhook::Nginx::lives($_) } @workers },
        3, 'its workers are about to end'), 'its workers deliver what they have';
    $nginx->start;
    are(duplicate => \@ids, 'the next one knows what was delivered');
    is outcome_of($id), 'in_flight', 'and what they deliver';
    $backend->let_go;
    is $first->finish->{status}, 202, 'which ends';
    is outcome_of($id), 'duplicate', 'and is known';
};

subtest 'whoever only reads the file is in nobody\'s way' => sub {
    open my $file, '<', $PATH or die "$PATH: $!";
    ok $nginx->upgrade, 'a binary upgrade';
    are(duplicate => \@ids, 'shares the memory');
};

finish();
