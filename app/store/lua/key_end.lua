-- How the request ended that a key is bound to.
-- KEYS[1]: the key. ARGV: fingerprint; its answer (empty: it was refused, and the key is free again), life in ms.
-- Answers what is kept there of another that was quicker, or nothing.
local text = redis.call('GET', KEYS[1])
if text and text ~= ARGV[1] then
  return text
elseif ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
end
return false
