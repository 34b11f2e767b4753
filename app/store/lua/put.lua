-- A booking holds exactly this: what PostgreSQL has committed.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: stamp, booking, state (h, r, b), user, deadline ms (-1: none), positions, section:quantity,…,
--   revived ms: when it stood again after it had ended, by PostgreSQL's clock; 0: it had not
-- Answers missing, ended (it has ended meanwhile: nothing was written), or put.
local booking = ARGV[2]
touch(booking, ARGV[6], ARGV[7])
local meta = call('HMGET', META, 'stamp', 'offset', 'seats')
local now = redis_ms() + tonumber(meta[2] or 0)
if meta[1] ~= ARGV[1] then
  mark(booking, now, false)
  return 'missing'
end
local used, revived = tonumber(call('ZSCORE', USED, booking) or 0), tonumber(ARGV[8] or 0)
if used < 2 * revived then
  -- So that an earlier end that is told later takes nothing away.
  call('ZADD', USED, 2 * revived, booking)
  call('PEXPIRE', USED, 2 * DAY)
elseif used % 2 == 1 then
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

-- What both of two lists of positions have.
local function positions_both(one, other)
  local has, both = {}, {}
  for p in string.gmatch(other, '%d+') do
    has[p] = true
  end
  for p in string.gmatch(one, '%d+') do
    both[#both + 1] = has[p] and p or nil
  end
  return table.concat(both, ',')
end

-- What both of two lists of section:quantity have.
local function sections_both(one, other)
  local has, both = {}, {}
  for section, quantity in string.gmatch(other, '([^:,]+):(%d+)') do
    has[section] = tonumber(quantity)
  end
  for section, quantity in string.gmatch(one, '([^:,]+):(%d+)') do
    local least = math.min(tonumber(quantity), has[section] or 0)
    if least > 0 then
      both[#both + 1] = section .. ':' .. least
    end
  end
  return table.concat(both, ',')
end

local text = call('HGET', ENTRY, booking)
local positions, sections = ARGV[6], ARGV[7]
-- Whoever took it knows by this that it is not theirs to undo any more.
local taken = now
if text then
  local e = entry_read(text)
  if e.state == 'b' and ARGV[3] ~= 'b' then
    -- What was sold is never held again: this is an earlier word that comes late.
    return 'put'
  elseif e.state == 'b' then
    -- Nor does it grow: news of two cancelled parts may come in either order, and that of the confirm last.
    positions, sections = positions_both(positions, e.positions), sections_both(sections, e.sections)
  end
  taken = math.max(now, e.taken + 1)
  touch(booking, e.positions, e.sections)
  entry_remove(booking, e)
end
entry_apply(booking, {
  state = ARGV[3], user = ARGV[4], deadline = tonumber(ARGV[5]), taken = taken,
  positions = positions, sections = sections,
})
changed()
return 'put'
