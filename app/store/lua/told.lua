-- What the watchers of an event have been told, after common.lua:
--   :told   hash: at (when a process last took it on itself to tell them, by Redis's own clock, ms),
--           version (the last one that they were told of)
-- Apart from the rest, so that no hold pays for it.
local TOLD = P .. ':told'

-- Whether there are changes that no watcher was told of.
local function untold()
  return (call('HGET', META, 'version') or '') ~= (call('HGET', TOLD, 'version') or '')
end
