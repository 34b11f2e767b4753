SELECT 'holdfast.booking_get(integer,uuid,uuid)'::regprocedure,
  'holdfast.filter_entries(integer,uuid,integer)'::regprocedure,
  'holdfast.section_counts(integer)'::regprocedure;
