-- A place in a waiting room has come to its end, after PostgreSQL has written so: it was left, or a
-- booking was confirmed with its pass.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: '' (the line), user, score, left or confirmed.
-- Answers 1 where there was one.
local user, score = ARGV[2], tonumber(ARGV[3])
local found = 0
for _, name in ipairs({ ':line', ':away' }) do
  local is = tonumber(call('ZSCORE', Q .. name, user) or '')
  if is and is <= score then
    found = call('ZREM', Q .. name, user)
  end
end
-- A newer place that is kept for them stays so.
if not call('ZSCORE', Q .. ':away', user) then
  call('ZREM', Q .. ':until', user)
end
local text = call('HGET', DONE, user)
local done = text and parts(text)
if done and done[2] == 'inside' and tonumber(done[1]) <= score then
  found = 1
  score = tonumber(done[1])
  call('ZREM', Q .. ':inside', user)
end
if found == 1 then
  call('HSET', DONE, user, score_text(score) .. '|' .. ARGV[4] .. '|0')
end
return found
