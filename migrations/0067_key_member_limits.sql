-- What each member may use of a service key of their organisation: subject_id is the key's.
ALTER TABLE rate_limits DROP CONSTRAINT rate_limits_subject_kind_check,
  ADD CONSTRAINT rate_limits_subject_kind_check
    CHECK (subject_kind IN ('access_token', 'user', 'service_key', 'key_member'));
