SELECT 'holdfast.event_demand(integer,integer)'::regprocedure,
  'holdfast.event_popular(integer[],integer[],integer,integer,integer,integer,jsonb)'::regprocedure;
