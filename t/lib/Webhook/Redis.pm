package Webhook::Redis;

# Servers of Redis (or Valkey) that belong to one test, and a small client for what the test wants to know of them.
#
# A server listens on a port of the test's own address, and has the folder redis-PORT. It ends with the test.

use v5.36;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);
use Webhook::Process qw(end_process exec_child poll_until process_ended run_command);
use Webhook::Sandbox qw(address directory make_directory slurp write_file);

our @EXPORT_OK = qw(redis_missing start_cluster start_redis);

use constant {
    BLOCK    => 65_536,
    PATIENCE => 10,
    SLOTS    => 16_384,
};

my $PROGRAM = $ENV{WEBHOOK_REDIS_SERVER} // 'redis-server';

my @instances;

sub stop_all () { $_->kill for @instances }

# Why there can be no server; false if there can be one.
sub redis_missing () {
    return '' if grep { -x $_ } $PROGRAM, map { "$_/$PROGRAM" } split /:/, $ENV{PATH};
    return "$PROGRAM is not installed (make deps-test installs redis-server)";
}

# port; password, user: what clients log in with; appendonly: keeps all that it acknowledged; unix: 1; replica_of: a
# server; cluster: 1; tls_port, tls => [certificate, key, ca]; config: text of redis.conf
sub start_redis (%options) {
    my $port = $options{port} // 6379;
    my $self = bless {
        %options, port => $port, folder => make_directory("redis-$port", 0755),
    }, __PACKAGE__;
    push @instances, $self;
    $self->write_config;
    $self->start;
    return $self;
}

# -- its configuration

# What is not given stays as it was.
sub write_config ($self, %options) {
    @$self{ keys %options } = values %options;
    my @lines = (
        'bind ' . address(), "port $self->{port}", 'protected-mode no', 'daemonize no', "dir $self->{folder}",
        "logfile $self->{folder}/redis.log", 'save ""', 'repl-diskless-sync-delay 0', 'repl-ping-replica-period 1',
        ($self->{appendonly} ? ('appendonly yes', 'appendfsync always') : 'appendonly no'),
        ($self->{unix} ? ("unixsocket $self->{folder}/socket", 'unixsocketperm 777') : ()),
        ($self->{replica_of} ? 'replicaof ' . address() . " $self->{replica_of}{port}" : ()),
        ($self->{cluster} ? ('cluster-enabled yes', 'cluster-node-timeout 2000', 'cluster-announce-ip ' . address()) : ()),
        $self->_login_lines, $self->_tls_lines, $self->{config} // '',
    );
    return $self->{path} = write_file("$self->{folder}/redis.conf", join "\n", @lines, '');
}

# The test itself logs in as another user, who may do everything.
sub _login_lines ($self) {
    my $password = $self->{password} // return;
    return ('user tester on nopass ~* &* +@all', qq(requirepass "$password")) unless defined $self->{user};
    my $may = $self->{may} // '~wh:* +eval +evalsha +get +set +del +pttl +pexpire +role +ping +select';
    return (
        'user tester on nopass ~* &* +@all', 'user default off',
        "user $self->{user} on #" . sha256_hex($password) . " $may",
    );
}

