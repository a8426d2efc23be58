"""``autotune worker``: one of several that search a study together, under whatever starts it."""

from __future__ import annotations

from autotune.cli.io import CommandIO
from autotune.cli.run import search_together
from autotune.cli.run_request import request_of
from autotune.cli.shared_flags import SharedFlags
from autotune.config.settings import Settings


class Worker(Settings, SharedFlags):
    """Work on a study that several machines or GPUs search together.

    Start it once a GPU, on any host that reaches the database, by Slurm, Kubernetes, systemd or by
    hand, with the same flags everywhere. Each worker has its own engine, measures the engine's
    defaults on its own host first, and takes trials from the shared study until it is done. One
    that is lost is noticed, and its trial is measured once more by another. The winner is confirmed
    on one host, and checked on a second one.

    A worker with another engine build, model, driver or GPU than the study's is refused.

    The password of the database is taken from AUTOTUNE_STORAGE_PASSWORD, PGPASSWORD or PGPASSFILE
    in the environment, and from nowhere else.

    Examples:
        autotune worker --storage postgresql://tuner@db/tuning --study coder --workload captures/ \
--model model.gguf --budget 2h
        autotune worker --storage sqlite:////srv/autotune/coder.db --study coder \
--workload captures/ --model model.gguf --gpu 1 --trials 40
    """

    def run(self, io: CommandIO) -> int:
        """Works until the study is done; the exit code says how it ended."""
        return search_together(request_of(self), self, io)
