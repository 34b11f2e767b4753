SELECT 'holdfast.queue_serve(integer, text, integer[], bigint[], uuid[], integer[], uuid[], integer, integer, integer, bigint[], boolean)'::regprocedure;
