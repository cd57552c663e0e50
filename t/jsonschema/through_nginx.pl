# Sends each test of the JSON-Schema-Test-Suite through a real nginx, once:
# through_nginx.pl EXPECTED_FAILURES DIRECTORY...
#
# A group of tests is a schema file and a location; a test's data is a signed delivery. Valid data has to
# arrive at the upstream byte for byte, invalid data is answered 422 and does not arrive. Directories and
# the list of expected failures are those of suite.cpp, and mean the same. What differs from it:
#
# - Schemas and data are the bytes of the suite, not JSON that was parsed and written again.
# - A schema that `nginx -t` refuses fails all tests of its group, as one that suite.cpp cannot compile.
#   But `nginx -t` has to say it of this file: any other trouble ends the run.
# - An expected failure is the opposite verdict. 400, 502 or a delivery that is refused and arrives is never
#   expected: all data of the suite is JSON without repeated names, and a scalar is a payload as any other.

use Webhook::Test;

use Cwd        qw(abs_path);
use File::Find qw(find);
use JSON::PP   ();
use List::Util qw(sum0);

# Locations of one configuration, each with its schema.
use constant MOST_GROUPS => 200;

my $SECRET = 'a secret of the suite, 32 letters';

my @DRAFTS = (
    [ 'draft7',       'http://json-schema.org/draft-07/schema#' ],
    [ 'draft2020-12', 'https://json-schema.org/draft/2020-12/schema' ],
);

