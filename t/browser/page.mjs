// Looks at the page as people and as assistive technology do. Writes what it found as JSON, one entry for
// each test. The reports come from fixture.cpp by the server below, so that nothing depends on the time;
// those of a real nginx come from t/browser/browser.t.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const require = createRequire(join(resolve(process.env.WEBHOOK_BROWSER), 'none.js'));
const { chromium } = require('playwright-core');
const axe = require('axe-core').source;

const ADDRESS = process.argv[2];
const FIXTURES = `http://${ADDRESS}:9100`;
const MODULE = `http://${ADDRESS}:8080`;
const PROXY = `http://${ADDRESS}:8081`;
const PHONE = { width: 320, height: 640 };
const REPORTS = ['blank', 'busy', 'calm', 'monitored', 'refused', 'hostile', 'extreme'];
const PERIOD = 5000;
const PATIENCE = 60000;

const fixture = (report, tick, format) =>
    execFileSync(process.env.WEBHOOK_FIXTURE, [report, String(tick), format], { maxBuffer: 1 << 27 });
const policy = String(fixture('blank', 0, 'policy'));

// What the server answers to the page's polls: a report, at a tick that grows; or a fault.
const served = { tick: 0, report: null, fault: null, polls: 0 };

const server = createServer((request, response) => {
    // A browser asks again by itself where a connection ends that it had used before.
    response.setHeader('Connection', 'close');
    const wantsJson = request.headers.accept === 'application/json';
    const report = new URL(request.url, FIXTURES).pathname.slice(1);
    if (wantsJson) served.polls += 1;
    if (wantsJson && served.fault !== null) return served.fault(response);
    const format = wantsJson ? 'json' : 'html';
    response.setHeader('Content-Type', wantsJson ? 'application/json' : 'text/html; charset=utf-8');
    response.setHeader('Content-Security-Policy', policy);
    response.setHeader('Cache-Control', 'no-store');
    response.end(fixture((wantsJson && served.report) || report, wantsJson ? served.tick : 0, format));
});

const tests = [];
const test = (name, run) => tests.push({ name, run });

let browser;

// A tab in which everything is a fault that the page has no business with.
async function open(url, options = {}) {
    Object.assign(served, { tick: 0, report: null, fault: null, polls: 0 });
    const { expectsErrors = false, ...rest } = options;
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...rest });
    const page = await context.newPage();
    const faults = [];
    page.on('dialog', (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
    page.on('console', (message) => {
        if (!expectsErrors) faults.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
        const target = new URL(request.url());
        const isOwn = target.origin === new URL(url).origin || target.protocol === 'data:';
        if (!isOwn) faults.push(`request: ${request.url()}`);
    });
    await page.clock.install();
    await page.goto(url);
    return { page, faults, close: () => context.close() };
}

async function withPage(url, options, look) {
    const tab = await open(url, options);
    try {
        await look(tab.page);
        assert.deepEqual(tab.faults, []);
    } finally {
        await tab.close();
    }
}

// Runs what makes the page poll, once, and waits until the page has made something of the answer.
async function polling(page, act) {
    const before = served.polls;
    const isPoll = (request) => request.headers().accept === 'application/json';
    const finished = Promise.any(['requestfinished', 'requestfailed'].map((event) =>
        page.waitForEvent(event, { predicate: isPoll })));
    await act();
    await finished;
    await settle(page);
    assert.equal(served.polls, before + 1, 'one poll');
}

async function poll(page, { tick = served.tick + 1 } = {}) {
    served.tick = tick;
    await polling(page, () => page.clock.runFor(PERIOD));
}

// Time does not pass in the page by itself, but what is due is done.
async function settle(page) {
    for (let i = 0; i < 3; ++i) {
        await page.evaluate(() => new Promise((done) => {
            const channel = new MessageChannel();
            channel.port1.onmessage = done;
            channel.port2.postMessage(null);
        }));
    }
}

// For what does not happen.
async function pass(page, milliseconds) {
    await page.clock.runFor(milliseconds);
    await new Promise((done) => { setTimeout(done, 200); });
}

const field = (page, name) => page.locator(`[data-f="${name}"]:not([data-key] *)`);
const row = (page, key) => page.locator(`tbody[data-key="${key}"]`);
const openAll = (page) => page.evaluate(() => {
    for (const each of document.querySelectorAll('details')) each.open = true;
});

async function violations(page) {
    // axe waits for times to pass.
    await page.clock.resume();
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
        const rules = Object.fromEntries(globalThis.axe.getRules().map(({ ruleId }) => [ruleId, { enabled: true }]));
        const results = await globalThis.axe.run(document, { rules, resultTypes: ['violations'] });
        return results.violations.map(({ id, nodes }) =>
            `${id}: ${nodes.length} times, ${nodes.slice(0, 3).map((each) => each.html.slice(0, 200)).join(' | ')}`);
    });
    return found;
}

