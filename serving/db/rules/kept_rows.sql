-- Rows that are never changed or removed, and the length that reasons must have.

CREATE OR REPLACE FUNCTION triage.never_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  -- A deletion on request (erasure.sql), which names each row in the audit, and nobody but the owner.
  IF current_user = 'rosh_owner' AND TG_TABLE_NAME <> 'audit'
     AND (TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'findings'))
     AND coalesce(current_setting('rosh.erasing', true), '') = 'on' THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END $$;

{% for table in [
    'acknowledgements', 'answers', 'approvals', 'audit', 'claims', 'conclusions', 'cover',
    'entries', 'events', 'findings', 'holds', 'incidents', 'limited_checks', 'newer_scores', 'night_outcomes', 'night_shares',
    'note_answers', 'note_switches', 'openings', 'own_views', 'publications', 'repeat_reads', 'repeat_views', 'rewritten_scores', 'runs', 'second_reads', 'shadows', 'signatures', 'snapshots',
    'stops', 'withdrawals'
] %}
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON triage.{{ table }}
  FOR EACH ROW EXECUTE FUNCTION triage.never_changed();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON triage.{{ table }}
  FOR EACH STATEMENT EXECUTE FUNCTION triage.never_changed();
{% endfor %}

-- Rows that were kept under another length stand: the rule is for new ones.
{% for table, column in [
    ('conclusions', 'reasons'), ('holds', 'reasons'), ('incidents', 'words'),
    ('limited_checks', 'words'), ('note_switches', 'reasons'), ('signatures', 'reasons'),
    ('stops', 'reasons'),
    ('withdrawals', 'reasons')
] %}
ALTER TABLE triage.{{ table }} DROP CONSTRAINT IF EXISTS {{ table }}_{{ column }}_check,
  ADD CONSTRAINT {{ table }}_{{ column }}_check
    CHECK (length(btrim({{ column }})) >= {{ LEAST_REASONS }}) NOT VALID;
{% endfor %}
ALTER TABLE triage.acknowledgements DROP CONSTRAINT IF EXISTS acknowledgements_done_check,
  ADD CONSTRAINT acknowledgements_done_check CHECK (length(btrim(done)) >= {{ LEAST_DONE }})
    NOT VALID;
ALTER TABLE triage.answers DROP CONSTRAINT IF EXISTS answers_check1,
  ADD CONSTRAINT answers_check1
    CHECK (kind IN ('accepted', 'reassessed') OR length(btrim(words)) >= {{ LEAST_REASONS }})
    NOT VALID;
ALTER TABLE triage.own_views DROP CONSTRAINT IF EXISTS own_views_check,
  ADD CONSTRAINT own_views_check
    CHECK (length(btrim(reasons)) >= {{ LEAST_REASONS }} OR jsonb_array_length(ticked) > 0)
    NOT VALID;
