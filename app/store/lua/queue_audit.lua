-- A page of those who were served, with where else their account stands in the same line: for a look that
-- changes nothing.
-- uses: common queue
-- KEYS: prefix of the event. ARGV: line, cursor (0 at the beginning), people on a page, about.
-- Answers {next cursor (0: the last page), people waiting, {user, done, score in the line or '', serving or
-- '', …}}. With the first page come those who are being served and have not been before.
local page = call('HSCAN', DONE, ARGV[2], 'COUNT', ARGV[3])
local out = {}
for i = 1, #page[2], 2 do
  local user = page[2][i]
  out[#out + 1] = user
  out[#out + 1] = page[2][i + 1]
  out[#out + 1] = call('ZSCORE', LINE, user) or ''
  out[#out + 1] = call('HGET', SERVING, user) or ''
end
if ARGV[2] == '0' then
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
