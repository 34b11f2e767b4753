-- The first part of queue_join.lua, which has its arguments: it changes nothing, and comes before the
-- functions that do. Whoever joins once more, having a place, ends here.
local user, quantity, trusted, pass = ARGV[4], tonumber(ARGV[5]), ARGV[7] ~= '0', ARGV[8]
local meta = call('HMGET', META, 'stamp', 'offset', 'from', 'until', 'max', 'sections', 'room')
local believed = meta[1] == ARGV[2]
local now = redis_ms() + tonumber(meta[2] or 0)
if not trusted then
  if not believed then
    return { 'ask', 1 }
  end
  local most = tonumber(meta[5])
  if most == 0 then
    most = tonumber(ARGV[6])
  end
  local kind, capacity = section_read(meta[6])
  if now < tonumber(meta[3]) or now >= tonumber(meta[4]) or quantity > most
      or not kind or quantity > capacity then
    return { 'ask', 0 }
  end
end
local state = call('HMGET', STATE, 'run', 'epoch', 'timed')
if state[1] ~= ARGV[3] then
  return { 'begin' }
end
local score = tonumber(call('ZSCORE', LINE, user) or '')
if score then
  return standing(user, 'waiting', score)
end
local text = call('HGET', SERVING, user)
if text then
  return standing(user, 'serving', tonumber(parts(text)[1]))
end
