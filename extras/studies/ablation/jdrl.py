"""Lines of JDRL's ablation. Source: JDRL (AAAI 2023), Table 4."""

from defocus.extras.studies.ablation.ablation import Ablation, AblationLine

JDRL = Ablation(
    name="JDRL",
    lines=(
        AblationLine("1 plain loss", "unet", "jdrl-ablation-1"),
        AblationLine(
            "2 without deformation",
            "jdrl-unet-no-deformation",
            "jdrl-ablation-2",
        ),
        AblationLine("3 without mask", "jdrl-unet-no-mask", "jdrl-ablation-3"),
        AblationLine(
            "4 without reblurring",
            "jdrl-unet-no-reblurring",
            "jdrl-ablation-4",
        ),
        AblationLine("5 free kernels", "jdrl-unet-free-kernels", "jdrl-ablation-5"),
        AblationLine("6 one kernel", "jdrl-unet-single-kernel", "jdrl-ablation-6"),
        AblationLine("JDRL", "jdrl-unet", "jdrl-ablation-final"),
    ),
    # A flow that is checked forwards and backwards; and what a network that changes nothing has,
    # without which a difference between two losses does not show whether either of them deblurs.
    extra=(
        AblationLine("JDRL, consistent flow", "jdrl-unet-consistency"),
        AblationLine(
            "JDRL, mask as released",
            "jdrl-unet",
            settings={"mask": "official"},
        ),
        AblationLine(
            "JDRL, PWC-Net flow",
            "jdrl-unet",
            settings={"estimator": "pwcnet"},
        ),
        AblationLine("blurry input", "input"),
    ),
    # Our own way to train on misaligned pairs, and JDRL after it.
    rivals=(
        AblationLine("registered pairs", "registered-unet"),
        AblationLine(
            "registered, refined",
            "registered-unet",
            settings={"refined": True},
        ),
        AblationLine("JDRL on registered pairs", "jdrl-unet-registered"),
    ),
    # The plain loss on pairs that were aligned before, and on true ones: as much as any alignment
    # could give.
    controls=(
        AblationLine("control: pre-aligned pairs", "unet-prealigned"),
        AblationLine("control: true pairs", "unet-truth"),
    ),
    # Where JDRL could be better: each changes one part. And pairs that are registered by the local
    # flow too, which is measured once, between members of equal blur, both ways.
    candidates=(
        AblationLine(
            "JDRL, true flow",
            "jdrl-unet",
            settings={"flow": "true", "mask": "none"},
            variant="true-flow",
        ),
        AblationLine(
            "JDRL, reblurring first",
            "jdrl-unet",
            settings={"reblur_epochs": 50.0},
        ),
        AblationLine(
            "JDRL, reblurring learned on targets",
            "jdrl-unet",
            settings={"reblur_epochs": 50.0, "reblur_alone": "target"},
            variant="reblurring-on-targets",
        ),
        AblationLine(
            "JDRL, thin-lens reblurring",
            "jdrl-unet",
            settings={"kernels": "thin-lens"},
        ),
        AblationLine(
            "JDRL, thin-lens reblurring, measured",
            "jdrl-unet",
            settings={"kernels": "thin-lens-measured"},
        ),
        AblationLine(  # half as many terms of deformation: half the weight of the reblurring
            "JDRL, output deformed",
            "jdrl-unet",
            settings={"deformation": "output", "alpha": 0.25},
            variant="output-deformed",
        ),
        AblationLine(
            "JDRL, small flow first",
            "jdrl-unet",
            settings={"curriculum_px": 0.5},
        ),
        AblationLine(
            "robust loss",
            "unet",
            settings={"terms": [{"loss": "geman_mcclure"}]},
            variant="geman-mcclure",
        ),
        AblationLine(
            "registered by flow",
            "registered-unet",
            variant="flow",
            target="registered-flow",
        ),
        AblationLine(
            "registered by flow, refined",
            "registered-unet",
            settings={"refined": True},
            variant="flow-refined",
            target="registered-flow",
        ),
        AblationLine(
            "registered by flow, masked",
            "registered-unet",
            settings={"masked": True},
            variant="flow-masked",
        ),
    ),
    dataset="sdd-test",
    protocol="deformed-gt",
    # channels of the reblurring network; the paper's has 64
    narrow_settings={"features": 16},
)
