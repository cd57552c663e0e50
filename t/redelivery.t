# examples/redelivery.conf: an event that is listed there is delivered once more, and nothing else is.

use Webhook::Test;

use FindBin;
use POSIX qw(strftime);
use Webhook::Deliveries qw(outcome);
use Webhook::Fixtures;

my $SECRET  = 'secret-of-the-redeliveries';
my $backend = start_backend();

write_file("$_.key", "$SECRET\n", 0600) for qw(github stripe);

my $TODAY      = '2026-11-27T';
my $SIGNATURE  = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
my $STRIPE     = 'evt_1NG8Du2eZvKYlo2C';
my ($FIRST, $SECOND) = ('{"push":1}', '{"push":2}');

# Where the id is not signed, and each delivery has a signature of its own. The hash of the body is what
# the access log shows as $webhook_event_key.
my $KEYED = <<'CONF';
    webhook_scheme timed {
        algorithm  hmac-sha256;
        signed     "{timestamp}.{body}";
        signature  header=X-Signature;
        timestamp  header=X-Time;
        event_id   header=X-Id;
    }
    map "$time_iso8601 $webhook_event_key" $timed_again {
        default "";
        "~^%%DAY%%\S+ %%KEY%%$" " again 1";
    }
    log_format keys '$webhook_reason $webhook_event_key';
CONF
my $KEYED_LOCATION = <<"CONF";
        location = /hooks/timed {
            webhook         timed;
            webhook_secret  $SECRET;
            webhook_dedup   zone=events key=\$webhook_event_id\$timed_again key=\$webhook_event_key\$timed_again;
            access_log      %%DIR%%/keys.log keys;
            proxy_pass      http://%%BACKEND%%;
        }
CONF

