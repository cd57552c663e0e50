// Where the SDKs and the gate do not agree, and why. One that is missing here, and one that is here and
// no longer so, fail the test.

const STANDARD = ['standard-webhooks', 'gitlab-signed', 'supabase', 'svix', 'anthropic', 'clerk', 'resend'];

// Buffer.from(text, 'base64' or 'hex') reads past, or stops at, all that it cannot decode.
const LENIENT_BASE64 = ['line', 'adyen-platform', 'adyen-payments', 'aws-sns', 'aws-sns-v1', 'box', 'sendgrid', 'openai'];

const ONE_TEXT = 'what a decoder drops in silence is no part of any signature; base64 and hex are read whole or not at all';
const CLOCKS = 'a delivery from the future would be fresh for longer than the window';
const OLD = 'without a window, whoever recorded a delivery may send it for ever';
const BYTES = 'the bytes that reach the backend are the bytes that were signed, not others that parse alike';

const difference = (tampering, senders, why) => ({ tampering, senders, why });

// What the SDKs accept and the gate refuses.
export const STRICTER_GATE = [
    difference(
        'signed for another topic',
        ['aws-sns', 'aws-sns-v1'],
        'Amazon signs for all its customers with one key: whoever has a topic of their own could deliver to this one',
    ),
    difference('junk behind the signature', [...LENIENT_BASE64, 'gocardless', 'twitch'], ONE_TEXT),
    difference('the signature without its padding', LENIENT_BASE64, ONE_TEXT),
    difference('unused bits of the signature set', [...LENIENT_BASE64, 'telnyx', 'plaid', 'netlify', 'monday'], ONE_TEXT),
    difference(
        'the signature header twice',
        [
            ...STANDARD,
            'openai',
            'replicate',
            'line',
            'adyen-platform',
            'gocardless',
            'box',
            'sendgrid',
            'elevenlabs',
            'stripe',
            'mux',
            'workos',
            'paddle',
            'twitch',
        ],
        'which of two headers counts differs from program to program; no sender repeats it',
    ),
    difference(
        'no version before the signature',
        ['openai'],
        'only what is marked as this version is a signature of this version',
    ),
    difference(
        'another version before the signature',
        ['replicate', 'workos'],
        'another version may be another algorithm; only what is marked as this one counts',
    ),

    difference(
        'a timestamp in the future',
        [
            'elevenlabs',
            'sendgrid',
            'stripe',
            'mux',
            'sanity',
            'slack',
            'zoom',
            'replicate',
            'hubspot-v3',
            'discord',
            'workos',
            'contentful',
            'paddle',
            'twitch',
            'aws-sns',
            'aws-sns-v1',
        ],
        CLOCKS,
    ),
    difference('a stale timestamp', ['sendgrid', 'sanity', 'zoom', 'replicate', 'discord', 'aws-sns', 'aws-sns-v1'], OLD),
    difference(
        'an expired token',
        ['atlassian-connect'],
        'the SDK leaves the times in the token to its caller; an expired one is a replay',
    ),
    difference('a token that is not valid yet', ['atlassian-connect'], 'the SDK leaves the times in the token to its caller'),
    difference(
        'text behind the timestamp',
        [...STANDARD, 'stripe', 'mux', 'contentful', 'paddle'],
        'the digits are what was signed; what the backend would read is not',
    ),

    difference('a line end added to the body', ['zoom', 'workos'], BYTES),
    difference('a body that is the signed one only after it is written with \\u escapes', ['box'], BYTES),
    difference(
        'signed over another spelling of the URL',
        ['twilio'],
        'the URL is taken as it was requested; one request has one signed text, or two with and without the port',
    ),
    difference(
        'a colon moved from one field to the next',
        ['adyen-payments'],
        'what is signed is the fields joined by colons: only one of them can hold one and leave no doubt',
    ),
    difference(
        'under the names of Standard Webhooks',
        ['svix'],
        'a location takes one set of header names; for these there is the preset standard-webhooks',
    ),
    difference(
        '"eventCode" twice, the signed one last',
        ['adyen-payments'],
        'which of two members counts differs from parser to parser; the backend may read the forged one',
    ),
    difference(
        '"Message" twice, the signed one last',
        ['aws-sns', 'aws-sns-v1'],
        'which of two members counts differs from parser to parser; the backend may read the forged one',
    ),

    difference(
        'signed as SignatureVersion 1',
        ['aws-sns'],
        'the body chooses the algorithm there; here the location does, and SHA-1 is accepted only where it is asked for',
    ),
    difference(
        'X-HubSpot-Signature-Version left out',
        ['hubspot-v1'],
        'the SDK assumes v1; the gate asks for what HubSpot sends',
    ),
    ...['a byte of the body changed', 'the body cut short', 'a line end added to the body', 'no digest of the body'].map(
        (tampering) =>
            difference(tampering, ['vonage'], 'the SDK verifies the token and leaves the digest of the body in it to its caller'),
    ),
];

// What the SDKs refuse and the gate accepts.
export const LAXER_GATE = [
    difference(
        'the signature in upper case',
        [
            'github',
            'razorpay',
            'coinbase-commerce',
            'hubspot-v1',
            'hubspot-v2',
            'elevenlabs',
            'stripe',
            'mux',
            'slack',
            'zoom',
            'workos',
            'linear',
            'contentful',
            'paddle',
        ],
        'the digits are the same bytes in either case',
    ),
    difference('the signature with padding', ['sanity'], 'padding of base64url may be there or not; the bytes are the same'),
    ...['another SignatureVersion', 'a certificate of another host'].map((tampering) =>
        difference(
            tampering,
            ['aws-sns', 'aws-sns-v1'],
            'the member is not signed and the gate does not read it: algorithm and certificate are those of the location',
        ),
    ),
];
