-- Whether whoever asks is to tell the watchers of an event that it has changed: one process a second.
-- uses: event common told
-- KEYS: prefix of the event.
-- ARGV: step, …
--   look        answers {nothing} (the last change has been told), {wait, ms} (ask again then), or {tell,
--               version ('': nothing is kept), PostgreSQL's clock in ms}: for a second nobody else is to
--   moved       the same after a change that no other script counts
--   told V      watchers have been told of version V
-- Taken on and told are two steps: what is told by nobody, since the process died, is still untold.
if ARGV[1] == 'told' then
  call('HSET', TOLD, 'version', ARGV[2])
  call('PEXPIRE', TOLD, DAY)
  return { 'nothing' }
end
local meta = call('HMGET', META, 'version', 'offset')
if ARGV[1] == 'moved' and meta[1] then
  changed()
  meta[1] = call('HGET', META, 'version')
end
if meta[1] and not untold() then
  return { 'nothing' }
end
local now = redis_ms()
local at = tonumber(call('HGET', TOLD, 'at') or 0)
-- A clock that was set back is waited for by nobody.
if at <= now and now < at + 1000 then
  return { 'wait', at + 1000 - now }
end
call('HSET', TOLD, 'at', string.format('%.0f', now))
call('PEXPIRE', TOLD, DAY)
return { 'tell', meta[1] or '', now + (tonumber(meta[2] or 0)) }
