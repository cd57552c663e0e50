# The documents and schemas of the benchmark of JSON Schema: the same ones in every run.
#
# A schema is fitted to its document. Each of its keywords looks at a value of the document, and is
# satisfied; objects are described by definitions of their own, which `$ref` names.

package SchemaCases;

use v5.36;
use utf8;
no warnings 'experimental::builtin';

use builtin qw(created_as_number);
use Digest::SHA qw(sha1_hex);
use Exporter qw(import);
use JSON::PP;
use List::Util qw(all max min uniq);

our @EXPORT_OK = qw(document json_text schema);

use constant MOST_CHOICES => 4;    # of an `enum`

# Those that a schema may use of a string, if all of its values match.
my @PATTERNS = (
    '^[0-9a-f]{40}$', '^[a-z]+_[0-9A-Za-z]+$', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d', '^https://', '^[A-Z]{2,3}$',
    '^[^@ ]+@[a-z.]+$', '^[a-z][a-z_.]*$', '^refs/(heads|tags)/', '^[A-Z][A-Za-z0-9 ,.-]*$', '^[!-~]', '[^ ]$',
);

my %DOCUMENTS = (event => \&event, push => \&push_event, orders => \&orders);

sub document ($name) { return $DOCUMENTS{$name}->() }

sub json_text ($value) { return JSON::PP->new->utf8->canonical->encode($value) }

# -- documents

sub token ($prefix, $seed, $length = 24) { return $prefix . substr sha1_hex($seed), 0, $length }

# As Stripe sends them.
sub event () {
    return {
        id       => token('evt_', 'event'), object => 'event', created => 1767225600, livemode => JSON::PP::true,
        type     => 'payment_intent.succeeded', api_version => '2025-11-17', pending_webhooks => 1,
        request  => { id => token('req_', 'request', 14), idempotency_key => undef },
        data     => {
            object => {
                id     => token('pi_', 'intent'), object => 'payment_intent', amount => 4200, currency => 'eur',
                status => 'succeeded', customer => token('cus_', 'customer', 14), payment_method_types => [ 'card', 'link' ],
                receipt_email => 'jenny@example.org', description => 'Order 7193',
            },
        },
    };
}

# As GitHub sends them.
sub push_event () {
    my @commits = map { commit($_) } 1 .. 8;
    return {
        ref     => 'refs/heads/main', before => sha1_hex('before'), after => $commits[-1]{id}, base_ref => undef,
        created => JSON::PP::false, deleted => JSON::PP::false, forced => JSON::PP::false, commits => \@commits,
        compare => 'https://github.com/octo-org/octo-repo/compare/6113728f27ae...7ff4bd21a7c8', head_commit => $commits[-1],
        pusher  => { name => 'octocat', email => 'octocat@example.org' }, sender => user('octocat', 583231),
        repository => repository(),
    };
}

sub commit ($number) {
    my $id     = sha1_hex("commit $number");
    my %person = (name => 'Mona Lisa Öctocat', email => 'mona@example.org', username => 'octocat');
    return {
        id => $id, tree_id => sha1_hex("tree $number"), distinct => JSON::PP::true,
        message   => "Fix the retries of delivery $number\n\nThe timeout was taken for an answer. It is counted, now.",
        timestamp => "2026-01-0${number}T09:30:00+01:00", url => "https://github.com/octo-org/octo-repo/commit/$id",
        author    => {%person}, committer => {%person},
        added     => ["src/delivery_$number.cpp"], removed => [], modified => [ 'src/queue.cpp', "t/retries_$number.t" ],
    };
}

sub user ($login, $id) {
    my $api = "https://api.github.com/users/$login";
    return {
        login => $login, id => $id, node_id => token('U_', $login), type => 'User', site_admin => JSON::PP::false,
        url   => $api, html_url => "https://github.com/$login", followers_url => "$api/followers", repos_url => "$api/repos",
        gists_url => "$api/gists{/gist_id}", events_url => "$api/events{/privacy}", avatar_url => "https://avatars.example.org/u/$id",
    };
}

