// Senders whose signature stands in the body, and covers some of its members.

import { certificate, secrets, signWithPrivateKey } from '../signing.mjs';
import { builtin } from '../sdks.mjs';
import { hexKey } from './common.mjs';
import { Readable } from 'node:stream';

// Changes every text behind a member of this name.
const mapMember = (name) => (request, change) => {
    request.body = request.body.replace(
        new RegExp(`("${name}":)"([^"]*)"`, 'g'),
        (all, before, text) => `${before}${JSON.stringify(change(text))}`,
    );
};
const withoutMember = (name) => (request) => {
    request.body = request.body.replace(new RegExp(`,?"${name}":"[^"]*"`, 'g'), '');
};
const twice = (name, order) => ({
    name: `"${name}" twice, the signed one ${order}`,
    make: (request) => {
        const signed = request.body.match(new RegExp(`"${name}":"[^"]*"`))[0];
        const forged = `"${name}":"forged"`;
        request.body = request.body.replace(signed, order === 'last' ? `${forged},${signed}` : `${signed},${forged}`);
    },
});

const TOPIC = 'arn:aws:sns:us-west-2:123456789012:MyTopic';

export default [
    {
        name: 'adyen-payments',
        sdk: '@adyen/api-library',
        how: 'signed',
        ...secrets(hexKey),
        coversFields: true,
        encoding: 'base64',
        body: () => JSON.stringify({ live: 'false', notificationItems: [item('7914073381342284'), item('7914073381342285')] }),
        sign: ({ body }, key, { hmacValidator: HmacValidator }) => {
            const payload = JSON.parse(body);
            for (const { NotificationRequestItem: notification } of payload.notificationItems) {
                notification.additionalData.hmacSignature = new HmacValidator().calculateHmac(notification, key);
            }
            return { headers: {}, body: JSON.stringify(payload) };
        },
        // Every item, as Adyen tells its customers to.
        verify: ({ body }, key, { hmacValidator: HmacValidator }) =>
            JSON.parse(body).notificationItems.every(({ NotificationRequestItem: notification }) =>
                new HmacValidator().validateHMAC(notification, key),
            ),
        mapSignature: mapMember('hmacSignature'),
        dropSignature: withoutMember('hmacSignature'),
        tamperings: [
            {
                name: 'the second item changed',
                make: (request) => {
                    request.body = request.body.replace('42285', '42286');
                },
            },
            {
                name: 'an amount changed',
                make: (request) => {
                    request.body = request.body.replace('1130', '1131');
                },
            },
            {
                name: 'the second item without its signature',
                make: (request) => {
                    const at = request.body.lastIndexOf('"hmacSignature"');
                    request.body = request.body.slice(0, at) + request.body.slice(at).replace(/"hmacSignature":"[^"]*"/, '');
                },
            },
            {
                name: 'a colon moved from one field to the next',
                make: (request) => {
                    request.body = request.body
                        .replaceAll('"TestMerchant"', '"TestMerchant:Grüße"')
                        .replaceAll('"Grüße: “15”"', '" “15”"');
                },
            },
            {
                name: 'no item',
                ask: false,
                make: (request) => {
                    request.body = '{"live":"false","notificationItems":[]}';
                },
            },
            twice('eventCode', 'first'),
            twice('eventCode', 'last'),
        ],
        variants: [
            {
                name: 'of a refund, with the original reference',
                make: (request, { remade }) =>
                    remade({
                        body: () =>
                            JSON.stringify({
                                live: 'true',
                                notificationItems: [item('1', { originalReference: '0', eventCode: 'REFUND', success: 'false' })],
                            }),
                    }),
            },
        ],
    },
    sns('aws-sns', '2', [
        {
            name: 'signed as SignatureVersion 1',
            make: (request, { key }) => {
                const message = { ...JSON.parse(request.body), SignatureVersion: '1' };
                request.body = JSON.stringify({ ...message, Signature: snsSignature(message, key) });
            },
        },
    ]),
    sns('aws-sns-v1', '1', []),
];

