-- The first half of take.lua, which has its arguments: it changes nothing of the event, and comes before the
-- functions that do. Most requests of a rush lose, and those without a key end here.
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

local pass, asked = ARGV[9], tonumber(ARGV[10])
local last = 10 + asked
local wanted, places = {}, asked
for i = last + 1, #ARGV, 2 do
  wanted[#wanted + 1] = ARGV[i] .. ':' .. ARGV[i + 1]
  places = places + tonumber(ARGV[i + 1])
end
local sections = table.concat(wanted, ',')

local meta = call('HMGET', META, 'stamp', 'offset', 'from', 'until', 'hold', 'max', 'room', 'kept')
local now = redis_ms() + (meta[2] or 0)
local missing = meta[1] ~= ARGV[1]
local function known()
  return call('HEXISTS', ENTRY, booking) == 1 or call('ZSCORE', USED, booking)
end
-- Whether every id is known that a retry may bring: else a keyed request is never refused here, since it
-- may be the retry of one that this state has forgotten or never heard of.
local function certain()
  local m = call('HMGET', META, 'complete', 'heard', 'unheard')
  return now >= tonumber(m[1] or 0) and tonumber(m[3] or -1) < tonumber(m[2] or 0)
end
local room = meta[7] and meta[7] ~= ''
if not missing then
  -- Only a keyed request comes back under its id, and is never refused then. Any other one is asked for
  -- its id no sooner than something is written: most that come in a rush lose before.
  if keyed and known() then
    return { 'ask', tokens }
  end
  local most = tonumber(meta[6])
  if most == 0 then
    most = tonumber(ARGV[6])
  end
  if now < tonumber(meta[3]) or now >= tonumber(meta[4]) or places > most then
    return { 'ask', tokens }
  end
  if room and pass == '' then
    return { keyed and not certain() and 'ask' or 'pass', tokens }
  end
end

-- Where the seats asked for are; which of them somebody has (counted from 0, as the answer tells it); which
-- are of somebody whose time is over (from 1), and whose; whether one is this user's own.
local positions, lost, due, owners, own = {}, {}, {}, {}, false
if not missing and asked > 0 then
  positions = call('HMGET', IDS, unpack(ARGV, 11, last))
  for i = 1, asked do
    if not positions[i] then
      return { 'ask', tokens }
    end
  end
  for i = 1, asked do
    local p = positions[i]
    if call('GETRANGE', SEATS, p, p) ~= 'a' then
      local owner = call('HGET', OWNER, p)
      local text = owner and call('HGET', ENTRY, owner) or ''
      local who, deadline = string.match(text, '^.|([^|]*)|(-?%d+)')
      deadline = tonumber(deadline or -1)
      if deadline >= 0 and deadline <= now then
        due[#due + 1] = i
        owners[#owners + 1] = owner
      else
        own = own or who == user
        lost[#lost + 1] = i - 1
      end
    end
  end
  if #due == 0 and #lost > 0 and not own and not keyed then
    return { 'lost', tokens, unpack(lost) }
  end
end
