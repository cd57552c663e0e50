#include "scheme/presets.h"

#include <algorithm>

#include "base/text.h"
#include "scheme/builder.h"

namespace webhook {
namespace {

// Sources: each sender's own documentation or SDK, as README's table of presets names it.
constexpr Preset kPresets[] = {
    Preset{"adyen-payments", R"(
        algorithm   hmac-sha256;
        key         hex;
        native      adyen-payments;
        signature   encoding=base64;
        event_type  json=/notificationItems/0/NotificationRequestItem/eventCode;
    )"},
    Preset{"adyen-platform", R"(
        algorithm   hmac-sha256;
        key         hex;
        signed      "{body}";
        signature   header=HmacSignature encoding=base64;
        event_type  json=/type;
    )"},
    Preset{"airtable", R"(
        algorithm   hmac-sha256;
        key         base64;
        signed      "{body}";
        signature   header=X-Airtable-Content-MAC prefix=hmac-sha256= encoding=hex;
    )"},
    Preset{"asana", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Hook-Signature encoding=hex;
        handshake   verify=none when=header:X-Hook-Secret header="X-Hook-Secret: {header:X-Hook-Secret}";
    )"},
    Preset{"atlassian-connect", R"(
        algorithm   jwt=HS256;
        signature   header=Authorization prefix="JWT ";
        claims      qsh="{url:qsh}";
        event_key   "{token}{body}";
    )"},
    Preset{"aws-sns", R"(
        algorithm   rsa-sha256;
        key         pem;
        native      aws-sns;
        signature   encoding=base64;
        timestamp   json=/Timestamp unit=rfc3339 tolerance=75m future=5m;
        event_id    json=/MessageId;
        event_type  json=/Type;
    )"},
    Preset{"aws-sns-v1", R"(
        algorithm   rsa-sha1;
        key         pem;
        native      aws-sns;
        signature   encoding=base64;
        timestamp   json=/Timestamp unit=rfc3339 tolerance=75m future=5m;
        event_id    json=/MessageId;
        event_type  json=/Type;
    )"},
    Preset{"basic", R"(
        algorithm   basic;
        signature   header=Authorization prefix="Basic ";
        event_id    none;
    )"},
    Preset{"bearer", R"(
        algorithm   token;
        signature   header=Authorization prefix="Bearer ";
        event_id    none;
    )"},
    Preset{"bitbucket", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Hub-Signature prefix=sha256= encoding=hex;
        event_id    header=X-Request-UUID optional;
        event_type  header=X-Event-Key;
    )"},
    Preset{"box", R"(
        algorithm   hmac-sha256;
        signed      "{body}{timestamp}";
        signature   header=Box-Signature-Primary encoding=base64 key_index=0;
        signature   header=Box-Signature-Secondary encoding=base64 key_index=1;
        timestamp   header=Box-Delivery-Timestamp unit=rfc3339 tolerance=10m;
        require     Box-Signature-Version=1;
        require     Box-Signature-Algorithm=HmacSHA256;
        event_id    json=/id optional;
        event_type  json=/trigger;
    )"},
    Preset{"calcom", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Cal-Signature-256 encoding=hex;
        event_type  json=/triggerEvent;
    )"},
    Preset{"calendly", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=Calendly-Webhook-Signature split="," prefix=v1= encoding=hex;
        timestamp   item=t= unit=s tolerance=3m;
        event_type  json=/event;
    )"},
    Preset{"checkout-com", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Cko-Signature encoding=hex;
        event_id    json=/id;
        event_type  json=/type;
    )"},
    Preset{"circleci", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Circleci-Signature split="," prefix=v1= encoding=hex;
        event_id    json=/id;
        event_type  header=Circleci-Event-Type in_body;
    )"},
    Preset{"coinbase-commerce", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-CC-Webhook-Signature encoding=hex;
        event_id    json=/event/id;
        event_type  json=/event/type;
    )"},
    Preset{"contentful", R"(
        algorithm   hmac-sha256;
        native      contentful;
        signature   encoding=hex;
        timestamp   header=X-Contentful-Timestamp unit=ms tolerance=30s;
        event_type  header=X-Contentful-Topic;
        event_key   "{type}{method}{url}{timestamp}{body}";
    )"},
    Preset{"customerio", R"(
        algorithm   hmac-sha256;
        signed      "v0:{timestamp}:{body}";
        signature   header=X-CIO-Signature encoding=hex;
        timestamp   header=X-CIO-Timestamp unit=s tolerance=5m;
        event_id    json=/event_id;
        event_type  json=/metric;
    )"},
    Preset{"discord", R"(
        algorithm   ed25519;
        key         hex;
        signed      "{timestamp}{body}";
        signature   header=X-Signature-Ed25519 encoding=hex;
        timestamp   header=X-Signature-Timestamp unit=s tolerance=5m;
        event_id    json=/id optional;
        event_type  json=/type;
        handshake   when=json:/type=1 when=!json:/event type=application/json answer='{"type":1}';
        handshake   when=json:/type=0 status=204;
    )"},
    Preset{"docusign", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-DocuSign-Signature-* encoding=base64;
        event_type  json=/event;
    )"},
    Preset{"dropbox", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Dropbox-Signature encoding=hex;
        event_id    none;
        handshake   method=GET verify=none when=query:challenge answer="{query:challenge}";
    )"},
    Preset{"elevenlabs", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=ElevenLabs-Signature split="," prefix=v0= encoding=hex;
        timestamp   item=t= unit=s tolerance=30m;
        event_type  json=/type;
    )"},
    Preset{"figma", R"(
        algorithm   token;
        signature   json=/passcode;
        event_type  json=/event_type;
    )"},
    Preset{"forgejo", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Forgejo-Signature encoding=hex;
        event_id    header=X-Forgejo-Delivery optional;
        event_type  header=X-Forgejo-Event;
    )"},
    Preset{"gitea", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Gitea-Signature encoding=hex;
        event_id    header=X-Gitea-Delivery optional;
        event_type  header=X-Gitea-Event;
    )"},
    Preset{"gitea-form", R"(
        algorithm   hmac-sha256;
        signed      "{field:payload}";
        signature   header=X-Gitea-Signature encoding=hex;
        event_id    header=X-Gitea-Delivery optional;
        event_type  header=X-Gitea-Event;
        payload     field=payload;
    )"},
    Preset{"github", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Hub-Signature-256 prefix=sha256= encoding=hex;
        event_id    header=X-GitHub-Delivery;
        event_type  header=X-GitHub-Event in_body;
        payload     field=payload;
    )"},
    Preset{"gitlab", R"(
        algorithm   token;
        signature   header=X-Gitlab-Token;
        event_id    header=Idempotency-Key optional;
        event_type  header=X-Gitlab-Event;
        event_key   "{type}{header:X-Gitlab-Event-UUID}{body}";
    )"},
    Preset{"gocardless", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Webhook-Signature encoding=hex;
        event_id    json=/meta/webhook_id;
    )"},
    Preset{"grafana", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}:{body}";
        signature   header=X-Grafana-Alerting-Signature encoding=hex;
        timestamp   header=X-Grafana-Alerting-Signature-Timestamp unit=s tolerance=5m;
        event_id    none;
        event_type  json=/status;
    )"},
    Preset{"hubspot-v1", R"(
        algorithm   sha256;
        signed      "{secret}{body}";
        signature   header=X-HubSpot-Signature encoding=hex;
        require     X-HubSpot-Signature-Version=v1;
    )"},
    Preset{"hubspot-v2", R"(
        algorithm   sha256;
        signed      "{secret}{method}{url}{body}";
        body        json;
        signature   header=X-HubSpot-Signature encoding=hex;
        require     X-HubSpot-Signature-Version=v2;
    )"},
    Preset{"hubspot-v3", R"(
        algorithm   hmac-sha256;
        signed      "{method}{url:hubspot}{body}{timestamp}";
        body        json;
        signature   header=X-HubSpot-Signature-v3 encoding=base64;
        timestamp   header=X-HubSpot-Request-Timestamp unit=ms tolerance=5m;
        event_id    json=/0/eventId batch;
        event_type  json=/0/subscriptionType;
    )"},
    Preset{"intercom", R"(
        algorithm   hmac-sha1;
        signed      "{body}";
        signature   header=X-Hub-Signature prefix=sha1= encoding=hex;
        event_id    json=/id optional;
        event_type  json=/topic;
        handshake   method=HEAD verify=none;
    )"},
    Preset{"jira", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Hub-Signature prefix=sha256= encoding=hex;
        event_id    header=X-Atlassian-Webhook-Identifier optional;
        event_type  json=/webhookEvent;
    )"},
    Preset{"klaviyo", R"(
        algorithm   hmac-sha256;
        signed      "{body}{header:Klaviyo-Timestamp}";
        signature   header=Klaviyo-Signature encoding=hex;
        event_key   "{body}";
    )"},
    Preset{"launchdarkly", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-LD-Signature encoding=hex;
        event_id    json=/_id;
        event_type  json=/kind;
    )"},
    Preset{"lemon-squeezy", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Signature encoding=hex;
        event_type  header=X-Event-Name in_body;
    )"},
    Preset{"line", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Line-Signature encoding=base64;
        event_id    json=/events/0/webhookEventId batch;
        event_type  json=/events/0/type;
    )"},
    Preset{"linear", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Linear-Signature encoding=hex;
        timestamp   json=/webhookTimestamp unit=ms tolerance=1m;
        event_id    header=Linear-Delivery;
        event_type  header=Linear-Event in_body;
    )"},
    Preset{"mailgun", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}{json:/signature/token}";
        signature   json=/signature/signature encoding=hex;
        timestamp   json=/signature/timestamp unit=s tolerance=10m;
        event_id    json=/event-data/id;
        event_type  json=/event-data/event;
        event_key   "{json:/signature/token}";
    )"},
    Preset{"mailgun-routes", R"(
        algorithm   hmac-sha256;
        signed      "{field:timestamp}{field:token}";
        signature   field=signature encoding=hex;
        timestamp   field=timestamp unit=s tolerance=10m;
        event_id    field=token;
        event_type  field=event;
    )"},
    Preset{"meta", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Hub-Signature-256 prefix=sha256= encoding=hex;
        event_type  json=/object;
        handshake   method=GET when=query:hub.mode=subscribe
                    verify=token:query:hub.verify_token answer="{query:hub.challenge}";
    )"},
    Preset{"mollie", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Mollie-Signature prefix=sha256= encoding=hex;
        event_id    json=/id;
        event_type  json=/type;
    )"},
    Preset{"monday", R"(
        algorithm   jwt=HS256;
        signature   header=Authorization;
        claims      aud="{url}";
        event_type  json=/event/type;
        event_key   "{url}{body}";
        handshake   verify=none when=json:/challenge type=application/json
                    answer='{"challenge":"{json:/challenge}"}';
    )"},
    Preset{"mux", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=Mux-Signature split="," prefix=v1= encoding=hex;
        timestamp   item=t= unit=s tolerance=5m;
        event_id    json=/id;
        event_type  json=/type;
    )"},
    Preset{"netlify", R"(
        algorithm   jwt=HS256;
        signature   header=X-Webhook-Signature;
        claims      iss=netlify;
        digest      claim=sha256 algorithm=sha256 encoding=hex;
        event_type  header=X-Netlify-Event;
    )"},
    Preset{"notion", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Notion-Signature prefix=sha256= encoding=hex;
        event_id    json=/id;
        event_type  json=/type;
    )"},
    Preset{"okta", R"(
        algorithm   token;
        signature   header=Authorization;
        event_id    json=/eventId;
        event_type  json=/data/events/0/eventType;
        handshake   method=GET when=header:X-Okta-Verification-Challenge type=application/json
                    answer='{"verification":"{header:X-Okta-Verification-Challenge}"}';
    )"},
    Preset{"openrouter", R"(
        algorithm   token;
        signature   header=X-Webhook-Signature;
    )"},
    Preset{"paddle", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}:{body}";
        signature   header=Paddle-Signature split=";" prefix=h1= encoding=hex;
        timestamp   item=ts= unit=s tolerance=5s;
        event_id    json=/event_id;
        event_type  json=/event_type;
    )"},
    Preset{"pagerduty", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-PagerDuty-Signature split="," prefix=v1= encoding=hex;
        event_id    json=/event/id;
        event_type  json=/event/event_type;
    )"},
    Preset{"paypal", R"(
        algorithm   rsa-sha256;
        key         pem;
        signed      "{header:Paypal-Transmission-Id}|{header:Paypal-Transmission-Time}|{secret_id}|{crc32:body}";
        signature   header=Paypal-Transmission-Sig encoding=base64;
        event_id    json=/id;
        event_type  json=/event_type;
        event_key   "{header:Paypal-Transmission-Id}";
    )"},
    Preset{"persona", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=Persona-Signature split=", " prefix=v1= encoding=hex;
        timestamp   item=t= unit=s tolerance=5m may_repeat;
        event_id    json=/data/id;
        event_type  json=/data/attributes/name;
    )"},
    Preset{"plaid", R"(
        algorithm   jwt=ES256;
        key         jwk;
        signature   header=Plaid-Verification;
        timestamp   claim=iat unit=s tolerance=5m;
        digest      claim=request_body_sha256 algorithm=sha256 encoding=hex;
        event_id    none;
    )"},
    Preset{"razorpay", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Razorpay-Signature encoding=hex;
        event_id    header=X-Razorpay-Event-Id optional;
        event_type  json=/event;
    )"},
    Preset{"salesforce-data-cloud", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Signature encoding=base64;
    )"},
    Preset{"salesforce-mc-ens", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Sfmc-Ens-Signature encoding=base64;
    )"},
    Preset{"sanity", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=Sanity-Webhook-Signature split="," prefix=v1= encoding=base64url;
        timestamp   item=t= unit=ms tolerance=5m;
        event_id    header=Idempotency-Key;
        event_key   "{timestamp}{body}";
    )"},
    Preset{"segment", R"(
        algorithm   hmac-sha1;
        signed      "{body}";
        signature   header=X-Signature encoding=hex;
        event_id    json=/messageId;
        event_type  json=/type;
    )"},
    Preset{"sendgrid", R"(
        algorithm   ecdsa-p256-sha256;
        key         spki;
        signed      "{timestamp}{body}";
        signature   header=X-Twilio-Email-Event-Webhook-Signature encoding=base64;
        timestamp   header=X-Twilio-Email-Event-Webhook-Timestamp unit=s tolerance=10m;
        event_id    json=/0/sg_event_id batch;
        event_type  json=/0/event;
    )"},
    Preset{"sentry", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Sentry-Hook-Signature encoding=hex;
        event_id    header=Request-ID optional;
        event_type  header=Sentry-Hook-Resource;
        event_key   "{type}{header:Sentry-Hook-Timestamp}{body}";
    )"},
    Preset{"shopify", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Shopify-Hmac-Sha256 encoding=base64;
        event_id    header=X-Shopify-Webhook-Id;
        event_type  header=X-Shopify-Topic;
    )"},
    Preset{"shopify-events", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Shopify-Hmac-Sha256 encoding=base64;
        event_id    header=Shopify-Webhook-Id;
        event_type  header=Shopify-Topic;
    )"},
    Preset{"slack", R"(
        algorithm   hmac-sha256;
        signed      "v0:{timestamp}:{body}";
        signature   header=X-Slack-Signature prefix=v0= encoding=hex;
        timestamp   header=X-Slack-Request-Timestamp unit=s tolerance=5m;
        event_id    json=/event_id optional;
        event_type  json=/event/type;
        event_key   "{timestamp}{body}";
        payload     field=payload;
        handshake   when=json:/type=url_verification answer="{json:/challenge}";
    )"},
    Preset{"square", R"(
        algorithm   hmac-sha256;
        signed      "{url}{body}";
        body        json;
        signature   header=X-Square-Hmacsha256-Signature encoding=base64;
        event_id    json=/event_id;
        event_type  json=/type;
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
    Preset{"standard-webhooks-v1a", R"(
        algorithm   ed25519;
        key         whpk;
        signed      "{id}.{timestamp}.{body}";
        signature   header=Webhook-Signature split=" " prefix="v1a," encoding=base64;
        timestamp   header=Webhook-Timestamp unit=s tolerance=5m;
        event_id    header=Webhook-Id;
        event_type  json=/type;
    )"},
    Preset{"stripe", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=Stripe-Signature split="," prefix=v1= encoding=hex;
        timestamp   item=t= unit=s tolerance=5m;
        event_id    json=/id;
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
    Preset{"telegram", R"(
        algorithm   token;
        signature   header=X-Telegram-Bot-Api-Secret-Token;
        event_id    json=/update_id;
    )"},
    Preset{"telnyx", R"(
        algorithm   ed25519;
        key         base64;
        signed      "{timestamp}|{body}";
        signature   header=Telnyx-Signature-Ed25519 encoding=base64;
        timestamp   header=Telnyx-Timestamp unit=s tolerance=5m;
        event_id    json=/data/id;
        event_type  json=/data/event_type;
    )"},
    Preset{"travis-ci", R"(
        algorithm   rsa-sha1;
        key         pem;
        signed      "{field:payload}";
        signature   header=Signature encoding=base64;
        payload     field=payload;
    )"},
    Preset{"trello", R"(
        algorithm   hmac-sha1;
        signed      "{body}{url}";
        body        json;
        signature   header=X-Trello-Webhook encoding=base64;
        event_id    json=/action/id batch;
        event_type  json=/action/type;
        event_key   "{url}{json:/action/id}{json:/model/id}";
        handshake   method=HEAD verify=none;
    )"},
    Preset{"twilio", R"(
        algorithm   hmac-sha1;
        signed      "{url:ports}{form}";
        signature   header=X-Twilio-Signature encoding=base64;
        digest      query=bodySHA256 algorithm=sha256 encoding=hex optional;
        event_id    header=I-Twilio-Idempotency-Token optional;
    )"},
    Preset{"twilio-form", R"(
        algorithm   hmac-sha1;
        signed      "{url:ports}{form}";
        signature   header=X-Twilio-Signature encoding=base64;
        event_id    header=I-Twilio-Idempotency-Token optional;
    )"},
    Preset{"twilio-json", R"(
        algorithm   hmac-sha1;
        signed      "{url:ports}";
        signature   header=X-Twilio-Signature encoding=base64;
        digest      query=bodySHA256 algorithm=sha256 encoding=hex;
    )"},
    Preset{"twitch", R"(
        algorithm   hmac-sha256;
        signed      "{id}{timestamp}{body}";
        signature   header=Twitch-Eventsub-Message-Signature prefix=sha256= encoding=hex;
        timestamp   header=Twitch-Eventsub-Message-Timestamp unit=rfc3339 tolerance=10m;
        event_id    header=Twitch-Eventsub-Message-Id;
        event_type  header=Twitch-Eventsub-Subscription-Type in_body;
        handshake   when=header:Twitch-Eventsub-Message-Type=webhook_callback_verification
                    when=json:/challenge answer="{json:/challenge}";
    )"},
    Preset{"typeform", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=Typeform-Signature prefix=sha256= encoding=base64;
        event_id    json=/event_id;
        event_type  json=/event_type;
    )"},
    Preset{"vercel", R"(
        algorithm   hmac-sha1;
        signed      "{body}";
        signature   header=X-Vercel-Signature encoding=hex;
        event_id    json=/id;
        event_type  json=/type;
    )"},
    Preset{"vonage", R"(
        algorithm   jwt=HS256;
        signature   header=Authorization prefix="Bearer ";
        digest      claim=payload_hash algorithm=sha256 encoding=hex optional;
        event_id    claim=jti optional;
    )"},
    Preset{"woocommerce", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-WC-Webhook-Signature encoding=base64;
        event_type  header=X-WC-Webhook-Topic;
        event_key   "{type}{header:X-WC-Webhook-Delivery-ID}{body}";
        handshake   verify=none when=field:webhook_id when=!header:X-WC-Webhook-Signature;
    )"},
    Preset{"workos", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}.{body}";
        signature   header=WorkOS-Signature split=", " prefix=v1= encoding=hex;
        timestamp   item=t= unit=ms tolerance=3m;
        event_id    json=/id;
        event_type  json=/event;
    )"},
    Preset{"x-twitter", R"(
        algorithm   hmac-sha256;
        signed      "{body}";
        signature   header=X-Twitter-Webhooks-Signature prefix=sha256= encoding=base64;
        handshake   method=GET verify=none when=query:crc_token type=application/json
                    answer='{"response_token":"sha256={hmac-sha256-base64:query:crc_token}"}';
    )"},
    Preset{"zendesk", R"(
        algorithm   hmac-sha256;
        signed      "{timestamp}{body}";
        signature   header=X-Zendesk-Webhook-Signature encoding=base64;
        timestamp   header=X-Zendesk-Webhook-Signature-Timestamp unit=rfc3339 tolerance=5m;
        event_id    header=X-Zendesk-Webhook-Invocation-Id optional;
        event_key   "{timestamp}{body}";
    )"},
    Preset{"zoom", R"(
        algorithm   hmac-sha256;
        signed      "v0:{timestamp}:{body}";
        signature   header=X-Zm-Signature prefix=v0= encoding=hex;
        timestamp   header=X-Zm-Request-Timestamp unit=s tolerance=5m;
        event_type  json=/event;
        handshake   when=json:/event=endpoint.url_validation type=application/json
                    answer='{"plainToken":"{json:/payload/plainToken}","encryptedToken":"{hmac-sha256-hex:json:/payload/plainToken}"}';
    )"},
};

