-- Nothing kept of this event is believed until it is rebuilt; the ids used stay known.
-- uses: common
-- KEYS: prefix of the event.
touch('', '', '')
return call('HDEL', META, 'stamp')
