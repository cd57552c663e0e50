package Webhook::RedisCalls;

# A worker whose client of Redis does as a test says (t/support/redis_caller.cpp).

use v5.36;

use Exporter qw(import);
use Time::HiRes qw(time);
use Webhook::Nginx qw(start_nginx);
use Webhook::Process qw(poll_until);
use Webhook::Sandbox qw(directory make_directory slurp write_file);

our @EXPORT_OK = qw(calls_missing fresh_id order order_about reply reply_of start_caller state_of);

use constant PATIENCE => 10;

my $count = 0;

# Why there can be no such worker.
sub calls_missing () {
    return '' if -e ($ENV{WEBHOOK_FAULTY_MODULE} // '');
    return 'WEBHOOK_FAULTY_MODULE names no module with places to fail (make prove builds it)';
}

# redis: the arguments of webhook_redis; more, main: text of http{} and around it
sub start_caller ($redis, %options) {
    my ($more, $main) = map { $_ // '' } delete @options{qw(more main)};
    make_directory('calls');
    local $ENV{WEBHOOK_MODULE} = $ENV{WEBHOOK_FAULTY_MODULE};
    return start_nginx(
        env  => { WEBHOOK_REDIS_CALLS => directory() . '/calls' },
        main => "env WEBHOOK_REDIS_CALLS;\n$main",
        http => "webhook_redis fleet $redis;\n$more\nserver { listen %%ADDR%%:8080; return 204; }",
        %options,
    );
}

sub fresh_id () { return 'n' . ++$count }

# Each is a line of orders without its id. Returns the ids.
sub order (@orders) {
    my @ids = map { fresh_id() } @orders;
    give(join '', map { "$ids[$_] $orders[$_]\n" } 0 .. $#orders);
    return wantarray ? @ids : $ids[0];
}

# About a call that was made.
sub order_about ($id, $order) { give("$id $order\n") }

sub give ($lines) {
    my $path = directory() . '/calls/calls';
    poll_until(sub { !-e $path }, PATIENCE) or die "the worker takes no orders\n";
    write_file($path, $lines);
}

# undef: there is none yet.
sub reply ($id) {
    my $path = directory() . '/calls/replies';
    my ($text) = -e $path ? slurp($path) =~ /^\Q$id\E (.*)$/m : ();
    return $text;
}

# What it is told, and after how many seconds.
sub reply_of ($order, $patience = PATIENCE) {
    my $start = time;
    my $id    = order($order);
    poll_until(sub { defined reply($id) }, $patience);
    my $text = reply($id);
    return wantarray ? ($text, time - $start) : $text;
}

sub state_of () { return scalar reply_of('state') }

1;
