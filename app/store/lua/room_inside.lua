-- Somebody has held a place with a pass, so that PostgreSQL has found it good: who is inside is known again
-- by this where Redis has lost it.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: '' (the line), user, score, end of the pass in ms.
-- Answers 1 where that was not known.
local user, score, ends = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local text = call('HGET', DONE, user)
local done = text and parts(text)
-- It may have come to its end meanwhile.
if done and tonumber(done[1]) >= score and done[2] ~= 'inside' then
  return 0
end
local new = call('ZADD', Q .. ':inside', 'NX', ends, user)
if new == 1 then
  call('HSET', DONE, user, score_text(score) .. '|inside|' .. ends)
  for _, name in ipairs({ ':line', ':away' }) do
    local is = tonumber(call('ZSCORE', Q .. name, user) or '')
    if is and is <= score then
      call('ZREM', Q .. name, user)
    end
  end
  for _, key in ipairs({ DONE, Q .. ':inside' }) do
    call('PEXPIRE', key, 30 * DAY)
  end
  call('SADD', LINES, NAME)
end
return new
