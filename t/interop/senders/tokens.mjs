// Senders that present a JSON Web Token, or the secret itself.

import { generateKeyPairSync } from 'node:crypto';
import { base64url, digest, hs, jwt, randomText, secrets, signWithPrivateKey } from '../signing.mjs';
import { json, prettyJson } from './common.mjs';

const tokenBehind = (before, { authorization = '' }) => {
    if (!authorization.startsWith(before)) throw new Error(`no ${before}`);
    return authorization.slice(before.length);
};
const parts = (token) =>
    token
        .split('.')
        .slice(0, 2)
        .map((part) => JSON.parse(Buffer.from(part, 'base64url')));

// `header` holds the token behind `before`; `again` signs header and claims as the sender does.
function tokenTamperings({ header, before = '', again, others = () => [] }) {
    const token = (name, change) => ({
        name,
        make: async (request, context) => {
            const whole = request.headers[header].slice(before.length);
            const [protectedHeader, claims] = parts(whole);
            request.headers[header] = before + (await change({ whole, protectedHeader, claims, ...context }));
        },
    });
    const claim = (name, change) =>
        token(name, ({ protectedHeader, claims, key }) => again(protectedHeader, { ...claims, ...change(claims) }, key));
    return [
        token('algorithm none', ({ protectedHeader, claims }) => jwt({ ...protectedHeader, alg: 'none' }, claims, () => '')),
        token('algorithm none, with the signature', ({ whole, claims, protectedHeader }) =>
            jwt({ ...protectedHeader, alg: 'none' }, claims, () => Buffer.from(whole.split('.')[2], 'base64url')),
        ),
        token('the claims changed', ({ whole, claims }) => {
            const [first, , last] = whole.split('.');
            return [first, base64url(JSON.stringify({ ...claims, forged: true })), last].join('.');
        }),
        token('a token of two parts', ({ whole }) => whole.split('.').slice(0, 2).join('.')),
        { ...claim('an expired token', () => ({ exp: now() - 3600 })), reason: 'stale_timestamp' },
        { ...claim('a token that is not valid yet', () => ({ nbf: now() + 3600 })), reason: 'future_timestamp' },
        ...others({ token, claim }),
    ];
}

const now = () => Math.floor(Date.now() / 1000);
const withHs = (bits) => (header, claims, key) => jwt({ ...header, alg: `HS${bits}` }, claims, hs(bits, key));
const hs512 = (token) =>
    token('HS512 under the same secret', ({ protectedHeader, claims, key }) => withHs(512)(protectedHeader, claims, key));
const textKey = (key) => new TextEncoder().encode(key);

