-- Away with all that is kept of an event: it is over, or there is none. Whoever asks of it nevertheless
-- is answered by PostgreSQL.
-- uses: common told
-- KEYS: prefix of the event. Answers how many keys there were.
return call('UNLINK', META, SEATS, IDS, OWNER, ENTRY, DUE, COUNT, USED, FENCE, DIRTY, BEFORE, MOVED,
  TOLD, CHANGED)
