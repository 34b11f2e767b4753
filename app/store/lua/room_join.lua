-- A place in the waiting room; whoever has one, or is inside, gets that again.
-- uses: event key common queue place line room
-- KEYS: prefix of the event; the key of the request, where it has one.
-- ARGV: as room.lua says, then user, shuffle (0 … 2^18 - 1); the fingerprint, where there is a key.
-- Answers {kept, answer} or {reused} as key.lua says, {ask} (PostgreSQL is to be asked), {off} (there is no
-- waiting room), {begin} (the line has to be begun first), or how the place stands, as room.lua says, with 1 behind it where it is new.
local answered = key_judge()
if answered then
  return answered
end
local user, shuffle = ARGV[7], tonumber(ARGV[8])
local r = room_settings()
if not r or (ARGV[4] == '' and (r.closed or r.off)) then
  return { 'ask' }
elseif r.off then
  return { 'off' }
end
local state = room_state(r)
if not state then
  return { 'begin' }
end
room_seen(r, state)
local new = not room_find(r, state, user, math.huge)
if new then
  local slot = call('HINCRBY', STATE, 'next', 1)
  if slot >= 16777216 then
    -- All slots of this epoch are given: another one begins behind it.
    call('HDEL', STATE, 'run')
    return { 'begin' }
  end
  room_opening(r, state)
  local score = state.opened and room_score(state.epoch, 1, 0, slot)
    or room_score(state.epoch, 0, shuffle, slot)
  call('ZREM', AWAY, user)
  call('ZREM', UNTIL, user)
  call('ZADD', LINE, score_text(score), user)
  seen_set(state, user, score, r.now)
end
key_bind()
local out = room_standing(r, state, user, room_advance(r, state))
out[#out + 1] = new and 1 or 0
return out
