SELECT 'holdfast.venue_create(uuid,text,text,boolean,jsonb)'::regprocedure,
  'holdfast.event_create(uuid,boolean,text,text,boolean,jsonb,integer,integer,integer,jsonb)'::regprocedure;
