-- What the scripts of a waiting room share, after line.lua: the line of a whole event,
-- whose name is empty. Who comes to its head is let in: gets a pass, with which places may be held. Beside
-- :state, :line and :done (user -> score|inside, confirmed or left|end of the pass in ms, 0 where it ended|then
-- the older place of the account that ended with it) it has
--   :seen    string: four bytes a slot, the second (Redis's own) at which its holder was last seen
--   :back    hash: user -> the same, for places of earlier epochs, whose slots are not in :seen
--   :inside  sorted set: user by the end of the pass, ms of PostgreSQL's clock
--   :away    sorted set: user by score: their turn came and they were not there; :until: user by the time
--            (Redis's own, ms) to which the place is kept for them
-- and in :state: slots (epoch that :seen is of), begun (when that began, s), opened (1: the opening has
-- been, whatever is said of it later while somebody waits or is inside), tokens (people who may be let in, with a fraction), filled (when
-- that was counted), polled (when somebody was last seen).
-- A score is epoch * 2^43 + phase * 2^42 + shuffle * 2^24 + slot. Phase 0, who came before the opening, in
-- an order drawn by their accounts; phase 1 and shuffle 0, who came later, as they came.
-- Each script has ARGV: '' (the line), stamp, Redis run_id, told, defaults (admitted a minute|inside at
-- once|stale after|grace|life of a pass, s), ms between two polls, … told: what PostgreSQL has said of the
-- event where Redis cannot (its clock in ms|until as in :meta|opens|… as room of :meta); empty: not asked.
local SEEN = Q .. ':seen'
local BACK = Q .. ':back'
local INSIDE = Q .. ':inside'
local AWAY = Q .. ':away'
local UNTIL = Q .. ':until'
local HEADS = 50
local LOOKS = 200
local LIFE = 30 * DAY

-- The waiting room as it is in force; nil: PostgreSQL is to be asked. off: there is none.
local function room_settings()
  local r, now = {}, redis_ms()
  local said
  if ARGV[4] ~= '' then
    said = parts(ARGV[4])
    r.pg, r.ends = tonumber(said[1]), tonumber(said[2])
    table.remove(said, 1)
    table.remove(said, 1)
  else
    local meta = call('HMGET', META, 'stamp', 'offset', 'until', 'room')
    if meta[1] ~= ARGV[2] or not meta[4] then
      return nil
    end
    r.pg, r.ends = now + tonumber(meta[2]), tonumber(meta[3])
    said = parts(meta[4])
  end
  local defaults = parts(ARGV[5])
  local function value(i)
    return tonumber(said[i] or '') or tonumber(defaults[i - 1])
  end
  r.now = now
  r.off = not tonumber(said[1])
  r.opens = tonumber(said[1])
  r.closed, r.over = r.pg >= r.ends, sales_over(r.pg, r.ends)
  r.rate, r.most, r.stale, r.grace, r.life = value(2), value(3), value(4), value(5), value(6)
  return r
end

-- nil: the line has to be begun first.
local function room_state(r)
  local s = call('HMGET', STATE, 'run', 'epoch', 'from', 'slots', 'begun', 'opened', 'tokens', 'filled',
    'polled')
  if s[1] ~= ARGV[3] then
    return nil
  end
  local state = {
    epoch = tonumber(s[2]), from = moment_to_come(s[3]), begun = tonumber(s[5] or 0), opened = s[6] == '1',
    tokens = tonumber(s[7] or 0), filled = tonumber(s[8] or 0), polled = tonumber(s[9] or 0),
  }
  if s[4] ~= s[2] then
    -- Slots are counted anew. Who stood here before is seen as of now.
    state.begun = math.floor(r.now / 1000)
    call('DEL', SEEN, BACK)
    call('HSET', STATE, 'slots', s[2], 'begun', state.begun)
  end
  return state
end

local function room_score(epoch, phase, shuffle, slot)
  return epoch * 8796093022208 + phase * 4398046511104 + shuffle * 16777216 + slot
end

local function seen_set(state, user, score, now)
  local second = math.floor(now / 1000)
  if score_epoch(score) == state.epoch then
    call('SETRANGE', SEEN, (score % 16777216 - 1) * 4, struct.pack('>I4', second))
  else
    call('HSET', BACK, user, second)
  end
end

local function seen_get(state, user, score)
  if score_epoch(score) ~= state.epoch then
    return tonumber(call('HGET', BACK, user) or state.begun)
  end
  local at = (score % 16777216 - 1) * 4
  local bytes = call('GETRANGE', SEEN, at, at + 3)
  return #bytes == 4 and struct.unpack('>I4', bytes) or 0
end

-- Somebody is here. When nobody could be seen for long, those who come first are not those who stand
-- first: nobody is let in for two polls.
local function room_seen(r, state)
  local gap = r.now - state.polled
  if state.polled > 0 and gap > r.stale * 1000 and call('ZCARD', LINE) > 0 then
    state.from = math.max(state.from, r.now + 2 * tonumber(ARGV[6]))
    call('HSET', STATE, 'from', score_text(state.from))
  end
  if gap >= 1000 or gap < 0 then
    state.polled = r.now
    call('HSET', STATE, 'polled', score_text(r.now))
    for _, key in ipairs({ STATE, LINE, DONE, SEEN, BACK, INSIDE, AWAY, UNTIL }) do
      call('PEXPIRE', key, LIFE)
    end
  end
end

-- Passes that have ended.
local function room_tidy(r)
  local ended = call('ZRANGEBYSCORE', INSIDE, '-inf', r.pg, 'LIMIT', 0, LOOKS)
  if #ended > 0 then
    call('ZREM', INSIDE, unpack(ended))
  end
end

-- Places that were kept for those who did not come back.
local function room_forget(r)
  local over = call('ZRANGEBYSCORE', UNTIL, '-inf', r.now, 'LIMIT', 0, LOOKS)
  if #over > 0 then
    call('ZREM', UNTIL, unpack(over))
    call('ZREM', AWAY, unpack(over))
    call('HDEL', BACK, unpack(over))
  end
end

-- The moment of the opening has been; the bucket of the rate begins full, which is one second's worth. Another
-- one, later, is as good as the first as long as that has let nobody stand here.
local function room_opening(r, state)
  if state.opened and r.pg < r.opens and call('EXISTS', LINE) == 0
    and call('ZCOUNT', UNTIL, '(' .. score_text(r.now), '+inf') == 0
    and call('ZCOUNT', INSIDE, '(' .. score_text(r.pg), '+inf') == 0 then
    state.opened = false
    call('HDEL', STATE, 'opened')
  end
  if not state.opened and r.pg >= r.opens then
    state.opened, state.tokens, state.filled = true, math.max(1, r.rate / 60), r.now
    call('HSET', STATE, 'opened', 1)
  end
end

local function room_let_in(r, state, user, score)
  local ends = (math.floor(r.pg / 1000) + r.life) * 1000
  call('ZADD', INSIDE, score_text(ends), user)
  call('HSET', DONE, user, score_text(score) .. '|inside|' .. score_text(ends))
  call('HDEL', BACK, user)
end

-- Lets in whose turn it is, as many as the rate allows and as there is room for. Who has not been seen
-- lately keeps the place for a while, and lets others pass. Where nobody can be seen nobody has missed a
-- turn. Returns how many were let in.
local function room_advance(r, state)
  room_tidy(r)
  if r.closed or r.pg < r.opens or r.now < state.from or r.now - state.polled > r.stale * 1000 then
    return 0
  end
  room_forget(r)
  room_opening(r, state)
  -- A clock that was set back fills nothing.
  local passed = math.max(0, r.now - state.filled)
  local tokens = math.min(math.max(1, r.rate / 60), state.tokens + passed * r.rate / 60000)
  local left = math.min(math.floor(tokens), r.most - call('ZCARD', INSIDE))
  local let_in, looks = 0, 0
  while left > 0 and looks < LOOKS do
    local heads = call('ZRANGE', LINE, 0, math.min(left, HEADS) - 1, 'WITHSCORES')
    if #heads == 0 then
      break
    end
    for i = 1, #heads, 2 do
      local user, score = heads[i], tonumber(heads[i + 1])
      looks = looks + 1
      call('ZREM', LINE, user)
      if r.now / 1000 - seen_get(state, user, score) > r.stale then
        call('ZADD', AWAY, heads[i + 1], user)
        call('ZADD', UNTIL, score_text(r.now + r.grace * 1000), user)
      else
        room_let_in(r, state, user, score)
        let_in, left, tokens = let_in + 1, left - 1, tokens - 1
      end
    end
  end
  state.tokens, state.filled = tokens, r.now
  call('HSET', STATE, 'tokens', string.format('%.6f', tokens), 'filled', score_text(r.now))
  if let_in > 0 then
    rate_add(let_in, r.now)
  end
  return let_in
end

-- Who is inside: score and end of the pass in seconds.
local function room_inside(r, user)
  local text = call('HGET', DONE, user)
  local done = text and parts(text)
  if done and done[2] == 'inside' and tonumber(done[3]) > r.pg then
    return tonumber(done[1]), tonumber(done[3]) / 1000
  end
end

-- The answer of all: {inside, let in just now, score, end of the pass in s}, or {waiting, let in, score,
-- ahead, people let in a million seconds, ms to the opening (0: it has been), when that is, s after which
-- one is passed over, people waiting, 1 where the event is not on sale, life of a pass in s}.
local function room_standing(r, state, user, let_in)
  local score, ends = room_inside(r, user)
  if score then
    return { 'inside', let_in, score_text(score), ends }
  end
  return {
    'waiting', let_in, call('ZSCORE', LINE, user), call('ZRANK', LINE, user),
    rate_of(call('HGET', STATE, 'rate'), r.now), math.max(0, math.ceil(r.opens - r.pg)), r.opens,
    r.stale, call('ZCARD', LINE), r.closed and 1 or 0, r.life,
  }
end

-- A place that this one or an older one of the account stands for: seen, and back in line where it was
-- passed over. Returns whether there is one.
local function room_find(r, state, user, score)
  local is = tonumber(call('ZSCORE', LINE, user) or '')
  if is and is <= score then
    seen_set(state, user, is, r.now)
    return true
  end
  is = tonumber(call('ZSCORE', AWAY, user) or '')
  if is and is <= score and tonumber(call('ZSCORE', UNTIL, user) or 0) > r.now then
    call('ZREM', AWAY, user)
    call('ZREM', UNTIL, user)
    call('ZADD', LINE, score_text(is), user)
    seen_set(state, user, is, r.now)
    return true
  end
  is = room_inside(r, user)
  return is and is <= score
end