constexpr PresetAlias kAliases[] = {
    {"anthropic", "standard-webhooks", "event_type json=/data/type;"},
    {"auth0", "bearer", ""},
    {"bigcommerce", "standard-webhooks", "key utf8; event_type json=/scope;"},
    {"clerk", "svix", ""},
    {"facebook", "meta", ""},
    {"gitlab-signed", "standard-webhooks", "event_type header=X-Gitlab-Event;"},
    {"hubspot", "hubspot-v3", ""},
    {"instagram", "meta", ""},
    {"openai", "standard-webhooks", ""},
    {"polar", "standard-webhooks", ""},
    {"polar-text", "standard-webhooks", "key utf8;"},
    {"postmark", "basic", "event_type json=/RecordType;"},
    {"replicate", "standard-webhooks", ""},
    {"resend", "svix", ""},
    {"supabase", "standard-webhooks", ""},
    {"whatsapp", "meta", ""},
    {"x", "x-twitter", ""},
};

// The statements of a preset without those of fields that `own` has too, followed by `own`.
std::vector<Statement> extended(std::vector<Statement> statements, std::span<const Statement> own) {
    std::erase_if(statements, [&own](const Statement& statement) {
        return std::ranges::any_of(own, [&statement](const Statement& each) {
            return each.words.front() == statement.words.front();
        });
    });
    statements.insert(statements.end(), own.begin(), own.end());
    return statements;
}

