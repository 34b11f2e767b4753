-- The list of upcoming events and the search in it: words, days where the event is, pages.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(29);

CREATE FUNCTION pg_temp.add(p_title text, p_date timestamptz, p_zone text DEFAULT 'UTC',
  p_description text DEFAULT '', p_venue integer DEFAULT NULL, p_status text DEFAULT 'on_sale') RETURNS integer
LANGUAGE sql AS $$
  INSERT INTO holdfast.events (organizer_id, title, description, venue_id, event_date, timezone, sales_start,
      sales_end, currency, status)
    VALUES (given.buyer('organizer'), p_title, p_description, p_venue, p_date, p_zone, now() - interval '1 day',
      p_date, 'EUR', p_status)
    RETURNING event_id
$$;
-- Titles of what is found.
CREATE FUNCTION pg_temp.found(p_words text, p_from timestamptz DEFAULT NULL, p_to timestamptz DEFAULT NULL,
  p_first date DEFAULT NULL, p_last date DEFAULT NULL, p_limit integer DEFAULT 20) RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(string_agg(l.head::json ->> 'title', ', ' ORDER BY at_us, event_id), '')
    FROM holdfast.event_list(p_words, p_from, p_to, p_first, p_last, NULL, NULL, NULL, p_limit, 600, 10, 0) AS l
$$;
SELECT event() \gset _
INSERT INTO venues (owner_id, name) VALUES (buyer('organizer'), 'Salle Pleyel') RETURNING venue_id AS venue \gset
SELECT pg_temp.add('Café Müller', now() + interval '2 days') \gset _
SELECT pg_temp.add('Łódź Jazz', now() + interval '3 days', 'UTC', 'A night of Straße and 100%_x\y.', :venue) AS lodz \gset
SELECT pg_temp.add('Twelfth Night', now() + interval '4 days', 'UTC', 'Comedy in ab.', NULL, 'closed') \gset _
SELECT pg_temp.add('Hidden Night', now() + interval '4 days', 'UTC', '', NULL, 'draft') \gset _
SELECT pg_temp.add('Called off Night', now() + interval '4 days', 'UTC', '', NULL, 'cancelled') \gset _
SELECT pg_temp.add('Past Night', now() - interval '1 second') \gset _

SELECT is(pg_temp.found('cafe'), 'Café Müller', 'without accents');
SELECT is(pg_temp.found('CAFÉ muller'), 'Café Müller', 'all words, in any case');
SELECT is(pg_temp.found(E'cafe\u0301'), 'Café Müller', 'an accent that is a letter of its own');
SELECT is(pg_temp.found('müller café'), 'Café Müller', 'in any order');
SELECT is(pg_temp.found('café night'), '', 'all of them');
SELECT is(pg_temp.found('lodz'), 'Łódź Jazz', 'letters with a stroke');
SELECT is(pg_temp.found('strasse'), 'Łódź Jazz', 'in the description');
SELECT is(pg_temp.found('pleyel jazz'), 'Łódź Jazz', 'in the name of the venue');
SELECT is(pg_temp.found('100%_x\y'), 'Łódź Jazz', 'signs of patterns are letters');
SELECT is(pg_temp.found('1%0'), '', 'all three');
SELECT is(pg_temp.found('_odz'), '', 'of them');
SELECT is(pg_temp.found('lodz\'), '', 'also at the end');
SELECT is(pg_temp.found('night'), 'Łódź Jazz, Twelfth Night',
  'closed ones too; drafts, cancelled and past ones not');
SELECT is(pg_temp.found('mü'), 'Café Müller', 'two letters are looked for in titles');
SELECT is(pg_temp.found('ab'), '', 'and not in descriptions');
SELECT is(pg_temp.found('   '), pg_temp.found(NULL), 'no words are no question');
SELECT is(failure($$SELECT pg_temp.found(repeat('a ', 101))$$),
  'HF122 {"detail": "There must be at most 200 characters.", "pointer": "/q"}', 'there may be too many letters');
SELECT is(failure($$SELECT pg_temp.found('a b c d e f g h i j k')$$),
  'HF122 {"detail": "There must be at most 10 words.", "pointer": "/q"}', 'and words');
SELECT is(pg_temp.found('a a a a a a a a a a a a cafe'), 'Café Müller', 'said twice is one word');

-- what is found follows what is changed
UPDATE events SET title = 'Lublin Jazz', description = 'Polka' WHERE event_id = :lodz;
UPDATE venues SET name = 'Zénith' WHERE venue_id = :venue;
SELECT is(pg_temp.found('lodz') || pg_temp.found('pleyel') || pg_temp.found('strasse'), '', 'old words are gone');
SELECT is(pg_temp.found('lublin polka zenith'), 'Lublin Jazz', 'new ones are found');

-- days: half past eleven of the 5th, half past ten of the 5th, midnight of the 6th
SELECT pg_temp.add('Auckland', '2095-03-05 10:30Z', 'Pacific/Auckland') \gset _
SELECT pg_temp.add('New York', '2095-03-06 03:30Z', 'America/New_York') \gset _
SELECT pg_temp.add('Kiritimati', '2095-03-05 10:00Z', 'Pacific/Kiritimati') \gset _
SELECT is(pg_temp.found(NULL, NULL, NULL, '2095-03-05', '2095-03-05'), 'Auckland, New York', 'a day is that of the place');
SELECT is(pg_temp.found(NULL, NULL, NULL, '2095-03-06', NULL), 'Kiritimati', 'from a day on');
SELECT is(pg_temp.found(NULL, '2095-03-05 10:30Z', '2095-03-06 03:30Z'), 'Auckland, New York', 'both ends belong to it');
SELECT is(failure($$SELECT pg_temp.found(NULL, '2095-03-06Z', '2095-03-05Z')$$),
  'HF122 {"detail": "This is before the beginning.", "pointer": "/to"}', 'an end before the beginning');
SELECT is(failure($$SELECT pg_temp.found(NULL, NULL, NULL, '2095-03-06', '2095-03-05')$$),
  'HF122 {"detail": "This is before the beginning.", "pointer": "/to"}', 'likewise of days');

-- a word of which the next thousand events know nothing, and one that all have
ALTER TABLE events DISABLE TRIGGER event_words_follow;
INSERT INTO events (organizer_id, title, event_date, sales_end, currency)
  SELECT buyer('organizer'), 'Crowd ' || i || CASE WHEN i > 1490 THEN ' needle' ELSE '' END,
    now() + i * interval '1 minute', now() + i * interval '1 minute', 'EUR' FROM generate_series(1, 1500) AS i;
ALTER TABLE events ENABLE TRIGGER event_words_follow;
SELECT event_words_write(ARRAY(SELECT event_id FROM events)) \gset _
SELECT is(pg_temp.found('needle', p_limit => 2), 'Crowd 1491 needle, Crowd 1492 needle', 'rare words are found far away');
SELECT is(pg_temp.found('needle crowd 1499'), 'Crowd 1499 needle', 'beside common ones');
SELECT is(pg_temp.found('crowd', p_limit => 2), 'Crowd 1, Crowd 2', 'common words are found at once');
SELECT * FROM finish();
ROLLBACK;
