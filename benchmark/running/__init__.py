"""Running a plan: jobs, engines, shards and frames."""
