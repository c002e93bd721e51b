-- People who are deleted after a time in which that can be undone. deleted_at: nobody signs in as this row any more, and it
-- says of nobody who they were; what the books and the trail name by its id stays.
ALTER TABLE users ADD COLUMN delete_at timestamptz;
ALTER TABLE users ADD COLUMN deletion_by uuid;
ALTER TABLE users ADD COLUMN deleted_at timestamptz;
CREATE INDEX users_delete ON users (delete_at) WHERE delete_at IS NOT NULL AND deleted_at IS NULL;
