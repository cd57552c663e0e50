// Deliveries of every sender that has an SDK, valid and tampered with, as JSON on stdout; interop.t
// sends them through the gate.
//
// A delivery is `signed` by the SDK itself, or signed by this code and `confirmed` by the SDK: it
// says yes to every valid one. The SDK is asked about every tampered one, too. The gate refuses
// these, but for a few whose tampering nobody can use; where the SDK does otherwise, differences.mjs
// says why.
//
// An entry of senders/*.mjs:
//   name          of the sender; `preset` where that is called otherwise
//   sdk           the package; `subpath` or `prepare` where its root is not what is needed;
//                 `community`: not the provider's own; `library`: for no provider
//   how           signed | confirmed
//   key, otherKey what the sender signs with; what it must not be signed with
//   secrets(key)  the texts of webhook_secret (the key itself); `secretId`, the id of all of them
//   body(time), contentType (JSON; null: sign gives it), query, ahead (seconds that its clock is fast)
//   sign({ method, url, body, time }, key, sdk), verify({ method, url, headers, body }, key, sdk)
//   signature, prefix, encoding, timestamp, signed, required, signsUrl, signsMethod, coversBody,
//   coversFields, mapSignature, dropSignature: what there is to tamper with
//   tamperings, variants: of this sender only; variants are valid

import { LAXER_GATE, STRICTER_GATE } from './differences.mjs';
import { load, versionOf, wantsLaterNode } from './sdks.mjs';
import { HOST } from './senders/common.mjs';
import { tamperingsOf } from './tamperings.mjs';

const GROUPS = ['whole_body', 'timestamped', 'standard_webhooks', 'url', 'public_key', 'in_body', 'tokens'];

// Several SDKs write to the console; stdout is ours.
for (const level of ['debug', 'error', 'info', 'log', 'warn']) console[level] = () => {};

const failures = [];

async function allSenders() {
    const modules = await Promise.all(GROUPS.map((group) => import(`./senders/${group}.mjs`)));
    const senders = modules.flatMap((module) => module.default);
    const wanted = process.argv.slice(2);
    const unknown = wanted.filter((name) => !senders.some((sender) => sender.name === name));
    if (unknown.length) throw new Error(`no such sender: ${unknown.join(' ')}`);
    return wanted.length ? senders.filter(({ name }) => wanted.includes(name)) : senders;
}

async function loadSdk(sender) {
    sender.version = versionOf(sender.sdk);
    try {
        sender.module = await (sender.prepare ? sender.prepare({ load }) : load(sender.sdk, sender.subpath));
    } catch (error) {
        if (!wantsLaterNode(sender.sdk)) throw error;
        sender.skipped = `not with Node ${process.versions.node}: ${error.message.split('\n')[0]}`;
    }
}

function timeText({ timestamp }, seconds) {
    const time = Math.floor(Date.now() / 1000 + seconds) * 1000;
    const { unit = 's', format = (milliseconds) => new Date(milliseconds).toISOString() } = timestamp ?? {};
    return { s: () => String(time / 1000), ms: () => String(time), rfc3339: () => format(time) }[unit]();
}

async function makeRequest(sender, key, seconds = sender.ahead ?? 0) {
    const time = timeText(sender, seconds);
    const method = 'POST';
    const body = sender.body(time);
    const query = typeof sender.query === 'function' ? sender.query(body) : sender.query;
    const url = `https://${HOST}/${sender.name}${query ? `?${query}` : ''}`;
    const signed = await sender.sign({ method, url, body, time }, key, sender.module);
    const { contentType = 'application/json' } = sender;
    return {
        method,
        url,
        body: signed.body ?? body,
        headers: { ...(contentType && { 'Content-Type': contentType }), ...signed.headers },
    };
}

// As Node's http hands a request to the SDK.
function received({ method, url, headers, body }) {
    const joined = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')]);
    return { method, url, body, headers: Object.fromEntries(joined) };
}

async function ask(sender, request) {
    try {
        const accepted = await sender.verify(received(request), sender.key, sender.module);
        if (typeof accepted !== 'boolean') throw new TypeError(`${sender.name}: the SDK said ${accepted}`);
        return { accepted };
    } catch (error) {
        return { accepted: false, error };
    }
}

