-- What a quick comparison looks at.
-- uses: event common told
-- KEYS: prefix of the event. ARGV: stamp, most entries to give back that are due (0: change nothing).
-- Answers {missing}, or {ok, PostgreSQL's clock in ms, doubtful (1: something was written that is not
-- known here for sure), entries, deadlines, first deadline (-1: none), seats,
-- {from, until, hold, max, seats, sections, shown, room}, {count field, value, …}, 1 where watchers have not been
-- told of the last change}. Due entries count as they stand.
local meta = call('HMGET', META, 'stamp', 'offset', 'heard', 'unheard')
if meta[1] ~= ARGV[1] then
  return { 'missing' }
end
local now = redis_ms() + tonumber(meta[2])
local most = tonumber(ARGV[2])
if most > 0 then
  purge(now, most)
end
local first = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
return {
  'ok', now, tonumber(meta[4] or -1) >= tonumber(meta[3] or 0) and 1 or 0, call('HLEN', ENTRY),
  call('ZCARD', DUE), first[2] or '-1', call('GET', SEATS) or '',
  call('HMGET', META, 'from', 'until', 'hold', 'max', 'seats', 'sections', 'shown', 'room'),
  call('HGETALL', COUNT),
  untold() and 1 or 0,
}