function item(pspReference, others) {
    return {
        NotificationRequestItem: {
            additionalData: { hmacSignature: '' },
            amount: { value: 1130, currency: 'EUR' },
            pspReference,
            eventCode: 'AUTHORISATION',
            eventDate: '2026-01-01T00:00:00+01:00',
            merchantAccountCode: 'TestMerchant',
            merchantReference: 'Grüße: “15”',
            paymentMethod: 'visa',
            success: 'true',
            ...others,
        },
    };
}

function snsSignature(message, { privateKey }) {
    const names = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
    const text = names
        .filter((name) => name in message)
        .map((name) => `${name}\n${message[name]}\n`)
        .join('');
    const hash = message.SignatureVersion === '1' ? 'sha1' : 'sha256';
    return signWithPrivateKey(hash, Buffer.from(text), privateKey).toString('base64');
}

function sns(name, version, tamperings) {
    return {
        name,
        sdk: 'sns-validator',
        how: 'confirmed',
        ...secrets(certificate),
        secrets: (key) => [key.certificate],
        secretId: TOPIC,
        coversFields: true,
        encoding: 'base64',
        timestamp: { unit: 'rfc3339', past: 75 * 60, future: 5 * 60 },
        body: (time) => JSON.stringify(message(time, { Type: 'Notification', Subject: 'My First Message' })),
        sign: ({ body }, key) => {
            const message = JSON.parse(body);
            return {
                headers: { 'x-amz-sns-message-type': message.Type, 'x-amz-sns-message-id': message.MessageId },
                body: JSON.stringify({ ...message, Signature: snsSignature(message, key) }),
            };
        },
        // Its download of the certificate is answered from memory.
        verify: ({ body }, key, Validator) =>
            new Promise((accept, refuse) => {
                const https = builtin('https');
                const { get } = https;
                https.get = (url, answer) => {
                    answer(Object.assign(Readable.from([key.certificate]), { statusCode: 200 }));
                    return { on() {} };
                };
                new Validator().validate(body, (error) => (error ? refuse(error) : accept(true)));
                https.get = get;
            }),
        mapSignature: mapMember('Signature'),
        dropSignature: withoutMember('Signature'),
        tamperings: [
            { name: 'the Subject left out', make: withoutMember('Subject') },
            {
                name: 'the TopicArn changed',
                make: (request) => {
                    request.body = request.body.replace('MyTopic', 'MyTopik');
                },
            },
            {
                name: 'signed for another topic',
                make: (request, { key }) => {
                    const message = { ...JSON.parse(request.body), TopicArn: TOPIC.replace('123456789012', '210987654321') };
                    request.body = JSON.stringify({ ...message, Signature: snsSignature(message, key) });
                },
            },
            {
                name: 'a certificate of another host',
                passes: true,
                make: (request) => {
                    request.body = request.body.replace('https://sns.us-west-2.amazonaws.com', 'https://sns.example.com');
                },
            },
            {
                name: 'another SignatureVersion',
                passes: true,
                make: (request) => {
                    request.body = request.body.replace(`Version":"${version}"`, `Version":"${version === '1' ? '2' : '1'}"`);
                },
            },
            twice('Message', 'first'),
            twice('Message', 'last'),
            ...tamperings,
        ],
        variants: [
            {
                name: 'without a Subject',
                make: (request, { remade }) =>
                    remade({ body: (time) => JSON.stringify(message(time, { Type: 'Notification' })) }),
            },
            // Not UnsubscribeConfirmation: the SDK leaves out its Token, unlike Amazon's documentation.
            {
                name: 'the confirmation of a subscription',
                make: (request, { remade }) =>
                    remade({
                        body: (time) =>
                            JSON.stringify(
                                message(time, {
                                    Type: 'SubscriptionConfirmation',
                                    Token: '2336412f37f',
                                    SubscribeURL:
                                        'https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37f',
                                }),
                            ),
                    }),
            },
        ],
    };

    function message(time, others) {
        return {
            MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
            TopicArn: TOPIC,
            Message: 'lines\n\tand \\ 😀 Grüße “15”',
            Timestamp: time,
            SignatureVersion: version,
            SigningCertURL: `https://sns.us-west-2.amazonaws.com/${name}.pem`,
            ...others,
        };
    }
}
