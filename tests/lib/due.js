// Very many bookings at once: such as are due, for the janitor, and such as are not.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { execFileSync, spawn } = require('node:child_process');
const path = require('node:path');

const { env } = process;

/*
 * Holds of the event's seats from 0 on (section 0) and of as many places (section 1), one each, by
 * these users in turn, until `deadline`. They are written as they would stand, past the guards, for which
 * this would be too many at once.
 */
function holdsMake(event, users, seats, places, deadline) {
  const head = `${event.toString(16).padStart(8, '0')}-${randomBytes(2).toString('hex')}-8000-9000-`;
  const url = env.DATABASE_URL.replace('//holdfast_owner@', '//postgres@');
  execFileSync('psql', [url, '-XAtq', '-v', 'ON_ERROR_STOP=1'], { input: `
    set search_path = holdfast, public;
    set session_replication_role = replica;
    create temporary table due as
      select i, ('${head}' || lpad(to_hex(i), 12, '0'))::uuid as id, i < ${seats} as seat,
          ${deadline} as at, (i % ${users.length} + 1)::int as buyer
        from generate_series(0, ${seats + places} - 1) as i;
    insert into bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
        quantities, section_prices, total, currency, created_at, first_expires_at, expires_at)
      select ${event}, id, ('{${users}}'::uuid[])[buyer], 1,
          case when seat then array[i] else '{}' end, case when seat then '{1500}'::bigint[] else '{}' end,
          case when seat then '{}'::smallint[] else '{1}' end, case when seat then '{}'::int[] else '{1}' end,
          case when seat then '{}'::bigint[] else '{1000}' end, case when seat then 1500 else 1000 end,
          'EUR', least(at, now()) - interval '10 minutes', at, at
        from due;
    insert into seat_claims (event_id, position, booking_id, state, expires_at)
      select ${event}, i, id, 'h', at from due where seat order by random();
    insert into ga_claims (event_id, section_no, booking_id, quantity, state, expires_at)
      select ${event}, 1, id, 1, 'h', at from due where not seat order by random();
    update ga_counts set taken = taken + ${places} where event_id = ${event} and section_no = 1;
    analyze bookings, seat_claims, ga_claims` });
}

// Such as were due a minute ago.
const dueMake = (event, users, seats, places) =>
  holdsMake(event, users, seats, places, "now() - interval '1 minute'");

// A run of the janitor until nothing is due; resolves to what its summary says.
function janitor() {
  const child = spawn(path.join(env.HOLDFAST_BIN, 'holdfast-janitor'),
    ['--config', env.HOLDFAST_CONF, '--for', '600'], { stdio: ['ignore', 'inherit', 'pipe'] });
  let text = '';
  child.stderr.on('data', (part) => { text += part; });
  return new Promise((resolve, reject) => {
    child.on('close', (status) => {
      if (status !== 0) reject(new assert.AssertionError({ message: `the janitor ends with ${status}: ${text}` }));
      const found = (name) => Number(new RegExp(` ${name}=(\\d+)`).exec(text)?.[1]);
      resolve({ bookings: found('bookings'), seconds: found('ms') / 1000, longest_ms: found('longest_ms') });
    });
  });
}

module.exports = { dueMake, holdsMake, janitor };
