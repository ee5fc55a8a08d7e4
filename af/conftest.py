"""Alembic runs these scripts inside a migration; they cannot be imported for their doctests."""

collect_ignore = ["fivegms_af/migrations/env.py"]
