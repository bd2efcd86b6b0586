"""Container images to local programs: there is no image on this machine to unpack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heddle.local.errors import CannotRun

_ENVOY = "envoy"
_OWN_INIT = ("heddle/init", "heddle-init")


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The table. `programs` maps names of images, without tag, to what they would start."""

    envoy: Path
    programs: Mapping[str, Sequence[str]]

    def program(
        self, image: str, command: Sequence[str], arguments: Sequence[str]
    ) -> tuple[str, ...]:
        """What a container of `image` runs. Raises `CannotRun` if the image is not in the table."""
        name = image_name(image)
        if name in self.programs:
            return (*(command or self.programs[name]), *arguments)
        if PurePosixPath(name).name.startswith(_ENVOY):
            return (*self._envoy(command), *arguments)
        if name.endswith(_OWN_INIT) and command:
            return (*command, *arguments)
        known = ", ".join(sorted(self.programs))
        raise CannotRun(
            "unknown-image",
            f"no local program stands in for this image; there are {known}, and Envoy",
            value=image,
        )

    def _envoy(self, command: Sequence[str]) -> tuple[str, ...]:
        # The image has it at a path of its own.
        if not command or PurePosixPath(command[0]).name == _ENVOY:
            return (str(self.envoy), *command[1:])
        return tuple(command)


def image_name(image: str) -> str:
    """The image without tag and digest: `heddle-demo/shop` of `heddle-demo/shop:v2@sha256:...`."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
