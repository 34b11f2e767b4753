-- A place is given up, after PostgreSQL has written so.
-- uses: common queue
-- KEYS: prefix of the event. ARGV: line, user, score.
-- Answers the score of the place that there was: an older one of the same account goes, too. Else ''.
local user, score = ARGV[2], tonumber(ARGV[3])
local is = tonumber(call('ZSCORE', LINE, user) or '')
if is and is <= score then
  call('ZREM', LINE, user)
  return score_text(is)
end
local text = call('HGET', SERVING, user)
is = text and tonumber(parts(text)[1])
if is and is <= score then
  call('HDEL', SERVING, user)
  return score_text(is)
end
return ''
