// Senders whose receivers hold a public key.

import { generateKeyPairSync } from 'node:crypto';
import { hmac, secrets, signWithPrivateKey } from '../signing.mjs';
import { json } from './common.mjs';

// The raw key, in both encodings in which it is shown.
function ed25519() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url');
    return { privateKey, hex: raw.toString('hex'), base64: raw.toString('base64') };
}

function p256() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') };
}

const signature = (hash, { privateKey }, text) => signWithPrivateKey(hash, Buffer.from(text), privateKey);

// Whoever takes the public key for a shared secret lets everybody in.
const hmacUnderPublicKey = (header, publicText, signedText, encoding) => ({
    name: 'an HMAC under the public key',
    make: (request, { key }) => {
        request.headers[header] = hmac('sha256', publicText(key), signedText(request), encoding);
    },
});

export default [
    {
        name: 'discord',
        sdk: 'discord-interactions',
        how: 'confirmed',
        ...secrets(ed25519),
        secrets: ({ hex }) => [hex],
        body: () => json({ id: '1', type: 2, data: { name: 'ping' } }),
        signature: 'X-Signature-Ed25519',
        encoding: 'hex',
        timestamp: { header: 'X-Signature-Timestamp', unit: 's', past: 300 },
        sign: ({ body, time }, key) => ({
            headers: { 'X-Signature-Timestamp': time, 'X-Signature-Ed25519': signature(null, key, time + body).toString('hex') },
        }),
        verify: ({ headers, body }, { hex }, { verifyKey }) =>
            verifyKey(body, headers['x-signature-ed25519'], headers['x-signature-timestamp'], hex),
        tamperings: [
            hmacUnderPublicKey(
                'X-Signature-Ed25519',
                ({ hex }) => hex,
                ({ headers, body }) => headers['X-Signature-Timestamp'] + body,
                'hex',
            ),
        ],
    },
    {
        name: 'telnyx',
        sdk: 'telnyx',
        how: 'confirmed',
        ...secrets(ed25519),
        secrets: ({ base64 }) => [base64],
        body: () => json({ data: { event_type: 'message.received', id: 'b301ed3f-1490-491f-995f-6e64e69674d4' } }),
        signature: 'telnyx-signature-ed25519',
        encoding: 'base64',
        timestamp: { header: 'telnyx-timestamp', unit: 's', past: 300 },
        sign: ({ body, time }, key) => ({
            headers: {
                'telnyx-timestamp': time,
                'telnyx-signature-ed25519': signature(null, key, `${time}|${body}`).toString('base64'),
            },
        }),
        verify: async ({ headers, body }, { base64 }, { Telnyx }) =>
            Boolean(await new Telnyx({ apiKey: 'key', publicKey: base64 }).webhooks.unwrap(body, { headers })),
        tamperings: [
            hmacUnderPublicKey(
                'telnyx-signature-ed25519',
                ({ base64 }) => base64,
                ({ headers, body }) => `${headers['telnyx-timestamp']}|${body}`,
                'base64',
            ),
        ],
    },
    {
        name: 'sendgrid',
        sdk: '@sendgrid/eventwebhook',
        how: 'confirmed',
        ...secrets(p256),
        secrets: ({ spki }) => [spki],
        body: () => `[${json({ email: 'a@example.com', event: 'processed', sg_event_id: 'rWVYmVk90MjZJ9iohOBa3w==' })}]\r\n`,
        signature: 'X-Twilio-Email-Event-Webhook-Signature',
        encoding: 'base64',
        timestamp: { header: 'X-Twilio-Email-Event-Webhook-Timestamp', unit: 's', past: 600 },
        sign: ({ body, time }, key) => {
            // Its length varies; one whose base64 is padded is wanted for every tampering.
            let der;
            do der = signature('sha256', key, time + body);
            while (der.length % 3 === 0);
            return {
                headers: {
                    'X-Twilio-Email-Event-Webhook-Timestamp': time,
                    'X-Twilio-Email-Event-Webhook-Signature': der.toString('base64'),
                },
            };
        },
        verify: ({ headers, body }, { spki }, { EventWebhook }) => {
            const webhook = new EventWebhook();
            return webhook.verifySignature(
                webhook.convertPublicKeyToECDSA(spki),
                body,
                headers['x-twilio-email-event-webhook-signature'],
                headers['x-twilio-email-event-webhook-timestamp'],
            );
        },
        tamperings: [
            {
                name: 'the line end behind the body left out',
                make: (request) => {
                    request.body = request.body.trimEnd();
                },
            },
            hmacUnderPublicKey(
                'X-Twilio-Email-Event-Webhook-Signature',
                ({ spki }) => spki,
                ({ headers, body }) => headers['X-Twilio-Email-Event-Webhook-Timestamp'] + body,
                'base64',
            ),
        ],
    },
];
