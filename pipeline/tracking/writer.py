"""Events of a run, written into MLflow so that writing one twice does no harm."""

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.tracking.packaging import save_pyfunc
from pipeline.tracking.store import connect, experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

WEIGHTS_TAG = "weights_sha256"
KEY_TAG = "training_key"
MODEL_NAME = "model"
MAX_METRICS = 1000  # a call; 100 for parameters and tags
MAX_VALUE = 6000  # characters of a parameter
MAX_TAG = 5000
THUMBNAIL = 256  # pixels of the longer side

Event = Mapping[str, Any]


class RunWriter:
    """Writes the events of one run.

    Metrics of a key are written in the order of their steps; a step that the store has already
    is passed over. So a resumed training, which computes the steps after its checkpoint again,
    leaves one point a step.

    Args:
        folder: Where the files are that events name.
        state: What an earlier process has reached: the run's id, and which evaluation it is.
    """

    def __init__(self, folder: Path, state: Mapping[str, Any]) -> None:
        self._folder = folder
        self._run_id: str = state.get("run_id", "")
        self._evaluation: int = state.get("evaluation", 0)
        self._protocol: str = state.get("protocol", "")
        self._created: bool = state.get("created", False)
        self._last_steps: dict[str, int] = {}
        self._pictures: set[str] = set()
        self._connected: MlflowClient | None = None
        self._write: dict[str, Callable[[Event], None]] = {
            "training": self._start_training,
            "evaluation": self._start_evaluation,
            "metrics": lambda event: self.write_metrics([event]),
            "scores": self._scores,
            "picture": self._picture,
            "table": self._table,
            "file": self._file,
            "model": self._model,
            "report": self._report,
            "end": self._end,
        }

    @property
    def state(self) -> dict[str, Any]:
        """What a later process needs to go on."""
        return {
            "run_id": self._run_id,
            "evaluation": self._evaluation,
            "protocol": self._protocol,
            "created": self._created,
        }

    def write(self, event: Event) -> None:
        """Write one event.

        Raises:
            Exception: Whatever MLflow raises; the event can be written again.
        """
        self._write[event["kind"]](event)

    def write_metrics(self, events: Sequence[Event]) -> None:
        """Write the metrics of several steps in as few calls as MLflow allows."""
        from mlflow.entities import Metric

        steps = dict(self._last_steps)
        points = []
        for event in events:
            for key, value in event["values"].items():
                if event["step"] > steps.get(key, -1):
                    steps[key] = event["step"]
                    points.append(Metric(key, value, event["time"], event["step"]))
        for start in range(0, len(points), MAX_METRICS):
            batch = points[start : start + MAX_METRICS]
            self._client.log_batch(self._run_id, metrics=batch)
            self._last_steps |= {point.key: point.step for point in batch}

    @property
    def _client(self) -> "MlflowClient":
        if self._connected is None:
            self._connected = connect()
            if self._run_id:
                self._read_progress(self._connected.get_run(self._run_id))
        return self._connected

    def _read_progress(self, run: "Run") -> None:
        """Learn which steps and pictures the store has."""
        for key in run.data.metrics:
            history = self._client.get_metric_history(run.info.run_id, key)
            self._last_steps[key] = max(point.step for point in history)
        if "mlflow.loggedImages" in run.data.tags:
            files = self._client.list_artifacts(run.info.run_id, "images")
            self._pictures = {_moment(Path(file.path).name) for file in files}

    def _start_training(self, event: Event) -> None:
        run = find_training(self._client, event["key"]) if event["resumed"] else None
        if run is None:
            run = self._client.create_run(
                experiment_id(self._client), event["time"], event["tags"], event["name"]
            )
        else:
            self._client.update_run(run.info.run_id, status="RUNNING")
            self._read_progress(run)
        self._run_id = run.info.run_id
        self._describe(run, event)

    def _start_evaluation(self, event: Event) -> None:
        run = find_by_weights(self._client, event["weights_sha256"])
        self._created = run is None
        if run is None:
            note = "made elsewhere; this store has no run of it"
            tags = event["tags"] | {"training": note, WEIGHTS_TAG: event["weights_sha256"]}
            experiment = experiment_id(self._client)
            run = self._client.create_run(experiment, event["time"], tags, event["name"])
            self._describe(run, event)
        else:
            self._read_progress(run)
        self._run_id = run.info.run_id
        self._protocol = event["protocol"]
        self._evaluation = int(run.data.tags.get("evaluations", 0)) + 1
        stale = [tag for tag in run.data.tags if tag.startswith("evaluate.")]
        for tag in set(stale) - event["settings"].keys():
            self._client.delete_tag(self._run_id, tag)
        counted = {"protocol": self._protocol, "evaluations": str(self._evaluation)}
        self._tag(event["settings"] | counted)
        self._client.log_dict(self._run_id, event["settings"], f"{self._place}/settings.json")

    def _describe(self, run: "Run", event: Event) -> None:
        """Log parameters, datasets and the patch; parameters that are there stay as they are."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        run_id = run.info.run_id
        new = [
            Param(key, value[:MAX_VALUE])
            for key, value in event["params"].items()
            if key not in run.data.params
        ]
        for start in range(0, len(new), 100):
            self._client.log_batch(run_id, params=new[start : start + 100])
        tags = [InputTag("mlflow.data.context", event["kind"])]
        datasets = [
            DatasetInput(Dataset(path, digest, "dvc", json.dumps({"path": path})), tags)
            for path, digest in event["datasets"].items()
        ]
        self._client.log_inputs(run_id, datasets)
        if event["patch"]:
            self._client.log_artifact(run_id, str(self._folder / event["patch"]), "source")

    @property
    def _place(self) -> str:
        return f"evaluation/{self._evaluation}-{self._protocol}"

    def _tag(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        items = [RunTag(key, value[:MAX_TAG]) for key, value in tags.items()]
        for start in range(0, len(items), 100):
            self._client.log_batch(self._run_id, tags=items[start : start + 100])

    def _scores(self, event: Event) -> None:
        named = {f"{self._protocol}/{key}": value for key, value in event["values"].items()}
        step = {"step": self._evaluation, "time": event["time"]}
        self.write_metrics([{**step, "values": named}])
        text = json.dumps(event["values"], indent=2, sort_keys=True)
        self._client.log_text(self._run_id, text + "\n", f"{self._place}/metrics.json")

    def _picture(self, event: Event) -> None:
        """Upload a picture under the name by which MLflow's page finds key and step."""
        from PIL import Image

        source = self._folder / event["file"]
        step, key = event["step"], event["key"]
        if step is None:  # of an evaluation
            step, key = self._evaluation, f"{self._protocol}/{key}"
        name = f"{key.replace('/', '~')}+step+{step}"
        if name in self._pictures:
            return
        # MLflow ends the name with a random one; the time is unique enough, and stays the same.
        stem = f"{name}+timestamp+{event['time']}+{event['time']:032x}"
        with TemporaryDirectory() as folder:
            shutil.copyfile(source, Path(folder, f"{stem}.png"))
            with Image.open(source) as picture:
                picture.thumbnail((THUMBNAIL, THUMBNAIL))
                picture.save(Path(folder, f"{stem}+compressed.webp"))
            self._client.log_artifacts(self._run_id, folder, "images")
        if not self._pictures:
            self._tag({"mlflow.loggedImages": "True"})
        self._pictures.add(name)

    def _table(self, event: Event) -> None:
        """Upload a table in MLflow's form, and tell its page where it is."""
        name = f"{self._place}/{Path(event['file']).name}"
        self._client.log_artifact(self._run_id, str(self._folder / event["file"]), self._place)
        self._tag({"mlflow.loggedArtifacts": json.dumps([{"path": name, "type": "table"}])})

    def _file(self, event: Event) -> None:
        self._client.log_artifact(self._run_id, str(self._folder / event["file"]), self._place)

    def _model(self, event: Event) -> None:
        """Log the model as a pyfunc, unless the run has it or an earlier attempt ended well."""
        from mlflow.entities import LoggedModelOutput

        digest = event["weights_sha256"]
        run = self._client.get_run(self._run_id)
        has_model = bool(run.outputs and run.outputs.model_outputs)
        if has_model and run.data.tags.get(WEIGHTS_TAG) == digest:
            return
        if event["of"] == "evaluation" and not self._created:
            return
        model = self._client.create_logged_model(
            run.info.experiment_id, MODEL_NAME, self._run_id, tags={WEIGHTS_TAG: digest}
        )
        with TemporaryDirectory() as temporary:
            package = Path(temporary, "model")
            save_pyfunc(self._folder / event["file"], package, model=model)
            self._client.log_model_artifacts(model.model_id, str(package))
        self._client.finalize_logged_model(model.model_id, "READY")
        step = max(self._last_steps.values(), default=0)
        self._client.log_outputs(self._run_id, [LoggedModelOutput(model.model_id, step)])
        self._tag({WEIGHTS_TAG: digest})

    def _report(self, event: Event) -> None:
        run = find_by_weights(self._client, event["weights_sha256"])
        if run is None:
            raise LookupError("there is no run of the model that the report is about")
        self._client.log_artifact(run.info.run_id, str(self._folder / event["file"]), "report")

    def _end(self, event: Event) -> None:
        if event["of"] == "training" or self._created:
            self._client.set_terminated(self._run_id, event["status"], event["time"])


def find_training(client: "MlflowClient", key: str) -> "Run | None":
    """Find the run that a resumed training continues: the newest of its key.

    Also a finished one: a training that is killed after its last step, before DVC has its
    outputs, resumes too.
    """
    return _newest(client, f"tags.{KEY_TAG} = '{key}'")


def find_by_weights(client: "MlflowClient", digest: str) -> "Run | None":
    """Find the run that made the weights: the newest training, else the newest run with them."""
    condition = f"tags.{WEIGHTS_TAG} = '{digest}'"
    return _newest(client, f"{condition} and tags.{KEY_TAG} != ''") or _newest(client, condition)


def _newest(client: "MlflowClient", condition: str) -> "Run | None":
    order = ["attributes.start_time DESC"]
    runs = client.search_runs([experiment_id(client)], condition, 1, 1, order_by=order)
    return runs[0] if runs else None


def _moment(name: str) -> str:
    match = re.match(r"(.+\+step\+\d+)\+", name)
    return match[1] if match else ""
