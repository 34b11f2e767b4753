SELECT 'holdfast.event_words_search'::regclass, 'holdfast.events_venue'::regclass,
  'holdfast.event_list(text,timestamptz,timestamptz,date,date,integer,bigint,integer,integer,integer,integer,integer,jsonb)'::regprocedure,
  'public.unaccent(regdictionary,text)'::regprocedure;
