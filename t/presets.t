# Every built-in preset: what its sender sends is accepted, and everything near it refused. What is
# particular to a preset is in its fixture (fixtures/*.pl); the cases are derived here.

use Webhook::Test;

use FindBin;
use Webhook::Fixtures qw(deliver fixtures load_fixtures without_value);

my %STATUS = (invalid_payload => 400);
my $ORIGIN = 'https://hooks.example.com';

load_fixtures("$FindBin::Bin/fixtures");
my %fixtures = %{ fixtures() };

# As nginx names them to who asks for one that is not there.
sub known_presets () {
    my (undef, $output) = config_test(http => 'server { location / { webhook no-such-scheme; } }');
    my ($list) = $output =~ /unknown scheme "no-such-scheme", allowed: (.*), or a name/;
    ok defined $list, 'nginx names the presets' or diag $output;
    return split /, /, $list // '';
}

my %known    = map { $_ => 1 } known_presets();
my @complete = sort grep { $known{$_} } keys %fixtures;
is join(' ', grep { !$fixtures{$_} } sort keys %known), '', 'every preset has a fixture';
is join(' ', grep { !$known{$_} } sort keys %fixtures), '', 'every fixture is of a preset';

sub location ($folder, $fixture, $more = '') {
    my @secrets = map { qq("$_->{written}") } @{ $fixture->{secrets} };
    $secrets[0] .= " $fixture->{options}" if $fixture->{options};
    my $secrets = join ' ', map { "webhook_secret $_;" } @secrets;
    return "location = /$folder/$fixture->{preset} { webhook $fixture->{preset}; $secrets $more"
        . " proxy_pass http://%%BACKEND%%; }\n";
}

sub signs ($fixture, $what) { return scalar grep { $_ eq $what } @{ $fixture->{signs} } }

my $locations = join '',
    (map { location('hooks', $_) } @fixtures{@complete}),
    map { location('public', $_, qq(webhook_url "$ORIGIN\$request_uri";)) }
    grep { signs($_, 'url') } @fixtures{@complete};

my $backend = start_backend();
my $nginx   = start_nginx(http => <<"CONF");
server {
    listen %%ADDR%%:8080;
    webhook_methods POST PUT;
    proxy_set_header X-Seen-Id \$webhook_event_id;
    proxy_set_header X-Seen-Type \$webhook_event_type;
    proxy_set_header X-Seen-Scheme \$webhook_scheme;
    proxy_set_header X-Seen-Verdict \$webhook_verdict;
    proxy_set_header X-Seen-Timestamp \$webhook_timestamp;
    $locations
}
CONF

sub is_accepted ($what, %request) {
    $backend->clear;
    my $response = send_request(%request);
    my @requests = $backend->requests;
    my $passed = is_deeply [ $response->{status}, scalar @requests, $requests[0]{body} ], [ 200, 1, $request{body} ],
        "$what: reaches the backend, byte for byte";
    diag $response->header('Webhook-Reason') // 'no reason' unless $passed;
    return $requests[0] // { headers => {} };
}