// What the page shows, without what only a script can do.
const shown = (page, html) => page.evaluate((text) => {
    const root = text === null ? document : new DOMParser().parseFromString(text, 'text/html');
    const copy = root.body.cloneNode(true);
    for (const each of copy.querySelectorAll('script, [data-f="controls"], [data-f="filter"], [data-f="url"]')) {
        each.remove();
    }
    // Of what does not apply, the script keeps what it once had, and the server writes nothing.
    for (const each of copy.querySelectorAll('[hidden]')) each.replaceChildren();
    const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
    const blank = [];
    while (walker.nextNode()) if (walker.currentNode.data.trim() === '') blank.push(walker.currentNode);
    for (const each of blank) each.remove();
    return [root.title, root.querySelector('link').href, copy.innerHTML.replaceAll('><', '>\n<')];
}, html);

for (const report of [...REPORTS, 'crowded']) {
    test(`the script shows of "${report}" what the server wrote`, () =>
        withPage(`${FIXTURES}/${report}`, {}, async (page) => {
            assert.deepEqual(await shown(page, null), await shown(page, String(fixture(report, 0, 'html'))));
        }));
}

for (const report of ['busy', 'monitored', 'refused', 'hostile', 'extreme']) {
    test(`the script makes of nothing the rows of "${report}"`, () =>
        withPage(`${FIXTURES}/blank`, {}, async (page) => {
            served.report = report;
            await poll(page, { tick: 0 });
            assert.deepEqual(await shown(page, null), await shown(page, String(fixture(report, 0, 'html'))));
            for (const less of ['calm', 'blank']) {
                served.report = less;
                await poll(page, { tick: 0 });
                // Of the rate, the page remembers more.
                if (less === 'calm') assert.equal(await field(page, 'section_recent').isVisible(), false);
                else assert.deepEqual(await shown(page, null), await shown(page, String(fixture(less, 0, 'html'))));
            }
        }));
}

for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [{ width: 1280, height: 900 }, PHONE]) {
        test(`axe finds nothing, ${colorScheme}, at ${viewport.width} pixels`, async () => {
            for (const report of REPORTS) {
                await withPage(`${FIXTURES}/${report}`, { colorScheme, viewport }, async (page) => {
                    await openAll(page);
                    await poll(page);
                    assert.deepEqual(await violations(page), [], report);
                });
            }
        });
    }
}

for (const width of [320, 600, 1024, 1025, 1280]) {
    test(`nothing is wider than the page at ${width} pixels`, async () => {
        for (const report of REPORTS) {
            await withPage(`${FIXTURES}/${report}`, { viewport: { width, height: 640 } }, async (page) => {
                await openAll(page);
                const wide = await page.evaluate(() => document.documentElement.scrollWidth);
                assert.ok(wide <= width, `${report}: ${wide}`);
            });
        }
    });
}

for (const report of REPORTS) {
    test(`nothing of "${report}" is hidden without script and style`, () =>
        withPage(`${FIXTURES}/${report}`, { javaScriptEnabled: false }, async (page) => {
            const hidden = await page.locator('[hidden], template').evaluateAll((all) =>
                all.map((each) => each.textContent.trim()).filter((each) => each !== ''));
            assert.deepEqual(hidden, []);
        }));
}

test('the reason of a refusal is not cut off on a phone', () =>
    withPage(`${FIXTURES}/busy`, { viewport: { width: 420, height: 800 } }, async (page) => {
        const reasons = await page.locator('[data-list="recent"] [data-f="reason"]').all();
        assert.equal(reasons.length, 3);
        for (const each of reasons) {
            const { x, width } = await each.boundingBox();
            assert.ok(width > 0 && x >= 0 && x + width <= 420, `${x} ${width}`);
        }
    }));

