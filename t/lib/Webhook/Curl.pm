package Webhook::Curl;

# What needs TLS or HTTP/2 goes through the curl binary.

use v5.36;

use Exporter qw(import);
use File::Temp qw(tempdir);
use List::Util qw(pairkeys pairs);
use Time::HiRes qw(sleep);
use Webhook::Message qw(parse_head);
use Webhook::Process qw(run_command);
use Webhook::Response;
use Webhook::Sandbox qw(address directory slurp);

our @EXPORT_OK = qw(send_curl send_h2);

sub send_h2 (%request) {
    my @version = $request{tls} ? ('--http2') : ('--http2-prior-knowledge');
    return send_curl(port => $request{tls} ? 8443 : 8082, %request, version => \@version);
}

sub send_curl (%request) {
    my $folder  = tempdir('curl-XXXXXXXX', DIR => directory(), CLEANUP => 0);
    my $timeout = $request{timeout} // 10;
    my ($stdin, $feed) = body_source(\%request, $folder);
    my $code = run_command(
        command => [
            qw(curl -q -s -S -k -g --path-as-is --noproxy *), '-m', $timeout,
            '-D', "$folder/head", '-o', "$folder/body",
            arguments(\%request, $folder), url(\%request),
        ],
        output  => "$folder/output",
        timeout => $timeout + 5,
        stdin   => $stdin,
        feed    => $feed,
    );
    # There, curl puts the headers of an answer to HEAD.
    unlink "$folder/body" if ($request{method} // '') eq 'HEAD';
    return read_answer($folder, $code);
}

sub url ($request) {
    my $scheme = $request->{tls} ? 'https' : 'http';
    my $port   = $request->{port} // ($request->{tls} ? 8443 : 8080);
    return "$scheme://" . ($request->{host} // address()) . ":$port" . ($request->{uri} // '/');
}

sub arguments ($request, $folder) {
    my $method  = $request->{method} // 'POST';
    my @headers = @{ $request->{headers} // [] };
    my %given   = map { lc $_ => 1 } pairkeys @headers;
    my @lines   = map { header_line(@$_) } pairs @headers;
    push @lines, "$_:" for grep { !$given{ lc $_ } } qw(User-Agent Accept Content-Type Expect);
    return (
        @{ ref $request->{version} ? $request->{version} : ['--http1.1'] },
        ($method eq 'HEAD' ? '-I' : ('-X', $method)),
        (map { ('-H', $_) } @lines),
        body_arguments($request, $folder),
        ($request->{from} ? ('--interface', $request->{from}) : ()),
        ($request->{unix} ? ('--unix-socket', $request->{unix}) : ()),
        @{ $request->{curl} // [] },
    );
}

# curl drops "Name:" and sends an empty header only when told "Name;".
sub header_line ($name, $value) { return length $value ? "$name: $value" : "$name;" }

sub streamed ($request) { return $request->{no_length} || $request->{chunked} }

# An upload from standard input has no length that curl could announce.
sub body_arguments ($request, $folder) {
    return qw(-T -) if streamed($request);
    return unless defined $request->{body};
    return ('--data-binary', "\@$folder/upload");
}

# Returns what curl reads as its standard input and the code that feeds it while it runs.
sub body_source ($request, $folder) {
    if (!streamed($request)) {
        Webhook::Sandbox::write_file("$folder/upload", $request->{body} // '');
        return;
    }
    pipe my $reader, my $writer or die "pipe: $!";
    my @pieces = @{ $request->{chunked} // [ $request->{body} // '' ] };
    return $reader, sub {
        close $reader;
        local $SIG{PIPE} = 'IGNORE';
        for my $index (0 .. $#pieces) {
            sleep $request->{chunk_pause} if $index && $request->{chunk_pause};
            write_all($writer, $pieces[$index]) or last;
        }
        close $writer;
    };
}

sub write_all ($handle, $bytes) {
    my $position = 0;
    while ($position < length $bytes) {
        my $count = syswrite $handle, $bytes, length($bytes) - $position, $position;
        return '' unless defined $count;
        $position += $count;
    }
    return 1;
}

sub read_answer ($folder, $code) {
    my $heads  = -e "$folder/head" ? slurp("$folder/head") : '';
    my @heads  = map { parse_head($_) } split /\r\n\r\n/, $heads;
    my @finals = grep { $_->{first_line} !~ m{^HTTP/\S+ 1\d\d} } @heads;
    my $final  = $finals[-1] // parse_head('');
    my $body   = -e "$folder/body" ? slurp("$folder/body") : '';
    my ($status, $reason) = $final->{first_line} =~ m{^HTTP/\S+ (\d+) ?(.*)};
    return Webhook::Response->new(
        status      => $status // 0,
        reason      => $reason // '',
        headers     => $final->{headers},
        header_list => $final->{header_list},
        body        => $body,
        raw         => $heads . $body,
        continue    => @heads > @finals ? 1 : 0,
        timed_out   => $code == 28 || $code == -1 ? 1 : 0,
        truncated   => $code == 18 || $code == 92 ? 1 : 0,
        exit_code   => $code,
        error       => $code ? slurp("$folder/output") : '',
    );
}

1;