sub is_refused ($what, $reason, %request) {
    $backend->clear;
    my $response = send_request(%request);
    my $given    = $response->header('Webhook-Reason') // 'none';
    my $expected = ref $reason ? $given =~ $reason ? $given : "$reason" : $reason;
    is "$response->{status} $given", ($STATUS{$expected} // 401) . " $expected", "$what: $expected";
    is $backend->count, 0, "$what: nothing reaches the backend";
}

sub is_answered ($what, $answer, %request) {
    return $answer eq 'accepted' ? is_accepted($what, %request) : is_refused($what, $answer, %request);
}

sub check_valid ($fixture) {
    my %request = deliver($fixture);
    my $seen    = is_accepted('valid', %request)->{headers};
    is $seen->{'x-seen-id'},        $fixture->{id},      'event id';
    is $seen->{'x-seen-type'},      $fixture->{type},    'event type';
    is $seen->{'x-seen-scheme'},    $fixture->{preset},  'scheme';
    is $seen->{'x-seen-verdict'},   'accepted',          'verdict';
    is $seen->{'x-seen-timestamp'}, $request{timestamp}, 'timestamp';
}

sub check_body ($fixture) {
    my $uncovered = $fixture->{uncovered};
    die "$fixture->{preset}: nothing is said of another body" unless $fixture->{tamper} || $uncovered;
    my $body = { deliver($fixture) }->{body};
    for my $change (grep { defined } @$fixture{qw(tamper uncovered)}) {
        isnt $change->($body), $body, 'the body differs';
    }
    if ($fixture->{tamper}) {
        is_refused('tampered body', 'bad_signature', deliver($fixture, after => $fixture->{tamper}));
        is_refused('no body', qr/^(?:bad_signature|invalid_payload|missing_signature)$/,
            deliver($fixture, after => sub ($body) { return '' }));
    }
    is_accepted('a body that differs in what is not signed', deliver($fixture, after => $uncovered))
        if $uncovered;
}

sub check_secret ($fixture) {
    my ($right, $wrong) = @{ $fixture->{secrets}[0] }{qw(key other)};
    is_refused('wrong secret', 'bad_signature', deliver($fixture, keys => [$wrong]));
    return unless $fixture->{several};
    is_accepted('wrong secret, right secret', deliver($fixture, keys => [ $wrong, $right ]));
    is_accepted('right secret, wrong secret', deliver($fixture, keys => [ $right, $wrong ]));
    is_refused('two wrong secrets', 'bad_signature', deliver($fixture, keys => [ $wrong, $wrong ]));
}

sub check_missing ($fixture) {
    my @needed  = @{ { deliver($fixture) }->{needed} };
    my %missing = %{ $fixture->{missing} // { map { $_ => 'missing_signature' } @needed } };
    is_deeply [ sort keys %missing ], [ sort @needed ], 'a reason for every header that is needed';
    for my $header (sort keys %missing) {
        is_refused("without $header", $missing{$header}, deliver($fixture, alter => { $header => undef }));
    }
    is_refused('without any', qr/^missing_(?:signature|timestamp)$/,
        deliver($fixture, alter => { map { $_ => undef } @needed })) if @needed;
    my %values = %{ $fixture->{missing_json} // {} };
    for my $pointer (sort keys %values) {
        is_refused("without $pointer", $values{$pointer},
            deliver($fixture, before => sub ($body) { return without_value($body, $pointer) }));
    }
    my %fields = %{ $fixture->{missing_field} // {} };
    for my $field (sort keys %fields) {
        is_refused("without the field $field", $fields{$field},
            deliver($fixture, after => sub ($body) { return $body =~ s/(^|&)\Q$field\E=[^&]*/$1/r }));
    }
    ok %missing || %values || %fields, 'there is something to leave out';
}

# Every one is signed at its time, right at the edges of the window.
sub check_time ($fixture) {
    my ($past, $future) = @{ $fixture->{timestamp} }{qw(past future)};
    my $margin = $past > 20 ? 10 : 4;
    my $signed_at = sub ($offset) { return deliver($fixture, time => time + $offset) };
    is_refused('stale', 'stale_timestamp', $signed_at->(-$past - $margin));
    is_refused('future', 'future_timestamp', $signed_at->($future + $margin));
    is_accepted('nearly stale', $signed_at->(-$past + $margin));
    is_accepted('nearly future', $signed_at->($future - $margin));
}

sub check_url ($fixture) {
    my $more = $fixture->{query} ? '&elsewhere=1' : '?elsewhere=1';
    is_refused('to another URL', 'bad_signature', deliver($fixture, more_query => $more));
}

sub check_webhook_url ($fixture) {
    is_accepted('to webhook_url', deliver($fixture, folder => 'public', origin => $ORIGIN));
    is_refused('signed for what nginx sees instead of webhook_url', 'bad_signature', deliver($fixture, folder => 'public'));
}

sub check_method ($fixture) {
    is_accepted('by PUT', deliver($fixture, method => 'PUT'));
    is_refused('signed for POST, by PUT', 'bad_signature', deliver($fixture, sent_method => 'PUT'));
}

for my $fixture (@fixtures{@complete}) {
    subtest $fixture->{preset} => sub {
        check_valid($fixture);
        check_body($fixture);
        check_secret($fixture);
        check_missing($fixture);
        check_time($fixture) if $fixture->{timestamp};
        check_url($fixture) if signs($fixture, 'url') || signs($fixture, 'path');
        check_webhook_url($fixture) if signs($fixture, 'url');
        check_method($fixture) if signs($fixture, 'method');
        for my $case (sort keys %{ $fixture->{cases} }) {
            my ($answer, %changes) = @{ $fixture->{cases}{$case} };
            is_answered($case, $answer, deliver($fixture, %changes));
        }
    };
}

finish();
