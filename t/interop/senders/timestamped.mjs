// Senders that sign the body and a timestamp.

import { hmac, randomText, secrets } from '../signing.mjs';
import { json, prettyJson } from './common.mjs';
import { Readable } from 'node:stream';

const inItems = (past, unit = 's', item = 't=') => ({ item, unit, past });
const inHeader = (header, past, unit = 's') => ({ header, unit, past });

export default [
    {
        name: 'stripe',
        sdk: 'stripe',
        how: 'signed',
        ...secrets(() => 'whsec_' + randomText()),
        body: () => prettyJson({ id: 'evt_1MqqbKLt4dXK03v5qaIbiNCC', object: 'event', type: 'charge.succeeded' }),
        signature: 'Stripe-Signature',
        prefix: 'v1=',
        encoding: 'hex',
        timestamp: inItems(300),
        sign: ({ body, time }, key, Stripe) => ({
            headers: {
                'Stripe-Signature': Stripe.webhooks.generateTestHeaderString({
                    payload: body,
                    secret: key,
                    timestamp: Number(time),
                }),
            },
        }),
        verify: ({ headers, body }, key, Stripe) =>
            Boolean(Stripe.webhooks.constructEvent(body, headers['stripe-signature'], key)),
        variants: [
            {
                name: 'while a secret is replaced, signed with both',
                make: (request, { otherRequest }) => {
                    const other = otherRequest.headers['Stripe-Signature'].match(/v1=\w+/)[0];
                    request.headers['Stripe-Signature'] =
                        request.headers['Stripe-Signature'].replace('v1=', `${other},v1=`) + ',v0=00ff';
                },
            },
        ],
    },
    {
        name: 'mux',
        sdk: '@mux/mux-node',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ id: '3fa85f64', type: 'video.asset.ready' }),
        signature: 'Mux-Signature',
        prefix: 'v1=',
        encoding: 'hex',
        timestamp: inItems(300),
        sign: ({ body, time }, key) => ({
            headers: { 'Mux-Signature': `t=${time},v1=${hmac('sha256', key, `${time}.${body}`, 'hex')}` },
        }),
        verify: async ({ headers, body }, key, { Mux }) => {
            const client = new Mux({ tokenId: 'id', tokenSecret: 'secret', webhookSecret: key });
            return Boolean(await client.webhooks.unwrap(body, headers));
        },
    },
    {
        name: 'elevenlabs',
        sdk: '@elevenlabs/elevenlabs-js',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ type: 'post_call_transcription', event_timestamp: 1739537297 }),
        signature: 'ElevenLabs-Signature',
        prefix: 'v0=',
        encoding: 'hex',
        timestamp: inItems(1800),
        sign: ({ body, time }, key) => ({
            headers: { 'ElevenLabs-Signature': `t=${time},v0=${hmac('sha256', key, `${time}.${body}`, 'hex')}` },
        }),
        verify: async ({ headers, body }, key, { ElevenLabsClient }) => {
            const client = new ElevenLabsClient({ apiKey: 'key' });
            return Boolean(await client.webhooks.constructEvent(body, headers['elevenlabs-signature'], key));
        },
    },
    {
        // Verifies the payload as JSON.stringify writes it.
        name: 'workos',
        sdk: '@workos-inc/node',
        how: 'signed',
        ...secrets(),
        body: () => json({ id: 'event_01', event: 'dsync.user.created', data: {} }),
        signature: 'WorkOS-Signature',
        prefix: 'v1=',
        encoding: 'hex',
        timestamp: inItems(180, 'ms'),
        sign: async ({ body, time }, key, { WorkOS }) => {
            const signature = await new WorkOS('sk_test').webhooks.computeSignature(time, JSON.parse(body), key);
            return { headers: { 'WorkOS-Signature': `t=${time}, v1=${signature}` } };
        },
        verify: ({ headers, body }, key, { WorkOS }) =>
            new WorkOS('sk_test').webhooks.verifyHeader({
                payload: JSON.parse(body),
                sigHeader: headers['workos-signature'],
                secret: key,
            }),
    },
    {
        name: 'sanity',
        sdk: '@sanity/webhook',
        how: 'signed',
        ...secrets(),
        body: () => json({ _id: 'doc-1', _type: 'post' }),
        signature: 'sanity-webhook-signature',
        prefix: 'v1=',
        encoding: 'base64url',
        timestamp: inItems(300, 'ms'),
        sign: async ({ body, time }, key, { encodeSignatureHeader }) => ({
            headers: {
                'sanity-webhook-signature': await encodeSignatureHeader(body, Number(time), key),
                'idempotency-key': 'idem-1',
            },
        }),
        verify: ({ headers, body, method }, key, { isValidRequest }) => isValidRequest({ headers, body, method }, key),
        tamperings: [
            {
                name: 'the signature with padding',
                passes: true,
                make: ({ headers }) => {
                    headers['sanity-webhook-signature'] += '=';
                },
            },
        ],
    },
    {
        name: 'paddle',
        sdk: '@paddle/paddle-node-sdk',
        how: 'confirmed',
        ...secrets(() => 'pdl_ntfset_' + randomText()),
        body: () => json({ event_id: 'evt_01', event_type: 'customer.created', occurred_at: '2026-01-01T00:00:00Z', data: {} }),
        // So that a slow machine has more than the five seconds.
        ahead: 3,
        signature: 'Paddle-Signature',
        prefix: 'h1=',
        encoding: 'hex',
        timestamp: inItems(5, 's', 'ts='),
        sign: ({ body, time }, key) => ({
            headers: { 'Paddle-Signature': `ts=${time};h1=${hmac('sha256', key, `${time}:${body}`, 'hex')}` },
        }),
        verify: ({ headers, body }, key, { Paddle }) =>
            new Paddle('key').webhooks.isSignatureValid(body, key, headers['paddle-signature']),
        variants: [
            {
                name: 'while a secret is replaced, signed with both',
                make: ({ headers }, { otherRequest }) => {
                    const other = otherRequest.headers['Paddle-Signature'].match(/h1=\w+/)[0];
                    headers['Paddle-Signature'] = headers['Paddle-Signature'].replace('h1=', `${other};h1=`);
                },
            },
        ],
    },
    {
        name: 'slack',
        sdk: '@slack/bolt',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ type: 'event_callback', event_id: 'Ev08MFMKH6', event: { type: 'message' } }),
        signature: 'X-Slack-Signature',
        prefix: 'v0=',
        encoding: 'hex',
        timestamp: inHeader('X-Slack-Request-Timestamp', 300),
        sign: ({ body, time }, key) => ({
            headers: {
                'X-Slack-Request-Timestamp': time,
                'X-Slack-Signature': 'v0=' + hmac('sha256', key, `v0:${time}:${body}`, 'hex'),
            },
        }),
        // As its receivers ask: with the number that the header holds.
        verify: ({ headers, body }, key, { verifySlackRequest }) => {
            verifySlackRequest({
                signingSecret: key,
                body,
                headers: {
                    'x-slack-signature': headers['x-slack-signature'],
                    'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']),
                },
            });
            return true;
        },
        prepare: ({ load }) => load('@slack/bolt', './dist/receivers/verify-request.js'),
        variants: [
            {
                name: 'a form',
                make: (request, { remade }) =>
                    remade({
                        contentType: 'application/x-www-form-urlencoded',
                        body: () => 'command=%2Fweather&text=94070+%C3%BC&trigger_id=1',
                    }),
            },
        ],
    },
    {
        // Verifies the payload as JSON.stringify writes it.
        name: 'zoom',
        sdk: '@zoom/rivet',
        subpath: './meetings',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ event: 'meeting.started', event_ts: 1626230691572, payload: {} }),
        signature: 'x-zm-signature',
        prefix: 'v0=',
        encoding: 'hex',
        timestamp: inHeader('x-zm-request-timestamp', 300),
        sign: ({ body, time }, key) => ({
            headers: {
                'x-zm-request-timestamp': time,
                'x-zm-signature': 'v0=' + hmac('sha256', key, `v0:${time}:${body}`, 'hex'),
            },
        }),
        verify: async ({ headers, body }, key, { AwsLambdaReceiver }) => {
            const receiver = new AwsLambdaReceiver({ webhooksSecretToken: key });
            let emitted = false;
            receiver.init({
                eventEmitter: {
                    emit: async () => {
                        emitted = true;
                    },
                },
            });
            const handle = await receiver.start();
            const { statusCode } = await handle({ body, headers, isBase64Encoded: false }, {});
            return statusCode === 200 && emitted;
        },
    },
    box(),
    {
        // The sender's own SDKs verify nothing.
        name: 'twitch',
        sdk: '@twurple/eventsub-http',
        community: true,
        how: 'confirmed',
        ...secrets(),
        body: () => json({ subscription: { id: 'f1c2a387', type: 'channel.follow' }, event: { user_id: '1234' } }),
        signature: 'Twitch-Eventsub-Message-Signature',
        prefix: 'sha256=',
        encoding: 'hex',
        timestamp: {
            ...inHeader('Twitch-Eventsub-Message-Timestamp', 600, 'rfc3339'),
            format: (time) => new Date(time).toISOString().replace('Z', '456789Z'),
        },
        signed: ['Twitch-Eventsub-Message-Id'],
        sign: ({ body, time }, key) => ({
            headers: {
                'Twitch-Eventsub-Message-Id': '84c1e79a-2a4b-4c13-ba0b-4312293e9308',
                'Twitch-Eventsub-Message-Timestamp': time,
                'Twitch-Eventsub-Message-Type': 'notification',
                'Twitch-Eventsub-Subscription-Type': 'channel.follow',
                'Twitch-Eventsub-Message-Signature':
                    'sha256=' + hmac('sha256', key, `84c1e79a-2a4b-4c13-ba0b-4312293e9308${time}${body}`, 'hex'),
            },
        }),
        // The listener's own handler of requests, without the listener and its API client.
        verify: async ({ headers, body }, key, { EventSubMiddleware }) => {
            let delivered = false;
            let failure;
            const listener = Object.create(
                EventSubMiddleware.prototype,
                Object.fromEntries(
                    Object.entries({
                        _secret: key,
                        _subscriptions: new Map([['x', { id: 'x' }]]),
                        _twitchSubscriptions: new Map(),
                        _logger: { warn() {}, debug() {} },
                        _handleSingleEventPayload() {
                            delivered = true;
                        },
                    }).map(([name, value]) => [name, { value }]),
                ),
            );
            const request = Object.assign(Readable.from([Buffer.from(body)]), {
                headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
                params: { id: 'x' },
            });
            const response = { setHeader() {}, writeHead() {}, end() {} };
            await listener._createHandleRequest()(request, response, (error) => {
                failure = error;
            });
            if (failure) throw failure;
            return delivered;
        },
    },
    {
        name: 'linear',
        sdk: '@linear/sdk',
        subpath: './webhooks',
        how: 'confirmed',
        ...secrets(),
        timestamp: { unit: 'ms', past: 60 },
        body: (time) => json({ type: 'Issue', action: 'create', webhookTimestamp: Number(time), webhookId: 'w1' }),
        signature: 'Linear-Signature',
        encoding: 'hex',
        sign: ({ body, time }, key) => ({
            headers: {
                'Linear-Signature': hmac('sha256', key, body, 'hex'),
                'Linear-Delivery': '234d1a4e',
                'Linear-Event': 'Issue',
                'Linear-Timestamp': time,
            },
        }),
        verify: ({ headers, body }, key, { LinearWebhookClient }) =>
            new LinearWebhookClient(key).verify(Buffer.from(body), headers['linear-signature']),
        tamperings: [
            {
                name: 'the timestamp in the body changed',
                make: (request) => {
                    request.body = request.body.replace(/"webhookTimestamp":\d/, '"webhookTimestamp":2');
                },
            },
        ],
    },
];

