-- A place at the end of a line; whoever has one already keeps it.
-- uses: event key queue stand place
-- KEYS: prefix of the event; the key of the request, where it has one.
-- ARGV: line, stamp, Redis run_id, user, quantity, most places in a booking where the event says nothing,
--   trusted: 1 PostgreSQL has been asked whether they may join, room where the event has a waiting room by
--   its word, excess: they want too many by its word, which is nothing to whoever has a place; the pass of
--   that which was shown and found good (place|end in ms; empty: none); the fingerprint, where there is a key.
-- Answers {kept, answer} or {reused} as key.lua says, {ask, 1 where nothing is kept of the event} (PostgreSQL
-- is to be asked), {begin} (the line has to be begun first), {excess}, {pass} (one is needed), {spent} (another
-- one is), {done, score, booking, state, deadline ms}, or {waiting | serving, score, ahead, sold, closed, rate, ms since the line was moved on,
-- open, 1 where the place is new}.
text = call('HGET', DONE, user)
if text then
  local done = parts(text)
  local held, deadline = served_state(done[2], believed, now)
  if not believed and done[2] ~= '-' and tonumber(done[3]) > now then
    held, deadline = 'h', tonumber(done[3])
  end
  if held == 'h' or held == 'r' then
    key_bind()
    return { 'done', done[1], done[2], held, deadline }
  end
end
epoch = tonumber(epoch)
if epoch > 1 and not trusted then
  -- A place that an earlier epoch has served may be open, of which nothing is known here any more.
  return { 'ask', 0 }
end
if ARGV[7] == 'room' or (not trusted and (meta[6] or '') ~= '') then
  if pass == '' then
    return { 'pass' }
  end
  local place, how = string.match(call('HGET', P .. ':q::done', user) or '', '^(%d+)|(%a+)')
  if place ~= string.match(pass, '^%d+') then
    -- Their last place is another, or none is known here: what has become of that pass PostgreSQL says.
    if not trusted then
      return { 'ask', 0 }
    end
  elseif how ~= 'inside' then
    return { 'spent' }
  end
end
key_bind()
local number = call('HINCRBY', STATE, 'next', '1')
score = score_of(epoch, number, quantity)
local place = score_text(score)
call('ZADD', LINE, place, user)
wants_add(score, 1)
-- A time a second at most, the last hour of them.
if not timed or math.abs(at - timed) >= 1000 then
  call('HSET', STATE, 'timed', score_text(at))
  call('ZADD', TIMES, number, score_text(at))
  call('ZREMRANGEBYRANK', TIMES, 0, -3602)
end
-- All others stand before it, and so do those who are being served, should they come back.
local ahead = serving + call('ZCARD', LINE) - 1
local out = standing('waiting', place, ahead, at, state)
out[9] = 1
if ahead == 0 then
  call('SADD', P .. ':waits', NAME)
end
return out
