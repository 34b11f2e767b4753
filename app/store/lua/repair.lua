-- Sets entries right, behind a fence of this epoch.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: epoch, PostgreSQL's clock in ms, age in ms that an entry must have to be taken away, then
--   booking, entry as it was read ('': none), entry as it should be ('': none), …
-- Left alone: what was touched since the fence, what differs from what was read, and what was taken
-- too lately to be in PostgreSQL for sure. An id that holds places is none that has ended. Answers
-- {stale}, or {ok, repaired, left alone}.
if not fence_is(ARGV[1]) then
  return { 'stale' }
end
fenced = true
local now, age = tonumber(ARGV[2]), tonumber(ARGV[3])
local repaired, left = 0, 0
for i = 4, #ARGV, 3 do
  local booking, old, new = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local is = call('HGET', ENTRY, booking) or ''
  local e = is ~= '' and entry_read(is)
  if call('SISMEMBER', DIRTY, 'k' .. booking) == 1 or is ~= old
      or (new == '' and e and e.taken > now - age) then
    left = left + 1
  else
    if e then
      entry_remove(booking, e)
    end
    if new ~= '' then
      entry_apply(booking, entry_read(new))
      call('ZREM', USED, booking)
    end
    repaired = repaired + 1
  end
end
if repaired > 0 then
  changed()
end
return { 'ok', repaired, left }
