-- How those ended that a drive has taken out of the line. Only what is still that drive's counts: others
-- may have been at it since.
-- uses: event common queue place line
-- KEYS: prefix of the event.
-- ARGV: line, drive, closed (1: the event is not on sale, 0: it is), then in groups of four:
--   USER reserved BOOKING DEADLINE | USER back - - (to its place) | USER out - WHY | USER left - - |
--   USER undone - - (nobody was asked: to its place, or as before where it may have been given something)
-- Answers how many of them counted, how many wait after it, and what PostgreSQL is to be told as line_mark()
-- says it.
local drive, now = ARGV[2], redis_ms()
local reserved, counted = 0, 0
for i = 4, #ARGV, 4 do
  local user, outcome = ARGV[i], ARGV[i + 1]
  local text = call('HGET', SERVING, user)
  local s = text and parts(text)
  if s and s[3] == drive then
    call('HDEL', SERVING, user)
    counted = counted + 1
    if outcome == 'undone' and s[4] then
      call('HSET', SERVING, user, s[1] .. '|' .. score_text(now) .. '|-|again')
    elseif outcome == 'back' or outcome == 'undone' then
      line_add(user, tonumber(s[1]))
    elseif outcome ~= 'left' then
      call('HSET', DONE, user, s[1] .. '|' .. ARGV[i + 2] .. '|' .. ARGV[i + 3])
      reserved = reserved + (outcome == 'reserved' and 1 or 0)
    end
  end
end
line_settle()
call('HSET', STATE, 'closed', ARGV[3])
if reserved > 0 then
  rate_add(reserved, now)
end
local waiting = call('ZCARD', LINE)
return { counted, waiting, line_mark(waiting, call('HGET', STATE, 'marked'), now) }
