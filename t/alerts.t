# examples/prometheus and examples/grafana: the alerts fire when they have to and only then, and they, the dashboard
# and docs/ name no metric, verdict or reason that the module does not have.

use Webhook::Test;

use FindBin;
use JSON::PP qw(decode_json);

use constant PATIENCE => 300;

my $ROOT  = "$FindBin::Bin/..";
my $RULES = "$ROOT/examples/prometheus/webhook.rules.yml";
my $TESTS = "$ROOT/examples/prometheus/webhook.tests.yml";
my $SETUP = "$ROOT/examples/prometheus/prometheus.yml";
my $BOARD = "$ROOT/examples/grafana/webhook.json";
my $PAGE  = "$ROOT/docs/metrics.md";

my $rules = slurp($RULES);
my $board = decode_json(slurp($BOARD));

my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH} // '';

# Promtool's verdict on files.
sub is_taken (@arguments) {
    SKIP: {
        skip "there is no promtool (Debian's package is prometheus): @arguments[0, 1]", 1 unless $promtool;
        my $output = directory() . '/promtool.output';
        unlink $output;
        my $code = run_command(command => [ $promtool, @arguments ], output => $output, timeout => PATIENCE);
        is $code, 0, "promtool @arguments[0, 1]" or diag slurp($output);
    }
}

sub without_comments ($text) { return $text =~ s/^\s*#.*$//mgr }

subtest 'the alerts' => sub {
    is_taken(qw(check rules --lint=all --lint-fatal), $RULES);
    is_taken(qw(test rules), $TESTS);
    is_taken(qw(check config), $SETUP);

    my @alerts = split /^\s*- alert: /m, without_comments($rules);
    shift @alerts;
    ok scalar @alerts, 'there are some';
    my %tests;
    my $tests = slurp($TESTS);
    push @{ $tests{$1} }, $2 while $tests =~ /^  - name: '(\w+) ([^']+)'$/mg;
    for my $alert (@alerts) {
        my ($name) = $alert =~ /^(\w+)$/m;
        like $alert, qr/^\s+severity: (?:critical|warning|info)$/m, "$name: its severity";
        like $alert, qr/^\s+summary: '.+'$/m, "$name: its summary";
        like $alert, qr/^\s+description: >-\n\s+\S/m, "$name: its description";
        my @names = @{ delete $tests{$name} // [] };
        for my $kind ('fires', 'is silent at the limit', 'is silent after a restart', 'is silent where a metric is missing') {
            ok scalar(grep { /^\Q$kind\E(?:\W|$)/ } @names), "$name: a test that it $kind";
        }
    }
    is_deeply [ sort keys %tests ], [], 'there is no test of another alert';

    my ($job) = $rules =~ /\bup\{job="([^"]+)"\}/;
    like slurp($SETUP), qr/^\s*- job_name: \Q$job\E$/m, 'the job that they ask for is that of prometheus.yml';
};

