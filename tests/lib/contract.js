// The API's document as a judge: what is asked and answered must be as app/web/openapi.json says.
//
// Clients are told to ignore fields that they do not know; here such a field is a mistake, since the
// document is to tell all. HOLDFAST_CONTRACT=1 has client.js show every answer to this judge.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const npm = require('./npm.js');

const doc = JSON.parse(fs.readFileSync(path.join(__dirname, '../../app/web/openapi.json'), 'utf8'));
const methods = ['get', 'put', 'post', 'delete', 'patch'];

// With every $ref replaced by what it names; what stands beside a $ref is added to it.
function whole(node) {
	if (Array.isArray(node)) return node.map(whole);
	if (node === null || typeof node !== 'object') return node;
	const { $ref, ...rest } = node;
	const own = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, whole(value)]));
	if (!$ref) return own;
	const named = $ref.slice(2).split('/').reduce((at, name) => at[name], doc);
	assert.ok(named, `${$ref} is not there`);
	return { ...whole(named), ...own };
}

// An object has the fields that are named, and no other; parts of an allOf are judged together.
function closed(schema, part) {
	if (Array.isArray(schema)) return schema.map((one) => closed(one, part));
	if (schema === null || typeof schema !== 'object') return schema;
	const out = { ...schema };
	for (const name of ['properties', '$defs'])
		if (out[name]) out[name] = Object.fromEntries(Object.entries(out[name]).map(([key, value]) => [key, closed(value)]));
	for (const name of ['items', 'additionalProperties', 'oneOf', 'anyOf'])
		if (out[name]) out[name] = closed(out[name]);
	if (out.allOf) out.allOf = closed(out.allOf, true);
	if (!part && (out.properties || out.allOf) && out.additionalProperties === undefined)
		out.unevaluatedProperties = false;
	return out;
}

const Ajv = npm('ajv/dist/2020');
const ajv = npm('ajv-formats')(new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }));
const compiled = new Map();

// What is wrong with a value, in words; null if nothing is.
function wrong(schema, value) {
	if (!compiled.has(schema)) compiled.set(schema, ajv.compile(schema));
	const validate = compiled.get(schema);
	return validate(value) ? null : ajv.errorsText(validate.errors, { dataVar: '' });
}

function assertFits(schema, value, what) {
	const fault = wrong(schema, value);
	assert.ok(!fault, `${what}: ${fault}`);
}

// Every operation: {method, template, pattern, root, operation}; those without parameters first.
const operations = Object.entries(doc.paths).flatMap(([template, item]) =>
	methods.filter((method) => item[method]).map((method) => ({
		method: method.toUpperCase(), template, operation: whole(item[method]), answers: new Map(),
		parameters: whole([...(item.parameters ?? []), ...(item[method].parameters ?? [])]),
		pattern: new RegExp(`^${template.replace(/\./g, '\\.').replace(/\{[a-z_]+\}/g, '[^/]+')}$`),
		root: (item.servers ?? []).some((server) => server.url === '/'),
	}))).sort((a, b) => a.template.split('{').length - b.template.split('{').length);

// "METHOD /path STATUS" of everything that this process has been answered.
const exercised = new Set();

// The path below /api/v1, null if there is no such thing.
function split(target) {
	const bare = target.split('?')[0];
	return bare.startsWith('/api/v1/') ? { below: bare.slice(7), root: false } : { below: bare, root: true };
}

const find = (target) => {
	const { below, root } = split(target);
	const found = operations.filter((o) => o.pattern.test(below) && (!root || o.root));
	return found.filter((o) => o.template === found[0].template);
};

const problems = Object.values(whole(doc.components.schemas)).filter((s) => s.allOf && s.properties?.type?.const);
const problemSchemas = new Map(problems.map((s) => [s.properties.type.const, closed(s)]));

// A problem is judged by its own type alone, so that what is wrong with it can be read.
function assertProblem(body, allowed, what) {
	const schema = problemSchemas.get(body?.type);
	assert.ok(schema, `${what}: no such problem is documented: ${JSON.stringify(body)}`);
	if (allowed) assert.ok(allowed.includes(body.type), `${what}: ${body.type} is not documented here`);
	assertFits(schema, body, `${what}: ${JSON.stringify(body)}`);
}

// Fields of an answer that mean something to clients: each must be told of where it comes.
const told = ['allow', 'etag', 'idempotent-replayed', 'link', 'location', 'ratelimit', 'ratelimit-policy', 'retry-after',
	'www-authenticate'];

