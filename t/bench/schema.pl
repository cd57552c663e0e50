#!/usr/bin/perl

# Measures the parsing and validation of JSON against JSON Schemas: ours against that of Node and
# Ajv, by turns, of the same documents. Arguments: the folder of the compiled helpers, a folder for
# documents and schemas, and the folder that Ajv is installed in, if it is.

use v5.36;

use FindBin qw($Bin);
use IPC::Open2 qw(open2);
use lib $Bin;
use List::Util qw(max min);
use SchemaCases qw(document json_text schema);

use constant DOCUMENTS     => qw(event push orders);
use constant SIZES         => (10, 100, 500);     # keywords of the schemas
use constant ROUNDS        => 11;
use constant MILLISECONDS  => 30;                 # of each round
use constant WARMING       => 700;                # milliseconds, until Node has compiled what it will
use constant MOST_OF_AJV   => 1.00;
use constant MOST_OF_HMAC  => 4;

my ($helpers, $folder, $packages) = @ARGV;
defined $folder or die "usage: schema.pl FOLDER_OF_HELPERS FOLDER_FOR_DOCUMENTS [FOLDER_OF_AJV]\n";
-e "$helpers/schema_bench" or die "$helpers/schema_bench is not there: run make bench-schema\n";

$| = 1;
exit main();

sub main () {
    my $bytes = write_cases();
    my $ours  = start("$helpers/schema_bench", $folder);
    my $ajv   = $packages && start('node', "$Bin/ajv/ajv_bench.mjs", $folder, $packages);
    describe();
    my @missed = (map({ compare($ours, $ajv, $_, $bytes->{$_}) } DOCUMENTS), against_hmac($ours));
    say @missed ? "\nMissed: " . join('; ', @missed) . '.' : "\nNo target was missed.";
    return 0;
}

sub describe () {
    say 'JSON Schema: microseconds of CPU time for a document; medians of ', ROUNDS, ' rounds of ', MILLISECONDS, ' ms, by turns';
    if (!$packages) {
        say 'Ajv: SKIPPED, npm is not installed or cannot install Ajv';
        return;
    }
    my ($version) = slurp("$packages/node_modules/ajv/package.json") =~ /"version": "([^"]+)"/;
    chomp(my $node = qx(node --version));
    say "Node's JSON.parse (node $node) and Ajv $version";
}

sub write_cases () {
    my %bytes;
    for my $name (DOCUMENTS) {
        my $document = document($name);
        my $text     = json_text($document);
        $bytes{$name} = length $text;
        write_file("$name.json", $text);
        write_file("$name.$_.json", json_text(schema($document, $_))) for SIZES;
    }
    return \%bytes;
}

# -- the two sides

# A process that measures what it is asked for, line by line.
sub start (@command) {
    my $process = open2(my $answers, my $questions, @command);
    return { name => $command[0], answers => $answers, questions => $questions };
}

sub ask ($side, $document, $size, $what, $milliseconds = MILLISECONDS) {
    $side->{questions}->say("$document $size $what $milliseconds");
    $side->{questions}->flush;
    my $answer = readline $side->{answers};
    defined $answer or die "$side->{name} failed\n";
    return $answer / 1000;
}

sub compare ($ours, $ajv, $document, $bytes) {
    printf "\n%-34s  %10s  %10s  %s\n", "$document, $bytes bytes", 'ours', $ajv ? ('Ajv', 'ours / Ajv (min - max)') : ('', '');
    my @missed;
    for my $size (SIZES) {
        for my $what (qw(both validate)) {
            my $name = "$size keywords, " . ($what eq 'both' ? 'parse + validate' : 'validate alone');
            my @sides = ($ours, $ajv || ());
            my ($mine, $other) = take_turns(\@sides, $document, $size, $what);
            if (!$ajv) {
                printf "  %-32s  %10.2f\n", $name, median(@$mine);
                next;
            }
            my @ratios = map { $mine->[$_] / $other->[$_] } 0 .. $#$mine;
            my $met    = $what eq 'validate' || median(@ratios) < MOST_OF_AJV;
            printf "  %-32s  %10.2f  %10.2f  %.2f (%.2f - %.2f)%s\n", $name, median(@$mine), median(@$other),
                median(@ratios), min(@ratios), max(@ratios), $what eq 'validate' ? '' : $met ? ': ok' : ': MISSED';
            push @missed, "$document, $name" unless $met;
        }
    }
    return @missed;
}

# Every other turn goes backwards, so that no side always follows the other.
sub take_turns ($sides, @question) {
    my @results = map { [] } @$sides;
    ask($_, @question, WARMING) for @$sides;
    for my $round (1 .. ROUNDS) {
        my @order = $round % 2 ? 0 .. $#$sides : reverse 0 .. $#$sides;
        push @{ $results[$_] }, ask($sides->[$_], @question) for @order;
    }
    return @results;
}

sub against_hmac ($ours) {
    say "\nvalidate alone, of the cost of the payload's HMAC-SHA256";
    my @missed;
    for my $size (SIZES) {
        my @ratios;
        ask($ours, 'push', $size, 'validate', WARMING);
        for (1 .. ROUNDS) {
            push @ratios, ask($ours, 'push', $size, 'validate') / ask($ours, 'push', $size, 'hmac');
        }
        my $met = median(@ratios) <= MOST_OF_HMAC;
        printf "  %-40s  %.2f (%.2f - %.2f), at most %.2f: %s\n", "push, $size keywords", median(@ratios), min(@ratios),
            max(@ratios), MOST_OF_HMAC, $met ? 'ok' : 'MISSED';
        push @missed, "push, $size keywords, of HMAC()" unless $met;
    }
    return @missed;
}

# -- numbers and files

sub median (@values) {
    my @sorted = sort { $a <=> $b } @values;
    return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

sub slurp ($path) {
    open my $file, '<', $path or die "$path: $!\n";
    local $/ = undef;
    return readline $file;
}

sub write_file ($name, $content) {
    open my $file, '>', "$folder/$name" or die "$folder/$name: $!\n";
    print $file $content;
    close $file or die "$folder/$name: $!\n";
}
