#!/usr/bin/perl

# Sends signed deliveries through a real nginx with examples/demo.conf, and shows what became of each.
# With --keep, nginx and the backend stay.

use v5.36;

use FindBin qw($Bin);
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use MIME::Base64 qw(encode_base64);
use POSIX qw(WNOHANG);
use Webhook::Connection;
use Webhook::Message;
use Webhook::Process qw(poll_until);
use Webhook::Sandbox qw(directory remove_directory slurp write_file);
use Webhook::Sign qw(github_headers standard_headers stripe_headers unique_id);

use constant HOST     => '127.0.0.1';
use constant STRANGER => '127.0.0.2';
use constant PATIENCE => 10;

my $keep   = grep { $_ eq '--keep' } @ARGV;
my $binary = $ENV{WEBHOOK_NGINX}  // '/usr/sbin/nginx';
my $module = $ENV{WEBHOOK_MODULE} // "$Bin/../build/ngx_http_webhook_module.so";

my $folder      = directory();
my $backend_log = "$folder/backend.log";
my $outage      = "$folder/backend-fails";

my $owner = $$;
my %started;
my $stays;

$| = 1;
# So that Ctrl-C, too, runs the END block.
@SIG{qw(INT TERM HUP)} = (sub { exit 130 }) x 3;
$SIG{PIPE} = 'IGNORE';

END {
    if ($$ == $owner && !$stays) {
        my $code = $?;
        stop($_) for keys %started;
        remove_directory();
        $? = $code;
    }
}

exit main();

sub main () {
    my %secret = (
        github   => random_text(20),
        stripe   => 'whsec_' . random_text(24),
        standard => 'whsec_' . encode_base64(random_bytes(24), ''),
    );
    write_file("webhook/$_.key", "$secret{$_}\n", 0600) for keys %secret;
    write_file('webhook/github-meta.json', slurp("$Bin/demo/github-meta.json"));

    my ($backend, $backend_port) = start_backend();
    my $port  = free_port();
    my $nginx = start_nginx($port, $backend_port);

    say "\nnginx with examples/demo.conf listens on ", HOST, ":$port; a backend stands behind it.\n";
    my ($wrong, $total) = show(HOST, $port, deliveries(%secret));
    if ($wrong) {
        say "\n$wrong of $total answers are not as expected.";
        print "\nnginx's error log:\n", slurp("$folder/error.log");
        return 1;
    }
    say "\nAll $total answers are as expected.";
    leave_running($port, $secret{github}, $nginx, $backend) if $keep;
    return 0;
}

# -- what is sent, and what has to come back

sub deliveries (%secret) {
    my $push    = encode_json({ ref => 'refs/heads/main', after => random_text(20) });
    my $payment = encode_json({ id => unique_id('evt'), type => 'payment_intent.succeeded' });
    my $message = encode_json({ type => 'response.completed', data => { id => random_text(8) } });

    my @push     = github_headers($secret{github}, $push);
    my @replay   = github_headers($secret{github}, $push);
    my @unsigned = github_headers($secret{github}, $push, override => { 'X-Hub-Signature-256' => undef });
    my @payment  = stripe_headers($secret{stripe}, $payment);
    my @retried  = stripe_headers($secret{stripe}, $payment, timestamp => time - 2);
    my @forged   = stripe_headers('whsec_' . random_text(24), $payment);
    my @stale    = stripe_headers($secret{stripe}, $payment, timestamp => time - 3600);
    my @message  = standard_headers($secret{standard}, $message);
    my @other_id = standard_headers($secret{standard}, $message, override => { 'webhook-id' => 'msg-other' });

    my $github   = { sender => 'GitHub',            uri => '/hooks/github',   body => $push };
    my $stripe   = { sender => 'Stripe',            uri => '/hooks/stripe',   body => $payment };
    my $standard = { sender => 'Standard Webhooks', uri => '/hooks/standard', body => $message };

    return (
        row($github, 'a signed push',                        \@push,     200, '',                  1),
        row($github, 'the same, sent again',                 \@push,     200, 'duplicate',         0),
        row($github, 'the same, replayed under another id',  \@replay,   200, 'duplicate',         0),
        row($github, 'one byte of its body added',           \@push,     401, 'bad_signature',     0, body => "$push "),
        row($github, 'without a signature',                  \@unsigned, 401, 'missing_signature', 0),
        row($github, 'from an address that is not GitHub\'s', \@push,    403, 'ip_denied',         0, from => STRANGER),

        row($stripe, 'a signed payment',                     \@payment,  200, '',                  1),
        row($stripe, 'the same event, signed anew',          \@retried,  200, 'duplicate',         0),
        row($stripe, 'signed with another secret',           \@forged,   401, 'bad_signature',     0),
        row($stripe, 'signed an hour ago',                   \@stale,    401, 'stale_timestamp',   0),
        row($stripe, 'without a signature',                  [],         401, 'missing_signature', 0),

        row($standard, 'a signed message; the backend fails', \@message, 503, '',                  1, outage => 1),
        row($standard, 'the same, sent again; it works',     \@message,  200, '',                  1),
        row($standard, 'the same, once more',                \@message,  200, 'duplicate',         0),
        row($standard, 'under an id that was not signed',    \@other_id, 401, 'bad_signature',     0),
    );
}

