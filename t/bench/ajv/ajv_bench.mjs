// Ajv's side of schema.pl: node ajv_bench.mjs FOLDER_OF_DOCUMENTS FOLDER_OF_AJV
//
// It is asked and answers as schema_bench.cpp.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

const [folder, packages] = process.argv.slice(2);
const Ajv = createRequire(resolve(packages, 'package.json'))('ajv');

// What makes it fast, as long as the result is the same.
const options = {
  strict: false, allErrors: false, verbose: false, messages: false, validateSchema: false,
  validateFormats: false, logger: false, code: { optimize: 3, esm: false },
};

const cases = new Map();

function caseOf(document, schema) {
  const key = `${document}.${schema}`;
  if (!cases.has(key)) {
    const text = readFileSync(`${folder}/${document}.json`, 'utf8');
    const validate = new Ajv(options).compile(JSON.parse(readFileSync(`${folder}/${key}.json`, 'utf8')));
    // How many short documents stand between two looks at the clock.
    const batch = 1 + Math.floor(16_384 / text.length);
    cases.set(key, { text, batch, validate, value: JSON.parse(text) });
  }
  return cases.get(key);
}

const measured = {
  both: ({ text, validate }) => () => validate(JSON.parse(text)),
  parse: ({ text }) => () => JSON.parse(text) !== undefined,
  validate: ({ value, validate }) => () => validate(value),
};

// CPU time, since the other side and strangers use the machine, too.
function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function nanosecondsEach(run, batch, milliseconds) {
  const start = cpuMicroseconds();
  const end = start + milliseconds * 1000;
  let count = 0;
  let now = start;
  for (; now < end; count += batch) {
    for (let i = 0; i < batch; ++i) if (!run()) throw new Error('the document is refused');
    now = cpuMicroseconds();
  }
  return (now - start) * 1000 / count;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [document, schema, what, milliseconds] = line.split(' ');
  const each = caseOf(document, schema);
  console.log(nanosecondsEach(measured[what](each), each.batch, Number(milliseconds)).toFixed(0));
}
