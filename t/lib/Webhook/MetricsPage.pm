package Webhook::MetricsPage;

# What docs/metrics.md says of metrics and of fields of the JSON document, to be compared with what there is.

use v5.36;

use Exporter qw(import);
use File::Basename qw(dirname);
use Webhook::Sandbox qw(slurp);

our @EXPORT_OK = qw(fields_of is_of_redis scraped_bounds scraped_metrics written_bounds written_fields written_metrics);

my $PAGE = dirname(__FILE__) . '/../../../docs/metrics.md';

# A metric or a field that is there only where a Redis is configured.
sub is_of_redis ($name) { return $name =~ /^(?:nginx_webhook_redis_|redis\[\]\.)/ }

# By name: the type, and the names of the labels without those of buckets.
sub scraped_metrics ($text) {
    my (%scraped, $name);
    for my $line (split /\n/, $text) {
        if ($line =~ /^# TYPE (\S+) (\S+)$/) { $name = $1; $scraped{$name} = { type => $2, labels => {} } }
        next if $line =~ /^#/;
        my ($labels) = $line =~ /^\w+\{(.*)\} \S+$/ or next;
        $scraped{$name}{labels}{$_} = 1 for grep { $_ ne 'le' } $labels =~ /(\w+)="/g;
    }
    return \%scraped;
}

# Dies of a row without unit or meaning.
sub written_metrics () {
    my %written;
    for my $row (grep { /^\| `nginx_webhook_/ } split /\n/, slurp($PAGE)) {
        my (undef, $metric, $kind, $labels, $unit, $meaning) = map { s/^\s+|\s+$//gr } split /\|/, $row;
        $written{ $metric =~ tr/`//dr } = { type => $kind, labels => { map { $_ => 1 } $labels =~ /`(\w+)`/g } };
        die "$metric has no meaning\n" unless $meaning =~ /\S/;
        die "$metric has no unit\n" unless $unit =~ /^\w+$/ || $metric =~ /build_info/;
    }
    return \%written;
}

# By histogram: its bounds, as the page lists them.
sub written_bounds () {
    my %bounds = slurp($PAGE) =~ /^\| `\x{e2}\x{80}\x{a6}(_\w+_seconds)` \| ([\d., ]+) \|$/mg;
    return { map { ("nginx_webhook$_" => $bounds{$_}) } keys %bounds };
}

sub scraped_bounds ($text, $histogram, $label, $value) {
    return join ', ', $text =~ /^\Q$histogram\E_bucket\{\Q$label="$value"\E,le="([\d.]+)"\}/mg;
}

# Paths as `endpoints[].last.received`.
sub fields_of ($value, $path = '', $fields = {}) {
    if (ref $value eq 'ARRAY') {
        fields_of($_, "${path}[]", $fields) for @$value;
    } elsif (ref $value eq 'HASH') {
        for my $field (keys %$value) {
            my $place = $path eq '' ? $field : "$path.$field";
            $fields->{$place} = 1;
            # What is counted by verdict and the like has names of its own.
            fields_of($value->{$field}, $place, $fields) unless $place =~ /verdicts|reasons|would_refuse|outcomes|_seconds/;
        }
    }
    return $fields;
}

# In order. Which words of a meaning are fields of an object, and not of a list, those that were seen tell.
sub written_fields ($seen) {
    my ($section) = slurp($PAGE) =~ /^## The JSON document\n(.*?)^## /ms;
    my %written;
    for my $row (grep { /^\| `/ } split /\n/, $section) {
        my (undef, $cell, $meaning) = split /\s*\|\s*/, $row;
        my ($first, @more) = $cell =~ /`([^`]+)`/g;
        my $before = $first =~ /^(.*\.)/ ? $1 : '';
        $written{$_} = 1 for $first, map { "$before$_" } @more;
        # Those of a list, or of an object, are named with it.
        if ($cell =~ /^`([\w\[\].]+)`$/) {
            my $owner = $1;
            my $list = $owner =~ /^(?:findings|dedup_zones|source_files|recent|endpoints\[\]\.secrets)$/ ? '[]' : '';
            $written{"$owner$list.$_"} = 1 for grep { $seen->{"$owner$list.$_"} || $list } $meaning =~ /`(\w+)`/g;
        }
    }
    delete @written{ grep { /^findings\[\]\.(?:ok|attention|failing)$/ } keys %written };
    return sort keys %written;
}

1;
