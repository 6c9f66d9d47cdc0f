import numpy as np

from defocus.scene.sensor import Sensor, exposed, normal_numbers, seed_of


def test_noise_has_the_variance_of_photons_and_of_reading():
    sensor = Sensor(full_well_e=10000.0, read_noise_e=5.0)
    recorded = exposed(np.full((400, 400, 3), 0.2), sensor, 1, gain_ev=0.5)
    light = 0.2 * 2.0**0.5
    assert abs(recorded.mean() - light) < 2e-5
    assert abs(recorded.var() / (light / 1e4 + (5e-4) ** 2) - 1.0) < 0.02


def test_black_and_white_clip():
    assert exposed(np.full((4, 4, 3), 3.0), Sensor(), 1).max() == 1.0
    assert exposed(np.zeros((9, 9, 3)), Sensor(), 1).min() == 0.0


def test_random_numbers_are_these_on_every_machine():
    # Fixed by the raw stream of PCG64 and the normal distribution; no library may change them.
    expected = [0.85962797, 0.87033305, 0.03842494]
    assert np.allclose(normal_numbers((3,), 5), expected, atol=1e-8)
    assert seed_of("a", "b") != seed_of("ab") != seed_of("a", "", "b")