sub repository () {
    my $api   = 'https://api.github.com/repos/octo-org/octo-repo';
    my @lists = qw(assignees blobs branches collaborators comments commits compare contents contributors deployments
        downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels
        languages merges milestones notifications pulls releases stargazers statuses subscribers subscription
        tags teams trees);
    return {
        id => 186853002, node_id => token('R_', 'repository'), name => 'octo-repo', full_name => 'octo-org/octo-repo',
        private  => JSON::PP::false, fork => JSON::PP::false, archived => JSON::PP::false, owner => user('octo-org', 38302899),
        html_url => 'https://github.com/octo-org/octo-repo', description => 'Whatever octopuses need', homepage => undef,
        language => 'C++', default_branch => 'main', visibility => 'public', topics => [ 'cephalopods', 'ink', 'webhooks' ],
        size     => 4821, stargazers_count => 21, forks_count => 9, open_issues => 2, watchers => 21,
        created_at => '2019-05-15T15:19:25Z', pushed_at => '2026-01-05T08:30:00Z',
        map { ("${_}_url" => "$api/" . tr/_/-/r . '{/id}') } @lists,
    };
}

sub orders () { return [ map { order($_) } 1 .. 358 ] }

sub order ($number) {
    my @items = map { {
        sku => token('sku_', "$number/$_", 12), title => "Tea towel, striped, number $_", quantity => $_,
        price => 4.95 + $number % 10, taxed => $_ % 2 ? JSON::PP::true : JSON::PP::false,
    } } 1 .. 1 + $number % 3;
    return {
        id       => token('ord_', "order $number"), number => 100000 + $number, currency => $number % 3 ? 'EUR' : 'USD',
        created  => sprintf('2026-01-%02dT10:%02d:00Z', 1 + $number % 28, $number % 60), items => \@items, note => undef,
        customer => { id => token('cus_', "customer $number", 14), email => "customer$number\@example.org", name => 'Zoë Müller' },
        total    => 9.5 * @items, paid => JSON::PP::true, status => (qw(open packed sent))[ $number % 3 ],
        shipping => { street => "Long Street $number", city => 'Köln', postcode => 50000 + $number, country => 'DE' },
    };
}

# -- schemas

# With so many keywords; `definitions` and `$schema` do not count.
sub schema ($document, $size) {
    my $root  = node(undef, 'root', [$document]);
    my @nodes = nodes_of($root);
    my $plan  = { left => $size, definitions => {} };
    for my $ranks ([ 0, 1 ], map { [$_] } 2 .. $size) {
        for my $node (@nodes) {
            for my $rank (@$ranks) {
                next if $plan->{left} < 1 + cost_to_reach($node);
                add_keyword($plan, reach($plan, $node), $node, $rank);
            }
        }
    }
    return { '$schema' => 'http://json-schema.org/draft-07/schema#', definitions => $plan->{definitions}, %{ $root->{schema} } };
}

# A place in a document, with all values that stand there.
sub node ($parent, $name, $values) {
    my ($kind, @others) = uniq(map { kind_of($_) } @$values);
    my $node = { parent => $parent, name => $name, kind => @others ? 'number' : $kind, values => $values };
    if ($node->{kind} eq 'object') {
        my @names = sort(uniq(map { keys %$_ } @$values));
        $node->{parts} = [ map { my $member = $_; node($node, $member, [ map { $_->{$member} } @$values ]) } @names ];
    }
    my @elements = $node->{kind} eq 'array' ? map { @$_ } @$values : ();
    $node->{parts} = [ node($node, 'items', \@elements) ] if @elements;
    return $node;
}

sub kind_of ($value) {
    return 'null'    if !defined $value;
    return 'boolean' if JSON::PP::is_bool($value);
    return ref $value eq 'HASH' ? 'object' : 'array' if ref $value;
    return 'string' unless created_as_number($value);
    return $value == int $value ? 'integer' : 'number';
}

