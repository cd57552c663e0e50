#include "jsonschema/references.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "base/errors.h"
#include "base/text.h"
#include "jsonschema/uri.h"

namespace webhook {
namespace {

// Files have no URI of their own; within this one, references between them resolve as others do.
constexpr std::string_view kFileUri = "schema-file:/";

struct DraftRow {
    std::string_view uri;
    Draft draft;
};

// Without the scheme, and without an empty fragment.
constexpr DraftRow kDrafts[] = {
    {"://json-schema.org/draft/2020-12/schema", Draft::draft2020},
    {"://json-schema.org/draft-07/schema", Draft::draft7},
};

std::optional<Draft> find_draft(std::string_view uri) {
    for (const std::string_view scheme : {"http", "https"}) {
        if (!uri.starts_with(scheme)) continue;
        std::string_view rest = uri.substr(scheme.size());
        if (rest.ends_with('#')) rest.remove_suffix(1);
        for (const DraftRow& row : kDrafts) {
            if (rest == row.uri) return row.draft;
        }
    }
    return std::nullopt;
}

std::string unescaped_step(std::string_view step) {
    std::string text;
    for (std::size_t at = 0; at < step.size(); ++at) {
        if (step[at] == '~' && at + 1 < step.size() &&
            (step[at + 1] == '0' || step[at + 1] == '1')) {
            text += step[++at] == '0' ? '~' : '/';
        } else {
            text += step[at];
        }
    }
    return text;
}

// Of the names that are there.
std::string_view meant_by(std::string_view step, const std::vector<std::string_view>& names) {
    // The names by which drafts 7 and 2020-12 call the same.
    const std::string_view defs = name_of(Keyword::defs);
    const std::string_view definitions = name_of(Keyword::definitions);
    for (const auto& [wrong, right] :
         {std::pair(defs, definitions), std::pair(definitions, defs)}) {
        if (step == wrong && std::ranges::find(names, right) != names.end()) return right;
    }
    return nearest(step, names);
}

std::string not_there(std::string_view step, const std::string& at, const JsonValue& value) {
    std::vector<std::string_view> names;
    for (const JsonMember member : value.members()) names.push_back(member.name);
    std::string text = at.empty() ? "the schema" : excerpt_in_quotes(at);
    text += " has no " + excerpt_in_quotes(step);
    const std::string_view similar = meant_by(step, names);
    if (!similar.empty()) text += "; did you mean " + excerpt_in_quotes(similar) + "?";
    return text;
}

std::string uri_of_file(const std::string& name) {
    return std::string(kFileUri) + name;
}

std::string_view text_or_empty(const std::optional<JsonValue>& value) {
    return value ? value->string().value_or(std::string_view()) : std::string_view();
}

// The one that is nearer to the unknown one first: drafts 4 and 6 are as draft 7 is.
std::string known_drafts(std::string_view unknown) {
    const std::string latest = "\"https://json-schema.org/draft/2020-12/schema\"";
    const std::string old = "\"http://json-schema.org/draft-07/schema#\"";
    const bool is_old = unknown.find("draft-0") != std::string_view::npos;
    return is_old ? old + " or " + latest : latest + " or " + old;
}

// Where a reference that leads to no file may have been meant to lead: to one of the definitions.
std::string meant_definition(const JsonValue& root, std::string_view reference) {
    for (const Keyword keyword : {Keyword::defs, Keyword::definitions}) {
        const std::string name(name_of(keyword));
        const auto definitions = find_member(root, name);
        const bool is_path = reference.starts_with(name + "/");
        const std::string_view wanted = is_path ? reference.substr(name.size() + 1) : reference;
        if (!definitions || !find_member(*definitions, wanted)) continue;
        return "; did you mean " + excerpt_in_quotes("#" + pointer_to("/" + name, wanted)) + "?";
    }
    return {};
}

bool is_anchor_name(std::string_view name) {
    const bool begins = !name.empty() && (is_letter(name[0]) || name[0] == '_');
    return begins && consists_of(name, "-_.");
}

}  // namespace

SchemaReferences::SchemaReferences(const std::string& path, SchemaFiles& files)
    : files_(files), directory_(path.substr(0, path.rfind('/') + 1)) {
    add_file(path.substr(directory_.size()), files.read(path), Draft::draft2020);
    load_referenced();
}

std::uint32_t SchemaReferences::place_at(const SchemaPlace& neighbour,
                                         const std::string& pointer) const {
    return by_pointer_[neighbour.source].at(pointer);
}

std::uint32_t SchemaReferences::add_file(const std::string& name, std::string text, Draft draft) {
    const std::string path = directory_ + name;
    if (sources_.size() == kMostSchemaFiles) {
        throw_schema_error(path, "",
                           "is one file more than the " + std::to_string(kMostSchemaFiles) +
                               " that a schema may have");
    }
    sources_.push_back(read_schema(path, name, std::move(text)));
    by_pointer_.emplace_back();
    const auto source = static_cast<std::uint32_t>(sources_.size() - 1);
    const std::uint32_t resource =
        add_resource(uri_of_file(name), draft, static_cast<std::uint32_t>(places_.size()));
    by_uri_.emplace(resources_.back().uri, resource);
    scan(source, resource, "", *sources_.back()->root);
    return resource;
}

std::uint32_t SchemaReferences::add_resource(std::string uri, Draft draft, std::uint32_t root) {
    resources_.push_back({std::move(uri), draft, {}, {}});
    roots_.push_back(root);
    return static_cast<std::uint32_t>(resources_.size() - 1);
}

std::uint32_t SchemaReferences::scan(std::uint32_t source, std::uint32_t resource,
                                     std::string pointer, JsonValue value) {
    const auto index = static_cast<std::uint32_t>(places_.size());
    const auto [known, is_new] = by_pointer_[source].emplace(pointer, index);
    if (!is_new) return known->second;
    if (index == kMostSubschemas) {
        throw_schema_error(sources_[source]->path, pointer,
                           "is one subschema more than the " + std::to_string(kMostSubschemas) +
                               " that a schema may have");
    }
    places_.push_back({source, resource, std::move(pointer), value});
    if (value.kind() != JsonKind::object) return index;
    SchemaPlace place = places_.back();
    identify(place);
    places_[index] = place;
    note_anchors(place);
    scan_keywords(place);
    return index;
}

void SchemaReferences::scan_keywords(const SchemaPlace& place) {
    for (const JsonMember member : place.value.members()) {
        const KeywordRow* row = find_keyword(member.name);
        if (row == nullptr || !row->is_in(draft(place))) continue;
        has_unevaluated_ |= row->keyword == Keyword::unevaluated_properties ||
                            row->keyword == Keyword::unevaluated_items;
        scan_value(place, *row, member.value);
    }
}

// Values of the wrong kind are for the compiler to complain about.
void SchemaReferences::scan_value(const SchemaPlace& place, const KeywordRow& row,
                                  const JsonValue& value) {
    const std::string pointer = pointer_to(place.pointer, row.name);
    switch (row.takes) {
        case Takes::schema:
            scan(place.source, place.resource, pointer, value);
            break;
        case Takes::schemas:
        case Takes::named_schemas:
            scan_all(place, pointer, value);
            break;
        case Takes::schema_or_schemas:
            if (value.kind() != JsonKind::array) {
                scan(place.source, place.resource, pointer, value);
            } else {
                scan_all(place, pointer, value);
            }
            break;
        case Takes::schemas_or_names:
            for (const JsonMember member : value.members()) {
                if (member.value.kind() == JsonKind::array) continue;
                scan(place.source, place.resource, pointer_to(pointer, member.name), member.value);
            }
            break;
        default:
            break;
    }
}

void SchemaReferences::scan_all(const SchemaPlace& place, const std::string& pointer,
                                const JsonValue& value) {
    std::size_t index = 0;
    for (const JsonValue element : value.elements()) {
        scan(place.source, place.resource, pointer_to(pointer, index++), element);
    }
    for (const JsonMember member : value.members()) {
        scan(place.source, place.resource, pointer_to(pointer, member.name), member.value);
    }
}

void SchemaReferences::identify(SchemaPlace& place) {
    const auto id = find_member(place.value, name_of(Keyword::id));
    note_draft(place, id);
    if (!id) return;
    if (id->kind() != JsonKind::string) {
        fail(place, Keyword::id,
             "must be a string, not " + std::string(kind_with_article(id->kind())));
    }
    // In draft 7, nothing beside `$ref` has a meaning.
    const bool is_hidden = draft(place) == Draft::draft7 &&
                           find_member(place.value, name_of(Keyword::ref)).has_value();
    if (!is_hidden) note_id(place, *id->string());
}

void SchemaReferences::note_draft(SchemaPlace& place, std::optional<JsonValue> id) {
    const auto schema = find_member(place.value, name_of(Keyword::schema));
    if (!schema) return;
    const auto found = find_draft(text_or_empty(schema));
    if (!found) {
        fail(place, Keyword::schema,
             (schema->string() ? excerpt_in_quotes(*schema->string()) + " is not supported"
                               : std::string("must be a string")) +
                 ": it may be " + known_drafts(text_or_empty(schema)));
    }
    if (*found == draft(place)) return;
    if (place.pointer.empty()) {
        resources_[place.resource].draft = *found;
        return;
    }
    if (!id)
        fail(place, Keyword::schema, "another draft than the file's needs an \"$id\" beside it");
    // note_id() makes the resource its own.
    place.resource =
        add_resource(resources_[place.resource].uri, *found, place_at(place, place.pointer));
}

void SchemaReferences::note_id(SchemaPlace& place, std::string_view id) {
    const auto fragment = fragment_of(id);
    const bool has_name = fragment && !fragment->empty();
    if (has_name && draft(place) == Draft::draft2020) {
        fail(place, Keyword::id,
             "must have no fragment, but is " + excerpt_in_quotes(id) +
                 "; \"$anchor\" names a place");
    }
    if (const auto uri = without_fragment(id); !uri.empty()) {
        const std::uint32_t own = place_at(place, place.pointer);
        const std::string base = resources_[place.resource].uri;
        if (roots_[place.resource] != own) {
            place.resource = add_resource(base, draft(place), own);
        }
        note_uri(place, resolve_uri(base, uri));
    }
    if (has_name) note_anchor(place, Keyword::id, *fragment);
}

void SchemaReferences::note_uri(const SchemaPlace& place, std::string uri) {
    resources_[place.resource].uri = uri;
    const auto [known, is_new] = by_uri_.emplace(std::move(uri), place.resource);
    if (is_new || known->second == place.resource) return;
    const SchemaPlace& other = places_[roots_[known->second]];
    fail(place, Keyword::id,
         "names another schema already: that of " + in_quotes(source(other).path) +
             (other.pointer.empty() ? "" : " at " + excerpt_in_quotes(other.pointer)));
}

void SchemaReferences::note_anchors(const SchemaPlace& place) {
    if (draft(place) == Draft::draft7) return;
    for (const Keyword keyword : {Keyword::anchor, Keyword::dynamic_anchor}) {
        const auto name = find_member(place.value, name_of(keyword));
        if (!name) continue;
        if (!is_anchor_name(text_or_empty(name))) {
            fail(place, keyword,
                 "must be a name that begins with a letter, and has letters, digits, \"-\", \"_\" "
                 "and \".\" only");
        }
        note_anchor(place, keyword, *name->string());
    }
}

void SchemaReferences::note_anchor(const SchemaPlace& place, Keyword keyword,
                                   std::string_view name) {
    SchemaResource& resource = resources_[place.resource];
    const std::uint32_t own = place_at(place, place.pointer);
    const auto [known, is_new] = resource.anchors.emplace(name, own);
    if (!is_new && known->second != own) {
        fail(place, keyword,
             excerpt_in_quotes(name) + " is the name of " +
                 excerpt_in_quotes(places_[known->second].pointer) + " already");
    }
    if (keyword == Keyword::dynamic_anchor) resource.dynamic_anchors.emplace(name, own);
}

void SchemaReferences::load_referenced() {
    for (std::size_t index = 0; index < places_.size(); ++index) {
        for (const Keyword keyword : {Keyword::ref, Keyword::dynamic_ref}) {
            const SchemaPlace place = places_[index];
            const auto reference = find_member(place.value, name_of(keyword));
            if (reference && reference->string()) find_resource(place, *reference->string());
        }
    }
}

std::optional<std::uint32_t> SchemaReferences::find_resource(const SchemaPlace& from,
                                                             std::string_view reference) {
    if (without_fragment(reference).empty()) return from.resource;
    const std::string_view path = without_fragment(reference);
    const std::string base = resources_[from.resource].uri;
    // Whether a file has been read already makes no difference.
    const auto known = by_uri_.find(resolve_uri(base, reference));
    const bool is_known = known != by_uri_.end();
    if (is_known && !(is_file(known->second) && climbs(path))) return known->second;
    if (base.starts_with(kFileUri)) {
        if (const auto file = find_file(base, path)) return file;
    }
    // An `$id` may make a name of a file's that no file has.
    return find_file(uri_of_file(source(from).name), path);
}

// Whether it has no name but its file's.
bool SchemaReferences::is_file(std::uint32_t resource) const {
    const SchemaPlace& root = places_[roots_[resource]];
    return root.pointer.empty() && resources_[resource].uri == uri_of_file(source(root).name);
}

// The reference as the name of a file, relative to the URI of one.
std::optional<std::uint32_t> SchemaReferences::find_file(const std::string& base,
                                                         std::string_view reference) {
    const bool is_relative = !is_absolute_uri(reference) && !reference.starts_with('/') &&
                             reference.find('?') == std::string_view::npos;
    const auto path = is_relative ? percent_decoded(reference) : std::nullopt;
    if (!path || climbs(*path) || has_control_character(*path)) return std::nullopt;
    const std::string uri = resolve_uri(base, *path);
    if (const auto known = by_uri_.find(uri); known != by_uri_.end()) return known->second;
    if (unreadable_.contains(uri)) return std::nullopt;
    const std::string name = uri.substr(kFileUri.size());
    std::string text;
    try {
        text = files_.read(directory_ + name);
    } catch (const ConfigError& error) {
        unreadable_.emplace(uri, error.what());
        return std::nullopt;
    }
    return add_file(name, std::move(text), resources_.front().draft);
}

std::uint32_t SchemaReferences::resolve(const SchemaPlace& from, Keyword keyword,
                                        std::string_view reference) {
    const auto resource = find_resource(from, reference);
    if (!resource) fail_unknown(from, keyword, reference);
    const auto fragment = percent_decoded(fragment_of(reference).value_or(""));
    if (!fragment)
        fail(from, keyword, excerpt_in_quotes(reference) + " has a % that encodes no byte");
    if (fragment->empty()) return roots_[*resource];
    if (fragment->starts_with('/'))
        return follow_pointer(from, keyword, reference, *resource, *fragment);
    const auto& anchors = resources_[*resource].anchors;
    if (const auto anchor = anchors.find(*fragment); anchor != anchors.end()) return anchor->second;
    std::vector<std::string_view> names;
    for (const auto& [name, place] : anchors) names.emplace_back(name);
    const std::string_view similar = nearest(*fragment, names);
    fail(from, keyword,
         excerpt_in_quotes(reference) + " leads nowhere: no \"$anchor\" is named " +
             excerpt_in_quotes(*fragment) +
             (similar.empty() ? "" : "; did you mean " + excerpt_in_quotes(similar) + "?"));
}

std::uint32_t SchemaReferences::follow_pointer(const SchemaPlace& from, Keyword keyword,
                                               std::string_view reference, std::uint32_t resource,
                                               std::string_view pointer) {
    SchemaPlace at = places_[roots_[resource]];
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        const std::string step = unescaped_step(pointer.substr(0, end));
        pointer.remove_prefix(end);
        const auto child = find_child(at.value, step);
        if (!child) {
            fail(from, keyword,
                 excerpt_in_quotes(reference) +
                     " leads nowhere: " + not_there(step, at.pointer, at.value));
        }
        at.pointer = pointer_to(at.pointer, step);
        at.value = *child;
        const auto& known = by_pointer_[at.source];
        if (const auto place = known.find(at.pointer); place != known.end()) {
            at.resource = places_[place->second].resource;
        }
    }
    return scan(at.source, at.resource, at.pointer, at.value);
}