test('no endpoint of the name that the URL asks for is a report, not a fault', () =>
    withPage(`${FIXTURES}/busy`, { expectsErrors: true }, async (page) => {
        served.fault = (response) => response.writeHead(404, { 'Content-Type': 'application/json' })
            .end(fixture('blank', 0, 'json'));
        await poll(page);
        assert.ok(await page.getByText('There is no endpoint:').isVisible());
        assert.equal(await field(page, 'stale').innerText(), '');
    }));

test('all of it is there without script', () =>
    withPage(`${FIXTURES}/busy`, { javaScriptEnabled: false }, async (page) => {
        assert.match(await page.locator('main').innerText(), /nothing_delivered/);
        assert.equal(await row(page, 'github').locator('[data-f="accepted"]').innerText(), '47,012');
        assert.equal(await page.getByRole('button').count(), 0);
        await page.locator('summary').first().click();
        assert.ok(await page.getByText('not used for 5 days: can be removed').isVisible());
        assert.equal(await page.getByRole('img', { name: /^Half ≤ 50 ms/ }).first().isVisible(), true);
        await page.getByRole('link', { name: 'Reload' }).click();
        assert.equal(page.url(), `${FIXTURES}/busy`);
        assert.equal(served.polls, 0);
    }));

test('all of it is there under a second policy that forbids all', () =>
    withPage(`${PROXY}/strict/busy`, { expectsErrors: true }, async (page) => {
        assert.match(await page.locator('main').innerText(), /nothing_delivered/);
        assert.equal(await row(page, 'github').locator('[data-f="accepted"]').innerText(), '47,012');
        assert.equal(await field(page, 'pause').isVisible(), false);
        await page.locator('summary').first().click();
        assert.ok(await page.getByText('not used for 5 days: can be removed').isVisible());
        const sizes = await page.locator('svg:visible').evaluateAll((all) =>
            all.map((each) => each.getBoundingClientRect()).map(({ width, height }) => [width, height]));
        assert.ok(sizes.length > 5 && sizes.every(([width, height]) => width <= 200 && height <= 50), String(sizes));
    }));

test('the second policy was there', async () => {
    const response = await fetch(`${PROXY}/strict/busy`);
    assert.equal(response.headers.get('Content-Security-Policy'), `${policy}, default-src 'none'`);
});

test('the page polls its own URL, also behind a prefix', () =>
    withPage(`${PROXY}/a/b/busy?endpoint=x#here`, {}, async (page) => {
        const asked = page.waitForRequest((request) => request.headers().accept === 'application/json');
        await poll(page);
        assert.equal((await asked).url(), `${PROXY}/a/b/busy?endpoint=x`);
        assert.equal(await row(page, 'github').locator('[data-f="accepted"]').innerText(), '47,042');
        assert.ok((await page.locator('footer').innerText()).includes(`${PROXY}/a/b/busy?endpoint=x`));
    }));

test('an update changes numbers, and keeps focus and what is open', () =>
    withPage(`${FIXTURES}/calm`, {}, async (page) => {
        const github = row(page, 'github');
        const summary = github.locator('summary');
        await summary.focus();
        await page.keyboard.press('Enter');
        const before = await github.elementHandle();
        served.report = 'busy';
        await poll(page, { tick: 3 });
        assert.equal(await github.locator('[data-f="accepted"]').innerText(), '47,147');
        assert.equal(await github.locator('details').getAttribute('open'), '');
        assert.ok(await summary.evaluate((each) => each === document.activeElement));
        assert.ok(await github.evaluate((each, old) => each === old, before));
        assert.equal(await row(page, 'shopify').count(), 1);
        assert.match(await page.title(), /^1 endpoint is failing, /);
        assert.match(await page.locator('link[rel=icon]').getAttribute('href'), /c62828/);
        await poll(page);
        assert.ok(await summary.evaluate((each) => each === document.activeElement));
    }));

