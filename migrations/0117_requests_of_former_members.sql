-- Whoever has left waits for no answer; from now on requests end with the membership.
UPDATE access_requests r SET state = 'withdrawn', decided_at = now()
WHERE state = 'open' AND NOT EXISTS (
  SELECT FROM memberships m WHERE m.organization_id = r.organization_id AND m.user_id = r.user_id);
