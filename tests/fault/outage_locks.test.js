// A lock held by somebody at psql: who needs it is told to try again within the lock's timeout, nobody
// waits for long behind them, and all goes on when the lock is gone.
'use strict';

const { Session } = require('../lib/crowd.js');
const { closing, lasts, row } = require('../lib/outage.js');

const busy = /^409 busy$/;

async function locked(statement) {
	const operator = new Session();
	try {
		await operator.say('begin');
		await operator.say(`set local search_path = holdfast`);
		await operator.say(statement);
		await lasts();
		await operator.say('rollback');
	} finally {
		await operator.close();
	}
	return Date.now();
}

row('claims are locked', { must: busy }, (sale) =>
	locked(`select from seat_claims where event_id = ${sale.event} for update`));

row('the count of a section is locked', { must: busy }, (sale) =>
	locked(`select from ga_counts where event_id = ${sale.event} for update`));

row('the event is locked', { answers: [busy] }, (sale) =>
	locked(`select from events where event_id = ${sale.event} for update`));

row('the table of events is locked', { must: busy }, () => locked('lock table events'));

row('the table of bookings is locked', { must: busy }, () => locked('lock table bookings'));

closing();
