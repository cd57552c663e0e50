// What the senders do, written without their SDKs.

import { execFileSync } from 'node:child_process';
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hmac = (hash, key, text, encoding) => createHmac(hash, key).update(text).digest(encoding);
export const digest = (hash, text, encoding = 'hex') => createHash(hash).update(text).digest(encoding);
export const randomText = (bytes = 24) => randomBytes(bytes).toString('hex');

const newWhsec = () => 'whsec_' + randomBytes(32).toString('base64');

// Two keys of a kind: the one that both ends know, and one that they do not.
export const secrets = (make = randomText) => ({ key: make(), otherKey: make() });
export const whsecSecrets = () => secrets(newWhsec);

export const base64url = (value) => Buffer.from(value).toString('base64url');

// A compact JSON Web Token; `signature` makes the last part's bytes of the others.
export function jwt(header, claims, signature) {
    const text = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.');
    return `${text}.${base64url(signature(text))}`;
}

export const hs = (bits, key) => (text) => hmac(`sha${bits}`, key, text);

// A self-signed certificate, as PEM, and its key.
export function certificate() {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const directory = mkdtempSync(join(tmpdir(), 'interop-'));
    try {
        const file = join(directory, 'key.pem');
        writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
        const command = ['req', '-x509', '-new', '-key', file, '-days', '2', '-subj', '/CN=sns.amazonaws.com'];
        return { certificate: execFileSync('openssl', command).toString(), privateKey };
    } finally {
        rmSync(directory, { recursive: true });
    }
}

export { sign as signWithPrivateKey };
