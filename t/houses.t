# Which house may know which: no include goes upwards, and only the glue knows nginx.

use v5.36;

use FindBin;
use Test::More;

my $SRC = "$FindBin::Bin/../src";

# Each house, and those below it that it may include.
my %BELOW = (
    base             => [],
    jsonschema       => [qw(base)],
    scheme           => [qw(base)],
    verify           => [qw(base scheme)],
    inspect          => [qw(base jsonschema scheme verify)],
    capture          => [qw(base scheme)],
    store            => [qw(base)],
    redis            => [qw(base store)],
    queue            => [qw(base)],
    report           => [qw(base verify store)],
    ngx_http_webhook => [qw(base jsonschema scheme verify inspect capture store redis queue report)],
);

my @houses = grep { $_ ne 'build' } map { m{/(\w+)/$} } glob "$SRC/*/";
is_deeply [ sort @houses ], [ sort keys %BELOW ], 'the houses';

my %includes;
for my $house (sort keys %BELOW) {
    my %may = map { $_ => 1 } $house, $BELOW{$house}->@*;
    my (@upward, @nginx);
    for my $file (glob "$SRC/$house/*.h $SRC/$house/*.cpp") {
        my $name = $file =~ s{^\Q$SRC\E/}{}r;
        open my $lines, '<', $file or die "$file: $!";
        while (my $line = <$lines>) {
            if ($line =~ m{^#include "((\w+)/\w+)\.h"}) {
                push @{ $includes{ $name =~ s/\.\w+$//r } }, $1;
                push @upward, "$name:$.: $1" if !$may{$2};
            }
            push @nginx, "$name:$." if $house ne 'ngx_http_webhook' && $line =~ /\bngx_|\bNGX_/;
        }
    }
    is_deeply \@upward, [], "$house includes nothing above it";
    is_deeply \@nginx, [], "$house knows no nginx" if $house ne 'ngx_http_webhook';
}

# A room may include its own header, and no other that leads back to it.
sub cycle_from ($room, $at, $seen) {
    for my $next (grep { $_ ne $at } ($includes{$at} // [])->@*) {
        return 1 if $next eq $room;
        return 1 if !$seen->{$next}++ && cycle_from($room, $next, $seen);
    }
    return 0;
}
is_deeply [ grep { cycle_from($_, $_, {}) } sort keys %includes ], [], 'no room includes itself over others';

done_testing();
