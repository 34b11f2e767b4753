-- A process may have written, so long ago and before, what nobody told Redis: until all is compared,
-- keyed requests are not refused here.
-- uses: event common told
-- KEYS: prefix of the event. ARGV: stamp, age in ms.
-- Answers missing (what is built now will know it), noted, or untold: the same, and watchers have not been
-- told of the last change.
local meta = call('HMGET', META, 'stamp', 'heard', 'unheard')
if meta[1] ~= ARGV[1] then
  return 'missing'
end
local at = redis_ms() - tonumber(ARGV[2])
if at >= tonumber(meta[2] or 0) and at > tonumber(meta[3] or -1) then
  call('HSET', META, 'unheard', at)
end
return untold() and 'untold' or 'noted'
