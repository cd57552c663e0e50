# A file that cannot be read for a while is no bad file: it counts as soon as it can be.

use Webhook::Test;

use Time::HiRes qw(sleep);

plan skip_all => 'there is no prlimit' if system('prlimit --version >/dev/null 2>&1');

my $SECRET = 'a-secret-of-enough-length';
my $BODY   = '{"action":"opened"}';
# A file is looked at once a second, and read when it has not changed for three.
my $PATIENCE = 12;

my $list = directory() . '/list.txt';
write_file('list.txt', "127.1.0.1\n");
chmod 0755, directory();

# The limits of a process are its user's to change.
my $nginx = start_nginx(main => 'user root;', http => <<"CONF");
server {
    listen %%ADDR%%:8080;
    webhook        github;
    webhook_secret $SECRET;
    webhook_allow  file:$list;
    location / { empty_gif; }
}
CONF

my $connection = open_connection(from => '127.1.0.6');

# GIFs are for GET: what the gate lets through is answered 405, without a reason.
sub outcome () {
    my $response = $connection->request(body => $BODY, headers => [ github_headers($SECRET, $BODY) ]);
    return $response->header('Webhook-Reason') // 'passed';
}

sub times_told ($line) { return scalar(() = $nginx->error_log =~ /$line/g) }

# So many files, and no more, may be open in the worker.
sub limit_files ($soft) {
    my ($worker) = $nginx->workers;
    my ($hard)   = slurp("/proc/$worker/limits") =~ /^Max open files\s+\d+\s+(\d+)/m;
    is run_command(command => [ 'prlimit', "--pid=$worker", '--nofile=' . ($soft // $hard) . ":$hard" ]), 0, 'the limit is set';
}

sub lowest_free_file () {
    my ($worker) = $nginx->workers;
    my %used = map { m{(\d+)$} ? ($1 => 1) : () } glob "/proc/$worker/fd/*";
    my $free = 0;
    $free++ while $used{$free};
    return $free;
}

subtest 'no descriptor is left' => sub {
    plan skip_all => 'a sanitizer needs descriptors of its own' if $ENV{WEBHOOK_PRELOAD};
    is outcome(), 'ip_denied', 'not on the list';
    write_file('list.txt', "127.1.0.6\n");
    limit_files(lowest_free_file());
    my $told = qr/\[error\] .*: cannot read "\Q$list\E": Too many open files; the last good list stays, and is read again/;
    wait_for(sub { sleep 0.2; outcome(); times_told($told) }, $PATIENCE, 'the log says so');
    for (1 .. 12) {
        sleep 0.2;
        is outcome(), 'ip_denied', 'the last good list stays';
    }
    is times_told($told), 1, 'which is told once';
    limit_files(undef);
    wait_for(sub { sleep 0.2; outcome() eq 'passed' }, $PATIENCE, 'the file is read');
    is outcome(), 'passed', 'it counts, without another change';
    is times_told(qr/took up the changed/), 1, 'as the log says';
};

finish();
