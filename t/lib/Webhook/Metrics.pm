package Webhook::Metrics;

# Scrapes of webhook_status, as a map from series to values, and what must hold of any two of them.

use v5.36;

use Exporter qw(import);
use JSON::PP qw(decode_json);
use Webhook::Client qw(send_request);

our @EXPORT_OK = qw(fallen scrape series status_of value_of);

# Text 0.0.4: a name with its labels, as they stand, and its value.
sub scrape (%options) { return series(send_request(method => 'GET', uri => '/metrics', %options)->{body}) }

sub series ($text) {
    my %series;
    for my $line (grep { !/^#/ } split /\n/, $text) {
        my ($name, $value) = $line =~ /^(.*) (\S+)$/ or die "no series: $line\n";
        die "twice: $name\n" if exists $series{$name};
        $series{$name} = $value;
    }
    return \%series;
}

# value_of($series, 'decisions_total', webhook_endpoint => 'a', ...): undef if there is no such series.
sub value_of ($series, $name, @labels) {
    my @pairs;
    while (my ($label, $value) = splice @labels, 0, 2) { push @pairs, qq($label="$value") }
    return $series->{ "nginx_webhook_$name" . (@pairs ? '{' . join(',', @pairs) . '}' : '') };
}

sub status_of (%options) {
    return decode_json(send_request(method => 'GET', uri => '/status', %options)->{body});
}

# The series that may only rise, and are lower than before or gone. None if other counters have begun.
sub fallen ($before, $after) {
    return if $before->{nginx_webhook_start_timestamp_seconds} != $after->{nginx_webhook_start_timestamp_seconds};
    return grep { !defined $after->{$_} || $after->{$_} < $before->{$_} } sort grep { rises($_) } keys %$before;
}

sub rises ($series) { return $series =~ /^\w+_(?:total|bucket|sum|count|last_\w+_timestamp_seconds)(?:\{|$)/ }

1;
