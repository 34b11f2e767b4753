-- Takes places for a hold, all or none, or says why PostgreSQL must decide.
-- uses: bucket common
-- KEYS: prefix of the event; the account's bucket of holds.
-- ARGV: stamp, booking, user, keyed (1 or 0), hold ms, most places in a booking (both where the event
--   says nothing), tokens a minute, tokens at once (0: no limit), the pass of the event's waiting room
--   that was shown and found good (place|end in ms; empty: none), number of seats, seat ids…, then
--   section, quantity, …
-- Answers {verdict, tokens left (-1: no limit), …}:
--   limited, 0, ms until the next token · missing · ask · taken · pass (none was shown)
--   lost, tokens, index of each seat lost (from 0)… · full, tokens, section, places left
local booking, user, keyed = ARGV[2], ARGV[3], ARGV[4] == '1'
local tokens = -1
local burst = tonumber(ARGV[8])
if burst > 0 then
  local wait
  wait, tokens = bucket_take(KEYS[2], tonumber(ARGV[7]), burst)
  if wait > 0 then
    return { 'limited', 0, math.ceil(wait / 1000) }
  end
end

local pass, count = ARGV[9], tonumber(ARGV[10])
local last = 10 + count
local wanted, places = {}, count
for i = last + 1, #ARGV, 2 do
  wanted[#wanted + 1] = ARGV[i] .. ':' .. ARGV[i + 1]
  places = places + tonumber(ARGV[i + 1])
end
local sections = table.concat(wanted, ',')

local meta = call('HMGET', META, 'stamp', 'offset', 'from', 'until', 'hold', 'max', 'room')
local now = redis_ms() + (tonumber(meta[2] or 0))
if meta[1] ~= ARGV[1] then
  touch(booking, '', sections)
  if keyed then
    mark(booking, now, false)
  end
  return { 'missing', tokens }
end
local function known()
  return call('HEXISTS', ENTRY, booking) == 1 or call('ZSCORE', USED, booking)
end
-- Only a keyed request comes back under its id, and is never refused then. Any other one is asked for
-- its id no sooner than something is written: most that come in a rush lose before.
if keyed and known() then
  return { 'ask', tokens }
end
-- Whether every id is known that a retry may bring: else a keyed request is never refused here, since it
-- may be the retry of one that this state has forgotten or never heard of.
local function certain()
  local m = call('HMGET', META, 'complete', 'heard', 'unheard')
  return now >= tonumber(m[1] or 0) and tonumber(m[3] or -1) < tonumber(m[2] or 0)
end
local most = tonumber(meta[6])
if most == 0 then
  most = tonumber(ARGV[6])
end
if now < tonumber(meta[3]) or now >= tonumber(meta[4]) or places > most then
  return { 'ask', tokens }
end
local room = meta[7] and meta[7] ~= ''
if room and pass == '' then
  return { keyed and not certain() and 'ask' or 'pass', tokens }
end

local positions = {}
if count > 0 then
  positions = call('HMGET', IDS, unpack(ARGV, 11, last))
  for i = 1, count do
    if not positions[i] then
      return { 'ask', tokens }
    end
  end
end

-- Numbered seats: a due owner of exactly these seats is always given back.
local lost, own = {}, false
for i = 1, count do
  local p = positions[i]
  if call('GETRANGE', SEATS, p, p) ~= 'a' then
    local owner = call('HGET', OWNER, p)
    local text = owner and call('HGET', ENTRY, owner)
    local e = text and entry_read(text)
    local free = false
    if e and e.deadline >= 0 and e.deadline <= now then
      purge_one(owner, now)
      changed()
      free = call('GETRANGE', SEATS, p, p) == 'a'
    end
    if not free then
      own = own or (e and e.user == user)
      lost[#lost + 1] = i - 1
    end
  end
end
if own then
  return { 'ask', tokens }
end
if #lost > 0 then
  if keyed and not certain() then
    return { 'ask', tokens }
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
  if left < quantity then
    if more or (keyed and not certain()) then
      return { 'ask', tokens }
    end
    return { 'full', tokens, id, left }
  end
end

local life = tonumber(meta[5])
if life == 0 then
  life = tonumber(ARGV[5])
end
entry_apply(booking, {
  state = 'h', user = user, deadline = now + life, taken = now, positions = list, sections = sections,
})
changed()
if room then
  -- Who is inside is known again by this where Redis has lost it.
  local score, ends = string.match(pass, '^(%d+)|(%d+)$')
  if call('ZADD', P .. ':q::inside', 'NX', ends, user) == 1 then
    call('HSET', P .. ':q::done', user, score .. '|inside|' .. ends)
    call('ZREM', P .. ':q::line', user)
    call('ZREM', P .. ':q::away', user)
  end
end
return { 'taken', tokens }
