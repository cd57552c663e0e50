// What several senders have in common.

import { randomText } from '../signing.mjs';

// Every body holds this text, of which the tamperings change a byte. It is not all ASCII, so that
// bytes and characters are not the same.
const MARK = 'Grüße, 5 € — “15”';

export const json = (payload) => JSON.stringify({ ...payload, note: MARK });

// The same payload as some senders write it: indented, with an escape that a serialiser would undo.
export const prettyJson = (payload) => JSON.stringify({ ...payload, note: MARK }, null, 2).replace('ü', '\\u00fc');

export const HOST = 'hooks.example.com';

export const hexKey = () => randomText(32);