const Preset* find_preset(std::string_view name) {
    const auto found = std::ranges::find(kPresets, name, &Preset::name);
    return found == std::end(kPresets) ? nullptr : found;
}

// The statements of a preset or an alias. Empty if there is none of this name.
std::vector<Statement> preset_statements(std::string_view name) {
    if (const Preset* preset = find_preset(name)) return parse_statements(preset->text);
    const auto alias = std::ranges::find(kAliases, name, &PresetAlias::name);
    if (alias == std::end(kAliases)) return {};
    return extended(preset_statements(alias->preset), parse_statements(alias->text));
}

// The statements of the preset that `like` names, with the line of `like`.
std::vector<Statement> liked_statements(const Statement& like) {
    if (like.words.size() != 2) {
        throw SchemeTextError("invalid number of arguments in \"like\": it takes one", like.line);
    }
    std::vector<Statement> statements = preset_statements(like.words[1]);
    if (statements.empty()) {
        throw SchemeTextError("unknown preset" + shown_word(like.words[1]) +
                                  " of \"like\", allowed: " + joined(preset_names()),
                              like.line);
    }
    for (Statement& statement : statements) statement.line = like.line;
    return statements;
}

// The scheme's own statements.
using Own = std::span<const Statement>;

// Finds the statement without which the scheme would be valid.
std::size_t line_to_blame(std::string_view name, const std::vector<Statement>& liked, Own own,
                          std::size_t otherwise) {
    for (std::size_t i = 0; i < own.size(); ++i) {
        std::vector<Statement> others(own.begin(), own.end());
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
        try {
            build_scheme(name, extended(liked, others));
            return own[i].line;
        } catch (const ConfigError&) {
            continue;
        }
    }
    return otherwise;
}

