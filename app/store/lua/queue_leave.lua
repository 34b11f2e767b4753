-- A place is given up. Comes before PostgreSQL is told, so that whoever joins again gets a new one; but who
-- is being served stays so until then: else nobody would be told of the hold, should this go no further.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: line, step, user, score
--   leave     takes the place out, and an older one of the same account. Answers its score, '' where there
--             is none
--   undo      puts it back: PostgreSQL could not be told. SCORE: as it was answered
--   ended     PostgreSQL has been told: it is being served no more, nor does it stand in line, if it came
--             back there meanwhile. SCORE: likewise
local user, score = ARGV[3], tonumber(ARGV[4])
local left = score_text(score) .. '|-|left'
if ARGV[2] == 'undo' then
  if call('HGET', DONE, user) == left then
    call('HDEL', DONE, user)
    line_add(user, score)
  end
  return ''
end
local text = call('HGET', SERVING, user)
local at = text and tonumber(parts(text)[1])
local is = tonumber(call('ZSCORE', LINE, user) or '')
if ARGV[2] == 'ended' then
  if at == score then
    call('HDEL', SERVING, user)
  elseif is == score then
    line_remove(user, is)
  else
    return ''
  end
  call('HSET', DONE, user, left)
  line_settle()
  return ''
end
if is and is <= score then
  line_remove(user, is)
  call('HSET', DONE, user, score_text(is) .. '|-|left')
  line_settle()
  return score_text(is)
end
return at and at <= score and score_text(at) or ''
