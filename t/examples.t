# Every configuration in examples/, and each whole one in README.md and docs/, is taken by nginx as it is,
# but for where its files lie.

use Webhook::Test;

use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use FindBin;

# At the same time text, hexadecimal and base64.
my $SECRET = '00112233445566778899aabbccddeeff';
my $ROOT   = "$FindBin::Bin/..";
my $NGINX  = $ENV{WEBHOOK_NGINX} // '/usr/sbin/nginx';

# What a page only hints at has an ellipsis in it.
sub blocks_of ($name) {
    my @blocks = grep { !/\x{e2}\x{80}\x{a6}/ } slurp("$ROOT/$name") =~ /^```nginx\n(.*?)^```/gms;
    return map { [ "$name, configuration " . ($_ + 1), $blocks[$_] ] } 0 .. $#blocks;
}

my @examples = map { [ basename($_), slurp($_) ] } glob "$ROOT/examples/*.conf";
my @of_pages = map { blocks_of($_) } 'README.md', map { 'docs/' . basename($_) } glob "$ROOT/docs/*.md";

ok scalar @examples, 'there are examples';
ok scalar(grep { $_->[0] =~ /README/ && $_->[1] =~ /^http \{/m } @of_pages), 'README.md has a whole configuration';

sub create ($name, $text, $mode) {
    my $path = expand($name);
    write_file($path, $text, $mode) unless -e $path;
}

# The files that an example names are made. What one holds follows from the directive that names it.
sub create_files ($text) {
    my ($certificate, $key) = certificate();
    for my $argument ($text =~ m{\bfile:([^\s;"]+)}g) {
        my ($path, $pointer) = split /#/, $argument, 2;
        if (defined $pointer || $path =~ /\.json$/) {
            my @steps = map { $_ eq '*' ? 'any' : $_ } grep { length } split m{/}, $pointer // '';
            my $json  = '["127.0.0.1", "10.0.0.0/8"]';
            $json = qq({"$_": $json}) for reverse @steps;
            create($path, $json, 0644);
        } elsif ($text =~ m{webhook_allow[^;]*\Q$path\E}) {
            create($path, "127.0.0.1\n", 0644);
        } elsif ($text =~ m{token=file:\Q$path\E}) {
            create($path, "$SECRET-token\n", 0600);
        } else {
            create($path, "$SECRET\n", 0600);
        }
    }
    create($_, slurp("$ROOT/examples/schemas/" . s{.*/schemas/}{}r), 0644) for $text =~ /\bwebhook_schema\s+([^\s;]+)/g;
    # What the schemas of a directory refer to.
    for my $folder (map { dirname($_) } $text =~ m{\bwebhook_schema\s+(\S+/schemas/[^\s;]+)}g) {
        create("$folder/" . basename($_), slurp($_), 0644) for glob "$ROOT/examples/schemas/" . ($folder =~ s{.*/schemas/}{}r) . '/*.json';
    }
    make_path(dirname(expand($_))) for $text =~ /\b(?:access_log|error_log|pid)\s+(%%DIR%%[^\s;]+)/g;
    make_path(dirname(expand($_))) for $text =~ /\bstate=(%%DIR%%[^\s;]+)/g;
    create($_, slurp($certificate), 0644) for $text =~ /\bssl_certificate\s+([^\s;]+)/g;
    create($_, slurp($certificate), 0644) for $text =~ /\bca=([^\s;]+)/g;
    create($_, slurp($key), 0600) for $text =~ /\bssl_certificate_key\s+([^\s;]+)/g;
}

# Everything absolute goes into the test's own directory, every port to its own address.
sub relocated ($text) {
    $text =~ s{^\s*load_module\s[^;]*\bngx_http_webhook_module\.so;}{}mg;
    $text =~ s{(?<![\w.\$%/])/(etc|var|run|srv|opt)/}{%%DIR%%/$1/}g;
    $text =~ s{\blisten\s+(?:127\.0\.0\.1:|\[::\]:|\*:|0\.0\.0\.0:)?(\d+)}{'listen %%ADDR%%:' . (10_000 + $1 % 10_000)}ge;
    return $text;
}

# The blocks of nginx.conf: what is in http{}, and what is around it.
sub parts_of ($text) {
    my $nested = qr/(\{(?:[^{}"'#]++|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|#[^\n]*|(?1))*\})/;
    return (http => $text) unless $text =~ /^\s*http\s*\{/m;
    my %part = (http => '', events => '');
    for my $name (keys %part) {
        next unless $text =~ s/^\s*$name\s*$nested//m;
        $part{$name} = substr $1, 1, -1;
    }
    return (%part, main => $text);
}

# Another module, which nginx may not have, with its directives: how many values each takes.
my %FOREIGN = (
    'ngx_otel_module.so' => {
        otel_service_name => 1, otel_resource_attr => 2, otel_trace => 1, otel_trace_context => 1,
        otel_span_name => 1, otel_span_attr => 2, endpoint => 1, trusted_certificate => 1, header => 2,
        interval => 1, batch_size => 1, batch_count => 1,
    },
);

my ($modules_path) = `$NGINX -V 2>&1` =~ /--modules-path=(\S+)/;

# Each module that the text loads is taken from where nginx has it. Of one that nginx has not, only the values of
# its directives are tested, as those of a header.
sub with_modules ($text) {
    for my $module (map { basename($_) } $text =~ /^\s*load_module\s+([^;]+);/mg) {
        my $path = ($modules_path // '') . "/$module";
        my $line = qr/^\s*load_module\s[^;]*\b\Q$module\E;/m;
        if (-e $path) {
            $text =~ s/$line/load_module $path;/;
            next;
        }
        $text = without_directives($text =~ s/$line//r, $module);
        my $why = "nginx has no $module: of its directives, only the values are tested";
        diag $why;
        SKIP: { skip $why, 1 }
    }
    return $text;
}

sub without_directives ($text, $module) {
    my $takes = $FOREIGN{$module};
    ok $takes, "$module: its directives are known here" or return $text;
    $text =~ s{^(\s*)(otel_\w+)\s*\{(.*?)\}}{$1$3}msg;
    my %count;
    my $names = join '|', map { quotemeta } sort { length $b <=> length $a } keys %$takes;
    my $value = qr/"[^"]*"|'[^']*'|[^\s;"']+/;
    $text =~ s{^(\s*)($names)((?:\s+$value)+);}{
        my ($space, $name, $arguments) = ($1, $2, $3);
        my @values = $arguments =~ /$value/g;
        $count{$name}++;
        is scalar @values, $takes->{$name}, "$name: its values";
        "${space}add_header X-$name $values[-1];";
    }gme;
    ok scalar keys %count, "$module: its directives are seen";
    return $text;
}

for my $example (@examples, @of_pages) {
    my ($name, $text) = ($example->[0], relocated($example->[1]));
    my %env  = map { $_ => $SECRET } $text =~ /\benv:(\w+)/g;
    create_files($text);
    subtest $name => sub {
        my ($code, $output) = config_test(parts_of(with_modules($text)), env => \%env);
        is $code, 0, 'nginx takes it' or diag $output;
        unlike $output, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'without a warning';
        like $text, qr/^\s*webhook(?:_\w+)?[\s;]/m, 'it uses the module';
    };
}

finish();