function assertHeaders(documented = {}, headers, what) {
	const names = new Map(Object.entries(documented).map(([name, header]) => [name.toLowerCase(), header]));
	for (const [name, header] of names) {
		if (headers[name] === undefined) assert.ok(!header.required, `${what}: ${name} is missing`);
		else assertFits(header.schema, headers[name], `${what}: ${name}: ${headers[name]}`);
	}
	for (const name of told)
		assert.ok(headers[name] === undefined || names.has(name), `${what}: ${name} is not documented`);
}

function assertContent(documented, answer, head, what) {
	if (!documented.content || head) {
		assert.equal(answer.text, '', `${what}: a body is not documented`);
		return;
	}
	const type = (answer.headers['content-type'] ?? '').split(';')[0];
	const media = documented.content[type];
	assert.ok(media, `${what}: ${type} is not documented`);
	if (answer.headers['content-encoding']) return;
	if (type === 'application/problem+json') {
		const types = (media.schema.oneOf ?? [media.schema]).map((schema) => schema.properties.type.const);
		assertProblem(answer.body, types, what);
		return;
	}
	media.closed ??= closed(media.schema);
	const value = type === 'application/json' ? answer.body : answer.text;
	assertFits(media.closed, value, `${what}: ${answer.text.slice(0, 1000)}`);
}

// What was done as asked must have been asked as documented.
function assertAsked(found, target, sent, what) {
	const query = new URLSearchParams(target.split('?')[1] ?? '');
	for (const parameter of found.parameters) {
		const value = parameter.in === 'query' ? query.get(parameter.name)
			: parameter.in === 'header' ? sent.headers[parameter.name.toLowerCase()] : null;
		if (parameter.in === 'path') continue;
		if (value === null || value === undefined) {
			assert.ok(!parameter.required || sent.body?.idempotency_key || sent.body?.request_id, `${what}: ${parameter.name} is missing`);
			continue;
		}
		const typed = parameter.schema.type === 'integer' ? Number(value) : value;
		if (parameter.in === 'query')
			assertFits(parameter.schema, typed, `${what}: parameter ${parameter.name}: ${value}`);
	}
	if (!found.operation.responses[422]) return; // where no parameter is looked at
	for (const name of query.keys())
		assert.ok(found.parameters.some((p) => p.in === 'query' && p.name === name), `${what}: parameter ${name} is not documented`);
	const media = found.operation.requestBody?.content['application/json'];
	if (media && sent.body !== undefined)
		assertFits(media.schema, sent.body, `${what}: was accepted: ${JSON.stringify(sent.body).slice(0, 1000)}`);
}

// Where the document has no such operation there is 404, or 405; or the request was not even read.
function assertNowhere(method, answer, known, what) {
	if (method === 'OPTIONS' && answer.status === 204) {
		assert.ok(known && answer.headers.allow, what);
		return;
	}
	const usual = ['malformed-request', 'method-not-allowed', 'body-too-large', 'uri-too-long', 'rate-limited', 'headers-too-large',
		'unavailable', ...(known ? [] : ['not-found'])];
	assert.equal(answer.headers['content-type'], 'application/problem+json', `${what}: ${answer.text}`);
	if (method !== 'HEAD') assertProblem(answer.body, usual.map((slug) => `/problems/${slug}`), what);
	if (answer.status === 405) assert.ok(answer.headers.allow, `${what}: Allow is missing`);
}

/*
 * target: the path with its query, as it was sent. sent: {headers (names in lower case), body (the JSON that
 * was sent, if it was JSON)}. answer: as client.js gives it.
 */
function judge(method, target, sent, answer) {
	const candidates = find(target);
	const head = method === 'HEAD';
	const found = candidates.find((o) => o.method === (head ? 'GET' : method));
	const what = `${method} ${target} ${answer.status}`;
	if (!found) {
		assertNowhere(method, answer, candidates.length > 0, what);
		return;
	}
	exercised.add(`${found.method} ${found.template} ${answer.status}`);
	const documented = found.operation.responses[answer.status];
	assert.ok(documented, `${what}: this status is not documented: ${answer.text.slice(0, 500)}`);
	assertHeaders(documented.headers, answer.headers, what);
	assertContent(documented, answer, head, what);
	if (answer.status < 300) assertAsked(found, target, sent, what);
}

module.exports = { doc, exercised, judge, operations, whole };
