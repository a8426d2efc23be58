"""Many targets (GPU kinds, models, workloads) planned and tuned as one."""
