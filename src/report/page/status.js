R"js(
// Renews the page from its own URL's JSON. Values go into the page as text and as attributes of
// charts, never as markup. The words are those of src/report/wording.cpp and html_endpoint.cpp.
(() => {
    'use strict';

    const PERIOD = 5000;
    const PATIENCE = 10000;
    const MEMORY = 5 * 60 * 1000;
    const MINUTE = 60 * 1000;
    const DAY = 24 * 60 * 60 * 1000;
    const NONE = '\u2013';

    // ---- Numbers and times as words

    const count = number => String(number).replace(/\B(?=(\d{3})+$)/g, ',');
    const plural = (number, one, many) => count(number) + (Number(number) === 1 ? one : many);
    const deliveries_text = number => plural(number, ' delivery', ' deliveries');
    const short = number => number < 9.95 ? number.toFixed(1) : number.toFixed(0);
    // Counts are doubles, or exact where they are beyond those.
    function sum(counts) {
        const total = counts.reduce((so_far, each) => so_far + BigInt(each), 0n);
        return total <= Number.MAX_SAFE_INTEGER ? Number(total) : total;
    }

    function size(bytes) {
        if (bytes < 1000) return bytes + (Number(bytes) === 1 ? ' byte' : ' bytes');
        const units = [' kB', ' MB', ' GB', ' TB', ' PB'];
        let number = Number(bytes) / 1000;
        let unit = 0;
        for (; number >= 999.5 && unit + 1 < units.length; ++unit) number /= 1000;
        return short(number) + units[unit];
    }

    function duration(seconds) {
        if (seconds < 1e-3) return Math.round(seconds * 1e6) + ' \u00b5s';
        if (seconds < 1) {
            const tenths = Math.round(seconds * 1e4);
            const is_whole = tenths % 10 === 0 || tenths >= 100;
            return (is_whole ? Math.round(seconds * 1e3) : short(tenths / 10)) + ' ms';
        }
        return Math.round(seconds) + ' s';
    }

    function span(milliseconds) {
        const seconds = Math.floor(milliseconds / 1000);
        if (seconds < 60) return seconds + ' s';
        if (seconds < 3600) return Math.floor(seconds / 60) + ' min';
        if (seconds < 2 * 86400) return Math.floor(seconds / 3600) + ' h';
        return Math.floor(seconds / 86400) + ' days';
    }

    const at = text => text.slice(0, 10) + ' ' + text.slice(11, 19) + ' UTC';

    function age(text, now) {
        if (text === null) return 'never';
        const passed = now - Date.parse(text);
        if (passed <= -1000) return 'in ' + span(-passed);
        return passed < 1000 ? 'just now' : span(passed) + ' ago';
    }

    const moment = (text, now) => text === null ? 'never' : at(text) + ' (' + age(text, now) + ')';

    function share(part, whole) {
        if (Number(whole) === 0) return NONE;
        const permille = Math.round(Number(part) / Number(whole) * 1000);
        if (part > 0 && permille === 0) return '< 0.1%';
        const shown = part < whole ? Math.min(permille, 999) : 1000;
        return Math.floor(shown / 10) + (shown % 10 ? '.' + shown % 10 : '') + '%';
    }

    const percent = (part, whole) =>
        Number(whole) === 0 ? 0 : Math.round(Number(part) / Number(whole) * 100);

    // `rate` is by the second.
    function speed(rate) {
        if (rate === 0) return '0/min';
        if (rate >= 1) return short(rate) + '/s';
        return rate * 60 < 0.1 ? '< 0.1/min' : short(rate * 60) + '/min';
    }

    function quantile(histogram, part) {
        const total = sum(histogram.counts);
        if (total === 0) return NONE;
        const wanted = Math.ceil(Number(total) * part);
        let reached = 0;
        for (let i = 0; i < histogram.le.length; ++i) {
            reached += Number(histogram.counts[i]);
            if (reached >= wanted) return '\u2264 ' + duration(histogram.le[i]);
        }
        return '> ' + duration(histogram.le[histogram.le.length - 1]);
    }

    function measured(histogram) {
        const total = sum(histogram.counts);
        if (total === 0) return 'Nothing was measured yet.';
        return 'Half ' + quantile(histogram, 0.5) + ', 95% ' + quantile(histogram, 0.95) +
            ', 99% ' + quantile(histogram, 0.99) + '; ' + count(total) + ' measured.';
    }

    function path(counts) {
        const largest = Math.max(...counts.map(Number));
        return counts.map((each, i) => {
            if (Number(each) === 0) return '';
            const height = Math.max(Math.round(Number(each) / largest * 40), 1);
            return `M${i * 12} 40v-${height}h10v${height}z`;
        }).join('');
    }

    const SHAPES = {ok: '\u2713', attention: '\u25b2', failing: '\u2715'};

    // ---- What is on the page

    // Controls have shapes that no terminal and no page should obey.
    const clean = text => text.replace(/[\u0000-\u001f\u007f]/g, '\ufffd');

    function write(element, text) {
        const cleaned = clean(text);
        if (element.textContent !== cleaned) element.textContent = cleaned;
    }

    function set(element, attribute, value) {
        const text = String(value);
        if (element.getAttribute(attribute) !== text) element.setAttribute(attribute, text);
    }

    function badge(element, state) {
        set(element, 'data-state', state);
        write(element, state === 'note' ? state : SHAPES[state] + ' ' + state);
    }

    // Adds the elements that `data-f` names, below a row or outside of all rows.
    function find_fields(found, root) {
        const row = root.closest('[data-key]');
        for (const each of root.querySelectorAll('[data-f], [data-list]')) {
            if (each.closest('[data-key]') !== row) continue;
            if (each.dataset.f) found[each.dataset.f] = each;
            if (each.dataset.list) found['list_' + each.dataset.list] = each;
        }
    }

    const known = new WeakMap();
    function fields(root) {
        let found = known.get(root);
        if (!found) {
            found = {};
            find_fields(found, root);
            known.set(root, found);
        }
        return found;
    }

    // Rows and parts that the server has not written, as the module has them: no value is in them.
    const markup = JSON.parse(document.getElementById('templates').textContent);
    const templates = new Map();

    function copy_of(name) {
        let template = templates.get(name);
        if (!template) {
            template = document.createElement('template');
            template.innerHTML = markup[name];
            templates.set(name, template);
        }
        return template.content.cloneNode(true);
    }

    // Shows or hides a part, which may be empty as long as it has never applied.
    function part(f, name, applies) {
        const element = f[name];
        if (applies && element.firstChild === null) {
            element.append(copy_of(name));
            find_fields(f, element);
        }
        element.hidden = !applies;
        return applies;
    }

    // Makes the rows of a list those of the items. A row that stays keeps what it has: focus, open
    // details. Nothing is moved without need.
    function update(list, kind, items, key_of, fill) {
        const rows = new Map();
        for (const row of list.querySelectorAll(':scope > [data-key]')) {
            const key = row.dataset.key;
            rows.set(key, [...(rows.get(key) ?? []), row]);
        }
        const wanted = items.map(item => {
            const key = clean(key_of(item));
            const row = rows.get(key)?.shift() ?? copy_of(kind).firstElementChild;
            row.dataset.key = key;
            return row;
        });
        for (const row of [...rows.values()].flat()) row.remove();
        let next = list.querySelector(':scope > [data-key]');
        wanted.forEach((row, i) => {
            if (row === next) {
                next = next.nextElementSibling;
            } else {
                list.insertBefore(row, next);
            }
            fill(fields(row), items[i], row);
        });
    }

    const refusals = new Set(
        document.getElementById('report').dataset.refusals.split(' ').filter(Boolean));

    function bars(f, list, counts, none) {
        const items = counts.filter(([, number]) => Number(number) > 0);
        const total = sum(items.map(([, number]) => number));
        update(f['list_' + list], 'bars', items, ([name]) => name, (row, [name, number]) => {
            write(row.label, name);
            write(row.count, count(number));
            write(row.share, share(number, total));
            set(row.bar, 'width', percent(number, total));
        });
        part(f, 'head_' + list, items.length > 0);
        write(f['no_' + list], items.length > 0 ? '' : none);
        f['no_' + list].hidden = items.length > 0;
    }

    function histogram(f, name, values) {
        const words = measured(values);
        set(f[name + '_path'], 'd', path(values.counts));
        set(f[name + '_chart'], 'aria-label', words);
        write(f[name + '_text'], words);
    }

    // ---- Rates, from what the page has seen itself

    const seen = new Map();
    let seen_since = null;

    function remember(report, now) {
        if (report.since !== seen_since) seen.clear();
        seen_since = report.since;
        for (const {name, received} of report.endpoints) {
            const samples = seen.get(name) ?? [];
            if (samples.length > 0 && samples[samples.length - 1].now >= now) continue;
            samples.push({now, received: Number(received)});
            while (samples[0].now < now - MEMORY) samples.shift();
            seen.set(name, samples);
        }
    }

    function rates(name) {
        const samples = seen.get(name) ?? [];
        return samples.slice(1).map((each, i) => ({
            now: each.now,
            rate: Math.max(each.received - samples[i].received, 0) / (each.now - samples[i].now) * 1000
        }));
    }

    // One poll and the next tell little: the rate is that of a minute. Until the page has seen one,
    // it is the average, as the server writes it.
    function rate(f, endpoint, report, now) {
        const received = Number(endpoint.received);
        const base = (seen.get(endpoint.name) ?? []).findLast(each => each.now <= now - MINUTE);
        const passed = now - (base ? base.now : Date.parse(report.since));
        const more = Math.max(received - (base ? base.received : 0), 0);
        write(f.rate, passed > 0 ? speed(more * 1000 / passed) : NONE);
        write(f.rate_of, base ? 'last ' + span(passed) : 'on average');
        const points = rates(endpoint.name);
        f.spark.hidden = points.length < 2;
        if (points.length < 2) return;
        const highest = Math.max(...points.map(each => each.rate));
        set(f.spark_line, 'points', points.map(each => {
            const x = 100 - (now - each.now) / MEMORY * 100;
            const y = highest === 0 ? 19 : 19 - each.rate / highest * 18;
            return x.toFixed(1) + ',' + y.toFixed(1);
        }).join(' '));
        set(f.spark_chart, 'aria-label',
            `Rate over the last 5 minutes, at most ${speed(highest)}`);
    }

    // ---- The parts of the page

    function finding(f, each) {
        badge(f.state, each.state === 'ok' ? 'note' : each.state);
        write(f.endpoint, each.endpoint ? each.endpoint + ':' : '');
        write(f.text, each.text);
        write(f.more, 'docs/troubleshooting.md#' + each.code);
    }

    function safety(endpoint, report) {
        const all = sum(Object.values(endpoint.verdicts));
        const refused = sum(Object.entries(endpoint.would_refuse)
            .filter(([name]) => refusals.has(name)).map(([, number]) => number));
        let end = ' since ' + at(report.since) + '.';
        if (all === 0) return 'There was no delivery to judge by' + end;
        const duplicates = endpoint.would_refuse.duplicate ?? 0;
        if (duplicates > 0) {
            end = ', and ' + plural(duplicates, ' was a duplicate,', ' were duplicates,') + end;
        }
        const deliveries = deliveries_text(all);
        if (refused === 0) {
            return 'Safe to enforce: nothing would have been refused in ' + deliveries + end;
        }
        return 'Not safe to enforce yet: ' + count(refused) + ' of ' + deliveries +
            ' would have been refused' + end;
    }

    function all_accepted(endpoint) {
        if (sum(Object.values(endpoint.verdicts)) === 0) return 'Nothing was decided yet.';
        const monitored = endpoint.verdicts.monitored;
        if (Number(monitored) === 0) return 'Everything was accepted.';
        return 'Nothing was held back: ' + deliveries_text(monitored) +
            (Number(monitored) === 1 ? ' was' : ' were') + ' only monitored.';
    }

    function rotation(secret, newest, report, now) {
        const expires = secret.expires === null ? Infinity : Date.parse(secret.expires);
        if (expires <= now) return 'expired: can be removed';
        const last = secret.last === null ? -Infinity : Date.parse(secret.last);
        const unused = now - Date.parse(secret.last ?? report.since);
        if (unused >= 3 * DAY && last < newest) {
            return 'not used for ' + Math.floor(unused / DAY) + ' days: can be removed';
        }
        if (secret.last === null) return 'not used yet';
        if (expires - now >= 7 * DAY) return 'in use';
        return unused < DAY ? 'in use, and expires soon' : 'expires soon';
    }

    function secrets(f, endpoint, report, now) {
        const last = secret => secret.last === null ? -Infinity : Date.parse(secret.last);
        const newest = Math.max(-Infinity, ...endpoint.secrets.map(last));
        if (!part(f, 'secrets_part', endpoint.secrets.length > 0)) return;
        set(f.secrets_region, 'aria-label', clean('Secrets of ' + endpoint.name));
        update(f.list_secrets, 'secrets', endpoint.secrets, each => each.id, (row, each) => {
            write(row.id, each.id);
            write(row.matches, count(each.matches));
            write(row.last, age(each.last, now));
            write(row.expires, moment(each.expires, now));
            write(row.rotation, rotation(each, newest, report, now));
        });
    }

    function panel(f, endpoint, report, now) {
        write(f.scheme, endpoint.scheme || 'none');
        write(f.received, count(endpoint.received) + ' (' + size(endpoint.bytes) + ')');
        write(f.in_progress, count(endpoint.in_progress));
        write(f.abandoned, count(endpoint.abandoned));
        write(f.dedup_zone, endpoint.dedup_zone ?? 'none');
        for (const each of ['received', 'accepted', 'delivered', 'refused']) {
            write(f[each + '_at'], moment(endpoint.last[each], now));
        }
        if (part(f, 'monitoring', endpoint.mode === 'monitor')) {
            write(f.safety, safety(endpoint, report));
            bars(f, 'would_refuse', Object.entries(endpoint.would_refuse),
                 'Everything would have been handed on.');
        }
        bars(f, 'reasons', Object.entries(endpoint.reasons), all_accepted(endpoint));
        bars(f, 'outcomes', Object.entries(endpoint.outcomes), 'Nothing was handed on yet.');
        histogram(f, 'upstream', endpoint.upstream_seconds);
        histogram(f, 'verify', endpoint.verify_seconds);
        secrets(f, endpoint, report, now);
    }

    function health(endpoint, report) {
        const states = report.findings.filter(each => each.endpoint === endpoint.name)
            .map(each => each.state);
        return ['failing', 'attention'].find(each => states.includes(each)) ?? 'ok';
    }

    function endpoint(f, each, report, now) {
        const {verdicts, outcomes} = each;
        const asked = sum(Object.entries(outcomes).filter(([name]) => name !== 'local')
            .map(([, number]) => number));
        const state = health(each, report);
        write(f.name, each.name);
        write(f.name_again, each.name);
        write(f.mode, each.mode);
        badge(f.health, state);
        if (state === 'ok') write(f.health, '');
        f.health.hidden = state === 'ok';
        rate(f, each, report, now);
        write(f.accepted, count(verdicts.accepted));
        write(f.refused, count(verdicts.rejected));
        write(f.monitored, Number(verdicts.monitored) === 0
            ? '' : '+ ' + count(verdicts.monitored) + ' monitored');
        write(f.duplicate, count(verdicts.duplicate));
        write(f.delivered, share(outcomes['2xx'], asked));
        write(f.p95, quantile(each.upstream_seconds, 0.95));
        write(f.received_ago, age(each.last.received, now));
        write(f.delivered_ago, age(each.last.delivered, now));
        panel(f, each, report, now);
    }

    function zone(f, each) {
        const full = share(each.remembered, each.capacity);
        const room = Number(each.capacity);
        const part = room === 0 ? 0 : Number(each.remembered) / room;
        write(f.name, each.name);
        write(f.share, full);
        set(f.fill, 'aria-label', full + ' full');
        set(f.filled, 'width', Math.floor(Math.min(part, 1) * 100));
        for (const name of ['remembered', 'capacity', 'claimed', 'duplicates', 'forgotten_early',
                            'repairs']) {
            write(f[name], count(each[name]));
        }
    }

    function redis(f, each) {
        write(f.name, each.name);
        write(f.url, each.url);
        update(f.list_zones, 'zones', each.zones, zone => zone, (row, zone) => write(row.name, zone));
        write(f.connected, count(each.connected));
        write(f.away, Number(each.away) === 0 ? '' : count(each.away) + ' away');
        write(f.p95, quantile(each.round_trip_seconds, 0.95));
        for (const name of ['timeouts', 'losses', 'decided_alone', 'learned', 'commits_late',
                            'pushed_later', 'pushes_dropped', 'leases_lost', 'released_for_dead']) {
            write(f[name], count(each[name]));
        }
    }

    function file(f, each, now) {
        write(f.path, each.path);
        write(f.addresses, count(each.addresses));
        write(f.loaded, moment(each.loaded, now));
        write(f.errors, count(each.errors));
    }

    function refusal(f, each, now) {
        write(f.at, at(each.time));
        write(f.ago, age(each.time, now));
        for (const name of ['endpoint', 'reason', 'source', 'event_id', 'request_id']) {
            write(f[name], each[name]);
        }
        write(f.monitored, each.monitored ? 'only monitored' : '');
        write(f.repeated, count(each.repeated));
    }

    const page = fields(document.documentElement);

    // The choice stays, also where its endpoint has no refusal any more.
    function filter(recent) {
        if (!page.filter_by) {
            part(page, 'filter', true);
            page.filter_by.addEventListener('change', () => show_recent(latest));
        }
        const select = page.filter_by;
        const chosen = select.value;
        const names = new Set(recent.map(each => each.endpoint));
        if (chosen !== '') names.add(chosen.slice(1));
        const values = ['', ...[...names].sort().map(each => '=' + each)];
        const shown = [...select.options].map(each => each.value);
        if (values.length !== shown.length || values.some((each, i) => each !== shown[i])) {
            select.replaceChildren(...values.map(each =>
                new Option(each === '' ? 'all' : clean(each.slice(1)), each)));
            select.value = chosen;
        }
        page.filter.hidden = names.size < 2 && chosen === '';
        return chosen === '' ? recent : recent.filter(each => '=' + each.endpoint === chosen);
    }

    function show_recent(report) {
        if (!part(page, 'section_recent', report.recent !== undefined)) return;
        const shown = filter(report.recent);
        part(page, 'no_recent', shown.length === 0);
        if (!part(page, 'table_recent', shown.length > 0)) return;
        const now = Date.parse(report.now);
        update(page.list_recent, 'recent', shown, each => each.time + ' ' + each.request_id,
               (f, each) => refusal(f, each, now));
    }

    // A list in a part that is there only if there is any of it.
    function show_list(name, list, items, key_of, fill) {
        if (part(page, name, items.length > 0)) {
            update(page['list_' + list], list, items, key_of, fill);
        }
    }

    let latest;

    function show(report) {
        latest = report;
        const now = Date.parse(report.now);
        remember(report, now);
        document.title = clean(report.summary) + ' \u2013 webhooks';
        set(page.icon, 'href', page.icon.dataset[report.state]);
        badge(page.state, report.state);
        write(page.summary, report.summary);
        write(page.now, at(report.now));
        write(page.since, moment(report.since, now));
        write(page.config_loaded, age(report.config_loaded, now));
        write(page.workers, count(report.workers));
        part(page, 'no_findings', report.findings.length === 0);
        update(page.list_findings, 'findings', report.findings,
               each => each.code + ' ' + (each.endpoint ?? ''), finding);
        part(page, 'no_endpoints', report.endpoints.length === 0);
        show_list('table_endpoints', 'endpoints', report.endpoints, each => each.name,
                  (f, each) => endpoint(f, each, report, now));
        show_list('section_zones', 'dedup_zones', report.dedup_zones, each => each.name, zone);
        // During an upgrade, the old module may answer, which knows of none.
        show_list('section_redis', 'redis', report.redis ?? [], each => each.name, redis);
        show_list('section_files', 'source_files', report.source_files, each => each.path,
                  (f, each) => file(f, each, now));
        show_recent(report);
        write(page.module, report.module);
        write(page.nginx, report.nginx);
        write(page.generation, count(report.generation));
    }

    // ---- Polling

    // Numbers that a double does not hold stay exact where the browser tells their digits.
    const parse = text => JSON.parse(text, (name, value, context) =>
        Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source
            ? BigInt(context.source) : value);

    // Without what a URL may hold of credentials, with which nothing can be asked for.
    const url = location.origin + location.pathname + location.search;

    let timer;
    let is_paused = false;
    let is_asking = false;

    async function ask() {
        const giving_up = new AbortController();
        const patience = setTimeout(() => giving_up.abort(), PATIENCE);
        try {
            const response = await fetch(url, {
                headers: {Accept: 'application/json'}, cache: 'no-store', signal: giving_up.signal});
            const type = response.headers.get('Content-Type') ?? '';
            const is_json = type.startsWith('application/json');
            // No endpoint may have the name that the URL asks for: that is a report as well.
            if (!response.ok && !(response.status === 404 && is_json)) {
                throw new Error('the answer was ' + response.status);
            }
            if (!is_json) throw new Error('the answer was no report');
            const report = parse(await response.text());
            if (report.version !== 1) throw new Error('the module has another version: reload');
            return report;
        } finally {
            clearTimeout(patience);
        }
    }

    function plan() {
        clearTimeout(timer);
        if (!is_paused && !document.hidden) timer = setTimeout(poll, PERIOD);
    }

    async function poll() {
        clearTimeout(timer);
        if (is_asking) return;
        is_asking = true;
        try {
            show(await ask());
            write(page.stale, '');
            document.body.classList.remove('is-stale');
        } catch (error) {
            const reason = error.message.startsWith('the ') ? error.message : 'there was no answer';
            write(page.stale, `Stale since ${at(latest.now)}: ${reason}.`);
            document.title = clean(`Stale: ${latest.summary} \u2013 webhooks`);
            document.body.classList.add('is-stale');
        } finally {
            is_asking = false;
            plan();
        }
    }

    part(page, 'controls', true);
    page.pause.addEventListener('click', () => {
        is_paused = !is_paused;
        write(page.pause, is_paused ? 'Resume updates' : 'Pause updates');
        if (is_paused) clearTimeout(timer); else poll();
    });
    document.addEventListener('visibilitychange', () => {
        if (document.hidden) clearTimeout(timer); else if (!is_paused) poll();
    });
    write(page.url, url);
    show(parse(document.getElementById('report').textContent));
    plan();
})();
)js"
