-- A place is given up. Comes before PostgreSQL is told, so that whoever joins again gets a new one.
-- uses: common queue
-- KEYS: prefix of the event. ARGV: line, step, user, score
--   leave     takes the place out, and an older one of the same account. Answers its score, '' where there
--             is none
--   undo      puts it back: PostgreSQL could not be told. SCORE: as it was answered
local user, score = ARGV[3], tonumber(ARGV[4])
local left = score_text(score) .. '|-|left'
if ARGV[2] == 'undo' then
  if call('HGET', DONE, user) == left then
    call('HDEL', DONE, user)
    call('ZADD', LINE, 'LT', score_text(score), user)
  end
  return ''
end
local is = tonumber(call('ZSCORE', LINE, user) or '')
if is and is <= score then
  call('ZREM', LINE, user)
else
  local text = call('HGET', SERVING, user)
  is = text and tonumber(parts(text)[1])
  if not is or is > score then
    return ''
  end
  call('HDEL', SERVING, user)
end
call('HSET', DONE, user, score_text(is) .. '|-|left')
return score_text(is)