function toSend({ method, url, headers, body }) {
    const list = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
    const { pathname, search } = new URL(url);
    // Not its own spelling of the query, but ours.
    const uri = url.slice(url.indexOf(pathname));
    if (decodeURIComponent(search) !== decodeURIComponent(uri.slice(pathname.length))) throw new Error(url);
    return { method, uri, headers: list, body: Buffer.from(body).toString('base64') };
}

const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);

async function changed(sender, { name, make }) {
    const request = await makeRequest(sender, sender.key);
    const original = structuredClone(request);
    const result =
        (await make(request, {
            sender,
            key: sender.key,
            sdk: sender.module,
            otherRequest: await makeRequest(sender, sender.otherKey),
            remade: (changes) => makeRequest({ ...sender, ...changes }, sender.key),
            signedAt: (seconds) => makeRequest(sender, sender.key, seconds),
            timeText: (seconds) => timeText(sender, (sender.ahead ?? 0) + seconds),
        })) ?? request;
    if (same(result, original)) failures.push(`${sender.name}: "${name}" changes nothing`);
    return result;
}

async function validDeliveries(sender) {
    const valid = [{ name: 'as signed', request: await makeRequest(sender, sender.key) }];
    for (const variant of sender.variants ?? []) {
        valid.push({ name: variant.name, request: await changed(sender, variant) });
    }
    for (const { name, request } of valid) {
        const { accepted, error } = await ask(sender, request);
        if (!accepted)
            failures.push(`${sender.name}: the SDK refuses the delivery "${name}"${error ? `: ${error.message}` : ''}`);
    }
    return valid.map(({ name, request }) => ({ name, ...toSend(request) }));
}

async function tamperedDeliveries(sender) {
    const tampered = [];
    for (const tampering of tamperingsOf(sender)) {
        const request = await changed(sender, tampering);
        const { accepted } = tampering.ask === false ? { accepted: null } : await ask(sender, request);
        const { name, reason, byNginx, passes } = tampering;
        tampered.push({ name, reason, byNginx, passes, accepted, ...toSend(request) });
    }
    return tampered;
}

// Where SDK and gate do not agree has to be named, and what is named has to be so.
function differencesOf({ name }, tampered) {
    const named = new Map(
        [...STRICTER_GATE, ...LAXER_GATE].filter(({ senders }) => senders.includes(name)).map((each) => [each.tampering, each]),
    );
    const found = [];
    for (const { name: tampering, accepted, passes = false } of tampered) {
        const difference = named.get(tampering);
        const differs = accepted !== null && accepted !== passes;
        const says = `${name}: the SDK ${accepted ? 'accepts' : 'refuses'} "${tampering}"`;
        if (differs && !difference) failures.push(`${says}, and differences.mjs does not name it`);
        if (!differs && difference) failures.push(`${says}, and differences.mjs names the opposite`);
        if (differs && difference) found.push({ tampering, why: difference.why, laxer: accepted ? 'sdk' : 'gate' });
        named.delete(tampering);
    }
    for (const tampering of named.keys()) failures.push(`${name}: nobody does "${tampering}", which differences.mjs names`);
    return found;
}

async function deliveriesOf(sender) {
    const { name, preset = name, sdk, version, how, community = false, library = false } = sender;
    const { secretId, signsMethod = false, signsUrl = false } = sender;
    const about = { name, preset, sdk: `${sdk}@${version}`, how, community, library, secretId, signsMethod, signsUrl };
    if (sender.skipped) return { ...about, skipped: sender.skipped };
    const valid = await validDeliveries(sender);
    const tampered = await tamperedDeliveries(sender);
    const secrets = sender.secrets ? sender.secrets(sender.key) : [sender.key];
    return { ...about, secrets, valid, tampered, differences: differencesOf(sender, tampered) };
}

const senders = await allSenders();
for (const sender of senders) await loadSdk(sender);

// The shorter the time in which it may be delivered, the later it is signed and the sooner sent.
senders.sort((one, two) => (two.timestamp?.past ?? Infinity) - (one.timestamp?.past ?? Infinity) || 0);
const deliveries = [];
for (const sender of senders) deliveries.unshift(await deliveriesOf(sender));

// SDKs may hold timers and sockets.
process.stdout.write(JSON.stringify({ host: HOST, senders: deliveries, failures }), () => process.exit(0));
