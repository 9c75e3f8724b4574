"""Results as a tracking store reads them."""

from pipeline.evaluation.tables import flat_scores


def test_scores_of_every_kind_have_a_name_of_their_own():
    means = {
        "bicubic": {"psnr_y": 30.0, "ssim_y": None},
        "network": {"psnr_y": 32.0, "ssim_y": 0.9},
        "gain": {"psnr_y": 2.0, "ssim_y": None},
        "images": 5,
    }
    rates = {"bicubic": 0.75, "network": 0.25, "HR": 0.0}
    summary = {
        "mean": means,
        "sets": {"Set5": means},
        "plane": {"points": {"bicubic": {"rmse": 12.0}, "network": {"rmse": 9.0}}},
        "tasks": {"text": {m: {"error": r, "pages": {"a": r}} for m, r in rates.items()}},
    }
    scores = {"psnr_y": 32.0, "ssim_y": 0.9, "gain_psnr_y": 2.0, "bicubic_psnr_y": 30.0}
    assert flat_scores(summary) == {
        **{
            f"{place}/{name}": value for place in ("mean", "Set5") for name, value in scores.items()
        },
        "plane/rmse": 9.0,
        "text/error": 0.25,
        "text/bicubic_error": 0.75,
    }
