-- Sets counts right, behind a fence of this epoch, however much they move meanwhile.
-- uses: event common
-- KEYS: prefix of the event.
-- ARGV: epoch, then FIELD NUMBER …: what each field of :count should have been when the fence went up.
-- Answers {stale}, or {ok, set right, 0, field, was, is, …} of those that were wrong ('': none).
if not fence_is(ARGV[1]) then
  return { 'stale' }
end
local out = { 'ok', 0, 0 }
for i = 2, #ARGV, 2 do
  local field = ARGV[i]
  local be = tonumber(ARGV[i + 1]) + (tonumber(call('HGET', MOVED, field) or '') or 0)
  local text = call('HGET', COUNT, field)
  -- A capacity must be there; what is held or sold may begin with nothing.
  local is = tonumber(text or (string.sub(field, 1, 1) ~= 'c' and '0' or ''))
  if is ~= be then
    call('HSET', COUNT, field, be)
    out[2] = out[2] + 1
    out[#out + 1] = field
    out[#out + 1] = text or ''
    out[#out + 1] = tostring(be)
  end
end
if out[2] > 0 then
  changed()
end
return out
