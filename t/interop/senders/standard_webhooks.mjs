// Standard Webhooks, and those who sign like it.

import { hmac, whsecSecrets } from '../signing.mjs';
import { json } from './common.mjs';

const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';

function sender(name, sdk, names, options) {
    return {
        name,
        sdk,
        how: 'confirmed',
        ...whsecSecrets(),
        body: () => json({ id: 'evt_1', type: 'user.created', data: { id: 'user_1', type: 'user.created' } }),
        signature: `${names}-signature`,
        prefix: 'v1,',
        encoding: 'base64',
        timestamp: { header: `${names}-timestamp`, unit: 's', past: 300 },
        signed: [`${names}-id`],
        sign: ({ body, time }, key) =>
            headers(
                names,
                time,
                'v1,' +
                    hmac('sha256', Buffer.from(key.replace(/^(v1,)?whsec_/, ''), 'base64'), `${ID}.${time}.${body}`, 'base64'),
            ),
        variants: [
            {
                name: 'while a secret is replaced, signed with both',
                make: ({ headers }, { otherRequest }) => {
                    headers[`${names}-signature`] =
                        `${otherRequest.headers[`${names}-signature`]} ${headers[`${names}-signature`]}`;
                },
            },
            {
                name: 'with an asymmetric signature beside it',
                make: ({ headers }) => {
                    headers[`${names}-signature`] =
                        `v1a,${Buffer.alloc(64, 7).toString('base64')} ${headers[`${names}-signature`]}`;
                },
            },
        ],
        ...options,
    };
}

function headers(names, time, signature) {
    return { headers: { [`${names}-id`]: ID, [`${names}-timestamp`]: time, [`${names}-signature`]: signature } };
}

const verifyWith = ({ headers, body }, key, { Webhook }) => Boolean(new Webhook(key).verify(body, headers));
const signWith =
    (names) =>
    ({ body, time }, key, { Webhook }) =>
        headers(names, time, new Webhook(key).sign(ID, new Date(time * 1000), body));

const standard = { how: 'signed', sign: signWith('webhook'), verify: verifyWith };

export default [
    sender('standard-webhooks', 'standardwebhooks', 'webhook', standard),
    // GitLab and Supabase have no verifier of their own.
    sender('gitlab-signed', 'standardwebhooks', 'webhook', {
        ...standard,
        library: true,
        sign: (...all) => {
            const request = signWith('webhook')(...all);
            request.headers['X-Gitlab-Event'] = 'Push Hook';
            request.headers['Idempotency-Key'] = ID;
            return request;
        },
    }),
    sender('supabase', 'standardwebhooks', 'webhook', {
        ...standard,
        library: true,
        // As its console shows the secret.
        secrets: (key) => [`v1,${key}`],
    }),
    sender('svix', 'svix', 'svix', {
        how: 'signed',
        sign: signWith('svix'),
        verify: verifyWith,
        tamperings: [
            {
                name: 'under the names of Standard Webhooks',
                reason: 'missing_signature',
                make: (request) => {
                    const renamed = Object.entries(request.headers).map(([name, value]) => [
                        name.replace('svix-', 'webhook-'),
                        value,
                    ]);
                    request.headers = Object.fromEntries(renamed);
                },
            },
        ],
    }),
    sender('openai', 'openai', 'webhook', {
        verify: async ({ headers, body }, key, { OpenAI }) =>
            Boolean(await new OpenAI({ apiKey: 'key', webhookSecret: key }).webhooks.unwrap(body, headers)),
    }),
    sender('anthropic', '@anthropic-ai/sdk', 'webhook', {
        verify: ({ headers, body }, key, { Anthropic }) =>
            Boolean(new Anthropic({ apiKey: 'key', webhookKey: key }).beta.webhooks.unwrap(body, { headers })),
    }),
    sender('clerk', '@clerk/backend', 'svix', {
        subpath: './webhooks',
        verify: async ({ headers, body, method, url }, key, { verifyWebhook }) =>
            Boolean(await verifyWebhook(new Request(url, { method, headers, body }), { signingSecret: key })),
    }),
    sender('resend', 'resend', 'svix', {
        verify: ({ headers, body }, key, { Resend }) =>
            Boolean(
                new Resend('re_key').webhooks.verify({
                    payload: body,
                    webhookSecret: key,
                    headers: {
                        id: headers['svix-id'],
                        timestamp: headers['svix-timestamp'],
                        signature: headers['svix-signature'],
                    },
                }),
            ),
    }),
    sender('replicate', 'replicate', 'webhook', {
        verify: ({ headers, body }, key, { validateWebhook }) => validateWebhook({ headers, body }, key),
    }),
];
