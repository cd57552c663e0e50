package Webhook::ConfigErrors;

# Configurations with one mistake, on a line that is marked with HERE, and what `nginx -t` has to say of
# it: the message, and that line.

use v5.36;

use Exporter qw(import);
use Test::More;
use Webhook::Nginx qw(config_test);
use Webhook::Sandbox qw(directory expand);

our @EXPORT = qw(
    $SECRET are_found complaints deduplicated gated in_location in_server is_found marked marked_line scheme
    scheme_of unmarked
);

# What it starts with must not be printed.
our $SECRET = 'Zq7-a-secret-of-enough-length';

sub in_server ($text) { return "server {\nlisten %%ADDR%%:8080;\n$text\n}" }
sub in_location ($text) { return in_server("location /hook {\n$text\n}") }

# A location that is right but for what the row adds.
sub gated ($text, $scheme = 'github') {
    return in_location("webhook $scheme;\nwebhook_secret $SECRET;\n$text");
}

sub deduplicated ($text, $scheme = 'github') {
    return "webhook_dedup_zone zone=events:1m;\n" . gated($text, $scheme);
}

# The statements of a scheme, whose other ones are right. The marked line is the one replaced.
sub scheme (%replaced) {
    my %field = (
        algorithm => 'hmac-sha256',
        signed    => '"{body}"',
        signature => 'header=Acme-Signature',
        %replaced,
    );
    my $statements = join "\n", map { /^more/ ? $field{$_} : "$_ $field{$_};" . (defined $replaced{$_} ? ' # HERE' : '') }
        grep { defined $field{$_} } sort keys %field;
    return "webhook_scheme acme {\n$statements\n}";
}

# Marks another line: the last one that begins with `start`.
sub marked ($text, $start) {
    my $bare = $text =~ s/ # HERE//gr;
    return $bare =~ s/.*^\Q$start\E[^\n]*\K/ # HERE/msr;
}

sub unmarked ($text) { return $text =~ s/ # HERE//gr }

# A scheme of another kind: only what is replaced in that is marked.
sub scheme_of ($kind, %replaced) {
    my $text = scheme(%$kind, %replaced);
    for my $field (grep { !exists $replaced{$_} } keys %$kind) {
        $text =~ s/^$field .*;\K # HERE$//mg;
    }
    return $text;
}

sub marked_line ($text) {
    my @lines = split /\n/, $text;
    my ($index) = grep { $lines[$_] =~ /# HERE/ } 0 .. $#lines;
    die "no line is marked:\n$text" unless defined $index;
    return $index + 1 + ($lines[$index] =~ /# HERE\+(\d+)/ ? $1 : 0);
}

sub complaints ($output) {
    return map { s/^.*?\[emerg\] (?:\d+#\d+: )?//r } grep { /\[emerg\]/ } split /\n/, $output;
}

# `place` is of a file that the text includes, instead of a marked line.
sub is_found ($name, $text, $expected, $place = undef) {
    my ($code, $output) = config_test(
        http => $text, env => { WEBHOOK_TEST_EMPTY => '', WEBHOOK_TEST_ABSENT => undef },
    );
    $place = directory() . '/' . ($place // 'config_test/http.conf:' . marked_line($text));
    my @found = complaints($output);
    subtest $name => sub {
        isnt $code, 0, 'the exit code';
        if (ref $expected eq 'Regexp') {
            is scalar @found, 1, 'one complaint' or diag $output;
            like $found[0], qr/\A$expected in \Q$place\E\z/, 'the complaint and its place';
        } else {
            my @messages = ref $expected ? @$expected : $expected;
            is_deeply \@found, [ map { expand($_) . " in $place" } @messages ], 'the complaint and its place'
                or diag $output;
        }
        unlike $output, qr/Zq7/, 'no secret is printed';
    };
}

sub are_found (@rows) {
    while (my ($name, $row) = splice @rows, 0, 2) {
        is_found($name, @$row);
    }
}

1;
