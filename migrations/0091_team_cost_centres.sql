-- Teams are assigned to cost centres like members: cost_centre_assignments says from when on.
ALTER TABLE teams DROP COLUMN cost_center;
