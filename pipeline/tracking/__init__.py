"""The record of what was computed, in MLflow. Nothing here changes a stage's output.

The stages use three functions of `pipeline.tracking.recording`. None raises when the store is
away; leaving the context waits until everything is delivered, or keeps it for later.

    with training_run(params, key=key, resumed=False, name="fsrcnn-x2", inputs=[hr, lr]) as run:
        run.log_scalars(step, {"loss/total": 0.02, "valid/psnr_y": 31.2})
        run.log_picture(step, "valid/chelsea", picture)
        run.log_model(Path("models/model.safetensors"))

    with evaluation_run(model, params, protocol="rgb", name="fsrcnn-x2", inputs=[hr, lr]) as run:
        run.log_metrics({"mean/psnr_y": 31.2, "mean/gain_psnr_y": 1.9, "set5/psnr_y": 36.4})
        run.log_table("per_image", frame)
        run.log_picture("chelsea", picture)
        run.log_file(Path("metrics/metrics.json"))

    log_report(weights_sha256(model), Path("reports/index.html"))

- `params` are the sections that the stage depends on, as plain data: `{"train": {...}, ...}`.
- `key` is the digest that names the training's checkpoints; `resumed` says that the training
  starts from one. Enter `training_run` only when the stage's own lock is held.
- `pipeline.tracking.resolve.resolve_model(reference)` gives the path of a model: a local file, a
  run's id, `runs:/<id>`, `models:/<name>/<version>` or `models:/<name>@<alias>`.
"""
