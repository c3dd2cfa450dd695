"""Where the runs of a study are computed: on this machine, or by the workers of a Dask cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..checks import check_whole
from ..compute.threads import thread_count
from ..errors import IXGSError
from .task import Task
from .work import Outcome, Work, fail, perform


class Backend(Protocol):
    """Carries out tasks in any order and yields an outcome for each."""

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[Outcome]: ...


@dataclass(frozen=True)
class LocalProcesses:
    """Child processes of this machine.

    workers: how many runs are computed at a time; None: one for every two CPUs. threads: CPU threads of each run; None:
    the CPUs are shared out.
    """

    workers: int | None = None
    threads: int | None = None
    work: Work = perform

    def __post_init__(self) -> None:
        for name in ("workers", "threads"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), 1, 10_000)

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        cpus = thread_count()
        workers = self.workers or max(1, cpus // 2)
        threads = self.threads or max(1, cpus // workers)
        stop = threading.Event()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="ixgs-study")
        try:
            futures = [pool.submit(self.work, replace(task, threads=threads), stop.is_set) for task in tasks]
            for future in as_completed(futures):
                yield future.result()
        finally:
            stop.set()  # the runs that are being computed keep their checkpoints
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class DaskCluster:
    """The workers of an existing Dask cluster, which see the folder of the study and have the same version of IXGS.

    address: that of its scheduler. threads: CPU threads of each run; None: all of the worker's machine.
    timeout: seconds after which a scheduler that does not answer counts as lost.
    """

    address: str
    threads: int | None = None
    work: Callable[[Task], Outcome] = perform
    timeout: float = 30.0

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        distributed = _distributed()
        try:
            client = distributed.Client(self.address, timeout=self.timeout, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise IXGSError(
                f"{self.address}: no Dask scheduler answers ({type(error).__name__}); start one with `dask scheduler` "
                "or correct --scheduler"
            ) from error
        with client:
            yield from self._outcomes(client, distributed, tasks)

    def _outcomes(self, client: Any, distributed: Any, tasks: Sequence[Task]) -> Iterator[Outcome]:
        by_key = {f"ixgs-{task.id}": replace(task, threads=self.threads) for task in tasks}
        futures = [client.submit(self.work, task, key=key, pure=True) for key, task in by_key.items()]
        for future in distributed.as_completed(futures, loop=client.loop):
            if future.status == "finished":
                yield future.result()
            elif future.status == "error":
                yield self._failed(future.exception(), by_key[future.key], distributed)
            else:
                raise self._lost()
            future.release()

    def _failed(self, error: BaseException, task: Task, distributed: Any) -> Outcome:
        """A worker that died several times with a run makes it fail; other errors end the study."""
        if isinstance(error, distributed.scheduler.KilledWorker):
            return fail(task, "the workers that computed it died, each time; memory may have run out")
        if isinstance(error, IXGSError):
            raise error
        raise self._lost() from error

    def _lost(self) -> IXGSError:
        return IXGSError(
            f"{self.address}: the scheduler was lost; finished runs are kept: start a scheduler and the same command "
            "again"
        )


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise IXGSError("--scheduler needs Dask; pip install 'IXGSLib[cluster]'") from error
    return distributed
