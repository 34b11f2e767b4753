-- The first part of queue_join.lua, which has its arguments: it changes nothing, and comes before the
-- functions that do, but that it binds the key. Whoever joins once more, having a place, ends here.
local answered = key_judge()
if answered then
  return answered
end
local user, quantity, trusted, pass = ARGV[4], tonumber(ARGV[5]), ARGV[7] ~= '0', ARGV[8]
local meta = call('HMGET', META, 'stamp', 'offset', 'from', 'until', 'max', 'room')
local believed = meta[1] == ARGV[2]
local at = redis_ms()
local now = at + (meta[2] or 0)
if not trusted then
  if not believed then
    return { 'ask', 1 }
  end
  local most = tonumber(meta[5])
  if most == 0 then
    most = tonumber(ARGV[6])
  end
  if now < tonumber(meta[3]) or now >= tonumber(meta[4]) or quantity > most then
    return { 'ask', 0 }
  end
end
-- What is said where there is no such section, or none with so many places; nil: there is. Whoever stands in
-- its line has been told before that there is.
local function unfit()
  if ARGV[7] == 'excess' then
    return { 'excess' }
  elseif trusted then
    return nil
  end
  -- The count of general admission knows it without a look at all the sections.
  local capacity = ga_capacity()
  if not capacity then
    local _, seats = section_read(call('HGET', META, 'sections') or '')
    capacity = seats
  end
  return not (capacity and quantity <= capacity) and { 'ask', 0 } or nil
end
local state = state_read('run', 'epoch', 'timed')
local run, epoch, timed = unpack(state, 6, 8)
if run ~= ARGV[3] then
  return unfit() or { 'begin' }
end
local score = call('ZSCORE', LINE, user)
if score then
  key_bind()
  return standing_waiting(user, tonumber(score), at, state)
end
local serving = call('HLEN', SERVING)
local text = serving > 0 and call('HGET', SERVING, user)
if text then
  key_bind()
  return standing_serving(tonumber(parts(text)[1]), at, state)
end
local no = unfit()
if no then
  return no
end
