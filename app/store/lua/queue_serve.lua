-- Takes the heads of a line out of it, to be given what is free: those whose quantity fits, in their
-- order, so that one who wants more than is left keeps the place and lets others pass; and those who want
-- more than there is at all, to be refused. Before them whoever was taken out before, and never told of:
-- they may have been given something.
-- uses: event common queue place line
-- KEYS: prefix of the event.
-- ARGV: line, stamp, Redis run_id, drive, ms until it counts as forgotten how these end, most people, ms
--   that must have passed since the line was moved on.
-- Answers {none} (no line is kept), {begin} (it has to be begun first), {later, ms}, {busy} (others are being
-- served, or were a moment ago), or {serve, waiting after it, 1 where the rest may fit too, 1 where something
-- is kept of the event, what PostgreSQL is to be told as line_mark() says it, user, score, ms waited (-1: not
-- known), pass of the waiting room (its place; 0: none is known), …}.
local PAGE, LOOKS = 256, 5000
local now = redis_ms()
local state = call('HMGET', STATE, 'run', 'from', 'driven', 'epoch', 'skip', 'marked')
if not state[1] then
  return { 'none' }
end
local serving = call('HGETALL', SERVING)
local forgotten, under_way = {}, 0
for i = 1, #serving, 2 do
  local s = parts(serving[i + 1])
  if moment_to_come(s[2]) <= now then
    forgotten[#forgotten + 1] = { serving[i], tonumber(s[1]) }
  else
    under_way = under_way + 1
  end
end
local waiting = call('ZCARD', LINE)
if state[1] ~= ARGV[3] then
  if waiting + #forgotten == 0 then
    return { 'none' }
  end
  return { 'begin' }
end
local from, driven = moment_to_come(state[2]), tonumber(state[3])
if from > now then
  return { 'later', from - now }
end
-- A clock that was set back is waited for by nobody.
if under_way > 0 or (driven <= now and now - driven < tonumber(ARGV[7])) then
  return { 'busy' }
end

-- What is free: not known while nothing is kept of the event; then PostgreSQL says.
local meta = call('HMGET', META, 'stamp', 'offset', 'sections', 'from', 'until')
local left, held, known, all, closed = 1e9, 0, false, 1e9, false
if meta[1] == ARGV[2] then
  local clock = now + tonumber(meta[2])
  closed = clock < tonumber(meta[4]) or clock >= tonumber(meta[5])
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
local most, picked, out = tonumber(ARGV[6]), 0, { 'serve', 0, 0, known and 1 or 0, 0 }
local function pick(user, score, again)
  picked = picked + 1
  call('HSET', SERVING, user, score_text(score) .. '|' .. until_ms .. '|' .. drive .. again)
  local waited, inside = -1, call('HGET', P .. ':q::done', user)
  if score_epoch(score) == tonumber(state[4]) then
    local joined = call('ZREVRANGEBYSCORE', TIMES, score_number(score), '-inf', 'LIMIT', 0, 1)[1]
    waited = joined and now - tonumber(joined) or -1
  end
  out[#out + 1] = user
  out[#out + 1] = score_text(score)
  out[#out + 1] = math.max(-1, waited)
  out[#out + 1] = inside and parts(inside)[1] or '0'
end

table.sort(forgotten, function(a, b) return a[2] < b[2] end)
for _, f in ipairs(forgotten) do
  if picked < most then
    pick(f[1], f[2], '|again')
  end
end

-- In line: the first page in any case, then others as long as somebody there wants what is left. Where so
-- many are skipped that one look is not enough, the next goes on behind them.
local unseen = { waiting }
local wants = call('HGETALL', WANTS)
for i = 1, #wants, 2 do
  local quantity, people = tonumber(wants[i]), tonumber(wants[i + 1])
  -- An earlier version counted those who want one as well.
  if quantity > 1 then
    unseen[quantity] = people
    unseen[1] = unseen[1] - people
  end
end
local function somebody()
  for quantity, people in pairs(unseen) do
    if people > 0 and (quantity <= left or quantity > all) then
      return true
    end
  end
  return false
end
local skip = state[5] and parts(state[5])
local behind, looks = '-inf', 0
if skip and left <= tonumber(skip[2]) then
  behind = '(' .. skip[1]
end
repeat
  local page = left > 0 and call('ZRANGEBYSCORE', LINE, behind, '+inf', 'WITHSCORES', 'LIMIT', 0, PAGE) or {}
  for i = 1, #page, 2 do
    local score = tonumber(page[i + 1])
    local quantity = score_quantity(score)
    if picked >= most then
      break
    end
    unseen[quantity] = (unseen[quantity] or 0) - 1
    if quantity <= left or quantity > all then
      left = left - (quantity > all and 0 or quantity)
      line_remove(page[i], score)
      pick(page[i], score, '')
    end
    behind = '(' .. score_text(score)
  end
  looks = looks + #page / 2
until #page == 0 or picked >= most or looks >= LOOKS or not somebody()
if looks >= LOOKS and picked < most then
  call('HSET', STATE, 'skip', string.sub(behind, 2) .. '|' .. score_text(left))
end
line_settle()
waiting = call('ZCARD', LINE)
out[2] = waiting
out[3] = (picked == most and waiting > 0 and left > 0) and 1 or 0
out[5] = line_mark(waiting, state[6], now)
call('HSET', STATE, 'driven', score_text(now), 'open', (left > 0 and waiting == 0) and 1 or 0)
if known then
  -- Where nobody is picked PostgreSQL is not asked, which would say that the event is not on sale.
  call('HSET', STATE, 'sold', (left <= 0 and held <= 0 and picked == 0) and 1 or 0,
    'closed', closed and 1 or 0)
end
return out
