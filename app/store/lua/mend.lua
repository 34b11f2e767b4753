-- Sets single bytes, owners and deadlines right that disagree with the entries, behind a
-- fence of this epoch.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: epoch, then in groups of four:
--   p POSITION OLD NEW     OLD and NEW: the byte and the owner ('a' where there is none: byte alone)
--   d BOOKING OLD NEW      a deadline ('': none)
-- Answers {stale}, or {ok, mended, left alone}.
if not fence_is(ARGV[1]) then
  return { 'stale' }
end
local mended, left = 0, 0
local function judge(dirty, is, old)
  if call('SISMEMBER', DIRTY, dirty) == 1 or is ~= old then
    left = left + 1
    return false
  end
  mended = mended + 1
  return true
end
for i = 2, #ARGV, 4 do
  local kind, name, old, new = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if kind == 'p' then
    if judge('p' .. name, call('GETRANGE', SEATS, name, name) .. (call('HGET', OWNER, name) or ''), old) then
      seat_write(name, string.sub(new, 1, 1))
      if #new > 1 then
        call('HSET', OWNER, name, string.sub(new, 2))
      else
        call('HDEL', OWNER, name)
      end
    end
  elseif judge('k' .. name, call('ZSCORE', DUE, name) or '', old) then
    if new == '' then
      call('ZREM', DUE, name)
    else
      call('ZADD', DUE, new, name)
    end
  end
end
if mended > 0 then
  changed()
end
return { 'ok', mended, left }