sub row ($sender, $what, $headers, $status, $reason, $seen, %more) {
    return {
        %$sender,
        what     => $what,
        headers  => [ 'Content-Type' => 'application/json', @$headers ],
        expected => { status => $status, reason => $reason, seen => $seen },
        %more,
    };
}

# Prints a line for each; returns how many were not as expected, and of how many.
sub show ($host, $port, @rows) {
    my $line = "  %-17s  %-37s  %6s  %-17s  %s\n";
    printf $line, 'sender', 'delivery', 'status', 'Webhook-Reason', 'backend';
    my ($wrong, $before) = (0, '');
    for my $row (@rows) {
        print "\n" if $row->{sender} ne $before;
        my $got  = deliver($host, $port, $row);
        my $want = $row->{expected};
        my $fits = $got->{status} == $want->{status} && $got->{reason} eq $want->{reason} && $got->{seen} == $want->{seen};
        printf $line, $row->{sender} eq $before ? '' : $row->{sender}, $row->{what}, $got->{status},
            $got->{reason} || '-', seen_text($got->{seen});
        printf $line, '', '^ expected', $want->{status}, $want->{reason} || '-', seen_text($want->{seen}) unless $fits;
        $wrong++ unless $fits;
        $before = $row->{sender};
    }
    return ($wrong, scalar @rows);
}

sub seen_text ($seen) { return $seen ? 'got it' : '-' }

sub deliver ($host, $port, $row) {
    write_file($outage, '') if $row->{outage};
    my $seen     = seen_by_backend();
    my $response = Webhook::Connection->open(host => $host, port => $port, from => $row->{from})
        ->request(uri => $row->{uri}, headers => $row->{headers}, body => $row->{body});
    unlink $outage;
    return {
        status => $response->{status},
        reason => $response->header('Webhook-Reason') // '',
        seen   => seen_by_backend() - $seen,
    };
}

