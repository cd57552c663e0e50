# The page of webhook_status in a real browser: Debian's Chromium, driven by page.mjs.
#
# WEBHOOK_BROWSER names a directory made by `npm ci --ignore-scripts` from this directory's package.json
# and package-lock.json; WEBHOOK_FIXTURE the program that fixture.cpp becomes. WEBHOOK_SCREENSHOTS may name
# a directory for pictures of the page, WEBHOOK_ONLY a regular expression for the names of tests.

use Webhook::Test;

use File::Basename qw(dirname);
use JSON::PP       qw(decode_json);

for my $name (qw(WEBHOOK_BROWSER WEBHOOK_FIXTURE)) {
    plan skip_all => "$name is not set" if ($ENV{$name} // '') eq '';
}

my $backend = start_backend();
start_nginx(http => <<'CONF');
server {
    listen %%ADDR%%:8080;
    location = /hook {
        webhook github;
        webhook_secret "a secret of sixteen" id=first;
        proxy_pass http://%%BACKEND%%;
    }
    location = /status { webhook_status; }
}
# Other servers in front of the page; what page.mjs listens at is behind them.
server {
    listen %%ADDR%%:8081;
    location /a/b/ { proxy_pass http://%%ADDR%%:9100/; }
    location = /deep/er/status { proxy_pass http://%%ADDR%%:8080/status; }
    location /strict/ {
        add_header Content-Security-Policy "default-src 'none'";
        proxy_pass http://%%ADDR%%:9100/;
    }
}
CONF

my $output = directory() . '/results.json';
my $status = run_command(
    command => [ 'node', dirname(__FILE__) . '/page.mjs', address() ], output => $output, timeout => 300,
);
is $status, 0, 'the browser ran' or diag slurp($output);
for my $result ($status == 0 ? decode_json(slurp($output))->@* : ()) {
    ok !defined $result->{error}, $result->{name};
    diag $result->{error} if defined $result->{error};
}

finish();
