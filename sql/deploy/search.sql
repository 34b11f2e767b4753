-- The list of upcoming events, and the search in it.
--
-- Words are compared without case and accents, each anywhere: in title, name of the venue and
-- description. Those that make no trigram (three letters or digits in a row) no index can find; they are
-- looked for in titles and names of venues alone, which are short enough to be read through.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Both are trusted: whoever may create in the database may have them. They stay where this is reverted,
-- since they may have been there before.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

CREATE FUNCTION words_fold(p_text text) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp
RETURN lower(public.unaccent('public.unaccent', normalize(p_text, NFKC)));

-- What is searched, folded. Not in events, whose rows are read whole.
CREATE TABLE event_words (
  event_id integer PRIMARY KEY REFERENCES events (event_id) ON DELETE CASCADE,
  title    text NOT NULL,  -- and name of the venue
  all_text text NOT NULL   -- and description
);

CREATE FUNCTION event_words_write(p_events integer[]) RETURNS void
LANGUAGE sql SET search_path = holdfast, pg_temp AS $$
  INSERT INTO holdfast.event_words (event_id, title, all_text)
    SELECT e.event_id, t.title, t.title || E'\n' || holdfast.words_fold(e.description)
      FROM holdfast.events e LEFT JOIN holdfast.venues v USING (venue_id),
        LATERAL (SELECT holdfast.words_fold(concat_ws(E'\n', e.title, v.name)) AS title) AS t
      WHERE e.event_id = ANY (p_events)
    ON CONFLICT (event_id) DO UPDATE SET title = EXCLUDED.title, all_text = EXCLUDED.all_text
$$;

CREATE FUNCTION event_words_follow() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'events' THEN
    PERFORM event_words_write(ARRAY[NEW.event_id]);
  ELSE
    PERFORM event_words_write(ARRAY(SELECT e.event_id FROM events e WHERE e.venue_id = NEW.venue_id));
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER event_words_follow AFTER INSERT OR UPDATE OF title, description, venue_id ON events
  FOR EACH ROW EXECUTE FUNCTION event_words_follow();
CREATE TRIGGER event_words_follow AFTER UPDATE OF name ON venues
  FOR EACH ROW EXECUTE FUNCTION event_words_follow();

SELECT event_words_write(ARRAY(SELECT event_id FROM events));
CREATE INDEX event_words_search ON event_words USING gin (all_text public.gin_trgm_ops);
-- A venue's own page.
CREATE INDEX events_venue ON events (venue_id, event_date, event_id) WHERE status IN ('on_sale', 'closed');

-- Upcoming events in their order, after (p_after, p_after_id) where given. Times are bounds of the event's
-- date, both included; days are those at its place. p_ids: of these alone.
-- Planned for what is asked: one plan for all questions would read and sort every event there is.
CREATE FUNCTION events_upcoming(p_ids integer[], p_from timestamptz, p_to timestamptz, p_first_day date,
  p_last_day date, p_venue integer, p_after timestamptz, p_after_id integer, p_limit integer)
RETURNS integer[]
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  -- a day begins up to 14 hours before it does so in UTC, and ends up to 12 hours later
  v_first timestamptz := greatest(now(), p_from, p_after, (p_first_day - interval '14 hours') AT TIME ZONE 'UTC');
  v_last  timestamptz := least('infinity', p_to, (p_last_day + interval '36 hours') AT TIME ZONE 'UTC');
BEGIN
  RETURN ARRAY(SELECT e.event_id FROM events e
    WHERE e.status IN ('on_sale', 'closed') AND e.event_date BETWEEN v_first AND v_last
      AND (p_ids IS NULL OR e.event_id = ANY (p_ids))
      AND (p_venue IS NULL OR e.venue_id = p_venue)
      AND (p_first_day IS NULL OR (e.event_date AT TIME ZONE e.timezone)::date >= p_first_day)
      AND (p_last_day IS NULL OR (e.event_date AT TIME ZONE e.timezone)::date <= p_last_day)
      AND (p_after IS NULL OR (e.event_date, e.event_id) > (p_after, p_after_id))
    ORDER BY e.event_date, e.event_id LIMIT p_limit);
END
$$;

