-- Ids of keyed requests that hold nothing any more, behind a fence of this epoch: a retry under one of
-- them is for PostgreSQL.
-- uses: event common
-- KEYS: prefix of the event. ARGV: epoch, ended at (ms), BOOKING…
-- Answers {stale}, or {ok, those that were not known, 0}.
if not fence_is(ARGV[1]) then
  return { 'stale' }
end
local unknown = 0
for i = 3, #ARGV do
  unknown = unknown + call('ZADD', USED, 'NX', tonumber(ARGV[2]) * 2 + 1, ARGV[i])
end
call('PEXPIRE', USED, 2 * DAY)
return { 'ok', unknown, 0 }
