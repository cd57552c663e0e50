// Senders that sign the URL they deliver to, as they see it.

import { digest, hmac, randomText, secrets } from '../signing.mjs';
import { HOST, json } from './common.mjs';
import { parse, stringify } from 'node:querystring';

const array = (payload) => `[${json(payload)}]`;

export default [
    {
        name: 'square',
        sdk: 'square',
        how: 'confirmed',
        ...secrets(),
        query: 'source=a%20b',
        signsUrl: true,
        body: () => json({ merchant_id: 'M1', type: 'payment.created', event_id: '6a8f5f28-54a1-4eb0-a98a-3111513fd4fc' }),
        signature: 'x-square-hmacsha256-signature',
        encoding: 'base64',
        sign: ({ url, body }, key) => ({
            headers: { 'x-square-hmacsha256-signature': hmac('sha256', key, url + body, 'base64') },
        }),
        verify: ({ headers, url, body }, key, { WebhooksHelper }) =>
            WebhooksHelper.verifySignature({
                requestBody: body,
                signatureHeader: headers['x-square-hmacsha256-signature'],
                signatureKey: key,
                notificationUrl: url,
            }),
    },
    {
        name: 'twilio',
        sdk: 'twilio',
        how: 'signed',
        ...secrets(),
        query: "CallSid=CA1&said=it's",
        signsUrl: true,
        coversFields: true,
        contentType: 'application/x-www-form-urlencoded',
        body: () =>
            stringify({
                To: '+18005551212',
                Empty: '',
                From: '+14158675310',
                Digits: '1234',
                MediaUrl: ['b', 'a', 'b'],
                Body: 'Grüße, 5 € “15”',
            }),
        signature: 'X-Twilio-Signature',
        encoding: 'base64',
        sign: ({ url, body }, key, twilio) => ({
            headers: {
                'X-Twilio-Signature': twilio.getExpectedTwilioSignature(key, url, parse(body)),
                'I-Twilio-Idempotency-Token': 'idem-1',
            },
        }),
        verify: ({ headers, url, body }, key, twilio) =>
            twilio.validateRequest(key, headers['x-twilio-signature'], url, parse(body)),
        variants: [
            {
                name: 'signed with the port in the URL',
                make: (request, { key, sdk }) => {
                    const url = request.url.replace(HOST, `${HOST}:443`);
                    request.headers['X-Twilio-Signature'] = sdk.getExpectedTwilioSignature(key, url, parse(request.body));
                },
            },
            { name: 'without a field', make: (request, { remade }) => remade({ body: () => '' }) },
            { name: 'without a query', make: (request, { remade }) => remade({ query: '' }) },
        ],
        tamperings: [
            {
                name: 'signed over another spelling of the URL',
                make: (request, { key, sdk }) => {
                    const url = request.url.replaceAll("'", '%27');
                    request.headers['X-Twilio-Signature'] = sdk.getExpectedTwilioSignature(key, url, parse(request.body));
                },
            },
            {
                name: 'a field added',
                make: (request) => {
                    request.body += '&Extra=1';
                },
            },
            {
                name: 'a field left out',
                make: (request) => {
                    request.body = request.body.replace('Digits=1234&', '');
                },
            },
        ],
    },
    {
        name: 'twilio-json',
        preset: 'twilio',
        sdk: 'twilio',
        how: 'signed',
        ...secrets(),
        signsUrl: true,
        query: (body) => `kind=json&bodySHA256=${digest('sha256', body)}`,
        body: () => json({ sid: 'IM1', type: 'message' }),
        signature: 'X-Twilio-Signature',
        encoding: 'base64',
        sign: ({ url }, key, twilio) => ({ headers: { 'X-Twilio-Signature': twilio.getExpectedTwilioSignature(key, url, {}) } }),
        verify: ({ headers, url, body }, key, twilio) =>
            twilio.validateRequestWithBody(key, headers['x-twilio-signature'], url, body),
        tamperings: [
            {
                name: 'the body and its digest in the URL changed',
                make: (request) => {
                    request.body = request.body.replace('15', '16');
                    request.url = request.url.replace(/bodySHA256=\w+/, `bodySHA256=${digest('sha256', request.body)}`);
                },
            },
            {
                name: 'the digest left out of the URL',
                make: (request, { key, sdk }) => {
                    request.url = request.url.replace(/&bodySHA256=\w+/, '');
                    request.headers['X-Twilio-Signature'] = sdk.getExpectedTwilioSignature(key, request.url, {});
                },
            },
        ],
    },
    hubspot('v1', { signsUrl: false, signsMethod: false }),
    hubspot('v2', {}),
    {
        ...hubspot('v3', { timestamp: { header: 'X-HubSpot-Request-Timestamp', unit: 'ms', past: 300 } }),
        signature: 'X-HubSpot-Signature-v3',
        encoding: 'base64',
        required: undefined,
        sign: ({ method, url, body, time }, key, { Signature }) => ({
            headers: {
                'X-HubSpot-Signature-v3': Signature.getSignature(method, 'v3', {
                    clientSecret: key,
                    url: hubspotUrl(url),
                    requestBody: body,
                    timestamp: time,
                }),
                'X-HubSpot-Request-Timestamp': time,
            },
        }),
        verify: ({ headers, method, url, body }, key, { Signature }) =>
            Signature.isValid({
                signatureVersion: 'v3',
                signature: headers['x-hubspot-signature-v3'],
                clientSecret: key,
                method,
                url: hubspotUrl(url),
                requestBody: body,
                timestamp: headers['x-hubspot-request-timestamp'],
            }),
    },
    {
        name: 'contentful',
        sdk: '@contentful/node-apps-toolkit',
        how: 'signed',
        ...secrets(() => randomText(32)),
        query: 'locale=en-US&q=a%20b',
        signsUrl: true,
        signsMethod: true,
        body: () => json({ sys: { id: '1', type: 'Entry' } }),
        contentType: null,
        signature: 'x-contentful-signature',
        encoding: 'hex',
        timestamp: { header: 'x-contentful-timestamp', unit: 'ms', past: 30 },
        signed: ['x-contentful-topic', 'x-contentful-signed-headers'],
        sign: ({ method, url, body, time }, key, { signRequest }) => {
            const { pathname, search } = new URL(url);
            const headers = { 'x-contentful-topic': 'ContentManagement.Entry.publish', 'content-type': 'application/json' };
            return {
                headers: { ...headers, ...signRequest(key, { method, path: pathname + search, headers, body }, Number(time)) },
            };
        },
        verify: ({ headers, method, url, body }, key, { verifyRequest }) => {
            const { pathname, search } = new URL(url);
            return verifyRequest(key, { method, path: pathname + search, headers, body });
        },
        variants: [
            { name: 'without a query', make: (request, { remade }) => remade({ query: '' }) },
            { name: 'without a body', make: (request, { remade }) => remade({ body: () => '' }) },
        ],
        tamperings: [
            {
                name: 'a signed header taken off the list',
                make: ({ headers }) => {
                    headers['x-contentful-signed-headers'] = headers['x-contentful-signed-headers']
                        .replace('x-contentful-topic,', '')
                        .replace(',x-contentful-topic', '');
                    headers['x-contentful-topic'] = 'ContentManagement.Entry.delete';
                },
            },
        ],
    },
];