// The preset's event key, with the header of its type named.
std::string event_key_with_header(const std::vector<Statement>& liked, std::string_view header) {
    constexpr std::string_view kType = "{type}";
    const auto own = std::ranges::find_if(
        liked, [](const Statement& each) { return each.words.front() == "event_key"; });
    std::string key = own == liked.end() ? "{type}{body}" : own->words[1];
    const std::size_t type = key.find(kType);
    if (type == std::string::npos) return key;
    return key.replace(type, kType.size(), "{header:" + std::string(header) + "}");
}

// The header of the type may be the only difference between two events of a sender.
void check_replaced_type(const std::vector<Statement>& liked, const Scheme& preset,
                         const Scheme& scheme, Own changes) {
    const auto change_of = [changes](std::string_view field) {
        return std::ranges::find_if(changes, [field](const Statement& statement) {
            return statement.words.front() == field;
        });
    };
    const auto holds_type = [](const Scheme& each, const std::string& header) {
        return std::ranges::any_of(each.event_key, [&](const TemplatePart& part) {
            if (part.kind == TemplatePart::Kind::header) return each.headers[part.header] == header;
            return part.kind == TemplatePart::Kind::event_type &&
                   each.event_type.kind == ValueLocation::Kind::header &&
                   each.headers[each.event_type.header] == header;
        });
    };
    const auto type = change_of("event_type");
    if (type == changes.end() || preset.event_type.kind != ValueLocation::Kind::header) return;
    const std::string& header = preset.headers[preset.event_type.header];
    if (!holds_type(preset, header) || holds_type(scheme, header)) return;
    // With another signature, it is another sender.
    for (std::string_view field : {"event_key", "signature"}) {
        if (change_of(field) != changes.end()) return;
    }
    throw SchemeTextError("without the header " + in_quotes(header) +
                              ", events of different types may be one: this \"event_type\" needs "
                              "an \"event_key\", such as " +
                              in_quotes(event_key_with_header(liked, header)),
                          type->line);
}

}  // namespace

