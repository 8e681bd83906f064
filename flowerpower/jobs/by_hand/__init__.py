"""What people order by hand: runs, backfills, holds, and stops."""
