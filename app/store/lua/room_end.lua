-- A place in a waiting room has come to its end, after PostgreSQL has written so: it was left, or a
-- booking was confirmed with its pass. An older place of the account that stood for it ends with it.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: '' (the line), user, score, left or confirmed.
-- Answers the score of what has ended with it, also when it is told once more; '' where nothing did.
local user, score = ARGV[2], tonumber(ARGV[3])
local older
for _, name in ipairs({ ':line', ':away' }) do
  local is = tonumber(call('ZSCORE', Q .. name, user) or '')
  if is and is <= score then
    older = is
    call('ZREM', Q .. name, user)
  end
end
-- A newer place that is kept for them stays so.
if not call('ZSCORE', Q .. ':away', user) then
  call('ZREM', Q .. ':until', user)
end
local text = call('HGET', DONE, user)
local done = text and parts(text)
if done and done[2] == 'inside' and tonumber(done[1]) <= score then
  older = tonumber(done[1])
  call('ZREM', Q .. ':inside', user)
end
if older then
  call('HSET', DONE, user, table.concat({ score_text(score), ARGV[4], 0, score_text(older) }, '|'))
  return score_text(older)
end
return done and done[4] and tonumber(done[1]) == score and done[4] or ''
