package Webhook::Test;

# The one module a test file uses. It ends every file with the same demands on nginx's logs.

use v5.36;

use feature ();
use strict ();
use warnings ();

use Test::More ();
use Test2::API ();
use Webhook::Backend qw(start_backend);
use Webhook::Client qw(open_connection send_h2 send_request send_together start_request start_together);
use Webhook::Dns ();
use Webhook::Nginx qw(config_test start_nginx);
use Webhook::Process qw(kill_remaining poll_until run_command);
use Webhook::Proxy qw(start_proxy);
use Webhook::Redis qw(redis_missing start_cluster start_redis);
use Webhook::Sandbox qw(
    address backend_address certificate directory expand is_owner make_directory remove_directory
    slurp write_file
);
use Webhook::Sign qw(
    github_headers gitlab_headers pagerduty_headers shopify_headers slack_headers
    standard_headers standard_signature stripe_headers svix_headers unique_id
);

our @EXPORT = (
    qw(
        access_log_lines address allow_log backend_address certificate config_test directory expand
        finish github_headers gitlab_headers make_directory open_connection pagerduty_headers
        poll_until redis_missing run_command send_h2 send_request send_together shopify_headers slack_headers slurp
        standard_headers standard_signature start_backend start_cluster start_nginx start_proxy start_redis
        start_request start_together
        stripe_headers svix_headers unique_id wait_for write_file
    ),
    @Test::More::EXPORT,
);

my $SANITIZER = qr/
    (?: Address | Leak | Thread | Memory | UndefinedBehavior ) Sanitizer
    | runtime\ error: | terminate\ called
/x;

my $ALARMING = qr/
    \[ (?: alert | emerg ) \]
    | exited\ on\ signal | exited\ with\ (?: fatal\ )? code\ [1-9]
    | $SANITIZER
/x;

my @allowed;
my $finished;

sub import ($class, @) {
    my $caller = caller;
    strict->import;
    warnings->import;
    feature->import(':5.36');
    no strict 'refs';
    for my $symbol (@EXPORT) {
        my ($kind, $name) = $symbol =~ /^([\$\@%]?)(\w+)$/;
        *{"${caller}::$name"} = $kind ? \${"Test::More::$name"} : \&{ __PACKAGE__->can($name) // "Test::More::$name" };
    }
}

# Lines that match one of the patterns are expected in nginx's logs.
sub allow_log (@patterns) { push @allowed, @patterns }

# The last statement of every test file.
sub finish () {
    $finished = 1;
    conclude();
    Test::More::done_testing();
}

# Fails the test when the time is up; poll_until is the same without an assertion.
sub wait_for ($condition, $seconds, $what) {
    my $value = poll_until($condition, $seconds);
    Test::More::fail("$what (within $seconds s)") unless $value;
    return $value;
}

# nginx writes the line after the client has the answer: give the number of lines to wait for.
sub access_log_lines ($count = 0, $name = 'access.log') {
    my $path = directory() . "/$name";
    my $read = sub { return -e $path ? split /\n/, slurp($path) : () };
    poll_until(sub { my @lines = $read->(); @lines >= $count }, 5);
    return $read->();
}

sub conclude () {
    my $graceful = stop_everything();
    Test::More::ok($graceful, 'nginx stopped when asked');
    my @problems = (log_problems(), sanitizer_reports(), backend_failures());
    Test::More::ok(!@problems, 'the logs hold nothing alarming')
        or Test::More::diag(map { "$_\n" } @problems);
}

sub stop_everything () {
    Webhook::Client::stop_all();
    Webhook::Backend::stop_all();
    my $graceful = Webhook::Nginx::stop_all();
    Webhook::Dns::stop_all();
    Webhook::Proxy::stop_all();
    Webhook::Redis::stop_all();
    kill_remaining();
    return $graceful;
}

sub log_problems () {
    return map { alarming_lines($_) } grep { !m{/(?:access[^/]*|backend-\d+)\.log$} }
        map { glob "$_/*.log" } Webhook::Nginx::folders();
}

sub alarming_lines ($path) {
    my @lines = grep { /$ALARMING/ } split /\n/, slurp($path);
    my ($name) = $path =~ m{([^/]+)$};
    return map { "$name: $_" } grep { !is_allowed($_) } @lines;
}

sub is_allowed ($line) {
    return scalar grep { $line =~ $_ } @allowed;
}

# nginx -t may well say [emerg], but never this.
sub sanitizer_reports () {
    return map { "nginx -t: $_" } grep { /$SANITIZER/ } Webhook::Nginx::config_test_outputs();
}

sub backend_failures () {
    return map { "backend: $_" } grep { length } map { slurp($_) } glob directory() . '/backend-*.log';
}

sub skipped () {
    my $plan = Test2::API::test2_stack()->top->plan // '';
    return $plan eq 'SKIP';
}

sub dispose_directory ($failed) {
    return remove_directory() unless $failed || $ENV{WEBHOOK_KEEP};
    Test::More::diag('kept ' . directory());
}

# Without the handler a signal would end the test before its END block.
@SIG{qw(INT TERM HUP)} = (sub (@) { exit 1 }) x 3;

# nginx may close while a request is being written; prove may close the TAP stream.
$SIG{PIPE} = sub (@) { };

END {
    if (is_owner()) {
        my $code = $?;
        if (!$finished && !skipped()) {
            Test::More::fail('finish() was reached');
            conclude();
            Test::More::done_testing() unless $code;
            $code ||= 1;
        }
        stop_everything();
        dispose_directory($code || !Test::More->builder->is_passing);
        $? = $code;
    }
}

1;
