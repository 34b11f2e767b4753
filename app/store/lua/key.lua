-- A key under which a request may come again, after event.lua: KEYS[2], where it has one; the fingerprint of
-- the request is then the last argument. Kept there: FINGERPRINT, from when something is done under it, and
-- FINGERPRINT ANSWER once that is known (key_end.lua).
local FINGERPRINT = ARGV[#ARGV]

-- What is to be said at once: {kept, the answer}, or {reused} where it was another request's key; nil: neither.
local function key_judge()
  local text = KEYS[2] and call('GET', KEYS[2])
  if not text or text == FINGERPRINT then
    return nil
  elseif string.sub(text, 1, #FINGERPRINT + 1) ~= FINGERPRINT .. ' ' then
    return { 'reused' }
  end
  return { 'kept', string.sub(text, #FINGERPRINT + 2) }
end

-- From here on the key is this request's.
local function key_bind()
  if KEYS[2] then
    call('SET', KEYS[2], FINGERPRINT, 'NX', 'PX', 86400000)
  end
end
