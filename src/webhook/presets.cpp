#include "webhook/presets.h"

#include <array>

namespace webhook {
namespace {

// Sources: each sender's own documentation or SDK, as README's table of presets names it.
constexpr std::array kPresets{
    Preset{"github", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Hub-Signature-256 prefix=sha256= encoding=hex;
        event_id    header=X-GitHub-Delivery;
        event_type  header=X-GitHub-Event;
    )"},
    Preset{"gitlab", R"(
        algorithm   token;
        signature   header=X-Gitlab-Token;
        event_id    header=Idempotency-Key;
        event_type  header=X-Gitlab-Event;
    )"},
    Preset{"shopify", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Shopify-Hmac-Sha256 encoding=base64;
        event_id    header=X-Shopify-Webhook-Id;
        event_type  header=X-Shopify-Topic;
    )"},
    Preset{"stripe", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=Stripe-Signature split="," prefix=v1= encoding=hex;
        timestamp   item=t= unit=s tolerance=5m;
        event_id    json=/id;
        event_type  json=/type;
    )"},
    Preset{"slack", R"(
        algorithm   hmac-sha256;
        signed      "v0:{timestamp}:{body}";
        signature   header=X-Slack-Signature prefix=v0= encoding=hex;
        timestamp   header=X-Slack-Request-Timestamp unit=s tolerance=5m;
        event_id    json=/event_id;
        event_type  json=/event/type;
    )"},
    Preset{"standard-webhooks", R"(
        algorithm   hmac-sha256;
        key         whsec;
        signed      "{id}.{timestamp}.{body}";
        signature   header=Webhook-Signature split=" " prefix="v1," encoding=base64;
        timestamp   header=Webhook-Timestamp unit=s tolerance=5m;
        event_id    header=Webhook-Id;
        event_type  json=/type;
    )"},
    Preset{"svix", R"(
        algorithm   hmac-sha256;
        key         whsec;
        signed      "{id}.{timestamp}.{body}";
        signature   header=Svix-Signature split=" " prefix="v1," encoding=base64;
        timestamp   header=Svix-Timestamp unit=s tolerance=5m;
        event_id    header=Svix-Id;
        event_type  json=/type;
    )"},
    Preset{"pagerduty", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-PagerDuty-Signature split="," prefix=v1= encoding=hex;
        event_id    json=/event/id;
        event_type  json=/event/event_type;
    )"},
    Preset{"openrouter", R"(
        algorithm   token;
        signature   header=X-Webhook-Signature;
    )"},
};

}  // namespace

std::span<const Preset> presets() {
    return kPresets;
}

std::optional<Scheme> preset_scheme(std::string_view name) {
    for (const Preset& preset : kPresets) {
        if (preset.name == name) return parse_scheme(preset.name, preset.text);
    }
    return std::nullopt;
}

}  // namespace webhook
