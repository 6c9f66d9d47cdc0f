"""The sub-command ``cameras``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of, json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.commands._settings import CamerasSettings


class _CamerasCommand(SettingsCommand):
    """A command whose help ends with the addresses that extras, packages and plug-ins bring."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write a line for each of their schemes."""
        from defocus.capture.links.back_ends import brought_schemes

        if lines := [(f"{scheme}:", words) for scheme, words in brought_schemes()]:
            with formatter.section("Further addresses"):
                formatter.write_dl(lines)


@help_heading("Prepare")
@click.command(name="cameras", cls=_CamerasCommand)
def command(settings: "CamerasSettings") -> None:
    """List the cameras that can be used now.

    \b
    Addresses that --camera takes:
      gphoto2:                   the only camera on USB
      gphoto2:serial=0123        the camera with that serial number
      gphoto2:usb:001,004        the camera at that port
      gphoto2:virtual=FOLDER     libgphoto2's virtual camera, delivers FOLDER's first JPEG
      folder:PATH                any camera whose own program writes its pictures to PATH
      command:rig.toml           a camera controlled by your own programs
      sim:?seed=1&shift=3        a rendered scene, with its true flow beside the pair
    Those of extras, other packages and plug-in files are at the end.

    \b
    Options of sim: (all may be left out)
      seed=0             everything random follows from it
      scene=shapes       shapes, steps or wall; chart with the extra 'charts'
      breathing=0        largest change of magnification at the second shot, 0.01 = 1 %
      shift=0            largest shift of the second shot, px
      rotation=0         largest rotation of the second shot, degrees
      noise=1            sensor noise; 0 = none
      exposure_error=0   largest unplanned exposure difference, EV
      stop_error=0       excess light through the diaphragm at f/22, EV
      motion=0           how far the nearest object moves after the first shot, px
      speed=0            how fast it moves otherwise, px per second
      vignetting=0       loss of light in the corners at f/1.4, EV
      dust=0             specks on the sensor
      warmth=0           more red and less blue in the light, a fraction
      diffraction=0      size of the Airy disc over the true one
      travel=90          steps of the focus motor to either end
      backlash=6         steps lost after a change of direction
      focus_breathing=1  magnification by the focus motor over that of a thin lens
      chart=0            steps of the focus motor to the chart of 'calibrate focus'
      latency=0          from the order to the release, seconds
      offset=0           how far a second camera looks to the side, px
      mirror=0           1 = through a mirror
      profile=plain      brand whose setting names it uses: plain, canon, nikon, ipcam
      buffer=0           shots that it holds before it is busy; 0 = any number
      drain=0.5          time in which a shot leaves the buffer, seconds
      sleep=0            idle time after which it falls asleep, seconds; 0 = never
      fault=             a fault on purpose, NAME[=VALUE][@SHOT]; may be repeated, as in
                         fault=ev=0.5@2&fault=motion; shots count from 1, also in 'resume'
      width=640 height=480

    \b
    Faults of sim: that show in the pictures:
      ev=0.5            more light, EV
      shift=3,1         the camera moves to the right and down, px
      zoom[=1.01]       other magnification
      motion[=3]        the nearest object moves to the right, px
      wb-drift[=0.06]   more red and less blue
      dust[=5]          specks fall on the sensor and stay
      clip[=3]          a reflection
      af-hunt[=-40]     autofocus moves the lens, steps
      stuck-aperture    the diaphragm stays where it was
      wrong-aperture    EXIF says another aperture
      clock-jump[=3600] the camera's clock jumps, s
      duplicate-frame   the file of the previous shot again
      truncated         half a file

    \b
    Faults of camera and computer:
      busy[=2] timeout[=0.5] slow[=2] unplug store-full crash disk-full

    Folders and commands cannot be found, so they are not listed. Check one with 'doctor --camera
    URI'.

    Tested on libgphoto2's virtual camera and on the simulated camera; nothing was tried on a real
    camera body.
    """  # noqa: D301 - click's mark for a paragraph to leave alone is the backspace character
    from defocus.capture.links.back_ends import discover_cameras

    if settings.as_json:
        with json_output() as out:
            out.write(documents_of(discover_cameras()))
        return
    for camera in discover_cameras():
        can = ", ".join(camera.capabilities)
        details = [camera.model, camera.lens, camera.battery, can, camera.problem]
        click.echo(f"{camera.uri:30} " + ", ".join(filter(None, details)))
