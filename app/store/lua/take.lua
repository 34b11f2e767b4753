-- Takes places for a hold, all or none, or says why PostgreSQL must decide.
-- uses: bucket event look common
-- KEYS: prefix of the event; the account's bucket of holds.
-- ARGV: stamp, booking, user, keyed (1 or 0), hold ms, most places in a booking (both where the event
--   says nothing), tokens a minute, tokens at once (0: no limit), the pass of the event's waiting room
--   that was shown and found good (place|end in ms; empty: none), number of seats, seat ids…, then
--   section, quantity, …
-- Answers {verdict, tokens left (-1: no limit), …}:
--   limited, 0, ms until the next token · pass (none was shown)
--   missing, tokens, every line of the event in which people wait…
--   ask, tokens, lines in which people wait for what is asked for, as far as that was looked at…
--   taken, tokens, what stands for this take, 1 where the pass is of somebody who is not known here to be inside
--   lost, tokens, index of each seat lost (from 0)… · full, tokens, section, places left
-- What those could be given who stand in the line of a section is not left for others.
if missing then
  touch(booking, '', sections)
  if keyed then
    mark(booking, now, false)
  end
  -- PostgreSQL, which knows the sections of the seats, hears of somebody in a line only once it was moved on.
  return { 'missing', tokens, unpack(call('SMEMBERS', WAITS)) }
end

-- A due owner of exactly these seats is always given back.
local function is_free(i)
  return call('GETRANGE', SEATS, positions[i], positions[i]) == 'a'
end
for n, i in ipairs(due) do
  -- An owner of several is given back at the first of them.
  if not is_free(i) then
    purge_one(owners[n], now)
    changed()
  end
  if not is_free(i) then
    lost[#lost + 1] = i - 1
  end
end
table.sort(lost)
if own then
  return { 'ask', tokens }
end

-- How many of so many free places nobody in the line of that section is to have: who wants more than is
-- left lets others pass.
local function spare(name, left)
  local q = P .. ':q:' .. name
  -- A line that was lost: who stood in it may not be back yet.
  if moment_to_come(call('HGET', q .. ':state', 'from')) > redis_ms() then
    return 0
  end
  for _, text in ipairs(call('HVALS', q .. ':serving')) do
    left = left - tonumber(string.match(text, '^%d+')) % 512 - 1
  end
  local ones, wanted, wants = call('ZCARD', q .. ':line'), 0, call('HGETALL', q .. ':wants')
  for i = 1, #wants, 2 do
    local quantity, people = tonumber(wants[i]), tonumber(wants[i + 1])
    -- An earlier version counted those who want one as well.
    if quantity > 1 then
      ones = ones - people
      wanted = wanted + (quantity <= left and quantity * people or 0)
    end
  end
  return left - wanted - (left > 0 and math.max(0, ones) or 0)
end
-- Free seats of a section; more than so many are not counted.
local ENOUGH = 1000
local function free_seats(ranges)
  local free = 0
  for first, last in string.gmatch(ranges, '(%d+)-(%d+)') do
    local bytes = call('GETRANGE', SEATS, first, last)
    local at = string.find(bytes, 'a', 1, true)
    while at and free < ENOUGH do
      free = free + 1
      at = string.find(bytes, 'a', at + 1, true)
    end
  end
  return free
end
-- Indexes of the seats asked for that are of this section, and the ranges of all that it has.
local layout
local function seats_in(name)
  layout = layout or '\n' .. (call('HGET', META, 'sections') or '') .. '\n'
  local ranges = string.match(layout, '\n' .. string.gsub(name, '%-', '%%-') .. '|seated|%d+|([^\n]*)')
  local mine = {}
  for first, last in string.gmatch(ranges or '', '(%d+)-(%d+)') do
    for i = 1, asked do
      local p = tonumber(positions[i])
      if p >= tonumber(first) and p <= tonumber(last) then
        mine[#mine + 1] = i - 1
      end
    end
  end
  return mine, ranges
end
-- Indexes of the seats asked for that are to go to those who stand in line, and the names of their lines.
local function promised()
  local out, lines = {}, {}
  for _, name in ipairs(call('SMEMBERS', WAITS)) do
    local mine, ranges = seats_in(name)
    if #mine > 0 and spare(name, free_seats(ranges)) < #mine then
      lines[#lines + 1] = name
      for _, i in ipairs(mine) do
        out[#out + 1] = i
      end
    end
  end
  table.sort(out)
  return out, lines
end

-- Whether something is asked for of a section in whose line somebody waited when all was built anew, and nobody
-- is back yet.
local function of_lost_line()
  for name in string.gmatch(call('HGET', META, 'kept_lines') or '', '[^,]+') do
    if call('SISMEMBER', WAITS, name) == 0 then
      local mine = #seats_in(name) > 0
      for i = last + 1, #ARGV, 2 do
        mine = mine or ARGV[i] == name
      end
      if mine then
        return true
      end
    end
  end
  return false
end

local waits = call('EXISTS', WAITS) == 1
local lines = {}
if waits and asked > 0 and (keyed or #lost == 0) then
  local theirs
  theirs, lines = promised()
  if #lost == 0 then
    lost = theirs
  end
end
if #lost > 0 then
  if keyed and not certain() then
    return { 'ask', tokens, unpack(lines) }
  end
  return { 'lost', tokens, unpack(lost) }
end
if not keyed and known() then
  return { 'ask', tokens }
end
local list = table.concat(positions, ',')
touch(booking, list, sections)
purge(now, 32)

-- General admission: only when it would be sold out is more given back, up to a bound.
for i = last + 1, #ARGV, 2 do
  local id, quantity = ARGV[i], tonumber(ARGV[i + 1])
  local c = call('HMGET', COUNT, 'c:' .. id, 'h:' .. id, 'b:' .. id)
  if not c[1] then
    return { 'ask', tokens }
  end
  local left = tonumber(c[1]) - tonumber(c[2] or 0) - tonumber(c[3] or 0)
  local given, more = 0, true
  while left < quantity and more and given < 1000 do
    local n
    n, more = purge(now, 100)
    given = given + n
    c = call('HMGET', COUNT, 'c:' .. id, 'h:' .. id, 'b:' .. id)
    left = tonumber(c[1]) - tonumber(c[2] or 0) - tonumber(c[3] or 0)
    if n < 100 then
      break
    end
  end
  if waits and left >= quantity then
    left = math.max(0, math.min(left, spare(id, left)))
    more = false
  end
  if left < quantity then
    if more or (keyed and not certain()) then
      return { 'ask', tokens, call('SISMEMBER', WAITS, id) == 1 and id or nil }
    end
    return { 'full', tokens, id, left }
  end
end

-- PostgreSQL knows for how long it is kept for them.
if now < tonumber(meta[8] or 0) and of_lost_line() then
  return { 'ask', tokens }
end
local life = tonumber(meta[5])
if life == 0 then
  life = tonumber(ARGV[5])
end
entry_apply(booking, {
  state = 'h', user = user, deadline = now + life, taken = now, positions = list, sections = sections,
})
changed()
local stamp = string.format('%.0f', now)
if room and not call('ZSCORE', P .. ':q::inside', user) then
  return { 'taken', tokens, stamp, 1 }
end
return { 'taken', tokens, stamp }
