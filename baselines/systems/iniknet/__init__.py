"""INIKNet: inverse kernels from networks of coordinates, mixed per pixel."""

from defocus.baselines.card import UNKNOWN, Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:INIKNet",
        Card(
            name="iniknet",
            display_name="INIKNet",
            source="Quan et al., Single Image Defocus Deblurring via Implicit Neural Inverse "
            "Kernels, ICCV 2023; github.com/xinyao240/INIKNet at 10c2a326",
            follows="the released network (BGR inside) and the released training, its loss over "
            "VGG19 included; any size by reflection, where the test script crops to multiples "
            "of 32",
            licence="official code: MIT; weights in the repository, no separate terms; "
            "reimplemented here, MIT",
            published_as="iniknet",
            weights_trained_on=(UNKNOWN,),
        ),
        narrow={"width": 8, "kernels": 5},
        zeroed=("sum",),
    ),
)