test('a Redis is told of as soon as there is one, and for as long', () =>
    withPage(`${FIXTURES}/monitored`, {}, async (page) => {
        const section = field(page, 'section_redis');
        assert.equal(await section.innerHTML(), '');
        served.report = 'calm';
        await poll(page, { tick: 1 });
        const fleet = page.locator('tr[data-key="fleet"]');
        assert.equal(await fleet.locator('[data-f="learned"]').innerText(), '1,284');
        assert.equal(await fleet.locator('[data-f="p95"]').innerText(), '\u2264 500 \u00b5s');
        served.report = 'busy';
        await poll(page, { tick: 2 });
        assert.equal(await fleet.locator('[data-f="learned"]').innerText(), '1,364');
        const far = page.locator('tr[data-key="other-region"]');
        assert.match(await far.innerText(), /small\s+tenants\s+3\s+1 away/);
        assert.ok(await page.getByText('The Redis "other-region" does not answer 1 of 4').isVisible());
        served.report = 'monitored';
        await poll(page, { tick: 0 });
        assert.equal(await section.isVisible(), false);
    }));

test('an older module that knows of no Redis is understood', () =>
    withPage(`${FIXTURES}/calm`, {}, async (page) => {
        served.fault = (response) => {
            const { redis, ...rest } = JSON.parse(fixture('calm', 1, 'json'));
            assert.equal(redis.length, 1);
            response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(rest));
        };
        await poll(page);
        assert.equal(await field(page, 'stale').innerText(), '');
        assert.equal(await field(page, 'section_redis').isVisible(), false);
        assert.ok(await field(page, 'section_zones').isVisible());
    }));

test('rates are those that the page has seen', () =>
    withPage(`${FIXTURES}/calm`, {}, async (page) => {
        const github = row(page, 'github');
        assert.match(await github.locator('tr').first().innerText(), /on average/);
        // Less than a minute tells little: a rate of nothing would follow twenty deliveries at once.
        for (let i = 0; i < 11; ++i) await poll(page);
        assert.equal(await github.locator('[data-f="rate"]').innerText(), '3.8/min');
        assert.match(await github.locator('tr').first().innerText(), /on average/);
        await poll(page);
        assert.equal(await github.locator('[data-f="rate"]').innerText(), '8.0/s');
        assert.match(await github.locator('tr').first().innerText(), /last 1 min/);
        for (let i = 0; i < 70; ++i) await poll(page);
        const chart = github.getByRole('img', { name: 'Rate over the last 5 minutes, at most 8.0/s' });
        assert.ok(await chart.isVisible());
        const points = (await github.locator('polyline').getAttribute('points')).split(' ');
        assert.equal(points.length, 60);
        // Where counters began anew, what was seen before says nothing.
        served.report = 'restarted';
        await poll(page);
        assert.equal(await github.locator('[data-f="rate"]').innerText(), '1.5/s');
        assert.match(await github.locator('tr').first().innerText(), /on average/);
    }));

test('a hidden tab does not poll, and one that is shown again does at once', () =>
    withPage(`${FIXTURES}/busy`, {}, async (page) => {
        const hide = (hidden) => page.evaluate((value) => {
            Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
            document.dispatchEvent(new Event('visibilitychange'));
        }, hidden);
        await poll(page);
        await hide(true);
        await pass(page, 60000);
        assert.equal(served.polls, 1);
        await polling(page, () => hide(false));
        // Also where an answer comes while it is hidden.
        const held = [];
        served.fault = (response) => held.push(response);
        await pass(page, PERIOD);
        await hide(true);
        served.fault = null;
        held[0].setHeader('Content-Type', 'application/json').end(fixture('busy', 3, 'json'));
        await page.getByText('As of 2026-11-28 10:00:15 UTC').waitFor();
        await pass(page, 60000);
        assert.equal(served.polls, 3);
    }));

test('polling can be paused and resumed', () =>
    withPage(`${FIXTURES}/busy`, {}, async (page) => {
        await page.getByRole('button', { name: 'Pause updates' }).click();
        await pass(page, 60000);
        assert.equal(served.polls, 0);
        served.tick = 1;
        await polling(page, () => page.getByRole('button', { name: 'Resume updates' }).click());
        assert.equal(await row(page, 'github').locator('[data-f="accepted"]').innerText(), '47,042');
        await poll(page);
    }));