# Rows hold their panels while they are collapsed.
sub panels_of (@panels) { return map { ($_, panels_of(@{ $_->{panels} // [] })) } @panels }

my @panels  = panels_of(@{ $board->{panels} });
my @targets = map { @{ $_->{targets} // [] } } @panels;

subtest 'the dashboard' => sub {
    my @variables = map { $_->{name} } @{ $board->{templating}{list} };
    is_deeply \@variables, [qw(datasource job instance webhook_endpoint)], 'its variables';
    is_deeply [ map { $_->{title} } grep { $_->{type} eq 'row' } @panels ],
        [ 'Overview', 'Refusals', 'Upstream', 'Rotation', 'Dedup and allowlists', 'Shared memory' ], 'its rows';
    my (%ids, %taken);
    for my $panel (@panels) {
        my $title = $panel->{title};
        ok !$ids{ $panel->{id} }++, "$title: an id of its own";
        like $panel->{type}, qr/^(?:row|stat|timeseries|bargauge|gauge|table|text)$/, "$title: no plug-in";
        my $place = $panel->{gridPos};
        my @cells = map { my $x = $_; map { "$x,$_" } $place->{y} .. $place->{y} + $place->{h} - 1 } $place->{x} .. $place->{x} + $place->{w} - 1;
        is scalar(grep { $taken{$_}++ } @cells), 0, "$title: a place of its own";
        cmp_ok $place->{x} + $place->{w}, '<=', 24, "$title: within the width";
        next if $panel->{type} eq 'row';
        like $panel->{description} // "", qr/\S\.$/, "$title: its description";
        like $panel->{fieldConfig}{defaults}{unit} // '', qr/^\w+$/, "$title: its unit";
        ok scalar @{ $panel->{targets} }, "$title: its queries";
        is_deeply [ grep { $_->{datasource}{uid} ne '${datasource}' } $panel, @{ $panel->{targets} } ], [], "$title: its data source is the variable";
        is scalar(grep { ($_->{legendFormat} // '') !~ /\w/ } @{ $panel->{targets} }), 0, "$title: its legend";
        for my $expression (map { $_->{expr} } @{ $panel->{targets} }) {
            is_deeply [ grep { !/^__(?:rate_interval|range)$/ && !"@variables" =~ /\b\Q$_\E\b/ } $expression =~ /\$(\w+)/g ], [], "$title: it names no other variable";
            like $expression, qr/job=~"\$job", instance=~"\$instance"/, "$title: it asks for the chosen nginx";
        }
    }
};

# Everything that Prometheus evaluates, by where it stands.
sub expressions_in ($text) { return $text =~ /^```promql\n(.*?)^```/gms }

my %queries = (
    'webhook.rules.yml' => [ without_comments($rules) ],
    'webhook.json'      => [ map { $_->{expr} // () } @targets, @{ $board->{annotations}{list} } ],
    map { my $page = $_; (-e "$ROOT/$page" ? ($page => [ expressions_in(slurp("$ROOT/$page")) ]) : ()) }
        map { substr $_, length "$ROOT/" } glob "$ROOT/docs/*.md",
);

subtest 'expressions' => sub {
    my $number = 0;
    my $text   = "groups:\n  - name: expressions\n    rules:\n";
    for my $expression (map { @{ $queries{$_} } } grep { !/yml$/ } sort keys %queries) {
        $expression =~ s/\$__\w+/5m/g;
        $expression =~ s/\$\w+/.*/g;
        $expression =~ s/^/          /mg;
        $text .= "      - record: an:expression:" . $number++ . "\n        expr: |\n$expression\n";
    }
    cmp_ok $number, '>', scalar @targets, 'those of the dashboard and of docs/ are seen';
    is_taken(qw(check rules), write_file('expressions.yml', $text));
};

# The names in a table of the source.
sub names_in ($path, $pattern) {
    my %names = map { $_ => 1 } slurp("$ROOT/$path") =~ /$pattern/g;
    ok scalar keys %names, "$path names them";
    return \%names;
}

subtest 'names' => sub {
    my %values = (
        reason  => names_in('src/verify/reason.cpp', qr/^\s*\{Reason::\w+, "(\w+)",/m),
        verdict => names_in('src/verify/verdict.cpp', qr/case Verdict::\w+:\s+return "(\w+)";/),
        outcome => { map { $_ => 1 } qw(2xx 3xx 4xx 5xx timeout no_answer client_gone local) },
    );
    my %metrics = map { $_ => 1 } map { /`(nginx_webhook_\w+)/g } map { /^\|([^|]*)\|/ } grep { /^\| `nginx_webhook_/ }
        -e $PAGE ? split /\n/, slurp($PAGE) : ();
    ok scalar keys %metrics, 'docs/metrics.md has a table of the metrics';
    for my $name (sort keys %queries) {
        my $text  = join "\n", @{ $queries{$name} };
        my %named = map { $_ => 1 } $text =~ /\b(nginx_webhook_\w+)/g;
        ok scalar keys %named, "$name: metrics are seen" if @{ $queries{$name} };
        my @unknown = grep { !$metrics{$_} && !$metrics{ s/_(?:bucket|sum|count)$//r } } sort keys %named;
        is_deeply \@unknown, [], "$name: each metric has a row in docs/metrics.md";
        for my $label (sort keys %values) {
            my @used = map { split /\|/ } $text =~ /\b$label\s*[!=]~?\s*"([^"\$]+)"/g;
            is_deeply [ grep { !$values{$label}{$_} } @used ], [], "$name: each $label is one";
        }
    }
};

finish();
