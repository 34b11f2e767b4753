-- Adds places held to the demand for their events.
-- KEYS: demand:{all}:meta (hash: stamp; since: Redis's clock in seconds when it was built);
--   demand:{all}:score (sorted set: events by their demand). ARGV: stamp, half-life in seconds,
--   event, places, …
-- Forward decay: what comes later weighs more, by the time since the set was built, instead of all that
-- came before weighing less at each look. The set lives an hour, so that no weight grows out of bounds.
-- Answers 1; 0 where nothing is kept under this stamp: whoever asks for the order builds it.
local MOST = 10000
local meta = redis.call('HMGET', KEYS[1], 'stamp', 'since')
if meta[1] ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local age = time[1] + time[2] / 1000000 - meta[2]
if age < -1 then
  -- The clock was set back: what is kept would outweigh all that comes.
  redis.call('UNLINK', KEYS[1], KEYS[2])
  return 0
end
local weight = 2 ^ (age / tonumber(ARGV[2]))
for i = 3, #ARGV, 2 do
  redis.call('ZINCRBY', KEYS[2], string.format('%.17g', ARGV[i + 1] * weight), ARGV[i])
end
local extra = redis.call('ZCARD', KEYS[2]) - MOST
if extra > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, extra - 1)
end
return 1
