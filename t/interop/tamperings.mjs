// What is done to a valid delivery. Each is { name, make, reason? }: `make` changes the request it is
// given, or returns another; `reason` is the gate's answer where only one is right; `byNginx`: nginx
// may refuse it by itself; `passes`: the gate lets it through.

const later = 60;

const OTHER_PREFIX = {
    'sha256=': 'sha1=',
    'v1=': 'v9=',
    'v0=': 'v9=',
    'h1=': 'h9=',
    'v1,': 'v9,',
    'Bearer ': 'Basic ',
    'JWT ': 'Bearer ',
};

export function tamperingsOf(sender) {
    return [
        ...ofBody(sender),
        ...ofSignature(sender),
        ...ofTimestamp(sender),
        ...ofRequest(sender),
        ...(sender.tamperings ?? []),
    ];
}

function ofBody({ coversBody = true, coversFields }) {
    if (!coversBody) return [];
    const cases = [
        {
            name: 'a byte of the body changed',
            make: (request) => {
                request.body = request.body.replace(/15(?=”|%E2%80%9D)/, '16');
            },
        },
        {
            name: 'the body cut short',
            make: (request) => {
                request.body = request.body.slice(0, -1);
            },
        },
    ];
    // Where fields are signed, and not their bytes, this changes nothing.
    if (!coversFields)
        cases.push({
            name: 'a line end added to the body',
            make: (request) => {
                request.body += '\n';
            },
        });
    return cases;
}

function ofSignature(sender) {
    const { encoding, prefix } = sender;
    const names = [sender.signature ?? []].flat();
    const map = sender.mapSignature ?? mapHeaders(names, prefix);
    const drop = sender.dropSignature ?? (({ headers }) => names.forEach((name) => delete headers[name]));
    const mapped = (name, change) => ({ name, make: (request) => map(request, change) });

    const cases = [
        { name: 'signed with another secret', make: (request, { otherRequest }) => otherRequest },
        { name: 'the signature left out', make: drop, reason: names.length ? 'missing_signature' : undefined },
        mapped('a character of the signature changed', (text) => text.slice(0, 10) + other(text[10]) + text.slice(11)),
        mapped('the signature cut short', (text) => text.slice(0, -4)),
        mapped('the signature empty', () => ''),
    ];
    if (encoding) cases.push(mapped('junk behind the signature', (text) => text + '!!'));
    if (encoding === 'hex') cases.push({ ...mapped('the signature in upper case', (text) => text.toUpperCase()), passes: true });
    if (encoding === 'base64') cases.push(mapped('the signature without its padding', (text) => text.replace(/=+$/, '')));
    if (encoding?.startsWith('base64')) cases.push(mapped('unused bits of the signature set', withUnusedBits));
    if (names.length) {
        cases.push({
            name: 'the signature header twice',
            byNginx: names.includes('Authorization'),
            make: ({ headers }) =>
                names.forEach((name) => {
                    headers[name] = [headers[name], headers[name]];
                }),
        });
    }
    if (prefix) {
        const replaced =
            (by) =>
            ({ headers }) =>
                names.forEach((name) => {
                    headers[name] = headers[name].replaceAll(prefix, by);
                });
        cases.push({ name: 'another version before the signature', make: replaced(OTHER_PREFIX[prefix]) });
        cases.push({ name: 'no version before the signature', make: replaced('') });
    }
    return cases;
}

// The text of the signature in a header: behind the prefix, or a token's last part.
function mapHeaders(names, prefix = '') {
    return ({ headers }, change) =>
        names.forEach((name) => {
            const value = headers[name];
            const start = Math.max(
                prefix ? value.indexOf(prefix) + prefix.length : 0,
                value.split('.').length === 3 ? value.lastIndexOf('.') + 1 : 0,
            );
            const length = value.slice(start).search(/[,; ]|$/);
            headers[name] = value.slice(0, start) + change(value.slice(start, start + length)) + value.slice(start + length);
        });
}

const other = (character) => (character === '0' ? '1' : '0');

// Another text of the same bytes, for a decoder that does not look at the bits that it drops.
function withUnusedBits(text) {
    const alphabet = /[-_]/.test(text) ? '-_' : '+/';
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789' + alphabet;
    const at = text.replace(/=+$/, '').length - 1;
    return text.slice(0, at) + digits[digits.indexOf(text[at]) + 1] + text.slice(at + 1);
}

function ofTimestamp({ timestamp }) {
    if (!timestamp) return [];
    const { header, item, past, future = past } = timestamp;
    const cases = [
        { name: 'a stale timestamp', make: (request, { signedAt }) => signedAt(-(past + later)), reason: 'stale_timestamp' },
        {
            name: 'a timestamp in the future',
            make: (request, { signedAt }) => signedAt(future + later),
            reason: 'future_timestamp',
        },
    ];
    if (!header && !item) return cases;
    const replaced =
        (change) =>
        async ({ headers }, context) => {
            const name = header ?? context.sender.signature;
            headers[name] = await (item
                ? replaceItem(headers[name], item, (text) => change(text, context))
                : change(headers[name], context));
        };
    cases.push(
        { name: 'the timestamp changed', make: replaced((text, { timeText }) => timeText(1)) },
        { name: 'text behind the timestamp', make: replaced((text) => text + 'x') },
        {
            name: 'the timestamp left out',
            reason: header ? 'missing_timestamp' : undefined,
            make: ({ headers }, { sender }) => {
                if (header) delete headers[header];
                else headers[sender.signature] = headers[sender.signature].replace(new RegExp(`${item}\\d+[,;] ?`), '');
            },
        },
    );
    return cases;
}

function replaceItem(value, item, change) {
    return value.replace(new RegExp(`(${item})(\\d+)`), (all, before, text) => before + change(text));
}

function ofRequest({ signed = [], required = [], signsUrl, signsMethod }) {
    const cases = [];
    for (const name of signed) {
        cases.push({
            name: `${name} changed`,
            make: ({ headers }) => {
                headers[name] += 'x';
            },
        });
    }
    for (const name of [...signed, ...required]) {
        cases.push({
            name: `${name} left out`,
            make: ({ headers }) => {
                delete headers[name];
            },
        });
    }
    if (signsUrl) {
        cases.push({
            name: 'the query changed',
            make: (request) => {
                request.url += (request.url.includes('?') ? '&' : '?') + 'forged=1';
            },
        });
    }
    if (signsMethod)
        cases.push({
            name: 'another method',
            make: (request) => {
                request.method = 'PUT';
            },
        });
    return cases;
}
