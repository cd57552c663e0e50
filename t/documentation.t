# README.md and docs/ say what the module has, all of it, and nothing that it does not have. The source is
# searched as a whole, so that a file may move.

use Webhook::Test;

use File::Basename qw(basename dirname);
use File::Find qw(find);
use FindBin;

use constant LONGEST_README => 10 * 1024;

my $root = "$FindBin::Bin/..";

sub files_below ($folder, $pattern) {
    my @found;
    find({ no_chdir => 1, wanted => sub { push @found, $_ if -f && /$pattern/ } }, "$root/$folder");
    return sort @found;
}

my @sources = files_below('src', qr/\.(?:cpp|h)$/);
my $source  = join "\n", map { slurp($_) } @sources;
my %page    = map { substr($_, length "$root/") => slurp($_) }
    glob("$root/*.md"), glob("$root/docs/*.md"), "$root/src/README.md", "$root/t/README.md";
my $all = join "\n", @page{ sort keys %page };

my $readme = $page{'README.md'};
my ($directives, $presets, $language, $security, $troubleshooting, $limits) =
    map { $page{"docs/$_.md"} // '' } qw(directives presets scheme-language security troubleshooting limits);

# The names that a pattern captures in the source; none at all means that the pattern is wrong.
sub names_in ($what, $text, $pattern) {
    my @names = ($text // '') =~ /$pattern/g;
    ok scalar @names, "the source names $what";
    return @names;
}

# What stands between a heading and the next one of its level or a higher one.
sub section ($text, $heading) {
    my ($level, $rest) = $text =~ /^(#+) \Q$heading\E\n(.*)/ms;
    my $end = length($level // '');
    my ($body) = ($rest // '') =~ /\A(.*?)(?=^#{1,$end} |\z)/ms;
    return $body // '';
}

# The rows of the tables in a text, as lists of their cells, without heads.
sub rows ($text) {
    my @rows;
    for my $line (split /\n/, $text) {
        if ($line =~ /^\|[-|]+\|$/) { pop @rows; next }
        push @rows, [ split /\s*\|\s*/, $line =~ s/^\|\s*//r ] if $line =~ /^\|/;
    }
    return @rows;
}

sub words_in ($text) { return map { $_ => 1 } $text =~ /`([^`\n]+)`/g }

# Words of nginx.conf in backticks, by what they begin with.
sub first_words ($text) { return map { $_ => 1 } map { /^\$?(\w+)/ } $text =~ /`([^`\n]+)`/g }

my %has_level = (
    location_command => '`http`, `server`, `location`',
    main_command     => '`http`',
    handler_command  => '`location`',
);
my %command    = reverse $source =~ /\b(\w+_command)<\w+>\(ngx_string\("(\w+)"\)/g;
my @directives = names_in('directives', $source, qr/_command<\w+>\(ngx_string\("(\w+)"\)/);
my @variables  = names_in('variables', $source, qr/^\s*\{"(webhook_\w+)", get_\w+,/m);
my @reasons    = names_in('reasons', $source, qr/^\s*\{Reason::\w+, "(\w+)",/m);
my @presets    = names_in('presets', $source, qr/^\s*Preset\{"([^"]+)",/m);
my ($table)    = $source =~ /PresetAlias kAliases\[\] = \{\n(.*?)^\};/ms;
my %alias      = names_in('other names of presets', $table, qr/^    \{"([^"]+)", "([^"]+)", "[^"]*"\},$/m);

is scalar @directives, scalar(() = $source =~ /ngx_string\("webhook/g), 'every directive of the table is seen';
is scalar @presets, scalar(() = $source =~ /\bPreset\{/g), 'every preset of the table is seen';
is scalar keys %alias, scalar(() = ($table // '') =~ /\{/g), 'every other name of a preset is seen';

my %known = map { $_ => 1 } @directives, @variables;

subtest 'directives' => sub {
    my @headings = $directives =~ /^### (webhook(?:_\w+)?)\s*$/mg;
    is_deeply [ sort @headings ], [ sort @directives ], 'each has a heading, and nothing else';
    for my $name (@directives) {
        my $section = section($directives, $name);
        like $section, qr/\A\n- Syntax: \*\*`\Q$name\E`\*\* .*\n- Default: .+\n- Context: .+\n\n\S/,
            "$name: syntax, default, context";
        my ($kind) = $source =~ /\b(\w+_command)<\w+>\(ngx_string\("\Q$name\E"\)/;
        my ($levels) = $section =~ /^- Context: (.+)$/m;
        is $levels, $has_level{$kind}, "$name: its levels";
        like $directives, qr/^\| .*\[\Q$name\E\]\(#\Q$name\E\)/m, "$name: in the overview";
    }
};

subtest 'variables' => sub {
    my @rows = map { $_->[0] =~ /^`\$(\w+)`$/ ? $1 : () } rows(section($directives, 'Variables'));
    is_deeply [ sort @rows ], [ sort @variables ], 'each has a row, and nothing else';
};

subtest 'no other name' => sub {
    for my $name (sort keys %page) {
        my @variables_there = $page{$name} =~ /\$(webhook_\w+)/g;
        my @words = grep { /^webhook_\w+$/ } keys %{ { first_words($page{$name}) } };
        is_deeply [ grep { !$known{$_} } sort @variables_there, @words ], [], $name;
    }
};

subtest 'reasons' => sub {
    my %status = $source =~ /^\s*\{Reason::\w+, "(\w+)", (\d+)/mg;
    my %documented;
    for my $row (rows(section($readme, 'What happens to a delivery'))) {
        my (undef, $names, $answer) = @$row;
        my ($code) = $answer =~ /^(\d{3})\b/;
        push @{ $documented{$_} }, $code // 'none' for $names =~ /`(\w+)`/g;
    }
    is_deeply [ sort keys %documented ], [ sort @reasons ], 'the table of README has all, and no other';
    for my $reason (grep { !/^(?:accepted|handshake|duplicate)$/ } @reasons) {
        is_deeply [ grep { $_ ne $status{$reason} } @{ $documented{$reason} } ], [], "the status of $reason";
    }
    my @refusals    = grep { !/^(?:accepted|handshake)$/ } @reasons;
    my @unexplained = grep { $troubleshooting !~ /^\|.*`[^`]*\b\Q$_\E\b.*\|.*\|.*\|$/m } @refusals;
    is_deeply \@unexplained, [], 'each has a symptom, a cause and a cure';
    my %is_reason = map { $_ => 1 } @reasons;
    my ($pitfall) = section($directives, 'webhook_response') =~ /^Pitfall:(.*)/ms;
    is_deeply [ grep { !$is_reason{$_} } ($pitfall // 'none') =~ /`([a-z]+_?[a-z_]*)`/g ], [],
        'no other reason is named where they are answered';
};

subtest 'presets' => sub {
    my %row;
    for my $row (rows(section($presets, 'The table'))) {
        my ($name) = $row->[0] =~ /^`([^`]+)`$/;
        ok !$row{ $name // '' }, 'a row for each' or diag "@$row";
        $row{ $name // '' } = { words_in($row->[1]) };
    }
    is_deeply [ sort keys %row ], [ sort @presets ], 'the table has all, and no other';
    for my $preset (sort @presets) {
        my @others = grep { $alias{$_} eq $preset } keys %alias;
        is_deeply [ sort keys %{ $row{$preset} } ], [ sort @others ], "$preset: its other names";
    }
};

# A table of the source, by its name: the first string of each row.
sub table_of ($name) {
    my ($text) = $source =~ /\b\Q$name\E(?:\[\] = )?\{+\n(.*?)^\};?/ms;
    return names_in($name, $text, qr/^\s*\w*\{"([^"]+)"/m);
}

subtest 'the scheme language' => sub {
    my @fields = names_in('fields', $source, qr/^\s*\{"(\w+)", &SchemeBuilder::\w+/m);
    my ($tables)  = section($language, 'Fields') =~ /\A(.*?)^### /ms;
    my %in_fields = map { $_ => 1 } map { $_->[0] =~ /`(\w+)`/g } rows($tables // '');
    ok $in_fields{$_}, "the field $_ has a row" for @fields;
    my %word = words_in(section($language, 'Fields'));
    for my $table (qw(kAlgorithms kKeyEncodings kJwtAlgorithms kNatives)) {
        ok $word{$_}, "$_ of $table is named" for table_of($table);
    }
    my %place = (
        kSignedPlaceholders => section($language, 'Placeholders'), kClaimPlaceholders => section($language, 'Fields'),
        kEventKeyPlaceholders => section($language, 'event_id, event_type, event_key'),
        kAnswerPlaceholders => section($language, 'Handshakes'),
    );
    for my $table (sort keys %place) {
        like $place{$table}, qr/`\{\Q$_\E(?::[^}]+)?\}`/, "$_ of $table is named" for table_of($table);
    }
    my @placeholders = map { $_->[0] =~ /`\{([^}]+)\}`/g } rows(section($language, 'Placeholders'));
    my %is_one = map { $_ => 1 } table_of('kSignedPlaceholders');
    is_deeply [ grep { !$is_one{$_} && !$is_one{ s/:.*//r } } @placeholders ], [], 'no other placeholder has a row';
};

subtest 'parameters of the fields' => sub {
    my %where = (handshake => 'Handshakes', map { $_ => 'event_id, event_type, event_key' } qw(event_id event_type));
    my $seen = 0;
    while ($source =~ /Options options\(\s*"(\w+)", arguments,\s*\{\{([^}]*)\},\s*\{([^}]*)\}/g) {
        my ($field, $named, $flags) = ($1, $2, $3);
        my $text = section($language, $where{$field} // $field);
        like $text, qr/`\Q$_\E=/, "$field: $_=" for $named =~ /"(\w+)"/g;
        like $text, qr/`(?:[^`]* )?\Q$_\E`/, "$field: $_" for $flags =~ /"(\w+)"/g;
        $seen++;
    }
    cmp_ok $seen, '>=', 6, 'fields with parameters are seen';
};

# Constants of the source as the page writes them. [ page's row, constant, how it is written ]
sub grouped ($number) { return scalar reverse(reverse($number) =~ s/(\d{3})(?=\d)/$1,/gr) }
sub plain ($number) { return grouped($number) }
sub bytes ($number) {
    return $number / 1024**2 . ' MB' if $number % 1024**2 == 0;
    return $number / 1024 . ' KB' if $number % 1024 == 0 && $number >= 16 * 1024;
    return grouped($number) . ' bytes';
}
sub of_time ($unit) { return sub ($number) { return "$number $unit" } }

my @LIMITS = (
    [ 'a body that is read as a whole',         kDefaultPayloadMax => \&bytes ],
    [ 'nesting of JSON',                        kDeepestNesting => \&plain ],
    [ 'fields of a form',                       kMostFormFields => \&plain ],
    [ 'items of an Adyen notification',         kMostAdyenItems => \&plain ],
    [ 'signatures of one delivery',             kMostCandidates => \&plain ],
    [ 'signatures that are tried with Ed25519', kHashedForEachKey => \&bytes ],
    [ 'signatures that are tried with Ed25519', kFewCandidates => sub ($number) { return "at least $number" } ],
    [ 'length of a signature',                  kLongestSignature => \&bytes ],
    [ 'an event id or type in JSON',            kLongestPayloadValue => \&bytes ],
    [ 'work of one validation',                 kMostValidationSteps => \&plain ],
    [ 'nesting of a payload below',             kDeepestValidation => \&plain ],
    [ 'nesting of values that',                 kDeepestEquality => \&plain ],
    [ 'a pointer of `$webhook_schema_error`',   kLongestShownPointer => \&bytes ],
    [ 'a file of a schema',                     kLargestSchemaFile => \&bytes ],
    [ 'files of a schema',                      kMostSchemaFiles => \&plain ],
    [ 'subschemas of a schema',                 kMostSubschemas => \&plain ],
    [ 'nesting of a schema',                    kDeepestSchema => \&plain ],
    [ 'a pattern of a schema',                  kLongestPattern => \&bytes ],
    [ 'nesting of groups',                      kDeepestPatternNesting => \&plain ],
    [ 'steps of a compiled pattern',            kMostPatternInstructions => \&plain ],
    [ 'warnings of one schema',                 kMostSchemaWarnings => \&plain ],
    [ '`$webhook_timestamp`',                   kLongestPayloadValue => \&bytes ],
    [ 'a value that a handshake',               kLongestPayloadValue => \&bytes ],
    [ 'an endpoint\'s name',                    kLongestEndpoint => \&bytes ],
    [ 'the clock of a token',                   kClockSkew => of_time('minute') ],
    [ 'headers and parameters',                 kMostHeaders => \&plain ],
    [ '`key_index=`',                           kHighestKeyIndex => \&plain ],
    [ 'keys of a `webhook_dedup`',              kMostKeys => \&plain ],
    [ 'keys of a set',                          kMostKeysOfFile => \&plain ],
    [ 'a file of a secret',                     kLargestSecretFile => \&bytes ],
    [ 'a file of `webhook_allow`',              kLargestFile => \&bytes ],
    [ 'RSA keys',                               kShortestRsaKey => \&plain ],
    [ 'RSA keys',                               kLongestRsaKey => \&plain ],
    [ 'secrets that are shorter',               kShortestSafeSecret => \&bytes ],
    [ 'ttl',                                    kLongestTtl => sub ($hours) { return $hours / 24 . 'd' } ],
    [ 'a `webhook_dedup_zone`',                 kSmallestSize => \&bytes ],
    [ 'endpoints that are counted apart',       kMostCountedEndpoints => \&plain ],
    [ 'secrets that are counted apart',         kMostCountedSecrets => \&plain ],
    [ 'zones that are counted apart',           kMostCountedZones => \&plain ],
    [ 'files of `webhook_allow` that are',      kMostCountedFiles => \&plain ],
    [ 'servers of Redis that are counted apart', kMostCountedServers => \&plain ],
    [ 'worker processes that are counted',      kMostCountedProcesses => \&plain ],
    [ 'recent refusals that a report',          kMostRead => \&plain ],
    [ 'recent refusals that each worker',       kEntries => \&plain ],
    [ 'an event id in a line',                  kLongestShownId => \&bytes ],
    [ 'places that a gate leads to',            kMostLevels => \&plain ],
    [ 'places that a gate leads to',            kMostSteps => of_time('steps') ],
    [ 'files in a directory of `webhook_capture`', kDefaultCaptures => \&plain ],
    [ 'files in a directory of `webhook_capture`', kMostCaptures => \&plain ],
    [ 'a captured body',                        kDefaultCapturedBody => \&bytes ],
    [ 'a captured body',                        kLongestCapturedBody => \&bytes ],
    [ 'a captured head',                        kLongestCapturedHead => \&bytes ],
    [ 'a captured request line',                kLongestRequestLine => \&bytes ],
    [ 'the life of a capture',                  kDefaultCaptureTime => of_time('h') ],
    [ 'the life of a capture',                  kLongestCaptureTime => sub ($hours) { return $hours / 24 . 'd' } ],
    [ 'captures that wait to be written',       kMostWaitingCaptures => \&plain ],
    [ 'a token with a fingerprint',             kShortestFingerprinted => \&bytes ],
    [ 'captures of a worker that ends',         kExitPatience => of_time('ms') ],
    [ 'a body that is hashed',                  kHashedAtOnce => \&bytes ],
    [ 'waiting for the lock of a zone',         kQuickPatience => of_time('ms') ],
    [ 'a response that waits for its event to be recorded, while the lock of the zone is held', kLongestHold => of_time('ms') ],
    [ 'waiting for the lock of a zone, at a reload', 'kPatience#milliseconds(50)' => of_time('s') ],
    [ 'waiting for a `state=` file',            'kPatience#kPause' => of_time('s') ],
    [ 'a changed file',                         kSettlingSeconds => of_time('s') ],
    [ 'worker processes',                       kLeastWorkers => \&plain ],
    [ 'worker processes',                       kMostWorkers => \&plain ],
    [ 'a call of Redis',                        kLongestRedisTimeout => of_time('s') ],
    [ 'a claim of a node that is gone',         kDefaultLease => of_time('s') ],
    [ 'a claim of a node that is gone',         kShortestLease => of_time('s') ],
    [ 'a claim of a node that is gone',         kLongestLease => of_time('h') ],
    [ 'events that a worker keeps for a Redis that is away', kMostUnpushed => \&plain ],
    [ 'a reply of Redis',                       kLongestReply => \&bytes ],
    [ 'what waits to be sent to a server of Redis', kMostWaiting => \&bytes ],
    [ 'servers of a cluster',                   kMostLinks => \&plain ],
    [ 'redirections of one call',               kMostRedirections => \&plain ],
);

# What the page says besides: measured by t/unit, given by nginx, or written in words.
my %OTHER = map { $_ => 1 } (
    'a request\'s body, which nginx itself checks', 'memory, when there is none', '`webhook_tolerance` into the past',
    'memory that a worker keeps for reading JSON', 'events', 'keys in flight', 'names in one object that are compared',
);

# NAME#TEXT is the constant of a file that holds the text.
sub value_of ($constant) {
    my ($name, $mark) = split /#/, $constant;
    my @texts = grep { !defined $mark || /\Q$mark\E|constexpr[^;\n]* \Q$mark\E\b/ } map { slurp($_) } @sources;
    my %value = map { $_ => 1 } map { /\bconstexpr [^;=\n]*\b\Q$name\E = ([^;]+);/g } @texts;
    is scalar keys %value, 1, "$constant has one value" or return;
    my ($text) = keys %value;
    $text =~ s/^\w+(?:::\w+)*\((.*)\)$/$1/;
    like $text, qr/^[\d' *+<]+$/, "$constant is a number" or return;
    my $number = eval $text =~ tr/'//dr;
    return $number;
}

subtest 'limits' => sub {
    my %row = map { $_->[0] => $_->[1] } rows($limits);
    my %checked;
    for my $limit (@LIMITS) {
        my ($start, $constant, $written) = @$limit;
        my $number = value_of($constant) // next;
        my ($name) = sort { length $a <=> length $b } grep { /^\Q$start\E/ } keys %row;
        ok defined $name, "$start: has a row" or next;
        my $expected = $written->($number);
        like $row{$name}, qr/(?<![\d,])\Q$expected\E\b/, "$start: $expected";
        $checked{$name} = 1;
    }
    is_deeply [ grep { !$checked{$_} && !$OTHER{$_} } sort keys %row ], [], 'each row is checked';
    is_deeply [ grep { !exists $row{$_} } sort keys %OTHER ], [], 'and none is excused that is not there';
};

# The same number on each page.
subtest 'numbers that stand on several pages' => sub {
    my %text = (%page, map { $_ => slurp("$root/$_") } map { substr $_, length "$root/" } glob "$root/examples/*.conf");
    my ($events) = $limits =~ /^\| events \| ([\d,]+) in each megabyte/m;
    my ($longest) = $limits =~ /^\| an event id or type in JSON \| (\d+) bytes/m;
    for my $name (sort keys %text) {
        (my $line = $text{$name}) =~ s/\n[#\s]*/ /g;
        my @of_events = $line =~ /([\d,]{4,}) (?:events )?in each megabyte|megabyte holds about ([\d,]+)/g;
        is_deeply [ grep { defined && $_ ne $events } @of_events ], [], "$name: events of a megabyte";
        my @lengths = $line =~ /up to (\d+) bytes and without control characters/g;
        is_deeply [ grep { $_ ne $longest } @lengths ], [], "$name: length of a value";
    }
};

# GitHub's name of a heading.
sub anchor ($heading) {
    $heading = lc $heading;
    $heading =~ s/\[([^]]*)\]\([^)]*\)/$1/g;
    $heading =~ s/[^\w\- ]//g;
    return $heading =~ tr/ /-/r;
}

sub without_code ($text) { return $text =~ s/^```.*?^```//gmsr }

subtest 'findings of the status page' => sub {
    my @codes = names_in('findings', $source, qr/\badd\("(\w+)", (?:Health::|left)/);
    my @headings = section($troubleshooting, 'What the status page finds') =~ /^### (\w+)$/mg;
    is_deeply [ sort @headings ], [ sort @codes ], 'each has a heading, and nothing else';
};

subtest 'links' => sub {
    my %anchors;
    for my $name (keys %page) {
        $anchors{$name}{ anchor($_) } = 1 for without_code($page{$name}) =~ /^#+ (.*)$/mg;
    }
    for my $name (sort keys %page) {
        my @broken;
        for my $link (without_code($page{$name}) =~ s/`[^`\n]*`//gr =~ /\]\(([^)\s]+)\)/g) {
            next if $link =~ m{^https?://};
            my ($path, $anchor) = split /#/, $link, 2;
            my $target = $path eq '' ? $name : join '/', grep { $_ ne '.' } dirname($name), $path;
            1 while $target =~ s{(?:^|/)(?!\.\.)[^/]+/\.\.(?=/)}{};
            $target =~ s{^/}{};
            push @broken, $link if !-e "$root/$target" || (defined $anchor && !$anchors{$target}{$anchor});
        }
        is_deeply \@broken, [], "of $name lead somewhere";
    }
};

subtest 'files, targets and tests that are named' => sub {
    my $makefiles = join "\n", map { slurp($_) } "$root/Makefile", glob "$root/build/*.mk";
    my $unit = join "\n", map { slurp($_) } files_below('t/unit', qr/\.cpp$/);
    my %is_source = map { basename($_) =~ s/^ngx_http_webhook_//r => 1 } @sources;
    my $is_moved  = -d "$root/src/scheme";
    for my $name (sort keys %page) {
        my $text = $page{$name};
        my @tests = grep { !-e "$root/$_" } $text =~ m{(?<![\w/])(t/(?:[\w-]+/)*[\w-]+\.(?:t|pl|pm|cpp|h|mjs))\b}g;
        is_deeply \@tests, [], "$name: files of t/";
        my @files = grep { $is_moved ? !-e "$root/$_" : !$is_source{ basename($_) } }
            $text =~ m{(?<![\w/])(src/(?:\w+/)*\w+\.(?:cpp|h))\b}g;
        is_deeply \@files, [], "$name: files of src/";
        my $commands = join "\n", $text =~ /^ {4}(\S.*)$/mg, $text =~ /`([^`\n]+)`/g;
        my @targets = grep { $makefiles !~ /^\Q$_\E(?: .*)?:/m }
            $commands =~ /(?:^|&& )(?:sudo )?make ([a-z][a-z-]*)/mg;
        is_deeply \@targets, [], "$name: targets of make";
        my @cases = grep { $unit !~ /\bTEST(?:_F)?\(\Q$_\E\)/ } map { s/\./, /r } $text =~ /`([A-Z]\w+\.[A-Z]\w+)`/g;
        is_deeply \@cases, [], "$name: unit tests";
    }
    my @named = $security =~ m{\b(t/\w+\.t),\s+"([^"]+)"}g;
    while (my ($file, $subtest) = splice @named, 0, 2) {
        $subtest =~ s/\s+/ /g;
        like slurp("$root/$file"), qr/^subtest '\Q$subtest\E' =>/m, "$file: $subtest";
    }
};

cmp_ok length $readme, '<=', LONGEST_README, 'README.md is read in one sitting';

finish();
