"""People's judgements as tables, for the terminal and the report."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.statistics.resampling import MINIMUM_SCENES
from defocus.extras.people.agreement import MetricAgreement
from defocus.extras.people.answers import Judged
from defocus.progress import counted
from defocus.reports.model import Column, Measured, Table


def strengths_table(result: Judged, name: Callable[[str], str] = str) -> Table:
    """Strength of each system with its interval, and how often its content looks invented."""
    said = f"By {counted(len(result.judges), 'judge')}, {counted(result.judgements, 'judgement')}"
    columns = (
        "System",
        Column("Strength", "", "higher", 2, bar=True),
        Column("Judgements", decimals=0),
        Column("Invented", "%", "lower", 1),
    )
    rows = []
    for one in result.strengths:
        strength = Measured(one.value, (one.low, one.high))
        invented = 100 * result.invented.get(one.system, 0.0)
        rows.append((name(one.system), strength, float(one.judgements), invented))
    note = (
        "Strength: logarithm of the odds to be preferred to a system of mean strength (Bradley and "
        "Terry), with 95 % intervals. Invented: of a system's showings, those in which a person "
        "marked its content as invented."
    )
    return Table.of(said, columns, rows, note)


def judged_words(result: Judged) -> list[str]:
    """Who was left out, and how far people agree, in sentences."""
    said = [
        f"{name} is left out: right in {share:.0%} of the catch trials."
        for name, share in result.left_out.items()
    ]
    agreed = {
        "with themselves in {:.0%} of the questions that were asked again": result.with_themselves,
        "with each other in {:.0%} of those that two answered": result.with_others,
    }
    shares = [
        words.format(share) for words, share in agreed.items() if share is not None
    ]
    return [*said, f"People agree {' and '.join(shares)}."] if shares else said


def metrics_tables(agreements: Sequence[MetricAgreement]) -> tuple[Table, ...]:
    """Rank correlation of each metric with people, the best first; a table for each dataset."""
    by_dataset: dict[tuple[str, str], list[MetricAgreement]] = defaultdict(list)
    for one in agreements:
        by_dataset[one.dataset, one.profile].append(one)
    return tuple(
        _metrics_table(*on, by_metric) for on, by_metric in sorted(by_dataset.items())
    )


def _metrics_table(
    dataset: str,
    profile: str,
    agreements: Sequence[MetricAgreement],
) -> Table:
    """A row a metric, a column a protocol."""
    # the highest correlation is first, so metrics are in that order
    by_metric: dict[str, dict[str, MetricAgreement]] = defaultdict(dict)
    for one in agreements:
        by_metric[one.metric][one.protocol] = one
    protocols = _in_order_of_tables({one.protocol for one in agreements})
    many = max((one.systems for one in agreements), default=0)
    rows = []
    for metric, by_protocol in by_metric.items():
        known = {name: _cell(one) for name, one in by_protocol.items()}
        cells = map(known.get, protocols)
        rows.append((all_metrics()[metric].display_name, *cells))
    return Table.of(
        f"How far metrics order systems as people do: {dataset}, profile {profile}",
        ("Metric", *(Column(p, better="higher", decimals=2) for p in protocols)),
        rows,
        f"Kendall's rank correlation of means with people's strengths, over {many} systems: 1 is "
        "the same order, −1 the opposite one. Few systems give few possible values. Intervals, "
        "95 %, are of resampled scenes and of people's strengths within theirs; with fewer than "
        f"{MINIMUM_SCENES} scenes there are none.",
    )


def _in_order_of_tables(protocols: Iterable[str]) -> list[str]:
    """Protocols in the order of tables, then others."""
    return sorted(
        protocols,
        key=lambda p: (p not in PROTOCOL_ORDER, (*PROTOCOL_ORDER, p).index(p)),
    )


def _cell(one: MetricAgreement) -> Measured:
    if one.low is None or one.high is None:
        return Measured(one.correlation)
    return Measured(one.correlation, (one.low, one.high))