# From the root down, level by level.
sub nodes_of (@level) { return @level ? (@level, nodes_of(map { @{ $_->{parts} // [] } } @level)) : () }

# The keywords that lead to a node: `properties` or `items`, and `$ref`.
sub cost_to_reach ($node) {
    my $parent = $node->{parent};
    return 0 if $node->{schema} || !$parent;
    return cost_to_reach($parent) + ($parent->{has_parts} ? 0 : 1) + ($node->{kind} eq 'object' ? 1 : 0);
}

sub reach ($plan, $node) {
    return $node->{schema} if $node->{schema};
    $plan->{left} -= cost_to_reach($node) - ($node->{parent} ? cost_to_reach($node->{parent}) : 0);
    return $node->{schema} = {} unless my $parent = $node->{parent};
    my $outer = reach($plan, $parent);
    my $inner = my $schema = {};
    if ($node->{kind} eq 'object') {
        my $name = name_of($node);
        $plan->{definitions}{$name} = $schema;
        $inner = { '$ref' => "#/definitions/$name" };
    }
    if ($parent->{kind} eq 'array') { $outer->{items} = $inner }
    else                            { $outer->{properties}{ $node->{name} } = $inner }
    $parent->{has_parts} = 1;
    return $node->{schema} = $schema;
}

sub name_of ($node) { return $node->{parent}{parent} ? name_of($node->{parent}) . ".$node->{name}" : $node->{name} }

# The first keywords stand in the node's own schema, further ones below `allOf`.
sub add_keyword ($plan, $schema, $node, $rank) {
    my @own = keywords_of($node, 1);
    if ($rank < @own) {
        my ($keyword, $value) = @{ $own[$rank] };
        $schema->{$keyword} = $value;
        $plan->{left}--;
        return;
    }
    my $cost = $schema->{allOf} ? 1 : 2;
    return if @own == 1 || $plan->{left} < $cost;
    my (undef, @others) = keywords_of($node, $rank);
    my ($keyword, $value) = @{ $others[ $rank % @others ] };
    push @{ $schema->{allOf} }, { $keyword => $value };
    $plan->{left} -= $cost;
}

# In the order of their use. The more slack, the further away are the limits.
sub keywords_of ($node, $slack) {
    my ($kind, @values) = ($node->{kind}, @{ $node->{values} });
    my @type = [ type => $kind ];
    return @type if $kind eq 'null' || $kind eq 'boolean';
    return (@type, of_numbers($slack, @values)) if $kind eq 'number' || $kind eq 'integer';
    return (@type, of_strings($slack, @values)) if $kind eq 'string';
    return (@type, of_sizes($slack, 'Items', map { scalar @$_ } @values)) if $kind eq 'array';
    my @names = map { $_->{name} } @{ $node->{parts} };
    return (@type, [ required => \@names ], of_sizes($slack, 'Properties', scalar @names));
}

sub of_numbers ($slack, @values) {
    return ([ minimum => int(min(@values) / 2) - $slack ], [ maximum => 2 * int(max(@values)) + $slack ]);
}

sub of_strings ($slack, @values) {
    my @lengths = map { length } @values;
    my @choices = sort(uniq(@values));
    my $is_name = @choices <= MOST_CHOICES && all { /^\w+$/ && !/\d/ } @choices;
    my @fitting = grep { my $pattern = qr/$_/; all { /$pattern/ } @values } @PATTERNS;
    return (
        $is_name ? [ enum => [ @choices, "other_$slack" ] ] : (),
        @fitting ? [ pattern => $fitting[ ($slack - 1) % @fitting ] ] : (),
        [ minLength => int(min(@lengths) / (1 + $slack)) ], [ maxLength => max(@lengths) * (1 + $slack) ],
    );
}

sub of_sizes ($slack, $parts, @sizes) {
    return ([ "min$parts" => max(0, min(@sizes) - $slack) ], [ "max$parts" => max(@sizes) + $slack ]);
}

1;
