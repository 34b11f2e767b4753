SELECT 'holdfast.event_get(integer,uuid,boolean,integer,integer,integer,jsonb)'::regprocedure,
  'holdfast.event_seatmap(integer,uuid,boolean)'::regprocedure;
