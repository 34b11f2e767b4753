// Bodies that are wrong in every way: a clear 4xx with its problem, nothing changed, no worker lost.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, call, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, event, eventBody, held, staff } = require('../lib/world.js');

let olga, ann, id, booking, workers, books;

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
	id = (await event(olga)).event_id;
	booking = await held(ann, id, 1);
	workers = stack.allWorkers();
	books = stack.books();
});
after(() => {
	assert.equal(stack.books(), books, 'nothing has changed');
	assert.deepEqual(stack.allWorkers(), workers, 'no worker was lost');
	stack.verify();
});

// Every call that reads a body, with a body that would be right and whose token it takes.
const calls = () => [
	['POST', '/auth/register', { email: ann.email, password: 'wrong horse' }],
	['POST', '/auth/login', { email: ann.email, password: 'wrong horse' }],
	['POST', '/auth/refresh', { refresh_token: 'x' }],
	['POST', '/auth/logout', { refresh_token: 'x' }],
	['POST', '/register', { email: ann.email, password: 'wrong horse' }],
	['POST', '/login', { email: ann.email, password: 'wrong horse' }],
	['POST', '/bookings/hold', { event_id: id, seat_ids: ['B1'] }, ann],
	['POST', `/bookings/${booking.booking_id}/confirm`, {}, ann],
	['POST', `/bookings/${booking.booking_id}/release`, {}, ann],
	['POST', `/bookings/${booking.booking_id}/cancel`, {}, ann],
	['POST', '/seat-lock', { show_id: id, seat_ids: ['B1'] }, ann],
	['POST', '/booking/confirm', { show_id: id, seat_ids: ['B1'] }, ann],
	['POST', `/events/${id}/book`, { section_id: 'Floor', quantity: 1 }, ann],
	['POST', `/reservations/${booking.booking_id}/confirm`, {}, ann],
	['POST', '/admin/events', eventBody(), olga],
	['POST', '/events', eventBody(), olga],
	['PUT', `/admin/events/${id}`, { title: 'Changed' }, olga],
	['POST', '/admin/venues', { name: 'Hall' }, olga],
];

// One of them with this text as its body.
const send = (method, where, who, body) => call(method, where,
	{ body, token: who?.token, key: where.endsWith('/book') ? 'one-key' : undefined });

// What is no JSON, as strictly as RFC 8259 and then some: 400.
const deep = (open, close, n) => open.repeat(n) + close.repeat(n);
const malformed = {
	'only spaces': '   ',
	'a word': 'hello',
	'half an object': '{"a":',
	'no closing brace': '{"a":1',
	'two objects': '{}{}',
	'something behind it': '{} x',
	'a comma too many': '{"a":1,}',
	'a comma too many in a list': '{"a":[1,]}',
	'no comma': '{"a":1 "b":2}',
	'no colon': '{"a" 1}',
	'single quotes': "{'a':1}",
	'no quotes': '{a:1}',
	'a comment': '{/* x */}',
	'a comment of a line': '{} // x',
	'NaN': '{"a":NaN}',
	'Infinity': '{"a":-Infinity}',
	'undefined': '{"a":undefined}',
	'True': '{"a":True}',
	'a plus': '{"a":+1}',
	'a leading zero': '{"a":01}',
	'no digits behind the point': '{"a":1.}',
	'no digits before the point': '{"a":.5}',
	'an empty exponent': '{"a":1e}',
	'hexadecimal': '{"a":0x10}',
	'a lone minus': '{"a":-}',
	'an open string': '{"a":"x}',
	'an unknown escape': '{"a":"\\x41"}',
	'half an escape': '{"a":"\\u12"}',
	'a newline in a string': '{"a":"x\ny"}',
	'a tab in a string': '{"a":"x\ty"}',
	'NUL in a string': '{"a":"x\0y"}',
	'NUL behind it': '{}\0',
	'NUL before it': '\0{}',
	'NUL escaped': '{"a":"x\\u0000y"}',
	'NUL escaped in a name': '{"a\\u0000b":1}',
	'a lone high surrogate': '{"a":"\\ud800"}',
	'a lone low surrogate': '{"a":"\\udc00"}',
	'surrogates the wrong way round': '{"a":"\\udc00\\ud800"}',
	'two high surrogates': '{"a":"\\ud800\\ud800"}',
	'a surrogate in UTF-8': Buffer.from([...'{"a":"'].map((c) => c.charCodeAt(0))
		.concat(0xed, 0xa0, 0x80, 0x22, 0x7d)),
	'an overlong slash': Buffer.from('7b2261223a22c0af227d', 'hex'),
	'an overlong NUL': Buffer.from('7b2261223a22c080227d', 'hex'),
	'a lone continuation': Buffer.from('7b2261223a2280227d', 'hex'),
	'half a character': Buffer.from('7b2261223a22c3227d', 'hex'),
	'beyond Unicode': Buffer.from('7b2261223a22f4908080227d', 'hex'),
	'bytes that are never UTF-8': Buffer.from('7b2261223a22fffe227d', 'hex'),
	'Latin-1': Buffer.from('{"a":"é"}', 'latin1'),
	'UTF-16': Buffer.from('{"a":1}', 'utf16le'),
	'a byte order mark': '\ufeff{}',
	'the same name twice': '{"a":1,"a":2}',
	'the same name twice, spelt in two ways': '{"a":1,"\\u0061":2}',
	'the same name twice, deep down': '{"a":[{"b":1,"b":1}]}',
	'1,000 lists deep': `{"a":${deep('[', ']', 1000)}}`,
	'10,000 objects deep': '{"a":'.repeat(10000) + '1' + '}'.repeat(10000),
	'30,000 lists that stay open': '['.repeat(30000),
	'17 lists deep': `{"a":${deep('[', ']', 17)}}`,
};

