-- One step of a rebuild from nothing, behind a fence of this epoch.
-- uses: event common
-- KEYS: prefix of the event. ARGV: epoch, step, …
--   clear                      away with what was kept; the ids used stay, and the version
--   seats BYTES                appends to the string of seats
--   ids FIRST ID…              seat ids from position FIRST on
--   capacity SECTION N…        general admission
--   used MS BOOKING…           ids that hold nothing any more, ended at MS
--   touched                    answers the bookings touched since the fence went up, once; what is
--                              touched from here on is noted anew. What was installed of a booking
--                              before it was touched is older than the touch: it goes, and is to be
--                              looked at again
--   finish stamp S offset N …  the fields of :meta; from here on the state is believed. Answers 2, and
--                              does nothing, where more was touched since the last `touched`
--   believe stamp S offset N … the same whatever was touched: `touched` is to follow
--   renew                      the lease of the fence begins anew, as with every step
--   heard MS                   a comparison behind the fence that went up at MS has found, or written,
--                              everything
--   release                    the fence comes down
--   fail STAMP MS              the same, and for so long only who has more time tries again
-- Answers 0 when the fence is another's, else 1.
if not fence_is(ARGV[1]) then
  return 0
end

-- The bookings touched since the last look. What was installed of them before is older than the
-- touch; once the state is believed each request writes what it does.
local function touched()
  local bookings, believed = {}, call('HEXISTS', META, 'stamp') == 1
  for _, name in ipairs(call('SMEMBERS', DIRTY)) do
    if string.sub(name, 1, 1) == 'k' and #name > 1 then
      local booking = string.sub(name, 2)
      local text = not believed and call('HGET', ENTRY, booking)
      if text then
        entry_remove(booking, entry_read(text))
      end
      bookings[#bookings + 1] = booking
    end
  end
  return bookings
end

local step = ARGV[2]
if step == 'clear' then
  local version = call('HGET', META, 'version')
  call('UNLINK', META, SEATS, IDS, OWNER, ENTRY, DUE, COUNT, CHANGED)
  -- Whatever the clock does, a version stands for one picture.
  if version and string.find(version, '^%d+$') and tonumber(version) < 2 ^ 53 then
    call('HSET', META, 'version', version)
  end
  if call('TYPE', USED).ok ~= 'zset' then
    call('UNLINK', USED)
  end
elseif step == 'seats' then
  call('APPEND', SEATS, ARGV[3])
elseif step == 'ids' then
  local first = tonumber(ARGV[3])
  for i = 4, #ARGV do
    call('HSET', IDS, ARGV[i], first + i - 4)
  end
elseif step == 'capacity' then
  for i = 3, #ARGV, 2 do
    call('HSET', COUNT, 'c:' .. ARGV[i], ARGV[i + 1])
  end
elseif step == 'used' then
  for i = 4, #ARGV do
    call('ZADD', USED, 'NX', tonumber(ARGV[3]) * 2 + 1, ARGV[i])
  end
  call('PEXPIRE', USED, 2 * DAY)
elseif step == 'finish' or step == 'believe' then
  if #touched() > 0 and step == 'finish' then
    return 2
  end
  local time = call('TIME')
  local version = math.max(time[1] * 1000000 + time[2],
    (tonumber(call('HGET', META, 'version') or '') or 0) + 2)
  call('HSET', META, 'version', string.format('%.0f', version + version % 2), 'build', ARGV[1],
    unpack(ARGV, 3))
  call('UNLINK', LATE)
elseif step == 'touched' then
  local bookings = touched()
  call('DEL', DIRTY)
  return bookings
elseif step == 'heard' then
  call('HSET', META, 'heard', ARGV[3])
elseif step == 'release' or step == 'fail' then
  call('UNLINK', FENCE, DIRTY, BEFORE, MOVED)
  if step == 'fail' then
    call('SET', LATE, ARGV[3], 'PX', ARGV[4])
  end
end
return 1