std::span<const Preset> presets() {
    return kPresets;
}

std::span<const PresetAlias> preset_aliases() {
    return kAliases;
}

std::vector<std::string_view> preset_names() {
    std::vector<std::string_view> names;
    for (const Preset& row : kPresets) names.push_back(row.name);
    for (const PresetAlias& row : kAliases) names.push_back(row.name);
    return names;
}

std::optional<Scheme> preset_scheme(std::string_view name) {
    const std::vector<Statement> statements = preset_statements(name);
    if (statements.empty()) return std::nullopt;
    return build_scheme(name, statements);
}

Scheme parse_user_scheme(std::string_view name, std::string_view text) {
    std::vector<Statement> own = parse_statements(text);
    if (own.empty() || own.front().words.front() != "like") {
        Scheme scheme = build_scheme(name, own);
        // An omission in a preset is deliberate.
        scheme.assumes_event_key = std::ranges::none_of(own, [](const Statement& statement) {
            const std::string& field = statement.words.front();
            return field == "event_id" || field == "event_key";
        });
        return scheme;
    }
    const std::vector<Statement> liked = liked_statements(own.front());
    const Own changes = Own(own).subspan(1);
    try {
        Scheme scheme = build_scheme(name, extended(liked, changes));
        check_replaced_type(liked, build_scheme(name, liked), scheme, changes);
        return scheme;
    } catch (const SchemeTextError& error) {
        const std::size_t like = own.front().line;
        if (error.line != like) throw;
        throw SchemeTextError(error.what(), line_to_blame(name, liked, changes, like));
    }
}

}  // namespace webhook
