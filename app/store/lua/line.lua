-- How a line is changed, and the rest of what is read of it, after common.lua and place.lua.
local BEGIN = Q .. ':begin'
local MARK_MS = 20000

local function score_number(score)
  return math.floor(score / 512) % 17179869184
end

local function score_epoch(score)
  return math.floor(score / 8796093022208)
end

-- Somebody stands in line, or further in front than before. What is known of those who were skipped may
-- not hold for them.
local function line_add(user, score)
  local was = tonumber(call('ZSCORE', LINE, user) or '')
  if was and was <= score then
    return
  elseif was then
    wants_add(was, -1)
  end
  call('ZADD', LINE, score_text(score), user)
  call('SADD', WAITS, NAME)
  call('HDEL', STATE, 'skip')
  wants_add(score, 1)
end

-- Somebody who stood there does not any more.
local function line_remove(user, score)
  if call('ZREM', LINE, user) == 1 then
    wants_add(score, -1)
  end
end

-- Comes after the last change of :line and :serving.
local function line_settle()
  if call('EXISTS', LINE, SERVING) == 0 then
    call('SREM', WAITS, NAME)
  end
end

-- What PostgreSQL is to be told: 1 that so many wait, where it was not told lately; -1 that nobody does any
-- more, nor may come back from being served; 0 nothing. marked: as in :state.
local function line_mark(waiting, marked, now)
  marked = tonumber(marked or '')
  if waiting > 0 and (not marked or marked > now or now - marked >= MARK_MS) then
    call('HSET', STATE, 'marked', score_text(now))
    return 1
  elseif waiting == 0 and marked and call('EXISTS', SERVING) == 0 then
    call('HDEL', STATE, 'marked')
    return -1
  end
  return 0
end

-- So many more have been served.
local function rate_add(people, now)
  local served, rated, since = rate_read(call('HGET', STATE, 'rate'))
  local faded = served and served * math.exp(-math.max(0, now - rated) / TAU) or 0
  call('HSET', STATE, 'rate', string.format('%.6f|%d|%d', faded + people, now, since or now))
end
