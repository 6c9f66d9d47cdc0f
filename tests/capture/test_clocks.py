"""When shots were taken, by clocks that were set to another time zone in between."""

from defocus.capture.clocks import comparable_moments
from defocus.pictures.metadata import Exif


def test_moments_are_compared_in_utc_where_all_say_their_clock_s_offset():
    winter = Exif(taken="2026:03:29 01:59:55", offset="+01:00")
    summer = Exif(taken="2026:03:29 03:00:06", offset="+02:00")
    first, second = comparable_moments([winter, summer])
    assert first is not None
    assert second is not None
    assert (second - first).total_seconds() == 11
    silent = Exif(taken="2026:03:29 03:00:09")
    assert comparable_moments([silent, Exif()]) == [silent.moment, None]
    assert comparable_moments([winter, Exif()]) == [winter.instant, None]
    for without in (silent, Exif(taken=silent.taken, offset="+25:99")):
        moments = comparable_moments([winter, without, summer])
        seconds = [one.second for one in moments if one is not None]
        assert seconds == [55, 9, 6]
        assert moments[1].hour == moments[2].hour  # the zone of the nearer clock
    west = Exif(taken="2026:03:29 03:00:06", offset="-03:30")
    assert str(west.instant) == "2026-03-29 06:30:06"
    assert Exif(taken=winter.taken, offset="CET").instant is None
