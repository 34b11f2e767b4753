// Access tokens like those that log-in gives, for accounts that were made without it or are none.
'use strict';

const { createHmac } = require('node:crypto');
const fs = require('node:fs');

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const keys = () => /^jwt_keys_file = (.*)$/m.exec(fs.readFileSync(process.env.HOLDFAST_CONF, 'utf8'))[1];

// When the keys were last changed.
const keysSince = () => fs.statSync(keys()).mtimeMs;

// The key that signs is the first of the stack's file.
function tokenFor(sub, role, life = 900) {
	const key = fs.readFileSync(keys(), 'utf8').split('\n')[0].split(' ');
	const now = Math.floor(Date.now() / 1000);
	const head = base64({ alg: 'HS256', kid: key[0], typ: 'JWT' });
	const claims = base64({
		iss: 'holdfast', aud: 'holdfast-api', sub, role, iat: now, nbf: now, exp: now + life,
	});
	const signature = createHmac('sha256', key[1]).update(`${head}.${claims}`).digest('base64url');
	return `${head}.${claims}.${signature}`;
}

module.exports = { keysSince, tokenFor };