void SchemaReferences::fail(const SchemaPlace& place, Keyword keyword,
                            std::string_view message) const {
    throw_schema_error(source(place).path, pointer_to(place.pointer, name_of(keyword)), message);
}

void SchemaReferences::fail_unknown(const SchemaPlace& from, Keyword keyword,
                                    std::string_view reference) const {
    const std::string_view path = without_fragment(reference);
    if (climbs(path)) {
        fail(from, keyword,
             excerpt_in_quotes(path) +
                 " must not have \"..\" in it: a reference to a file stays below the "
                 "directory of the one that it stands in");
    }
    const std::string uri = resolve_uri(uri_of_file(source(from).name), path);
    if (const auto reason = unreadable_.find(uri); reason != unreadable_.end()) {
        // It names the file, which may have a long name, and ends with what is wrong.
        constexpr std::size_t kLongestReason = 400;
        fail(from, keyword,
             excerpt_in_quotes(path) +
                 " leads nowhere: " + shortened(reason->second, kLongestReason) +
                 meant_definition(places_[roots_[from.resource]].value, path));
    }
    fail(from, keyword,
         excerpt_in_quotes(path) +
             " is the \"$id\" of no schema here, and nothing is fetched: a reference "
             "may name a file below the schema's directory, such as "
             "\"common.json#/$defs/id\"");
}

}  // namespace webhook
