// The rush at its full size on the stack under test; see tests/scenarios/rush.
'use strict';

const assert = require('node:assert/strict');

const crowd = require('../lib/crowd.js');
const { Scenario } = require('../lib/scenario.js');

async function main() {
	const scenario = new Scenario('rush', {
		as: 'rush-full', buyers: process.env.RUSH_BUYERS, speed: process.env.RUSH_SPEED, expect: ['longest-ms <= 1000'], stderr: 'inherit',
	});
	const { status, text } = await scenario.ended;
	process.stdout.write(text);
	const calls = await scenario.judge();
	console.log(`${calls} calls checked, 0 findings`);
	const report = await scenario.report({ status });
	const [[sold]] = crowd.sql(`select count(distinct position) from holdfast.seat_claims
		where event_id = ${report.event} and state = 'b'`);
	assert.equal(Number(sold), report.capacity);
	crowd.booksCheck();
	await crowd.verify([Number(report.event)]);
	console.log(`${sold} seats sold, each once; report and history are in ${scenario.dir}`);
	return status;
}

main().then((status) => { process.exitCode = status; }, (error) => {
	console.error(error);
	process.exitCode = 1;
});
