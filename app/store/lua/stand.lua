-- The first part of queue_join.lua, which has its arguments: it changes nothing, and comes before the
-- functions that do. Whoever joins once more, having a place, ends here.
local user, quantity, trusted, pass = ARGV[4], tonumber(ARGV[5]), ARGV[7] ~= '0', ARGV[8]
local meta = call('HMGET', META, 'stamp', 'offset', 'from', 'until', 'max', 'room')
local believed = meta[1] == ARGV[2]
local at = redis_ms()
local now = at + tonumber(meta[2] or 0)
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
-- Whether there is such a section, with so many places. Whoever stands in its line has been told so before.
local function fits()
  if trusted then
    return true
  end
  -- The count of general admission knows it without a look at all the sections.
  local capacity = ga_capacity()
  if not capacity then
    local _, seats = section_read(call('HGET', META, 'sections') or '')
    capacity = seats
  end
  return capacity and quantity <= capacity
end
local state = call('HMGET', STATE, 'run', 'epoch', 'timed', unpack(STANDS))
local excess = ARGV[7] == 'excess'
if state[1] ~= ARGV[3] then
  if excess then
    return { 'excess' }
  end
  return fits() and { 'begin' } or { 'ask', 0 }
end
local stands = { unpack(state, 4, 10) }
local score = tonumber(call('ZSCORE', LINE, user) or '')
if score then
  return standing(user, 'waiting', score, at, stands)
end
local text = call('HGET', SERVING, user)
if text then
  return standing(user, 'serving', tonumber(parts(text)[1]), at, stands)
end
if excess then
  return { 'excess' }
elseif not fits() then
  return { 'ask', 0 }
end
