"""Names of the flow estimators, for those who must not wait for torch."""

__all__ = ["DEFAULT_ESTIMATOR", "ESTIMATORS"]

ESTIMATORS = ("dis", "pwcnet")
"""Names that :func:`defocus.align.flow.flow_estimator` accepts."""

DEFAULT_ESTIMATOR = "dis"
"""The one that is used where none is named: the best on the truth set's choosing split."""
