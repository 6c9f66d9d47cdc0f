"""Richardson-Lucy deconvolution with one disc per picture."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:make",
        Card(
            name="richardson-lucy",
            display_name="Richardson-Lucy",
            kind="classical",
            status="paper",
            source="Richardson, JOSA 62, 1972; Lucy, Astron. J. 79, 1974; acceleration: Biggs, "
            "Andrews, Applied Optics 36, 1997",
            follows="10 accelerated steps in linear light, one disc for the whole picture, its size"
            " fitted to the picture's radial spectrum (ours); mirrored edges, blurry at "
            "saturated pixels",
            licence="ours, MIT",
        ),
    ),
)
