-- How what is kept of an event is changed, after event.lua.
local DUE = P .. ':due'
local COUNT = P .. ':count'
local FENCE = P .. ':fence'
local DIRTY = P .. ':dirty'
local BEFORE = P .. ':before'
local MOVED = P .. ':moved'
local LINES = P .. ':lines'
local LATE = P .. ':late'
local CHANGED = P .. ':changed'
local WAITS = P .. ':waits'
local DAY = 86400000
local LEASE = 15000
-- Places that one script gives back at most: whoever waits for Redis meanwhile waits for all of them.
local WORK = 2000

-- Longer than anything is put off by this clock: two polls, or twice the budget of a worker and two seconds.
local PUT_OFF = 122000

-- A moment that is waited for, by Redis's own clock. One that is further away than any was before that was set
-- back: it has been.
local function moment_to_come(at)
  at = tonumber(at or '') or 0
  return at - redis_ms() <= PUT_OFF and at or 0
end

local function entry_text(e)
  return string.format('%s|%s|%.0f|%.0f|%s|%s', e.state, e.user, e.deadline, e.taken, e.positions,
    e.sections)
end

-- Whether a fence stands, once this script has touched something.
local fenced

-- Whether the fence is the one of this epoch; its lease begins anew.
local function fence_is(epoch)
  if call('GET', FENCE) ~= epoch then
    return false
  end
  call('PEXPIRE', FENCE, LEASE)
  return true
end

-- Comes before every change. While a fence stands, notes what is touched, and what was kept of it: the
-- repair leaves it alone, and counts by what was.
local function touch(booking, positions, sections)
  if fenced == nil then
    fenced = call('EXISTS', FENCE) == 1
  end
  if not fenced then
    return
  end
  call('HSETNX', BEFORE, booking, call('HGET', ENTRY, booking) or '')
  call('SADD', DIRTY, 'k' .. booking)
  for p in string.gmatch(positions, '%d+') do
    call('SADD', DIRTY, 'p' .. p)
  end
  for s in string.gmatch(sections, '([^:,]+):%d+') do
    call('SADD', DIRTY, 's' .. s)
  end
end

-- Positions whose bytes this script has written since it last called changed().
local written = {}

-- The only way in which a byte of :seats changes.
local function seat_write(position, state)
  call('SETRANGE', SEATS, position, state)
  written[#written + 1] = position
end

-- Comes after every change, in the same script. Versions go by PostgreSQL's clock, as those of pictures out
-- of PostgreSQL do: what has changed since such a picture has a higher one. Those are odd, so that none is
-- taken for one of these.
local function changed()
  local was = call('HMGET', META, 'version', 'offset')
  local version = string.format('%.0f', math.max((tonumber(was[1] or '') or 0) + 2,
    (redis_ms() + math.floor(tonumber(was[2] or '') or 0)) * 1000))
  call('HSET', META, 'version', version)
  if #written > 0 and call('EXISTS', CHANGED) == 1 then
    for _, position in ipairs(written) do
      call('ZADD', CHANGED, version, position)
    end
  end
  written = {}
end

-- The id is used: a retry under it is for PostgreSQL alone. ended: nothing is kept under it again.
local function mark(booking, now, ended)
  if ended then
    call('ZADD', USED, now * 2 + 1, booking)
  else
    call('ZADD', USED, 'NX', now * 2, booking)
  end
  -- So that events that no longer sell, or never were, leave nothing behind.
  call('PEXPIRE', USED, 2 * DAY)
end

local function count(state, section, quantity)
  local field = (state == 'b' and 'b:' or 'h:') .. section
  call('HINCRBY', COUNT, field, quantity)
  if fenced then
    call('HINCRBY', MOVED, field, quantity)
  end
end

-- Writes an entry with its seats, owners, counts and deadline. The booking must hold nothing before.
local function entry_apply(booking, e)
  local owners = {}
  for p in string.gmatch(e.positions, '%d+') do
    seat_write(p, e.state)
    owners[#owners + 1] = p
    owners[#owners + 1] = booking
  end
  if #owners > 0 then
    call('HSET', OWNER, unpack(owners))
  end
  for section, quantity in string.gmatch(e.sections, '([^:,]+):(%d+)') do
    count(e.state, section, quantity)
  end
  if e.deadline >= 0 then
    call('ZADD', DUE, e.deadline, booking)
  end
  call('HSET', ENTRY, booking, entry_text(e))
end

-- Takes an entry away: only the seats that are still its own become available. Returns how many seats
-- it had.
local function entry_remove(booking, e)
  local positions, own = {}, {}
  for p in string.gmatch(e.positions, '%d+') do
    positions[#positions + 1] = p
  end
  local owners = #positions > 0 and call('HMGET', OWNER, unpack(positions)) or {}
  for i, p in ipairs(positions) do
    if owners[i] == booking then
      seat_write(p, 'a')
      own[#own + 1] = p
    end
  end
  if #own > 0 then
    call('HDEL', OWNER, unpack(own))
  end
  for section, quantity in string.gmatch(e.sections, '([^:,]+):(%d+)') do
    count(e.state, section, -quantity)
  end
  call('ZREM', DUE, booking)
  call('HDEL', ENTRY, booking)
  return #positions
end

-- Returns how many seats it had.
local function purge_one(booking, now)
  local text = call('HGET', ENTRY, booking)
  local seats = 0
  if text then
    local e = entry_read(text)
    touch(booking, e.positions, e.sections)
    seats = entry_remove(booking, e)
    mark(booking, now, false)
  else
    call('ZREM', DUE, booking)
  end
  return seats
end

-- Gives back at most `most` entries that are due, fewer where they have many seats. Returns how many,
-- and whether more may be due.
local function purge(now, most)
  local due = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, most)
  local given, seats = 0, 0
  for _, booking in ipairs(due) do
    seats = seats + purge_one(booking, now)
    given = given + 1
    if seats >= WORK then
      break
    end
  end
  if given > 0 then
    call('ZREMRANGEBYSCORE', USED, '-inf', (now - DAY) * 2)
    changed()
  end
  return given, given == most or given < #due
end
