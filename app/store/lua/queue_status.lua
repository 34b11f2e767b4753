-- How a ticket stands. Costs the same however long the line is.
-- uses: bucket event queue
-- KEYS: prefix of the event; the account's bucket of reads.
-- ARGV: line, stamp, Redis run_id, user, score, tokens a minute, tokens at once (0: no limit).
-- Answers {limited, ms until the next token}, {waiting | serving | over, score, ahead, sold, closed, rate, ms
-- since the line was moved on, open} (over: waiting, but nobody of the line is served any more, as far as that
-- is known here), {done, score, booking, state, deadline ms}, {refused, score, why}, or {unknown, 1 where the
-- line is whole}. An older place of the same account stands for its newer tickets.
local user, score = ARGV[4], tonumber(ARGV[5])
local burst = tonumber(ARGV[7])
if burst > 0 then
  local wait = bucket_take(KEYS[2], tonumber(ARGV[6]), burst)
  if wait > 0 then
    return { 'limited', math.ceil(wait / 1000) }
  end
end
-- Whether the event is cancelled, or its sales have ended, as far as that is known here.
local function is_over()
  local meta = call('HMGET', META, 'stamp', 'offset', 'until')
  return meta[1] == ARGV[2] and sales_over(redis_ms() + tonumber(meta[2]), tonumber(meta[3]))
end
local is = tonumber(call('ZSCORE', LINE, user) or '')
if is and is <= score then
  local s = state_read()
  local out = standing_waiting(user, is, redis_ms(), s)
  -- Found closed when it was last moved on: until then nobody pays for the look. Who is being served may
  -- have been given something.
  if s[2] == '1' and is_over() then
    out[1] = 'over'
  end
  return out
end
local text = call('HGET', SERVING, user)
is = text and tonumber(parts(text)[1])
if is and is <= score then
  return standing_serving(is, redis_ms(), state_read())
end
text = call('HGET', DONE, user)
local done = text and parts(text)
if done and tonumber(done[1]) == score then
  if done[2] == '-' then
    return { 'refused', done[1], done[3] }
  end
  local meta = call('HMGET', META, 'stamp', 'offset')
  local now = redis_ms() + tonumber(meta[2] or 0)
  local kept, deadline = served_state(done[2], meta[1] == ARGV[2], now)
  return { 'done', done[1], done[2], kept, deadline }
end
return { 'unknown', call('HGET', STATE, 'run') == ARGV[3] and 1 or 0 }
