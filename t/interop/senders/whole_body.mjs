// Senders that sign the body and nothing else.

import { hmac, secrets } from '../signing.mjs';
import { hexKey, json } from './common.mjs';

export default [
    {
        name: 'github',
        sdk: '@octokit/webhooks-methods',
        how: 'signed',
        ...secrets(),
        body: () => json({ action: 'opened', number: 15, pull_request: {} }),
        signature: 'X-Hub-Signature-256',
        prefix: 'sha256=',
        encoding: 'hex',
        sign: async ({ body }, key, { sign }) => ({
            headers: {
                'X-GitHub-Event': 'pull_request',
                'X-GitHub-Delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
                'X-Hub-Signature-256': await sign(key, body),
            },
        }),
        verify: ({ headers, body }, key, { verify }) => verify(key, body, headers['x-hub-signature-256']),
        variants: [
            {
                name: 'a form',
                make: (request, { remade }) =>
                    remade({
                        contentType: 'application/x-www-form-urlencoded',
                        body: () => 'payload=%7B%22action%22%3A%22opened+%C3%BC%22%7D',
                    }),
            },
        ],
    },
    shopify('shopify', 'X-Shopify-Hmac-Sha256', {
        'X-Shopify-Topic': 'orders/create',
        'X-Shopify-Shop-Domain': 'example.myshopify.com',
        'X-Shopify-API-Version': '2026-10',
        'X-Shopify-Webhook-Id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
    }),
    shopify('shopify-events', 'shopify-hmac-sha256', {
        'shopify-topic': 'Product',
        'shopify-shop-domain': 'example.myshopify.com',
        'shopify-api-version': '2026-10',
        'shopify-webhook-id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd044',
        'shopify-event-id': '98880550-7158-44d4-b7cd-2c97c8a091b5',
    }),
    {
        name: 'line',
        sdk: '@line/bot-sdk',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ destination: 'U1', events: [{ type: 'message', webhookEventId: '01FZ74A0TDDPYRVKNK77XKC3ZR' }] }),
        signature: 'x-line-signature',
        encoding: 'base64',
        sign: ({ body }, key) => ({ headers: { 'x-line-signature': hmac('sha256', key, body, 'base64') } }),
        verify: ({ headers, body }, key, { validateSignature }) => validateSignature(body, key, headers['x-line-signature']),
        variants: [
            {
                name: 'the test of the console, without an event',
                make: (request, { remade }) => remade({ body: () => '{"destination":"U1","events":[]}' }),
            },
        ],
    },
    {
        name: 'razorpay',
        sdk: 'razorpay',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ entity: 'event', event: 'payment.captured' }),
        signature: 'X-Razorpay-Signature',
        encoding: 'hex',
        sign: ({ body }, key) => ({
            headers: { 'X-Razorpay-Signature': hmac('sha256', key, body, 'hex'), 'x-razorpay-event-id': 'Eh1' },
        }),
        verify: ({ headers, body }, key, Razorpay) =>
            Razorpay.validateWebhookSignature(body, headers['x-razorpay-signature'], key),
    },
    {
        name: 'coinbase-commerce',
        sdk: 'coinbase-commerce-node',
        how: 'signed',
        ...secrets(),
        body: () => json({ id: 1, event: { id: '24934862-d980-46cb-9402-43c81b0cdba6', type: 'charge:created' } }),
        signature: 'X-CC-Webhook-Signature',
        encoding: 'hex',
        sign: ({ body }, key, { Webhook }) => ({ headers: { 'X-CC-Webhook-Signature': Webhook.computeSignature(body, key) } }),
        verify: ({ headers, body }, key, { Webhook }) =>
            Boolean(Webhook.verifyEventBody(body, headers['x-cc-webhook-signature'], key)),
    },
    {
        name: 'gocardless',
        sdk: 'gocardless-nodejs',
        subpath: './webhooks',
        how: 'confirmed',
        ...secrets(),
        body: () =>
            json({ events: [{ id: 'EV123', resource_type: 'mandates', action: 'created' }], meta: { webhook_id: 'WB1' } }),
        signature: 'Webhook-Signature',
        encoding: 'hex',
        sign: ({ body }, key) => ({ headers: { 'Webhook-Signature': hmac('sha256', key, body, 'hex') } }),
        verify: ({ headers, body }, key, { parse }) => parse(body, key, headers['webhook-signature']).length === 1,
    },
    {
        name: 'notion',
        sdk: '@notionhq/client',
        how: 'signed',
        ...secrets(),
        body: () => json({ id: '367cba44-b6f3-4c92-81e7-6a2e9659efd4', type: 'page.created' }),
        signature: 'X-Notion-Signature',
        prefix: 'sha256=',
        encoding: 'hex',
        sign: async ({ body }, key, { signWebhookPayload }) => ({
            headers: { 'X-Notion-Signature': await signWebhookPayload({ body, verificationToken: key }) },
        }),
        verify: ({ headers, body }, key, { verifyWebhookSignature }) =>
            verifyWebhookSignature({ body, signature: headers['x-notion-signature'], verificationToken: key }),
    },
    {
        name: 'adyen-platform',
        sdk: '@adyen/api-library',
        how: 'signed',
        ...secrets(hexKey),
        body: () => json({ type: 'balancePlatform.accountHolder.created', environment: 'test' }),
        signature: 'HmacSignature',
        encoding: 'base64',
        sign: ({ body }, key, { hmacValidator: HmacValidator }) => ({
            headers: { HmacSignature: new HmacValidator().calculateHmac(body, key), Protocol: 'HmacSHA256' },
        }),
        verify: ({ headers, body }, key, { hmacValidator: HmacValidator }) =>
            new HmacValidator().validateHMACSignature(key, headers['hmacsignature'], body),
    },
];

function shopify(name, signature, others) {
    return {
        name,
        sdk: '@shopify/shopify-api',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ id: 820982911946154508, email: 'jon@example.com' }),
        signature,
        encoding: 'base64',
        prepare: async ({ load }) => {
            await load('@shopify/shopify-api', './adapters/node');
            return load('@shopify/shopify-api');
        },
        sign: ({ body }, key) => ({ headers: { ...others, [signature]: hmac('sha256', key, body, 'base64') } }),
        verify: async ({ headers, method, url, body }, key, { shopifyApi, ApiVersion }) => {
            const shop = shopifyApi({
                apiKey: 'key',
                apiSecretKey: key,
                scopes: [],
                hostName: 'hooks.example.com',
                isEmbeddedApp: false,
                apiVersion: Object.values(ApiVersion).at(-1),
                logger: { level: 0, log: () => {} },
            });
            const rawRequest = { headers, method, url };
            return (await shop.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} })).valid;
        },
    };
}
