# The line of the error log for each refusal: what it tells, what it never tells, and how often.

use Webhook::Test;

use Time::HiRes qw(sleep time);
use Webhook::Deliveries qw($SECRET deliver delivery new_ids);

my $backend = start_backend();
my $nginx   = start_nginx(workers => 2, http => <<"CONF");
log_format ids '\$request_id';
webhook_dedup_zone zone=events:1m;
webhook_log_level error limit=on;
server {
    listen %%ADDR%%:8080;
    access_log %%DIR%%/access.log ids;
    location / { webhook github; webhook_secret "$SECRET"; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location /other { webhook github name=other; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
    location /quiet { webhook github name=quiet; webhook_secret "$SECRET"; webhook_log_level info; error_log %%DIR%%/quiet.log; proxy_pass http://%%BACKEND%%; }
    location /own { webhook github name=own; webhook_secret "$SECRET"; webhook_log_level info; error_log %%DIR%%/own.log info; proxy_pass http://%%BACKEND%%; }
    location /meta { webhook meta; webhook_secret "$SECRET"; webhook_handshake on token=Right-Verify-token-123; proxy_pass http://%%BACKEND%%; }
    location /timed { webhook stripe name=timed; webhook_secret "$SECRET"; proxy_pass http://%%BACKEND%%; }
}
CONF

sub lines () { return grep { /webhook (?:rejected|duplicate|monitored)/ } split /\n/, $nginx->error_log }

# All that lines tell of: each for itself, and those that it counts.
sub told (@lines) {
    my $count = 0;
    $count += / more before/ ? 1 : / and \d+ more/ ? 0 : 1 for @lines;
    $count += $_ for map { / and (\d+) more/ ? $1 : () } @lines;
    return $count;
}

# The start of a second, so that what follows fits into it.
sub next_second () { sleep 1.001 - (time - int time) }

subtest 'what a line tells' => sub {
    my $id = 'event-"of' . "\x01" . 'the test';
    deliver($id, secret => 'wrong');
    my ($line) = wait_for(sub { lines() }, 5, 'a line') && lines();
    like $line, qr/\[error\] .* webhook rejected: bad_signature, .* endpoint: "github", event id: "event-.*", request id: [0-9a-f]{32}, client: 127\.0\.0\.1,/, 'all of it';
    unlike $line, qr/\x01|\Q$SECRET\E|sha256=/, 'no control character, secret or signature';
    my ($request) = $line =~ /request id: (\w+)/;
    ok poll_until(sub { slurp(directory() . '/access.log') =~ /^$request$/m }, 5), 'the id that the access log has';
    my $body = '{"id":"evt_in_the_body"}';
    send_request(uri => '/timed', body => $body, headers => [ stripe_headers($SECRET, $body, timestamp => int(time) - 402) ]);
    my $stale;
    wait_for(sub { ($stale) = grep { /stale/ } lines() }, 5, 'a line of another endpoint');
    like $stale, qr/webhook rejected: stale_timestamp, 40\ds old, 300s allowed, endpoint: "timed", request id/, 'no id where none is known';
};

# The lines since a position in the list, once they tell of so many.
sub lines_that_tell ($count, $before) {
    my @lines;
    poll_until(sub { @lines = splice @{ [ lines() ] }, $before; told(@lines) >= $count }, 10);
    is told(@lines), $count, "$count are told of" or diag @lines;
    return @lines;
}

subtest 'a flood is one line in a second, and its count' => sub {
    next_second();
    my ($before, $start) = (scalar(lines()), int time);
    deliver(new_ids(1), secret => 'wrong') for 1 .. 20;
    my $seconds = int(time) - $start + 1;
    my @lines   = lines_that_tell(20, $before);
    unlike $lines[0], qr/more/, 'the first';
    like $lines[-1], qr/webhook rejected: bad_signature, endpoint: "github", client: 127\.0\.0\.1, and \d+ more$/, 'their number';
    # The last number is told in a second of its own.
    cmp_ok scalar @lines, '<=', $seconds + 1, "$seconds s";
    sleep 2.2;
    is scalar(lines()), $before + @lines, 'told once';
};

subtest 'the next line tells of those before' => sub {
    next_second();
    my $before = lines();
    deliver(new_ids(1), secret => 'wrong', uri => '/other') for 1 .. 5;
    next_second();
    deliver(new_ids(1), secret => 'wrong', uri => '/other');
    cmp_ok scalar(lines_that_tell(6, $before)), '<=', 4, 'in few lines';
};

subtest 'other endpoints, reasons and sources have lines of their own' => sub {
    next_second();
    my $before = lines();
    deliver(new_ids(1), secret => 'wrong', uri => '/other');
    deliver(new_ids(1), uri => '/other', override => { 'X-Hub-Signature-256' => undef });
    deliver(new_ids(1), uri => '/', override => { 'X-Hub-Signature-256' => undef });
    deliver(new_ids(1), uri => '/', override => { 'X-Hub-Signature-256' => undef }, from => '127.0.0.9');
    is lines() - $before, 4, 'four';
};

subtest 'what an exiting worker has not told yet is told at its end' => sub {
    next_second();
    my $before = lines();
    deliver(new_ids(1), secret => 'wrong') for 1 .. 4;
    ok $nginx->reload, 'reload';
    lines_that_tell(4, $before);
};

subtest 'a log of the location' => sub {
    next_second();
    deliver(new_ids(1), secret => 'wrong', uri => '/own') for 1 .. 5;
    my $own = directory() . '/own.log';
    wait_for(sub { told(grep { /webhook rejected/ } split /\n/, slurp($own)) == 5 }, 5, 'all are told there');
    is((grep { /"own"/ } lines()), 0, 'and nowhere else');
};

subtest 'a token of a handshake' => sub {
    my $position = length $nginx->error_log;
    my $query    = 'hub.mode=subscribe&hub.challenge=1&hub.verify_token=Right-Verify-token-123';
    send_request(uri => "/meta?$query", body => '{}', headers => [ Referer => "http://x/?$query" ]);
    send_request(method => 'GET', uri => "/meta?${query}x");
    wait_for(sub { substr($nginx->error_log, $position) =~ /webhook rejected/ }, 5, 'lines');
    unlike substr($nginx->error_log, $position), qr/Right-Verify/, 'is not in the log';
};

subtest 'a level that is not logged' => sub {
    deliver(new_ids(1), secret => 'wrong', uri => '/quiet') for 1 .. 3;
    sleep 1.5;
    is slurp(directory() . '/quiet.log'), '', 'nothing, not even a count';
};

finish();
