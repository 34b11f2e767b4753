-- A booking holds nothing any more.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: stamp, booking, ended: 1 PostgreSQL has ended it, or when by its clock that was so, in ms; 0 a take is
--   undone (no mark is left, also of one that found nothing kept), the take that is undone, as take.lua answered
--   it ('': whatever is kept).
-- Answers missing, none (nothing was kept of it, or not of that take), later (it stands again since) or dropped.
local booking = ARGV[2]
local meta = call('HMGET', META, 'stamp', 'offset')
local now = redis_ms() + tonumber(meta[2] or 0)
local ended = tonumber(ARGV[3])
local text = meta[1] == ARGV[1] and call('HGET', ENTRY, booking)
if ended > 1 and text and entry_read(text).state == 'b'
    and tonumber(call('ZSCORE', USED, booking) or 0) > 2 * ended then
  return 'later'
elseif ended > 0 then
  mark(booking, ended > 1 and ended or now, true)
end
if text and (ARGV[4] or '') ~= '' and string.format('%.0f', entry_read(text).taken) ~= ARGV[4] then
  return 'none'
end
if not text then
  if meta[1] ~= ARGV[1] and ended == 0 then
    call('ZREM', USED, booking)
  end
  touch(booking, '', '')
  return meta[1] == ARGV[1] and 'none' or 'missing'
end
local e = entry_read(text)
touch(booking, e.positions, e.sections)
entry_remove(booking, e)
changed()
return 'dropped'