-- Events in which all of these patterns are, the first two of p_long by the index. Sorted out of all events there
-- are, whatever the planner thinks of words that it has never seen.
CREATE FUNCTION events_matching(p_long text[], p_short text[]) RETURNS integer[]
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off AS $$
BEGIN
  IF p_long = '{}' THEN
    RETURN ARRAY(SELECT w.event_id FROM event_words w WHERE w.title LIKE ALL (p_short));
  END IF;
  IF cardinality(p_long) = 1 THEN
    RETURN ARRAY(SELECT w.event_id FROM event_words w
      WHERE w.all_text LIKE p_long[1] AND w.title LIKE ALL (p_short));
  END IF;
  RETURN ARRAY(SELECT w.event_id FROM event_words w
    WHERE w.all_text LIKE p_long[1] AND w.all_text LIKE p_long[2] AND w.all_text LIKE ALL (p_long)
      AND w.title LIKE ALL (p_short));
END
$$;

-- Upcoming events with all these words. What is common is found among the next thousand events, in their
-- order; what is not, by the index, in which common words would find too many.
CREATE FUNCTION events_search(p_words text[], p_from timestamptz, p_to timestamptz, p_first_day date,
  p_last_day date, p_venue integer, p_after timestamptz, p_after_id integer, p_limit integer)
RETURNS integer[]
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  c_near  constant integer := 1000;
  v_long  text[];
  v_short text[];
  v_near  integer[] := events_upcoming(NULL, p_from, p_to, p_first_day, p_last_day, p_venue, p_after,
    p_after_id, c_near);
  v_found integer[];
BEGIN
  SELECT coalesce(array_agg(p.pattern ORDER BY length(q.word) DESC) FILTER (WHERE p.long), '{}'),
      coalesce(array_agg(p.pattern) FILTER (WHERE NOT p.long), '{}')
    INTO v_long, v_short
    FROM unnest(p_words) AS q (word),
      LATERAL (SELECT '%' || regexp_replace(q.word, '([%_\\])', '\\\1', 'g') || '%' AS pattern,
        q.word ~ '[[:alnum:]]{3}' AS long) AS p;
  v_found := ARRAY(SELECT w.event_id FROM unnest(v_near) WITH ORDINALITY AS n (event_id, at)
      JOIN event_words w USING (event_id)
    WHERE w.all_text LIKE ALL (v_long) AND w.title LIKE ALL (v_short) ORDER BY n.at LIMIT p_limit);
  IF cardinality(v_near) = c_near AND cardinality(v_found) < p_limit THEN
    v_found := events_upcoming(events_matching(v_long, v_short), p_from, p_to, p_first_day, p_last_day,
      p_venue, p_after, p_after_id, p_limit);
  END IF;
  RETURN v_found;
END
$$;

-- A page of upcoming events, soonest first, after (p_after_us, p_after_id) where given.
CREATE FUNCTION event_list(p_words text, p_from timestamptz, p_to timestamptz, p_first_day date,
  p_last_day date, p_venue integer, p_after_us bigint, p_after_id integer, p_limit integer,
  p_default_seconds integer, p_default_per_booking integer, p_default_per_user integer,
  p_room jsonb DEFAULT '{}')
RETURNS SETOF event_view
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_words text[];
  v_after timestamptz := '1970-01-01Z'::timestamptz + p_after_us * interval '1 microsecond';
  v_ids   integer[];
BEGIN
  IF length(p_words) > 200 THEN
    PERFORM refuse_field('/q', 'There must be at most 200 characters.');
  ELSIF p_first_day > p_last_day OR p_from > p_to
      OR p_from > (p_last_day + interval '36 hours') AT TIME ZONE 'UTC'
      OR (p_first_day - interval '14 hours') AT TIME ZONE 'UTC' > p_to THEN
    PERFORM refuse_field('/to', 'This is before the beginning.');
  END IF;
  v_words := ARRAY(SELECT DISTINCT q.word
    FROM regexp_split_to_table(words_fold(p_words), '\s+') AS q (word) WHERE q.word <> '');
  IF cardinality(v_words) > 10 THEN
    PERFORM refuse_field('/q', 'There must be at most 10 words.');
  ELSIF v_words = '{}' THEN
    v_ids := events_upcoming(NULL, p_from, p_to, p_first_day, p_last_day, p_venue, v_after, p_after_id,
      p_limit);
  ELSE
    v_ids := events_search(v_words, p_from, p_to, p_first_day, p_last_day, p_venue, v_after, p_after_id,
      p_limit);
  END IF;
  RETURN QUERY SELECT (q.v).* FROM (
    SELECT event_view_of(e, p_default_seconds, p_default_per_booking, p_default_per_user,
        p_room) AS v
      FROM unnest(v_ids) WITH ORDINALITY AS i (event_id, at) JOIN events e USING (event_id)
      ORDER BY i.at OFFSET 0) AS q;
END
$$;

GRANT EXECUTE ON FUNCTION event_list TO holdfast_catalog;

COMMIT;
