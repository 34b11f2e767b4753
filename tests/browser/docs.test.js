// The page /docs in a real browser: all of it comes from this server, it shows every operation, and its
// calls are real calls. What it looks like is kept in build/docs.png and build/docs-try.png.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const npm = require('../lib/npm.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

const { chromium } = npm('playwright-core');
const axe = fs.readFileSync(npm.resolve('axe-core/axe.min.js'), 'utf8');
const url = process.env.HOLDFAST_URL;
const doc = JSON.parse(fs.readFileSync(path.join(stack.tree, 'app/web/openapi.json'), 'utf8'));
const operations = Object.entries(doc.paths).flatMap(([where, item]) =>
	['get', 'post', 'put', 'delete'].filter((method) => item[method]).map((method) => ({ method, where, ...item[method] })));

const program = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`).find(fs.existsSync);
let browser;

before(async () => {
	browser = await chromium.launch({ executablePath: program, timeout: 60000,
		args: ['--disable-gpu', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])] });
});
after(() => browser?.close());

// A page, and what it asked for and complained of.
async function open(where, prepare = async () => {}) {
	const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
	const seen = { asked: [], complaints: [] };
	page.setDefaultTimeout(60000);
	page.on('request', (request) => seen.asked.push(request.url()));
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
	});
	page.on('pageerror', (error) => seen.complaints.push(error.message));
	await prepare(page);
	const answer = await page.goto(`${url}${where}`);
	assert.equal(answer.status(), 200);
	return { page, seen };
}

// The viewer lives in a shadow tree, which playwright's selectors look into.
async function shown(where) {
	const opened = await open(where);
	await opened.page.waitForSelector('.expanded-endpoint-body');
	return opened;
}

const sectionOf = (page, { method, where }) => page.locator(`[id="${method}-${where.replace(/[{}]/g, '-')}"]`);

async function accessible(page) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => globalThis.axe.run({ exclude: [['rapi-doc']] }));
	assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), []);
}

for (const where of ['/docs', '/api/v1/docs']) {
	test(`${where} shows every operation, from this server alone`, async () => {
		const { page, seen } = await shown(where);
		for (const operation of operations)
			assert.ok((await sectionOf(page, operation).innerText()).includes(operation.summary), `${operation.method} ${operation.where}`);
		assert.equal(await page.locator('.expanded-endpoint-body').count(), operations.length);
		assert.equal(await page.locator('body > main').isVisible(), false);
		assert.deepEqual(seen.asked.filter((asked) => !asked.startsWith(`${url}/`) && !asked.startsWith('data:')), []);
		assert.deepEqual(seen.complaints, []);
		await accessible(page);
		if (where === '/docs') await page.screenshot({ path: path.join(stack.tree, 'build/docs.png') });
		await page.close();
	});
}

test('a call that is tried there is a real call', async () => {
	const organizer = await world.staff();
	const event = await world.event(organizer, { title: 'An evening to be tried' });
	const { page, seen } = await shown('/docs');
	const part = sectionOf(page, { method: 'get', where: '/events/{event_id}' });
	await part.locator('[data-pname="event_id"]').fill(event.event_id);
	const [answer] = await Promise.all([page.waitForResponse(`${url}/api/v1/events/${event.event_id}`),
		part.locator('[part~="btn-try"]').click()]);
	assert.equal(answer.status(), 200);
	assert.equal((await answer.json()).title, 'An evening to be tried');
	await part.getByText('An evening to be tried').first().waitFor();
	assert.deepEqual(seen.complaints, []);
	await page.screenshot({ path: path.join(stack.tree, 'build/docs-try.png') });
	await page.close();
});

test('a token that is given there goes with the call', async () => {
	const who = await world.buyer();
	const { page } = await shown('/docs');
	const input = page.locator('#http-bearer-api-key-input');
	await input.fill(who.token);
	await page.locator('#auth button:visible').first().click();
	const part = sectionOf(page, { method: 'get', where: '/auth/me' });
	const [answer] = await Promise.all([page.waitForResponse(`${url}/api/v1/auth/me`),
		part.locator('[part~="btn-try"]').click()]);
	assert.equal(answer.status(), 200);
	assert.equal((await answer.json()).email, who.email);
	await page.close();
});

test('without its viewer the page says where the document is', async () => {
	const { page } = await open('/docs', (fresh) => fresh.route('**/rapidoc.js', (route) => route.abort()));
	await page.locator('body > main').waitFor();
	const [answer] = await Promise.all([page.waitForResponse(`${url}/openapi.json`), page.locator('body > main a').click()]);
	assert.equal((await answer.json()).info.title, 'holdfast');
	await page.close();
	const again = await open('/docs', (fresh) => fresh.route('**/rapidoc.js', (route) => route.abort()));
	await accessible(again.page);
	await again.page.close();
});
