SELECT 'holdfast.queue_room(integer,boolean)'::regprocedure,
  'holdfast.queue_room_end(integer,integer,bigint,uuid,bigint)'::regprocedure,
  'holdfast.queue_room_leave(integer,integer,bigint,uuid,bigint)'::regprocedure;
