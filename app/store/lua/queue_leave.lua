-- A place is given up, after PostgreSQL has written so.
-- uses: common queue
-- KEYS: prefix of the event. ARGV: line, user, score.
-- Answers 1 where there was one.
local user, score = ARGV[2], tonumber(ARGV[3])
local is = tonumber(call('ZSCORE', LINE, user) or '')
if is and is <= score then
  call('ZREM', LINE, user)
  return 1
end
local text = call('HGET', SERVING, user)
if text and tonumber(parts(text)[1]) <= score then
  call('HDEL', SERVING, user)
  return 1
end
return 0
