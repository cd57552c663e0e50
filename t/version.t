# The version is one: in the log when nginx starts, in the module's file, and in CHANGES.

use Webhook::Test;

use FindBin;

my ($version) = slurp("$FindBin::Bin/../CHANGES") =~ /^Changes with ngx_http_webhook_module (\S+)/;
ok $version, 'CHANGES names a version';

my $nginx = start_nginx(http => "server {\nlisten %%ADDR%%:8080;\n}");
is scalar(() = $nginx->error_log =~ /\[notice\] \d+#\d+: ngx_http_webhook_module\/\Q$version\E$/mg), 1, 'the log says it once';

SKIP: {
    skip 'the module is inside nginx', 1 if $ENV{WEBHOOK_MODULE} eq 'none';
    like slurp($ENV{WEBHOOK_MODULE}), qr/\0ngx_http_webhook_module\/\Q$version\E\0/, 'the file holds it';
}

finish();
