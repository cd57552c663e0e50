# README.md documents what the module has, all of it, and nothing that it does not have.

use Webhook::Test;

use FindBin;

my $root = "$FindBin::Bin/..";

# The names that a pattern captures in a source file; none at all means that the pattern is wrong.
sub names_in ($file, $pattern) {
    my @names = slurp("$root/$file") =~ /$pattern/mg;
    ok scalar @names, "$file names some";
    return @names;
}

my @directives = names_in('src/ngx_http_webhook/directives.cpp', qr/_command<\w+>\(ngx_string\("(\w+)"\)/m);
my @variables  = names_in('src/ngx_http_webhook/variables.cpp', qr/^\s*\{"(webhook_\w+)",/m);
my @reasons    = names_in('src/verify/reason.cpp', qr/^\s*\{Reason::\w+, "(\w+)",/m);
my @presets    = names_in('src/scheme/presets.cpp', qr/^\s*Preset\{"([^"]+)",/m);
my @aliases    = names_in('src/scheme/presets.cpp', qr/^    \{"([^"]+)", "[^"]+", "[^"]*"\},$/m);
my $commands   = () = slurp("$root/src/ngx_http_webhook/directives.cpp") =~ /ngx_string\("webhook/g;
my $rows       = () = slurp("$root/src/scheme/presets.cpp") =~ /\bPreset\{/g;
my ($table)    = slurp("$root/src/scheme/presets.cpp") =~ /PresetAlias kAliases\[\] = \{\n(.*?)^\};/ms;
my $others     = () = ($table // '') =~ /\{/g;

is scalar @directives, $commands, 'every directive of the table is seen';
is scalar @presets, $rows, 'every preset of the table is seen';
is scalar @aliases, $others, 'every other name of a preset is seen';

my $readme = -e "$root/README.md" ? slurp("$root/README.md") : '';
isnt $readme, '', 'there is a README.md';

my %headings = map { $_ => 1 } $readme =~ /^### (webhook(?:_\w+)?)\s*$/mg;
my %words    = map { $_ => 1 } $readme =~ /`([^`\n]+)`/g;

ok $headings{$_}, "the directive $_ has a heading" for @directives;
like $readme, qr/\$\Q$_\E\b/, "the variable \$$_ is named" for @variables;
ok $words{$_}, "the reason $_ is named" for @reasons;
ok $words{$_}, "the preset $_ is named" for @presets, @aliases;

# Each reason, with the status that it is answered with.
my %status = slurp("$root/src/verify/reason.cpp") =~ /^\s*\{Reason::\w+, "(\w+)", (\d+)/mg;
my ($rows_of_reasons) = $readme =~ /^\| checked \| reason \| default answer \|\n\|---.*\n((?:\|.*\n)+)/m;
my %documented;
for my $row (split /\n/, $rows_of_reasons // '') {
    my (undef, undef, $reasons, $answer) = split /\s*\|\s*/, $row;
    my ($status) = $answer =~ /^(\d{3})\b/;
    push @{ $documented{$_} }, $status // 'none' for $reasons =~ /`(\w+)`/g;
}
is_deeply [ sort keys %documented ], [ sort @reasons ], 'the table of reasons has all, and no other';
for my $reason (grep { !/^(?:accepted|handshake|duplicate)$/ } @reasons) {
    is_deeply [ grep { $_ ne $status{$reason} } @{ $documented{$reason} } ], [], "the status of $reason";
}
my ($of_responses) = $readme =~ /^### webhook_response\n(.*?)^### /ms;
my %is_reason = map { $_ => 1 } @reasons;
is_deeply [ grep { !$is_reason{$_} } ($of_responses =~ /^Pitfall:(.*)/ms)[0] =~ /`([a-z]+_?[a-z_]*)`/g ], [ ],
    'no other reason is named where they are answered';

my %known = map { $_ => 1 } @directives, @variables;
my @unknown_headings  = grep { !$known{$_} } sort keys %headings;
my @unknown_variables = grep { !$known{$_} } sort { $a cmp $b } $readme =~ /\$(webhook_\w+)/g;
my @unknown_words     = grep { /^webhook_\w+$/ && !$known{$_} } map { /^(\w+)/ } sort keys %words;
is_deeply \@unknown_headings,  [], 'no heading is of a directive that does not exist';
is_deeply \@unknown_variables, [], 'no variable is named that does not exist';
is_deeply \@unknown_words,     [], 'no directive is named that does not exist';

finish();
