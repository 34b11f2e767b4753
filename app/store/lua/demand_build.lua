-- Keeps the demand as it was read out of PostgreSQL.
-- KEYS: as of demand_top.lua. ARGV: stamp, life in ms, event, score, …
redis.call('UNLINK', KEYS[1], KEYS[2])
for i = 3, #ARGV, 2 do
  redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'stamp', ARGV[1], 'since', time[1] .. '.' .. string.format('%06d', time[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('UNLINK', KEYS[3])
