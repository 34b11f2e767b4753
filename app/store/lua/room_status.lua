-- How a place in the waiting room stands; who asks is seen. Costs the same however many wait.
-- uses: bucket event common queue place line room
-- KEYS: prefix of the event; the account's bucket of reads.
-- ARGV: as room.lua says, then user, score, tokens a minute, tokens at once (0: no limit), back: 1 where
--   PostgreSQL knows of no end of it, so that it goes back to where it was.
-- Answers {limited, ms until the next token}, {ask}, {off}, {begin}, {confirmed}, {left}, {expired},
-- {over} (nobody is let in any more, and passes are of no use), {unknown} (it is of an earlier epoch, and may
-- have been lost; or another place of the account has ended since, and how this one did is not kept), or how
-- it stands, as room.lua says.
local user, score = ARGV[7], tonumber(ARGV[8])
-- What is kept of the account's last place that had its turn or was given up, and how this one ended by that.
local function ended()
  local text = call('HGET', DONE, user)
  local done = text and parts(text)
  local is = done and (tonumber(done[1]) == score or tonumber(done[4] or '') == score)
  return done, is and done[2] or nil
end
local burst = tonumber(ARGV[10])
if burst > 0 then
  local wait = bucket_take(KEYS[2], tonumber(ARGV[9]), burst)
  if wait > 0 then
    return { 'limited', math.ceil(wait / 1000) }
  end
end
local r = room_settings()
if not r then
  return { 'ask' }
elseif r.over then
  local is, _, how = tonumber(call('ZSCORE', LINE, user) or ''), ended()
  if how then
    return { how == 'inside' and 'over' or how }
  end
  return { (ARGV[11] == '1' or is and is <= score) and 'over' or 'unknown' }
elseif r.off then
  local _, how = ended()
  return { how and how ~= 'inside' and how or 'off' }
end
local state = room_state(r)
if not state then
  return { 'begin' }
end
room_seen(r, state)
if not room_find(r, state, user, score) then
  local done, how = ended()
  if how then
    return { how == 'inside' and 'expired' or how }
  elseif score_epoch(score) == state.epoch and (not done or ARGV[11] == '1') then
    return { 'expired' }
  elseif ARGV[11] ~= '1' then
    return { 'unknown' }
  elseif call('ZSCORE', AWAY, user) or room_inside(r, user) then
    -- A later place of the account has had its turn.
    return { 'expired' }
  end
  call('ZADD', LINE, 'LT', score_text(score), user)
  seen_set(state, user, score, r.now)
end
return room_standing(r, state, user, room_advance(r, state))
