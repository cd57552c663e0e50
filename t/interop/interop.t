# Deliveries signed by, or confirmed by, the SDKs of the providers, through the gate: the valid ones
# arrive byte for byte, of the tampered ones nothing does. deliveries.mjs makes them.
#
# WEBHOOK_SDKS names a directory made by `npm ci --ignore-scripts` from this directory's package.json and
# package-lock.json; WEBHOOK_SENDERS names the only senders to ask for.

use Webhook::Test;

use File::Basename qw(dirname);
use JSON::PP       qw(decode_json);
use MIME::Base64   qw(decode_base64);

use constant FEWEST_SENDERS => 30;

plan skip_all => 'WEBHOOK_SDKS names no directory with the SDKs' if ($ENV{WEBHOOK_SDKS} // '') eq '';
plan skip_all => 'there is no node to run the SDKs with' if !grep { -x "$_/node" } split /:/, $ENV{PATH};

my @WANTED = split ' ', $ENV{WEBHOOK_SENDERS} // '';

my $made    = make_deliveries(@WANTED);
my @present = grep { !$_->{skipped} } @{ $made->{senders} };
my $backend = start_backend();
start_nginx(http => configuration(@present));

for my $sender (@{ $made->{senders} }) {
    if ($sender->{skipped}) {
        SKIP: { skip "$sender->{name}: $sender->{sdk} $sender->{skipped}", 1 }
        next;
    }
    my @wrong = (
        (map { wrong_with_valid($sender, $_) } @{ $sender->{valid} }),
        (map { wrong_with_tampered($sender, $_) } @{ $sender->{tampered} }),
    );
    ok !@wrong, title($sender);
    diag "    $_" for @wrong;
}

ok !@{ $made->{failures} }, 'the SDKs say of every delivery what is expected of them';
diag "    $_" for @{ $made->{failures} };
cmp_ok scalar @present, '>=', FEWEST_SENDERS, 'enough senders took part' if !@WANTED;
explain_differences(@present);

finish();

sub make_deliveries (@names) {
    my $output = directory() . '/deliveries.json';
    my $errors = directory() . '/deliveries.log';
    my $script = dirname(__FILE__) . '/deliveries.mjs';
    # An SDK may write to stderr what is no part of the deliveries.
    my @command = ('sh', '-c', 'log=$1; shift; exec node "$@" 2>"$log"', 'sh', $errors, $script, @names);
    my $status  = run_command(command => \@command, output => $output, timeout => 60);
    die "$script: exit $status\n", slurp($errors) if $status != 0;
    return decode_json(slurp($output));
}

sub configuration (@senders) {
    return join "\n",
        'server {',
        '    listen %%ADDR%%:8080;',
        (map { location($_) } @senders),
        '}';
}

sub location ($sender) {
    my $number = 0;
    my $id     = defined $sender->{secretId} ? " id=$sender->{secretId}" : '';
    my @values = map { secret_value("$sender->{name}-" . $number++, $_) } @{ $sender->{secrets} };
    return (
        "    location = /$sender->{name} {",
        "        webhook $sender->{preset} name=$sender->{name};",
        (map { "        webhook_secret $_$id;" } @values),
        ($sender->{signsUrl}    ? "        webhook_url https://$made->{host}\$request_uri;" : ()),
        ($sender->{signsMethod} ? '        webhook_methods POST PUT;' : ()),
        '        proxy_pass http://%%BACKEND%%;',
        '    }',
    );
}

sub secret_value ($name, $text) {
    return $text if $text =~ m{\A[\w+/=,.-]+\z};
    return 'file:' . write_file("$name.secret", $text);
}

sub deliver ($delivery) {
    $backend->clear;
    return send_request(
        method  => $delivery->{method}, uri => $delivery->{uri},
        headers => [Host => $made->{host}, map { @$_ } @{ $delivery->{headers} }],
        body    => decode_base64($delivery->{body}),
    );
}

sub wrong_with_valid ($sender, $delivery) {
    my $response = deliver($delivery);
    my $what     = qq{"$delivery->{name}"};
    return "$what was answered " . answer($response) if $response->{status} != 200;

    my @arrived = $backend->requests;
    return "$what arrived " . @arrived . ' times' if @arrived != 1;
    return "$what arrived with another $_" for grep { $arrived[0]{$_} ne $delivery->{$_} } qw(method uri);
    return "$what arrived with another body" if $arrived[0]{body} ne decode_base64($delivery->{body});
    return;
}

sub wrong_with_tampered ($sender, $delivery) {
    return wrong_with_valid($sender, $delivery) if $delivery->{passes};

    my $response = deliver($delivery);
    my $reason   = $response->header('Webhook-Reason') // '';
    my $wrong    = qq{"$delivery->{name}" was answered } . answer($response);
    return "$wrong, and arrived" if $backend->count;
    return if $delivery->{byNginx} && $response->{status} == 400 && $reason eq '';
    return $wrong if $response->{status} !~ /\A4/ || $reason =~ /\A(?:|internal|no_secret)\z/;
    return "$wrong, not $delivery->{reason}" if defined $delivery->{reason} && $delivery->{reason} ne $reason;
    # It came too late, and what was tampered with was not looked at.
    return $wrong if !defined $delivery->{reason} && $reason eq 'stale_timestamp';
    return;
}

sub answer ($response) {
    return join ' ', $response->{status}, $response->header('Webhook-Reason') // 'without a reason';
}

sub title ($sender) {
    my $kind    = $sender->{community} ? ' (community)' : $sender->{library} ? ' (general library)' : '';
    my $refused = grep { !$_->{passes} } @{ $sender->{tampered} };
    my $title   = "$sender->{name}: $sender->{how} by $sender->{sdk}$kind, $refused tamperings refused";
    my @laxer   = map { $_->{tampering} } grep { $_->{laxer} eq 'sdk' } @{ $sender->{differences} };
    return @laxer ? "$title; the SDK is laxer: " . join(', ', @laxer) : $title;
}

sub explain_differences (@senders) {
    for my $side (['sdk', 'accepted by SDKs, refused by the gate:'], ['gate', 'refused by SDKs, accepted by the gate:']) {
        my ($laxer, $heading) = @$side;
        my %who;
        for my $sender (@senders) {
            push @{ $who{"$_->{tampering}: $_->{why}"} }, $sender->{name}
                for grep { $_->{laxer} eq $laxer } @{ $sender->{differences} };
        }
        note $heading;
        note "  $_ (", join(', ', sort @{ $who{$_} }), ')' for sort keys %who;
    }
    return;
}
