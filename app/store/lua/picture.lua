-- The live picture of an event, or what is new of it.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: stamp; build and version of the picture that the caller has ('': none); the version after which
--   changes are asked for ('': none are).
-- Answers {missing}; {due} where more holds are due than one call gives back; or {ok, version,
-- PostgreSQL's clock in ms, build, changes}, and where that is not the picture that the caller has:
-- seats, sections, shown, {count field, value, …}, the first deadline (-1: none). changes: the positions written after that version,
-- nil where not all are known, or they are too many.
local FOLLOWED = 60000
local LOG_MOST = 10000
local meta = call('HMGET', META, 'stamp', 'offset', 'build', 'version')
if meta[1] ~= ARGV[1] then
  return { 'missing' }
end
local now = redis_ms() + tonumber(meta[2])
local given, more = purge(now, 1000)
if more and call('ZCOUNT', DUE, '-inf', now) > 0 then
  return { 'due' }
end
local version = given == 0 and meta[4] or call('HGET', META, 'version')

-- Whoever asks has the positions noted from here on, for a while.
local function changes_after(from)
  local floor = call('ZSCORE', CHANGED, 'floor')
  local known, list = from == version, false
  if floor then
    known = known or tonumber(floor) <= tonumber(from) and tonumber(from) <= tonumber(version)
  end
  if known then
    -- In the answer a position takes about six times the room of a byte of the whole picture.
    local most = math.min(WORK, math.floor(call('STRLEN', SEATS) / 6))
    if call('ZCOUNT', CHANGED, '(' .. from, '+inf') <= most then
      list = call('ZRANGEBYSCORE', CHANGED, '(' .. from, '+inf')
    end
  end
  if not floor or call('ZCARD', CHANGED) > LOG_MOST then
    call('UNLINK', CHANGED)
    call('ZADD', CHANGED, version, 'floor')
  end
  call('PEXPIRE', CHANGED, FOLLOWED)
  return list
end

local answer = { 'ok', version, now, meta[3], ARGV[4] ~= '' and changes_after(ARGV[4]) }
if ARGV[2] ~= meta[3] or ARGV[3] ~= version then
  local fields = call('HMGET', META, 'sections', 'shown')
  answer[6], answer[7] = call('GET', SEATS) or '', fields[1]
  answer[8], answer[9] = fields[2], call('HGETALL', COUNT)
  answer[10] = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2] or -1
end
return answer
