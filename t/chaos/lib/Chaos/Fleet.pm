package Chaos::Fleet;

# Several nginx that have one memory in Redis, and what befalls them: workers and nodes are killed, their connections
# to Redis are delayed, cut and held up, and Redis is restarted. Each node reaches Redis through a proxy of its own.
#
# There are two kinds of runs. In one, Redis keeps what it acknowledged, and a node that cannot reach it refuses.
# There, no worker ends before a commit that came late has reached Redis: what a node alone knows dies with it. In
# the other one, Redis forgets, nodes decide alone, and anything happens at any time.

use v5.36;

use Chaos::Gate;
use Chaos::Sockets qw(now);
use Webhook::Nginx qw(start_nginx);
use Webhook::Proxy qw(start_proxy);
use Webhook::Redis qw(start_redis);

use constant {
    NODES      => [qw(a b c)],
    WORKERS    => 2,
    FIRST_PORT => 8101,
    PROXY_PORT => 6381,
    REDIS_PORT => 6379,
    LEASE      => 4,
    TIMEOUT    => 0.5,
    QUIET      => 0.3,    # seconds in which a node tells Redis what it could not tell before
    PATIENCE   => 20,
};

my %KEEPS   = (zone => 'on_error=reject', redis => { appendonly => 1 });
my %FORGETS = (zone => 'on_error=local', redis => {});

my @KINDS = (
    { name => 'worker killed',                         seconds => 0.3, gate => 'kill_worker' },
    { name => 'node killed and started again',         seconds => 0.8, gate => 'kill_node' },
    { name => 'node reloaded',                         seconds => 0.4, gate => 'reload' },
    { name => 'Redis slow for a node',                 seconds => 0.6, gate => 'delay' },
    { name => 'connections to Redis cut',              seconds => 0.4, gate => 'cut' },
    { name => 'connections to Redis cut at some byte', seconds => 0.4, gate => 'cut_at_byte' },
    { name => 'Redis out of reach of a node',          seconds => 0.8, gate => 'part' },
    { name => 'scripts flushed',                       seconds => 0.2, gate => 'flush_scripts' },
    { name => 'Redis killed and started again',        seconds => 0.8, gate => 'restart_redis' },
);
my $FLUSHED = { name => 'Redis flushed', seconds => 0.3, gate => 'flush' };

sub kinds ($keeps) { return ($keeps ? () : $FLUSHED, @KINDS) }

# secret; keeps: whether Redis does; remembers: whether there is a memory of the fleet at all; wait: as for Chaos::Gate
sub new ($class, %options) {
    Chaos::Gate::keep_module();
    return bless { %options, killed => {}, terminated => {}, disturbances => [], size => '16m' }, $class;
}

sub start ($self) {
    my %kind = $self->{keeps} ? %KEEPS : %FORGETS;
    $self->{redis} = start_redis(port => REDIS_PORT, %{ $kind{redis} });
    for my $index (0 .. NODES->$#*) {
        my $node = NODES->[$index];
        $self->{proxies}{$node} = start_proxy(port => PROXY_PORT + $index, to => REDIS_PORT);
        $self->{nodes}{$node}   = start_nginx(
            node => $node, workers => WORKERS, http => $self->_http(FIRST_PORT + $index, PROXY_PORT + $index, $kind{zone}),
        );
    }
}

sub _http ($self, $port, $proxy, $zone) {
    my ($timeout, $lease) = (1000 * TIMEOUT . 'ms', LEASE . 's');
    my $memory = $self->{remembers} ? "redis=fleet lease=$lease $zone" : '';
    my $server = $self->{remembers} ? "webhook_redis fleet redis://%%ADDR%%:$proxy/0 timeout=$timeout;" : '';
    return <<"CONF";
$server
webhook_dedup_zone zone=events:$self->{size} $memory;
log_format chaos '\$msec \$pid \$http_x_attempt \$status \$webhook_reason \$upstream_status \$upstream_response_time';
access_log %%DIR%%/%%NODE%%/access.log chaos;
error_log %%DIR%%/%%NODE%%/error.log notice;
keepalive_requests 100000;
proxy_connect_timeout 1s;
proxy_read_timeout 1s;
upstream kept {
    server %%BACKEND%%;
    keepalive 32;
}
server {
    listen %%ADDR%%:$port backlog=4096;
    webhook github;
    webhook_secret "$self->{secret}";
    webhook_log_level info;
    proxy_set_header Connection "";
    proxy_set_header X-Gate "\$pid \$msec";

    location /plain {
        webhook_dedup zone=events;
        proxy_http_version 1.1;
        proxy_pass http://kept;
    }
    location /wait {
        webhook_dedup zone=events wait=2s;
        proxy_pass http://%%BACKEND%%;
    }
    location /keys {
        webhook_dedup zone=events key=\$webhook_event_id key=\$webhook_event_key;
        proxy_http_version 1.1;
        proxy_pass http://kept;
    }
}
CONF
}

# -- what the conductor asks