# The blocks of http{}, on this test's ports, as they are for the operator: `lists` is the day of the
# lines, `plain` is the configuration before the maps.
sub example (%options) {
    my $text = slurp("$FindBin::Bin/../examples/redelivery.conf");
    $text =~ s/\A.*^http \{\n(.*)^\}\n\z/$1/ms or die 'the example has no http{}';
    $text =~ s{/etc/nginx/webhook/}{%%DIR%%/}g;
    $text =~ s{listen 8080;}{listen %%ADDR%%:8080; underscores_in_headers on;};
    $text =~ s{http://127\.0\.0\.1:9000}{http://%%BACKEND%%}g;
    my $mac = hmac_sha256_hex($FIRST, $SECRET);
    is $text =~ s/\Q$SIGNATURE\E/$mac/, 1, 'the example lists a signature';
    is $text =~ s/~\^\Q$TODAY\E/~^$options{lists}T/g, 2, 'and days' if $options{lists};
    $text =~ s/^\s+"~\^\Q$TODAY\E.*\n//mg if !$options{lists};
    $text =~ s/ name=\$github_endpoint// if $options{plain};
    my %for = (KEY => $options{key} // 'none', DAY => $options{lists} // '');
    my $keyed = $KEYED =~ s{%%(KEY|DAY)%%}{$for{$1}}gr;
    return $keyed . ($text =~ s/(?=^        location = \/hooks\/stripe)/$KEYED_LOCATION/mr);
}

my $day   = sub ($offset) { strftime('%Y-%m-%d', localtime(time + 86400 * $offset)) };
my $nginx = start_nginx(http => example(plain => 1));

# Other keys at Stripe's location.
sub with_stripe_keys ($keys, %options) {
    my $text = example(%options);
    is $text =~ s/key=\$webhook_event_id\$again/$keys/, 1, "stripe: $keys";
    $nginx->rewrite_config(http => $text);
    $nginx->reload;
}

sub reload_with (%options) {
    $nginx->rewrite_config(http => example(%options));
    $nginx->reload;
}

my $ID = '72d3162e-cc78-11e3-81ab-4c9367dc0958';

sub github ($id, $body, %options) {
    my @first = @{ delete $options{first} // [] };
    return outcome(send_request(uri => '/hooks/github', body => $body,
        headers => [ @first, github_headers($SECRET, $body, delivery => $id, %options) ]));
}

sub stripe ($id) {
    my ($time, $body) = (time, qq({"id":"$id","type":"charge.succeeded"}));
    my $mac = hmac_sha256_hex("$time.$body", $SECRET);
    return outcome(send_request(uri => '/hooks/stripe', body => $body,
        headers => [ 'Stripe-Signature' => "t=$time,v1=$mac" ]));
}

my $clock = time;

sub timed ($id, $body) {
    ++$clock;
    return outcome(send_request(uri => '/hooks/timed', body => $body,
        headers => [ 'X-Id' => $id, 'X-Time' => $clock, 'X-Signature' => hmac_sha256_hex("$clock.$body", $SECRET) ]));
}

is github($ID, $FIRST), 'delivered', 'github: an event';
is github('other', $SECOND), 'delivered', 'another';
is stripe($STRIPE), 'delivered', 'stripe: an event';
is stripe('evt_2'), 'delivered', 'another';
is timed('a', $FIRST), 'delivered', 'an id and a time: an event';
is timed('b', $SECOND), 'delivered', 'another';

# Another default than the name in use would forget all.
reload_with();
is github($ID, $FIRST), 'duplicate', 'redelivered';
is github('other', $SECOND), 'duplicate', 'another, with a map for the name';
is stripe($STRIPE), 'duplicate', 'resent';
is timed('a', $FIRST), 'duplicate', 'resent';

for my $other ($day->(-1), $day->(1)) {
    reload_with(lists => $other);
    is github($ID, $FIRST), 'duplicate', "github: listed for $other";
    is stripe($STRIPE), 'duplicate', "stripe: listed for $other";
}

my ($key) = slurp(directory() . '/keys.log') =~ /^duplicate ([0-9a-f]+)$/m;
is timed($key, $FIRST), 'duplicate', 'an id and a time: an id that is the event\'s key makes no other event of it';
reload_with(lists => $day->(0), key => $key);

# What anybody can try who saw the deliveries and knows what is listed.
is github($ID, $SECOND), 'duplicate', 'github: another event under the id of the one that is listed';
is github($ID, $SECOND, override => { 'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($FIRST, $SECRET) }),
    'bad_signature', 'with its signature, too';
is stripe('evt_2'), 'duplicate', 'stripe: what is not listed';
is stripe("x $STRIPE"), 'delivered', 'an id that ends like the one that is listed is a new event';
is stripe("x $STRIPE"), 'duplicate', 'and that only once';
is timed('a', $SECOND), 'duplicate', 'an id and a time: another event under the id of the one that is listed';

is github($ID, $SECOND, first => [ X_Hub_Signature_256 => 'sha256=' . hmac_sha256_hex($FIRST, $SECRET) ]), 'malformed_signature',
    'github: its signature beside the other, under a name that is the same for a variable';

is github($ID, $FIRST), 'delivered', 'github: what is listed is delivered once more';
is github($ID, $FIRST), 'duplicate', 'and once only';
is github('replayed', $FIRST), 'duplicate', 'also under another id';
is github('other', $SECOND), 'duplicate', 'what is not listed is a duplicate';
is stripe($STRIPE), 'delivered', 'stripe: what is listed is delivered once more';
is stripe($STRIPE), 'duplicate', 'and once only';
is timed('a', $FIRST), 'delivered', 'an id and a time: what is listed is delivered once more';
is timed('replayed', $FIRST), 'duplicate', 'and once only, also under another id';
is timed('b', $SECOND), 'duplicate', 'what is not listed is a duplicate';

reload_with();
is github($ID, $FIRST), 'duplicate', 'github: no longer listed';
is stripe($STRIPE), 'duplicate', 'stripe: no longer listed';
is timed('a', $FIRST), 'duplicate', 'the third: no longer listed';

# Keys that come to the event's id, or its key, are one memory.
is stripe('evt_5'), 'delivered', 'an event under a key that ends with what is empty';
for my $keys ('', 'key=$webhook_event_id', 'key=${webhook_event_id}', 'key=$again$webhook_event_id') {
    with_stripe_keys($keys);
    is stripe('evt_5'), 'duplicate', "is known to [$keys]";
}
is stripe('evt_6'), 'delivered', 'another';
with_stripe_keys('key=$webhook_event_key');
is stripe('evt_6'), 'delivered', 'which the id does not tell by the key';
is stripe('evt_6'), 'duplicate', 'but the key does';
with_stripe_keys('key=$webhook_event_key$again');
is stripe('evt_6'), 'duplicate', 'also with what is empty beside it';
with_stripe_keys('', lists => $day->(0));
is stripe($STRIPE), 'duplicate', 'listed, with the default key';
with_stripe_keys('key=$webhook_event_id$again', lists => $day->(0));
is stripe($STRIPE), 'duplicate', 'and was let through once';
is stripe('evt_5'), 'duplicate', 'another is known still';

finish();
