// What the unit tests need that are about several processes, or about files.

#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"

namespace webhook::testing {

// Tells others that something has happened; also in other processes, since nothing is copied.
class Signal {
  public:
    Signal() {
        if (pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    }
    ~Signal() {
        close(ends_[0]);
        close(ends_[1]);
    }
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void give() const {
        if (write(ends_[1], "!", 1) != 1) throw std::runtime_error("cannot write to a pipe");
    }
    void await() const {
        char byte = 0;
        if (read(ends_[0], &byte, 1) != 1) throw std::runtime_error("cannot read from a pipe");
    }

  private:
    std::array<int, 2> ends_{};
};

// Another process, which does something and ends. It does not outlive this.
class Child {
  public:
    // Ends with the status 0 where `succeeds` returns true.
    explicit Child(const std::function<bool()>& succeeds) : process_(fork()) {
        if (process_ < 0) throw std::runtime_error("cannot fork");
        if (process_ > 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(status_of(succeeds));
    }
    ~Child() {
        if (process_ > 0) kill_now();
    }
    Child(Child&& other) noexcept : process_(std::exchange(other.process_, 0)) {}
    Child& operator=(Child&& other) noexcept {
        std::swap(process_, other.process_);
        return *this;
    }

    pid_t process() const { return process_; }
    void kill_now() {
        kill(process_, SIGKILL);
        wait();
    }
    bool succeeded() { return wait() == 0; }
    bool was_killed() {
        const int status = wait();
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    // Whether it has ended: with its status.
    bool has_ended(int& status) {
        if (waitpid(process_, &status, WNOHANG) != process_) return false;
        process_ = 0;
        return true;
    }

  private:
    static int status_of(const std::function<bool()>& succeeds) {
        try {
            return succeeds() ? 0 : 1;
        } catch (const std::exception&) {
            return 2;
        }
    }
    int wait() {
        int status = 0;
        if (waitpid(std::exchange(process_, 0), &status, 0) < 0) {
            throw std::runtime_error("a process is gone");
        }
        return status;
    }

    pid_t process_;
};

// A folder for one test, removed with all that is in it.
class Folder {
  public:
    Folder() {
        std::string path = std::filesystem::temp_directory_path() / "webhook-unit-XXXXXX";
        if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = path;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path() const { return path_; }
    std::string file(const std::string& name) const { return path_ / name; }
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(path_)) {
            found.push_back(entry.path().filename());
        }
        return found;
    }

  private:
    std::filesystem::path path_;
};

inline std::string content_of(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline void write_content(const std::string& path, const std::string& content) {
    std::ofstream stream(path, std::ios::binary | std::ios::trunc);
    stream << content;
    stream.close();
    if (!stream || chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) {
        throw std::runtime_error("cannot write " + path);
    }
}

inline Descriptor open_existing(const std::string& path) {
    Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (file.get() < 0) throw std::runtime_error("cannot open " + path);
    return file;
}

// A new file of zeros.
inline Descriptor file_of_zeros(const std::string& path, std::size_t size) {
    write_content(path, std::string(size, '\0'));
    return open_existing(path);
}

}  // namespace webhook::testing