// In v3 these, and nothing else, are decoded, which the SDK leaves to its caller; v2 signs the URL as it is.
function hubspotUrl(url) {
    return url.replace(/%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, decodeURIComponent);
}

function hubspot(version, options) {
    return {
        name: `hubspot-${version}`,
        sdk: '@hubspot/api-client',
        how: 'signed',
        ...secrets(),
        query: 'portal=%2F62515%3A1&name=J%C3%BCrgen%20B',
        signsUrl: true,
        signsMethod: true,
        body: () => array({ eventId: 1, subscriptionType: 'contact.creation' }),
        signature: 'X-HubSpot-Signature',
        encoding: 'hex',
        required: ['X-HubSpot-Signature-Version'],
        sign: ({ method, url, body }, key, { Signature }) => ({
            headers: {
                'X-HubSpot-Signature': Signature.getSignature(method, version, {
                    clientSecret: key,
                    url,
                    requestBody: body,
                }),
                'X-HubSpot-Signature-Version': version,
            },
        }),
        verify: ({ headers, method, url, body }, key, { Signature }) =>
            Signature.isValid({
                signatureVersion: headers['x-hubspot-signature-version'],
                signature: headers['x-hubspot-signature'],
                clientSecret: key,
                method,
                url,
                requestBody: body,
            }),
        ...options,
    };
}
