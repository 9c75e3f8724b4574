"""Small recipes of every kind of training, as changes of `small_recipe`."""

from typing import Any

VGG = {"name": "vgg", "num_features": 4, "head": "pooled"}
LITE0 = {"name": "efficientnet_lite0"}
FEATURE = {"name": "feature", "extractor": LITE0, "layer": "stage2", "num_features": 4}


def adversarial(**changes: Any) -> dict[str, Any]:
    return {"name": "adversarial", "kind": "relativistic", "weight": 0.01, **changes}


GAN: dict[str, Any] = {
    "loss": [
        {"name": "l1"},
        adversarial(label="image", discriminator=VGG, warmup_steps=2, r1=1.0),
        adversarial(
            label="critic",
            kind="wasserstein",
            discriminator={**VGG, "norm": "none"},
            gradient_penalty=10.0,
            steps=2,
        ),
        adversarial(
            label="spectral", kind="hinge", discriminator={"name": "unet", "num_features": 4}
        ),
    ],
    "discriminators": {
        "image": {
            "optimizer": {"name": "sgd", "learning_rate": 1e-3},
            "schedule": {"name": "step", "every": 3},
            "clip": {"name": "norm", "limit": 0.5},
        }
    },
}

# Three phases: pixels alone, then a GAN on larger patches, which the third one goes on with.
CURRICULUM: dict[str, Any] = {
    "phases": [
        {"steps": 4, "patch_size": 8, "batch_size": 4, "learning_rate": 2e-3},
        {"steps": 4, "loss": [{"name": "l1"}, adversarial(discriminator=VGG)]},
        {
            "steps": 4,
            "patch_size": 24,
            "loss": [{"name": "charbonnier"}, adversarial(discriminator=VGG, weight=0.1)],
            "schedule": {"name": "cosine"},
        },
    ],
}

# A network for x2 hands its weights on to one for x4.
SCALES: dict[str, Any] = {
    "scale": 4,
    "phases": [{"steps": 6, "scale": 2}, {"steps": 6, "schedule": {"name": "constant"}}],
}

# The same network grows a level, which is blended in.
LEVELS: dict[str, Any] = {
    "scale": 4,
    "model": {"name": "lapsrn", "colour": "rgb"},
    "phases": [{"steps": 5, "scale": 2}, {"steps": 7, "blend_steps": 4}],
}

NOISY = {"name": "gaussian_noise", "level": [5, 10]}
ONLINE: dict[str, Any] = {
    "degradation": {"mode": "online"},
    "phases": [
        {"steps": 6},
        {
            "steps": 6,
            "degradation": {"mode": "online", "chain": [{"name": "resize"}, NOISY]},
        },
    ],
    "patch_size": 8,
}

SELECTED: dict[str, Any] = {
    "keep_best": "psnr_y",
    "early_stop": {"metric": "psnr_y", "patience": 1, "min_gain": 50.0},
    "validation": {"every": 4, "crop": 24},
    "clip": {"name": "adjustable", "theta": 0.01},
    "accumulation": 2,
    "ema": None,
}

RECIPES: dict[str, dict[str, Any]] = {
    "gan": GAN,
    "curriculum": CURRICULUM,
    "scales": SCALES,
    "levels": LEVELS,
    "online": ONLINE,
    "selected": SELECTED,
}
