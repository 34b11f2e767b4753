-- How those ended that a drive has taken out of the line. Only what is still that drive's counts: others
-- may have been at it since.
-- uses: common queue
-- KEYS: prefix of the event.
-- ARGV: line, drive, closed (1: the event is not on sale, 0: it is), then in groups of four:
--   USER reserved BOOKING DEADLINE | USER back - - (to its place) | USER out - WHY | USER left - -
-- Answers how many of them counted.
local drive, now = ARGV[2], redis_ms()
local served, counted = 0, 0
for i = 4, #ARGV, 4 do
  local user, outcome = ARGV[i], ARGV[i + 1]
  local text = call('HGET', SERVING, user)
  local s = text and parts(text)
  if s and s[3] == drive then
    call('HDEL', SERVING, user)
    counted = counted + 1
    if outcome == 'back' then
      call('ZADD', LINE, 'LT', s[1], user)
    elseif outcome ~= 'left' then
      call('HSET', DONE, user, s[1] .. '|' .. ARGV[i + 2] .. '|' .. ARGV[i + 3])
      served = served + 1
    end
  end
end
call('HSET', STATE, 'closed', ARGV[3])
if served > 0 then
  rate_add(served, now)
end
return counted
