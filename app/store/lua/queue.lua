-- What the scripts of a line share, after event.lua: people who wait for places of one section. ARGV[1]
-- is the line's name, the section's id. Its keys are those of the event, with :q:NAME behind:
--   :state    hash: run (Redis run_id under which the line was begun), epoch (how often that was, of
--             PostgreSQL), next (the last number given), from (nobody is served before), sold (1:
--             everything is sold), closed (1: the event is not on sale), open (1: places were left when
--             nobody waited), driven (when the line was last moved on), rate (SERVED|RATED|SINCE: who
--             was served, see rate_of()), skip (SCORE|LEFT: nobody up to that place wants as few as were left),
--             marked (when PostgreSQL was told that somebody waits), timed (when :times was written
--             last). Times are Redis's own, in ms
--   :line     sorted set: user by score
--   :wants    hash: places wanted, more than one -> how many in :line want so many
--   :serving  hash: user -> score|until when|drive: taken out of the line, and not yet told how it ended.
--             Past its time, PostgreSQL is asked again with the next batch, whatever is left by then: what
--             is not free may be what they were given. |again behind it: that has been so before
--   :done     hash: user -> score|booking (-: refused)|deadline ms, or why it was refused
--   :times    sorted set: some times by the number that was given then
--   :begin    whoever begins the line anew
-- A score is the place in the line: ((epoch * 2^34) + number) * 2^9 + (places wanted - 1), below 2^53, so
-- that it is exact. :lines has the names of all lines of the event.
local NAME = ARGV[1]
local Q = P .. ':q:' .. NAME
local STATE = Q .. ':state'
local LINE = Q .. ':line'
local SERVING = Q .. ':serving'
local DONE = Q .. ':done'
local TAU = 60000

local function score_text(score)
  return string.format('%d', score)
end

-- The parts of a text between its bars.
local function parts(text)
  local out = {}
  for part in string.gmatch(text .. '|', '([^|]*)|') do
    out[#out + 1] = part
  end
  return out
end

-- What :state has under rate: people, when they were counted, since when; nil: nobody has been served.
local function rate_read(text)
  if text then
    local served, rated, since = string.match(text, '^([^|]+)|(%d+)|(%d+)$')
    return tonumber(served), tonumber(rated), tonumber(since)
  end
end

-- People served in a million seconds: a count that fades, over the time that it stands for and the time since;
-- 0: not known, since nobody has been for long. text: as in :state.
local function rate_of(text, now)
  local served, rated, since = rate_read(text)
  if not served then
    return 0
  end
  local age, gap = math.max(0, rated - since), math.max(0, now - rated)
  local window = math.max(1000, TAU * (1 - math.exp(-age / TAU)))
  return gap > 3 * TAU and 0 or math.floor(served / (window + gap) * 1e9)
end

-- Those being served whose place is before this one: they may come back to it.
local function served_before(score)
  local count = 0
  for _, text in ipairs(call('HVALS', SERVING)) do
    if tonumber(string.match(text, '^%d+')) < score then
      count = count + 1
    end
  end
  return count
end

-- Whether nothing is served any more, by PostgreSQL's clock and `until` of :meta. That clock may be known a
-- little ahead, and what was begun in time may still be under way.
local function sales_over(at, ends)
  return at - 5000 >= math.abs(ends)
end

-- What standing() needs of :state, and then what else is named.
local function state_read(...)
  return call('HMGET', STATE, 'sold', 'closed', 'open', 'driven', 'rate', ...)
end

-- What is known of one who waits; what the last look at the line has found counts for two seconds, since
-- places may have come back: score, ahead, sold, closed, rate, ms since the line was moved on, open. score: as
-- text; now: Redis's own; s: by state_read().
local function standing(kind, score, ahead, now, s)
  local since = math.max(0, now - (s[4] or 0))
  local fresh = since < 2000
  return {
    kind, score, ahead, fresh and s[1] == '1' and 1 or 0, fresh and s[2] == '1' and 1 or 0,
    rate_of(s[5], now), since, s[3] == '1' and 1 or 0,
  }
end

-- The same of one who stands in line.
local function standing_waiting(user, score, now, s)
  return standing('waiting', score_text(score), served_before(score) + call('ZRANK', LINE, user), now, s)
end

-- The same of one who is being served.
local function standing_serving(score, now, s)
  return standing('serving', score_text(score), served_before(score), now, s)
end

-- How a served place stands, as far as it is known here: its state (h, r, b; '' has ended or not known)
-- and deadline. believed: what is kept of the event counts.
local function served_state(booking, believed, now)
  local text = believed and call('HGET', ENTRY, booking)
  if not text then
    return '', -1
  end
  local e = entry_read(text)
  if e.deadline >= 0 and e.deadline <= now then
    return '', -1
  end
  return e.state, e.deadline
end

-- How many places the section has, where it is one of general admission.
local function ga_capacity()
  return tonumber(call('HGET', P .. ':count', 'c:' .. NAME) or '')
end

-- The section of this line among those of the event: kind, capacity, ranges of seats; nil: there is none.
local function section_read(sections)
  local kind, capacity, ranges = string.match('\n' .. sections .. '\n',
    '\n' .. string.gsub(NAME, '%-', '%%-') .. '|([^|]*)|(%d+)|([^\n]*)')
  return kind, kind == 'ga' and ga_capacity() or tonumber(capacity), ranges
end
