-- Away with all that is kept of an event: it is over, or there is none. Whoever asks of it nevertheless
-- is answered by PostgreSQL.
-- uses: event common told
-- KEYS: prefix of the event. Answers how many keys there were.
for _, name in ipairs(call('SMEMBERS', LINES)) do
  for _, part in ipairs({ 'state', 'line', 'serving', 'done', 'times', 'begin', 'wants', 'seen', 'back', 'inside',
    'away', 'until' }) do
    call('UNLINK', P .. ':q:' .. name .. ':' .. part)
  end
end
return call('UNLINK', LINES, WAITS, META, SEATS, IDS, OWNER, ENTRY, DUE, COUNT, USED, FENCE, DIRTY, BEFORE, MOVED,
  TOLD, CHANGED, LATE)
