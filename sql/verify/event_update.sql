SELECT 'holdfast.event_update(integer,uuid,boolean,integer[],jsonb,integer,integer,integer,jsonb)'::regprocedure;
