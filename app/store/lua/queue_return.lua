-- Puts a ticket that the line has lost back to its place: older than all that this epoch has given. Of
-- two places of one account the older one stands.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: line, Redis run_id, user, score, stamp.
-- Answers begin (the line has to be begun first), above (so has one of a higher epoch), back, known (it is
-- there by now), final: this place is not the account's any more, or, while a newer one is being served,
-- {serving, …} as queue_status.lua does, at this place: it comes back unless that is given something.
local user, score = ARGV[3], tonumber(ARGV[4])
local state = call('HMGET', STATE, 'run', 'epoch')
if state[1] ~= ARGV[2] then
  return 'begin'
end
local epoch = tonumber(state[2])
if score_epoch(score) > epoch then
  return 'above'
end
if call('ZSCORE', LINE, user) and tonumber(call('ZSCORE', LINE, user)) <= score then
  return 'known'
end
local text = call('HGET', SERVING, user)
if text then
  if tonumber(parts(text)[1]) <= score then
    return 'known'
  end
  return standing_serving(score, redis_ms(), state_read())
end
text = call('HGET', DONE, user)
if text then
  local done = parts(text)
  if tonumber(done[1]) == score then
    return 'known'
  end
  -- A newer place has had its turn.
  if done[2] ~= '-' and tonumber(done[1]) > score then
    return 'final'
  end
  local meta = call('HMGET', META, 'stamp', 'offset')
  local now = redis_ms() + tonumber(meta[2] or 0)
  local believed = meta[1] == ARGV[5]
  local kept = served_state(done[2], believed, now)
  if kept == 'h' or kept == 'r' or (not believed and done[2] ~= '-' and tonumber(done[3]) > now) then
    return 'final'
  end
end
if score_epoch(score) == epoch then
  return 'final'
end
line_add(user, score)
return 'back'
