# webhook_status where nodes share a Redis: what is there only then is on the page, in JSON and in the metrics, as
# docs/metrics.md has it. At first nobody listens where the Redis should be, which a report tells as well.

use Webhook::Test;

use Webhook::Deliveries qw($SECRET deliver new_ids outcome);
use Webhook::Metrics qw(scrape status_of value_of);
use Webhook::MetricsPage qw(fields_of is_of_redis scraped_bounds scraped_metrics written_bounds written_fields written_metrics);
use Webhook::Redis qw(redis_missing start_redis);

start_backend();
start_nginx(workers => 2, http => <<"CONF");
webhook_redis fleet redis://%%ADDR%%:6399/3;
webhook_redis unused unix:%%DIR%%/none.sock;
webhook_dedup_zone zone=shared:1m redis=fleet;
webhook_dedup_zone zone=local:1m;
server {
    listen %%ADDR%%:8080;
    location = /metrics { webhook_status prometheus; }
    location = /status  { webhook_status json; }
    location = /page    { webhook_status html; }
    location / { webhook github; webhook_secret "$SECRET"; webhook_dedup zone=shared; proxy_pass http://%%BACKEND%%; }
}
CONF

subtest 'docs/metrics.md has every metric, and no other' => sub {
    my $text = send_request(method => 'GET', uri => '/metrics')->{body};
    my ($written, $scraped) = (written_metrics(), scraped_metrics($text));
    is_deeply { map { $_ => $written->{$_} } grep { is_of_redis($_) } keys %$written },
        { map { $_ => $scraped->{$_} } grep { is_of_redis($_) } keys %$scraped }, 'types and labels';
    my ($bounds, $name) = (written_bounds(), 'nginx_webhook_redis_round_trip_seconds');
    is_deeply [ grep { is_of_redis($_) } sort keys %$bounds ], [$name], 'the histogram';
    is $bounds->{$name}, scraped_bounds($text, $name, redis => 'fleet'), 'its buckets';
};

subtest 'docs/metrics.md has every field of the JSON document, and no other' => sub {
    my $seen = fields_of(status_of());
    is_deeply [ grep { is_of_redis($_) } sort keys %$seen ], [ grep { is_of_redis($_) } written_fields($seen) ], 'fields';
};

subtest 'what each Redis is' => sub {
    my ($fleet, $unused) = @{ status_of()->{redis} };
    is_deeply [ @$fleet{qw(name zones)} ], [ 'fleet', ['shared'] ], 'its name and its zones';
    is $fleet->{url}, 'redis://' . address() . ':6399/3', 'its URL';
    is_deeply [ @$unused{qw(name zones)} ], [ 'unused', [] ], 'one that no zone asks';
    like send_request(method => 'GET', uri => '/page')->{body}, qr/>Shared memory<.*>fleet</s, 'they are on the page';
};

subtest 'a Redis that is away' => sub {
    is outcome(deliver(new_ids(1))), 'delivered', 'an event is delivered without it';
    ok poll_until(sub { value_of(scrape(), 'redis_away_workers', redis => 'fleet') > 0 }, 10), 'a worker sees that it is away';
    my $series = scrape();
    cmp_ok value_of($series, 'redis_losses_total', redis => 'fleet'), '>', 0, 'it is lost';
    is value_of($series, 'redis_decided_alone_total', redis => 'fleet'), 1, 'one was decided alone';
    is value_of($series, 'redis_connected_workers', redis => 'fleet'), 0, 'nobody is connected';
    my $status = status_of();
    is $status->{state}, 'failing', 'the state of all';
    is_deeply [ map { $_->{code} } grep { $_->{state} eq 'failing' } @{ $status->{findings} } ], ['redis_away'], 'and why';
};

subtest 'a Redis that is back' => sub {
    plan skip_all => redis_missing() if redis_missing();
    start_redis(port => 6399);
    ok poll_until(sub { value_of(scrape(), 'redis_away_workers', redis => 'fleet') == 0 }, 20), 'it is away for nobody';
    is outcome(deliver(new_ids(1))), 'delivered', 'an event is delivered with it';
    ok poll_until(sub { value_of(scrape(), 'redis_connected_workers', redis => 'fleet') > 0 }, 10), 'a worker is connected';
    ok poll_until(sub { value_of(scrape(), 'redis_pushed_later_total', redis => 'fleet') == 1 }, 10), 'it is told of the first one';
    my $series = scrape();
    cmp_ok value_of($series, 'redis_round_trip_seconds_count', redis => 'fleet'), '>=', 2, 'replies are timed';
    my $sum = value_of($series, 'redis_round_trip_seconds_sum', redis => 'fleet');
    ok $sum > 0 && $sum < 5, 'in seconds' or diag $sum;
    is value_of($series, 'redis_decided_alone_total', redis => 'fleet'), 1, 'no other was decided alone';
    is value_of($series, 'redis_leases_lost_total', redis => 'fleet'), 0, 'no lease was lost';
    is status_of()->{state}, 'ok', 'nothing needs attention';
};

subtest 'promtool finds nothing' => sub {
    plan skip_all => 'promtool (of the package prometheus) is not installed' unless grep { -x "$_/promtool" } split /:/, $ENV{PATH};
    my $metrics = write_file('metrics.txt', send_request(method => 'GET', uri => '/metrics')->{body});
    my $output  = directory() . '/promtool.log';
    my $code    = run_command(command => [ 'sh', '-c', "promtool check metrics <$metrics" ], output => $output, timeout => 20);
    is $code, 0, 'exit status';
    is slurp($output), '', 'output';
};

finish();
