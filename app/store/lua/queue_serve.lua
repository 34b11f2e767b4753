-- Takes the heads of a line out of it, to be given what is free: those whose quantity fits, in their
-- order, so that one who wants more than is left keeps the place and lets others pass; and those who want
-- more than there is at all, to be refused.
-- uses: common queue
-- KEYS: prefix of the event.
-- ARGV: line, stamp, Redis run_id, drive, ms until a place that nobody tells of goes back, most people, ms
--   that must have passed since the line was moved on.
-- Answers {none} (no line is kept), {begin} (it has to be begun first), {later, ms}, {busy} (others are being
-- served, or were a moment ago), or {serve, waiting after it, 1 where the rest may fit too, 1 where something
-- is kept of the event, user, score, ms waited (-1: not known), …}.
local now = redis_ms()
local state = call('HMGET', STATE, 'run', 'from', 'driven', 'epoch')
if not state[1] then
  return { 'none' }
end
-- What was taken out and never told of goes back to its place.
local serving = call('HGETALL', SERVING)
local under_way = 0
for i = 1, #serving, 2 do
  local s = parts(serving[i + 1])
  if tonumber(s[2]) <= now then
    call('ZADD', LINE, 'LT', s[1], serving[i])
    call('HDEL', SERVING, serving[i])
  else
    under_way = under_way + 1
  end
end
local waiting = call('ZCARD', LINE)
if state[1] ~= ARGV[3] then
  if waiting == 0 then
    return { 'none' }
  end
  return { 'begin' }
end
local from, driven = tonumber(state[2]), tonumber(state[3])
if from > now then
  return { 'later', from - now }
end
-- A clock that was set back is waited for by nobody.
if under_way > 0 or (driven <= now and now - driven < tonumber(ARGV[7])) then
  return { 'busy' }
end

-- What is free: not known while nothing is kept of the event; then PostgreSQL says.
local meta = call('HMGET', META, 'stamp', 'offset', 'sections')
local left, held, known, all = 1e9, 0, false, 1e9
if meta[1] == ARGV[2] then
  local clock = now + tonumber(meta[2])
  purge(clock, 100)
  local kind, capacity, ranges = section_read(meta[3])
  all = capacity or all
  if kind == 'ga' then
    local c = call('HMGET', COUNT, 'h:' .. NAME, 'b:' .. NAME)
    held = tonumber(c[1] or 0)
    left = capacity - held - tonumber(c[2] or 0)
    known = true
  elseif kind then
    left = 0
    for first, last in string.gmatch(ranges, '(%d+)-(%d+)') do
      local bytes = call('GETRANGE', SEATS, first, last)
      local _, free = string.gsub(bytes, 'a', '')
      local _, wait = string.gsub(bytes, '[hr]', '')
      left, held = left + free, held + wait
    end
    known = true
  end
end

local until_ms, drive = score_text(now + tonumber(ARGV[5])), ARGV[4]
local heads = left > 0 and call('ZRANGE', LINE, 0, 255, 'WITHSCORES') or {}
local most, out, picked = tonumber(ARGV[6]), { 'serve', 0, 0, known and 1 or 0 }, {}
for i = 1, #heads, 2 do
  local score = tonumber(heads[i + 1])
  local quantity = score_quantity(score)
  if (quantity <= left or quantity > all) and #picked < most then
    left = left - (quantity > all and 0 or quantity)
    picked[#picked + 1] = heads[i]
    call('HSET', SERVING, heads[i], score_text(score) .. '|' .. until_ms .. '|' .. drive)
    local waited = -1
    if score_epoch(score) == tonumber(state[4]) then
      local joined = call('ZREVRANGEBYSCORE', TIMES, score_number(score), '-inf', 'LIMIT', 0, 1)[1]
      waited = joined and now - tonumber(joined) or -1
    end
    out[#out + 1] = heads[i]
    out[#out + 1] = score_text(score)
    out[#out + 1] = math.max(-1, waited)
  end
end
if #picked > 0 then
  call('ZREM', LINE, unpack(picked))
end
waiting = waiting - #picked
out[2] = waiting
out[3] = (#picked == most and waiting > 0 and left > 0) and 1 or 0
call('HSET', STATE, 'driven', score_text(now), 'open', (left > 0 and waiting == 0) and 1 or 0)
if known then
  call('HSET', STATE, 'sold', (left <= 0 and held <= 0 and #picked == 0) and 1 or 0)
end
return out
