-- The live picture of an event.
-- uses: common
-- KEYS: prefix of the event. ARGV: stamp.
-- Answers {missing}, or {ok, version, PostgreSQL's clock in ms, seats, sections, {count field, value…}};
-- {due} where more holds are due than one call gives back.
local meta = call('HMGET', META, 'stamp', 'offset', 'sections')
if meta[1] ~= ARGV[1] then
  return { 'missing' }
end
local now = redis_ms() + tonumber(meta[2])
local _, more = purge(now, 1000)
if more and call('ZCOUNT', DUE, '-inf', now) > 0 then
  return { 'due' }
end
return {
  'ok', call('HGET', META, 'version'), now, call('GET', SEATS) or '', meta[3], call('HGETALL', COUNT),
}
