-- A page of those who were served, with where else their account stands in the same line: for a look that
-- changes nothing.
-- uses: event common queue place line
-- KEYS: prefix of the event. ARGV: line, cursor (0 at the beginning), people on a page, about.
-- Answers {next cursor (0: the last page), people waiting, {user, done, score in the line or '', serving or
-- '', …}}. With the first page come those who are being served and have not been before. In a waiting
-- room, whose line has no name, who was passed over waits too, and who is inside is being served.
local room, INSIDE, AWAY = NAME == '', Q .. ':inside', Q .. ':away'
-- Some seconds off, since clocks are.
local pg = redis_ms() + tonumber(call('HGET', META, 'offset') or 0) + 5000
local function waits(user)
  return call('ZSCORE', LINE, user) or (room and call('ZSCORE', AWAY, user)) or ''
end
local function served(user)
  if not room then
    return call('HGET', SERVING, user) or ''
  elseif tonumber(call('ZSCORE', INSIDE, user) or 0) > pg then
    return 'inside'
  end
  return call('ZSCORE', LINE, user) and call('ZSCORE', AWAY, user) and 'away' or ''
end
local page = call('HSCAN', DONE, ARGV[2], 'COUNT', ARGV[3])
local out = {}
for i = 1, #page[2], 2 do
  local user = page[2][i]
  out[#out + 1] = user
  out[#out + 1] = page[2][i + 1]
  out[#out + 1] = waits(user)
  out[#out + 1] = served(user)
end
if ARGV[2] == '0' and room then
  for _, user in ipairs(call('ZRANGE', AWAY, 0, 1000)) do
    out[#out + 1] = user
    out[#out + 1] = ''
    out[#out + 1] = waits(user)
    out[#out + 1] = served(user)
  end
elseif ARGV[2] == '0' then
  local serving = call('HGETALL', SERVING)
  for i = 1, #serving, 2 do
    if call('HEXISTS', DONE, serving[i]) == 0 then
      out[#out + 1] = serving[i]
      out[#out + 1] = ''
      out[#out + 1] = call('ZSCORE', LINE, serving[i]) or ''
      out[#out + 1] = serving[i + 1]
    end
  end
end
return { page[1], call('ZCARD', LINE), out }
