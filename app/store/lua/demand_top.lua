-- The events in most demand.
-- KEYS: as of demand_add.lua, and demand:{all}:lease. ARGV: stamp, most events, life of a lease in ms.
-- Answers {ok, event, score, …}, highest first; where nothing is kept under this stamp {build}, once in
-- the life of a lease, and {wait} for all others.
if redis.call('HGET', KEYS[1], 'stamp') ~= ARGV[1] then
  return { redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[3]) and 'build' or 'wait' }
end
return { 'ok', unpack(redis.call('ZREVRANGE', KEYS[2], 0, ARGV[2] - 1, 'WITHSCORES')) }
