"""A command whose options are the fields of settings models, which load with its first option.

The list of all commands needs none of them, and stays fast."""

import functools
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAlias,
    get_args,
    get_origin,
)

import click

from defocus.command_line.commands import SectionedCommand
from defocus.command_line.numbers import FiniteRange, WholeRange
from defocus.command_line.options import FILE, OneOf
from defocus.command_line.settings_file import SETTINGS_FILE, SettingsFile
from defocus.command_line.where import WhereOption, cluster_option
from defocus.errors import InputError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from defocus.settings import Settings

Models: TypeAlias = "Mapping[str, type[Settings]]"


class SettingsCommand(SectionedCommand):
    """A command whose function gets settings objects.

    Its annotations in quotes are models of the module ``models``, by default ``_settings`` beside
    the function's own. Each field of a model that :func:`defocus.settings.option` makes is an
    option; a wrong value is a :class:`click.UsageError`.

    Examples:
        >>> import click
        >>> from defocus.command_line.settings_command import SettingsCommand
        >>> models = "defocus.benchmark.documents.paper_options"
        >>> @click.command(cls=SettingsCommand, models=models)
        ... def bench_words(options: "PaperOptions"):
        ...     click.echo(options.csv)
        >>> [one.opts[0] for one in bench_words.params if one.name == "out"]
        ['--out']
    """

    _params: list[click.Parameter]
    _is_complete: bool

    def __init__(
        self,
        *,
        models: str = "",
        headings: Sequence[str] = (),
        others: str = "",
        callback: Callable[..., Any],
        **settings: Any,  # noqa: ANN401 - click's
    ) -> None:
        """Options that say no heading are under ``others``."""
        self._others = others
        module = models or f"{callback.__module__.rpartition('.')[0]}._settings"
        self._models = functools.cache(functools.partial(_models_of, callback, module))
        sections: dict[str, list[str]] = {heading: [] for heading in headings}
        super().__init__(
            sections=sections, callback=self._with_models(callback), **settings
        )
        self._sections = sections

    @property
    def params(self) -> list[click.Parameter]:
        """Arguments and options; those of the models follow the declared ones."""
        if not self._is_complete:
            self._is_complete = True
            for option in self._params:
                if isinstance(option, click.Option):
                    self._put_under(self._others, option)
            for model in self._models().values():
                self._add_fields(model)
        return self._params

    @params.setter
    def params(self, params: list[click.Parameter]) -> None:
        # the first are those that were declared
        self._is_complete = hasattr(self, "_params")
        self._params = params

    def format_options(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the options under their headings, or as one list if there are none."""
        kind = SectionedCommand if any(self._sections) else click.Command
        kind.format_options(self, ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; an error of an option that a settings file gave names the file."""
        try:
            return super().invoke(ctx)
        except (click.UsageError, InputError) as error:
            file: SettingsFile | None = ctx.meta.get(SETTINGS_FILE)
            text = error.message if isinstance(error, click.UsageError) else str(error)
            blamed = None if file is None else file.blamed(ctx, text)
            if blamed is None:
                raise
            raise blamed from error

    def _add_fields(self, model: "type[Settings]") -> None:
        heading = self._others
        for name, field in _option_fields(model).items():
            option, own_heading = _option(name, field)
            heading = own_heading or heading
            self._add_option(heading, option)
            if isinstance(option.type, WhereOption) and not option.type.cluster_of:
                self._add_option(heading, cluster_option())

    def _add_option(self, heading: str, option: click.Option) -> None:
        self._put_under(heading, option)
        self._params.append(option)

    def _put_under(self, heading: str, option: click.Option) -> None:
        self._sections.setdefault(heading, []).append(option.opts[0])

    def _with_models(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(callback)
        def called(**typed: Any) -> Any:  # noqa: ANN401 - whatever a command has
            objects = {
                name: _built(model, typed) for name, model in self._models().items()
            }
            typed.pop("settings", None)  # --on has read it
            return callback(**typed, **objects)

        return called


def _models_of(callback: Callable[..., Any], module: str) -> Models:
    """The models of a function's arguments."""
    kinds = callback.__annotations__.items()
    return {
        name: getattr(import_module(module), kind)
        for name, kind in kinds
        if isinstance(kind, str)
    }


def _option_fields(model: "type[Settings]") -> "dict[str, FieldInfo]":
    """The fields of a model that are options."""
    fields = model.model_fields.items()
    return {
        name: field
        for name, field in fields
        if isinstance(field.json_schema_extra, dict)
    }


def _built(model: "type[Settings]", typed: dict[str, Any]) -> "Settings":
    """The settings that were typed, which are taken out of ``typed``."""
    from pydantic import ValidationError

    try:
        return model(**{name: typed.pop(name) for name in _option_fields(model)})
    except ValidationError as error:
        raise click.UsageError(_problem(error)) from error


def _problem(error: Any) -> str:  # noqa: ANN401 - of pydantic, which is not imported here
    from defocus.settings import problem_text

    return problem_text(error.errors()[0])


def _option(name: str, field: "FieldInfo") -> tuple[click.Option, str]:
    """The option of a field, and the heading that begins with it."""
    assert isinstance(field.json_schema_extra, dict)  # noqa: S101 - see _option_fields
    own: dict[str, Any] = {**field.json_schema_extra}
    heading = own.pop("heading")
    typed, _, metavar = own.pop("words").partition(" ")
    settings = {
        "help": field.description,
        "metavar": metavar or None,
        "required": field.is_required(),
        **_kind(field.annotation, field.metadata),
    }
    if not field.is_required():
        shown = bool(field.default) and field.default is not True
        settings |= {"default": field.default, "show_default": shown}
    return click.Option([typed, name], **{**settings, **own}), heading


def _kind(annotation: Any, metadata: Sequence[Any]) -> dict[str, Any]:  # noqa: ANN401 - a type
    """How click reads a type: its class, with its range."""
    from pydantic import BeforeValidator

    inner = [part for part in get_args(annotation) if part is not type(None)]
    if any(isinstance(one, BeforeValidator) for one in metadata):
        return {"type": _Text(Annotated[annotation, *metadata])}
    if get_origin(annotation) is Annotated:
        plain, *annotations = inner
        further = list(metadata)
        for annotation_part in annotations:
            further += getattr(annotation_part, "metadata", [annotation_part])
        return _kind(plain, further)
    if get_origin(annotation) is Literal:
        return {"type": OneOf(inner)}
    if get_origin(annotation) is tuple:
        return {"multiple": True, **_kind(inner[0], metadata)}
    if inner:
        return _kind(inner[0], metadata)  # or None
    if annotation is bool:
        return {"is_flag": True}
    return {"type": _type(annotation, metadata)}


def _type(annotation: type, metadata: Sequence[Any]) -> Any:  # noqa: ANN401 - click's type
    """The type of the field itself, such as a folder, or that of its class."""
    for one in metadata:
        if isinstance(one, click.ParamType):
            return one
    if annotation in (int, float):
        return _number(annotation, metadata)
    return FILE if annotation is Path else annotation


def _number(annotation: type, metadata: Sequence[Any]) -> click.ParamType[Any]:
    """A whole or a finite number, between the limits of the field."""
    limits = {}
    for one in metadata:
        for name in ("ge", "gt", "le", "lt"):
            if hasattr(one, name):
                limits[name] = getattr(one, name)
    kind = WholeRange if annotation is int else FiniteRange
    least = limits.get("ge", limits.get("gt"))
    return kind(
        min=least,
        max=limits.get("le", limits.get("lt")),
        min_open="gt" in limits,
        max_open="lt" in limits,
    )


class _Text(click.ParamType[Any]):
    """A value that the field's own type reads from text, such as 0.5s."""

    name = "text"

    def __init__(self, annotation: Any) -> None:  # noqa: ANN401 - a type
        from pydantic import TypeAdapter

        self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - the field's value
        """The value, if it is right."""
        from pydantic import ValidationError

        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            self.fail(_problem(error), param, ctx)