const FAULTS = {
    'a status of 503': [(response) => response.writeHead(503).end(), 'the answer was 503'],
    'a page to log in': [
        (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<form>'),
        'the answer was no report'],
    'half an answer': [
        (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"version":'),
        'there was no answer'],
    'a connection that is closed': [(response) => response.destroy(), 'there was no answer'],
};
for (const [name, [fault, words]] of Object.entries(FAULTS)) {
    test(`${name} makes the page stale, and the next answer mends it`, () =>
        withPage(`${FIXTURES}/busy`, { expectsErrors: true }, async (page) => {
            served.fault = fault;
            await poll(page);
            const status = page.getByRole('status');
            await status.getByText(`Stale since 2026-11-28 10:00:00 UTC: ${words}.`).waitFor();
            assert.equal(await row(page, 'github').locator('[data-f="accepted"]').innerText(), '47,012');
            assert.match(await page.title(), /^Stale: 1 endpoint is failing/);
            if (name === 'a status of 503') assert.deepEqual(await violations(page), []);
            served.fault = null;
            await poll(page);
            assert.doesNotMatch(await status.innerText(), /Stale/);
            assert.match(await page.title(), /^1 endpoint is failing/);
            assert.equal(await row(page, 'github').locator('[data-f="accepted"]').innerText(), '47,072');
        }));
}

test('an answer that does not come makes the page stale', () =>
    withPage(`${FIXTURES}/busy`, { expectsErrors: true }, async (page) => {
        const held = [];
        served.fault = (response) => held.push(response);
        await pass(page, PERIOD);
        await page.clock.runFor(10000);
        await page.getByText('Stale since 2026-11-28 10:00:00 UTC: there was no answer.').waitFor();
        for (const each of held) each.destroy();
    }));

test('refusals can be filtered by endpoint', () =>
    withPage(`${FIXTURES}/busy`, {}, async (page) => {
        const rows = page.locator('[data-list="recent"] > tr');
        const select = page.getByRole('combobox', { name: 'Endpoint' });
        assert.equal(await rows.count(), 3);
        await select.selectOption({ label: 'github' });
        assert.equal(await rows.count(), 2);
        await poll(page);
        assert.equal(await rows.count(), 2);
        served.report = 'blank';
        await poll(page);
        assert.ok(await page.getByText('No refusal is remembered.', { exact: true }).isVisible());
        assert.equal(await select.inputValue(), '=github');
        await select.selectOption({ label: 'all' });
        served.report = 'busy';
        await poll(page);
        assert.equal(await rows.count(), 3);
    }));

test('the keyboard reaches all that can be used, and shows where it is', () =>
    withPage(`${FIXTURES}/busy`, {}, async (page) => {
        const seen = [];
        for (let i = 0; i < 14; ++i) {
            await page.keyboard.press('Tab');
            const at = await page.evaluate(() => {
                const { activeElement: element } = document;
                const { outlineStyle, outlineWidth } = getComputedStyle(element);
                return { name: element.innerText.split('\n')[0].trim().slice(0, 20), tag: element.tagName,
                         isVisible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
            });
            if (at.tag === 'BODY') break;
            assert.ok(at.isVisible, `${at.tag} ${at.name}`);
            seen.push(at.tag);
        }
        assert.deepEqual(seen, ['A', 'BUTTON', 'SUMMARY', 'SUMMARY', 'SUMMARY', 'SUMMARY', 'SUMMARY',
                                'DIV', 'DIV', 'DIV', 'SELECT', 'DIV']);
        await page.locator('summary').first().focus();
        await page.keyboard.press('Space');
        assert.equal(await row(page, 'github').locator('details').getAttribute('open'), '');
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), 'Secrets of github');
        await page.locator('button').focus();
        await page.keyboard.press('Enter');
        assert.ok(await page.getByRole('button', { name: 'Resume updates' }).isVisible());
    }));

test('nothing moves for those who want that', () =>
    withPage(`${FIXTURES}/busy`, { reducedMotion: 'reduce' }, async (page) => {
        await openAll(page);
        await poll(page, { tick: 9 });
        assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
        const durations = await page.locator('*').evaluateAll((all) =>
            [...new Set(all.map((each) => getComputedStyle(each).transitionDuration))]);
        assert.deepEqual(durations, ['0s']);
    }));

test('names that would like to be markup do nothing', async () => {
    for (const where of [FIXTURES, `${PROXY}/a/b`]) {
        await withPage(`${where}/hostile`, {}, async (page) => {
            await openAll(page);
            await poll(page);
            await page.locator('select').selectOption({ index: 1 });
            await poll(page);
            for (const each of await page.locator('bdi:visible').all()) await each.hover({ force: true });
            assert.equal(await page.locator('img, form, base, iframe').count(), 0);
            assert.equal(await page.evaluate(() => Object.keys({}.__proto__).length), 0);
            assert.equal(page.url(), `${where}/hostile`);
        });
    }
});

test('two hundred endpoints are shown and renewed', () =>
    withPage(`${FIXTURES}/crowded`, {}, async (page) => {
        assert.equal(await page.locator('tbody.endpoint').count(), 200);
        await poll(page, { tick: 2 });
        assert.equal(await row(page, 'tenant-6').locator('[data-f="accepted"]').innerText(), '47,024');
        const sizes = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(sizes <= 1280);
    }));

test('a real nginx counts deliveries while the page is open', () =>
    withPage(`${MODULE}/status`, {}, async (page) => {
        const deliver = (secret) => {
            const body = '{"zen":"Design for failure."}';
            const code = createHmac('sha256', secret).update(body).digest('hex');
            return fetch(`${MODULE}/hook`, {
                method: 'POST', body,
                headers: { 'X-Hub-Signature-256': `sha256=${code}`, 'X-GitHub-Event': 'ping',
                           'X-GitHub-Delivery': crypto.randomUUID() } });
        };
        const accepted = page.locator('[data-f="accepted"]').first();
        assert.equal(await accepted.innerText(), '0');
        assert.equal((await deliver('a secret of sixteen')).status, 200);
        assert.equal((await deliver('another secret of it')).status, 401);
        await page.clock.runFor(PERIOD);
        await page.getByText('just now').first().waitFor();
        await settle(page);
        assert.equal(await accepted.innerText(), '1');
        assert.equal(await page.locator('[data-f="refused"]').first().innerText(), '1');
        await page.locator('summary').first().click();
        assert.ok(await page.getByText('bad_signature').first().isVisible());
        assert.deepEqual(await violations(page), []);
    }));

test('a real nginx answers behind another one', () =>
    withPage(`${PROXY}/deep/er/status`, {}, async (page) => {
        const polled = page.waitForResponse((response) => response.request().headers().accept === 'application/json');
        await page.clock.runFor(PERIOD);
        assert.equal((await polled).url(), `${PROXY}/deep/er/status`);
        assert.equal((await (await polled).json()).version, 1);
    }));

async function takeScreenshots(directory) {
    const live = async (page) => { for (let i = 0; i < 62; ++i) await poll(page); };
    const opened = async (page) => {
        await live(page);
        await page.locator('summary').nth(0).click();
        await page.locator('summary').nth(1).click();
    };
    const stale = async (page) => {
        served.fault = (response) => response.writeHead(503).end();
        await poll(page);
    };
    const dark = { colorScheme: 'dark' };
    const phone = { viewport: PHONE };
    for (const [name, report, options, prepare] of [
        ['desktop', 'busy', {}, live], ['desktop-open', 'busy', {}, opened], ['desktop-dark', 'busy', dark, opened],
        ['phone', 'busy', phone, live], ['phone-open', 'busy', phone, opened],
        ['phone-dark', 'calm', { ...phone, ...dark }, live], ['calm', 'calm', {}, live], ['empty', 'blank', {}, settle],
        ['stale', 'calm', { expectsErrors: true }, stale], ['no-script', 'busy', { javaScriptEnabled: false }, () => {}],
        ['hostile', 'hostile', {}, settle], ['extreme', 'extreme', {}, settle]]) {
        await withPage(`${FIXTURES}/${report}`, options, async (page) => {
            await prepare(page);
            await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true });
        });
    }
    await withPage(`${PROXY}/strict/busy`, { expectsErrors: true }, (page) =>
        page.screenshot({ path: `${directory}/strict.png`, fullPage: true }));
}

await new Promise((done) => { server.listen(9100, ADDRESS, done); });
const executablePath = String(execFileSync('sh', ['-c', 'command -v chromium'])).trim();
browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const results = [];
const only = new RegExp(process.env.WEBHOOK_ONLY ?? '');
for (const { name, run } of tests.filter((each) => only.test(each.name))) {
    let timer;
    const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error('took too long')), PATIENCE); });
    try {
        await Promise.race([run(), late]);
        results.push({ name });
    } catch (error) {
        results.push({ name, error: String(error.stack ?? error) });
    }
    clearTimeout(timer);
}
if (process.env.WEBHOOK_SCREENSHOTS) await takeScreenshots(process.env.WEBHOOK_SCREENSHOTS);
await browser.close();
server.close();
server.closeAllConnections();
process.stdout.write(JSON.stringify(results));
