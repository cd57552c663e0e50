// What a sender is told by the pages that nginx gives for errors of a gate.

#pragma once

#include <string>
#include <vector>

#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/routes.h"

namespace webhook::ngx {

class ErrorPages {
  public:
    ErrorPages(ngx_conf_t* cf, const Routes& routes) : cf_(cf), routes_(routes) {}

    // Warns of those that lose events of the gate.
    void look_at(const Level& gate);

  private:
    void warn(const std::string& message, const Level& level);
    bool is_of_lost_event(const Level& level, ngx_int_t status) const;
    const Level* place_of_page(const Level& level, const ngx_http_err_page_t& page) const;
    bool is_handed_without_body(const Level& level, const ngx_http_err_page_t& page) const;
    bool is_answered_with_success(const Level& level, const ngx_http_err_page_t& page) const;
    std::string taker_of(const Level& level, const ngx_http_err_page_t& page) const;
    void warn_of_success(const Level& level, const std::string& taker,
                         const std::vector<std::string>& statuses);

    ngx_conf_t* cf_;
    const Routes& routes_;
};

}  // namespace webhook::ngx
