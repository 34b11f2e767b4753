-- Begins a line of which nothing is kept, or what another run of Redis left: it may have given numbers
-- that are not known here any more.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: line, step, Redis run_id, …
--   claim ABOVE            answers {begun} (there is nothing to do), {busy}, or {claimed, the last epoch
--                          that is known of}: PostgreSQL is to be asked for one above it. ABOVE: not begun
--                          is what has no epoch as high as this
--   begin EPOCH WAIT       the line goes on under this epoch; after the first, nobody is served for WAIT
--                          ms, in which those who ask how they stand come back to their places. Answers
--                          {begun}
local state = call('HMGET', STATE, 'run', 'epoch')
if state[1] == ARGV[3] and tonumber(state[2]) >= tonumber(ARGV[4]) then
  return { 'begun' }
end
if ARGV[2] == 'claim' then
  if not call('SET', BEGIN, 1, 'NX', 'PX', 5000) then
    return { 'busy' }
  end
  return { 'claimed', tonumber(state[2] or 0) }
end
local from = tonumber(ARGV[4]) > 1 and redis_ms() + tonumber(ARGV[5]) or 0
call('HSET', STATE, 'run', ARGV[3], 'epoch', ARGV[4], 'next', 0, 'from', score_text(from), 'driven', 0, 'open', 1)
call('DEL', TIMES, BEGIN)
call('HDEL', STATE, 'timed')
call('SADD', LINES, NAME)
return { 'begun' }