// The primary signature is under the first secret, the secondary one under the second.
function box() {
    const pair = () => [secrets().key, secrets().key];
    return {
        name: 'box',
        sdk: 'box-node-sdk',
        how: 'confirmed',
        ...secrets(pair),
        secrets: (key) => key,
        body: () => json({ type: 'webhook_event', id: 'eb0c4e06-751f-442c-86f8-fd5bb404dbec', trigger: 'FILE.UPLOADED' }),
        signature: ['BOX-SIGNATURE-PRIMARY', 'BOX-SIGNATURE-SECONDARY'],
        encoding: 'base64',
        timestamp: {
            ...inHeader('BOX-DELIVERY-TIMESTAMP', 600, 'rfc3339'),
            // With the offset of its time zone.
            format: (time) => new Date(time - 7 * 3600e3).toISOString().replace(/\.\d+Z$/, '-07:00'),
        },
        required: ['BOX-SIGNATURE-VERSION', 'BOX-SIGNATURE-ALGORITHM'],
        sign: ({ body, time }, [primary, secondary]) => ({
            headers: {
                'BOX-DELIVERY-ID': 'f96bb54b-ee16-4fc5-aa65-8c2d9e5b546f',
                'BOX-DELIVERY-TIMESTAMP': time,
                'BOX-SIGNATURE-VERSION': '1',
                'BOX-SIGNATURE-ALGORITHM': 'HmacSHA256',
                'BOX-SIGNATURE-PRIMARY': hmac('sha256', primary, body + time, 'base64'),
                'BOX-SIGNATURE-SECONDARY': hmac('sha256', secondary, body + time, 'base64'),
            },
        }),
        verify: ({ headers, body }, [primary, secondary], { WebhooksManager }) =>
            WebhooksManager.validateMessage(body, headers, primary, { secondaryKey: secondary }),
        prepare: ({ load }) => load('box-node-sdk', './lib/managers/webhooks'),
        variants: [
            {
                name: 'signed with the primary key only',
                make: ({ headers }) => {
                    delete headers['BOX-SIGNATURE-SECONDARY'];
                },
            },
            {
                name: 'signed with the secondary key only',
                make: ({ headers }) => {
                    delete headers['BOX-SIGNATURE-PRIMARY'];
                },
            },
        ],
        tamperings: [
            {
                name: 'the two signatures exchanged',
                make: ({ headers }) => {
                    [headers['BOX-SIGNATURE-PRIMARY'], headers['BOX-SIGNATURE-SECONDARY']] = [
                        headers['BOX-SIGNATURE-SECONDARY'],
                        headers['BOX-SIGNATURE-PRIMARY'],
                    ];
                },
            },
            {
                name: 'another signature version',
                make: ({ headers }) => {
                    headers['BOX-SIGNATURE-VERSION'] = '2';
                },
            },
            {
                name: 'another signature algorithm',
                make: ({ headers }) => {
                    headers['BOX-SIGNATURE-ALGORITHM'] = 'HmacSHA1';
                },
            },
            {
                name: 'a body that is the signed one only after it is written with \\u escapes',
                make: (request, { key: [primary, secondary] }) => {
                    const time = request.headers['BOX-DELIVERY-TIMESTAMP'];
                    const escaped = request.body.replace(
                        /[^\x00-\x7f]/g,
                        (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'),
                    );
                    request.headers['BOX-SIGNATURE-PRIMARY'] = hmac('sha256', primary, escaped + time, 'base64');
                    request.headers['BOX-SIGNATURE-SECONDARY'] = hmac('sha256', secondary, escaped + time, 'base64');
                },
            },
        ],
    };
}
