// Pages of documentation that are run as they stand: the shell blocks of a page, one after the other in
// one shell, against the stack under test; and whether what came out is what the page shows.
//
// The block behind a block of shell shows its answer. In JSON, "…" stands for any value, as the last
// element of a list for any more of them, and as a member ("…": "…") for members that are not shown.
// In text, … stands for anything within a line.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const END = '\u001e';

const tree = path.join(__dirname, '../..');
const page = (file) => fs.readFileSync(path.join(tree, file), 'utf8');

// [{commands, form, shown}] of a page, or of the part of it under a heading.
function blocks(file, heading) {
	let text = page(file);
	if (heading) text = text.split(/^## /m).find((part) => part.startsWith(heading));
	const found = [];
	for (const [, form, body] of text.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
		if (form === 'sh') {
			found.push({ commands: body });
			continue;
		}
		assert.ok(found.length > 0 && !found.at(-1).form, `${file}: ${body} answers no command`);
		Object.assign(found.at(-1), { form, shown: body });
	}
	assert.ok(found.length > 0, `${file} has no commands`);
	return found;
}

// Runs a script in one shell: what it wrote, in its parts. Every answer of curl ends with a newline.
function shell(file, script) {
	const done = spawnSync('bash', ['-euo', 'pipefail', '-c', script.replace(/curl -s (?!-o)/g, "curl -w '\\n' -s ")],
		{ encoding: 'utf8', timeout: 240000, cwd: tree });
	assert.equal(done.status, 0, `${file}: ${done.stderr}${done.stdout}`);
	return done.stdout.split(END);
}

// Runs them; adds what each block wrote, as `output`.
function walk(file, heading) {
	const found = blocks(file, heading);
	const outputs = shell(file, found.map((b) => `${b.commands}printf '${END}'\n`).join('')
		.replace(/^URL=http:\/\/127\.0\.0\.1:8080/m, `URL=${process.env.HOLDFAST_URL}`));
	assert.equal(outputs.length, found.length + 1);
	found.forEach((b, i) => { b.output = outputs[i]; });
	return found;
}

// The shell blocks of a page that shows answers only here and there, or none.
const commands = (file) => [...page(file).matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, body]) => body);

// Runs those, behind a beginning: what each wrote. changes: what stands for what, [[of the page, instead]].
// A command with `# exit status N` behind it has to end so.
function follow(file, beginning, changes = []) {
	let script = commands(file).map((body) => `${body}printf '${END}'\n`).join('')
		.replace(/^(.*\S) +# exit status (\d+)$/gm, (_, command, status) => `ended=0\n${command} || ended=$?\n[ $ended = ${status} ]`);
	for (const [from, to] of changes) {
		assert.ok(script.includes(from), `${file} does not say ${from}`);
		script = script.replaceAll(from, to);
	}
	return shell(file, `${beginning}\nprintf '${END}'\n${script}`).slice(1, -1);
}

const rest = (value) => value === '…';

// What differs, as "where: what"; nothing if the answer is as shown.
function differs(shown, value, where = '') {
	if (rest(shown)) return [];
	if (Array.isArray(shown)) {
		if (!Array.isArray(value)) return [`${where}: no list`];
		const open = rest(shown.at(-1)) && shown.length > 1;
		const told = open ? shown.slice(0, -1) : shown;
		if (open ? value.length < told.length : value.length !== told.length)
			return [`${where}: ${value.length} elements`];
		return told.flatMap((one, i) => differs(one, value[i], `${where}/${i}`));
	}
	if (shown !== null && typeof shown === 'object') {
		if (value === null || typeof value !== 'object') return [`${where}: no object`];
		const names = Object.keys(shown).filter((name) => !rest(name));
		const more = Object.keys(value).filter((name) => !names.includes(name));
		return [...names.flatMap((name) => (name in value ? differs(shown[name], value[name], `${where}/${name}`)
			: [`${where}/${name}: missing`])),
		...('…' in shown ? [] : more.map((name) => `${where}/${name}: not shown`))];
	}
	return shown === value ? [] : [`${where}: ${JSON.stringify(value)}`];
}

// Every block that shows an answer had this answer.
function assertShown(file, found) {
	for (const { commands, form, shown, output } of found) {
		if (form === 'json')
			assert.deepEqual(differs(JSON.parse(shown), JSON.parse(output)), [], `${file}: ${commands}${output}`);
		else if (form)
			assert.match(output.replace(/\r/g, '').trim(), new RegExp(`^${shown.trim().split('…')
				.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`), `${file}: ${commands}`);
	}
}

module.exports = { assertShown, commands, differs, follow, page, walk };
