-- What the scripts of one event share. KEYS[1] is its prefix, with the event as hash tag, so that all
-- its keys lie in one slot:
--   :meta   hash: stamp (Redis run_id and PostgreSQL start that the state was built under), offset
--           (PostgreSQL's clock minus Redis's, ms), from, until (sales window, ms), hold (ms), max
--           (places a booking; 0: the caller's), seats, sections (one a line: id|kind|capacity|ranges),
--           version (even; it only grows); build: random, of this rebuild; complete: since when :used has
--           every id; heard: everything that was written before that moment is known here; unheard: the
--           last moment at which something may have been written that is not (both by Redis's own
--           clock); shown: what everybody sees of the event (shared|layout version|prices in the order
--           of the sections); room: the waiting room that a hold needs a pass of (room.lua); empty: none
--   :seats  string: one byte a seat in layout order: a available, h held, r reserved, b booked, x not
--           for sale
--   :ids    hash: seat id -> position
--   :owner  hash: position -> booking, for every seat that is h, r or b
--   :entry  hash: booking -> state|user|deadline ms (-1: none)|taken ms|positions|section:quantity,…
--   :due    sorted set: booking by deadline
--   :count  hash: c:section capacity, h:section held and reserved, b:section sold (general admission)
--   :used   sorted set: ids of bookings that hold nothing any more, or were never kept here, by the
--           time of the mark * 2, + 1 where PostgreSQL has ended the booking for good
--   :changed  sorted set, there only while somebody asks for changes: each position whose byte has been
--           written, with the version that this made; floor: the version after which it has them all
--   :fence  epoch of a rebuild or a repair under way; since it began :dirty has what was touched,
--           :before the entries of those bookings as they were, :moved what was added to :count
--   :told   what watchers have been told of: told.lua
--   :lines  set: lines of people who wait, each with keys of its own: queue.lua
--   :waits  set: those of them in which somebody waits, or is being served
-- Times are PostgreSQL's, in milliseconds since 1970, as far as the offset is right.
local P = KEYS[1]
local META, SEATS, IDS, OWNER = P .. ':meta', P .. ':seats', P .. ':ids', P .. ':owner'
local ENTRY, DUE, COUNT, USED = P .. ':entry', P .. ':due', P .. ':count', P .. ':used'
local FENCE, DIRTY = P .. ':fence', P .. ':dirty'
local BEFORE, MOVED, LINES = P .. ':before', P .. ':moved', P .. ':lines'
local CHANGED, WAITS = P .. ':changed', P .. ':waits'
local DAY = 86400000
local LEASE = 15000
-- Places that one script gives back at most: whoever waits for Redis meanwhile waits for all of them.
local WORK = 2000

local call = redis.call

local function redis_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function entry_read(text)
  local state, user, deadline, taken, positions, sections =
    string.match(text, '^(.)|([^|]*)|(-?%d+)|(%d+)|([^|]*)|(.*)$')
  -- What is no entry holds nothing.
  return {
    state = state or 'h', user = user or '', deadline = tonumber(deadline) or -1,
    taken = tonumber(taken) or 0, positions = positions or '', sections = sections or '',
  }
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

-- Comes after every change, in the same script. Versions of a picture out of PostgreSQL are odd, so
-- that none is taken for one of these.
local function changed()
  local version = call('HINCRBY', META, 'version', 2)
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
