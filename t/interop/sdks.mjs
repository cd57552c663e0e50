// The SDKs, loaded from the directory that WEBHOOK_SDKS names: nothing is installed in the source tree.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { webcrypto } from 'node:crypto';

const directory = join(resolve(process.env.WEBHOOK_SDKS), 'node_modules');
const require = createRequire(join(directory, 'none.js'));

// Node 18 has Web Crypto, but not as a global; several SDKs want it there.
globalThis.crypto ??= webcrypto;

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const manifestOf = (name) => readJson(join(directory, name, 'package.json'));
const pinned = readJson(new URL('package.json', import.meta.url)).dependencies;

// Dies where the directory does not hold what package.json pins.
export function versionOf(name) {
    const installed = existsSync(join(directory, name)) ? manifestOf(name).version : 'missing';
    if (installed === pinned[name]) return installed;
    throw new Error(`${name}@${pinned[name]} is ${installed} in WEBHOOK_SDKS; run npm ci there again`);
}

// Whether the package wants a later Node than this one, by its own words.
export function wantsLaterNode(name) {
    const ranges = (manifestOf(name).engines?.node ?? '0').split('||');
    const oldest = Math.min(...ranges.map((range) => Number(range.match(/\d+/)[0])));
    return Number(process.versions.node.split('.')[0]) < oldest;
}

// The file behind an entry of a package that has ES modules only.
function moduleFile(name, subpath) {
    const manifest = manifestOf(name);
    let entry = manifest.exports[subpath] ?? (subpath === '.' ? manifest.exports : undefined);
    while (entry && typeof entry === 'object') entry = entry.import ?? entry.node ?? entry.default;
    if (!entry) throw new Error(`${name} has no ${subpath}`);
    return pathToFileURL(join(directory, name, entry));
}

// `subpath` as in an import: './webhooks'.
export async function load(name, subpath = '.') {
    try {
        return require(subpath === '.' ? name : join(name, subpath));
    } catch (error) {
        if (!['ERR_REQUIRE_ESM', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(error.code)) throw error;
        return import(moduleFile(name, subpath));
    }
}

// A module of Node's own, as the SDKs see it.
export const builtin = (name) => require(name);