export default [
    {
        // Plaid's SDK verifies nothing; its documentation does this with jose.
        name: 'plaid',
        sdk: 'jose',
        library: true,
        how: 'signed',
        ...secrets(es256),
        secrets: ({ jwk }) => [JSON.stringify(jwk)],
        body: () => prettyJson({ webhook_type: 'ITEM', webhook_code: 'ERROR' }),
        signature: 'Plaid-Verification',
        encoding: 'base64url',
        timestamp: { unit: 's', past: 300 },
        sign: async ({ body, time }, { privateKey, jwk }, jose) => ({
            headers: {
                'Plaid-Verification': await new jose.SignJWT({ request_body_sha256: digest('sha256', body) })
                    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: jwk.kid })
                    .setIssuedAt(Number(time))
                    .sign(privateKey),
            },
        }),
        verify: async ({ headers, body }, { jwk }, jose) => {
            const key = await jose.importJWK(jwk, 'ES256');
            const { payload } = await jose.jwtVerify(headers['plaid-verification'], key, {
                algorithms: ['ES256'],
                maxTokenAge: '5 min',
            });
            return payload.request_body_sha256 === digest('sha256', body);
        },
        tamperings: tokenTamperings({
            header: 'Plaid-Verification',
            again: (header, claims, { privateKey }) => jwt(header, claims, es(privateKey)),
            others: ({ token, claim }) => [
                token('HS256 under the JWK', ({ protectedHeader, claims, key }) =>
                    withHs(256)(protectedHeader, claims, JSON.stringify(key.jwk)),
                ),
                token('HS256 under the public key in PEM', ({ protectedHeader, claims, key }) =>
                    withHs(256)(protectedHeader, claims, key.pem),
                ),
                claim('no digest of the body', () => ({ request_body_sha256: undefined })),
                claim('no time', () => ({ iat: undefined })),
            ],
        }),
    },
    {
        name: 'vonage',
        sdk: '@vonage/jwt',
        how: 'confirmed',
        ...secrets(),
        body: () => json({ message_uuid: 'aaaaaaaa', channel: 'sms' }),
        signature: 'Authorization',
        prefix: 'Bearer ',
        encoding: 'base64url',
        sign: ({ body, time }, key) => {
            const claims = {
                iat: Number(time),
                jti: 'c5ba8f24',
                iss: 'Vonage',
                payload_hash: digest('sha256', body),
                api_key: 'a1',
            };
            return { headers: { Authorization: `Bearer ${withHs(256)({ typ: 'JWT' }, claims, key)}` } };
        },
        variants: [
            {
                name: 'without a body, and without its digest',
                make: (request, { key }) => {
                    request.body = '';
                    const claims = { iat: Math.floor(Date.now() / 1000), jti: 'c5ba8f25', iss: 'Vonage' };
                    request.headers.Authorization = `Bearer ${withHs(256)({ typ: 'JWT' }, claims, key)}`;
                },
            },
        ],
        verify: ({ headers }, key, { verifySignature }) => verifySignature(tokenBehind('Bearer ', headers), key),
        tamperings: tokenTamperings({
            header: 'Authorization',
            before: 'Bearer ',
            again: withHs(256),
            others: ({ token, claim }) => [hs512(token), claim('no digest of the body', () => ({ payload_hash: undefined }))],
        }),
    },
    {
        // As Netlify's documentation does it, with a library for JSON Web Tokens.
        name: 'netlify',
        sdk: 'jose',
        library: true,
        how: 'signed',
        ...secrets(),
        body: () => json({ id: '5c9', state: 'ready' }),
        signature: 'X-Webhook-Signature',
        encoding: 'base64url',
        sign: async ({ body }, key, jose) => ({
            headers: {
                'X-Netlify-Event': 'deploy_created',
                'X-Webhook-Signature': await new jose.SignJWT({ sha256: digest('sha256', body), iss: 'netlify' })
                    .setProtectedHeader({ alg: 'HS256' })
                    .sign(textKey(key)),
            },
        }),
        verify: async ({ headers, body }, key, jose) => {
            const { payload } = await jose.jwtVerify(headers['x-webhook-signature'], textKey(key), {
                algorithms: ['HS256'],
                issuer: 'netlify',
            });
            return payload.sha256 === digest('sha256', body);
        },
        tamperings: tokenTamperings({
            header: 'X-Webhook-Signature',
            again: withHs(256),
            others: ({ token, claim }) => [
                hs512(token),
                claim('another issuer', () => ({ iss: 'netlify.example' })),
                claim('no digest of the body', () => ({ sha256: undefined })),
            ],
        }),
    },
    {
        // As monday's documentation does it, with a library for JSON Web Tokens.
        name: 'monday',
        sdk: 'jose',
        library: true,
        how: 'signed',
        ...secrets(),
        body: () => json({ event: { type: 'create_pulse' } }),
        coversBody: false,
        query: 'board=1',
        signsUrl: true,
        signature: 'Authorization',
        encoding: 'base64url',
        sign: async ({ url, time }, key, jose) => ({
            headers: {
                Authorization: await new jose.SignJWT({ accountId: 1 })
                    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
                    .setIssuedAt(Number(time))
                    .setExpirationTime(Number(time) + 300)
                    .setAudience(url)
                    .sign(textKey(key)),
            },
        }),
        verify: async ({ headers, url }, key, jose) =>
            Boolean(await jose.jwtVerify(headers.authorization, textKey(key), { algorithms: ['HS256'], audience: url })),
        tamperings: tokenTamperings({ header: 'Authorization', again: withHs(256), others: ({ token }) => [hs512(token)] }),
    },
    {
        name: 'atlassian-connect',
        sdk: 'atlassian-jwt',
        how: 'signed',
        ...secrets(),
        body: () => json({ webhookEvent: 'jira:issue_created' }),
        coversBody: false,
        query: 'user_id=admin&b=x%20y&a=2&a=1',
        signsUrl: true,
        signsMethod: true,
        signature: 'Authorization',
        prefix: 'JWT ',
        encoding: 'base64url',
        variants: [{ name: 'without a query', make: (request, { remade }) => remade({ query: '' }) }],
        sign: ({ method, url, time }, key, sdk) => {
            const qsh = sdk.createQueryStringHash(sdk.fromMethodAndUrl(method, url));
            const claims = { iss: 'jira:1', iat: Number(time), exp: Number(time) + 180, qsh };
            return { headers: { Authorization: `JWT ${sdk.encodeSymmetric(claims, key)}` } };
        },
        verify: ({ headers, method, url }, key, sdk) => {
            const claims = sdk.decodeSymmetric(tokenBehind('JWT ', headers), key, 'HS256');
            return claims.qsh === sdk.createQueryStringHash(sdk.fromMethodAndUrl(method, url));
        },
        tamperings: tokenTamperings({
            header: 'Authorization',
            before: 'JWT ',
            again: withHs(256),
            others: ({ token, claim }) => [
                hs512(token),
                claim('no hash of the query', () => ({ qsh: undefined })),
                claim('the hash of no request', () => ({ qsh: 'context-qsh' })),
            ],
        }),
    },
    {
        // Telegram has no SDK.
        name: 'telegram',
        sdk: 'grammy',
        community: true,
        how: 'confirmed',
        ...secrets(),
        body: () =>
            json({ update_id: 10000, message: { message_id: 1, date: 1, chat: { id: 1, type: 'private', first_name: 'A' } } }),
        coversBody: false,
        signature: 'X-Telegram-Bot-Api-Secret-Token',
        sign: (message, key) => ({ headers: { 'X-Telegram-Bot-Api-Secret-Token': key } }),
        verify: async ({ headers, method, url, body }, key, { Bot, webhookCallback }) => {
            const bot = new Bot('123:abc', { botInfo: { id: 1, is_bot: true, first_name: 'b', username: 'b' } });
            let updated = false;
            bot.use(() => {
                updated = true;
            });
            const response = await webhookCallback(bot, 'std/http', { secretToken: key })(
                new Request(url, { method, headers, body }),
            );
            return response.status === 200 && updated;
        },
    },
];

function es256() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = { alg: 'ES256', use: 'sig', kid: randomText(16), ...publicKey.export({ format: 'jwk' }) };
    return { privateKey, jwk, pem: publicKey.export({ type: 'spki', format: 'pem' }) };
}

// The two numbers side by side.
const es = (privateKey) => (text) =>
    signWithPrivateKey('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
