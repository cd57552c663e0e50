package Webhook::Sandbox;

# What belongs to one test process alone: a loopback address and a directory.

use v5.36;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use Webhook::Process qw(run_command);

our @EXPORT_OK = qw(
    address backend_address certificate directory expand is_owner make_directory
    remove_directory slurp write_file
);

use constant BACKEND_PORT => 9000;

my $owner     = $$;
my $address   = address_of($owner);
my $directory = tempdir('webhook-XXXXXXXX', TMPDIR => 1);
chmod 0755, $directory or die "$directory: $!";

# Injective for every pid Linux can give (below 2^22) and never 127.0.x.x; the last octet is never 0 or 255.
sub address_of ($process) {
    my $last  = 1 + $process % 254;
    my $upper = int($process / 254);
    return sprintf '127.%d.%d.%d', 1 + int($upper / 256) % 254, $upper % 256, $last;
}

sub is_owner () { return $$ == $owner }
sub address () { return $address }
sub directory () { return $directory }
sub backend_address () { return "$address:" . BACKEND_PORT }

my %PLACEHOLDER = (
    ADDR    => \&address,
    DIR     => \&directory,
    BACKEND => \&backend_address,
    CERT    => sub { (certificate())[0] },
    KEY     => sub { (certificate())[1] },
);

sub expand ($text) {
    my $names = join '|', keys %PLACEHOLDER;
    return $text =~ s/%%($names)%%/$PLACEHOLDER{$1}->()/ger;
}

sub slurp ($path) {
    open my $file, '<:raw', $path or die "$path: $!";
    local $/ = undef;
    return scalar(<$file>) // '';
}

# A relative name is taken inside the directory. The rename means nobody ever reads half a file.
sub write_file ($name, $text, $mode = 0644) {
    my $path = $name =~ m{^/} ? $name : "$directory/$name";
    make_path(dirname($path));
    my $draft = "$path.draft.$$";
    open my $file, '>:raw', $draft or die "$draft: $!";
    print {$file} $text or die "$draft: $!";
    close $file or die "$draft: $!";
    chmod $mode, $draft or die "$draft: $!";
    rename $draft, $path or die "$path: $!";
    return $path;
}

# Workers of a master started by root run as nobody and could not write otherwise.
sub make_directory ($name, $mode = 0777) {
    my $path = "$directory/$name";
    make_path($path);
    chmod $mode, $path or die "$path: $!";
    return $path;
}

# A self-signed certificate for the test's address: (certificate path, key path).
sub certificate () {
    my ($certificate, $key) = ("$directory/tls.crt", "$directory/tls.key");
    return ($certificate, $key) if -e $certificate;
    my $code = run_command(
        command => [
            qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2),
            '-subj', '/CN=localhost', '-addext', "subjectAltName=DNS:localhost,IP:$address",
            '-keyout', $key, '-out', $certificate,
        ],
        output => "$directory/openssl.output",
    );
    die "openssl: exit $code\n" . slurp("$directory/openssl.output") if $code;
    return ($certificate, $key);
}

sub remove_directory () {
    remove_tree($directory, { error => \my $ignored });
}

1;
