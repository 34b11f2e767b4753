-- Lets in whose turn it is, where nobody asks.
-- uses: event common queue place line room
-- KEYS: prefix of the event. ARGV: as room.lua says.
-- Answers {ask}, {off}, {begin}, or {moved, let in, people waiting}.
local r = room_settings()
if not r then
  return { 'ask' }
elseif r.off then
  return { 'off' }
end
local state = room_state(r)
if not state then
  return { call('ZCARD', LINE) > 0 and 'begin' or 'off' }
end
return { 'moved', room_advance(r, state), call('ZCARD', LINE) }
