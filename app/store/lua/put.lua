-- A booking holds exactly this: what PostgreSQL has committed.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: stamp, booking, state (h, r, b), user, deadline ms (-1: none), positions, section:quantity,…,
--   revived: 1 it stands again after it had ended
-- Answers missing, ended (it has ended meanwhile: nothing was written), or put.
local booking = ARGV[2]
touch(booking, ARGV[6], ARGV[7])
local meta = call('HMGET', META, 'stamp', 'offset', 'seats')
local now = redis_ms() + tonumber(meta[2] or 0)
if meta[1] ~= ARGV[1] then
  mark(booking, now, false)
  return 'missing'
end
local used = call('ZSCORE', USED, booking)
if used and ARGV[8] == '1' then
  call('ZREM', USED, booking)
elseif used and tonumber(used) % 2 == 1 then
  return 'ended'
end
local seats = tonumber(meta[3])
for p in string.gmatch(ARGV[6], '%d+') do
  if tonumber(p) >= seats then
    -- The layout has grown since this state was built.
    call('HDEL', META, 'stamp')
    return 'missing'
  end
end
local text = call('HGET', ENTRY, booking)
local taken = now
if text then
  local e = entry_read(text)
  if e.state == 'b' and ARGV[3] ~= 'b' then
    -- What was sold is never held again: this is an earlier word that comes late.
    return 'put'
  end
  taken = e.taken
  touch(booking, e.positions, e.sections)
  entry_remove(booking, e)
end
entry_apply(booking, {
  state = ARGV[3], user = ARGV[4], deadline = tonumber(ARGV[5]), taken = taken,
  positions = ARGV[6], sections = ARGV[7],
})
changed()
return 'put'
