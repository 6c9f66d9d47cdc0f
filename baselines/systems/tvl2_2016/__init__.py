"""Blur map from local contrast and edge gradient, then TV/L2 deconvolution."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:make",
        Card(
            name="tvl2-2016",
            display_name="TV/L2 2016-rebuilt",
            kind="classical",
            status="reconstruction",
            source="CISP-BMEI 2016, doi 10.1109/CISP-BMEI.2016.7852704; no public code",
            follows="known: the abstract's ideas (map from local contrast and edge gradient, guided"
            " filter, TV/L2 by augmented Lagrangian); chosen, as the text is not public: Canny's "
            "edges, blur from gradients at two scales weighted by contrast, 8 blended levels, "
            "mu 2000, 20 iterations on brightness, Wiener's filter on colour for its speed",
            licence="ours, MIT",
        ),
    ),
)
