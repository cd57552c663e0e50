#include "store/holders.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "base/text.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

struct Holder {
    pid_t id;
    pid_t parent;
    // Its title, set by nginx.
    std::string title;
};

using Holders = std::vector<Holder>;

std::string content_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// A process that only reads the file, such as a backup, holds no lock.
bool has_lock(const fs::path& process, const struct stat& wanted) {
    std::error_code error;
    for (fs::directory_iterator each(process / "fd", error), end; !error && each != end;
         each.increment(error)) {
        struct stat found {};
        if (stat(each->path().c_str(), &found) != 0 || !same_file(found, wanted)) continue;
        const std::string info = content_of(process / "fdinfo" / each->path().filename());
        if (info.find("\nlock:") != std::string::npos) return true;
    }
    return false;
}

// Reads the field after the name, which may hold any text, and the state.
pid_t parent_of(const fs::path& process) {
    const std::string status = content_of(process / "stat");
    const std::size_t parent = status.rfind(')') + std::string_view(") S ").size();
    if (parent >= status.size()) return 0;
    const std::string_view rest = std::string_view(status).substr(parent);
    return static_cast<pid_t>(parse_digits(rest.substr(0, rest.find(' '))).value_or(0));
}

Holders holders_of(const Descriptor& file) {
    const struct stat wanted = file.status();
    Holders holders;
    std::error_code error;
    for (fs::directory_iterator each("/proc", error), end; !error && each != end;
         each.increment(error)) {
        const auto id = parse_digits(each->path().filename().string());
        if (!id || *id == getpid() || !has_lock(each->path(), wanted)) continue;
        holders.push_back({static_cast<pid_t>(*id), parent_of(each->path()),
                           content_of(each->path() / "cmdline")});
    }
    return holders;
}

bool is_among(const Holders& holders, pid_t id) {
    return std::ranges::find(holders, id, &Holder::id) != holders.end();
}

bool is_kin(const Holders& holders, const Holder& holder, Origin origin) {
    if (holder.parent == getpid()) return true;
    const bool is_upgrade = origin == Origin::upgrade && is_among(holders, getppid());
    return is_upgrade && (holder.id == getppid() || holder.parent == getppid());
}

bool is_worker(const Holder& holder) {
    return holder.title.starts_with("nginx: ") && !holder.title.starts_with("nginx: master");
}

bool shuts_down(const Holder& holder) {
    return is_worker(holder) && holder.title.find("is shutting down") != std::string::npos;
}

// Whether a master is waiting for its workers to exit, and all of them are exiting.
bool ends(const Holders& holders, pid_t master) {
    const auto is_child = [master](const Holder& each) { return each.parent == master; };
    return std::ranges::any_of(holders, is_child) &&
           std::ranges::all_of(
               holders, [&](const Holder& each) { return !is_child(each) || shuts_down(each); });
}

// Returns the process to name.
std::optional<pid_t> stranger_among(const Holders& holders, Origin origin) {
    for (const Holder& holder : holders) {
        if (is_kin(holders, holder, origin) || shuts_down(holder)) continue;
        const bool has_master = is_among(holders, holder.parent);
        if (is_worker(holder) && !has_master) continue;
        const pid_t master = is_worker(holder) ? holder.parent : holder.id;
        if (!ends(holders, master)) return master;
    }
    return std::nullopt;
}

}  // namespace

std::string stranger_with(const Descriptor& file, Origin origin) {
    const Holders holders = holders_of(file);
    if (const auto master = stranger_among(holders, origin)) {
        return "another nginx (pid " + std::to_string(*master) + ")";
    }
    // The holders may run in another container. In an upgrade, they are taken for the
    // nginx that is upgraded.
    const bool unseen = holders.empty() && origin == Origin::fresh;
    return unseen ? "another nginx that cannot be seen from here" : "";
}

}  // namespace webhook