sub seen_by_backend () { return slurp($backend_log) =~ tr/\n// }

# -- what is started

sub start_nginx ($port, $backend_port) {
    -e $module or die "$module is not there: build it first\n";
    -x $binary or die "$binary is not there: install nginx\n";
    my $config = moved(slurp("$Bin/demo.conf"),
        'modules/ngx_http_webhook_module.so' => $module,
        '/etc/nginx/webhook'                 => "$folder/webhook",
        '/var/log/nginx'                     => $folder,
        'server 127.0.0.1:9000;'             => 'server ' . HOST . ":$backend_port;",
        'listen 8080;'                       => 'listen ' . HOST . ":$port;",
        'http {'                             => join("\n    ", 'http {', temporary_paths()),
    );
    write_file('nginx.conf', $config);
    my $nginx = spawn("$folder/nginx.out", sub {
        exec { $binary } $binary, '-p', $folder, '-e', "$folder/error.log", '-c', "$folder/nginx.conf",
            '-g', "daemon off; pid $folder/nginx.pid; error_log $folder/error.log;"
            or die "$binary: $!";
    });
    my $answers = sub {
        return ended($nginx) || IO::Socket::INET->new(PeerAddr => HOST, PeerPort => $port);
    };
    poll_until($answers, PATIENCE) && $started{$nginx}
        or die "nginx did not start:\n", -e "$folder/error.log" ? slurp("$folder/error.log") : slurp("$folder/nginx.out");
    return $nginx;
}

# Nothing in demo.conf may be forgotten here, or nginx's own files would be touched.
sub moved ($config, %places) {
    for my $place (keys %places) {
        $config =~ s/\Q$place\E/$places{$place}/g or die "demo.conf has no \"$place\"\n";
    }
    return $config;
}

sub temporary_paths () {
    return map { "${_}_temp_path $folder/temp_$_;" } qw(client_body proxy fastcgi uwsgi scgi);
}

# A backend that takes everything, and writes a line for each request. It listens when this returns.
sub start_backend () {
    write_file($backend_log, '');
    my $listener = IO::Socket::INET->new(LocalAddr => HOST, Listen => 64) or die "the backend cannot listen: $@\n";
    my $backend  = spawn("$folder/backend.out", sub {
        $0 = 'webhook demo backend';
        serve($listener);
    });
    return ($backend, $listener->sockport);
}

sub serve ($listener) {
    while (1) {
        my $socket  = $listener->accept or next;
        my $message = Webhook::Message->new(role => 'request');
        while (!$message->complete && sysread $socket, my $bytes, 65_536) { $message->feed($bytes) }
        next unless $message->complete;
        open my $log, '>>', $backend_log or die "$backend_log: $!";
        say {$log} "$message->{head}{first_line}  $message->{body}" =~ s/\s*\n\s*/ /gr;
        close $log;
        my ($status, $text) = -e $outage ? ('503 Service Unavailable', "out of order\n") : ('200 OK', "thank you\n");
        syswrite $socket, "HTTP/1.1 $status\r\nContent-Length: " . length($text) . "\r\nConnection: close\r\n\r\n$text";
    }
}

# In a session of its own, so that Ctrl-C reaches only this script, and --keep can leave it behind.
sub spawn ($output, $code) {
    my $child = fork // die "fork: $!\n";
    if ($child) {
        $started{$child} = 1;
        return $child;
    }
    delete @SIG{qw(INT TERM HUP)};
    eval {
        POSIX::setsid();
        open STDIN,  '<',   '/dev/null' or die "/dev/null: $!\n";
        open STDOUT, '>',   $output     or die "$output: $!\n";
        open STDERR, '>&=', \*STDOUT    or die "stderr: $!\n";
        $code->();
    };
    print STDERR $@;
    POSIX::_exit(1);
}

sub ended ($process) {
    return 1 unless $started{$process};
    return '' unless waitpid $process, WNOHANG;
    delete $started{$process};
    return 1;
}

sub stop ($process) {
    for my $signal (qw(TERM KILL)) {
        kill $signal, $process;
        return if poll_until(sub { ended($process) }, 3);
    }
}

sub free_port () {
    my $socket = IO::Socket::INET->new(LocalAddr => HOST, Listen => 1) or die "no free port: $@\n";
    return $socket->sockport;
}

sub random_bytes ($count) {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read($random, my $bytes, $count) == $count or die "/dev/urandom: $!\n";
    return $bytes;
}

sub random_text ($bytes) { return unpack 'H*', random_bytes($bytes) }

# -- --keep

sub leave_running ($port, $secret, @processes) {
    $stays = 1;
    my $host = HOST;
    say <<"TEXT";

nginx and the backend go on. A delivery of your own:

body='{"ref":"refs/heads/main"}'; curl -i http://$host:$port/hooks/github -H 'Content-Type: application/json' -H 'X-GitHub-Event: push' -H "X-GitHub-Delivery: \$(date +%s%N)" -H "X-Hub-Signature-256: sha256=\$(printf %s "\$body" | openssl dgst -sha256 -hmac $secret -r | cut -d' ' -f1)" -d "\$body"

Send it twice, then change the body, or the signature only.

  nginx's verdicts         tail -f $folder/webhook.log
  what the backend got     tail -f $backend_log
  let the backend fail     touch $outage   (rm: it works again)
  stop, and clean up       kill @processes; rm -rf $folder
TEXT
}
