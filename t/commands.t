# The commands of docs/ do what their pages say: each line with jq reads a real status document or a real delivery log,
# of an endpoint that enforces and one that monitors; a signature made by hand is accepted; a captured file tells which
# secret it was signed with.

use Webhook::Test;

use Digest::SHA qw(hmac_sha256_hex);
use File::Basename qw(basename);
use FindBin;
use JSON::PP qw(decode_json);

my $ROOT   = "$FindBin::Bin/..";
my $SECRET = 'the-secret-of-the-commands';
my $OLD    = 'the-secret-before-that-one';

my %page = map { basename($_) => slurp($_) } glob "$ROOT/docs/*.md";
my ($format) = slurp("$ROOT/examples/delivery-log.conf") =~ /^(\s*log_format delivery .*?;)$/ms;
my ($jq) = grep { -x } map { "$_/jq" } split /:/, $ENV{PATH} // '';
my $NO_JQ = 'there is no jq (Debian\'s package is jq)';

write_file("$_.key",     "$SECRET\n", 0600) for qw(github stripe);
write_file("$_-old.key", "$OLD\n",    0600) for qw(github stripe);

my $captures = make_directory('captures', 0700);
my $backend  = start_backend();
start_nginx(main => 'user root;', http => <<"CONF");
$format
webhook_dedup_zone zone=events:1m;
webhook_scheme acme {
    algorithm hmac-sha256;
    signed    "{timestamp}.{body}";
    signature header=Acme-Signature encoding=hex;
    timestamp header=Acme-Timestamp unit=s tolerance=5m;
}
server {
    listen %%ADDR%%:8080;
    access_log %%DIR%%/delivery.log delivery if=\$webhook_endpoint;
    webhook_capture $captures;

    location = /status { webhook off; webhook_status json; access_log off; }

    location = /hooks/github  { webhook github; webhook_secret file:%%DIR%%/github.key id=2026-q4; proxy_pass http://%%BACKEND%%; }
    location = /hooks/stripe  { webhook stripe; webhook_secret file:%%DIR%%/stripe.key id=2026-q4; webhook_dedup zone=events; proxy_pass http://%%BACKEND%%; }
    location = /hooks/acme    { webhook acme; webhook_secret file:%%DIR%%/github.key; proxy_pass http://%%BACKEND%%; }
    location = /hooks/monitor { webhook github name=monitored; webhook_secret file:%%DIR%%/github.key; webhook_mode monitor; proxy_pass http://%%BACKEND%%; }
}
CONF

# The commands of a text: the lines that are indented by four spaces. An open quote goes on in the next line.
sub commands_of ($text) {
    my (@commands, $open);
    for my $line (split /\n/, $text) {
        if ($open) { $commands[-1] .= "\n$line" }
        elsif ($line =~ /^ {4}(\S.*)/) { push @commands, $1 }
        else { next }
        $open = ($commands[-1] =~ tr/'//) % 2;
    }
    return @commands;
}

sub section ($text, $heading) { return ($text =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms)[0] // '' }
sub blocks_of ($text) { return $text =~ /^```sh\n(.*?)^```/gms }

# Runs commands in the directory of the test, with the addresses and paths there. Returns their exit code and what they
# have printed.
sub run_in_shell ($commands) {
    my ($address, $folder) = (address(), directory());
    $commands =~ s{\bsudo }{}g;
    $commands =~ s{http://127\.0\.0\.1:8081/}{http://$address:8080/}g;
    $commands =~ s{https://hooks\.example\.com/|http://127\.0\.0\.1(?=\$)/?}{"http://$address:8080" . ($& =~ m{/$} ? '/' : '')}ge;
    $commands =~ s{/etc/nginx/webhook/}{$folder/}g;
    $commands =~ s{/var/lib/nginx/captures}{$captures}g;
    my $script = write_file('commands.sh', "set -eo pipefail\ncd $folder\n$commands\n");
    my $output = "$folder/commands.out";
    unlink $output;
    my $code = run_command(command => [ 'bash', $script ], output => $output, timeout => 30);
    return ($code, slurp($output));
}

sub stripe ($id, $secret = $SECRET) {
    my $body = qq({"id":"$id","type":"charge.succeeded"});
    return (uri => '/hooks/stripe', body => $body, headers => [ stripe_headers($secret, $body) ]);
}

sub github ($name, $secret = $SECRET) {
    return (uri => "/hooks/$name", body => '{}', headers => [ github_headers($secret, '{}') ]);
}

# The file of a delivery that this endpoint has refused.
sub captured ($endpoint) {
    my $found;
    poll_until(sub { ($found) = grep { slurp($_) =~ /\A# [^\n]* endpoint=\Q$endpoint\E / } glob "$captures/*-bad_signature-*.http" }, 10);
    return $found;
}

subtest 'jq' => sub {
    plan skip_all => $NO_JQ unless $jq;
    send_request(stripe('evt_1')) for 1, 2;
    $backend->behave(status => 500);
    send_request(stripe('evt_2'));
    $backend->behave(status => 200);
    send_request(stripe('evt_3', $OLD));
    send_request(github($_)) for qw(github monitor);
    send_request(github($_, $OLD)) for qw(github monitor);
    my @lines;
    # A line is there when its end is.
    poll_until(sub { @lines = slurp(directory() . '/delivery.log') =~ /^(.*)\n/mg; @lines == 8 }, 10);
    is scalar @lines, 8, 'a line for each delivery';
    # Nothing waits for a slow one.
    write_file('delivery.log', join '', map { "$_\n" } @lines, $lines[0] =~ s/"request_time":[\d.]+/"request_time":6.000/r);

    my %number;
    my %printed;
    for my $name (sort keys %page) {
        for my $command (grep { /\bjq / } commands_of($page{$name})) {
            my $what = "$name, line " . ++$number{$name} . ' with jq';
            my ($code, $output) = run_in_shell($command);
            is $code, 0, "$what: no error" or diag $command, $output;
            like $output, qr/\S/, "$what: an answer" or diag $command;
            $printed{$command} = $output;
        }
    }
    cmp_ok $number{'delivery-log.md'}, '>=', 10, 'those of delivery-log.md are seen';
    my $is_answer = sub ($mark, $expected, $what) {
        my @found = grep { index($_, $mark) >= 0 } sort keys %printed;
        is scalar @found, 1, "$what: one command" or diag "@found";
        like $printed{ $found[0] // '' } // '', $expected, "$what: its answer";
    };
    $is_answer->('group_by([.endpoint, .event_id])', qr/\Astripe\tevt_2\n\z/, 'never delivered');
    $is_answer->('.event_id == "")',       qr/\A\S+\tbad_signature\t\d+\t[\d.]+\t[0-9a-f]{32}\n\z/, 'without an id');
    $is_answer->('startswith($day)',       qr/\A +1 github\tbad_signature\n +1 stripe\tbad_signature\n\z|\A +1 stripe\tbad_signature\n +1 github\tbad_signature\n\z/, 'refused today');
    $is_answer->('select(.mode == "monitor")', qr/"name": "monitored",\n\s*"accepted": 1,\n\s*"would_refuse": \{\n\s*"bad_signature": 1\n/, 'monitor mode');
};

subtest 'a signature by hand' => sub {
    my $section = section($page{'troubleshooting.md'}, 'A signature by hand');
    my ($secret, @commands) = commands_of($section);
    like $secret, qr/^secret=/, 'the secret is read first';
    while (my $command = shift @commands) {
        $command .= "\n" . shift @commands while @commands && $command !~ /^curl /m;
        my ($name) = $command =~ m{/hooks/(\w+)};
        my $before = $backend->count;
        my ($code, $output) = run_in_shell("$secret\n$command");
        like $output, qr{^HTTP/1\.1 200 }m, "$name: accepted" or diag $output;
        is $backend->count - $before, 1, "$name: delivered";
    }
};

subtest 'a captured file' => sub {
    my $page = $page{'capture.md'};
    my ($split, @compare) = blocks_of(section($page, 'Compare the signature'));
    my ($send) = blocks_of(section($page, 'Send one again'));
    my %sent = (github => [ github('github', $OLD) ], stripe => [ stripe('evt_4', $OLD) ]);
    for my $name (sort keys %sent) {
        unlink glob "$captures/*.http";
        my %request = @{ $sent{$name} };
        send_request(%request);
        my $file = captured($name);
        ok $file, "$name: captured" or next;
        my ($compare) = grep { m{/\Q$name\E\*\.key} } @compare;
        my $apart = $split =~ s{^file=.*$}{file=$file}mr;
        my ($code, $output) = run_in_shell("$apart\n$compare");
        is $code, 0, "$name: compared" or diag $output;
        my ($header) = $output =~ /^\S+: (?:t=\d+,)?(\S+)$/m;
        my %key = reverse $output =~ /^(\S+) \S*\/(\S+)\.key$/mg;
        is_deeply [ sort keys %key ], [ $name, "$name-old" ], "$name: both secrets are tried";
        is $key{"$name-old"}, $header, "$name: it is signed with the old one";
        isnt $key{$name}, $header, "$name: and not with the new one";

        my ($id) = slurp($file) =~ /\brequest_id=(\w+)/;
        my ($find, $find_event) = commands_of(section($page, 'Find the file of a line'));
        is +(run_in_shell($find =~ s/request_id=\w+/request_id=$id/r))[1], "$file\n", "$name: found by its request";
        is +(run_in_shell($find_event =~ s/evt_1/evt_4/r))[1], "$file\n", "$name: found by its event" if $name eq 'stripe';

        ($code, $output) = run_in_shell("$apart\n$send");
        is $code, 0, "$name: sent again" or diag $output;
        like $output, qr/^Webhook-Reason: bad_signature\r$/m, "$name: and refused again";
    }
};

finish();
