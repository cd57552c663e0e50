# examples/redelivery.conf: an event that is listed there is delivered once more, and nothing else is.

use Webhook::Test;

use FindBin;
use Webhook::Deliveries qw(outcome);
use Webhook::Fixtures;

my $SECRET  = 'secret-of-the-redeliveries';
my $backend = start_backend();

write_file("$_.key", "$SECRET\n", 0600) for qw(github stripe);

# The blocks of http{}, on this test's ports, before and after the operator added the lines.
sub example (%options) {
    my $text = slurp("$FindBin::Bin/../examples/redelivery.conf");
    $text =~ s/\A.*^http \{\n(.*)^\}\n\z/$1/ms or die 'the example has no http{}';
    $text =~ s{/etc/nginx/webhook/}{%%DIR%%/}g;
    $text =~ s{listen 8080}{listen %%ADDR%%:8080};
    $text =~ s{http://127\.0\.0\.1:9000}{http://%%BACKEND%%}g;
    my $lines = $text =~ s/^\s+(?:72d3162e\S+|evt_1NG8Du\S+)\s.*\n//mgr;
    isnt $lines, $text, 'the example lists events';
    return $options{listed} ? $text : $lines;
}

my $nginx = start_nginx(http => example());
my ($GITHUB, $STRIPE) = qw(72d3162e-cc78-11e3-81ab-4c9367dc0958 evt_1NG8Du2eZvKYlo2C);

sub github ($id, $body) {
    return outcome(send_request(uri => '/hooks/github', body => $body,
        headers => [ github_headers($SECRET, $body, delivery => $id) ]));
}

sub stripe ($id) {
    my ($time, $body) = (time, qq({"id":"$id","type":"charge.succeeded"}));
    my $mac = hmac_sha256_hex("$time.$body", $SECRET);
    return outcome(send_request(uri => '/hooks/stripe', body => $body,
        headers => [ 'Stripe-Signature' => "t=$time,v1=$mac" ]));
}

is github($GITHUB, '{"push":1}'), 'delivered', 'github: an event';
is github('other', '{"push":2}'), 'delivered', 'another';
is stripe($STRIPE), 'delivered', 'stripe: an event';
is stripe('evt_2'), 'delivered', 'another';
is github($GITHUB, '{"push":1}'), 'duplicate', 'redelivered';
is stripe($STRIPE), 'duplicate', 'resent';

$nginx->rewrite_config(http => example(listed => 1));
$nginx->reload;
is github('replayed', '{"push":1}'), 'duplicate', 'github: under another id, the body is known';
is github($GITHUB, '{"push":1}'), 'delivered', 'what is listed is delivered once more';
is github($GITHUB, '{"push":1}'), 'duplicate', 'and once only';
is github('other', '{"push":2}'), 'duplicate', 'what is not listed is a duplicate';
is github('replayed', '{"push":1}'), 'duplicate', 'a replay is one';
is stripe($STRIPE), 'delivered', 'stripe: what is listed is delivered once more';
is stripe($STRIPE), 'duplicate', 'and once only';
is stripe('evt_2'), 'duplicate', 'what is not listed is a duplicate';

finish();
