// Compares the API's document with the code, and prints what differs, one line each:
//
//   node tests/style/openapi.js lint        what a linter of OpenAPI finds
//   node tests/style/openapi.js routes      ROUTES on standard input: what the pools print with --routes
//   node tests/style/openapi.js problems    app/base/problem.def
//   node tests/style/openapi.js lists       enumerations that are written down in the code too
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const file = 'app/web/openapi.json';
const read = (name) => fs.readFileSync(name, 'utf8');
const doc = JSON.parse(read(file));
const say = (text) => console.log(`${file}: ${text}`);

// What stands in one of the lists and not in the other.
function compare(what, documented, real, where) {
	for (const item of real) if (!documented.includes(item)) say(`${what}: ${item} is missing, which ${where} has`);
	for (const item of documented) if (!real.includes(item)) say(`${what}: ${item} is not in ${where}`);
}

async function lint() {
	const core = require('../lib/npm.js')('@redocly/openapi-core');
	const config = await core.createConfig({
		extends: ['recommended-strict'],
		rules: { 'no-invalid-parameter-examples': 'error', 'no-invalid-schema-examples': 'error', 'no-unused-components': 'error',
			'tag-description': 'error', 'operation-description': 'off', 'parameter-description': 'error' },
	});
	for (const { ruleId, message, location } of await core.lint({ ref: file, config }))
		say(`${location[0]?.pointer ?? ''} ${message} (${ruleId})`);
}

const named = (node) => (node.$ref ? node.$ref.slice(2).split('/').reduce((at, name) => at[name], doc) : node);

// Answered by the web server itself, not by a pool.
const files = ['GET /openapi.json', 'GET /docs'];

function routes() {
	const real = new Map(), accounts = new Set();
	for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
		const [, method, where, operation, flags] = line.split(' ');
		real.set(`${method} ${where}`, flags.split(','));
		if (where.startsWith('/auth/')) accounts.add(operation);
		// The introduction names all that may not be repeated with a key.
		if (method === 'POST' && !flags.split(',').includes('idempotent') && !accounts.has(operation)
			&& !doc.info.description.includes(`\`POST ${where}\``))
			say(`the introduction says that POST ${where} takes an Idempotency-Key`);
	}
	const documented = new Map();
	for (const [where, item] of Object.entries(doc.paths))
		for (const method of ['get', 'post', 'put', 'delete', 'patch'])
			if (item[method]) documented.set(`${method.toUpperCase()} ${where}`, { item, operation: item[method] });
	compare('operation', [...documented.keys()], [...real.keys(), ...files], 'app/pools/routes.def');
	for (const [name, { item, operation }] of documented) {
		const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(named);
		const flags = real.get(name) ?? ['bare'];
		const has = (flag, found, what) => {
			if (flags.includes(flag) !== found) say(`${name}: ${what} is ${found ? '' : 'not '}documented`);
		};
		compare(`${name}: parameter`, parameters.filter((p) => p.in === 'path').map((p) => p.name),
			[...name.matchAll(/\{([a-z_]+)\}/g)].map((m) => m[1]), 'its path');
		const asks = operation.security ?? [];
		const open = asks.length === 0 || asks.some((ask) => !ask.bearer);
		has('user', !open, 'that it needs a token');
		has('staff', asks.some((ask) => ask.bearer?.join() === 'organizer,admin'), 'that it is for staff');
		has('optional-user', open && asks.length > 0, 'that it takes a token');
		has('body', !!operation.requestBody, 'a body');
		has('bare', (item.servers ?? []).some((server) => server.url === '/'), 'that it answers at the root');
		const key = parameters.find((p) => p.in === 'header' && p.name === 'Idempotency-Key');
		has('idempotent', !!key, 'Idempotency-Key');
		has('key', !!key?.required, 'that it needs Idempotency-Key');
		if ((flags.includes('read') || flags.includes('write')) && !operation.responses[429])
			say(`${name}: 429 is not documented`);
		// What the payment provider tells nginx limits by itself.
		if (!['read', 'write', 'bare'].some((flag) => flags.includes(flag)) && name !== 'POST /webhooks/stripe')
			say(`${name}: no limit counts it in app/pools/routes.def`);
	}
}

// give-back and no-provider stay between the web side and the database.
function problems() {
	const real = [...read('app/base/problem.def').matchAll(/^PROBLEM\(\w+, "([^"]+)", (\d+), \S+, "([^"]+)"\)/gm)]
		.map(([, slug, status, title]) => `${slug} ${status} ${title}`).filter((row) => !/^(give-back|no-provider) /.test(row));
	const schemas = Object.values(doc.components.schemas).filter((s) => s.properties?.type?.const);
	compare('problem', schemas.map(({ properties: { type, title, status } }) =>
		`${type.const.replace('/problems/', '')} ${status.const} ${title.const}`), real, 'app/base/problem.def');
	const used = new Set([...read(file).matchAll(/schemas\/(Problem\w+)"/g)].map((m) => m[1]));
	for (const name of Object.keys(doc.components.schemas))
		if (/^Problem\w+/.test(name) && !used.has(name) && name !== 'ProblemMethodNotAllowed') say(`${name}: no operation answers it`);
}

// The words in quotes of a part of a source, from one text to another.
function words(name, from, to) {
	const text = read(name);
	const begin = text.indexOf(from);
	const end = text.indexOf(to, begin + from.length);
	if (begin < 0 || end < 0) say(`${name} has no "${from}" … "${to}"`);
	return [...text.slice(begin + from.length, end).matchAll(/["']([A-Za-z_]{2,})["']/g)].map((m) => m[1]);
}

function lists() {
	const of = (name, field) => {
		const schema = doc.components.schemas[name];
		return (field ? schema.properties[field] : schema).enum;
	};
	const check = (what, documented, ...source) => compare(what, documented, words(...source), source[0]);
	check('BookingStatus', of('BookingStatus'), 'app/pools/booking.c', 'statuses[] = {', '}');
	check('SeatStatus', of('SeatStatus'), 'app/domain/event_seats.c', '{ \'a\', ', '};');
	check('EventStatus', of('EventStatus'), 'app/domain/event_input.c', 'statuses[] = {', 'NULL');
	const reasons = [...words('app/domain/price.c', 'words[] = {', '};'), 'set_by_hand'];
	for (const reason of of('PriceChange', 'reason'))
		if (!reasons.includes(reason)) say(`PriceChange.reason: ${reason} is not in app/domain/price.c`);
	check('Account.role', of('Account', 'role'), 'sql/deploy/accounts.sql', 'role IN (', ')');
	const version = read('Makefile').match(/^VERSION := (\S+)$/m)[1];
	if (doc.info.version !== version) say(`version ${doc.info.version} is not the Makefile's ${version}`);
}

process.chdir(path.join(__dirname, '../..'));
const checks = { lint, routes, problems, lists };
checks[process.argv[2]]();
