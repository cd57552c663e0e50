# A binary upgrade runs two masters: their answers alternate, and each tells when its counters began.

use Webhook::Test;

use List::Util qw(sum0);
use Storable qw(retrieve store);
use Time::HiRes qw(sleep);
use Webhook::Deliveries qw($SECRET deliver new_ids);
use Webhook::Metrics qw(fallen scrape value_of);
use Webhook::Process qw(end_process fork_child);

use constant PAUSE => 0.05;

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, daemon => 1, http => <<"CONF");
server {
    listen %%ADDR%%:8080;
    location = /metrics { webhook_status prometheus; }
    location / { webhook github; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
}
CONF

# Scrapes all the while, and compares each answer with the last one of the same counters.
sub start_watching ($file) {
    return fork_child(sub {
        my ($stop, $seen, %last, @fallen) = (0, 0);
        local $SIG{TERM} = sub (@) { $stop = 1 };
        until ($stop) {
            # A master that is about to end may close the connection.
            if (my $series = eval { scrape() }) {
                my $start = value_of($series, 'start_timestamp_seconds');
                push @fallen, fallen($last{$start}, $series) if $last{$start};
                $last{$start} = $series;
                ++$seen;
            }
            sleep PAUSE;
        }
        store({ seen => $seen, starts => [ sort { $a <=> $b } keys %last ], last => \%last, fallen => \@fallen }, $file);
    });
}

sub watched ($watcher, $file) {
    end_process($watcher, [ TERM => 5 ]);
    return retrieve($file);
}

my $sent = 0;

sub send_some ($count) {
    deliver($_) for new_ids($count);
    deliver($_, secret => 'wrong') for new_ids($count);
    $sent += 2 * $count;
}

sub received ($series) { return value_of($series, 'received_total', webhook_endpoint => 'github') }

my $file    = directory() . '/watched';
my $watcher = start_watching($file);
send_some(10);
ok $nginx->begin_upgrade, 'another master';
for (1 .. 20) {
    send_some(1);
    sleep PAUSE;
}
ok $nginx->finish_upgrade, 'the old master ends';
my $before = received(scrape());
send_some(10);
poll_until(sub { received(scrape()) == $before + 20 }, 5);
is received(scrape()), $before + 20, 'the new master counts all';
sleep 2 * PAUSE;
my $watched = watched($watcher, $file);

cmp_ok $watched->{seen}, '>', 10, 'scrapes';
is_deeply $watched->{fallen}, [], 'no counter fell without another start time';
is scalar @{ $watched->{starts} }, 2, 'two sets of counters';
cmp_ok received($_), '>', 0, 'each has counted' for values %{ $watched->{last} };
cmp_ok sum0(map { received($_) } values %{ $watched->{last} }), '<=', $sent, 'and no delivery was counted twice';
cmp_ok value_of(scrape(), 'start_timestamp_seconds'), '==', $watched->{starts}[1], 'the younger one stays';

subtest 'an upgrade that is taken back' => sub {
    my $before = scrape();
    ok $nginx->begin_upgrade, 'another master';
    ok $nginx->revert_upgrade, 'it ends';
    send_some(2);
    my $after = scrape();
    is value_of($after, 'start_timestamp_seconds'), value_of($before, 'start_timestamp_seconds'), 'the counters from before';
    is_deeply [ fallen($before, $after) ], [], 'nothing fell';
};

finish();
