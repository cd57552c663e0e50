// Checks the error pages that a sender gets for errors of a gate.

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/routes.h"

namespace webhook::ngx {

class ErrorPages {
  public:
    ErrorPages(ngx_conf_t* cf, const Routes& routes) : cf_(cf), routes_(routes) {}

    // Warns of pages that lose events of the gate.
    void look_at(const Level& gate);

  private:
    // Statuses, by the target of their `error_page`.
    using Statuses = std::map<std::string, std::vector<std::string>>;

    void warn(const std::string& message, const Level& gate);
    bool is_of_failure(const Level& level, ngx_int_t status) const;
    bool is_of_gate(const Level& level, ngx_int_t status) const;
    const Level* place_of_page(const Level& level, const ngx_http_err_page_t& page) const;
    bool is_refused_again(const Level& level, const ngx_http_err_page_t& page) const;
    bool refuses_get(const Level& page, const Level& level) const;
    bool is_handed_as_get(const Level& level, const ngx_http_err_page_t& page) const;
    bool returns_success(const Level& level) const;
    bool leads_to_success(const Level& level) const;
    bool shows_file_for_get(const Level& level, const Level& gate) const;
    bool is_answered_with_success(const Level& level, const Level& gate,
                                  const ngx_http_err_page_t& page) const;
    bool is_handed_unverified(const Level& level, const ngx_http_err_page_t& page) const;
    std::string taker_of(const Level& level, const ngx_http_err_page_t& page) const;
    std::vector<const Level*> led_to(const Level& level) const;
    void warn_about_pages(const Level& level, const Level& gate);
    void warn_about_bypass(const Level& gate);
    void warn_about_led_to(const Level& gate);
    void warn_about_files(const Level& gate);
    void warn_about_success(const Level& level, const Level& gate, const std::string& taker,
                            const std::vector<std::string>& statuses);

    ngx_conf_t* cf_;
    const Routes& routes_;
    // The levels without a gate that error pages of gates lead to.
    std::set<const Level*> reported_;
};

}  // namespace webhook::ngx