for (const [what, body] of Object.entries(malformed)) {
	test(`no JSON: ${what}`, async () => {
		for (const [method, where, , who] of calls())
			assertProblem(await send(method, where, who, body), 400, 'malformed-request');
	});
}

test('JSON that is no object', async () => {
	for (const body of ['[]', '"text"', '1', 'true', '1e999', '[{}]', '18446744073709551616'])
		for (const [method, where, , who] of calls()) {
			const problem = assertProblem(await send(method, where, who, body), 422,
				'invalid');
			assert.equal(problem.errors[0].pointer, '');
		}
	for (const [method, where, , who] of calls()) {
		const answer = await send(method, where, who, 'null');
		assert.ok([400, 422].includes(answer.status), answer.text);
	}
});

test('an unknown field is named, in every call', async () => {
	for (const name of ['colour', 'Event_id', 'event_id ', '__proto__', 'constructor', '', 'ключ', 'a/b~c',
		'x'.repeat(5000)]) {
		for (const [method, where, body, who] of calls()) {
			const text = JSON.stringify(body).replace(/^\{/, `{${JSON.stringify(name)}:1${
				Object.keys(body).length ? ',' : ''}`);
			const { errors } = assertProblem(await send(method, where, who, text), 422, 'invalid');
			const pointer = name.replaceAll('~', '~0').replaceAll('/', '~1');
			assert.equal(errors.length, 1);
			assert.ok(`/${pointer}`.startsWith(errors[0].pointer), `${where}: ${errors[0].pointer}`);
		}
	}
});

// Values of every kind at the place of every field: never a 5xx, and 2xx only where it fits.
const values = ['null', 'true', '0', '-1', '1.5', '1e2', '1e999', '-1e999', '1e-999', '9223372036854775807',
	'9223372036854775808', '18446744073709551616', '-9223372036854775809', '2147483648',
	`1${'0'.repeat(400)}`, '""', '" "', '"x"', '"\\u202e"', '"\\ud83d\\ude00"', '"%s%n%x"',
	'"\'; drop table bookings; --"', '"../../etc/passwd"', '"{a,b}"', '"\\"\\\\"', '"NULL"', '"a:b|c,d"',
	`"${'x'.repeat(10000)}"`, '[]', '[null]', '[1]', '["x"]', '[[]]', '[{}]', '{}', '{"a":1}',
	JSON.stringify(Array.from({ length: 1000 }, (_, i) => `VIP-A-${i}`))];

test('every kind of value at every field is refused in words', async () => {
	let count = 0;
	for (const [method, where, body, who] of calls()) {
		// A right value makes something, or moves it: those are tested elsewhere.
		const fields = Object.keys(body).filter((name) => !['title', 'name', 'address'].includes(name));
		for (const name of fields) {
			await Promise.all(values.map(async (value) => {
				const others = Object.entries(body).filter(([k]) => k !== name)
					.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`);
				const text = `{${[`${JSON.stringify(name)}:${value}`, ...others].join(',')}}`;
				const answer = await send(method, where, who, text);
				count++;
				// A refresh token that nobody has is logged out already.
				if (answer.status === 204 && where === '/auth/logout' && value.startsWith('"')) return;
				assert.ok(answer.status >= 400 && answer.status < 500,
					`${where} ${name} ${value.slice(0, 50)}: ${answer.status} ${answer.text}`);
				assertProblem(answer, answer.status, answer.body.type.slice('/problems/'.length));
			}));
		}
	}
	assert.ok(count > 700);
});

test('a name that is odd stays whole', async () => {
	for (const name of ['a:b', 'a|b', 'a,b', '{1}', '*', '?', '[a-z]', '\\', 'hf:{1}:seats', '%25', "o'x", '"',
		'\u{1f3ab}', 'e\u0301', '\u202e', '​']) {
		const answer = await post('/bookings/hold', { event_id: id, seat_ids: [name] }, { token: ann.token });
		const { errors } = assertProblem(answer, 422, 'invalid');
		assert.deepEqual(errors.map((e) => e.pointer), ['/seat_ids/0']);
	}
});

test('places that are named in a wrong way are pointed at', async () => {
	const floor = (quantity) => ({ section_id: 'Floor', quantity });
	for (const [body, ...pointers] of [
		[{}, ''],
		[{ seat_ids: ['B1'], items: [{ seat_id: 'B1' }] }, ''],
		[{ seats_requested: 1 }, '/section_id'],
		[{ section_id: 'Floor' }, '/seats_requested'],
		[{ seat_ids: ['B1', '', 7, 'B1', 'x'.repeat(201)] }, '/seat_ids/1', '/seat_ids/2', '/seat_ids/3', '/seat_ids/4'],
		[{ items: [7] }, '/items/0'],
		[{ items: [{}, { seat_id: 'B1', quantity: 1 }, { section_id: 'Floor' }] }, '/items/0', '/items/1', '/items/2'],
		[{ items: [floor(1), floor(2)] }, '/items/1/section_id'],
		[{ items: [{ seat_id: 'B1' }, floor(1), { seat_id: 'B1' }] }, '/items/2/seat_id'],
	])
		assertInvalid(await post('/bookings/hold', { event_id: id, ...body }, { token: ann.token }), ...pointers);
});

test('a line, or a place in one, that is named in a wrong way is pointed at', async () => {
	const { token } = ann;
	for (const [body, pointer] of [
		[{}, '/event_id'],
		[{ ticket_type_id: id }, '/ticket_type_id'],
		[{ ticket_type_id: `${id}:Floor`, event_id: id }, '/ticket_type_id'],
		[{ ticket_type_id: `${id}:a b` }, '/ticket_type_id'],
		[{ event_id: id, section_id: 'a:b' }, '/section_id'],
	])
		assertInvalid(await post('/queue/join', body, { token }), pointer);
	assertInvalid(await get('/reservation/status'), '/token');
	assertInvalid(await get('/reservation/status', { headers: { 'x-queue-token': '' } }), '/token');
	assertProblem(await get('/reservation/status?token=a', { headers: { 'x-queue-token': 'b' } }), 400,
		'malformed-request');
});

test('twenty thousand problems are not all told', async () => {
	const body = JSON.stringify({ event_id: id, items: Array.from({ length: 500 }, () => 1) });
	const { errors } = assertProblem(await post('/bookings/hold', body, { token: ann.token }), 422, 'invalid');
	assert.ok(errors.length >= 1 && errors.length <= 50);
	const fields = `{${Array.from({ length: 5000 }, (_, i) => `"f${i}":1`).join(',')}}`;
	assert.ok(assertProblem(await post('/bookings/hold', fields, { token: ann.token }), 422, 'invalid')
		.errors.length <= 50);
});