sub _tls_lines ($self) {
    my ($certificate, $key, $authority) = @{ $self->{tls} // return };
    return (
        "tls-port $self->{tls_port}", "tls-cert-file $certificate", "tls-key-file $key",
        "tls-ca-cert-file $authority", 'tls-auth-clients no',
    );
}

# -- its process

# loading: 1: returns when it answers at all, be it that it has not read its data yet
sub start ($self, %options) {
    $self->{process} = exec_child(
        command => [ $PROGRAM, $self->{path} ], output => "$self->{folder}/output",
    );
    my $ready = poll_until(sub {
        return -1 if process_ended($self->{process});
        my $reply = eval { $self->reply('PING') } // return;
        return $options{loading} || !is_error($reply) || $$reply !~ /^LOADING/;
    }, PATIENCE);
    die "$PROGRAM did not start:\n", $self->log unless $ready && $ready != -1;
    return $self;
}

# It may write what it wants to keep.
sub stop ($self) { return $self->_end([ TERM => 5 ], [ KILL => 2 ]) }
sub kill ($self) { return $self->_end([ KILL => 5 ]) }

sub _end ($self, @steps) {
    my $process = delete $self->{process} // return;
    CORE::kill(CONT => $process) if delete $self->{stalled};
    end_process($process, @steps);
    close delete $self->{socket} if $self->{socket};
    return $self;
}

sub restart ($self) { return $self->stop->start }

# It starts anew with the data that it has, which take it about so long. Returns meanwhile.
sub load_slowly ($self, $seconds) {
    my $delay = int(1e6 * $seconds / ($self->command('DBSIZE') || 1));
    $self->command('SAVE');
    $self->stop;
    $self->write_config(config => "key-load-delay $delay\nloading-process-events-interval-bytes 1024\n");
    return $self->start(loading => 1);
}

# Stopped, it accepts connections and answers nothing.
sub stall ($self)    { CORE::kill(STOP => $self->{process}); $self->{stalled} = 1; return $self }
sub go_on ($self)    { CORE::kill(CONT => $self->{process}); delete $self->{stalled}; return $self }

sub log ($self) {
    return join '', map { slurp($_) } grep { -e } map { "$self->{folder}/$_" } qw(output redis.log);
}

sub port ($self) { return $self->{port} }
sub address_and_port ($self) { return address() . ":$self->{port}" }
sub unix_path ($self) { return "$self->{folder}/socket" }

# -- commands

# A client of its own, as this user.
sub login_as ($self, $user, $password) {
    my $client = bless { port => $self->{port}, folder => $self->{folder} }, __PACKAGE__;
    $client->command(AUTH => $user, $password);
    return $client;
}

# An error of the server is a reference to its text.
sub is_error ($reply) { return ref $reply eq 'SCALAR' }

# Dies of an error.
sub command ($self, @words) {
    my $reply = $self->reply(@words);
    die "@words[0 .. ($#words < 2 ? $#words : 2)]: $$reply\n" if is_error($reply);
    return $reply;
}

sub reply ($self, @words) {
    my $reply = eval { $self->_ask(@words) };
    return $reply if !$@;
    # The server may have been started anew since.
    close delete $self->{socket} if $self->{socket};
    return $self->_ask(@words);
}

sub _ask ($self, @words) {
    if (!$self->{socket} || $self->{owner} != $$) {
        @$self{qw(input owner)} = ('', $$);
        $self->{socket} = IO::Socket::INET->new(PeerAddr => address(), PeerPort => $self->{port}, Timeout => 2)
            or die "redis $self->{port}: $@\n";
        if (defined $self->{password}) {
            my $reply = $self->_exchange(qw(AUTH tester), 'any');
            die "redis: $$reply\n" if is_error($reply);
        }
    }
    return $self->_exchange(@words);
}

sub _exchange ($self, @words) {
    $self->{deadline} = time + PATIENCE;
    my $bytes = join '', '*' . @words . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @words;
    while (length $bytes) {
        my $count = syswrite $self->{socket}, $bytes;
        die "redis: $!\n" unless defined $count;
        substr $bytes, 0, $count, '';
    }
    return $self->_read_reply;
}

sub _read_reply ($self) {
    my $line  = $self->_take_line;
    my $first = substr $line, 0, 1, '';
    return $line  if $first eq '+' || $first eq ':';
    return \$line if $first eq '-';
    return        if $line == -1;
    return $self->_take($line) if $first eq '$';
    return [ map { scalar $self->_read_reply } 1 .. $line ] if $first eq '*';
    die "redis: a reply of type $first\n";
}

sub _take_line ($self) {
    $self->_fill until $self->{input} =~ /\r\n/;
    my $line = substr $self->{input}, 0, $-[0];
    substr $self->{input}, 0, $+[0], '';
    return $line;
}

sub _take ($self, $length) {
    $self->_fill until length $self->{input} >= $length + 2;
    my $bytes = substr $self->{input}, 0, $length;
    substr $self->{input}, 0, $length + 2, '';
    return $bytes;
}

sub _fill ($self) {
    my $left = $self->{deadline} - time;
    die "redis: no answer\n" unless $left > 0 && IO::Select->new($self->{socket})->can_read($left);
    sysread $self->{socket}, $self->{input}, BLOCK, length $self->{input} or die "redis: closed\n";
}

# -- what a test wants to know

sub keys ($self, $pattern = '*') {
    my @keys = sort @{ $self->command(KEYS => $pattern) };
    return @keys;
}

sub info ($self, $section) {
    return { map { /^([^#:]+):(.*?)\r?$/ ? ($1 => $2) : () } split /\n/, $self->command(INFO => $section) };
}

# How often a command was called, by any client.
sub calls ($self, @names) {
    my $stats = $self->info('commandstats');
    my $sum   = 0;
    for my $name (@names) {
        $sum += $1 if ($stats->{"cmdstat_$name"} // '') =~ /calls=(\d+)/;
    }
    return $sum;
}

# Scripts that clients ran.
sub scripts_run ($self) { return $self->calls(qw(eval evalsha)) }

sub clients ($self) { return grep { !/cmd=client/ } split /\n/, $self->command(qw(CLIENT LIST)) }

# -- replicas and clusters

sub become_replica_of ($self, $primary) {
    $self->command(REPLICAOF => address(), $primary->port);
    poll_until(sub { $self->info('replication')->{master_link_status} eq 'up' }, PATIENCE)
        or die "no replica:\n", $self->log;
    return $self;
}

sub become_primary ($self) { $self->command(qw(REPLICAOF NO ONE)); return $self }

# Servers that have an equal share of the slots each.
sub start_cluster (%options) {
    my @ports = @{ delete $options{ports} // [ 7001 .. 7003 ] };
    my @nodes = map { start_redis(%options, port => $_, cluster => 1) } @ports;
    for my $index (0 .. $#nodes) {
        my ($first, $end) = map { int($_ * SLOTS / @nodes) } $index, $index + 1;
        $nodes[$index]->command('CLUSTER', 'SET-CONFIG-EPOCH', $index + 1);
        $nodes[$index]->command('CLUSTER', 'ADDSLOTS', $first .. $end - 1);
    }
    $_->command('CLUSTER', 'MEET', address(), $nodes[0]->port) for @nodes[ 1 .. $#nodes ];
    my $agree = poll_until(sub { !grep { !$_->_knows(scalar @nodes) } @nodes }, 2 * PATIENCE);
    die "no cluster:\n", $nodes[0]->command(qw(CLUSTER INFO)) unless $agree;
    return @nodes;
}

sub _knows ($self, $count) {
    my $info = $self->command(qw(CLUSTER INFO));
    return $info =~ /cluster_state:ok/ && $info =~ /cluster_known_nodes:$count\r/ && $info =~ /cluster_size:$count\r/;
}

sub cluster_id ($self) { return $self->command(qw(CLUSTER MYID)) }
sub slot_of ($self, $key) { return $self->command(qw(CLUSTER KEYSLOT), $key) }

# Of a cluster's servers, that which has the key's slot.
sub owner_of ($key, @nodes) {
    for my $node (@nodes) {
        my $reply = $node->reply(TYPE => $key);
        return $node unless is_error($reply);
    }
    return;
}

# -- certificates

# authority($name): [certificate, key] of an authority of this test.
sub authority ($name) {
    my $folder = make_directory('authorities', 0755);
    my ($certificate, $key) = map { "$folder/$name.$_" } qw(crt key);
    openssl(
        qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj), "/CN=$name",
        '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', $key, '-out', $certificate,
    ) unless -e $certificate;
    return [ $certificate, $key ];
}

# names: as in subjectAltName; by: an authority; expired: 1. Returns what `tls` of start_redis takes.
sub server_certificate ($name, %options) {
    my $folder = make_directory("certificate-$name", 0755);
    my ($authority, $authority_key) = @{ $options{by} };
    openssl(
        qw(req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj), "/CN=$name",
        '-keyout', "$folder/key", '-out', "$folder/request",
    );
    write_file("$folder/index", '');
    write_file("$folder/ca.conf", <<"CONF");
[ca]
default_ca = own
[own]
database = $folder/index
new_certs_dir = $folder
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = $options{names}
CONF
    my @dates = $options{expired} ? qw(-startdate 200101000000Z -enddate 200102000000Z) : qw(-days 2);
    openssl(
        qw(ca -batch -notext -config), "$folder/ca.conf", '-cert', $authority, '-keyfile', $authority_key,
        '-in', "$folder/request", '-out', "$folder/crt", @dates,
    );
    return [ "$folder/crt", "$folder/key", $authority ];
}

sub openssl (@arguments) {
    my $output = directory() . '/openssl.output';
    my $code   = run_command(command => [ 'openssl', @arguments ], output => $output);
    die "openssl $arguments[0]: exit $code\n", slurp($output) if $code;
}

1;
