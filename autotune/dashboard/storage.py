"""Optuna's storage over studies on disk: everything is read, nothing is written.

This module imports Optuna where it begins, because it derives from one of its classes: import it
where a dashboard is started and nowhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Mapping, Sequence
from copy import deepcopy as copied
from pathlib import Path
from typing import Any, NoReturn

from optuna.distributions import BaseDistribution  # noqa: TID253  # see above
from optuna.storages import BaseStorage  # noqa: TID253
from optuna.study import StudyDirection  # noqa: TID253
from optuna.study._frozen import FrozenStudy  # noqa: TID253
from optuna.trial import FrozenTrial, TrialState  # noqa: TID253

from autotune.dashboard.found import Sources
from autotune.dashboard.pages import Pages
from autotune.dashboard.shelf import Shelf
from autotune.dashboard.view import TRIALS_A_STUDY, Shown, StudyView, views_of

_MINIMIZE = [StudyDirection.MINIMIZE]


class ReadOnlyStorage(BaseStorage):
    """The studies of `sources`, each under a number that it keeps while the dashboard runs.

    What writes raises ``RuntimeError``; a study or trial that is not there is a ``KeyError``.
    """

    def __init__(self, sources: Sources, shelf: Shelf, pages: Pages | None = None) -> None:
        self._sources, self._shelf = sources, shelf
        self._pages = pages or Pages()
        self._views: dict[Path, StudyView] = {}
        self._opened: set[int] = set()
        self._lock = threading.Lock()

    def views(self) -> list[StudyView]:
        """The studies that are there now."""
        with self._lock:
            found = self._sources.found()
            self._views |= dict(views_of(found, self._views, self._shelf, self._pages))
            return [self._views[one.folder.path.resolve()] for one in found]

    def opened(self, study_id: int) -> None:
        """Notes that somebody looks at a study: of others only a few facts are listed."""
        self._opened.add(study_id)

    def importances(self, study_id: int) -> Mapping[str, float]:
        """Which settings matter in a study, as shares of 1. Raises ``KeyError``."""
        return self._view(study_id).importances()

    def _view(self, study_id: int) -> StudyView:
        for views in (list(self._views.values()), self.views()):
            for view in views:
                if view.study_id == study_id:
                    return view
        raise KeyError(f"no study {study_id}")

    def _read(self, study_id: int) -> Shown:
        return self._view(study_id).read()

    def get_study_id_from_name(self, study_name: str) -> int:
        """See `BaseStorage`."""
        for view in self.views():
            if view.found.name == study_name:
                return view.study_id
        raise KeyError(f"no study {study_name}")

    def get_study_name_from_id(self, study_id: int) -> str:
        """See `BaseStorage`."""
        return self._read(study_id).name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Every objective is made smaller."""
        self._read(study_id)
        return list(_MINIMIZE)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """See `BaseStorage`."""
        return dict(self._read(study_id).user_attrs)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """See `BaseStorage`."""
        return dict(self._read(study_id).system_attrs)

    def get_all_studies(self) -> list[FrozenStudy]:
        """See `BaseStorage`. Those that nobody `opened` are without artifacts and notes."""
        return [_frozen(view.study_id, self._listed(view)) for view in self.views()]

    def _listed(self, view: StudyView) -> Shown:
        return view.read() if view.study_id in self._opened else view.brief()

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """See `BaseStorage`."""
        study_id, number = divmod(trial_id, TRIALS_A_STUDY)
        trials = self._read(study_id).trials
        if number >= len(trials):
            raise KeyError(f"no trial {trial_id}")
        return trials[number]

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """See `BaseStorage`."""
        trials = self._read(study_id).trials
        chosen = [t for t in trials if states is None or t.state in states]
        return copied(chosen) if deepcopy else chosen

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """The winner, else the least score. Raises ``ValueError`` where nothing has one."""
        best = self._read(study_id).best
        if best is None:
            raise ValueError("No trials are completed yet.")
        return best

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> NoReturn:
        """Raises ``RuntimeError``, as does everything below."""
        _refuse()

    def delete_study(self, study_id: int) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> NoReturn:
        """See `create_new_study`."""
        _refuse()

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> NoReturn:
        """See `create_new_study`."""
        _refuse()


def _frozen(study_id: int, shown: Shown) -> FrozenStudy:
    return FrozenStudy(
        study_name=shown.name,
        direction=None,
        directions=list(_MINIMIZE),
        user_attrs=dict(shown.user_attrs),
        system_attrs=dict(shown.system_attrs),
        study_id=study_id,
    )


def _refuse() -> NoReturn:
    raise RuntimeError("the dashboard changes nothing")
