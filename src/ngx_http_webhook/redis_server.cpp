#include "ngx_http_webhook/redis_server.h"

#include <span>

#include "base/text.h"
#include "ngx_http_webhook/remarks.h"

namespace webhook::ngx {
namespace {

// Null if http{} has no `resolver`.
ngx_resolver_t* find_resolver(const ngx_http_core_loc_conf_t& core) {
    const bool exists = core.resolver != nullptr && core.resolver->connections.nelts > 0;
    return exists ? core.resolver : nullptr;
}

PeerAddress address_of(const ngx_addr_t& found) {
    PeerAddress address;
    std::memcpy(&address.address, found.sockaddr, found.socklen);
    address.size = found.socklen;
    address.name = to_view(found.name);
    return address;
}

}  // namespace

void RedisServer::complete(ngx_conf_t* cf) {
    const auto& core = *static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    resolver_ = find_resolver(core);
    target.port = address.port;
    target.tls = tls.get();
    target.certified_names = {address.host};
    // As nginx completes it in servers and locations only.
    constexpr ngx_msec_t kDefaultOfNginx = 30000;
    target.resolver_timeout =
        core.resolver_timeout == NGX_CONF_UNSET_MSEC ? kDefaultOfNginx : core.resolver_timeout;
    const auto fixed = address.is_unix() ? address_of_socket(address.path)
                                         : address_in_figures(address.host, address.port);
    if (fixed) {
        target.addresses = {*fixed};
        return;
    }
    target.host = address.host;
    target.resolver = resolver_;
    find_addresses(cf);
}

void RedisServer::find_addresses(ngx_conf_t* cf) {
    ngx_url_t url{};
    url.url = copy_to_pool(cf->pool, address.host);
    url.default_port = address.port;
    if (ngx_parse_url(cf->pool, &url) == NGX_OK) {
        for (const ngx_addr_t& found : std::span(url.addrs, url.naddrs)) {
            target.addresses.push_back(address_of(found));
        }
        return;
    }
    const std::string message = "the host " + in_quotes(address.host) + " of the webhook_redis " +
                                in_quotes(name) + " is not found";
    if (target.resolver == nullptr) fail(message + ", and there is no \"resolver\"", place);
    remark(cf, NGX_LOG_WARN, message + ": the \"resolver\" is asked later,", place);
}

}  // namespace webhook::ngx
