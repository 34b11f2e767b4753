-- Nothing kept of this event is believed until it is rebuilt; the ids used stay known.
-- uses: event common
-- KEYS: prefix of the event.
-- A rebuild or a repair that is under way has read what was before: without its fence it writes no more.
call('UNLINK', FENCE, DIRTY, BEFORE, MOVED, LATE)
return call('HDEL', META, 'stamp')
