-- What all scripts of one event begin with. KEYS[1] is its prefix, with the event as hash tag, so that all
-- its keys lie in one slot:
--   :meta   hash: stamp (Redis run_id and PostgreSQL start that the state was built under), offset
--           (PostgreSQL's clock minus Redis's, ms), from, until (sales window, ms; while it is not on sale
--           minus the end, before which it may be opened again; 0: a draft, or cancelled), hold (ms), max
--           (places a booking; 0: the caller's), seats, sections (one a line: id|kind|capacity|ranges),
--           version (even; it only grows); build: random, of this rebuild; complete: since when :used has
--           every id; heard: everything that was written before that moment is known here; unheard: the
--           last moment at which something may have been written that is not (both by Redis's own
--           clock); shown: what everybody sees of the event (shared|layout version|prices in the order
--           of the sections); room: the waiting room that a hold needs a pass of (room.lua); empty: none;
--           kept: until when somebody may wait in a line that is lost here (0: nobody does); kept_lines: the
--           lines in which somebody waited when all was built (FLOOR,VIP)
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
--   :late   there for a while after a rebuild that took long and failed: the stamp under which it did. Until that
--           changes it is left to reconcile, which has more time
--   :told   what watchers have been told of: told.lua
--   :lines  set: lines of people who wait, each with keys of its own: queue.lua
--   :waits  set: those of them in which somebody waits, or is being served
-- Times are PostgreSQL's, in milliseconds since 1970, as far as the offset is right.
local P = KEYS[1]
local META = P .. ':meta'
local ENTRY = P .. ':entry'
local USED = P .. ':used'
local SEATS = P .. ':seats'
local IDS = P .. ':ids'
local OWNER = P .. ':owner'
local call = redis.call

-- One moment for the whole script.
local moment
local function redis_ms()
  if not moment then
    local time = call('TIME')
    moment = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return moment
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
