-- What the reference of mpi_pdq and mpi_pix looks up: the keys of the people who are asked for, in
-- the order of the requests. :ids is a list of identifiers, separated by commas.
DROP TABLE IF EXISTS bench_asked;
CREATE TABLE bench_asked AS
SELECT (w.n - 1)::integer AS n, i.ikey, i.authority, i.id, i.person_pkey AS pkey, i.person_id,
       (SELECT s.skey
          FROM mpi_search s
         WHERE s.pkey = i.pkey AND s.record_id = i.record_id
         ORDER BY (SELECT count(*) FROM mpi_search o WHERE o.skey = s.skey)
         LIMIT 1) AS skey,
       (SELECT array_agg(DISTINCT b.bkey)
          FROM mpi_block_key b
         WHERE b.pkey = i.pkey AND b.record_id = i.record_id) AS bkeys
  FROM unnest(string_to_array(:'ids', ',')) WITH ORDINALITY AS w (id, n)
  JOIN mpi_identifier i ON i.authority = :'authority' AND i.id = w.id;
ALTER TABLE bench_asked ADD PRIMARY KEY (n);
GRANT SELECT ON bench_asked TO causeway_hub;
ANALYZE bench_asked;