sub ports ($self) { return map { FIRST_PORT + $_ } 0 .. NODES->$#* }
sub node_names () { return @{ +NODES } }
sub killed ($self) { return $self->{killed} }
sub terminated ($self) { return $self->{terminated} }
sub suicides ($self) { return 0 }
sub await_retiring ($self) { }
sub stop ($self, $signal) { $_->stop($signal) for values %{ $self->{nodes} } }

# For the judge: { from, to (times), what }
sub disturbances ($self) { return $self->{disturbances} }

# -- what befalls it; each takes a number from 0 up to 1, by which it does it this way or that

sub _pick ($self, $number) { return NODES->[ $number * @{ +NODES } ] }

# Another number, which depends on the first one.
sub _next ($number) { return $number * 1009 - int $number * 1009 }

sub _rest ($self, $seconds) {
    my $end = now() + $seconds;
    $self->{wait}->(sub { now() >= $end }, PATIENCE, 'a rest');
}

sub _disturb ($self, $what, $code) {
    my $disturbance = { from => now(), what => $what };
    push @{ $self->{disturbances} }, $disturbance;
    my @result = $code->();
    $disturbance->{to} = now();
    return $result[0];
}

# What is known by one node alone has reached Redis.
sub _await_quiet ($self) {
    return unless $self->{keeps} && $self->{remembers};
    $self->{wait}->(sub { !grep { $_->told->{open} < WORKERS } values %{ $self->{proxies} } }, PATIENCE, 'all have their connections');
    $self->_rest(QUIET);
}

sub kill_worker ($self, $number) {
    $self->_await_quiet;
    my $node    = $self->{nodes}{ $self->_pick($number) };
    my @workers = grep { Webhook::Nginx::title_of($_) =~ /^nginx: worker process/ } Webhook::Nginx::children_of($node->master);
    my $worker  = $workers[ _next($number) * @workers ] // die "there is no worker\n";
    $self->{killed}{$worker} = 1;
    return $self->_disturb(dies => sub {
        kill KILL => $worker;
        $self->{wait}->(sub { $node->workers >= WORKERS && !grep { $_ == $worker } $node->workers }, PATIENCE, 'a worker is replaced');
        return "$node->{node}, $worker";
    });
}

# A master that is stopped starts no worker that nobody knows of.
sub kill_node ($self, $number) {
    $self->_await_quiet;
    my $name = $self->_pick($number);
    my $node = $self->{nodes}{$name};
    return $self->_disturb(dies => sub {
        my $master = $node->master;
        kill STOP => $master;
        $self->{killed}{$_} = 1 for $master, Webhook::Nginx::children_of($master);
        $node->crash;
        $self->_rest(0.3 * _next($number));
        $node->start;
        return "$name, $master";
    });
}

# Workers that end drop what they have yet to tell Redis.
sub reload ($self, $number) {
    $self->_await_quiet;
    my $name = $self->_pick($number);
    return $self->_disturb(reloads => sub {
        $self->{nodes}{$name}->reload or die "node $name refuses its configuration\n";
        return $name;
    });
}

sub delay ($self, $number) {
    my $name  = $self->_pick($number);
    my $delay = _next($number) * ($self->{keeps} ? 0.1 : 0.6);
    return $self->_disturb(away => sub {
        $self->{proxies}{$name}->delay($delay);
        $self->_rest(0.3);
        $self->{proxies}{$name}->pass;
        return sprintf '%s, %.3f', $name, $delay;
    });
}

sub cut ($self, $number) {
    my $name  = $self->_pick($number);
    my $reset = _next($number) < 0.5 ? 1 : 0;
    return $self->_disturb(away => sub { $self->{proxies}{$name}->cut($reset); return "$name, $reset" });
}

sub cut_at_byte ($self, $number) {
    my $name      = $self->_pick($number);
    my $bytes     = int 400 * _next($number);
    my $direction = _next(_next($number)) < 0.5 ? 'up' : 'down';
    return $self->_disturb(away => sub {
        $self->{proxies}{$name}->cut_after($direction, $bytes, WORKERS);
        $self->_rest(0.1);
        $self->{proxies}{$name}->pass;
        return "$name, $direction, $bytes";
    });
}

sub part ($self, $number) {
    my $name = $self->_pick($number);
    my $how  = qw(refuse freeze swallow)[ 3 * _next($number) ];
    return $self->_disturb(away => sub {
        my $proxy = $self->{proxies}{$name};
        $proxy->$how;
        $proxy->cut if $how eq 'refuse';
        $self->_rest(0.2 + 0.5 * _next(_next($number)));
        $proxy->pass;
        # What was swallowed is not noticed otherwise.
        $proxy->cut if $how eq 'swallow';
        return "$name, $how";
    });
}

sub flush_scripts ($self, $number) {
    $self->{redis}->command(qw(SCRIPT FLUSH));
    return 'all';
}

sub flush ($self, $number) {
    return $self->_disturb(forgets => sub { $self->{redis}->command('FLUSHALL'); return 'all' });
}

sub restart_redis ($self, $number) {
    return $self->_disturb($self->{keeps} ? 'away' : 'forgets', sub {
        $self->{redis}->kill;
        $self->_rest(0.4 * _next($number));
        $self->{redis}->start;
        return 'all';
    });
}

1;