# One value of a JSON text that is known to be JSON, with the space around it.
my $VALUE = qr/
    (?<value> \s*+ (?: (?&string) | [^\s\[\]{}",:]++ | \[ (?&list)?+ \s*+ \] | \{ (?: (?&member) (?: , (?&member) )*+ )?+ \s*+ \} ) \s*+ )
    (?(DEFINE)
        (?<string> " (?: [^"\\]++ | \\. )*+ " )
        (?<list>   (?&value) (?: , (?&value) )*+ )
        (?<member> \s*+ (?&string) \s*+ : (?&value) )
    )
/xs;

die "usage: through_nginx.pl EXPECTED_FAILURES DIRECTORY...\n" if @ARGV < 2;
my ($list, @directories) = @ARGV;

my @expected = read_list($list);
my (%counts, %files, @refused);
my ($configurations, $unexpected) = (0, 0);

my @groups  = map { groups_of_suite(abs_path($_) // die "$_ is not there\n") } @directories;
my $backend = start_backend();
my $nginx;
while (my @some = splice @groups, 0, MOST_GROUPS) { run_groups(@some) }

ok %counts, 'the suite has tests';
ok !$files{$_}->@*, $_ or diag map { "    $_\n" } $files{$_}->@* for sort keys %files;
my @passed = grep { defined $_->{passed} } @expected;
ok !@passed, 'no test passes that is expected to fail';
diag "    \"$_->{passed}\": $_->{line}" for @passed;
finish();

say "# $_: ", summary($counts{$_}->@{qw(tests failures)}) for sort keys %counts;
say "# configurations: $configurations; ", scalar(@refused), ' schemas refused by nginx -t';
say '# in all: ', summary(sum0(map { $_->{tests} } values %counts), sum0(map { $_->{failures} } values %counts)), '; ',
    $unexpected + @passed, ' unexpected results';

sub summary ($tests, $failures) { return "$tests tests, " . ($tests - $failures) . " as they should be, $failures not" }

# --- the suite

# Of the suite, or of one draft.
sub groups_of_suite ($directory) {
    my @found;
    for my $draft (@DRAFTS) {
        my $name = $draft->[0];
        return groups_of_draft($directory, @$draft) if $directory =~ m{/\Q$name\E\z};
        push @found, groups_of_draft("$directory/$name", @$draft) if -d "$directory/$name";
    }
    return @found;
}

sub groups_of_draft ($directory, $draft, $uri) {
    copy_remotes("$directory/../../remotes", $draft);
    my @paths;
    find({ no_chdir => 1, wanted => sub { push @paths, $_ if /\.json\z/ } }, $directory);
    return map { groups_of_file($_, $draft . substr($_, length $directory), $draft, $uri) } sort @paths;
}

# What a test names by a relative reference lies beside its schema; the draft's own is preferred.
sub copy_remotes ($remotes, $draft) {
    for my $folder (grep { -d } $remotes, "$remotes/$draft") {
        find({ no_chdir => 1, wanted => sub {
            write_file("schemas/$draft" . substr($_, length $folder), slurp($_)) if /\.json\z/;
        } }, $folder);
    }
}

sub groups_of_file ($path, $file, $draft, $uri) {
    my $count = $file =~ m{/optional/} ? 'optional' : 'required';
    $files{$file} = [];
    return map {
        my $group = members_of($_);
        {
            file   => $file,
            name   => text_of($group->{description}),
            draft  => $draft,
            schema => with_draft($group->{schema}, $uri),
            counts => $counts{"$draft, $count"} //= { tests => 0, failures => 0 },
            tests  => [ map { test_of(members_of($_)) } elements_of($group->{tests}) ],
        }
    } elements_of(slurp($path));
}

sub test_of ($members) {
    return { name => text_of($members->{description}), data => $members->{data}, valid => $members->{valid} eq 'true' };
}

# Older suites have no `$schema` in their schemas.
sub with_draft ($schema, $uri) {
    return $schema if $schema !~ /\A\{/ || $schema =~ /"\$schema"/;
    my $rest = substr $schema, 1;
    return qq({"\$schema":"$uri") . ($rest =~ /\A\s*\}/ ? '' : ',') . $rest;
}

sub elements_of ($text) {
    my ($inside) = $text =~ /\A\s*\[(.*)\]\s*\z/s or die "not an array: $text\n";
    return map { trimmed($_) } pieces_of($inside);
}

sub members_of ($text) {
    my ($inside) = $text =~ /\A\s*\{(.*)\}\s*\z/s or die "not an object: $text\n";
    my %members;
    pos($inside) = 0;
    while ($inside =~ /\G\s*"(\w+)"\s*:/gc) {
        my $name = $1;
        $inside =~ /\G$VALUE,?/gc or die "not JSON: $text\n";
        $members{$name} = trimmed($+{value});
    }
    return \%members;
}

sub pieces_of ($inside) {
    my @pieces;
    pos($inside) = 0;
    while ($inside =~ /\G$VALUE,?/gc) { push @pieces, $+{value} }
    die "not JSON: $inside\n" if (pos($inside) // 0) < length($inside =~ s/\s+\z//r);
    return @pieces;
}

sub trimmed ($text) { return $text =~ s/\A\s+|\s+\z//gr }

# As the list of expected failures has it, in UTF-8.
sub text_of ($json) {
    my $text = JSON::PP->new->utf8->allow_nonref->decode($json);
    utf8::encode($text);
    return $text;
}

# --- the list

sub read_list ($path) {
    return map {
        my ($file, $group, $test, $reason) = my @columns = split / \| /;
        die "$path: not four columns: $_\n" if @columns != 4;
        { file => $file, group => $group, test => $test, line => $_ }
    } grep { !/^(?:#|$)/ } split /\n/, slurp($path);
}

sub lines_for ($group, $test) {
    return grep {
        my $line = $_;
        $line->{file} eq $group->{file} && grep({ $line->{group} eq $_ } '*', $group->{name})
            && grep({ $line->{test} eq $_ } '*', $test->{name}, $test->{valid} ? () : '(invalid)');
    } @expected;
}

# --- nginx

sub run_groups (@some) {
    ++$configurations;
    write_schema($some[$_], $_) for 0 .. $#some;
    my @taken = take_or_refuse(@some);
    serve(@taken);
    note_arrivals(map { deliver($_) } @taken);
    for my $group (@some) { judge($group, $_) for $group->{tests}->@* }
}

# Returns each test by the URI that it was sent to.
sub deliver ($group) {
    my %sent;
    my $connection = open_connection();
    for my $test ($group->{tests}->@*) {
        my $uri = "$group->{uri}?" . keys %sent;
        $sent{$uri} = $test;
        $test->{response} = $connection->request(
            uri => $uri, body => $test->{data},
            headers => [ github_headers($SECRET, $test->{data}), 'Content-Type' => 'application/json' ],
        );
    }
    $connection->close;
    return %sent;
}

sub write_schema ($group, $number) {
    $group->{uri}  = "/$configurations/$number";
    $group->{path} = write_file("schemas/$group->{draft}/group-$configurations-$number.json", $group->{schema});
}

# nginx -t says what is wrong with the first schema that it refuses.
sub take_or_refuse (@groups) {
    while (@groups) {
        my ($code, $output) = config_test(http => configuration(@groups));
        return @groups if $code == 0;
        my ($message, $path) = $output =~ /\[emerg\] (schema "([^"]+)".*) in \S+:\d+$/m or die "nginx -t: $output";
        my ($wrong) = grep { $_->{path} eq $path } @groups or die "nginx -t, of another file: $output";
        push @refused, $wrong;
        $wrong->{problem} = $message;
        @groups = grep { $_ != $wrong } @groups;
    }
    return;
}

sub configuration (@groups) {
    return join "\n",
        'server {',
        '    listen %%ADDR%%:8080;',
        '    webhook github;',
        "    webhook_secret \"$SECRET\";",
        (map { "    location = $_->{uri} { webhook_schema $_->{path}; proxy_pass http://%%BACKEND%%; }" } @groups),
        '}';
}

sub serve (@groups) {
    my %config = (http => configuration(@groups));
    $backend->clear;
    if (!$nginx) {
        $nginx = start_nginx(%config);
    } else {
        $nginx->rewrite_config(%config);
        $nginx->reload or die "nginx did not take what nginx -t takes\n";
    }
}

sub note_arrivals (%sent) {
    for my $request ($backend->requests) {
        my $test = $sent{ $request->{uri} } // die "the upstream got what nobody sent: $request->{uri}\n";
        push $test->{arrived}->@*, $request->{body};
    }
}

# --- the judgement

sub judge ($group, $test) {
    my ($failure, $is_odd) = defined $group->{problem} ? ($group->{problem}, '') : failure_of($test);
    my @lines = lines_for($group, $test);
    ++$group->{counts}{tests};
    ++$group->{counts}{failures} if length $failure;
    if (!length $failure) { $_->{passed} //= "$group->{name} | $test->{name}" for @lines }
    return if !length $failure || @lines && !$is_odd;
    ++$unexpected;
    push $files{ $group->{file} }->@*, "$group->{name} | $test->{name} | $failure";
}

# What is wrong, and whether it is so for any schema. Nothing is wrong: an empty text.
sub failure_of ($test) {
    my ($response, @bodies) = ($test->{response}, ($test->{arrived} // [])->@*);
    my $answer = join ' ', $response->{status}, $response->header('Webhook-Reason') // 'accepted';
    if ($answer eq '200 accepted') {
        return ('accepted, but not what arrived', 1) if @bodies != 1 || $bodies[0] ne $test->{data};
        return ($test->{valid} ? '' : 'accepted', '');
    }
    return ("$answer $response->{error}", 1) if $answer ne '422 schema_violation';
    return ('refused, but it arrived', 1) if @bodies;
    return ($test->{valid} ? 'refused' : '', '');
}
