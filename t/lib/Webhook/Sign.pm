package Webhook::Sign;

# Headers as the providers send them. Every function takes (secret, body, options) and returns a flat
# list of pairs; `override => { Name => value }` replaces a header, or drops it when the value is undef.

use v5.36;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Exporter qw(import);
use MIME::Base64 qw(decode_base64 encode_base64);

our @EXPORT_OK = qw(
    github_headers gitlab_headers pagerduty_headers shopify_headers slack_headers
    standard_headers standard_signature stripe_headers svix_headers unique_id
);

my $serial = 0;

# Unique by default, so that no test meets the memory of another request by accident.
sub unique_id ($prefix = 'id') { return sprintf '%s-%d-%d', $prefix, $$, ++$serial }

sub github_headers ($secret, $body, %options) {
    return _finish(\%options,
        'X-GitHub-Event'      => $options{event}    // 'push',
        'X-GitHub-Delivery'   => $options{delivery} // unique_id('delivery'),
        'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, $secret),
    );
}

sub gitlab_headers ($token, $body, %options) {
    return _finish(\%options,
        'X-Gitlab-Event'  => $options{event} // 'Push Hook',
        'Idempotency-Key' => $options{id}    // unique_id('gitlab'),
        'X-Gitlab-Token'  => $token,
    );
}

# The key of Stripe is the whole text of the secret, whsec_ included.
sub stripe_headers ($secret, $body, %options) {
    my $timestamp  = $options{timestamp} // time;
    my @signatures = map { 'v1=' . hmac_sha256_hex("$timestamp.$body", $_) } _secrets($secret, %options);
    return _finish(\%options, 'Stripe-Signature' => join ',', "t=$timestamp", @signatures);
}

sub slack_headers ($secret, $body, %options) {
    my $timestamp = $options{timestamp} // time;
    return _finish(\%options,
        'X-Slack-Request-Timestamp' => $timestamp,
        'X-Slack-Signature'         => 'v0=' . hmac_sha256_hex("v0:$timestamp:$body", $secret),
    );
}

sub shopify_headers ($secret, $body, %options) {
    return _finish(\%options,
        'X-Shopify-Topic'       => $options{topic} // 'orders/create',
        'X-Shopify-Webhook-Id'  => $options{id}    // unique_id('shopify'),
        'X-Shopify-Hmac-Sha256' => encode_base64(hmac_sha256($body, $secret), ''),
    );
}

sub pagerduty_headers ($secret, $body, %options) {
    my @signatures = map { 'v1=' . hmac_sha256_hex($body, $_) } _secrets($secret, %options);
    return _finish(\%options, 'X-PagerDuty-Signature' => join ',', @signatures);
}

sub standard_headers ($secret, $body, %options) {
    return _standard('webhook', $secret, $body, %options);
}

sub svix_headers ($secret, $body, %options) {
    return _standard('svix', $secret, $body, %options);
}

sub standard_signature ($secret, $id, $timestamp, $body) {
    my $key = decode_base64($secret =~ s/^whsec_//r);
    return 'v1,' . encode_base64(hmac_sha256("$id.$timestamp.$body", $key), '');
}

sub _standard ($prefix, $secret, $body, %options) {
    my $id        = $options{id}        // unique_id('msg');
    my $timestamp = $options{timestamp} // time;
    my @signatures = map { standard_signature($_, $id, $timestamp, $body) } _secrets($secret, %options);
    return _finish(\%options,
        "$prefix-id"        => $id,
        "$prefix-timestamp" => $timestamp,
        "$prefix-signature" => join(' ', @signatures),
    );
}

# During a rotation the sender signs with several secrets: `secrets => [...]` adds to the first.
sub _secrets ($secret, %options) { return ($secret, @{ $options{secrets} // [] }) }

sub _finish ($options, @pairs) {
    my %override = map { lc $_ => $options->{override}{$_} } keys %{ $options->{override} // {} };
    my @result;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        $value = $override{ lc $name } if exists $override{ lc $name };
        push @result, $name => $value if defined $value;
    }
    return @result;
}

1;
