// The only file that includes nginx's headers, and the conversions between its types and ours.
//
// The module never frees memory of an nginx pool; make_in_pool() runs an object's destructor when
// the pool is destroyed. Functions here throw std::bad_alloc if nginx returns NULL.

#pragma once

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
}

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

extern ngx_module_t ngx_http_webhook_module;

namespace webhook::ngx {

// A line of the configuration, for messages after it was read.
struct ConfigPosition {
    std::string file;
    ngx_uint_t line = 0;

    std::string text() const { return file + ":" + std::to_string(line); }
};

inline std::string_view to_view(const ngx_str_t& text) {
    return {reinterpret_cast<const char*>(text.data), text.len};
}

// Returns a view that nginx may keep while `text` lives. nginx's functions take it as mutable, but
// do not change it.
inline ngx_str_t to_ngx(std::string_view text) {
    return {text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
}

inline void* allocate(ngx_pool_t* pool, std::size_t size) {
    void* memory = ngx_palloc(pool, size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

inline ngx_str_t copy_to_pool(ngx_pool_t* pool, std::string_view text) {
    auto* data = static_cast<u_char*>(allocate(pool, text.size() + 1));
    std::memcpy(data, text.data(), text.size());
    data[text.size()] = '\0';
    return {text.size(), data};
}

template <typename Object>
void destroy_in_pool(void* object) {
    delete static_cast<Object*>(object);
}

// Makes an object that is destroyed with its pool. It is allocated outside the pool's blocks, which
// are small.
template <typename Object, typename... Arguments>
Object& make_in_pool(ngx_pool_t* pool, Arguments&&... arguments) {
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, 0);
    if (cleanup == nullptr) throw std::bad_alloc();
    auto* object = new Object(std::forward<Arguments>(arguments)...);
    cleanup->data = object;
    cleanup->handler = destroy_in_pool<Object>;
    return *object;
}

// Returns the latest object that make_in_pool() made in this pool. Null if there is none.
template <typename Object>
Object* find_in_pool(const ngx_pool_t* pool) {
    for (const ngx_pool_cleanup_t* cleanup = pool->cleanup; cleanup != nullptr;
         cleanup = cleanup->next) {
        if (cleanup->handler == destroy_in_pool<Object>) return static_cast<Object*>(cleanup->data);
    }
    return nullptr;
}

// Whether the request is in a named location, where `error_page 503 = @name` and the like pass it
// on unchanged. An `if` within the location has its name.
inline bool in_named_location(const ngx_http_request_t* request) {
    const auto* conf = static_cast<const ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(request, ngx_http_core_module));
    return conf->name.len > 0 && conf->name.data[0] == '@';
}

// nginx's cached time, in milliseconds since the epoch.
inline Milliseconds now() {
    const ngx_time_t* time = ngx_timeofday();
    return Milliseconds(static_cast<std::int64_t>(time->sec) * 1000 +
                        static_cast<std::int64_t>(time->msec));
}

}  // namespace webhook::ngx
